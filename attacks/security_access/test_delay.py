"""Check that the delay after too many wrong keys is kept, for every form of request and over restarts."""

from collections.abc import Callable

from attacks.security_access.limit_rows import judge_rows
from attacks.security_access.lockout_window import EARLY_UNTIL, LockoutWindow, ends_delay
from attacks.security_access.lockouts_in_a_row import hold
from attacks.security_access.lockouts_over_restarts import outlast_restarts
from attacks.security_access.side_doors import is_key_compared, seed_in, side_doors
from harness import (
    DataEntry,
    Depth,
    Measurements,
    Nrc,
    Reply,
    Severity,
    Tester,
    attack,
    fail,
    inconclusive,
    not_applicable,
    not_run,
)
from harness.measurements import Delay

AT_ONCE_S = 0.5
"""Seconds after a boot; if a seed is refused at first and comes later than this, a short delay may have withheld it."""


@attack(
    id="SA-16",
    title="The delay after too many wrong keys is kept",
    failure="The delay after too many wrong keys is not kept",
    severity=Severity.HIGH,
    basis="standard",
    source="ISO 14229-1 SecurityAccess, Annex I: delay timer; SWS_Dcm_01350",
    cwe=(307,),
    r155=("18.3",),
    rationale="The delay is what makes guessing slow. One that is announced and not kept, or much shorter than meant, "
    "leaves an attacker as fast as before.",
    remediation="Start the timer with the answer 0x36, refuse every request for a seed with 0x37 until it has run out, and "
    "compare no key meanwhile.",
    needs=("lockout",),
    own_level=True,
    proven_by=("seed_given_after_limit", "delay_too_short"),
)
def test_the_delay_is_kept(tester: Tester, measure: Measurements, depth: Depth, level: int) -> None:
    delay = measure.delay(level)
    tester.note(f"delay: {delay}")
    key = delay.key_in_delay or try_key_halfway(tester, level, delay.wrong_keys, delay.at_least_s)
    if key is not None and key.is_positive:
        tester.cite(key)
        fail(
            expected=f"no key is taken during the delay of {delay.length_s:.1f} s", observed=f"halfway the right one: {key}"
        )
    if not delay.is_too_short:
        if hold(tester, measure, depth, level) is None:
            judge_what_comes_between(tester, measure, level, delay)
        return
    if not measure.fresh_delay(level).is_too_short:
        inconclusive(f"measured again, the delay is kept; at first it was not: {delay}")
    answer = delay.key_for_given
    assert delay.given is not None
    assert answer is not None
    tester.cite(delay.given, answer)
    early = f"a seed {delay.seconds or 0:.2f} s after the limit"
    if answer.is_positive or answer.is_refused_with(Nrc.INVALID_KEY):
        declared = "at first" if delay.declared_s is None else f"for {delay.declared_s:g} s, as declared"
        fail(
            expected=f"no seed {declared}, after {delay.wrong_keys} wrong keys",
            observed=f"{early}, and a key for it is compared: {answer}",
        )
    if not tester.security.level(level).is_proven or not answer.is_delayed:
        inconclusive(f"there is {early}, but whether keys for it count cannot be told: {answer}")
    tester.note(f"there is {early}, but even the right key for it is refused: {answer}")


def judge_what_comes_between(tester: Tester, measure: Measurements, level: int, delay: Delay) -> None:
    """Check that requests and silence during the delay do not end it."""
    if not delay.at_least_s:
        return
    tester.restore()
    window = LockoutWindow(tester, level, delay.wrong_keys, delay.at_least_s)
    judge_acts(tester, measure, level, window, f"no seed during the delay of {delay.length_s:.1f} s", "SA-14")


def try_key_halfway(tester: Tester, level: int, wrong_keys: int, delay_s: float) -> Reply | None:
    """Lock the level out, send the right key in the middle of the delay, and return its answer; None if impossible."""
    if not delay_s or not tester.security.level(level).is_proven:
        return None
    tester.restore()
    window = LockoutWindow(tester, level, wrong_keys, delay_s)
    window.open()
    tester.wait(delay_s / 2, f"the delay of level 0x{level:02X}")
    tester.session_for(level)
    return tester.security.send_key(level, tester.security.right_key(level, window.seed))


