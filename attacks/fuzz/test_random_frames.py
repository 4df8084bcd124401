"""Check that the ECU survives frames that nobody would send."""

from harness import Depth, Severity, Tester, attack
from harness.fuzz import StimulusStream, random_frame, valid_requests


@attack(
    id="FZ-01",
    title="Random frames neither stop nor change the ECU",
    failure="Random frames stop or change the ECU",
    severity=Severity.HIGH,
    basis="policy",
    source="UN R155 Annex 5; CWE-20 improper input validation",
    cwe=(20, 248, 400),
    r155=("8.1", "28.1"),
    rationale="Any node on the bus can send any bytes. An ECU that some of them crash, restart, unlock or change can be "
    "brought down, or opened, without knowing anything of it.",
    remediation="Check type, length and content of each frame before it is used; take the shortest sequence named here as a "
    "regression test.",
    uses=("lockout", "write", "reset", "destructive"),
    proven_by=("dies_on_routine_of_four_bytes",),
)
def test_random_frames_neither_stop_nor_change_the_ecu(tester: Tester, depth: Depth) -> None:
    chance = tester.chance.stream("FZ-01")
    requests = valid_requests(tester.target)
    wanted = depth.choose(quick=200, default=1500, deep=50_000)
    frames = [(random_frame(chance, requests, tester.frame_bytes),) for _ in range(wanted)]
    sent = StimulusStream(tester, is_raw=True, most_keys=depth.choose(quick=4, default=8, deep=None)).run(frames)
    tester.note(f"{sent} random frames sent; life, lock and protected values were watched")
