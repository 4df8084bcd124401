"""Check that the ECU accepts a key only after the seed that it belongs to, once, and never again."""

from collections.abc import Callable
from functools import partial

from attacks.security_access.opened import judge_opened
from harness import (
    Depth,
    Inconclusive,
    KeyFunctionError,
    Measurements,
    Nrc,
    Reply,
    Severity,
    Tester,
    attack,
    fail,
    inconclusive,
    negative,
    positive,
    uds,
)
from harness.tester import KeyOutcome

SEQUENCE_ERROR = negative(Nrc.REQUEST_SEQUENCE_ERROR)
LIMITED = negative(Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS, Nrc.REQUIRED_TIME_DELAY_NOT_EXPIRED)
IN_DELAY = negative(Nrc.CONDITIONS_NOT_CORRECT, Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS, Nrc.REQUIRED_TIME_DELAY_NOT_EXPIRED)
NOT_IN_SESSION = negative(Nrc.SERVICE_NOT_SUPPORTED_IN_SESSION, Nrc.SUB_FUNCTION_NOT_SUPPORTED_IN_SESSION)
NOT_COMPARED = IN_DELAY | negative(Nrc.INCORRECT_MESSAGE_LENGTH, Nrc.SERVICE_NOT_SUPPORTED_IN_SESSION)

DEFAULT_SESSION, PROGRAMMING_SESSION = 0x01, 0x02
NO_KEY_THERE = NOT_IN_SESSION | negative(Nrc.SUB_FUNCTION_NOT_SUPPORTED, Nrc.SERVICE_NOT_SUPPORTED, Nrc.BUSY_REPEAT_REQUEST)
BEYOND_DELAY_S = 0.5
BEYOND_S3 = 1.2
FEWEST_BYTES = 2
"""The length in bytes of the shortest seed or key that does not repeat by chance."""


@attack(
    id="SA-21",
    title="A key without a seed is refused",
    failure="A key without a seed is not refused",
    severity=Severity.LOW,
    basis="standard",
    source="ISO 14229-1 SecurityAccess, Annex I transition 4: requestSequenceError",
    cwe=(841, 908, 248),
    r155=("18.3",),
    rationale="A key that is compared although no seed was given is compared with whatever memory holds: zeros, the last "
    "key, or nothing at all. The first two may open the ECU, the last may crash it.",
    remediation="Keep a flag that a seed is pending, and answer 0x24 to any key while it is not set.",
    needs=("lockout",),
    proven_by=("zero_key_without_seed", "dies_on_key_without_seed"),
)
def test_a_key_without_a_seed_is_refused(tester: Tester, depth: Depth, level: int) -> None:
    tester.session_for(level)
    length = tester.security.key_length(level)
    seed_length = max(tester.security.level(level).seed_lengths, default=length)
    tester.restore()
    tester.session_for(level)
    discarding = tester.security.discard_seed(level)
    if discarding is not None and discarding.is_positive:
        tester.judge(discarding, sound=negative(), flawed=positive(), severity=Severity.CRITICAL)
    replies: dict[str, Reply] = {}
    for name, key in keys_without_seed(tester, depth, level, length, seed_length).items():
        reply = tester.security.send_key(level, key)
        if LIMITED.accepts(reply):
            tester.wait(tester.security.delay_s(level) + BEYOND_DELAY_S, f"the delay of level 0x{level:02X}")
            tester.session_for(level)
            reply = tester.security.send_key(level, key)
        if reply.is_positive or tester.guesses.outcome(level, reply) is KeyOutcome.OPENED:
            tester.cite(reply)
            fail(
                expected=f"{SEQUENCE_ERROR} to any key while no seed is pending",
                observed=f"{reply} to {name}",
                severity=Severity.CRITICAL,
                is_proven=bool(tester.security.unlock_effects.is_open(level)),
            )
        if reply.is_refused_with(Nrc.SERVICE_NOT_SUPPORTED, Nrc.SUB_FUNCTION_NOT_SUPPORTED):
            inconclusive(f"keys are not taken here at all: {reply}")
        replies[name] = reply
    for reply in replies.values():
        tester.judge(reply, sound=SEQUENCE_ERROR, tolerated=NOT_COMPARED)
    if all(LIMITED.accepts(reply) for reply in replies.values()):
        inconclusive("each of the keys met a delay, which says nothing of keys without a seed")
    tester.note(f"refused without a seed: {', '.join(replies)}")


