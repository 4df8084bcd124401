"""What an ECU remembers from one request to the next."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Final

from harness.ecu.config import EcuConfig, MemoryRegion
from harness.uds import Session

LOCKED: Final = 0

ALL_ENABLED: Final = 0x00
"""The controlType of 28 with which normal messages are received and sent."""

TRANSMITTING: Final = (0x00, 0x02)
"""The controlTypes with which normal messages are sent."""

CONFIRMED: Final = 0x08
"""The status bit of a fault that is stored."""


@dataclass(slots=True)
class Transfer:
    """A download or upload that 34 or 35 has begun."""

    region: MemoryRegion
    address: int
    """Of the next byte."""
    left: int
    is_upload: bool = False
    counter: int = 0
    """The blockSequenceCounter of the last block; the first one is 1."""


@dataclass(slots=True)
class State:
    """All that can change in an ECU. The fields without a default are non-volatile, in part or in whole."""

    values: dict[int, bytes]
    wrong_keys: dict[int, int]
    """Per level: wrong keys since the last right one, or since the delay ran out."""
    held_seeds: dict[int, bytes]
    """Per level: the seed that is given until it has been answered; only an ECU that holds seeds keeps any."""
    lasting: dict[str, Any]
    """What a changed ECU (a flaw, a variant) remembers besides, over each restart. JSON must be able to hold it."""

    ready_s: float = 0.0
    """Until then it boots, and hears nothing."""
    sessions_from_s: float = 0.0
    """Until then no session is entered."""
    session: int = Session.DEFAULT
    s3_due_s: float = math.inf
    """When the session ends unless a request comes; never in the default session."""
    unlocked_level: int = LOCKED
    seed: bytes = b""
    """The seed that waits for its key; empty: none does."""
    seed_level: int = LOCKED
    delay_until_s: dict[int, float] = field(default_factory=dict)
    """Per level: no seed before that time."""
    counters_loaded_s: float = 0.0
    """Until then the counts of wrong keys are not known yet."""
    seeds_issued: int = 0
    """Seeds given since the start; counted only by an ECU whose seeds differ in length."""
    has_issued_seed_since_lock: bool = False
    """A seed was given since something locked the ECU last, as every session that is entered does."""
    requests: int = 0
    """How many came; counted only by an ECU that is busy at times."""
    address: int = 0
    """Where the present request came from: a connection's number, or FUNCTIONAL."""
    elsewhere: dict[int, tuple[int, bytes, int]] = field(default_factory=dict)
    """By other address: the level unlocked there, the seed pending there, and that seed's level."""
    memory: dict[int, bytes] = field(default_factory=dict)
    """By the address of a region: what lies there, identifiers excepted."""
    trouble_codes: dict[int, int] = field(default_factory=dict)
    """Stored faults and their status; non-volatile."""
    communication: int = ALL_ENABLED
    """The last controlType that 28 was given."""
    is_dtc_setting_on: bool = True
    routine_results: dict[int, bytes] = field(default_factory=dict)
    """Routines that were started in this session."""
    transfer: Transfer | None = None
    until_locked: dict[str, Any] = field(default_factory=dict)
    """What a changed ECU remembers besides, for as long as nothing locks it ..."""
    until_restart: dict[str, Any] = field(default_factory=dict)
    """... and until it restarts."""

    def forget_seed(self) -> None:
        """The pending seed can no longer be answered."""
        self.seed = b""
        self.seed_level = LOCKED

    def forget_counts(self) -> None:
        """No wrong key is remembered, but for those whose delay is running."""
        for account in self.wrong_keys:
            if account not in self.delay_until_s:
                self.wrong_keys[account] = 0

    def lock(self) -> None:
        """No level is unlocked and no seed is pending."""
        self.forget_seed()
        self.unlocked_level = LOCKED
        self.has_issued_seed_since_lock = False
        self.elsewhere.clear()
        self.until_locked.clear()


def factory_state(config: EcuConfig) -> State:
    """A new ECU's state."""
    return State(
        values={entry.did: entry.initial for entry in config.data_identifiers},
        wrong_keys={level.level: 0 for level in config.levels},
        held_seeds={},
        lasting={},
        memory={region.address: region.initial for region in config.memory if region.did is None},
        trouble_codes=dict.fromkeys(config.trouble_codes, CONFIRMED),
    )
