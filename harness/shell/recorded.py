"""Take the exchanges of a result from a run's folder, each with the condition in which the ECU was at that time.

The messages come from the original bus log if the folder still has it, else from the redacted log, in which keys are
placeholders.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from harness.errors import UserError, did_you_mean
from harness.link.addressing import addresses_of
from harness.link.frame import Frame
from harness.link.frame import parse as parse_frame
from harness.link.isotp import IsoTp, IsoTpConfig
from harness.report.candump import LoggedFrame, logged_frames
from harness.report.text import shown
from harness.runs.findings import Exchange, Finding, Run
from harness.runs.folder import BUS_LOG, PRIVATE, read_run
from harness.shell.standing import ConditionKeeper, EcuCondition
from harness.target import Target
from harness.uds import NEGATIVE_RESPONSE, Nrc
from harness.verdict import Verdict

RAW: Final = "raw "
FD_BYTES: Final = 64
MOST_NAMED: Final = 12


@dataclass(frozen=True, slots=True)
class Recorded:
    """One recorded exchange, with the ECU's condition before it."""

    request: bytes
    """The message that was sent; empty if frames were sent."""
    frames: tuple[Frame, ...]
    """The frames that were sent as they are; empty if a message was sent."""
    answers: tuple[bytes, ...]
    """Every message that came after the request, or the data of every frame that came after `frames`."""
    is_functional: bool
    before: EcuCondition
    """The ECU's condition when the request or the frames were sent."""
    has_real_keys: bool
    """Whether the bytes are the original ones; if not, keys in them may be placeholders."""


@dataclass(frozen=True, slots=True)
class Result:
    """A result, and its exchanges in order."""

    finding: Finding
    exchanges: tuple[Recorded, ...]
    others: tuple[str, ...]
    """The names of further results with the same id."""


def recorded_result(folder: Path, name: str, target: Target) -> Result:
    """Return the result that ``SA-09`` or ``SA-09[level 0x01]`` names; of several results with one id, the first failed one.

    Raises UserError if there is no such run or result, the result has no exchanges, or the bus log cannot be read.
    """
    run = read_run(folder)
    finding, others = _finding(run, name, folder)
    if not finding.exchanges:
        why = f": {finding.verdict}, {shown(finding.reason, 200) or 'by what was measured in many exchanges'}"
        raise UserError(f"{folder}: {name_of(finding)} has no exchange to repeat{why}")
    log = next((path for path in (folder / PRIVATE / BUS_LOG, folder / BUS_LOG) if path.is_file()), None)
    is_original = run.info.keeps_secrets or (log is not None and log.parent.name == PRIVATE)
    wanted = {exchange.first_frame: exchange for exchange in finding.exchanges}
    seen = dict(_seen(log, run, wanted, target)) if log is not None else {}
    exchanges = []
    for exchange in finding.exchanges:
        before, passed = seen.get(exchange.first_frame, (EcuCondition(), _Passed()))
        exchanges.append(_recorded(exchange, before, passed, target, has_real_keys=is_original))
    return Result(finding, tuple(exchanges), others)


def is_repeatable(finding: Finding) -> bool:
    """Whether a result has exchanges, and each of them was recorded completely."""
    try:
        for exchange in finding.exchanges:
            if exchange.request.startswith(RAW):
                for text in exchange.request.removeprefix(RAW).split(", "):
                    parse_frame(text)
            elif not bytes.fromhex(exchange.request):
                return False
    except ValueError:
        return False
    return bool(finding.exchanges)


def addressed(frame: Frame, target: Target) -> Frame:
    """Separate the address from a recorded frame's data."""
    size = addresses_of(target.can).size_bytes
    return replace(frame, address=frame.data[:size], data=frame.data[size:]) if size else frame


def name_of(finding: Finding) -> str:
    """Return a result's id and parameter like ``SA-09[level 0x01]``, made printable."""
    return shown(finding.id if finding.parameter is None else f"{finding.id}[{finding.parameter}]", 120)


def _finding(run: Run, name: str, folder: Path) -> tuple[Finding, tuple[str, ...]]:
    exact = [one for one in run.findings if name in (name_of(one), f"{one.id}[{one.parameter}]")]
    found = exact or [one for one in run.findings if one.id.lower() == name.lower()]
    if not found:
        close = did_you_mean(name[:120], dict.fromkeys(one.id for one in run.findings))
        raise UserError(f"{folder}: the run has no result {shown(name, 120)}{close}")
    ranked = sorted(found, key=lambda one: (not one.exchanges, one.verdict is not Verdict.FAIL))
    return ranked[0], tuple(name_of(one) for one in ranked[1 : MOST_NAMED + 1])


