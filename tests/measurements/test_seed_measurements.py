"""Prove the measurements of seeds on ECUs whose seeds are known."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest

from harness.audit.opening import open_tester
from harness.errors import Inconclusive, NotApplicable, NotRun
from harness.link.clock import VIRTUAL_EPOCH_S
from harness.link.trace import Trace
from harness.measurements import Measurements
from harness.measurements.seed_sample import Renewal, SeedSample
from harness.target import Target, load_target
from harness.tester.reply import Reply
from harness.tester.tester import Tester
from harness.verdict import Depth

from ..variants import with_changes


def opened(target: Target) -> Iterator[tuple[Tester, Measurements]]:
    tester = open_tester(target, seed=1, trace=Trace(), ledger_path=None)
    yield tester, Measurements(tester, Depth.QUICK)
    tester.link.close()


def measuring(*changes: str) -> Measurements:
    return next(opened(with_changes("hardened", *changes)))[1]


def test_a_sample_tells_when_each_seed_came_and_where_a_session_began() -> None:
    sample = measuring().seeds(1)
    assert len(sample.seeds) == len(sample.times_s) == len(sample.utc_s) == 256
    assert list(sample.times_s) == sorted(sample.times_s)
    assert [utc_s - time_s for utc_s, time_s in zip(sample.utc_s, sample.times_s, strict=True)] == pytest.approx(
        [VIRTUAL_EPOCH_S] * 256
    )
    assert sample.starts[0] == 0
    assert sum(int(one.split()[0]) for one in sample.taken) == 256


def test_seeds_are_asked_for_at_every_pace_and_the_sample_says_so() -> None:
    sample = measuring().seeds(1)
    gaps = [b - a for a, b in pairwise(sample.times_s)]
    assert sum(gap < 0.01 for gap in gaps) > 200, "most come as fast as the ECU answers"
    assert len({int(moment) for moment in sample.utc_s}) > 12, "some in a second of their own"
    assert sum(gaps[start - 1] < 0.05 for start in sample.starts if start) >= 8, "sessions follow each other at once"
    assert max(gaps) > 5, "and once a session had time to end"
    assert any("entered anew at once" in one for one in sample.taken)
    assert any("after a pause" in one for one in sample.taken)


def test_a_level_is_sampled_in_every_session_where_it_is() -> None:
    assert any("in session 0x02" in one for one in measuring().seeds(1).taken)


def test_a_sample_is_shown_in_the_report() -> None:
    measure = measuring()
    measure.seeds(3)
    measure.of_seeds(3, {"More": "of it"})
    (profile,) = measure.profiles
    assert profile.title == "Seeds of level 0x03"
    assert ("Length", "16 bytes") in profile.rows
    assert profile.rows[-1] == ("More", "of it")


def test_zeros_of_a_locked_level_are_told_from_chance() -> None:
    sample = measuring("zero_seed_after_start").seeds(1)
    assert (sample.zeros, sample.zeros_while_locked) == (1, 1)
    assert [one.outcome.split()[0] for one in sample.evidence] == ["positive", "negative"]
    assert sample.starts[0] == 0
    assert len(sample.seeds) == 255


def test_a_held_seed_is_sampled_with_its_key() -> None:
    measure = measuring("held_seed")
    assert measure.seeds(1).is_held
    assert measure.seeds(1).renewal is Renewal.NONE
    with pytest.raises(Inconclusive, match="too few"):
        measure.seeds(1).enough_of_each_length()
    drawn = measure.drawn_seeds(1)
    assert drawn.is_answered
    assert len(set(drawn.seeds)) == 64
    assert len(measure.ordered_seeds(1)) == 1, "four seeds at least show an order"


def test_what_is_not_held_is_sampled_once() -> None:
    measure = measuring()
    assert measure.drawn_seeds(1) is measure.seeds(1)


def test_restarts_give_their_seed_at_the_same_moment_and_then_at_others() -> None:
    restarts = measuring().restarts(1)
    power = [one for one in restarts.first if one.way == "power cycle"]
    assert [one.is_in_sweep for one in power] == [False] * 3 + [True] * 3 + [False] * 3
    assert restarts.jitter_s < 0.001
    ages = [one.age_s for one in power]
    assert ages[3] > ages[0] + 0.01
    assert ages[4] > ages[3] + 0.01
    assert ages[5] > ages[0] + 1
    assert max(ages[6:]) < ages[0] - 0.2, "as soon as the ECU answers"
    assert len(set(restarts.seeds)) == len(set(restarts.second_seeds)) == len(restarts.first)
    assert not restarts.is_constant


def test_the_ecu_is_restarted_in_each_way_that_it_offers() -> None:
    restarts = measuring().restarts(1)
    assert {one.way for one in restarts.first} >= {"power cycle", "ECUReset 0x01", "ECUReset 0x03"}
    assert "by ECUReset 0x03" in restarts.ways


def test_seeds_that_are_a_function_of_the_uptime_come_again_at_the_same_moment_only() -> None:
    restarts = measuring("uptime_seed").restarts(1)
    at_moment: dict[tuple[str, float], set[bytes]] = {}
    for one in restarts.at_one_moment:
        at_moment.setdefault((one.way, one.moment_s), set()).add(one.seed)
    assert all(len(seeds) == 1 for seeds in at_moment.values())
    assert len({one.seed for one in restarts.first}) > 3
    assert restarts.collisions.is_too_many
    assert not restarts.is_constant


def test_a_seed_that_outlives_restarts_is_gone_once_it_was_answered() -> None:
    measure = measuring("held_seed")
    assert measure.restarts(1).is_constant
    answered = measure.fresh_restarts(1, are_answered=True)
    assert len(set(answered.seeds)) == len(answered.first) > 6


def test_a_delay_after_each_start_costs_few_restarts() -> None:
    tester, _ = next(opened(with_changes("hardened", "boot_delay")))
    restarts = Measurements(tester, Depth.DEFAULT).restarts(1)
    assert len(restarts.first) <= 12
    assert all(one.age_s > 9 for one in restarts.first)


def test_no_restart_is_told_from_one_that_is_not_allowed() -> None:
    _, measure = next(opened(load_target("article")))
    with pytest.raises(NotApplicable, match="no way to restart"):
        measure.restarts(1)
    hardened = load_target("hardened")
    forbidden = replace(hardened, safety=replace(hardened.safety, allow=frozenset({"write"})))
    tester, measure = next(opened(forbidden))
    with pytest.raises(NotRun, match="does not allow a restart"):
        measure.restarts(1)
    assert measure.restarts_if_any(1) is None
    assert any("were not seen" in note for note in tester.notes)


def test_seeds_after_wrong_keys_are_taken_within_what_the_target_allows() -> None:
    found = measuring("fixed_seed_after_wrong_key").seeds_after_wrong_keys(1)
    assert len(set(found.following)) == 1
    assert found.collisions.is_too_many
    hardened = load_target("hardened")
    gentle = replace(hardened, safety=replace(hardened.safety, allow=frozenset({"write"})))
    refused = next(opened(gentle))[1].seeds_after_wrong_keys(1)
    assert (refused.following, refused.stopped_by) == ((), "the target does not allow lockout")


@pytest.mark.parametrize(
    ("flaw", "renewal"),
    [
        ("seed_renewed_each_second", Renewal.TIME),
        ("seed_renewed_each_fifth_time", Renewal.REQUESTS),
        ("seed_fixed_in_session", Renewal.SESSION),
        ("rand_seeded_at_each_request", Renewal.TIME),
    ],
)
def test_a_seed_that_is_given_again_and_again_is_told_by_what_renews_it(flaw: str, renewal: Renewal) -> None:
    measure = measuring(flaw)
    sample = measure.seeds(1)
    assert sample.is_held
    assert sample.renewal is renewal
    assert measure.answers_to_held_seeds(1).returned
    assert len(set(measure.drawn_seeds(1).seeds)) >= 50, "enough that were drawn anew"


def test_a_seed_that_ends_with_its_session_does_not_come_back_after_its_key() -> None:
    answers = measuring("held_seed_of_session").answers_to_held_seeds(1)
    assert not answers.returned
    assert not answers.untried, "the level was locked within its session, by opening the other one"


def test_what_cannot_be_tried_on_a_held_seed_is_said() -> None:
    tester, measure = next(opened(with_changes("hardened", "held_seed_of_session")))
    tester.target = replace(tester.target, security=tester.target.security[:1])
    answers = measure.answers_to_held_seeds(1)
    assert not answers.returned
    assert "could not be tried" in answers.untried


def test_seeds_of_each_length_are_a_sample_of_their_own() -> None:
    measure = measuring("seeds_of_two_lengths")
    sample = measure.seeds(1)
    assert sample.lengths == (8, 16)
    long, short = sample.enough_of_each_length()
    assert (long.lengths, short.lengths) == ((16,), (8,))
    assert len(long.seeds) + len(short.seeds) == len(sample.seeds)
    assert [structure.length_bits for structure in measure.structures(1)] == [128, 64]
    assert len(measure.ordered_seeds(1)) == 2
    assert "8 bytes (8" in dict(measure.profiles[0].rows)["Length"]


def test_sessions_of_one_length_begin_where_their_first_seed_is() -> None:
    sample = SeedSample((b"a", b"bb", b"cc", b"d", b"ee"), (0.0, 1.0, 2.0, 3.0, 4.0), starts=(0, 1, 3))
    pairs = sample.of_length(2)
    assert (pairs.seeds, pairs.times_s, pairs.starts) == ((b"bb", b"cc", b"ee"), (1.0, 2.0, 4.0), (0, 2))


def test_zero_seeds_that_come_at_times_are_told_from_open_ones_by_an_effect() -> None:
    sample = measuring("zero_seed_at_times").seeds(1)
    assert sample.zeros > 20
    assert sample.zeros_while_locked == 2, "the first ones are looked at"


@pytest.mark.parametrize(
    ("flaw", "effective_bits"),
    [("half_of_seed_masked", 64), ("half_of_seed_added", 64), ("half_of_seed_looked_up", 64), ("seed_mostly_counted", 16)],
)
def test_what_follows_from_elsewhere_is_confirmed_and_shown(flaw: str, effective_bits: int) -> None:
    measure = measuring(flaw)
    (structure,) = measure.structures(1)
    assert structure.effective_bits == pytest.approx(effective_bits, abs=2)
    assert dict(measure.profiles[0].rows)["Effective length"] == str(structure)
    assert f"at most {structure.effective_bits} of 128 bits are chance" in measure.entropy(1, measure.seeds(1))


def test_an_ecu_that_is_not_ready_at_once_shows_it_after_restarts() -> None:
    restarts = measuring("seed_unready_at_first").restarts(1)
    assert restarts.collisions.is_too_many
    assert restarts.repeats == "as soon as the ECU answered 3 seeds, 1 different"


def test_one_lost_answer_does_not_end_a_sample() -> None:
    tester, measure = next(opened(load_target("hardened")))
    ask, asked = tester.security.request_seed, 0

    def with_a_loss(level: int, record: bytes | None = None) -> Reply:
        nonlocal asked
        asked += 1
        return tester.request(b"\x22\xff\xff") if asked % 70 == 0 else ask(level, record)

    tester.security.request_seed = with_a_loss  # type: ignore[method-assign]
    sample = measure.seeds(1)
    assert len(sample.seeds) == 256
    assert not sample.stopped_by
    assert len(sample.starts) > 15, "what follows a loss is not taken to follow the seed before"


def test_seeds_of_many_lengths_are_judged_by_what_they_begin_with() -> None:
    lengths = [8 + number % 9 for number in range(180)]
    seeds = tuple(hashlib.sha256(b"%d" % number).digest()[:length] for number, length in enumerate(lengths))
    sample = SeedSample(seeds, tuple(map(float, range(180))))
    (beginnings,) = sample.enough_of_each_length()
    assert beginnings.is_cut
    assert beginnings.lengths == (12,)
    assert len(beginnings.seeds) == 100
    assert sample.like(beginnings).seeds == beginnings.seeds


def test_a_level_of_which_nobody_says_in_which_session_it_is_is_sampled_where_it_is() -> None:
    hardened = load_target("hardened")
    levels = tuple(replace(entry, session=None) for entry in hardened.security)
    _, measure = next(opened(replace(hardened, security=levels)))
    sample = measure.seeds(1)
    assert len(sample.seeds) > 200
    assert all("in session" in one for one in sample.taken)
