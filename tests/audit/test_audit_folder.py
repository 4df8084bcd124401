"""Prove the files that an audit leaves: other programs can read each of them, and all agree."""

import hashlib
import html
import json
import re
import shlex
import xml.etree.ElementTree as ET
from collections import Counter
from html.parser import HTMLParser
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import can
import pytest

from harness.runs.folder import differences_to_manifest
from harness.target import shipped_targets

from .auditing import NODES, Done, check, shared_audit, uds_harness, write_checks, write_target

SIX_WAYS = (
    check("MY-PASS", "tester.request('22 01 00')"),
    check("MY-FAIL", "tester.judge(tester.request('22 01 00'), sound=negative())"),
    check("MY-ERROR", "raise RuntimeError('a mistake of mine')"),
    check("MY-DOUBT", "inconclusive('who knows')"),
    check("MY-NONE", "not_applicable('there is no such thing')"),
    check("MY-FORBIDDEN", "not_run('it may not be')"),
)


@pytest.fixture(scope="module")
def six(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """Return one result of each verdict."""
    place = tmp_path_factory.mktemp("six")
    mine = write_checks(place / "mine", *SIX_WAYS)
    return uds_harness("audit", write_target(place), "--checks", mine, "-k", "MY-", "--seed", "1", cwd=place)


def frames_of(path: Path) -> list[can.Message]:
    return list(can.CanutilsLogReader(str(path)))


# Files


def test_the_folder_holds_what_the_documents_name(article: Done) -> None:
    assert {path.name for path in article.folder.iterdir()} == {
        "audit.json", "audit.html", "pytest.html", "junit.xml", "bus.log", "results.jsonl", "manifest.json", "run.json",
        "audit.sarif", "summary.md", "bus.pcapng", "private",
    }  # fmt: skip


def test_the_folder_is_named_by_its_time_and_target(article: Done) -> None:
    assert article.folder.parent == article.cwd / "reports"
    assert re.fullmatch(r"\d{8}T\d{6}Z-article", article.folder.name)


def test_nothing_else_is_left_in_the_working_directory(article: Done) -> None:
    assert [path.name for path in article.cwd.iterdir()] == ["reports"]


def test_out_names_exactly_the_folder(place: Path) -> None:
    done = uds_harness("audit", "--out", "here/and there", "-k", "CF-02", cwd=place)
    assert done.folder == place / "here" / "and there"
    assert not (place / "reports").exists()
    assert "here/and there" in done.out


def test_out_does_not_replace_an_earlier_run_unasked(place: Path) -> None:
    uds_harness("audit", "--out", "again", "-k", "CF-02", cwd=place)
    before = {path: path.read_bytes() for path in (place / "again").rglob("*") if path.is_file()}
    done = uds_harness("audit", "--out", "again", "-k", "SA-01", cwd=place)
    assert done.code == 4
    assert "again: holds a run already; name a new folder, or give --force" in done.err
    assert {path: path.read_bytes() for path in (place / "again").rglob("*") if path.is_file()} == before


def test_with_force_an_earlier_run_is_replaced_with_all_that_belongs_to_it(place: Path) -> None:
    uds_harness("audit", "--out", "again", "-k", "CF-02 or SA-01", cwd=place)
    done = uds_harness("audit", "--out", "again", "--force", "-k", "CF-02", cwd=place)
    assert [result["id"] for result in done.document["results"] if result["verdict"] != "not_run"] == ["CF-02"]
    assert differences_to_manifest(done.folder) == []
    assert len((done.folder / "results.jsonl").read_text().splitlines()) == len(done.document["results"])


def test_two_runs_within_a_second_get_two_folders(place: Path) -> None:
    for _ in range(3):
        uds_harness("audit", "-k", "CF-02", cwd=place)
    assert len(list((place / "reports").iterdir())) == 3


# audit.json


def test_audit_json_has_the_keys_of_the_design(article: Done) -> None:
    document = article.document
    assert set(document) == {"schema_version", "target", "run", "results", "summary"}
    assert document["schema_version"] == 1
    assert set(document["run"]) >= {
        "versions", "seed", "started_utc", "finished_utc", "operator", "environment", "command",
    }  # fmt: skip
    for result in document["results"]:
        assert set(result) >= {
            "id", "title", "parameter", "verdict", "severity", "basis", "expected", "observed", "reason", "notes",
            "exchanges", "repeat", "first_frame", "last_frame",
        }  # fmt: skip
        assert isinstance(result["parameter"], str | None)


def test_audit_json_says_what_was_run(article: Done) -> None:
    run = article.document["run"]
    assert run["seed"] == 7
    assert run["environment"] == "simulated"
    assert run["depth"] == "default"
    assert run["started_utc"] <= run["finished_utc"]
    assert {"uds-harness", "scapy", "python-can", "python"} <= {name.lower() for name in run["versions"]}
    (quirk,) = run["quirks"]
    assert quirk.startswith("malformed_invalid_key")
    assert run["counts"]["wrong_keys"] > 10


def test_the_summary_counts_the_results(six: Done) -> None:
    summary, results = six.document["summary"], six.document["results"]
    mine = Counter(result["verdict"] for result in results)
    assert {verdict: count for verdict, count in summary["verdict"].items() if count} == mine
    assert set(summary["verdict"]) == {"pass", "fail", "inconclusive", "not_applicable", "not_run", "error"}
    assert {level: count for level, count in summary["severity"].items() if count} == {"medium": 1}
    assert set(summary["severity"]) == {"critical", "high", "medium", "low", "info"}


def test_a_result_that_is_no_pass_and_no_fail_says_why(six: Done, article: Done) -> None:
    for result in [*six.document["results"], *article.document["results"]]:
        assert bool(result["reason"]) == (result["verdict"] not in ("pass", "fail")), result


CALCULATED = {"SA-06": "two lengths", "SA-34": "what a search would cost", "IE-05": "a file"}
"""Checks whose verdict no exchange decides; the words of the result say what they found."""


def test_a_failure_says_what_was_expected_and_observed_and_shows_it(article: Done) -> None:
    for result in article.document["results"]:
        if result["verdict"] == "fail":
            assert result["expected"]
            assert result["observed"]
            assert result["exchanges"] or result["id"] in CALCULATED, result["id"]
            assert all(exchange["frames"] for exchange in result["exchanges"]), result["id"]


def test_secrets_are_in_no_file(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from .auditing import article_with

    monkeypatch.setenv("PI_SECRET", "1234567890")
    target = article_with(place, **{'"hex:1234567890"': '"env:PI_SECRET"'})
    done = uds_harness("audit", target, "-k", "SA-22", cwd=place)
    assert done.verdicts == {"SA-22": "fail"}, done.explain()
    for path in filter(Path.is_file, done.folder.iterdir()):
        assert "1234567890" not in path.read_text(encoding="utf-8", errors="replace").replace("\\x", ""), path.name
        assert bytes.fromhex("1234567890") not in path.read_bytes(), path.name


def test_what_the_ecu_printed_is_kept(article: Done) -> None:
    """The text that a node prints is kept as its console."""
    assert "Received request data" in article.document["run"]["console"]


# results.jsonl


def test_results_jsonl_has_every_result_with_its_last_word(article: Done) -> None:
    lines = [json.loads(line) for line in (article.folder / "results.jsonl").read_text().splitlines()]
    last = {(result["id"], result["parameter"]): result for result in lines}
    assert sorted(last) == sorted((result["id"], result["parameter"]) for result in article.document["results"])
    for result in article.document["results"]:
        assert last[result["id"], result["parameter"]] == result


# bus.log


def test_a_stranger_reads_the_bus_log(place: Path) -> None:
    done = uds_harness("audit", "article", "-k", "CF-01 or CF-02 or TP-12", cwd=place)
    frames = frames_of(done.folder / "bus.log")
    assert len(frames) == done.document["run"]["counts"]["frames"]
    assert not any(frame.is_error_frame for frame in frames)
    times = [frame.timestamp for frame in frames]
    assert times == sorted(times)
    sent = [frame for frame in frames if not frame.is_rx]
    assert {(frame.arbitration_id, frame.is_extended_id) for frame in sent} == {(0x740, False)}
    answers = {(frame.arbitration_id, frame.is_extended_id) for frame in frames if frame.is_rx}
    assert answers == {(0x748, True), (0x7B, True), (0x7C, True), (0x7D, True)}


def frames_shown(result: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    """Return the frames of a result's exchanges, each with its number."""
    return [
        (number, frame)
        for exchange in result["exchanges"]
        for number, frame in enumerate(exchange["frames"], start=exchange["first_frame"])
    ]


@pytest.mark.parametrize("which", ["article", "hardened"])
def test_frame_numbers_are_lines_of_the_bus_log(which: str, request: pytest.FixtureRequest) -> None:
    done = request.getfixturevalue(which)
    lines = (done.folder / "bus.log").read_text().splitlines()
    shown = 0
    for result in done.document["results"]:
        assert 0 <= result["first_frame"] <= result["last_frame"] <= len(lines)
        for exchange in result["exchanges"]:
            assert 0 <= exchange["first_frame"] < exchange["last_frame"] <= len(lines)
        for number, record in frames_shown(result):
            (frame,) = can.CanutilsLogReader(StringIO(lines[number] + "\n"))
            assert bytes(frame.data).hex().upper() == record["data"]
            assert frame.arbitration_id == record["can_id"]
            assert frame.is_extended_id == record["is_extended"]
            assert frame.is_rx != record["is_sent"]
            shown += 1
    assert shown > 20 or which == "hardened"


def test_an_exchange_lies_within_the_frames_of_its_result(article: Done, hardened: Done) -> None:
    """A measurement that another check took is cited from where it was taken; only the exchanges of SA-09 and SA-01 may be
    shared.
    """
    for result in [*article.document["results"], *hardened.document["results"]]:
        if result["id"] in ("SA-01", "SA-09"):
            continue
        for exchange in result["exchanges"]:
            assert result["first_frame"] <= exchange["first_frame"], result["id"]
            assert exchange["last_frame"] <= result["last_frame"], result["id"]


def test_results_lie_one_behind_the_other_in_the_log(article: Done) -> None:
    ranges = sorted((result["first_frame"], result["last_frame"]) for result in article.document["results"])
    for (_, end), (start, _) in pairwise(ranges):
        assert end <= start


# manifest.json


def test_the_manifest_has_every_files_true_hash(article: Done) -> None:
    manifest = json.loads((article.folder / "manifest.json").read_text())
    files = filter(Path.is_file, article.folder.rglob("*"))
    assert set(manifest["files"]) == {str(path.relative_to(article.folder)) for path in files} - {"manifest.json"}
    for name, entry in manifest["files"].items():
        content = (article.folder / name).read_bytes()
        assert entry["sha256"] == hashlib.sha256(content).hexdigest(), name
        assert entry["bytes"] == len(content), name


def test_the_manifest_names_the_target_that_was_used(article: Done) -> None:
    manifest = json.loads((article.folder / "manifest.json").read_text())
    assert manifest["inputs"]["target"] == hashlib.sha256(shipped_targets()["article"].read_bytes()).hexdigest()


def test_the_manifest_names_the_key_function_that_was_used(six: Done) -> None:
    inputs = json.loads((six.folder / "manifest.json").read_text())["inputs"]
    assert hashlib.sha256(NODES.read_bytes()).hexdigest() in inputs.values()
    assert inputs["target"] == hashlib.sha256((six.cwd / "small.toml").read_bytes()).hexdigest()


def test_the_manifest_notices_a_change(place: Path) -> None:
    done = uds_harness("audit", "-k", "CF-02", cwd=place)
    assert differences_to_manifest(done.folder) == []
    report = done.folder / "audit.json"
    report.write_text(report.read_text().replace('"fail"', '"pass"'))
    assert differences_to_manifest(done.folder) == ["audit.json: changed"]


# junit.xml


def test_junit_tells_failures_from_errors_from_what_was_skipped(six: Done) -> None:
    suite = next(ET.parse(six.folder / "junit.xml").getroot().iter("testsuite"))
    counts = {name: int(suite.get(name, "")) for name in ("tests", "failures", "errors", "skipped")}
    deselected = len(six.document["results"]) - 6
    assert counts == {"tests": 6 + deselected, "failures": 1, "errors": 1, "skipped": 3 + deselected}
    said = {case.get("classname"): {child.tag: child.get("message") for child in case} for case in suite.iter("testcase")}
    assert set(said["MY-PASS"]) == {"properties"}
    assert "expected negative" in said["MY-FAIL"]["failure"]
    assert "a mistake of mine" in "".join(suite.itertext())
    assert "error" in said["MY-ERROR"]
    for name, word, reason in (
        ("MY-DOUBT", "inconclusive", "who knows"),
        ("MY-NONE", "not_applicable", "there is no such thing"),
        ("MY-FORBIDDEN", "not_run", "it may not be"),
    ):
        assert word in said[name]["skipped"]
        assert reason in said[name]["skipped"]


def test_junit_has_one_case_a_result(article: Done, hardened: Done) -> None:
    for done in (article, hardened):
        cases = list(ET.parse(done.folder / "junit.xml").getroot().iter("testcase"))
        assert len(cases) == len(done.document["results"])
        assert len({(case.get("classname"), case.get("name")) for case in cases}) == len(cases)


# Pages


class Outside(HTMLParser):
    """Collects the addresses that a page would fetch, and those to which it links."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.places: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {key: value or "" for key, value in attrs}
        self.places += [found["id"]] if "id" in found else []
        if tag == "a":
            self.links.append(found.get("href", ""))
        elif address := found.get("src") or (found.get("href", "") if tag == "link" else ""):
            self.fetched.append(address)

    def handle_data(self, data: str) -> None:
        self.text += data


def page(path: Path) -> Outside:
    parser = Outside()
    parser.feed(path.read_text(encoding="utf-8"))
    return parser


PAGES = ["audit.html", "pytest.html"]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fetches_nothing(name: str, article: Done) -> None:
    assert [one for one in page(article.folder / name).fetched if not one.startswith("data:")] == []
    assert "@import" not in (article.folder / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_a_simulated_run_bears_simulated_ecu(name: str, article: Done) -> None:
    assert "SIMULATED ECU" in page(article.folder / name).text


def test_audit_html_leads_to_the_files_beside_it(article: Done) -> None:
    beside = [link for link in page(article.folder / "audit.html").links if not link.startswith(("#", "http"))]
    assert {"./pytest.html", "./bus.log", "./audit.json"} <= set(beside)
    assert all((article.folder / link).exists() for link in beside)


def test_audit_html_shows_every_result(article: Done) -> None:
    text = page(article.folder / "audit.html").text
    for result in article.document["results"]:
        assert result["id"] in text


def test_audit_html_leads_from_its_top_to_each_of_many_findings(article: Done) -> None:
    found = page(article.folder / "audit.html")
    inner = {link[1:] for link in found.links if link.startswith("#")}
    assert len(article.run.failures()) > 20
    assert len(inner) >= len(article.run.failures())
    assert inner <= set(found.places)
    assert len(found.places) == len(set(found.places))


def test_pytest_html_says_that_it_is_the_detail_view_and_leads_to_the_report(article: Done) -> None:
    found = page(article.folder / "pytest.html")
    assert "detail" in found.text.lower()
    assert any(link.endswith("audit.html") for link in found.links)


def test_pytest_html_has_our_columns_and_the_frames_of_a_failure(article: Done) -> None:
    """pytest.html has our columns, and the frames of each failure."""
    assert "Severity" in page(article.folder / "pytest.html").text
    ((row,),) = [rows for name, rows in pytest_html_tests(article).items() if "TP-12" in name]
    cells = [re.sub(r"<span hidden>.*?</span>|<.*?>", "", cell) for cell in row["resultsTableRow"]]
    assert cells[:4] == ["Failed", "fail", "high", "TP-12"]
    assert "21 22 10 10 00 00 00 00" in row["log"]


def test_pytest_html_tells_failures_from_errors_from_what_was_skipped(six: Done) -> None:
    outcomes = {name.partition("::MY-")[2].lower(): rows[0]["result"] for name, rows in pytest_html_tests(six).items()}
    assert outcomes == {
        "pass": "Passed", "fail": "Failed", "error": "Error", "doubt": "Skipped", "none": "Skipped", "forbidden": "Skipped",
    }  # fmt: skip


def pytest_html_tests(done: Done) -> dict[str, Any]:
    """Return the data from which pytest.html builds its table."""
    (blob,) = re.findall(r'data-jsonblob="([^"]*)"', (done.folder / "pytest.html").read_text(encoding="utf-8"))
    return dict(json.loads(html.unescape(blob))["tests"])


# The same again


DATES = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?|\d{8}T\d{6}Z|\d\d-\w{3}-\d{4}|\d\d:\d\d:\d\d")
DURATIONS = re.compile(r'time="[\d.]+"|took [\d:]+(?: ms)?|\d+ ms\b')


def undated(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    return DATES.sub("(date)", DURATIONS.sub("(duration)", text))


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> tuple[Done, Done]:
    again = uds_harness("audit", "article", "--seed", "7", "--depth", "quick", "-v", cwd=tmp_path_factory.mktemp("again"))
    return shared_audit(tmp_path_factory, "article", depth="quick"), again


DATED = [
    "bus.log", "results.jsonl", "audit.json", "run.json",
    "audit.html", "pytest.html", "junit.xml", "audit.sarif", "summary.md",
]  # fmt: skip


@pytest.mark.parametrize("name", DATED)
def test_the_same_seed_gives_the_same_bytes_dates_aside(name: str, twice: tuple[Done, Done]) -> None:
    first, second = (undated(done.folder / name) for done in twice)
    assert first == second


def test_the_frames_and_results_do_not_even_differ_in_dates(twice: tuple[Done, Done]) -> None:
    for name in ("bus.log", "results.jsonl", "bus.pcapng"):
        first, second = ((done.folder / name).read_bytes() for done in twice)
        assert first == second


def test_the_terminal_says_the_same_twice(twice: tuple[Done, Done]) -> None:
    first, second = (DATES.sub("(date)", done.out) for done in twice)
    assert first == second


def test_another_seed_is_another_run(place: Path, twice: tuple[Done, Done]) -> None:
    other = uds_harness("audit", "article", "--seed", "12", "--depth", "quick", cwd=place)
    assert (other.folder / "bus.log").read_bytes() != (twice[0].folder / "bus.log").read_bytes()
    assert other.verdicts == twice[0].verdicts


def test_a_run_without_a_seed_prints_the_one_that_repeats_it(place: Path) -> None:
    (place / "first").mkdir()
    (place / "second").mkdir()
    first = uds_harness("audit", "-k", "SA-01", cwd=place / "first")
    (seed,) = re.findall(r"seed (\d+)", first.out.splitlines()[0])
    second = uds_harness("audit", "-k", "SA-01", "--seed", seed, cwd=place / "second")
    assert (first.folder / "bus.log").read_bytes() == (second.folder / "bus.log").read_bytes()
    third = uds_harness("audit", "-k", "SA-01", cwd=place)
    assert third.out.splitlines()[0] != first.out.splitlines()[0], "a new seed each time"


def test_the_command_of_the_run_repeats_it(place: Path) -> None:
    """The run states the command that repeats it: if one check was selected, that command selects this check."""
    (place / "first").mkdir()
    (place / "second").mkdir()
    first = uds_harness("audit", "hardened", "-k", "CF-02", "--depth", "quick", cwd=place / "first")
    program, *words = shlex.split(first.document["run"]["command"])
    assert program == "uds-harness"
    second = uds_harness(*words, cwd=place / "second")
    assert second.code == first.code
    assert second.verdicts == first.verdicts
    assert (first.folder / "bus.log").read_bytes() == (second.folder / "bus.log").read_bytes()


@pytest.mark.parametrize("name", ["SA-09", "AC-13", "TP-12", "fuzz/write-odd-length"])
def test_the_command_of_a_finding_repeats_it(name: str, article: Done, place: Path) -> None:
    before = article.result(name)
    program, *words = shlex.split(before["repeat"])
    assert program == "uds-harness"
    after = uds_harness(*words, "--depth", "quick", cwd=place)
    assert [result["id"] for result in after.document["results"] if result["verdict"] != "not_run"] == [name]
    assert after.result(name)["verdict"] == "fail"
    assert after.result(name)["expected"] == before["expected"]


def test_the_command_of_a_users_check_repeats_it_from_the_same_place(place: Path) -> None:
    mine = write_checks(place / "my checks", SIX_WAYS[1])
    first = uds_harness("audit", write_target(place), "--checks", mine.name, "-k", "MY-FAIL", cwd=place)
    assert first.code == 1, first.explain()
    words = shlex.split(first.result("MY-FAIL")["repeat"])[1:]
    second = uds_harness(*words, "--out", "again", cwd=place)
    assert second.code == 1, second.explain()
