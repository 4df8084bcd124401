"""27 SecurityAccess: who gets a seed, and which key unlocks? ISO 14229-1:2020 10.4 and Annex I.

The four states of Annex I are two facts of `State`: A and B are locked, without and with a pending seed; C and D are
unlocked, without and with a pending seed of another level.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from harness.ecu.config import EcuConfig, SecurityLevel
from harness.ecu.rules import Answer, Ecu, EcuDied, ServiceRules, sub_function
from harness.uds import RESPONSE_OFFSET, Nrc, Service

_CONSTANT_SEED: Final = hashlib.sha256(b"constant_seed").digest()
_SEED_CYCLE: Final = tuple(hashlib.sha256(b"cycling_seeds %d" % n).digest() for n in range(4))
_DEFAULT_KEY_BYTE: Final = b"\xff"


def key_follows_its_seed(ecu: Ecu, request: bytes) -> Answer | None:
    """A key is answered only while the seed of its own level is pending; any other key ends that seed."""
    if request[1] & 1:
        return None
    state = ecu.state
    level = sub_function(request) - 1
    if state.seed and state.seed_level == level:
        return None
    if not state.has_issued_seed_since_lock:
        defects = ecu.config.defects
        if defects.dies_on_key_without_seed:
            raise EcuDied("a key came before any seed")
        if defects.zero_key_without_seed and request[2:] == bytes(ecu.levels[level].key_bytes):
            return _unlocked(ecu, request)
    state.forget_seed()
    return Nrc.REQUEST_SEQUENCE_ERROR


def request_has_its_length(ecu: Ecu, request: bytes) -> Answer | None:
    """A request for a seed carries nothing more, a key exactly the key; the attempt costs the seed."""
    if request[1] & 1:
        return None if len(request) == 2 else Nrc.INCORRECT_MESSAGE_LENGTH
    level = sub_function(request) - 1
    if len(request) == 2 + ecu.levels[level].key_bytes:
        return None
    ecu.state.forget_seed()
    if ecu.config.defects.malformed_key_unlocks:
        ecu.state.unlocked_level = level
    return Nrc.INCORRECT_MESSAGE_LENGTH


def delay_is_over(ecu: Ecu, request: bytes) -> Answer | None:
    """While its delay runs a level gives no seed."""
    if not request[1] & 1:
        return None
    ecu.state.end_expired_delays(ecu.now_s)
    return Nrc.REQUIRED_TIME_DELAY_NOT_EXPIRED if sub_function(request) in ecu.state.delay_until_s else None


def seed_is_given(ecu: Ecu, request: bytes) -> Answer | None:
    """A new seed for a level that is locked, zeros for the one that is unlocked."""
    if not request[1] & 1:
        return None
    state = ecu.state
    level = ecu.levels[sub_function(request)]
    if state.unlocked_level == level.level:
        seed = bytes(level.seed_bytes)
    else:
        seed = _new_seed(ecu, level)
        state.seed, state.seed_level = seed, level.level
        state.has_issued_seed_since_lock = True
    return bytes((Service.SECURITY_ACCESS + RESPONSE_OFFSET, level.level)) + seed


def right_key_unlocks(ecu: Ecu, request: bytes) -> Answer | None:
    """The right key unlocks its level, and locks any other."""
    if not _is_accepted(ecu, ecu.levels[sub_function(request) - 1], request[2:]):
        return None
    defects = ecu.config.defects
    if not defects.key_accepted_twice:
        ecu.state.forget_seed()
    if defects.old_key_accepted:
        ecu.state.accepted_keys.add(request[2:])
    return _unlocked(ecu, request)


def wrong_key_is_counted(ecu: Ecu, request: bytes) -> Answer | None:
    """The last attempt starts the delay; none leaves the seed."""
    defects = ecu.config.defects
    state = ecu.state
    level = sub_function(request) - 1
    if not defects.seed_kept_after_wrong_key:
        state.forget_seed()
    if defects.wrong_key_unlocks:
        state.unlocked_level = level
    if defects.no_attempt_limit:
        return Nrc.INVALID_KEY
    state.wrong_keys[level] += 1
    if state.wrong_keys[level] < ecu.config.attempts:
        return Nrc.INVALID_KEY
    state.forget_seed()
    state.delay_until_s[level] = ecu.now_s + ecu.config.delay_s
    return Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS


def _unlocked(ecu: Ecu, request: bytes) -> bytes:
    state = ecu.state
    level = sub_function(request) - 1
    state.wrong_keys[level] = 0
    state.unlocked_level = level
    return bytes((Service.SECURITY_ACCESS + RESPONSE_OFFSET, level + 1))


def _new_seed(ecu: Ecu, level: SecurityLevel) -> bytes:
    defects = ecu.config.defects
    if defects.constant_seed:
        return _CONSTANT_SEED[: level.seed_bytes]
    if defects.cycling_seeds:
        ecu.state.seeds_issued += 1
        return _SEED_CYCLE[ecu.state.seeds_issued % len(_SEED_CYCLE)][: level.seed_bytes]
    seed = b""
    while not any(seed):  # all zeros would say that the level is unlocked
        seed = ecu.surroundings.random_bytes(level.seed_bytes)
    return seed


def _is_accepted(ecu: Ecu, level: SecurityLevel, key: bytes) -> bool:
    seed = ecu.state.seed
    if hmac.compare_digest(key, level.key(seed, level.level)):
        return True
    defects = ecu.config.defects
    if defects.default_key and key == _DEFAULT_KEY_BYTE * level.key_bytes:
        return True
    if defects.key_is_inverted_seed and key == bytes(byte ^ 0xFF for byte in seed[: level.key_bytes]):
        return True
    return defects.old_key_accepted and key in ecu.state.accepted_keys


def _sub_functions(config: EcuConfig) -> frozenset[int]:
    return frozenset(level.level + offset for level in config.levels for offset in (0, 1))


SERVICE = ServiceRules(
    sid=Service.SECURITY_ACCESS,
    min_bytes=2,
    sub_functions=_sub_functions,
    is_in_default_session=False,
    rules=(
        key_follows_its_seed,
        request_has_its_length,
        delay_is_over,
        seed_is_given,
        right_key_unlocks,
        wrong_key_is_counted,
    ),
)
