"""Prove what the command line prints and with which exit code it ends; for the audit itself see tests/audit."""

import contextlib
import gc
import io
import os
import pty
import re
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from harness.audit.catalogue import shipped_checks
from harness.cli.ending import Ended, ending_lines
from harness.cli.main import main
from harness.ecu.flaws import FLAWS
from harness.ecu.profiles import PROFILES
from harness.target import shipped_targets
from harness.verdict import Severity

from ..audit.auditing import HANGS_S, shared_audit

HARNESS = [sys.executable, "-m", "harness"]
WIDTH = 80
SCREEN = 24
"""How many lines the smallest usual terminal has."""


def run(*arguments: str | Path, cwd: Path) -> tuple[int, str, str]:
    """Run a command; return its exit code, output and errors."""
    gc.freeze()  # pytest ends with five collections; what was there before is none of its business
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(cwd), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main([str(one) for one in arguments])
        except SystemExit as end:
            code = int(end.code or 0)
    return code, out.getvalue(), err.getvalue()


def too_wide(text: str) -> list[str]:
    """Return lines of more than eighty columns that could have been broken at a space."""
    return [line for line in text.splitlines() if len(line) > WIDTH and " " in line[:WIDTH].strip()[20:]]


# Help


COMMANDS = ["audit", "discover", "import", "report", "diff", "plan", "replay", "ecu", "shell", "list", "show", "doctor"]


