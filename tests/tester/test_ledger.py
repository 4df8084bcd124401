"""Prove that wrong keys are counted over all runs before they are sent, and that no count is ever lost."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import can
import pytest

from harness.errors import NotPermitted, NotRun, UserError
from harness.system import state_folder
from harness.target import ConnectionEntry, Target
from harness.tester.keys import KeyFunction
from harness.tester.ledger import Ledger, ledger_of, ledger_path, take_over

from .bench import Bench, SecuredEcu, allowing, right_key, secured

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
    """Only one run uses a bus, but all runs of a user share the ledger."""
    pi, gateway = Ledger(path, "pi", 5), Ledger(path, "gateway", 5)
    pi.spend(0x01)
    gateway.spend(0x01)
    assert Ledger(path, "pi", 5).spent(0x01) == 1
    assert Ledger(path, "gateway", 5).spent(0x01) == 1


def test_the_file_can_be_read_by_people(path: Path) -> None:
    Ledger(path, "pi", 5).spend(0x11)
    assert json.loads(path.read_text()) == {"schema_version": 1, "wrong_keys": {"pi": {"0x11": 1}}, "earlier": {}}


def test_only_the_lock_is_left_beside_the_file(path: Path) -> None:
    Ledger(path, "pi", 5).spend(0x01)
    assert sorted(file.name for file in path.parent.iterdir()) == ["wrong-keys.json", "wrong-keys.json.lock"]


def test_a_ledger_without_a_path_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Ledger(None, "pi", 5).spend(0x01)
    assert list(tmp_path.iterdir()) == []


HEAD = '{"schema_version": 1, "earlier": {}, "wrong_keys": '


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("", id="empty"),
        pytest.param(" \n", id="blank"),
        pytest.param("{", id="cut short"),
        pytest.param(HEAD, id="cut short behind its head"),
        pytest.param(b"\xff\xfe", id="no text"),
        pytest.param("[]", id="a list"),
        pytest.param("null", id="null"),
        pytest.param("{}", id="nothing"),
        pytest.param('{"schema_version": 1, "wrong_keys": {}}', id="half of it"),
        pytest.param('{"schema_version": 2, "earlier": {}, "wrong_keys": {}}', id="a later version"),
        pytest.param('{"schema_version": 1, "earlier": {"a": 3}, "wrong_keys": {}}', id="an earlier one that is none"),
        pytest.param(HEAD + "[]}", id="a list of counts"),
        pytest.param(HEAD + '{"pi": 3}}', id="no levels"),
        pytest.param(HEAD + '{"pi": null}}', id="null for levels"),
        pytest.param(HEAD + '{"pi": {"one": 3}}}', id="a level that is no number"),
        pytest.param(HEAD + '{"pi": {"0x01": "many"}}}', id="a count that is no number"),
        pytest.param(HEAD + '{"pi": {"0x01": true}}}', id="a count that is true"),
        pytest.param(HEAD + '{"pi": {"0x01": 1.5}}}', id="half a key"),
        pytest.param(HEAD + '{"pi": {"0x01": null}}}', id="no count"),
        pytest.param(HEAD + '{"pi": {"0x01": -500}}}', id="a count below zero"),
        pytest.param(HEAD + '{"pi": {"0x01": Infinity}}}', id="an endless count"),
        pytest.param("[" * 100_000, id="endless nesting"),
    ],
)
def test_a_malformed_file_is_refused_in_one_line(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = path.read_bytes()
    with pytest.raises(UserError) as caught:
        Ledger(path, "pi", 5)
    text = str(caught.value)
    assert str(path) in text
    assert "mend it" in text
    assert "\n" not in text
    assert path.read_bytes() == before


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_dangling_link(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere"))


@pytest.mark.parametrize("name", ["wrong-keys.json", "wrong-keys.json.lock"])
@pytest.mark.parametrize("make", [make_pipe, make_dangling_link, Path.mkdir])
def test_what_is_no_file_is_refused_and_not_waited_for(path: Path, name: str, make: Callable[[Path], None]) -> None:
    path.parent.mkdir(parents=True)
    make(path.with_name(name))
    with pytest.raises(UserError, match=f"{name}.*is no plain file; remove it"):
        Ledger(path, "pi", 5).spend(0x01)


def test_a_part_that_a_killed_run_left_is_no_obstacle(path: Path) -> None:
    Ledger(path, "pi", 5).spend(0x01)
    path.with_name("wrong-keys.json.part").write_text("{")
    Ledger(path, "pi", 5).spend(0x01)
    assert Ledger(path, "pi", 5).spent(0x01) == 2


def test_a_link_in_the_place_of_the_part_is_not_written_through(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir(parents=True)
    (tmp_path / "mine").write_text("precious")
    path.with_name("wrong-keys.json.part").symlink_to(tmp_path / "mine")
    Ledger(path, "pi", 5).spend(0x01)
    assert (tmp_path / "mine").read_text() == "precious"


def test_a_ledger_that_cannot_be_written_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("no folder")
    ledger = Ledger(tmp_path / "reports" / "wrong-keys.json", "pi", 5)
    with pytest.raises(UserError) as caught:
        ledger.spend(0x01)
    assert "wrong-keys.json" in str(caught.value)
    assert "XDG_STATE_HOME" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_deleted_during_a_run_takes_nothing_with_it(path: Path) -> None:
    ledger = Ledger(path, "pi", 5)
    ledger.spend(0x01)
    path.unlink()
    ledger.spend(0x01)
    assert Ledger(path, "pi", 5).spent(0x01) == 2


def test_a_run_beside_another_on_one_ecu_counts_the_keys_of_both(path: Path) -> None:
    """The runs use two connections of the ECU; each sees the other's keys when it needs its next one."""
    first, second = Ledger(path, "pi", 3), Ledger(path, "pi", 3)
    first.spend(0x01)
    second.spend(0x01)
    first.spend(0x01)
    with pytest.raises(NotRun, match="3 of 3 spent"):
        second.spend(0x01)


