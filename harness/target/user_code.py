"""Python files that a user names: a key function, a node, a check. They are imported without a trace in ``sys.path``."""

from __future__ import annotations

import sys
from functools import lru_cache
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from harness.errors import UserError


def load_file(path: Path, wanted_by: str) -> Any:
    """Import one Python file that a user named; UserError says who wanted it and what is wrong."""
    if not path.is_file():
        raise UserError(f"{wanted_by}: there is no file {path}")
    module = ModuleType(f"uds_harness_user_{path.stem}")
    module.__file__ = str(path)
    module_name = module.__name__
    sys.modules[module_name] = module
    try:
        exec(_compiled(path.read_bytes(), path), module.__dict__)
    except (Exception, SystemExit) as error:
        sys.modules.pop(module_name, None)
        raise UserError(f"{wanted_by}: {path} raised {told(error)}") from error
    return module


@lru_cache(maxsize=32)
def _compiled(source: bytes, path: Path) -> CodeType:
    """Known by what the file holds: it may change within the second that a cache on disk can tell."""
    return compile(source, path, "exec")


def told(error: BaseException) -> str:
    """What a user's code raised, in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split()).rstrip(":")
