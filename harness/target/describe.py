"""Describe the target file from its one declaration (`model`): for readers, for editors, and as a file to begin with."""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, cast

from harness.target import model
from harness.target.load import EXAMPLE_URI, LISTS, TABLES
from harness.target.model import QUIRKS, Permission, Target
from harness.target.toml_schema import FLAG, Rule, rules_of
from harness.target.values import plain

WIDTH: Final = 100
SCHEMA: Final = Path(__file__).with_name("target.schema.json")
"""The shipped file of `json_schema`."""
SCHEMA_DIALECT: Final = "http://json-schema.org/draft-07/schema#"
"""The dialect that TOML editors (taplo, Even Better TOML) support."""

_BEGUN_WITH: Final = {
    "target": {"environment": '"bench"'},
    "can": {"interface": '"socketcan"', "channel": '"can0"', "request_id": "0x7E0", "response_id": "0x7E8"},
    "timing": {"p2_ms": "50", "s3_ms": "5000"},
    "safety": {"allow": "[]", "wrong_keys": "200"},
}
"""Keys that are set in a new file; all others stand in it as comments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedKey:
    """One key of the target file."""

    name: str
    rule: Rule
    is_required: bool
    default: Any
    """The default as JSON; None if `meaning` says what holds without the key."""
    meaning: str

    @property
    def example(self) -> str:
        """An example value in TOML."""
        words = [one for one in cast("list[object]", self.rule.schema.get("enum", [])) if isinstance(one, str)]
        if words:
            return f'"{words[-1]}"'
        given = re.search(r'e\.g\. ("[^"]*"|\[[^]]*\]|[^,;]+)', self.rule.allowed)
        quoted = re.match(r'"[^"]*"', self.rule.allowed)
        if self.rule is FLAG:
            return "false" if self.default else "true"
        return given[1] if given else quoted[0] if quoted else '"…"'


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedTable:
    """One table of the target file, or one kind of entry."""

    name: str
    is_list: bool
    meaning: str
    keys: tuple[DescribedKey, ...]

    @property
    def header(self) -> str:
        """``[can]`` or ``[[session]]``."""
        return f"[[{self.name}]]" if self.is_list else f"[{self.name}]"


@cache
def tables() -> tuple[DescribedTable, ...]:
    """Return every table, in the order of a file; without [quirks], whose keys are `QUIRKS`."""
    kinds: dict[str, tuple[type, bool]] = {"target": (Target, False)}
    kinds |= {name: (kind, False) for name, kind in TABLES.items() if name in ("can", "timing")}
    kinds |= {name: (kind, True) for name, (_, kind) in LISTS.items() if name not in ("accepted", "requirement")}
    kinds |= {name: (kind, False) for name, kind in TABLES.items() if name not in kinds}
    kinds |= {name: (LISTS[name][1], True) for name in ("accepted", "requirement")}
    return tuple(_table(name, kind, is_list=is_list) for name, (kind, is_list) in kinds.items())


def _table(name: str, kind: type, *, is_list: bool) -> DescribedTable:
    meanings, defaults = _meanings(kind), {one.name: one.default for one in fields(kind)}
    keys = tuple(
        DescribedKey(
            name=key,
            rule=rule,
            is_required=is_required,
            default=None if defaults[key] in (MISSING, b"") else plain(defaults[key]),
            meaning=meanings[key],
        )
        for key, (rule, is_required) in rules_of(kind).items()
    )
    words = " ".join(str(inspect.getdoc(kind)).split()).partition(". The annotated fields")[0]
    meaning = words.partition("]: ")[2] or words
    return DescribedTable(name=name, is_list=is_list, meaning=meaning[0].upper() + meaning[1:].rstrip(".") + ".", keys=keys)


def _meanings(kind: type) -> dict[str, str]:
    """Return the docstring under each field of a dataclass and of its base classes."""
    found: dict[str, str] = {}
    aliases = _aliases()
    for one in reversed(kind.__mro__[:-1]):
        (definition,) = ast.parse(inspect.getsource(one)).body
        assert isinstance(definition, ast.ClassDef)
        for node in definition.body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.annotation, ast.Name) and node.annotation.id in aliases:
                assert isinstance(node.target, ast.Name)
                found[node.target.id] = aliases[node.annotation.id]
        found |= dict(_documented(definition.body))
    return found


@cache
def _aliases() -> dict[str, str]:
    """Return the texts under the types that several tables share, by the names of these types."""
    return dict(_documented(ast.parse(inspect.getsource(model)).body))


def _documented(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    """Yield each name that is assigned to, with the first paragraph of the text under it."""
    for assignment, below in pairwise(body):
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str):
            names = assignment.targets if isinstance(assignment, ast.Assign) else [getattr(assignment, "target", None)]
            for name in names:
                if isinstance(name, ast.Name):
                    yield name.id, " ".join(inspect.cleandoc(below.value.value).partition("\n\n")[0].split())


def permissions() -> dict[str, str]:
    """Return each word of [safety] allow, and what it allows."""
    (definition,) = ast.parse(inspect.getsource(Permission)).body
    assert isinstance(definition, ast.ClassDef)
    meanings = dict(_documented(definition.body))
    return {one.value: meanings[one.name] for one in Permission}


def json_schema() -> dict[str, Any]:
    """Return a JSON Schema with which editors complete and check a target file; what it refuses, `load_target` refuses."""
    properties: dict[str, Any] = {}
    for table in tables():
        entry: dict[str, Any] = {
            "type": "object",
            "description": table.meaning,
            "additionalProperties": False,
            "properties": {key.name: _property(key) for key in table.keys},
        }
        required = [key.name for key in table.keys if key.is_required and (table.name, key.name) != ("target", "name")]
        entry |= {"required": required} if required else {}
        properties[table.name] = {"type": "array", "items": entry} if table.is_list else entry
    flags = {name: {"type": "boolean", "description": what} for name, what in QUIRKS.items()}
    properties["quirks"] = {"type": "object", "additionalProperties": False, "properties": flags}
    return {
        "$schema": SCHEMA_DIALECT,
        "title": "A target file of uds-harness",
        "type": "object",
        "additionalProperties": False,
        "required": ["can"],
        "properties": properties,
    }


def _property(key: DescribedKey) -> Mapping[str, Any]:
    default = {} if key.default is None or key.is_required else {"default": key.default}
    return {**key.rule.schema, "description": f"{key.meaning} Give {key.rule.allowed}.", **default}


def document() -> str:
    """Return the text of docs/target-file.md."""
    lines = [_PREFACE.strip()]
    for table in tables():
        often = "As many entries as there are." if table.is_list else ""
        lines += ["", f"## `{table.header}`", "", f"{table.meaning} {often}".rstrip(), ""]
        lines += ["| key | value | if absent | meaning |", "|---|---|---|---|"]
        lines += [
            f"| `{key.name}` | {_cell(key.rule.allowed)} | {_absent(table, key)} | {_cell(key.meaning)} |"
            for key in table.keys
        ]
        if table.name == "safety":
            lines += ["", "The words of `allow`:", ""]
            lines += [f"- `{word}`: {meaning}" for word, meaning in permissions().items()]
    lines += ["", "## `[quirks]`", "", "Deviations to tolerate, each set to `true`; every report names them.", ""]
    lines += [f"- `{name}`: {what}." for name, what in QUIRKS.items()]
    return "\n".join(lines) + "\n"


_PREFACE = f"""
# The target file

