"""Prove that the terminal shows one line for each result and the evidence of failures, without an ECU's control
sequences.
"""

import unicodedata
from dataclasses import replace

import pytest

from harness.cli.ending import MOST_LINES, Ended, ending_lines
from harness.cli.result_lines import finding_lines, result_lines
from harness.runs.findings import Finding, Run
from harness.verdict import Severity, Verdict


def columns(line: str) -> int:
    return sum(1 + (unicodedata.east_asian_width(one) in "WF") for one in line)


def by_id(run: Run, identity: str) -> Finding:
    return next(one for one in run.findings if one.id == identity)


def only(run: Run, *identities: str) -> Run:
    return replace(run, findings=tuple(one for one in run.findings if one.id in identities))


def test_a_pass_is_one_line(article: Run) -> None:
    assert result_lines(by_id(article, "SA-32")) == [
        "pass            SA-32  Trivial and default keys are refused [level 0x01]"
    ]


def test_a_failure_adds_aligned_lines(article: Run) -> None:
    assert result_lines(by_id(article, "SA-22")) == [
        "fail            SA-22  A seed is spent after a wrong key [level 0x01]",
        "    severity  medium (standard)",
        "    request   27 02 00 00 00 00; 27 02 5E F7 39 B0 (SecurityAccess)",
        "    expected  0x24 requestSequenceError to the right key for a seed already",
        "              answered wrongly",
        "    observed  67 02: unlocked",
        "    repeat    uds-harness audit article --seed 20261120 -k SA-22",
    ]


def test_other_verdicts_add_their_reason(article: Run) -> None:
    assert result_lines(by_id(article, "TP-06")) == [
        "not_run         TP-06  A flood of first frames is survived",
        "    reason    The target file does not allow destructive (safety.allow).",
    ]


def test_a_long_command_can_be_copied_as_it_stands(article: Run) -> None:
    command = "uds-harness audit 'my bench/pi.toml' --interface socketcan --channel can0 --depth deep --seed 1 -k SA-09"
    lines = result_lines(replace(by_id(article, "SA-09"), repeat=command))
    repeat = [line.strip() for line in lines[next(n for n, line in enumerate(lines) if "repeat" in line) :]]
    assert " ".join(line.removesuffix(" \\") for line in repeat).removeprefix("repeat").strip() == command
    assert len(repeat) > 1
    assert all(line.endswith(" \\") for line in repeat[:-1])


@pytest.mark.parametrize("run_name", ["article", "hostile", "empty"])
def test_no_line_is_wider_than_the_terminal(run_name: str, request: pytest.FixtureRequest) -> None:
    run: Run = request.getfixturevalue(run_name)
    lines = [line for finding in run.findings for line in result_lines(replace(finding, repeat="run -k x"))]
    for line in lines + ending_lines(run):
        assert columns(line) <= 80, line


def test_wide_characters_count_as_two_columns(article: Run) -> None:
    finding = replace(by_id(article, "SA-22"), observed="鍵が違う" * 40)
    assert max(columns(line) for line in result_lines(finding)) == 80


def test_an_ecu_cannot_command_the_terminal_or_forge_a_line(hostile: Run) -> None:
    for finding in hostile.findings:
        forged = replace(finding, observed="x\r\npass            SA-01  all is well\x1b[1A\x07", title="a\npass  SA-02")
        lines = result_lines(forged)
        assert all(one.isprintable() for line in lines for one in line)
        assert all(line.startswith("    ") for line in lines[1:])
        assert len(lines) < 120
    assert all(one.isprintable() for line in ending_lines(hostile) for one in line)


def test_colour_only_adds_to_the_words(article: Run) -> None:
    for finding in article.findings:
        coloured = result_lines(finding, colour=True)
        assert coloured[0].startswith("\x1b[")
        code = coloured[0][: coloured[0].index("m") + 1]
        assert [line.replace(code, "").replace("\x1b[0m", "") for line in coloured] == result_lines(finding)


def test_the_end_answers_then_names_the_findings_by_what_is_wrong(article: Run) -> None:
    lines = ending_lines(article)
    assert lines[0].startswith("This ECU's protection can be overcome with realistic effort: ")
    first = lines.index("Findings, the worst first")
    assert [line.split()[:2] for line in lines[first + 1 : first + 4]] == [
        ["high", "SA-09"],
        ["high", "AC-13"],
        ["high", "TP-12"],
    ]
    assert next(line for line in lines if "results: " in line).startswith("19 results: 6 pass, 9 fail (1 accepted), ")
    assert lines[-1] == "8 findings, as expected of this deliberately weak ECU"


def test_what_was_not_judged_is_told_by_its_reason(article: Run) -> None:
    lost = next(one for one in article.findings if one.verdict is Verdict.INCONCLUSIVE)
    many = [replace(lost, id=f"XX-{n:02}", reason="the ECU has no key") for n in range(60)]
    lines = ending_lines(replace(article, findings=(lost, *many)))
    assert "  60 inconclusive   XX-00 and 59 more: the ECU has no key" in lines
    assert any(lost.reason[:30] in line and lost.id in line for line in lines)