@pytest.mark.parametrize("limit", [0, 1])
def test_the_first_key_of_a_key_function_is_held_against_what_others_have_sent_meanwhile(path: Path, limit: int) -> None:
    first, second = Ledger(path, "pi", limit), Ledger(path, "pi", limit)
    first.spend_first(0x01)
    with pytest.raises(NotRun, match=f"1 of {limit} spent"):
        second.spend_first(0x01)
    assert Ledger(path, "pi", limit).spent(0x01) == 1


# Which ECU it is


def target(**changes: object) -> Target:
    declared = secured()
    return replace(declared, can=replace(declared.can, **{"interface": "socketcan", "channel": "can0", **changes}))


def test_another_name_in_the_target_file_is_no_fresh_budget(path: Path) -> None:
    ledger_of(target(), path).spend(0x01)
    assert ledger_of(replace(target(), name="renamed"), path).spent(0x01) == 1


@pytest.mark.parametrize("changes", [{"channel": "can1"}, {"request_id": 0x701}, {"response_id": 0x702}])
def test_another_channel_or_id_is_another_ecu(path: Path, changes: dict[str, object]) -> None:
    ledger_of(target(), path).spend(0x01)
    assert ledger_of(target(**changes), path).spent(0x01) == 0


def test_a_further_connection_of_an_ecu_has_no_budget_of_its_own(path: Path) -> None:
    further = ConnectionEntry(request_id=0x742, response_id=0x74A)
    ledger_of(replace(target(), connections=(further,)), path).spend(0x01)
    swapped = target(request_id=further.request_id, response_id=further.response_id)
    assert ledger_of(swapped, path).spent(0x01) == 1
    ledger_of(swapped, path).spend(0x01)
    assert ledger_of(replace(target(), connections=(further,)), path).spent(0x01) == 2


def test_an_id_of_29_bits_is_another_than_the_same_of_11(path: Path) -> None:
    ledger_of(target(), path).spend(0x01)
    assert ledger_of(target(extended_ids=True), path).spent(0x01) == 0


