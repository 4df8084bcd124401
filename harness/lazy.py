"""Names that a package shows and imports only when they are asked for, so that importing the package stays light."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazily(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """A package's ``__getattr__``: `homes` says for each public name the module of `harness` in which it is defined."""

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f"harness.{homes[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    return get
