"""Which checks are there? Reads the declarations of a folder of checks, without an ECU."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from functools import cache
from types import ModuleType

from harness.audit.fuzzing import checks_among, checks_below
from harness.audit.requirements import PACKAGE, attacks_folder
from harness.check import Attack, declared_attack


def shipped_functions() -> dict[str, Callable[..., object]]:
    """Every check of the package ``attacks`` but the fuzz cases, by id, in the order of ids."""
    return dict(_functions())


@cache
def _functions() -> dict[str, Callable[..., object]]:
    return dict(sorted((declared.id, function) for declared, function in _declared(_modules())))


def shipped_checks() -> list[Attack]:
    """The declarations of `shipped_functions`, and then of every fuzz case."""
    functions = [function for module in _modules() for function in vars(module).values()]
    cases = [*checks_below(attacks_folder()), *checks_among(functions)]
    declared = [declared for declared, _ in _declared(_modules())]
    declared += [case for case in map(declared_attack, cases) if case is not None]
    return sorted(declared, key=lambda one: (one.id.startswith("fuzz/"), one.id))


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
