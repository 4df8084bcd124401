"""Check that bus and ECU go on working under load."""

from collections.abc import Callable, Iterable
from functools import partial

from harness import Depth, Nrc, Reply, Severity, Tester, attack, fail, inconclusive, uds
from harness.analysis import rhythm_of
from harness.fuzz import segments
from harness.tester import await_quiet, foreign_frame, frames_per_second, send_load

RATES = (100, 500)
MAX_SHARE = 0.44
"""The share of the bus that requests take; it leaves room for answers, even with 29-bit ids."""
BURST_FRAMES = 300
FOREIGN_SHARE = 0.8
RECOVERED_S, DEAD_S = 1.0, 10.0
MOST_BACKLOG_S = 30.0
SLOWER = 10
BASELINE_READS = 10

PACE_S = 0.05
LEAST_WATCH_S = 3.0
USUAL_ATTEMPTS = 3
UNFINISHED, WRONG_KEYS = "an unfinished long request", "wrong keys and the delay after them"
LASTING = (UNFINISHED, WRONG_KEYS)
"""Disturbances that put the ECU into another state for a while, so that each is watched by itself."""
OWN = -1
"""The key, in place of an id, for frames of ours, whose time stamps tell when a disturbance began and ended."""


@attack(
    id="DS-01",
    title="Diagnostics leave normal traffic alone",
    failure="Diagnostics disturb normal traffic",
    severity=Severity.HIGH,
    basis="standard",
    source='ISO 14229-1 SecurityAccess: attempts "shall not prevent normal vehicle communications"',
    cwe=(400, 693),
    r155=("24.1",),
    rationale="Other ECUs steer and brake by the frames that this one sends. If a diagnostic request can make them stop, "
    "anybody on the bus can.",
    remediation="Serve periodic frames from a task of their own, with a priority above diagnostics, and never wait in it.",
    uses=("lockout",),
    proven_by=("periodic_frames_stop",),
)
def test_diagnostics_leave_normal_traffic_alone(tester: Tester, depth: Depth) -> None:
    baseline_s = depth.choose(quick=5, default=5, deep=20)
    watched = listen(tester, baseline_s)
    usual = {can_id: rhythm for can_id, times in watched.items() if (rhythm := rhythm_of(times)) is not None}
    if not usual:
        inconclusive(f"no periodic frames were seen in {baseline_s} s: there is nothing that could stop")
    seconds = max(LEAST_WATCH_S, 3.5 * max(rhythm.period_s for rhythm in usual.values()))
    watched_by_name = disturbances(tester)
    if depth is Depth.QUICK:
        watched_by_name = those_of_a_moment_in_turn(watched_by_name)
    for name, disturb in watched_by_name.items():
        seen = gather(tester, during(tester, disturb, seconds))
        own = seen[OWN] or [0.0]
        for can_id, rhythm in usual.items():
            if complaint := rhythm.complaint(seen.get(can_id, []), own[0], own[-1]):
                fail(expected=f"0x{can_id:X} each {rhythm.period_s:.3f} s during {name}", observed=complaint)
    tester.note("; ".join(f"0x{can_id:X} each {rhythm.period_s * 1000:.0f} ms" for can_id, rhythm in sorted(usual.items())))


def listen(tester: Tester, seconds: float) -> dict[int, list[float]]:
    """Send nothing for `seconds`; return, by id, when frames came."""
    return gather(tester, during(tester, lambda: None, seconds))


def during(tester: Tester, disturb: Callable[[], object], seconds: float) -> Iterable[None]:
    """Call `disturb` repeatedly for `seconds`; yield after each call, while its frames are still stored."""
    until_s = tester.link.now_s + seconds
    while (left_s := until_s - tester.link.now_s) > 0:
        disturb()
        tester.wait(min(PACE_S, left_s), "which ids are heard meanwhile")
        yield


def gather(tester: Tester, turns: Iterable[None]) -> dict[int, list[float]]:
    """Return, by id, when frames of other nodes came, and under `OWN` when ours were sent, in the order of the bus."""
    can = tester.target.can
    found: dict[int, list[float]] = {OWN: []}
    first = tester.trace.count
    for _ in turns:
        for frame in tester.trace.frames(first, tester.trace.count):
            if frame.is_sent:
                found[OWN].append(frame.time_s)
            is_normal = not frame.is_sent and not frame.is_error and not frame.is_remote
            if is_normal and frame.can_id not in (can.request_id, can.response_id, can.functional_id):
                found.setdefault(frame.can_id, []).append(frame.time_s)
        first = tester.trace.count
    return found


