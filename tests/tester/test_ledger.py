"""Are wrong keys counted, over all runs, before they are sent?"""

from __future__ import annotations

import json
from pathlib import Path

import can
import pytest

from harness.errors import NotPermitted, UserError
from harness.outcome import NotRun
from harness.tester.ledger import Ledger

from .desk import Desk, SecuredEcu, allowing, secured

WRONG = bytes(4)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "reports" / "wrong-keys.json"


def test_a_new_ledger_is_empty(path: Path) -> None:
    ledger = Ledger(path, "pi", 5)
    assert ledger.spent(0x01) == 0
    assert ledger.total == 0
    assert not path.exists()


def test_wrong_keys_are_counted_by_level() -> None:
    ledger = Ledger(None, "pi", None)
    for level in (0x01, 0x01, 0x03):
        ledger.spend(level)
    assert (ledger.spent(0x01), ledger.spent(0x03), ledger.spent(0x05)) == (2, 1, 0)
    assert ledger.total == 3


def test_the_last_key_within_the_limit_is_allowed_and_no_other() -> None:
    ledger = Ledger(None, "pi", 2)
    ledger.spend(0x01)
    ledger.spend(0x01)
    with pytest.raises(NotRun, match="level 0x01 is used up: 2 of 2 spent, 1 more wanted"):
        ledger.spend(0x01)
    assert ledger.spent(0x01) == 2


def test_the_limit_is_per_level() -> None:
    ledger = Ledger(None, "pi", 1)
    ledger.spend(0x01)
    ledger.spend(0x03)
    assert ledger.total == 2


def test_a_check_can_ask_for_all_that_it_needs_beforehand() -> None:
    ledger = Ledger(None, "pi", 11)
    ledger.check(0x01, 11)
    ledger.spend(0x01)
    with pytest.raises(NotRun, match="wrong_keys in the target file"):
        ledger.check(0x01, 11)
    ledger.check(0x01, 10)
    assert ledger.spent(0x01) == 1


def test_a_limit_of_zero_allows_none() -> None:
    with pytest.raises(NotRun):
        Ledger(None, "pi", 0).spend(0x01)


def test_no_limit_is_no_limit() -> None:
    ledger = Ledger(None, "pi", None)
    for _ in range(1000):
        ledger.spend(0x01)
    ledger.check(0x01, 10**9)


# Over all runs


def test_the_next_run_remembers(path: Path) -> None:
    Ledger(path, "pi", 2).spend(0x01)
    ledger = Ledger(path, "pi", 2)
    assert ledger.spent(0x01) == 1
    ledger.spend(0x01)
    with pytest.raises(NotRun):
        Ledger(path, "pi", 2).spend(0x01)


def test_ecus_do_not_pay_for_each_other(path: Path) -> None:
    Ledger(path, "pi", 1).spend(0x01)
    other = Ledger(path, "gateway", 1)
    assert other.spent(0x01) == 0
    other.spend(0x01)
    assert Ledger(path, "pi", 1).spent(0x01) == 1
    assert Ledger(path, "gateway", 1).spent(0x01) == 1


def test_runs_on_two_buses_at_a_time_keep_each_others_counts(path: Path) -> None:
    """One run a bus is the rule; two buses share the folder of reports, and with it the ledger."""
    pi, gateway = Ledger(path, "pi", 5), Ledger(path, "gateway", 5)
    pi.spend(0x01)
    gateway.spend(0x01)
    assert Ledger(path, "pi", 5).spent(0x01) == 1
    assert Ledger(path, "gateway", 5).spent(0x01) == 1


def test_the_file_can_be_read_by_people(path: Path) -> None:
    Ledger(path, "pi", 5).spend(0x11)
    assert json.loads(path.read_text()) == {"pi": {"0x11": 1}}


def test_nothing_else_is_left_beside_the_file(path: Path) -> None:
    Ledger(path, "pi", 5).spend(0x01)
    assert [file.name for file in path.parent.iterdir()] == ["wrong-keys.json"]