def test_a_serial_number_is_followed_to_another_bus(path: Path) -> None:
    ledger = Ledger(path, "can0", 5)
    ledger.identify(b"SN-0001")
    ledger.spend(0x01)
    moved = Ledger(path, "can1", 5)
    assert moved.spent(0x01) == 0
    moved.identify(b"SN-0001")
    assert moved.spent(0x01) == 1


def test_keys_that_were_sent_before_the_serial_number_was_known_count_for_it(path: Path) -> None:
    ledger = Ledger(path, "can0", 5)
    ledger.spend(0x01)
    ledger.identify(b"SN-0001")
    moved = Ledger(path, "can1", 5)
    moved.identify(b"SN-0001")
    assert moved.spent(0x01) == 1


def test_of_the_counts_by_bus_and_by_serial_number_the_larger_holds(path: Path) -> None:
    Ledger(path, "can0", None).spend(0x01)
    other_sample = Ledger(path, "can1", None)
    other_sample.identify(b"SN-0002")
    for _ in range(3):
        other_sample.spend(0x01)
    plugged = Ledger(path, "can0", 4)
    plugged.identify(b"SN-0002")
    assert plugged.spent(0x01) == 3
    plugged.spend(0x01)
    with pytest.raises(NotRun):
        plugged.spend(0x01)
    assert Ledger(path, "can0", None).spent(0x01) == 2, "each name counts what was sent under it"


@pytest.mark.parametrize("serial", [b"", b"0", bytes(8), b"\xff" * 8, b"        "])
def test_a_serial_number_that_was_never_written_identifies_nothing(path: Path, serial: bytes) -> None:
    first = Ledger(path, "can0", 5)
    first.identify(serial)
    first.spend(0x01)
    second = Ledger(path, "can1", 5)
    second.identify(serial)
    assert second.spent(0x01) == 0


# Where it lies


def test_the_ledger_is_the_users_and_not_the_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    found = set()
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        monkeypatch.chdir(tmp_path / folder)
        found.add(ledger_path(target(), Path("reports")))
    assert found == {tmp_path / "state" / "uds-harness" / "wrong-keys.json"}


def test_without_a_state_folder_it_lies_in_the_usual_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert ledger_path(target(), tmp_path) == tmp_path / ".local" / "state" / "uds-harness" / "wrong-keys.json"


def test_a_state_folder_that_moves_with_the_working_directory_is_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", "state")
    assert state_folder() == tmp_path / ".local" / "state" / "uds-harness"


def test_the_wrong_keys_of_a_simulated_ecu_are_not_kept() -> None:
    assert ledger_path(secured(), Path("reports")) is None


def test_an_earlier_ledger_is_added_once(path: Path, tmp_path: Path) -> None:
    earlier = tmp_path / "old.json"
    counts = {"pi socketcan:can0 740": {"0x1": 2}, "mine socketcan:can0 740": {"0x1": 1}, "pi socketcan:can0 7": {"0x1": 9}}
    earlier.write_text(json.dumps(counts))
    for _ in range(3):
        take_over(path, earlier)
    ledger = ledger_of(target(), path)
    assert ledger.spent(0x01) == 3, "under whatever name the target had"
    ledger.spend(0x01)
    assert ledger_of(target(), path).spent(0x01) == 4
    earlier.unlink()
    take_over(path, earlier)
    assert ledger_of(target(), path).spent(0x01) == 4


