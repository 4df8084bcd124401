"""Make what failed as short and as plain as it can be: fewer stimuli, fewer bytes, zeros, and bytes that do not matter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from harness.fuzz.bench import Setting
from harness.fuzz.found import ANY, LONGER, Pattern
from harness.fuzz.keyed import Keyed
from harness.fuzz.play import Stimulus
from harness.fuzz.reduce import reduced
from harness.link.isotp_frames import CLASSIC_BYTES

Fails = Callable[[Setting, Sequence[Stimulus]], bool]

MOST_TRIES: Final = 160
"""For one finding, in all."""
OTHER_BYTE: Final = 0xA5
LOOKED_AT: Final = 16
"""Bytes of a message that are looked at one by one; those behind them all at once."""
LONGEST_CUT_BY_PARTS: Final = 12
FRAME_GAP_S: Final = 0.005


def message_of(frame: bytes) -> bytes:
    """The message that a single frame holds; empty: it is none, or holds less than it says, or a key."""
    is_whole = not isinstance(frame, Keyed) and bool(frame) and 0 < frame[0] < min(len(frame), CLASSIC_BYTES)
    return frame[1 : 1 + frame[0]] if is_whole else b""


class Minimizer:
    """Shortens one failing sequence. `fails` plays it from a known state."""

    def __init__(self, fails: Fails) -> None:
        self._fails = fails
        self._left = MOST_TRIES

    def _try(self, setting: Setting, stimuli: Sequence[Stimulus]) -> bool:
        if self._left <= 0:
            return False
        self._left -= 1
        return self._fails(setting, stimuli)

    def stimuli(self, setting: Setting, failing: Sequence[Stimulus]) -> tuple[Setting, list[Stimulus]]:
        """The fewest stimuli, and the plainest state that they need."""
        part = self._end_of(setting, list(failing))
        part = reduced(part, lambda some: self._try(setting, some), most_tries=self._left)
        if setting.state is not None and self._try(plain := replace(setting, state=None), part):
            setting = plain
        if setting.is_raw:
            setting, part = self._frames(setting, part)
            messages = [message_of(frame) for stimulus in part for frame in stimulus]
            plain = replace(setting, is_raw=False, gap_s=None)
            if all(messages) and self._try(plain, [(message,) for message in messages]):
                return plain, [(message,) for message in messages]
        return setting, part

    def _end_of(self, setting: Setting, failing: list[Stimulus]) -> list[Stimulus]:
        """The shortest end of it that fails, in powers of two."""
        length = 1
        while length < len(failing):
            if self._try(setting, failing[-length:]):
                return failing[-length:]
            length *= 2
        return failing

    def _frames(self, setting: Setting, part: list[Stimulus]) -> tuple[Setting, list[Stimulus]]:
        """Frames that go out back to back, if that does; else so long apart that the ECU looks at each."""
        flat = tuple(frame for stimulus in part for frame in stimulus)
        if len(part) > 1 and not self._try(setting, [flat]):
            setting = replace(setting, gap_s=FRAME_GAP_S)
            singles = [(frame,) for frame in flat]
            if not self._try(setting, singles):
                return setting, part
            return setting, reduced(singles, lambda some: self._try(setting, some), most_tries=self._left)
        frames = reduced(flat, lambda some: self._try(setting, [tuple(some)]), most_tries=self._left)
        return setting, [tuple(frames)]

    def repeats(self, setting: Setting, once: Sequence[Stimulus], times: int) -> int:
        """How often it is needed at least, if fewer times do no more than more."""
        fewest, enough = 0, times
        while enough - fewest > 1:
            middle = (fewest + enough) // 2
            if self._try(setting, list(once) * middle):
                enough = middle
            else:
                fewest = middle
        return enough

    def bytes_of(self, setting: Setting, part: list[Stimulus], repeat: int = 1) -> tuple[list[Stimulus], Pattern]:
        """The same stimuli with as few bytes as fail, zeros wherever they do, and which of the bytes matter."""
        pattern: list[tuple[int, ...]] = []
        for index, stimulus in enumerate(part):
            for at, message in enumerate(stimulus):

                def fails(changed: bytes, index: int = index, at: int = at) -> bool:
                    stimulus = part[index]
                    tried = (*stimulus[:at], changed, *stimulus[at + 1 :])
                    return self._try(setting, [*part[:index], tried, *part[index + 1 :]] * repeat)

                if isinstance(message, Keyed):
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
        """Its shortest beginning that fails, if longer ones do no less."""
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
