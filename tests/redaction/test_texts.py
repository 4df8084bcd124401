"""Prove that secrets are found in texts, in every notation."""

import base64

import pytest

from harness.runs.redaction import Vocabulary
from harness.runs.redaction.texts import redacted_hex, redacted_text, without_numbers
from harness.runs.redaction.vocabulary import SecretKind

KEY = bytes.fromhex("5EF739B0")
LONG = bytes.fromhex("0F3C8A91B7D2E640581C9F2A3B4D6E70")
VIN = b"WVWZZZ1JZXW386752"


@pytest.fixture
def taught(words: Vocabulary) -> Vocabulary:
    """Return a vocabulary that knows two keys and a number plate."""
    words.learn(KEY, SecretKind.KEY)
    words.learn(LONG, SecretKind.LASTING)
    words.learn(VIN, SecretKind.LASTING)
    return words


WAYS = {
    "hex": lambda value: value.hex(),
    "HEX": lambda value: value.hex().upper(),
    "pairs": lambda value: value.hex(" ").upper(),
    "colons": lambda value: value.hex(":"),
    "commas": lambda value: ", ".join(f"0x{byte:02X}" for byte in value),
    "C": lambda value: "{" + ",".join(f"0x{byte:x}" for byte in value) + "}",
    "strings": lambda value: str([f"{byte:02x}" for byte in value]),
    "lines": lambda value: "\n".join(f"{byte:02x}" for byte in value),
    "escapes": lambda value: "".join(f"\\x{byte:02x}" for byte in value),
    "literal": repr,
    "list": lambda value: str(list(value)),
    "dictionary": lambda value: str({f"part {'abcdefghijklmnopq'[at]}": byte for at, byte in enumerate(value)}),
    "number": lambda value: str(int.from_bytes(value, "big")),
    "little endian": lambda value: str(int.from_bytes(value, "little")),
    "hex number": lambda value: hex(int.from_bytes(value, "big")),
    "backwards": lambda value: value[::-1].hex(" "),
    "base64": lambda value: base64.b64encode(value).decode(),
    "base64 of more": lambda value: base64.b64encode(b"k=" + value + b";").decode(),
    "after digits": lambda value: f"0{value.hex()}",
    "a frame": lambda value: f"740#06{value[:4].hex().upper()}000000",
}


@pytest.mark.parametrize("value", [KEY, LONG], ids=["key", "secret"])
@pytest.mark.parametrize("way", WAYS)
def test_a_secret_is_found_in_whatever_way_it_is_written(way: str, value: bytes, taught: Vocabulary) -> None:
    written = WAYS[way](value)
    shown = redacted_text(taught, f"the key is {written}, and that is it")
    assert written not in shown
    assert value.hex(" ") not in shown.lower()
    assert shown.startswith("the key is ")
    assert shown.endswith(", and that is it")


def test_bytes_in_hex_keep_their_layout(taught: Vocabulary) -> None:
    shown = taught.placeholder(KEY)
    assert redacted_text(taught, "it opens with 5E F7 39 B0 now") == f"it opens with {shown.hex(' ').upper()} now"
    assert redacted_text(taught, "5e:f7:39:b0") == shown.hex(":")
    assert redacted_text(taught, "number 1593260464") == f"number (redacted {shown.hex().upper()})"


def test_text_is_found_as_text(taught: Vocabulary) -> None:
    shown = redacted_text(taught, f"VIN {VIN.decode()}.")
    assert shown == f"VIN (redacted {taught.placeholder(VIN).hex().upper()})."


@pytest.mark.parametrize(
    "text",
    [
        "expected 27 02 11 22 33 44 to be refused",
        "expected 27 82 01 to be refused",
        "0B 27 02 11 22 33 44 00 gives 00000748#0267020000000000",
        "after 10 0B 27 02 11 22 33 44 as raw frames",
        "raw 740#0627021122334400, 740#0222101000000000",
        "frames 18DA10F1#0627021122334400",
        "raw 740##00027021122334400",
    ],
)
def test_any_key_that_is_sent_in_a_text_is_hidden(text: str, words: Vocabulary) -> None:
    shown = redacted_text(words, text)
    assert shown != text
    assert "11 22" not in shown
    assert "1122" not in shown
    assert len(shown) == len(text)
    assert "22101000000000" in shown or "222101" not in text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "negative 0x35 invalidKey",
        "117 results, 12243 exchanges; 40428 frames in 2.25 s, 0.1 %",
        "A decade of added facades: dead beef, bad face, cafe",
        "67 01 5E F7 39 B1 and 27 01, 27 02",
        "2026-11-20T09:28:00Z",
        "DID F190, levels 0x01, 0x03: 10..1F",
        "uds-harness audit --seed 4095425457 -k 'SA-22 or SA-23'",
        "\x1b[31m\u202e \ud800 ﬀ",
        "é" * 1000,
        "b'never closed",
        "0x",
        "\\x",
        "#" * 50,
    ],
)
def test_a_text_without_secrets_stays_as_it_is(text: str, taught: Vocabulary) -> None:
    assert redacted_text(taught, text) == text


@pytest.mark.parametrize(
    "text",
    [
        "A" * 100_000,
        "0x" * 50_000,
        "b'" * 30_000,
        "1234567890" * 10_000,
        "0x5E, " * 15_000,
        "\\" * 50_000,
        "1" + " " * 90_000 + "2",
    ],
    ids=["letters", "prefixes", "quotes", "digits", "bytes", "escapes", "blanks"],
)
def test_endless_texts_take_no_endless_time(text: str, taught: Vocabulary) -> None:
    """If reading took quadratic time, this test would take minutes."""
    assert redacted_text(taught, text) == text
    without_numbers(taught, text)


def test_seeds_in_hex_stay_even_if_one_looks_like_a_key(taught: Vocabulary) -> None:
    assert redacted_hex(taught, "5EF739B0", lasting_only=True) == "5EF739B0"
    assert redacted_hex(taught, LONG.hex(), lasting_only=True) == taught.placeholder(LONG).hex().upper()
    assert redacted_hex(taught, "no hex") == "no hex"


CONSOLE = """Received request data: 0x06, 0x27, 0x02, 0x5E, 0xF7, 0x39, 0xB0, 0x00
Random Seed (40 bits): 722565735361
SHA-128 Output: b'P\\xdc/\\xcd\\xab'
Key Bytes: {'byte_0': 94, 'byte_5': 247}
deadbeef is it, or Xv=5
Traceback: no such thing
"""


def test_of_a_console_only_the_words_remain(words: Vocabulary) -> None:
    """A console may show keys that the run never learned."""
    shown = without_numbers(words, CONSOLE)
    assert "Received request data: # …" in shown
    assert "Traceback: no such thing" in shown
    assert not any(character.isdigit() for character in shown)
    for rest in ("dc", "cd", "ab", "deadbeef"):
        assert rest not in shown
    assert shown.count("\n") == CONSOLE.count("\n")
