"""Check that TesterPresent keeps a session alive, and does nothing else."""

from collections.abc import Iterator, Sequence
from functools import partial

from attacks.session.session_probe import (
    DEFAULT,
    LOST_AFTER,
    PRESENT,
    SILENT_PRESENT,
    UNKNOWN_SERVICE,
    SafeRequest,
    SessionProbe,
    another_session,
    enter,
    find_session_probe,
    s3_s,
)
from harness import (
    Depth,
    Frame,
    Inconclusive,
    Measurements,
    Nrc,
    Reply,
    Severity,
    Tester,
    attack,
    fail,
    inconclusive,
    negative,
    not_applicable,
    silence,
)
from harness.measurements import Errand
from harness.tester import locks_of, teller

STEP = 0.4
"""The interval between two TesterPresent requests, as a multiple of S3."""
STEPS = 3
"""How many intervals of `STEP` are longer than S3 together; at depth deep there are more."""
SOON = 0.1
"""The time between two requests within a session, before the session is left idle, as a multiple of S3."""
SPARE_S = 0.5
"""Seconds that the requests of one part take, its waits not included."""
STRANGERS = "TesterPresent by strangers"
Occasion = tuple[list[SafeRequest], list[SafeRequest]]
"""Requests to send before the session's end, and requests to send after it."""

NEIGHBOURS = range(1, 8)
FIXED_ADDRESSES = range(0x18DA, 0x18DC)
"""The upper bits of 29-bit ids whose lower 16 bits are the target's and the sender's address."""


def parts(tester: Tester, depth: Depth) -> Iterator[Errand]:
    """Yield the parts of the check that can be done while a level is in its delay.

    A seed request that the ECU refuses because of the delay shows the session as well as a seed does.
    """
    probe = find_session_probe(tester)
    once_s, soon_s = LOST_AFTER * s3_s(tester), SOON * s3_s(tester)

    def ends(before: Sequence[SafeRequest], after: Sequence[SafeRequest]) -> bool:
        return not outlasts(tester, probe, before, after)

    for before, after in occasions(tester, depth):
        seconds = once_s + len(before) * soon_s + SPARE_S
        yield Errand(occasion(before, after), seconds, partial(ends, before, after))
    yield Errand(STRANGERS, once_s + SPARE_S, lambda: not is_kept_by(tester, probe, foreign_frames(tester)))
    for pdu in kept_by(depth):
        yield Errand(pdu.hex(), STEPS * STEP * s3_s(tester) + SPARE_S, partial(stays, tester, probe, pdu, STEPS))


@attack(
    id="ST-04",
    title="TesterPresent keeps the session and does nothing else",
    failure="TesterPresent does not keep the session, or does more",
    severity=Severity.MEDIUM,
    basis="standard",
    source="ISO 14229-1 TesterPresent; ISO 14229-2 S3server; server response rules 8.7.6",
    rationale="Anybody may send TesterPresent. If it gave more than time, or if strangers could keep another's session and "
    "its unlock alive with it, sessions would protect nothing.",
    remediation="Restart S3server for TesterPresent on the ECU's own request id and the functional one only; send no "
    "positive response when bit 7 asks for none; touch nothing else.",
    uses=("write", "functional"),
    meanwhile=parts,
    proven_by=(
        "tester_present_from_any_id",
        "tester_present_unlocks",
        "tester_present_always_answered",
        "tester_present_ends_s3",
        "tester_present_revives_session",
    ),
)
def test_tester_present_does_only_its_job(tester: Tester, measure: Measurements, depth: Depth) -> None:
    done = measure.errands.of("ST-04")
    session = another_session(tester)
    judge_answers(tester)
    judge_nothing_gained(tester, session)
    probe = find_session_probe(tester)
    judge_kept(tester, probe, [pdu for pdu in kept_by(depth) if pdu.hex() not in done], depth)
    judge_ends(tester, probe, [one for one in occasions(tester, depth) if occasion(*one) not in done])
    if STRANGERS not in done:
        judge_strangers(tester, probe)
    if depth is Depth.DEEP:
        frames = [present(tester, entry.request_id, entry.request_id > 0x7FF) for entry in tester.target.connections]
        if frames and is_kept_by(tester, probe, frames):
            # no known rule permits or forbids that
            tester.note("TesterPresent on another of the ECU's own connections keeps the session too")


