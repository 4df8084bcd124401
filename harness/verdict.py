"""Define the terms in which a check judges: verdict, severity, basis of its rule, and the depth of the run."""

from enum import StrEnum
from typing import Literal, TypeVar

T = TypeVar("T")

Basis = Literal["standard", "policy", "declared"]
"""Where the rule that a check tests comes from: the standard, good practice, or the target file."""


class Verdict(StrEnum):
    """What a check concluded. Silence is never a pass."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "not_applicable"
    NOT_RUN = "not_run"
    ERROR = "error"


class Severity(StrEnum):
    """How bad a failure is by default, before the user's own risk analysis; worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


def worse_than(one: str, other: str) -> bool:
    """Whether a severity is worse than another."""
    worst_first = [level.value for level in Severity]
    return worst_first.index(one) < worst_first.index(other)


class Depth(StrEnum):
    """How large the samples are."""

    QUICK = "quick"
    DEFAULT = "default"
    DEEP = "deep"

    def choose(self, *, quick: T, default: T, deep: T) -> T:
        """Return the value for this depth."""
        return {Depth.QUICK: quick, Depth.DEFAULT: default, Depth.DEEP: deep}[self]
