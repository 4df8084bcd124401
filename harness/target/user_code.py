"""Python files that a user names: a key function, a node, a check. They are imported without a trace in ``sys.path``."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
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
    try:  # no byte code is kept: the file may change within the second that such a cache can tell
        exec(compile(path.read_bytes(), path, "exec"), module.__dict__)
    except (Exception, SystemExit) as error:
        sys.modules.pop(module_name, None)
        raise UserError(f"{wanted_by}: {path} raised {told(error)}") from error
    return module


def told(error: BaseException) -> str:
    """What a user's code raised, in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split()).rstrip(":")
