"""Run a script in the shell, and return its results."""

import contextlib
import gc
import io
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.cli.main import main

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: list[str]
    err: str

    @property
    def sent(self) -> list[str]:
        """The messages that were sent, in hex."""
        return [line.removeprefix("> ") for line in self.out if line.startswith("> ")]

    @property
    def heard(self) -> list[str]:
        """The messages that came back, in hex; empty for silence."""
        return [line.removeprefix("< ").partition("  ")[0].strip() for line in self.out if line.startswith("<")]


def command(*arguments: str | Path, script: str | bytes = "") -> Said:
    """Run a command of `uds-harness` with a script on its standard input."""
    gc.freeze()
    data = script.encode() if isinstance(script, str) else script
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))
        try:
            code = main([str(one) for one in arguments])
        except SystemExit as end:
            code = int(end.code or 0)
    return Said(code, out.getvalue().splitlines(), err.getvalue())


def shell(*lines: str, target: str | Path = "hardened") -> Said:
    """Run `uds-harness shell` with these lines."""
    return command("shell", target, "--seed", "1", script="\n".join(lines) + "\n")
