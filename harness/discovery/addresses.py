"""Find the ids on which ECUs listen and answer: send a probe to one id after the other, TesterPresent first."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from harness.discovery.id_plan import LISTENED_S, IdPlan, plan
from harness.discovery.probes import DISOWNED, PROBES, SECOND, TESTER_PRESENT, Probe
from harness.discovery.traffic import sentences
from harness.discovery.usual_ids import EVERYBODYS_IDS, Id, is_usual, strangeness
from harness.link.frame import Frame
from harness.target.addressing import FIXED_PHYSICAL, addresses_in

ANSWER_S = 0.2
"""The seconds within which an answer comes: P2 and the delay of adapters."""
LATE_ANSWER_S = 2.0
"""The seconds that an ECU which does not keep P2 may take to answer."""
CONFIRMATIONS = 3
MOST_ASKED_ALONE = 8
"""The largest number of ids that count as named one by one; more are a range to search."""


@dataclass(frozen=True, slots=True)
class IdPair:
    """A request id, and the response id on which it is answered."""

    request: Id
    response: Id
    answer: bytes
    """The data field of the answer."""
    latency_s: float
    probe: Probe = TESTER_PRESENT
    """The request that was answered."""

    @property
    def filling(self) -> str:
        """How the answer's frame is padded, in words; empty if the answer is no single frame."""
        size = self.answer[0] if self.answer else 0
        if not 0 < size < 8 or len(self.answer) <= size:
            return ""
        rest = set(self.answer[size + 1 :])
        if not rest:
            return "as short as its content"
        return f"filled up with 0x{rest.pop():02X}" if len(rest) == 1 else "filled up with bytes that differ"

    @property
    def is_uds(self) -> bool:
        """Whether the answer is one that the standard defines for the probe."""
        return self.probe.is_answered_by(self.answer)


@dataclass(slots=True)
class FoundEcu:
    """One ECU: the best pair of ids to reach it, and further ids that also reach it."""

    pair: IdPair
    aliases: list[IdPair] = field(default_factory=list)
    """Pairs with other request ids and the same response id: through gateways, or by the same number in the other format."""
    mirrors: list[IdPair] = field(default_factory=list)
    """Pairs with other response ids, on which the same answers appear once more."""
    connections: list[IdPair] = field(default_factory=list)
    """Other pairs of ids that reach the same ECU, as for a second tester."""
    functional: Id | None = None
    is_quiet_on_functional: bool = True
    """Whether the ECU sends no refusals of unknown services on the functional id, as the standard demands."""
    address: int | None = None
    """The first byte of each frame to the ECU, if that byte is an address."""
    answer_address: int | None = None
    """The first byte of each frame from the ECU, if that byte is an address."""
    functional_address: int | None = None
    """The first byte of functional requests, if that byte is an address."""
    takes_unpadded: bool | None = None
    takes_padded: bool = True
    """Whether the ECU answers padded frames; False if it answers only frames that are as short as their content."""
    is_mixed: bool = False
    """Whether the address is an extension (mixed addressing), so that requests and answers begin with the same byte."""
    takes_fd: bool | None = None
    """Whether the ECU answers CAN FD frames; None if that was not tried."""
    answers_in_fd: bool | None = None

    @property
    def addressing(self) -> dict[str, Any]:
        """The entries with which a target file declares the ECU's addressing; empty for normal addressing."""
        functional = {} if self.functional_address is None else {"functional_address": self.functional_address}
        if self.address is not None and self.is_mixed:
            return {"addressing": "mixed", "address_extension": self.address} | functional
        if self.address is not None:
            answer = {} if self.answer_address is None else {"source_address": self.answer_address}
            return {"addressing": "extended", "target_address": self.address} | answer | functional
        found, back = (addresses_in(one[0], FIXED_PHYSICAL) for one in (self.pair.request, self.pair.response))
        if found is None or back != found[::-1]:
            return {}
        return {"addressing": "normal-fixed", "target_address": found[0], "source_address": found[1]}


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found on a bus, and what was left out."""

    ecus: tuple[FoundEcu, ...]
    traffic: dict[Id, int]
    """Ids that were heard before anything was sent, each with the number of its frames."""
    asked: int
    """How many ids were probed."""
    left_out: tuple[str, ...] = ()
    """Sentences that say which ids were not probed, and why."""
    unsure: tuple[str, ...] = ()
    """What was seen but not explained, in sentences."""
    plan: IdPlan | None = None
    """The plan of which ids to probe, and which not."""


class Wire(Protocol):
    """The part of a bus that a survey needs."""

    @property
    def now_s(self) -> float:
        """The bus's time."""

    def send(self, frame: Frame) -> None:
        """Send a frame. Raises LinkError if the adapter refuses it."""

    def receive(self, until_s: float) -> Frame | None:
        """Return the next frame of another node, or None at `until_s`. Raises LinkError if the adapter failed."""


