"""Prove that no ECU is sent a needless wrong key, or a wrong key that could lock it out for good."""

from dataclasses import replace

import pytest

from harness.errors import Inconclusive, NotPermitted, NotRun
from harness.target import Reset, SecurityLevel
from harness.tester.ledger import Ledger

from .bench import (
    ALL,
    LEVEL,
    WRONG,
    Answers,
    Bench,
    PoweredEcu,
    SecuredEcu,
    allowing,
    foreign_key,
    level_of,
    right_key,
    secured,
    send_wrong,
    without_sessions,
)

# Rule 15: the right key first


def test_no_wrong_key_is_sent_before_the_right_one_has_worked() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu)
    with pytest.raises(Inconclusive, match="no wrong key before the right one has worked"):
        send_wrong(bench)
    assert ecu.keys == []
    assert bench.ledger.total == 0


def test_wrong_keys_are_sent_once_the_right_one_has_worked() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu)
    bench.tester.security.unlock(LEVEL)
    assert send_wrong(bench).is_refused_with(0x35)
    assert ecu.keys[-1] == WRONG
    assert bench.tester.security.wrong_keys_sent == 1


def test_wrong_keys_are_sent_where_there_is_no_right_one() -> None:
    ecu = SecuredEcu()
    assert send_wrong(Bench(ecu, key=None)).is_refused_with(0x35)


def test_wrong_keys_are_sent_where_the_right_one_could_not_be_taken_back() -> None:
    """An ECU that cannot be locked again is not unlocked just to prove the right key first."""
    bench = Bench(SecuredEcu(has_sessions=False, locks_on=()), target=without_sessions())
    assert send_wrong(bench).is_refused_with(0x35)


@pytest.mark.parametrize("attempts", [3, 1])
def test_right_key_that_is_refused_makes_the_key_function_suspect(attempts: int) -> None:
    ecu = SecuredEcu(attempts=attempts)
    bench = Bench(ecu, key=foreign_key)
    with pytest.raises(Inconclusive, match="key function suspect"):
        bench.tester.security.unlock(LEVEL)
    assert "key function suspect" in level_of(bench).suspect
    assert len(bench.tester.evidence) == 1


def test_a_suspect_key_function_costs_one_key_only() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu, key=foreign_key)
    for _ in range(3):
        with pytest.raises(Inconclusive, match="key function suspect"):
            bench.tester.security.unlock(LEVEL)
    assert len(ecu.keys) == 1
    assert bench.tester.security.wrong_keys_sent == 1
    assert bench.ledger.spent(LEVEL) == 1


def test_a_suspect_key_function_stops_all_wrong_keys() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu, key=foreign_key)
    with pytest.raises(Inconclusive):
        bench.tester.security.unlock(LEVEL)
    with pytest.raises(Inconclusive, match="key function suspect"):
        send_wrong(bench)
    with pytest.raises(Inconclusive, match="key function suspect"):
        bench.tester.security.try_key(LEVEL, lambda seed: WRONG)
    with pytest.raises(Inconclusive, match="key function suspect"):
        bench.tester.security.discard_seed(LEVEL)
    assert len(ecu.keys) == 1


def test_a_suspect_key_is_not_sent_by_hand_either() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu, key=foreign_key)
    with pytest.raises(Inconclusive):
        bench.tester.security.unlock(LEVEL)
    key = foreign_key(bench.tester.security.seed(LEVEL), LEVEL)
    with pytest.raises(Inconclusive, match="key function suspect"):
        bench.tester.security.send_key(LEVEL, key)
    assert len(ecu.keys) == 1


@pytest.mark.parametrize("spent", [0, 2])
def test_a_suspect_key_function_sends_no_key_beyond_the_budget(spent: int) -> None:
    """A budget of 0 lets one key of a key function pass before the function is proven; a budget that is used up does not."""
    ledger = Ledger(None, "bench", spent)
    for _ in range(spent):
        ledger.spend(LEVEL)
    ecu = SecuredEcu(attempts=None)
    bench = Bench(ecu, key=foreign_key, ledger=ledger)
    for _ in range(3):
        with pytest.raises((Inconclusive, NotRun)):
            bench.tester.security.unlock(LEVEL)
    assert len(ecu.keys) == (0 if spent else 1)


