"""Check that the ECU gives one well-formed answer to requests that are almost right."""

from __future__ import annotations

from harness import Depth, Reply, Severity, Tester, attack, uds
from harness.fuzz import Campaign, mutated_request, valid_requests

SUPPRESS = 0x80
SECOND_ANSWER_S = 0.003
TESTER_PRESENT = 0x3E


@attack(
    id="FZ-02",
    title="A mutated request gets one well-formed answer and changes nothing",
    failure="A mutated request is answered wrongly, changes something, or stops the ECU",
    severity=Severity.HIGH,
    basis="standard",
    source="ISO 14229-1 server response rules; CWE-20 improper input validation",
    cwe=(20, 248),
    r155=("8.1", "28.1"),
    rationale="A request with one byte too many, one too few, or one changed reaches further into an ECU than noise does: "
    "it passes the first checks and meets the code behind them.",
    remediation="Compare the length of each request with what its service demands before anything else, and refuse the rest "
    "with 7F SID NRC; take the request named here as a regression test.",
    uses=("lockout", "write", "reset", "destructive"),
    proven_by=("dies_on_routine_of_four_bytes",),
)
def test_a_mutated_request_gets_one_well_formed_answer(tester: Tester, depth: Depth) -> None:
    chance = tester.chance.stream("FZ-02")
    requests = valid_requests(tester.target)
    wanted = depth.choose(quick=150, default=600, deep=20_000)
    mutations = [(mutated_request(chance, requests),) for _ in range(wanted)]
    in_time_s = tester.target.timing.p2_ms / 1000
    most_keys = depth.choose(quick=4, default=8, deep=None)
    campaign = Campaign(
        tester, judge=lambda reply: confirmed_complaint(tester, reply), timeout_s=in_time_s, most_keys=most_keys
    )
    sent = campaign.run(mutations)
    tester.note(f"{sent} mutated requests sent; answers, life, lock and protected values were watched")


def confirmed_complaint(tester: Tester, reply: Reply) -> str:
    """Return what is wrong with an answer, and with that to the same request repeated with the full waiting time."""
    first = complaint(tester, reply)
    is_key = reply.request[0] == 0x27 and len(reply.request) > 1 and not reply.request[1] & 1
    if not first or is_key:
        return ""
    return complaint(tester, tester.request(reply.request)) and first


def is_deaf_to(tester: Tester, service: int) -> bool:
    """Whether even a proper TesterPresent gets no answer, so that silence to a wrong one proves nothing."""
    return service == TESTER_PRESENT and tester.request(bytes((TESTER_PRESENT, 0))).is_silence


def complaint(tester: Tester, reply: Reply) -> str:
    """Return what a sound ECU would certainly have answered instead; empty if the answer is in order."""
    request = reply.request
    is_long = len(request) >= tester.frame_bytes
    if reply.is_malformed and not (is_long and reply.note):
        return "a positive response to the request, or 7F, its service and a code"
    is_wanted = not (request[0] in uds.WITH_SUB_FUNCTION and len(request) > 1 and request[1] & SUPPRESS)
    may_be_deaf = reply.replies or reply.note or is_long or request[0] not in uds.ANSWERED_BY_ALL
    if reply.is_silence and is_wanted and not may_be_deaf and tester.is_alive() and not is_deaf_to(tester, request[0]):
        return "an answer to a request that asks for one"
    if not reply.is_silence and (late := tester.listen(SECOND_ANSWER_S)) and not tester.is_shared():
        return f"one answer, and no {late[0].text()} after it"
    return ""
