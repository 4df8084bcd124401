"""Prove that a host's file keeps what a real ECU keeps without power."""

import json
import os
from pathlib import Path

import pytest

from harness.ecu.transitions import reboot
from harness.ecu_host.host import Host
from harness.ecu_host.non_volatile import ecus_of, from_json, recall, remembered, to_json
from harness.ecu_host.state_file import StateFile
from harness.errors import UserError
from tests.ecu_host.bench import Bench, HandClock, bench


def hosted(path: Path, profile: str = "hardened") -> Bench:
    on = Bench(profile, state_file=StateFile(path, profile))
    on.connect()
    on.let_pass(0.1)
    return on


def killed(on: Bench) -> None:
    """Drop a host as if its process were killed: nothing more is written."""
    on.host.disconnect()
    on.tester.shutdown()


def test_wrong_keys_outlast_a_kill(tmp_path: Path) -> None:
    on = hosted(tmp_path / "ecu.json")
    on.ask("1003")
    assert on.wrong_key() == "7F 27 35"
    assert on.wrong_key() == "7F 27 35"
    killed(on)
    on = hosted(tmp_path / "ecu.json")
    assert on.host.views()[0].levels[0].wrong_keys == 2
    on.ask("1003")
    assert on.ask("2701") == "7F 27 37", "a level with a wrong key on its account starts with the delay"
    on.close()


def test_a_restart_does_not_end_the_delay(tmp_path: Path) -> None:
    on = hosted(tmp_path / "ecu.json")
    on.ask("1003")
    for _ in range(3):
        last = on.wrong_key()
    assert last == "7F 27 36"
    killed(on)
    on = hosted(tmp_path / "ecu.json")
    on.ask("1003")
    assert on.ask("2701") == "7F 27 37"
    on.close()


def test_a_delay_that_ran_out_before_the_restart_does_not_begin_again(tmp_path: Path) -> None:
    on = hosted(tmp_path / "ecu.json")
    on.ask("1003")
    for _ in range(3):
        on.wrong_key()
    on.let_pass(11.0)
    killed(on)
    on = hosted(tmp_path / "ecu.json")
    on.ask("1003")
    assert on.ask("2701").startswith("67 01")
    on.close()


def test_written_data_outlasts_a_restart_if_the_profile_says_so(tmp_path: Path) -> None:
    on = hosted(tmp_path / "ecu.json")
    on.ask("1003")
    on.unlock()
    assert on.ask("2E202099") == "6E 20 20"
    assert on.ask("2E101077") == "6E 10 10"
    killed(on)
    on = hosted(tmp_path / "ecu.json")
    assert on.ask("222020") == "62 20 20 99"
    assert on.ask("221010") == "62 10 10 FF"
    on.close()


@pytest.mark.parametrize("profile", ["hardened+extended_addressing", "gmlan", "kwp2000"])
def test_an_ecu_of_another_kind_remembers_too(profile: str, tmp_path: Path) -> None:
    path = tmp_path / "ecu.json"
    on = hosted(path, profile)
    (ecu,) = ecus_of(on.host.nodes)
    ecu.state.wrong_keys[1] = 2
    on.host.step(0.0)
    killed(on)
    on = hosted(path, profile)
    assert on.host.views()[0].levels[0].wrong_keys == 2
    on.close()


def test_the_file_is_written_before_the_answer_leaves(tmp_path: Path) -> None:
    path = tmp_path / "ecu.json"
    on = hosted(path)
    on.ask("1003")
    seen: list[int] = []
    on.host._live._on_frame = lambda frame: seen.append(json.loads(path.read_text())["ecus"][0]["wrong_keys"]["01"])
    on.wrong_key()
    assert seen[-1] == 1, "the refusal of the key went out after the count was on the disk"
    on.close()


def test_reading_writes_nothing(tmp_path: Path) -> None:
    on = hosted(tmp_path / "ecu.json")
    file = on.host.state_file
    assert file is not None
    before = file.writes
    on.ask("1003")
    on.ask("221010")
    on.let_pass(6.0)
    assert file.writes == before
    on.close()


def test_nothing_but_the_file_is_left_beside_it(tmp_path: Path) -> None:
    on = hosted(tmp_path / "ecu.json")
    on.ask("1003")
    on.wrong_key()
    on.close()
    assert os.listdir(tmp_path) == ["ecu.json"]


