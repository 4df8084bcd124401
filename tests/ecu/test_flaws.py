"""Prove that each flaw changes its ECU as described, and nothing else."""

from collections.abc import Callable

import pytest

from harness.audit.catalogue import shipped_functions
from harness.ecu.flaws import FLAWS
from harness.ecu.profiles import PROFILES
from harness.ecu.rules import EcuDied
from harness.testing import run_checks
from harness.verdict import Verdict
from tests.steps import dialogues, play

from ..variants import with_changes
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


def dies_on_key_without_seed(bench: HardenedBench) -> object:
    try:
        return bench.send_key(WRONG)
    except EcuDied:
        bench.power_cycle()
        bench.wait(bench.node.ecu.config.boot_s)
        return "died", bench.ask("3E 00")


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


def key_is_inverted_seed(bench: HardenedBench) -> object:
    answer = bench.send_key(bytes(byte ^ 0xFF for byte in bench.seed()).hex())
    return answer, bench.is_unlocked()


def frames_that_were_asked_for(bench: HardenedBench) -> object:
    first_frame = bench.give("740#0322F18C")
    answer = first_frame + bench.give("740#300000")
    flow_control = bench.give("740#1009221010202010")
    return answer, flow_control, bench.give("740#21101010")


SCENES: list[tuple[str, Scene, object, object]] = [
    ("constant_seed", constant_seed, 12, 1),
    ("cycling_seeds", cycling_seeds, (12, False), (4, True)),
    ("no_attempt_limit", no_attempt_limit, (["7f 27 35", "7f 27 35", "7f 27 36"], 3), (["7f 27 35"] * 4, 50)),
    ("dies_on_key_without_seed", dies_on_key_without_seed, "7f 27 24", ("died", "7e 00")),
    ("old_key_accepted", old_key_accepted, (["67 02", "7f 27 35"], "delayed"), (["67 02", "67 02"], "67 02", True)),
    ("key_is_inverted_seed", key_is_inverted_seed, ("7f 27 35", False), ("67 02", True)),
]
REFUSED, STORED = "748#037F2E1300000000", "748#036E101000000000"
DIALOGUES = dialogues(f"""
zero_key_without_seed
    27 02 {WRONG} > 7f 27 24 | 27 02 {ZEROS} > 7f 27 24 / 67 02 | is open > no / yes
seed_kept_after_wrong_key
    seed | 27 02 {WRONG} > 7f 27 35 | key of the seed > 7f 27 24 / 67 02
key_accepted_twice
    seed | key of the seed > 67 02 | key of the seed > 7f 27 24 / 67 02
default_key
    seed | 27 02 {"FF" * 16} > 7f 27 35 / 67 02 | is open > no / yes
wrong_key_unlocks
    seed | 27 02 {WRONG} > 7f 27 35 | is open > no / yes
malformed_key_unlocks
    seed | 27 02 11 > 7f 27 13 | is open > no / yes
write_before_refusal
    2E 2020 99 > 7f 2e 33 | 22 2020 > 62 20 20 ff / 62 20 20 99
write_unprotected
    2E 2020 99 > 7f 2e 33 / 6e 20 20 | 22 2020 > 62 20 20 ff / 62 20 20 99
unprotected_in_extended_session
    10 01 | 2E 2020 99 > 7f 2e 33 | 10 02 | 2E 2020 99 > 7f 2e 33 | 10 03 | 2E 2020 99 > 7f 2e 33 / 6e 20 20
unprotected_while_seed_pending
    2E 2020 99 > 7f 2e 33 | seed | 2E 2020 99 > 7f 2e 33 / 6e 20 20 | 27 02 {WRONG} | 2E 2020 99 > 7f 2e 33
write_length_unchecked
    right key | 2E 2020 AABB > 7f 2e 13 / 6e 20 20 | 22 2020 1010 > 62 20 20 ff 10 10 ff / 62 20 20 aa 10 10 ff
    2E 2020 > 7f 2e 13
unlock_survives_default_session
    right key | 10 01 | is open > no / yes | 10 03 | is open > no / yes | 10 03 | is open > no
unlock_survives_same_session
    right key | 10 03 | is open > no / yes | 10 02 | is open > no
invalid_key_as_request
    seed | 27 02 {WRONG} > 7f 27 35 / 27 35 | 22 FFFF > 7f 22 31 | BA > 7f ba 11 | 27 02 {WRONG} > 7f 27 24
negative_with_length
    seed | 27 02 {WRONG} > 7f 27 35 / 7f 12 35 | 22 FFFF > 7f 22 31 / 7f 03 31 | BA > 7f ba 11 | 27 02 {WRONG} > 7f 27 24
negative_with_wrong_service
    seed | 27 02 {WRONG} > 7f 27 35 / 7f 26 35 | 22 FFFF > 7f 22 31 / 7f 23 31 | BA > 7f ba 11 | 27 02 {WRONG} > 7f 27 24
negative_without_code
    seed | 27 02 {WRONG} > 7f 27 35 / 7f 27 | 22 FFFF > 7f 22 31 / 7f 22 | BA > 7f ba 11 | 27 02 {WRONG} > 7f 27 24
unsupported_service_answered_31
    BA > 7f ba 11 / 7f ba 31 | 22 FFFF > 7f 22 31
unsupported_service_silent
    BA > 7f ba 11 / nothing | 22 FFFF > 7f 22 31
consecutive_frame_executed
    740#212E101077 > nothing / {STORED} | 740#30221010 > nothing
flow_control_executed
    740#212E101077 > nothing | 740#30221010 > nothing / 748#04621010FF000000
padding_taken_as_data
    2E 1010 99 | 740#032E101055555555 > {REFUSED} / {STORED} | 22 1010 > 62 10 10 99 / 62 10 10 55
    2E 1010 99 | 740#032E1010 > {REFUSED} / {STORED} | 22 1010 > 62 10 10 99 / 62 10 10 00
    2E 1010 99 | 740#052E101012340000 > {REFUSED} / {STORED} | 22 1010 > 62 10 10 99 / 62 10 10 12
""")
SHOWN = [*(scene[0] for scene in SCENES), *(str(one.id) for one in DIALOGUES)]