def test_help_names_every_command(tmp_path: Path) -> None:
    code, out, _ = run("--help", cwd=tmp_path)
    assert code == 0
    for command in COMMANDS:
        assert re.search(rf"^ +{command} +\w", out, re.MULTILINE), command


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_fits_into_eighty_columns(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = run(*([command] if command else []), "--help", cwd=tmp_path)
    assert code == 0
    assert too_wide(out) == []


def test_help_of_audit_names_the_exit_codes_in_their_order(tmp_path: Path) -> None:
    out = run("audit", "--help", cwd=tmp_path)[1]
    assert re.findall(r"^  (\d)  ", out, re.MULTILINE) == ["4", "2", "3", "1", "5", "0"]


def test_version_is_told(tmp_path: Path) -> None:
    assert run("--version", cwd=tmp_path)[:2] == (0, f"uds-harness {version('uds-harness')}\n")


def test_a_mistyped_command_line_points_to_the_help(tmp_path: Path) -> None:
    code, _, err = run("audit", "--dept", "quick", "--seed", "x", cwd=tmp_path)
    assert code == 4
    assert err.rstrip().endswith("see: uds-harness audit --help")


def test_a_mistyped_check_is_named_the_ones_it_resembles_and_not_all_of_them(tmp_path: Path) -> None:
    code, _, err = run("show", "fuzz/read-half", cwd=tmp_path)
    assert code == 4
    assert "did you mean fuzz/read-half-did" in err
    assert len(err) < 200


def test_a_mistyped_defect_is_named_the_ones_it_resembles(tmp_path: Path) -> None:
    words = ["ecu", "hardened", "--interface", "virtual", "--channel", "x", "--defect", "constant_seeds"]
    code, _, err = run(*words, cwd=tmp_path)
    assert code == 4
    assert "did you mean constant_seed" in err


# list and show


def test_list_shows_every_check_with_its_severity(tmp_path: Path) -> None:
    code, out, _ = run("list", cwd=tmp_path)
    assert code == 0
    for check in shipped_checks():
        assert re.search(rf"^{check.id} +{check.severity}\s+{re.escape(check.title[:30])}", out, re.MULTILINE), check.id


@pytest.mark.parametrize(
    ("what", "names"),
    [("profiles", list(PROFILES)), ("defects", list(FLAWS)), ("targets", list(shipped_targets()))],
)
def test_list_shows_every_name_with_what_it_is(what: str, names: list[str], tmp_path: Path) -> None:
    code, out, _ = run("list", what, cwd=tmp_path)
    assert code == 0
    for name in names:
        assert re.search(rf"^{re.escape(name)}\s+\S", out, re.MULTILINE), name


@pytest.mark.parametrize("what", ["checks", "profiles", "defects", "targets"])
def test_list_fits_into_eighty_columns(what: str, tmp_path: Path) -> None:
    assert too_wide(run("list", what, cwd=tmp_path)[1]) == []


def test_show_says_of_each_check_what_why_and_what_to_do(tmp_path: Path) -> None:
    lacking, wide = [], []
    for check in shipped_checks():
        code, out, _ = run("show", check.id, cwd=tmp_path)
        flat = " ".join(out.split())
        assert code == 0, check.id
        texts = (check.id, check.title, check.severity.value, check.basis, check.rationale, check.remediation)
        wanted = [" ".join(text.split()) for text in (*texts, *check.proven_by)]
        lacking += [(check.id, text) for text in wanted if text not in flat.replace("- ", "-") and text not in flat]
        wide += [(check.id, line) for line in too_wide(out)]
    assert (lacking, wide) == ([], [])


def test_show_does_not_mind_small_letters(tmp_path: Path) -> None:
    assert run("show", "sa-09", cwd=tmp_path)[1] == run("show", "SA-09", cwd=tmp_path)[1]


def test_show_of_an_unknown_id_says_where_the_known_ones_stand(tmp_path: Path) -> None:
    code, out, err = run("show", "SA-99", cwd=tmp_path)
    assert (code, out) == (4, "")
    (line,) = err.splitlines()
    assert "SA-99" in line
    assert "uds-harness list" in line


def test_nothing_is_written_by_commands_that_only_tell(tmp_path: Path) -> None:
    for words in (["list"], ["list", "targets"], ["show", "SA-09"], ["doctor"], ["--help"]):
        run(*words, cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_goes_away_draws_no_traceback(tmp_path: Path) -> None:
    """The reader goes away as in `uds-harness list | head -1`."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([*HARNESS, "list"], stdout=writing, stderr=subprocess.PIPE, text=True, cwd=tmp_path, check=False)
    os.close(writing)
    assert done.stderr == ""
    assert done.returncode == 0


# ecu

REFUSED = {
    "a profile that does not exist": ["nosuch", "--interface", "virtual", "--channel", "x"],
    "a defect that does not exist": ["hardened", "--defect", "nosuch", "--interface", "virtual", "--channel", "x"],
    "a profile without defects": ["article", "--defect", "no_attempt_limit", "--interface", "virtual", "--channel", "x"],
    "an interface that does not exist": ["article", "--interface", "nosuch", "--channel", "x"],
    "a channel that does not exist": ["article", "--interface", "socketcan", "--channel", "nope0"],
    "no channel": ["article", "--interface", "socketcan"],
}


@pytest.mark.parametrize("words", REFUSED.values(), ids=list(REFUSED))
def test_ecu_refuses(words: list[str], tmp_path: Path) -> None:
    code, out, err = run("ecu", *words, cwd=tmp_path)
    assert code == 4
    assert out == ""
    assert len(err.splitlines()) == 1
    assert "Traceback" not in err


def test_ecu_plays_until_ctrl_c(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "class Mine:\n"
        "    def attach(self, port):\n"
        "        print('attached', flush=True)\n"
        "    def on_frame(self, frame):\n"
        "        pass\n"
    )
    words = [*HARNESS, "ecu", "mine.py:Mine", "--interface", "virtual", "--channel", "x"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    assert process.stdout is not None
    said = [process.stdout.readline() for _ in range(3)]
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=HANGS_S)
    assert said == ["mine.py:Mine is on virtual:x; Ctrl-C ends it\n", "ready\n", "attached\n"]
    assert err == ""
    assert process.returncode in (0, 2)


# audit: what is printed


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The output of whole audits, printed to a file instead of a terminal."""
    return {name: shared_audit(tmp_path_factory, name, depth="quick").out for name in ("article", "hardened")}


@pytest.mark.parametrize("name", ["article", "hardened"])
def test_an_audit_fits_into_eighty_columns(name: str, printed: dict[str, str]) -> None:
    assert too_wide(printed[name]) == []


@pytest.mark.parametrize("name", ["article", "hardened"])
def test_no_escape_sequence_is_written_where_there_is_no_terminal(name: str, printed: dict[str, str]) -> None:
    assert "\x1b" not in printed[name]
    assert "\r" not in printed[name]


def test_the_first_line_says_what_is_audited_and_with_which_seed(printed: dict[str, str]) -> None:
    assert re.match(r"uds-harness audit: article \(simulated\), depth quick, seed \d+\n\n", printed["article"])


def test_a_whole_audit_takes_two_screens(tmp_path_factory: pytest.TempPathFactory) -> None:
    """`make audit` begins with one line and an empty one; all other lines are its end."""
    run = shared_audit(tmp_path_factory, "article").run
    lines = ending_lines(run, Ended(code=1, folder="reports/20261120T092800Z-article", is_exit_zero=True))
    assert 2 + len(lines) <= 2 * SCREEN, lines
    assert too_wide("\n".join(lines)) == []
    titled = [one for one in run.failures() if any(f"{one.id:<6} {one.heading[:40]}" in line for line in lines)]
    assert {one.id for one in run.failures() if one.severity is Severity.HIGH} <= {one.id for one in titled}
    said = "\n".join(lines)
    assert all(re.search(rf"\b{one.id}\b", said) for one in run.failures())
    assert all(text in said for text in ("Not judged, and why", "exit code 0, as --exit-zero asks", "next: uds-harness "))


def test_every_check_has_one_line(printed: dict[str, str]) -> None:
    for check in shipped_checks():
        heads = [line for line in printed["article"].splitlines() if re.match(rf"[a-z_]+ +{check.id} ", line)]
        assert len(heads) == 1, check.id


def test_a_failure_adds_request_expected_observed_and_the_command_aligned(printed: dict[str, str]) -> None:
    lines = printed["article"].splitlines()
    start = next(number for number, line in enumerate(lines) if re.match(r"fail +TP-12", line))
    block = [line for line in lines[start : start + 8] if re.match(r"    [a-z]+ +\S", line)]
    labels = [line.split()[0] for line in block]
    assert labels == ["severity", "request", "expected", "observed", "repeat"]
    assert {re.match(r"    [a-z]+ +", line).end() for line in block} == {14}  # type: ignore[union-attr]


def test_the_report_is_named_and_the_number_of_findings_ends_the_output(printed: dict[str, str]) -> None:
    """The output ends in "N findings, …", and a line that had to be broken stays together."""
    before, after = printed["article"].rstrip().split("report: ")
    assert before.endswith("\n\n"), before[-200:]
    path, closing = after.split("\n", 1)
    assert path.endswith("/audit.html")
    assert re.match(r"\d+ findings?\b", closing)


def on_a_terminal(*arguments: str, cwd: Path) -> str:
    """Return everything that a command writes to a terminal, for a user whose PATH has `uds-harness`."""
    ours, theirs = pty.openpty()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = {**os.environ, "TERM": "xterm", "PATH": path}
    process = subprocess.Popen([*HARNESS, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, cwd=cwd, env=environment)
    os.close(theirs)
    said = b""
    with contextlib.suppress(OSError):  # how a terminal says that nobody writes to it any more
        while piece := os.read(ours, 65536):
            said += piece
    process.wait(timeout=HANGS_S)
    os.close(ours)
    return said.decode()


SOME = ("audit", "article", "--depth", "quick", "--seed", "1", "-k", "CF- or TP- or FZ- or fuzz/")


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> str:
    return on_a_terminal(*SOME, cwd=tmp_path_factory.mktemp("shown"))


def under_way(said: str) -> list[str]:
    """Return each state of the progress line, and of the line below it."""
    return re.findall(r"\[[= ]+\] [^\r\n]*\r?\n[^\r\n\x1b]*", said)


def test_a_terminal_shows_how_far_it_is_and_which_check_is_under_way(shown: str) -> None:
    wanted = {check.id for check in shipped_checks() if check.id.startswith(("CF-", "TP-", "FZ-", "fuzz/"))}
    assert len(wanted) > 20
    states = [
        re.fullmatch(r"\[=* *\] (\d+) of (\d+) results, .*\n(.*): .*", state.replace("\r", "")) for state in under_way(shown)
    ]
    told = [state for state in states if state is not None]
    assert told
    assert {state[2] for state in told} == {told[0][2]}, "how many there are does not change"
    numbers = [int(state[1]) for state in told]
    assert numbers == sorted(numbers)
    assert {state[3].split()[0] for state in told} <= wanted


def test_what_is_under_way_fits_into_the_lines_that_it_has(shown: str) -> None:
    for state in under_way(shown):
        assert all(len(line) <= WIDTH for line in state.splitlines()), state


def test_of_what_was_under_way_nothing_remains(shown: str, tmp_path: Path) -> None:
    """Apart from colours, the screen finally shows what is printed where there is no terminal."""
    plain = run(*SOME, cwd=tmp_path)[1]
    undated = re.compile(r"\d{8}T\d{6}Z")
    assert undated.sub("", screen(shown)).split() == undated.sub("", plain).split()


def screen(said: str) -> str:
    """Return the text that finally remains on a terminal after these characters."""
    lines, row = [""], 0
    for piece in re.findall(r"\x1b\[[?\d;]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", said):
        if piece == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif up := re.fullmatch(r"\x1b\[(\d*)A", piece):
            row -= int(up[1] or 1)
        elif re.fullmatch(r"\x1b\[2?K", piece):
            lines[row] = ""
        elif piece[0] not in "\x1b\r":
            lines[row] += piece
    return "\n".join(lines)
