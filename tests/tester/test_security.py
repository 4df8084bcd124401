"""Prove that seeds are requested and right keys sent as the ECU wants, and that the first key is the right one."""

import can
import pytest

from harness.errors import Inconclusive, KeyFunctionError
from harness.target import SecurityLevel
from harness.tester.keys import article_key

from .bench import (
    LEVEL,
    WRONG,
    Answers,
    Bench,
    ScriptedEcu,
    SecuredEcu,
    allowing,
    bare,
    level_of,
    right_key,
    secured,
    send_wrong,
)

# Seeds


def test_seed_is_what_follows_the_level() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu)
    bench.tester.session_for(LEVEL)
    assert bench.tester.security.seed(LEVEL) == ecu.seeds[-1]
    assert len(ecu.seeds) == 1


def test_seed_of_one_byte_is_one() -> None:
    assert Bench(ScriptedEcu({"27 01": "67 01 05"})).tester.security.seed(LEVEL) == b"\x05"


def test_data_record_follows_the_seed_request() -> None:
    ecu = ScriptedEcu()
    Bench(ecu).tester.security.request_seed(LEVEL, b"\xaa\xbb")
    assert ecu.heard == ["2701aabb"]


@pytest.mark.parametrize("answers", ["7F 27 12", "67 01", [], "raw 70", "67 03 01 02"])
def test_no_seed_is_inconclusive_and_cited(answers: Answers) -> None:
    tester = Bench(ScriptedEcu({"27 01": answers})).tester
    with pytest.raises(Inconclusive, match="no seed for level 0x01"):
        tester.security.seed(LEVEL)
    assert len(tester.evidence) == 1


def test_first_request_of_an_ecu_that_is_booting_is_repeated() -> None:
    """A booting ECU may answer 0x22 while it reads its stored counters."""
    ecu = ScriptedEcu(lambda pdu: "67 01 01 02 03 04" if ecu.port.now_s > 2.0 else "7F 27 22")
    bench = Bench(ecu, target=bare(security=(SecurityLevel(level=LEVEL),)))
    assert bench.tester.security.seed(LEVEL) == b"\x01\x02\x03\x04"
    assert bench.now_s < 3.0


def test_conditions_that_never_become_correct_are_inconclusive_after_some_seconds() -> None:
    bench = Bench(ScriptedEcu({"27 01": "7F 27 22"}))
    with pytest.raises(Inconclusive, match="0x22 conditionsNotCorrect"):
        bench.tester.security.seed(LEVEL)
    assert bench.now_s < 10.0


# The delay


@pytest.mark.parametrize("nrc", ["36", "37"])
def test_delay_is_waited_out(nrc: str) -> None:
    """This ECU answers 0x36 in place of 0x37."""
    ecu = ScriptedEcu(lambda pdu: "67 01 01 02 03 04" if ecu.port.now_s > 10.0 else f"7F 27 {nrc}")
    bench = Bench(ecu, target=bare(security=(SecurityLevel(level=LEVEL, delay_s=10.0),)))
    assert bench.tester.security.seed(LEVEL) == b"\x01\x02\x03\x04"
    assert bench.now_s < 16.0


def test_delay_is_waited_out_in_the_session_of_the_level() -> None:
    """The session ends meanwhile, and is entered again."""
    ecu = SecuredEcu(attempts=1)
    bench = Bench(ecu)
    bench.tester.security.unlock(LEVEL)
    assert send_wrong(bench).is_refused_with(0x36)
    started_s = bench.now_s
    bench.tester.security.unlock(LEVEL)
    assert ecu.is_unlocked
    assert 10.0 <= bench.now_s - started_s < 16.0


def test_delay_that_is_longer_than_declared_is_waited_out_too() -> None:
    ecu = ScriptedEcu(lambda pdu: "67 01 01 02 03 04" if ecu.port.now_s > 60.0 else "7F 27 37")
    bench = Bench(ecu, target=bare(security=(SecurityLevel(level=LEVEL, delay_s=10.0),)))
    assert bench.tester.security.seed(LEVEL)


