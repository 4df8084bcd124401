"""Prove that a run on a real bus counts its wrong keys before it sends them, by bus and by the ECU's serial number."""

import contextlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import can
import pytest

from harness.errors import LinkError
from harness.simulation.live import LiveBus
from harness.simulation.node import load_nodes

from .auditing import Done, check, uds_harness, write_checks

GUESS = "tester.security.try_key(level, lambda seed: bytes(len(seed)))"
TARGET = """
[target]
name = "{name}"
environment = "bench"

[can]
interface = "virtual"
channel = "{channel}"
request_id = 0x740
response_id = 0x748

[timing]
s3_ms = 5000

[[security]]
level = 0x01
session = 0x03

[[security]]
level = 0x03
session = 0x03

[safety]
allow = ["lockout"]
wrong_keys = 3
"""
SERIAL = "serial " + b"UDS-HARNESS-0001".hex().upper()


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for the user's state."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "uds-harness" / "wrong-keys.json"


@contextlib.contextmanager
def hardened_on(channel: str) -> Iterator[None]:
    """Run the hardened ECU in real time on a bus of this process."""
    with can.Bus(interface="virtual", channel=channel) as bus:

        def serve() -> None:
            with contextlib.suppress(LinkError):
                LiveBus(bus, load_nodes("hardened", None)).run()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield
    thread.join(timeout=30)


def audit(place: Path, channel: str, name: str = "hardened", *, earlier: str = "") -> Done:
    """Run an audit that sends one wrong key to each of the ECU's two levels."""
    place.mkdir()
    if earlier:
        (place / "reports").mkdir()
        (place / "reports" / "wrong-keys.json").write_text(earlier, encoding="utf-8")
    (place / "mine.toml").write_text(TARGET.format(name=name, channel=channel), encoding="utf-8")
    mine = write_checks(place / "mine", check("MY-GUESS", GUESS, takes="tester, level", needs="('lockout',)"))
    with hardened_on(channel):
        return uds_harness("audit", "mine.toml", "--checks", mine, "-k", "MY-", cwd=place)


def counts(state: Path) -> dict[str, Any]:
    return dict(json.loads(state.read_text(encoding="utf-8"))["wrong_keys"])


def test_keys_count_by_bus_and_serial_number_whatever_the_folder_and_the_name(tmp_path: Path, state: Path) -> None:
    first = audit(tmp_path / "here", "ledger")
    assert first.verdicts == {"MY-GUESS": "pass"}, first.explain()
    once = {"0x1": 1, "0x3": 1}
    assert counts(state) == {"virtual:ledger 740/748": once, SERIAL: once}
    audit(tmp_path / "there", "ledger", "renamed")
    moved = audit(tmp_path / "moved", "ledger-elsewhere")
    thrice = {"0x1": 3, "0x3": 3}
    assert counts(state)[SERIAL] == thrice
    assert counts(state)["virtual:ledger-elsewhere 740/748"] == once
    assert audit(tmp_path / "again", "ledger-elsewhere").verdicts == {"MY-GUESS": "not_run"}
    assert counts(state)[SERIAL] == thrice
    for done in (first, moved):
        assert done.document["run"]["ledger"] == "~/state/uds-harness/wrong-keys.json"
        assert "wrong keys are counted in ~/state/uds-harness/wrong-keys.json" in done.out
        assert "~/state/uds-harness/wrong-keys.json" in (done.folder / "audit.html").read_text(encoding="utf-8")


def test_a_damaged_ledger_stops_a_run_before_anything_is_sent(tmp_path: Path, state: Path) -> None:
    state.parent.mkdir(parents=True)
    state.write_text("")
    done = audit(tmp_path / "here", "ledger-damaged")
    assert done.code == 4
    assert "wrong-keys.json: the ledger of wrong keys cannot be read (it is empty); mend it" in done.err
    assert done.folders == []


def test_what_an_earlier_version_counted_beside_its_reports_is_taken_over(tmp_path: Path, state: Path) -> None:
    earlier = '{"old name virtual:ledger-old 740": {"0x1": 3}}'
    done = audit(tmp_path / "here", "ledger-old", earlier=earlier)
    verdicts = {one.parameter: one.verdict for one in done.run.findings if one.id == "MY-GUESS"}
    assert verdicts == {"level 0x01": "not_run", "level 0x03": "pass"}, done.explain()
    assert counts(state)["virtual:ledger-old 740/748"] == {"0x3": 1}
