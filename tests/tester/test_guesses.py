"""Prove that guesses and lockouts are distinguished from behaviour that resembles them."""

import pytest

from harness.errors import Inconclusive, NotApplicable, NotRun
from harness.target import SecurityLevel
from harness.tester.ledger import Ledger

from .bench import Answers, Bench, ScriptedEcu, SecuredEcu, secured, without_sessions

NO_SEED_37, NO_SEED_22 = "7f 27 37", "7f 27 22"


def bench(ecu: SecuredEcu) -> Bench:
    made = Bench(ecu)
    made.tester.prove_keys()
    made.tester.restore()
    made.tester.session_for(1)
    return made


class Pausing(SecuredEcu):
    """An ECU that gives no seed for a second after each wrong key, besides its limit."""

    def _compare(self, key: bytes) -> Answers:
        answer = super()._compare(key)
        if answer == "7f 27 35":
            self.delayed_until_s = self.port.now_s + 1.0
        return answer


class Announcing(SecuredEcu):
    """An ECU that answers 36 at its limit, and gives further seeds."""

    def _security(self, pdu: bytes) -> Answers:
        self.delayed_until_s = 0.0
        return super()._security(pdu)


def test_a_guess_is_a_seed_and_a_wrong_key_for_it() -> None:
    ecu = SecuredEcu()
    made = bench(ecu)
    guess = made.tester.guesses.guess(1)
    assert guess.is_evaluated
    assert not guess.is_limited
    assert len(ecu.keys) == 2  # the right one first, once


def test_the_guess_at_the_limit_is_limited_by_its_key_and_the_next_by_its_seed() -> None:
    made = bench(SecuredEcu(attempts=2))
    guesses = [made.tester.guesses.guess(1) for _ in range(3)]
    assert [(one.is_evaluated, one.is_limited, one.key is None) for one in guesses] == [
        (True, False, False),
        (False, True, False),
        (False, True, True),
    ]


def test_a_zero_seed_is_no_seed_to_guess_for() -> None:
    made = bench(SecuredEcu())
    made.tester.security.unlock(1)
    with pytest.raises(Inconclusive, match="seems to be open"):
        made.tester.guesses.guess(1)


def test_a_key_that_is_not_compared_is_no_guess() -> None:
    ecu = SecuredEcu()
    made = bench(ecu)
    ecu.refuses_with["2702"] = "7f 27 13"
    with pytest.raises(Inconclusive, match="not evaluated"):
        made.tester.guesses.guess(1)


def test_spending_ends_at_the_limit() -> None:
    made = bench(SecuredEcu(attempts=3))
    spent = made.tester.guesses.spend(1, 9)
    assert (spent.evaluated, spent.is_limited) == (2, True)


def test_spending_ends_when_all_is_spent() -> None:
    made = bench(SecuredEcu(attempts=None))
    spent = made.tester.guesses.spend(1, 9)
    assert (spent.evaluated, spent.is_limited) == (9, False)


def test_a_limit_that_only_the_next_seed_shows_counts_at_the_end() -> None:
    class Quiet(SecuredEcu):
        def _compare(self, key: bytes) -> Answers:
            return super()._compare(key).replace("36", "35")  # type: ignore[union-attr]

    spent = bench(Quiet(attempts=3)).tester.guesses.spend(1, 3)
    assert (spent.evaluated, spent.is_limited) == (3, True)


def test_what_comes_between_comes_after_every_so_many() -> None:
    made = bench(SecuredEcu(attempts=None))
    seen: list[int] = []
    made.tester.guesses.spend(1, 7, between=lambda: seen.append(made.tester.security.wrong_keys_sent), every=3)
    assert seen == [3, 6]


def test_spending_begins_when_a_running_delay_is_over() -> None:
    ecu = SecuredEcu(attempts=3)
    made = bench(ecu)
    ecu.delayed_until_s = made.now_s + 10.0
    assert made.tester.guesses.spend(1, 9).evaluated == 2


