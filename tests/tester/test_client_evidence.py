"""Prove what is kept of an exchange, and whether the ECU counts as alive."""

from collections.abc import Callable

import pytest

from harness.target import Access, DataEntry
from harness.tester.reply import ReplyKind, positive

from .bench import RESPONSE_ID, Answer, Answers, Bench, OtherTalker, ScriptedEcu, SecuredEcu, bare

READ = "22 10 10"
VALUE = "62 10 10 05"


# Evidence


def test_exchange_shows_request_replies_outcome_and_frames() -> None:
    noise = ScriptedEcu({READ: "62 10 10 09"}, response_id=RESPONSE_ID + 1)
    bench = Bench(ScriptedEcu({READ: ["7F 22 78", (0.1, VALUE)]}), noise)
    bench.tester.request("3E 00")
    exchange = bench.tester.request(READ).exchange()
    assert exchange.request == "22 10 10"
    assert exchange.replies == ("7F 22 78", "62 10 10 05")
    assert exchange.outcome == "positive 62 10 10 05"
    assert [(frame.can_id, frame.data, frame.is_sent) for frame in exchange.frames] == [
        (0x740, "0322101000000000", True),
        (0x748, "037F227800000000", False),
        (0x749, "0462101009000000", False),
        (0x748, "0462101005000000", False),
    ]
    assert (exchange.first_frame, exchange.last_frame) == (1, 5)


def test_raw_exchange_shows_the_frames() -> None:
    exchange = Bench(ScriptedEcu({READ: VALUE})).tester.raw(b"\x03\x22\x10\x10").exchange()
    assert exchange.request == "raw 740#03221010"
    assert exchange.replies == ("raw 748#0462101005000000",)
    assert len(exchange.frames) == 2


def test_evidence_of_a_long_exchange_is_its_first_dozens_of_frames() -> None:
    bench = Bench(ScriptedEcu({READ: "62 10 10" + " 00" * 4000}))
    exchange = bench.tester.request(READ).exchange()
    assert 12 <= len(exchange.frames) <= 100
    assert exchange.last_frame - exchange.first_frame > 500


def test_cited_exchanges_are_kept_in_order() -> None:
    tester = Bench(ScriptedEcu({READ: VALUE})).tester
    first, second = tester.request(READ), tester.request("3E 00")
    tester.cite(first, second)
    tester.cite(tester.raw(b"\x02\x3e\x00"))
    assert [exchange.request for exchange in tester.evidence] == ["22 10 10", "3E 00", "raw 740#023E00"]


def test_a_note_is_kept_once() -> None:
    tester = Bench(ScriptedEcu()).tester
    for text in ("one", "two", "one"):
        tester.note(text)
    assert tester.notes == ["one", "two"]


def test_exchanges_are_counted_and_the_latest_kept() -> None:
    tester = Bench(ScriptedEcu({READ: VALUE})).tester
    replies = [tester.request(READ) for _ in range(20)]
    assert tester.exchange_count == 20
    assert list(tester.recent)[-1] is replies[-1]
    assert positive().accepts(tester.recent[-1])
    assert len(tester.recent) < 20


def test_first_exchange_after_which_nothing_came_is_remembered() -> None:
    """If the ECU died, this exchange was the cause."""
    tester = Bench(ScriptedEcu({READ: VALUE})).tester
    tester.request(READ)
    assert tester.state.unanswered is None
    fatal = tester.request("22 66 66")
    tester.request("3E 00")
    tester.raw(b"\x02\x3e\x00")
    assert tester.state.unanswered is fatal
    tester.request(READ)
    assert tester.state.unanswered is None


def test_a_long_request_that_an_ecu_died_of_is_remembered() -> None:
    """The ECU's flow control came before it died."""

    class Fragile(ScriptedEcu):
        def answers(self, pdu: bytes) -> Answers:
            if len(pdu) > 7:
                raise RuntimeError("buffer overrun")
            return super().answers(pdu)

    tester = Bench(Fragile({READ: VALUE})).tester
    tester.request(READ)
    fatal = tester.request(b"\x22" + bytes(20))
    tester.request(READ)
    assert tester.state.unanswered is fatal


def test_garbage_is_an_answer_when_it_is_asked_what_an_ecu_died_of() -> None:
    tester = Bench(ScriptedEcu({READ: "raw 70"})).tester
    tester.request("3E 00")
    tester.request(READ)
    assert tester.state.unanswered is None
    assert tester.has_answered


