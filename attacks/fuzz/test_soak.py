"""Check that the ECU goes on answering every request, however many are sent."""

from attacks.robustness.test_drift import is_the_ecus, start_anew
from harness import Depth, Measurements, Reply, Severity, Tester, attack, fail, inconclusive
from harness.analysis import drift_of
from harness.fuzz import valid_requests
from harness.tester import own_lag_s

LAG_EVERY = 20
PACE_S = 0.01
CHANGES_NOTHING = frozenset({0x19, 0x22, 0x3E})
ENOUGH_TIMES = 30


@attack(
    id="FZ-06",
    title="A long mixed load is answered completely and without growing delay",
    failure="A long mixed load is not answered completely, or ever later",
    severity=Severity.MEDIUM,
    basis="policy",
    source="UN R155 Annex 5 (24.1); CWE-401 memory that is not released",
    cwe=(400, 401),
    r155=("24.1",),
    rationale="A leak or a counter that overflows shows after hours only, when nobody looks.",
    remediation="Find what grows or wraps with the number of requests: buffers, handles, time stamps, counters.",
    uses=("reset", "power"),
    proven_by=("latency_grows",),
)
def test_a_long_mixed_load_is_answered(tester: Tester, measure: Measurements, depth: Depth) -> None:
    start_anew(tester)
    requests = answered_requests(tester)
    chance = tester.chance.stream("FZ-06")
    rounds = depth.choose(quick=150, default=600, deep=360_000)
    times: list[float] = []
    missing: list[Reply] = []
    lags: list[float] = []
    for number in range(rounds):
        if number % LAG_EVERY == 0:
            lags.append(own_lag_s(tester))
        reply = tester.request(requests[chance.below(len(requests))])
        if reply.is_silence:
            missing.append(reply)
            if not tester.is_alive():
                break
        elif reply.request == requests[0]:
            times += tester.answer_times_s(reply)[:1]
        tester.wait(PACE_S, "the pace of a mixed load")
    if missing:
        tester.cite(*missing[:3])
        observed = f"{len(missing)} of {rounds} have none, the first to {missing[0].request.hex(' ').upper()}"
        if len(missing) == 1:
            inconclusive(f"one answer is missing: {observed}")
        fail(expected="an answer to every valid request", observed=observed)
    if len(times) < ENOUGH_TIMES:
        inconclusive(f"only {len(times)} answer times were seen")
    trend = drift_of(times, since=measure.once(("first latency", requests[0]), lambda: drift_of(times).first))
    if trend.is_growing and is_the_ecus(tester, trend, lags):
        fail(
            expected=f"answers after {trend.first * 1000:.3f} ms throughout",
            observed=f"{trend.last * 1000:.3f} ms at the end ({trend.increase:+.0%}, p = {trend.p:.1g})",
        )
    tester.note(
        f"{rounds} requests in {rounds * PACE_S:.0f} s answered, the last as fast as the first ({trend.increase:+.0%})"
    )


def answered_requests(tester: Tester) -> list[bytes]:
    """Return valid requests that change no data and that the ECU answers.

    The simplest request comes first, and as often as all others together.
    """
    wanted = [request for request in valid_requests(tester.target) if request[0] in CHANGES_NOTHING]
    found = []
    for request in wanted:
        reply = tester.request(request) if tester.permits(request) else None
        if reply is not None and (reply.is_positive or reply.is_negative):
            found.append(request)
    if not found:
        inconclusive("no valid request is answered")
    plain = tester.liveness_request if tester.liveness_request in found else found[0]
    others = [request for request in found if request != plain]
    return [plain] * max(len(others), 1) + others
