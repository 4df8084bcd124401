"""Prove which messages answer a request, which are malformed, and that only the absence of any message is silence."""

import pytest

from harness.target import Can
from harness.tester.reply import Reply, ReplyKind
from harness.uds import Nrc

from .bench import REQUEST_ID, RESPONSE_ID, Answer, Bench, ScriptedEcu, bare

QUIRK = bare(quirks=("malformed_invalid_key",))


def ask(request: str, *answers: str) -> Reply:
    """Send one request to an ECU that answers in this way, and return the reply."""
    return Bench(ScriptedEcu({request: list(answers)})).tester.request(request)


# Positive responses


@pytest.mark.parametrize(
    ("request_hex", "answer"),
    [
        ("10 03", "50 03 00 32 01 F4"),
        ("10 83", "50 03 00 32 01 F4"),
        ("11 01", "51 01"),
        ("22 10 10", "62 10 10 05"),
        ("27 01", "67 01 A8 3A 63 B3 C1"),
        ("27 02 01 02", "67 02"),
        ("2E 10 10 05", "6E 10 10"),
        ("3E 00", "7E 00"),
        ("19 01 FF", "59 01 FF 01 00 03"),
        ("31 03 02 03", "71 03 02 03 00"),
        ("14 FF FF FF", "54"),
    ],
)
def test_positive_response_has_the_service_and_the_echo(request_hex: str, answer: str) -> None:
    reply = ask(request_hex, answer)
    assert reply.kind is ReplyKind.POSITIVE
    assert reply.is_positive
    assert not reply.is_negative
    assert reply.pdu == bytes.fromhex(answer)
    assert reply.nrc is None


@pytest.mark.parametrize(
    ("request_hex", "answer"),
    [
        ("10 03", "50 01 00 32 01 F4"),
        ("10 03", "50"),
        ("11 01", "51 81"),
        ("22 10 10", "62 10 11 05"),
        ("22 10 10", "62 10"),
        ("22 10 10", "62"),
        ("27 01", "67 03 A8 3A 63 B3 C1"),
        ("27 01", "67 02"),
        ("2E 10 10 05", "6E 20 20"),
        ("2E 10 10 20 20", "6E 20 20"),
        ("22 F1 90 10 10", "62 90 10 05"),
        ("3E 00", "7E 01"),
        ("3E 00", "7E"),
    ],
)
def test_answer_without_the_echo_is_malformed(request_hex: str, answer: str) -> None:
    reply = ask(request_hex, answer)
    assert reply.kind is ReplyKind.MALFORMED
    assert reply.pdu == bytes.fromhex(answer)


@pytest.mark.parametrize(
    ("request_hex", "answer"),
    [
        ("31 03 02 03", "71 01 02 03"),
        ("31 03 02 03", "71 03 02 04"),
        ("19 01 FF", "59 02 FF"),
        ("28 03 01", "68 00"),
        ("85 02", "C5 01"),
        ("2F 10 10 03", "6F 20 20 03"),
        ("24 10 10", "64 20 20 00"),
    ],
)
def test_the_echo_is_needed_of_every_service_that_has_one(request_hex: str, answer: str) -> None:
    assert ask(request_hex, answer).kind is ReplyKind.MALFORMED


def test_answer_of_another_service_is_malformed() -> None:
    assert ask("22 10 10", "6E 10 10").kind is ReplyKind.MALFORMED


def test_request_sent_back_is_malformed() -> None:
    assert ask("22 10 10", "22 10 10").kind is ReplyKind.MALFORMED


def test_several_dids_may_be_answered_by_those_that_exist() -> None:
    """If at least one DID is supported, the ECU answers positively with those that are."""
    assert ask("22 F1 90 10 10", "62 10 10 05").kind is ReplyKind.POSITIVE


# Negative responses


