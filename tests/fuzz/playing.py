"""Run a fuzz case on an ECU in one call."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.audit.fuzzing import check_of
from harness.fuzz.case import Case, read_cases
from harness.runs.findings import Finding
from harness.target import Target, load_target
from harness.testing import run_checks
from harness.verdict import Depth

from . import nodes

NODES = Path(__file__).parent / "nodes.py"


def target(node: str = "hardened", base: str = "hardened", **changes: Any) -> Target:
    """Return a shipped target whose ECU is a node of nodes.py or a profile; `changes` are fields of the target."""
    loaded = load_target(base)
    channel = f"{NODES}:{node}" if hasattr(nodes, node) else node
    return replace(loaded, can=replace(loaded.can, channel=channel), **changes)


def allowing(*permissions: str, wrong_keys: int | None = None) -> dict[str, Any]:
    return {"safety": replace(load_target("hardened").safety, allow=frozenset(permissions), wrong_keys=wrong_keys)}


def write_case(folder: Path, **keys: str) -> Path:
    """Write a file with one case whose keys have these TOML values."""
    path = folder / "cases" / "one.toml"
    path.parent.mkdir(exist_ok=True)
    given = {"id": '"one"', "why": '"Because."', "send": '"22 10 10"', "expect": '"any"', **keys}
    path.write_text("[[case]]\n" + "".join(f"{key} = {value}\n" for key, value in given.items()), encoding="utf-8")
    return path


def case(folder: Path, **keys: str) -> Case:
    return read_cases(write_case(folder, **keys))[0]


def run(case: Case, ecu: Target | None = None, seed: int = 1, depth: Depth = Depth.DEEP) -> Finding:
    (finding,) = run_checks([check_of(case)], ecu or target(), seed=seed, depth=depth)
    return finding