<!-- Written by `make samples` from harness/target/model.py. -->

One TOML file says what you declare of an ECU: where it is, what it offers, who may use what, and what may be sent to it.
`uds-harness target new FILE` writes one to begin with, `uds-harness discover -o FILE` one of what it finds; `uds-harness
doctor FILE` says what is wrong with a first run. A mistake is told with the file, the key, the value and what is allowed.

Numbers may be written in hex (`0x7E0`). Relative paths begin at the file's folder. Instead of a file, a URI names an ECU
of which nothing else is known: `{EXAMPLE_URI}`; its keys are `request`, `response`,
`functional`, `bitrate`, `extended`, `padding`, `fd`, `data_bitrate`, and those of addressing.

Your editor completes keys and marks mistakes if it knows TOML and JSON Schema (taplo, Even Better TOML): keep the line
`#:schema …` that `target new` writes.
"""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _absent(table: DescribedTable, key: DescribedKey) -> str:
    if key.is_required and (table.name, key.name) != ("target", "name"):
        return "required"
    if key.default in (None, "", [], ()):
        return "-"
    if isinstance(key.default, bool):
        return f"`{str(key.default).lower()}`"
    if isinstance(key.default, int) and key.rule.is_hex:
        return f"`0x{key.default:02X}`"
    return f"`{key.default}`" if not isinstance(key.default, str) else f'`"{key.default}"`'


def template(name: str, schema_path: str) -> str:
    """Return a target file of a real ECU to begin with: required keys are set, every other key is a comment."""
    lines = [f"#:schema {schema_path}", "# What is not needed may be deleted. A mistake is told when the file is used."]
    for table in tables():
        begun = _BEGUN_WITH.get(table.name, {})
        mark = "" if begun else "# "
        lines += ["", f"# {table.meaning}", f"{mark}{table.header}"]
        for key in table.keys:
            if key.name == "origin":
                continue
            value = begun.get(key.name) or (f'"{name}"' if (table.name, key.name) == ("target", "name") else "")
            lines += textwrap.wrap(f"{key.name}: {key.meaning}", WIDTH, initial_indent="# ", subsequent_indent="#   ")
            lines.append(f"{key.name} = {value}" if value else f"# {key.name} = {key.example}")
    return "\n".join(lines) + "\n"
