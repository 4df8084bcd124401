"""What does an ECU hold beside what its services answer: its console, its image, its siblings?"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from harness.ecu.config import EcuConfig, SecurityLevel
from harness.ecu.keys import KeyFunction
from harness.uds import Service

_PROGRAM: Final = hashlib.shake_256(b"the program of a simulated ECU").digest(4096)

AnswerPdu = Callable[..., list[bytes]]


def sibling(config: EcuConfig) -> EcuConfig:
    """Another unit of the same type: its own secrets, unless all units share them."""
    if config.defects.same_secret_in_every_unit:
        return config
    return replace(config, levels=tuple(map(_with_own_secret, config.levels)))


def _with_own_secret(level: SecurityLevel) -> SecurityLevel:
    own = hashlib.sha256(b"another unit" + level.secret).digest()[: len(level.secret)]
    key: KeyFunction = partial(level.key, secret=own)  # type: ignore[call-arg]  # every key function here takes one
    return replace(level, secret=own, key=key)


def image(config: EcuConfig) -> bytes:
    """What a reader of the ECU's flash memory finds: the program and its data, and no secret."""
    found = _PROGRAM + b"".join(entry.initial for entry in config.data_identifiers)
    if config.defects.secret_in_image:
        found += b"".join(level.secret for level in config.levels)
    return found


def talking(config: EcuConfig, answer: AnswerPdu) -> AnswerPdu:
    """Answers as before, but prints what each SecurityAccess request is about."""

    def answer_and_print(pdu: bytes, *, is_functional: bool = False) -> list[bytes]:
        if pdu[:1] == bytes((Service.SECURITY_ACCESS,)):
            for level in config.levels:
                print(f"SecurityAccess {pdu[1:2].hex()}: level {level.level}, prekey 0x{level.secret.hex()}")
        return answer(pdu, is_functional=is_functional)

    return answer_and_print
