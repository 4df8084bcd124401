"""Run Scapy's own answering machine for ECUs, with lists of answers like those of its documentation."""

from collections.abc import Iterator
from typing import Any

from scapy.contrib.automotive import uds_ecu_states  # noqa: F401  # teaches it which answers change the state
from scapy.contrib.automotive.ecu import EcuAnsweringMachine, EcuResponse, EcuState
from scapy.contrib.automotive.uds import UDS, UDS_DSCPR, UDS_NR, UDS_RDBIPR, UDS_SAPR, UDS_TPPR
from scapy.packet import Packet, Raw

from tests.unseen.servers.wire import ServerNode

TIMING = b"\x00\x32\x01\xf4"
SEED = b"abcd"


class ScapyEcu(ServerNode):
    def __init__(self, responses: list[EcuResponse]) -> None:
        self.responses = responses

    def start_server(self) -> None:
        self.machine = EcuAnsweringMachine(supported_responses=self.responses, basecls=UDS, verbose=False)

    def answers(self, pdu: bytes) -> Iterator[bytes]:
        for packet in self.machine.make_reply(UDS(pdu)):
            yield bytes(packet)


def states(sessions: list[int], **more: Any) -> list[EcuState]:
    """Return each state twice, before and after a TesterPresent, because Scapy counts a TesterPresent as part of
    the state.
    """
    return [EcuState(session=session, **more, **present) for session in sessions for present in ({}, {"tp": 1})]


def session(number: int, where: list[EcuState]) -> EcuResponse:
    return EcuResponse(where, UDS() / UDS_DSCPR(diagnosticSessionType=number, sessionParameterRecord=TIMING))


def record(did: int, value: bytes, where: list[EcuState]) -> EcuResponse:
    return EcuResponse(where, UDS() / UDS_RDBIPR(dataIdentifier=did) / Raw(value))


def answers_security(response: Packet, request: Packet) -> bool:
    """Return answers with one constant seed, whose key is twice the seed; short requests are treated as in the
    documentation.
    """
    if request.service != 0x27 or response.service != 0x67:
        return False
    if request.securityAccessType == 1 and response.securityAccessType == 1:
        return True
    return bool(request.securityAccessType == 2 and response.securityAccessType == 2 and request.securityKey == SEED + SEED)


def secured() -> ScapyEcu:
    """Return an ECU whose programming session is entered only from the extended one, with a level and data behind that
    level.
    """
    unlocked = states([3], security_level=2)
    extended = [*states([3]), *unlocked]
    anywhere = [*states([1, 2]), *extended]
    return ScapyEcu(
        [
            session(1, anywhere),
            session(3, anywhere),
            session(2, extended),
            EcuResponse(anywhere, UDS() / UDS_TPPR()),
            record(0x0001, b"open", anywhere),
            record(0x0002, b"extended", extended),
            record(0x0009, b"secret", unlocked),
            EcuResponse(extended, UDS() / UDS_SAPR(securityAccessType=1, securitySeed=SEED), answers=answers_security),
            EcuResponse(extended, UDS() / UDS_SAPR(securityAccessType=2), answers=answers_security),
            EcuResponse(extended, UDS() / UDS_NR(negativeResponseCode=0x35, requestServiceId=0x27)),
        ]
    )


def dead_end() -> ScapyEcu:
    """Return an ECU in which no request, time or reset leads back from session 8."""
    low = states([1, 2, 3, 4])
    return ScapyEcu(
        [
            *(session(number, low) for number in (1, 2, 3, 4, 8)),
            record(0x0003, b"three", states([3, 4])),
            record(0x0009, b"nine", states([8])),
        ]
    )
