"""ECUs none of whose answers is wrong, though something else is; and sound ECUs that do the same for good reasons."""

import sys
from dataclasses import replace
from pathlib import Path

from harness.ecu.ecu_node import UdsNode
from harness.ecu.profiles import HARDENED
from harness.ecu.rules import EcuDied
from harness.ecu.server import Server
from harness.simulation.node import Port
from harness.target.user_code import load_file

made = load_file(Path(__file__).with_name("flawed.py"), "oracle_nodes.py")
Answers, Flawed, flawed = made.Answers, made.Flawed, made.flawed
node = made.node

PROVOKED = b"\x22\x10\x10\x77"
"""A read with one byte too many, which the sound ECU refuses with 13."""


# How long answers take


def working(work_of: dict[bytes, float]) -> UdsNode:
    """Make an ECU that works for some time on requests with this beginning before it answers like the sound ECU."""

    class Ecu(Server):
        def answer(self, pdu: bytes, *, is_functional: bool = False) -> list[bytes]:
            answers = super().answer(pdu, is_functional=is_functional)
            self.work_s = work_of.get(pdu[:4], work_of.get(pdu[:1], 0.0))
            return answers

    return node(Ecu)


def refuses_one_read_slowly() -> UdsNode:
    """One refusal takes 40 ms, all others take no time."""
    return working({PROVOKED: 0.04})


def refuses_one_read_too_late() -> UdsNode:
    """One refusal takes 300 ms, more than P2, and no response pending comes before."""
    return working({PROVOKED: 0.3})


def computes_keys_and_stores_slowly() -> UdsNode:
    """Sound: each key and each write takes at least 40 ms."""
    return working({b"\x2e": 0.04, b"\x27": 0.045})


# Which session it keeps


@flawed
def restarts_between_two_requests(ecu: Server, pdu: bytes) -> Answers:
    """One read restarts the ECU, so quickly that its silence is not noticed."""
    if pdu == PROVOKED:
        ecu.power_cycle()
        ecu.state.ready_s = 0.0
        return [b"\x7f\x22\x13"]
    return None


@flawed
def ends_the_session_after_a_wrong_key(ecu: Server, pdu: bytes) -> Answers:
    """Sound: a wrong key ends the session."""
    answers = Server.answer(ecu, pdu)
    if answers and answers[0][:2] == b"\x7f\x27" and len(pdu) > 2:
        ecu.power_cycle()
        ecu.state.ready_s = 0.0
    return answers


# What it sends unasked


class _Talks(UdsNode):
    """A server that sends a message every 50 ms once it was provoked, until its power is cut."""

    provoked_by = PROVOKED
    is_talking = False

    def attach(self, port: Port) -> None:
        super().attach(port)
        self.is_talking = False

    def power_cycle(self) -> None:
        super().power_cycle()
        self.is_talking = False

    def look(self, pdu: bytes) -> None:
        if pdu[:4] == self.provoked_by and not self.is_talking:
            self.is_talking = True
            self.port.call_later(0.05, self._talk)

    def _talk(self) -> None:
        if self.is_talking:
            self.transmit(b"\x6a\x01")
            self.port.call_later(0.05, self._talk)


class _Provoked(Server):
    owner: _Talks

    def answer(self, pdu: bytes, *, is_functional: bool = False) -> list[bytes]:
        self.owner.look(pdu)
        return super().answer(pdu, is_functional=is_functional)


def _talking(kind: type[_Talks]) -> UdsNode:
    server = _Provoked(HARDENED)
    server.owner = kind(server)
    return server.owner


def talks_once_provoked() -> UdsNode:
    return _talking(_Talks)


class _TalksWhenAsked(_Talks):
    provoked_by = b"\x2a\x01\x10\x10"


def talks_when_asked() -> UdsNode:
    """Sound: the ECU sends periodic messages because 2A requested them."""
    return _talking(_TalksWhenAsked)


# What it prints


class _Prints(Flawed):
    said = "ASSERT dcm.c:412 failed"
    provoked_by = PROVOKED

    def flawed_answers(self, pdu: bytes) -> list[bytes] | None:
        if pdu[: len(self.provoked_by)] == self.provoked_by:
            print(self.said)
        return None


def prints_a_failed_assertion() -> UdsNode:
    return node(_Prints)


class _Chatty(_Prints):
    said = "dcm: 22 rx, 0 faults, watchdog fed, assertions on"
    provoked_by = b""

    def flawed_answers(self, pdu: bytes) -> list[bytes] | None:
        if len(pdu) > 40:
            print(f"dcm: truncated to 40 of {len(pdu)} bytes")
        return super().flawed_answers(pdu)

    def power_cycle(self) -> None:
        super().power_cycle()
        print("boot: last reset by watchdog timeout, 12 ms", file=sys.stderr)


def prints_a_lot() -> UdsNode:
    """Sound: the ECU prints a line for each request, and one about an earlier restart whenever it starts."""
    return node(_Chatty)


# How much memory it uses


class _Leaks(Flawed):
    """A server that keeps 32 bytes of each wrong read; its memory in use is written where `[observe] memory` looks."""

    file = ""
    used = 50_000
    grows_by = 32
    provoked_by = PROVOKED

    def power_cycle(self) -> None:
        super().power_cycle()
        self.used = 50_000

    def flawed_answers(self, pdu: bytes) -> list[bytes] | None:
        if pdu[: len(self.provoked_by)] == self.provoked_by:
            self.used += self.grows_by
        with open(self.file, "w", encoding="ascii") as file:
            file.write(f"{self.used} bytes in use\n")
        return None


class _Varies(_Leaks):
    """Sound: the memory in use goes up and down, whatever is requested."""

    provoked_by = b""

    def flawed_answers(self, pdu: bytes) -> list[bytes] | None:
        self.grows_by = (self.used * 7919) % 97 - 48
        return super().flawed_answers(pdu)


def leaking(file: str, *, is_sound: bool = False) -> UdsNode:
    made = (_Varies if is_sound else _Leaks)(replace(HARDENED))
    made.file = file
    return UdsNode(made)


# How it restarts, and dies


class _DiesLater(Flawed):
    """A server that counts the requests after a wrong read, until its power is cut."""

    left = 0

    def power_cycle(self) -> None:
        super().power_cycle()
        self.left = 0

    def flawed_answers(self, pdu: bytes) -> list[bytes] | None:
        if self.left == 1:
            raise EcuDied("what was freed is used")
        if self.left:
            self.left -= 1
        elif pdu[0] == 0x22 and len(pdu) == 9:
            self.left = 40
        return None


def dies_forty_requests_later() -> UdsNode:
    """A read of four identifiers frees memory that is used forty requests later, which kills the ECU. It starts in two
    seconds.
    """
    return UdsNode(_DiesLater(replace(HARDENED, boot_s=2.0)))


def starts_slowly() -> UdsNode:
    """Sound: the ECU takes two seconds to start."""
    return UdsNode(Server(replace(HARDENED, boot_s=2.0)))


@flawed
def restarts_in_half_a_second(ecu: Server, pdu: bytes) -> Answers:
    """One read makes the watchdog restart the ECU within half a second."""
    if pdu == PROVOKED:
        ecu.power_cycle()
        ecu.state.ready_s = ecu.now_s + 0.5
        return []
    return None
