"""27 SecurityAccess: who gets a seed, and which key unlocks? ISO 14229-1:2020 10.4 and Annex I.

The four states of Annex I are two facts of `State`: A and B are locked, without and with a pending seed; C and D are
unlocked, without and with a pending seed of another level.
"""

from __future__ import annotations

import hashlib
from typing import Final

from harness.ecu.attempts import count_wrong_key, forgive_wrong_keys, is_seed_delayed, refusal_of_unasked_key, seed_is_issued
from harness.ecu.config import EcuConfig, SecurityLevel
from harness.ecu.key_check import HIDDEN_LEVEL, HIDDEN_LEVEL_SEED, has_its_length, is_accepted
from harness.ecu.rules import Answer, Ecu, EcuDied, ServiceRules, sub_function
from harness.ecu.undeclared import KEY_DID
from harness.uds import RESPONSE_OFFSET, SUPPRESS_POSITIVE_RESPONSE, Nrc, Service

_FIXING_RECORD: Final = bytes.fromhex("DEBA")


def counters_are_loaded(ecu: Ecu, request: bytes) -> Answer | None:
    """After a start the counts of wrong keys may not be known yet."""
    return Nrc.CONDITIONS_NOT_CORRECT if ecu.now_s < ecu.state.counters_loaded_s else None


def authentication_has_passed(ecu: Ecu, request: bytes) -> Answer | None:
    """Where 29 is required nobody gets a seed without it; and here nobody passes it."""
    return Nrc.AUTHENTICATION_REQUIRED if ecu.config.requires_authentication else None


def key_follows_its_seed(ecu: Ecu, request: bytes) -> Answer | None:
    """A key is answered only while the seed of its own level is pending; any other key ends that seed."""
    if request[1] & 1:
        return None
    state = ecu.state
    level = sub_function(request) - 1
    defects = ecu.config.defects
    if state.seed and (state.seed_level == level or defects.key_taken_at_other_level):
        return None
    if not state.has_issued_seed_since_lock:
        if defects.dies_on_key_without_seed:
            raise EcuDied("a key came before any seed")
        if defects.zero_key_without_seed and request[2:] == bytes(ecu.levels[level].key_bytes):
            return _unlocked(ecu, request)
    if not defects.seed_kept_after_wrong_level:
        state.forget_seed()
    return refusal_of_unasked_key(ecu, level)


def request_has_its_length(ecu: Ecu, request: bytes) -> Answer | None:
    """A request for a seed carries nothing more, a key exactly the key; the attempt costs the seed."""
    defects = ecu.config.defects
    if request[1] & 1:
        if (
            _is_plain(ecu, request)
            or defects.seed_made_of_record
            or (defects.record_fixes_seed and request[2:] == _FIXING_RECORD)
        ):
            return None
        return Nrc.INCORRECT_MESSAGE_LENGTH
    level = sub_function(request) - 1
    if has_its_length(ecu, ecu.levels[level], request[2:]):
        return None
    if not defects.seed_kept_after_wrong_length:
        ecu.state.forget_seed()
    if defects.malformed_key_unlocks:
        ecu.state.unlocked_level = level
    return Nrc.INCORRECT_MESSAGE_LENGTH


def delay_is_over(ecu: Ecu, request: bytes) -> Answer | None:
    """While its delay runs a level gives no seed."""
    if not request[1] & 1:
        return None
    if not is_seed_delayed(ecu, request, sub_function(request)):
        return None
    return Nrc.REQUEST_OUT_OF_RANGE if ecu.config.defects.delay_answered_31 else ecu.config.delay_nrc


def seed_is_given(ecu: Ecu, request: bytes) -> Answer | None:
    """A new seed for a level that is locked, zeros for the one that is unlocked."""
    if not request[1] & 1:
        return None
    state = ecu.state
    level = ecu.levels[sub_function(request)]
    config = ecu.config
    if state.unlocked_level == level.level and not config.defects.fresh_seed_when_unlocked:
        seed = bytes(level.seed_bytes if config.zero_seed_bytes is None else config.zero_seed_bytes)
    else:
        seed_is_issued(ecu, level.level)
        record = b"" if _is_plain(ecu, request) else request[2:]
        seed = _seed_of_record(ecu, level, record) or ecu.draw_seed(ecu, level)
        state.seed, state.seed_level = seed, level.level
        if config.defects.key_readable:
            state.values[KEY_DID] = level.key(seed, level.level)
        state.has_issued_seed_since_lock = True
    return bytes((Service.SECURITY_ACCESS + RESPONSE_OFFSET, level.level)) + seed


def right_key_unlocks(ecu: Ecu, request: bytes) -> Answer | None:
    """The right key unlocks its level, and locks any other."""
    if not is_accepted(ecu, ecu.levels[ecu.state.seed_level], request[2:]):
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
    if not (defects.seed_kept_after_wrong_key or defects.counter_belongs_to_seed):
        state.forget_seed()
    is_suppressed = request[1] & SUPPRESS_POSITIVE_RESPONSE
    if defects.wrong_key_unlocks or (defects.suppressed_key_unlocks and is_suppressed):
        state.unlocked_level = level
    if defects.suppressed_key_uncounted and is_suppressed:
        return Nrc.INVALID_KEY
    return count_wrong_key(ecu, level)


def _unlocked(ecu: Ecu, request: bytes) -> bytes:
    state = ecu.state
    level = sub_function(request) - 1
    forgive_wrong_keys(ecu, level)
    state.held_seeds.pop(level, None)
    if ecu.config.defects.levels_stay_unlocked:
        state.still_unlocked.add(state.unlocked_level)
    state.unlocked_level = level
    return bytes((Service.SECURITY_ACCESS + RESPONSE_OFFSET, level + 1))


def _is_plain(ecu: Ecu, request: bytes) -> bool:
    """Nothing follows the request for a seed, or only what this ECU does not look at."""
    return len(request) in (2, 2 + ecu.config.ignored_record_bytes)


def _seed_of_record(ecu: Ecu, level: SecurityLevel, record: bytes) -> bytes:
    """What a flawed ECU makes of a request for a seed in which more follows; nothing where the seed is none of its."""
    if level is HIDDEN_LEVEL:
        return HIDDEN_LEVEL_SEED
    return hashlib.sha256(b"record" + record).digest()[: level.seed_bytes] if record else b""


def _sub_functions(config: EcuConfig) -> frozenset[int]:
    return frozenset(level.level + offset for level in config.levels for offset in (0, 1))


SERVICE = ServiceRules(
    sid=Service.SECURITY_ACCESS,
    min_bytes=2,
    sub_functions=_sub_functions,
    is_in_default_session=False,
    rules=(
        authentication_has_passed,
        counters_are_loaded,
        key_follows_its_seed,
        request_has_its_length,
        delay_is_over,
        seed_is_given,
        right_key_unlocks,
        wrong_key_is_counted,
    ),
)
