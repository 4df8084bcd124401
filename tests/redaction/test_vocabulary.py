"""Prove what replaces a secret, and which values count as secrets."""

import json
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.runs.redaction import Vocabulary
from harness.runs.redaction.vocabulary import SecretKind

KEY = bytes.fromhex("5EF739B0")
LONG = bytes.fromhex("0F3C8A91B7D2E640581C9F2A3B4D6E70")


def test_a_placeholder_is_as_long_as_its_value_and_looks_like_no_key(words: Vocabulary) -> None:
    for value in (b"\x01", KEY, LONG, bytes(range(256)) * 16):
        shown = words.placeholder(value)
        assert len(shown) == len(value)
        assert set(shown) <= set(range(0xE0, 0xF0))


def test_the_same_value_has_the_same_placeholder_and_another_value_another_one(words: Vocabulary) -> None:
    values = [number.to_bytes(4, "big") for number in range(5000)]
    shown = [words.placeholder(value) for value in values]
    assert len(set(shown)) == len(values), "no two keys look as if they were one"
    assert [words.placeholder(value) for value in values] == shown


def test_another_run_has_other_placeholders(words: Vocabulary) -> None:
    assert words.placeholder(LONG) != Vocabulary(b"another run").placeholder(LONG)


def test_more_values_than_placeholders_are_no_trouble(words: Vocabulary) -> None:
    shown = {words.placeholder(bytes((number,))) for number in range(256)}
    assert len(shown) == 16, "a byte has no more; it is hidden all the same"


def test_a_part_of_a_secret_shows_the_part_of_its_placeholder(words: Vocabulary) -> None:
    words.learn(LONG, SecretKind.KEY)
    whole = words.placeholder(LONG)
    assert words.searched(b"\x21" + LONG[4:11]) == b"\x21" + whole[4:11]
    assert words.searched(LONG[::-1]) == whole[::-1], "read from the other end it is the same secret"


def test_what_is_no_secret_stays(words: Vocabulary) -> None:
    words.learn(KEY, SecretKind.KEY)
    for message in ("62 10 10 FF", "5E F7 39 B1", "00 00 00 00", ""):
        assert words.searched(bytes.fromhex(message)) == bytes.fromhex(message)


@pytest.mark.parametrize("value", ["00000000", "FFFFFFFF", "11223344", "01020304", "AA55AA55", "5EF7"])
def test_what_would_be_found_everywhere_is_not_looked_for(value: str, words: Vocabulary) -> None:
    words.learn(bytes.fromhex(value), SecretKind.KEY)
    frame = bytes.fromhex(f"62{value}")
    assert words.searched(frame) == frame


def test_only_lasting_secrets_are_looked_for_in_a_seed(words: Vocabulary) -> None:
    words.learn(KEY, SecretKind.KEY)
    words.learn(LONG, SecretKind.LASTING)
    assert words.searched(KEY, lasting_only=True) == KEY
    assert words.searched(LONG, lasting_only=True) == words.placeholder(LONG)


@pytest.mark.parametrize("written", [LONG.hex(), LONG.hex().upper(), str(int.from_bytes(LONG, "big"))])
def test_a_lasting_secret_is_found_where_an_ecu_writes_it_in_digits(written: str, words: Vocabulary) -> None:
    words.learn(LONG, SecretKind.LASTING)
    shown = words.searched(b"\x62\xf1\xf0" + written.encode())
    assert shown[:3] == b"\x62\xf1\xf0"
    assert written[8:16].encode() not in shown


def test_what_was_learnt_is_the_same_after_it_was_saved(words: Vocabulary, tmp_path: Path) -> None:
    path = tmp_path / "secrets.jsonl"
    words.learn(LONG, SecretKind.LASTING)
    words.save(path)
    words.learn(KEY, SecretKind.KEY)
    hidden = words.hidden(b"\x01\x02")
    words.save(path)
    again = Vocabulary.load(path)
    assert again.searched(LONG + b"\x00" + KEY) == words.searched(LONG + b"\x00" + KEY) != LONG + b"\x00" + KEY
    assert again.hidden(b"\x01\x02") == hidden


def test_a_last_line_that_was_cut_is_left_out(words: Vocabulary, tmp_path: Path) -> None:
    path = tmp_path / "secrets.jsonl"
    words.learn(LONG, SecretKind.KEY)
    words.save(path)
    path.write_text(path.read_text() + '{"kind": "ke')
    assert Vocabulary.load(path).searched(LONG) == words.placeholder(LONG)


@pytest.mark.parametrize("content", ["", "[]\n", "{}\n", '{"key": "zz", "hidden_dids": []}\n', "\x00\n", "1\n" * 3])
def test_a_damaged_file_is_a_clear_error(content: str, tmp_path: Path) -> None:
    path = tmp_path / "secrets.jsonl"
    path.write_text(content)
    with pytest.raises(UserError, match=r"secrets\.jsonl: is damaged .* cannot be redacted"):
        Vocabulary.load(path)


def test_the_file_holds_each_value_once(words: Vocabulary, tmp_path: Path) -> None:
    for _ in range(3):
        words.learn(KEY, SecretKind.GUESS)
        words.learn(KEY, SecretKind.KEY)
        words.hidden(KEY)
    words.save(tmp_path / "secrets.jsonl")
    kinds = [json.loads(line).get("kind") for line in (tmp_path / "secrets.jsonl").read_text().splitlines()[1:]]
    assert kinds == ["guess", "key"], "it was a guess, and turned out to be the key"


def test_a_guess_that_repeats_a_usual_pattern_hides_nothing_that_counts_up(words: Vocabulary) -> None:
    words.learn(bytes.fromhex("01020304") * 4, SecretKind.GUESS)
    assert words.searched(bytes(range(97))) == bytes(range(97))
    assert words.searched(bytes.fromhex("01020304") * 4) != bytes.fromhex("01020304") * 4
