"""Redact everything that a run writes: replace secrets in findings and in the facts of the run."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import is_dataclass, replace
from operator import is_
from typing import Any, Final, TypeVar

from harness.runs.findings import Exchange, Finding, FrameRecord, RunInfo, field_names
from harness.runs.folder import BUS_LOG, CONSOLE_TXT, SECRETS_JSONL, RunFolder
from harness.runs.measured import Profile
from harness.runs.redaction.bus_log import SECRETS, OriginalLog, remark_on, write_redacted
from harness.runs.redaction.messages import FrameStream, PassingFrame, redacted_message
from harness.runs.redaction.texts import redacted_hex, redacted_text, without_numbers
from harness.runs.redaction.vocabulary import SecretKind, Vocabulary

T = TypeVar("T")

HIDEABLE: Final = {"vin": 0xF190, "serial": 0xF18C}
"""The data that is hidden on request, with its data identifier."""

_AS_DECLARED: Final = {
    "id",
    "verdict",
    "severity",
    "basis",
    "rationale",
    "remediation",
    "source",
    "started_utc",
    "finished_utc",
}
"""Fields of a finding or run that contain nothing measured, and so no secret."""

LONGEST_SHOWN: Final = len("00 ") * 24 - 1
"""The longest quotation of an answer in an outcome, in characters of hex with spaces."""

_MOST_KEPT: Final = 20_000
"""How many redacted texts are cached, since the same sentences recur."""


class Redactor:
    """Learns the secrets of one run, and removes them from every text and file that the run writes."""

    def __init__(self, words: Vocabulary) -> None:
        self.words = words
        self.hooks: dict[str, str] = {}
        """Command lines and URLs in which a secret may be quoted in any way, each with its replacement."""
        self._kept: dict[str, str] = {}
        self._version = -1

    def open_log(self, folder: RunFolder) -> OriginalLog:
        """Open the original bus log in a run's folder, and beside it the file of secrets needed to redact the log."""
        self._folder = folder
        folder.open_private(SECRETS_JSONL).close()
        self.save()
        return OriginalLog(folder.open_private(BUS_LOG), self.words)

    def reopen_log(self, folder: RunFolder) -> OriginalLog:
        """Reopen the original bus log of a resumed run; the vocabulary is the one that was saved beside the log."""
        self._folder = folder
        self.save()
        return OriginalLog(folder.append_private(BUS_LOG), self.words)

    def learn_key(self, key: bytes, seed: bytes, is_right: bool) -> None:
        """Learn a key that was computed or sent as a secret, unless the key equals its seed."""
        self.words.learn(key, SecretKind.VALUE if key == seed else SecretKind.KEY if is_right else SecretKind.GUESS)

    def finding(self, finding: Finding) -> Finding:
        """Save the secrets learned so far, then return the result without them."""
        self.save()
        return self._redacted(finding)

    def info(self, info: RunInfo) -> RunInfo:
        """Return the facts of the run without secrets."""
        return self._redacted(info)

    def keep_console(self, console: str) -> None:
        """Write the text that an ECU printed into the private folder."""
        with self._folder.open_private(CONSOLE_TXT) as file:
            file.write(console)

    def write_log(self) -> str:
        """Write the redacted bus log from the original; return remarks for the reader of both."""
        write_redacted(self._folder.path, self.words)
        self.save()
        return remark_on(self._folder.path)

    def save(self) -> None:
        """Save the secrets learned so far, in case the run is killed and another process must redact its files."""
        self.words.save(self._folder.path / SECRETS)

    def text(self, text: str) -> str:
        """Return a text without secrets."""
        if self._version != self.words.version or len(self._kept) > _MOST_KEPT:
            self._kept, self._version = {}, self.words.version
        original = text
        known = self._kept.get(original)
        if known is None:
            for hook, shown in self.hooks.items():
                text = text.replace(hook, shown)
            known = redacted_text(self.words, text)
            known = original if known == original else known
            self._kept[original] = known
        return known

    def _redacted(self, value: T) -> T:
        """Return a copy of the value in which every text is redacted according to the field that holds it."""
        return self._any(value)  # type: ignore[no-any-return]

    def _any(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value) if type(value) is str else value
        if isinstance(value, (tuple, list)):
            items = [self._any(item) for item in value]
            return value if all(map(is_, items, value)) else type(value)(items)
        if isinstance(value, dict):
            return {key: self._any(item) for key, item in value.items()}
        if not is_dataclass(value) or isinstance(value, type):
            return value
        if isinstance(value, Exchange):
            return self._exchange(value)
        own: dict[str, Any] = {}
        if isinstance(value, Profile):  # seeds are not keys, though a key may look like one
            own["seeds"] = tuple(redacted_hex(self.words, seed, lasting_only=True) for seed in value.seeds)
        if isinstance(value, RunInfo):
            own["console"] = without_numbers(self.words, value.console)
        for name in field_names(type(value)):
            if name not in own and name not in _AS_DECLARED and (before := getattr(value, name)):
                after = self._any(before)
                if after is not before:
                    own[name] = after
        return replace(value, **own) if own else value

    def _exchange(self, exchange: Exchange) -> Exchange:
        request = self._message(exchange.request)
        replies = tuple(self._message(reply) for reply in exchange.replies)
        frames = self._frames(exchange.frames)
        before = (exchange.request, *exchange.replies, *(one.data for one in exchange.frames))
        after = (request, *replies, *(one.data for one in frames))
        stretches = dict.fromkeys(itertools.chain.from_iterable(map(_stand_ins, before, after)))
        return replace(
            exchange,
            request=request,
            replies=replies,
            outcome=self._outcome(exchange),
            frames=frames,
            redacted=tuple(stretches),
        )

    def _outcome(self, exchange: Exchange) -> str:
        """Redact the outcome of an exchange, which may quote the last answer."""
        outcome = exchange.outcome
        for reply in exchange.replies:
            if reply:
                outcome = outcome.replace(reply[:LONGEST_SHOWN], self._message(reply)[:LONGEST_SHOWN])
        is_seed = any(reply[:2] == "67" for reply in exchange.replies)
        return outcome if is_seed else self.text(outcome)

    def _message(self, written: str) -> str:
        try:
            message = bytes.fromhex(written)
        except ValueError:
            return self.text(written)
        shown = redacted_message(self.words, message)
        return written if shown == message else shown.hex(" ").upper()

    def _frames(self, records: Iterable[FrameRecord]) -> tuple[FrameRecord, ...]:
        stream = FrameStream(self.words)
        passing = []
        for record in records:
            data = bytearray() if record.is_remote or record.is_error else bytearray.fromhex(record.data)
            del data[: record.address_bytes]
            passing.append(
                (record, PassingFrame((record.can_id, record.is_extended), record.is_sent, data, record.address_bytes))
            )
            stream.add(passing[-1][1])
        stream.close()
        return tuple(_with_data(record, frame.data) if frame.data else record for record, frame in passing)


def _stand_ins(before: str, after: str) -> Iterator[str]:
    """Yield, in hex, each stretch of bytes of `after` that replaced bytes of `before`.

    Neighbouring bytes from E0 to EF are included, since they look like placeholders.
    """
    if before is after or before == after:
        return
    try:
        old, new = bytes.fromhex(before), bytes.fromhex(after)
    except ValueError:  # raw frames, which are text
        return
    for is_stand_in, places in itertools.groupby(range(len(new)), key=lambda place: new[place] >> 4 == 0xE):
        found = list(places)
        if is_stand_in and any(old[place : place + 1] != new[place : place + 1] for place in found):
            yield new[found[0] : found[-1] + 1].hex().upper()


def _with_data(record: FrameRecord, data: bytes | bytearray) -> FrameRecord:
    """Return the frame with other data behind its address."""
    return replace(record, data=record.data[: 2 * record.address_bytes] + data.hex().upper())
