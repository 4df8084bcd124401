"""Check that the ECU gives one well-formed answer to requests that are almost right."""

from harness import Depth, Severity, Tester, attack
from harness.fuzz import StimulusStream, mutated_request, valid_requests


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
    most_keys = depth.choose(quick=4, default=8, deep=None)
    sent = StimulusStream(tester, is_form_judged=True, most_keys=most_keys).run(mutations)
    tester.note(f"{sent} mutated requests sent; answers, life, lock and protected values were watched")
