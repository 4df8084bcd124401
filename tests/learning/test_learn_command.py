"""Prove that `uds-harness learn` leaves a whole run folder, with the model in its pinned form and a self-contained page."""

import json
import re
from pathlib import Path

import pytest

from harness.cli.main import main
from harness.runs.folder import differences_to_manifest
from harness.runs.state_machine import StateMachine, read_machine

PINNED = {
    "schema_version", "alphabet", "states", "initial", "transitions", "requests", "resets", "wrong_keys", "violations",
    "nondeterminism",
}  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("learned") / "article"
    assert main(["learn", "--seed", "7", "--out", str(folder)]) == 1
    return folder


def requests_on_the_bus(run: Path) -> int:
    """Return the single and first frames to the ECU in its bus log."""
    return len(re.findall(r" 740#[01]", (run / "bus.log").read_text()))


def test_the_model_has_its_pinned_form(run: Path) -> None:
    model = json.loads((run / "model.json").read_text())
    assert set(model) >= PINNED
    assert model["alphabet"] == ["10 01", "10 03", "seed", "right key", "wrong key", "guarded write", "11 01"]
    assert all(set(state) == {"id", "name"} for state in model["states"])
    assert all(set(one) == {"from", "input", "output", "to"} for one in model["transitions"])
    assert model["initial"] in {state["id"] for state in model["states"]}
    assert all({"id", "rule", "sequence"} <= set(one) for one in model["violations"])


def test_every_request_that_was_sent_is_counted(run: Path) -> None:
    assert json.loads((run / "model.json").read_text())["requests"] == requests_on_the_bus(run)


def test_the_run_folder_is_an_audits(run: Path) -> None:
    results = json.loads((run / "audit.json").read_text())["results"]
    assert {one["id"] for one in results} == {f"LM-{number:02}" for number in range(1, 10)}
    assert {one["parameter"] for one in results if one["verdict"] == "fail"} >= {"SA-09", "SA-22", "SA-24"}
    assert all(one["exchanges"] for one in results if one["verdict"] == "fail")
    assert not differences_to_manifest(run)
    assert (run / "model.dot").read_text().startswith("digraph")


def test_what_was_not_seen_to_lock_is_no_pass(run: Path) -> None:
    results = {one["id"]: one for one in json.loads((run / "audit.json").read_text())["results"]}
    assert results["LM-04"]["verdict"] == "inconclusive", "the article serves no session and no restart"
    assert results["LM-06"]["verdict"] == "not_applicable", "the article has no delay"


def test_the_page_stands_by_itself(run: Path) -> None:
    page = (run / "learn.html").read_text()
    assert "<script" not in page
    assert not re.search(r"(src|href)=\"(?!#|data:|\./)", page)
    assert page.count('<rect class="state') >= 3
    assert 'class="broken"' in page
    assert "locked, seed pending" in page


def test_the_report_of_the_run_shows_the_machine_too(run: Path) -> None:
    page = (run / "audit.html").read_text()
    assert 'id="machine"' in page
    assert '<svg class="machine"' in page


def test_its_reports_can_be_made_again(run: Path, tmp_path: Path) -> None:
    before = (run / "learn.html").read_bytes()
    (run / "learn.html").unlink()
    assert main(["report", str(run)]) == 0
    assert (run / "learn.html").read_bytes() == before


def test_the_answers_of_a_run_are_taken_over_by_the_next(run: Path, tmp_path: Path) -> None:
    assert main(["learn", "--seed", "7", "--resume", str(run), "--out", str(tmp_path / "again")]) == 1
    first, again = read_machine(run), read_machine(tmp_path / "again")
    assert again.states == first.states
    assert again.transitions == first.transitions
    assert again.requests < first.requests / 3


def test_a_budget_ends_learning_and_keeps_what_is_known(tmp_path: Path) -> None:
    assert main(["learn", "hardened", "--requests", "400", "--seed", "1", "--out", str(tmp_path / "cut")]) == 5
    machine = read_machine(tmp_path / "cut")
    assert "budget" in machine.ended
    assert machine.states
    results = json.loads((tmp_path / "cut" / "audit.json").read_text())["results"]
    assert {one["verdict"] for one in results} <= {"inconclusive", "pass", "not_applicable"}
    assert not [one for one in results if one["verdict"] == "pass" and one["id"] not in ("LM-01", "LM-02")]


# Comparing


def written(machine: StateMachine, path: Path) -> str:
    path.write_text(machine.text())
    return str(path)


def test_a_machine_is_the_same_as_itself(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["learn", "--compare", str(run), str(run / "model.json")]) == 0
    assert "the same" in capsys.readouterr().out


def test_the_shortest_sequence_tells_two_machines_apart(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads((run / "model.json").read_text())
    opened = next(one for one in document["transitions"] if one["input"] == "right key" and one["from"] != one["to"])
    again = next(one for one in document["transitions"] if one["input"] == "right key" and one["from"] == opened["to"])
    again["output"] = "0x24"
    (tmp_path / "new.json").write_text(json.dumps(document))
    assert main(["learn", "--compare", str(run), str(tmp_path / "new.json")]) == 1
    said = capsys.readouterr().out
    assert "  seed, right key, right key\n" in said
    assert "positive (old), 0x24 (new)" in said


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"schema_version": 1, "states": 3}', '{"schema_version": 2}'])
def test_what_is_no_model_is_told_in_a_line(
    content: str, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.json").write_text(content)
    assert main(["learn", "--compare", str(run), str(tmp_path / "bad.json")]) == 4
    assert "Traceback" not in capsys.readouterr().err


# Planning, and refusing


def test_a_plan_tells_the_cost_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["learn", "hardened", "--plan"]) == 0
    said = capsys.readouterr().out
    assert all(word in said for word in ("queries", "requests", "resets", "wrong keys", "hours"))
    assert list(tmp_path.iterdir()) == []


def test_an_ecu_without_a_way_back_is_refused_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["learn", "vcan0", "--plan"]) == 5
    assert "cannot be brought back to one initial state" in capsys.readouterr().out


def test_without_aalpy_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("harness.cli.learn.find_spec", lambda name: None)
    assert main(["learn"]) == 4
    assert "pip install 'uds-harness[learn]'" in capsys.readouterr().err
