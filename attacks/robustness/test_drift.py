"""Check that the ECU does not get slower with time."""

from collections.abc import Sequence

from harness import Depth, Measurements, Severity, Tester, attack, fail, inconclusive
from harness.analysis import Drift, drift_of
from harness.tester import memory_in_use, own_lag_s

MEMORY_SAMPLES = 40
ENOUGH_ANSWERS = 0.9
OWN_JITTER_S = 0.001
LAGS = 2
"""How many delays of this computer one measured time may contain: one at the request, and one at its answer."""
CONTROLS = 15


@attack(
    id="DS-07",
    title="Answers take as long after many frames as after few",
    failure="Answers take longer the more frames have passed",
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
    lags: list[float] = []
    for number in range(count):
        reply = tester.request(tester.liveness_request)
        latencies += tester.answer_times_s(reply)[:1]
        if number % max(count // MEMORY_SAMPLES, 1) == 0:
            lags.append(own_lag_s(tester))
            if (used := memory_in_use(tester)) is not None:
                memory.append(used)
    if len(latencies) < ENOUGH_ANSWERS * count or len(latencies) < 3:
        inconclusive(f"only {len(latencies)} of {count} requests were answered in time")
    trend = drift_of(latencies, since=measure.once(("first latency",), lambda: drift_of(latencies).first))
    rows = {
        "Requests": str(count),
        "First answers": f"{trend.first * 1000:.3f} ms",
        "Last ones": f"{trend.last * 1000:.3f} ms",
    }
    measure.publish("Latency over many frames", rows)
    if trend.is_growing and is_the_ecus(tester, trend, lags):
        fail(
            expected=f"answers after {trend.first * 1000:.3f} ms throughout",
            observed=f"{trend.last * 1000:.3f} ms after {2 * count} frames ({trend.increase:+.0%}, p = {trend.p:.1g})",
        )
    if len(memory) > 2 and (growth := drift_of(memory)).is_growing:
        fail(
            expected=f"memory in use as at first ({growth.first:g})",
            observed=f"{growth.last:g} after {2 * count} frames ({growth.increase:+.0%}, p = {growth.p:.1g})",
        )
    tester.note(f"{trend.increase:+.0%} over {2 * count} frames, by the bus's time stamps")


def is_the_ecus(tester: Tester, trend: Drift, lags: Sequence[float]) -> bool:
    """Whether the ECU causes the growth, because this computer's load does not explain it and a restart ends it.

    `lags`: how late this computer itself was meanwhile. Raises Inconclusive if its own load may have grown.
    """
    growth_s = trend.last - trend.first
    if not tester.link.is_virtual:
        if growth_s <= OWN_JITTER_S:
            tester.note(f"{trend.increase:+.0%} is less than {OWN_JITTER_S * 1000:g} ms: this computer's own scheduling")
            return False
        lag_s = max(lags[-max(len(lags) // 4, 1) :], default=0.0)
        if LAGS * lag_s > growth_s / 2:
            inconclusive(
                f"answers took {growth_s * 1000:.1f} ms longer at the end, but this computer itself was late then by "
                f"{lag_s * 1000:.1f} ms: keep other programs from loading it"
            )
    means = tester.restart.means()
    if means and tester.restart.restart(means[-1]):
        tester.restore()
        fresh = [time_s for _ in range(CONTROLS) for time_s in answer_time(tester)]
        if fresh and median(fresh) > trend.first + growth_s / 2:
            inconclusive(
                f"answers took {growth_s * 1000:.1f} ms longer at the end, and directly after a restart they still do: "
                "it may be the bus or this computer"
            )
    return True


def answer_time(tester: Tester) -> tuple[float, ...]:
    """Return how many seconds the usual answer takes now."""
    return tester.answer_times_s(tester.request(tester.liveness_request))[:1]


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return sorted(values)[len(values) // 2]


def start_anew(tester: Tester) -> None:
    """Restart the ECU, if possible, since earlier growth would hide further growth."""
    means = tester.restart.means()
    if not means or not tester.restart.restart(means[-1]):
        tester.note("the ECU was not restarted before: what it has piled up until now is not seen")
    tester.restore()