def test_delay_that_starts_anew_with_each_request_is_waited_out_too() -> None:
    """The first wait lasts a whole delay, and no request is sent during it."""
    asked_s = [-100.0]

    def answers(pdu: bytes) -> Answers:
        since_s, asked_s[0] = ecu.port.now_s - asked_s[0], ecu.port.now_s
        return "67 01 01 02 03 04" if since_s > 10.0 else "7F 27 37"

    ecu = ScriptedEcu(answers)
    bench = Bench(ecu, target=bare(security=(SecurityLevel(level=LEVEL, delay_s=10.0),)))
    bench.tester.security.seed(LEVEL)
    assert bench.tester.security.seed(LEVEL)
    assert len(ecu.heard) == 3


def test_declared_delay_counts_and_a_usual_one_stands_in() -> None:
    declared = bare(security=(SecurityLevel(level=0x01, delay_s=3.0), SecurityLevel(level=0x03)))
    security = Bench(ScriptedEcu(), target=declared).tester.security
    assert [security.delay_s(level) for level in (0x01, 0x03, 0x05)] == [3.0, 10.0, 10.0]


def test_level_that_is_locked_for_good_is_waited_for_once() -> None:
    ecu = ScriptedEcu({"27 01": "7F 27 36"})
    bench = Bench(ecu, target=bare(security=(SecurityLevel(level=LEVEL, delay_s=10.0),)))
    with pytest.raises(Inconclusive, match="0x36"):
        bench.tester.security.seed(LEVEL)
    assert bench.now_s > 100.0
    first_s, ecu.heard = bench.now_s, []
    with pytest.raises(Inconclusive):
        bench.tester.security.seed(LEVEL)
    assert bench.now_s - first_s < 1.0
    assert ecu.heard == ["2701"]


def test_level_that_was_locked_for_good_and_opens_again_is_waited_for_again() -> None:
    ecu = ScriptedEcu(lambda pdu: "67 01 01 02" if 200.0 < ecu.port.now_s < 300.0 or ecu.port.now_s > 310.0 else "7F 27 37")
    bench = Bench(ecu, target=bare(security=(SecurityLevel(level=LEVEL, delay_s=10.0),)))
    with pytest.raises(Inconclusive):
        bench.tester.security.seed(LEVEL)
    bench.tester.wait(250.0 - bench.now_s)
    assert bench.tester.security.seed(LEVEL)
    bench.tester.wait(305.0 - bench.now_s)
    assert bench.tester.security.seed(LEVEL)


# Unlocking


def test_right_key_unlocks() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu)
    assert not bench.tester.state.has_unlocked
    seed, key = bench.tester.security.unlock(LEVEL)
    assert ecu.is_unlocked
    assert (seed, key) == (ecu.seeds[-1], right_key(ecu.seeds[-1], LEVEL))
    assert bench.tester.state.has_unlocked
    assert level_of(bench).is_proven


def test_unlocking_enters_the_session_of_the_level() -> None:
    ecu = SecuredEcu()
    Bench(ecu).tester.security.unlock(LEVEL)
    asked = [request[:4] for request in ecu.heard]
    assert asked[0] == "1003"
    assert asked[-2:] == ["2701", "2702"]
    assert set(asked[1:-2]) == {"2220", "2e20"}, "the guarded write is seen to be refused before the level is opened"


def test_what_a_level_guards_is_seen_refused_once_only() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu)
    for _ in range(3):
        bench.tester.security.unlock(LEVEL)
    assert sum(request.startswith("2e2020") for request in ecu.heard) == 1


def test_right_key_needs_no_permission() -> None:
    ecu = SecuredEcu()
    Bench(ecu, target=secured(safety=allowing().safety)).tester.security.unlock(LEVEL)
    assert ecu.is_unlocked


def test_unlocking_without_a_key_function_is_inconclusive_and_sends_no_key() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu, key=None)
    with pytest.raises(Inconclusive, match="no key function is given for level 0x01"):
        bench.tester.security.unlock(LEVEL)
    assert ecu.keys == []
    assert not bench.tester.security.has_key(LEVEL)


