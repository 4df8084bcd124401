"""Prove what a script of the shell sends and shows, and with which exit code it ends."""

import re
from pathlib import Path

import pytest

from harness.shell.lines import WORDS

from .nodes import ARTICLE_KEY, ARTICLE_SEED, LEAKED
from .talk import HERE, command, shell

ARTICLE_SCRIPT = Path(__file__).parents[2] / "docs" / "article.uds"
SECRET_TOML = HERE / "secret.toml"


def test_the_articles_dialogue_gives_the_articles_bytes(tmp_path: Path) -> None:
    target = tmp_path / "article.toml"
    shipped = Path(__file__).parents[2] / "harness" / "targets" / "article.toml"
    node = f"{HERE / 'nodes.py'}:of_the_article"
    target.write_text(shipped.read_text(encoding="utf-8").replace('channel = "article"', f'channel = "{node}"'), "utf-8")
    script = ARTICLE_SCRIPT.read_text(encoding="utf-8")
    assert len(script.splitlines()) == 12
    said = command("shell", target, script=script)
    seed, key = ARTICLE_SEED.hex(" ").upper(), ARTICLE_KEY.hex(" ").upper()
    assert list(zip(said.sent, said.heard, strict=True)) == [
        ("22 10 10", "62 10 10 FF"),
        ("2E 10 10 99", "6E 10 10"),
        ("22 10 10", "62 10 10 99"),
        ("22 20 20", "62 20 20 FF"),
        ("2E 20 20 99", "7F 2E 33"),
        ("27 01", f"67 01 {seed}"),
        (f"27 02 {key}", "67 02"),
        ("2E 20 20 99", "6E 20 20"),
        ("22 20 20", "62 20 20 99"),
        ("27 01", f"67 01 {seed}"),
        ("27 02 11 22 33 44", "27 35"),
    ]
    assert (said.code, said.err) == (1, "")


def test_every_line_shown_is_a_request_or_an_answer_with_its_meaning() -> None:
    said = shell("session 03", "read F18C", "write 2020 99", "raw 3E 00", "raw 740#023E00")
    assert said.out[0] == "> 10 03"
    assert said.out[5] == "< 7F 2E 33  negative response, securityAccessDenied"
    assert all(re.fullmatch(r"> [0-9A-F# ]+|< [0-9A-F# ]*  \S.*", line) for line in said.out)


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([], 0),
        (["# nothing", "", "wait 2s"], 0),
        (["write 2020 99", "read 2020"], 0),
        (["read 2020", "write 2020 99"], 1),
        (["read 2020", "raw 740#"], 5),
        (["raw 740#0322"], 5),
        (["raw 740#033E00"], 5),
        (["raw 740#0322FFFF"], 1),
        (["quit", "bogus"], 0),
    ],
)
def test_the_last_answer_is_the_exit_code(lines: list[str], code: int) -> None:
    assert shell(*lines).code == code


def test_a_right_key_opens_and_a_reset_locks_again() -> None:
    lines = ["session 03", "unlock 01", "write 2020 99", "reset", "session 03", "write 2020 98", "read 2020"]
    said = shell(*lines)
    assert said.heard[3] == "6E 20 20"
    assert said.heard[-2:] == ["7F 2E 33", "62 20 20 99"]


def test_time_that_is_waited_passes_for_the_ecu() -> None:
    short, long = (shell("session 03", f"wait {time}", "seed 01") for time in ("4s", "6000ms"))
    assert (short.code, long.code) == (0, 1)
    assert "session 03" in long.err


def test_a_seed_with_the_key_by_hand_is_what_unlock_does() -> None:
    first = shell("session 03", "unlock 01")
    key = first.sent[2].removeprefix("27 02 ")
    by_hand = shell("session 03", "seed 01", f"key {key}")
    assert by_hand.out == first.out
    assert shell("session 03", "raw 2701", f"raw 27 02 {key}").out == first.out
    assert shell("session 03", "seed 01", f"raw 2702{key.replace(' ', '')}").code == 0


BAD = {
    "sesion 03": "did you mean session?",
    "session": "write session SESSION",
    "session 100": '"100" is no session in hex from 01 to FF',
    "session 03 04": "write session SESSION",
    "read": "write read DID",
    "read 12345": "is no data identifier",
    "read F19O": "is no data identifier",
    "write 2020": "write write DID HEX",
    "write 2020 9": "half a byte",
    "write 2020 zz": '"zz" is no hex',
    "seed 02": "a level is the odd one before it",
    "seed 7F": "is no level",
    "key": "nothing stands behind key",
    "key 0": "half a byte",
    "key 00": "no seed was asked for; write seed 01 first",
    "unlock 05": "how the key of level 0x05 is made is not known",
    "raw": "nothing stands behind raw",
    "raw " + "00" * 4096: "bytes are too many",
    "raw 740#00112233445566778899": "is no CAN frame",
    "raw 740#zz": "is no CAN frame",
    "wait": "write wait TIME",
    "wait 2h": '"2h" is no time',
    "wait -1s": "is no time",
    "wait 0": "is no time",
    "wait 1e9": "is no time",
    "reset 80": "is no type of reset",
    "repeat here": "write repeat RUN ID",
    "help me": "write help",
    "read F190 | write 2020 99": "is no data identifier",
    "\x1b[2J": r'"\x1b[2J" is no command',
    "x" * 40_000: "longer than",
}