def keys_without_seed(tester: Tester, depth: Depth, level: int, length: int, seed_length: int) -> dict[str, bytes]:
    """Yield keys that an ECU might accept without a seed, comparing them with memory that was never filled or cleared."""
    security = tester.security
    keys = {"no key at all": b""}
    if security.has_key(level):
        try:
            keys["the key of the zero seed"] = security.right_key(level, bytes(seed_length))
        except (Inconclusive, KeyFunctionError) as reason:
            tester.note(f"the key of the zero seed was not tried: {reason}")
    keys["a key of zeros"] = bytes(length)
    keys["a key by chance"] = tester.chance.random_bytes(length)
    if depth is not Depth.QUICK:
        keys["a key of FF bytes"] = b"\xff" * length
        used = list(security.level(level).pairs.values())
        keys |= {"the key that opened the level last": used[-1]} if used else {}
    return keys


@attack(
    id="SA-22",
    title="A wrong key uses up its seed",
    failure="A wrong key does not use up its seed",
    severity=Severity.MEDIUM,
    basis="standard",
    source="ISO 14229-1 SecurityAccess, Annex I transition 9: an invalid key requires the client to start over",
    cwe=(294, 841),
    r155=("18.3",),
    rationale="If the seed stays valid, each guess rules a key out for good: half the work, and a fixed comparison to time.",
    remediation="Discard the pending seed with the answer to any key, right or wrong.",
    needs=("lockout",),
    unlocks=True,
    own_level=True,
    proven_by=("seed_kept_after_wrong_key",),
)
def test_a_wrong_key_uses_up_its_seed(tester: Tester, level: int) -> None:
    if not tester.access.can_relock:
        tester.security.unlock(level)
    tester.session_for(level)
    seed = tester.security.seed(level)
    if not seed:
        inconclusive("the level is open, and nothing locks it again")
    seed, _, _ = tester.guesses.answer_wrong(level, seed)
    right = tester.security.right_key(level, seed)
    again = tester.security.send_key(level, right)
    if IN_DELAY.accepts(again):
        keep_session(tester, tester.security.delay_s(level) + BEYOND_DELAY_S)
        again = tester.security.send_key(level, right)
        if IN_DELAY.accepts(again):
            inconclusive(f"the delay that the wrong key began goes on: {again}")
    tester.judge(again, sound=SEQUENCE_ERROR, tolerated=negative(), flawed=positive())


@attack(
    id="SA-24",
    title="A key is accepted once",
    failure="A key is accepted more than once",
    severity=Severity.LOW,
    basis="standard",
    source="ISO 14229-1 SecurityAccess, Annex I transition 7: requestSequenceError",
    cwe=(841,),
    r155=("18.3",),
    rationale="A key that stays valid after it was used is waiting to be replayed, by this tester or by another.",
    remediation="Discard seed and key with the first answer.",
    needs=("lockout",),
    unlocks=True,
    own_level=True,
    proven_by=("key_accepted_twice",),
)
def test_a_key_is_accepted_once(tester: Tester, level: int) -> None:
    seed, key = tester.security.unlock(level)
    if not seed:
        inconclusive("the level is open, and nothing locks it again")
    again = tester.security.send_key(level, key)
    tester.judge(again, sound=SEQUENCE_ERROR, tolerated=negative(), flawed=positive())


