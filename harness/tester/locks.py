"""Tell whether a lock of an ECU is open: by a guarded write, by another guarded effect, or by its seeds.

An effect counts only if it was refused while the level was locked and has worked while it was open.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from harness.errors import Inconclusive
from harness.target import DataEntry
from harness.tester.reply import Reply
from harness.tester.tester import Tester
from harness.uds import Nrc, Service, Session, read_memory, write_data

MOST_AREAS = 2
_WRITE_ORDER = (Nrc.INCORRECT_MESSAGE_LENGTH, Nrc.REQUEST_OUT_OF_RANGE)
"""Codes with which an open level refuses a write of the wrong length."""


@dataclass(frozen=True, slots=True)
class Look:
    """The result of looking at a lock."""

    is_open: bool | None
    """Whether the lock is open; None if that is unknown."""
    words: str
    reply: Reply


@dataclass(frozen=True, slots=True)
class Teller:
    """One way to tell in the ECU's present session whether a lock is open."""

    name: str
    look: Callable[[], Look]


@dataclass(frozen=True, slots=True)
class Lock:
    """A security level, or readable data that it guards."""

    level: int
    data: DataEntry | None = None

    def __str__(self) -> str:
        return f"level 0x{self.level:02X}" if self.data is None else f"DID {self.data.did:04X}"


def locks_of(tester: Tester) -> list[Lock]:
    """Return each data record on which a write and its effect can be tried, and each level that guards none."""
    found = []
    if tester.allows("write"):
        found = [Lock(entry.write.level, entry) for entry in tester.access.protected() if entry.write.level is not None]
    shown = {lock.level for lock in found}
    return [*found, *(Lock(entry.level) for entry in tester.target.security if entry.level not in shown)]


def teller(tester: Tester, lock: Lock, sessions: Iterable[int | None], *, may_be_open: bool = False) -> Teller:
    """Return a way to look at a lock that was seen to tell locked from open; lock the ECU afterwards.

    The locked lock is looked at in each of the sessions, and in the level's own. With `may_be_open` it is enough that the
    ECU refused the write earlier in the run, before it was unlocked. Raises Inconclusive if nothing tells open from locked,
    the ECU is open already, or the level cannot be opened.
    """
    if lock.data is not None:
        was_seen = may_be_open and tester.state.has_unlocked and tester.state.was_seen_locked(lock.data.did)
        return _teller_by_data(tester, lock.data, None if was_seen else sessions)
    visited = dict.fromkeys((Session.DEFAULT, *sessions)) if tester.has_sessions else {}
    refused = list(_others(tester, lock.level))
    for session in visited:
        if session is not None and tester.enter_session(session).is_positive:
            tester.await_life()
            refused = [one for one in refused if one.look().is_open is not True]
    tester.session_for(lock.level)
    refused = [one for one in refused if one.look().is_open is False]
    tester.security.unlock(lock.level)
    telling = next((one for one in refused if one.look().is_open), None)
    if tester.access.can_relock:
        tester.access.lock()
    if telling is None:
        raise Inconclusive(
            f"nothing tells whether level 0x{lock.level:02X} is open: no effect that it is declared to guard was refused "
            "before and works now, and its seed is not zero either"
        )
    tester.note(f"whether level 0x{lock.level:02X} is open is told by {telling.name}")
    return telling


def _teller_by_data(tester: Tester, entry: DataEntry, sessions: Iterable[int | None] | None) -> Teller:
    """Return a teller that writes the data and reads it back; `sessions` is None if the ECU refused the write before."""
    if sessions is not None:
        tester.access.require_locked(entry, by_refusal=True)
        entered: dict[int | None, None] = (
            dict.fromkeys((Session.DEFAULT, *sessions)) if tester.has_sessions else {None: None}
        )
        for session in entered:
            if session is not None:
                tester.enter_session(session)
                tester.await_life()
            effect = tester.access.write_effect(entry)
            if effect.is_changed:
                raise Inconclusive(f"DID {entry.did:04X} is not protected while locked either: it shows no lock ({effect})")

    def look() -> Look:
        effect = tester.access.write_effect(entry)
        is_open = True if effect.is_changed else False if effect.reply.is_negative else None
        return Look(is_open, str(effect), effect.reply)

    return Teller(f"writing DID {entry.did:04X}", look)


def tellers_by_memory(tester: Tester, level: int) -> list[Teller]:
    """Return ways to tell whether guarded memory is open: its content, read with the level open, is written again.

    The ECU is locked afterwards. Raises Inconclusive if the level cannot be opened.
    """
    areas = [area for area in tester.target.memory if area.needs.level == level and area.origin == "declared"]
    if not areas or not tester.access.can_relock or not tester.permits(bytes((Service.WRITE_MEMORY_BY_ADDRESS,))):
        return []
    tester.security.unlock(level)
    found = []
    for area in areas[:MOST_AREAS]:
        content = tester.request(read_memory(area.span.first))
        if not content.is_positive or len(content.pdu) < 2:
            continue
        where = read_memory(area.span.first)[1:]
        pdu = bytes((Service.WRITE_MEMORY_BY_ADDRESS,)) + where + content.pdu[1:]
        if tester.request(pdu).is_positive:
            name = f"writing memory at 0x{area.span.first:X}"
            found.append(Teller(name, lambda pdu=pdu: _by_answer(tester.request(pdu))))  # type: ignore[misc]
    tester.access.lock()
    tester.session_for(level)
    return [one for one in found if one.look().is_open is False]


def _others(tester: Tester, level: int) -> Iterator[Teller]:
    """Yield the level's tellers without a write that succeeds: harmless effects, too long writes, and last its seeds."""
    for effect in tester.security.unlock_effects.of(level):
        yield Teller(effect.name, lambda ask=effect.ask: _by_answer(ask()))  # type: ignore[misc]
    for entry in tester.target.data if tester.allows("write") else ():
        if entry.write.level == level and entry.length is not None:
            too_long = write_data(entry.did, bytes(entry.length + 1))
            name = f"the refusal of a write of DID {entry.did:04X} that is too long"
            yield Teller(name, lambda pdu=too_long: _by_order(tester.request(pdu)))  # type: ignore[misc]
    yield Teller("its seed, which is zero while it is open", lambda: _by_seed(tester.security.request_seed(level)))


def _by_answer(reply: Reply) -> Look:
    """Judge by whether the ECU granted or refused the effect."""
    return Look(True if reply.is_positive else False if reply.is_negative else None, str(reply), reply)


def _by_order(reply: Reply) -> Look:
    """Judge by the code of a refused write: a locked ECU names the missing level, an open one the wrong length."""
    if reply.is_refused_with(Nrc.SECURITY_ACCESS_DENIED):
        return Look(False, str(reply), reply)
    return Look(True if reply.is_refused_with(*_WRITE_ORDER) else None, str(reply), reply)


def _by_seed(reply: Reply) -> Look:
    """Judge by the seed: an open level gives zeros, a locked level any other seed or a refusal."""
    if reply.request[0] == Service.SECURITY_ACCESS and reply.is_positive and len(reply.pdu) > 2:
        return Look(not any(reply.pdu[2:]), str(reply), reply)
    return Look(False if reply.is_negative else None, str(reply), reply)
