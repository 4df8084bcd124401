"""Check that the limit holds however often it is reached."""

from attacks.security_access.lockout_window import EARLY_UNTIL, LockoutWindow, early_look
from attacks.security_access.lockouts_in_a_row import LONG_UP_S, hold_often
from harness import Depth, Measurements, Severity, Tester, attack, fail, inconclusive, not_applicable, not_run
from harness.measurements import Delay

BEYOND_A_BYTE = 256
LONGEST_S = 7200.0
"""The longest time in seconds that a run spends on delays to overflow one counter."""


@attack(
    id="SA-20",
    title="The count of wrong keys never overflows",
    failure="The count of wrong keys overflows",
    severity=Severity.HIGH,
    basis="standard",
    source="ISO 14229-1 SecurityAccess, Annex I: attempt counter; CWE-190",
    cwe=(190, 307),
    r155=("18.3",),
    rationale="A counter of one byte that wraps, or that is compared with == and has gone past its limit, opens the way to "
    "guessing for whoever is patient enough to get there.",
    remediation="Let the attempt counter stop at its largest value, and compare it with >=.",
    needs=("lockout",),
    own_level=True,
    comes_last=True,
    proven_by=("limit_compared_for_equality", "counter_wraps_in_delay", "counter_is_signed_byte"),
)
def test_the_count_never_overflows(tester: Tester, measure: Measurements, depth: Depth, level: int) -> None:
    limit = measure.limit(level)
    delay = measure.delay(level)
    if not delay.exists:
        not_applicable("the ECU gives seeds at once after its limit: there is no delay")
    allowed = tester.guesses.allowance(level, limit)
    wanted = BEYOND_A_BYTE + allowed
    if depth is Depth.DEEP:
        tester.security.ledger.check(level, 2 * wanted)
    evaluated = 0
    held = hold_often(tester, measure, depth, level)
    if held is None:
        tester.restore()
        evaluated += lock_again(tester, level, allowed, evaluated=0, delay=delay)
        evaluated += lock_again(tester, level, allowed, evaluated=limit, delay=delay)
    is_long_up = held is not None and held.is_long_up
    if not is_long_up and (depth is Depth.DEEP or (tester.link.is_virtual and depth is not Depth.QUICK)):
        tester.wait(LONG_UP_S, "whether a counter overflows in time")
        evaluated += lock_again(tester, level, allowed, evaluated=evaluated, delay=delay)
        is_long_up = True
    if is_long_up:
        tester.note(f"limited once more after {LONG_UP_S / 3600:.1f} hours without a restart")
    if depth is not Depth.DEEP:
        took_s = wanted / delay.wrong_keys * delay.length_s
        often = held.lockouts if held is not None else 2
        minutes = f"{wanted} wrong keys take {took_s / 60:.0f} minutes of delays"
        not_run(f"limited {often} times in a row; {minutes}: only at depth deep")
    judge_keys_in_delay(tester, level, delay, wanted)
    judge_many_lockouts(tester, level, delay, allowed, wanted, evaluated)
    measure.of_lockout(level, "Overflow", f"none in {wanted} wrong keys")


def lock_again(tester: Tester, level: int, allowed: int, *, evaluated: int, delay: Delay) -> int:
    """Send wrong keys until the limit, and return how many; fail if there is no limit or a seed comes soon after it."""
    spent = tester.guesses.spend(level, allowed + 2)
    if not spent.is_limited:
        fail(
            expected=f"0x36 or 0x37 after at most {allowed} wrong keys, each time",
            observed=f"after {evaluated} wrong keys and their delays {spent.evaluated} more were evaluated",
        )
    if spent.evaluated + 1 < delay.wrong_keys:
        return spent.evaluated + 1  # this was a pause between two keys, or the answer to every key
    asked_s = tester.link.now_s
    following = tester.guesses.ask(level)
    answer_s = tester.link.now_s - asked_s
    if tester.guesses.is_seed(level, following):
        assert spent.stopped_by is not None
        tester.cite(spent.stopped_by, following)
        fail(
            expected=f"a delay after at most {allowed} wrong keys, each time",
            observed=f"after {evaluated} wrong keys and their delays: {spent.stopped_by}, and then a seed at once",
        )
    judge_early_end(tester, level, delay, answer_s, f"after {evaluated} wrong keys and their delays")
    return spent.evaluated + 1


def judge_early_end(tester: Tester, level: int, delay: Delay, answer_s: float, when: str) -> None:
    """Fail if a seed arrives long before the first delay would be over; the ECU needs `answer_s` seconds to answer."""
    look = early_look(tester, level, delay, answer_s)
    if look is None:
        tester.note(f"only whether a seed is given at once was looked at: an answer takes {answer_s:.1f} s")
        return
    early, since_s = look
    if tester.guesses.is_seed(level, early) and since_s < EARLY_UNTIL * delay.at_least_s:
        tester.cite(early)
        fail(
            expected="no delay that is much shorter than the first one",
            observed=f"{when} a seed {since_s:.1f} s after the limit",
        )


def judge_keys_in_delay(tester: Tester, level: int, delay: Delay, wanted: int) -> None:
    """Send as many keys during one delay as a byte can count, and check that they do not end the delay."""
    window = LockoutWindow(tester, level, delay.wrong_keys, delay.at_least_s)
    window.open()
    for count in range(1, wanted + 1):
        tester.security.send_key(level, tester.security.wrong_key(level, window.seed, flip=count))
        reply = tester.guesses.seed_in_delay(level)
        if window.is_broken_by(reply):
            tester.cite(reply)
            fail(
                expected=f"no seed during the delay of {delay.length_s:.1f} s, however many keys are sent",
                observed=f"a seed {window.elapsed_s:.1f} s after the limit, when {count} keys had been sent: {reply}",
            )
        if reply.is_seed:
            tester.note(f"{count} keys were sent before the delay was over, of {wanted} wanted")
            return


def judge_many_lockouts(tester: Tester, level: int, delay: Delay, allowed: int, wanted: int, evaluated: int) -> None:
    """Send as many wrong keys as a byte can count, and wait for the end of each lockout."""
    begun_s = tester.link.now_s
    while evaluated < wanted:
        evaluated += lock_again(tester, level, allowed, evaluated=evaluated, delay=delay)
        if tester.link.now_s - begun_s > LONGEST_S:
            inconclusive(f"{evaluated} wrong keys with their delays took {LONGEST_S / 3600:g} hours; {wanted} were wanted")
