"""Prove that keys and hidden data are found in messages and frames, well formed or not."""

import pytest

from harness.runs.findings import Exchange, Finding
from harness.runs.redaction import Vocabulary
from harness.runs.redaction.messages import FrameStream, PassingFrame, redacted_message
from harness.runs.redaction.redactor import Redactor
from harness.runs.redaction.vocabulary import SecretKind
from harness.verdict import Severity, Verdict

KEY = bytes.fromhex("5EF739B0")
LONG = bytes.fromhex("0F3C8A91B7D2E640581C9F2A3B4D6E70")
VIN = b"WVWZZZ1JZXW386752"


def passed(words: Vocabulary, *frames: str) -> list[str]:
    """Return frames as ``T 0627025EF739B000``, sent or (R) received, after the stream has redacted them."""
    passing = [PassingFrame(frame[0], frame[0] == "T", bytearray.fromhex(frame[2:])) for frame in frames]
    stream = FrameStream(words)
    for frame in passing:
        stream.add(frame)
    stream.close()
    assert not stream.is_waiting
    return [f"{frame.identity} {frame.data.hex().upper()}" for frame in passing]


@pytest.mark.parametrize(
    "message",
    ["27 02 5E F7 39 B0", "27 82 5E F7 39 B0", "27 04 01", "67 02 5E F7 39 B0", "27 7E 00 00 00 00"],
)
def test_a_key_is_hidden_whatever_it_is(message: str, words: Vocabulary) -> None:
    before = bytes.fromhex(message)
    after = redacted_message(words, before)
    assert after[:2] == before[:2]
    assert after[2:] == words.placeholder(before[2:])


@pytest.mark.parametrize(
    "message", ["27 02", "27 01", "27 01 AA BB CC", "67 01 5E F7 39 B0", "67 02", "7F 27 35", "10 03", "27"]
)
def test_seeds_and_what_bears_no_key_stay(message: str, words: Vocabulary) -> None:
    words.learn(KEY, SecretKind.KEY)
    assert redacted_message(words, bytes.fromhex(message)) == bytes.fromhex(message)


def test_a_right_key_stays_recognisable_in_a_longer_one(words: Vocabulary) -> None:
    words.learn(KEY, SecretKind.KEY)
    shown = words.placeholder(KEY)
    assert redacted_message(words, b"\x27\x02" + KEY + b"\x00\x00") == b"\x27\x02" + shown + b"\x00\x00"
    longer = redacted_message(words, b"\x27\x02" + KEY + b"\xab")
    assert longer[2:6] == shown
    assert longer[6] != 0xAB


def test_hidden_data_is_hidden_where_it_is_read_and_written_and_learnt() -> None:
    words = Vocabulary(b"key", [0xF190])
    assert redacted_message(words, b"\x62\xf1\x90" + VIN) == b"\x62\xf1\x90" + words.placeholder(VIN)
    assert redacted_message(words, b"\x63\x00" + VIN + b"\x00") == b"\x63\x00" + words.placeholder(VIN) + b"\x00"
    assert redacted_message(words, b"\x2e\xf1\x90\x01")[:3] == b"\x2e\xf1\x90"
    assert redacted_message(words, b"\x2e\xf1\x90\x01") != b"\x2e\xf1\x90\x01"
    assert words.written == {VIN.decode(): VIN}


def test_a_key_in_several_frames_is_hidden_in_each(words: Vocabulary) -> None:
    shown = words.placeholder(LONG)
    key = passed(
        words,
        f"T 10122702{LONG[:4].hex()}",
        "R 3000000000000000",
        f"T 21{LONG[4:11].hex()}",
        "R 0762101001020304",
        f"T 22{LONG[11:].hex()}0000",
    )
    assert key == [
        f"T 10122702{shown[:4].hex().upper()}",
        "R 3000000000000000",
        f"T 21{shown[4:11].hex().upper()}",
        "R 0762101001020304",
        f"T 22{shown[11:].hex().upper()}0000",
    ]


