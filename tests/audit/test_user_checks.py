"""Prove that a user's checks work like shipped ones, by the command line and by pytest."""

import re
import shlex
from pathlib import Path

import pytest

from harness.audit.requirements import attacks_folder
from harness.runs.folder import read_run

from .auditing import Done, check, run_pytest, shared_audit, uds_harness, write_checks, write_target

FINE = check("MY-1", "assert tester.read(0x0100) == b'\\x01'")


def both_doors(place: Path, *checks: str) -> list[Done]:
    """Run the checks both by `uds-harness audit --checks` and by `pytest folder --uds-target`."""
    mine = write_checks(place / "mine", *checks)
    target = write_target(place)
    (place / "cli").mkdir()
    (place / "pytest").mkdir()
    return [
        uds_harness("audit", target, "--checks", mine, "-k", "MY-", cwd=place / "cli"),
        run_pytest(mine, "--uds-target", target, cwd=place / "pytest"),
    ]


def by_pytest(place: Path, *checks: str) -> Done:
    """Run the checks by pytest alone."""
    return run_pytest(write_checks(place / "mine", *checks), "--uds-target", write_target(place), cwd=place)


VERDICTS = {
    "that returns": ("pass", "tester.request('22 01 00')"),
    "whose assertion fails": ("fail", "assert tester.read(0x0100) == b'\\x07', 'the value is wrong'"),
    "that fails by our word": ("fail", "fail(expected='this', observed='that')"),
    "that fails by pytest's word": ("fail", "pytest.fail('the value is wrong')"),
    "that judges a reply": ("fail", "tester.judge(tester.request('22 01 00'), sound=negative(Nrc.REQUEST_OUT_OF_RANGE))"),
    "that raises": ("error", "raise RuntimeError('a mistake of mine')"),
    "that is undecided": ("inconclusive", "inconclusive('who knows')"),
    "that has no subject": ("not_applicable", "not_applicable('there is no such thing')"),
    "that may not": ("not_run", "not_run('over budget')"),
}


@pytest.fixture(scope="module")
def all_ways(tmp_path_factory: pytest.TempPathFactory) -> list[Done]:
    """Checks that end in every possible way, run both by the command line and by pytest."""
    checks = [check(f"MY-{number}", body) for number, (_, body) in enumerate(VERDICTS.values())]
    return both_doors(tmp_path_factory.mktemp("ways"), *checks)


@pytest.mark.parametrize("way", VERDICTS)
def test_a_check(way: str, all_ways: list[Done]) -> None:
    name = f"MY-{list(VERDICTS).index(way)}"
    for done in all_ways:
        assert done.verdicts.get(name) == VERDICTS[way][0], done.explain()


def test_a_failed_assertion_says_which(place: Path) -> None:
    done = by_pytest(place, check("MY-1", "assert tester.read(0x0100) == b'\\x07', 'the value is wrong'"))
    result = done.result("MY-1")
    assert "the value is wrong" in result["observed"]
    assert result["exchanges"], "with the frames"


def test_a_mistake_in_a_check_shows_where_it_is(place: Path) -> None:
    done = by_pytest(place, check("MY-1", "value = None\nvalue.hex()"))
    assert "AttributeError" in done.result("MY-1")["reason"]
    assert re.search(r"test_mine\.py.*line 7, in test_my_1", done.result("MY-1")["reason"])


SKIPPED = {
    "by a call": check("MY-1", "pytest.skip('not today')"),
    "by a mark": check("MY-1", "pass", decorators="\n@pytest.mark.skip(reason='not today')"),
}


@pytest.mark.parametrize("source", SKIPPED.values(), ids=list(SKIPPED))
def test_a_check_that_pytest_skips_is_in_the_report_with_its_reason(source: str, place: Path) -> None:
    """A report says what was not tested, and why: a result that is missing would read as if there were no such check."""
    done = by_pytest(place, source)
    assert done.verdicts.get("MY-1") in ("not_run", "inconclusive"), done.explain()
    assert "not today" in done.result("MY-1")["reason"]


