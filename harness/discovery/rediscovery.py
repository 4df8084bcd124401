"""Add what was found of an ECU to a person's target file for it; every line but secrets stays."""

import re
import tomllib
from collections.abc import Iterator, Mapping

from harness.discovery.addresses import FoundEcu
from harness.discovery.differences import differences
from harness.discovery.ecu_map import EcuMap
from harness.discovery.target_text import entries_text
from harness.errors import UserError
from harness.target import SecurityLevel, Target, load_text
from harness.target.values import BUILT_IN_KEYS, Span

HEADING = """\
# What was found beside what is written above. Every entry bears origin = "found": found is not permitted.
"""
_SECRET = re.compile(r'(?m)^\s*secret\s*=\s*"hex:[^"]*"')
_BUILT_IN_KEY = re.compile(rf'(?m)^(\s*)(key\s*=\s*"(?:{"|".join(BUILT_IN_KEYS)})")')
_INLINE_SECRET = re.compile(r',?\s*\bsecret\s*=\s*"hex:[^"]*"')
_NUMBER = re.compile(r"^(?:id|level|did|request_id) = (\S+)$", re.MULTILINE)
_TABLE = re.compile(r"^\[\[(\w+)\]\]$", re.MULTILINE)


def extended_text(written: str, target: Target, ecu: FoundEcu, found: EcuMap, keys: Mapping[int, SecurityLevel]) -> str:
    """Return the file's text, with a comment for each difference and an entry for everything undeclared.

    `target` holds the file's declarations; if the command line has named another bus, the text names that bus.
    """
    text = _without_secrets(_on_the_bus_that_was_asked(written, target))
    remarks = [*differences(target, found), *found.not_asked]
    parts = [text.rstrip("\n") + "\n", HEADING + "".join(f"# {sentence}\n" for sentence in remarks)]
    for kind, entry in _new_entries(target, ecu, found, keys):
        candidate = "\n".join([*parts, entry])
        try:
            load_text(candidate, "found", target.path)
        except (UserError, tomllib.TOMLDecodeError):
            commented = "\n".join(f"# {line.removeprefix('# ')}" for line in entry.rstrip("\n").split("\n"))
            parts.append(f"# The file's own entries leave no room for this [[{kind}]]:\n{commented}\n")
        else:
            parts.append(entry)
    return "\n".join(parts)


def _new_entries(
    target: Target, ecu: FoundEcu, found: EcuMap, keys: Mapping[int, SecurityLevel]
) -> Iterator[tuple[str, str]]:
    """Yield, for each entry that was found and is not declared, its table's name and its text with comments."""
    for entry in entries_text(ecu, found, keys):
        table, number = _TABLE.search(entry), _NUMBER.search(entry)
        if table is not None and number is not None and not _is_declared(target, table[1], int(number[1], 0)):
            yield table[1], entry


def _is_declared(target: Target, kind: str, number: int) -> bool:
    """Whether the target declares this number in a table of the name `kind`, such as "session" or "data"."""
    numbers: dict[str, set[int]] = {
        "session": {entry.id for entry in target.sessions},
        "security": {entry.level for entry in target.security},
        "data": {entry.did for entry in target.data},
        "connection": {entry.request_id for entry in target.connections},
    }
    spans: dict[str, list[Span]] = {
        "service": [entry.span for entry in target.services],
        "routine": [entry.span for entry in target.routines],
        "memory": [entry.span for entry in target.memory],
    }
    return number in numbers.get(kind, ()) or any(number in span for span in spans.get(kind, ()))


def _without_secrets(text: str) -> str:
    """Remove secrets from the text, since people share a copy more easily than the original."""
    blocks = re.split(r"(?m)^(?=\s*\[)", text)
    for number, block in enumerate(blocks):
        if _SECRET.search(block):
            block = _BUILT_IN_KEY.sub(r"\1# \2", block)
            blocks[number] = _SECRET.sub('# secret is not copied; give it, or secret = "env:NAME", and the key again', block)
    return _INLINE_SECRET.sub("", "".join(blocks))


def _on_the_bus_that_was_asked(text: str, target: Target) -> str:
    """Set the text's interface and channel to the target's, if the command line has changed them."""
    can = tomllib.loads(text).get("can", {})
    for key, value in (("interface", target.can.interface), ("channel", target.can.channel)):
        if can.get(key) != value:
            quoted = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
            text = re.sub(rf"^{key}\s*=.*$", lambda _, line=f"{key} = {quoted}": line, text, count=1, flags=re.MULTILINE)  # type: ignore[misc]
    return text
