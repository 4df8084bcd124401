"""Prove that hunts find flaws without a case, make the findings minimal, accuse no sound ECU, and are repeatable."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from harness.audit.fuzzing import check_of
from harness.audit.opening import open_tester
from harness.campaigns.rounds import SHARDS_A_ROUND, CampaignSoFar, in_this_process, run_rounds
from harness.campaigns.shards import FOLDER, Job, read_shard, run_shard
from harness.ecu.variants import VARIANTS
from harness.errors import WorkerError
from harness.fuzz.bench import Bench, Judging, Setting
from harness.fuzz.case import read_cases
from harness.fuzz.found import FuzzFinding
from harness.fuzz.novelty import Novelty
from harness.fuzz.trials import Breeder, Trial, vocabulary
from harness.link.clock import Chance
from harness.link.trace import Trace
from harness.target import Target, load_target
from harness.testing import open_ecu, run_checks

from ..variants import with_changes
from .first_found import done, ecu_of, first_found
from .playing import allowing

SLICE, MOST_EXCHANGES = 1_500, 40_000
"""The exchanges of a quick sample, and the largest number that a campaign may take to find something."""

TWENTY_SECONDS = 500_000
"""The number of exchanges that took about twenty seconds on the first machine."""

QUICK = {
    "reserved_flow_status_kills": ("crash", ("33",)),
    "aborted_reception_unlocks": ("lock 2020", ("10", "02 3E")),
    "skipped_sequence_number_kills": ("crash", ("10", "22")),
}
"""By flaw, among the twenty, that a quick sample finds: the finding, and its minimal sequence."""


def hunted(target: Target, exchanges: int, *, seed: int = 1) -> list[FuzzFinding]:
    """Return what one shard finds."""
    return done(Job(target=target, seed=seed, round=0, index=0, exchanges=exchanges)).found


def found_first(target: Target) -> FuzzFinding:
    """Return what a campaign finds first."""
    found, exchanges = first_found(target, seed=1, most=MOST_EXCHANGES)
    assert found is not None, f"nothing was found in {exchanges} exchanges"
    return found


@pytest.mark.parametrize("name", QUICK)
def test_a_hunt_finds_a_flaw_and_makes_it_minimal(name: str) -> None:
    what, texts = QUICK[name]
    found = found_first(ecu_of(name))
    assert (found.what, tuple(found.texts)) == (what, texts)
    assert found.is_raw


def test_a_finding_is_made_minimal_without_what_the_target_does_not_allow() -> None:
    target = replace(ecu_of("refuses_four_identifiers_twice"), **allowing())
    found = found_first(target)
    assert found.texts == ["22 00 00 00 00 00 00 00 00"]


@pytest.mark.parametrize("profile", ["hardened", "hardened-article-key"])
def test_a_hunt_finds_nothing_in_a_sound_ecu(profile: str) -> None:
    assert hunted(with_changes(profile), SLICE) == []


def test_the_case_of_a_finding_fails_in_the_suite_and_passes_on_a_sound_ecu(tmp_path: Path) -> None:
    found = found_first(ecu_of("skipped_sequence_number_kills"))
    path = tmp_path / "case.toml"
    path.write_text(found.case_text(), encoding="utf-8")
    (case,) = read_cases(path)
    assert case.full_id == f"fuzz/found-{found.digest}"
    (failing,) = run_checks([check_of(case)], ecu_of("skipped_sequence_number_kills"))
    (passing,) = run_checks([check_of(case)], "hardened")
    assert (failing.verdict, passing.verdict) == ("fail", "pass")


def test_a_second_answer_is_seen_at_once_though_its_request_was_long() -> None:
    tester = open_tester(ecu_of("refuses_four_identifiers_twice"), seed=1, trace=Trace(), ledger_path=None)
    bench = Bench(tester, judging=Judging.ALL, may_renew=True)
    assert list(bench.failures(Setting(), [(b"\x22" + bytes(8),)])) == ["second 22"]
    assert not bench.failures(Setting(), [(b"\x22" + bytes(10),)])


def test_what_is_known_is_counted_and_not_made_minimal_again() -> None:
    target = ecu_of("reserved_flow_status_kills")
    found = found_first(target)
    job = Job(target=target, seed=2, round=1, index=0, exchanges=SLICE, known=(found,))
    result = read_shard(run_shard(job), job)
    assert result is not None
    assert {one.digest for one in result.found} <= {found.digest}


# Shards


def rounds_in(folder: Path, target: Target, exchanges: int, door: object = None) -> CampaignSoFar:
    campaign = CampaignSoFar(target, 7, exchanges)
    run_rounds(campaign, folder, door or in_this_process(run_shard), is_over=lambda: False, after=lambda found: None)  # type: ignore[arg-type]
    return campaign


def files_in(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in sorted((folder / FOLDER).iterdir())}


def test_shards_that_end_in_another_order_make_the_same_campaign(tmp_path: Path) -> None:
    target = ecu_of("reserved_flow_status_kills")
    straight, turned = tmp_path / "straight", tmp_path / "turned"
    one = rounds_in(straight, target, 4_000)
    other = rounds_in(turned, target, 4_000, lambda jobs: ((job, run_shard(job)) for job in reversed(jobs)))
    assert files_in(straight) == files_in(turned)
    assert (one.found, one.corpus, one.cells) == (other.found, other.corpus, other.cells)


def test_a_campaign_that_was_killed_goes_on_from_its_shards(tmp_path: Path) -> None:
    whole = rounds_in(tmp_path, load_target("hardened"), 2_400)
    damaged = tmp_path / FOLDER / "r00000-s001.json"
    damaged.write_text(damaged.read_text(encoding="utf-8").replace("default", "another", 1), encoding="utf-8")
    run_again: list[int] = []

    def counting(job: Job) -> str:
        run_again.append(job.index)
        return run_shard(job)

    again = rounds_in(tmp_path, load_target("hardened"), 2_400, in_this_process(counting))
    assert run_again == [1], "what a file says that is whole is not done again"
    assert (again.cells, again.corpus, again.exchanges) == (whole.cells, whole.corpus, whole.exchanges)


def test_what_is_no_result_of_a_shard_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match="no result of it"):
        rounds_in(tmp_path, load_target("hardened"), 2_000, in_this_process(lambda job: "{}"))


def test_what_the_ecu_lacks_is_no_part_of_the_corpus() -> None:
    result = done(Job(target=load_target("hardened"), seed=1, round=0, index=0, exchanges=SLICE))
    assert any(outcome == "0x11" for _, _, outcome in result.cells)
    assert result.fresh
    assert not [trial for trial, news in result.fresh if all("/0x11/" in one for one in news)]


def test_an_answer_counts_for_the_state_in_which_its_request_was_sent() -> None:
    cells = done(Job(target=load_target("hardened"), seed=1, round=0, index=0, exchanges=SLICE)).cells
    with_a_seed = {state for state, service, outcome in cells if (service, outcome) == (0x27, "positive")}
    assert with_a_seed
    assert "default" not in with_a_seed, "the hardened ECU gives no seed before it has left its default session"
    assert "seed pending 0x01" in {state for state, _, _ in cells}


def test_answers_to_frames_tell_the_state_of_the_frames_behind_them() -> None:
    novelty = Novelty((), exists=lambda service: None)
    with open_ecu("hardened") as tester:
        tester.gate.raw_needs = tester.target.safety.allow
        for frame in (b"\x02\x10\x03", b"\x02\x27\x01", b"\x02\x10\x01"):
            novelty.hear_frames(tester.raw(frame.ljust(8, b"\x00")))
    assert set(novelty.cells()) == {
        ("default", 0x10, "positive"),
        ("session 0x03", 0x27, "positive"),
        ("seed pending 0x01", 0x10, "positive"),
    }


def test_sequences_change_the_way_to_a_state_and_go_on_as_testers_do() -> None:
    breeder = Breeder(load_target("hardened"), Chance(1), frame_bytes=8, key_bytes={1: 4})
    way = (b"\x10\x03", b"\x27\x01")
    made = [breeder.sequence(way).messages for _ in range(2_000)]
    pairs = {(one[:2], next_[:2]) for messages in made for one, next_ in pairwise(messages)}
    assert {messages[:2] == way for messages in made} == {False, True}
    assert (b"\x27\x81", b"\x27\x02") in pairs, "a key after a seed that was asked for otherwise"
    assert (b"\x34\x00", b"\x36\x01") in pairs


def test_soaks_take_the_requests_of_a_service_in_turn() -> None:
    breeder = Breeder(load_target("hardened"), Chance(1), frame_bytes=8, key_bytes={})
    breeder.exists(0x31)
    soaked = [message for _ in range(60) for message in breeder.soak().messages if message[0] == 0x31]
    assert set(soaked) == set(vocabulary(load_target("hardened"))[0x31])


def test_shards_of_a_long_campaign_grow_so_that_few_files_are_left() -> None:
    campaign = CampaignSoFar(load_target("hardened"), 1, 10**9)
    sizes = []
    for _ in range(64):
        sizes.append({job.exchanges for job in campaign.next_round()})
        campaign.merge([])
    assert sizes[0] == {100_000}
    assert sizes[63] == {1_600_000}
    assert sum(map(max, sizes)) * SHARDS_A_ROUND > 200_000_000


def test_trials_and_findings_survive_their_files() -> None:
    trial = Trial.from_json(["FZ-02", ["27 01", "27 02 {key:3} FF"], False, 2])
    assert Trial.from_json(trial.as_json()) == trial
    assert trial.as_json()[1] == ["27 01", "27 02 {key:3} FF"]


# The twenty, and more sound ECUs


@pytest.mark.thorough
@pytest.mark.parametrize("variant", ["", *VARIANTS])
def test_no_sound_variant_is_accused(variant: str) -> None:
    assert hunted(with_changes("hardened", *filter(None, [variant])), TWENTY_SECONDS, seed=2) == []


@pytest.mark.thorough
def test_the_article_shows_its_frames_taken_for_what_they_are_not(tmp_path: Path) -> None:
    campaign = CampaignSoFar(load_target("article"), 1, 60_000)
    run_rounds(campaign, tmp_path, in_this_process(run_shard), is_over=lambda: False, after=lambda found: None)
    observed = [f"{one.what}: {one.observed}" for one in campaign.found.values()]
    for behaviour in ("padding was stored as data", "executed out of a consecutive frame", "key stood in the padding"):
        assert any(behaviour in text for text in observed), behaviour
