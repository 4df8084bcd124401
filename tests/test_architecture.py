"""Prove which packages import which, and which modules use the machine's time or chance."""

import ast
import importlib
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted([*ROOT.glob("harness/**/*.py"), *ROOT.glob("attacks/**/*.py")])

BASE = {"uds", "verdict", "errors", "lazy", "system"}
TARGET = BASE | {"target"}
LINK = TARGET | {"link"}
RUNS = BASE | {"link", "runs"}
TESTER = LINK | {"runs", "tester"}
BUSES = TESTER | {"simulation", "buses"}
MEASUREMENTS = BUSES | {"analysis", "check", "measurements"}
AUDIT = MEASUREMENTS | {"fuzz", "report", "audit"}
MAY_IMPORT = {
    "uds": set(),
    "verdict": set(),
    "lazy": set(),
    "system": set(),
    "errors": {"verdict"},
    "target": TARGET,
    "check": TARGET,
    "runs": RUNS,
    "link": LINK,
    "simulation": LINK | {"simulation"},
    "buses": LINK | {"simulation"},
    "tester": TESTER,
    "analysis": {"analysis", "lazy"},
    "measurements": MEASUREMENTS,
    "discovery": TESTER | {"discovery"},
    "fuzz": TESTER | {"fuzz"},
    "doctor": BUSES | {"discovery", "doctor"},
    "report": RUNS | {"report"},
    "audit": AUDIT,
    "testing": AUDIT | {"testing"},
    "ecu": BASE | {"link", "simulation", "ecu"},
    "ecu_host": BASE | {"link", "simulation", "report", "ecu", "ecu_host"},
    "learning": TESTER | {"fuzz", "learning"},
    "shell": AUDIT | {"shell"},
    "planning": AUDIT | {"ecu", "planning"},
    "campaigns": AUDIT | {"campaigns"},
    "cli": AUDIT | {"campaigns", "planning", "discovery", "doctor", "ecu", "ecu_host", "learning", "shell", "cli"},
    "__main__": {"cli"},
}
"""By package of `harness`: the packages that it may import, itself included; ``__init__`` re-exports lazily, and has its own
test.
"""

FACES = ("harness", "harness.tester", "harness.measurements", "harness.analysis", "harness.fuzz")
"""Packages from which checks may import names."""

MACHINE = {
    "time": {"time", "monotonic", "sleep", "perf_counter", "time_ns", "monotonic_ns"},
    "random": None,
    "secrets": None,
    "os": {"urandom"},
    "datetime": {"now", "utcnow", "today"},
}
"""By module of Python: the names that give time or chance; None: every name."""
ASKS_THE_MACHINE = {
    "harness/link/clock.py",
    "harness/fuzz/python.py",  # seeds the global `random`, from which Scapy's fuzz() draws, and puts it back
}


def part_of(path: Path) -> str:
    return path.relative_to(ROOT / "harness").parts[0].removesuffix(".py")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def nodes_of(path: Path) -> list[ast.AST]:
    return list(ast.walk(tree_of(path)))


def imports(path: Path) -> Iterator[str]:
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module or ""


def files_of(folder: str) -> list[Path]:
    return [path for path in FILES if path.is_relative_to(ROOT / folder)]


def test_a_part_imports_only_what_it_stands_on() -> None:
    wrong = []
    for path in files_of("harness"):
        if path != ROOT / "harness" / "__init__.py":
            used = {name.split(".")[1] for name in imports(path) if name.startswith("harness.")}
            wrong += [f"{path.relative_to(ROOT)} imports {name}" for name in sorted(used - MAY_IMPORT[part_of(path)])]
    assert not wrong


def test_no_import_leads_back_to_the_file_that_it_starts_from() -> None:
    """Imports for types count, too: a reader who begins at the bottom meets each file before those that need it."""
    module_of = {name_of(path): path for path in FILES}
    graph = {module: set(files_imported(path, module_of)) - {module} for module, path in module_of.items()}
    del graph["harness"]  # shows names of parts that are imported when they are asked for
    while above_nothing := [module for module, needs in graph.items() if not needs & graph.keys()]:
        for module in above_nothing:
            del graph[module]
    assert not graph, "these files import each other in a circle, or stand above one"


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def files_imported(path: Path, module_of: Mapping[str, Path]) -> Iterator[str]:
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            full = {alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            yield from (name if name in module_of else node.module or "" for name in full.values())


def test_a_check_imports_only_public_names() -> None:
    standard_library = {"__future__", "collections.abc", "dataclasses", "functools"}
    allowed = {*FACES, "harness.uds", *standard_library, "scapy.contrib.automotive.uds", "scapy.packet"}
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files_of("attacks")
        for name in imports(path)
        if name not in allowed and not name.startswith("attacks.")
    ]
    assert not wrong


