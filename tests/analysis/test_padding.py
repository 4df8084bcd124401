"""Prove that padding which repeats earlier frames is distinguished from constants and noise."""

import random
from collections.abc import Callable

import pytest

from harness.analysis.padding import Observed, Padding, padding_of

Pad = Callable[[int, bytes], bytes]
"""A function from the number of missing bytes and the last frame to the bytes that fill the frame up."""


def conversation(pad: Pad, *, seed: int = 1, rounds: int = 40) -> Padding:
    """Return requests and answers of several lengths; answers are filled up by `pad`, requests with zeros."""
    chance = random.Random(seed)
    frames: list[Observed] = []

    def say(content: bytes, is_from_ecu: bool) -> None:
        missing = 8 - len(content)
        last = frames[-1].data if frames else bytes(8)
        frames.append(Observed(content + (pad(missing, last) if is_from_ecu else bytes(missing)), is_from_ecu))

    for _ in range(rounds):
        key = chance.randbytes(16)
        say(b"\x10\x12\x27\x02" + key[:4], False)
        say(b"\x30\x00\x00", True)
        say(b"\x21" + key[4:11], False)
        say(b"\x22" + key[11:], False)
        say(b"\x02\x67\x02", True)
        say(b"\x03\x22\x10\x10", False)
        say(b"\x04\x62\x10\x10\xff", True)
        say(b"\x10\x0a\x62\x20\x20\x01\x02\x03", True)
        say(b"\x21\x04\x05\x06\x07", True)
    return padding_of(frames)


@pytest.mark.parametrize("value", [0x00, 0x55, 0xAA, 0xCC, 0xFF])
def test_one_constant_byte_is_uniform(value: int) -> None:
    padding = conversation(lambda missing, last: bytes((value,)) * missing)
    assert (padding.values, padding.is_uniform, padding.leaks) == (frozenset((value,)), True, False)
    assert padding.frames == 160


def test_a_buffer_that_is_not_cleared_leaks() -> None:
    padding = conversation(lambda missing, last: last[8 - missing :])
    assert padding.leaks
    assert not padding.is_uniform


@pytest.mark.parametrize("seed", range(30))
def test_noise_varies_and_repeats_nothing(seed: int) -> None:
    chance = random.Random(1000 + seed)
    padding = conversation(lambda missing, last: chance.randbytes(missing), seed=seed)
    assert not padding.leaks
    assert not padding.is_uniform


def test_a_constant_text_is_no_repetition() -> None:
    padding = conversation(lambda missing, last: b"padding!"[8 - missing :])
    assert not padding.leaks


def test_unpadded_frames_have_no_padding() -> None:
    assert conversation(lambda missing, last: b"").frames == 0
