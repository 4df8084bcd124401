"""Reduce a failing sequence: fewer stimuli, fewer bytes, zeros, and bytes that do not matter."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from harness.fuzz.bench import Setting
from harness.fuzz.found import ANY, LONGER, Pattern
from harness.fuzz.keyed import Keyed
from harness.fuzz.play import Stimulus
from harness.link.isotp import IsoTp, IsoTpConfig

T = TypeVar("T")
Fails = Callable[[Setting, Sequence[Stimulus]], bool]

MOST_TRIES: Final = 160
"""The largest number of tries to reduce one finding."""
OTHER_BYTE: Final = 0xA5
LOOKED_AT: Final = 16
"""How many bytes of a message are examined one by one; the bytes after them are examined together."""
LONGEST_CUT_BY_PARTS: Final = 12
FEWEST_FILLERS: Final = 4
FRAME_GAP_S: Final = 0.005


def reduced(sequence: Sequence[T], fails: Callable[[Sequence[T]], bool], *, most_tries: int) -> list[T]:
    """Return a part of a sequence that fails as the whole does, in the same order, by delta debugging.

    With enough tries the part is 1-minimal: no single element can be left out. After `most_tries` it is the smallest
    part found so far.

    >>> reduced("abcdefgh", lambda part: {"c", "g"} <= set(part), most_tries=100)
    ['c', 'g']
    """
    part = list(sequence)
    pieces = 2
    tries = 0
    while len(part) >= 2:
        size = -(-len(part) // pieces)
        starts = range(0, len(part), size)
        chunks = [part[start : start + size] for start in starts]
        rests = [part[:start] + part[start + size :] for start in starts]
        for candidate, next_pieces in [*((one, 2) for one in chunks), *((one, max(pieces - 1, 2)) for one in rests)]:
            if len(candidate) == len(part):
                continue
            if tries == most_tries:
                return part
            tries += 1
            if fails(candidate):
                part, pieces = candidate, next_pieces
                break
        else:
            if size == 1:
                return part
            pieces = min(pieces * 2, len(part))
    return part


def messages_of(frames: Sequence[bytes]) -> list[bytes]:
    """Return the messages in frames; empty if a frame belongs to no message, or contains a key."""
    endpoint = IsoTp(IsoTpConfig())
    messages = []
    for frame in frames:
        message = None if isinstance(frame, Keyed) else endpoint.receive(frame, 0.0)
        endpoint.outbox.clear()
        if message is not None:
            messages.append(message)
        elif not endpoint.is_receiving:
            return []
    return [] if endpoint.is_receiving else messages


class Minimizer:
    """Reduces one failing sequence. `fails` plays a sequence from a known state and tells whether it fails."""

    def __init__(self, fails: Fails, *, most_tries: int = MOST_TRIES, plain: bytes = b"") -> None:
        """Make a minimizer. `plain` is one that any ECU answers; it replaces those of which only the number matters."""
        self._fails = fails
        self._left = most_tries
        self._filler = plain
        self.fillers = 0
        """How many `plain` requests are at the end of the last sequence."""

    def _try(self, setting: Setting, stimuli: Sequence[Stimulus]) -> bool:
        if self._left <= 0:
            return False
        self._left -= 1
        return self._fails(setting, stimuli)

    def stimuli(
        self, setting: Setting, failing: Sequence[Stimulus], *, as_requests: bool = True
    ) -> tuple[Setting, list[Stimulus]]:
        """Return the smallest failing list of stimuli, and the simplest state that it needs.

        `as_requests`: replace frames by requests if the sequence then still fails.
        """
        part = self._with_fillers(setting, self._end_of(setting, list(failing)))
        if not self.fillers:
            part = self._reduced(part, lambda some: self._try(setting, some))
        if setting.state is not None and self._try(plain := replace(setting, state=None), part):
            setting = plain
        if setting.is_raw:
            setting, part = self._frames(setting, part)
            messages = messages_of([frame for stimulus in part for frame in stimulus])
            plain = replace(setting, is_raw=False, gap_s=None)
            if as_requests and messages and self._try(plain, [(message,) for message in messages]):
                return plain, [(message,) for message in messages]
        return setting, part

    def _reduced(self, part: Sequence[T], fails: Callable[[Sequence[T]], bool]) -> list[T]:
        return reduced(part, fails, most_tries=self._left)

    def _end_of(self, setting: Setting, failing: list[Stimulus]) -> list[Stimulus]:
        """Return the shortest end of the sequence that fails: double its length until it fails, then search by halves."""
        too_short, length = 0, 1
        while length < len(failing) and not self._try(setting, failing[-length:]):
            too_short, length = length, length * 2
        length = min(length, len(failing))
        while length - too_short > 1:
            middle = (too_short + length) // 2
            if self._try(setting, failing[-middle:]):
                length = middle
            else:
                too_short = middle
        return failing[-length:]

    def _with_fillers(self, setting: Setting, failing: list[Stimulus]) -> list[Stimulus]:
        """Return the first stimulus and the fewest plain requests after it that fail, for an ECU that dies later."""
        self.fillers = 0
        filler: Stimulus = (self._filler,)
        if not self._filler or setting.is_raw or len(failing) <= FEWEST_FILLERS:
            return failing
        if self._try(setting, failing[:1]):
            return failing[:1]
        many = 2 * len(failing)  # what looks after the ECU sends requests, too
        if not self._try(setting, [failing[0], *[filler] * many]):
            return failing
        too_few, enough = 0, many
        while enough - too_few > 1:
            middle = (too_few + enough) // 2
            if self._try(setting, [failing[0], *[filler] * middle]):
                enough = middle
            else:
                too_few = middle
        self.fillers = enough
        return [failing[0], *[filler] * enough]

    def _frames(self, setting: Setting, part: list[Stimulus]) -> tuple[Setting, list[Stimulus]]:
        """Return the smallest failing list of frames: back to back if that fails, too, else with gaps to process each."""
        flat = tuple(frame for stimulus in part for frame in stimulus)
        if len(part) > 1 and not self._try(setting, [flat]):
            setting = replace(setting, gap_s=FRAME_GAP_S)
            singles = [(frame,) for frame in flat]
            if not self._try(setting, singles):
                return setting, part
            return setting, self._reduced(singles, lambda some: self._try(setting, some))
        frames = self._reduced(flat, lambda some: self._try(setting, [tuple(some)]))
        return setting, [tuple(frames)]

    def repeats(self, setting: Setting, once: Sequence[Stimulus], times: int) -> int:
        """Return the smallest failing number of repetitions, provided that no smaller number fails."""
        fewest, enough = 0, times
        while enough - fewest > 1:
            middle = (fewest + enough) // 2
            if self._try(setting, list(once) * middle):
                enough = middle
            else:
                fewest = middle
        return enough

    def bytes_of(self, setting: Setting, part: list[Stimulus], repeat: int = 1) -> tuple[list[Stimulus], Pattern]:
        """Return the stimuli with few bytes and many zeros that still fail, and the positions of the bytes that matter."""
        pattern: list[tuple[int, ...]] = []
        for index, stimulus in enumerate(part):
            if index >= len(part) - self.fillers:
                pattern.append((LONGER,))
                continue
            for at, message in enumerate(stimulus):

                def fails(changed: bytes, index: int = index, at: int = at) -> bool:
                    stimulus = part[index]
                    tried = (*stimulus[:at], changed, *stimulus[at + 1 :])
                    return self._try(setting, [*part[:index], tried, *part[index + 1 :]] * repeat)

                if isinstance(message, Keyed) and not fails(message := bytes(message)):
                    pattern.append(())
                    continue
                shortest = self._beginning(message, fails)
                end = (LONGER,) if len(shortest) < len(message) else ()
                if not setting.is_raw and 1 < len(shortest) <= LONGEST_CUT_BY_PARTS:
                    cut = reduced(shortest, lambda some: bool(some) and fails(bytes(some)), most_tries=self._left // 4)
                    end, shortest = end if len(cut) == len(shortest) else (), bytes(cut)
                plain, wanted = self._plain(shortest, fails)
                part[index] = (*part[index][:at], plain, *part[index][at + 1 :])
                pattern.append((*wanted, *end))
        return part, tuple(pattern)

    def _beginning(self, message: bytes, fails: Callable[[bytes], bool]) -> bytes:
        """Return the shortest failing beginning of a message, provided that every longer beginning fails, too."""
        if len(message) < 2 or not fails(message[:-1]):
            return message
        least, enough = 0, len(message) - 1
        while enough - least > 1:
            middle = (least + enough) // 2
            if fails(message[:middle]):
                enough = middle
            else:
                least = middle
        return message[:enough]

    def _plain(self, message: bytes, fails: Callable[[bytes], bool]) -> tuple[bytes, tuple[int, ...]]:
        head, tail = bytearray(message[:LOOKED_AT]), message[LOOKED_AT:]
        wanted: list[int] = list(message)
        if tail and fails(bytes(head) + bytes(len(tail))):
            tail = bytes(len(tail))
            wanted[LOOKED_AT:] = [ANY] * len(tail)
        for at in range(len(head)):
            former = head[at]
            head[at] = OTHER_BYTE if former != OTHER_BYTE else ~OTHER_BYTE & 0xFF
            is_any = fails(bytes(head) + tail)
            head[at] = 0
            if former and not fails(bytes(head) + tail):
                is_any = False
                head[at] = former & 0xF0
                if head[at] == former or not fails(bytes(head) + tail):
                    head[at] = former
            wanted[at] = ANY if is_any else head[at]
        return bytes(head) + tail, tuple(wanted)
