"""Prove that each flaw changes its ECU as described, and nothing else."""

from collections.abc import Callable

import pytest

from harness.ecu.flaws import FLAWS
from harness.ecu.profiles import PROFILES
from harness.ecu.rules import EcuDied

from .bench import HardenedBench

WRONG = "11" * 16
ZEROS = "00" * 16
Scene = Callable[[HardenedBench], object]


def seeds(bench: HardenedBench, count: int) -> list[bytes]:
    return [bench.seed() for _ in range(count)]


def constant_seed(bench: HardenedBench) -> object:
    return len(set(seeds(bench, 12)))


def cycling_seeds(bench: HardenedBench) -> object:
    given = seeds(bench, 12)
    return len(set(given)), given[:4] == given[4:8]


def no_attempt_limit(bench: HardenedBench) -> object:
    answers = []
    for _ in range(50):
        if bench.ask("27 01") != "7f 27 37":
            answers.append(bench.send_key(WRONG))
    return answers[:4], len(answers)


def zero_key_without_seed(bench: HardenedBench) -> object:
    return bench.send_key(WRONG), bench.send_key(ZEROS), bench.is_unlocked()


def zero_key_after_a_seed(bench: HardenedBench) -> object:
    bench.seed()
    return bench.send_key(ZEROS), bench.send_key(ZEROS)


def dies_on_key_without_seed(bench: HardenedBench) -> object:
    try:
        return bench.send_key(WRONG)
    except EcuDied:
        bench.power_cycle()
        bench.wait(bench.node.ecu.config.boot_s)
        return "died", bench.ask("3E 00")


def seed_kept_after_wrong_key(bench: HardenedBench) -> object:
    key = bench.key(bench.seed())
    return bench.send_key(WRONG), bench.send_key(key)


def key_accepted_twice(bench: HardenedBench) -> object:
    key = bench.key(bench.seed())
    return bench.send_key(key), bench.send_key(key)


def old_key_accepted(bench: HardenedBench) -> object:
    key = bench.key(bench.seed())
    answers = [bench.send_key(key)]
    bench.ask("10 03")
    bench.seed()
    answers.append(bench.send_key(key))
    bench.power_cycle()
    bench.wait(bench.node.ecu.config.boot_s)
    bench.ask("10 03")
    if bench.ask("27 01") == "7f 27 37":
        return answers, "delayed"
    return answers, bench.send_key(key), bench.is_unlocked()


def default_key(bench: HardenedBench) -> object:
    bench.seed()
    return bench.send_key("FF" * 16), bench.is_unlocked()


def key_is_inverted_seed(bench: HardenedBench) -> object:
    answer = bench.send_key(bytes(byte ^ 0xFF for byte in bench.seed()).hex())
    return answer, bench.is_unlocked()


def wrong_key_unlocks(bench: HardenedBench) -> object:
    bench.seed()
    return bench.send_key(WRONG), bench.is_unlocked()


def malformed_key_unlocks(bench: HardenedBench) -> object:
    bench.seed()
    return bench.send_key("11"), bench.is_unlocked()


def write_locked(bench: HardenedBench) -> object:
    return bench.ask("2E 2020 99"), bench.ask("22 2020")


def write_in_each_session(bench: HardenedBench) -> object:
    answers = []
    for session in ("01", "02", "03"):
        bench.ask(f"10 {session}")
        answers.append(bench.ask("2E 2020 99"))
    return answers


def write_around_a_seed(bench: HardenedBench) -> object:
    answers = [bench.ask("2E 2020 99")]
    bench.seed()
    answers.append(bench.ask("2E 2020 99"))
    bench.send_key(WRONG)
    return [*answers, bench.ask("2E 2020 99")]


def write_too_much(bench: HardenedBench) -> object:
    bench.send_right_key()
    return bench.ask("2E 2020 AABB"), bench.ask("22 2020 1010"), bench.ask("2E 2020")


def go_to_the_default_session_and_back(bench: HardenedBench) -> object:
    bench.send_right_key()
    bench.ask("10 01")
    in_default = bench.is_unlocked()
    bench.ask("10 03")
    return in_default, bench.is_unlocked()


def unlock_survives_default_session(bench: HardenedBench) -> object:
    back = go_to_the_default_session_and_back(bench)
    bench.ask("10 03")
    again = bench.is_unlocked()
    return back, again


def unlock_survives_same_session(bench: HardenedBench) -> object:
    bench.send_right_key()
    bench.ask("10 03")
    same = bench.is_unlocked()
    bench.ask("10 02")
    return same, bench.is_unlocked()


