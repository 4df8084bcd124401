"""Prove that the ECU answers Scapy's packets like plain bytes, on any Scapy socket."""

import random
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from scapy.ansmachine import AnsweringMachine
from scapy.contrib.automotive.uds import UDS, UDS_RDBI, UDS_RDBIPR
from scapy.contrib.cansocket_python_can import PythonCANSocket
from scapy.contrib.isotp import ISOTPSoftSocket
from scapy.packet import Packet, Raw

from harness.ecu.answering_machine import AnsweringEcu, UdsAnsweringMachine
from harness.ecu.flaws import FLAWS
from harness.ecu.keys import article_key
from harness.ecu.profiles import ARTICLE_SECRETS, HARDENED, PROFILES, factory
from harness.ecu.rules import EcuDied
from harness.ecu.server import Server
from harness.tester.dialects import DIALECTS

from .bench import FakePort

ROUNDS = 50
GIVE_UP_S = 30
OF_UDS = [name for name in PROFILES if name not in DIALECTS]
"""The profiles that understand the conversation below."""
CHANNELS = [*OF_UDS, *(f"{flaw.base}+{flaw.name}" for flaw in FLAWS.values())]
ERRANDS = """
    10 03, 27 01, KEY, 2E 2020 99, 22 2020     10 03, 27 03, KEY, 2E 3030 0102, 27 03, 27 01
    27 01, 27 02 11, KEY                       27 01, KEY, KEY, 27 01, KEY
    10 02, 27 81, KEY                          10 83, 27 01, 2E 2020 77, 10 03, 2E 2020 78
    27 01, 27 02 11223344                      27 02 00000000000000000000000000000000
    27 01, 27 02 11223344556677889900112233445566, KEY
    27 03, 27 02 FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF, 27 04 FFFFFFFF
    10 01    10 7E    11 01    3E 00    3E 80    3E 05    27    27 7D    27 01 00    27 02
    22 1010    22 F18C    22 F1A0    22 1010 FFFF 2020    22 FFFF    22    22 10
    2E 1010 5A    2E 2020 99    2E 2020 9999    2E 3030 FFFF    2E FFFF 00    2E 20
    BA 00    83 01    00    7F 22 31    31 01 FF00
"""


def conversation(seed: int) -> Iterator[tuple[str, float]]:
    """Return requests, sensible and not, each with the seconds that pass before it."""
    chance = random.Random(seed)
    errands = [errand.split(", ") for errand in re.split(r"\s{2,}", ERRANDS.strip())]
    for _ in range(ROUNDS):
        for request in chance.choice(errands):
            yield request, chance.choice((*[0.06] * 40, 0.001, 1.0, 6.0, 11.0))
        yield chance.randbytes(chance.randint(1, 12)).hex(), 0.06


def right_key(ecu: AnsweringEcu, level: int, seed: bytes) -> bytes:
    """Return the request that answers a seed with its key."""
    if isinstance(ecu, Server):
        return bytes((0x27, level + 1)) + ecu.levels[level].key(seed, level)
    return bytes((0x27, level + 1)) + article_key(seed, level, secret=ARTICLE_SECRETS[1])


def through_bytes(machine: UdsAnsweringMachine, request: bytes) -> list[bytes]:
    return machine.answer(request)


def through_packets(machine: UdsAnsweringMachine, request: bytes) -> list[bytes]:
    return [bytes(reply) for reply in machine.make_reply(UDS(request))]


@pytest.mark.parametrize("channel", CHANNELS)
def test_both_doors_give_the_same_bytes(channel: str) -> None:
    machines: list[UdsAnsweringMachine] = []
    ports = []
    for _ in range(2):
        [node] = factory(channel)()
        ports.append(FakePort(seed=7))
        node.attach(ports[-1])
        machines.append(node.machine)  # type: ignore[attr-defined]
    key = b"\x27\x02"
    heard = set()
    for text, pause_s in conversation(seed=1):
        request = key if text == "KEY" else bytes.fromhex(text)
        outcomes: list[list[bytes]] = []
        for machine, port, door in zip(machines, ports, (through_bytes, through_packets), strict=True):
            port.now_s += pause_s
            try:
                outcomes.append(door(machine, request))
            except EcuDied:
                outcomes.append([b"dead"])
                machine.ecu.power_cycle()
        assert outcomes[0] == outcomes[1], request.hex(" ")
        for answer in outcomes[0]:
            heard.add(answer[:2])
            if answer[:2] in (b"\x67\x01", b"\x67\x03"):
                key = right_key(machines[0].ecu, answer[1], answer[2:])
    # The conversation got somewhere: it unlocked, and wrote.
    assert (b"\x67\x02" in heard) == (channel != "article-v1")
    assert b"\x6e\x10" in heard