@pytest.mark.parametrize(
    "frames",
    [
        ["T 10122702{0}", "T 21{1}"],  # never completed
        ["T 10122702{0}", "T 22{1}", "T 21{2}"],  # in the wrong order
        ["T 10062702{0}", "T 21{1}", "T 22{2}"],  # longer than it says
        ["T 100000000012 2702", "T 21{0}", "T 22{1}"],
        ["T 100027028A91B7D2", "T 21{2}"],
        ["T 0627028A91B7D2"],
        ["T 0127028A91B7D2E6"],  # shorter than it says
        ["T 0F27028A91B7D2E6"],
        ["T 27028A91B7D2E640"],  # no length at all
        ["T 00002702{0}"],
        ["T 400127028A91B7D2"],
        ["T 00122702" + LONG.hex() + "0000"],  # CAN FD's escape
        ["T 062702010203048A"],  # in the padding
    ],
    ids=str,
)
def test_a_key_that_was_sent_against_the_rules_is_hidden_too(frames: list[str], words: Vocabulary) -> None:
    words.learn(LONG, SecretKind.KEY)
    parts = [LONG[:4].hex(), LONG[4:11].hex(), LONG[11:].hex()]
    shown = "".join(passed(words, *(frame.format(*parts) for frame in frames)))
    for piece in ("8A91B7D2", LONG[:4].hex().upper(), LONG[4:11].hex().upper(), LONG[11:].hex().upper()):
        assert piece not in shown
    if "8A" in frames[0]:
        assert "8A" not in shown


def test_what_follows_a_key_that_is_longer_than_it_says_is_hidden(words: Vocabulary) -> None:
    frames = passed(words, "T 10062702A1A2A3A4", "T 21A5A6A7A8A9AAAB", "T 22ACADAEAF000000", "T 0322101000000000")
    assert not any(f"A{digit:X}" in "".join(frames).replace("T ", "") for digit in range(1, 16))
    assert frames[-1] == "T 0322101000000000"


def test_a_seed_of_several_frames_stays_though_a_key_was_made_of_it(words: Vocabulary) -> None:
    words.learn(LONG[8:], SecretKind.GUESS)
    frames = [f"R 10126701{LONG[:4].hex()}", f"R 21{LONG[4:11].hex()}", f"R 22{LONG[11:].hex()}0000"]
    assert passed(words, *frames) == [frame.upper() for frame in frames]


def test_frames_without_secrets_stay_as_they_are(words: Vocabulary) -> None:
    words.learn(KEY, SecretKind.KEY)
    frames = [
        "T 0322101000000000",
        "T 042E270201000000",  # a write of the identifier 2702
        "T 100B2E2A2A010203",
        "R 3000000000000000",
        "T 2704050607080900",  # the seventh consecutive frame, had there been six
        "R 0767015EF739B011",  # a seed
        "R 037F273500000000",
        "T 3000000000000000",
        "T ",
        "R 1122334455667788",
    ]
    assert passed(words, *frames) == frames


def test_consecutive_frames_of_a_write_are_no_keys(words: Vocabulary) -> None:
    frames = ["T 10402E2A2A010203", *(f"T 2{number:X}02040608{number:02X}1357" for number in range(1, 9))]
    assert passed(words, *frames) == frames


def test_a_secret_in_an_answer_of_several_frames_is_found(words: Vocabulary) -> None:
    words.learn(LONG, SecretKind.LASTING)
    shown = "".join(frame[4:] for frame in passed(words, f"R 101362F1F0{LONG[:3].hex()}", f"R 21{LONG[3:10].hex()}",
                                                 f"R 22{LONG[10:].hex()}00"))  # fmt: skip
    assert words.placeholder(LONG)[:3].hex().upper() in shown
    assert not any(LONG[at : at + 2].hex().upper() in shown for at in range(15))


def test_a_message_that_never_ends_is_not_kept(words: Vocabulary) -> None:
    stream = FrameStream(words)
    stream.add(PassingFrame("R", False, bytearray.fromhex("1000FFFFFFFF2702")))
    for number in range(5000):
        frame = PassingFrame("R", False, bytearray((0x20 | number % 16, *LONG[:7])))
        stream.add(frame)
    (transfer,) = stream._open.values()
    assert len(transfer.message) < 10_000
    stream.close()
    assert LONG[:7] not in bytes(frame.data), "it is still a key"


def test_a_key_byte_that_equals_its_stand_in_cannot_be_told_from_the_others(
    words: Vocabulary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole stretch is named as redacted, since otherwise the byte that was left out would be known."""
    keys = (bytes((0x5E, 0xE0 | number & 0x0F, number >> 4, 0x21)) for number in range(4096))
    key = next(one for one in keys if words.placeholder(one)[1] == one[1])
    redactor = Redactor(words)
    monkeypatch.setattr(redactor, "save", lambda: None)
    sent = Exchange(
        request=f"27 02 {key.hex(' ').upper()}", replies=(), outcome="silence", first_frame=0, last_frame=0, frames=()
    )
    found = redactor.finding(
        Finding(
            id="SA-09",
            title="",
            parameter=None,
            verdict=Verdict.PASS,
            severity=Severity.LOW,
            basis="policy",
            exchanges=(sent,),
        )
    )
    assert found.exchanges[0].redacted == (words.placeholder(key).hex().upper(),)