@attack(
    id="SA-25",
    title="An old key does not open a new seed",
    failure="An old key opens a new seed",
    severity=Severity.CRITICAL,
    basis="standard",
    source="ISO 14229-1 SecurityAccess: the key answers the seed that was given",
    cwe=(294,),
    r155=("18.3", "6.3"),
    rationale="One unlock recorded on the bus is then enough to open the ECU for ever, without knowing the algorithm.",
    remediation="Compare with the key of the pending seed only, and clear it when it has been compared.",
    needs=("lockout",),
    own_level=True,
    proven_by=("old_key_accepted", "any_key_after_timeout"),
)
def test_an_old_key_does_not_open_a_new_seed(tester: Tester, measure: Measurements, depth: Depth, level: int) -> None:
    tester.session_for(level)
    judge_opened(tester, measure.key_book(level), level, "SA-25")
    for old_seed, old_key in used_pairs(tester, level):
        tester.session_for(level)
        seed = tester.security.seed(level)
        if not seed:
            inconclusive("the level is open, and nothing locks it again")
        is_right_again = old_key == tester.security.right_key(level, seed)
        if is_right_again and level in tester.security.found_keys:
            inconclusive(
                f"no key function is given, and what was found to open the level, {tester.security.found_keys[level]}, "
                "opens it for more than one seed: that is the finding of SA-32"
            )
        if is_right_again and not tester.access.can_relock:
            inconclusive("the same seed is held until it is answered: its key is no old one")
        for what in ("a new seed", "no seed"):
            replayed = tester.security.send_key(level, old_key)
            outcome = tester.guesses.settled(level, replayed)
            if outcome is KeyOutcome.OPENED:
                tester.cite(replayed)
                judge_effect(tester, level, "the seed has come again" if seed == old_seed else f"it answers {what}")
            if outcome in (KeyOutcome.WRONG, KeyOutcome.LIMITED):
                continue
            tester.judge(replayed, sound=negative(Nrc.INVALID_KEY) | SEQUENCE_ERROR, tolerated=negative(), flawed=positive())
    judge_seed_before(tester, level)
    if tester.access.can_relock:
        judge_each_lock(tester, level, depth)
        judge_other_sessions(tester, level)


def judge_each_lock(tester: Tester, level: int, depth: Depth) -> None:
    """Check that a key used once does not open the level again, in whichever way the level was locked in between."""
    for name, lock in ways_to_lock(tester, depth).items():
        tester.session_for(level)
        old = tester.security.unlock(level)
        if lock() is False:
            tester.note(f"{name}: not seen, so that nothing was judged after it")
            continue
        tester.session_for(level)
        seed = tester.security.seed(level)
        if not seed or not old.seed or tester.security.right_key(level, seed) == old.key:
            tester.access.lock()
            continue
        replayed = tester.security.send_key(level, old.key)
        if tester.guesses.outcome(level, replayed) is KeyOutcome.OPENED:
            tester.cite(replayed)
            judge_effect(tester, level, f"the level had been opened, and locked by {name}")


def ways_to_lock(tester: Tester, depth: Depth) -> dict[str, Callable[[], bool | None]]:
    """Return ways to lock a level, by name: idle time that ends the session, and restarts of each kind.

    The way that `Tester.access.lock` uses is not among them.
    """
    ways: dict[str, Callable[[], bool | None]] = {}
    s3_ms = tester.target.timing.s3_ms
    if s3_ms is not None:
        idle_s = s3_ms / 1000 * BEYOND_S3
        ways[f"{idle_s:g} s without a request"] = partial(tester.wait, idle_s, "whether idle time locks the level")
    if depth is not Depth.QUICK:
        ways |= {way.name: way.go for way in (*tester.restart.resets(), *tester.restart.power_cycles()[:1])}
    return ways


def judge_other_sessions(tester: Tester, level: int) -> None:
    """Check that a seed which was answered in one session is not given again in another session that has the level."""
    own = tester.target.of_level(level).session or DEFAULT_SESSION
    for session in tester.sessions():
        if session == own or not tester.enter_session(session).is_positive:
            continue
        if not tester.security.request_seed(level).is_seed:
            continue
        answered = tester.security.unlock(level)
        tester.enter_session(session)
        again = tester.security.request_seed(level)
        if again.is_seed and again.pdu[2:] == answered.seed:
            replayed = tester.security.send_key(level, answered.key)
            tester.cite(again, replayed)
            if tester.guesses.outcome(level, replayed) is KeyOutcome.OPENED:
                judge_effect(tester, level, f"its seed has come again in session 0x{session:02X}")
        tester.access.lock()


def judge_seed_before(tester: Tester, level: int) -> None:
    """Check that the right key for an earlier seed does not open the level after a newer seed has been given."""
    tester.security.make_room(level)
    tester.session_for(level)
    before, seed = tester.security.seed(level), tester.security.seed(level)
    if not before or not seed or tester.security.right_key(level, before) == tester.security.right_key(level, seed):
        return
    reply = tester.security.send_key(level, tester.security.right_key(level, before))
    if tester.guesses.outcome(level, reply) is KeyOutcome.OPENED:
        tester.cite(reply)
        judge_effect(tester, level, "it answers the seed that was given before the last one")


