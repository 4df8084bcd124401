"""Check that the count of wrong keys outlasts a restart."""

from collections.abc import Callable
from functools import partial

from harness import Depth, Inconclusive, Measurements, Service, Severity, Tester, attack, fail, inconclusive

WORTH_WAITING = 0.8
"""Guessing with restarts gains nothing if it takes at least this fraction of the time that the delays themselves would take.
"""

ATTEMPT_COUNTER = "ISO 14229-1 SecurityAccess, Annex I transition 1: at start the stored attempt counter is read back; "


@attack(
    id="SA-12",
    title="A reset does not clear the count of wrong keys",
    failure="A reset clears the count of wrong keys",
    severity=Severity.HIGH,
    basis="standard",
    source=ATTEMPT_COUNTER + "SWS_Dcm_01154, 01156",
    cwe=(307,),
    r155=("18.3",),
    rationale="A count that is lost at a reset never reaches its limit: an attacker resets the ECU after every few keys, "
    "and pays its boot time instead of the delay.",
    remediation="Store the attempt counter in non-volatile memory with each wrong key, before it is answered; or run the "
    "delay after every start.",
    needs=("lockout", "reset"),
    own_level=True,
    proven_by=("counter_lost_at_hard_reset", "counter_lost_at_key_off_on", "counter_lost_at_soft_reset"),
)
def test_a_reset_does_not_clear_the_count(tester: Tester, measure: Measurements, depth: Depth, level: int) -> None:
    limit = measure.limit(level)
    ways = {way.name: way.go for way in tester.restart.resets()}
    enough = depth.choose(quick=1, default=len(ways), deep=len(ways))
    judged, undecided = 0, ""
    for name, restart in ways.items():
        if judged >= enough:
            tester.note(f"{name}: not tried at depth {depth}")
            continue
        try:
            judged += judge_restart(tester, measure, level, limit, name, restart)
        except Inconclusive as reason:
            undecided = str(reason)
            tester.note(undecided)
    if undecided and not judged:
        inconclusive(undecided)
    if not judged:
        raise tester.looking.without_service(Service.ECU_RESET, "no reset was taken")


@attack(
    id="SA-13",
    title="A power cycle does not clear the count of wrong keys",
    failure="A power cycle clears the count of wrong keys",
    severity=Severity.HIGH,
    basis="standard",
    source=ATTEMPT_COUNTER + "SWS_Dcm_01154, 01156",
    cwe=(307,),
    r155=("18.3",),
    rationale="Whoever can reach the bus can often reach a fuse: with a count in volatile memory two keys a power cycle are "
    "free, and 16 bits fall in a day and a half.",
    remediation="Store the attempt counter in non-volatile memory with each wrong key, before it is answered; or run the "
    "delay after every start.",
    needs=("lockout", "power"),
    own_level=True,
    proven_by=("counter_lost_at_power_up",),
)
def test_a_power_cycle_does_not_clear_the_count(tester: Tester, measure: Measurements, level: int) -> None:
    limit = measure.limit(level)
    ways = tester.restart.power_cycles()
    if not ways:
        inconclusive("the target offers no way to cut the power; see [reset] power in the target file")
    judge_restart(tester, measure, level, limit, ways[0].name, ways[0].go)


def judge_restart(
    tester: Tester, measure: Measurements, level: int, limit: int, name: str, restart: Callable[[], bool | None]
) -> bool:
    """Check that the ECU evaluates at most twice the allowed number of wrong keys if it restarts in this way between them.

    Return False if the ECU does not offer this way to restart. An ECU that starts with its delay after a single wrong key
    has remembered that key, and passes at once.
    """
    if is_remembered(measure, level, name, restart):
        measure.of_lockout(level, f"Wrong keys forgotten at {name}", "no")
        tester.note(f"{name}: after a single wrong key the ECU begins with its delay")
        return True
    tester.restore()
    if restart() is None:
        tester.note(f"{name}: not taken, so that nothing was judged with it")
        return False
    allowed = tester.guesses.allowance(level, limit)
    again = partial(restart_and_return, tester, level, name, restart)
    is_limited, evaluated, took_s, restarts = spend_with(tester, level, limit, again)
    measure.of_lockout(level, f"Wrong keys forgotten at {name}", "no" if is_limited else "yes")
    if is_limited:
        if evaluated > allowed + 1:
            inconclusive(
                f"with {name} between them {evaluated} wrong keys were evaluated, and then no more; {limit} is the limit"
            )
        return True
    if not spend_with(tester, level, limit, partial(do_all_but_restart, tester, level))[0]:
        inconclusive("the requests by which a restart is told from none put the count back already")
    delays_s = restarts * tester.security.delay_s(level)
    if took_s > WORTH_WAITING * delays_s:
        inconclusive(
            f"with {name} between them {evaluated} wrong keys took {took_s:.1f} s, in which as many delays are over: "
            "the ECU may have a delay run after each start"
        )
    fail(
        expected=f"0x36 after {limit} wrong keys with {name} between them, or 0x37 after it",
        observed=f"{evaluated} wrong keys evaluated, with {name} after every {max(limit - 1, 1)}",
    )


def is_remembered(measure: Measurements, level: int, name: str, restart: Callable[[], bool | None]) -> bool:
    """Whether the level gives no seed right after one wrong key and this restart; False if that could not be found out."""
    try:
        return measure.after_restart(level, name, restart).is_remembered
    except Inconclusive:
        return False


def spend_with(tester: Tester, level: int, limit: int, between: Callable[[], None]) -> tuple[bool, int, float, int]:
    """Send wrong keys, and call `between` shortly before each limit.

    Return whether the limit was met, how many wrong keys were evaluated, the seconds since the first call, and the number of
    calls.
    """
    tester.restore()
    at_most = 2 * tester.guesses.allowance(level, limit) + 1
    pauses: list[float] = []

    def pause() -> None:
        pauses.append(tester.link.now_s)
        between()

    spent = tester.guesses.spend(level, at_most, between=pause, every=max(limit - 1, 1))
    return spent.is_limited, spent.evaluated, tester.link.now_s - pauses[0] if pauses else 0.0, len(pauses)


def restart_and_return(tester: Tester, level: int, name: str, restart: Callable[[], bool | None]) -> None:
    """Restart the ECU, and enter the session in which the level gives seeds. Raises Inconclusive if no restart was seen."""
    if not restart():
        inconclusive(f"{name}: no restart was seen")
    tester.session_for(level)


def do_all_but_restart(tester: Tester, level: int) -> None:
    """Send the requests that accompany a restart, but do not restart the ECU."""
    for session in tester.sessions():
        tester.enter_session(session)
    tester.read_reply(0xF186)
    tester.is_alive()
    tester.session_for(level)