def test_a_refused_right_key_is_suspect_whoever_sends_it() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu, key=foreign_key)
    bench.tester.session_for(LEVEL)
    seed = bench.tester.security.seed(LEVEL)
    assert bench.tester.security.send_key(LEVEL, foreign_key(seed, LEVEL)).is_refused_with(0x35)
    assert level_of(bench).suspect
    assert bench.ledger.spent(LEVEL) == 1


@pytest.mark.parametrize("answer", ["27 35", "raw 7F 02 31", ""])
def test_a_right_key_that_is_answered_by_garbage_is_not_sent_without_end(answer: str) -> None:
    """On the article without its quirk, and with a wrong key function, each unlock costs one more wrong key."""
    ecu = SecuredEcu(attempts=None)
    ecu.refuses_with = {"2702": answer}
    bench = Bench(ecu, key=foreign_key, ledger=Ledger(None, "bench", 2))
    for _ in range(10):
        with pytest.raises((Inconclusive, NotRun)):
            bench.tester.security.unlock(LEVEL)
    assert sum(request.startswith("2702") for request in ecu.heard) <= 3


# Wrong keys


@pytest.mark.parametrize("send", ["request", "suppressed", "raw"])
def test_rule_15_holds_for_keys_that_a_check_sends_in_its_own_words(send: str) -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu)
    bench.tester.gate.raw_needs = frozenset({"lockout"})
    bench.tester.session_for(LEVEL)
    bench.tester.security.seed(LEVEL)
    ways = {
        "request": lambda: bench.tester.request(b"\x27\x02" + WRONG),
        "suppressed": lambda: bench.tester.request(b"\x27\x82" + WRONG),
        "raw": lambda: bench.tester.raw(b"\x06\x27\x02" + WRONG),
    }
    with pytest.raises(Inconclusive, match="no wrong key before the right one has worked"):
        ways[send]()
    assert ecu.keys == []
    assert bench.ledger.total == 0


def test_several_guesses_in_one_go_need_a_budget_for_all_of_them() -> None:
    ecu = SecuredEcu(attempts=None)
    bench = Bench(ecu, key=None, ledger=Ledger(None, "bench", 2))
    bench.tester.gate.raw_needs = frozenset({"lockout"})
    bench.tester.session_for(LEVEL)
    with pytest.raises(NotRun):
        bench.tester.raw(*[b"\x06\x27\x02" + WRONG] * 3)
    assert not any(request.startswith("2702") for request in ecu.heard)


def test_right_key_that_worked_once_and_is_refused_later_is_counted() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu)
    bench.tester.security.unlock(LEVEL)
    ecu.refuses_with = {"2702": "7f 27 35"}
    with pytest.raises(Inconclusive):
        bench.tester.security.unlock(LEVEL)
    assert bench.ledger.spent(LEVEL) == 1
    assert level_of(bench).wrong_in_a_row == 1


def test_key_function_that_was_proven_stays_so_when_a_guess_opens_the_level() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu)
    bench.tester.security.unlock(LEVEL)
    ecu.refuses_with = {"2702": "67 02"}
    assert send_wrong(bench).is_positive
    assert level_of(bench).is_proven


def test_wrong_key_that_opens_the_level_proves_no_key_function() -> None:
    ecu = SecuredEcu(has_sessions=False, locks_on=())
    ecu.refuses_with = {"2702": "67 02"}
    bench = Bench(ecu, target=without_sessions())
    assert send_wrong(bench).is_positive
    assert not level_of(bench).is_proven
    assert bench.tester.state.has_unlocked


def test_wrong_key_needs_permission() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu, target=secured(safety=allowing(*(ALL - {"lockout"})).safety))
    bench.tester.security.unlock(LEVEL)
    with pytest.raises(NotPermitted, match="lockout"):
        send_wrong(bench)
    assert WRONG not in ecu.keys


def test_wrong_key_differs_from_the_right_one_in_all_bits_but_one() -> None:
    security = Bench(SecuredEcu()).tester.security
    seed = b"\x01\x02\x03\x04"
    right = int.from_bytes(right_key(seed, LEVEL), "big")
    wrong = [security.wrong_key(LEVEL, seed, flip=flip) for flip in range(64)]
    assert {len(key) for key in wrong} == {4}
    assert {(int.from_bytes(key, "big") ^ right).bit_count() for key in wrong} == {31}
    assert len(set(wrong)) == 32


