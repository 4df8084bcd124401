"""Load a target from a file, a shipped target or a URI, and report every mistake in it."""

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final

from harness.errors import UserError
from harness.target.addressing import FIXED_PHYSICAL, MIXED_PHYSICAL, addresses_in, with_what_follows
from harness.target.contradictions import report_contradictions
from harness.target.model import (
    PERMISSIONS,
    QUIRKS,
    SIMULATED_INTERFACE,
    Accepted,
    Can,
    ConnectionEntry,
    DataEntry,
    MemoryEntry,
    Observe,
    RequirementEntry,
    Reset,
    RoutineEntry,
    Safety,
    SecurityLevel,
    ServiceEntry,
    SessionEntry,
    Target,
    Timing,
)
from harness.target.toml_schema import FLAG, Problems, checked, printable, read_entries, read_fields, read_toml, shown_key
from harness.target.values import whole_number

BENCH_WRONG_KEYS: Final = 200
FIRST_ECU: Final = (0x7E0, 0x7E8)
"""The ids that are tried if none are given: those that OBD assigns to the first ECU."""
EXAMPLE_URI: Final = "socketcan:can0?request=0x7E0&response=0x7E8"

TABLES: Final = {"can": Can, "timing": Timing, "reset": Reset, "observe": Observe, "safety": Safety}
LISTS: Final = {
    "connection": ("connections", ConnectionEntry),
    "session": ("sessions", SessionEntry),
    "security": ("security", SecurityLevel),
    "data": ("data", DataEntry),
    "service": ("services", ServiceEntry),
    "routine": ("routines", RoutineEntry),
    "memory": ("memory", MemoryEntry),
    "accepted": ("accepted", Accepted),
    "requirement": ("requirements", RequirementEntry),
}
"""By ``[[table]]``: the field of `Target` that holds its entries, and the class of an entry."""

_URI_KEYS: Final = {
    "request": "request_id",
    "response": "response_id",
    "functional": "functional_id",
    "bitrate": "bitrate",
    "extended": "extended_ids",
    "padding": "padding",
    "fd": "fd",
    "data_bitrate": "data_bitrate",
    **{key: key for key in ("addressing", "target_address", "source_address", "address_extension", "functional_address")},
}


def load_target(spec: str | Path) -> Target:
    """Load the target that `spec` names: a path, a shipped target, or ``socketcan:can0?request=0x7E0&response=0x7E8``.

    Secrets from the environment are looked up now. Raises UserError with one line for each mistake.
    """
    if isinstance(spec, str):
        shipped = shipped_targets()
        if spec in shipped:
            return _load_file(shipped[spec], spec)
        if re.match(r"[A-Za-z][\w.-]+:", spec) and not spec.endswith(".toml") and not os.path.isfile(spec):
            return _from_uri(spec)
        if not os.path.exists(spec):
            ways = f"a target file, a shipped target ({', '.join(shipped)}) or a URI, e.g. {EXAMPLE_URI}"
            profile, plus, _ = spec.partition("+")
            with_flaw = f"; with a flaw: {profile} --channel {printable(spec)}"
            hint = with_flaw if plus and profile in shipped else ""
            raise UserError(f"{printable(spec) or 'target'}: there is no such file; give {ways}{hint}")
    return _load_file(Path(spec), str(spec))


def shipped_targets() -> dict[str, Path]:
    """Return the target files that come with the harness, by name, in alphabetical order."""
    paths = (Path(__file__).parent.parent / "targets").glob("*.toml")
    return {path.stem: path for path in sorted(paths, key=lambda path: path.stem)}


def with_link(
    target: Target,
    *,
    interface: str | None = None,
    channel: str | None = None,
    request_id: int | None = None,
    response_id: int | None = None,
) -> Target:
    """Return the target with the command line's bus or ids; a relative ``file.py:factory`` is relative to the working
    directory.

    A bench's target that is put on the simulated bus becomes a simulated one without hooks, since these would act on the
    bench. The reverse is refused: a target for a simulation does not declare what may be sent to a real ECU.
    """
    given = {"interface": interface, "channel": channel, "request_id": request_id, "response_id": response_id}
    changes = {key: value for key, value in given.items() if value is not None}
    if not changes:
        return target
    if channel is not None:
        changes["channel"] = _from_working_directory(channel)
    before = {field.name: getattr(target.can, field.name) for field in fields(Can)}
    table = {key: value for key, value in (before | changes).items() if value is not None}
    if request_id is not None and target.can.addressing == "normal-fixed":
        for key in {"target_address", "source_address", "response_id"} - changes.keys():
            table.pop(key, None)
        table = with_what_follows(table)
    if target.can.padding is None:
        table["padding"] = False
    if target.can.extended_ids != "any" and _needs_29_bits(table) != _needs_29_bits(before):
        table["extended_ids"] = _needs_29_bits(table)
    problems = Problems(str(target.path or target.name))
    moved = replace(target, can=Can(**read_fields(Can, table, "can.", problems)))
    if moved.is_simulated and target.environment == "bench":
        moved = replace(
            moved, environment="simulated", reset=replace(target.reset, command=None, power=None), observe=Observe()
        )
    report_contradictions(moved, problems)
    problems.raise_if_any()
    return moved


def unknown_target(*, interface: str, channel: str, request_id: int | None = None, response_id: int | None = None) -> Target:
    """Return a target for an ECU of which only the bus, and perhaps the ids, are known.

    Without ids, the target has those that OBD assigns to the first ECU.
    """
    can = {"interface": interface, "channel": channel, "request_id": request_id, "response_id": response_id}
    return _unknown(can, f"{interface}:{channel}")