def test_a_check_with_a_fixture_that_does_not_exist_ends_in_error(place: Path) -> None:
    done = by_pytest(place, check("MY-1", "pass", takes="tester, no_such_thing"))
    assert done.code == 3
    assert "no_such_thing" in done.result("MY-1")["reason"]


def test_every_subject_of_a_check_that_pytest_cannot_run_has_its_result(place: Path) -> None:
    mine = write_checks(place / "mine", check("MY-1", "pass", takes="tester, level, no_such_thing"))
    done = run_pytest(mine, "--uds-target", "hardened", cwd=place)
    assert [(result["parameter"], result["verdict"]) for result in done.document["results"]] == [
        ("level 0x01", "error"), ("level 0x03", "error"),
    ], done.explain()  # fmt: skip
    assert all(result["repeat"] for result in done.document["results"])


def test_a_check_may_take_fixtures_of_its_own_and_of_pytest(place: Path) -> None:
    own = "\n@pytest.fixture\ndef answer():\n    return 42\n"
    body = "assert answer == 42\nmonkeypatch.setenv('X', 'y')\nprint('seen by nobody')"
    done = by_pytest(place, own, check("MY-1", body, takes="tester, answer, monkeypatch"))
    assert done.code == 0, done.explain()
    assert "seen by nobody" not in done.out


def test_a_teardown_that_raises_ends_in_error(place: Path) -> None:
    own = "\n@pytest.fixture\ndef bench():\n    yield\n    raise RuntimeError('the bench fell over')\n"
    done = by_pytest(place, own, check("MY-1", "pass", takes="tester, bench"))
    assert done.code == 3, done.explain()
    assert "the bench fell over" in done.result("MY-1")["reason"]


def test_a_check_may_be_a_method(place: Path) -> None:
    mine = write_checks(place / "mine")
    with open(mine / "test_mine.py", "a") as file:
        file.write(
            "\nclass TestMine:\n"
            "    @attack(id='MY-1', title='A', severity=Severity.LOW, basis='policy', source='s', rationale='r',\n"
            "            remediation='m')\n"
            "    def test_it(self, tester, level):\n"
            "        assert level == 1\n"
        )
    done = run_pytest(mine, "--uds-target", write_target(place), "-o", "python_classes=Test*", cwd=place)
    assert done.verdicts == {"MY-1": "pass"}, done.explain()


def test_a_check_starts_from_a_restored_ecu_whatever_the_one_before_did(place: Path) -> None:
    checks = (
        check("MY-1", "tester.security.unlock(1)\ntester.write(0x0200, b'\\x77')", needs="('write',)"),
        check("MY-2", "tester.access.require_locked()\ntester.judge(tester.write(0x0200, b'\\x01'), sound=negative(0x33))"),
    )
    for done in both_doors(place, *checks):
        assert done.verdicts == {"MY-1": "pass", "MY-2": "pass"}, done.explain()


def test_the_checks_of_several_folders_run_together(place: Path) -> None:
    one = write_checks(place / "one", FINE)
    two = write_checks(place / "two", FINE.replace("MY-1", "MY-2"), name="test_other.py")
    done = uds_harness("audit", write_target(place), "--checks", one, "--checks", two, "-k", "MY-", cwd=place)
    assert done.verdicts == {"MY-1": "pass", "MY-2": "pass"}, done.explain()


def test_checks_may_be_one_file_of_any_name(place: Path) -> None:
    write_checks(place, FINE, name="mine.py")
    done = uds_harness("audit", write_target(place), "--checks", "mine.py", "-k", "MY-", cwd=place)
    assert done.verdicts == {"MY-1": "pass"}, done.explain()


def test_files_of_the_same_name_in_two_folders_do_not_quarrel(place: Path) -> None:
    one = write_checks(place / "one", FINE)
    two = write_checks(place / "two", FINE.replace("MY-1", "MY-2"))
    done = uds_harness("audit", write_target(place), "--checks", one, "--checks", two, "-k", "MY-", cwd=place)
    assert done.verdicts == {"MY-1": "pass", "MY-2": "pass"}, done.explain()