@pytest.mark.parametrize("nrc", [0x10, 0x11, 0x13, 0x31, 0x33, 0x35, 0x7F, 0xFF])
def test_negative_response_has_three_bytes_and_the_requests_service(nrc: int) -> None:
    reply = ask("22 10 10", f"7F 22 {nrc:02X}")
    assert reply.kind is ReplyKind.NEGATIVE
    assert reply.nrc == nrc
    assert reply.is_refused_with(nrc)
    assert not reply.is_refused_with(nrc ^ 1)


@pytest.mark.parametrize("answer", ["7F", "7F 22", "7F 22 33 00", "7F 2E 33", "7F 62 33", "62 22 33", "22 33", "7F 33"])
def test_anything_else_that_begins_like_a_refusal_is_malformed(answer: str) -> None:
    reply = ask("22 10 10", answer)
    assert reply.kind is ReplyKind.MALFORMED
    assert reply.nrc is None
    assert not reply.is_refused_with(Nrc.SECURITY_ACCESS_DENIED)
    assert reply.pdu == bytes.fromhex(answer)


# What holds no message


@pytest.mark.parametrize(
    "field",
    [
        pytest.param("7F 02 31", id="the article's junk"),
        pytest.param("70 62 10 10 05", id="reserved protocol control"),
        pytest.param("F0 00", id="reserved protocol control"),
        pytest.param("00 62 10 10 05", id="length zero"),
        pytest.param("04 62 10", id="length beyond the frame"),
        pytest.param("", id="empty"),
        pytest.param("30 00 00", id="flow control unasked"),
        pytest.param("21 62 10 10 05 00 00 00", id="consecutive frame of nothing"),
    ],
)
def test_frame_that_holds_no_message_is_malformed_and_no_silence(field: str) -> None:
    reply = ask("22 10 10", f"raw {field}")
    assert reply.kind is ReplyKind.MALFORMED
    assert reply.is_malformed
    assert not reply.is_silence
    assert reply.pdu == b""
    assert reply.replies == ()


def test_remote_frame_from_the_response_id_is_no_answer() -> None:
    """A remote frame requests data and holds none: its sender may be another node, and does not answer our request."""

    class Remote(ScriptedEcu):
        def answers(self, pdu: bytes) -> list[Answer]:
            self.frame(b"", is_remote=True)
            return []

    bench = Bench(Remote())
    assert bench.tester.request("22 10 10").kind is ReplyKind.SILENCE
    assert not bench.tester.is_alive()


def test_remote_frame_before_the_answer_leaves_it_as_it_is() -> None:
    class Remote(ScriptedEcu):
        def answers(self, pdu: bytes) -> list[Answer]:
            self.frame(b"", is_remote=True)
            return ["62 10 10 41"]

    assert Bench(Remote()).tester.request("22 10 10").is_positive


def test_no_frame_is_silence() -> None:
    reply = ask("22 10 10")
    assert reply.kind is ReplyKind.SILENCE
    assert reply.is_silence
    assert not reply.is_malformed
    assert (reply.pdu, reply.replies, reply.nrc) == (b"", (), None)


# Who answers


@pytest.mark.parametrize("response_id", [RESPONSE_ID + 1, RESPONSE_ID - 1, REQUEST_ID, 0x7E8])
def test_frames_of_other_ids_are_ignored(response_id: int) -> None:
    reply = Bench(ScriptedEcu({"22 10 10": "62 10 10 05"}, response_id=response_id)).tester.request("22 10 10")
    assert reply.kind is ReplyKind.SILENCE


def test_answer_is_found_among_another_nodes_frames() -> None:
    noise = ScriptedEcu({"22 10 10": ["7F 22 31", "raw 70", (0.001, "62 10 10 09")]}, response_id=RESPONSE_ID - 1)
    reply = Bench(noise, ScriptedEcu({"22 10 10": (0.002, "62 10 10 05")})).tester.request("22 10 10")
    assert reply.pdu == bytes.fromhex("62 10 10 05")
    assert reply.replies == (reply.pdu,)


