"""Read the tables of cars by strangers (cars.md): the nodes, the checks that must or may fail, and the target files."""

import copy
import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from harness.runs.findings import Finding
from harness.target import Target, load_text
from harness.verdict import Verdict

HERE = Path(__file__).parent

ANY = "any"
"""In `Stranger.may_fail`: any check may fail on this ECU."""

BASES = {"frugal": "frugal", "wrecks": "frugal", "sedan": "sedan", "truck": "truck", "limousine": "limousine"}
"""By the first word of a node's file: the target file in bases/ from which the node's own target differs."""

ID_KEYS = {
    "security": ("level",),
    "data": ("did",),
    "session": ("id",),
    "service": ("id",),
    "routine": ("id", "range"),
    "memory": ("range",),
    "connection": ("request_id",),
}
"""By table that may occur several times in a target file: the keys that name an entry."""


SECRET_05 = "hex:B4DD8DE6DA214883241268EC163EC19D"
LEVEL_05 = {"session": 3, "attempts": 3, "delay_s": 10, "key": "limousine.py:key", "secret": SECRET_05}


def without(*names: int) -> dict[int, None]:
    """Return settings that remove these entries."""
    return dict.fromkeys(names)


def said_of(*names: int, **settings: str) -> dict[int, dict[str, str]]:
    """Return the same settings for several entries."""
    return dict.fromkeys(names, settings)


CHANGES: dict[str, dict[str, Any]] = {
    "one level": {"security": without(0x03), "data": without(0x0A03)},
    "one session": {
        "security": {"*": {"session": None}},
        "service": without(0x10, 0x28, 0x34, 0x36, 0x37),
        "session": None,
        "timing": None,
    },
    "a door module": {
        "security": None,
        "data": {
            **without(0x0120, 0x0210, 0x0220, 0x0230, 0x0240, 0x0310, 0x0A55, 0x0D10, 0xF18C, 0xF190, 0xF1A0),
            0xF18D: {"length": 2},
        },
        "service": without(0x10, 0x11, 0x14, 0x19, 0x23, 0x27, 0x28, 0x2C, 0x2F, 0x31, 0x34, 0x36, 0x37, 0x3D, 0x85),
        **dict.fromkeys(("routine", "memory", "session", "timing")),
        "reset": {"uds": None},
    },
    "a door module with a key": {
        "security": {0x01: {"session": None, "key": "limousine_security.py:four"}, 0x03: None},
        "data": without(0x0230, 0x0240, 0x0D10, 0xF18C, 0xF190, 0xF1A0),
        "service": without(0x10, 0x14, 0x19, 0x23, 0x28, 0x2C, 0x2F, 0x31, 0x34, 0x36, 0x37, 0x3D, 0x85),
        **dict.fromkeys(("routine", "memory", "session", "timing")),
    },
    "an open page": {
        "service": said_of(0x23, 0x3D, needs="open"),
        "memory": {"0x20000000..0x200000FF": {"needs": "open"}},
    },
    "level 05": {
        "security": {**without(0x01, 0x03), 0x05: {**LEVEL_05, "attempts": 5}},
        "data": {
            **said_of(0x0210, 0x0220, 0x0230, 0x0240, write="level 0x05"),
            0x0D10: {"read": "level 0x05"},
        },
        "service": said_of(0x14, 0x23, 0x28, 0x2F, 0x34, 0x36, 0x37, 0x3D, 0x85, needs="level 0x05"),
        "routine": said_of(0x0203, 0xFF00, needs="level 0x05"),
        "memory": {"*": {"needs": "level 0x05"}},
    },
    "level 05 besides": {"security": {0x05: LEVEL_05}},
    "other services": {
        "service": {
            **without(0x11, 0x14, 0x19, 0x23, 0x28, 0x2C, 0x2F, 0x31, 0x34, 0x36, 0x37, 0x3D, 0x3E, 0x85),
            **said_of(0x24, 0x35, needs="open"),
        },
        "routine": None,
        "memory": None,
    },
}
"""By the word that stands for them in cars.md: changes to tables by name, and to entries by their key (``*``: each).

None removes an entry.
"""


@dataclass(frozen=True, slots=True)
class Stranger:
    """One ECU, and the verdicts that are expected of the checks."""

    name: str
    node: str
    """``file.py:factory`` in this folder."""
    must_fail: str = ""
    """Ids of checks that must fail; of ``SA-01/SA-02`` at least one. Empty for a sound ECU."""
    may_fail: str = ""
    """Ids of checks that may fail, because that is arguable or follows from the flaw; `ANY` allows all."""
    changes: Mapping[str, Any] = field(default_factory=dict)
    """How the target file differs from its base, in the form of `CHANGES`."""

    @property
    def wanted(self) -> list[set[str]]:
        """Sets of checks, of each of which at least one must fail."""
        return [set(one.split("/")) for one in self.must_fail.split()]

    @property
    def allowed(self) -> set[str]:
        """The ids of checks that may or must fail."""
        return set().union(*self.wanted) | set(self.may_fail.split())

    @property
    def target(self) -> Target:
        """The target that the target file would give."""
        return load_text(self.toml, self.name, HERE / f"{self.name}.toml")

    @property
    def toml(self) -> str:
        """The text of the target file."""
        base = BASES[self.node.partition(".")[0].partition("_")[0]]
        tables = _changed(_base(base), self.changes)
        tables["target"] = {"name": self.name, **tables.get("target", {})}
        tables["can"]["channel"] = self.node
        return "\n".join(_lines(tables)) + "\n"


