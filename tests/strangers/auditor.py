"""Audits one target after another: a line in is a list of arguments for pytest, a line out says how that ended."""

import contextlib
import io
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ALWAYS = [
    str(ROOT / "attacks"),
    f"--ignore={ROOT / 'attacks' / 'fuzz'}",
    f"--rootdir={ROOT}",
    "-q",
    "-p",
    "no:cacheprovider",
]


def audit(arguments: list[str]) -> dict[str, object]:
    console = io.StringIO()
    with contextlib.redirect_stdout(console), contextlib.redirect_stderr(console):
        code = pytest.main([*ALWAYS, "--uds-seed", "1", *arguments])
    return {"exit_code": int(code), "console": console.getvalue()}


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(audit(json.loads(line))), flush=True)
