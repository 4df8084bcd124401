"""Prove that the testing kit judges as an audit does."""

import can

from harness import Nrc, Severity, Tester, attack, negative, positive
from harness.testing import Node, Port, open_ecu, run_checks, target_of

REFUSED = negative(Nrc.SUB_FUNCTION_NOT_SUPPORTED, Nrc.SERVICE_NOT_SUPPORTED_IN_SESSION)


@attack(
    id="XX-01",
    title="Odd levels that are not there are refused",
    severity=Severity.LOW,
    basis="policy",
    source="our own rule 7",
    rationale="An undeclared level is a second door.",
    remediation="Answer 0x12.",
)
def test_undeclared(tester: Tester) -> None:
    tester.judge(tester.request(b"\x27\x2b"), sound=REFUSED, flawed=positive())


test_undeclared.__test__ = False  # type: ignore[attr-defined]


class OpenDoor:
    """A node that gives the same seed to every request for one, and answers little else."""

    def attach(self, port: Port) -> None:
        self.port = port

    def on_frame(self, frame: can.Message) -> None:
        length = frame.data[0]
        request = bytes(frame.data[1 : 1 + length])
        if request[0] == 0x27 and request[1] & 1:
            answer = bytes((0x67, request[1], 1, 2, 3, 4))
        elif request[0] in (0x3E, 0x10):
            answer = bytes((request[0] + 0x40, *request[1:2]))
        else:
            answer = bytes((0x7F, request[0], 0x11))
        data = bytes((len(answer), *answer)).ljust(8, b"\x00")
        self.port.send(can.Message(arbitration_id=0x748, is_extended_id=False, data=data))


def open_door() -> Node:
    return OpenDoor()


def test_a_check_passes_on_a_shipped_ecu_and_fails_on_a_node_of_ones_own() -> None:
    (sound,) = run_checks([test_undeclared], "hardened")
    (flawed,) = run_checks([test_undeclared], target_of(open_door))
    assert (sound.verdict, flawed.verdict) == ("pass", "fail")


def test_the_same_seed_gives_the_same_findings() -> None:
    first, second = (run_checks([test_undeclared], target_of(open_door), seed=3) for _ in range(2))
    assert first == second


def test_a_tester_is_opened_on_an_ecu_and_closed_again() -> None:
    with open_ecu("hardened") as tester:
        assert tester.request(b"\x3e\x00").is_positive
