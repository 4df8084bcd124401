"""Measure how long an ECU's answers, sessions and starts take."""

from collections.abc import Callable
from itertools import pairwise

from harness.discovery.addresses import Progress
from harness.discovery.ecu_map import EcuMap
from harness.tester.reply import Reply, ReplyKind
from harness.tester.tester import Tester
from harness.uds import ACTIVE_SESSION, Nrc, Session

IDLE_S = (2.0, 4.0, 4.8, 5.5, 7.0, 12.0, 30.0)
"""Silent waits in seconds, after each of which it is tried whether the session has ended."""
LONGEST_BOOT_S = 30.0
LATEST_START_S = 2.0
"""The seconds for which an ECU may keep running after it has accepted a reset."""
STEP_S = 0.02
_TELLING_SERVICES = (0x31, 0x28, 0x2E, 0x85, 0x14, 0x19, 0x2F, 0x23, 0x3D, 0x34)
"""Services that are often missing in the default session."""


def answer_time(tester: Tester, found: EcuMap) -> None:
    """Measure the time to the first answer (P2), and record it."""
    times = [tester.answer_times_s(tester.request(tester.liveness_request)) for _ in range(20)]
    firsts = [one[0] for one in times if one]
    found.p2_ms = round(max(firsts) * 1000, 3) if firsts else None


def note_pending(tester: Tester, found: EcuMap, reply: Reply) -> None:
    """Record the time after response pending (P2*), if response pending (0x78) came before the answer."""
    announced = sum(one[:1] == b"\x7f" and one[2:] == bytes((Nrc.RESPONSE_PENDING,)) for one in reply.replies)
    times = tester.answer_times_s(reply) if announced else ()
    gaps = [after - before for before, after in pairwise(times[: announced + 1])]
    if gaps:
        found.p2_star_seen_ms = max(found.p2_star_seen_ms or 0.0, round(max(gaps) * 1000, 3))


def session_end(tester: Tester, found: EcuMap, progress: Progress, enter: Callable[[int], bool]) -> None:
    """Measure S3, if some request shows that a session has ended. Call this once levels and identifiers are known."""
    probe = _session_probe(tester, found, enter)
    if probe is None:
        found.s3_said = "no request tells a session from the default one" if len(found.sessions) > 1 else ""
        return
    session, request, in_session = probe
    lasted = 0.0
    for idle_s in IDLE_S:
        progress("the end of a session by time", int(lasted), int(IDLE_S[-1]))
        enter(session)
        tester.wait(idle_s)
        if _comparable(tester.request(request)) != in_session:
            found.s3_ms = 5000 if lasted <= 5.0 <= idle_s else round(idle_s * 1000)
            found.s3_said = f"a session lasts longer than {lasted:g} s and less than {idle_s:g} s"
            break
        lasted = idle_s
    else:
        found.s3_said = f"a session lasts longer than {lasted:g} s"
    enter(Session.DEFAULT)


def _session_probe(tester: Tester, found: EcuMap, enter: Callable[[int], bool]) -> tuple[int, bytes, object] | None:
    """Return a session, and a request that the ECU answers differently there and in the default session."""
    elsewhere = [one.did for one in found.identifiers if one.length and Session.DEFAULT not in one.sessions]
    requests = [b"\x22" + did.to_bytes(2, "big") for did in (ACTIVE_SESSION, *elsewhere)]
    requests += [bytes((0x27, level.level)) for level in found.levels]
    requests += [bytes((service,)) for service in _TELLING_SERVICES]
    permitted = [request for request in requests if tester.permits(request)]
    for session in found.sessions:
        if session == Session.DEFAULT:
            continue
        for request in permitted:
            enter(Session.DEFAULT)
            outside = _comparable(tester.request(request))
            enter(session)
            inside = _comparable(tester.request(request))
            if inside != outside:
                return session, request, inside
    return None


def _comparable(reply: Reply) -> object:
    """Reduce an answer to what distinguishes sessions, without seeds, which differ each time."""
    is_active_session = reply.is_positive and reply.request[1:] == ACTIVE_SESSION.to_bytes(2, "big")
    return reply.pdu if is_active_session else reply.nrc if reply.is_negative else reply.kind


def boot_time(tester: Tester, found: EcuMap) -> None:
    """Measure how long a start takes: after a reset if allowed and accepted, else after a power cycle if allowed."""
    is_reset_allowed = tester.permits(b"\x11\x01")
    if is_reset_allowed and tester.request(b"\x11\x01").is_positive:
        found.boot_means = "reset"
    elif tester.allows("power") and tester.link.can_power_cycle():
        tester.link.power_cycle()
        found.boot_means = "power cycle"
    else:
        if not is_reset_allowed:
            found.not_asked.append("Resets are not allowed: the time to boot is not known.")
        return
    begun_s = tester.link.now_s
    first_s = _until_silent(tester)
    if tester.await_life(LONGEST_BOOT_S):
        found.boot_s = round((tester.link.now_s if first_s is None else first_s) - begun_s, 3)


def _until_silent(tester: Tester) -> float | None:
    """Send requests until the ECU falls silent to restart; return None, or the time of its first answer if it never does."""
    first_s = None
    give_up_s = tester.link.now_s + LATEST_START_S
    while tester.link.now_s < give_up_s:
        if tester.request(tester.liveness_request).kind is ReplyKind.SILENCE:
            return None
        first_s = first_s or tester.link.now_s
        tester.wait(STEP_S)
    return first_s
