"""Which ids does an ECU listen to, and on which does it answer? Asks TesterPresent of one id after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from harness.discovery.usual_ids import EVERYBODYS_IDS, Id, strangeness
from harness.link.frame import Frame
from harness.uds import NEGATIVE_RESPONSE, RESPONSE_OFFSET, Service

TESTER_PRESENT = bytes((0x02, Service.TESTER_PRESENT, 0x00))
UNSUPPORTED = b"\x01\x1e"
"""A service that no edition of the standard assigns: to a functional request an ECU keeps 0x11 to itself."""

PAD = 0x00
BASELINE_S = 2.2
"""Two periods of the slowest usual cyclic message."""
ANSWER_S = 0.2
"""P2 and what adapters add: so late an answer may still come."""
LATE_ANSWER_S = 2.0
"""How long an ECU that keeps no P2 is waited for."""
CONFIRMATIONS = 3


@dataclass(frozen=True, slots=True)
class Pair:
    """An id that is asked and the id that answers."""

    request: Id
    response: Id
    answer: bytes
    """The data field of the answer to TesterPresent."""
    latency_s: float

    @property
    def filling(self) -> str:
        """How the answer's single frame is filled up behind its content, in words; empty where it is no single frame."""
        size = self.answer[0] if self.answer else 0
        if not 0 < size < 8 or len(self.answer) <= size:
            return ""
        rest = set(self.answer[size + 1 :])
        if not rest:
            return "as short as its content"
        return f"filled up with 0x{rest.pop():02X}" if len(rest) == 1 else "filled up with bytes that differ"

    @property
    def is_uds(self) -> bool:
        """Whether the answer is one that the standard gives to TesterPresent."""
        positive = bytes((0x02, Service.TESTER_PRESENT + RESPONSE_OFFSET, 0x00))
        negative = bytes((0x03, NEGATIVE_RESPONSE, Service.TESTER_PRESENT))
        return self.answer[:3] in (positive, negative)


@dataclass(slots=True)
class Ecu:
    """One ECU: the pair of ids that it is best spoken to on, and what else leads to it."""

    pair: Pair
    aliases: list[Pair] = field(default_factory=list)
    """Other ids that are answered on the same id: gateways, and the same number in the other format."""
    mirrors: list[Pair] = field(default_factory=list)
    """Other ids on which the same answers appear."""
    connections: list[Pair] = field(default_factory=list)
    """Other pairs of ids behind which the same ECU stands, as for a second tester."""
    functional: Id | None = None
    is_quiet_on_functional: bool = True
    """Whether it keeps refusals of unknown services to itself there, as is the rule."""
    takes_unpadded: bool | None = None
    takes_fd: bool | None = None
    """Whether CAN FD frames are answered; None: not asked."""
    answers_in_fd: bool | None = None


@dataclass(frozen=True, slots=True)
class Survey:
    """What a bus holds."""

    ecus: tuple[Ecu, ...]
    traffic: dict[Id, int]
    """Ids that were heard before anything was asked, and how often."""
    asked: int
    """How many ids were asked."""
    unsure: tuple[str, ...] = ()
    """What was seen and could not be explained, in sentences."""


class Wire(Protocol):
    """What a survey needs of a bus."""

    @property
    def now_s(self) -> float:
        """The bus's time."""

    def send(self, frame: Frame) -> None:
        """Hand a frame over. LinkError: the adapter refuses it."""

    def receive(self, until_s: float) -> Frame | None:
        """The next frame of another node, or None when it is `until_s`. LinkError: the adapter failed."""


Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""


def survey(link: Wire, candidates: Iterable[Id], *, pace_s: float, progress: Progress) -> Survey:
    """Listen, ask every candidate once, and make sure of whatever seemed to answer.

    Ids that were heard before are not asked: they are other nodes' own. LinkError: the adapter fails.
    """
    traffic = listen(link, BASELINE_S)
    known = set(traffic)
    wanted = [one for one in candidates if one not in traffic]
    asking = _Asking(link, known, pace_s, progress)
    pairs: list[Pair] = []
    suspects = asking.everything(wanted)
    for patience_s in (ANSWER_S, LATE_ANSWER_S):
        if suspects and not pairs:
            for request in asking.narrowed(suspects, patience_s):
                pairs += confirmed(link, request, known, patience_s)
    unsure: tuple[str, ...] = ()
    if suspects and not pairs:
        unsure = ("Frames came after requests, but not each time that these were repeated.",)
    for number, is_long in {pair.request for pair in pairs}:
        other_format = (number, not is_long)
        if number < 0x800 and other_format not in traffic:
            pairs += confirmed(link, other_format, known)
    ecus = _ecus(link, pairs)
    for ecu in ecus:
        ecu.takes_unpadded = _says(link, ecu.pair, TESTER_PRESENT, pad=False)
    return Survey(tuple(ecus), traffic, len(wanted), unsure)


def listen(link: Wire, seconds: float) -> dict[Id, int]:
    """How often each id is heard in the next seconds."""
    return dict(Counter(_id(frame) for frame in _heard(link, seconds)))


def _heard(link: Wire, seconds: float) -> Iterator[Frame]:
    """Every frame of other nodes in the next seconds."""
    until_s = link.now_s + seconds
    while (frame := link.receive(until_s)) is not None:
        yield frame
        if link.now_s >= until_s:
            break