def test_a_ledger_without_a_path_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Ledger(None, "pi", 5).spend(0x01)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="cut short"),
        pytest.param(b"\xff\xfe", id="no text"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"null", id="null"),
        pytest.param(b'{"pi": 3}', id="no levels"),
        pytest.param(b'{"pi": {"one": 3}}', id="a level that is no number"),
        pytest.param(b'{"pi": {"0x01": "many"}}', id="a count that is no number"),
        pytest.param(b'{"pi": {"0x01": null}}', id="no count"),
        pytest.param(b'{"pi": {"0x01": -500}}', id="a count below zero"),
        pytest.param(b'{"pi": {"0x01": Infinity}}', id="an endless count"),
        pytest.param(b"[" * 100_000, id="endless nesting"),
    ],
)
def test_a_malformed_file_is_refused_in_one_line(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        Ledger(path, "pi", 5)
    text = str(caught.value)
    assert str(path) in text
    assert "mend it" in text
    assert "\n" not in text
    assert path.read_bytes() == content


def test_a_ledger_that_cannot_be_written_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("no folder")
    ledger = Ledger(tmp_path / "reports" / "wrong-keys.json", "pi", 5)
    with pytest.raises(UserError) as caught:
        ledger.spend(0x01)
    assert "wrong-keys.json" in str(caught.value)
    assert "\n" not in str(caught.value)


# At the ECU


class Watching(SecuredEcu):
    """Notes what the ledger on disk says when a key arrives."""

    def __init__(self, path: Path) -> None:
        super().__init__(attempts=None)
        self.path = path
        self.counts: list[int] = []

    def on_frame(self, message: can.Message) -> None:
        if bytes(message.data[1:3]) == b"\x27\x02":
            self.counts.append(json.loads(self.path.read_text())["pi"]["0x1"] if self.path.exists() else 0)
        super().on_frame(message)


def test_a_wrong_key_is_on_disk_before_it_is_on_the_bus(path: Path) -> None:
    ecu = Watching(path)
    tester = Desk(ecu, ledger=Ledger(path, "pi", 5)).tester
    tester.security.unlock(0x01)
    for _ in range(3):
        tester.session_for(0x01)
        tester.security.seed(0x01)
        tester.security.send_key(0x01, WRONG)
    assert ecu.counts == [1, 1, 2, 3]  # the first may be wrong until it has opened the level


def test_right_keys_are_not_counted() -> None:
    desk = Desk(SecuredEcu(), ledger=Ledger(None, "pi", 0))
    for _ in range(5):
        desk.tester.security.unlock(0x01)
    assert desk.ledger.total == 0


def test_no_wrong_key_goes_out_beyond_the_limit() -> None:
    ecu = SecuredEcu(attempts=None)
    desk = Desk(ecu, ledger=Ledger(None, "pi", 2))
    desk.tester.security.unlock(0x01)
    ecu.keys.clear()
    for _ in range(2):
        desk.tester.security.try_key(0x01, lambda seed: WRONG)
    desk.tester.session_for(0x01)
    desk.tester.security.seed(0x01)
    with pytest.raises(NotRun):
        desk.tester.security.send_key(0x01, WRONG)
    assert ecu.keys.count(WRONG) == 2


def test_a_key_that_is_not_permitted_is_not_counted() -> None:
    declared = secured(safety=allowing("write").safety)
    desk = Desk(SecuredEcu(), target=declared)
    desk.tester.security.unlock(0x01)
    desk.tester.security.seed(0x01)
    with pytest.raises(NotPermitted, match="lockout"):
        desk.tester.security.send_key(0x01, WRONG)
    assert desk.ledger.total == 0


@pytest.mark.parametrize("send", ["request", "raw"])
def test_a_key_that_goes_out_by_another_way_is_counted_too(send: str) -> None:
    """DESIGN 7: `wrong_keys` bounds what the ECU is given, by a fuzz case or a raw frame too."""
    ecu = SecuredEcu(attempts=None)
    desk = Desk(ecu, key=None)
    tester = desk.tester
    tester.gate.raw_needs = frozenset({"lockout"})
    tester.session_for(0x01)
    tester.security.seed(0x01)
    tester.request("27 02 00 00 00 00") if send == "request" else tester.raw(b"\x06\x27\x02" + WRONG)
    assert ecu.keys == [WRONG]
    assert desk.ledger.spent(0x01) == 1
