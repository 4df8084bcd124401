"""Where do the checks lie that come with the harness? Found by their package's name, without importing any of them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

PACKAGE = "attacks"


def attacks_folder() -> Path:
    """The folder of the shipped checks, absolute."""
    spec = find_spec(PACKAGE)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(next(iter(spec.submodule_search_locations))).resolve()
