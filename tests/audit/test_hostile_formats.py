"""Prove that every file for other programs stays valid whatever the ECU says: one audit, read by other people's parsers."""

import shutil
import subprocess
from pathlib import Path

import can
import pytest
from scapy.utils import RawPcapNgReader

from harness.report.candump import logged_frames
from harness.report.captures import write_captures
from tests.report.formats import CONTROL, audit_faults, junit_suite, rendered, sarif_run

from .auditing import Done, check, uds_harness, write_checks, write_target

LOUD = Path(__file__).with_name("loud_node.py")
SAID = "text = tester.request('22 50 00').pdu[3:].decode('{}')\nassert len(text) > 1000\n".format
CHECKS = (
    check("MY-FAIL", SAID("latin-1") + "tester.note(text)\nfail(expected=text, observed=text)"),
    check("MY-BROKEN", SAID("utf-8', 'surrogateescape") + "fail(expected='no ' + text, observed=text)"),
    check("MY-DOUBT", SAID("latin-1") + "inconclusive(text)"),
    check("MY-ERROR", SAID("utf-8', 'surrogateescape") + "raise RuntimeError(text)"),
    check("MY-NONE", SAID("utf-8', 'replace") + "not_applicable(text)"),
    check("MY-PASS", SAID("latin-1") + "tester.note(text)"),
)


@pytest.fixture(scope="module")
def loud(tmp_path_factory: pytest.TempPathFactory) -> Done:
    place = tmp_path_factory.mktemp("loud")
    mine = write_checks(place / "mine", *CHECKS)
    target = write_target(place, "Loud", file=str(LOUD))
    return uds_harness("audit", target, "--checks", mine, "-k", "MY-", "--seed", "1", cwd=place)


def text_of(done: Done, name: str) -> str:
    return (done.folder / name).read_text(encoding="utf-8")


def test_every_check_came_to_its_end(loud: Done) -> None:
    assert loud.verdicts == {
        "MY-FAIL": "fail", "MY-BROKEN": "fail", "MY-DOUBT": "inconclusive", "MY-ERROR": "error", "MY-NONE": "not_applicable",
        "MY-PASS": "pass",
    }, loud.explain()  # fmt: skip


def test_audit_json_is_what_its_schema_says(loud: Done) -> None:
    assert audit_faults(text_of(loud, "audit.json")) == []


def test_sarif_is_what_its_published_schema_says(loud: Done) -> None:
    run = sarif_run(text_of(loud, "audit.sarif"))
    assert [result["ruleId"] for result in run["results"]] == ["MY-FAIL", "MY-BROKEN"]


def test_junit_has_every_case(loud: Done) -> None:
    suite = junit_suite(text_of(loud, "junit.xml"))
    cases = [case for case in suite if str(case.classname).startswith("MY-")]
    assert sorted(type(result).__name__ for case in cases for result in case.result) == [
        "Error", "Failure", "Failure", "Skipped", "Skipped",
    ]  # fmt: skip


def test_the_summary_is_tables_of_text(loud: Done) -> None:
    page = rendered(text_of(loud, "summary.md"))
    assert not page.tags & {"script", "img", "a", "b", "h1", "em", "del", "pre", "ul", "ol"}
    assert page.attributes == set()
    for rows in page.tables:
        assert {len(row) for row in rows} == {len(rows[0])}


@pytest.mark.parametrize("name", ["audit.json", "audit.sarif", "junit.xml", "summary.md", "results.jsonl", "run.json"])
def test_no_control_character_is_in_a_file(name: str, loud: Done) -> None:
    assert CONTROL.search(text_of(loud, name)) is None


def test_every_capture_holds_every_frame(loud: Done) -> None:
    frames = list(logged_frames(loud.folder / "bus.log"))
    assert max(len(frame.data) for frame in frames) == 8
    with RawPcapNgReader(str(loud.folder / "bus.pcapng")) as reader:
        assert [data[8:] for data, _ in reader] == [frame.data for frame in frames]
    for path in write_captures(loud.folder, ["blf", "asc"]):
        with can.LogReader(path) as messages:
            assert [bytes(one.data) for one in messages] == [frame.data for frame in frames]


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_tshark_puts_the_long_answer_together(loud: Done) -> None:
    command = ["tshark", "-r", str(loud.folder / "bus.pcapng"), "-Y", "uds.rdbi.data_identifier == 0x5000 && uds.reply == 1"]
    command += ["-d", "can.subdissector,iso15765", "-d", "iso15765.subdissector,uds", "-o", "iso15765.window:0"]
    command += ["-T", "fields", "-e", "uds.rdbi.data_record"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    answers = done.stdout.split()
    assert answers
    assert {len(answer) for answer in answers} == {2 * 4092}


def test_the_run_folder_alone_gives_the_same_files_again(loud: Done, tmp_path: Path) -> None:
    from harness.report.junit import junit_xml
    from harness.report.sarif import sarif_json
    from harness.report.summary import summary_md

    for name, make in (("junit.xml", junit_xml), ("audit.sarif", sarif_json), ("summary.md", summary_md)):
        assert make(loud.run) == text_of(loud, name)
