"""Prove that a result's exchanges are repeated in the condition in which they were sent."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ..audit.auditing import uds_harness
from .nodes import ARTICLE_SEED
from .talk import command, shell

OF_THE_ARTICLE = "SA-09 or SA-22 or SA-30 or ST-02 or CF-11 or TP-12"
OF_HARDENED = "SA-30 or AC-01 or SA-21"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of the article and a run of the hardened ECU."""
    place = tmp_path_factory.mktemp("runs")
    for target, checks in (("article", OF_THE_ARTICLE), ("hardened", OF_HARDENED)):
        uds_harness("audit", target, "--depth", "quick", "--seed", "7", "-k", checks, "--out", target, cwd=place)
    return place


def changed(runs: Path, place: Path, target: str, change: Any) -> Path:
    """Return a copy of a run whose audit.json was changed."""
    folder = place / "copy"
    shutil.copytree(runs / target, folder)
    path = folder / "audit.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")
    return folder


@pytest.mark.parametrize("result", OF_THE_ARTICLE.split(" or "))
def test_what_the_article_did_it_does_again(runs: Path, result: str) -> None:
    said = command("replay", runs / "article", result)
    assert (said.code, said.err) == (0, "")
    assert not any("recorded" in line for line in said.out[:-1])
    assert said.out[-1].endswith("as recorded, seeds aside")


def test_a_session_and_an_open_level_are_brought_about_first(runs: Path) -> None:
    said = command("replay", runs / "hardened", "AC-01[DID 2020]")
    assert said.code == 0
    assert [sent[:5] for sent in said.sent] == ["10 03", "27 01", "27 02", "2E 20"]


def test_a_key_stands_to_its_new_seed_as_it_stood_to_the_old_one(runs: Path) -> None:
    said = command("replay", runs / "article", "SA-30")
    opened = [(sent, heard) for sent, heard in zip(said.sent, said.heard, strict=True) if sent.startswith("27 02")]
    assert len(opened[1][0].split()) == 2 + 5  # the right key and a tail
    assert {heard for _, heard in opened} == {"67 02"}


def test_without_the_real_keys_one_that_was_accepted_is_made_anew(runs: Path, tmp_path: Path) -> None:
    folder = changed(runs, tmp_path, "article", lambda document: None)
    shutil.rmtree(folder / "private")
    said = command("replay", folder, "SA-22")
    assert (said.code, said.heard[-1]) == (0, "67 02")
    assert "the run's files hold no keys" in said.err


def test_another_answer_stands_beside_the_recorded_one(runs: Path, tmp_path: Path) -> None:
    def change(document: Any) -> None:
        result = next(one for one in document["results"] if one["id"] == "CF-11")
        result["exchanges"][0]["replies"] = ["7F 22 13"]

    said = command("replay", changed(runs, tmp_path, "article", change), "cf-11")
    assert said.code == 1
    assert said.out[-2].endswith("  (recorded: 7F 22 13  negative response, incorrectMessageLength)")
    assert said.out[-1] == f"1 of {len(said.heard)} answers differed from the recorded ones, seeds aside"


def test_the_shell_repeats_a_result_among_its_lines(runs: Path) -> None:
    said = shell("read 1010", f"repeat {runs / 'article'} CF-11", target="article")
    assert (said.code, said.sent) == (0, ["22 10 10", "22 10 10 20 20"])


def test_of_several_results_one_is_taken_and_the_others_are_named(runs: Path) -> None:
    said = command("replay", runs / "hardened", "SA-30")
    assert "this is SA-30[level 0x01]; there are also SA-30[level 0x03]" in said.err
    assert all(sent.startswith("27 04") or sent[:2] != "27" or sent == "27 03" for sent in command(
        "replay", runs / "hardened", "SA-30[level 0x03]").sent)  # fmt: skip


@pytest.mark.parametrize(
    ("result", "why"),
    [
        ("SA-1", "the run has no result SA-1 (did you mean "),
        ("SA-01", "SA-01[level 0x01] has no exchange to repeat: not_run, deselected"),
    ],
)
def test_what_cannot_be_repeated_is_told_in_a_line(runs: Path, result: str, why: str) -> None:
    said = command("replay", runs / "article", result)
    assert (said.code, said.out) == (4, [])
    assert why in said.err


def test_a_result_that_was_measured_has_nothing_to_repeat(runs: Path, tmp_path: Path) -> None:
    def change(document: Any) -> None:
        next(one for one in document["results"] if one["id"] == "CF-11")["exchanges"] = []

    said = command("replay", changed(runs, tmp_path, "article", change), "CF-11")
    assert "CF-11 has no exchange to repeat: fail, by what was measured" in said.err


@pytest.mark.parametrize(
    ("started_with", "why"),
    [
        ("uds-harness audit uds-sim:evil.py:make", "its ECU is the program evil.py:make"),
        ("uds-harness audit --interface uds-sim --channel os:getcwd", "its ECU is the program os:getcwd"),
        ("uds-harness audit article --channel evil.py:make", "its ECU is the program evil.py:make"),
        ("uds-harness audit {folder}/mine.toml", "its target lies in the run's own folder"),
        ("uds-harness audit gone.toml", "the run's target is not here: gone.toml"),
        ("rm -rf /", "what the run was started with is not understood"),
        ("pytest attacks", "what the run was started with is not understood"),
        ("uds-harness audit 'half", "what the run was started with is not understood"),
    ],
)
def test_a_run_of_somebody_else_starts_no_program(runs: Path, tmp_path: Path, started_with: str, why: str) -> None:
    folder = changed(runs, tmp_path, "article", lambda document: document["run"].update(command=started_with))
    (folder / "mine.toml").write_text("", encoding="utf-8")
    started_with = started_with.format(folder=folder)
    path = folder / "audit.json"
    path.write_text(path.read_text(encoding="utf-8").replace("{folder}", str(folder)), encoding="utf-8")
    said = command("replay", folder, "CF-11")
    assert (said.code, said.out) == (4, [])
    assert why in said.err
    assert "name the target: uds-harness replay" in said.err
    assert command("replay", folder, "CF-11", "article").code == 0


def test_a_run_by_pytest_names_its_target_too(runs: Path, tmp_path: Path) -> None:
    started_with = "pytest attacks -k x --uds-target article --uds-depth quick --uds-seed 7"
    folder = changed(runs, tmp_path, "article", lambda document: document["run"].update(command=started_with))
    assert command("replay", folder, "CF-11").code == 0


def test_the_article_gives_seeds_of_the_run_again(runs: Path) -> None:
    """A simulated ECU draws its seeds from the run's seed, so that a replay is the same each time."""
    first, second = (command("replay", runs / "article", "SA-09").out for _ in range(2))
    assert first == second
    assert ARTICLE_SEED.hex(" ").upper() not in " ".join(first)
