"""List the checks of a folder by reading their declarations, without an ECU."""

import contextlib
import importlib
import io
import pkgutil
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

import uds_harness_pytest
from harness.audit import REQUEST
from harness.audit.fuzzing import checks_among, checks_below
from harness.audit.requirements import PACKAGE, attacks_folder
from harness.check import Attack, declared_attack
from harness.errors import UserError
from harness.report.as_pytest import own_pytest

LONGEST_TROUBLE: Final = 400


def shipped_functions() -> dict[str, Callable[..., object]]:
    """Return every check of the package ``attacks`` except fuzz cases, by id, in the order of ids."""
    return dict(_functions())


@cache
def _functions() -> dict[str, Callable[..., object]]:
    return dict(sorted((declared.id, function) for declared, function in _declared(_modules())))


def shipped_checks() -> list[Attack]:
    """Return the declarations of `shipped_functions`, then those of every fuzz case."""
    return list(_checks())


@cache
def _checks() -> tuple[Attack, ...]:
    functions = [function for module in _modules() for function in vars(module).values()]
    cases = [*checks_below(attacks_folder()), *checks_among(functions)]
    declared = [declared for declared, _ in _declared(_modules())]
    declared += [case for case in map(declared_attack, cases) if case is not None]
    return tuple(sorted(declared, key=lambda one: (one.id.startswith("fuzz/"), one.id)))


def checks_in(paths: Sequence[Path]) -> list[Attack]:
    """Return the declarations of the checks and cases in files and folders, collected by pytest as in an audit.

    Raises UserError if a file cannot be read.
    """
    found = _Collected()
    settings = Path(__file__).with_name("pytest.ini")
    words = ["-c", str(settings), "-p", "no:cacheprovider", "-p", "no:randomly"]
    said = io.StringIO()
    with own_pytest(), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        pytest.main([*words, "--collect-only", "-qq", *map(str, paths)], plugins=[uds_harness_pytest, found])
    if found.troubles:
        raise UserError(found.troubles[0])
    return sorted(found.checks, key=lambda one: (one.id.startswith("fuzz/"), one.id))


class _Collected:
    """A pytest plugin that records what is collected."""

    __name__ = REQUEST

    def __init__(self) -> None:
        self.checks: list[Attack] = []
        self.troubles: list[str] = []

    @pytest.hookimpl
    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Record the declaration of a check or case that pytest has collected."""
        declared = declared_attack(getattr(item, "function", None))
        if declared is not None:
            self.checks.append(declared)

    @pytest.hookimpl
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Record the error, if pytest could not read a file."""
        if report.failed:
            self.troubles.append(why_not_collected(report))


def why_not_collected(report: pytest.CollectReport) -> str:
    """Say in a line which file of checks cannot be read, and why; of a file of cases, name each mistake in a line."""
    text = str(report.longrepr)
    lines = [line[1:].strip() for line in text.splitlines() if line.startswith("E ")]
    places = re.findall(r"^(\S+\.py)(:\d+): ", text, flags=re.MULTILINE)
    here = Path(__file__).parents[1]
    where = [path + line for path, line in places if not Path(path).resolve().is_relative_to(here)][-1:]
    if not lines and not where:
        return text.strip()
    what = " ".join(lines) or text.strip().splitlines()[-1]
    if syntax := re.match(r'File "([^"]+)", line (\d+) (.*)', what):  # the other place is where Python reads the file
        return f"{syntax[1]}:{syntax[2]}: {syntax[3][:LONGEST_TROUBLE]}"
    return f"{where[0] if where else report.nodeid}: {what[:LONGEST_TROUBLE]}"


def _modules() -> list[ModuleType]:
    found = pkgutil.walk_packages([str(attacks_folder())], f"{PACKAGE}.")
    names = [module.name for module in found]
    return [importlib.import_module(name) for name in names if name.rpartition(".")[2].startswith("test_")]


def _declared(modules: list[ModuleType]) -> Iterator[tuple[Attack, Callable[..., object]]]:
    for module in modules:
        for function in vars(module).values():
            declared = declared_attack(function)
            if declared is not None:
                yield declared, function