class _Asking:
    """Many ids asked in a row; what is heard meanwhile may answer any of the last ones."""

    def __init__(self, link: Wire, known: set[Id], pace_s: float, progress: Progress) -> None:
        self._link = link
        self._known = known
        self._pace_s = pace_s
        self._progress = progress

    def everything(self, wanted: list[Id]) -> list[Id]:
        """Ask all; returns those that were asked not long before something new was heard."""
        suspects: dict[Id, None] = {}
        recent: list[tuple[float, Id]] = []
        for done, request in enumerate(wanted):
            if done % 64 == 0:
                self._progress("asking ids", done, len(wanted))
            recent = [(asked_s, one) for asked_s, one in recent if self._link.now_s - asked_s <= LATE_ANSWER_S]
            if self._hears_after([request], self._pace_s):
                suspects.update(dict.fromkeys(one for _, one in recent))
                suspects[request] = None
            recent.append((self._link.now_s, request))
        if self._hears_after([], LATE_ANSWER_S):
            suspects.update(dict.fromkeys(one for _, one in recent))
        self._progress("asking ids", len(wanted), len(wanted))
        return list(suspects)

    def narrowed(self, suspects: list[Id], patience_s: float) -> list[Id]:
        """Those that really are answered: halves of the suspects are asked, and halves of what is answered again."""
        if not self._hears_after(suspects, patience_s):
            return []
        if len(suspects) == 1:
            return suspects
        middle = len(suspects) // 2
        return self.narrowed(suspects[:middle], patience_s) + self.narrowed(suspects[middle:], patience_s)

    def _hears_after(self, requests: list[Id], patience_s: float) -> bool:
        """Whether anything new is heard while these are asked, or soon after."""
        has_heard = False
        for number, request in enumerate(requests, 1):
            self._link.send(_frame(request, TESTER_PRESENT))
            is_last = number == len(requests)
            has_heard |= self._hears(patience_s if is_last else self._pace_s)
        return has_heard if requests else self._hears(patience_s)

    def _hears(self, seconds: float) -> bool:
        heard = list(_heard(self._link, seconds))
        return any(_id(frame) not in self._known and frame.data[:3] != TESTER_PRESENT for frame in heard)


def confirmed(link: Wire, request: Id, known: set[Id], patience_s: float = ANSWER_S) -> list[Pair]:
    """The ids that answer this one every time it is asked, and never unasked; the first to answer first."""
    always: dict[Id, Pair] = {}
    for attempt in range(CONFIRMATIONS):
        unasked = set(listen(link, patience_s / 2))
        answers = ask(link, request, TESTER_PRESENT, patience_s=patience_s)
        found = {
            _id(frame): Pair(request, _id(frame), frame.data, latency_s)
            for frame, latency_s in reversed(answers)
            if _id(frame) not in known | unasked and frame.data[:3] != TESTER_PRESENT
        }
        always = found if not attempt else {one: pair for one, pair in always.items() if one in found}
    return sorted(always.values(), key=lambda pair: pair.latency_s)


def ask(
    link: Wire,
    request: Id,
    message: bytes,
    *,
    pad: bool = True,
    wanted: set[Id] | None = None,
    patience_s: float = ANSWER_S,
) -> list[tuple[Frame, float]]:
    """What is heard after a single frame, with the time since it was handed over."""
    while link.receive(0.0) is not None:
        pass
    link.send(_frame(request, message, pad=pad))
    sent_s = link.now_s
    return [(frame, link.now_s - sent_s) for frame in _heard(link, patience_s) if wanted is None or _id(frame) in wanted]


def _ecus(link: Wire, pairs: list[Pair]) -> list[Ecu]:
    """Pairs by the ECU that they lead to: a functional id leads to many, an alias or a mirror to one."""
    physical: list[Pair] = []
    functional: list[Pair] = []
    quiet: list[Pair] = []
    for pair in pairs:
        others = [one for one in pairs if one is not pair]
        may_be = pair.is_uds and any(pair.request == one.request or pair.response == one.response for one in others)
        is_quiet = may_be and not _says(link, pair, UNSUPPORTED)
        quiet += [pair] if is_quiet else []
        is_elsewhere = any(pair.response == one.response and one.request not in EVERYBODYS_IDS for one in others)
        is_functional = is_quiet or (pair.is_uds and is_elsewhere and pair.request in EVERYBODYS_IDS)
        (functional if is_functional else physical).append(pair)
    ecus = []
    for together in _connected(physical):
        best = min(together, key=lambda pair: strangeness(pair.request, pair.response, pair.latency_s))
        aliases = [pair for pair in together if pair.request != best.request and pair.response == best.response]
        mirrors = [pair for pair in together if pair.request == best.request and pair.response != best.response]
        ecus.append(Ecu(best, aliases, mirrors))
    for pair in functional:
        for ecu in ecus:
            if pair.response == ecu.pair.response and ecu.functional is None:
                ecu.functional, ecu.is_quiet_on_functional = pair.request, pair in quiet
    return ecus


def _says(link: Wire, pair: Pair, message: bytes, *, pad: bool = True) -> bool:
    """Whether the pair's request is answered when it is this."""
    return bool(ask(link, pair.request, message, pad=pad, wanted={pair.response}, patience_s=patience_for(pair)))


def patience_for(pair: Pair) -> float:
    """How long an answer of this pair is waited for, in seconds."""
    return max(ANSWER_S, 2 * pair.latency_s)


def _connected(pairs: list[Pair]) -> list[list[Pair]]:
    """Pairs that share a request or a response, directly or through others, in the order of the first of each."""
    groups: list[list[Pair]] = []
    for pair in pairs:
        near = [
            group for group in groups if any(pair.request == one.request or pair.response == one.response for one in group)
        ]
        groups = [group for group in groups if group not in near]
        groups.append([one for group in near for one in group] + [pair])
    return groups


def _frame(request: Id, message: bytes, *, pad: bool = True) -> Frame:
    return Frame(request[0], _padded(message) if pad else message, request[1])


def _padded(message: bytes) -> bytes:
    return message.ljust(8, bytes((PAD,)))


def _id(frame: Frame) -> Id:
    return frame.can_id, frame.is_extended
