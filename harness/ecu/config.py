"""Define the data of an ECU as it leaves the factory: data identifiers, security levels, memory, timing."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Final

from harness.uds import Nrc, Service, Session

OPEN: Final = 0
"""The need of data that is open without any unlocked level. Any other need is a level's number, as in 27 01."""

NEVER: Final = -1
"""The need of data that no level opens."""

KeyFunction = Callable[[bytes, int], bytes]
"""A function that computes the key from a seed and the sub-function that requested the seed (1, 3, ...)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataIdentifier:
    """A value that 22 reads and 2E writes. The length of the value never changes."""

    did: int
    initial: bytes
    read: int = OPEN
    write: int = NEVER
    is_non_volatile: bool = False
    allowed: range | None = None
    """Values that may be written, as big-endian numbers; None: any value of the right length."""
    is_in_image: bool = True
    """Whether the firmware image contains the initial value; it does not if the ECU computes or receives the value later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EcuSecurityLevel:
    """One pair of SecurityAccess sub-functions: `level` (odd) requests the seed, `level` + 1 sends the key."""

    level: int
    key: KeyFunction
    seed_bytes: int
    key_bytes: int
    secret: bytes = b""
    """The secret of the key function, for an ECU that stores it in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryRegion:
    """A range of addresses that need the same level."""

    address: int
    initial: bytes = b""
    """The content after each start; its length is that of the region."""
    did: int | None = None
    """The data identifier whose stored value lies at these addresses; None: the region has a content of its own."""
    needs: int = NEVER
    """The level that is needed to read the region, and to write it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Routine:
    """A routine that 31 starts, and that ends at once."""

    routine: int
    needs: int = NEVER
    is_erasing: bool = False
    """Whether the routine fills memory with FF, except where data identifiers are stored."""


SERVICE_NEEDS: Final[Mapping[int, int]] = MappingProxyType(
    {Service.CLEAR_DIAGNOSTIC_INFORMATION: 1, Service.COMMUNICATION_CONTROL: 1, Service.CONTROL_DTC_SETTING: 1}
)
"""The level that a sound ECU needs for a whole service; services that are not listed need none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodicFrame:
    """A frame of normal traffic, sent as long as the ECU has power."""

    can_id: int
    period_s: float
    content: bytes


NORMAL_TRAFFIC: Final = (PeriodicFrame(can_id=0x1A0, period_s=1.0, content=bytes.fromhex("1122334455667788")),)
"""The frames of an ECU that sends normal traffic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EcuConfig:
    """The data of a sound ECU."""

    levels: tuple[EcuSecurityLevel, ...]
    data_identifiers: tuple[DataIdentifier, ...]
    memory: tuple[MemoryRegion, ...] = ()
    routines: tuple[Routine, ...] = ()
    trouble_codes: tuple[int, ...] = ()
    """Trouble codes that are stored when the ECU leaves the factory, three bytes each."""
    service_needs: Mapping[int, int] = field(default_factory=lambda: SERVICE_NEEDS)
    """By service: the level that is needed for every request of the service."""
    further_services: frozenset[int] = frozenset()
    """Which of the optional services 29, 2F and 35 the ECU has."""
    requires_authentication: bool = False
    """Whether service 29 exists, and 27 is refused with 34 because nobody can authenticate."""
    sessions: tuple[int, ...] = (Session.DEFAULT, Session.PROGRAMMING, Session.EXTENDED)
    p2_ms: int = 50
    p2_star_ms: int = 5000
    s3_s: float = 5.0
    holds_seed: bool = False
    """Whether the same seed is given until the right key has answered it."""
    holds_seed_in_session: bool = False
    """Whether the same seed is given until the right key has answered it or the session ends."""
    ignored_record_bytes: int = 0
    """How many further bytes a request for a seed may have; the ECU ignores them."""
    short_seed_every: int = 0
    """Every Nth seed after a start has half the length; 0: all seeds have the full length."""
    zero_seed_bytes: int | None = None
    """The length in bytes of the zeros that an unlocked level gives as seed; None: as long as any other seed."""
    attempts: int = 3
    """How many wrong keys, counted for each level, start the delay; the last of them is answered 36."""
    delay_s: float = 10.0
    has_one_counter: bool = False
    """Whether all levels share one counter of wrong keys and one delay."""
    tries_after_delay: int | None = None
    """How many wrong keys are permitted after a delay has run out; None: as many as before the delay."""
    wrong_key_delay_s: float = 0.0
    """The seconds without seeds after a wrong key that does not reach the limit."""
    has_boot_delay: bool = False
    """Whether every restart begins with the delay."""
    counters_load_s: float = 0.0
    """The seconds after a restart in which 27 is refused with 22, as the ECU still reads its counters from memory."""
    delay_nrc: Nrc = Nrc.REQUIRED_TIME_DELAY_NOT_EXPIRED
    """The code that refuses a request for a seed during the delay."""
    key_in_delay_nrc: Nrc = Nrc.REQUEST_SEQUENCE_ERROR
    """The code that refuses a key during the delay, when no seed can be pending."""
    boot_s: float = 0.05
    """The seconds after a reset or power-up in which the ECU receives nothing."""
    boot_frames: int = 0
    """How many frames, which nobody requested, the ECU sends on its response id while it boots."""
    sessions_start_s: float = 0.0
    """The seconds after a restart in which sessions are refused with 22."""
    answer_delay_s: float = 0.0
    answer_jitter_s: float = 0.0
    """The largest random number of seconds that is added to the answer delay."""
    busy_every: int = 0
    """Every Nth request is answered 21, whatever the request is; 0: none is."""
    pending_services: frozenset[int] = frozenset()
    """Services that answer 78 at once, and send the final answer `pending_s` later."""
    pending_s: float = 0.1
    periodic_frames: tuple[PeriodicFrame, ...] = ()
    connections: tuple[tuple[int, int], ...] = ()
    """Further pairs of request and response id, for further testers."""
    padding: int | None = 0x00
    """The byte that fills frames up to 8 bytes; None: frames are as short as their content."""
    address_bytes: int = 0
    """How many bytes of each frame are an address. `AddressedNode`, around the node, adds them."""
    fd: bool = False
    """Whether the ECU also receives CAN FD frames, and answers in frames of up to 64 bytes."""


_PROGRAM: Final = hashlib.shake_256(b"the program of a simulated ECU").digest(4096)


def image(config: EcuConfig) -> bytes:
    """Return the content of the flash memory: the program and its data, without the secret."""
    return _PROGRAM + b"".join(entry.initial for entry in config.data_identifiers if entry.is_in_image)


def of_another_unit(level: EcuSecurityLevel) -> EcuSecurityLevel:
    """Return the level as another unit of the same type has it, with a secret of its own."""
    own = hashlib.sha256(b"another unit" + level.secret).digest()[: len(level.secret)]
    key: KeyFunction = partial(level.key, secret=own)  # type: ignore[call-arg]  # every key function here takes one
    return replace(level, secret=own, key=key)