def test_nothing_but_the_clock_reads_time_sleeps_or_draws_chance() -> None:
    asking = [path for path in FILES if path.relative_to(ROOT).as_posix() not in ASKS_THE_MACHINE]
    found = [f"{path.relative_to(ROOT)}: {name}" for path in asking for name in asked_of_the_machine(path)]
    assert not found, "time and chance come from harness.link.clock"


def asked_of_the_machine(path: Path) -> Iterator[str]:
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MACHINE and MACHINE[alias.name] is None)
            yield from (alias.name for alias in node.names if alias.name == "time")
        elif isinstance(node, ast.ImportFrom) and node.module in MACHINE:
            names = MACHINE[node.module]
            yield from (alias.name for alias in node.names if names is None or alias.name in names)
        elif isinstance(node, ast.Attribute) and (node.attr in {"urandom", "utcnow"} or is_todays_date(node)):
            yield node.attr


def is_todays_date(node: ast.Attribute) -> bool:
    is_datetime = isinstance(node.value, ast.Name) and node.value.id in {"datetime", "date"}
    return is_datetime and node.attr in {"now", "today"}


def test_no_test_asserts_how_long_something_takes() -> None:
    """A slow or a busy machine is no defect; a test may assert that something takes *at least* some time."""
    clocks = {"monotonic", "perf_counter", "process_time", "thread_time"}

    def is_duration(node: ast.AST) -> bool:
        parts = [part for part in ast.walk(node) if isinstance(part, ast.BinOp) and isinstance(part.op, ast.Sub)]
        calls = [call.func for part in parts for call in ast.walk(part) if isinstance(call, ast.Call)]
        return any(isinstance(call, ast.Attribute) and call.attr in clocks for call in calls)

    found = []
    for path in sorted((ROOT / "tests").glob("**/*.py")):
        for node in nodes_of(path):
            if isinstance(node, ast.Compare):
                sides = [node.left, *node.comparators]
                for left, how, right in zip(sides, node.ops, sides[1:], strict=False):
                    lesser = left if isinstance(how, (ast.Lt, ast.LtE)) else right
                    if isinstance(how, (ast.Lt, ast.LtE, ast.Gt, ast.GtE)) and is_duration(lesser):
                        found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not found


def test_the_map_of_the_tests_names_each_folder() -> None:
    shown = set(re.findall(r"`(\w+)/", (ROOT / "tests" / "README.md").read_text(encoding="utf-8")))
    folders = {
        path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and [*path.glob("*.py"), *path.glob("*.toml")]
    }
    assert folders <= shown, "tests/README.md says of each folder which doubt it answers"
    assert {name for name in shown if not (ROOT / "tests" / name).is_dir()} <= {"harness", "docs", "reports"}


def test_no_folder_holds_more_files_than_can_be_looked_over() -> None:
    """Thirty modules at most; a subject of its own gets a folder of its own."""
    folders = {path.parent for path in [*FILES, *ROOT.glob("tests/**/*.py")]}
    sizes = {folder: len([path for path in folder.glob("*.py") if path.name != "__init__.py"]) for folder in folders}
    too_large = [f"{folder.relative_to(ROOT)}: {size} files" for folder, size in sizes.items() if size > 30]
    assert not too_large


