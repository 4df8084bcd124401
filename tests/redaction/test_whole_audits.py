"""Prove that no file of whole audits contains any key that was computed, or any secret."""

import json
import re
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import harness.audit.opening as opening
from harness.runs.folder import RunFolder, differences_to_manifest
from harness.runs.redaction.vocabulary import Vocabulary
from harness.target import SecurityLevel
from harness.tester.keys import KeyFunction

from ..audit.auditing import NODES, Done, run_pytest, uds_harness, write_target
from .leaks import leaks, readings

SECRETS = [bytes.fromhex(one) for one in ("8F1D5A20C4B97E3364F0A81B96D2075C", "3BE07294D15F48A6C90D6E812FB7531A")]
ARTICLES_SECRET = bytes.fromhex("1234567890")
SERIAL = b"UDS-HARNESS-0001"
"""The serial number of the hardened ECU."""


class Keys(set[bytes]):
    """Collects every key that a key function makes, unless it may occur by chance or equals its seed."""

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Wrap the function by which all key functions are made, to hear their keys."""
        original = opening.key_function

        def watched(entry: SecurityLevel, relative_to: Path) -> KeyFunction | None:
            function = original(entry, relative_to)
            if function is None:
                return None

            def key(seed: bytes, level: int) -> bytes:
                found = function(seed, level)
                if found != seed and len(set(found)) > 2:
                    self.add(found)
                return found

            return key

        monkeypatch.setattr(opening, "key_function", watched)

    @property
    def pieces(self) -> set[bytes]:
        """The keys and, of long keys, the parts that a frame holds."""
        return {*self, *(key[4:11] for key in self if len(key) > 11), *(key[:7] for key in self if len(key) > 11)}


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[Keys]:
    """The keys that the audits of a test compute."""
    keys = Keys()
    keys.watch(monkeypatch)
    yield keys
    assert keys, "no key was made: nothing was tested"


def audited(place: Path, *arguments: str) -> Done:
    """Run an audit; its terminal output is written beside its files, since a user may redirect it to a file."""
    done = uds_harness("audit", "--seed", "1", "--depth", "quick", *arguments, cwd=place)
    assert done.code in (0, 1), done.explain()
    (done.folder / "terminal.txt").write_text(done.out + done.err, encoding="utf-8")
    return done


@pytest.fixture(scope="module")
def article(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Done, Keys]]:
    """The whole audit of the article's ECU with the keys that were computed. Do not change it."""
    keys = Keys()
    with pytest.MonkeyPatch.context() as monkeypatch:
        keys.watch(monkeypatch)
        yield audited(tmp_path_factory.mktemp("article"), "article", "-k", "not FZ-"), keys


def test_no_key_of_the_article_is_in_any_file(article: tuple[Done, Keys]) -> None:
    """The article's ECU prints seeds, keys and the secret, repeats them in frames of all kinds, and counts no wrong key."""
    done, keys = article
    assert len(keys) > 100
    assert leaks(done.folder, {*keys, ARTICLES_SECRET}) == []


LEAKY = (
    "secret_printed", "padding_leaks_last_frame", "secret_readable", "key_readable", "memory_read_unprotected",
    "secret_in_image", "longer_key_accepted",
)  # fmt: skip
"""Flaws that give secrets away, or let many kinds of keys be sent, each with the checks that meet it."""


@pytest.mark.parametrize(
    ("flaws", "checks"),
    [("+".join(LEAKY), "IE- or AC-09 or AC-11 or AC-12 or SA-2 or SA-30 or SA-34 or TP-18"), ("can_fd", "SA-24 or TP-18")],
    ids=["leaky", "can_fd"],
)
def test_no_key_of_a_leaky_ecu_is_in_any_file(flaws: str, checks: str, place: Path, keys: Keys) -> None:
    done = audited(place, hardened(place, flaws), "-k", checks)
    assert leaks(done.folder, {*keys.pieces, *SECRETS, *(secret[:7] for secret in SECRETS)}) == []
    if "readable" in flaws:
        assert done.verdicts["IE-01"] == done.verdicts["AC-12"] == "fail"
        original = (done.folder / "private" / "bus.log").read_text()
        assert SECRETS[0][3:10].hex().upper() in original, "the ECU told its secret"


def hardened(place: Path, flaw: str) -> str:
    """Audit the hardened ECU with a flaw, and with data that this test declares secret."""
    from harness.target import shipped_targets

    text = shipped_targets()["hardened"].read_text(encoding="utf-8").replace('"hardened"', f'"hardened+{flaw}"', 2)
    text = text.replace("fd = false\n", "").replace("[can]\n", "[can]\nfd = true\n" if flaw == "can_fd" else "[can]\n")
    (place / "mine.toml").write_text(text.replace(f'name = "hardened+{flaw}"', 'name = "hardened"'), encoding="utf-8")
    return "mine.toml"


