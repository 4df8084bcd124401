"""Check a TOML table: every value by a rule. All mistakes are collected, one line for each.

A dataclass declares the keys: a field annotated ``Annotated[type, Rule(...)]`` is a key of the table, and the field's
default is the key's default. `read_fields` reads one such table. This module knows nothing of ECUs.
"""

import math
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

from harness.errors import Refused, UserError

LARGEST_FILE_BYTES = 1 << 20
LONGEST_SHOWN = 80
REDACTED = "(redacted)"


@dataclass(frozen=True, slots=True)
class Rule:
    """The rule for the value of one key."""

    allowed: str
    """What to give, as the end of the error "…; give", e.g. ``milliseconds, e.g. 50``."""
    parse: Callable[[Any], Any]
    """A function that converts the TOML value, or raises `Refused`."""
    is_secret: bool = False
    is_hex: bool = False
    schema: Mapping[str, object] = field(default_factory=dict)
    """The same rule as JSON Schema, for editors; it is never stricter."""


class Problems:
    """The mistakes found in one file so far, in the order in which they were found."""

    def __init__(self, label: str) -> None:
        self.label = printable(label)
        self._found: list[tuple[str, str]] = []

    def add(self, key: str, sentence: str) -> None:
        """Add a mistake: the `key` as it is in the file, and a `sentence` about it, such as "is …; give …"."""
        self._found.append((key, sentence))

    def touch(self, *keys: str) -> bool:
        """Whether the key, a table above it or a key below it has a problem, so that its value cannot be relied on."""
        return any(found.startswith(key) or key.startswith(found) for found, _ in self._found for key in keys)

    def name(self, key: str) -> bool:
        """Whether exactly this key has a problem."""
        return any(found == key for found, _ in self._found)

    def raise_if_any(self) -> None:
        """Raise UserError with one line per mistake, if there is any."""
        if self._found:
            raise UserError("\n".join(f"{self.label}: {key} {sentence}" for key, sentence in self._found))


def read_toml(path: Path, label: str) -> dict[str, Any]:
    """Parse the file with tomllib. Raises UserError if it cannot be read, or is not TOML."""
    shown_label = printable(label)
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise UserError(f"{shown_label}: cannot be read ({why}); give a TOML file") from error
    if len(content) > LARGEST_FILE_BYTES:
        raise UserError(f"{shown_label}: is larger than 1 MiB; give a TOML file")
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise UserError(f"{shown_label}: is not text in UTF-8; save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{shown_label}: is not TOML: {printable(str(error))}; mend that line") from None
    except (ValueError, RecursionError):  # a number of thousands of digits, or brackets nested too deep
        raise UserError(f"{shown_label}: is not TOML that can be read: a value is too long or too deep") from None


def read_fields(kind: type, table: object, prefix: str, problems: Problems) -> dict[str, Any]:
    """Check the table's values by the rules of the dataclass `kind`; return arguments for its constructor.

    `prefix` stands before the key in errors, e.g. ``timing.``. Every key with a problem gets the value None.
    """
    rules = rules_of(kind)
    if not isinstance(table, dict):
        problems.add(prefix.rstrip(".: "), f"is {shown(table)}; give a table of {', '.join(rules)}")
        return dict.fromkeys(rules)
    for key in table:
        if key not in rules:
            problems.add(f"{prefix}{shown_key(key)}", f"is unknown; the keys here are {', '.join(rules)}")
    values = {}
    for key, (rule, is_required) in rules.items():
        if key in table:
            values[key] = checked(rule, table[key], f"{prefix}{key}", problems)
        elif is_required:
            problems.add(f"{prefix}{key}", f"is missing; give {rule.allowed}")
            values[key] = None
    return values


def read_entries(kind: type, tables: Mapping[str, Any], key: str, problems: Problems) -> list[dict[str, Any]]:
    """Check every ``[[key]]`` of a file like `read_fields`; errors number the entries from 1, e.g. ``data #2: did``."""
    entries = tables.get(key, [])
    if isinstance(entries, dict):
        problems.add(key, f"is one table; write [[{key}]], once per entry")
        return []
    if not isinstance(entries, list):
        problems.add(key, f"is {shown(entries)}; write [[{key}]], once per entry")
        return []
    return [read_fields(kind, entry, f"{key} #{number}: ", problems) for number, entry in enumerate(entries, 1)]