# pytest's own habits


def test_a_check_without_an_ecu_is_one_clear_line(place: Path) -> None:
    done = run_pytest(write_checks(place / "mine", FINE), cwd=place)
    assert done.code == 4
    (line,) = done.err.strip().splitlines()
    assert "--uds-target" in line
    assert "test_mine.py" in line
    assert done.folders == []


def test_collecting_only_sends_nothing_and_leaves_nothing(place: Path) -> None:
    mine = write_checks(place / "mine", FINE)
    done = run_pytest(mine, "--collect-only", "-q", "--uds-target", write_target(place), cwd=place)
    assert done.code == 0, done.explain()
    assert "test_my_1" in done.out
    assert done.folders == []


def test_a_check_that_raises_is_an_error_with_its_line(place: Path) -> None:
    mine = write_checks(place / "mine", check("MY-1", "tester.request('zz')"))
    done = uds_harness("audit", write_target(place), "--checks", mine, "--check", "MY-1", "-v", cwd=place)
    assert done.code == 3, done.explain()
    assert re.match(r"ValueError: [^\n]* \(test_mine\.py:\d+\)\nTraceback", done.result("MY-1")["reason"])
    assert "Traceback" not in done.out + done.err


def test_a_malformed_target_is_one_clear_line(place: Path) -> None:
    done = run_pytest(write_checks(place / "mine", FINE), "--uds-target", "nosuch.toml", cwd=place)
    assert done.code == 4
    (line,) = done.err.strip().splitlines()
    assert "nosuch.toml" in line


@pytest.mark.parametrize("words", [["--uds-depth", "abyss"], ["--uds-seed", "lucky"]], ids=["depth", "seed"])
def test_a_bad_option_is_said(words: list[str], place: Path) -> None:
    done = run_pytest(write_checks(place / "mine", FINE), "--uds-target", write_target(place), *words, cwd=place)
    assert done.code == 4
    assert words[1] in done.err
    assert "Traceback" not in done.err
    assert done.folders == []


def test_one_check_can_be_named_by_its_node_id(place: Path) -> None:
    mine = write_checks(place / "mine", FINE, FINE.replace("MY-1", "MY-2").replace("my_1", "my_2"))
    done = run_pytest(f"{mine}/test_mine.py::test_my_2", "--uds-target", write_target(place), cwd=place)
    assert [result["id"] for result in done.document["results"] if result["verdict"] != "not_run"] == ["MY-2"]


def test_verbose_shows_our_verdicts(place: Path) -> None:
    mine = write_checks(place / "mine", *(check(f"MY-{n}", body) for n, (_, body) in enumerate(VERDICTS.values())))
    done = run_pytest(mine, "--uds-target", write_target(place), "-v", cwd=place)
    for word in ("PASS", "FAIL", "ERROR", "INCONCLUSIVE", "NOT_APPLICABLE", "NOT_RUN"):
        assert re.search(rf"test_my_\d {word}\b", done.out), word


def test_pytest_shows_the_aligned_lines_of_a_failure(place: Path) -> None:
    mine = write_checks(place / "mine", check("MY-1", VERDICTS["that judges a reply"][1]))
    done = run_pytest(mine, "--uds-target", write_target(place), cwd=place)
    lines = [line.strip() for line in done.out.splitlines()]
    start = next(number for number, line in enumerate(lines) if line.startswith("request   22 01 00"))
    assert lines[start + 1] == "expected  negative 0x31 requestOutOfRange"
    assert lines[start + 2] == "observed  positive 62 01 00 01"
    assert lines[start + 3].startswith("repeat    pytest ")


def test_the_command_that_pytest_gives_repeats_the_failure(place: Path) -> None:
    first = by_pytest(place, check("MY-1", VERDICTS["that judges a reply"][1]))
    program, *words = shlex.split(first.result("MY-1")["repeat"])
    assert program == "pytest"
    second = run_pytest(*words, "--uds-out", "again", cwd=place)
    assert second.code == 1, second.explain()
    assert [one.id for one in read_run(place / "again").failures()] == ["MY-1"]