Progress = Callable[[str, int, int], None]
"""A function that is told what is being done, how many steps of it are done, and how many there are in all."""


def survey(
    link: Wire,
    candidates: Iterable[Id],
    *,
    pace_s: float,
    progress: Progress,
    named: Collection[Id] = (),
    functional: Collection[Id] = (),
    bitrate: int = 500_000,
    announce: Callable[[IdPlan], None] = lambda plan: None,
) -> Survey:
    """Listen, probe every candidate, and confirm those that seemed to answer.

    Ids that were heard before belong to other nodes, and are probed only if they are `named`. If no id answers a probe, the
    next probe is sent. `functional` ids are probed only to learn which of the ECUs that were found answer there. `announce`
    is called with the plan before anything is sent. Raises LinkError if the adapter fails.
    """
    heard = list(heard_in(link, LISTENED_S))
    traffic = dict(Counter(id_of(frame) for frame in heard))
    known = set(traffic)
    chosen = plan(candidates, traffic, named=named, may_ask_all=bool(functional), pace_s=pace_s, bitrate=bitrate)
    announce(chosen)
    wanted, pace_s = list(chosen.asked), chosen.pace_s
    named = [one for one in named if one in wanted]
    pairs: list[IdPair] = []
    unsure: list[str] = []
    for probe in PROBES:
        found, is_unsure = _answering(link, _Asking(link, known, pace_s, progress, probe), wanted, named)
        pairs += found
        if is_unsure and not unsure:
            unsure.append("Perhaps an ECU is there: frames came after requests, but not each time that these were repeated.")
        if pairs:
            break
    if pairs:
        unsure = []
        pairs += _further(link, pairs, known, [one for one in wanted if is_usual(one)], pace_s, progress)
    for number, is_long in {pair.request for pair in pairs}:
        other_format = (number, not is_long)
        if number < 0x800 and other_format not in traffic:
            pairs += confirmed(link, other_format, known, probe=pairs[0].probe)
    ecus = _ecus(link, pairs)
    for ecu in ecus:
        pair = ecu.pair
        for request in functional if ecu.functional is None else ():
            if request[1] is pair.request[1] and request not in wanted:
                found = confirmed(link, request, known, patience_for(pair), probe=pair.probe, is_named=True)
                shared = [one for one in found if one.response == pair.response]
                if shared:
                    ecu.functional, ecu.is_quiet_on_functional = request, keeps_refusals_back(link, shared[0])
        ecu.takes_padded = pair.probe.is_padded
        ecu.takes_unpadded = not pair.probe.is_padded or _says(link, pair, pair.probe.request, is_padded=False)
    if not any(ecu.pair.request in named for ecu in ecus):
        unsure += sentences(heard)
    return Survey(tuple(ecus), traffic, len(wanted), chosen.left_out, tuple(unsure), chosen)


def planned(
    link: Wire, candidates: Iterable[Id], *, named: Collection[Id], may_ask_all: bool, pace_s: float, bitrate: int
) -> IdPlan:
    """Listen, and return the plan of what `survey` would send; send nothing. Raises LinkError if the adapter fails."""
    traffic = listen(link, LISTENED_S)
    return plan(candidates, traffic, named=named, may_ask_all=may_ask_all, pace_s=pace_s, bitrate=bitrate)


def _answering(link: Wire, asking: _Asking, wanted: list[Id], named: Collection[Id]) -> tuple[list[IdPair], bool]:
    """Return the pairs that answer the probe, and whether answers seemed to come of which none could be repeated."""
    pairs: list[IdPair] = []
    probe = asking.probe
    for request in named if asking.known else ():  # its answers may come on an id that is in use
        pairs += confirmed(link, request, asking.known, probe=probe, is_named=True)
    suspects = asking.everything(wanted) if not pairs else {}
    likely = [one for one, delay_s in suspects.items() if delay_s <= ANSWER_S]
    for ids, patience_s in ((likely, ANSWER_S), (list(suspects), LATE_ANSWER_S)):
        if ids and not pairs:
            for request in asking.narrowed(ids, patience_s):
                pairs += confirmed(link, request, asking.known, patience_s, probe=probe)
    return pairs, bool(suspects and not pairs)


