"""What is known of one security level: the seed that waits, the keys that went out, the delay that was announced."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class Unlocked(NamedTuple):
    """The pair that opened a level. The seed is zero if the level was open already."""

    seed: bytes
    key: bytes


@dataclass(slots=True)
class LevelState:
    """What the tester knows of one security level."""

    seed: bytes | None = None
    """The seed that the ECU is waiting to see answered."""
    may_be_pending: bool = True
    """A seed may be pending, from this run or from before it."""
    key_length: int = 0
    is_proven: bool = False
    """The right key has opened this level in this run."""
    suspect: str = ""
    """Why the key function cannot be right."""
    wrong_in_a_row: int = 0
    seen_limit: int = 0
    """The fewest wrong keys in a row after which a delay was announced; 0: that was not seen."""
    pairs: dict[bytes, bytes] = field(default_factory=dict)
    """Seeds with the keys that have opened the level."""
    right_keys_in_vain: int = 0
    """Times that the key function's key was sent and not accepted."""
    has_guessed: bool = False
    """The key under way is a guess."""
    is_delayed: bool = False
    """The last answer was that a delay is running."""
    is_locked_out: bool = False
    """It did not open again in many times its delay."""
    longest_delay_s: float = 0.0
    """After so long at most a delay was seen to be over; 0: none was waited out."""
