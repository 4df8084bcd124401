"""Prove that random frames and requests are repeatable, of every kind, and never too long."""

from collections.abc import Callable

import pytest

from harness.fuzz.generate import frame_sequence, mutated_request, random_frame, valid_requests
from harness.link.clock import Chance
from harness.target import load_target

REQUESTS = valid_requests(load_target("hardened"))


def draw(make: Callable[..., object], count: int = 2000, seed: int = 1) -> list[object]:
    chance = Chance(seed)
    return [make(chance, REQUESTS) for _ in range(count)]


@pytest.mark.parametrize("make", [random_frame, mutated_request, frame_sequence])
def test_the_same_chance_gives_the_same(make: Callable[..., object]) -> None:
    assert draw(make, 200) == draw(make, 200)
    assert draw(make, 200) != draw(make, 200, seed=2)


def test_frames_are_of_every_length_and_type() -> None:
    frames = [bytes(one) for one in draw(random_frame)]  # type: ignore[call-overload]
    assert {len(frame) for frame in frames} == set(range(9))
    assert {frame[0] >> 4 for frame in frames if frame} == set(range(16))


def test_many_frames_are_messages_of_known_services() -> None:
    frames = [bytes(one) for one in draw(random_frame)]  # type: ignore[call-overload]
    single = [frame for frame in frames if len(frame) > 1 and 0 < frame[0] < len(frame)]
    assert len(single) > len(frames) / 3
    assert {0x10, 0x22, 0x27, 0x2E, 0x31} <= {frame[1] for frame in single}


def test_mutations_are_close_to_what_is_valid() -> None:
    mutations = [bytes(one) for one in draw(mutated_request)]  # type: ignore[call-overload]
    assert all(mutations)
    assert max(map(len, mutations)) > 60
    heads = {request[:2] for request in REQUESTS}
    assert sum(one[:2] in heads for one in mutations) > len(mutations) / 2


def test_sequences_hold_frames_of_eight_bytes_in_wrong_orders() -> None:
    sequences = draw(frame_sequence)
    frames = [frame for sequence in sequences for frame in sequence]  # type: ignore[attr-defined]
    assert {len(frame) for frame in frames} == {8}
    assert {frame[0] >> 4 for frame in frames} == {0, 1, 2, 3}
    first_then_zero = [one for one in sequences if one[0][0] >> 4 == 1 and one[1][0] == 0x20]  # type: ignore[index]
    assert len(first_then_zero) > 50


def test_requests_speak_of_what_is_declared() -> None:
    assert b"\x22\x20\x20" in REQUESTS
    assert b"\x27\x03" in REQUESTS
    assert b"\x10\x03" in REQUESTS
    assert not any(request[0] == 0x10 for request in valid_requests(load_target("article")))