def test_key_function_that_fails_sends_no_key() -> None:
    def fails(seed: bytes, level: int) -> bytes:
        raise KeyFunctionError("key keys.py:key raised ValueError: no")

    ecu = SecuredEcu()
    with pytest.raises(KeyFunctionError):
        Bench(ecu, key=fails).tester.security.unlock(LEVEL)
    assert ecu.keys == []


def test_zero_seed_means_that_the_level_is_open_and_is_not_answered() -> None:
    ecu = SecuredEcu(is_unlocked=True, locks_on=())
    bench = Bench(ecu)
    assert bench.tester.security.unlock(LEVEL).seed == b""
    assert not any(request.startswith("2702") for request in ecu.heard)
    assert bench.tester.state.has_unlocked
    assert not level_of(bench).is_proven


def test_zero_seed_of_another_length_means_the_same() -> None:
    """A seed of two zero bytes; a key function need not accept that length."""
    ecu = SecuredEcu(is_unlocked=True, locks_on=())
    ecu.zero_seed = bytes(2)
    bench = Bench(ecu, key=lambda seed, level: article_key(seed, bytes(4)))
    assert not any(bench.tester.security.unlock(LEVEL).seed)


@pytest.mark.parametrize("nrc", [0x24, 0x22, 0x37])
def test_right_key_that_is_refused_for_another_reason_is_no_suspicion(nrc: int) -> None:
    ecu = SecuredEcu()
    ecu.refuses_with = {"2702": f"7f 27 {nrc:02x}"}
    bench = Bench(ecu)
    with pytest.raises(Inconclusive, match="was not opened by its key"):
        bench.tester.security.unlock(LEVEL)
    assert not level_of(bench).suspect
    ecu.refuses_with = {}
    bench.tester.security.unlock(LEVEL)


def test_right_key_that_is_refused_twice_for_another_reason_is_tried_again() -> None:
    ecu = SecuredEcu()
    ecu.refuses_with = {"2702": "7f 27 22"}
    bench = Bench(ecu)
    for _ in range(2):
        with pytest.raises(Inconclusive):
            bench.tester.security.unlock(LEVEL)
    ecu.refuses_with = {}
    bench.tester.security.unlock(LEVEL)
    assert ecu.is_unlocked


# Levels are separate


def test_two_levels_are_kept_apart() -> None:
    class TwoLevels(SecuredEcu):
        def answers(self, pdu: bytes) -> Answers:
            return "67 03 01 02" if pdu == b"\x27\x03" else super().answers(pdu)

    ecu = TwoLevels()
    bench = Bench(ecu)
    bench.tester.security.unlock(LEVEL)
    assert not bench.tester.security.level(0x03).is_proven
    assert bench.tester.security.seed(0x03) == b"\x01\x02"
    assert bench.tester.security.level(0x01).seed is None
    assert not bench.tester.security.has_key(0x03)


def test_a_seed_of_another_level_ends_the_wait_for_this_ones_key() -> None:
    """Only one seed is pending, so that a key for the first level would now be a guess."""

    class TwoLevels(SecuredEcu):
        def answers(self, pdu: bytes) -> Answers:
            if pdu == b"\x27\x03":
                self.seed = None
                return "67 03 01 02"
            return super().answers(pdu)

    bench = Bench(TwoLevels())
    bench.tester.security.unlock(LEVEL)
    bench.tester.session_for(LEVEL)
    key = right_key(bench.tester.security.seed(LEVEL), LEVEL)
    bench.tester.security.seed(0x03)
    bench.tester.security.send_key(LEVEL, key)
    assert bench.ledger.spent(LEVEL) == 1


def test_an_ecu_that_dies_of_a_key_leaves_the_count_right() -> None:
    class Fragile(SecuredEcu):
        def on_frame(self, message: can.Message) -> None:
            if bytes(message.data[1:7]) == b"\x27\x02" + WRONG:
                raise RuntimeError("stack smashed")
            super().on_frame(message)

    bench = Bench(Fragile())
    bench.tester.security.unlock(LEVEL)
    send_wrong(bench)
    assert bench.ledger.spent(LEVEL) == 1
    assert level_of(bench).wrong_in_a_row == 1