@attack(
    id="SA-17",
    title="The delay outlasts a restart",
    failure="A restart ends the delay",
    severity=Severity.HIGH,
    basis="standard",
    source="ISO 14229-1 SecurityAccess, Annex I transition 1: delay timer at power-up; SWS_Dcm_01355, 01356",
    cwe=(307,),
    r155=("18.3",),
    rationale="A delay that a restart ends costs an attacker the time of a boot instead.",
    remediation="Remember in non-volatile memory that the limit was reached, and begin with the delay after every start.",
    needs=("lockout",),
    uses=("reset", "power"),
    own_level=True,
    proven_by=("delay_lost_at_reset", "delay_lost_at_power_up"),
)
def test_the_delay_outlasts_a_restart(tester: Tester, measure: Measurements, depth: Depth, level: int) -> None:
    delay = require_delay(measure, level)
    ways = restarts(tester)
    if together := outlast_restarts(tester, measure, depth, level, ways):
        measure.of_lockout(level, "Delay outlasts", ", ".join(together))
        return
    held: list[str] = []
    undecided: list[str] = []
    judge_restarts(tester, measure, level, delay, ways, held, undecided)
    alone = depth.choose(quick=0, default=1, deep=len(held))
    for name in held[:alone] if len(held) > 1 else ():
        judge_restarts(tester, measure, level, delay, {name: ways[name]}, [], undecided)
    at_once = [held[0], held[-1]] if held else []
    for name in depth.choose(quick=[], default=list(dict.fromkeys(at_once)), deep=list(held)):
        judge_restarts(tester, measure, level, delay, {name: ways[name]}, [], undecided, is_at_once=True)
    conclude(tester, held, undecided)
    measure.of_lockout(level, "Delay outlasts", ", ".join(held))


def judge_restarts(
    tester: Tester,
    measure: Measurements,
    level: int,
    delay: Delay,
    ways: dict[str, Callable[[], bool | None]],
    held: list[str],
    undecided: list[str],
    *,
    is_at_once: bool = False,
) -> None:
    """Restart in each way within one delay, if the delay is long enough; after the last restart, observe the delay's end.

    `is_at_once`: restart right after the last wrong key, before a slow ECU has stored the lockout.
    """
    tester.restore()
    window = LockoutWindow(tester, level, delay.wrong_keys, delay.at_least_s)
    done = []
    for name, restart in ways.items():
        window.open()
        if not is_at_once:
            tester.wait(max(0.2 * delay.at_least_s - window.elapsed_s, 0.0), f"the delay of level 0x{level:02X}")
            tester.session_for(level)
            if tester.guesses.is_seed(level, tester.guesses.seed_in_delay(level)):
                inconclusive("the delay is over already when the session is entered: what a restart does cannot be told")
        seen = restart()
        if seen is None:
            continue
        tester.session_for(level)
        reply = tester.guesses.ask(level)
        done.append(name)
        judge_seed_after(tester, measure, level, delay, window, name, reply)
        if not seen:
            undecided.append(f"{name}: no restart was seen")
        elif tester.guesses.is_limited(level, reply):
            held.append(name)
        else:
            undecided.append(f"{name}: neither a delay nor a seed before its end, but {reply}")
        if reply.is_seed:
            window.forget()
    while done and window.is_open and window.is_early:
        tester.wait(delay.at_least_s / 20, f"the delay of level 0x{level:02X}")
        reply = tester.guesses.seed_in_delay(level)
        judge_seed_after(tester, measure, level, delay, window, " and ".join(done), reply)


def judge_seed_after(
    tester: Tester, measure: Measurements, level: int, delay: Delay, window: LockoutWindow, name: str, reply: Reply
) -> None:
    """Fail if `reply` is a seed that came before the delay can have run out, and name the restart before it as the cause."""
    if window.is_broken_by(reply):
        tester.cite(reply)
        measure.of_lockout(level, f"Delay ended by {name}", "yes")
        fail(
            expected=f"0x37 after {name}, until the delay of {delay.length_s:.1f} s is over",
            observed=f"a seed {window.elapsed_s:.1f} s after the limit: {reply}",
        )


@attack(
    id="SA-18",
    title="A restart after a single wrong key begins with the delay",
    failure="A restart after a wrong key begins without the delay",
    severity=Severity.MEDIUM,
    basis="standard",
    source="ISO 14229-1 SecurityAccess: the delay timer, where there is one, runs at power-up after a failed attempt",
    cwe=(307,),
    r155=("18.3",),
    rationale="With a delay only at the limit an attacker restarts the ECU just before it, and never waits.",
    remediation="Begin with the delay after every start for which the stored attempt counter is not zero.",
    needs=("lockout",),
    uses=("reset", "power"),
    own_level=True,
    proven_by=("no_delay_after_single_failure",),
)
def test_a_restart_after_a_wrong_key_begins_with_the_delay(
    tester: Tester, measure: Measurements, depth: Depth, level: int
) -> None:
    delay = require_delay(measure, level)
    held: list[str] = []
    undecided: list[str] = []
    for name, restart in restarts(tester).items():
        if len(held) + len(undecided) >= depth.choose(quick=1, default=2, deep=99):
            break
        after = measure.after_restart(level, name, restart)
        if after.seen is None:
            continue
        assert after.seed is not None
        if not after.seen:
            undecided.append(f"{name}: no restart was seen")
        elif after.is_limited:
            held.append(name)
        elif after.age_s > EARLY_UNTIL * delay.at_least_s:
            undecided.append(
                f"{name}: it takes {after.age_s:.1f} s, in which a delay of {delay.length_s:.1f} s may have run out"
            )
        elif after.seed.is_seed and after.took_s < AT_ONCE_S:
            again = measure.fresh_after_restart(level, restart)  # the first measurement may have been long ago
            tester.cite(after.wrong.decisive, after.seed)
            if again.seed is None or not again.seed.is_seed:
                inconclusive(f"{name}: a seed was given at once after it, and none when it was tried again")
            fail(
                expected=f"0x37 after a wrong key and {name}", observed=f"a seed {after.took_s:.1f} s after it: {after.seed}"
            )
        else:
            undecided.append(f"{name}: after {after.took_s:.1f} s {after.seed}")
    conclude(tester, held, undecided)
    measure.of_lockout(level, "Delay after one wrong key and", ", ".join(held))


