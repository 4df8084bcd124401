"""Flaws of the handling of keys: their order, level and address, and the effects of a refused key."""

import hashlib
from collections.abc import Callable
from typing import Final

from harness.ecu.config import EcuSecurityLevel
from harness.ecu.definition import Definition
from harness.ecu.flaws.declare import flaw
from harness.ecu.rules import Answer, Ecu, EcuDied, Rule
from harness.ecu.services.s2e_write_data_by_identifier import level_is_unlocked, level_needed
from harness.ecu.services.s27_security_access import (
    give_seed,
    is_key,
    key_follows_its_seed,
    key_has_its_length,
    level_of,
    right_key_unlocks,
    seed_is_given,
    seed_request_has_its_length,
    unlock,
    wrong_key_is_counted,
)
from harness.ecu.state import State
from harness.uds import SUPPRESS_POSITIVE_RESPONSE, Nrc, Service

_WALK = {"FZ-04": "its random walk takes such a step"}

_HIDDEN: Final = EcuSecurityLevel(level=0x41, key=lambda seed, level: seed, seed_bytes=4, key_bytes=4)
_HIDDEN_SEED: Final = bytes.fromhex("4D6F7262")
_FIXING_RECORD: Final = bytes.fromhex("DEBA")


def keeping_the_seed(definition: Definition, rule: Rule, *, unless: Answer | None = None) -> Definition:
    """Keep the pending seed when this rule of 27 answers, except if its answer is `unless`."""

    def keep(go_on: Rule, ecu: Ecu, request: bytes) -> Answer | None:
        seed, seed_level = ecu.state.seed, ecu.state.seed_level
        answer = go_on(ecu, request)
        if answer is not None and answer != unless:
            ecu.state.seed, ecu.state.seed_level = seed, seed_level
        return answer

    return definition.wrap(Service.SECURITY_ACCESS, rule, keep)


def _seed_of_record(go_on: Rule, ecu: Ecu, request: bytes) -> Answer | None:
    """If the request has bytes after the sub-function, give a seed that depends only on them."""
    if is_key(request) or len(request) in (2, 2 + ecu.config.ignored_record_bytes):
        return go_on(ecu, request)
    level = ecu.levels[level_of(request)]
    return give_seed(ecu, level, request, hashlib.sha256(b"record" + request[2:]).digest()[: level.seed_bytes])


def _is_suppressed(request: bytes) -> bool:
    return bool(request[1] & SUPPRESS_POSITIVE_RESPONSE)


def _fits_no_seed(ecu: Ecu, request: bytes) -> bool:
    """Whether the request sends a key though no seed of its level is pending, and no seed was given since the last lock."""
    state = ecu.state
    is_asked_for = bool(state.seed) and state.seed_level == level_of(request)
    return is_key(request) and not is_asked_for and not state.has_issued_seed_since_lock


# The order of seed and key.


@flaw(
    number="M34",
    kills=("SA-21",),
    also={
        **_WALK,
        "SA-32": "all zeros is a trivial key, if it is tried without a seed",
        "SA-39": "the refusal of a key without seed is no refusal, if that key is all zeros",
    },
)
def zero_key_without_seed(definition: Definition) -> Definition:
    """Until a session's first seed the expected key is all zeros, and no seed need be pending for it."""

    def compare(go_on: Rule, ecu: Ecu, request: bytes) -> Answer | None:
        is_zero = request[2:] == bytes(ecu.levels[level_of(request)].key_bytes)
        return unlock(ecu, request) if is_zero and _fits_no_seed(ecu, request) else go_on(ecu, request)

    return definition.wrap(Service.SECURITY_ACCESS, key_follows_its_seed, compare)


@flaw(
    number="M35",
    kills=("SA-21", "DS-04"),
    also={
        **_WALK,
        "FZ-01": "a key without seed is among random frames",
        "FZ-02": "a key without seed is among mutated requests",
        "FZ-03": "a key without seed is among the lengths that it tries",
        "FZ-05": "a key without seed is among random frames",
        "SA-19": "a key in the delay is one without seed",
        "SA-25": "an old key without a new seed kills the ECU",
        "SA-26": "the key comes after a session change, before the new session's first seed",
        "SA-39": "a key without seed is one of the refusals it provokes",
    },
)
def dies_on_key_without_seed(definition: Definition) -> Definition:
    """A key before a session's first seed crashes the ECU."""

    def die(go_on: Rule, ecu: Ecu, request: bytes) -> Answer | None:
        if _fits_no_seed(ecu, request):
            raise EcuDied("a key came before any seed")
        return go_on(ecu, request)

    return definition.wrap(Service.SECURITY_ACCESS, key_follows_its_seed, die)


