"""Prove that Scapy's own ISO-TP sockets talk to our ECUs through ``can.Bus(interface="uds-sim")``."""

import hashlib
import hmac
import logging
from collections.abc import Callable, Iterator

import pytest
from scapy.contrib.automotive.uds import UDS, UDS_DSC, UDS_RDBI, UDS_SA, UDS_WDBI
from scapy.contrib.cansocket_python_can import PythonCANSocket
from scapy.contrib.isotp import ISOTPSoftSocket
from scapy.packet import Packet, Raw

GIVE_UP_S = 60
"""The seconds after which an answer counts as missing: long, since a busy machine is no fault of the ECU."""
HARDENED_SECRET = bytes.fromhex("8F1D5A20C4B97E3364F0A81B96D2075C")

Ask = Callable[[Packet], Packet]


@pytest.fixture
def ask() -> Iterator[Callable[[str], Ask]]:
    """A function that opens a profile, and returns a function that sends a request and returns the answer as UDS."""
    logging.getLogger("scapy.runtime").setLevel(logging.ERROR)
    opened: list[ISOTPSoftSocket | PythonCANSocket] = []

    def open_profile(profile: str) -> Ask:
        filters = [{"can_id": 0x748, "can_mask": 0x7FF}]
        below = PythonCANSocket(interface="uds-sim", channel=profile, can_filters=filters)  # type: ignore[arg-type]
        above = ISOTPSoftSocket(below, tx_id=0x740, rx_id=0x748, padding=True, basecls=UDS)
        opened.extend((above, below))

        def ask(packet: Packet) -> Packet:
            answer = above.sr1(packet, timeout=GIVE_UP_S, verbose=False)
            assert answer is not None
            return answer

        return ask

    yield open_profile
    for socket in opened:  # a CAN socket left to the garbage collector can deadlock Scapy 2.8.0
        socket.close()


def read(did: int) -> Packet:
    return UDS() / UDS_RDBI(identifiers=[did])


def write(did: int, value: bytes) -> Packet:
    return UDS() / UDS_WDBI(dataIdentifier=did) / Raw(value)


def article_key(seed: bytes) -> bytes:
    """Compute the key as the article's text describes it."""
    mixed = (int.from_bytes(seed, "big") ^ 0x1234567890).to_bytes(5, "big")
    digest = hashlib.sha256(mixed).digest()[:16]
    return bytes(digest[position] for position in (0, 5, 9, 13))


def hardened_key(seed: bytes) -> bytes:
    return hmac.new(HARDENED_SECRET, seed + b"\x01", hashlib.sha256).digest()[:16]


def unlock(ask: Ask, key_of: Callable[[bytes], bytes]) -> bytes:
    """Request a seed, send its key, and return the ECU's answer to the key."""
    seed = bytes(ask(UDS() / UDS_SA(securityAccessType=1)).securitySeed)
    return bytes(ask(UDS() / UDS_SA(securityAccessType=2, securityKey=key_of(seed))))


def test_the_article_is_read_and_refuses_the_protected_value(ask: Callable[[str], Ask]) -> None:
    article = ask("article")
    assert [bytes(article(read(did))).hex() for did in (0x1010, 0x2020)] == ["621010ff", "622020ff"]
    answer = article(write(0x2020, b"\x55"))
    assert (answer.service, answer.requestServiceId, answer.negativeResponseCode) == (0x7F, 0x2E, 0x33)


def test_the_article_is_unlocked_written_and_read_back(ask: Callable[[str], Ask]) -> None:
    article = ask("article")
    assert unlock(article, article_key) == b"\x67\x02"
    assert bytes(article(write(0x2020, b"\x55"))) == b"\x6e\x20\x20"
    assert bytes(article(read(0x2020))) == b"\x62\x20\x20\x55"


def test_the_hardened_ecu_is_read_in_many_frames(ask: Callable[[str], Ask]) -> None:
    answer = ask("hardened")(read(0xF1A0))
    assert bytes(answer) == b"\x62\xf1\xa0" + bytes(range(97))


def test_the_hardened_ecu_is_unlocked_written_and_read_back(ask: Callable[[str], Ask]) -> None:
    hardened = ask("hardened")
    assert hardened(UDS() / UDS_DSC(diagnosticSessionType=3)).service == 0x50
    assert hardened(write(0x2020, b"\x55")).negativeResponseCode == 0x33
    assert unlock(hardened, hardened_key) == b"\x67\x02"
    assert bytes(hardened(write(0x2020, b"\x55"))) == b"\x6e\x20\x20"
    assert bytes(hardened(read(0x2020))) == b"\x62\x20\x20\x55"
