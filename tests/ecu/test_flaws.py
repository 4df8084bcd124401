"""Prove that each flaw changes its ECU as described, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.ecu.flaws import FLAWS
from harness.ecu.profiles import PROFILES
from harness.ecu.rules import EcuDied

from .desk import HardenedDesk

WRONG = "11" * 16
ZEROS = "00" * 16
Scene = Callable[[HardenedDesk], object]


def seeds(desk: HardenedDesk, count: int) -> list[bytes]:
    return [desk.seed() for _ in range(count)]


def constant_seed(desk: HardenedDesk) -> object:
    return len(set(seeds(desk, 12)))


def cycling_seeds(desk: HardenedDesk) -> object:
    given = seeds(desk, 12)
    return len(set(given)), given[:4] == given[4:8]


def no_attempt_limit(desk: HardenedDesk) -> object:
    answers = []
    for _ in range(50):
        if desk.ask("27 01") != "7f 27 37":
            answers.append(desk.send_key(WRONG))
    return answers[:4], len(answers)


def zero_key_without_seed(desk: HardenedDesk) -> object:
    return desk.send_key(WRONG), desk.send_key(ZEROS), desk.is_unlocked()


def zero_key_after_a_seed(desk: HardenedDesk) -> object:
    desk.seed()
    return desk.send_key(ZEROS), desk.send_key(ZEROS)


def dies_on_key_without_seed(desk: HardenedDesk) -> object:
    try:
        return desk.send_key(WRONG)
    except EcuDied:
        desk.power_cycle()
        desk.wait(desk.node.ecu.config.boot_s)
        return "died", desk.ask("3E 00")


def seed_kept_after_wrong_key(desk: HardenedDesk) -> object:
    key = desk.key(desk.seed())
    return desk.send_key(WRONG), desk.send_key(key)


def key_accepted_twice(desk: HardenedDesk) -> object:
    key = desk.key(desk.seed())
    return desk.send_key(key), desk.send_key(key)


def old_key_accepted(desk: HardenedDesk) -> object:
    key = desk.key(desk.seed())
    answers = [desk.send_key(key)]
    desk.ask("10 03")
    desk.seed()
    answers.append(desk.send_key(key))
    desk.power_cycle()
    desk.wait(desk.node.ecu.config.boot_s)
    desk.ask("10 03")
    if desk.ask("27 01") == "7f 27 37":
        return answers, "delayed"
    return answers, desk.send_key(key), desk.is_unlocked()


def default_key(desk: HardenedDesk) -> object:
    desk.seed()
    return desk.send_key("FF" * 16), desk.is_unlocked()


def key_is_inverted_seed(desk: HardenedDesk) -> object:
    answer = desk.send_key(bytes(byte ^ 0xFF for byte in desk.seed()).hex())
    return answer, desk.is_unlocked()


def wrong_key_unlocks(desk: HardenedDesk) -> object:
    desk.seed()
    return desk.send_key(WRONG), desk.is_unlocked()


def malformed_key_unlocks(desk: HardenedDesk) -> object:
    desk.seed()
    return desk.send_key("11"), desk.is_unlocked()


def write_locked(desk: HardenedDesk) -> object:
    return desk.ask("2E 2020 99"), desk.ask("22 2020")


def write_in_each_session(desk: HardenedDesk) -> object:
    answers = []
    for session in ("01", "02", "03"):
        desk.ask(f"10 {session}")
        answers.append(desk.ask("2E 2020 99"))
    return answers


def write_around_a_seed(desk: HardenedDesk) -> object:
    answers = [desk.ask("2E 2020 99")]
    desk.seed()
    answers.append(desk.ask("2E 2020 99"))
    desk.send_key(WRONG)
    return [*answers, desk.ask("2E 2020 99")]


def write_too_much(desk: HardenedDesk) -> object:
    desk.send_right_key()
    return desk.ask("2E 2020 AABB"), desk.ask("22 2020 1010"), desk.ask("2E 2020")


def go_to_the_default_session_and_back(desk: HardenedDesk) -> object:
    desk.send_right_key()
    desk.ask("10 01")
    in_default = desk.is_unlocked()
    desk.ask("10 03")
    return in_default, desk.is_unlocked()


def unlock_survives_default_session(desk: HardenedDesk) -> object:
    back = go_to_the_default_session_and_back(desk)
    desk.ask("10 03")
    again = desk.is_unlocked()
    return back, again


def unlock_survives_same_session(desk: HardenedDesk) -> object:
    desk.send_right_key()
    desk.ask("10 03")
    same = desk.is_unlocked()
    desk.ask("10 02")
    return same, desk.is_unlocked()


def refusals(desk: HardenedDesk) -> object:
    desk.seed()
    return desk.send_key(WRONG), desk.ask("22 FFFF"), desk.ask("BA"), desk.send_key(WRONG)


def unsupported_services(desk: HardenedDesk) -> object:
    return desk.ask("BA"), desk.ask("22 FFFF")


def unasked_frames(desk: HardenedDesk) -> object:
    return desk.give("740#212E101077"), desk.give("740#30221010")


def frames_that_were_asked_for(desk: HardenedDesk) -> object:
    first_frame = desk.give("740#0322F18C")
    answer = first_frame + desk.give("740#300000")
    flow_control = desk.give("740#1009221010202010")
    return answer, flow_control, desk.give("740#21101010")


def padded_writes(desk: HardenedDesk) -> object:
    answers = []
    for frame in ("032E101055555555", "032E1010", "052E101012340000"):
        desk.ask("2E 1010 99")
        answers.append((desk.give(f"740#{frame}"), desk.ask("22 1010")))
    return answers


SOUND_REFUSALS = ("7f 27 35", "7f 22 31", "7f ba 11", "7f 27 24")
LIMIT = (["7f 27 35", "7f 27 35", "7f 27 36"], 3)
REFUSED = ["748#037F2E1300000000"]
STORED = ["748#036E101000000000"]

SCENES: list[tuple[str, Scene, object, object]] = [
    ("constant_seed", constant_seed, 12, 1),
    ("cycling_seeds", cycling_seeds, (12, False), (4, True)),
    ("no_attempt_limit", no_attempt_limit, LIMIT, (["7f 27 35"] * 4, 50)),
    ("zero_key_without_seed", zero_key_without_seed, ("7f 27 24", "7f 27 24", False), ("7f 27 24", "67 02", True)),
    ("dies_on_key_without_seed", dies_on_key_without_seed, "7f 27 24", ("died", "7e 00")),
    ("seed_kept_after_wrong_key", seed_kept_after_wrong_key, ("7f 27 35", "7f 27 24"), ("7f 27 35", "67 02")),
    ("key_accepted_twice", key_accepted_twice, ("67 02", "7f 27 24"), ("67 02", "67 02")),
    ("old_key_accepted", old_key_accepted, (["67 02", "7f 27 35"], "delayed"), (["67 02", "67 02"], "67 02", True)),
    ("default_key", default_key, ("7f 27 35", False), ("67 02", True)),
    ("key_is_inverted_seed", key_is_inverted_seed, ("7f 27 35", False), ("67 02", True)),
    ("wrong_key_unlocks", wrong_key_unlocks, ("7f 27 35", False), ("7f 27 35", True)),
    ("malformed_key_unlocks", malformed_key_unlocks, ("7f 27 13", False), ("7f 27 13", True)),
    ("write_before_refusal", write_locked, ("7f 2e 33", "62 20 20 ff"), ("7f 2e 33", "62 20 20 99")),
    ("write_unprotected", write_locked, ("7f 2e 33", "62 20 20 ff"), ("6e 20 20", "62 20 20 99")),
    (
        "unprotected_in_extended_session",
        write_in_each_session,
        ["7f 2e 33", "7f 2e 33", "7f 2e 33"],
        ["7f 2e 33", "7f 2e 33", "6e 20 20"],
    ),
    (
        "unprotected_while_seed_pending",
        write_around_a_seed,
        ["7f 2e 33", "7f 2e 33", "7f 2e 33"],
        ["7f 2e 33", "6e 20 20", "7f 2e 33"],
    ),
    (
        "write_length_unchecked",
        write_too_much,
        ("7f 2e 13", "62 20 20 ff 10 10 ff", "7f 2e 13"),
        ("6e 20 20", "62 20 20 aa 10 10 ff", "7f 2e 13"),
    ),
    (
        "unlock_survives_default_session",
        unlock_survives_default_session,
        ((False, False), False),
        ((True, True), False),
    ),
    ("unlock_survives_same_session", unlock_survives_same_session, (False, False), (True, False)),
    ("invalid_key_as_request", refusals, SOUND_REFUSALS, ("27 35", *SOUND_REFUSALS[1:])),
    ("negative_with_length", refusals, SOUND_REFUSALS, ("7f 12 35", "7f 03 31", *SOUND_REFUSALS[2:])),
    ("negative_with_wrong_service", refusals, SOUND_REFUSALS, ("7f 26 35", "7f 23 31", *SOUND_REFUSALS[2:])),
    ("negative_without_code", refusals, SOUND_REFUSALS, ("7f 27", "7f 22", *SOUND_REFUSALS[2:])),
    ("unsupported_service_answered_31", unsupported_services, ("7f ba 11", "7f 22 31"), ("7f ba 31", "7f 22 31")),
    ("unsupported_service_silent", unsupported_services, ("7f ba 11", "7f 22 31"), ("", "7f 22 31")),
    ("consecutive_frame_executed", unasked_frames, ([], []), (STORED, [])),
    ("flow_control_executed", unasked_frames, ([], []), ([], ["748#04621010FF000000"])),
    (
        "padding_taken_as_data",
        padded_writes,
        [(REFUSED, "62 10 10 99")] * 3,
        [(STORED, "62 10 10 55"), (STORED, "62 10 10 00"), (STORED, "62 10 10 12")],
    ),
]


def in_extended_session(*flaws: str) -> HardenedDesk:
    desk = HardenedDesk(flaws=flaws)
    desk.ask("10 03")
    return desk


@pytest.mark.parametrize(("name", "scene", "sound", "flawed"), SCENES, ids=[scene[0] for scene in SCENES])
def test_flaw_does_what_it_says(name: str, scene: Scene, sound: object, flawed: object) -> None:
    assert scene(in_extended_session()) == sound
    assert scene(in_extended_session(name)) == flawed


def test_scenes_are_of_flaws() -> None:
    """What has no scene here is seen by the checks: tests/matrix."""
    assert {scene[0] for scene in SCENES} <= set(FLAWS)


@pytest.mark.parametrize("name", [scene[0] for scene in SCENES])
def test_polite_tester_notices_no_flaw(name: str) -> None:
    assert polite_conversation(HardenedDesk(flaws=[name])) == polite_conversation(HardenedDesk())


def polite_conversation(desk: HardenedDesk) -> list[object]:
    """What a workshop does: everything in order, and only what is allowed."""
    heard: list[object] = [desk.ask("3E 00"), desk.ask("22 1010 2020"), desk.ask("10 03")]
    for level, write in ((1, "2E 2020 99"), (3, "2E 3030 0123")):
        heard += [desk.send_right_key(level), desk.ask(write), desk.seed(level), desk.ask("10 02")]
    heard += [frames_that_were_asked_for(desk), desk.give("740#042E10105A000000"), desk.ask("11 01")]
    desk.wait(0.1)
    return [*heard, desk.ask("22 1010 2020 3030"), desk.ask("27 01")]


def test_key_of_zeros_is_refused_once_a_seed_was_given() -> None:
    assert zero_key_after_a_seed(in_extended_session("zero_key_without_seed")) == ("7f 27 35", "7f 27 24")


def test_key_of_zeros_is_accepted_again_after_relocking() -> None:
    desk = in_extended_session("zero_key_without_seed")
    desk.seed()
    desk.ask("10 03")
    assert desk.send_key(ZEROS) == "67 02"


def test_kept_seed_is_gone_at_the_limit() -> None:
    desk = in_extended_session("seed_kept_after_wrong_key")
    key = desk.key(desk.seed())
    assert [desk.send_key(WRONG) for _ in range(3)] == ["7f 27 35", "7f 27 35", "7f 27 36"]
    assert desk.send_key(key) == "7f 27 24"


@pytest.mark.parametrize("name", ["unlock_survives_default_session", "unlock_survives_same_session"])
def test_unlock_that_survives_leaves_no_seed_behind(name: str) -> None:
    desk = in_extended_session(name)
    for sessions in (("01", "03"), ("03",)):
        key = desk.key(desk.seed())
        for session in sessions:
            desk.ask(f"10 {session}")
        assert desk.send_key(key) == "7f 27 24"


def test_unlock_that_survives_lasts_in_the_default_session() -> None:
    desk = in_extended_session("unlock_survives_default_session")
    desk.send_right_key()
    desk.ask("10 01")
    desk.wait(60.0)
    assert desk.is_unlocked()


def test_missing_key_kills_only_before_the_first_seed() -> None:
    desk = in_extended_session("dies_on_key_without_seed")
    desk.send_wrong_key()
    assert desk.send_key(WRONG) == "7f 27 24"


def test_frames_that_were_asked_for_are_no_requests() -> None:
    sound = frames_that_were_asked_for(in_extended_session())
    for name in ("consecutive_frame_executed", "flow_control_executed"):
        assert frames_that_were_asked_for(in_extended_session(name)) == sound


def test_metadata_is_complete() -> None:
    for name, flaw in FLAWS.items():
        assert flaw.name == name
        assert flaw.what.endswith(".")
        assert flaw.kills or flaw.survives
        assert flaw.base in PROFILES
        assert not set(flaw.kills) & set(flaw.also)
