"""Prove that `uds-harness fuzz` leaves a run's folder, ends with an audit's exit codes, and can be resumed."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from harness.campaigns.rounds import CampaignSoFar
from harness.cli.fuzz import _Progress
from harness.fuzz.hunt import Yield
from harness.report import conclusion
from harness.target import load_target

from ..audit.auditing import uds_harness
from . import campaign_nodes

NODES = Path(campaign_nodes.__file__)
FLAWED = "reserved_flow_status_kills"
SMALL = ("--exchanges", "2000", "--seed", "7")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the target of an ECU that dies of one flow control."""
    folder = tmp_path_factory.mktemp("fuzz")
    text = (Path(conclusion.__file__).parents[1] / "targets" / "hardened.toml").read_text(encoding="utf-8")
    (folder / "flawed.toml").write_text(text.replace('channel = "hardened"', f'channel = "{NODES}:{FLAWED}"'))
    return folder


@pytest.fixture(scope="module")
def found(place: Path) -> Path:
    """The folder of a campaign on that ECU."""
    done = uds_harness("fuzz", "flawed.toml", *SMALL, "--out", "run", cwd=place)
    assert done.code == 1, done.out + done.err
    return place / "run"


def audit_of(run: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((run / "audit.json").read_text(encoding="utf-8"))
    return document


def test_a_campaign_ends_as_an_audit_does(found: Path) -> None:
    document = audit_of(found)
    schema = json.loads((Path(conclusion.__file__).parent / "schemas" / "audit.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(document, schema)
    results = {one["id"]: one for one in document["results"]}
    assert set(results) == {*(f"FZ-0{number}" for number in range(1, 7)), "fuzz/found-e3b275a0"}
    assert results["fuzz/found-e3b275a0"]["verdict"] == results["FZ-05"]["verdict"] == "fail"
    assert "in one round" in results["FZ-02"]["observed"]
    campaign = document["run"]["campaign"]
    assert list(campaign) == ["seed", "rounds", "exchanges", "corpus", "coverage"]
    assert campaign["exchanges"] >= 2000
    assert document["run"]["crashes"][0]["reproduced"]
    assert "Campaign: what was answered in which state" in (found / "audit.html").read_text(encoding="utf-8")


def test_a_finding_has_its_three_files(found: Path) -> None:
    (folder,) = (found / "findings").iterdir()
    assert folder.name == "e3b275a0"
    assert {path.name for path in folder.iterdir()} == {"case.toml", "replay.py", "replay.log"}
    assert "740#33" in (folder / "replay.log").read_text(encoding="ascii")
    compile((folder / "replay.py").read_text(encoding="utf-8"), "replay.py", "exec")
    files = json.loads((found / "manifest.json").read_text(encoding="utf-8"))["files"]
    assert "findings/e3b275a0/case.toml" in files


def test_the_case_of_a_finding_is_run_by_the_suite_from_where_it_lies(found: Path, place: Path) -> None:
    case = found / "findings" / "e3b275a0" / "case.toml"
    done = uds_harness(
        "audit", "flawed.toml", "--checks", case, "-k", "found-e3b275a0", "--out", "again", "--depth", "quick", cwd=place
    )
    assert done.code == 1
    assert "fuzz/found-e3b275a0" in done.out


def test_a_campaign_that_was_cut_short_goes_on_and_ends_as_one_that_was_not(found: Path, place: Path) -> None:
    before = audit_of(found)
    for name in ("audit.json", "manifest.json"):
        (found / name).unlink()
    os.remove(found / "shards" / "r00000-s000.json")
    done = uds_harness("fuzz", "--resume", "run", cwd=place)
    assert done.code == 1, done.out + done.err
    after = audit_of(found)
    assert after["run"]["campaign"] == before["run"]["campaign"]
    assert [one["id"] for one in after["results"]] == [one["id"] for one in before["results"]]


def test_a_campaign_that_is_interrupted_at_once_says_so_and_how_it_goes_on(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.campaigns.running.run_rounds", lambda *_, **__: signal.raise_signal(signal.SIGINT))
    done = uds_harness("fuzz", "flawed.toml", *SMALL, "--out", "cut", cwd=place)
    assert done.code == 2
    assert "fuzz --resume cut goes on" in done.out
    reasons = {one["reason"] for one in audit_of(place / "cut")["results"]}
    assert reasons == {"the campaign ended before its first round was over"}


def test_wrong_use_is_told_before_anything_is_sent(place: Path) -> None:
    for words, told in (
        (("--time", "8h", "--exchanges", "5"), "exclude each other"),
        (("--workers", "2", "--dask", "tcp://127.0.0.1:1"), "exclude each other"),
        (("hardened", "2E 20"), "uds-harness fuzz new"),
        (("new",), "give what the case sends"),
        (("new", "2E 2"), "half a byte"),
        (("--time", "soon"), "--time soon"),
        (("--resume", "nowhere"), "nowhere"),
    ):
        done = uds_harness("fuzz", *words, cwd=place)
        assert done.code == 4, words
        assert told in done.err, words
    assert not (place / "reports").exists()


def test_an_ecu_that_does_not_answer_is_not_judged(place: Path) -> None:
    words = ("--interface", "uds-sim", "--channel", "hardened", "--request-id", "0x123", *SMALL, "--out", "silent")
    done = uds_harness("fuzz", *words, cwd=place)
    assert done.code == 5, done.out + done.err
    document = audit_of(place / "silent")
    assert {one["verdict"] for one in document["results"]} == {"inconclusive"}
    assert any("does not answer" in one["reason"] for one in document["results"])


def test_an_ecu_of_which_nothing_is_known_can_be_fuzzed(place: Path) -> None:
    ids = ("--request-id", "0x740", "--response-id", "0x748")
    done = uds_harness(
        "fuzz", "--interface", "uds-sim", "--channel", "hardened", *ids, *SMALL, "--out", "unknown", cwd=place
    )
    assert done.code == 0, done.out + done.err


def test_a_new_case_runs(place: Path) -> None:
    assert uds_harness("fuzz", "new", "22 10 {00..03}", cwd=place).code == 0
    case = place / "cases" / "22-10-00-03.toml"
    done = uds_harness("audit", "--checks", case, "-k", "22-10-00-03", "--out", "own", "--depth", "quick", cwd=place)
    assert done.code == 0, done.out + done.err
    assert uds_harness("fuzz", "new", "22 10 {00..03}", cwd=place).code == 0
    assert (place / "cases" / "22-10-00-03-2.toml").is_file(), "a case that is there is not written over"


def test_all_mistakes_of_a_file_of_cases_are_told_at_once(place: Path) -> None:
    path = place / "mine.toml"
    path.write_text('[[case]]\nid = "a b"\nwhy = 3\nsend = "2E 2"\nexpect = "negativ"\nexpct = "any"\n', encoding="utf-8")
    done = uds_harness("audit", "--checks", path, cwd=place)
    assert done.code == 4
    assert done.err.count("case #1") == 5


def test_progress_tells_rate_and_rest_of_what_is_done_now(capsys: pytest.CaptureFixture[str]) -> None:
    now_s = 100.0
    campaign = CampaignSoFar(load_target("hardened"), 1, 40_000)
    progress = _Progress(campaign, None, lambda: now_s)
    campaign.next_round()
    campaign.merge([Yield(exchanges=10_000)])  # done before it was resumed
    progress.show()
    campaign.next_round()
    now_s += 5.0
    result = Yield(exchanges=20_000)
    progress.hear(result)
    campaign.merge([result])
    progress.show()
    before, after = capsys.readouterr().out.splitlines()
    assert before == "round 1: 10,000 exchanges, 0/s, 0 findings, 0 kinds of answers"
    assert after == "round 2: 30,000 exchanges, 4,000/s, 0 findings, 0 kinds of answers, 2 s left"
