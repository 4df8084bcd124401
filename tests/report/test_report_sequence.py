"""Prove that an exchange becomes the arrows of a diagram, each with its frames."""

from dataclasses import replace

from harness.report.sequence import MOST_STEPS, spoken_ids, steps
from harness.runs.findings import Exchange, FrameRecord
from tests.report.conftest import HOSTILE, article_run, exchange, frame, info

IDS = frozenset({0x740, 0x748})


def frames(*texts: str) -> tuple[FrameRecord, ...]:
    """Return frames written as ``>021001`` (sent), ``<065001...`` (received), ``?11`` (of another node)."""
    ids = {">": 0x740, "<": 0x748, "?": 0x123}
    return tuple(frame(number, text[1:], is_sent=text[0] == ">", can_id=ids[text[0]]) for number, text in enumerate(texts))


def told(one: Exchange) -> list[tuple[str, str, list[str]]]:
    return [(step.sender, step.content, [row.content for row in step.frames]) for step in steps(one, IDS)]


def segmented(request: str, replies: tuple[str, ...], *texts: str) -> Exchange:
    return Exchange(
        request=request, replies=replies, outcome="", first_frame=0, last_frame=len(texts), frames=frames(*texts)
    )


def test_each_message_gets_its_own_frames_flow_control_included() -> None:
    one = segmented(
        "2EF19001020304", ("7F2E78", "62F1900102030405"),
        ">10072EF190010203", "<300000", ">2104", "<037F2E78", "?1122", "<100862F190010203", ">300000", "<210405",
    )  # fmt: skip
    assert told(one) == [
        ("tester", "2E F1 90 01 02 03 04", ["10 07 2E F1 90 01 02 03", "30 00 00", "21 04"]),
        ("ECU", "7F 2E 78", ["03 7F 2E 78", "11 22"]),
        ("ECU", "62 F1 90 01 02 03 04 05", ["10 08 62 F1 90 01 02 03", "30 00 00", "21 04 05"]),
    ]


def test_a_frame_that_holds_no_message_stands_for_itself() -> None:
    found = steps(segmented("8300", (), ">028300", "<7F0231"), IDS)
    assert [(step.content, step.is_message) for step in found] == [("83 00", True), ("7F 02 31", False)]
    assert "a frame that holds no message: no ISO-TP frame" in found[1].meaning


def test_silence_is_an_arrow_too() -> None:
    found = steps(exchange("2701", outcome="silence"), IDS)
    assert [(step.sender, step.content, step.meaning) for step in found] == [
        ("tester", "27 01", "SecurityAccess: securityAccessType 0x01"),
        ("ECU", "", "no message"),
    ]


def test_times_are_told_from_the_first_frame_on() -> None:
    assert [step.after for step in steps(exchange("2701", "670105", outcome=""), IDS)] == ["+0.000 ms", "+0.262 ms"]


def test_raw_frames_are_read_as_the_messages_that_they_hold() -> None:
    raw = replace(segmented("", (), ">0322101000000000", "<0462101077000000", "?00"), request="raw 740#0322101000000000")
    found = steps(raw, IDS)
    assert [step.sender for step in found] == ["tester", "ECU"]
    assert "single frame, 3 bytes; ReadDataByIdentifier: identifiers [0x1010]" in found[0].meaning
    assert "ReadDataByIdentifierPositiveResponse" in found[1].meaning


def test_frames_that_are_no_longer_at_hand_leave_the_messages() -> None:
    one = Exchange(request="2701", replies=("670105",), outcome="", first_frame=7, last_frame=9, frames=())
    assert told(one) == [("tester", "27 01", []), ("ECU", "67 01 05", [])]
    raw = replace(one, request="raw 740#00", replies=("raw 748#01",))
    assert [step.content for step in steps(raw, IDS)] == ["raw 740#00", "raw 748#01"]


def test_a_flood_of_answers_is_cut_and_said_to_be() -> None:
    found = steps(exchange("3E00", *["7E00"] * 40, outcome=""), IDS)
    assert len(found) == MOST_STEPS + 1
    assert found[-1].content == "… 25 more"


def test_hostile_text_makes_steps_that_can_be_shown() -> None:
    for request in (HOSTILE, "", "zz", "raw ", "raw " + HOSTILE):
        for reply in (HOSTILE, "", "0"):
            one = Exchange(request=request, replies=(reply,), outcome="", first_frame=0, last_frame=0, frames=())
            texts = [text for step in steps(one, IDS) for text in (step.content, step.meaning)]
            assert all(text.isprintable() for text in texts)


def test_the_ids_that_are_spoken_on_are_the_targets() -> None:
    assert spoken_ids(article_run().info) == IDS
    assert spoken_ids(info(target={"can": "none"})) == frozenset()