@pytest.mark.parametrize(
    ("extended_ids", "answers_in_29_bits", "is_heard"),
    [
        (False, False, True),
        (False, True, False),
        (True, True, True),
        (True, False, False),
        ("any", False, True),
        ("any", True, True),
    ],
)
def test_format_of_answers_is_what_the_target_declares(extended_ids: bool, answers_in_29_bits: bool, is_heard: bool) -> None:
    link = Can(interface="uds-sim", channel="bench", request_id=0x740, response_id=0x748, extended_ids=extended_ids)
    ecu = ScriptedEcu({"22 10 10": "62 10 10 05"}, is_extended=answers_in_29_bits)
    reply = Bench(ecu, target=bare(can=link)).tester.request("22 10 10")
    assert reply.kind is (ReplyKind.POSITIVE if is_heard else ReplyKind.SILENCE)


@pytest.mark.parametrize(("extended_ids", "is_extended"), [(False, False), ("any", False), (True, True)])
def test_format_of_requests_is_what_the_target_declares(extended_ids: bool, is_extended: bool) -> None:
    link = Can(interface="uds-sim", channel="bench", request_id=0x740, response_id=0x748, extended_ids=extended_ids)
    bench = Bench(ScriptedEcu(), target=bare(can=link))
    bench.tester.request("22 10 10")
    assert [frame.is_extended for frame in bench.sent()] == [is_extended]


def test_ids_beyond_11_bits_are_extended_ones() -> None:
    ids = {"request_id": 0x18DA10F1, "response_id": 0x18DAF110}
    ecu = ScriptedEcu({"22 10 10": "62 10 10 05"}, **ids, is_extended=True)
    bench = Bench(ecu, target=bare(can=Can(interface="uds-sim", channel="bench", extended_ids="any", **ids)))
    assert bench.tester.request("22 10 10").is_positive
    assert [frame.text() for frame in bench.sent()] == ["18DA10F1#0322101000000000"]


# Among unusable messages


def test_first_valid_answer_counts_and_what_came_before_is_kept() -> None:
    reply = ask("22 10 10", "7F 2E 33", "raw 70 00", "62 10 10 05")
    assert reply.is_positive
    assert reply.replies == (bytes.fromhex("7F 2E 33"), bytes.fromhex("62 10 10 05"))


def test_first_of_several_unusable_messages_is_shown() -> None:
    reply = ask("22 10 10", "7F 2E 33", "62 20 20 05")
    assert reply.kind is ReplyKind.MALFORMED
    assert reply.pdu == bytes.fromhex("7F 2E 33")
    assert [pdu.hex() for pdu in reply.replies] == ["7f2e33", "62202005"]


# The article's wrong-key answer


def test_malformed_invalid_key_is_malformed_unless_the_target_tolerates_it() -> None:
    assert ask("27 02 00 00 00 00", "27 35").kind is ReplyKind.MALFORMED


def test_malformed_invalid_key_is_read_as_such_under_the_quirk() -> None:
    reply = Bench(ScriptedEcu({"27 02 00 00 00 00": "27 35"}), target=QUIRK).tester.request("27 02 00 00 00 00")
    assert reply.is_refused_with(Nrc.INVALID_KEY)
    assert reply.pdu == bytes.fromhex("27 35")
    assert "malformed_invalid_key" in reply.note
    assert "malformed_invalid_key" in str(reply)


@pytest.mark.parametrize(("request_hex", "answer"), [("27 02 00", "27 36"), ("27 02 00", "27 35 00"), ("22 10 10", "27 35")])
def test_the_quirk_tolerates_nothing_else(request_hex: str, answer: str) -> None:
    assert Bench(ScriptedEcu({request_hex: answer}), target=QUIRK).tester.request(request_hex).kind is ReplyKind.MALFORMED


def test_the_quirk_accepts_the_standard_form_without_a_note() -> None:
    reply = Bench(ScriptedEcu({"27 02 00": "7F 27 35"}), target=QUIRK).tester.request("27 02 00")
    assert reply.is_refused_with(Nrc.INVALID_KEY)
    assert reply.note == ""