def _changes(said: str) -> dict[str, Any]:
    """Parse a cell of the table: words of `CHANGES`, or settings as ``reset.boot_s = 4.0; service.0x11 = none``."""
    if not said or said in CHANGES:
        return CHANGES.get(said, {})
    changes: dict[str, Any] = {}
    for setting in said.split("; "):
        keys, _, value = setting.partition(" = ")
        *tables, last = (int(key, 16) if key.startswith("0x") else key for key in keys.split("."))
        place = changes
        for table in tables:
            place = place.setdefault(table, {})
        place[last] = None if value == "none" else tomllib.loads(f"value = {value}")["value"]
    return changes


def _strangers(text: str) -> dict[str, tuple[Stranger, ...]]:
    found: dict[str, tuple[Stranger, ...]] = {}
    for line in text.splitlines():
        if line.startswith("## "):
            table = line.removeprefix("## ")
            found[table] = ()
        elif found and line.startswith("|") and not line.startswith(("| ECU |", "|---")):
            name, node, must_fail, may_fail, said, _ = (cell.strip() for cell in line.strip("|").split("|"))
            found[table] += (Stranger(name, node, must_fail, may_fail, _changes(said)),)
    return found


STRANGERS = _strangers((HERE / "cars.md").read_text(encoding="utf-8"))
"""The ECUs by family and kind, e.g. ``frugal sound``."""


def shown(findings: Iterable[Finding]) -> str:
    """Format findings as lines for a person to judge; empty if there are none."""
    lines = []
    for one in findings:
        said = (one.id, one.parameter, one.verdict, one.reason, one.expected, one.observed)
        lines.append("  ".join(str(word) for word in said if word))
    return "\n".join(lines)


def with_verdict(findings: Iterable[Finding], *verdicts: Verdict) -> list[Finding]:
    """Return the findings with this verdict."""
    return [finding for finding in findings if finding.verdict in verdicts]


def missed(stranger: Stranger, findings: Iterable[Finding]) -> list[Finding]:
    """Return the results of checks of which at least one should have failed, and none did."""
    findings = list(findings)
    failed = {finding.id for finding in with_verdict(findings, Verdict.FAIL)}
    return [finding for ids in stranger.wanted if not ids & failed for finding in findings if finding.id in ids]


def accused(stranger: Stranger, findings: Iterable[Finding]) -> list[Finding]:
    """Return the failures that neither the flaw nor the table explains."""
    failing = with_verdict(findings, Verdict.FAIL)
    return [] if ANY in stranger.allowed else [finding for finding in failing if finding.id not in stranger.allowed]


@cache
def _base(name: str) -> Mapping[str, Any]:
    """Read a file in bases/; entries of tables that occur several times are returned by the keys that name them."""
    tables: dict[str, Any] = tomllib.loads((HERE / "bases" / f"{name}.toml").read_text(encoding="utf-8"))
    for table, keys in ID_KEYS.items():
        if table in tables:
            tables[table] = {_id_of(entry, keys): entry for entry in tables[table]}
    return tables


def _id_of(entry: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    return next(entry[key] for key in keys if key in entry)


def _changed(tables: Mapping[str, Any], changes: Mapping[Any, Any]) -> dict[str, Any]:
    found: dict[Any, Any] = copy.deepcopy(dict(tables))
    entries = ((key, change) for name, change in changes.items() for key in (list(found) if name == "*" else [name]))
    for key, change in entries:
        if change is None:
            del found[key]
        elif isinstance(change, Mapping):
            found[key] = _changed(found.get(key, {}), change)
        else:
            found[key] = change
    return found


def _lines(tables: Mapping[str, Any]) -> Iterator[str]:
    for table, content in tables.items():
        if table not in ID_KEYS:
            yield f"[{table}]"
            yield from (f"{key} = {json.dumps(value)}" for key, value in content.items())
            continue
        for name, entry in content.items():
            yield f"[[{table}]]"
            if not any(key in entry for key in ID_KEYS[table]):
                yield f"{'range' if isinstance(name, str) else ID_KEYS[table][0]} = {json.dumps(name)}"
            yield from (f"{key} = {json.dumps(value)}" for key, value in entry.items())
