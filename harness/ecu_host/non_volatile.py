"""Keep an ECU's non-volatile memory when its flaws change, and in a file from one start to the next."""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.ecu.addressed import AddressedNode
from harness.ecu.config import DataIdentifier, EcuConfig
from harness.ecu.ecu_node import UdsNode
from harness.ecu.server import Server
from harness.simulation.node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class NonVolatile:
    """The memory of one ECU that survives a loss of power. The keys of the mappings are levels and identifiers."""

    values: dict[int, bytes] = field(default_factory=dict)
    wrong_keys: dict[int, int] = field(default_factory=dict)
    delays_left_s: dict[int, float] = field(default_factory=dict)
    """Running delays, with the seconds that are left; infinite if a delay never ends."""
    held_seeds: dict[int, bytes] = field(default_factory=dict)
    trouble_codes: dict[int, int] = field(default_factory=dict)
    lasting: dict[str, Any] = field(default_factory=dict)
    """What flaws and variants remember over each restart: counts, and lists of words."""


def ecus_of(nodes: Sequence[Node]) -> list[Server]:
    """Return the nodes that are ECUs with non-volatile memory."""
    inner = [node.node if isinstance(node, AddressedNode) else node for node in nodes]
    return [node.ecu for node in inner if isinstance(node, UdsNode)]


def remembered(ecu: Server) -> NonVolatile:
    """Return the memory that the ECU would keep if its power were cut now."""
    state, now_s = ecu.state, ecu.surroundings.now_s
    return NonVolatile(
        values={entry.did: state.values[entry.did] for entry in ecu.config.data_identifiers if entry.is_non_volatile},
        wrong_keys=dict(state.wrong_keys),
        delays_left_s={account: until_s - now_s for account, until_s in state.delay_until_s.items() if until_s > now_s},
        held_seeds=dict(state.held_seeds),
        trouble_codes=dict(state.trouble_codes),
        lasting=copy.deepcopy(state.lasting),
    )


def fingerprint(ecu: Server) -> tuple[object, ...]:
    """Return a value that changes whenever the memory does, and not with time."""
    state = ecu.state
    return (
        tuple(state.values[entry.did] for entry in ecu.config.data_identifiers if entry.is_non_volatile),
        tuple(state.wrong_keys.values()),
        tuple(state.delay_until_s),
        tuple(state.held_seeds.items()),
        tuple(state.trouble_codes.items()),
        repr(state.lasting) if state.lasting else "",
    )


def recall(ecu: Server, memory: NonVolatile) -> None:
    """Give a new ECU this memory; power the ECU up afterwards, so that its remembered delays start again."""
    state, now_s = ecu.state, ecu.surroundings.now_s
    state.values |= memory.values
    state.wrong_keys |= memory.wrong_keys
    state.delay_until_s |= {account: now_s + left_s for account, left_s in memory.delays_left_s.items()}
    state.held_seeds |= memory.held_seeds
    state.trouble_codes = dict(memory.trouble_codes)
    state.lasting |= copy.deepcopy(memory.lasting)


def soundly_remembered(ecu: Server, sound: EcuConfig) -> NonVolatile:
    """Return the part of the memory that a `sound` ECU could have, since a flaw that is off must leave no traces."""
    memory = remembered(ecu)
    entries = {entry.did: entry for entry in sound.data_identifiers if entry.is_non_volatile}
    return NonVolatile(
        values={did: entry.initial for did, entry in entries.items()}
        | {did: value for did, value in memory.values.items() if did in entries and _could_be_written(entries[did], value)},
        wrong_keys={account: min(max(count, 0), sound.attempts) for account, count in memory.wrong_keys.items()},
        delays_left_s={account: min(left_s, sound.delay_s) for account, left_s in memory.delays_left_s.items()},
        held_seeds=memory.held_seeds if sound.holds_seed else {},
        trouble_codes=memory.trouble_codes,
    )


def _could_be_written(entry: DataIdentifier, value: bytes) -> bool:
    if len(value) != len(entry.initial):
        return False
    return entry.allowed is None or int.from_bytes(value, "big") in entry.allowed


