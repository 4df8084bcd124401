"""Check that the ECU survives ISO-TP frames in a wrong order."""

from harness import Depth, Severity, Tester, attack
from harness.fuzz import StimulusStream, frame_sequence, valid_requests


@attack(
    id="FZ-05",
    title="Frames of ISO-TP in any order neither stop nor change the ECU",
    failure="Frames of ISO-TP out of order stop or change the ECU",
    severity=Severity.HIGH,
    basis="standard",
    source="ISO 15765-2 unexpected arrival of N_PDU; CWE-20 improper input validation",
    cwe=(20, 248, 400),
    r155=("8.1", "28.1"),
    rationale="The reassembly of messages is code that runs before any other check. An order of first, consecutive and flow "
    "control frames that it does not expect is where buffers overrun.",
    remediation="Drop every frame that the state of the reception does not allow, and end the reception where the standard "
    "says so; take the shortest sequence named here as a regression test.",
    uses=("lockout", "write", "reset", "destructive"),
    proven_by=("dies_on_sequence_number_zero",),
)
def test_frames_in_any_order_neither_stop_nor_change_the_ecu(tester: Tester, depth: Depth) -> None:
    chance = tester.chance.stream("FZ-05")
    requests = valid_requests(tester.target)
    wanted = depth.choose(quick=120, default=500, deep=10_000)
    sequences = [frame_sequence(chance, requests, tester.frame_bytes) for _ in range(wanted)]
    sent = StimulusStream(tester, is_raw=True, most_keys=depth.choose(quick=4, default=8, deep=None)).run(sequences)
    tester.note(f"{sent} sequences of frames sent; life, lock and protected values were watched")
