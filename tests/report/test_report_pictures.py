"""Prove that any sample can be drawn, from its numbers alone."""

import base64
import re
import struct
import zlib
from xml.etree import ElementTree

import pytest
from scipy.stats import binom

from harness.report.pictures import chance_band, figures
from harness.report.plot import ticks
from harness.runs.measured import Limit, Profile, Times

SOUND = tuple(f"{pow(3, 7 + number, 2**61 - 1) % 2**40:010X}" for number in range(500))


def profile(seeds: tuple[str, ...] = (), **times: tuple[float, ...]) -> Profile:
    return Profile(title="", rows=(), seeds=seeds, times=tuple(Times(name=k, seconds=v) for k, v in times.items()))


def within(limit: Limit, *seconds: float) -> Profile:
    """Return a profile of these times, with a limit."""
    return Profile(title="", rows=(), times=(Times(name="first answers", seconds=seconds, limits=(limit,)),))


def texts(image: str) -> list[str]:
    """Return the texts in a picture."""
    return ["".join(one.itertext()) for one in ElementTree.fromstring(image).iter("text")]


def numbers_below(image: str) -> list[float]:
    """Return the numbers along the horizontal axis, in order."""
    written = [one for one in ElementTree.fromstring(image).iter("text") if one.get("text-anchor") == "middle"]
    return [float(one.text or "") for one in written if re.fullmatch(r"-?[0-9.]+", one.text or "")]


def pixels(image: str) -> list[str]:
    """Return the rows of a PNG with one bit for each pixel, as 0 and 1."""
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
    assert int(re.findall(r"chance lie, [0-9% to]+; (\d+)", figures(profile(SOUND))[1].caption)[0]) == 0
    assert int(re.findall(r"chance lie, [0-9% to]+; (\d+)", figures(profile(stuck))[1].caption)[0]) == 1
    assert str(figures(profile(stuck))[1].image).count('class="outside"') == 1


@pytest.mark.parametrize(("trials", "probability"), [(8, 0.5), (256, 0.5), (1000, 0.5), (1280, 1 / 256), (64_000, 1 / 256)])
def test_bands_of_chance_are_those_of_the_binomial_distribution(trials: int, probability: float) -> None:
    low, high = chance_band(trials, probability)
    assert low == binom.ppf(0.0005, trials, probability)
    assert high == binom.ppf(0.9995, trials, probability)


def test_every_plot_names_what_its_axes_count() -> None:
    plots = [*figures(profile(SOUND)), *figures(profile(fast=(0.001, 0.002)))]
    for one in plots:
        written = texts(str(one.image))
        assert len([text for text in written if re.search("[a-z]{3}", text)]) >= 2, one.title
        assert len([text for text in written if re.fullmatch("[0-9A-F.]+", text)]) >= 4, one.title


def test_a_byte_value_that_is_too_frequent_is_framed() -> None:
    even = tuple(bytes((5 * number + place) % 256 for place in range(5)).hex() for number in range(256))
    image = str(figures(profile(even))[2].image)
    assert "0 lie outside." in figures(profile(even))[2].caption
    assert 'class="framed"' not in image
    often = figures(profile((*even, *("AAAAAAAAAA",) * 20)))[2]
    assert "1 lies outside, framed." in often.caption
    (framed,) = re.findall(r'class="framed" d="([^"]+)"', str(often.image))
    assert re.findall(r'class="shade shade-4" d="([^"]+)"', str(often.image)) == [framed]


def test_the_limit_is_marked_where_it_lies_and_what_came_late_is_counted() -> None:
    (one,) = figures(within(Limit(name="P2 <b>", seconds=0.050), 0.020, 0.045, 0.060))
    assert "P2 <b>" in texts(str(one.image))
    assert "1 came later than P2" in one.caption
    assert numbers_below(str(one.image))[0] == 0
    assert numbers_below(str(one.image))[-1] == 60
    (sound,) = figures(within(Limit(name="P2", seconds=0.050), 0.020, 0.045))
    assert "None came later than P2" in sound.caption


def test_answers_far_below_their_limit_are_shown_again_enlarged() -> None:
    far, near = figures(within(Limit(name="P2", seconds=0.050), 0.001, 0.002, 0.003))
    assert near.title == "First answers, enlarged"
    assert max(numbers_below(str(near.image))) < 5
    assert "P2" in texts(str(far.image))
    assert len(figures(within(Limit(name="P2", seconds=0.050), 0.001, 0.001))) == 1


def test_no_axis_of_times_begins_below_zero_or_hides_that_it_begins_above() -> None:
    for seconds in ((0.0, 0.02), (0.000262, 0.000262), (0.0, 0.0), (0.0004, 0.021)):
        (one,) = figures(profile(answers=seconds))
        assert numbers_below(str(one.image))[0] == 0
        assert "not at 0" not in one.caption
    (one,) = figures(profile(answers=(0.000260, 0.000262, 0.000264)))
    assert numbers_below(str(one.image))[0] >= 259
    assert "The axis begins at 260 µs, not at 0." in one.caption


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 0.05), (259.8e-6, 264.2e-6), (-1, 1e9), (0, 3), (0, 1e-9), (5, 5)])
def test_ticks_are_few_round_and_within_the_axis(low: float, high: float) -> None:
    found = ticks(low, high)
    assert len(found) <= 7
    assert all(low - 1e-12 <= value <= high + abs(high) * 1e-9 for value, _ in found)
    assert len({text for _, text in found}) == len(found)


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
    assert numbers_below(str(first.image)) == numbers_below(str(second.image)) != []


@pytest.mark.parametrize("seconds", [(), (1.0,), (float("nan"),) * 3, (float("inf"), 1.0), (0.0, 0.0), (-1.0, 1e9)])
def test_no_time_is_too_odd(seconds: tuple[float, ...]) -> None:
    for one in figures(profile(**{"<script>": seconds})):
        assert "<script>" not in one.image
        assert "nan" not in one.image