def _further(
    link: Wire, pairs: list[IdPair], known: set[Id], wanted: list[Id], pace_s: float, progress: Progress
) -> list[IdPair]:
    """Look on usual ids, with another probe, for ECUs that did not answer the first probe."""
    asked = {pair.request for pair in pairs}
    left = [one for one in wanted if one not in asked]
    if len(left) <= MOST_ASKED_ALONE or pairs[0].probe.request == SECOND.request:
        return []
    seen = known | {pair.response for pair in pairs}
    found, _ = _answering(link, _Asking(link, seen, pace_s, progress, SECOND), left, ())
    return found


def listen(link: Wire, seconds: float) -> dict[Id, int]:
    """Listen for `seconds`, and count how often each id is heard."""
    return dict(Counter(id_of(frame) for frame in heard_in(link, seconds)))


def heard_in(link: Wire, seconds: float) -> Iterator[Frame]:
    """Yield every other node's data frame for `seconds`; remote frames are left out, as they neither request nor answer."""
    until_s = link.now_s + seconds
    while (frame := link.receive(until_s)) is not None:
        if not frame.is_remote:
            yield frame
        if link.now_s >= until_s:
            break


class _Asking:
    """Probes many ids in a row; a frame that is heard meanwhile may answer any of the last requests."""

    def __init__(self, link: Wire, known: set[Id], pace_s: float, progress: Progress, probe: Probe) -> None:
        self._link = link
        self.known = known
        self._pace_s = pace_s
        self._progress = progress
        self.probe = probe

    def everything(self, wanted: list[Id]) -> dict[Id, float]:
        """Probe all ids; return those that were probed shortly before a new id was heard.

        Each comes with the shortest time in seconds between its probe and the new id.
        """
        suspects: dict[Id, float] = {}
        recent: list[tuple[float, Id]] = []

        def suspect() -> None:
            now_s = self._link.now_s
            for asked_s, one in recent:
                suspects[one] = min(now_s - asked_s, suspects.get(one, math.inf))

        for done, request in enumerate(wanted):
            if done % 64 == 0:
                self._progress(f"asking ids by {self.probe}", done, len(wanted))
            now_s = self._link.now_s
            recent = [(asked_s, one) for asked_s, one in recent if now_s - asked_s <= LATE_ANSWER_S]
            recent.append((now_s, request))
            if self._hears_after([request], self._pace_s):
                suspect()
        if self._hears_after([], LATE_ANSWER_S):
            suspect()
        self._progress(f"asking ids by {self.probe}", len(wanted), len(wanted))
        return suspects

    def narrowed(self, suspects: list[Id], patience_s: float) -> list[Id]:
        """Return the suspected ids that really are answered: probe all of them, then each half, and so on."""
        if not self._hears_after(suspects, patience_s):
            return []
        if len(suspects) == 1:
            return suspects
        middle = len(suspects) // 2
        return self.narrowed(suspects[:middle], patience_s) + self.narrowed(suspects[middle:], patience_s)

    def _hears_after(self, requests: list[Id], patience_s: float) -> bool:
        """Send the requests, and return whether a new id is heard meanwhile or within `patience_s` after the last."""
        has_heard = False
        for number, request in enumerate(requests, 1):
            self._link.send(_frame(request, self.probe))
            is_last = number == len(requests)
            has_heard |= self._hears(patience_s if is_last else self._pace_s)
        return has_heard if requests else self._hears(patience_s)

    def _hears(self, seconds: float) -> bool:
        heard = list(heard_in(self._link, seconds))
        return any(id_of(frame) not in self.known and not self.probe.is_repeated_by(frame.data) for frame in heard)


def confirmed(
    link: Wire,
    request: Id,
    known: set[Id],
    patience_s: float = ANSWER_S,
    *,
    probe: Probe = TESTER_PRESENT,
    is_named: bool = False,
) -> list[IdPair]:
    """Return the ids on which an answer comes each time `request` is sent, and never at other times; the quickest id first.

    If the probed id is named, an answer that fits the probe counts on any id, unless it came at another time.
    """
    always: dict[Id, IdPair] = {}
    for attempt in range(CONFIRMATIONS):
        unasked = list(heard_in(link, patience_s / 2))
        silent = known | {id_of(frame) for frame in unasked}
        said_unasked = {(id_of(frame), frame.data) for frame in unasked}
        found = {
            id_of(frame): IdPair(request, id_of(frame), frame.data, latency_s, probe)
            for frame, latency_s in reversed(ask(link, request, probe, patience_s=patience_s))
            if not probe.is_repeated_by(frame.data)
            and (
                id_of(frame) not in silent
                or (is_named and probe.is_answered_by(frame.data) and (id_of(frame), frame.data) not in said_unasked)
            )
        }
        always = found if not attempt else {one: pair for one, pair in always.items() if one in found}
        if not always:
            break
    return sorted(always.values(), key=lambda pair: pair.latency_s)


