"""What does an ECU remember from one request to the next, and what of it survives a loss of power?"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

from harness.ecu.config import EcuConfig
from harness.uds import Session

LOCKED: Final = 0


@dataclass(slots=True)
class State:
    """All that can change in an ECU. The fields without a default are non-volatile, in part or in whole."""

    values: dict[int, bytes]
    wrong_keys: dict[int, int]
    """Per level: wrong keys since the last right one, or since the delay ran out."""
    accepted_keys: set[bytes]
    """Only an ECU with the defect old_key_accepted keeps any."""

    ready_s: float = 0.0
    """Until then it boots, and hears nothing."""
    session: int = Session.DEFAULT
    s3_due_s: float = math.inf
    """When the session ends unless a request comes; never in the default session."""
    unlocked_level: int = LOCKED
    seed: bytes = b""
    """The seed that waits for its key; empty: none does."""
    seed_level: int = LOCKED
    delay_until_s: dict[int, float] = field(default_factory=dict)
    """Per level: no seed before that time."""
    seeds_issued: int = 0
    has_issued_seed_since_lock: bool = False

    def forget_seed(self) -> None:
        """The pending seed can no longer be answered."""
        self.seed = b""
        self.seed_level = LOCKED

    def lock(self) -> None:
        """No level is unlocked and no seed is pending."""
        self.forget_seed()
        self.unlocked_level = LOCKED
        self.has_issued_seed_since_lock = False

    def end_expired_session(self, now_s: float) -> None:
        """S3 without a request: back to the default session, locked (ISO 14229-1:2020 Annex I)."""
        if now_s >= self.s3_due_s:
            self.lock()
            self.session = Session.DEFAULT
            self.s3_due_s = math.inf

    def end_expired_delays(self, now_s: float) -> None:
        """A delay that has run out takes the wrong keys that caused it with it."""
        for level in [level for level, until_s in self.delay_until_s.items() if now_s >= until_s]:
            del self.delay_until_s[level]
            self.wrong_keys[level] = 0


def factory_state(config: EcuConfig) -> State:
    """A new ECU's state."""
    return State(
        values={entry.did: entry.initial for entry in config.data_identifiers},
        wrong_keys={level.level: 0 for level in config.levels},
        accepted_keys=set(),
    )


def rebooted(old: State, config: EcuConfig, now_s: float) -> State:
    """The state after a loss of power or a reset at `now_s`.

    A level with a wrong key on its account starts with the delay: whether one was running is not remembered, so that
    cutting the power never pays.
    """
    old.end_expired_delays(now_s)
    new = factory_state(config)
    new.values |= {entry.did: old.values[entry.did] for entry in config.data_identifiers if entry.is_non_volatile}
    new.wrong_keys = old.wrong_keys
    new.accepted_keys = old.accepted_keys
    new.ready_s = now_s + config.boot_s
    new.delay_until_s = {level: new.ready_s + config.delay_s for level, count in new.wrong_keys.items() if count}
    return new
