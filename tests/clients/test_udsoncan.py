"""Prove that udsoncan with can-isotp talks to our ECUs through ``can.Bus(interface="uds-sim")``."""

import hashlib
import hmac
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import can
import isotp
import pytest
import udsoncan
from udsoncan.client import Client
from udsoncan.connections import PythonIsoTpConnection
from udsoncan.exceptions import NegativeResponseException, TimeoutException
from udsoncan.Response import Response

REQUEST_ID, RESPONSE_ID = 0x740, 0x748
LEVEL = 0x01
HARDENED_SECRET = bytes.fromhex("8F1D5A20C4B97E3364F0A81B96D2075C")

ARTICLE_ADDRESS = isotp.AsymmetricAddress(
    tx_addr=isotp.Address(isotp.AddressingMode.Normal_11bits, txid=REQUEST_ID, tx_only=True),
    rx_addr=isotp.Address(isotp.AddressingMode.Normal_29bits, rxid=RESPONSE_ID, rx_only=True),
)
"""The addresses of the article's ECU, which answers with 29-bit ids."""

PLAIN_ADDRESS = isotp.Address(isotp.AddressingMode.Normal_11bits, txid=REQUEST_ID, rxid=RESPONSE_ID)


class Whole(udsoncan.DidCodec):
    """A codec that leaves the value of a DID as it is."""

    def __init__(self, length: int) -> None:
        self._length = length

    def __len__(self) -> int:
        return self._length

    def encode(self, *values: Any) -> bytes:
        return bytes(values[0])

    def decode(self, string_bin: bytes) -> bytes:
        return bytes(string_bin)


def article_key(seed: bytes) -> bytes:
    """Compute the key as the article's text describes it."""
    mixed = (int.from_bytes(seed, "big") ^ 0x1234567890).to_bytes(5, "big")
    digest = hashlib.sha256(mixed).digest()[:16]
    return bytes(digest[position] for position in (0, 5, 9, 13))


def hardened_key(seed: bytes, level: int) -> bytes:
    return hmac.new(HARDENED_SECRET, seed + bytes((level,)), hashlib.sha256).digest()[:16]


CONFIG = {
    **udsoncan.configs.default_client_config,
    "data_identifiers": {0x1010: Whole(1), 0x2020: Whole(1), 0xF1A0: Whole(97), 0xF18C: Whole(16)},
    "request_timeout": 120,  # a busy machine is no fault of the ECU
    "p2_timeout": 60,
    "use_server_timing": False,
}

STACKS = ["NotifierBasedCanStack", "CanStack"]


@pytest.fixture(params=STACKS)
def stack_name(request: pytest.FixtureRequest) -> str:
    """Each of the two ways in which can-isotp reads a python-can bus."""
    return str(request.param)


@pytest.fixture
def hands() -> Iterator[ExitStack]:
    """An exit stack that closes whatever a test opened, in the right order."""
    with ExitStack() as stack:
        yield stack


def connect(hands: ExitStack, stack_name: str, profile: str, address: Any, **config: Any) -> Client:
    bus = hands.enter_context(can.Bus(interface="uds-sim", channel=profile))
    params = {"tx_padding": 0x00, "stmin": 0, "blocksize": 0, "blocking_send": False}
    if stack_name == "CanStack":
        stack: Any = isotp.CanStack(bus, address=address, params=params)
    else:
        notifier = hands.enter_context(can.Notifier(bus, [], timeout=0.1))
        stack = isotp.NotifierBasedCanStack(bus, notifier, address=address, params=params)
    return hands.enter_context(Client(PythonIsoTpConnection(stack), config={**CONFIG, **config}))


def value_of(client: Client, did: int) -> bytes:
    response = client.read_data_by_identifier([did])
    assert response is not None
    return bytes(response.service_data.values[did])


def refusal_of(client: Client, did: int, value: bytes) -> int:
    with pytest.raises(NegativeResponseException) as caught:
        client.write_data_by_identifier(did, value)
    return caught.value.response.code or 0


@pytest.fixture
def article(hands: ExitStack, stack_name: str) -> Client:
    return connect(hands, stack_name, "article", ARTICLE_ADDRESS, security_algo=lambda seed: article_key(seed))


@pytest.fixture
def hardened(hands: ExitStack, stack_name: str) -> Client:
    return connect(hands, stack_name, "hardened", PLAIN_ADDRESS, security_algo=lambda seed, level: hardened_key(seed, level))


# --- the article's ECU ---


def test_the_article_is_read(article: Client) -> None:
    assert value_of(article, 0x1010) == value_of(article, 0x2020) == b"\xff"


def test_the_article_refuses_the_protected_value_while_locked(article: Client) -> None:
    assert refusal_of(article, 0x2020, b"\x55") == Response.Code.SecurityAccessDenied == 0x33
    assert value_of(article, 0x2020) == b"\xff"


def test_the_article_is_unlocked_written_and_read_back(article: Client) -> None:
    article.unlock_security_access(LEVEL)
    article.write_data_by_identifier(0x2020, b"\x55")
    assert value_of(article, 0x2020) == b"\x55"


def test_the_articles_open_value_is_written_and_read_back(article: Client) -> None:
    article.write_data_by_identifier(0x1010, b"\xaa")
    assert value_of(article, 0x1010) == b"\xaa"


def test_a_client_that_expects_11_bits_does_not_hear_the_article(hands: ExitStack) -> None:
    client = connect(hands, "CanStack", "article", PLAIN_ADDRESS, request_timeout=0.1, p2_timeout=0.1)
    with pytest.raises(TimeoutException):
        value_of(client, 0x1010)


def test_the_article_is_one_ecu_per_bus(hands: ExitStack) -> None:
    one, other = (connect(hands, "NotifierBasedCanStack", "article", ARTICLE_ADDRESS) for _ in range(2))
    one.write_data_by_identifier(0x1010, b"\x01")
    assert (value_of(one, 0x1010), value_of(other, 0x1010)) == (b"\x01", b"\xff")


# --- the hardened ECU: seeds and keys of 16 bytes, so messages of several frames both ways ---


def test_the_hardened_ecu_is_read(hardened: Client) -> None:
    assert value_of(hardened, 0x2020) == b"\xff"
    assert value_of(hardened, 0xF18C) == b"UDS-HARNESS-0001"
    assert value_of(hardened, 0xF1A0) == bytes(range(97))


def test_the_hardened_ecu_refuses_the_protected_value_while_locked(hardened: Client) -> None:
    hardened.change_session(3)
    assert refusal_of(hardened, 0x2020, b"\x55") == 0x33


def test_the_hardened_ecu_is_unlocked_written_and_read_back(hardened: Client) -> None:
    hardened.change_session(3)
    hardened.unlock_security_access(LEVEL)
    hardened.write_data_by_identifier(0x2020, b"\x55")
    assert value_of(hardened, 0x2020) == b"\x55"
    hardened.tester_present()


def test_the_hardened_ecu_refuses_a_wrong_key(hardened: Client) -> None:
    hardened.change_session(3)
    response = hardened.request_seed(LEVEL)
    assert response is not None
    seed = response.service_data.seed
    assert len(seed) == 16
    with pytest.raises(NegativeResponseException) as caught:
        hardened.send_key(LEVEL, hardened_key(seed, 3))
    assert caught.value.response.code == Response.Code.InvalidKey == 0x35
