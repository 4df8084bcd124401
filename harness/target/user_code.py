"""Import Python files that a user names: a key function, a node, a check. ``sys.path`` does not change."""

import sys
from functools import lru_cache
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from harness.errors import UserError


def load_file(path: Path, wanted_by: str) -> Any:
    """Import one Python file. Raises UserError that says for what the file was needed and what is wrong with it."""
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
        raise UserError(f"{wanted_by}: {path} raised {error_in_words(error)}") from error
    return module


@lru_cache(maxsize=32)
def _compiled(source: bytes, path: Path) -> CodeType:
    """Compile a file; cache it by content, since a file may change within a second, which a cache on disk would not
    notice.
    """
    return compile(source, path, "exec")


def error_in_words(error: BaseException) -> str:
    """Describe in one line what the user's code raised."""
    return " ".join(f"{type(error).__name__}: {error}".split()).rstrip(":")
