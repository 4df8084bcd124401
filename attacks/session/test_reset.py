"""Check that a reset leaves nothing of the state before it."""

from attacks.session.session_probe import DEFAULT, SessionProbe, enter, find_session_probe
from attacks.session.test_relock import judge_locked
from harness import Inconclusive, Measurements, Reply, Service, Severity, Tester, attack, fail, inconclusive
from harness.tester import Lock, Teller, locks_of, teller

USUAL_TYPES = (0x01, 0x02, 0x03)
"""The reset types hardReset, keyOffOnReset and softReset; others prepare a shutdown, or are the supplier's own."""


@attack(
    id="ST-08",
    title="A reset is confirmed, and leaves nothing of the state before it",
    failure="A reset is not confirmed, or leaves something of the state before it",
    severity=Severity.MEDIUM,
    basis="standard",
    source="ISO 14229-1 ECUReset; DiagnosticSessionControl: the default session is the one after power-up",
    cwe=(459,),
    r155=("18.3",),
    rationale="A reset is how a tester, or a watchdog, gets back to a state that is known. A session or an unlock that "
    "survives it is found by whoever comes next.",
    remediation="Start in the default session with every level locked, whatever kind of reset was asked for.",
    needs=("reset",),
    uses=("write",),
    proven_by=("reset_keeps_session",),
)
def test_a_reset_leaves_nothing_of_the_state_before_it(tester: Tester, measure: Measurements) -> None:
    declared = tester.target.reset.uds
    if declared is None:
        raise tester.looking.without_service(Service.ECU_RESET, "the target declares no ECUReset ([reset] uds)")
    kinds = dict.fromkeys((declared, *USUAL_TYPES))
    probe = find_session_probe_or_note(tester) if tester.has_sessions else None
    proof = provable(tester)
    seen: dict[str, str] = {}
    for kind in kinds:
        prepare(tester, probe, proof)
        reply, was_seen = tester.restart.reset(kind, as_it_is=True)
        if reply.is_negative:
            tester.note(f"11 {kind:02X} was not tried: {reply}")
            continue
        note_answer(tester, reply, kind)
        if not was_seen and (probe is None or probe.is_in_session(tester)):
            tester.note(f"11 {kind:02X}: no restart was seen")
            continue
        seen[f"11 {kind:02X}"] = boot_time(tester)
        judge_state(tester, probe, proof, kind)
    if not seen:
        inconclusive("no reset was seen")
    measure.publish("Restart", {**seen, "declared": f"{tester.target.reset.boot_s:g} s"})
    if probe is None and proof is None:
        inconclusive("the ECU restarts, but nothing shows what it has kept")


def find_session_probe_or_note(tester: Tester) -> SessionProbe | None:
    """Find a request that distinguishes the sessions, or note that no request does."""
    try:
        return find_session_probe(tester)
    except Inconclusive as reason:
        tester.note(f"the session after a reset was not looked at: {reason}")
        return None


def provable(tester: Tester) -> tuple[Lock, Teller] | None:
    """Return a lock that opens with a known key, and a way to see whether it is open; None without such a lock."""
    for lock in locks_of(tester):
        if tester.security.has_key(lock.level):
            try:
                shows = teller(tester, lock, [])
                tester.security.unlock(lock.level)
            except Inconclusive as reason:
                tester.note(f"{lock}: {reason}")
                continue
            if shows.look().is_open:
                return lock, shows
    tester.note("whether a reset locks was not looked at: it takes a level with its key, and something that it guards")
    return None


def prepare(tester: Tester, probe: SessionProbe | None, proof: tuple[Lock, Teller] | None) -> None:
    """Enter another session and unlock a level, as far as the ECU offers either."""
    if probe is not None:
        enter(tester, DEFAULT)
        enter(tester, probe.session)
    if proof is not None:
        tester.security.unlock(proof[0].level)


def note_answer(tester: Tester, reply: Reply, kind: int) -> None:
    """Note a reset that the ECU does not confirm with 51 before it restarts; a missing confirmation is no failure."""
    if not reply.is_positive:
        tester.cite(reply)
        tester.note(f"11 {kind:02X} is not confirmed with 51 before the restart: {reply}")


def boot_time(tester: Tester) -> str:
    """Say for how many seconds the ECU did not answer when it restarted."""
    if tester.restart.boot_s is None:
        return "restarted without falling silent"
    least_s, most_s = tester.restart.boot_s
    if least_s > tester.target.reset.boot_s:
        tester.note(f"the ECU needs more than {least_s:.2f} s for a restart; {tester.target.reset.boot_s:g} s are declared")
    return f"deaf for {least_s:.2f} to {most_s:.2f} s"


def judge_state(tester: Tester, probe: SessionProbe | None, proof: tuple[Lock, Teller] | None, kind: int) -> None:
    """Check that the ECU is in the default session, and locked."""
    if probe is not None and probe.is_in_session(tester):
        fail(
            expected=f"the default session after 11 {kind:02X}",
            observed=f"session 0x{probe.session:02X}, which was active before it",
        )
    if proof is not None:
        judge_locked(tester, *proof, f"after 11 {kind:02X}")
