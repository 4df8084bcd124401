"""27 SecurityAccess: give seeds, and unlock by keys. ISO 14229-1:2020 10.4 and Annex I.

The four states of Annex I follow from two facts of `State`. A: all levels are locked, and no seed is pending. B: all levels
are locked, and a seed is pending. C: a level is unlocked. D: a level is unlocked, and a seed of another level is pending.
"""

from harness.ecu.attempts import is_delayed, refusal_of_unasked_key
from harness.ecu.config import EcuConfig, EcuSecurityLevel
from harness.ecu.rules import Answer, Ecu, ServiceRules, sub_function
from harness.uds import RESPONSE_OFFSET, Nrc, Service


def is_key(request: bytes) -> bool:
    """Whether the request sends a key; otherwise it requests a seed."""
    return not request[1] & 1


def level_of(request: bytes) -> int:
    """Return the level that the request is about: the sub-function that requests its seed."""
    return sub_function(request) - is_key(request)


def authentication_has_passed(ecu: Ecu, request: bytes) -> Answer | None:
    """Refuse the request if 29 is required, since nobody can authenticate here."""
    return Nrc.AUTHENTICATION_REQUIRED if ecu.config.requires_authentication else None


def counters_are_loaded(ecu: Ecu, request: bytes) -> Answer | None:
    """Refuse requests after a start until the counters of wrong keys are loaded."""
    return Nrc.CONDITIONS_NOT_CORRECT if ecu.now_s < ecu.state.counters_loaded_s else None


def key_follows_its_seed(ecu: Ecu, request: bytes) -> Answer | None:
    """Refuse a key unless the seed of its own level is pending; a key for another level makes the pending seed invalid."""
    if not is_key(request):
        return None
    state, level = ecu.state, level_of(request)
    if state.seed and state.seed_level == level:
        return None
    state.forget_seed()
    return refusal_of_unasked_key(ecu, level)


def seed_request_has_its_length(ecu: Ecu, request: bytes) -> Answer | None:
    """Refuse further bytes in a request for a seed, except those that this ECU ignores."""
    is_fitting = is_key(request) or len(request) in (2, 2 + ecu.config.ignored_record_bytes)
    return None if is_fitting else Nrc.INCORRECT_MESSAGE_LENGTH


def key_has_its_length(ecu: Ecu, request: bytes) -> Answer | None:
    """Refuse a key of the wrong length; it does not count as an attempt, but makes the pending seed invalid."""
    if not is_key(request) or len(request) == 2 + ecu.levels[level_of(request)].key_bytes:
        return None
    ecu.state.forget_seed()
    return Nrc.INCORRECT_MESSAGE_LENGTH


def delay_is_over(ecu: Ecu, request: bytes) -> Answer | None:
    """Refuse a seed while the delay of its level is running."""
    if is_key(request) or not ecu.state.delay_until_s:
        return None
    return ecu.config.delay_nrc if is_delayed(ecu, level_of(request)) else None


def unlocked_level_gives_zeros(ecu: Ecu, request: bytes) -> Answer | None:
    """Answer zeros in place of a seed if the level is unlocked."""
    if is_key(request) or ecu.state.unlocked_level != level_of(request):
        return None
    zeros = ecu.config.zero_seed_bytes
    return seed_response(request, bytes(ecu.levels[level_of(request)].seed_bytes if zeros is None else zeros))


def seed_is_given(ecu: Ecu, request: bytes) -> Answer | None:
    """Give a new seed for a locked level."""
    if is_key(request):
        return None
    level = ecu.levels[level_of(request)]
    return give_seed(ecu, level, request, ecu.decide.draw_seed(ecu, level))


def right_key_unlocks(ecu: Ecu, request: bytes) -> Answer | None:
    """Unlock the level if its right key was sent, and lock any other level."""
    if not ecu.decide.key_is_right(ecu, ecu.levels[ecu.state.seed_level], request[2:]):
        return None
    ecu.state.forget_seed()
    return unlock(ecu, request)


def wrong_key_is_counted(ecu: Ecu, request: bytes) -> Answer | None:
    """Count a wrong key, and make the seed invalid. The last permitted attempt starts the delay."""
    ecu.state.forget_seed()
    return ecu.decide.count_wrong_key(ecu, level_of(request))


def give_seed(ecu: Ecu, level: EcuSecurityLevel, request: bytes, seed: bytes) -> bytes:
    """Make this seed the pending seed, and return the answer that contains it."""
    state = ecu.state
    state.seed, state.seed_level = seed, level.level
    state.has_issued_seed_since_lock = True
    return seed_response(request, seed)


def seed_response(request: bytes, seed: bytes) -> bytes:
    """Return the answer to a request for a seed."""
    return bytes((Service.SECURITY_ACCESS + RESPONSE_OFFSET, sub_function(request))) + seed


def unlock(ecu: Ecu, request: bytes) -> bytes:
    """Unlock the level of the key, whatever key was sent, and return the positive answer."""
    state, level = ecu.state, level_of(request)
    ecu.decide.forgive_wrong_keys(ecu, level)
    state.held_seeds.pop(level, None)
    state.unlocked_level = level
    return bytes((Service.SECURITY_ACCESS + RESPONSE_OFFSET, level + 1))


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
        seed_request_has_its_length,
        key_has_its_length,
        delay_is_over,
        unlocked_level_gives_zeros,
        seed_is_given,
        right_key_unlocks,
        wrong_key_is_counted,
    ),
)
