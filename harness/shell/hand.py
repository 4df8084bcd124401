"""Send to one ECU what a person wants and nothing else, under the permissions and the ledger of an audit."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from harness.audit.opening import open_as
from harness.link.bus import Link
from harness.link.clock import Chance
from harness.link.trace import Trace
from harness.target import PERMISSIONS, Target
from harness.tester.client import Client
from harness.tester.keys import KeyFunction
from harness.tester.ledger import Ledger, ledger_path
from harness.tester.reply import RawReply, Reply
from harness.tester.security import SecurityAccess
from harness.tester.unlock_effects import UnlockEffect, UnlockEffects


class Listener(Protocol):
    """An object that is told of everything that is sent and received."""

    def sends(self, pdu: bytes) -> None:
        """Note that a message is about to be sent."""

    def hears(self, reply: Reply) -> None:
        """Note the reply to the message, which may be silence."""

    def hears_frames(self, reply: RawReply) -> None:
        """Note that raw frames were sent; `reply` holds the frames that followed them."""


class _NoUnlockEffects(UnlockEffects):
    """An empty set of effects, so that nothing is sent to tell whether a level is open: the person did not ask for that."""

    def of(self, level: int) -> list[UnlockEffect]:
        return []


class HandTester(Client):
    """A tester that does not wait, restore or observe anything unless the person wants it."""

    listener: Listener | None = None

    def __init__(
        self, link: Link, target: Target, *, chance: Chance, keys: Mapping[int, KeyFunction | None], ledger: Ledger
    ) -> None:
        super().__init__(link, target, chance=chance)
        self.security = SecurityAccess(self, keys, ledger)
        self.security.unlock_effects = _NoUnlockEffects(self)
        can_relock = self.has_sessions or target.reset.uds is not None
        self.security.right_key_must_come_first = can_relock and not target.is_simulated
        self.gate.raw_needs = frozenset(PERMISSIONS)

    def _has_entered(self, session: int) -> None:
        """Do nothing, where other testers find out whether the ECU restarts on leaving a session."""

    def _exchange(self, pdu: bytes, is_functional: bool, wait_s: float) -> Reply:
        if self.listener is not None:
            self.listener.sends(pdu)
        reply = super()._exchange(pdu, is_functional, wait_s)
        if self.listener is not None:
            self.listener.hears(reply)
        return reply

    def _raw_heard(self, reply: RawReply, listen_s: float) -> None:
        if self.listener is not None:
            self.listener.hears_frames(reply)


@contextmanager
def opened_by_hand(target: Target, *, seed: int, reports: Path = Path("reports")) -> Iterator[HandTester]:
    """Open a tester on the target's bus, and close the bus at the end. Raises UserError as `open_as`."""
    tester = open_as(HandTester, target, seed=seed, trace=Trace(), ledger_path=ledger_path(target, reports))
    try:
        yield tester
    finally:
        tester.link.close()
