"""Decide which checks are run on which subject, and in which order."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from typing import Any

from harness.audit.check_version import check_version
from harness.check import Attack, declared_attack
from harness.target import DataEntry
from harness.tester.locks import Lock, locks_of
from harness.tester.tester import Tester

SUBJECTS = ("level", "protected", "guarded", "lock")
"""Parameters of a check that are filled from the target's declarations."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check on one subject, ready to be called."""

    declared: Attack
    parameter: str | None
    call: Callable[[], object]
    version: str = ""
    """See `check_version`."""
    level: int | None = None
    """The only level whose delay must be over when the check begins; None: the delays of all levels must be."""


def subjects(name: str, tester: Tester) -> dict[str, Any]:
    """Return the subjects of the kind `name` that the target declares, by the names that results use."""
    if name == "level":
        return {f"level 0x{entry.level:02X}": entry.level for entry in tester.target.security}
    if name == "lock":
        return {str(lock): lock for lock in locks_of(tester)}
    if name == "guarded":
        return {f"DID {entry.did:04X}": entry for entry in tester.access.guarded()}
    return {f"DID {entry.did:04X}": entry for entry in tester.access.protected()}


def as_known_now(value: object, tester: Tester) -> object:
    """Update an argument of a check: data gets the level that the run has found, since collection, to open it."""
    if isinstance(value, Lock) and value.data is not None:
        data = tester.target.did(value.data.did) or value.data
        return Lock(data.write.level or value.level, data)
    return tester.target.did(value.did) if isinstance(value, DataEntry) else value


def without_subject(name: str, tester: Tester) -> object:
    """Stand in for a check whose subject ("level", "lock" or "protected") the target does not declare.

    The check is not applicable if the ECU was seen to lack the subject, else inconclusive with what is known of that.
    """
    if name in ("level", "lock"):
        raise tester.looking.without_level()
    raise tester.access.without_data("no readable data is known whose writing needs a level")


def checks_of(functions: Iterable[Callable[..., object]], **shared: Any) -> list[Check]:
    """Turn plain functions into checks, in the order in which they are run; `shared` holds arguments such as ``tester``."""
    tester: Tester = shared["tester"]
    checks = [check for function in functions for check in _checks_of(function, shared)]
    return sorted(checks, key=lambda check: order(check.declared, tester.access.can_relock))


def _checks_of(function: Callable[..., object], shared: dict[str, Any]) -> Iterator[Check]:
    declared = declared_attack(function)
    if declared is None:
        return
    version = check_version(function)
    names = list(inspect.signature(function).parameters)
    arguments = {name: shared[name] for name in names if name not in SUBJECTS}
    wanted = [name for name in names if name in SUBJECTS]
    if not wanted:
        yield Check(declared, None, partial(function, **arguments), version)
    for name in wanted[:1]:
        found = subjects(name, shared["tester"])
        for words, subject in found.items():
            level = subject if declared.own_level and isinstance(subject, int) else None
            yield Check(declared, words, partial(function, **arguments, **{name: subject}), version, level)
        if not found:
            yield Check(declared, None, partial(without_subject, name, shared["tester"]), version)


def may_send_wrong_keys(declared: Attack) -> bool:
    """Whether a check sends wrong keys, if the target allows it."""
    return "lockout" in declared.needs + declared.uses


class Stage(IntEnum):
    """The part of a run in which a check is run: checks that could cost the ECU come last."""

    READS = 0
    """Reads seeds and data."""
    UNLOCKS = 1
    """Opens levels, writes protected data."""
    LOCKOUT = 2
    """Sends wrong keys, or can be done in part while the delay after wrong keys runs."""
    TRANSPORT = 3
    """Sends frames that ISO-TP does not know."""
    EVIDENCE = 4
    """Judges what the run has seen so far."""
    CRASHES = 5
    """Fuzzes, floods, or may destroy data: by then an ECU that does not survive this has been judged."""


CRASH_PRONE_FAMILIES = frozenset({"FZ", "fuzz", "DS"})
TRANSPORT_FAMILY = "TP"


def stage_of(declared: Attack) -> Stage:
    """Return the stage of a check, by the family in its id and by the permissions that it declares."""
    permissions = declared.needs + declared.uses
    family = re.split("[-/]", declared.id)[0]
    if declared.judges_run:
        return Stage.EVIDENCE
    if family in CRASH_PRONE_FAMILIES or "destructive" in declared.needs:
        return Stage.CRASHES
    if family == TRANSPORT_FAMILY:
        return Stage.TRANSPORT
    if "lockout" in permissions or declared.meanwhile is not None:
        return Stage.LOCKOUT
    return Stage.UNLOCKS if declared.unlocks or "write" in permissions else Stage.READS


def order(declared: Attack | None, can_relock: bool) -> tuple[int, int, int]:
    """Return a check's sort key: by stage; within a stage checks that may lock the ECU come late, `comes_last` checks last.

    Where unlocking cannot be undone, checks that unlock come after all others, which need a locked ECU.
    """
    if declared is None:
        return 0, 0, 0
    stage = stage_of(declared)
    last = int(declared.comes_last)
    if can_relock:
        return stage, int(may_send_wrong_keys(declared) or declared.meanwhile is not None), last
    return int(declared.unlocks), stage, last
