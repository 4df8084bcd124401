"""Describe one ECU by a stranger: its node, the checks that must or may fail, and its target file."""

import copy
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from harness.runs.findings import Finding
from harness.target import Target, load_text
from harness.verdict import Verdict

HERE = Path(__file__).parent

ANY = "any"
"""In `Stranger.may_fail`: no check can be blamed for what it says of this ECU."""

BASES = {"frugal": "frugal", "wrecks": "frugal", "sedan": "sedan", "truck": "truck", "limousine": "limousine"}
"""By the first word of the node's file: the target file in bases/ that its own differs from."""

ID_KEYS = {
    "security": ("level",),
    "data": ("did",),
    "session": ("id",),
    "service": ("id",),
    "routine": ("id", "range"),
    "memory": ("range",),
    "connection": ("request_id",),
}
"""By table that a target file may repeat: the keys of which one names an entry."""


@dataclass(frozen=True, slots=True)
class Stranger:
    """One ECU and what is expected of the checks."""

    name: str
    node: str
    """``file.py:factory`` in this folder; its docstring says what the ECU is, unless `what` does."""
    _: KW_ONLY
    what: str = ""
    must_fail: str = ""
    """Ids of checks that fail, each; of ``SA-01|SA-02`` at least one. Empty for a sound ECU."""
    may_fail: str = ""
    """Ids of checks for which it is arguable, or follows from the flaw; `ANY` allows all."""
    changes: Mapping[str, Any] = field(default_factory=dict)
    """What its target file has otherwise than its base: tables by name, entries by what names them; None takes away."""

    @property
    def wanted(self) -> list[set[str]]:
        """Of each set at least one check must fail."""
        return [set(one.split("|")) for one in self.must_fail.split()]

    @property
    def allowed(self) -> set[str]:
        """What may fail, with what must."""
        return set().union(*self.wanted) | set(self.may_fail.split())

    @property
    def target(self) -> Target:
        """The target that its file would be."""
        return load_text(self.toml, self.name, HERE / f"{self.name}.toml")

    @property
    def toml(self) -> str:
        """The target file."""
        base = BASES[self.node.partition(".")[0].partition("_")[0]]
        tables = _changed(_base(base), self.changes)
        tables["target"] = {"name": self.name, **tables.get("target", {})}
        tables["can"]["channel"] = self.node
        return "\n".join(_lines(tables)) + "\n"


def strangers_in(file: str) -> Callable[..., Stranger]:
    """Return a function that makes strangers of this file by their factory, and by a name if it is not the factory's."""

    def make(factory: str, name: str = "", **expected: Any) -> Stranger:
        return Stranger(name or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", factory).lower(), f"{file}:{factory}", **expected)

    return make


def shown(findings: Iterable[Finding]) -> str:
    """Findings as lines that one can judge; empty if there are none."""
    lines = []
    for one in findings:
        said = (one.id, one.parameter, one.verdict, one.reason, one.expected, one.observed)
        lines.append("  ".join(str(word) for word in said if word))
    return "\n".join(lines)


def with_verdict(findings: Iterable[Finding], *verdicts: Verdict) -> list[Finding]:
    """Those that ended so."""
    return [finding for finding in findings if finding.verdict in verdicts]


def missed(stranger: Stranger, findings: Iterable[Finding]) -> list[Finding]:
    """What the checks said of which at least one had to fail, and none did."""
    findings = list(findings)
    failed = {finding.id for finding in with_verdict(findings, Verdict.FAIL)}
    return [finding for ids in stranger.wanted if not ids & failed for finding in findings if finding.id in ids]


def accused(stranger: Stranger, findings: Iterable[Finding]) -> list[Finding]:
    """Failures that nothing explains."""
    failing = with_verdict(findings, Verdict.FAIL)
    return [] if ANY in stranger.allowed else [finding for finding in failing if finding.id not in stranger.allowed]


@cache
def _base(name: str) -> Mapping[str, Any]:
    """A file in bases/; entries of tables that repeat are by what names them."""
    tables: dict[str, Any] = tomllib.loads((HERE / "bases" / f"{name}.toml").read_text(encoding="utf-8"))
    for table, keys in ID_KEYS.items():
        if table in tables:
            tables[table] = {_id_of(entry, keys): entry for entry in tables[table]}
    return tables


def _id_of(entry: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    return next(entry[key] for key in keys if key in entry)


def _changed(tables: Mapping[str, Any], changes: Mapping[Any, Any]) -> dict[str, Any]:
    found: dict[Any, Any] = copy.deepcopy(dict(tables))
    for key, change in changes.items():
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
