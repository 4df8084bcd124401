"""Turn fuzz cases into checks: functions with metadata, and pytest items under their own id."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from harness.audit.check_version import CASE
from harness.check import attack
from harness.errors import UserError
from harness.fuzz.case import CASES_FOLDER, Case, read_cases
from harness.fuzz.execution import run_case
from harness.fuzz.oracles import ChangedValues
from harness.fuzz.python import declared_case
from harness.fuzz.send import LONGEST_FRAME, Template
from harness.link.clock import Chance
from harness.link.frame import Frame
from harness.target import (
    PERMISSIONS,
    DataEntry,
    Permission,
    RoutineEntry,
    SecurityLevel,
    SessionEntry,
    Span,
    Target,
    unknown_target,
)
from harness.tester.safety import SafetyGate
from harness.tester.tester import Tester
from harness.uds import Service
from harness.verdict import Depth

RATIONALE: Final = (
    "What no tester sends is what an attacker sends first. An ECU that answers it with anything but a refusal, or that is "
    "no longer the same afterwards, has code that nobody thought through: crashes, overruns and unlocked doors begin there."
)
REMEDIATION: Final = (
    "Check length, sub-function, identifier and value of every request before anything is done with it; refuse the rest "
    "with the code that the standard has for it. Keep the message as a regression test."
)
QUICK_KEYS: Final = 3
DEFAULT_KEYS: Final = 8
"""How many of a case's wrong keys are sent to each level at depth default; depth deep sends all of them."""
_A_CASE: Final = re.compile(r"^\s*\[\[\s*case\s*\]\]", re.MULTILINE)
LONGEST_LOOKED_AT: Final = 1 << 20
SUB_FUNCTION_END: Final = 2
"""The number of first bytes that decide what a message may do: its service and sub-function."""

_ANY_CHANCE: Final = Chance(0)


def check_of(case: Case) -> Callable[[Tester, Depth], None]:
    """Turn a case into a check whose metadata is like that of any other check."""
    changed_values = ChangedValues()

    def check(tester: Tester, depth: Depth) -> None:
        run_case(case, tester, changed_values, most_keys=depth.choose(quick=QUICK_KEYS, default=DEFAULT_KEYS, deep=None))

    needs, uses = permissions(case)
    words = f"{case.messages}{' as raw frames' if case.is_raw else ''}"
    marked = attack(
        id=case.full_id,
        title=case.why.rstrip(". ") or case.why,
        severity=case.severity,
        basis="standard",
        source=f"fuzz case in {case.path.name}: {words}{f' ({case.state})' if case.state is not None else ''}",
        rationale=RATIONALE,
        remediation=REMEDIATION,
        needs=needs,
        uses=uses,
        unlocks=case.state is not None and case.state.unlocked_level is not None,
        proven_by=case.proven_by,
    )(check)
    expected = case.expect
    kinds = (expected.positive, expected.silence, expected.malformed, expected.any_negative, sorted(map(int, expected.nrcs)))
    setattr(marked, CASE, (f"{words} {case.state} {kinds}", getattr(case.messages, "function", None)))
    return marked


def permissions(case: Case) -> tuple[tuple[Permission, ...], tuple[Permission, ...]]:
    """Return the permissions that a case always needs, and those without which some of its messages are left out.

    Messages of a function under `@fuzz_case`, and messages that chance decides, may need any permission.
    """
    template = case.messages
    if not isinstance(template, Template) or template.is_random_before(LONGEST_FRAME if case.is_raw else SUB_FUNCTION_END):
        return (), tuple(name for name in PERMISSIONS if name != Permission.POWER)
    least, most = _gates()
    always: set[Permission] | None = None
    sometimes: set[Permission] = set()
    for step in template.steps(_indulgent(), _ANY_CHANCE):
        surely: set[Permission] = set()
        for message in step.messages:
            if case.is_raw:
                sometimes |= most.raw_harms(Frame(_strict().can.request_id, message))
            else:
                surely |= least.harms(message)
                sometimes |= most.harms(message)
        always = surely if always is None else always & surely
    if case.state is not None and case.state.session is not None:
        sometimes |= most.harms(bytes((Service.DIAGNOSTIC_SESSION_CONTROL, case.state.session)))
    needs = always or set()
    return _in_order(needs), _in_order(sometimes - needs)


