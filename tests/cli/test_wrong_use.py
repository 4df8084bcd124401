"""Prove that wrong use gives one clear line and exit code 4, without a traceback, and sends nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import Severity, attack
from tests.audit.auditing import Done, article_with, check, uds_harness, write_checks, write_target

FINE = "tester.request('22 01 00')"


def refused(done: Done, *named: str) -> None:
    """Assert that a wrong use ends as each should; the line must contain `named`."""
    assert done.code == 4, done.explain()
    (line,) = done.err.strip().splitlines() or [""]
    assert "Traceback" not in done.out + done.err
    missing = [word for word in named if word not in line]
    assert not missing, f"{missing} not in: {line}"
    assert done.frames_sent == 0


def a_file(name: str, text: str) -> Callable[[Path], None]:
    def write(place: Path) -> None:
        (place / name).write_text(text)

    return write


OPTIONS = {
    "no such target": (["nosuch.toml"], ["nosuch.toml", "article"]),
    "no such option": (["--no-such-option"], ["--no-such-option"]),
    "no such depth": (["--depth", "abyss"], ["--depth", "abyss", "quick"]),
    "seed that is no number": (["--seed", "lucky"], ["--seed", "lucky"]),
    "key for a described ECU": (["article", "--key", "k.py:key"], ["--key", "[[security]]", "article.toml"]),
    "key that is none": (["--interface", "uds-sim", "--channel", "article", "--key", "k"], ["--key", "path.py:function"]),
    "id that is no number": (["--request-id", "zz", "article"], ["--request-id", "zz"]),
    "id that no bus has": (["--request-id", "0x3FFFFFFF0", "article"], ["request_id"]),
    "-k that is no expression": (["-k", "SA-01 and or"], ["SA-01 and or"]),
    "checks that are not there": (["--checks", "nosuch"], ["--checks", "nosuch"]),
    "link without a channel": (["--interface", "socketcan"], ["--channel"]),
    "link without an interface": (["--channel", "can0"], ["--interface"]),
    "interface that python-can does not know": (["--interface", "nosuch", "--channel", "x"], ["nosuch"]),
    "SocketCAN interface that is not there": (["--interface", "socketcan", "--channel", "nope0"], ["nope0"]),
    "profile that is not there": (["--interface", "uds-sim", "--channel", "nosuch"], ["nosuch", "hardened"]),
    "defect that is not there": (["--interface", "uds-sim", "--channel", "hardened+x"], ["x", "uds-harness list defects"]),
    "node file that is not there": (["--interface", "uds-sim", "--channel", "nosuch.py:ecu"], ["nosuch.py"]),
    "node module that is not there": (["--interface", "uds-sim", "--channel", "no.such:ecu"], ["no.such"]),
    "URI with an unknown key": (["uds-sim:article?speed=9"], ["speed", "bitrate"]),
    "two targets": (["article", "hardened"], ["hardened"]),
}


@pytest.mark.parametrize(("arguments", "named"), OPTIONS.values(), ids=list(OPTIONS))
def test_an_option_that_means_nothing_is_refused(arguments: list[str], named: list[str], place: Path) -> None:
    refused(uds_harness("audit", *arguments, cwd=place), *named)


def test_the_refusal_of_a_number_does_not_speak_of_our_functions(place: Path) -> None:
    assert "_number" not in uds_harness("audit", "--request-id", "zz", cwd=place).err


def test_no_command_is_wrong_use(place: Path) -> None:
    refused(uds_harness(cwd=place), "COMMAND")
    refused(uds_harness("adit", cwd=place), "adit", "audit")


TARGETS = {
    "no TOML": ("[target\n", ["mine.toml"]),
    "empty": ("", ["mine.toml"]),
    "unknown key": ('[target]\nname = "x"\nnmae = 1\n', ["nmae"]),
}


@pytest.mark.parametrize(("text", "named"), TARGETS.values(), ids=list(TARGETS))
def test_a_malformed_target_file_is_refused(text: str, named: list[str], place: Path) -> None:
    """Each mistake gives one line (tests/target/test_target_refusals.py tests each of them)."""
    (place / "mine.toml").write_text(text)
    done = uds_harness("audit", "mine.toml", cwd=place)
    assert done.code == 4
    assert all(word in done.err for word in named)
    assert "Traceback" not in done.err
    assert done.folders == []


KEYS = {
    "is not there": (None, ["mykey.py"]),
    "has a syntax error": ("def key(seed, level)\n    return seed\n", ["mykey.py", "SyntaxError"]),
    "raises when it is imported": ("raise OSError('no licence')\n", ["mykey.py", "no licence"]),
    "has no such function": ("def other(seed, level): return seed\n", ["mykey.py", "key"]),
    "has something that is no function": ("key = 7\n", ["mykey.py", "key"]),
}


@pytest.mark.parametrize(("text", "named"), KEYS.values(), ids=list(KEYS))
def test_a_bad_key_function_file_is_refused(text: str | None, named: list[str], place: Path) -> None:
    if text is not None:
        (place / "mykey.py").write_text(text)
    refused(uds_harness("audit", write_target(place, key="mykey.py:key"), cwd=place), *named)


NODES = {
    "with a syntax error": ("def ecu(:\n", ["ecu.py", "SyntaxError"]),
    "without the factory": ("x = 1\n", ["ecu", "function"]),
    "whose factory raises": ("def ecu():\n    raise OSError('no room')\n", ["ecu", "no room"]),
    "whose factory gives no node": ("def ecu():\n    return 7\n", ["ecu", "node"]),
    "whose factory gives nothing": ("def ecu():\n    return []\n", ["ecu", "node"]),
}


@pytest.mark.parametrize(("text", "named"), NODES.values(), ids=list(NODES))
def test_a_bad_node_file_is_refused(text: str, named: list[str], place: Path) -> None:
    (place / "ecu.py").write_text(text)
    refused(uds_harness("audit", write_target(place, "ecu", file="ecu.py"), cwd=place), *named)


CHECKS = {
    "with a syntax error": ("def test_x(tester)\n    pass\n", ["test_mine.py:1: ", "SyntaxError"]),
    "whose metadata lacks words": (
        "from harness import attack\n\n@attack(id='MY-1')\ndef test(): ...\n",
        ["test_mine.py:3: ", "title"],
    ),
    "that raises when it is imported": ("raise RuntimeError('broken at birth')\n", ["test_mine.py", "broken at birth"]),
    "that imports what is not there": ("import no_such_module_at_all\n", ["test_mine.py", "no_such_module_at_all"]),
}


@pytest.mark.parametrize(("text", "named"), CHECKS.values(), ids=list(CHECKS))
def test_a_bad_file_of_checks_is_refused(text: str, named: list[str], place: Path) -> None:
    (place / "mine").mkdir()
    (place / "mine" / "test_mine.py").write_text(text)
    refused(uds_harness("audit", "--checks", "mine", cwd=place), *named)


def test_a_folder_without_any_check_is_refused(place: Path) -> None:
    """Otherwise a misspelled folder, or a file that is not named test_*.py, would look like checks that passed."""
    (place / "mine").mkdir()
    refused(uds_harness("audit", "--checks", "mine", "-k", "CF-02", cwd=place), "mine")


def test_a_file_that_is_no_python_is_refused_as_checks(place: Path) -> None:
    (place / "notes.txt").write_text("call Bob")
    refused(uds_harness("audit", "--checks", "notes.txt", cwd=place), "notes.txt")


def test_a_check_without_its_metadata_is_refused_at_import(place: Path) -> None:
    mine = write_checks(place / "mine", check("MY-1", FINE, title=""))
    refused(uds_harness("audit", "--checks", mine, cwd=place), "test_mine.py", "title")


def test_a_check_with_metadata_that_says_nothing_is_refused_at_import(place: Path) -> None:
    mine = write_checks(place / "mine", check("MY-1", FINE, source="' '"))
    refused(uds_harness("audit", "--checks", mine, cwd=place), "test_mine.py", "MY-1", "source")


COMPLETE: dict[str, Any] = {
    "id": "MY-1", "title": "t", "severity": Severity.LOW, "basis": "policy", "source": "s", "rationale": "r",
    "remediation": "m",
}  # fmt: skip


@pytest.mark.parametrize("key", COMPLETE)
def test_every_piece_of_metadata_is_asked_for(key: str) -> None:
    with pytest.raises(TypeError, match=key):
        attack(**{name: value for name, value in COMPLETE.items() if name != key})


WRONG = [
    ("id", ""), ("id", "my check"), ("title", " "), ("title", None), ("rationale", ""), ("remediation", ""),
    ("severity", "bad"), ("severity", None), ("basis", "taste"), ("needs", ("fire",)), ("uses", ("fire",)),
    ("needs", "lockout"), ("needs", None), ("needs", 7),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), WRONG)
def test_metadata_that_means_nothing_is_refused_by_its_name(key: str, value: object) -> None:
    with pytest.raises((TypeError, ValueError), match=rf"\b{key}\b"):
        attack(**COMPLETE | {key: value})


def test_two_checks_with_one_id_are_refused(place: Path) -> None:
    mine = write_checks(place / "mine", check("MY-1", FINE), check("MY-1", FINE).replace("def test_", "def test_again_"))
    refused(uds_harness("audit", "--checks", mine, cwd=place), "MY-1")


def test_the_id_of_a_shipped_check_is_taken(place: Path) -> None:
    mine = write_checks(place / "mine", check("SA-01", FINE))
    refused(uds_harness("audit", "--checks", mine, cwd=place), "SA-01")


def test_out_is_never_a_folder_of_something_else(place: Path) -> None:
    mine = place / "thesis"
    mine.mkdir()
    (mine / "chapter1.tex").write_text("precious")
    refused(uds_harness("audit", "--out", "thesis", cwd=place), "thesis")
    assert [path.name for path in mine.iterdir()] == ["chapter1.tex"]


def test_out_is_never_a_file(place: Path) -> None:
    (place / "thesis").write_text("precious")
    refused(uds_harness("audit", "--out", "thesis", cwd=place), "thesis")
    assert (place / "thesis").read_text() == "precious"


def test_a_secret_that_is_not_in_the_environment_is_refused(place: Path) -> None:
    target = article_with(place, **{'"hex:1234567890"': '"env:NO_SUCH_SECRET_HERE"'})
    refused(uds_harness("audit", target, cwd=place), "NO_SUCH_SECRET_HERE")


@pytest.mark.parametrize("code", ["", "--exit-zero"])
def test_exit_zero_does_not_hide_wrong_use(code: str, place: Path) -> None:
    refused(uds_harness("audit", "nosuch.toml", *([code] if code else []), cwd=place))
