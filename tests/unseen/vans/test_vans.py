"""Prove that odd vans are not accused, and that flaws in unusual forms are found."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.audit.catalogue import shipped_functions
from harness.target import Target, load_target
from harness.target.model import DataEntry, MemoryEntry, RoutineEntry, ServiceEntry, SessionEntry
from harness.target.values import NEVER, Access, Span
from harness.target.values import OPEN as EVERYBODY
from harness.testing import run_checks
from harness.verdict import Depth, Verdict

from . import nodes_flawed_vans, nodes_memory, nodes_other_ways, nodes_van, nodes_vans
from .nodes_memory import GUARDED_FROM, GUARDED_TO, LAST
from .nodes_van import FACTORY
from .nodes_vans import DIAGNOSIS, FLASHING

HERE = Path(__file__).parent
GROUPS = ("AC-", "ST-", "CF-", "TP-", "DS-05", "DS-06")
PASS, FAIL, OPEN = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE


def addressed(**can: Any) -> Callable[[Target], Target]:
    return lambda target: replace(target, can=replace(target.can, **can))


def patient(target: Target) -> Target:
    return replace(target, timing=replace(target.timing, p2_ms=1000))


def without_length(target: Target) -> Target:
    return replace(target, data=tuple(replace(entry, length=None) for entry in target.data))


def without_protection(target: Target) -> Target:
    data = [entry for entry in target.data if entry.write.level is None]
    return replace(target, data=tuple(data[:1]))


def with_factory_session(target: Target) -> Target:
    return replace(target, sessions=(*target.sessions, SessionEntry(id=FACTORY)))


def staged(target: Target) -> Target:
    stages = ((1, None), (3, None), (DIAGNOSIS, 3), (FLASHING, DIAGNOSIS))
    sessions = tuple(SessionEntry(id=number, via=via) for number, via in stages)
    return replace(target, sessions=sessions, security=(replace(target.security[0], session=DIAGNOSIS),))


def plant(target: Target) -> Target:
    level = Access("level", 1)
    routines = (RoutineEntry(id=0x0301, needs=EVERYBODY, safe=True), RoutineEntry(id=0x0302, needs=level))
    memory = (MemoryEntry(range=Span(0x1000, 0x10FF), needs=level),)
    return replace(target, routines=routines, memory=memory, services=(ServiceEntry(id=0x28, needs=level),))


def with_periodic_code(target: Target) -> Target:
    return replace(target, data=(*target.data, DataEntry(did=0xF205, length=4, read=Access("level", 1))))


def with_memory(target: Target) -> Target:
    spans = (
        (0, GUARDED_FROM - 1, EVERYBODY),
        (GUARDED_FROM, GUARDED_TO - 1, Access("level", 1)),
        (GUARDED_TO, LAST - 1, EVERYBODY),
    )
    return replace(target, memory=tuple(MemoryEntry(range=Span(first, last), needs=needs) for first, last, needs in spans))


OTHERWISE: dict[str, Callable[[Target], Target]] = {
    "Slow": patient,
    "GroupAddress": addressed(request_id=0x703, response_id=0x713, functional_id=None),
    "AnyName": without_length,
    "MuteWrites": without_protection,
    "KeptInFactory": with_factory_session,
    "Staged": staged,
    "PeriodicCode": with_periodic_code,
    **dict.fromkeys(("Plant", "RoutineOpens", "QuietRoutine", "OutputsForAll", "NodesUnguarded", "DownloadGoesOn"), plant),
    **dict.fromkeys(("GuardedMemory", "FirstAddressOnly", "LastByteForgotten", "SumRunsOver"), with_memory),
}
"""By van: what its maker would declare differently from that of other vans."""


def declared(node: str) -> Target:
    target = OTHERWISE.get(node, lambda same: same)(load_target(HERE / "van.toml"))
    modules = (nodes_van, nodes_vans, nodes_flawed_vans, nodes_memory, nodes_other_ways)
    file = next(module.__file__ for module in modules if hasattr(module, node))
    return replace(target, can=replace(target.can, channel=f"{file}:{node}"))


def verdicts(node: str, *wanted: str) -> dict[str, tuple[Verdict, str]]:
    functions = [function for check, function in shipped_functions().items() if check.startswith(wanted)]
    findings = run_checks(functions, declared(node), depth=Depth.DEFAULT)
    findings.sort(key=lambda finding: finding.verdict in (FAIL, Verdict.ERROR))  # of several subjects the worst
    return {finding.id: (finding.verdict, finding.observed or finding.reason) for finding in findings}


ACCUSED_RIGHTLY = {"GroupAddress": {"AC-04"}}
"""Vans with an undeclared id, which nobody can filter for and which a check may therefore accuse."""


@pytest.mark.parametrize(
    "node",
    [
        *("Van", "Talker", "PendingAtTimes", "PendingAlways", "Slow", "Drifting", "DriftingLimit", "GroupAddress"),
        *("SlowStart", "SlowStartReads", "NeedsRecord", "AnyName", "KeptAwake", "Polled", "Staged", "Echoed", "Plant"),
        *("Switchable", "EventfulStreet", "Conditions", "Checks", "PresenceForAll", "QueuesSingles", "GivesUpSoon"),
    ],
)
def test_an_odd_van_is_not_accused(node: str) -> None:
    accused = {check: why for check, (verdict, why) in verdicts(node, *GROUPS).items() if verdict in (FAIL, Verdict.ERROR)}
    assert set(accused) == ACCUSED_RIGHTLY.get(node, set()), accused


@pytest.mark.parametrize(
    ("node", "check", "verdict"),
    [
        ("LowNibble", "TP-12", FAIL),
        ("KeptInFactory", "ST-01", FAIL),
        ("LateRead", "ST-06", FAIL),
        ("MovingCode", "AC-11", OPEN),
        ("RefusedAlone", "AC-11", FAIL),
        ("MuteWrites", "AC-15", OPEN),
        ("DiesOfEscape", "TP-08", FAIL),
        ("OneWriteOnly", "AC-13", FAIL),
        ("MuteInDefault", "DS-06", FAIL),
        ("EraseForAll", "AC-08", FAIL),
        ("Checks", "AC-08", OPEN),
        ("KeptAwake", "ST-02", OPEN),
        ("GroupAddress", "ST-04", OPEN),
        ("GroupAddress", "AC-04", FAIL),
        ("PresenceForAll", "AC-03", PASS),
        ("PendingAlways", "TP-01", PASS),
        ("PendingAtTimes", "TP-15", PASS),
        ("Slow", "TP-15", PASS),
        ("QueuesSingles", "TP-11", PASS),
        ("GivesUpSoon", "TP-06", PASS),
        ("Talker", "TP-12", OPEN),
        ("SlowStart", "ST-08", PASS),
        ("SlowStartReads", "ST-08", PASS),
        ("AnyName", "AC-13", PASS),
        ("ShortFirstFrames", "AC-04", PASS),
        ("ShortFirstFrames", "TP-05", FAIL),
        ("HearsZero", "AC-04", FAIL),
        ("Polled", "AC-04", PASS),
        ("Polled", "ST-04", OPEN),
        ("Polled", "ST-02", OPEN),
        ("KeptAwake", "ST-04", OPEN),
        ("KeptAwake", "SA-26", OPEN),
        ("Polled", "SA-26", OPEN),
        ("KeptAwake", "FZ-04", PASS),
        ("Polled", "FZ-04", PASS),
        ("Staged", "FZ-04", PASS),
        ("UnguardedWhileBusy", "AC-02", FAIL),
        ("PendingAlways", "AC-02", PASS),
        ("SnapshotTellsCode", "AC-10", FAIL),
        ("QuietSessionKeepsOpen", "ST-01", FAIL),
        ("SessionForAllKeepsOpen", "ST-01", FAIL),
        *(("Plant", check, PASS) for check in ("AC-06", "AC-07", "AC-08", "AC-16", "ST-01")),
        ("RoutineOpens", "AC-08", FAIL),
        ("QuietRoutine", "AC-08", FAIL),
        ("OutputsForAll", "AC-07", FAIL),
        ("NodesUnguarded", "AC-16", FAIL),
        ("DownloadGoesOn", "AC-06", FAIL),
        ("AnswersRemoteFrames", "TP-16", FAIL),
        ("Van", "TP-16", PASS),
        ("KeepsKeys", "AC-12", FAIL),
        ("PeriodicCode", "AC-10", FAIL),
        ("PlainMemory", "AC-09", FAIL),
        ("ShortAddresses", "AC-09", FAIL),
        ("SupplierMemory", "AC-18", FAIL),
        ("GuardedMemory", "AC-09", PASS),
        ("FirstAddressOnly", "AC-09", FAIL),
        ("LastByteForgotten", "AC-09", FAIL),
        ("SumRunsOver", "AC-09", FAIL),
        ("Programmable", "AC-06", FAIL),
        ("Switchable", "DS-06", PASS),
    ],
)
def test_what_a_check_says_of_a_van(node: str, check: str, verdict: Verdict) -> None:
    said, why = verdicts(node, check)[check]
    assert said is verdict, why


def test_an_id_that_was_found_to_be_answered_is_tried_at_every_depth() -> None:
    target = declared("HearsZero")
    check = shipped_functions()["AC-04"]
    assert run_checks([check], target)[0].verdict is PASS
    (finding,) = run_checks([check], replace(target, can=replace(target.can, other_request_ids=(0,))))
    assert finding.verdict is FAIL
    assert "0x0" in finding.expected


@pytest.mark.parametrize("check", ["TP-01", "TP-04", "TP-11", "TP-17", "AC-04", "DS-04"])
def test_raw_frames_ask_for_data_whose_number_is_no_forbidden_service(check: str) -> None:
    target = declared("PartNumber")
    data = (DataEntry(did=0xF187, length=4), *target.data)
    target = replace(target, data=data, safety=replace(target.safety, allow=frozenset(("write",))))
    finding = run_checks([shipped_functions()[check]], target)[0]
    assert finding.verdict is PASS, finding.reason


@pytest.mark.parametrize(
    ("node", "check", "other"), [("NameTwice", "CF-12", "ST-06"), ("BriefInProgramming", "CF-01", "AC-02")]
)
def test_what_was_seen_in_other_checks_is_evidence(node: str, check: str, other: str) -> None:
    functions = shipped_functions()
    assert run_checks([functions[check]], declared(node))[-1].verdict is PASS
    *_, finding = run_checks([functions[check], functions[other]], declared(node), depth=Depth.DEFAULT)
    assert (finding.id, finding.verdict) == (check, FAIL), finding.reason
    assert finding.exchanges


OTHER_EFFECTS = {
    "a read": (DataEntry(did=0x0305, length=4, read=Access("level", 1)),),
    "a write that nobody can read back": (DataEntry(did=0x0302, length=1, read=NEVER, write=Access("level", 1)),),
    "seeds alone": (),
}
"""By the name of an effect: what the target declares so that a level is shown open, where no readable data is guarded
against writing.
"""


@pytest.mark.parametrize("effect", OTHER_EFFECTS)
@pytest.mark.parametrize(
    ("node", "check", "verdict"),
    [
        *(("Van", check, PASS) for check in ("ST-01", "ST-02", "ST-03", "ST-08")),
        ("KeptInFactory", "ST-01", FAIL),
        ("OpenAfterSoftReset", "ST-03", FAIL),
        ("OpenAfterSoftReset", "ST-08", FAIL),
        ("OpenAsleep", "ST-02", FAIL),
    ],
)
def test_any_guarded_effect_tells_the_lock(effect: str, node: str, check: str, verdict: Verdict) -> None:
    target = declared(node)
    plain = tuple(entry for entry in target.data if entry.write.level is None)
    (finding,) = run_checks([shipped_functions()[check]], replace(target, data=(*plain, *OTHER_EFFECTS[effect])))
    cannot_show = effect == "seeds alone" and node in ("OpenAfterSoftReset", "OpenAsleep")  # entering its session locks it
    assert finding.verdict is (PASS if cannot_show else verdict), finding.reason or finding.observed


def test_data_that_only_its_level_reads_is_written_too() -> None:
    findings = run_checks([shipped_functions()["AC-02"]], declared("CodeOpenInProgramming"))
    assert {finding.parameter: finding.verdict for finding in findings} == {"DID 0302": PASS, "DID 0305": FAIL}
    assert "in session 0x02" in findings[-1].observed


def test_a_van_that_was_silenced_speaks_again() -> None:
    target = declared("MuteInDefault")
    findings = run_checks([shipped_functions()["DS-06"]] * 2, target)
    assert [finding.verdict for finding in findings] == [FAIL, FAIL]
    assert not any("may still be disabled" in note for finding in findings for note in finding.notes)
