"""Prove the reference state machine: which answers a sound ECU may give, and which it never gives."""

import pytest

from harness.fuzz.reference_model import Action, ModelAnswer, ModelKey, ModelRules, ModelState, ModelStep, Said, Tracker

RULES = ModelRules({1: 3, 3: 3})
YES, ZERO, SILENT = ModelAnswer(Said.YES), ModelAnswer(Said.ZERO_SEED), ModelAnswer(Said.NOTHING)

EXTENDED = ModelStep(Action.SESSION, 3)
DEFAULT = ModelStep(Action.SESSION, 1)
SEED, OTHER_SEED = ModelStep(Action.SEED, 1), ModelStep(Action.SEED, 3)
RIGHT, WRONG = ModelStep(Action.KEY, 1, ModelKey.RIGHT), ModelStep(Action.KEY, 1, ModelKey.WRONG)
SHORT, OTHER_RIGHT = ModelStep(Action.KEY, 1, ModelKey.SHORT), ModelStep(Action.KEY, 3, ModelKey.RIGHT)
WRITE = ModelStep(Action.WRITE, 1)


def no(nrc: int) -> ModelAnswer:
    return ModelAnswer(Said.NO, nrc)


def after(*steps: tuple[ModelStep, ModelAnswer], rules: ModelRules = RULES) -> Tracker:
    """Return a tracker that has taken steps with answers that a sound ECU may give."""
    tracker = Tracker(rules)
    for step, answer in steps:
        assert tracker.take(step, answer), f"{step} {answer}"
    return tracker


PENDING = ((EXTENDED, YES), (SEED, YES))
OPEN = (*PENDING, (RIGHT, YES))


def test_a_right_key_opens_its_level_only() -> None:
    tracker = after(*OPEN)
    assert tracker.may_be_open(1)
    assert not tracker.may_be_open(3)


@pytest.mark.parametrize(
    "step",
    [EXTENDED, DEFAULT, ModelStep(Action.WAIT), ModelStep(Action.RESTART)],
    ids=str,
)
def test_sessions_time_and_restarts_lock(step: ModelStep) -> None:
    tracker = after(*OPEN, (step, YES))
    assert not tracker.may_be_open(1)
    assert not tracker.take(WRITE, YES)


def test_a_reset_that_was_not_seen_proves_nothing() -> None:
    assert after(*OPEN, (ModelStep(Action.RESET), YES)).may_be_open(1)


def test_another_level_takes_the_place_of_the_first() -> None:
    tracker = after(*OPEN, (OTHER_SEED, YES), (OTHER_RIGHT, YES))
    assert tracker.may_be_open(3)
    assert not tracker.may_be_open(1)


@pytest.mark.parametrize("failure", [WRONG, SHORT, OTHER_RIGHT], ids=str)
@pytest.mark.parametrize("nrc", [0x13, 0x24])
def test_every_other_key_costs_the_seed(failure: ModelStep, nrc: int) -> None:
    tracker = after(*PENDING, (failure, no(nrc)))
    assert not tracker.take(RIGHT, YES)
    assert not tracker.may_be_open(1)


def test_a_key_is_taken_once() -> None:
    assert not after(*OPEN).take(RIGHT, YES)


def test_a_session_change_costs_the_seed() -> None:
    assert not after(*PENDING, (EXTENDED, YES)).take(RIGHT, YES)


@pytest.mark.parametrize(
    ("steps", "step", "answer"),
    [
        ((), WRITE, YES),
        ((), SEED, YES),  # 27 in the default session
        (((EXTENDED, YES),), SEED, ZERO),
        (((EXTENDED, YES),), RIGHT, no(0x35)),
        (((EXTENDED, YES),), RIGHT, no(0x10)),
        (PENDING, WRONG, YES),
        (PENDING, WRONG, no(0x11)),
        (PENDING, WRONG, SILENT),
        (OPEN, SEED, YES),
        ((), ModelStep(Action.PRESENT), SILENT),
    ],
    ids=str,
)
def test_what_no_sound_ecu_says(
    steps: tuple[tuple[ModelStep, ModelAnswer], ...], step: ModelStep, answer: ModelAnswer
) -> None:
    assert not after(*steps).take(step, answer)


@pytest.mark.parametrize(
    ("steps", "step", "answer"),
    [
        (OPEN, SEED, ZERO),  # whatever the length (B18)
        (OPEN, SEED, no(0x22)),
        (OPEN, RIGHT, no(0x24)),
        (OPEN, WRITE, no(0x33)),  # locked again by itself: stricter
        (PENDING, WRONG, no(0x35)),
        (PENDING, WRONG, no(0x36)),  # a limit of one (B9)
        (PENDING, WRONG, no(0x37)),
        (PENDING, SHORT, no(0x13)),
        (PENDING, SHORT, no(0x35)),
        (PENDING, RIGHT, no(0x24)),
        (((EXTENDED, YES),), SEED, no(0x37)),  # a delay after every start (B10)
        (((EXTENDED, YES),), SEED, no(0x36)),  # 36 for 37 (B8)
        (((EXTENDED, YES),), SEED, no(0x22)),  # counters not read back yet (B14)
        (((EXTENDED, YES),), RIGHT, no(0x13)),
        (((EXTENDED, YES),), SHORT, no(0x35)),
        ((), SEED, no(0x7F)),
        ((), RIGHT, no(0x7F)),
        ((), EXTENDED, no(0x22)),
        ((), ModelStep(Action.RESET), no(0x33)),
        ((), WRITE, no(0x7E)),
    ],
    ids=str,
)
def test_what_the_standard_leaves_open(
    steps: tuple[tuple[ModelStep, ModelAnswer], ...], step: ModelStep, answer: ModelAnswer
) -> None:
    assert after(*steps).take(step, answer)


def test_without_sessions_a_seed_is_given_at_once_and_time_may_change_nothing() -> None:
    tracker = after(
        (SEED, YES), (RIGHT, YES), (ModelStep(Action.WAIT), YES), rules=ModelRules({1: None}, has_sessions=False)
    )
    assert tracker.may_be_open(1)


def test_one_deviation_is_not_seen_as_many() -> None:
    tracker = Tracker(RULES)
    assert not tracker.take(SEED, YES)  # 27 in the default session
    assert not tracker.take(RIGHT, YES)
    assert tracker.may_be_open(1), "that the key opens is no second flaw"


def test_a_deviation_opens_nothing() -> None:
    tracker = after(*PENDING)
    assert not tracker.take(WRONG, YES)
    assert not tracker.may_be_open(1)


def test_the_tracker_says_where_it_is() -> None:
    assert str(after(*OPEN)) == "session 0x03, level 0x01 open"
    assert str(after(*PENDING)) == "session 0x03, locked, seed of level 0x01 pending"
    assert after().likely() == ModelState()