@flaw(number="M36", kills=("SA-22",), also={**_WALK, "CF-07": "a second key for the same seed is compared, where 24 is due"})
def seed_kept_after_wrong_key(definition: Definition) -> Definition:
    """A seed may be answered again after a wrong key."""
    return keeping_the_seed(definition, wrong_key_is_counted, unless=Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS)


@flaw(kills=("SA-23",), also=_WALK)
def seed_kept_after_wrong_length(definition: Definition) -> Definition:
    """A seed may be answered again after a key of the wrong length."""
    return keeping_the_seed(definition, key_has_its_length)


@flaw(kills=("SA-23",), also=_WALK)
def seed_kept_after_wrong_level(definition: Definition) -> Definition:
    """A seed may be answered again after a key for another level."""
    return keeping_the_seed(definition, key_follows_its_seed)


@flaw(number="M38", kills=("SA-24",), also=_WALK)
def key_accepted_twice(definition: Definition) -> Definition:
    """After success the same key is accepted again without a new seed."""
    return keeping_the_seed(definition, right_key_unlocks)


@flaw(number="M39", kills=("SA-25",), also={**_WALK, "SA-32": "the last key used, one of the trivial ones, is accepted"})
def old_key_accepted(definition: Definition) -> Definition:
    """A key that was right once is accepted for every later seed."""

    def accept(go_on: Callable[..., bool], ecu: Ecu, level: EcuSecurityLevel, key: bytes) -> bool:
        old = ecu.state.lasting.setdefault("accepted keys", [])
        is_right = go_on(ecu, level, key) or key.hex() in old
        if is_right and key.hex() not in old:
            old.append(key.hex())
        return is_right

    return definition.wrap_decision(key_is_right=accept)


@flaw(kills=("SA-25",))
def any_key_after_timeout(definition: Definition) -> Definition:
    """When a session with an open level runs out, the next key opens the level, whatever that key is."""

    def lock(go_on: Callable[..., None], state: State, session: int, *, has_expired: bool) -> None:
        if has_expired and state.unlocked_level:
            state.until_restart["was open at timeout"] = True
        go_on(state, session, has_expired=has_expired)

    def accept(go_on: Callable[..., bool], ecu: Ecu, level: EcuSecurityLevel, key: bytes) -> bool:
        was_open: bool = ecu.state.until_restart.pop("was open at timeout", False)
        return go_on(ecu, level, key) or was_open

    return definition.wrap_decision(lock_on_leaving=lock, key_is_right=accept)


@flaw(number="M41", kills=("SA-26",), also=_WALK)
def seed_survives_session_change(definition: Definition) -> Definition:
    """A seed may still be answered after the session has changed."""

    def lock(go_on: Callable[..., None], state: State, session: int, *, has_expired: bool) -> None:
        seed, seed_level = state.seed, state.seed_level
        go_on(state, session, has_expired=has_expired)
        if not has_expired:
            state.seed, state.seed_level = seed, seed_level

    return definition.wrap_decision(lock_on_leaving=lock)


# Levels.


@flaw(number="M42", kills=("SA-27",), also=_WALK)
def key_taken_at_other_level(definition: Definition) -> Definition:
    """The key for a pending seed is accepted at the sub-function of any level, and unlocks that level."""
    return definition.without(Service.SECURITY_ACCESS, key_follows_its_seed, when=lambda ecu, request: ecu.state.seed)


@flaw(number="M43", kills=("SA-28",), also=_WALK)
def any_level_is_enough(definition: Definition) -> Definition:
    """Whatever needs a level is open as soon as any level is unlocked."""
    service = Service.WRITE_DATA_BY_IDENTIFIER
    return definition.without(service, level_is_unlocked, when=lambda ecu, request: ecu.state.unlocked_level)


@flaw(kills=("SA-29",), also=_WALK)
def levels_stay_unlocked(definition: Definition) -> Definition:
    """Unlocking a level leaves the level that was unlocked before open."""

    def note(go_on: Rule, ecu: Ecu, request: bytes) -> Answer | None:
        before = ecu.state.unlocked_level
        answer = go_on(ecu, request)
        if answer is not None:
            ecu.state.until_locked.setdefault("unlocked before", set()).add(before)
        return answer

    def is_still_open(ecu: Ecu, request: bytes) -> bool:
        return level_needed(ecu, request) in ecu.state.until_locked.get("unlocked before", ())

    noting = definition.wrap(Service.SECURITY_ACCESS, right_key_unlocks, note)
    return noting.without(Service.WRITE_DATA_BY_IDENTIFIER, level_is_unlocked, when=is_still_open)


@flaw(number="M62", kills=("SA-37",))
def hidden_level(definition: Definition) -> Definition:
    """Level 41, which nobody documents, gives the same seed each time; the key is the seed."""
    return definition.with_level(_HIDDEN).wrap_decision(
        draw_seed=lambda go_on, ecu, level: _HIDDEN_SEED if level is _HIDDEN else go_on(ecu, level)
    )


