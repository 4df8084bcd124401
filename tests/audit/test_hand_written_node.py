"""Prove that an ECU in a user's own file is audited like a shipped one."""

import shutil
from pathlib import Path

from harness.audit.catalogue import shipped_functions

from .auditing import CHECKS_ONLY, NODES, Done, uds_harness, write_target

JUDGED = {
    "SA-01", "SA-06", "SA-09", "SA-17", "SA-18", "SA-21", "SA-22", "SA-32", "SA-39", "AC-01", "AC-02", "AC-13", "CF-01",
    "CF-02", "CF-04", "TP-01", "TP-06", "TP-09", "TP-10", "TP-12", "TP-15", "FZ-02", "IE-01",
}  # fmt: skip
"""Some checks of each kind whose subjects the ECU has."""

NOT_DECLARED = {"AC-14", "DS-01", "IE-04", "IE-05", "SA-34", "SA-40", "TP-13"}
"""Checks that need what the ECU's target file does not declare.

These are values to write, other traffic, another unit, the secret, another tester's ids, data of more than one frame.
"""


def with_verdict(verdict: str, done: Done) -> set[str]:
    return {name for name, one in done.verdicts.items() if one == verdict}


def test_a_sound_node_of_ones_own_has_no_finding(place: Path) -> None:
    done = uds_harness("audit", write_target(place), *CHECKS_ONLY, cwd=place)
    assert done.code == 0, done.explain()
    assert set(done.verdicts) >= set(shipped_functions())
    assert set(done.verdicts.values()) <= {"pass", "not_applicable", "inconclusive", "not_run"}, done.explain()
    assert with_verdict("pass", done) >= JUDGED, done.explain()
    assert with_verdict("inconclusive", done) <= NOT_DECLARED, done.explain()
    assert {"ST-01", "DS-05", "SA-26"} <= with_verdict("not_applicable", done), "no sessions, no functional id, one level"


def test_its_one_flaw_is_the_one_finding(place: Path) -> None:
    done = uds_harness("audit", write_target(place, "Unlimited"), *CHECKS_ONLY, cwd=place)
    assert done.code == 1
    assert with_verdict("fail", done) == {"SA-09"}, done.explain()


def test_its_file_is_looked_for_beside_the_target_file(place: Path) -> None:
    desk, elsewhere = place / "my desk", place / "elsewhere"
    desk.mkdir()
    elsewhere.mkdir()
    shutil.copy(NODES, desk / "my_nodes.py")
    write_target(desk, file="my_nodes.py", key="my_nodes.py:key")
    done = uds_harness("audit", "../my desk/small.toml", "-k", "SA-22", cwd=elsewhere)
    assert done.verdicts["SA-22"] == "pass", done.explain()


def test_on_the_command_line_its_file_is_looked_for_from_where_one_is(place: Path) -> None:
    shutil.copy(NODES, place / "my_nodes.py")
    ids = ("--request-id", "0x700", "--response-id", "0x708")
    done = uds_harness("audit", "--interface", "uds-sim", "--channel", "my_nodes.py:small", *ids, "-k", "CF-02", cwd=place)
    assert done.verdicts["CF-02"] == "pass", done.explain()


def test_two_nodes_share_the_bus(place: Path) -> None:
    (place / "pair.py").write_text(
        "import can\n"
        f"import importlib.util as u\nspec = u.spec_from_file_location('pair_nodes', {str(NODES)!r})\n"
        "nodes = u.module_from_spec(spec); spec.loader.exec_module(nodes)\n"
        "class Chatty:\n"
        "    def attach(self, port):\n"
        "        self.port = port\n"
        "        self.talk()\n"
        "    def talk(self):\n"
        "        self.port.send(can.Message(arbitration_id=0x123, is_extended_id=False, data=b'hello'))\n"
        "        self.port.call_later(0.01, self.talk)\n"
        "    def on_frame(self, frame):\n"
        "        pass\n"
        "def pair():\n    return [nodes.small(), Chatty()]\n"
    )
    target = write_target(place, "pair", file="pair.py")
    done = uds_harness("audit", target, "--depth", "quick", "-k", "SA-0 or SA-2", cwd=place)
    assert done.code == 0, done.explain()
    assert "123#68656C6C6F" in (done.folder / "bus.log").read_text()