def test_a_file_that_cannot_be_written_is_said_once_and_the_ecu_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    on = hosted(folder / "ecu.json")
    (folder / "ecu.json").unlink()
    folder.rmdir()
    on.ask("1003")
    assert on.wrong_key() == "7F 27 35"
    assert on.wrong_key() == "7F 27 35"
    assert len([line for line in on.said if "forgets at its next start" in line]) == 1
    on.close()


def test_the_article_keeps_nothing_and_its_file_says_so(tmp_path: Path) -> None:
    path = tmp_path / "pi.json"
    hosted(path, "article").close()
    assert json.loads(path.read_text())["ecus"] == []
    hosted(path, "article").close()


BROKEN = {
    "no JSON": ("{", "it is no JSON"),
    "JSON, but a list": ("[]", "it is no ECU's memory"),
    "bytes": ("\udcff", "it is no JSON"),
    "a deep nest": ("[" * 100_000, "it is no JSON"),
    "of another version": ('{"schema_version": 9, "profile": "hardened", "ecus": []}', "schema_version is 9"),
    "of another profile": ('{"schema_version": 1, "profile": "article", "ecus": []}', "belongs to 'article'"),
    "without its ECU": ('{"schema_version": 1, "profile": "hardened", "ecus": []}', "memory of 0 ECUs"),
    "of an empty ECU": ('{"schema_version": 1, "profile": "hardened", "ecus": [{}]}', "has the entries"),
}


@pytest.mark.parametrize(("content", "said"), BROKEN.values(), ids=list(BROKEN))
def test_a_broken_file_is_refused(content: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "ecu.json"
    path.write_text(content, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(UserError, match=said) as caught:
        Host("hardened", say=lambda text: None, state_file=StateFile(path, "hardened"), clock=HandClock()).start()
    assert str(path) in str(caught.value)
    assert path.exists()


WRONG_ENTRIES = {
    "a value of another length": ("values", {"2020": "FFFF"}, "2 bytes"),
    "an unknown identifier": ("values", {"4711": "FF"}, "no 4711"),
    "a volatile identifier": ("values", {"1010": "FF"}, "no 1010"),
    "no hex": ("values", {"2020": "XY"}, "no hex"),
    "a count that is a word": ("wrong_keys", {"01": "two"}, "no count"),
    "a level that is not there": ("wrong_keys", {"07": 1}, "no 07"),
    "a negative delay": ("delays_left_s", {"01": -1}, "no number of seconds"),
    "a delay that is no number": ("delays_left_s", {"01": True}, "no number of seconds"),
    "a list for an object": ("held_seeds", [], "no object"),
    "a list for what a flaw remembers": ("lasting", [], "no object"),
    "a fraction that a flaw remembers": ("lasting", {"seeds issued": 1.5}, "no count"),
    "numbers in a list of a flaw": ("lasting", {"accepted keys": [1]}, "no count"),
}


@pytest.mark.parametrize(("name", "entry", "said"), WRONG_ENTRIES.values(), ids=list(WRONG_ENTRIES))
def test_a_wrong_entry_is_named(name: str, entry: object, said: str, tmp_path: Path) -> None:
    path = tmp_path / "ecu.json"
    hosted(path).close()
    shown = json.loads(path.read_text())
    shown["ecus"][0][name] = entry
    path.write_text(json.dumps(shown))
    with pytest.raises(UserError, match=said):
        Host("hardened", say=lambda text: None, state_file=StateFile(path, "hardened"), clock=HandClock()).start()


VARIANTS = ["one_counter", "held_seed", "pause_after_wrong_key", "boot_delay"]


@pytest.mark.parametrize("profile", ["hardened", *(f"hardened+{variant}" for variant in VARIANTS)])
def test_an_ecu_that_recalls_is_the_one_that_lost_its_power(profile: str) -> None:
    """The file holds everything that `reboot` keeps: a start with the file and a power cycle lead to the same state."""
    with bench(profile) as on, bench(profile) as other:
        on.ask("1003")
        on.seed(3)
        on.wrong_key()
        (ecu,), (fresh,) = ecus_of(on.host.nodes), ecus_of(other.host.nodes)
        now_s = ecu.surroundings.now_s
        recall(fresh, from_json(json.loads(json.dumps(to_json(remembered(ecu)))), fresh))
        expected, recalled = (
            {name: getattr(reboot(one, now_s), name) for name in one.state.__slots__} for one in (ecu, fresh)
        )
        assert recalled == expected
