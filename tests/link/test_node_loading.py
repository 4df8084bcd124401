"""Prove how a channel names the nodes of a simulated bus, and that every mistake gives one line that says so."""

import sys
from pathlib import Path

import can
import pytest

from harness.ecu.profiles import PROFILES
from harness.errors import UserError
from harness.simulation.node import load_nodes

NODES = """
from dataclasses import dataclass

@dataclass
class Node:
    name: str = "made by the factory"

    def attach(self, port):
        self.port = port

    def on_frame(self, frame):
        pass

class Iterating(Node):
    def __iter__(self):
        return iter(())

def one(): return Node()
def several(): return [Node("first"), Node("second")]
def generated(): yield from several()
def iterating(): return Iterating()
def nothing(): return None
def empty(): return []
def unmade(): return Node
def mixed(): return [Node(), "node"]
def half(): return type("Half", (), {"attach": print})()
def raises(): raise RuntimeError("first line\\nsecond line")
def exits(): raise SystemExit(2)
def wants(more): return Node()
def dies_late():
    yield Node()
    raise RuntimeError("late")
a_number = 7
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a target, with nodes beside the target; the working directory is another folder."""
    files = {
        "nodes.py": NODES,
        "sub/deep.py": NODES,
        "half.py": "def one(:\n    pass\n",
        "exits.py": "import sys\nsys.exit('usage: exits.py ...')\n",
        "raises.py": "raise RuntimeError('at import')\n",
        "needs.py": "import a_module_that_nobody_has\n",
        "strangers_package/__init__.py": "",
        "strangers_package/nodes.py": NODES,
        "strangers_package/broken.py": "1 / 0\n",
    }
    for name, text in files.items():
        path = tmp_path / "targets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.syspath_prepend(str(tmp_path / "targets"))
    for name in [name for name in sys.modules if name.startswith("strangers_package")]:
        monkeypatch.delitem(sys.modules, name)
    return tmp_path / "targets"


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_is_found_by_its_name(profile: str) -> None:
    assert len(load_nodes(profile)) == 1


def test_a_profile_takes_flaws() -> None:
    (node,) = load_nodes("hardened+no_attempt_limit")
    assert node.ecu.definition.made == ("no_attempt_limit",)  # type: ignore[attr-defined]


@pytest.mark.parametrize("channel", ["nodes.py:one", "sub/deep.py:one", "./nodes.py:one", "strangers_package.nodes:one"])
def test_a_factory_is_found_in_a_file_beside_the_target_and_in_a_module(folder: Path, channel: str) -> None:
    (node,) = load_nodes(channel, folder)
    assert node.name == "made by the factory"  # type: ignore[attr-defined]


def test_an_absolute_path_needs_no_folder(folder: Path) -> None:
    assert len(load_nodes(f"{folder / 'nodes.py'}:one")) == 1


def test_without_a_target_a_path_is_relative_to_the_working_directory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert len(load_nodes("sub/deep.py:one")) == 1


@pytest.mark.parametrize(("factory", "count"), [("several", 2), ("generated", 2), ("iterating", 1), ("Node", 1)])
def test_a_factory_gives_one_node_or_several(folder: Path, factory: str, count: int) -> None:
    assert len(load_nodes(f"nodes.py:{factory}", folder)) == count


def test_every_opening_makes_its_own_nodes(folder: Path) -> None:
    assert load_nodes("nodes.py:one", folder)[0] is not load_nodes("nodes.py:one", folder)[0]
    assert load_nodes("article")[0] is not load_nodes("article")[0]


WRONG = {
    "": 'there is no profile ""',
    "artikel": 'there is no profile "artikel"; profiles are article, ',
    "hardened+no_brakes": 'there is no defect or variant "no_brakes"; see: uds-harness list defects',
    "article+no_attempt_limit": "article takes no defects; hardened",
    "nowhere.py:one": "there is no file {folder}/nowhere.py",
    "sub:one": 'sub has no function "one"',
    "sub.py:one": "there is no file {folder}/sub.py",
    "nodes.py": 'there is no profile "nodes.py"',
    "nodes.py:": 'nodes.py has no function ""',
    "nodes.py:two": '{folder}/nodes.py has no function "two"',
    "nodes.py:a_number": 'nodes.py has no function "a_number"',
    "half.py:one": "half.py raised SyntaxError: ",
    "exits.py:one": "exits.py raised SystemExit: usage: exits.py ...",
    "raises.py:one": "raises.py raised RuntimeError: at import",
    "needs.py:one": "needs.py raised ModuleNotFoundError: No module named 'a_module_that_nobody_has'",
    "nodes.py:raises": "the factory raised RuntimeError: first line second line",
    "nodes.py:exits": "the factory raised SystemExit: 2",
    "nodes.py:dies_late": "the factory raised RuntimeError: late",
    "nodes.py:wants": "the factory raised TypeError: ",
    "nodes.py:nothing": "NoneType is no node; a node has attach(port) and on_frame(frame)",
    "nodes.py:empty": "the factory returned no node",
    "nodes.py:unmade": "the class Node is no node",
    "nodes.py:mixed": "str is no node",
    "nodes.py:half": "Half is no node",
    "strangers_package.nodes:two": 'nodes.py has no function "two"',
    "strangers_package.broken:one": "cannot import strangers_package.broken: ZeroDivisionError: ",
    "strangers_package.nowhere:one": "cannot import strangers_package.nowhere: ModuleNotFoundError: ",
    ":one": "cannot import : ValueError: ",
    ".nodes:one": "cannot import .nodes: TypeError: ",
}


@pytest.mark.parametrize("channel", WRONG)
def test_a_wrong_channel_is_a_user_error_in_one_line(folder: Path, channel: str) -> None:
    with pytest.raises(UserError) as caught:
        load_nodes(channel, folder)
    text = str(caught.value)
    assert WRONG[channel].format(folder=folder) in text
    assert "\n" not in text
    assert channel in text


@pytest.mark.parametrize("channel", ["artikel", "nowhere.py:one", "no_such_module:one", "strangers_package.nodes:empty"])
def test_python_can_hears_of_a_wrong_channel_in_its_own_way(
    folder: Path, channel: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(can.CanInitializationError) as caught:
        can.Bus(interface="uds-sim", channel=channel)
    assert channel in str(caught.value)
    assert "\n" not in str(caught.value)
    assert (capsys.readouterr(), caplog.text) == (("", ""), "")


def test_a_file_that_failed_is_read_again(folder: Path) -> None:
    with pytest.raises(UserError):
        load_nodes("raises.py:one", folder)
    (folder / "raises.py").write_text(NODES, encoding="utf-8")
    assert len(load_nodes("raises.py:one", folder)) == 1


def test_a_file_that_changed_is_read_again(folder: Path) -> None:
    load_nodes("nodes.py:one", folder)
    (folder / "nodes.py").write_text(NODES.replace("made by the factory", "made by a newer one"), encoding="utf-8")
    assert load_nodes("nodes.py:one", folder)[0].name == "made by a newer one"  # type: ignore[attr-defined]