@attack(
    id="SA-19",
    title="The delay holds for every form of request",
    failure="Some form of request passes during the delay",
    severity=Severity.HIGH,
    basis="standard",
    source="ISO 14229-1 SecurityAccess, Annex I: delay timer; CWE-288",
    cwe=(288,),
    r155=("18.3",),
    rationale="A delay that is checked on one way to the seed only is walked around: by another address, another session, "
    "or a bit in the request.",
    remediation="Check the delay where seeds are made, not where requests are told apart; and end it by its timer alone.",
    needs=("lockout",),
    uses=("functional", "write"),
    own_level=True,
    proven_by=(
        "delay_not_for_functional",
        "delay_not_for_suppressed",
        "delay_ended_by_session",
        "delay_ended_by_other_level",
    ),
)
def test_the_delay_holds_for_every_form_of_request(tester: Tester, measure: Measurements, depth: Depth, level: int) -> None:
    judge_rows(tester, measure, level, "SA-19", "other sessions and addresses")
    delay = require_delay(measure, level)
    if (held := hold(tester, measure, depth, level)) is not None:
        tester.note(f"no seed during the delay: {', '.join(held.tried)}")
        return
    window = LockoutWindow(tester, level, delay.wrong_keys, delay.at_least_s)
    tester.restore()
    entry = tester.access.protected_by(level) if tester.allows("write") else None
    window.open()
    is_locked = entry is not None and tester.access.locked_probe(entry, in_this_session=True).is_negative
    expected = f"no seed of level 0x{level:02X} during its delay of {delay.length_s:.1f} s"
    compared = is_key_compared(tester, level, window)
    if compared is not None:
        tester.cite(compared)
        unseen = f"after 27 {level | 0x80:02X}, which is not answered, a key is compared: {compared}"
        fail(expected=expected, observed=unseen)
    for name, door in side_doors(tester, level).items():
        window.open()
        answer = door()
        if seed_in(tester, answer, level) and window.is_early:
            tester.cite(answer)
            fail(expected=expected, observed=f"{name}: {answer}")
        plainly = tester.guesses.seed_in_delay(level)
        if window.is_broken_by(plainly):
            tester.cite(answer, plainly)
            fail(expected=expected, observed=f"after {name} ({answer}) a plain request gets one: {plainly}")
        if plainly.is_seed:
            window.forget()
    judge_acts(tester, measure, level, window, expected, "SA-11")
    if entry is not None and is_locked:
        judge_effect(tester, entry)


def judge_acts(tester: Tester, measure: Measurements, level: int, window: LockoutWindow, expected: str, check: str) -> None:
    """Check that no act which `check` covers ends the delay; the acts are those that may come between two wrong keys."""
    for act in measure.acts_between(level):
        for part in act.parts or (act,):
            if part.check == check and window.has_room_for(part.seconds) and ends_delay(tester, level, window, part):
                measure.of_lockout(level, "Delay ended by", part.name)
                fail(
                    expected=expected,
                    observed=f"a seed {window.elapsed_s:.1f} s after the limit, with {part.name} in between",
                )


def judge_effect(tester: Tester, entry: DataEntry) -> None:
    """Check by a write that nothing done during the delay has opened the level, whatever the ECU answered."""
    if tester.access.locked_probe(entry, in_this_session=True).is_positive:
        effect = tester.access.write_effect(entry)
        if effect.is_changed:
            fail(expected=f"DID {entry.did:04X} protected during the delay", observed=str(effect))


def require_delay(measure: Measurements, level: int) -> Delay:
    """Return the level's delay. Raises NotApplicable if the level has a limit but no delay after it."""
    delay = measure.delay(level)
    if not delay.exists:
        not_applicable("the ECU gives seeds at once after its limit: there is no delay")
    return delay


def restarts(tester: Tester) -> dict[str, Callable[[], bool | None]]:
    """Return every permitted way to restart, by name, as a function.

    The function returns whether a restart was seen, or None if the ECU does not offer this way.
    """
    ways = [*tester.restart.resets(), *tester.restart.power_cycles()]
    if not ways and not (tester.allows("reset") or tester.allows("power")):
        not_run("the target allows neither reset nor power; see [safety] allow in the target file")
    return {way.name: way.go for way in ways}


def conclude(tester: Tester, held: list[str], undecided: list[str]) -> None:
    """Pass if at least one way was judged, and note the reasons for those that were not. Raises Inconclusive otherwise."""
    for reason in undecided:
        tester.note(reason)
    if held:
        return
    if undecided:
        inconclusive("; ".join(undecided))
    inconclusive("there is no way to restart the ECU")
