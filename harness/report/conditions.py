"""Say whether two results were judged under the same conditions; if not, the ECU may be unchanged."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from harness.runs.findings import Finding, RunInfo

JUDGED_BY: Final = ("connections", "security", "data", "services", "routines", "memory", "observe")
"""Tables of the target file that may affect a verdict, unless its subject is a single level or DID."""

ALWAYS: Final = ("timing", "sessions", "reset", "quirks")
"""Tables of the target file that may affect every verdict."""

WAY_TO_THE_ECU: Final = ("request_id", "response_id", "functional_id", "extended_ids", "padding", "fd")
"""Keys of the table ``can`` that may affect verdicts; the adapter is not among them."""

_SUBJECT: Final = re.compile(r"(level|DID) (?:0x)?([0-9A-Fa-f]{1,8})")


def differing_conditions(old: Finding, new: Finding, old_info: RunInfo, new_info: RunInfo) -> tuple[str, ...]:
    """Return the conditions that differ between two results of one check on one subject; empty if they are comparable."""
    return (
        *_check(old, new, old_info, new_info),
        *_differing("depth", old_info.depth, new_info.depth),
        *_differing("environment", old_info.environment, new_info.environment),
        *_permissions(old, new, old_info, new_info),
        *_target(old.parameter, old_info.target, new_info.target),
    )


def _check(old: Finding, new: Finding, old_info: RunInfo, new_info: RunInfo) -> Iterator[str]:
    if old.check_version and new.check_version:
        if old.check_version != new.check_version:
            yield "the version of the check"
    else:
        before, after = (info.versions.get("uds-harness", "unknown") for info in (old_info, new_info))
        yield from _differing("version of uds-harness", before, after)


def _differing(what: str, before: str, after: str) -> Iterator[str]:
    if before != after:
        yield f"the {what}: {before}, then {after}"


def _permissions(old: Finding, new: Finding, old_info: RunInfo, new_info: RunInfo) -> Iterator[str]:
    """Say how the permissions that the check could use differ; for runs without a record, how all differ."""
    is_told = bool(old.check_version and new.check_version)
    before = set(old.permitted if is_told else _allowed(old_info))
    after = set(new.permitted if is_told else _allowed(new_info))
    if before != after:
        changed = [f"no longer {name}" for name in sorted(before - after)]
        changed += [f"now {name}" for name in sorted(after - before)]
        yield f"permissions: {', '.join(changed)}"


def _allowed(info: RunInfo) -> list[str]:
    allow = _table(info.target, "safety").get("allow")
    return [str(one) for one in allow] if isinstance(allow, list) else []


def _target(parameter: str | None, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Return the declarations that differ between the target files, among those that affect a verdict on this subject."""
    changed = [f"can.{key}" for key in WAY_TO_THE_ECU if _table(before, "can").get(key) != _table(after, "can").get(key)]
    changed += [name for name in ALWAYS if not _is_same(before.get(name), after.get(name))]
    subject = _SUBJECT.fullmatch(parameter or "")
    if subject is None:
        changed += [name for name in JUDGED_BY if not _is_same(before.get(name), after.get(name))]
    else:
        table, key = ("security", "level") if subject[1] == "level" else ("data", "did")
        number = int(subject[2], 16)
        if _entries(before, table, key, number) != _entries(after, table, key, number):
            changed.append(f"{table} {parameter}")
    yield from (f"target {name}" for name in changed)


def _is_same(before: Any, after: Any) -> bool:
    """Whether two values are equal; None equals an empty value, since older versions do not write newer keys."""
    return before == after or not (before or after)


def _entries(target: Mapping[str, Any], table: str, key: str, number: int) -> list[Any]:
    found = target.get(table)
    entries = found if isinstance(found, list) else []
    return [entry for entry in entries if isinstance(entry, dict) and entry.get(key) == number]


def _table(target: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = target.get(name)
    return value if isinstance(value, dict) else {}