def disturbances(tester: Tester) -> dict[str, Callable[[], object]]:
    """Return a tester's disturbances by name: single requests, an unfinished long request, long answers, seeds."""
    readable = [entry.did for entry in tester.target.data if entry.read.kind == "open"]
    opening = segments(b"\x3e" + bytes(8), frame_bytes=tester.frame_bytes)[0]
    found: dict[str, Callable[[], object]] = {
        "single requests": lambda: tester.request(tester.liveness_request),
        UNFINISHED: lambda: tester.raw(opening, listen_s=PACE_S),
        "long answers": lambda: tester.request(uds.read_data(*readable[:3])),
    }
    if tester.target.security:
        found |= of_security_access(tester, tester.target.security[0].level)
    return found


def those_of_a_moment_in_turn(disturbances: dict[str, Callable[[], object]]) -> dict[str, Callable[[], object]]:
    """Join the disturbances that leave nothing behind in the ECU: they take turns during one watch."""
    joined = {name: disturb for name, disturb in disturbances.items() if name not in LASTING}
    left = list(joined.values())

    def next_in_turn() -> object:
        left.append(left.pop(0))
        return left[-1]()

    lasting = {name: disturb for name, disturb in disturbances.items() if name in LASTING}
    return {", ".join(joined): next_in_turn} | lasting


def of_security_access(tester: Tester, level: int) -> dict[str, Callable[[], object]]:
    """Return disturbances by name: seeds; right keys; wrong keys until the ECU refuses more, and then refused requests."""
    found: dict[str, Callable[[], object]] = {"seeds": partial(ask_for_seed, tester, level)}
    security = tester.security
    if security.has_key(level) and tester.access.can_relock:
        found["unlocking"] = partial(answer_seed, tester, level, True)
    wanted = 1 + (tester.target.of_level(level).attempts or USUAL_ATTEMPTS)
    left = security.ledger.left(level)
    if not tester.allows("lockout") or security.why_no_guess(level) or (left is not None and left < wanted):
        tester.note("wrong keys were not tried: they are not permitted, or not affordable")
        return found
    keys = iter([partial(answer_seed, tester, level, False)] * wanted)
    found[WRONG_KEYS] = lambda: next(keys, partial(ask_for_seed, tester, level))()
    return found


def ask_for_seed(tester: Tester, level: int) -> Reply:
    """Request a seed, and leave it unanswered."""
    tester.session_for(level)
    return tester.security.request_seed(level)


def answer_seed(tester: Tester, level: int, is_right: bool) -> None:
    """Request a seed and, if it is given and not zero, send a key for it."""
    reply = ask_for_seed(tester, level)
    seed = reply.pdu[2:]
    if reply.is_positive and any(seed):
        make_key = tester.security.right_key if is_right else tester.security.wrong_key
        tester.security.send_key(level, make_key(level, seed))


@attack(
    id="DS-02",
    title="The ECU survives a flood of requests",
    failure="A flood of requests stops the ECU",
    severity=Severity.MEDIUM,
    basis="policy",
    source="UN R155 Annex 5 (8.1, 24.1); CWE-770 allocation of resources without limits",
    cwe=(400, 770),
    r155=("8.1", "24.1"),
    rationale="Any node can send requests as fast as the bus carries them. An ECU that dies of it is switched off by "
    "whoever wants it off.",
    remediation="Bound the receive queue, drop or answer 0x21 when it is full, and leave the rest of the ECU its time.",
    proven_by=("dies_of_request_burst",),
)
def test_the_ecu_survives_a_flood_of_requests(tester: Tester, depth: Depth) -> None:
    usual = require_short_answer(tester)
    request = usual.request
    can = tester.target.can
    frame = tester.frame((bytes((len(request),)) + request).ljust(tester.frame_bytes, b"\x00"))
    seconds = depth.choose(quick=300, default=1000, deep=30_000) / 1000
    most = frames_per_second(can.bitrate, MAX_SHARE)
    for rate in (*RATES, most):
        burst = BURST_FRAMES if rate == most else 0
        sent = send_load(tester, frame, per_second=rate, seconds=seconds, burst=burst)
        judge_recovery(tester, usual, f"{sent} requests at {rate:.0f}/s{f' in bursts of {burst}' if burst else ''}")