def test_wrong_key_is_of_the_seeds_length_where_the_right_one_is_not_known() -> None:
    bench = Bench(SecuredEcu(), key=None)
    bench.tester.session_for(LEVEL)
    assert len(bench.tester.security.wrong_key(LEVEL, bytes(4))) == 4


def test_key_length_is_the_key_functions() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu, key=lambda seed, level: bytes(16))
    bench.tester.session_for(LEVEL)
    assert bench.tester.security.key_length(LEVEL) == 16
    assert bench.tester.security.key_length(LEVEL) == 16
    assert len(ecu.seeds) == 1


def test_a_seed_is_good_for_one_right_key() -> None:
    """Sent again, the right key is a guess: it needs permission and is counted."""
    ecu = SecuredEcu()
    bench = Bench(ecu)
    _, key = bench.tester.security.unlock(LEVEL)
    bench.tester.security.send_key(LEVEL, key)
    assert bench.ledger.spent(LEVEL) == 1


def test_a_key_for_a_seed_that_went_with_its_session_is_a_guess() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu)
    bench.tester.security.unlock(LEVEL)
    bench.tester.session_for(LEVEL)
    key = right_key(bench.tester.security.seed(LEVEL), LEVEL)
    bench.tester.enter_session(0x01)
    bench.tester.session_for(LEVEL)
    bench.tester.security.send_key(LEVEL, key)
    assert bench.ledger.spent(LEVEL) == 1


@pytest.mark.parametrize("request_", ["10 83", "10 03", "11 01", "11 81", "27 81", "27 01"])
def test_a_key_for_a_seed_that_a_request_of_a_checks_own_may_have_ended_is_a_guess(request_: str) -> None:
    """This holds whether or not the positive response is suppressed."""

    class Suppresses(SecuredEcu):
        def answers(self, pdu: bytes) -> Answers:
            answers = super().answers(bytes((pdu[0], pdu[1] & 0x7F, *pdu[2:])) if pdu[0] in (0x10, 0x11, 0x27) else pdu)
            return [] if pdu[0] in (0x10, 0x11, 0x27) and pdu[1] & 0x80 else answers

    bench = Bench(Suppresses())
    bench.tester.security.unlock(LEVEL)
    bench.tester.session_for(LEVEL)
    key = right_key(bench.tester.security.seed(LEVEL), LEVEL)
    bench.tester.request(request_)
    bench.tester.wait(1.0)
    bench.tester.security.send_key(LEVEL, key)
    assert bench.ledger.spent(LEVEL) == 1


def test_a_key_for_a_seed_that_another_seed_replaced_is_a_guess() -> None:
    bench = Bench(SecuredEcu())
    bench.tester.security.unlock(LEVEL)
    bench.tester.session_for(LEVEL)
    key = right_key(bench.tester.security.seed(LEVEL), LEVEL)
    bench.tester.security.seed(LEVEL)
    bench.tester.security.send_key(LEVEL, key)
    assert bench.ledger.spent(LEVEL) == 1


# try_key


@pytest.mark.parametrize("attempts", [1, 2, 3, 5])
def test_guesses_never_reach_the_limit_where_a_right_key_can_clear_the_counter(attempts: int) -> None:
    ecu = SecuredEcu(attempts=attempts)
    declared = secured()
    bench = Bench(ecu, target=replace(declared, security=(replace(declared.security[0], attempts=attempts),)))
    bench.tester.security.unlock(LEVEL)
    for _ in range(12):
        reply = bench.tester.security.try_key(LEVEL, lambda seed: WRONG)[2]
        assert reply.is_refused_with(0x36 if attempts == 1 else 0x35)
    assert ecu.keys.count(WRONG) == 12
    assert all(any(seed) for seed in ecu.seeds)


def test_counter_is_cleared_only_when_it_could_reach_its_limit() -> None:
    ecu = SecuredEcu(attempts=5)
    declared = secured()
    bench = Bench(ecu, target=replace(declared, security=(replace(declared.security[0], attempts=5),)))
    bench.tester.security.unlock(LEVEL)
    for _ in range(4):
        bench.tester.security.try_key(LEVEL, lambda seed: WRONG)
    assert len(ecu.keys) == 1 + 4
    bench.tester.security.try_key(LEVEL, lambda seed: WRONG)
    assert len(ecu.keys) == 1 + 4 + 1 + 1


