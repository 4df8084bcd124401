"""Check that an ECU which locks a level out answers with the standard's codes, in their order."""

from attacks.conformance.wrong_keys import heard_out
from harness import Measurements, Nrc, Reply, Severity, Tester, attack, fail, inconclusive, negative

LARGEST_LIMIT = 10

SEQUENCE_ERROR = negative(Nrc.REQUEST_SEQUENCE_ERROR)
WRONG = negative(Nrc.INVALID_KEY)
TOO_MANY = negative(Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS)
NOT_YET = negative(Nrc.REQUIRED_TIME_DELAY_NOT_EXPIRED)
CONDITIONS = negative(Nrc.CONDITIONS_NOT_CORRECT)
LENGTH = negative(Nrc.INCORRECT_MESSAGE_LENGTH)


@attack(
    id="CF-07",
    title="A lockout is announced as the standard says",
    failure="A lockout is not announced as the standard says",
    severity=Severity.LOW,
    basis="standard",
    source="ISO 14229-1 SecurityAccess, Annex I: requestSequenceError, invalidKey, exceededNumberOfAttempts, "
    "requiredTimeDelayNotExpired; SWS_Dcm_00660, 01349, 01350",
    rationale="A workshop's tester tells from these codes whether to ask again, to try another key, or to wait; one that is "
    "told the wrong thing locks the ECU, or never opens it.",
    remediation="Answer 0x24 to a key without a seed, 0x35 to a wrong key, 0x36 to the one at the limit, and 0x37 to every "
    "request for a seed until the delay is over.",
    needs=("lockout",),
    own_level=True,
    proven_by=("limit_codes_swapped", "delay_answered_31"),
)
def test_a_lockout_is_announced_as_the_standard_says(tester: Tester, measure: Measurements, level: int) -> None:
    seed = tester.guesses.start(level)
    keys = [compared_key(tester, level, seed)]
    heard_out(tester, measure, level, lambda: keys[0])
    tester.judge(
        wrong_key(tester, level, seed),
        sound=SEQUENCE_ERROR,
        tolerated=TOO_MANY | NOT_YET | CONDITIONS | LENGTH,
        flawed=negative(),
    )
    following = tester.guesses.seed_in_delay(level)
    while following.is_seed and len(keys) <= LARGEST_LIMIT:
        seed = following.pdu[2:]
        keys.append(compared_key(tester, level, seed))
        following = tester.guesses.seed_in_delay(level)
    if following.is_positive:
        judge_without_limit(tester, keys)
        return
    for number, key in enumerate(keys[:-1], 1):
        if (TOO_MANY | NOT_YET).accepts(key):
            tester.cite(key)
            fail(
                expected=f"{WRONG} to wrong key {number}, since the limit came with wrong key {len(keys)}",
                observed=f"{key}, and then another seed",
            )
    in_delay = wrong_key(tester, level, seed)
    if not (NOT_YET | TOO_MANY).accepts(following):  # no answer would show later that a delay is running: leave none behind
        tester.wait(tester.security.delay_s(level), f"the delay of level 0x{level:02X}")
    tester.judge(keys[-1], sound=TOO_MANY, tolerated=WRONG | NOT_YET, flawed=negative())
    tester.judge(following, sound=NOT_YET, tolerated=TOO_MANY | CONDITIONS, flawed=negative())
    tester.judge(in_delay, sound=SEQUENCE_ERROR | NOT_YET | TOO_MANY | CONDITIONS, tolerated=LENGTH, flawed=negative())


def wrong_key(tester: Tester, level: int, seed: bytes) -> Reply:
    """Send a wrong key; return the answer."""
    return tester.security.send_key(level, tester.security.wrong_key(level, seed))


def compared_key(tester: Tester, level: int, seed: bytes) -> Reply:
    """Send a wrong key for a pending seed; if the right length is unknown, the ECU may refuse the key for its length."""
    if not seed:
        inconclusive("a seed of zero was given, as if the level were unlocked: a key for it need not be compared")
    _, key, _ = tester.guesses.answer_wrong(level, seed)
    tester.judge(key, sound=WRONG | TOO_MANY | NOT_YET)
    return key


def judge_without_limit(tester: Tester, keys: list[Reply]) -> None:
    """Judge an ECU that has no limit, by its answers to wrong keys alone."""
    if not all(WRONG.accepts(key) for key in keys):
        inconclusive("a limit is announced, and yet seeds are given: whether there is one is the subject of other checks")
    tester.note(f"no 0x36 or 0x37 in the {len(keys)} wrong keys of this check")
