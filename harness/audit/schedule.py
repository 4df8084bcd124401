"""Decide which checks are run on which subject, and in which order."""

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
"""Parameters of a check function that stand for entries of the target's declarations."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check on one subject, ready to be called."""

    declared: Attack
    parameter: str | None
    call: Callable[[], object]
    version: str = ""
    """The fingerprint that `check_version` computes."""
    level: int | None = None
    """The only level whose delay must be over when the check begins; None: the delays of all levels must be."""


def subjects(name: str, tester: Tester) -> dict[str, Any]:
    """Return the subjects that the target declares for the parameter `name`, by the names that results use."""
    if name == "level":
        return {f"level 0x{entry.level:02X}": entry.level for entry in tester.target.security}
    if name == "lock":
        return {str(lock): lock for lock in locks_of(tester)}
    if name == "guarded":
        return {f"DID {entry.did:04X}": entry for entry in tester.access.guarded()}
    return {f"DID {entry.did:04X}": entry for entry in tester.access.protected()}


def as_known_now(value: object, tester: Tester) -> object:
    """Update an argument of a check: data gets the level that was found to open it since the checks were collected."""
    if isinstance(value, Lock) and value.data is not None:
        data = tester.target.did(value.data.did) or value.data
        return Lock(data.write.level or value.level, data)
    return tester.target.did(value.did) if isinstance(value, DataEntry) else value


def without_subject(name: str, tester: Tester) -> object:
    """Stand in for a check whose subject ("level", "lock" or "protected") the target does not declare.

    The check is not applicable if the ECU was seen to lack the subject, else inconclusive with what is known of the subject.
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
    """Whether a check sends wrong keys if the target allows them."""
    return "lockout" in declared.needs + declared.uses


class Stage(IntEnum):
    """The part of a run to which a check belongs; checks that could cost the ECU come last."""

    READS = 0
    """Checks that read seeds and data."""
    UNLOCKS = 1
    """Checks that open levels and write protected data."""
    LOCKOUT = 2
    """Checks that send wrong keys, or that can be done in part during the delay after wrong keys."""
    TRANSPORT = 3
    """Checks that send frames which ISO-TP does not define."""
    EVIDENCE = 4
    """Checks that judge what the run has seen so far."""
    CRASHES = 5
    """Checks that fuzz, flood, or may destroy data; an ECU that does not survive them has been judged by then."""


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
    """Return a check's sort key: by stage, then checks that may lock the ECU late, then `comes_last` checks last.

    Where unlocking cannot be undone, checks that unlock come after all others, which need a locked ECU.
    """
    if declared is None:
        return 0, 0, 0
    stage = stage_of(declared)
    last = int(declared.comes_last)
    if can_relock:
        return stage, int(may_send_wrong_keys(declared) or declared.meanwhile is not None), last
    return int(declared.unlocks), stage, last
