"""Prove that any sample can be drawn, from numbers alone."""

from __future__ import annotations

import base64
import re
import struct
import zlib
from xml.etree import ElementTree

import pytest

from harness.report.pictures import figures
from harness.runs.measured import Profile, Times

SOUND = tuple(f"{pow(3, 7 + number, 2**61 - 1) % 2**40:010X}" for number in range(500))


def profile(seeds: tuple[str, ...] = (), **times: tuple[float, ...]) -> Profile:
    return Profile(title="", rows=(), seeds=seeds, times=tuple(Times(name=k, seconds=v) for k, v in times.items()))


def pixels(image: str) -> list[str]:
    """The rows of a PNG of one bit a pixel, as 0 and 1."""
    png = base64.b64decode(image.split("base64,")[1].split('"')[0])
    width, height = struct.unpack(">II", png[16:24])
    content = zlib.decompress(png[png.index(b"IDAT") + 4 :])
    stride = (width + 7) // 8 + 1
    rows = (content[row * stride + 1 : (row + 1) * stride] for row in range(height))
    return ["".join(f"{byte:08b}" for byte in row)[:width] for row in rows]


def test_the_map_of_bits_has_a_column_for_each_seed_and_a_row_for_each_bit() -> None:
    seeds = tuple(f"{number:04X}" for number in range(0x0100, 0x0110))
    bits = pixels(str(figures(profile(seeds))[0].image))
    assert len(bits) == 16
    assert bits[7] == "1" * 16
    assert bits[-1] == "01" * 8
    assert bits[0] == "0" * 16


def test_a_sample_has_four_pictures_that_say_what_there_is_to_see() -> None:
    found = figures(profile(SOUND))
    assert [one.title for one in found] == ["Bits", "Share of ones", "Byte values", "Each seed and the next"]
    assert "The first 256 seeds" in found[0].caption
    assert "40 bits is 1, in 500 seeds" in found[1].caption
    for one in found[1:]:
        assert ElementTree.fromstring(str(one.image)).attrib["aria-label"]


def test_a_stuck_bit_is_counted_as_lying_outside() -> None:
    stuck = tuple(f"{int(seed, 16) | 0x80:010X}" for seed in SOUND)
    assert int(re.findall(r"chance lie; (\d+)", figures(profile(SOUND))[1].caption)[0]) == 0
    assert int(re.findall(r"chance lie; (\d+)", figures(profile(stuck))[1].caption)[0]) == 1


@pytest.mark.parametrize(
    "seeds", [(), ("",) * 20, ("zz", "<b>") * 20, ("01",) * 7, ("00" * 4096,) * 20, ("01", "0102") * 10, ("AA",) * 300]
)
def test_no_sample_is_too_odd(seeds: tuple[str, ...]) -> None:
    for one in figures(profile(seeds)):
        assert "<b>" not in one.image
        assert len(one.image) < 60_000


def test_histograms_share_their_scale_and_state_their_error() -> None:
    first, second = figures(profile(fast=(0.001, 0.002, 0.003), slow=(0.010, 0.010)))
    assert "3 answers; the mean is 2.000 ms ± 577.4 µs" in first.caption
    assert "do not differ at the resolution of the time stamps" in second.caption
    assert re.findall(r"[0-9.]+ ms", str(first.image)) == re.findall(r"[0-9.]+ ms", str(second.image))


@pytest.mark.parametrize("seconds", [(), (1.0,), (float("nan"),) * 3, (float("inf"), 1.0), (0.0, 0.0), (-1.0, 1e9)])
def test_no_time_is_too_odd(seconds: tuple[float, ...]) -> None:
    for one in figures(profile(**{"<script>": seconds})):
        assert "<script>" not in one.image
        assert "nan" not in one.image