def ask(
    link: Wire, request: Id, probe: Probe, *, wanted: set[Id] | None = None, patience_s: float = ANSWER_S
) -> list[tuple[Frame, float]]:
    """Send a single frame; return the frames heard after it, each with the seconds since it was sent."""
    while link.receive(0.0) is not None:
        pass
    link.send(_frame(request, probe))
    sent_s = link.now_s
    return [(frame, link.now_s - sent_s) for frame in heard_in(link, patience_s) if wanted is None or id_of(frame) in wanted]


def _ecus(link: Wire, pairs: list[IdPair]) -> list[FoundEcu]:
    """Group pairs by the ECU that they reach: a functional id reaches many ECUs, an alias or a mirror only one."""
    quiet = [pair for pair in pairs if _may_be_functional(pair, pairs) and keeps_refusals_back(link, pair)]
    functional = [pair for pair in quiet if _leads_further(pair, pairs, quiet)]
    functional += [
        pair
        for pair in pairs
        if pair not in quiet
        and pair.is_uds
        and pair.request in EVERYBODYS_IDS
        and any(pair.response == one.response and one.request not in EVERYBODYS_IDS for one in pairs)
    ]
    physical = [pair for pair in pairs if pair not in functional]
    ecus = []
    for together in _connected(physical):
        best = min(together, key=lambda pair: strangeness(pair.request, pair.response, pair.latency_s))
        aliases = [pair for pair in together if pair.request != best.request and pair.response == best.response]
        mirrors = [pair for pair in together if pair.request == best.request and pair.response != best.response]
        ecus.append(FoundEcu(best, aliases, mirrors))
    for pair in functional:
        for ecu in ecus:
            if pair.response == ecu.pair.response and ecu.functional is None:
                ecu.functional, ecu.is_quiet_on_functional = pair.request, pair in quiet
    return ecus


def _may_be_functional(pair: IdPair, pairs: list[IdPair]) -> bool:
    others = [one for one in pairs if one is not pair]
    return pair.is_uds and any(pair.request == one.request or pair.response == one.response for one in others)


def keeps_refusals_back(link: Wire, pair: IdPair) -> bool:
    """Say whether the ECU sends none of the refusals that the standard forbids for functional requests."""
    return not any(_says(link, pair, request) for request in DISOWNED)


def _leads_further(pair: IdPair, pairs: list[IdPair], quiet: list[IdPair]) -> bool:
    """Whether another request id, not just this one in the other format, gets refusals or makes a more usual pair."""
    others = [one for one in pairs if one.response == pair.response and one.request[0] != pair.request[0]]
    if any(one not in quiet for one in others):
        return True
    if not others:
        return False
    best = min((pair, *others), key=lambda one: (one.request in EVERYBODYS_IDS, strangeness(one.request, one.response, 0.0)))
    return best is not pair


def _says(link: Wire, pair: IdPair, request: bytes, *, is_padded: bool | None = None) -> bool:
    """Send a request, padded like the pair's probe unless told otherwise; return whether the ECU answers."""
    probe = Probe(request, pair.probe.is_padded if is_padded is None else is_padded)
    return bool(ask(link, pair.request, probe, wanted={pair.response}, patience_s=patience_for(pair)))


def patience_for(pair: IdPair) -> float:
    """Return how many seconds to wait for an answer of this pair."""
    return max(ANSWER_S, 2 * pair.latency_s)


def _connected(pairs: list[IdPair]) -> list[list[IdPair]]:
    """Group pairs that share a request or response id, directly or through other pairs."""
    groups: list[list[IdPair]] = []
    for pair in pairs:
        near = [
            group for group in groups if any(pair.request == one.request or pair.response == one.response for one in group)
        ]
        groups = [group for group in groups if group not in near]
        groups.append([one for group in near for one in group] + [pair])
    return groups


def _frame(request: Id, probe: Probe) -> Frame:
    return Frame(request[0], probe.field, request[1])


def id_of(frame: Frame) -> Id:
    """Return a frame's id, and whether it has 29 bits."""
    return frame.can_id, frame.is_extended
