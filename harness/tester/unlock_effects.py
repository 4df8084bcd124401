"""Tell by effects whether a security level is open: by guarded data, memory, routines and services that the target declares.

An answer to a key is only a claim. The proof is an effect that the ECU permits while the level is open, and refuses while it
is locked.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from harness.target import DataEntry
from harness.tester.client import Client
from harness.tester.reply import Reply
from harness.uds import Nrc, Service, read_memory

HARMLESS_REQUESTS = {Service.COMMUNICATION_CONTROL: b"\x28\x00\x01", Service.CONTROL_DTC_SETTING: b"\x85\x01"}
"""By service, a request that needs the level but does no harm: it sets a value that is in force already."""


@dataclass(frozen=True, slots=True)
class UnlockEffect:
    """One thing that the ECU does only while a level is open."""

    name: str
    """A name of the effect, e.g. ``reading DID 0305``."""
    level: int
    is_declared: bool
    """Whether a person has declared that the effect needs this level; else a refusal has led to this conclusion."""
    ask: Callable[[], Reply]
    """Request the effect, in the ECU's present session."""


class UnlockEffects:
    """Tries effects that tell open from locked, and remembers what each effect has shown."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def of(self, level: int) -> list[UnlockEffect]:
        """Return the effects that may be requested and need the level, by declaration or as found; reads come first."""
        return [*self._reading(level), *self._writing(level), *self._running(level), *self._serving(level)]

    def is_open(self, level: int, *, says_so: bool = False) -> bool | None:
        """Whether the level is open, in the ECU's present session; None if no effect tells.

        An effect that works proves an open level if the same effect was refused before, or with `says_so` (the ECU has
        already answered as if open). An effect that is refused proves a locked level if it is declared to need the level and
        is refused with 0x33, or if it has worked with the level open.
        """
        found = None
        for effect in self.of(level):
            opinion = self._opinion(effect, says_so=says_so)
            if opinion:
                return True
            found = opinion if opinion is not None else found
        return found

    def look(self, level: int) -> None:
        """Request the effects before the level is opened for the first time, to see them refused.

        Only after a refusal does a later success prove that the level is open.
        """
        for effect in self.of(level):
            if not self._client.state.has_refused(effect.name):
                self._ask(effect)

    def _opinion(self, effect: UnlockEffect, *, says_so: bool) -> bool | None:
        state = self._client.state
        was_refused, was_granted = state.has_refused(effect.name), state.has_granted(effect.name)
        reply = self._ask(effect)
        if reply.is_positive:
            return True if was_refused or says_so else None
        is_for_want_of_level = reply.is_refused_with(Nrc.SECURITY_ACCESS_DENIED) and effect.is_declared
        return False if is_for_want_of_level or (reply.is_negative and was_granted) else None

    def _ask(self, effect: UnlockEffect) -> Reply:
        reply = effect.ask()
        if reply.is_positive or reply.is_negative:
            self._client.state.hear_effect(effect.name, is_granted=reply.is_positive)
        return reply

    def _reading(self, level: int) -> Iterator[UnlockEffect]:
        client = self._client
        for entry in client.target.data:
            if entry.read.level == level:
                name = f"reading DID {entry.did:04X}"
                yield UnlockEffect(name, level, entry.origin == "declared", partial(client.read_reply, entry.did))
        for area in client.target.memory:
            request = read_memory(area.span.first)
            if area.needs.level == level and client.permits(request):
                name = f"reading memory at 0x{area.span.first:X}"
                yield UnlockEffect(name, level, area.origin == "declared", partial(client.request, request))

    def _writing(self, level: int) -> Iterator[UnlockEffect]:
        client = self._client
        for entry in client.target.data:
            is_readable = entry.read.kind == "open" and not entry.volatile
            if entry.write.level == level and is_readable and client.permits(bytes((Service.WRITE_DATA_BY_IDENTIFIER,))):
                name = f"writing DID {entry.did:04X}"
                yield UnlockEffect(name, level, entry.origin == "declared", partial(self._write_back, entry))

    def _write_back(self, entry: DataEntry) -> Reply:
        value = self._client.read_reply(entry.did)
        return self._client.write(entry.did, value.pdu[3:]) if value.is_positive else value

    def _running(self, level: int) -> Iterator[UnlockEffect]:
        client = self._client
        for routine in client.target.routines:
            request = b"\x31\x01" + routine.span.first.to_bytes(2, "big")
            if routine.needs.level == level and routine.safe and client.permits(request):
                name = f"starting routine {routine.span.first:04X}"
                yield UnlockEffect(name, level, routine.origin == "declared", partial(client.request, request))

    def _serving(self, level: int) -> Iterator[UnlockEffect]:
        client = self._client
        for service in client.target.services:
            for sid, request in HARMLESS_REQUESTS.items():
                if service.needs.level == level and sid in service.span and client.permits(request):
                    name = f"service 0x{sid:02X} as it is in force"
                    yield UnlockEffect(name, level, service.origin == "declared", partial(client.request, request))
