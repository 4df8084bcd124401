"""Check that the ECU answers every request in time, or announces that the answer will take longer."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from attacks.conformance.working_services import same_values
from harness import Depth, Measurements, Reply, Severity, Tester, attack, fail, inconclusive, uds
from harness.tester import own_lag_s

MARGIN_S = {"simulated": 0.001, "confirmed": 0.025, "unconfirmed": 0.050}
"""The seconds that our side may add to a measured time, by how well the sending time of the request is known."""

LAGS = 2
"""How many delays of this computer one measured time may contain: the request and the answer may each be late."""

PATIENCE_S = 2.0
"""Seconds beyond P2 within which a late answer is still measured."""

LATE_SHARE = 0.01
LATE_AT_LEAST = 3
"""The smallest number of late answers that is no coincidence, if they are also a larger share than `LATE_SHARE`."""

MOST_READS = 64
"""How many identifiers are read in each round."""

GIVE_UP_AFTER = 2
"""How often a request may stay without answer before it is not sent again; other checks judge such silence."""


@dataclass
class Latencies:
    """Times in seconds that the ECU took to answer, each with the reply that shows it."""

    first: list[tuple[float, Reply]] = field(default_factory=list)
    """Times from the last frame of a request to the first frame of its answer; response pending counts as an answer."""
    after_pending: list[tuple[float, Reply]] = field(default_factory=list)
    """Times from each response pending (0x78) to the next one, or to the answer."""
    unanswered: dict[bytes, int] = field(default_factory=dict)
    """By request: how often the ECU sent nothing, or nothing that is an answer."""
    own_lag_s: float = 0.0
    """The longest delay in seconds of this computer itself during the measurement."""
    unfinished: Reply | None = None
    """The reply to a request to which the ECU sent response pending, but never an answer."""


@attack(
    id="ST-06",
    title="Every answer comes within P2, or is announced and comes within P2*",
    failure="Answers come later than P2 or P2* allow",
    severity=Severity.MEDIUM,
    basis="standard",
    source="ISO 14229-2 P2server and P2*server; ISO 14229-1 requestCorrectlyReceived-ResponsePending",
    cwe=(835,),
    uses=("write",),
    rationale="A tester that waits for P2 takes a late answer for none, and then for the answer to its next request. One "
    "that is told to wait for ever can do nothing else any more.",
    remediation="Answer within P2server, or send 78 within it and after that at least every P2*server; limit how often 78 "
    "is sent, and always end with a final answer.",
    proven_by=("pending_for_ever", "pending_without_answer", "pending_too_slow", "late_without_pending"),
)
def test_every_answer_comes_in_time(tester: Tester, measure: Measurements, depth: Depth) -> None:
    tester.require_quiet()
    seen = sample(tester, depth.choose(quick=60, default=100, deep=200))
    if seen.unfinished is not None:
        tester.cite(seen.unfinished)
        times, last_s = len(seen.unfinished.replies), lasted_s(tester, seen.unfinished)
        fail(
            expected=f"a final answer to {words(seen.unfinished)} after response pending",
            observed=f"none: {times} times 0x78, the last one {last_s:.1f} s after the request",
        )
    if not seen.first:
        inconclusive("no answer with time stamps that can be right was seen, so that no time could be measured")
    for request, times in seen.unanswered.items():
        tester.note(f"{request.hex(' ').upper()} was not answered in {PATIENCE_S:g} s beyond P2, {times} times")
    margin_s = max(MARGIN_S[grade(tester)], LAGS * seen.own_lag_s)
    if margin_s > MARGIN_S[grade(tester)]:
        tester.note(f"this computer is loaded: it was up to {seen.own_lag_s * 1000:.0f} ms late itself meanwhile")
    p2_s, p2_star_s = tester.target.timing.p2_ms / 1000, tester.target.timing.p2_star_ms / 1000
    publish(tester, measure, seen, margin_s)
    late = sorted(((time_s, reply) for time_s, reply in seen.first if time_s > p2_s + margin_s), key=lambda one: -one[0])
    if len(late) >= LATE_AT_LEAST and len(late) > LATE_SHARE * len(seen.first):
        tester.cite(late[0][1])
        fail(
            expected=f"99 % of first answers within P2, {p2_s * 1000:g} ms (and {margin_s * 1000:g} ms for the tools)",
            observed=f"{len(late)} of {len(seen.first)} were later, the latest after {late[0][0] * 1000:.1f} ms, "
            f"to {words(late[0][1])}",
        )
    if late:
        latest_ms = late[0][0] * 1000
        tester.note(f"{len(late)} of {len(seen.first)} answers came later than P2, the latest after {latest_ms:.1f} ms")
    slow = max(seen.after_pending, key=lambda one: one[0], default=None)
    if slow is not None and slow[0] > p2_star_s + margin_s:
        tester.cite(slow[1])
        fail(
            expected=f"after 0x78 an answer, or 0x78 again, within {p2_star_s:g} s",
            observed=f"{slow[0]:.2f} s, to {words(slow[1])}",
        )


def sample(tester: Tester, wanted: int) -> Latencies:
    """Send harmless requests again and again, until `wanted` times have been measured."""
    seen = Latencies()
    rounds = 0
    while len(seen.first) < wanted or rounds < LATE_AT_LEAST:
        before = len(seen.first)
        writes = same_values(tester) if rounds < LATE_AT_LEAST else []  # memory wears out
        rounds += 1
        seen.own_lag_s = max(seen.own_lag_s, own_lag_s(tester))
        for ask in requests(tester, writes):
            record(tester, seen, ask)
            if seen.unfinished is not None:
                return seen
        if len(seen.first) == before:
            return seen
    return seen


def requests(tester: Tester, writes: list[bytes]) -> list[Callable[[Latencies], Reply | None]]:
    """Yield the requests of one round, in the default session and in the session of each level.

    The requests are short and long, and get positive answers and refusals.
    """
    readable = [entry.did for entry in tester.target.data if entry.read.kind == "open"]
    reads = [uds.read_data(did) for did in readable[:MOST_READS]]
    pdus = [*reads, b"\x22\xf1\x23", uds.keep_session(), *writes]
    if tester.has_sessions:
        pdus.insert(0, b"\x10\x01")
    plan: list[Callable[[Latencies], Reply | None]] = [partial(asked, tester, pdu) for pdu in pdus]
    for entry in tester.target.security[:2]:
        if tester.has_sessions and entry.session is not None:
            plan.append(partial(asked, tester, uds.enter_session(entry.session)))
        plan.append(partial(asked, tester, uds.request_seed(entry.level)))
        if tester.security.has_key(entry.level) and tester.access.can_relock:
            plan.append(partial(answered_seed, tester, entry.level))
    return plan


def asked(tester: Tester, pdu: bytes, seen: Latencies) -> Reply | None:
    """Send a request and return the reply; None for a request that was left unanswered too often."""
    if seen.unanswered.get(pdu, 0) >= GIVE_UP_AFTER:
        return None
    return tester.request(pdu, timeout_s=tester.target.timing.p2_ms / 1000 + PATIENCE_S)


def answered_seed(tester: Tester, level: int, seen: Latencies) -> Reply | None:
    """Answer the level's pending seed with the right key, and return the reply.

    Return None if no seed is pending, the key function is suspect, or the ECU left keys unanswered too often.
    """
    seed = tester.security.level(level).seed
    if not seed or not any(seed) or seen.unanswered.get(bytes((0x27, level + 1)), 0) >= GIVE_UP_AFTER:
        return None
    if tester.security.level(level).suspect:
        return None
    key = uds.send_key(level, tester.security.right_key(level, seed))
    return tester.request(key, is_right_key=True, timeout_s=tester.target.timing.p2_ms / 1000 + PATIENCE_S)


def record(tester: Tester, seen: Latencies, ask: Callable[[Latencies], Reply | None]) -> None:
    """Record the times of one exchange from the time stamps of its frames."""
    reply = ask(seen)
    if reply is None:
        return
    times = tester.answer_times_s(reply)
    pending = [message for message in reply.replies if message[2:] == b"\x78" and message[0] == 0x7F]
    if reply.is_silence and pending:
        seen.unfinished = reply
    if not (reply.is_positive or reply.is_negative):
        kind = reply.request[:2] if reply.request[0] == 0x27 else reply.request
        seen.unanswered[kind] = seen.unanswered.get(kind, 0) + 1
        return
    if times:
        seen.first.append((times[0], reply))
        chain = times[: len(pending) + 1]
        seen.after_pending += [(chain[index] - chain[index - 1], reply) for index in range(1, len(chain))]


def grade(tester: Tester) -> str:
    """Return how well the sending times of our own frames are known, as a key of `MARGIN_S`."""
    if tester.link.is_virtual:
        return "simulated"
    return "confirmed" if tester.link.confirms_sending else "unconfirmed"


def lasted_s(tester: Tester, reply: Reply) -> float:
    """Return the seconds from the request to the last frame of its reply."""
    times = tester.answer_times_s(reply)
    return times[-1] if times else 0.0


def words(reply: Reply) -> str:
    """Write a request in hex, without the key that it may contain."""
    return reply.request[: 2 if reply.request[0] == 0x27 else 8].hex(" ").upper()


def publish(tester: Tester, measure: Measurements, seen: Latencies, margin_s: float) -> None:
    """Put the measured times into the report."""
    times = sorted(time_s for time_s, _ in seen.first)
    longest = max(seen.first, key=lambda one: one[0])
    rows = {
        "answers measured": str(len(times)),
        "first answer, median": f"{times[len(times) // 2] * 1000:.1f} ms",
        "first answer, 99 % within": f"{times[int((len(times) - 1) * 0.99)] * 1000:.1f} ms",
        "first answer, longest": f"{longest[0] * 1000:.1f} ms, to {words(longest[1])}",
        "error of our side": f"up to {margin_s * 1000:g} ms",
        "P2 and P2* declared": f"{tester.target.timing.p2_ms} ms and {tester.target.timing.p2_star_ms} ms",
    }
    if seen.after_pending:
        rows["after 0x78, longest"] = f"{max(time_s for time_s, _ in seen.after_pending) * 1000:.1f} ms"
    p2_s, p2_star_s = tester.target.timing.p2_ms / 1000, tester.target.timing.p2_star_ms / 1000
    limits = {"first answers": {"P2": p2_s}, "answers after 0x78": {"P2*": p2_star_s}}
    entered = next((reply.pdu for _, reply in seen.first if reply.pdu[:1] == b"\x50" and len(reply.pdu) == 6), None)
    if entered is not None:
        p2_ms, p2_star_ms = int.from_bytes(entered[2:4], "big"), int.from_bytes(entered[4:6], "big") * 10
        rows["P2 and P2* announced by the ECU"] = f"{p2_ms} ms and {p2_star_ms} ms"
        if (p2_ms, p2_star_ms) != (tester.target.timing.p2_ms, tester.target.timing.p2_star_ms):
            tester.note(f"the ECU announces P2 {p2_ms} ms and P2* {p2_star_ms} ms, which is not what the target declares")
    times_by_kind = {"first answers": [time_s for time_s, _ in seen.first]}
    if seen.after_pending:
        times_by_kind["answers after 0x78"] = [time_s for time_s, _ in seen.after_pending]
    measure.publish("Timing", rows, times=times_by_kind, limits=limits)
