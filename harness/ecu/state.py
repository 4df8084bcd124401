"""What does an ECU remember from one request to the next, and what of it survives a loss of power?"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from harness.ecu.config import EcuConfig, MemoryRegion
from harness.ecu.undeclared import all_data, initial_memory
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
    accepted_keys: set[bytes]
    """Only an ECU with the defect old_key_accepted keeps any."""
    held_seeds: dict[int, bytes]
    """Per level: the seed that is given until it has been answered; only an ECU that holds seeds keeps any."""
    seeds_ever_issued: int
    """Only an ECU whose seeds are counted counts them."""

    ready_s: float = 0.0
    """Until then it boots, and hears nothing."""
    sessions_from_s: float = 0.0
    """Until then no session is entered."""
    session: int = Session.DEFAULT
    s3_due_s: float = math.inf
    """When the session ends unless a request comes; never in the default session."""
    is_s3_stopped: bool = False
    """Only by an ECU with the defect tester_present_ends_s3."""
    ended_session: tuple[int, int] | None = None
    """The session that S3 ended last, with what was unlocked in it; None once another one was entered."""
    was_open_at_timeout: bool = False
    """A session ended by time while a level was open; only an ECU with the defect any_key_after_timeout looks at it."""
    unlocked_level: int = LOCKED
    seed: bytes = b""
    """The seed that waits for its key; empty: none does."""
    seed_level: int = LOCKED
    delay_until_s: dict[int, float] = field(default_factory=dict)
    """Per level: no seed before that time."""
    failures_in_a_row: dict[int, int] = field(default_factory=dict)
    """Per level: wrong keys since the last right one, whatever delays ran out between them; non-volatile."""
    counters_loaded_s: float = 0.0
    """Until then the counts of wrong keys are not known yet."""
    attempts_end_with_session: bool = False
    """Only an ECU with the defect counter_reset_by_s3 forgets them so."""
    seeds_issued: int = 0
    generator: Iterator[int] | None = None
    """What an ECU without chance draws its seeds from."""
    has_issued_seed_since_lock: bool = False
    requests: int = 0
    """How many came; counted only by an ECU that is busy at times."""
    address: int = 0
    """Where the present request came from: a connection's number, or FUNCTIONAL."""
    elsewhere: dict[int, tuple[int, bytes, int]] = field(default_factory=dict)
    """By other address: the level unlocked there, the seed pending there, and that seed's level."""
    still_unlocked: set[int] = field(default_factory=set)
    """Levels unlocked before this one; only an ECU with the defect levels_stay_unlocked keeps any."""

    memory: dict[int, bytes] = field(default_factory=dict)
    """By the address of a region: what lies there, identifiers excepted."""
    trouble_codes: dict[int, int] = field(default_factory=dict)
    """Stored faults and their status; non-volatile."""
    communication: int = ALL_ENABLED
    """The last controlType that 28 was given."""
    stays_silenced: bool = False
    """The defect communication_stays_off."""
    is_dtc_setting_on: bool = True
    routine_results: dict[int, bytes] = field(default_factory=dict)
    """Routines that were started in this session."""
    transfer: Transfer | None = None
    dynamic_identifiers: dict[int, bytes] = field(default_factory=dict)
    """Only an ECU with a defect has service 2C: by identifier, the request for what it stands for."""
    level_at_first_frame: int = LOCKED
    """What was unlocked when the message under way began; only an ECU with a defect looks at it."""

    def leave_session(self) -> None:
        """What lasts no longer than its session ends."""
        if not self.stays_silenced:
            self.communication = ALL_ENABLED
        self.is_dtc_setting_on = True
        self.routine_results = {}
        self.transfer = None

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
        self.still_unlocked.clear()

    def end_expired_session(self, now_s: float, *, is_unlock_kept: bool = False) -> None:
        """S3 without a request: back to the default session, locked (ISO 14229-1:2020 Annex I)."""
        if now_s >= self.s3_due_s and not self.is_s3_stopped:
            self.ended_session = (self.session, self.unlocked_level)
            self.was_open_at_timeout |= self.unlocked_level != LOCKED
            if is_unlock_kept:
                self.forget_seed()
            else:
                self.lock()
            self.leave_session()
            self.session = Session.DEFAULT
            self.s3_due_s = math.inf
            if self.attempts_end_with_session:
                self.forget_counts()


def factory_state(config: EcuConfig) -> State:
    """A new ECU's state."""
    return State(
        values={entry.did: entry.initial for entry in all_data(config)},
        wrong_keys={level.level: 0 for level in config.levels},
        accepted_keys=set(),
        held_seeds={},
        seeds_ever_issued=0,
        attempts_end_with_session=config.defects.counter_reset_by_s3,
        stays_silenced=config.defects.communication_stays_off,
        memory=initial_memory(config),
        trouble_codes=dict.fromkeys(config.trouble_codes, CONFIRMED),
    )
