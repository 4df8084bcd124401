"""What an ECU knows when it leaves the factory: its data, its security levels, its timing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Final

from harness.uds import Nrc, Service, Session

OPEN: Final = 0
"""Needs no unlocked level. Any other need is the level's number, as in 27 01."""

NEVER: Final = -1
"""No level is enough."""

KeyFunction = Callable[[bytes, int], bytes]
"""From a seed and the sub-function that asked for it (1, 3, ...) to the key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataIdentifier:
    """One value that 22 reads and 2E writes; its length never changes."""

    did: int
    initial: bytes
    read: int = OPEN
    write: int = NEVER
    is_non_volatile: bool = False
    allowed: range | None = None
    """What may be written, as a big-endian number; None: anything of the right length."""
    is_in_image: bool = True
    """The initial value lies in the firmware image; a value that the ECU computes or is given later does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EcuSecurityLevel:
    """One pair of SecurityAccess sub-functions: `level` (odd) asks for the seed, `level` + 1 sends the key."""

    level: int
    key: KeyFunction
    seed_bytes: int
    key_bytes: int
    secret: bytes = b""
    """What the key function takes, for an ECU that has it where it can be found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryRegion:
    """Consecutive addresses, guarded as one."""

    address: int
    initial: bytes = b""
    """Its content at each start; its length is the region's."""
    did: int | None = None
    """The identifier whose stored value these addresses are, in place of a content of their own."""
    needs: int = NEVER
    """For reading and for writing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Routine:
    """Something that 31 starts; it is done as soon as it has begun."""

    routine: int
    needs: int = NEVER
    is_erasing: bool = False
    """It fills the memory with FF, data identifiers excepted."""


SERVICE_NEEDS: Final[Mapping[int, int]] = MappingProxyType(
    {
        Service.CLEAR_DIAGNOSTIC_INFORMATION: 1,
        Service.COMMUNICATION_CONTROL: 1,
        Service.CONTROL_DTC_SETTING: 1,
    }
)
"""What a sound ECU asks for before whole services; those that are not named ask for nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodicFrame:
    """A frame of normal traffic, sent for as long as the ECU has power."""

    can_id: int
    period_s: float
    content: bytes


NORMAL_TRAFFIC: Final = (PeriodicFrame(can_id=0x1A0, period_s=1.0, content=bytes.fromhex("1122334455667788")),)
"""What an ECU sends that has anything to say unasked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EcuConfig:
    """The data of a sound ECU."""

    levels: tuple[EcuSecurityLevel, ...]
    data_identifiers: tuple[DataIdentifier, ...]
    memory: tuple[MemoryRegion, ...] = ()
    routines: tuple[Routine, ...] = ()
    trouble_codes: tuple[int, ...] = ()
    """Faults that are stored when the ECU leaves the factory, three bytes each."""
    service_needs: Mapping[int, int] = field(default_factory=lambda: SERVICE_NEEDS)
    """The level that a service needs as a whole, whatever it is asked for."""
    further_services: frozenset[int] = frozenset()
    """Of 29, 2F and 35, which the ECU does without otherwise, those that it has."""
    requires_authentication: bool = False
    """Service 29 exists, and 27 is refused (34) to whoever has not passed it."""
    sessions: tuple[int, ...] = (Session.DEFAULT, Session.PROGRAMMING, Session.EXTENDED)
    p2_ms: int = 50
    p2_star_ms: int = 5000
    s3_s: float = 5.0
    holds_seed: bool = False
    """A seed is given again and again until the right key has answered it."""
    holds_seed_in_session: bool = False
    """The same, but a session that ends takes the seed with it."""
    ignored_record_bytes: int = 0
    """A request for a seed may carry so many bytes more, which change nothing."""
    short_seed_every: int = 0
    """Every Nth seed after a start has half the bytes; 0: all are as long."""
    zero_seed_bytes: int | None = None
    """How long the seed of an unlocked level is; None: as long as any other."""
    attempts: int = 3
    """The wrong key that is answered 36 and starts the delay, counted per level."""
    delay_s: float = 10.0
    has_one_counter: bool = False
    """All levels share one count of wrong keys and one delay."""
    tries_after_delay: int | None = None
    """So many wrong keys may follow a delay that has run out; None: as many as before it."""
    wrong_key_delay_s: float = 0.0
    """After a wrong key that is not the last one there is no seed for so long."""
    has_boot_delay: bool = False
    """The delay follows every restart."""
    counters_load_s: float = 0.0
    """After a restart 27 is refused with 22 for so long, while the counts are read from memory."""
    delay_nrc: Nrc = Nrc.REQUIRED_TIME_DELAY_NOT_EXPIRED
    """What a request for a seed is told during the delay ..."""
    key_in_delay_nrc: Nrc = Nrc.REQUEST_SEQUENCE_ERROR
    """... and a key, which can have no seed then."""
    boot_s: float = 0.05
    """After a reset or power-up the ECU hears nothing for so long."""
    boot_frames: int = 0
    """So many frames it sends meanwhile on its response id, though nobody has asked."""
    sessions_start_s: float = 0.0
    """After a restart sessions are refused with 22 for so long."""
    answer_delay_s: float = 0.0
    answer_jitter_s: float = 0.0
    """Up to so much longer, by chance."""
    busy_every: int = 0
    """Every Nth request is answered 21, whatever it is; 0: none is."""
    pending_services: frozenset[int] = frozenset()
    """Services whose requests are answered 78 first and `pending_s` later finally."""
    pending_s: float = 0.1
    periodic_frames: tuple[PeriodicFrame, ...] = ()
    connections: tuple[tuple[int, int], ...] = ()
    """Further pairs of request and response id, for further testers."""
    padding: int | None = 0x00
    """The byte that fills frames up to 8 bytes; None: frames as short as their content."""
    address_bytes: int = 0
    """So many bytes of each frame are an address; what puts them there is around the node."""
    fd: bool = False
    """It takes CAN FD frames too, and answers in frames of up to 64 bytes."""


_PROGRAM: Final = hashlib.shake_256(b"the program of a simulated ECU").digest(4096)


def image(config: EcuConfig) -> bytes:
    """What a reader of the ECU's flash memory finds: the program and its data, and no secret."""
    return _PROGRAM + b"".join(entry.initial for entry in config.data_identifiers if entry.is_in_image)


def of_another_unit(level: EcuSecurityLevel) -> EcuSecurityLevel:
    """The same level in another unit of the type, which has a secret of its own."""
    own = hashlib.sha256(b"another unit" + level.secret).digest()[: len(level.secret)]
    key: KeyFunction = partial(level.key, secret=own)  # type: ignore[call-arg]  # every key function here takes one
    return replace(level, secret=own, key=key)