@cache
def _gates() -> tuple[SafetyGate, SafetyGate]:
    """Return the gates of the targets that need the least and the most permissions."""
    return SafetyGate(_indulgent()), SafetyGate(_strict())


def _in_order(found: set[Permission]) -> tuple[Permission, ...]:
    return tuple(name for name in PERMISSIONS if name in found)


@cache
def _strict() -> Target:
    """Return a target that declares one entry of each sort that a placeholder can stand for, none of them as safe."""
    nothing = unknown_target(interface="uds-sim", channel="nothing")
    return replace(nothing, data=(DataEntry(did=0),), security=(SecurityLevel(level=1),))


@cache
def _indulgent() -> Target:
    """Return the target of `_strict`, with every session declared and every routine safe."""
    sessions = tuple(SessionEntry(id=number) for number in range(1, 0x80))
    return replace(_strict(), sessions=sessions, routines=(RoutineEntry(range=Span(0, 0xFFFF), safe=True),))


def checks_below(folder: Path) -> Iterator[Callable[[Tester, Depth], None]]:
    """Return the checks of all TOML cases below a folder. Raises UserError if a file is malformed."""
    for path in sorted(folder.rglob("*.toml")):
        if is_case_file(path):
            yield from map(check_of, read_cases(path))


def checks_among(functions: Iterable[object]) -> Iterator[Callable[[Tester, Depth], None]]:
    """Return the checks of those functions that are under `@fuzz_case`. Raises UserError if its metadata is malformed."""
    for case in map(declared_case, functions):
        if case is not None:
            yield check_of(case)


def is_case_file(path: Path) -> bool:
    """Whether a TOML file holds fuzz cases, because it lies in a folder named `CASES_FOLDER` or has a ``[[case]]`` table."""
    if path.suffix != ".toml":
        return False
    if path.parent.name == CASES_FOLDER:
        return True
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return _A_CASE.search(file.read(LONGEST_LOOKED_AT)) is not None
    except OSError:
        return False


# Pytest


def file_of(parent: pytest.Collector, path: Path, target: Target | None) -> pytest.Collector | None:
    """Return the collector of a case file, None for any other file; without a target pytest only lists the cases."""
    is_named_by_the_user = any(Path(word.partition("::")[0]).absolute() == path for word in parent.config.args)
    if not is_case_file(path) and not is_named_by_the_user:
        return None
    file: CaseFile = CaseFile.from_parent(parent, path=path)
    file.target = target
    return file


def item_of(parent: pytest.Collector, function: object) -> pytest.Item | None:
    """Return the item of a function under `@fuzz_case`, None for any other function."""
    try:
        case = declared_case(function)
    except UserError as error:
        raise pytest.Collector.CollectError(str(error)) from None
    return None if case is None else CaseItem.of(parent, case)


class CaseFile(pytest.File):
    """A TOML file with cases."""

    target: Target | None = None

    def collect(self) -> Iterator[pytest.Item]:
        """Yield one item for each case; refuse a malformed file as a whole."""
        try:
            cases = read_cases(self.path)
            if self.target is not None:
                for case in cases:
                    case.check_size(self.target)
        except UserError as error:
            raise self.CollectError(str(error)) from None
        for case in cases:
            yield CaseItem.of(self, case)


class CaseItem(pytest.Function):
    """A fuzz case as a pytest item; its name is the id of its result."""

    case: Case

    @classmethod
    def of(cls, parent: pytest.Collector, case: Case) -> CaseItem:
        """Create the item of a case."""
        item: CaseItem = cls.from_parent(parent, name=case.full_id, callobj=check_of(case))
        item.case = case
        return item

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return the place in the file that declares the case, not that of the code that runs it."""
        return self.case.path, max(self.case.line - 1, 0), self.name
