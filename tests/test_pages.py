"""What README.ja.md and docs/raspberry-pi.md tell a reader to type is what the program takes, and does what they show."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli.main import _parser
from harness.target import shipped_targets

ROOT = Path(__file__).parent.parent
JAPANESE = ROOT / "README.ja.md"
PI = ROOT / "docs" / "raspberry-pi.md"
UNIT = ROOT / "docs" / "uds-harness-ecu@.service"

OMITTED = "…"
"""A line of it stands for any number of lines."""
COMMAND = re.compile(r"uds-harness ((?:\w|-)+ [^`#&<>|\n]*[^`#&<>|\s])")
HANGS_S = 600


def shown(page: Path) -> list[tuple[str, list[str]]]:
    """Commands that the page shows with their output."""
    blocks = re.findall(r"^```console\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [(command.removeprefix("$ "), lines) for command, *lines in (block.splitlines() for block in blocks)]


@pytest.mark.parametrize(("command", "lines"), shown(JAPANESE), ids=lambda value: value if isinstance(value, str) else "")
def test_a_shown_command_prints_what_is_shown(command: str, lines: list[str], tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "COLUMNS": "80"}
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=HANGS_S,
        check=False,
    )
    printed = done.stdout.splitlines()
    at = next((place for place, line in enumerate(printed) if line == lines[0]), len(printed))
    is_next = True
    for line in lines:
        if line == OMITTED:
            is_next = False
            continue
        rest = printed[at:]
        assert line in (rest[:1] if is_next else rest), f"{line!r} is not printed there:\n{done.stdout}"
        at += rest.index(line) + 1
        is_next = True


def commands(page: Path) -> list[str]:
    """Every command of ours that a page names, without what stands for something else."""
    found = COMMAND.findall(page.read_text(encoding="utf-8"))
    return [command for command in found if not any(word.isupper() for word in command.split())]


@pytest.mark.parametrize("page", [JAPANESE, PI], ids=lambda page: page.name)
def test_a_page_names_only_commands_that_there_are(page: Path) -> None:
    found = commands(page)
    assert len(found) >= 8
    for command in found:
        options = _parser().parse_args(shlex.split(command))
        target = getattr(options, "target", None)
        assert target is None or target in shipped_targets() or target.endswith(".toml"), command


def test_the_services_command_is_one_that_there_is() -> None:
    (line,) = re.findall(r"^ExecStart=\S+/uds-harness (.*)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE)
    words = line.replace("$PROFILE", "hardened").replace("$OPTIONS", "--defect constant_seed").replace("%i", "can0").split()
    options = _parser().parse_args(words)
    assert (options.profile, options.channel, options.wait) == ("hardened", "can0", True)


@pytest.mark.parametrize("page", [JAPANESE, PI], ids=lambda page: page.name)
def test_what_a_page_links_to_is_there(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), link