def test_both_doors_give_the_same_bytes_when_answers_are_pending() -> None:
    machine = UdsAnsweringMachine(Server(replace(HARDENED, pending_services=frozenset((0x22,)))))
    assert through_bytes(machine, b"\x22\x10\x10") == through_packets(machine, b"\x22\x10\x10")
    assert len(through_packets(machine, b"\x22\x10\x10")) == 2


def ecu() -> Server:
    return Server(HARDENED)


def test_request_built_of_layers_is_understood() -> None:
    replies = UdsAnsweringMachine(ecu()).make_reply(UDS() / UDS_RDBI(identifiers=[0x2020]))
    assert [reply[UDS_RDBIPR].dataIdentifier for reply in replies] == [0x2020]


def test_packet_that_is_not_uds_is_ignored() -> None:
    sent: list[Packet] = []
    machine = UdsAnsweringMachine(ecu())
    machine.reply(Raw(b"\x22\x10\x10"), send_function=sent.append)
    assert sent == []
    machine.reply(UDS(b"\x22\x10\x10"), send_function=sent.append)
    assert [bytes(reply) for reply in sent] == [b"\x62\x10\x10\xff"]


def test_silence_sends_nothing() -> None:
    sent: list[Packet] = []
    UdsAnsweringMachine(ecu()).reply(UDS(b"\x3e\x80"), send_function=sent.append)
    assert sent == []


def test_nothing_is_printed_unless_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    sent: list[Packet] = []
    UdsAnsweringMachine(ecu()).reply(UDS(b"\x3e\x00"), send_function=sent.append)
    assert capsys.readouterr().out == ""
    UdsAnsweringMachine(ecu(), verbose=True).reply(UDS(b"\x3e\x00"), send_function=sent.append)
    assert "UDS_TPPR" in capsys.readouterr().out


@pytest.fixture
def sockets() -> Iterator[list[ISOTPSoftSocket]]:
    """Four sockets: the tester's; the ECU's; the tester's for requests to all ECUs; the ECU's that receives these."""
    buses = []
    opened = []
    for tx_id, rx_id in ((0x740, 0x748), (0x748, 0x740), (0x7DF, 0x7F0), (0x7F1, 0x7DF)):
        filters = [{"can_id": rx_id, "can_mask": 0x7FF}]
        bus = PythonCANSocket(interface="virtual", channel="uds-answering-machine", can_filters=filters)  # type: ignore[arg-type]
        buses.append(bus)
        opened.append(ISOTPSoftSocket(bus, tx_id=tx_id, rx_id=rx_id, basecls=UDS))
    yield opened
    for socket in (*opened, *buses):  # a CAN socket left to the garbage collector can deadlock Scapy 2.8.0
        socket.close()


def test_machine_answers_on_scapys_own_sockets(sockets: list[ISOTPSoftSocket]) -> None:
    tester, ecu_socket, to_all, from_all = sockets
    sniffer = UdsAnsweringMachine(ecu(), ecu_socket, from_all).bg()
    answers = []
    try:
        for request in ("22 1010", "BA 00", "22 F1A0"):
            answer = tester.sr1(UDS(bytes.fromhex(request)), timeout=GIVE_UP_S, verbose=False)
            answers.append(answer and bytes(answer)[:3].hex(" "))
        to_all.send(UDS(b"\x22\x20\x20"))
        answers += [bytes(packet)[:3].hex(" ") for packet in tester.sniff(count=1, timeout=GIVE_UP_S)]
    finally:
        sniffer.stop()
    assert answers == ["62 10 10", "7f ba 11", "62 f1 a0", "62 20 20"]


def test_functional_request_is_known_by_its_socket(sockets: list[ISOTPSoftSocket]) -> None:
    _, ecu_socket, _, from_all = sockets
    machine = UdsAnsweringMachine(ecu(), ecu_socket, from_all)
    request = UDS(b"\xba\x00")
    for socket, answers in ((ecu_socket, 1), (from_all, 0)):
        request.sniffed_on = machine.defoptsniff["opened_socket"][socket]
        assert len(machine.make_reply(request)) == answers


def test_socket_makes_a_machine_of_its_own(sockets: list[ISOTPSoftSocket]) -> None:
    tester, ecu_socket, _, _ = sockets
    ecu_socket.am(UdsAnsweringMachine, ecu=ecu()).reply(UDS(b"\x3e\x00"))
    assert [bytes(packet) for packet in tester.sniff(count=1, timeout=GIVE_UP_S)] == [b"\x7e\x00"]


def test_other_answering_machines_are_left_alone(sockets: list[ISOTPSoftSocket]) -> None:
    UdsAnsweringMachine(ecu(), sockets[1])(timeout=0.01)  # it returns: the time is over
    assert AnsweringMachine.sniff_options == UdsAnsweringMachine.sniff_options == {"store": 0}


def test_what_other_answering_machines_leave_behind_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(AnsweringMachine.sniff_options, "timeout", 3)  # what Scapy's EcuAnsweringMachine does
    assert "timeout" not in UdsAnsweringMachine(ecu()).defoptsniff