def test_nothing_is_spent_that_the_ledger_does_not_hold() -> None:
    ecu = SecuredEcu(attempts=None)
    made = Bench(ecu, ledger=Ledger(None, "bench", 5))
    made.tester.prove_keys()
    with pytest.raises(NotRun):
        made.tester.guesses.spend(1, 6)
    assert made.tester.security.wrong_keys_sent == 0


def test_the_allowance_is_the_limit_only_where_a_right_key_has_cleared_the_count() -> None:
    assert bench(SecuredEcu()).tester.guesses.allowance(1, 3) == 3
    assert Bench(SecuredEcu(), key=None).tester.guesses.allowance(1, 3) == 10


def test_a_lockout_is_seen_by_the_seed_that_is_refused() -> None:
    made = bench(SecuredEcu(attempts=3))
    locked = made.tester.guesses.lock_out(1)
    assert (locked.wrong_keys, locked.holds) == (3, True)
    assert locked.since_s == pytest.approx(locked.at_s, abs=0.01)


def test_a_lockout_that_is_only_announced_does_not_hold() -> None:
    locked = bench(Announcing(attempts=3)).tester.guesses.lock_out(1)
    assert not locked.holds
    assert locked.wrong_keys > 10


def test_pauses_before_the_limit_are_waited_out() -> None:
    made = bench(Pausing(attempts=3))
    assert made.tester.guesses.lock_out(1).wrong_keys == 1
    made.tester.wait(20.0)
    made.tester.restore()
    before_s = made.now_s
    locked = made.tester.guesses.lock_out(1, wrong_keys=3)
    assert (locked.wrong_keys, locked.holds) == (3, True)
    assert made.now_s - before_s < 4.0


def test_a_pause_as_long_as_a_delay_is_a_lockout() -> None:
    made = bench(SecuredEcu(attempts=1, delay_s=1000.0))
    locked = made.tester.guesses.lock_out(1, wrong_keys=3)
    assert (locked.wrong_keys, locked.holds) == (1, True)


def test_a_seed_is_asked_for_again_while_the_ecu_is_starting() -> None:
    ecu = SecuredEcu()
    made = bench(ecu)
    ecu.refuses_with["2701"] = NO_SEED_22
    ecu.port.call_later(0.6, ecu.refuses_with.clear)
    assert made.tester.guesses.ask(1).is_seed


def test_a_seed_in_the_delay_is_asked_for_in_its_session() -> None:
    made = bench(SecuredEcu())
    made.tester.wait(6.0)  # the session has ended
    assert made.tester.guesses.seed_in_delay(1).is_seed


def test_a_seed_is_awaited_for_ten_delays() -> None:
    made = bench(SecuredEcu(attempts=1, delay_s=45.0))
    made.tester.guesses.lock_out(1)
    reply, waited_s = made.tester.guesses.await_seed(1, 10.0)
    assert reply.is_seed
    assert 40.0 < waited_s < 60.0


def test_a_seed_that_never_comes_is_not_awaited_for_ever() -> None:
    made = bench(SecuredEcu(attempts=1, delay_s=1e9))
    made.tester.guesses.lock_out(1)
    reply, waited_s = made.tester.guesses.await_seed(1, 10.0)
    assert reply.is_refused_with(0x37)
    assert 100.0 < waited_s < 130.0


def test_an_ecu_without_security_access_has_nothing_to_guess() -> None:
    made = Bench(ScriptedEcu(lambda pdu: f"7f {pdu[0]:02x} 11"), target=without_sessions(security=(SecurityLevel(level=1),)))
    with pytest.raises(NotApplicable, match="does not have service 27"):
        made.tester.guesses.start(1)


def test_an_ecu_that_gives_no_seed_is_inconclusive() -> None:
    ecu = SecuredEcu()
    made = Bench(ecu, target=secured())
    ecu.refuses_with["2701"] = "7f 27 31"
    with pytest.raises(Inconclusive, match="no seed"):
        made.tester.guesses.start(1)