def judge_answers(tester: Tester) -> None:
    """Check that the ECU answers 3E 00 and does not answer 3E 80."""
    answered = tester.request(PRESENT)
    if answered.is_refused_with(Nrc.SERVICE_NOT_SUPPORTED):
        not_applicable("the ECU has no TesterPresent")
    if not answered.is_positive:
        tester.cite(answered)
        inconclusive(f"TesterPresent is not confirmed: {answered}")
    judge_silence(tester, tester.request(SILENT_PRESENT))
    if tester.allows("functional") and tester.target.can.functional_id is not None:
        judge_silence(tester, tester.request(SILENT_PRESENT, is_functional=True))


def judge_silence(tester: Tester, reply: Reply) -> None:
    """Check that the ECU sends nothing, except an answer that it announced by response pending."""
    if not (reply.is_positive and len(reply.replies) > 1):
        tester.judge(reply, sound=silence(), tolerated=negative(), severity=Severity.LOW)


def judge_nothing_gained(tester: Tester, session: int) -> None:
    """Check that TesterPresent does not unlock a locked ECU."""
    for lock in locks_of(tester)[:1]:
        try:
            shows = teller(tester, lock, [session])
        except Inconclusive as reason:
            if lock.data is not None:
                raise
            tester.note(f"whether TesterPresent unlocks was not seen: {reason}")
            continue
        for change in (DEFAULT, session):
            enter(tester, change)
            for pdu in (PRESENT, SILENT_PRESENT) * 2:
                tester.request(pdu)
                if tester.allows("functional") and tester.target.can.functional_id is not None:
                    tester.request(pdu, is_functional=True)
            seen = shows.look()
            if seen.is_open:
                tester.cite(seen.reply)
                fail(expected=f"{lock} protected after TesterPresent", observed=seen.words)


def judge_kept(tester: Tester, probe: SessionProbe, requests: Sequence[bytes], depth: Depth) -> None:
    """Check that TesterPresent keeps the session for longer than S3."""
    steps = depth.choose(quick=STEPS, default=STEPS, deep=10)
    for pdu in requests:
        if stays(tester, probe, pdu, steps):
            continue
        if not stays(tester, probe, tester.liveness_request, steps):
            inconclusive("the session ends although requests come more often than S3 asks for")
        fail(
            expected=f"session 0x{probe.session:02X} kept by {pdu.hex(' ').upper()} every {STEP * s3_s(tester):g} s",
            observed="it ended, and did not where another request was sent as often",
            severity=Severity.LOW,
        )


def stays(tester: Tester, probe: SessionProbe, pdu: bytes, steps: int) -> bool:
    """Enter the session, send the request `steps` times, an interval of `STEP` apart; return whether the session lasts."""
    enter(tester, DEFAULT)
    enter(tester, probe.session)
    for _ in range(steps):
        tester.wait(STEP * s3_s(tester), "within the session (S3)")
        tester.request(pdu)
    return probe.is_in_session(tester)


def kept_by(depth: Depth) -> list[bytes]:
    """Return the forms of TesterPresent that must keep a session."""
    return [SILENT_PRESENT, PRESENT][: depth.choose(quick=1, default=2, deep=2)]


def occasion(before: Sequence[SafeRequest], after: Sequence[SafeRequest]) -> str:
    """Describe in words the requests before the session's end, and the requests after it."""
    return f"{', '.join(map(str, before))} / {', '.join(map(str, after))}"


def judge_ends(tester: Tester, probe: SessionProbe, wanted: Sequence[Occasion]) -> None:
    """Check that the session ends after S3 whatever was sent before, and that no request afterwards brings it back."""
    for before, after in wanted:
        if not outlasts(tester, probe, before, after):
            continue
        if outlasts(tester, probe, [], []):
            inconclusive(f"session 0x{probe.session:02X} does not end by itself: nothing shows what keeps it")
        is_revived = not before or not outlasts(tester, probe, before, [])
        words = ", ".join(map(str, after if is_revived else before))
        fail(
            expected=f"session 0x{probe.session:02X} over after {LOST_AFTER * s3_s(tester):g} s without a request",
            observed=f"{words} brings it back" if is_revived else f"after {words} it does not end, and without that it does",
        )


