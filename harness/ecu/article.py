"""Imitate the article's Raspberry Pi: do with a frame what the article's script does, mistakes included."""

import hashlib
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import can

from harness.ecu.answering_machine import UdsAnsweringMachine
from harness.ecu.rules import Surroundings
from harness.simulation.node import Port
from harness.uds import Service

SECRET: Final = 0x1234567890

_REQUEST_ID: Final = 0x740
_RESPONSE_ID: Final = 0x748
PERIODIC_IDS: Final = (0x07B, 0x07C, 0x07D)
"""The ids of the script's periodic frames: the decimal numbers 123 to 125, which the script writes in hex."""
PERIODIC_DATA: Final = bytes.fromhex("1122334455667788")
PERIOD_S: Final = 1.0

_OPEN_DID: Final = (0x10, 0x10)
_PROTECTED_DID: Final = (0x20, 0x20)
_UNWRITTEN: Final = 0xFF
_KEY_POSITIONS: Final = (0, 5, 9, 13)


class ArticleEcu:
    """The article's script without the bus: it turns the data field of a frame into the data field of its answer.

    The script ignores the PCI byte and the length. It prints what the original prints. `has_security_access` is false for
    the article's first script, without service 27.
    """

    def __init__(self, *, has_security_access: bool = True) -> None:
        self.has_security_access = has_security_access
        self._start()

    def attach(self, surroundings: Surroundings) -> None:
        """Start the script, with random bytes from these surroundings."""
        self._random_bytes = surroundings.random_bytes
        self._start()

    def power_cycle(self) -> None:
        """Start the script again; everything that it knew was in RAM, and is lost."""
        self._start()

    def _start(self) -> None:
        self._memory: dict[tuple[int, int], int] = {}
        self._security = 0
        self._seed = b""
        self._key: dict[str, int] = {}

    @property
    def is_unlocked(self) -> bool:
        """Whether the script permits a write of 2020."""
        return self._security != 0

    @property
    def pending_seed(self) -> bytes:
        """The last seed that was given; empty if none was given. The script itself keeps only the key."""
        return self._seed

    @property
    def pending_key(self) -> bytes:
        """The key that belongs to `pending_seed`."""
        return bytes(self._key.values())

    @property
    def values(self) -> dict[int, bytes]:
        """The value that 22 reads, by identifier."""
        return {did[0] << 8 | did[1]: bytes((self._memory.get(did, _UNWRITTEN),)) for did in (_OPEN_DID, _PROTECTED_DID)}

    def answer(self, pdu: bytes, *, is_functional: bool = False) -> list[bytes]:
        """Return the answer that a tester hears if it keeps to ISO 15765-2 and pads frames with zeros.

        The script gets only the first frame of a message longer than a single frame, and takes that frame for a request. The
        tester does not hear a response that is no valid single frame.
        """
        length = len(pdu)
        if is_functional or not length:
            return []
        if length <= 7:
            frame = bytes((length, *pdu)).ljust(8, b"\x00")
        elif length <= 0xFFF:
            frame = (0x1000 | length).to_bytes(2, "big") + pdu[:6]
        else:
            frame = b"\x10\x00" + length.to_bytes(4, "big") + pdu[:2]
        try:
            response = bytes(self.create_uds_response(frame))
        except (IndexError, KeyError):
            return []
        return [response[1 : response[0] + 1]] if 0 < response[0] < len(response) else []

    def create_uds_response(self, data: Sequence[int]) -> list[int]:
        """Return the data field of the answer to a frame with this data field.

        Raises IndexError if the frame is too short for the service that it names, KeyError if a key comes before any seed.
        """
        request = list(data)
        print(f"Received request data: {_hex_list(request)}")  # once a frame: one text, not four
        response = None
        sid = request[1]
        if sid == Service.READ_DATA_BY_IDENTIFIER:
            response = self._read(request)
        elif sid == Service.WRITE_DATA_BY_IDENTIFIER:
            response = self._write(request)
        elif sid == Service.SECURITY_ACCESS and self.has_security_access:
            if request[2] == 0x01:
                response = self._give_seed()
            elif request[2] == 0x02:
                response = self._check_key(request)
        return response or [0x7F, request[0], 0x31]

    def _read(self, request: list[int]) -> list[int] | None:
        for did in (_OPEN_DID, _PROTECTED_DID):
            if _asks_for(request, did):
                return [0x04, 0x62, *did, self._memory.get(did, _UNWRITTEN), 0x00, 0x00, 0x00]
        return None

    def _write(self, request: list[int]) -> list[int] | None:
        if _asks_for(request, _OPEN_DID):
            return self._store(_OPEN_DID, request)
        if not _asks_for(request, _PROTECTED_DID):
            return None
        if self.has_security_access:
            print(self._security)
        if self._security == 0:
            return [0x03, 0x7F, 0x2E, 0x33, 0x00, 0x00, 0x00, 0x00]
        return self._store(_PROTECTED_DID, request)

    def _store(self, did: tuple[int, int], request: list[int]) -> list[int]:
        self._memory[did] = request[4] if len(request) > 4 else 0x00
        return [0x03, 0x6E, *did, 0x00, 0x00, 0x00, 0x00]

    def _give_seed(self) -> list[int]:
        seed = self._seed = self._random_bytes(5)
        seed_number = int.from_bytes(seed, "big")
        mixed = seed_number ^ SECRET
        digest = hashlib.sha256(mixed.to_bytes(5, "big")).digest()[:16]
        self._key = {f"byte_{position}": digest[position] for position in _KEY_POSITIONS}
        print("Random Seed (40 bits):", seed_number)
        print("Prekey (40 bits):", SECRET)
        print("XOR Result:", mixed)
        print("SHA-128 Output:", digest)
        print("Key Bytes:", self._key)
        print("Key Bytes (Hex):", _hex_list(self._key.values()))
        return [0x07, 0x67, 0x01, *seed]

    def _check_key(self, request: list[int]) -> list[int]:
        received = {f"byte_{position}": request[3 + index] for index, position in enumerate(_KEY_POSITIONS)}
        if all(received[name] == self._key[name] for name in received):
            self._security = 1
            print(self._security)
            return [0x02, 0x67, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00]
        return [0x02, 0x27, 0x35, 0x00, 0x00, 0x00, 0x00, 0x00]