def test_many_findings_take_two_screens(article: Run) -> None:
    failure = by_id(article, "SA-22")
    kinds = [Severity.HIGH, Severity.MEDIUM, Severity.LOW]
    many = [replace(failure, id=f"XX-{n:03}", severity=kinds[max(0, n - 9) // 30]) for n in range(90)]
    doubts = [replace(failure, id=f"YY-{n}", verdict=Verdict.INCONCLUSIVE, reason=f"as {n} wants it") for n in range(40)]
    ended = Ended(code=1, folder="reports/20261120T092800Z-article")
    for width in (80, 160):
        lines = ending_lines(replace(article, findings=(*many[:60], *doubts)), ended, width=width)
        assert max(map(columns, lines)) <= width
        assert len(lines) <= MOST_LINES
        said = " ".join(lines)
        assert all(one.id in said for one in many[:60]), "of the many at least the ids"


@pytest.mark.parametrize(
    ("code", "is_exit_zero", "why"),
    [
        (1, False, "exit code 1: 8 failures"),
        (1, True, "exit code 0, as --exit-zero asks: 8 failures"),
        (2, False, "exit code 2: the run was interrupted"),
    ],
)
def test_the_end_says_why_the_exit_code_and_what_next(article: Run, code: int, is_exit_zero: bool, why: str) -> None:
    run = replace(article, info=replace(article.info, interrupted=code == 2))
    lines = ending_lines(run, Ended(code=code, folder="reports/my run", is_exit_zero=is_exit_zero))
    assert why in lines
    said = " ".join(" ".join(lines).split())
    assert ("--resume 'reports/my run'" if code == 2 else "next: uds-harness show SA-09") in said
    assert "report: reports/my run/audit.html" in lines


def next_command(run: Run) -> str:
    lines = ending_lines(run, Ended(code=1, folder="out"), width=400)
    return next(line.removeprefix("next: ") for line in lines if line.startswith("next: "))


def test_what_is_suggested_can_be_done(article: Run) -> None:
    """A result without exchanges cannot be sent again, and `show` needs the file of a user's own check."""
    first, second = by_id(article, "SA-09"), by_id(article, "SA-22")
    silent, heard = replace(first, exchanges=()), replace(second, severity=Severity.LOW)
    assert next_command(replace(article, findings=(silent, heard))) == (
        "uds-harness show SA-09 says what it means, uds-harness replay out SA-22 sends the exchanges of SA-22 again"
    )
    assert next_command(replace(article, findings=(silent,))) == "uds-harness show SA-09 says what it means"
    repeat = "uds-harness audit article --checks 'my cases' --seed 1 -k half"
    own = replace(first, id="fuzz/my-half", failure="", cause="", repeat=repeat)
    assert next_command(replace(article, findings=(own,))) == (
        "uds-harness show fuzz/my-half --checks 'my cases' says what it means, "
        "uds-harness replay out fuzz/my-half sends it again"
    )
    lines = ending_lines(replace(article, findings=(own,)), width=400)
    assert f"  high      fuzz/my-half does not hold: {own.title}" in lines


def test_suggestions_call_the_program_as_it_was_called(article: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.cli.ending.own_command", lambda: ".venv/bin/uds-harness")
    assert next_command(only(article, "SA-09")).startswith(".venv/bin/uds-harness show SA-09 says")


def test_a_finding_is_one_line_as_it_comes(article: Run) -> None:
    assert finding_lines(by_id(article, "SA-22")) == [
        "fail   medium    SA-22  A seed is spent after a wrong key [level 0x01]"
    ]
    error = replace(by_id(article, "SA-22"), verdict=Verdict.ERROR, reason="ValueError: no\nTraceback: of ours")
    assert "Traceback" not in "".join(finding_lines(error))


def test_an_ordinary_target_gets_the_plain_number(article: Run) -> None:
    ordinary = replace(article, info=replace(article.info, target={"name": "pi"}))
    assert ending_lines(ordinary)[-1] == "8 findings"
    assert ending_lines(only(ordinary, "SA-09"))[-1] == "1 finding"


def test_known_findings_that_are_missing_or_new_are_named(article: Run) -> None:
    mended = [replace(one, verdict=Verdict.PASS) if one.id == "SA-22" else one for one in article.findings]
    broken = [replace(one, verdict=Verdict.FAIL) if one.id == "AC-01" else one for one in mended]
    lines = ending_lines(replace(article, findings=tuple(broken)))
    assert (
        " ".join(line.strip() for line in lines[-2:]).strip()
        == "8 findings; known of this deliberately weak ECU but not found: SA-22; new: AC-01"
    )


def test_a_known_finding_whose_check_did_not_run_is_not_missed(article: Run) -> None:
    assert ending_lines(only(article, "SA-09"))[-1] == (
        "1 finding, none new; 8 known findings of this deliberately weak ECU not tested"
    )


def test_an_interrupted_run_and_its_remarks_are_said(article: Run) -> None:
    text = " ".join(" ".join(ending_lines(replace(article, info=replace(article.info, interrupted=True)))).split())
    assert "This run was interrupted" in text
    assert "The ECU never relocks" in text
