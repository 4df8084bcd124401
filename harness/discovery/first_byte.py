"""Find ECUs with an address in the first byte of the data: extended and mixed addressing of ISO 15765-2."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from harness.discovery.addresses import (
    ANSWER_S,
    FoundEcu,
    IdPair,
    Progress,
    Wire,
    ask,
    confirmed,
    heard_in,
    id_of,
    keeps_refusals_back,
)
from harness.discovery.probes import PROBES, Probe
from harness.discovery.usual_ids import Id
from harness.link.frame import Frame
from harness.link.isotp_frames import CLASSIC_BYTES

ADDRESSES: Final = range(0x100)
P2_S: Final = 0.05
"""The longest time in seconds between a request to an address and its answer, for an ECU that keeps the standard."""


class AddressedWire:
    """A bus on which the tester's frames begin with an address, and other frames' first byte is taken for one."""

    def __init__(self, wire: Wire, address: int) -> None:
        self._wire = wire
        self._address = bytes((address,))

    @property
    def now_s(self) -> float:
        """The bus's time."""
        return self._wire.now_s

    def send(self, frame: Frame) -> None:
        """Send a frame with the address before its data."""
        self._wire.send(replace(frame, address=self._address, data=frame.data[: CLASSIC_BYTES - 1]))

    def receive(self, until_s: float) -> Frame | None:
        """Return the next frame, with its first byte in `Frame.address`."""
        frame = self._wire.receive(until_s)
        if frame is None or frame.address or not frame.data:
            return frame
        return replace(frame, address=frame.data[:1], data=frame.data[1:])


@dataclass(frozen=True, slots=True)
class _Answered:
    """An address to which an ECU answers."""

    address: int
    pair: IdPair


def ecus_behind(
    link: Wire, requests: Sequence[Id], known: Collection[Id], *, named: Collection[Id], pace_s: float, progress: Progress
) -> Iterator[FoundEcu]:
    """Find ECUs that answer to frames on these ids with an address before the data; all 256 addresses are tried.

    A receiver without addresses reads such a frame at most as a request of service 01 to 0F, which only reads, or as the
    beginning of a message that never continues. For a request id that is `named`, answers on ids heard before count.
    """
    for request in requests:
        for probe in PROBES:
            search = _Search(link, request, set(known), probe, request in named, pace_s, progress)
            found = list(search.answered())
            if found:
                yield from _ecus(link, found)
                break


@dataclass(frozen=True, slots=True)
class _Search:
    """Sends one probe on one id with every address."""

    link: Wire
    request: Id
    known: set[Id]
    probe: Probe
    is_named: bool
    pace_s: float
    progress: Progress

    def answered(self) -> Iterator[_Answered]:
        """Yield each address at which the probe gets a standard answer every time."""
        for address in self._suspects():
            wire = AddressedWire(self.link, address)
            for pair in confirmed(wire, self.request, self.known, probe=self.probe, is_named=self.is_named):
                if pair.is_uds:
                    yield _Answered(address, pair)

    def _suspects(self) -> list[int]:
        """Return the addresses that were probed shortly before a possible answer was heard."""
        link, pace_s, progress = self.link, self.pace_s, self.progress
        suspects: dict[int, None] = {}
        recent: list[tuple[float, int]] = []
        what = f"asking 0x{self.request[0]:X} by {self.probe} behind each address"
        for address in (*ADDRESSES, None):
            if address is not None:
                if address % 64 == 0:
                    progress(what, address, len(ADDRESSES))
                recent.append((link.now_s, address))
                field = bytes((address,)) + self.probe.field
                link.send(Frame(self.request[0], field[:CLASSIC_BYTES], self.request[1]))
            for frame in heard_in(link, ANSWER_S if address is None else pace_s):
                if self._may_answer(frame):
                    since_s = link.now_s - P2_S - pace_s
                    suspects.update((one, None) for asked_s, one in recent if asked_s >= since_s)
        progress(what, len(ADDRESSES), len(ADDRESSES))
        return list(suspects)

    def _may_answer(self, frame: Frame) -> bool:
        if id_of(frame) not in self.known:
            return True
        return self.is_named and id_of(frame) != self.request and self.probe.is_answered_by(frame.data[1:])


def _ecus(link: Wire, found: Sequence[_Answered]) -> Iterator[FoundEcu]:
    """Yield one ECU per id that answers; if several addresses reach it, tell its own address from the functional one."""
    by_response: dict[Id, list[_Answered]] = {}
    for one in found:
        by_response.setdefault(one.pair.response, []).append(one)
    for response, together in by_response.items():
        quiet = [one for one in together if len(together) > 1 and _is_quiet(link, one)]
        speaking = [one for one in together if one not in quiet]
        own = min(speaking or together, key=lambda one: (one.address != response[0] & 0xFF, one.address))
        functional = next((one for one in quiet if one is not own), None)
        ecu = FoundEcu(own.pair)
        ecu.address, ecu.answer_address = own.address, _answer_address(link, own)
        ecu.is_mixed = ecu.answer_address == ecu.address
        ecu.takes_padded = own.pair.probe.is_padded
        if functional is not None:
            ecu.functional, ecu.functional_address = functional.pair.request, functional.address
        yield ecu


def _is_quiet(link: Wire, one: _Answered) -> bool:
    return keeps_refusals_back(AddressedWire(link, one.address), one.pair)


def _answer_address(link: Wire, one: _Answered) -> int | None:
    """Return the first byte of the ECU's answers."""
    wire = AddressedWire(link, one.address)
    heard = ask(wire, one.pair.request, one.pair.probe, wanted={one.pair.response})
    return next((frame.address[0] for frame, _ in heard if frame.address), None)