def used_pairs(tester: Tester, level: int) -> list[tuple[bytes, bytes]]:
    """Unlock the level twice, lock it again, and return both pairs of seed and key.

    If the level cannot be locked again, return one pair whose key was never sent.
    """
    entry = tester.access.protected_by(level)
    if not tester.access.can_relock:
        tester.access.require_locked(entry)
        seed = tester.security.seed(level)
        return [(seed, tester.security.right_key(level, seed))]
    older = tester.security.unlock(level)
    tester.restore()
    newer = tester.security.unlock(level)
    if len(newer.seed) < FEWEST_BYTES or len(newer.key) < FEWEST_BYTES:
        inconclusive(f"seeds of {len(newer.seed)} bytes with keys of {len(newer.key)} come again by chance")
    if any(newer.seed) and newer.seed == older.seed:
        fail(
            expected="a seed that was answered never comes back",
            observed="the same seed came again after the ECU was restored, and its old key opened the level",
        )
    tester.access.lock()
    tester.access.require_locked(entry)
    return [older, newer]


def judge_effect(tester: Tester, level: int, why: str) -> None:
    """Fail because an old key opens the level; inconclusive if it is answered positively but data stays locked."""
    entry = tester.access.protected_by(level)
    if entry is not None and tester.access.locked_probe(entry, in_this_session=True).is_negative:
        inconclusive("the old key is answered positively, but protected data stays locked")
    fail(expected="negative 0x35 invalidKey", observed=f"the old key opens the level: {why}")


