"""Declare checks by typed metadata on the function itself, which is refused at import if it is incomplete."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from harness.target import PERMISSIONS, Permission
from harness.verdict import Basis, Severity

F = TypeVar("F", bound=Callable[..., Any])

ATTRIBUTE = "__uds_attack__"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """A check's metadata, and the decorator that declares a pytest function to be that check.

    The function may take ``tester``, ``measure``, ``depth``, and one subject, for each of which it runs once:
    ``level`` (each declared security level), ``protected`` (each readable data record whose writing needs a level),
    ``guarded`` (these records, and those that can be read with a level only) or ``lock`` (each record as for
    ``protected``, and each level that protects none of them). The check passes by returning; it raises any other verdict.
    Raises TypeError or ValueError, at import, if metadata is missing, empty or unknown.
    """

    id: str
    title: str
    """What the check demands, as a statement, e.g. "Wrong keys lock SecurityAccess"."""
    severity: Severity
    basis: Basis
    source: str
    rationale: str
    remediation: str
    failure: str = ""
    """What is wrong with the ECU if the check fails ("No limit on wrong keys"): the heading of a finding.

    Empty if the title says it.
    """
    cwe: tuple[int, ...] = ()
    r155: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    """Permissions without which the check is not run; kept as members of `Permission`, as in `uses`."""
    uses: tuple[str, ...] = ()
    """Permissions with which the check can do more, if the target gives them."""
    unlocks: bool = False
    """Whether the check opens a level even on an ECU that cannot be locked again; on such an ECU it runs last."""
    judges_run: bool = False
    """Whether the check judges what the run has seen so far; it then runs after all checks that are not crash-prone."""
    own_level: bool = False
    """Whether the check uses SecurityAccess of its own level only, so that it can run during another level's delay."""
    meanwhile: Callable[..., Any] | None = None
    """A function of tester and depth that returns the check's parts (`harness.measurements.Errand`) for a delay.

    Such a check runs together with the checks that send wrong keys. ``measure.errands`` tells it which parts were in order.
    """
    comes_last: bool = False
    """Whether the check runs last in its stage, because it sends what other checks left, or may lock the ECU for good."""
    proven_by: tuple[str, ...] = ()
    """Flaws, or ``path.py:factory``, on which the check is known to fail."""

    def __post_init__(self) -> None:
        for name in ("title", "source", "rationale", "remediation"):
            text = getattr(self, name)
            if not isinstance(text, str) or not text.strip():
                raise ValueError(f"@attack {self.id}: {name} is empty; write a sentence")
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_./-]*", self.id):
            raise ValueError(f"@attack {self.id!r}: an id is letters, digits and - _ . /")
        if not isinstance(self.severity, Severity):
            raise TypeError(f"@attack {self.id}: severity is {self.severity!r}; give a Severity")
        if self.basis not in get_args(Basis):
            raise ValueError(f"@attack {self.id}: basis is {self.basis!r}; give one of {', '.join(get_args(Basis))}")
        for name in ("needs", "uses", "proven_by", "r155"):
            words = getattr(self, name)
            if not isinstance(words, tuple | list) or not all(isinstance(word, str) for word in words):
                raise TypeError(f"@attack {self.id}: {name} is {words!r}; give a tuple of words, e.g. ('lockout',)")
        unknown = sorted({*self.needs, *self.uses} - set(PERMISSIONS))
        if unknown:
            raise ValueError(f"@attack {self.id}: needs or uses {', '.join(unknown)}; known are {', '.join(PERMISSIONS)}")
        for name in ("needs", "uses"):
            object.__setattr__(self, name, tuple(map(Permission, getattr(self, name))))

    def __call__(self, function: F) -> F:
        """Mark the function as the check."""
        setattr(function, ATTRIBUTE, self)
        return function


attack = Attack


def declared_attack(function: Any) -> Attack | None:
    """Return the metadata of a check, or None for any other function."""
    found = getattr(function, ATTRIBUTE, None)
    return found if isinstance(found, Attack) else None
