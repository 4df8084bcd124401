"""Declare each sound variant of the hardened ECU in a target file, where it differs from `hardened`."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.ecu.config import of_another_unit
from harness.ecu.profiles import HARDENED
from harness.target import Target, load_target
from harness.target.model import ServiceEntry
from harness.target.values import NEVER, OPEN, Access, Secret
from harness.uds import Service

LEVEL_1 = Access("level", 1)


def with_lockout(attempts: int | None, delay_s: float = 10.0) -> Callable[[Target], Target]:
    """Return the changes for levels that accept this many wrong keys, and then no key for this long."""

    def declare(target: Target) -> Target:
        levels = tuple(replace(entry, attempts=attempts, delay_s=delay_s) for entry in target.security)
        return replace(target, security=levels)

    return declare


def with_key(key: str) -> Callable[[Target], Target]:
    """Return the changes for levels whose key a function of these tests computes."""

    def declare(target: Target) -> Target:
        path = f"{Path(__file__).parent / key}"
        return replace(target, security=tuple(replace(entry, key=path, secret=None) for entry in target.security))

    return declare


def with_secret(secret: str) -> Callable[[Target], Target]:
    """Return the changes for levels that share one secret, in hex."""

    def declare(target: Target) -> Target:
        shared = Secret(bytes.fromhex(secret))
        return replace(target, security=tuple(replace(entry, secret=shared) for entry in target.security))

    return declare


def with_services(**needs: Access) -> Callable[[Target], Target]:
    """Return the changes that declare services, by their names in `Service`, each with the access that it needs."""

    def declare(target: Target) -> Target:
        added = tuple(ServiceEntry(id=Service[name], needs=access) for name, access in needs.items())
        return replace(target, services=(*target.services, *added))

    return declare


def with_1010_protected(target: Target) -> Target:
    """Return the target with DID 1010 protected by level 1."""
    data = tuple(replace(entry, write=LEVEL_1) if entry.did == 0x1010 else entry for entry in target.data)
    return replace(target, data=data)


def with_can_fd(target: Target) -> Target:
    """Return the target with CAN FD frames, whose data is sent at 2 Mbit/s."""
    return replace(target, can=replace(target.can, fd=True, data_bitrate=2_000_000))


def without_sessions(target: Target) -> Target:
    """Return the target of an ECU with a single session: no session and no S3 is declared."""
    levels = tuple(replace(entry, session=None) for entry in target.security)
    return replace(target, timing=replace(target.timing, s3_ms=None), sessions=(), security=levels)


def with_ids(**changes: Any) -> Callable[[Target], Target]:
    """Return the changes for other addresses, or for another addressing format."""
    return lambda target: replace(target, can=replace(target.can, **changes))


FIXED_IDS: dict[str, Any] = {
    "request_id": 0x18DA40F1,
    "response_id": 0x18DAF140,
    "functional_id": 0x18DB33F1,
    "extended_ids": True,
}
EXTENDED: dict[str, Any] = {
    "addressing": "extended",
    "target_address": 0x40,
    "source_address": 0xF1,
    "functional_address": 0xDF,
}
MIXED: dict[str, Any] = {"addressing": "mixed", "address_extension": 0x9A}
MIXED_IDS: dict[str, Any] = {
    "request_id": 0x18CE40F1,
    "response_id": 0x18CEF140,
    "functional_id": 0x18CD33F1,
    "extended_ids": True,
}


def with_secrets_of_its_own(target: Target) -> Target:
    """Return the target of another unit of the same type, with that unit's secrets."""
    secrets = {level.level: Secret(level.secret) for level in map(of_another_unit, HARDENED.levels)}
    levels = tuple(replace(entry, secret=secrets[entry.level]) for entry in target.security)
    return replace(target, security=levels)


DECLARED: dict[str, Callable[[Target], Target]] = {
    "other_unit": with_secrets_of_its_own,
    "extended_answers": with_ids(extended_ids="any"),
    "extended_ids": with_ids(**FIXED_IDS),
    "extended_addressing": with_ids(**EXTENDED),
    "mixed_addressing": with_ids(**MIXED),
    "mixed_addressing_29_bits": with_ids(**MIXED, **MIXED_IDS),
    "no_sessions": without_sessions,
    "one_attempt": with_lockout(1),
    "two_attempts": with_lockout(2),
    "five_attempts": with_lockout(5),
    "ten_attempts": with_lockout(10),
    "short_seed_and_key": with_key("short_keys.py:key"),
    "key_is_seed_plus_constant": with_key("simple_keys.py:plus_constant"),
    "key_is_seed_xor_constant": with_key("simple_keys.py:xor_constant"),
    "key_is_crc_of_seed": with_key("simple_keys.py:crc"),
    "short_secret": with_secret("5AC31E"),
    "can_fd": with_can_fd,
    "pause_only": with_lockout(None, 1.0),
    "all_writes_protected": with_1010_protected,
    "reset_protected": with_services(ECU_RESET=LEVEL_1),
    "resets_unprotected": with_services(ECU_RESET=LEVEL_1),
    "authentication_required": with_services(AUTHENTICATION=OPEN, SECURITY_ACCESS=NEVER),
    "authentication_bypassed": with_services(AUTHENTICATION=OPEN, SECURITY_ACCESS=NEVER),
}
"""By variant: what its maker would declare differently; a variant without an entry needs no change."""


def with_changes(base: str, *changes: str) -> Target:
    """Return a shipped target whose ECU has these flaws and variants."""
    target = load_target(base)
    for change in changes:
        target = DECLARED.get(change, lambda same: same)(target)
    return replace(target, can=replace(target.can, channel="+".join((target.can.channel, *changes))))