def test_no_key_is_in_any_file_of_a_campaign(place: Path, keys: Keys) -> None:
    """The campaign's shards compute keys of their own; one finding has a key in a frame with a wrong length."""
    done = uds_harness("fuzz", "article", "--exchanges", "3000", "--seed", "1", cwd=place)
    assert done.code == 1, done.explain()
    scripts = [path.read_text(encoding="utf-8") for path in done.folder.glob("findings/*/replay.py")]
    assert any(re.search(r'STEPS = \["[0-9A-F]{2} 27 02 \{key\}', script) for script in scripts), (
        "a key was sent against the rules"
    )
    assert leaks(done.folder, keys) == []


def test_each_result_is_without_secrets_as_it_is_written(place: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is killed cannot redact its results later."""
    monkeypatch.setattr(RunFolder, "replace_all", lambda self, findings: None)
    done = audited(place, "article", "-k", "SA-22 or SA-24 or SA-31 or IE-01")
    assert leaks(done.folder, {*keys, ARTICLES_SECRET}) == []


def test_the_search_finds_what_one_forgotten_place_leaves(place: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    """This shows that the tests above find nothing because there is nothing, and not because the search is faulty."""
    monkeypatch.setattr(Vocabulary, "hidden", lambda self, region: region)
    monkeypatch.setattr(Vocabulary, "searched", lambda self, data, lasting_only=False: data)
    done = audited(place, "hardened", "-k", "SA-24 or TP-18")
    found = leaks(done.folder, keys.pieces)
    assert {line.partition(":")[0] for line in found} >= {
        "audit.json", "audit.html", "results.jsonl", "bus.log", "bus.pcapng", "pytest.html",
    }  # fmt: skip


def test_secrets_that_are_to_be_kept_are_kept_and_that_is_said(place: Path, keys: Keys) -> None:
    done = audited(place, "article", "--keep-secrets", "-k", "SA-22 or SA-24 or IE-01")
    assert any(line.startswith("bus.log: ") for line in leaks(done.folder, keys))
    assert any(line.startswith("audit.json: 1234567890") for line in leaks(done.folder, [ARTICLES_SECRET]))
    assert not (done.folder / "private").exists()
    assert done.document["run"]["keeps_secrets"] is True
    assert "Keys and secrets were kept" in done.out
    assert "Keys and secrets were kept" in (done.folder / "audit.html").read_text(encoding="utf-8")
    assert "--keep-secrets" in done.document["run"]["command"], "the same run again keeps them again"


def test_the_serial_number_is_hidden_on_request_only(place: Path) -> None:
    selected = ("-k", "IE-06")
    assert SERIAL in _all_that_is_read(audited(place, "hardened", "--out", "open", *selected).folder)
    done = uds_harness(
        "audit",
        "hardened",
        "--seed",
        "1",
        "--depth",
        "quick",
        "--redact",
        "vin, serial",
        "--out",
        "closed",
        *selected,
        cwd=place,
    )
    assert SERIAL[4:] not in _all_that_is_read(place / "closed")
    assert leaks(place / "closed", [SERIAL, SERIAL[:7]]) == []
    assert SERIAL.decode() not in done.out
    document = json.loads((place / "closed" / "audit.json").read_text())
    assert {one["did"]: one["reason"] for one in document["run"]["identification"]}["F18C"] == "hidden, as was asked for"


def _all_that_is_read(folder: Path) -> bytes:
    files = [path for path in folder.rglob("*") if path.is_file() and "private" not in path.parts]
    return b"\n".join(data for path in files for _, data in readings(path.read_bytes()))


def test_data_that_the_target_calls_secret_is_in_no_file(place: Path) -> None:
    hardened(place, "secret_readable")
    declared = '\n[[data]]\ndid = 0xF1F0\nlength = 16\nread = "open"\nsecret = true\n'
    text = (place / "mine.toml").read_text(encoding="utf-8")
    for secret in SECRETS:  # nothing but its declaration says that the data is secret
        text = text.replace(secret.hex().upper(), "00" * 15 + "01")
    (place / "mine.toml").write_text(text + declared, encoding="utf-8")
    done = uds_harness("audit", "mine.toml", "--seed", "1", "-k", "AC-11 or AC-12", cwd=place)
    original = (done.folder / "private" / "bus.log").read_text()
    assert SECRETS[0][3:10].hex().upper() in original, "the ECU told it"
    assert leaks(done.folder, [SECRETS[0], SECRETS[0][3:10]]) == []


def test_private_files_are_for_their_owner_alone(article: tuple[Done, Keys]) -> None:
    private = article[0].folder / "private"
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in private.iterdir()} == {
        "bus.log": 0o600, "secrets.jsonl": 0o600, "console.txt": 0o600,
    }  # fmt: skip


def test_a_folder_that_is_handed_over_without_its_private_part_is_whole(place: Path) -> None:
    done = uds_harness("audit", "article", "-k", "SA-24", cwd=place)
    for path in (done.folder / "private").iterdir():
        path.unlink()
    (done.folder / "private").rmdir()
    assert differences_to_manifest(done.folder) == []
    assert uds_harness("report", str(done.folder), cwd=place).code == 0
    assert uds_harness("audit", "article", "--out", str(done.folder), "--force", "-k", "SA-24", cwd=place).code in (0, 1)


def test_equal_keys_can_still_be_told_from_others(article: tuple[Done, Keys]) -> None:
    """An auditor must see that one key was sent twice, and that another key was a different one."""
    folder = article[0].folder
    original, shown = ((folder / name).read_text().splitlines() for name in ("private/bus.log", "bus.log"))
    pairs = [(a[-18:], b[-18:]) for a, b in zip(original, shown, strict=True) if "740#062702" in a]
    assert len(pairs) > len(set(pairs)) > 50, "some were sent more than once"
    assert len({a for a, _ in pairs}) == len({b for _, b in pairs}) == len(set(pairs))
    assert all(a[6:14] != b[6:14] for a, b in pairs)


def test_every_key_in_an_exchange_is_named_as_redacted_and_no_seed(article: tuple[Done, Keys]) -> None:
    results = json.loads((article[0].folder / "audit.json").read_text())["results"]
    exchanges = [exchange for result in results for exchange in result["exchanges"]]
    keys = {request[6:].replace(" ", "") for one in exchanges if (request := one["request"]).startswith("27 02 E")}
    named = {stretch for one in exchanges for stretch in one["redacted"]}
    assert len(keys) > 5
    assert keys <= named
    assert all(byte[0] == "E" for stretch in named for byte in zip(stretch[::2], stretch[1::2], strict=True))
    assert {one["redacted"] == [] for one in exchanges if one["request"] == "27 01" and len(one["replies"]) == 1} == {True}


@pytest.mark.parametrize("option", ["--uds-redact=vim", "--uds-redact=vin --uds-keep-secrets"])
def test_wrong_use_under_pytest_is_said(option: str, place: Path) -> None:
    from harness.audit.requirements import attacks_folder

    done = run_pytest(str(attacks_folder()), *option.split(), cwd=place)
    assert done.code == 4
    assert "vim" in done.err or "--uds-keep-secrets" in done.err


def test_pytests_own_terminal_and_junit_show_no_key(place: Path, keys: Keys) -> None:
    from harness.audit.requirements import attacks_folder

    words = ("--uds-target", "article", "--uds-seed", "1", "--uds-depth", "quick", "-k", "SA-24 or SA-22")
    done = run_pytest(str(attacks_folder()), *words, "-rA", "--junitxml=run/own.xml", "--uds-out=run", cwd=place)
    (place / "run" / "terminal.txt").write_text(done.out)
    assert "27 02 E" in done.out
    assert leaks(place / "run", keys) == []


PASSWORD = "correct horse battery"
KEY_TOOL = f"{sys.executable} {NODES.with_name('key_tool.py')} --secret 'C0FFEE {PASSWORD}'"


def hides_the_arguments(done: Done) -> None:
    assert done.code in (0, 1, 5), done.explain()
    read = _all_that_is_read(done.folder)
    assert b"C0FFEE" not in read
    assert PASSWORD.encode() not in read
    assert f"command: {sys.executable} (redacted)".encode() in read


def test_what_hooks_are_called_with_is_in_no_file(place: Path) -> None:
    more = f"""
[reset]
power = "command: true --password '{PASSWORD}'"

[observe]
console = "command: echo C0FFEE"
"""
    target = write_target(place, key=f"command: {KEY_TOOL}", more=more)
    hides_the_arguments(uds_harness("audit", target, "-k", "AC-01 or SA-24", cwd=place))


def test_what_the_key_of_an_unknown_ecu_is_called_with_is_in_no_file(place: Path) -> None:
    words = ["--interface", "uds-sim", "--channel", f"{NODES}:small", "--request-id", "0x700", "--response-id", "0x708"]
    done = uds_harness("audit", *words, "--key", f"command: {KEY_TOOL}", "--depth", "quick", "-k", "AC-01", cwd=place)
    hides_the_arguments(done)
    assert "(redacted)" in (done.folder / "found.toml").read_text()
