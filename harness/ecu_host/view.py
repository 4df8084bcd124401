"""Read an ECU's state without changing it: session, lock, pending seed, attempts, delay, data."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.ecu.article import ArticleEcu, ArticleNode
from harness.ecu.attempts import account_of
from harness.ecu.config import NEVER, OPEN
from harness.ecu.server import Server
from harness.ecu_host.non_volatile import ecus_of
from harness.simulation.node import Node
from harness.uds import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelView:
    """The state of one security level."""

    level: int
    is_unlocked: bool
    seed: bytes
    """The pending seed, which waits for its key; empty if no seed is pending."""
    key: bytes
    """The right key for the pending seed."""
    wrong_keys: int | None
    """How many wrong keys were counted; None if the ECU counts none."""
    attempts: int | None
    """How many wrong keys start the delay."""
    delay_left_s: float
    """The seconds until the delay ends; 0 if no delay is running, infinite if it never ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataView:
    """The value of one data identifier, and who may read it."""

    did: int
    value: bytes
    read: str
    """The need for reading: ``open``, ``level 0x01`` or ``never``."""
    write: str
    is_non_volatile: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EcuView:
    """The state of one ECU at one moment."""

    session: int | None
    """The active session; None: the ECU has no sessions."""
    session_left_s: float
    """The seconds until S3 ends the session; infinite: nothing ends it."""
    is_booting: bool
    levels: tuple[LevelView, ...]
    data: tuple[DataView, ...]


def views_of(nodes: Sequence[Node]) -> tuple[EcuView, ...]:
    """Return the state of each node that shows its state. To be called on the thread that runs the nodes."""
    servers = [_server(ecu) for ecu in ecus_of(nodes)]
    return (*servers, *(_article(node.ecu) for node in nodes if isinstance(node, ArticleNode)))


def session_name(session: int) -> str:
    """Return ``extended (0x03)``; only the number if the standard has no name for the session."""
    try:
        return f"{Session(session).name.lower()} (0x{session:02X})"
    except ValueError:
        return f"0x{session:02X}"


def security_text(views: Sequence[EcuView]) -> str:
    """Return session, levels, pending seeds and their keys, one line each."""
    lines = []
    for view in views:
        if view.session is not None:
            left_s = view.session_left_s
            lines.append(f"session {session_name(view.session)}" + ("" if math.isinf(left_s) else f", {left_s:.1f} s left"))
        lines += ["it boots"] if view.is_booting else []
        for level in view.levels:
            lines += _level_lines(level)
    return "\n".join(lines) or "this node does not show its state"


def _level_lines(level: LevelView) -> list[str]:
    words = [f"level 0x{level.level:02X} {'UNLOCKED' if level.is_unlocked else 'locked'}"]
    if level.wrong_keys is not None:
        words.append(f"wrong keys {level.wrong_keys} of {level.attempts}")
    else:
        words.append("attempts are not counted")
    lines = [", ".join(words)]
    if level.delay_left_s:
        lines.append("  delay for ever" if math.isinf(level.delay_left_s) else f"  delay {level.delay_left_s:.1f} s left")
    if level.seed:
        lines += [f"  seed {level.seed.hex().upper()}", f"  key  {level.key.hex().upper()}"]
    return lines


def data_text(views: Sequence[EcuView], most_bytes: int) -> str:
    """Return a line for each identifier, with the first bytes of its value."""
    rows = [_data_row(entry, most_bytes) for view in views for entry in view.data]
    return "\n".join(["DID  write       value", *rows]) if rows else ""


def _data_row(entry: DataView, most_bytes: int) -> str:
    more = f"… {len(entry.value)} bytes" if len(entry.value) > most_bytes else ""
    return f"{entry.did:04X} {entry.write:11} {entry.value[:most_bytes].hex().upper()}{more}"


def as_json(view: EcuView) -> dict[str, Any]:
    """Return the state for programs, without keys: whoever may read the state need not be able to unlock the ECU."""
    return {
        "session": view.session,
        "session_left_s": _number(view.session_left_s),
        "is_booting": view.is_booting,
        "levels": [
            {
                "level": one.level,
                "is_unlocked": one.is_unlocked,
                "is_seed_pending": bool(one.seed),
                "wrong_keys": one.wrong_keys,
                "attempts": one.attempts,
                "delay_left_s": _number(one.delay_left_s),
            }
            for one in view.levels
        ],
        "data": [{"did": f"{one.did:04X}", "value": one.value.hex().upper()} for one in view.data if one.read == "open"],
    }


def _number(seconds: float) -> float | None:
    return None if math.isinf(seconds) else round(seconds, 3)


def _server(ecu: Server) -> EcuView:
    ecu.settle()
    state, config, now_s = ecu.state, ecu.config, ecu.surroundings.now_s
    still_unlocked = state.until_locked.get("unlocked before", ())
    levels = []
    for level in config.levels:
        account = account_of(config, level.level)
        seed = state.seed if state.seed_level == level.level else b""
        levels.append(
            LevelView(
                level=level.level,
                is_unlocked=state.unlocked_level == level.level or level.level in still_unlocked,
                seed=seed,
                key=level.key(seed, level.level) if seed else b"",
                wrong_keys=state.wrong_keys.get(account, 0),
                attempts=config.attempts,
                delay_left_s=max(state.delay_until_s.get(account, 0.0) - now_s, 0.0),
            )
        )
    return EcuView(
        session=state.session if config.sessions else None,
        session_left_s=state.s3_due_s - now_s,
        is_booting=now_s < state.ready_s,
        levels=tuple(levels),
        data=tuple(
            DataView(
                did=entry.did,
                value=state.values.get(entry.did, b""),
                read=_need(entry.read),
                write=_need(entry.write),
                is_non_volatile=entry.is_non_volatile,
            )
            for entry in ecu.data_identifiers.values()
        ),
    )


def _article(ecu: ArticleEcu) -> EcuView:
    level = LevelView(
        level=0x01,
        is_unlocked=ecu.is_unlocked,
        seed=ecu.pending_seed,
        key=ecu.pending_key,
        wrong_keys=None,
        attempts=None,
        delay_left_s=0.0,
    )
    return EcuView(
        session=None,
        session_left_s=math.inf,
        is_booting=False,
        levels=(level,) if ecu.has_security_access else (),
        data=tuple(
            DataView(did=did, value=value, read="open", write=write, is_non_volatile=False)
            for (did, value), write in zip(ecu.values.items(), ("open", "level 0x01"), strict=True)
        ),
    )


def _need(level: int) -> str:
    return {OPEN: "open", NEVER: "never"}.get(level, f"level 0x{level:02X}")
