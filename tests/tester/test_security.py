"""Is SecurityAccess spoken so that no ECU is given a wrong key which it need not be given?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import can
import pytest

from harness.errors import KeyFunctionError, NotPermitted
from harness.outcome import Inconclusive, NotRun
from harness.target import Reset, SecurityLevel
from harness.tester.keys import article_key
from harness.tester.ledger import Ledger

from .desk import (
    ALL,
    Answers,
    Desk,
    PoweredEcu,
    ScriptedEcu,
    SecuredEcu,
    allowing,
    bare,
    foreign_key,
    right_key,
    secured,
    without_sessions,
)

LEVEL = 0x01
WRONG = b"\x00\x00\x00\x00"


def level_of(desk: Desk) -> Any:
    return desk.tester.security.level(LEVEL)


def send_wrong(desk: Desk) -> Any:
    """One wrong key on a fresh seed, without any care for the counter."""
    desk.tester.session_for(LEVEL)
    desk.tester.security.seed(LEVEL)
    return desk.tester.security.send_key(LEVEL, WRONG)


# Seeds


def test_seed_is_what_follows_the_level() -> None:
    ecu = SecuredEcu()
    desk = Desk(ecu)
    desk.tester.session_for(LEVEL)
    assert desk.tester.security.seed(LEVEL) == ecu.seeds[-1]
    assert len(ecu.seeds) == 1


def test_seed_of_one_byte_is_one() -> None:
    assert Desk(ScriptedEcu({"27 01": "67 01 05"})).tester.security.seed(LEVEL) == b"\x05"


def test_data_record_follows_the_seed_request() -> None:
    ecu = ScriptedEcu()
    Desk(ecu).tester.security.request_seed(LEVEL, b"\xaa\xbb")
    assert ecu.heard == ["2701aabb"]


@pytest.mark.parametrize("answers", ["7F 27 12", "67 01", [], "raw 70", "67 03 01 02"])
def test_no_seed_is_inconclusive_and_cited(answers: Answers) -> None:
    tester = Desk(ScriptedEcu({"27 01": answers})).tester
    with pytest.raises(Inconclusive, match="no seed for level 0x01"):
        tester.security.seed(LEVEL)
    assert len(tester.evidence) == 1


def test_first_request_of_an_ecu_that_is_booting_is_repeated() -> None:
    """Benign B14: 0x22 while stored counters are read."""
    ecu = ScriptedEcu(lambda pdu: "67 01 01 02 03 04" if ecu.port.now_s > 2.0 else "7F 27 22")
    desk = Desk(ecu, target=bare(security=(SecurityLevel(level=LEVEL),)))
    assert desk.tester.security.seed(LEVEL) == b"\x01\x02\x03\x04"
    assert desk.now_s < 3.0


def test_conditions_that_never_become_correct_are_inconclusive_after_some_seconds() -> None:
    desk = Desk(ScriptedEcu({"27 01": "7F 27 22"}))
    with pytest.raises(Inconclusive, match="0x22 conditionsNotCorrect"):
        desk.tester.security.seed(LEVEL)
    assert desk.now_s < 10.0


# The delay


@pytest.mark.parametrize("nrc", ["36", "37"])
def test_delay_is_waited_out(nrc: str) -> None:
    """Benign B8: 0x36 in place of 0x37."""
    ecu = ScriptedEcu(lambda pdu: "67 01 01 02 03 04" if ecu.port.now_s > 10.0 else f"7F 27 {nrc}")
    desk = Desk(ecu, target=bare(security=(SecurityLevel(level=LEVEL, delay_s=10.0),)))
    assert desk.tester.security.seed(LEVEL) == b"\x01\x02\x03\x04"
    assert desk.now_s < 16.0


def test_delay_is_waited_out_in_the_session_of_the_level() -> None:
    """The session ends meanwhile, and is entered again."""
    ecu = SecuredEcu(attempts=1)
    desk = Desk(ecu)
    desk.tester.security.unlock(LEVEL)
    assert send_wrong(desk).is_refused_with(0x36)
    started_s = desk.now_s
    desk.tester.security.unlock(LEVEL)
    assert ecu.is_unlocked
    assert 10.0 <= desk.now_s - started_s < 16.0


def test_delay_that_is_longer_than_declared_is_waited_out_too() -> None:
    ecu = ScriptedEcu(lambda pdu: "67 01 01 02 03 04" if ecu.port.now_s > 60.0 else "7F 27 37")
    desk = Desk(ecu, target=bare(security=(SecurityLevel(level=LEVEL, delay_s=10.0),)))
    assert desk.tester.security.seed(LEVEL)


def test_delay_that_starts_anew_with_each_request_is_waited_out_too() -> None:
    """The first wait is a whole delay, and nothing is asked meanwhile."""
    asked_s = [-100.0]

    def answers(pdu: bytes) -> Answers:
        since_s, asked_s[0] = ecu.port.now_s - asked_s[0], ecu.port.now_s
        return "67 01 01 02 03 04" if since_s > 10.0 else "7F 27 37"

    ecu = ScriptedEcu(answers)
    desk = Desk(ecu, target=bare(security=(SecurityLevel(level=LEVEL, delay_s=10.0),)))
    desk.tester.security.seed(LEVEL)
    assert desk.tester.security.seed(LEVEL)
    assert len(ecu.heard) == 3


def test_declared_delay_counts_and_a_usual_one_stands_in() -> None:
    declared = bare(security=(SecurityLevel(level=0x01, delay_s=3.0), SecurityLevel(level=0x03)))
    security = Desk(ScriptedEcu(), target=declared).tester.security
    assert [security.delay_s(level) for level in (0x01, 0x03, 0x05)] == [3.0, 10.0, 10.0]


def test_level_that_is_locked_for_good_is_waited_for_once() -> None:
    ecu = ScriptedEcu({"27 01": "7F 27 36"})
    desk = Desk(ecu, target=bare(security=(SecurityLevel(level=LEVEL, delay_s=10.0),)))
    with pytest.raises(Inconclusive, match="0x36"):
        desk.tester.security.seed(LEVEL)
    assert desk.now_s > 100.0
    first_s, ecu.heard = desk.now_s, []
    with pytest.raises(Inconclusive):
        desk.tester.security.seed(LEVEL)
    assert desk.now_s - first_s < 1.0
    assert ecu.heard == ["2701"]


def test_level_that_was_locked_for_good_and_opens_again_is_waited_for_again() -> None:
    ecu = ScriptedEcu(lambda pdu: "67 01 01 02" if 200.0 < ecu.port.now_s < 300.0 or ecu.port.now_s > 310.0 else "7F 27 37")
    desk = Desk(ecu, target=bare(security=(SecurityLevel(level=LEVEL, delay_s=10.0),)))
    with pytest.raises(Inconclusive):
        desk.tester.security.seed(LEVEL)
    desk.tester.wait(250.0 - desk.now_s)
    assert desk.tester.security.seed(LEVEL)
    desk.tester.wait(305.0 - desk.now_s)
    assert desk.tester.security.seed(LEVEL)


# Unlocking


def test_right_key_unlocks() -> None:
    ecu = SecuredEcu()
    desk = Desk(ecu)
    assert not desk.tester.security.has_unlocked
    seed, key = desk.tester.security.unlock(LEVEL)
    assert ecu.is_unlocked
    assert (seed, key) == (ecu.seeds[-1], right_key(ecu.seeds[-1], LEVEL))
    assert desk.tester.security.has_unlocked
    assert level_of(desk).is_proven


def test_unlocking_enters_the_session_of_the_level() -> None:
    ecu = SecuredEcu()
    Desk(ecu).tester.security.unlock(LEVEL)
    assert [request[:4] for request in ecu.heard] == ["1003", "2701", "2702"]


def test_right_key_needs_no_permission() -> None:
    ecu = SecuredEcu()
    Desk(ecu, target=secured(safety=allowing().safety)).tester.security.unlock(LEVEL)
    assert ecu.is_unlocked


def test_unlocking_without_a_key_function_is_inconclusive_and_sends_no_key() -> None:
    ecu = SecuredEcu()
    desk = Desk(ecu, key=None)
    with pytest.raises(Inconclusive, match="no key function is given for level 0x01"):
        desk.tester.security.unlock(LEVEL)
    assert ecu.keys == []
    assert not desk.tester.security.has_key(LEVEL)


def test_key_function_that_fails_sends_no_key() -> None:
    def fails(seed: bytes, level: int) -> bytes:
        raise KeyFunctionError("key keys.py:key raised ValueError: no")

    ecu = SecuredEcu()
    with pytest.raises(KeyFunctionError):
        Desk(ecu, key=fails).tester.security.unlock(LEVEL)
    assert ecu.keys == []


def test_zero_seed_means_that_the_level_is_open_and_is_not_answered() -> None:
    ecu = SecuredEcu(is_unlocked=True, locks_on=())
    desk = Desk(ecu)
    assert desk.tester.security.unlock(LEVEL).seed == bytes(4)
    assert not any(request.startswith("2702") for request in ecu.heard)
    assert desk.tester.security.has_unlocked
    assert not level_of(desk).is_proven


def test_zero_seed_of_another_length_means_the_same() -> None:
    """Benign B18: two zero bytes, which no key function need understand."""
    ecu = SecuredEcu(is_unlocked=True, locks_on=())
    ecu.zero_seed = bytes(2)
    desk = Desk(ecu, key=lambda seed, level: article_key(seed, bytes(4)))
    assert not any(desk.tester.security.unlock(LEVEL).seed)


@pytest.mark.parametrize("nrc", [0x24, 0x22, 0x37])
def test_right_key_that_is_refused_for_another_reason_is_no_suspicion(nrc: int) -> None:
    ecu = SecuredEcu()
    ecu.refuses_with = {"2702": f"7f 27 {nrc:02x}"}
    desk = Desk(ecu)
    with pytest.raises(Inconclusive, match="was not opened by its key"):
        desk.tester.security.unlock(LEVEL)
    assert not level_of(desk).suspect
    ecu.refuses_with = {}
    desk.tester.security.unlock(LEVEL)


def test_right_key_that_is_refused_twice_for_another_reason_is_tried_again() -> None:
    ecu = SecuredEcu()
    ecu.refuses_with = {"2702": "7f 27 22"}
    desk = Desk(ecu)
    for _ in range(2):
        with pytest.raises(Inconclusive):
            desk.tester.security.unlock(LEVEL)
    ecu.refuses_with = {}
    desk.tester.security.unlock(LEVEL)
    assert ecu.is_unlocked


# Rule 15: the right key first


def test_no_wrong_key_is_sent_before_the_right_one_has_worked() -> None:
    ecu = SecuredEcu()
    desk = Desk(ecu)
    with pytest.raises(Inconclusive, match="no wrong key before the right one has worked"):
        send_wrong(desk)
    assert ecu.keys == []
    assert desk.ledger.total == 0


def test_wrong_keys_are_sent_once_the_right_one_has_worked() -> None:
    ecu = SecuredEcu()
    desk = Desk(ecu)
    desk.tester.security.unlock(LEVEL)
    assert send_wrong(desk).is_refused_with(0x35)
    assert ecu.keys[-1] == WRONG
    assert desk.tester.security.wrong_keys_sent == 1


def test_wrong_keys_are_sent_where_there_is_no_right_one() -> None:
    ecu = SecuredEcu()
    assert send_wrong(Desk(ecu, key=None)).is_refused_with(0x35)


def test_wrong_keys_are_sent_where_the_right_one_could_not_be_taken_back() -> None:
    """An ECU that cannot be locked again is not unlocked for the sake of the rule."""
    desk = Desk(SecuredEcu(has_sessions=False, locks_on=()), target=without_sessions())
    assert send_wrong(desk).is_refused_with(0x35)


@pytest.mark.parametrize("attempts", [3, 1])
def test_right_key_that_is_refused_makes_the_key_function_suspect(attempts: int) -> None:
    ecu = SecuredEcu(attempts=attempts)
    desk = Desk(ecu, key=foreign_key)
    with pytest.raises(Inconclusive, match="key function suspect"):
        desk.tester.security.unlock(LEVEL)
    assert "key function suspect" in level_of(desk).suspect
    assert len(desk.tester.evidence) == 1


def test_a_suspect_key_function_costs_one_key_only() -> None:
    ecu = SecuredEcu()
    desk = Desk(ecu, key=foreign_key)
    for _ in range(3):
        with pytest.raises(Inconclusive, match="key function suspect"):
            desk.tester.security.unlock(LEVEL)
    assert len(ecu.keys) == 1
    assert desk.tester.security.wrong_keys_sent == 1
    assert desk.ledger.spent(LEVEL) == 1


def test_a_suspect_key_function_stops_all_wrong_keys() -> None:
    ecu = SecuredEcu()
    desk = Desk(ecu, key=foreign_key)
    with pytest.raises(Inconclusive):
        desk.tester.security.unlock(LEVEL)
    with pytest.raises(Inconclusive, match="key function suspect"):
        send_wrong(desk)
    with pytest.raises(Inconclusive, match="key function suspect"):
        desk.tester.security.try_key(LEVEL, lambda seed: WRONG)
    with pytest.raises(Inconclusive, match="key function suspect"):
        desk.tester.security.discard_seed(LEVEL)
    assert len(ecu.keys) == 1


@pytest.mark.parametrize("spent", [0, 2])
def test_a_suspect_key_function_costs_one_key_only_when_the_budget_is_used_up(spent: int) -> None:
    """`wrong_keys` reached: it must not hide that the key was refused, and let the next check send it again."""
    ledger = Ledger(None, "desk", spent)
    for _ in range(spent):
        ledger.spend(LEVEL)
    ecu = SecuredEcu(attempts=None)
    desk = Desk(ecu, key=foreign_key, ledger=ledger)
    for _ in range(3):
        with pytest.raises((Inconclusive, NotRun)):
            desk.tester.security.unlock(LEVEL)
    assert len(ecu.keys) == 1


def test_a_refused_right_key_is_suspect_whoever_sends_it() -> None:
    ecu = SecuredEcu()
    desk = Desk(ecu, key=foreign_key)
    desk.tester.session_for(LEVEL)
    seed = desk.tester.security.seed(LEVEL)
    assert desk.tester.security.send_key(LEVEL, foreign_key(seed, LEVEL)).is_refused_with(0x35)
    assert level_of(desk).suspect
    assert desk.ledger.spent(LEVEL) == 1


@pytest.mark.parametrize("answer", ["27 35", "raw 7F 02 31", ""])
def test_a_right_key_that_is_answered_by_garbage_is_not_sent_without_end(answer: str) -> None:
    """The article without its quirk, and a key function that is wrong: each unlock is one more wrong key."""
    ecu = SecuredEcu(attempts=None)
    ecu.refuses_with = {"2702": answer}
    desk = Desk(ecu, key=foreign_key, ledger=Ledger(None, "desk", 2))
    for _ in range(10):
        with pytest.raises((Inconclusive, NotRun)):
            desk.tester.security.unlock(LEVEL)
    assert sum(request.startswith("2702") for request in ecu.heard) <= 3


# Wrong keys


@pytest.mark.parametrize("send", ["request", "suppressed", "raw"])
def test_rule_15_holds_for_keys_that_a_check_sends_in_its_own_words(send: str) -> None:
    ecu = SecuredEcu()
    desk = Desk(ecu)
    desk.tester.gate.raw_needs = frozenset({"lockout"})
    desk.tester.session_for(LEVEL)
    desk.tester.security.seed(LEVEL)
    ways = {
        "request": lambda: desk.tester.request(b"\x27\x02" + WRONG),
        "suppressed": lambda: desk.tester.request(b"\x27\x82" + WRONG),
        "raw": lambda: desk.tester.raw(b"\x06\x27\x02" + WRONG),
    }
    with pytest.raises(Inconclusive, match="no wrong key before the right one has worked"):
        ways[send]()
    assert ecu.keys == []
    assert desk.ledger.total == 0


def test_several_guesses_in_one_go_need_a_budget_for_all_of_them() -> None:
    ecu = SecuredEcu(attempts=None)
    desk = Desk(ecu, key=None, ledger=Ledger(None, "desk", 2))
    desk.tester.gate.raw_needs = frozenset({"lockout"})
    desk.tester.session_for(LEVEL)
    with pytest.raises(NotRun):
        desk.tester.raw(*[b"\x06\x27\x02" + WRONG] * 3)
    assert not any(request.startswith("2702") for request in ecu.heard)


def test_right_key_that_worked_once_and_is_refused_later_is_counted() -> None:
    ecu = SecuredEcu()
    desk = Desk(ecu)
    desk.tester.security.unlock(LEVEL)
    ecu.refuses_with = {"2702": "7f 27 35"}
    with pytest.raises(Inconclusive):
        desk.tester.security.unlock(LEVEL)
    assert desk.ledger.spent(LEVEL) == 1
    assert level_of(desk).wrong_in_a_row == 1


def test_key_function_that_was_proven_stays_so_when_a_guess_opens_the_level() -> None:
    ecu = SecuredEcu()
    desk = Desk(ecu)
    desk.tester.security.unlock(LEVEL)
    ecu.refuses_with = {"2702": "67 02"}
    assert send_wrong(desk).is_positive
    assert level_of(desk).is_proven


def test_wrong_key_that_opens_the_level_proves_no_key_function() -> None:
    ecu = SecuredEcu(has_sessions=False, locks_on=())
    ecu.refuses_with = {"2702": "67 02"}
    desk = Desk(ecu, target=without_sessions())
    assert send_wrong(desk).is_positive
    assert not level_of(desk).is_proven
    assert desk.tester.security.has_unlocked


def test_wrong_key_needs_permission() -> None:
    ecu = SecuredEcu()
    desk = Desk(ecu, target=secured(safety=allowing(*(ALL - {"lockout"})).safety))
    desk.tester.security.unlock(LEVEL)
    with pytest.raises(NotPermitted, match="lockout"):
        send_wrong(desk)
    assert WRONG not in ecu.keys


def test_wrong_key_differs_from_the_right_one_in_one_bit() -> None:
    security = Desk(SecuredEcu()).tester.security
    seed = b"\x01\x02\x03\x04"
    right = int.from_bytes(right_key(seed, LEVEL), "big")
    wrong = [security.wrong_key(LEVEL, seed, flip=flip) for flip in range(64)]
    assert {len(key) for key in wrong} == {4}
    assert {(int.from_bytes(key, "big") ^ right).bit_count() for key in wrong} == {1}
    assert len(set(wrong)) == 32


def test_wrong_key_is_of_the_seeds_length_where_the_right_one_is_not_known() -> None:
    desk = Desk(SecuredEcu(), key=None)
    desk.tester.session_for(LEVEL)
    assert len(desk.tester.security.wrong_key(LEVEL, bytes(4))) == 4


def test_key_length_is_the_key_functions() -> None:
    ecu = SecuredEcu()
    desk = Desk(ecu, key=lambda seed, level: bytes(16))
    desk.tester.session_for(LEVEL)
    assert desk.tester.security.key_length(LEVEL) == 16
    assert desk.tester.security.key_length(LEVEL) == 16
    assert len(ecu.seeds) == 1


def test_a_seed_is_good_for_one_right_key() -> None:
    """Sent again, it is a guess: it needs permission and is counted."""
    ecu = SecuredEcu()
    desk = Desk(ecu)
    _, key = desk.tester.security.unlock(LEVEL)
    desk.tester.security.send_key(LEVEL, key)
    assert desk.ledger.spent(LEVEL) == 1


def test_a_key_for_a_seed_that_went_with_its_session_is_a_guess() -> None:
    ecu = SecuredEcu()
    desk = Desk(ecu)
    desk.tester.security.unlock(LEVEL)
    desk.tester.session_for(LEVEL)
    key = right_key(desk.tester.security.seed(LEVEL), LEVEL)
    desk.tester.enter_session(0x01)
    desk.tester.session_for(LEVEL)
    desk.tester.security.send_key(LEVEL, key)
    assert desk.ledger.spent(LEVEL) == 1


@pytest.mark.parametrize("request_", ["10 83", "10 03", "11 01", "11 81", "27 81", "27 01"])
def test_a_key_for_a_seed_that_a_request_of_a_checks_own_may_have_ended_is_a_guess(request_: str) -> None:
    """Whether the positive response is suppressed or not."""

    class Suppresses(SecuredEcu):
        def answers(self, pdu: bytes) -> Answers:
            answers = super().answers(bytes((pdu[0], pdu[1] & 0x7F, *pdu[2:])) if pdu[0] in (0x10, 0x11, 0x27) else pdu)
            return [] if pdu[0] in (0x10, 0x11, 0x27) and pdu[1] & 0x80 else answers

    desk = Desk(Suppresses())
    desk.tester.security.unlock(LEVEL)
    desk.tester.session_for(LEVEL)
    key = right_key(desk.tester.security.seed(LEVEL), LEVEL)
    desk.tester.request(request_)
    desk.tester.wait(1.0)
    desk.tester.security.send_key(LEVEL, key)
    assert desk.ledger.spent(LEVEL) == 1


def test_a_key_for_a_seed_that_another_seed_replaced_is_a_guess() -> None:
    desk = Desk(SecuredEcu())
    desk.tester.security.unlock(LEVEL)
    desk.tester.session_for(LEVEL)
    key = right_key(desk.tester.security.seed(LEVEL), LEVEL)
    desk.tester.security.seed(LEVEL)
    desk.tester.security.send_key(LEVEL, key)
    assert desk.ledger.spent(LEVEL) == 1


# try_key


@pytest.mark.parametrize("attempts", [1, 2, 3, 5])
def test_guesses_never_reach_the_limit_where_a_right_key_can_clear_the_counter(attempts: int) -> None:
    ecu = SecuredEcu(attempts=attempts)
    declared = secured()
    desk = Desk(ecu, target=replace(declared, security=(replace(declared.security[0], attempts=attempts),)))
    desk.tester.security.unlock(LEVEL)
    for _ in range(12):
        reply = desk.tester.security.try_key(LEVEL, lambda seed: WRONG)[2]
        assert reply.is_refused_with(0x36 if attempts == 1 else 0x35)
    assert ecu.keys.count(WRONG) == 12
    assert all(any(seed) for seed in ecu.seeds)


def test_guess_is_made_on_a_fresh_seed() -> None:
    ecu = SecuredEcu()
    desk = Desk(ecu)
    desk.tester.security.unlock(LEVEL)
    seed, key, reply = desk.tester.security.try_key(LEVEL, lambda seed: seed)
    assert seed == key == ecu.seeds[-1]
    assert reply.is_refused_with(0x35)


def test_guess_that_opens_the_level_is_told() -> None:
    desk = Desk(SecuredEcu())
    desk.tester.security.unlock(LEVEL)
    assert desk.tester.security.try_key(LEVEL, lambda seed: right_key(seed, LEVEL))[2].is_positive


def test_delay_is_waited_out_between_guesses_where_no_key_can_clear_the_counter() -> None:
    ecu = SecuredEcu()
    desk = Desk(ecu, key=None)
    for _ in range(8):
        assert desk.tester.security.try_key(LEVEL, lambda seed: WRONG)[2].is_refused_with(0x35, 0x36)
    assert ecu.keys == [WRONG] * 8
    assert 20.0 <= desk.now_s < 40.0


def test_guesses_meet_a_locked_ecu_also_where_only_a_restart_locks_it() -> None:
    """The unlock that clears the counter must not leave the ECU open: a key to a zero seed is no guess."""
    ecu = PoweredEcu(has_sessions=False, locks_on=("restart",))
    desk = Desk(ecu, target=without_sessions(reset=Reset(power="simulated", boot_s=0.5)))
    desk.tester.prove_keys()
    desk.tester.restore()
    for _ in range(6):
        seed, _, reply = desk.tester.security.try_key(LEVEL, lambda seed: WRONG)
        assert any(seed)
        assert reply.is_refused_with(0x35)


# A pending seed


def test_pending_seed_is_used_up_by_a_wrong_key() -> None:
    ecu = SecuredEcu()
    desk = Desk(ecu)
    desk.tester.security.unlock(LEVEL)
    desk.tester.session_for(LEVEL)
    desk.tester.security.seed(LEVEL)
    reply = desk.tester.security.discard_seed(LEVEL)
    assert reply is not None
    assert reply.is_refused_with(0x35)
    assert ecu.seed is None


def test_no_key_is_spent_where_no_seed_can_be_pending() -> None:
    ecu = SecuredEcu()
    desk = Desk(ecu)
    desk.tester.security.unlock(LEVEL)
    ecu.keys.clear()
    assert desk.tester.security.discard_seed(LEVEL) is None
    assert ecu.keys == []


def test_no_key_is_spent_where_a_wrong_one_has_used_the_seed_up() -> None:
    ecu = SecuredEcu()
    desk = Desk(ecu)
    desk.tester.security.unlock(LEVEL)
    send_wrong(desk)
    assert desk.tester.security.discard_seed(LEVEL) is None


def test_seed_may_still_be_pending_where_a_key_was_not_answered() -> None:
    ecu = SecuredEcu()
    desk = Desk(ecu)
    desk.tester.security.unlock(LEVEL)
    ecu.refuses_with = {"2702": ""}
    send_wrong(desk)
    ecu.refuses_with = {}
    assert desk.tester.security.discard_seed(LEVEL) is not None


def test_seed_of_somebody_else_may_be_pending_at_the_start() -> None:
    """A tester before us may have asked for one, and an ECU without sessions keeps it."""
    ecu = SecuredEcu(has_sessions=False, locks_on=())
    desk = Desk(ecu, target=without_sessions())
    ecu.seed = b"\x01\x02\x03\x04"
    assert desk.tester.security.discard_seed(LEVEL) is not None
    assert ecu.seed is None


def test_a_session_change_is_not_trusted_to_drop_a_seed_but_a_restart_is() -> None:
    desk = Desk(SecuredEcu())
    desk.tester.security.unlock(LEVEL)
    desk.tester.session_for(LEVEL)
    desk.tester.security.seed(LEVEL)
    desk.tester.security.forget_pending()
    assert level_of(desk).may_be_pending
    desk.tester.security.forget_pending(has_restarted=True)
    assert not level_of(desk).may_be_pending
    assert desk.tester.security.discard_seed(LEVEL) is None


# Levels are separate


def test_two_levels_are_kept_apart() -> None:
    class TwoLevels(SecuredEcu):
        def answers(self, pdu: bytes) -> Answers:
            return "67 03 01 02" if pdu == b"\x27\x03" else super().answers(pdu)

    ecu = TwoLevels()
    desk = Desk(ecu)
    desk.tester.security.unlock(LEVEL)
    assert not desk.tester.security.level(0x03).is_proven
    assert desk.tester.security.seed(0x03) == b"\x01\x02"
    assert desk.tester.security.level(0x01).seed is None
    assert not desk.tester.security.has_key(0x03)


def test_a_seed_of_another_level_ends_the_wait_for_this_ones_key() -> None:
    """CATALOGUE 2.1, transitions 5 and 8: only one seed is pending, so the first level's key is a guess now."""

    class TwoLevels(SecuredEcu):
        def answers(self, pdu: bytes) -> Answers:
            if pdu == b"\x27\x03":
                self.seed = None
                return "67 03 01 02"
            return super().answers(pdu)

    desk = Desk(TwoLevels())
    desk.tester.security.unlock(LEVEL)
    desk.tester.session_for(LEVEL)
    key = right_key(desk.tester.security.seed(LEVEL), LEVEL)
    desk.tester.security.seed(0x03)
    desk.tester.security.send_key(LEVEL, key)
    assert desk.ledger.spent(LEVEL) == 1


def test_an_ecu_that_dies_of_a_key_leaves_the_count_right() -> None:
    class Fragile(SecuredEcu):
        def on_frame(self, message: can.Message) -> None:
            if bytes(message.data[1:7]) == b"\x27\x02" + WRONG:
                raise RuntimeError("stack smashed")
            super().on_frame(message)

    desk = Desk(Fragile())
    desk.tester.security.unlock(LEVEL)
    send_wrong(desk)
    assert desk.ledger.spent(LEVEL) == 1
    assert level_of(desk).wrong_in_a_row == 1
