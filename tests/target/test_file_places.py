"""Prove that the entries of a target file are found in their places, whatever else the file holds."""

from pathlib import Path

import pytest

from harness.target import load_target, shipped_targets
from harness.target.file_places import places_in, places_of

FILE = '''\
# [[security]]
[target]
name = "gateway"
notes = """
[[security]]
level = 0x7F
"""

[can]
interface = "uds-sim"
channel = "hardened"

  [[security]]  # the first
level = 0x01
key = '[[data]]'

[[data]]
did = 0x2020
values = [
  "00..7F",
]

[[ security ]]
level = 3

[[session]]
id = 0x03
'''


def test_each_entry_is_found_by_what_results_call_it() -> None:
    places = {name: (place.line, place.column, place.end_column) for name, place in places_in(FILE).items()}
    assert places == {
        "target": (2, 1, 9),
        "level 0x01": (13, 3, 15),
        "DID 2020": (17, 1, 9),
        "level 0x03": (23, 1, 15),
        "session 0x03": (26, 1, 12),
    }


@pytest.mark.parametrize("newline", ["\r\n", "\n\n"])
def test_ends_of_lines_of_any_system_are_counted(newline: str) -> None:
    text = FILE.replace("\n", newline)
    line = places_in(text)["level 0x01"].line
    assert text.split("\n")[line - 1].strip() == "[[security]]  # the first"


@pytest.mark.parametrize(
    "text", ["", "[", 'security = [{level = 1}]\n[can]\ninterface = "x"', "[[security]]\nlevel = 'one'"]
)
def test_what_is_written_otherwise_has_no_place(text: str) -> None:
    assert {name for name in places_in(text) if name != "target"} == set()


def test_a_shipped_target_has_no_file_of_the_users_and_a_file_may_be_gone(tmp_path: Path) -> None:
    assert places_of(load_target("hardened")) == {}
    file = tmp_path / "gateway.toml"
    file.write_bytes(shipped_targets()["hardened"].read_bytes())
    target = load_target(file)
    line = file.read_text(encoding="utf-8").split("\n").index("[[security]]") + 1
    assert places_of(target)["level 0x01"].line == line
    file.unlink()
    assert places_of(target) == {}