@dataclass(frozen=True, slots=True)
class _Passed:
    """What the bus log contains of one exchange."""

    request: bytes = b""
    answers: tuple[bytes, ...] = ()
    sent: tuple[LoggedFrame, ...] = ()


def _recorded(exchange: Exchange, before: EcuCondition, passed: _Passed, target: Target, *, has_real_keys: bool) -> Recorded:
    try:
        if exchange.request.startswith(RAW):
            frames = tuple(parse_frame(text) for text in exchange.request.removeprefix(RAW).split(", "))
            if [len(one.data) for one in passed.sent] == [len(one.data) for one in frames]:
                frames = tuple(replace(one, data=real.data) for one, real in zip(frames, passed.sent, strict=True))
            frames = tuple(addressed(one, target) for one in frames)
            answers = tuple(addressed(parse_frame(text.removeprefix(RAW)), target).data for text in exchange.replies)
            return Recorded(b"", frames, answers, False, before, has_real_keys)
        request = bytes.fromhex(exchange.request)
        answers = tuple(map(bytes.fromhex, exchange.replies))
    except ValueError as error:
        raise UserError(f"an exchange of the result is damaged: {shown(error, 200)}") from None
    if not request:
        raise UserError("an exchange of the result is damaged: nothing was sent in it")
    if len(passed.request) == len(request):
        request = passed.request
    if [len(one) for one in passed.answers] == [len(one) for one in answers]:
        answers = passed.answers
    ids = [one.can_id for one in passed.sent or exchange.frames]
    is_functional = bool(ids) and ids[0] == target.can.functional_id
    return Recorded(request, (), answers, is_functional, before, has_real_keys)


def _seen(
    log: Path, run: Run, wanted: dict[int, Exchange], target: Target
) -> Iterator[tuple[int, tuple[EcuCondition, _Passed]]]:
    """Yield for each wanted exchange: its first frame's number, the condition before it, and what was sent and received."""
    listener = _Listener(run, target)
    last = max(exchange.last_frame for exchange in wanted.values())
    under_way: tuple[int, EcuCondition] | None = None
    sent: list[LoggedFrame] = []
    for number, frame in enumerate(logged_frames(log)):
        if under_way is not None and number >= wanted[under_way[0]].last_frame:
            yield under_way[0], (under_way[1], listener.passed(sent))
            under_way = None
        if number >= last:
            return
        if number in wanted:
            listener.standing.pass_time(frame.time_us / 1e6)
            under_way = number, replace(listener.standing.now)
            listener.request, listener.answers, sent = b"", [], []
        sent += [frame] if frame.is_sent else []
        listener.take(frame)
    if under_way is not None:
        yield under_way[0], (under_way[1], listener.passed(sent))


class _Listener:
    """Assembles messages from the frames of a log, and follows their effect on the ECU's condition."""

    def __init__(self, run: Run, target: Target) -> None:
        can: Any = run.info.target.get("can")
        can = can if isinstance(can, dict) else {}
        self._response_id = can.get("response_id", target.can.response_id)
        self._ours, self._theirs = (IsoTp(IsoTpConfig(tx_dl=FD_BYTES, max_length=1 << 20)) for _ in range(2))
        self._address_bytes = addresses_of(target.can).size_bytes
        self.standing = ConditionKeeper(target)
        self.request = b""
        self.answers: list[bytes] = []

    def passed(self, sent: Sequence[LoggedFrame]) -> _Passed:
        """Return the last request and the answers to it, together with the frames that were `sent`."""
        return _Passed(self.request, tuple(self.answers), tuple(sent))

    def take(self, frame: LoggedFrame) -> None:
        """Take the next frame of the log."""
        if frame.is_remote or frame.is_error or not (frame.is_sent or frame.can_id == self._response_id):
            return
        way = self._ours if frame.is_sent else self._theirs
        now_s = frame.time_us / 1e6
        message = way.receive(frame.data[self._address_bytes :], now_s)
        way.outbox.clear()
        if not message:
            return
        if frame.is_sent:
            self.request, self.answers = message, []
            return
        self.answers.append(message)
        is_pending = message[0] == NEGATIVE_RESPONSE and message[2:3] == bytes((Nrc.RESPONSE_PENDING,))
        if self.request and not is_pending:
            self.standing.hear(self.request, message, now_s)
