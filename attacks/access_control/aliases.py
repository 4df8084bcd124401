"""Request protected content under another name: define an alias, read it, have it sent periodically, clear it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from attacks.access_control.memory_requests import NAMED, USUAL, guarded_places, read_memory
from harness import Nrc, Reply, Service, Tester

READ_ALIASES, PERIODIC_ALIASES = (0xF300, 0xF301, 0xF3FF), (0xF2A7, 0xF200, 0xF201, 0xF2FF)
"""Identifiers that ISO 14229-1 reserves for dynamic definition; service 2A names those of F2xx by their last byte."""

RATES, STOP_SENDING = (0x01, 0x02, 0x03), 0x04
PERIODIC = range(0xF200, 0xF300)
PERIODIC_BYTES = 6
"""How many bytes of content one frame of periodic data holds."""

SENDING_S = 1.5
FROM_IDENTIFIER, FROM_MEMORY, CLEAR = 0x01, 0x02, 0x03


@dataclass(frozen=True, eq=False)
class Source:
    """Content that only a level may read, and the ways to define an alias for it."""

    name: str
    level: int
    definitions: tuple[Callable[[int], bytes], ...]
    """Functions from a number of bytes to the part of a 2C request that names so many first bytes of the content.

    That part begins with the kind of definition.
    """
    size: int
    read: Callable[[], bytes]
    """Function that reads the content with the level unlocked; it returns no bytes if the ECU gives no content."""
    did: int = -1
    """The data identifier; -1 if the content is memory."""


@dataclass
class AliasAnswers:
    """The answers to definitions of aliases, and the content that the ECU gave by aliases."""

    definitions: list[Reply] = field(default_factory=list)
    delivered: list[tuple[Reply, bytes]] = field(default_factory=list)


def sources(tester: Tester) -> list[Source]:
    """Return the declared data and memory that only a level may read."""
    found = []
    for entry in tester.target.data:
        if entry.read.level is not None:
            found.append(data_source(tester, entry.did, entry.read.level, min(entry.length or 1, 0xFF)))
    for place in guarded_places(tester):
        if place.level is not None:
            found.append(memory_source(tester, place.address, place.level, min(place.size, 0x10)))
    return found


def data_source(tester: Tester, did: int, level: int, size: int) -> Source:
    """Return the content of a data identifier as a `Source`."""

    def read() -> bytes:
        reply = tester.read_reply(did)
        return reply.pdu[3:] if reply.is_positive else b""

    def definition(wanted: int) -> bytes:
        return bytes((did >> 8, did & 0xFF, 1, wanted))

    return Source(f"DID {did:04X}", level, (lambda wanted: bytes((FROM_IDENTIFIER,)) + definition(wanted),), size, read, did)


def memory_source(tester: Tester, address: int, level: int, size: int) -> Source:
    """Return the memory from an address on as a `Source`."""
    definitions = tuple(
        lambda wanted, form=form: bytes((FROM_MEMORY,)) + form.block(address, wanted)
        for form in NAMED
        if form.block(address, size)
    )
    return Source(f"memory at 0x{address:08X}", level, definitions, size, lambda: read_memory(tester, USUAL, address, size))


def ask_by_alias(tester: Tester, source: Source) -> AliasAnswers:
    """Define each kind of alias for the source, read the alias, have it sent periodically, and clear it."""
    asked = AliasAnswers()
    for aliases, size in ((READ_ALIASES, source.size), (PERIODIC_ALIASES, min(source.size, PERIODIC_BYTES))):
        alias, defined = define_any(tester, source, aliases, size)
        asked.definitions.append(defined)
        read = tester.read_reply(alias)
        if read.is_positive and len(read.pdu) > 3:
            asked.delivered.append((read, read.pdu[3:]))
        if alias in PERIODIC:
            asked.delivered += sent_periodically(tester, alias & 0xFF, size)
        if defined.is_positive:
            define(tester, CLEAR, alias, b"")
    return asked


def define_any(tester: Tester, source: Source, aliases: tuple[int, ...], size: int) -> tuple[int, Reply]:
    """Define an alias in the first way that the ECU accepts; if it accepts none, return the first alias and its refusal."""
    refused: Reply | None = None
    for alias in aliases:
        for definition in source.definitions:
            kind, *rest = definition(size)
            reply = define(tester, kind, alias, bytes(rest))
            if reply.is_positive:
                return alias, reply
            refused = refused or reply
        if not reply.is_refused_with(Nrc.REQUEST_OUT_OF_RANGE):
            break  # the ECU does not object to the number
    assert refused is not None
    return aliases[0], refused


def read_when_locked_again(tester: Tester, source: Source) -> Reply | None:
    """Define an alias with the level open, lock the ECU, and read the alias; None if the ECU accepts no alias.

    Raises Inconclusive if the level cannot be opened.
    """
    tester.security.unlock(source.level)
    alias, defined = define_any(tester, source, (*READ_ALIASES, *PERIODIC_ALIASES), source.size)
    if not defined.is_positive:
        return None
    tester.access.lock()
    tester.session_for(source.level)
    reply = tester.read_reply(alias)
    if not define(tester, CLEAR, alias, b"").is_positive:
        tester.security.unlock(source.level)
        define(tester, CLEAR, alias, b"")
        tester.access.lock()
    return reply


def define(tester: Tester, kind: int, alias: int, rest: bytes) -> Reply:
    """Send DynamicallyDefineDataIdentifier (2C)."""
    return tester.request(bytes((Service.DYNAMICALLY_DEFINE_DATA_IDENTIFIER, kind, alias >> 8, alias & 0xFF)) + rest)


def sent_periodically(tester: Tester, low: int, size: int) -> list[tuple[Reply, bytes]]:
    """Have the identifier F2xx, whose last byte is `low`, sent by 2A at each rate.

    Return every content that was sent, with the answer to the 2A that requested it.
    """
    found = []
    for rate in RATES:
        started = tester.request(bytes((Service.READ_DATA_BY_PERIODIC_IDENTIFIER, rate, low)))
        if started.is_refused_with(Nrc.SERVICE_NOT_SUPPORTED):
            break
        if not started.is_positive:
            continue
        frames = tester.listen(SENDING_S, why="what the ECU sends periodically")
        tester.request(bytes((Service.READ_DATA_BY_PERIODIC_IDENTIFIER, STOP_SENDING, low)))
        contents = [frame.data[at + 1 :] for frame in frames for at in (0, 1) if frame.data[at : at + 1] == bytes((low,))]
        found += [(started, content[:size]) for content in contents if len(content) >= size]
    return found


def sent_by_its_own_number(tester: Tester, source: Source) -> list[tuple[Reply, bytes]]:
    """Return what 2A sends of protected data whose own identifier is F2xx; empty for other data."""
    return sent_periodically(tester, source.did & 0xFF, min(source.size, PERIODIC_BYTES)) if source.did in PERIODIC else []
