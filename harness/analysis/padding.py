"""Compare the padding of ISO-TP messages with earlier frames, and with secrets that it must not show."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

_SINGLE, _FIRST, _CONSECUTIVE, _FLOW_CONTROL = range(4)

WINDOW: Final = 3
"""How many bytes in a row must equal bytes of an earlier frame; chance gives so many once in 2^24."""
MEMORY_FRAMES: Final = 32
LEAST_REPEATS: Final = 3
LEAST_FIRST: Final = 7
"""The shortest data of a first frame, in bytes: a first frame fills all 8, of which an address may take one."""


class Observed(NamedTuple):
    """A frame's data without its address, and whether the ECU sent it."""

    data: bytes
    is_from_ecu: bool


@dataclass(frozen=True, slots=True)
class Padding:
    """The padding of one ECU's messages."""

    frames: int
    """How many frames were padded."""
    values: frozenset[int]
    """Every byte value that was used as padding."""
    is_uniform: bool
    """Whether all frames of each kind (single, consecutive, flow control) are padded with the same byte value."""
    repeats: tuple[tuple[int, bytes], ...]
    """Paddings that repeat bytes of an earlier frame: the number of the padded frame, and those bytes."""

    @property
    def leaks(self) -> bool:
        """Whether padding repeats earlier bytes more often than chance gives."""
        return len(self.repeats) >= LEAST_REPEATS


def padding_of(frames: Iterable[Observed]) -> Padding:
    """Describe the padding of the ECU's frames; `frames` are all frames in the order of the bus, also those to the ECU."""
    earlier: deque[bytes] = deque(maxlen=MEMORY_FRAMES)
    by_kind: dict[int, set[int]] = {}
    count = 0
    is_uniform = True
    repeats = []
    for number, (data, pad, is_from_ecu) in enumerate(_split(frames)):
        if is_from_ecu and pad:
            count += 1
            is_uniform = is_uniform and len(set(pad)) == 1
            by_kind.setdefault(data[0] >> 4, set()).update(pad)
            repeated = _repeated(pad, earlier)
            if repeated:
                repeats.append((number, repeated))
        earlier.append(data[1 : len(data) - len(pad)])
    is_uniform = is_uniform and all(len(values) == 1 for values in by_kind.values())
    return Padding(count, frozenset[int]().union(*by_kind.values()), is_uniform, tuple(repeats))


def shown_in_padding(frames: Iterable[Observed], material: Mapping[str, bytes]) -> list[tuple[int, str]]:
    """Return (frame number, name) for each frame of the ECU whose padding contains bytes of a secret in `material`."""
    found = []
    for number, (_, pad, is_from_ecu) in enumerate(_split(frames)):
        for name, secret in material.items() if is_from_ecu and pad else ():
            if _repeated(pad, (secret,)):
                found.append((number, name))
    return found


def _split(frames: Iterable[Observed]) -> Iterator[tuple[bytes, bytes, bool]]:
    """Yield each frame's data, its padding, and whether the ECU sent it; a last frame's length follows from its first."""
    missing = {True: 0, False: 0}
    for data, is_from_ecu in frames:
        if not data:
            continue
        kind, used = data[0] >> 4, len(data)
        if kind == _SINGLE and 0 < data[0] < len(data):
            used = 1 + data[0]
        elif kind == _FIRST and len(data) >= LEAST_FIRST:
            missing[is_from_ecu] = ((data[0] & 0x0F) << 8 | data[1]) - (len(data) - 2)
        elif kind == _CONSECUTIVE and missing[is_from_ecu] > 0:
            used = min(1 + missing[is_from_ecu], len(data))
            missing[is_from_ecu] -= used - 1
        elif kind == _FLOW_CONTROL:
            used = min(3, len(data))
        yield data, data[used:], is_from_ecu


def _repeated(pad: bytes, earlier: Iterable[bytes]) -> bytes:
    """Return the first `WINDOW` bytes of a padding, not all equal, that an earlier frame has, too; empty if none."""
    for start in range(len(pad) - WINDOW + 1):
        window = pad[start : start + WINDOW]
        if len(set(window)) > 1 and any(window in content for content in earlier):
            return window
    return b""