# As JSON: numbers of identifiers, levels and trouble codes are hex, so are bytes.


def to_json(memory: NonVolatile) -> dict[str, Any]:
    """Return one ECU's memory in the form of the file, in which a delay without an end is null."""
    left_s = {level: None if math.isinf(left) else round(left, 3) for level, left in memory.delays_left_s.items()}
    return {
        "values": {f"{did:04X}": value.hex().upper() for did, value in memory.values.items()},
        "wrong_keys": {f"{level:02X}": count for level, count in memory.wrong_keys.items()},
        "delays_left_s": {f"{level:02X}": left for level, left in left_s.items()},
        "held_seeds": {f"{level:02X}": seed.hex().upper() for level, seed in memory.held_seeds.items()},
        "trouble_codes": {f"{code:06X}": status for code, status in memory.trouble_codes.items()},
        "lasting": copy.deepcopy(memory.lasting),
    }


def from_json(shown: object, ecu: Server) -> NonVolatile:
    """Read the memory of this ECU that `to_json` wrote. Raises ValueError that says which entry is wrong, and why."""
    if not isinstance(shown, dict):
        raise ValueError("an ECU's memory is an object")
    known = set(to_json(NonVolatile()))
    if set(shown) != known:
        raise ValueError(f"an ECU's memory has the entries {', '.join(sorted(known))}")
    dids = {entry.did: entry for entry in ecu.config.data_identifiers if entry.is_non_volatile}
    levels = set(ecu.state.wrong_keys)
    return NonVolatile(
        values={did: _value(text, dids[did]) for did, text in _entries(shown, "values", set(dids))},
        wrong_keys={level: _count(count, "wrong_keys") for level, count in _entries(shown, "wrong_keys", levels)},
        delays_left_s={level: _left_s(left) for level, left in _entries(shown, "delays_left_s", levels)},
        held_seeds={level: _bytes(text, "held_seeds") for level, text in _entries(shown, "held_seeds", levels)},
        trouble_codes={
            code: _count(status, "trouble_codes", 0xFF) for code, status in _entries(shown, "trouble_codes", range(1 << 24))
        },
        lasting=_lasting(shown["lasting"]),
    )


def _entries(shown: dict[str, Any], name: str, known: set[int] | range) -> list[tuple[int, Any]]:
    entries = shown[name]
    if not isinstance(entries, dict):
        raise ValueError(f"{name} is no object")
    found = []
    for text, content in entries.items():
        try:
            number = int(text, 16)
        except ValueError:
            raise ValueError(f"{name}: {text!r} is no hex number") from None
        if number not in known:
            raise ValueError(f"{name}: this ECU has no {text}")
        found.append((number, content))
    return found


def _lasting(shown: object) -> dict[str, Any]:
    if not isinstance(shown, dict):
        raise ValueError("lasting is no object")
    for name, content in shown.items():
        is_list = isinstance(content, list) and all(isinstance(word, str) for word in content)
        if not is_list:
            _count(content, f"lasting: {name}")
    return copy.deepcopy(shown)


def _value(text: object, entry: DataIdentifier) -> bytes:
    value = _bytes(text, f"values: {entry.did:04X}")
    if len(value) != len(entry.initial):
        raise ValueError(f"values: {entry.did:04X} has {len(value)} bytes; this ECU's has {len(entry.initial)}")
    return value


def _bytes(text: object, name: str) -> bytes:
    try:
        return bytes.fromhex(text)  # type: ignore[arg-type]  # checked by trying
    except (TypeError, ValueError):
        raise ValueError(f"{name}: {text!r} is no hex") from None


def _count(number: object, name: str, most: int = 1 << 63) -> int:
    """Return a count, such as that of wrong keys, which may be negative in a flawed ECU."""
    if not isinstance(number, int) or isinstance(number, bool) or not -most <= number <= most:
        raise ValueError(f"{name}: {number!r} is no count")
    return number


def _left_s(left: object) -> float:
    if left is None:
        return math.inf
    if not isinstance(left, (int, float)) or isinstance(left, bool) or not 0 <= left < math.inf:
        raise ValueError(f"delays_left_s: {left!r} is no number of seconds, nor null")
    return float(left)
