"""Which checks are there? Reads the declarations of a folder of checks, without an ECU."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable

from harness.audit.declare import Attack, declared_attack


def shipped_functions() -> dict[str, Callable[..., object]]:
    """Every check of the package ``attacks``, by id, in the order of ids."""
    found: dict[str, Callable[..., object]] = {}
    root = importlib.import_module("attacks")
    for module in pkgutil.walk_packages(root.__path__, "attacks."):
        if module.name.rpartition(".")[2].startswith("test_"):
            for function in vars(importlib.import_module(module.name)).values():
                declared = declared_attack(function)
                if declared is not None:
                    found[declared.id] = function
    return dict(sorted(found.items()))


def shipped_checks() -> list[Attack]:
    """The declarations of `shipped_functions`."""
    declarations = map(declared_attack, shipped_functions().values())
    return [declared for declared in declarations if declared is not None]