def in_extended_session(*flaws: str) -> HardenedBench:
    bench = HardenedBench(flaws=flaws)
    bench.ask("10 03")
    return bench


@pytest.mark.parametrize(("name", "scene", "sound", "flawed"), SCENES, ids=[scene[0] for scene in SCENES])
def test_flaw_does_what_it_says(name: str, scene: Scene, sound: object, flawed: object) -> None:
    assert scene(in_extended_session()) == sound
    assert scene(in_extended_session(name)) == flawed


@pytest.mark.parametrize("steps", DIALOGUES)
def test_flaw_says_what_it_says(steps: str, request: pytest.FixtureRequest) -> None:
    play(steps, in_extended_session().do)
    play(steps, in_extended_session(request.node.callspec.id).do, is_flawed=True)


def test_scenes_are_of_flaws() -> None:
    """Flaws without a dialogue here are seen by the checks: tests/matrix."""
    assert set(SHOWN) <= set(FLAWS)


@pytest.mark.parametrize("name", SHOWN)
def test_polite_tester_notices_no_flaw(name: str) -> None:
    assert polite_conversation(HardenedBench(flaws=[name])) == polite_conversation(HardenedBench())


def polite_conversation(bench: HardenedBench) -> list[object]:
    """Return the requests of a workshop: in the right order, and only permitted ones."""
    heard: list[object] = [bench.ask("3E 00"), bench.ask("22 1010 2020"), bench.ask("10 03")]
    for level, write in ((1, "2E 2020 99"), (3, "2E 3030 0123")):
        heard += [bench.send_right_key(level), bench.ask(write), bench.seed(level), bench.ask("10 02")]
    heard += [frames_that_were_asked_for(bench), bench.give("740#042E10105A000000"), bench.ask("11 01")]
    bench.wait(0.1)
    return [*heard, bench.ask("22 1010 2020 3030"), bench.ask("27 01")]


ONLY_SO_FAR = dialogues(f"""
zero_key_without_seed: it is refused once a seed was given
    seed | 27 02 {ZEROS} > 7f 27 35 | 27 02 {ZEROS} > 7f 27 24
zero_key_without_seed: it is accepted again after relocking
    seed | 10 03 | 27 02 {ZEROS} > 67 02
seed_kept_after_wrong_key: the seed is gone at the limit
    seed | 27 02 {WRONG} > 7f 27 35 | 27 02 {WRONG} > 7f 27 35 | 27 02 {WRONG} > 7f 27 36 | key of the seed > 7f 27 24
unlock_survives_default_session: it lasts in the default session
    right key | 10 01 | wait: an hour | is open > yes
dies_on_key_without_seed: a missing key kills only before the first seed
    wrong key | 27 02 {WRONG} > 7f 27 24
""")


@pytest.mark.parametrize("steps", ONLY_SO_FAR)
def test_flaw_goes_only_so_far(steps: str, request: pytest.FixtureRequest) -> None:
    play(steps, in_extended_session(request.node.callspec.id.partition(":")[0]).do)


@pytest.mark.parametrize("name", ["unlock_survives_default_session", "unlock_survives_same_session"])
def test_unlock_that_survives_leaves_no_seed_behind(name: str) -> None:
    bench = in_extended_session(name)
    for sessions in (("01", "03"), ("03",)):
        key = bench.key(bench.seed())
        for session in sessions:
            bench.ask(f"10 {session}")
        assert bench.send_key(key) == "7f 27 24"


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


@pytest.mark.parametrize("check", ["ST-02", "ST-04"])
@pytest.mark.parametrize(
    ("flaw", "word"), [("tester_present_ends_s3", "does not end"), ("tester_present_revives_session", "brings it back")]
)
def test_a_session_that_does_not_end_is_seen_by_its_lock_and_by_its_answers(check: str, flaw: str, word: str) -> None:
    findings = run_checks([shipped_functions()[check]], with_changes("hardened", flaw))
    assert {finding.verdict for finding in findings} == {Verdict.FAIL}, findings[0].reason
    assert check == "ST-02" or word in findings[0].observed