def outlasts(tester: Tester, probe: SessionProbe, before: Sequence[SafeRequest], after: Sequence[SafeRequest]) -> bool:
    """Send `before` in the session, let S3 pass, send `after`, and return whether the ECU is still in the session."""
    enter(tester, DEFAULT)
    enter(tester, probe.session)
    for asked in before:
        tester.wait(SOON * s3_s(tester), "within the session (S3)")
        asked.ask(tester)
    other = tester.others_heard(LOST_AFTER * s3_s(tester))
    for asked in after:
        asked.ask(tester)
    is_there = probe.is_in_session(tester)
    if is_there and other:
        inconclusive(f"somebody else asks the ECU, which keeps its session: {other}")
    return is_there


def occasions(tester: Tester, depth: Depth) -> list[Occasion]:
    """Return what may be sent within a session and after its end: each kind of request once, and some repeatedly."""
    plain, silent = SafeRequest(PRESENT), SafeRequest(SILENT_PRESENT)
    found: list[Occasion] = [([plain], [plain]), ([silent, silent], [silent])]
    if tester.allows("functional") and tester.target.can.functional_id is not None:
        to_all = SafeRequest(SILENT_PRESENT, is_functional=True)
        found.append(([to_all], [to_all]))
    found += [([SafeRequest(tester.liveness_request)], []), ([SafeRequest(UNKNOWN_SERVICE)], []), ([], [plain, silent])]
    return found[: depth.choose(quick=2, default=len(found), deep=len(found))]


def judge_strangers(tester: Tester, probe: SessionProbe) -> None:
    """Check that TesterPresent on CAN ids that are not the ECU's own keeps no session."""
    frames = foreign_frames(tester)
    if is_kept_by(tester, probe, frames):
        kept = [frame for frame in frames if is_kept_by(tester, probe, [frame])] or frames
        if tester.target.can.functional_id is None and len(kept) == 1 and kept[0].can_id != tester.target.can.request_id:
            inconclusive(
                f"{kept[0].text()} keeps the session: its functional id, perhaps, of which the target declares none"
            )
        fail(
            expected=f"session 0x{probe.session:02X} ends while only strangers say that they are there",
            observed=f"it was kept by TesterPresent on another id than its own: {kept[0].text()}",
        )


def is_kept_by(tester: Tester, probe: SessionProbe, frames: Sequence[Frame]) -> bool:
    """Whether the session lasts for longer than S3 if only these frames are sent."""
    enter(tester, DEFAULT)
    enter(tester, probe.session)
    listened_s = 0.02
    for share in (STEP, STEP, LOST_AFTER - 2 * STEP):
        reply = tester.raw_frames(frames, listen_s=listened_s)
        tester.wait(share * s3_s(tester) - listened_s, "the end of the session (S3)")
    if not probe.is_in_session(tester):
        return False
    tester.cite(reply)
    return True


def foreign_frames(tester: Tester) -> list[Frame]:
    """Return TesterPresent frames on ids next to the ECU's own, and on the ECU's id in the other id format."""
    can = tester.target.can
    own = {can.request_id, can.response_id, can.functional_id, *tester.everybodys_ids}
    own |= {can_id for entry in tester.target.connections for can_id in (entry.request_id, entry.response_id)}
    is_extended = can.extended_ids is True or can.request_id > 0x7FF
    step = 0x100 if can.request_id >> 16 in FIXED_ADDRESSES else 1
    nearby = [can.request_id + sign * step * distance for distance in NEIGHBOURS for sign in (1, -1)]
    limit = 0x1FFF_FFFF if is_extended else 0x7FF
    frames = [present(tester, can_id, is_extended) for can_id in nearby if 0 < can_id <= limit and can_id not in own]
    if can.request_id <= 0x7FF:
        frames.insert(0, present(tester, can.request_id, not is_extended))
    return frames


def present(tester: Tester, can_id: int, is_extended: bool) -> Frame:
    """Return a single frame with TesterPresent and the suppress bit, so that no answer is due."""
    return tester.frame(b"\x02\x3e\x80".ljust(tester.frame_bytes, b"\x00"), can_id=can_id, is_extended=is_extended)