def refusals(bench: HardenedBench) -> object:
    bench.seed()
    return bench.send_key(WRONG), bench.ask("22 FFFF"), bench.ask("BA"), bench.send_key(WRONG)


def unsupported_services(bench: HardenedBench) -> object:
    return bench.ask("BA"), bench.ask("22 FFFF")


def unasked_frames(bench: HardenedBench) -> object:
    return bench.give("740#212E101077"), bench.give("740#30221010")


def frames_that_were_asked_for(bench: HardenedBench) -> object:
    first_frame = bench.give("740#0322F18C")
    answer = first_frame + bench.give("740#300000")
    flow_control = bench.give("740#1009221010202010")
    return answer, flow_control, bench.give("740#21101010")


def padded_writes(bench: HardenedBench) -> object:
    answers = []
    for frame in ("032E101055555555", "032E1010", "052E101012340000"):
        bench.ask("2E 1010 99")
        answers.append((bench.give(f"740#{frame}"), bench.ask("22 1010")))
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


def in_extended_session(*flaws: str) -> HardenedBench:
    bench = HardenedBench(flaws=flaws)
    bench.ask("10 03")
    return bench


@pytest.mark.parametrize(("name", "scene", "sound", "flawed"), SCENES, ids=[scene[0] for scene in SCENES])
def test_flaw_does_what_it_says(name: str, scene: Scene, sound: object, flawed: object) -> None:
    assert scene(in_extended_session()) == sound
    assert scene(in_extended_session(name)) == flawed


def test_scenes_are_of_flaws() -> None:
    """What has no scene here is seen by the checks: tests/matrix."""
    assert {scene[0] for scene in SCENES} <= set(FLAWS)


@pytest.mark.parametrize("name", [scene[0] for scene in SCENES])
def test_polite_tester_notices_no_flaw(name: str) -> None:
    assert polite_conversation(HardenedBench(flaws=[name])) == polite_conversation(HardenedBench())


def polite_conversation(bench: HardenedBench) -> list[object]:
    """What a workshop does: everything in order, and only what is allowed."""
    heard: list[object] = [bench.ask("3E 00"), bench.ask("22 1010 2020"), bench.ask("10 03")]
    for level, write in ((1, "2E 2020 99"), (3, "2E 3030 0123")):
        heard += [bench.send_right_key(level), bench.ask(write), bench.seed(level), bench.ask("10 02")]
    heard += [frames_that_were_asked_for(bench), bench.give("740#042E10105A000000"), bench.ask("11 01")]
    bench.wait(0.1)
    return [*heard, bench.ask("22 1010 2020 3030"), bench.ask("27 01")]


def test_key_of_zeros_is_refused_once_a_seed_was_given() -> None:
    assert zero_key_after_a_seed(in_extended_session("zero_key_without_seed")) == ("7f 27 35", "7f 27 24")


def test_key_of_zeros_is_accepted_again_after_relocking() -> None:
    bench = in_extended_session("zero_key_without_seed")
    bench.seed()
    bench.ask("10 03")
    assert bench.send_key(ZEROS) == "67 02"


def test_kept_seed_is_gone_at_the_limit() -> None:
    bench = in_extended_session("seed_kept_after_wrong_key")
    key = bench.key(bench.seed())
    assert [bench.send_key(WRONG) for _ in range(3)] == ["7f 27 35", "7f 27 35", "7f 27 36"]
    assert bench.send_key(key) == "7f 27 24"


@pytest.mark.parametrize("name", ["unlock_survives_default_session", "unlock_survives_same_session"])
def test_unlock_that_survives_leaves_no_seed_behind(name: str) -> None:
    bench = in_extended_session(name)
    for sessions in (("01", "03"), ("03",)):
        key = bench.key(bench.seed())
        for session in sessions:
            bench.ask(f"10 {session}")
        assert bench.send_key(key) == "7f 27 24"


def test_unlock_that_survives_lasts_in_the_default_session() -> None:
    bench = in_extended_session("unlock_survives_default_session")
    bench.send_right_key()
    bench.ask("10 01")
    bench.wait(60.0)
    assert bench.is_unlocked()


def test_missing_key_kills_only_before_the_first_seed() -> None:
    bench = in_extended_session("dies_on_key_without_seed")
    bench.send_wrong_key()
    assert bench.send_key(WRONG) == "7f 27 24"


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