@pytest.mark.parametrize("line", BAD, ids=lambda line: ascii(line)[:24])
def test_a_bad_line_ends_the_script_with_its_number_and_what_to_write(line: str) -> None:
    said = shell("# first", "read F190", line, "read F190", target="article")
    assert (said.code, said.sent) == (4, ["22 F1 90"])
    assert said.err.startswith("uds-harness: line 3: ")
    assert BAD[line] in said.err
    assert len(said.err.splitlines()) == 1
    assert said.err.strip().isprintable()


def test_any_bytes_may_stand_in_a_script() -> None:
    for script in (b"\xff\xfe\x00\n", b"read F190\x00\n", b"\xef\xbb\xbfread \xc3\x28\n", b"\n" * 9 + b"\x80" * 70_000):
        assert command("shell", "article", script=script).code == 4
    said = command("shell", "hardened", script=b"\xef\xbb\xbfREAD f18c # what is it\r\n\r\nread 0xF18C")
    assert (said.code, said.sent) == (0, ["22 F1 8C", "22 F1 8C"])


def test_hostile_answers_are_shown_as_hex_and_never_as_they_are() -> None:
    said = shell(*(f"read {did}" for did in ("F190", "F191", "F192", "F193", "F194")), target=SECRET_TOML)
    assert all(line.isprintable() for line in said.out)
    assert said.heard == ["62 F1 90 1B 5B 32 4A 07", "FF 1B 5B 32 4A", "7F 22 78", "62 F1 92 01", "7F 22 99", "7F 22"]
    assert "< 7F 22 78  negative response, responsePending" in said.out
    assert "< 7F 22 99  negative response, 0x99" in said.out
    assert said.code == 1


def test_what_is_declared_secret_is_never_shown() -> None:
    said = shell("read 2020", "write 2020 42", "read F195", target=SECRET_TOML)
    assert said.out == [
        *("> 22 20 20", "< 62 20 20 **  secret"),
        *("> 2E 20 20 **", "< 6E 20 20  WriteDataByIdentifierPositiveResponse: dataIdentifier 0x2020"),
        *("> 22 F1 95", "< 62 F1 95 ** ** ** ** **  secret"),
    ]
    assert LEAKED.hex(" ").upper()[:11] not in " ".join(said.out)


def test_help_lists_every_command() -> None:
    said = shell("help")
    assert [line.split()[0] for line in said.out] == list(WORDS)
    assert max(map(len, said.out)) <= 100


@pytest.mark.parametrize("word", WORDS)
def test_the_example_of_each_command_is_no_bad_line(word: str) -> None:
    from harness.shell.lines import command_in

    assert command_in(WORDS[word].example) is not None


def test_the_page_explains_every_command() -> None:
    page = ARTICLE_SCRIPT.with_name("by-hand.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"`(\w+)", page))
    assert set(WORDS) <= shown


def test_the_pages_dialogue_is_what_the_shell_says() -> None:
    page = ARTICLE_SCRIPT.with_name("by-hand.md").read_text(encoding="utf-8")
    lines = [line.strip() for line in page.splitlines() if line.startswith("    ")]
    typed = [line.removeprefix("article> ") for line in lines if line.startswith("article> ")]
    assert typed
    assert shell(*typed, target="article").out == [line for line in lines if line[:2] in ("> ", "< ")]


def test_what_a_session_and_a_level_want_before_is_sent(tmp_path: Path) -> None:
    shipped = Path(__file__).parents[2] / "harness" / "targets" / "hardened.toml"
    text = shipped.read_text(encoding="utf-8")
    text = text.replace('id = 0x03\nname = "extended"', 'id = 0x03\nname = "extended"\nbefore = ["22 1010"]')
    text = text.replace("level = 0x03\nsession = 0x03", 'level = 0x03\nsession = 0x03\nbefore = ["3E 00", "27 01"]')
    path = tmp_path / "behind.toml"
    path.write_text(text, encoding="utf-8")
    said = shell("session 03", "unlock 03", target=path)
    assert [sent[:5] for sent in said.sent] == ["22 10", "10 03", "3E 00", "27 01", "27 02", "27 03", "27 04"]
    assert said.heard[-1] == "67 04"
