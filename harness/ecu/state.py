"""Hold the state of an ECU: everything that it remembers from one request to the next."""

import math
from dataclasses import dataclass, field
from typing import Any, Final

from harness.ecu.config import EcuConfig, MemoryRegion
from harness.uds import Session

LOCKED: Final = 0

ALL_ENABLED: Final = 0x00
"""The controlType of 28 that enables receiving and sending normal messages."""

TRANSMITTING: Final = (0x00, 0x02)
"""The controlTypes of 28 that enable sending normal messages."""

CONFIRMED: Final = 0x08
"""The status bit of a fault that is stored."""


@dataclass(slots=True)
class Transfer:
    """A download or upload that 34 or 35 has begun."""

    region: MemoryRegion
    address: int
    """The address of the next byte."""
    left: int
    is_upload: bool = False
    counter: int = 0
    """The blockSequenceCounter of the last block; the first block has 1."""


@dataclass(slots=True)
class State:
    """Everything that can change in an ECU. The fields without a default are wholly or partly non-volatile."""

    values: dict[int, bytes]
    wrong_keys: dict[int, int]
    """By level: the number of wrong keys since the last right key, or since the delay ran out."""
    held_seeds: dict[int, bytes]
    """By level: the seed that is given until the right key has answered it. Only ECUs that hold seeds use this field."""
    lasting: dict[str, Any]
    """Values that flaws and variants remember over each restart; they must be storable as JSON."""

    ready_s: float = 0.0
    """The time until which the ECU boots and receives nothing."""
    sessions_from_s: float = 0.0
    """The time until which the ECU enters no session."""
    session: int = Session.DEFAULT
    s3_due_s: float = math.inf
    """The time at which the session ends unless a request comes; infinite in the default session."""
    unlocked_level: int = LOCKED
    seed: bytes = b""
    """The pending seed, which waits for its key; empty: none is pending."""
    seed_level: int = LOCKED
    delay_until_s: dict[int, float] = field(default_factory=dict)
    """By level: the time before which the ECU gives no seed."""
    counters_loaded_s: float = 0.0
    """The time until which the counters of wrong keys are not known."""
    seeds_issued: int = 0
    """The number of seeds since the start, counted only by an ECU whose seeds differ in length."""
    has_issued_seed_since_lock: bool = False
    """Whether a seed was given since the ECU was last locked; every change of the session locks it."""
    requests: int = 0
    """The number of requests, counted only by an ECU that is busy at times."""
    address: int = 0
    """Where the present request came from: a connection's number, or FUNCTIONAL."""
    elsewhere: dict[int, tuple[int, bytes, int]] = field(default_factory=dict)
    """For each address but the present one: its unlocked level, its pending seed, and that seed's level."""
    memory: dict[int, bytes] = field(default_factory=dict)
    """By a region's address: the region's content. Regions that store a data identifier's value are not in it."""
    trouble_codes: dict[int, int] = field(default_factory=dict)
    """Stored trouble codes and their status; non-volatile."""
    communication: int = ALL_ENABLED
    """The controlType of the last request 28."""
    is_dtc_setting_on: bool = True
    routine_results: dict[int, bytes] = field(default_factory=dict)
    """By routine: its result, for routines that were started in this session."""
    transfer: Transfer | None = None
    until_locked: dict[str, Any] = field(default_factory=dict)
    """Values that flaws and variants remember until the ECU is locked."""
    until_restart: dict[str, Any] = field(default_factory=dict)
    """Values that flaws and variants remember until the ECU restarts."""

    def forget_seed(self) -> None:
        """Forget the pending seed."""
        self.seed = b""
        self.seed_level = LOCKED

    def forget_counts(self) -> None:
        """Clear the counters of wrong keys, except those whose delay is running."""
        for account in self.wrong_keys:
            if account not in self.delay_until_s:
                self.wrong_keys[account] = 0

    def lock(self) -> None:
        """Lock every level and forget the pending seed."""
        self.forget_seed()
        self.unlocked_level = LOCKED
        self.has_issued_seed_since_lock = False
        self.elsewhere.clear()
        self.until_locked.clear()


def factory_state(config: EcuConfig) -> State:
    """Return the state of a new ECU."""
    return State(
        values={entry.did: entry.initial for entry in config.data_identifiers},
        wrong_keys={level.level: 0 for level in config.levels},
        held_seeds={},
        lasting={},
        memory={region.address: region.initial for region in config.memory if region.did is None},
        trouble_codes=dict.fromkeys(config.trouble_codes, CONFIRMED),
    )
