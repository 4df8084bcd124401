"""Does the ECU get slower the longer it runs?"""

from __future__ import annotations

from harness import Depth, Drift, Measurements, Severity, Tester, attack, drift, fail, inconclusive, memory_in_use

MEMORY_SAMPLES = 40
ENOUGH_ANSWERS = 0.9
OWN_JITTER_S = 0.001


@attack(
    id="DS-07",
    title="Answers take as long after many frames as after few",
    severity=Severity.MEDIUM,
    basis="policy",
    source="UN R155 Annex 5 (24.1); CWE-401 memory that is not released",
    cwe=(401, 770),
    r155=("24.1",),
    rationale="What grows with every frame, a log or a list that is never emptied, ends in an ECU that is too late or out "
    "of memory: by itself after hours, or after minutes if somebody helps.",
    remediation="Bound every buffer and log; take nothing from the heap while frames are served.",
    uses=("reset", "power"),
    proven_by=("latency_grows",),
)
def test_answers_take_as_long_after_many_frames(tester: Tester, measure: Measurements, depth: Depth) -> None:
    start_anew(tester)
    count = depth.choose(quick=200, default=1500, deep=50_000)
    latencies: list[float] = []
    memory: list[float] = []
    for number in range(count):
        reply = tester.request(tester.liveness_request)
        latencies += tester.answer_times_s(reply)[:1]
        if number % max(count // MEMORY_SAMPLES, 1) == 0 and (used := memory_in_use(tester)) is not None:
            memory.append(used)
    if len(latencies) < ENOUGH_ANSWERS * count or len(latencies) < 3:
        inconclusive(f"only {len(latencies)} of {count} requests were answered in time")
    trend = drift(latencies, since=measure.once(("first latency",), lambda: drift(latencies).first))
    rows = {
        "Requests": str(count),
        "First answers": f"{trend.first * 1000:.3f} ms",
        "Last ones": f"{trend.last * 1000:.3f} ms",
    }
    measure.publish("Latency over many frames", rows)
    if trend.is_growing and is_the_ecus(tester, trend):
        fail(
            expected=f"answers after {trend.first * 1000:.3f} ms throughout",
            observed=f"{trend.last * 1000:.3f} ms after {2 * count} frames ({trend.increase:+.0%}, p = {trend.p:.1g})",
        )
    if len(memory) > 2 and (growth := drift(memory)).is_growing:
        fail(
            expected=f"memory in use as at first ({growth.first:g})",
            observed=f"{growth.last:g} after {2 * count} frames ({growth.increase:+.0%}, p = {growth.p:.1g})",
        )
    tester.note(f"{trend.increase:+.0%} over {2 * count} frames, by the bus's time stamps")


def is_the_ecus(tester: Tester, trend: Drift) -> bool:
    """Whether a growth is more than this computer's own scheduling could make of the time stamps."""
    if tester.link.is_virtual or trend.last - trend.first > OWN_JITTER_S:
        return True
    tester.note(
        f"{trend.increase:+.0%} is less than {OWN_JITTER_S * 1000:g} ms: too little to be told from this computer's own"
    )
    return False


def start_anew(tester: Tester) -> None:
    """Begin with an ECU that has just started, where it can be restarted: what has grown before hides what grows now."""
    means = tester.restart.means()
    if not means or not tester.restart.restart(means[-1]):
        tester.note("the ECU was not restarted before: what it has piled up until now is not seen")
    tester.restore()