def _unknown(can: dict[str, Any], label: str) -> Target:
    interface, channel = str(can["interface"]), str(can["channel"])
    can["channel"] = _from_working_directory(channel)
    can = with_what_follows({key: value for key, value in can.items() if value is not None})
    can["request_id"], can["response_id"] = _address_pair(can.get("request_id"), can.get("response_id"))
    tables: dict[str, Any] = {
        "target": {
            "name": re.sub(r"[^\w.+-]+", "-", f"{interface}-{channel}")[-60:].strip("-") or "unknown",
            "notes": "Nothing is known of this ECU but where it is.",
            "environment": "simulated" if interface == SIMULATED_INTERFACE else "bench",
        },
        "can": {"extended_ids": "any"} | {key: value for key, value in can.items() if value is not None},
        "timing": {"s3_ms": 5000},
    }
    return _from_tables(tables, label)


def _from_uri(uri: str) -> Target:
    address, _, query = uri.partition("?")
    interface, _, channel = address.partition(":")
    can: dict[str, Any] = {"interface": interface, "channel": channel}
    for setting in query.split("&") if query else ():
        key, _, written = setting.partition("=")
        if key not in _URI_KEYS or _URI_KEYS[key] in can:
            problem = "was given before" if key in _URI_KEYS else f"is unknown; the keys are {', '.join(_URI_KEYS)}"
            raise UserError(f"{printable(uri)}: {shown_key(key)} {problem}")
        number = whole_number(written)
        can[_URI_KEYS[key]] = {"true": True, "false": False}.get(written, written) if number is None else number
    return _unknown(can, uri)


def _address_pair(request_id: Any, response_id: Any) -> tuple[Any, Any]:
    if request_id is None and response_id is None:
        return FIRST_ECU
    if response_id is None:
        return request_id, _partner(request_id, 8)
    if request_id is None:
        return _partner(response_id, -8), response_id
    return request_id, response_id


def _partner(can_id: object, step: int) -> int | None:
    """Return the usual id of the other direction: `step` further or, in 0x18DAttss and 0x18CEttss, with addresses
    exchanged.
    """
    if not isinstance(can_id, int):
        return FIRST_ECU[step > 0]
    addresses = addresses_in(can_id, FIXED_PHYSICAL) or addresses_in(can_id, MIXED_PHYSICAL)
    if addresses is not None:
        return (can_id & ~0xFFFF) | addresses[1] << 8 | addresses[0]
    return can_id + step if 0 <= can_id <= 0x7FF and 0 <= can_id + step <= 0x7FF else None


def _from_working_directory(channel: str) -> str:
    """Make a file named by a channel absolute, relative to the working directory in which the channel was typed."""
    file, colon, factory = channel.rpartition(":")
    return f"{Path(file).absolute()}:{factory}" if colon and file.endswith(".py") else channel


def load_text(text: str, label: str, path: Path | None = None) -> Target:
    """Load the target from a file's text. Raises UserError with what is wrong."""
    return _from_tables(tomllib.loads(text), label, path)


def _load_file(path: Path, label: str) -> Target:
    return _from_tables(read_toml(path, label), label, path)


def _from_tables(tables: Mapping[str, Any], label: str, path: Path | None = None) -> Target:
    problems = Problems(label)
    known = ["target", "can", "timing", *LISTS, "reset", "observe", "safety", "quirks"]
    for key in tables:
        if key not in known:
            problems.add(shown_key(key), f"is unknown; the tables are {', '.join(known)}")
    given = {name: tables.get(name, {}) for name in ("target", *TABLES)}
    given["target"] = _with_default(given["target"], "name", path.stem if path else "unnamed")
    given["can"] = with_what_follows(given["can"])
    given["can"] = _with_default(given["can"], "extended_ids", _needs_29_bits(given["can"]))
    if isinstance(given["can"], dict) and given["can"].get("interface") == SIMULATED_INTERFACE:
        given["safety"] = _with_default(given["safety"], "allow", [word.value for word in PERMISSIONS])
    else:
        given["safety"] = _with_default(given["safety"], "wrong_keys", BENCH_WRONG_KEYS)
    settings = read_fields(Target, given["target"], "target.", problems)
    for name, kind in TABLES.items():
        settings[name] = kind(**read_fields(kind, given[name], f"{name}.", problems))
    for name, (field, entry_kind) in LISTS.items():
        entries = read_entries(entry_kind, tables, name, problems)
        settings[field] = tuple(entry_kind(**entry) for entry in entries)
    quirks = _quirks(tables.get("quirks", {}), problems)
    target = Target(**settings, quirks=quirks, path=path.absolute() if path else None)
    report_contradictions(target, problems)
    problems.raise_if_any()
    return target


def _with_default(table: Any, key: str, value: Any) -> Any:
    return {key: value} | table if isinstance(table, dict) else table


def _needs_29_bits(can: Any) -> bool:
    ids: Iterable[Any] = [can.get(key) for key in ("request_id", "response_id")] if isinstance(can, dict) else ()
    return any(isinstance(can_id, int) and can_id > 0x7FF for can_id in ids)


def _quirks(table: object, problems: Problems) -> tuple[str, ...]:
    if not isinstance(table, dict):
        problems.add("quirks", f"is no table; write [quirks] and name = true; the names are {', '.join(QUIRKS)}")
        return ()
    for key in table.keys() - set(QUIRKS):
        problems.add(f"quirks.{shown_key(key)}", f"is unknown; the keys here are {', '.join(QUIRKS)}")
    return tuple(key for key in QUIRKS if key in table and checked(FLAG, table[key], f"quirks.{key}", problems))
