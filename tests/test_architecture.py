"""Who may import whom, and who may ask the machine for time or chance."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted([*ROOT.glob("harness/**/*.py"), *ROOT.glob("attacks/**/*.py")])

BASE = {"uds", "errors", "profile", "run", "outcome", "json_shape"}
TARGET = BASE | {"target", "toml_schema"}
LINK = TARGET | {"link"}
TESTER = LINK | {"tester"}
REPORT = BASE | {"run_folder", "run_lock", "redaction", "report"}
AUDIT = TESTER | {"redaction", "analysis", "fuzz", "audit", "report", "run_folder", "run_lock", "requirements", "shipped"}
MAY_IMPORT = {
    "uds": {"uds"},
    "errors": set(),
    "profile": set(),
    "run": {"run", "profile", "uds"},
    "outcome": {"outcome", "run"},
    "json_shape": {"json_shape"},
    "shipped": set(),
    "run_folder": BASE | {"run_folder"},
    "run_lock": {"errors"},
    "redaction": BASE | {"run_folder", "redaction"},
    "toml_schema": {"errors"},
    "target": TARGET,
    "link": LINK,
    "tester": TESTER,
    "analysis": {"analysis"},
    "fuzz": TESTER | {"fuzz"},
    "discovery": TESTER | {"discovery"},
    "report": REPORT,
    "audit": AUDIT,
    "ecu": {"uds", "errors", "link", "ecu"},
    "catalogue": AUDIT | {"catalogue"},
    "requirements": TARGET | {"shipped", "requirements"},
    "listing": AUDIT | {"ecu", "catalogue", "requirements", "listing"},
    "doctor": TESTER | {"discovery", "doctor"},
    "commands": AUDIT | {"discovery", "ecu", "catalogue", "doctor", "listing", "commands"},
    "cli": {"errors", "commands"},
}
"""What each part of `harness` may import, itself included; ``__init__`` re-exports lazily and is tested on its own."""

MACHINE = {
    "time": {"time", "monotonic", "sleep", "perf_counter", "time_ns", "monotonic_ns"},
    "random": None,
    "secrets": None,
    "os": {"urandom"},
    "datetime": {"now", "utcnow", "today"},
}
"""Where time and chance come from; None: everything in the module."""
ASKS_THE_MACHINE = {
    "harness/link/clock.py",
    "harness/fuzz/scapy_chance.py",  # seeds the global `random`, from which Scapy's fuzz() draws, and puts it back
}


def part_of(path: Path) -> str:
    return path.relative_to(ROOT / "harness").parts[0].removesuffix(".py")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module or ""


@pytest.mark.parametrize("path", [path for path in FILES if path.is_relative_to(ROOT / "harness")], ids=str)
def test_a_part_imports_only_what_it_stands_on(path: Path) -> None:
    if path == ROOT / "harness" / "__init__.py":
        return
    used = {name.split(".")[1] for name in imports(path) if name.startswith("harness.")}
    assert used <= MAY_IMPORT[part_of(path)]


@pytest.mark.parametrize("path", [path for path in FILES if path.is_relative_to(ROOT / "attacks")], ids=str)
def test_a_check_imports_only_public_names(path: Path) -> None:
    standard_library = {"__future__", "collections.abc", "dataclasses", "functools"}
    allowed = {"harness", *standard_library, "scapy.contrib.automotive.uds", "scapy.packet"}
    assert set(imports(path)) <= allowed | {name for name in imports(path) if name.startswith("attacks.")}


@pytest.mark.parametrize("path", FILES, ids=str)
def test_nothing_but_the_clock_reads_time_sleeps_or_draws_chance(path: Path) -> None:
    if path.relative_to(ROOT).as_posix() in ASKS_THE_MACHINE:
        return
    found = []
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name in MACHINE and MACHINE[alias.name] is None]
            found += [alias.name for alias in node.names if alias.name == "time"]
        elif isinstance(node, ast.ImportFrom) and node.module in MACHINE:
            names = MACHINE[node.module]
            found += [alias.name for alias in node.names if names is None or alias.name in names]
        elif isinstance(node, ast.Attribute) and (node.attr in {"urandom", "utcnow"} or is_todays_date(node)):
            found.append(node.attr)
    assert not found, f"time and chance come from harness.link.clock: {found}"


def is_todays_date(node: ast.Attribute) -> bool:
    is_datetime = isinstance(node.value, ast.Name) and node.value.id in {"datetime", "date"}
    return is_datetime and node.attr in {"now", "today"}


def test_the_public_names_are_exact() -> None:
    import harness

    assert sorted(harness.__all__) == harness.__all__
    for name in harness.__all__:
        assert getattr(harness, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        harness.no_such_name  # noqa: B018


def test_importing_the_harness_imports_nothing_heavy() -> None:
    import subprocess
    import sys

    code = "import sys, harness, harness.cli; print(sorted({'scapy', 'can', 'pytest', 'jinja2'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
