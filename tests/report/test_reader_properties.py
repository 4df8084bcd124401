"""Prove that any run folder, bus log or table is read, or refused with a line that says why."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import UserError
from harness.report.captures import CAPTURES, write_captures
from harness.report.compare import compare
from harness.report.diff import diff_html, diff_json, diff_lines
from harness.report.rebuild import rebuild
from harness.runs.findings import Run
from harness.runs.folder import AUDIT_JSON, BUS_LOG, MANIFEST_JSON, RESULTS_JSONL, RUN_JSON, RunFolder, read_run
from harness.runs.redaction.vocabulary import Vocabulary
from harness.target import load_text
from harness.target.table import DATA_COLUMNS, LEVEL_COLUMNS, entries_from_table
from tests.calls import refusal_of

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.sampled_from(["F190", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FRAMES = st.from_regex(
    r"\((0|17\d{8}|\d{1,12})\.\d{6}\) [a-z]{1,4} ([0-9A-F]{3}|[0-9A-F]{8})"
    r"(#([0-9A-F]{2}){0,8}|#R\d?|##[0-9A-F]([0-9A-F]{2}){0,12})( [RT])?\n",
    fullmatch=True,
)


def places_in(value: object) -> list[list[str | int]]:
    """Return the path to every value in a JSON document."""
    ways: list[list[str | int]] = [[]]
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        ways += [[key, *way] for way in places_in(one)]
    return ways


def changed(document: object, way: list[str | int], value: object) -> object:
    """Return the document with another value at this path."""
    if not way:
        return value
    copy = dict(document) if isinstance(document, dict) else list(document)  # type: ignore[call-overload]
    copy[way[0]] = changed(copy[way[0]], way[1:], value)
    return copy


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, small_run: Run) -> Path:
    """The sealed folder of a small run."""
    path = tmp_path_factory.mktemp("whole") / "run"
    folder = RunFolder.create(path, small_run.info)
    for finding in small_run.findings:
        folder.append(finding)
    folder.finish(small_run.info)
    folder.write(BUS_LOG, "(0.000262) sim 740#0322101000000000 T\n")
    folder.seal({})
    return path


@pytest.fixture(scope="module")
def small_run(article: Run) -> Run:
    """Return a run with its first results, among them one of each verdict."""
    kinds = {one.verdict: one for one in article.findings}
    return Run(info=article.info, findings=tuple(kinds.values()))


def read_by_everyone(folder: Path) -> None:
    """Let each reader of a folder read it. Raises UserError if a reader says what is wrong."""
    run = read_run(folder)
    rebuild(folder, captures=[], now_utc="2026-11-20T09:28:00Z", version="0")
    comparison = compare(run, read_run(folder))
    assert list(diff_lines(comparison))
    assert diff_json(comparison, strict=True)
    assert diff_html(comparison)


def copies(whole: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as place:
        yield Path(shutil.copytree(whole, Path(place) / "run"))


@given(data=st.data())
@settings(max_examples=settings().max_examples // 4)
def test_any_document_in_a_run_folder_is_read_or_refused(whole: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([AUDIT_JSON, RUN_JSON, MANIFEST_JSON]))
    document = json.loads((whole / name).read_text(encoding="utf-8"))
    way = data.draw(st.sampled_from(places_in(document)))
    text = json.dumps(changed(document, way, data.draw(VALUES)))
    for folder in copies(whole):
        if name == RUN_JSON:
            (folder / AUDIT_JSON).unlink()
        (folder / name).write_text(text, encoding="ascii")
        said = refusal_of(lambda: read_by_everyone(folder))  # noqa: B023  (it is called at once)
        assert not said or str(folder) in said


@given(data=st.data())
@settings(max_examples=settings().max_examples // 4)
def test_any_bytes_in_a_run_folder_are_read_or_refused(whole: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([AUDIT_JSON, RUN_JSON, MANIFEST_JSON, RESULTS_JSONL, BUS_LOG]))
    before = (whole / name).read_bytes()
    start = data.draw(st.integers(0, len(before)))
    end = data.draw(st.integers(start, min(start + 200, len(before))))
    after = before[:start] + data.draw(st.binary(max_size=20)) + (before[end:] if data.draw(st.booleans()) else b"")
    for folder in copies(whole):
        if name in (RUN_JSON, RESULTS_JSONL):
            (folder / AUDIT_JSON).unlink()
        (folder / name).write_bytes(after)
        said = refusal_of(lambda: read_by_everyone(folder))  # noqa: B023  (it is called at once)
        assert not said or str(folder) in said


@given(st.lists(FRAMES, max_size=6), st.sampled_from(sorted(CAPTURES)))
def test_any_bus_log_is_exported_or_refused(whole: Path, lines: list[str], kind: str) -> None:
    for folder in copies(whole):
        (folder / BUS_LOG).write_text("".join(lines))
        said = refusal_of(lambda: write_captures(folder, [kind]))  # noqa: B023  (it is called at once)
        assert not said or "is no line of a candump log; the file is damaged" in said
        assert bool(said) is not (folder / CAPTURES[kind][0]).exists()


LINES = st.lists(VALUES, max_size=3).map(lambda lines: "".join(json.dumps(one) + "\n" for one in lines).encode())


@given(st.binary(max_size=40) | LINES)
def test_any_file_of_secrets_is_read_or_refused(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "secrets.jsonl"
        path.write_bytes(content)
        with pytest.raises(UserError, match="without it the bus log cannot be redacted"):
            Vocabulary.load(path)


NUMBERS = ["0x2020", "-1", "1", "1e999", "nan", "0x1_0"]
CELLS = st.sampled_from([*NUMBERS, "", "yes", "open", "level 0x01", "level -1", '"', "\\", "é"])
COLUMNS = st.lists(st.sampled_from([*DATA_COLUMNS, *LEVEL_COLUMNS]), min_size=1, max_size=5)


@given(COLUMNS, st.lists(st.lists(CELLS | st.text(max_size=6), max_size=5), max_size=3), st.sampled_from(",;\t"))
def test_any_table_is_taken_or_refused(columns: list[str], rows: list[list[str]], separator: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "table.csv"
        text = "\n".join(separator.join(row) for row in [columns, *rows])
        path.write_text(text, encoding="utf-8", errors="surrogatepass")
        said = refusal_of(lambda: load_text(BASE + entries_from_table(path), "with table"))
        assert not said or str(path) in said or "with table" in said


BASE = """
[target]
name = "x"
environment = "simulated"

[can]
interface = "uds-sim"
channel = "article"
request_id = 0x740
response_id = 0x748

"""
