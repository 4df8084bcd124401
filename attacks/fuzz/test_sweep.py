"""Look for services, sub-functions and data of the ECU that nobody declares."""

from harness import Depth, Nrc, Reply, Severity, Tester, attack, fail, uds
from harness.fuzz import StimulusStream

LENGTHS = (0, 1, 2, 3, 7)
"""Lengths in bytes of what follows the service."""
STANDARD = frozenset((*range(0x01, 0x0B), *range(0x10, 0x3F), *range(0x83, 0x88)))
"""Services of ISO 14229-1 and of its predecessors, and the emission services of SAE J1979."""
ALWAYS_THERE = frozenset({0x10, 0x3E})


@attack(
    id="FZ-03",
    title="No service or sub-function answers that is not documented",
    failure="A service or sub-function answers that nobody documented",
    severity=Severity.MEDIUM,
    basis="declared",
    source="the target file; UN R155 Annex 5 (28.2); CWE-912 hidden functionality",
    cwe=(912, 248),
    r155=("28.1", "28.2"),
    rationale="What a developer left in, no review has looked at: a service or a sub-function that nobody documented is the "
    "way around those that were protected.",
    remediation="Remove it from the product, or document and protect it. If it belongs to the product, declare it in the "
    "target file.",
    uses=("lockout", "write", "reset", "destructive"),
    proven_by=("dies_on_routine_of_four_bytes",),
)
def test_no_service_answers_that_is_not_documented(tester: Tester, depth: Depth) -> None:
    undocumented: dict[str, Reply] = {}
    unmentioned: set[int] = set()
    existing: set[int] = set()

    def look(reply: Reply) -> None:
        if reply.is_positive and (what := why_undocumented(tester, reply.request)):
            undocumented.setdefault(what, reply)
        exists = reply.is_positive or (reply.is_negative and not reply.is_refused_with(Nrc.SERVICE_NOT_SUPPORTED))
        if exists:
            existing.add(reply.request[0])
        if exists and not is_documented(tester, reply.request[0]):
            unmentioned.add(reply.request[0])

    sent = StimulusStream(tester, hear=look).run(requests(tester, depth))
    if depth is not Depth.QUICK and (more := sub_functions(existing)):
        tester.restore()
        sent += StimulusStream(tester, hear=look).run(more)
    if undocumented:
        reply = next(iter(undocumented.values()))
        tester.cite(*list(undocumented.values())[:6])
        fail(expected="no positive answer of what is not declared", observed=f"{', '.join(undocumented)}; e.g. {reply}")
    if unmentioned:
        names = ", ".join(f"{service:02X}" for service in sorted(unmentioned))
        tester.note(f"services that answer and that the target file does not mention: {names}")
    tester.note(f"{sent} requests sent; the ECU's life, lock and protected values were watched")


def requests(tester: Tester, depth: Depth) -> list[tuple[bytes]]:
    """Yield every service, with payloads of several lengths."""
    noise = tester.chance.stream("FZ-03")
    lengths = LENGTHS[-2:-1] if depth is Depth.QUICK else LENGTHS
    return [(bytes((service,)) + noise.random_bytes(length),) for service in range(0x100) for length in lengths]


def sub_functions(existing: set[int]) -> list[tuple[bytes]]:
    """Yield every sub-function of the existing services that have any."""
    return [(bytes((service, sub)),) for service in uds.WITH_SUB_FUNCTION if service in existing for sub in range(0x80)]


def why_undocumented(tester: Tester, request: bytes) -> str:
    """Return why a positive answer to this request would surprise the target file's author; empty if it would not."""
    target = tester.target
    service, sub_function = request[0], request[1] & 0x7F if len(request) > 1 else 0
    if target.services and service not in STANDARD and not is_documented(tester, service):
        return f"service {service:02X}"
    if service == 0x10 and target.sessions and sub_function not in {entry.id for entry in target.sessions}:
        return f"session {sub_function:02X}"
    if service == 0x27 and target.security and sub_function & 1 and target.level(sub_function) is None:
        return f"seed of level {sub_function:02X}"
    return ""


def is_documented(tester: Tester, service: int) -> bool:
    """Whether the target file declares a service, either by itself or through data or routines that it serves."""
    target = tester.target
    implied = {
        0x11: target.reset.uds is not None,
        0x22: bool(target.data),
        0x2E: any(entry.write.kind != "never" for entry in target.data),
        0x27: bool(target.security),
        0x31: bool(target.routines),
        0x23: bool(target.memory),
        0x3D: bool(target.memory),
    }
    is_declared = any(service in entry.span for entry in target.services if entry.origin == "declared")
    return is_declared or service in ALWAYS_THERE or implied.get(service, False)