def checked(rule: Rule, value: object, key: str, problems: Problems) -> Any:
    """Return the value as the rule converts it; if the rule refuses the value, report a problem and return None."""
    try:
        return rule.parse(value)
    except Refused as refusal:
        visible = REDACTED if rule.is_secret else shown(value, is_hex=rule.is_hex)
        problems.add(key, f"is {visible}; {str(refusal) or f'give {rule.allowed}'}")
        return None


@cache
def rules_of(kind: type) -> dict[str, tuple[Rule, bool]]:
    """Return a dataclass's keys in order, each with its rule and whether it is required."""
    hints = get_type_hints(kind, include_extras=True)
    rules = {}
    for one in fields(kind):
        for rule in getattr(hints[one.name], "__metadata__", ()):
            is_required = one.default is MISSING and one.default_factory is MISSING
            rules[one.name] = (rule, is_required)
    return rules


def shown(value: object, *, is_hex: bool = False) -> str:
    """Format a TOML value for an error: on one line, shortened, without anything that looks like a secret."""
    if isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, int):  # formatting a huge one in decimal would raise
        text = f"{'-' if value < 0 else ''}0x{abs(value):02X}" if is_hex or abs(value) >= 10**18 else str(value)
    elif isinstance(value, str):
        without_password = re.sub(r"://[^/\s]*@", f"://{REDACTED}@", value)
        text = '"hex:…"' if "hex:" in value.lower() else f'"{printable(without_password)}"'
    elif isinstance(value, list):
        text = f"[{', '.join(shown(item, is_hex=is_hex) for item in value[:20])}]"
    elif isinstance(value, dict):
        text = "a table"
    else:
        text = value.isoformat() if isinstance(value, date) else str(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"


def shown_key(key: str) -> str:
    """Format a key as in TOML, bare or quoted."""
    return key if re.fullmatch(r"[A-Za-z0-9_-]{1,80}", key) else shown(key)


def printable(text: str) -> str:
    """Escape line breaks and everything unprintable in the text."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def integer(low: int, high: int, allowed: str, *, is_hex: bool = False) -> Rule:
    """Accept a whole number from `low` to `high`."""
    limits = f"from {shown(low, is_hex=is_hex)} to {shown(high, is_hex=is_hex)}"

    def parse(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise Refused
        if not low <= value <= high:
            raise Refused(f"give {allowed}, {limits}")
        return value

    return Rule(allowed, parse, is_hex=is_hex, schema={"type": "integer", "minimum": low, "maximum": high})


def number(low: float, high: float, allowed: str) -> Rule:
    """Accept a number, whole or not, from `low` to `high`."""

    def parse(value: object) -> float:
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise Refused
        if not math.isfinite(value) or not low <= value <= high:
            raise Refused(f"give {allowed}, from {low:g} to {high:g}")
        return float(value)

    return Rule(allowed, parse, schema={"type": "number", "minimum": low, "maximum": high})


def text(allowed: str, *, pattern: str = r".*\S.*", is_multiline: bool = False) -> Rule:
    """Accept a non-blank string that matches the pattern as a whole, on one line unless `is_multiline`."""
    matches = re.compile(pattern, re.DOTALL).fullmatch

    def parse(value: object) -> str:
        if not isinstance(value, str) or not matches(value):
            raise Refused
        if not all(c.isprintable() or (is_multiline and c in "\n\t") for c in value):
            raise Refused(f"give {allowed}, without control characters")
        return value

    return Rule(allowed, parse, schema={"type": "string"})


def choice(*words: str) -> Rule:
    """Accept one of these words."""

    def parse(value: object) -> str:
        if not isinstance(value, str) or value not in words:
            raise Refused
        return value

    return Rule(in_words([f'"{word}"' for word in words]), parse, schema={"enum": list(map(str, words))})


def list_of(rule: Rule, allowed: str) -> Rule:
    """Accept a list of values that the rule allows, each only once; the list becomes a tuple."""

    def parse(value: object) -> tuple[Any, ...]:
        if not isinstance(value, (list, tuple)):
            raise Refused
        items = tuple(rule.parse(item) for item in value)
        if len(set(items)) != len(items):
            raise Refused("give each of them once")
        return items

    schema = {"type": "array", "uniqueItems": True, "items": rule.schema}
    return Rule(allowed, parse, schema=schema)


def in_words(items: list[str]) -> str:
    """Join words as ``a, b or c``."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} or {items[-1]}"


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise Refused
    return value


FLAG = Rule("true or false", _flag, schema={"type": "boolean"})