def test_limit_that_is_not_declared_is_taken_for_the_usual_three() -> None:
    ecu = SecuredEcu(attempts=3)
    bench = Bench(ecu, target=secured(security=(SecurityLevel(level=LEVEL, session=0x03),)))
    bench.tester.security.unlock(LEVEL)
    for _ in range(8):
        assert bench.tester.security.try_key(LEVEL, lambda seed: WRONG)[2].is_refused_with(0x35)


def test_guess_is_made_on_a_fresh_seed() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu)
    bench.tester.security.unlock(LEVEL)
    seed, key, reply = bench.tester.security.try_key(LEVEL, lambda seed: seed)
    assert seed == key == ecu.seeds[-1]
    assert reply.is_refused_with(0x35)


def test_guess_that_opens_the_level_is_told() -> None:
    bench = Bench(SecuredEcu())
    bench.tester.security.unlock(LEVEL)
    assert bench.tester.security.try_key(LEVEL, lambda seed: right_key(seed, LEVEL))[2].is_positive


def test_delay_is_waited_out_between_guesses_where_no_key_can_clear_the_counter() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu, key=None)
    for _ in range(8):
        assert bench.tester.security.try_key(LEVEL, lambda seed: WRONG)[2].is_refused_with(0x35, 0x36)
    assert ecu.keys == [WRONG] * 8
    assert 20.0 <= bench.now_s < 40.0


def test_guesses_meet_a_locked_ecu_also_where_only_a_restart_locks_it() -> None:
    """The unlock that clears the counter must not leave the ECU open, since a key for a zero seed is no guess."""
    ecu = PoweredEcu(has_sessions=False, locks_on=("restart",))
    bench = Bench(ecu, target=without_sessions(reset=Reset(power="simulated", boot_s=0.5)))
    bench.tester.prove_keys()
    bench.tester.restore()
    for _ in range(6):
        seed, _, reply = bench.tester.security.try_key(LEVEL, lambda seed: WRONG)
        assert any(seed)
        assert reply.is_refused_with(0x35)


# A pending seed


def test_pending_seed_is_used_up_by_a_wrong_key() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu)
    bench.tester.security.unlock(LEVEL)
    bench.tester.session_for(LEVEL)
    bench.tester.security.seed(LEVEL)
    reply = bench.tester.security.discard_seed(LEVEL)
    assert reply is not None
    assert reply.is_refused_with(0x35)
    assert ecu.seed is None


def test_no_key_is_spent_where_no_seed_can_be_pending() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu)
    bench.tester.security.unlock(LEVEL)
    ecu.keys.clear()
    assert bench.tester.security.discard_seed(LEVEL) is None
    assert ecu.keys == []


def test_no_key_is_spent_where_a_wrong_one_has_used_the_seed_up() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu)
    bench.tester.security.unlock(LEVEL)
    send_wrong(bench)
    assert bench.tester.security.discard_seed(LEVEL) is None


def test_seed_may_still_be_pending_where_a_key_was_not_answered() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu)
    bench.tester.security.unlock(LEVEL)
    ecu.refuses_with = {"2702": ""}
    send_wrong(bench)
    ecu.refuses_with = {}
    assert bench.tester.security.discard_seed(LEVEL) is not None


def test_seed_of_somebody_else_may_be_pending_at_the_start() -> None:
    """Another tester may have requested a seed before, and an ECU without sessions keeps that seed."""
    ecu = SecuredEcu(has_sessions=False, locks_on=())
    bench = Bench(ecu, target=without_sessions())
    ecu.seed = b"\x01\x02\x03\x04"
    assert bench.tester.security.discard_seed(LEVEL) is not None
    assert ecu.seed is None


def test_a_session_change_is_not_trusted_to_drop_a_seed_but_a_restart_is() -> None:
    bench = Bench(SecuredEcu())
    bench.tester.security.unlock(LEVEL)
    bench.tester.session_for(LEVEL)
    bench.tester.security.seed(LEVEL)
    bench.tester.state.forget_seeds()
    assert level_of(bench).may_be_pending
    bench.tester.state.restart_seen()
    assert not level_of(bench).may_be_pending
    assert bench.tester.security.discard_seed(LEVEL) is None