class ArticleNode:
    """The script on the bus, after Start was pressed: it hears 0x740 with 11 or 29 bits, and answers with a 29-bit id."""

    request_id = _REQUEST_ID
    response_id = _RESPONSE_ID

    def __init__(self, ecu: ArticleEcu) -> None:
        self.ecu = ecu
        self.sends_periodically = True
        """Whether this node sends the script's three periodic frames; if not, another node or no node sends them."""
        self.machine = UdsAnsweringMachine(ecu)

    @property
    def image(self) -> bytes:
        """What the Pi's file system contains of the ECU: its script, for which the text of this file stands."""
        return Path(__file__).read_bytes()

    def attach(self, port: Port) -> None:
        """Start the script, and send the first periodic frames at once."""
        self._port = port
        self.ecu.attach(port)
        self._start_sending()

    def power_cycle(self) -> None:
        """Start the script again, after the bus has dropped this node's timers and waiting frames."""
        self.ecu.power_cycle()
        self._start_sending()

    def on_frame(self, frame: can.Message) -> None:
        """Answer a frame; if the frame makes the script fail, swallow the error and send nothing."""
        if frame.arbitration_id != _REQUEST_ID or frame.is_fd:  # a classic socket sees no FD frames
            return
        try:
            response = self.ecu.create_uds_response(frame.data)
        except (IndexError, KeyError):
            return
        self._port.send(can.Message(arbitration_id=_RESPONSE_ID, data=response))

    def _start_sending(self) -> None:
        for can_id in PERIODIC_IDS:
            self._send_periodically(can_id)

    def _send_periodically(self, can_id: int) -> None:
        if self.sends_periodically:
            self._port.send(can.Message(arbitration_id=can_id, data=PERIODIC_DATA))
        self._port.call_later(PERIOD_S, partial(self._send_periodically, can_id))


def _asks_for(request: list[int], did: tuple[int, int]) -> bool:
    """Whether the frame names the identifier `did`.

    As in the script, the second byte is read only if the first byte fits. Raises IndexError if a byte to read is missing.
    """
    return request[2] == did[0] and request[3] == did[1]


_HEX: Final = tuple(f"0x{octet:02X}" for octet in range(0x100))


def _hex_list(octets: Iterable[int]) -> str:
    return ", ".join([_HEX[octet] for octet in octets])