def test_the_shipped_checks_run_under_pytest_as_the_design_says(
    place: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """`pytest attacks --uds-target …` works in the project's own folder."""
    root = attacks_folder().parent
    words = ["attacks", "--uds-target", "article", "--uds-seed", "7", "--uds-depth", "quick", "--uds-out", place / "run"]
    done = run_pytest(*words, cwd=root)
    assert done.code == 1, done.explain()
    found = read_run(place / "run").findings
    assert {(one.id, one.parameter, one.verdict) for one in found} == {
        (one.id, one.parameter, one.verdict) for one in shared_audit(tmp_path_factory, "article", depth="quick").run.findings
    }


def test_the_articles_ecu_is_the_default_for_the_shipped_checks(place: Path) -> None:
    """`pytest attacks` audits the article's ECU, which is simulated, so that it can harm nothing."""
    root = attacks_folder().parent
    done = run_pytest("attacks/conformance", "--uds-out", place / "run", cwd=root)
    assert done.code == 1, done.explain()
    assert read_run(place / "run").info.target["name"] == "article"


def test_a_check_that_names_the_class_of_its_tester_draws_no_warning(place: Path) -> None:
    """A class named Tester would draw pytest's collection warnings."""
    mine = write_checks(place / "mine", "from harness import Tester\n", check("MY-1", "pass", takes="tester: Tester"))
    done = run_pytest(mine, "--uds-target", write_target(place), cwd=place)
    assert done.code == 0, done.explain()
    assert "arning" not in done.out, done.explain()


def test_a_junit_file_that_the_user_asks_for_is_written_where_he_says(place: Path) -> None:
    """A CI system looks for the file there; an option that is accepted and ignored would mislead its user."""
    mine = write_checks(place / "mine", FINE)
    done = run_pytest(mine, "--uds-target", write_target(place), "--junitxml", "mine.xml", cwd=place)
    assert (place / "mine.xml").exists(), done.explain()
    assert (done.folder / "junit.xml").exists()


def test_a_page_of_pytest_html_that_the_user_asks_for_is_written_where_he_says(place: Path) -> None:
    mine = write_checks(place / "mine", FINE)
    done = run_pytest(mine, "--uds-target", write_target(place), "--html", "mine.html", "--self-contained-html", cwd=place)
    assert "col-verdict" in (place / "mine.html").read_text(encoding="utf-8"), done.explain()
    assert "col-verdict" in (done.folder / "pytest.html").read_text(encoding="utf-8")


def test_quick_means_quick_for_pytest_too(place: Path) -> None:
    mine = write_checks(place / "mine", check("MY-1", "assert depth == 'quick'", takes="depth"))
    assert run_pytest(mine, "--uds-target", write_target(place), "--uds-depth", "quick", cwd=place).code == 0


def test_the_same_seed_is_the_same_run_for_pytest_too(place: Path) -> None:
    mine = write_checks(place / "mine", check("MY-1", "tester.security.seed(1)"))
    logs = []
    for out in ("a", "b"):
        run_pytest(mine, "--uds-target", write_target(place), "--uds-seed", "3", "--uds-out", out, cwd=place)
        logs.append((place / out / "bus.log").read_bytes())
    assert logs[0] == logs[1]


def test_pytest_too_says_which_seed_was_drawn_and_where_the_report_lies(place: Path) -> None:
    mine = write_checks(place / "mine", FINE)
    done = run_pytest(mine, "--uds-target", write_target(place), cwd=place)
    assert f"small (simulated), depth default, seed {done.run.info.seed}" in done.out
    assert f"report: {done.folder.relative_to(place)}/audit.html" in done.out, done.explain()


def test_an_ordinary_test_run_knows_nothing_of_audits(place: Path) -> None:
    (place / "test_plain.py").write_text("def test_one():\n    assert 1\n")
    done = run_pytest(".", cwd=place)
    assert done.code == 0, done.explain()
    assert [path.name for path in place.iterdir() if path.name != "__pycache__"] == ["test_plain.py"]
