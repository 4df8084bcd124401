"""Define the requests that find an ECU. None of them changes anything; some ECUs answer only the later ones."""

from dataclasses import dataclass

from harness.uds import NEGATIVE_RESPONSE, RESPONSE_OFFSET, Service

PAD = 0x00
SINGLE_FRAME_BYTES = 8


@dataclass(frozen=True, slots=True)
class Probe:
    """A request in one frame."""

    request: bytes
    is_padded: bool = True
    """Whether the frame is padded to 8 bytes. Some ECUs accept only padded frames, others only unpadded ones."""

    @property
    def field(self) -> bytes:
        """The frame's data field."""
        data = bytes((len(self.request),)) + self.request
        return data.ljust(SINGLE_FRAME_BYTES, bytes((PAD,))) if self.is_padded else data

    def is_repeated_by(self, field: bytes) -> bool:
        """Whether a data field is the probe itself, which a gateway may repeat under another id."""
        return field[: len(self.request) + 1] == self.field[: len(self.request) + 1]

    def is_answered_by(self, field: bytes) -> bool:
        """Whether a data field holds, or begins, an answer that the standard defines for the probe."""
        if not field:
            return False
        is_first_frame = field[0] >> 4 == 1
        message = field[2:] if is_first_frame else field[1 : 1 + field[0]]
        service = self.request[0]
        positive = bytes((service + RESPONSE_OFFSET, *self.request[1:]))
        shared = min(len(message), len(positive))  # some answer TesterPresent with one byte
        is_positive = shared > 0 and message[:shared] == positive[:shared]
        return is_positive or message[:2] == bytes((NEGATIVE_RESPONSE, service))

    def __str__(self) -> str:
        return self.request.hex(" ").upper() + ("" if self.is_padded else " (a short frame)")


TESTER_PRESENT = Probe(bytes((Service.TESTER_PRESENT, 0x00)))
_REQUESTS = (TESTER_PRESENT.request, b"\x10\x01", b"\x22\xf1\x90", b"\x22\xf1\x86")
PROBES = (*(Probe(request) for request in _REQUESTS), *(Probe(request, is_padded=False) for request in _REQUESTS))
"""All probes, in the order in which they are tried until an ECU answers."""

SECOND = Probe(b"\x22\xf1\x90")
"""The probe for ECUs that did not answer the first probe; it is sent on usual ids even if other ECUs were found."""

DISOWNED = (b"\x1e", b"\x22\x5a\x5b", b"\x3e\x7e")
"""Requests for a service, an identifier and a sub-function that hardly any ECU has; functional ones must not be refused."""
