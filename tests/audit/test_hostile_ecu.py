"""Prove that reports show an ECU's text, and never interpret it."""

import html
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from .auditing import POWER, Done, article_with, check, uds_harness, write_checks, write_target
from .nodes import MARKUP

TERMINAL = "\\x1b[2J\\x07"
SAYS = (
    check(
        "MY-OBSERVED",
        "reply = tester.request('22 50 00')\n"
        "text = reply.pdu[3:].decode()\n"
        f"assert text == {MARKUP!r}\n"
        "tester.note(text)\n"
        "tester.cite(reply)\n"
        f"fail(expected='no ' + text, observed=text + '{TERMINAL}')",
    ),
    check("MY-REASON", f"inconclusive(tester.request('22 50 00').pdu[3:].decode() + '{TERMINAL}')"),
    check("MY-ERROR", "raise RuntimeError(tester.request('22 50 00').pdu[3:].decode())"),
    check("MY-ASSERT", "assert tester.request('22 50 00').pdu[3:].decode() == 'sound'"),
    check("MY-DEATH", "tester.request('F0')"),
    check("MY-TITLE", "pass", title=repr(f"What {MARKUP} does")),
    check(
        "MY-SUBJECT",
        "tester.request('22 50 00')",
        takes="tester, what",
        decorators=f"\n@pytest.mark.parametrize('what', [{MARKUP!r}])",
    ),
)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Done:
    place = tmp_path_factory.mktemp("hostile")
    target = write_target(place, "Markup", more=POWER)
    target.write_text(target.read_text().replace('name = "small"', f'name = "{MARKUP}"\nnotes = "{MARKUP}"'))
    mine = write_checks(place / "mine", *SAYS)
    return uds_harness("audit", target, "--checks", mine, "-k", "MY-", "--seed", "1", cwd=place)


def test_every_check_came_to_its_end(hostile: Done) -> None:
    assert hostile.verdicts == {
        "MY-OBSERVED": "fail", "MY-REASON": "inconclusive", "MY-ERROR": "error", "MY-ASSERT": "fail", "MY-DEATH": "fail",
        "MY-TITLE": "pass", "MY-SUBJECT": "pass",
    }, hostile.explain()  # fmt: skip


class Markup(HTMLParser):
    """Collects every element of a page, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self.handlers: list[str] = []
        self.text = ""
        self._is_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._is_script = tag == "script"
        self.handlers += [f"{key}={value}" for key, value in attrs if key.startswith("on")]
        if self._is_script:
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._is_script = False

    def handle_data(self, data: str) -> None:
        if self._is_script:
            self.scripts[-1] += data
        else:
            self.text += data


def parsed(text: str) -> Markup:
    parser = Markup()
    parser.feed(text)
    return parser


def strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


@pytest.mark.parametrize("name", ["audit.html", "pytest.html"])
def test_no_page_runs_what_the_ecu_says(name: str, hostile: Done) -> None:
    page = parsed((hostile.folder / name).read_text(encoding="utf-8"))
    assert not any("alert(1)" in script for script in page.scripts)
    assert not any("alert(1)" in handler for handler in page.handlers)


def test_no_row_that_pytest_html_builds_runs_what_the_ecu_says(hostile: Done) -> None:
    """The script of the page inserts these strings as HTML."""
    (blob,) = re.findall(r'data-jsonblob="([^"]*)"', (hostile.folder / "pytest.html").read_text(encoding="utf-8"))
    document = json.loads(html.unescape(blob))
    rows = [text for tests in document["tests"].values() for test in tests for text in strings(test)]
    assert any("alert(1)" in text for text in rows), "it is shown"
    for text in rows:
        assert parsed(text).scripts == [], text


def test_audit_html_shows_what_the_ecu_says(hostile: Done) -> None:
    page = parsed((hostile.folder / "audit.html").read_text(encoding="utf-8"))
    assert f"no {MARKUP}" in page.text
    assert f"stack smashed {MARKUP}" in page.text
    assert f"What {MARKUP} does" in page.text


def test_no_control_character_reaches_the_terminal_or_a_page(hostile: Done) -> None:
    files = [path for path in hostile.folder.iterdir() if path.is_file() and path.suffix != ".pcapng"]
    texts = {path.name: path.read_text(encoding="utf-8") for path in files} | {"terminal": hostile.out}
    for name, text in texts.items():
        found = [one for one in text if (ord(one) < 32 and one not in "\n\t\r") or 0x7F <= ord(one) < 0xA0]
        assert not found, (name, found)


def test_junit_xml_is_xml_whatever_the_ecu_says(hostile: Done) -> None:
    root = ET.parse(hostile.folder / "junit.xml").getroot()
    assert MARKUP in "".join(failure.get("message", "") for failure in root.iter("failure"))


def test_the_folder_takes_no_path_from_the_targets_name(tmp_path: Path) -> None:
    target = write_target(tmp_path)
    target.write_text(target.read_text().replace('name = "small"', 'name = "../../etc/<x> y"'))
    done = uds_harness("audit", target, "-k", "CF-02", cwd=tmp_path)
    assert done.folder.parent == tmp_path / "reports"
    assert re.fullmatch(r"\d{8}T\d{6}Z-[\w.-]+", done.folder.name)


@pytest.mark.parametrize("checks", ["SA- or AC-01 or CF-0", pytest.param("not fuzz/", marks=pytest.mark.thorough)])
def test_a_flood_of_foreign_frames_changes_no_verdict(checks: str, tmp_path: Path, article: Done) -> None:
    (tmp_path / "busy.py").write_text(
        "import can\n"
        "from harness.ecu.profiles import article\n"
        "class Flood:\n"
        "    def attach(self, port):\n"
        "        self.port = port\n"
        "        self.talk()\n"
        "    def talk(self):\n"
        "        self.port.send(can.Message(arbitration_id=0x7FF, is_extended_id=False, data=bytes(8)))\n"
        "        self.port.call_later(0.0005, self.talk)\n"
        "    def on_frame(self, frame):\n"
        "        pass\n"
        "def ecu():\n    return [article(), Flood()]\n"
    )
    target = article_with(tmp_path, **{'channel = "article"': 'channel = "busy.py:ecu"'})
    done = uds_harness("audit", target, "--depth", "quick", "-k", checks, cwd=tmp_path)
    judged = {name: verdict for name, verdict in done.verdicts.items() if verdict != "not_run"}
    assert len(judged) > 40
    assert judged == {name: article.verdicts[name] for name in judged}, done.explain()