@attack(
    id="DS-03",
    title="A bus full of other nodes' frames does not slow the ECU down",
    failure="A bus full of other nodes' frames slows the ECU down",
    severity=Severity.MEDIUM,
    basis="policy",
    source="UN R155 Annex 5 (8.1, 24.1); CWE-400 uncontrolled resource consumption",
    cwe=(400,),
    r155=("8.1", "24.1"),
    rationale="An ECU that takes in, logs or queues what is not for it pays for every frame on the bus, in time and memory.",
    remediation="Filter identifiers in the controller; keep nothing of what is not for this ECU.",
    proven_by=("dies_of_foreign_burst",),
)
def test_foreign_frames_do_not_slow_the_ecu_down(tester: Tester, depth: Depth) -> None:
    usual = require_answers(tester)
    before_s = latency_s(tester)
    taken = {can_id for can_id in listen(tester, 0.5) if can_id != OWN}
    seconds = depth.choose(quick=250, default=1500, deep=30_000) / 1000
    rate = frames_per_second(tester.target.can.bitrate, FOREIGN_SHARE)
    frame = foreign_frame(tester, taken)
    sent = send_load(tester, frame, per_second=rate, seconds=seconds, burst=BURST_FRAMES)
    what = f"{sent} frames with id 0x{frame.can_id:X} at {FOREIGN_SHARE:.0%} bus load"
    first = tester.answer_times_s(tester.request(tester.liveness_request))[:1]
    judge_recovery(tester, usual, what)
    after = f"{first[0] * 1000:.2f} ms" if first else "more than P2"
    tester.note(f"answers after {before_s * 1000:.2f} ms before, and {after} directly after {what}")
    if not first or first[0] > max(SLOWER * before_s, tester.target.timing.p2_ms / 1000):
        fail(expected=f"an answer within P2, as before ({before_s * 1000:.2f} ms), after {what}", observed=after)


def require_short_answer(tester: Tester) -> Reply:
    """Return the answer to the request that needs the least work, within one frame. Raises Inconclusive if there is none."""
    require_answers(tester)
    for request in (tester.liveness_request, uds.keep_session()):
        reply = tester.request(request)
        if 0 < len(reply.pdu) < tester.frame_bytes and reply.nrc != Nrc.BUSY_REPEAT_REQUEST:
            return reply
    inconclusive("no request has an answer of one frame: a flood of long answers would be the bus's limit, not the ECU's")


def require_answers(tester: Tester) -> Reply:
    """Raise Inconclusive unless the ECU answers as usual, since a silent ECU cannot be disturbed."""
    tester.require_quiet()
    reply = tester.request(tester.liveness_request)
    if reply.is_silence:
        inconclusive(f"control missing: {reply.request.hex(' ').upper()} is not answered, even without load")
    if reply.nrc == Nrc.BUSY_REPEAT_REQUEST:
        inconclusive(f"control missing: it is busy, even without load ({reply})")
    return reply


def latency_s(tester: Tester) -> float:
    """Return the median time in seconds of a few answers, by the bus's time stamps."""
    times: list[float] = []
    for _ in range(BASELINE_READS):
        times += tester.answer_times_s(tester.request(tester.liveness_request))[:1]
    if not times:
        inconclusive("no answer times were seen")
    return sorted(times)[len(times) // 2]


def judge_recovery(tester: Tester, usual: Reply, what: str) -> None:
    """Require the usual answers within a second; note an ECU that takes longer, and fail after ten seconds."""
    begun_s = tester.link.now_s
    while (reply := tester.request(usual.request)).kind is not usual.kind or reply.nrc != usual.nrc:
        if tester.link.now_s - begun_s > DEAD_S:
            tester.cite(reply)
            fail(expected=f"{usual} within {DEAD_S:g} s after {what}", observed=str(reply))
    took_s = tester.link.now_s - begun_s
    backlog_s = await_quiet(tester, MOST_BACKLOG_S)
    if backlog_s > RECOVERED_S:
        tester.note(f"it went on for {backlog_s:.1f} s with answers after {what}")
    if took_s > RECOVERED_S:
        tester.note(f"it took {took_s:.1f} s to answer again after {what}")