def test_a_class_has_a_name_of_its_own() -> None:
    places: dict[str, list[str]] = {}
    for path in FILES:
        for node in tree_of(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    assert not {name: files for name, files in places.items() if len(files) > 1}


def test_a_file_begins_with_a_statement_of_what_it_does() -> None:
    wrong = []
    for path in [*FILES, *ROOT.glob("tests/**/*.py"), *ROOT.glob("benchmarks/*.py")]:
        first = (ast.get_docstring(tree_of(path)) or "").partition("\n")[0]
        if path.stat().st_size and (not first or "?" in first):
            wrong.append(f"{path.relative_to(ROOT)}: {first or 'nothing'}")
    assert not wrong


def test_the_architecture_names_what_is_there() -> None:
    """The table names each folder and file, and in a folder's row its modules, or a class by its name."""
    classes = {node.name for path in files_of("harness") for node in tree_of(path).body if isinstance(node, ast.ClassDef)}
    missing = []
    for row in re.findall(r"^\| (`.*)\|$", (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"), re.MULTILINE):
        first, what, *_ = row.split(" | ")
        places = re.findall(r"`([\w/.]+)`", first)
        folders = [ROOT / place for place in places if place.endswith("/")]
        missing += [place for place in places if not any((base / place).exists() for base in (ROOT, ROOT / "harness"))]
        for name in re.findall(r"`(\w+)/?`", what):
            files = [file for folder in folders for file in (*folder.glob(f"**/{name}.py"), folder / name) if file.exists()]
            if not files and name not in classes and not (ROOT / "harness" / f"{name}.py").exists():
                missing.append(f"{name} in {first}")
    assert not missing


def test_a_page_for_developers_names_only_files_that_exist() -> None:
    pages = [ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md", ROOT / "tests" / "README.md"]
    named = {(page, name) for page in pages for name in re.findall(r"`([\w/.]+/[\w/.]*)`", page.read_text(encoding="utf-8"))}
    roots = [ROOT, ROOT / "harness", ROOT / "harness" / "ecu", ROOT / "tests"]
    missing = [
        f"{page.name}: {name}"
        for page, name in named
        if not any((root / name).exists() or (root / f"{name}.py").exists() for root in roots)
    ]
    assert not missing


@pytest.mark.parametrize("face", [face for face in FACES if face != "harness.measurements"])
def test_the_public_names_are_exact(face: str) -> None:
    """The names in `__all__`, those that a type checker sees, and those that can be imported are the same."""
    package = importlib.import_module(face)
    path = ROOT.joinpath(*face.split("."), "__init__.py")
    shown = {
        alias.name: node.module
        for block in tree_of(path).body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert package.__all__ == sorted(shown)
    assert shown == {name: f"harness.{home}" for name, home in package._HOMES.items()}
    for name, home in shown.items():
        assert getattr(package, name) is getattr(importlib.import_module(str(home)), name), name
    with pytest.raises(AttributeError, match="no_such_name"):
        package.no_such_name  # noqa: B018


def test_an_author_of_checks_has_few_names_to_learn() -> None:
    import harness

    assert len(harness.__all__) <= 26


def test_a_public_name_is_there_for_a_check() -> None:
    """Each public name is imported by a shipped check, shown in CONTRIBUTING.md, or needed to test a check."""
    words = set(re.findall(r"\w+", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")))
    for face in FACES:
        shown = set(importlib.import_module(face).__all__)
        used = {
            alias.name
            for path in files_of("attacks")
            for node in ast.walk(tree_of(path))
            if isinstance(node, ast.ImportFrom) and node.module == face
            for alias in node.names
        }
        assert used - {"uds"} <= shown, face
        assert shown - used - words <= {"load_target", "Measurements"}, face  # an ECU to try a check on; shown by harness


def test_importing_the_harness_imports_nothing_heavy() -> None:
    import subprocess
    import sys

    code = "import sys, harness, harness.cli; print(sorted({'scapy', 'can', 'pytest', 'jinja2'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


ECU = ROOT / "harness" / "ecu"
PUT_FLAWS_IN = {"profiles.py", "variants.py"}
"""The modules that know that the sound ECU can be changed: the names of all ECUs, and the variants, which are
changes too.
"""


def test_the_sound_ecu_knows_no_flaw() -> None:
    """The sound ECU reads as an ECU from top to bottom: no rule tests for a flaw, and no flaw is imported."""
    sound = [path for path in files_of("harness/ecu") if not path.is_relative_to(ECU / "flaws")]
    assert len(sound) > 30
    words = re.compile(r"flaw|defect", re.IGNORECASE)
    found = []
    for path in sound:
        if path.name in PUT_FLAWS_IN:
            continue
        found += [f"{path.name} imports {name}" for name in imports(path) if name.startswith("harness.ecu.flaws")]
        for node in nodes_of(path):
            name = {ast.Name: "id", ast.Attribute: "attr", ast.arg: "arg", ast.FunctionDef: "name"}.get(type(node))
            if name is not None and words.search(getattr(node, name)):
                found.append(f"{path.name}:{getattr(node, 'lineno', 0)}: {getattr(node, name)}")
    assert not found


def test_a_flaw_changes_the_definition_and_puts_nothing_into_a_living_ecu() -> None:
    """A flaw may write what an ECU remembers (`state`, `notes`, the time that an answer takes), but no method of an
    object.
    """
    found = []
    for path in [*files_of("harness/ecu/flaws"), ECU / "variants.py"]:
        for node in nodes_of(path):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"setattr", "delattr"}:
                found.append(f"{path.name}:{node.lineno}: {node.func.id}")
            targets = node.targets if isinstance(node, ast.Assign) else []
            for target in targets:
                owner = target.value if isinstance(target, ast.Attribute) else None
                if isinstance(owner, ast.Name) and owner.id in {"ecu", "node", "server", "isotp"}:
                    found.append(f"{path.name}:{target.lineno}: {ast.unparse(target)}")
    assert not found
