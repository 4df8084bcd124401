"""Measure how fast comparable programs are on the same ECU."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import can

Exchange = Callable[[bytes], bytes]
"""Send a request, wait for its answer, return it."""

REQUEST_ID, RESPONSE_ID = 0x740, 0x748

ECU = {"interface": "uds-sim", "channel": "hardened", "bitrate": 1_000_000_000}
"""The bus on which the hardened ECU answers in real time, so fast that no peer waits for its frames."""

TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Peer:
    """Another program's way to exchange a request for an answer.

    Of py-uds only the transport is measured: its Client overlooks an answer that arrives before the Client's call of send
    returns.
    """

    name: str
    drives: str
    """Which functions or classes of the program are measured."""
    exchanges: int
    """How many exchanges one run has: few for a slow program."""
    open: Callable[[], AbstractContextManager[Exchange]]
    clock: Callable[[], float] = time.perf_counter
    """Measures the peer and the harness beside it: in processor time, if neither ever waits."""


@contextmanager
def _python_can() -> Iterator[Exchange]:
    with can.Bus(**ECU) as bus:

        def exchange(pdu: bytes) -> bytes:
            bus.send(can.Message(arbitration_id=REQUEST_ID, is_extended_id=False, data=bytes((len(pdu), *pdu))))
            answer = bus.recv(TIMEOUT_S)
            assert answer is not None
            return bytes(answer.data[1 : answer.data[0] + 1])

        yield exchange


@contextmanager
def _udsoncan() -> Iterator[Exchange]:
    import isotp
    import udsoncan
    from udsoncan.client import Client
    from udsoncan.connections import PythonIsoTpConnection

    address = isotp.Address(isotp.AddressingMode.Normal_11bits, txid=REQUEST_ID, rxid=RESPONSE_ID)
    with can.Bus(**ECU) as bus:
        notifier = can.Notifier(bus, [])
        stack = isotp.NotifierBasedCanStack(bus, notifier, address=address, params={"tx_padding": 0})
        with Client(PythonIsoTpConnection(stack), request_timeout=TIMEOUT_S) as client:

            def exchange(pdu: bytes) -> bytes:
                answer = client.send_request(udsoncan.Request.from_payload(pdu))
                assert answer is not None
                assert answer.original_payload is not None
                return answer.original_payload

            yield exchange
        notifier.stop()


@contextmanager
def _py_uds() -> Iterator[Exchange]:
    import uds.can
    from uds.addressing import AddressingType
    from uds.can import CanAddressingInformation
    from uds.can.addressing import CanAddressingFormat
    from uds.message import UdsMessage

    addresses = CanAddressingInformation(
        addressing_format=CanAddressingFormat.NORMAL_ADDRESSING,
        rx_physical_params={"can_id": RESPONSE_ID},
        tx_physical_params={"can_id": REQUEST_ID},
        rx_functional_params={"can_id": 0x7DE},
        tx_functional_params={"can_id": 0x7DF},
    )
    # Version 4.2, which needs Python 3.12, has given it another name.
    name = "PythonCanTransportInterface" if hasattr(uds.can, "PythonCanTransportInterface") else "PyCanTransportInterface"
    with can.Bus(**ECU) as bus, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        transport = getattr(uds.can, name)(network_manager=bus, addressing_information=addresses)

        def exchange(pdu: bytes) -> bytes:
            transport.send_message(UdsMessage(payload=pdu, addressing_type=AddressingType.PHYSICAL))
            return bytes(transport.receive_message(start_timeout=TIMEOUT_S * 1000).payload)

        yield exchange
        transport.notifier.stop()


PYTHON_CAN = Peer("python-can alone", "Bus.send and Bus.recv, no ISO-TP, no UDS", 10_000, _python_can, time.process_time)
UDSONCAN = Peer("udsoncan with can-isotp", "Client.send_request over NotifierBasedCanStack", 200, _udsoncan)
PY_UDS = Peer("py-uds", "send_message and receive_message of its transport interface", 200, _py_uds)
PEERS = (PYTHON_CAN, UDSONCAN, PY_UDS)


def rate(peer: Peer, request: bytes) -> float:
    """Return a peer's exchanges a second with this request."""
    with peer.open() as exchange:
        exchange(request)
        started_s = peer.clock()
        for _ in range(peer.exchanges):
            answer = exchange(request)
        found = peer.exchanges / (peer.clock() - started_s)
    assert answer[:3] == bytes((0x62, *request[1:])), answer.hex()
    return found


if __name__ == "__main__":
    name, request_hex, runs = sys.argv[1:]
    [chosen] = [peer for peer in PEERS if peer.name == name]
    print(*(rate(chosen, bytes.fromhex(request_hex)) for _ in range(int(runs))))
