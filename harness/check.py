"""Declare checks: typed metadata on the function itself, refused at import if incomplete."""

from __future__ import annotations

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
    """A check's metadata."""

    id: str
    title: str
    """What the check demands, as a statement."""
    severity: Severity
    basis: Basis
    source: str
    rationale: str
    remediation: str
    failure: str = ""
    """What is wrong if it fails, as a statement; empty if the title says it."""
    cwe: tuple[int, ...] = ()
    r155: tuple[str, ...] = ()
    needs: tuple[Permission, ...] = ()
    """Permissions without which the check is not run."""
    uses: tuple[Permission, ...] = ()
    """Permissions that widen the check where the target gives them."""
    unlocks: bool = False
    """Whether it opens a level even if that cannot be undone: such checks then run last."""
    judges_run: bool = False
    """Whether it judges what the run has seen so far: such checks come after all that are not crash-prone."""
    own_level: bool = False
    """Whether it uses SecurityAccess of its own level only, so that the delay of another level may be running."""
    meanwhile: Callable[..., Any] | None = None
    """From the tester and the depth: its parts (`harness.measurements.Errand`) that may be done while a delay runs.

    Such a check runs with those that send wrong keys, and finds in ``measure.errands`` what was in order.
    """
    comes_last: bool = False
    """Whether it runs last of its stage, because it sends what others left, or may lock the ECU for good."""
    proven_by: tuple[str, ...] = ()
    """Flaws, or ``path.py:factory``, on which the check is known to fail."""


def attack(
    *,
    id: str,
    title: str,
    severity: Severity,
    basis: Basis,
    source: str,
    rationale: str,
    remediation: str,
    failure: str = "",
    cwe: tuple[int, ...] = (),
    r155: tuple[str, ...] = (),
    needs: tuple[str, ...] = (),
    uses: tuple[str, ...] = (),
    unlocks: bool = False,
    judges_run: bool = False,
    own_level: bool = False,
    meanwhile: Callable[..., Any] | None = None,
    comes_last: bool = False,
    proven_by: tuple[str, ...] = (),
) -> Callable[[F], F]:
    """Declare a pytest function to be a check.

    It may take ``tester``, ``measure``, ``depth``, and one of ``level`` (once for each declared security level),
    ``protected`` (once for each readable data record whose writing needs a level), ``guarded`` (that, and data which is
    read with a level only) and ``lock`` (as ``protected``, and each level that guards none).
    It passes by returning; any other verdict is raised.
    `title` is what it demands ("Wrong keys lock SecurityAccess"), `failure` what is wrong if it fails ("No limit on
    wrong keys"): reports head a finding with it.
    Raises TypeError or ValueError, at import, if metadata is missing, empty or unknown.
    """
    for name, text in {"title": title, "source": source, "rationale": rationale, "remediation": remediation}.items():
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"@attack {id}: {name} is empty; write a sentence")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_./-]*", id):
        raise ValueError(f"@attack {id!r}: an id is letters, digits and - _ . /")
    if not isinstance(severity, Severity):
        raise TypeError(f"@attack {id}: severity is {severity!r}; give a Severity")
    if basis not in get_args(Basis):
        raise ValueError(f"@attack {id}: basis is {basis!r}; give one of {', '.join(get_args(Basis))}")
    for name, words in {"needs": needs, "uses": uses, "proven_by": proven_by, "r155": r155}.items():
        if not isinstance(words, tuple | list) or not all(isinstance(word, str) for word in words):
            raise TypeError(f"@attack {id}: {name} is {words!r}; give a tuple of words, e.g. ('lockout',)")
    unknown = sorted({*needs, *uses} - set(PERMISSIONS))
    if unknown:
        raise ValueError(f"@attack {id}: needs or uses {', '.join(unknown)}; known are {', '.join(PERMISSIONS)}")
    declared = Attack(
        id=id,
        title=title,
        severity=severity,
        basis=basis,
        source=source,
        rationale=rationale,
        remediation=remediation,
        failure=failure,
        cwe=cwe,
        r155=r155,
        needs=tuple(map(Permission, needs)),
        uses=tuple(map(Permission, uses)),
        unlocks=unlocks,
        judges_run=judges_run,
        own_level=own_level,
        meanwhile=meanwhile,
        comes_last=comes_last,
        proven_by=proven_by,
    )

    def mark(function: F) -> F:
        setattr(function, ATTRIBUTE, declared)
        return function

    return mark


def declared_attack(function: Any) -> Attack | None:
    """Return the metadata of a check, or None for any other function."""
    found = getattr(function, ATTRIBUTE, None)
    return found if isinstance(found, Attack) else None