def test_raw_frames_count_among_the_exchanges() -> None:
    tester = Bench(ScriptedEcu({READ: VALUE})).tester
    tester.request("3E 00")
    reply = tester.raw(b"\x03\x22\x10\x10")
    assert tester.exchange_count == 2
    assert tester.recent[-1] is reply
    assert tester.state.unanswered is None


def test_an_ecu_that_answered_nothing_so_far_has_not_answered() -> None:
    tester = Bench(ScriptedEcu({READ: VALUE}), OtherTalker()).tester
    tester.request("3E 00")
    assert not tester.has_answered
    tester.raw(b"\x03\x22\x10\x10")
    assert tester.has_answered


def answers_every(answer: Answer) -> ScriptedEcu:
    return ScriptedEcu(lambda pdu: answer)


# Life


@pytest.mark.parametrize(
    "ecu",
    [
        pytest.param(lambda: ScriptedEcu({"3E 00": "7E 00"}), id="answers TesterPresent"),
        pytest.param(lambda: ScriptedEcu({"22 F1 90": "62 F1 90 41"}), id="answers a standard DID"),
        pytest.param(lambda: answers_every("7F 22 11"), id="refuses everything"),
        pytest.param(lambda: answers_every("raw 7F 02 31"), id="sends garbage only"),
        pytest.param(lambda: answers_every("raw "), id="sends empty frames only"),
    ],
)
def test_an_ecu_that_sends_anything_back_is_alive(ecu: Callable[[], ScriptedEcu]) -> None:
    assert Bench(ecu()).tester.is_alive()


def test_an_ecu_that_sends_nothing_back_is_dead() -> None:
    assert not Bench(ScriptedEcu()).tester.is_alive()


def test_what_others_send_is_no_life() -> None:
    assert not Bench(ScriptedEcu(), OtherTalker()).tester.is_alive()


def test_an_ecu_that_raised_is_dead() -> None:
    def raises(pdu: bytes) -> Answer:
        if pdu == b"\x22\x66\x66":
            raise RuntimeError("out of memory")
        return "7E 00"

    tester = Bench(ScriptedEcu(raises)).tester
    assert tester.is_alive()
    assert tester.request("22 66 66").kind is ReplyKind.SILENCE
    assert not tester.is_alive()


def test_question_that_was_answered_is_asked_first_from_then_on() -> None:
    ecu = ScriptedEcu({"22 F1 90": "62 F1 90 41"})
    tester = Bench(ecu).tester
    tester.is_alive()
    ecu.heard.clear()
    tester.is_alive()
    assert ecu.heard == ["22f190"]
    assert tester.liveness_request == b"\x22\xf1\x90"


def test_life_is_asked_for_by_what_anybody_may_read() -> None:
    hidden = DataEntry(did=0x1234, read=Access("level", 0x01))
    serial = DataEntry(did=0xF18C)
    ecu = ScriptedEcu({"22 F1 8C": "62 F1 8C 41"})
    assert Bench(ecu, target=bare(data=(hidden, serial))).tester.is_alive()
    assert ecu.heard == ["22f18c"]


def test_life_is_waited_for_until_it_comes() -> None:
    bench = Bench(ScriptedEcu(lambda pdu: "7E 00" if bench.now_s > 1.0 else []))
    assert bench.tester.await_life(3.0)
    assert 1.0 <= bench.now_s < 2.0


def test_life_is_not_waited_for_without_end() -> None:
    bench = Bench(ScriptedEcu())
    bench.tester.wait(50.0)
    assert not bench.tester.await_life(3.0)
    assert 53.0 <= bench.now_s < 54.0


def test_asking_for_life_changes_nothing_in_an_ecu_that_answers_reads() -> None:
    ecu = SecuredEcu()
    tester = Bench(ecu).tester
    tester.enter_session(0x03)
    assert tester.is_alive()
    assert ecu.session == 0x03


def test_question_about_life_is_kept_when_another_one_is_answered_first_while_the_ecu_boots() -> None:
    ecu = ScriptedEcu({"3E 00": "7E 00", "10 01": "50 01 00 32 01 F4"})
    tester = Bench(ecu).tester
    assert tester.is_alive()
    assert tester.liveness_request == b"\x3e\x00"
    ecu.script = {"10 01": "50 01 00 32 01 F4"}
    assert tester.is_alive()
    assert tester.liveness_request == b"\x3e\x00"
    assert tester.is_alive()
    assert tester.liveness_request == b"\x10\x01", "it is given up when it is not answered again"
