"""Prove that the commands in README.ja.md and docs/raspberry-pi.md are accepted, and do what the pages show."""

import os
import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from harness.audit.catalogue import shipped_functions
from harness.cli.main import _parser
from harness.ecu import profiles
from harness.fuzz.case import read_cases
from harness.target import shipped_targets
from harness.tester.reply import Reply
from harness.testing import open_ecu, run_checks, target_of

ROOT = Path(__file__).parent.parent
JAPANESE = ROOT / "README.ja.md"
PI = ROOT / "docs" / "raspberry-pi.md"
FUZZ = ROOT / "docs" / "fuzzing.md"
PAGES = sorted(
    {ROOT / "README.md", ROOT / "CONTRIBUTING.md", JAPANESE, *(ROOT / "docs").glob("*.md")}
    - {ROOT / "docs" / "scoreboard.md"}
)
UNIT = ROOT / "docs" / "uds-harness-ecu@.service"

OMITTED = "…"
"""A line of shown output that stands for any number of lines."""
COMMAND = re.compile(r"uds-harness ((?:\w|-)+ [^`#&<>|\n]*[^`#&<>|\s])")
HANGS_S = 600


def shown(page: Path) -> list[tuple[str, list[str]]]:
    """Return the commands that the page shows with their output."""
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
    """Return every command of ours that a page names, without those that contain placeholders."""
    found = COMMAND.findall(page.read_text(encoding="utf-8"))
    return [command for command in found if not any(word.isupper() or word == "--help" for word in command.split())]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_names_only_commands_that_there_are(page: Path) -> None:
    for command in commands(page):
        options = _parser().parse_args(shlex.split(command.partition("  ")[0]))
        target = getattr(options, "target", None)
        assert target is None or target in shipped_targets() or str(target).endswith((".toml", ".uds")), command


def test_the_pages_show_enough_commands_to_be_worth_a_test() -> None:
    assert all(len(commands(page)) >= 8 for page in (JAPANESE, PI, ROOT / "README.md", ROOT / "docs" / "first-audit.md"))


def test_the_services_command_is_one_that_there_is() -> None:
    (line,) = re.findall(r"^ExecStart=\S+/uds-harness (.*)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE)
    words = line.replace("$PROFILE", "hardened").replace("$OPTIONS", "--defect constant_seed").replace("%i", "can0").split()
    options = _parser().parse_args(words)
    assert (options.profile, options.channel, options.wait) == ("hardened", "can0", True)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_links_to_is_there(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), link


def python_of(page: Path, file: str = r"\w+(?:/\w+)?\.py") -> str:
    """Return the first Python example of a page, or the example of a file: from the file's name to the next
    unindented line.
    """
    block = re.search(rf"^    # {file}\n((?:    .*\n|\n)+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert block is not None, page
    return textwrap.dedent(block[1]).partition("\nuds-harness ")[0]


def test_the_example_of_an_ecu_of_ones_own_answers(tmp_path: Path) -> None:
    (tmp_path / "my_ecu.py").write_text(python_of(ROOT / "docs" / "own-ecus.md"), encoding="utf-8")
    with open_ecu(target_of(f"{tmp_path / 'my_ecu.py'}:make")) as tester:
        assert tester.request("3E 00").is_positive


def test_the_example_of_a_check_passes_on_a_sound_ecu() -> None:
    names: dict[str, Any] = {}
    exec(python_of(ROOT / "docs" / "checks.md"), names)
    (finding,) = run_checks([names["test_level_2b_is_not_there"]], "hardened")
    assert (finding.id, finding.verdict) == ("MY-01", "pass")


def test_the_table_of_a_reply_names_what_a_reply_holds() -> None:
    table = (ROOT / "docs" / "checks.md").read_text(encoding="utf-8").partition("| of a `Reply` |")[2].partition("\n\n")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    shown = {name for cell in cells for name in re.findall(r"`(\w+)", cell)}
    of_the_evidence = {"sent", "trace", "first_frame", "last_frame", "exchange"}
    assert shown == {name for name in dir(Reply) if not name.startswith("_")} - of_the_evidence


def test_the_example_of_a_shipped_check_sees_its_flaw_and_no_sound_ecu(monkeypatch: pytest.MonkeyPatch) -> None:
    names: dict[str, Any] = {}
    for file in ("test_end_of_life.py", "flaw.py"):
        exec(python_of(ROOT / "CONTRIBUTING.md", file), names)
    check, flaw = names["test_end_of_life_level_is_not_served"], names["end_of_life_level"]
    monkeypatch.setitem(profiles.CHANGES, flaw.name, flaw)
    monkeypatch.setitem(profiles._ORDER, flaw.name, len(profiles._ORDER))
    assert {one.verdict for one in run_checks([check], target_of(f"hardened+{flaw.name}"))} == {"fail"}
    assert {one.verdict for one in run_checks([check], "hardened")} == {"pass"}


def test_the_examples_of_a_flaw_and_a_variant_are_such_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    names: dict[str, Any] = {}
    for file in ("zero_seed_at_noon.py", "seven_attempts.py"):
        exec(python_of(ROOT / "CONTRIBUTING.md", file), names)
        change = names[file.removesuffix(".py")]
        monkeypatch.setitem(profiles.CHANGES, change.name, change)
        monkeypatch.setitem(profiles._ORDER, change.name, len(profiles._ORDER))
    limit = shipped_functions()["SA-09"]
    assert {one.verdict for one in run_checks([limit], target_of("hardened+seven_attempts"))} == {"pass"}
    with open_ecu(target_of("hardened+zero_seed_at_noon")) as tester:
        tester.enter_session(0x03)
        assert tester.request("27 01").is_seed
        noon_s = 12 * 3600 - tester.link.utc_s % 86400
        tester.wait(noon_s + 60)
        tester.enter_session(0x03)
        assert not any(tester.request("27 01").pdu[2:])


def test_the_example_of_a_node_answers_as_its_test_says(monkeypatch: pytest.MonkeyPatch) -> None:
    example = ModuleType("test_my_node")
    monkeypatch.setitem(sys.modules, example.__name__, example)
    exec(python_of(ROOT / "CONTRIBUTING.md", "test_my_node.py"), vars(example))
    example.test_it_answers_tester_present_and_nothing_else()


def test_the_example_of_a_case_is_read(tmp_path: Path) -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    block = re.search(r"^    \[\[case\]\]\n(?:    .*\n)+", text, re.MULTILINE)
    assert block is not None
    (tmp_path / "case.toml").write_text(textwrap.dedent(block[0]), encoding="utf-8")
    (case,) = read_cases(tmp_path / "case.toml")
    assert case.full_id == "fuzz/write-odd-length"


def test_the_example_of_a_fuzz_case_is_one(tmp_path: Path) -> None:
    block = re.search(r"^    (# my_cases/write\.toml\n(?:    .*\n)+)", FUZZ.read_text(encoding="utf-8"), re.MULTILINE)
    assert block is not None
    (tmp_path / "write.toml").write_text(textwrap.dedent("    " + block[1]), encoding="utf-8")
    (case,) = read_cases(tmp_path / "write.toml")
    assert case.id == "write-odd-length"


def test_the_example_of_a_key_function_makes_a_key() -> None:
    names: dict[str, Any] = {}
    exec(python_of(ROOT / "docs" / "keys.md").partition("\n[[")[0], names)
    assert names["key"](b"\x00\xff", 1) == b"\x5a\xa5"