@attack(
    id="SA-23",
    title="A key of the wrong length or level uses up the seed",
    failure="A key of the wrong length or level does not use up the seed",
    severity=Severity.LOW,
    basis="standard",
    source="ISO 14229-1 SecurityAccess, Annex I transition 9: the pending seed is gone, whatever was wrong with the key",
    cwe=(841,),
    r155=("18.3",),
    rationale="A refusal that costs no seed lets an attacker try malformed keys against one fixed seed, and hints at a "
    "parser that runs before the sequence is checked.",
    remediation="Discard the pending seed with every sendKey that is not the right one, whatever it is refused for.",
    needs=("lockout",),
    unlocks=True,
    proven_by=("seed_kept_after_wrong_length", "seed_kept_after_wrong_level"),
)
def test_a_malformed_key_uses_up_the_seed(tester: Tester, depth: Depth, level: int) -> None:
    if not tester.access.can_relock:
        tester.security.unlock(level)
    tester.session_for(level)
    length = tester.security.key_length(level)
    others = [entry.level for entry in tester.target.security if entry.level != level]
    malformed: dict[str, Callable[[], Reply]] = {
        **{
            f"a key of {size} bytes": partial(send_malformed, tester, level, size)
            for size in depth.choose(
                quick=dict.fromkeys((0, length - 1)),
                default=dict.fromkeys((0, length // 2, length - 1, length + 1)),
                deep=dict.fromkeys((0, 1, length // 2, length - 1, length + 1, length + 16, 200)),
            )
            if size != length
        },
        **{
            f"a key for level 0x{other:02X}": partial(tester.security.send_key, other, tester.chance.random_bytes(length))
            for other in others[:1]
        },
    }
    judged = 0
    for name, send in malformed.items():
        tester.security.make_room(level, 2)
        tester.session_for(level)
        seed = tester.security.seed(level)
        if not seed:
            inconclusive("the level is open, and nothing locks it again")
        first = send()
        if first.is_positive:
            tester.note(f"{name} was accepted: the subject of other checks")
            continue
        if NO_KEY_THERE.accepts(first):
            tester.note(f"{name} is refused before it is looked at: {first}")
            continue
        if IN_DELAY.accepts(first):
            tester.note(f"{name} is refused for a delay that is running, perhaps before it is looked at: {first}")
            continue
        again = tester.security.send_key(level, tester.security.right_key(level, seed))
        if again.is_positive:
            tester.cite(first)
            fail(expected=f"{SEQUENCE_ERROR} to the right key after {name}", observed=f"{first}; then {again}")
        tester.judge(again, sound=SEQUENCE_ERROR, tolerated=negative(), flawed=positive())
        judged += not IN_DELAY.accepts(again)
    if not judged:
        inconclusive("no malformed key was refused without a delay after it, which hides what became of the seed")


def send_malformed(tester: Tester, level: int, length: int) -> Reply:
    """Send a random key of this length in bytes."""
    return tester.security.send_key(level, tester.chance.random_bytes(length))


@attack(
    id="SA-26",
    title="A seed does not outlive its session",
    failure="A seed outlives its session",
    severity=Severity.MEDIUM,
    basis="standard",
    source="ISO 14229-1 SecurityAccess, Annex I transition 6: a session change or its end discards the seed",
    cwe=(613,),
    r155=("18.3",),
    rationale="A challenge that stays open can be answered by whoever comes later, with any time to find the key.",
    remediation="Discard the pending seed with every change or end of the session, and some seconds after it was given.",
    needs=("lockout",),
    own_level=True,
    proven_by=("seed_survives_session_change",),
)
def test_a_seed_does_not_outlive_its_session(tester: Tester, depth: Depth, level: int) -> None:
    s3_ms = tester.target.timing.s3_ms
    if s3_ms is None:
        raise tester.looking.without_sessions()
    ways: dict[str, Callable[[], None]] = {"a session change": lambda: change_session(tester, level)}
    if home_of(tester, level) != DEFAULT_SESSION:  # which neither ends nor begins anew
        ways["entering its session again"] = lambda: tester.session_for(level)
        ways["the end of its session"] = lambda: let_session_end(tester, s3_ms)
        ways["the end of its session, entered again"] = lambda: let_session_end(tester, s3_ms, then_enter=level)
    for what, let_it_end in ways.items():
        late = answer_late(tester, level, let_it_end)
        if late.is_positive:
            tester.cite(late)
            fail(expected=f"{SEQUENCE_ERROR} to a seed's key after {what}", observed=str(late))
        tester.judge(late, sound=SEQUENCE_ERROR | NOT_IN_SESSION, tolerated=negative(), flawed=positive())
    is_first = level == min(entry.level for entry in tester.target.security)
    waited_s = depth.choose(quick=0, default=10 if is_first else 0, deep=60)  # only for a note
    if waited_s and answer_late(tester, level, lambda: keep_session(tester, waited_s)).is_positive:
        tester.note(f"in a session that goes on a seed may still be answered after {waited_s} s")


def answer_late(tester: Tester, level: int, let_time_pass: Callable[[], object]) -> Reply:
    """Request a seed, let `let_time_pass` run, send the right key, and return the answer to the key."""
    tester.restore()
    tester.session_for(level)
    seed = tester.security.seed(level)
    if not seed:
        inconclusive("a seed of zero was given, as if the level were unlocked")
    key = tester.security.right_key(level, seed)
    let_time_pass()
    return tester.security.send_key(level, key)


def home_of(tester: Tester, level: int) -> int:
    """Return the session in which the target declares the level to be available."""
    return tester.target.of_level(level).session or DEFAULT_SESSION


def change_session(tester: Tester, level: int) -> None:
    """Leave the level's session, and enter it again."""
    home = home_of(tester, level)
    others = [session for session in tester.sessions() if session not in (home, PROGRAMMING_SESSION)]
    way = [others[0] if home == DEFAULT_SESSION and others else DEFAULT_SESSION, home]
    for session in way:
        entered = tester.enter_session(session)
        if not entered.is_positive:
            inconclusive(f"session 0x{session:02X} was not entered: {entered}")


def let_session_end(tester: Tester, s3_ms: int, *, then_enter: int | None = None) -> None:
    """Send nothing until the session has ended by itself, then enter the session of the level `then_enter`, if given."""
    other = tester.others_heard(s3_ms / 1000 * 1.2)
    if other:
        inconclusive(f"somebody else asks the ECU, which keeps its session: {other}")
    if then_enter is not None:
        tester.session_for(then_enter)


def keep_session(tester: Tester, seconds: float) -> None:
    """Wait for this many seconds, and keep the session by TesterPresent meanwhile."""
    until_s = tester.link.now_s + seconds
    while (left_s := until_s - tester.link.now_s) > 0:
        tester.wait(min(left_s, 2.0), "the time of a session that is kept")
        tester.request(uds.keep_session())