def test_the_earlier_ledgers_of_two_folders_are_both_added(path: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text('{"pi socketcan:can0 740": {"0x1": 2}}')
        take_over(path, tmp_path / name)
    assert ledger_of(target(), path).spent(0x01) == 4


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pi": {"0x1": -1}}'])
def test_a_damaged_earlier_ledger_is_refused(path: Path, tmp_path: Path, content: str) -> None:
    (tmp_path / "old.json").write_text(content)
    with pytest.raises(UserError, match=r"old.json: the ledger of wrong keys cannot be read"):
        take_over(path, tmp_path / "old.json")
    assert not path.exists()


# At the ECU


class Watching(SecuredEcu):
    """An ECU that notes what the ledger on disk says when a key arrives."""

    def __init__(self, path: Path) -> None:
        super().__init__(attempts=None)
        self.path = path
        self.counts: list[int] = []

    def on_frame(self, message: can.Message) -> None:
        if bytes(message.data[1:3]) == b"\x27\x02":
            self.counts.append(json.loads(self.path.read_text())["wrong_keys"]["pi"]["0x1"] if self.path.exists() else 0)
        super().on_frame(message)


def test_a_wrong_key_is_on_disk_before_it_is_on_the_bus(path: Path) -> None:
    ecu = Watching(path)
    tester = Bench(ecu, ledger=Ledger(path, "pi", 5)).tester
    tester.security.unlock(0x01)
    for _ in range(3):
        tester.session_for(0x01)
        tester.security.seed(0x01)
        tester.security.send_key(0x01, WRONG)
    assert ecu.counts == [1, 1, 2, 3]  # the first may be wrong until it has opened the level


def test_right_keys_are_not_counted() -> None:
    bench = Bench(SecuredEcu(), ledger=Ledger(None, "pi", 0))
    for _ in range(5):
        bench.tester.security.unlock(0x01)
    assert bench.ledger.total == 0


def test_no_wrong_key_goes_out_beyond_the_limit() -> None:
    ecu = SecuredEcu(attempts=None)
    bench = Bench(ecu, ledger=Ledger(None, "pi", 2))
    bench.tester.security.unlock(0x01)
    ecu.keys.clear()
    for _ in range(2):
        bench.tester.security.try_key(0x01, lambda seed: WRONG)
    bench.tester.session_for(0x01)
    bench.tester.security.seed(0x01)
    with pytest.raises(NotRun):
        bench.tester.security.send_key(0x01, WRONG)
    assert ecu.keys.count(WRONG) == 2


def test_a_key_that_is_not_permitted_is_not_counted() -> None:
    declared = secured(safety=allowing("write").safety)
    bench = Bench(SecuredEcu(), target=declared)
    bench.tester.security.unlock(0x01)
    bench.tester.security.seed(0x01)
    with pytest.raises(NotPermitted, match="lockout"):
        bench.tester.security.send_key(0x01, WRONG)
    assert bench.ledger.total == 0


@pytest.mark.parametrize("send", ["request", "raw"])
def test_a_key_that_goes_out_by_another_way_is_counted_too(send: str) -> None:
    """`wrong_keys` limits what the ECU is sent, also by a fuzz case or a raw frame."""
    ecu = SecuredEcu(attempts=None)
    bench = Bench(ecu, key=None)
    tester = bench.tester
    tester.gate.raw_needs = frozenset({"lockout"})
    tester.session_for(0x01)
    tester.security.seed(0x01)
    tester.request("27 02 00 00 00 00") if send == "request" else tester.raw(b"\x06\x27\x02" + WRONG)
    assert ecu.keys == [WRONG]
    assert bench.ledger.spent(0x01) == 1


@pytest.mark.parametrize("answer", ["7F 27 21", "7F 27 22", "7F 27 24", "7F 27 78", ""])
@pytest.mark.parametrize("key", [right_key, None])
def test_a_key_goes_out_once_and_counts_whatever_is_answered(answer: str, key: KeyFunction | None) -> None:
    """The ECU answers that the request should be repeated, but it may have counted the key."""
    ecu = SecuredEcu(attempts=None)
    ecu.refuses_with = {"2702" + WRONG.hex(): answer}
    bench = Bench(ecu, key=key, ledger=Ledger(None, "pi", 5))
    if key is not None:
        bench.tester.security.unlock(0x01)
    bench.tester.session_for(0x01)
    bench.tester.security.seed(0x01)
    bench.tester.security.send_key(0x01, WRONG)
    assert ecu.heard.count("2702" + WRONG.hex()) == 1
    assert bench.ledger.spent(0x01) == 1
