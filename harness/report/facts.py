"""List a run's facts as rows for the top of audit.html: what was tested, how, when, and with what."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from harness.report.text import shown
from harness.runs.findings import BusAccess, Run, RunInfo
from harness.runs.folder import (
    AUDIT_JSON,
    AUDIT_SARIF,
    BUS_ASC,
    BUS_BLF,
    BUS_LOG,
    BUS_PCAPNG,
    FOUND_TOML,
    JUNIT_XML,
    MANIFEST_JSON,
    PYTEST_HTML,
    RESULTS_JSONL,
    RUN_JSON,
    SUMMARY_MD,
)

MOST_TARGET_ROWS: Final = 200

FILES: Final[dict[str, str]] = {
    PYTEST_HTML: "the detail view: each test with its log, by pytest-html",
    AUDIT_JSON: "everything in this report, and every exchange, for programs",
    RESULTS_JSONL: "each result as it ended, one a line",
    RUN_JSON: "the run as it started",
    BUS_LOG: "every frame on the bus, in candump's format",
    BUS_PCAPNG: "every frame on the bus, for Wireshark",
    BUS_BLF: "every frame on the bus, in Vector's binary format",
    BUS_ASC: "every frame on the bus, in Vector's text format",
    AUDIT_SARIF: "the findings for tools that track them",
    JUNIT_XML: "the verdicts for a CI system",
    SUMMARY_MD: "the summary for a merge request",
    FOUND_TOML: "the ECU as it was found, as a target file",
    "learn.html": "the learned state machine, drawn",
    "model.json": "the learned state machine, for programs",
    "model.dot": "the learned state machine, for graphviz",
    "observations.jsonl": "each sequence that the ECU was asked to learn it, with its answers",
    MANIFEST_JSON: "SHA-256 of each file here, and of the target, key function and cases",
}
"""What each file of a run folder holds."""

_OF_A_FINDING: Final = {
    "case.toml": "a finding as a case that the suite replays",
    "replay.py": "the same as a script for python-can and Scapy",
    "replay.log": "its decisive frames, in candump's format",
}
_SHARDS: Final = "shards/"

_HEX_KEY: Final = re.compile(r"(_id|\bid|did|level|session|uds|padding|start|end)\b")


def described(files: Iterable[str]) -> list[tuple[str, str]]:
    """Return each file with its content in words; the files in ``shards/``, of which there may be many, make one row."""
    found = list(files)
    shards = sum(file.startswith(_SHARDS) for file in found)
    rows = [
        (file, FILES.get(file, "") or (_OF_A_FINDING.get(file.rpartition("/")[2], "") if "/" in file else ""))
        for file in found
        if not file.startswith(_SHARDS)
    ]
    return [*rows, *([(_SHARDS, f"what the campaign goes on from, {shards} files")] if shards else [])]


def run_facts(run: Run) -> list[tuple[str, str]]:
    """Return label and text of each known fact, in reading order."""
    info = run.info
    rows = [
        ("Environment", _environment(info)),
        ("Times", "virtual: on the simulated bus, a wait passes at once" if info.environment == "simulated" else ""),
        ("Scope", _scope(info)),
        ("Allowed", _allowed(info)),
        ("Checks", f"{len({one.id for one in run.findings})}, which gave {len(run.findings)} results"),
        ("Campaign", _campaign(info)),
        ("Depth", info.depth),
        ("Seed", str(info.seed)),
        ("Started", info.started_utc),
        ("Finished", info.finished_utc or "never"),
        ("Operator", info.operator or "not named"),
        ("On the bus", ", ".join(f"{number} {what.replace('_', ' ')}" for what, number in info.counts.items())),
        ("Wrong keys", f"counted over all runs in {info.ledger}" if info.ledger else ""),
        *_bus_facts(info.bus),
        ("Versions", ", ".join(f"{what} {version}" for what, version in info.versions.items())),
        ("Source", _source(info)),
        ("Redacted", _redacted(info)),
    ]  # fmt: skip
    return [(label, text) for label, text in rows if text]


def identification_line(info: RunInfo) -> str:
    """Describe the tested sample in a line, e.g. ``ECU software version 2.1``; empty if no identifier was read."""
    return "; ".join(f"{one.name} {one.value}" for one in info.identification if one.value)


def target_rows(info: RunInfo) -> list[tuple[str, str]]:
    """Return the target as declared, one row for each key."""
    return list(_flat(info.target))[:MOST_TARGET_ROWS]


def _scope(info: RunInfo) -> str:
    can = info.target.get("can")
    table = can if isinstance(can, dict) else {}
    named = (("requests", "request_id"), ("answers", "response_id"), ("functional requests", "functional_id"))
    found = [(what, table.get(key)) for what, key in named]
    ids = [f"{what} on 0x{number:X}" for what, number in found if isinstance(number, int)]
    return f"UDS on CAN: {', '.join(ids)}" if ids else "UDS on CAN"


def _allowed(info: RunInfo) -> str:
    safety = info.target.get("safety")
    allow = safety.get("allow") if isinstance(safety, dict) else None
    if not isinstance(allow, (list, tuple)):
        return ""
    return ", ".join(map(str, allow)) if allow else "nothing that can lock, write, reset or destroy"


def _environment(info: RunInfo) -> str:
    if info.environment == "simulated":
        return "simulated: SIMULATED ECU, no real device"
    if info.bus is not None and _VIRTUAL in info.bus.driver:
        return "bench: an ECU on a virtual bus of this computer; no wires, and times are the computer's"
    return "bench: an ECU on a real bus"


_VIRTUAL: Final = "virtual interface"
"""Words in the driver's description of an interface (vcan, vxcan) that carries frames within one computer only."""


def _campaign(info: RunInfo) -> str:
    campaign = info.campaign
    if campaign is None:
        return ""
    return (
        f"{campaign.exchanges} exchanges in {campaign.rounds} round{'s' if campaign.rounds != 1 else ''}; "
        f"{campaign.corpus} sequences were answered as none before"
    )


def _bus_facts(bus: BusAccess | None) -> list[tuple[str, str]]:
    if bus is None:
        return []
    lost = "the adapter does not tell" if bus.lost_frames is None else str(bus.lost_frames)
    return [
        ("Adapter", bus.adapter),
        ("Driver", bus.driver),
        ("Time stamps", bus.timestamps),
        ("Frames lost", lost),
        ("Error frames", str(bus.error_frames)),
    ]


def _source(info: RunInfo) -> str:
    if not info.commit:
        return ""
    state = {True: "nothing changed", False: "files were changed or added", None: "not known whether changed"}
    return f"commit {info.commit}, {state[info.is_tree_clean]}"


def _redacted(info: RunInfo) -> str:
    if info.keeps_secrets:
        return "nothing: this run was asked to keep keys and secrets, do not pass it on"
    return "keys and secrets"


def _flat(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Flatten tables to rows such as ``can.channel``; each table in a list becomes a row. Absent values are left out."""
    if value in (None, "", [], (), {}):
        return
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _flat(inner, f"{key}.{name}" if key else str(name))
    elif isinstance(value, (list, tuple)) and any(isinstance(one, (dict, list, tuple)) for one in value):
        for inner in value:
            yield key, "; ".join(f"{name} = {text}" if name else text for name, text in _flat(inner))
    elif isinstance(value, (list, tuple)):
        yield key, ", ".join(_word(key, one) for one in value)
    else:
        yield key, _word(key, value)


def _word(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and _HEX_KEY.search(key):
        return f"0x{value:02X}"
    return shown(value)