# Requests with more in them than there should be.


@flaw(number="M33", kills=("SA-36",), also=_WALK)
def suppressed_key_uncounted(definition: Definition) -> Definition:
    """A wrong key is not counted if the request has the suppress bit."""

    def overlook(go_on: Rule, ecu: Ecu, request: bytes) -> Answer | None:
        if not _is_suppressed(request):
            return go_on(ecu, request)
        ecu.state.forget_seed()
        return Nrc.INVALID_KEY

    return definition.wrap(Service.SECURITY_ACCESS, wrong_key_is_counted, overlook)


@flaw(kills=("SA-36",), also=_WALK)
def suppressed_key_unlocks(definition: Definition) -> Definition:
    """A wrong key is refused but unlocks the level, if the request has the suppress bit."""

    def open_up(go_on: Rule, ecu: Ecu, request: bytes) -> Answer | None:
        if _is_suppressed(request):
            ecu.state.unlocked_level = level_of(request)
        return go_on(ecu, request)

    return definition.wrap(Service.SECURITY_ACCESS, wrong_key_is_counted, open_up)


@flaw(kills=("SA-38",), also={"CF-04": "a request for a seed that is too long is answered"})
def seed_made_of_record(definition: Definition) -> Definition:
    """Bytes after the sub-function of a request for a seed start the generator that makes the seed."""
    taken = definition.without(Service.SECURITY_ACCESS, seed_request_has_its_length)
    return taken.wrap(Service.SECURITY_ACCESS, seed_is_given, _seed_of_record)


@flaw(
    number="M63",
    kills=(),
    survives="Only who tries DE BA sees it: it is one record of 65536 of its length, and no well-known word.",
)
def record_fixes_seed(definition: Definition) -> Definition:
    """A request for a seed that ends with the record DE BA gets the same seed each time."""
    service, measured = Service.SECURITY_ACCESS, seed_request_has_its_length
    taken = definition.without(service, measured, when=lambda ecu, request: request[2:] == _FIXING_RECORD)
    return taken.wrap(Service.SECURITY_ACCESS, seed_is_given, _seed_of_record)


# Testers.


@flaw(number="M64", kills=("SA-40",))
def unlock_valid_for_all(definition: Definition) -> Definition:
    """A level that one tester has unlocked is also open to requests from another address."""

    def turn(go_on: Callable[[State, int], None], state: State, address: int) -> None:
        unlocked_level = state.unlocked_level
        go_on(state, address)
        state.unlocked_level = unlocked_level

    return definition.wrap_decision(turn_to=turn)


@flaw(number="M101", kills=("SA-40",))
def seed_valid_for_all(definition: Definition) -> Definition:
    """All testers share one pending seed: another tester's request replaces it, and any tester may answer it."""

    def turn(go_on: Callable[[State, int], None], state: State, address: int) -> None:
        seed, seed_level = state.seed, state.seed_level
        go_on(state, address)
        state.seed, state.seed_level = seed, seed_level

    return definition.wrap_decision(turn_to=turn)


# The answer and its effect.


@flaw(
    number="M60",
    kills=("SA-39",),
    also={
        **_WALK,
        "SA-22": "the wrong key before the second attempt has unlocked, if the check judges by a write",
        "SA-25": "the old key is refused, and unlocks, if the check judges by a write",
        "SA-32": "each trivial key is refused, and unlocks, if the check judges by a write",
        "SA-36": "a wrong key is refused, and unlocks, with its positive answer suppressed too",
    },
)
def wrong_key_unlocks(definition: Definition) -> Definition:
    """A wrong key is refused but unlocks the level."""

    def open_up(go_on: Rule, ecu: Ecu, request: bytes) -> Answer | None:
        ecu.state.unlocked_level = level_of(request)
        return go_on(ecu, request)

    return definition.wrap(Service.SECURITY_ACCESS, wrong_key_is_counted, open_up)


@flaw(
    number="M61",
    kills=("SA-39", "FZ-04"),
    also={
        "FZ-01": "a key of the wrong length is among random frames",
        "FZ-02": "a key of the wrong length is among mutated requests",
        "FZ-03": "a key of the wrong length is among the lengths that it tries",
        "FZ-05": "a key of the wrong length is among random frames",
    },
)
def malformed_key_unlocks(definition: Definition) -> Definition:
    """A key of the wrong length is refused but unlocks the level."""

    def open_up(go_on: Rule, ecu: Ecu, request: bytes) -> Answer | None:
        answer = go_on(ecu, request)
        if answer is not None:
            ecu.state.unlocked_level = level_of(request)
        return answer

    return definition.wrap(Service.SECURITY_ACCESS, key_has_its_length, open_up)
