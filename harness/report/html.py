"""What does a reader of a run see? One self-contained page, audit.html, made from the run alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from harness.report import conclusion
from harness.report.decode import frame_line, reply_line, request_line
from harness.report.text import bytes_of, end_of, shown, shown_hex
from harness.run import Exchange, FrameRecord, Run, RunInfo, Severity, Verdict
from harness.run_folder import AUDIT_HTML, AUDIT_JSON, BUS_LOG, JUNIT_XML, MANIFEST_JSON, PYTEST_HTML, RESULTS_JSONL

MOST_EXCHANGES: Final = 24
"""Of one finding; the others are in audit.json."""

MOST_REPLIES: Final = 16
MOST_FRAMES: Final = 48
MOST_NOTES: Final = 40
MOST_TARGET_ROWS: Final = 200
CONSOLE_END: Final = 4000

UNDECIDED: Final = (Verdict.ERROR, Verdict.INCONCLUSIVE, Verdict.NOT_RUN, Verdict.NOT_APPLICABLE)

FILES: Final[dict[str, str]] = {
    PYTEST_HTML: "the detail view: each test with its log, by pytest-html",
    AUDIT_JSON: "everything in this report, and every exchange, for programs",
    RESULTS_JSONL: "each result as it ended, one a line",
    BUS_LOG: "every frame on the bus, in candump's format",
    JUNIT_XML: "the verdicts for a CI system",
    MANIFEST_JSON: "SHA-256 of each file here, and of the target, key function and cases",
}

_RAW_FRAME: Final = re.compile(r"raw ([0-9A-Fa-f]{1,8})#([0-9A-Fa-f]{0,128})")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an exchange: who says what, its bytes, what they mean."""

    who: str
    content: str
    meaning: str


@dataclass(frozen=True, slots=True)
class FrameRow:
    """One raw frame, made fit to be read."""

    time: str
    direction: str
    can_id: str
    content: str
    meaning: str


def render_audit_html(run: Run, *, files: Sequence[str]) -> str:
    """The page. ``files`` are the names that lie beside it, to be linked."""
    spoken_ids = _spoken_ids(run.info)
    page = _template().render(
        run=run,
        info=run.info,
        name=conclusion.target_name(run.info),
        conclusion=conclusion.conclusion(run),
        closing_line=conclusion.closing_line(run) if conclusion.expected_findings(run.info) else "",
        interruption=conclusion.interruption(run.info),
        verdicts=conclusion.VERDICT_MEANINGS,
        severities=conclusion.SEVERITY_MEANINGS,
        bases=conclusion.BASIS_MEANINGS,
        summary=run.summary(),
        failures=run.failures(),
        undecided=[(verdict, run.with_verdict(verdict)) for verdict in UNDECIDED],
        passed=run.with_verdict(Verdict.PASS),
        target_rows=list(_flat(run.info.target))[:MOST_TARGET_ROWS],
        console=end_of(run.info.console, CONSOLE_END),
        files=[(file, FILES.get(file, "")) for file in files if file != AUDIT_HTML],
        exchange_lines=_exchange_lines,
        frame_rows=lambda exchange: [_frame_row(frame, spoken_ids) for frame in exchange.frames[:MOST_FRAMES]],
        most_exchanges=MOST_EXCHANGES,
        most_notes=MOST_NOTES,
        worst=_worst(run),
    )
    return page + "\n"


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("harness.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(shown=shown, shown_hex=shown_hex, lines=_lines, link=_link)
    return environment.get_template("audit.html")


def _worst(run: Run) -> Severity | None:
    failures = run.failures()
    return failures[0].severity if failures else None


def _exchange_lines(exchange: Exchange) -> Iterator[Line]:
    yield Line("tester", shown_hex(exchange.request), _request_meaning(exchange.request))
    for reply in exchange.replies[:MOST_REPLIES]:
        pdu = bytes_of(reply)
        yield Line("ECU", shown_hex(reply), "" if pdu is None else reply_line(pdu))
    if (left_out := len(exchange.replies) - MOST_REPLIES) > 0:
        yield Line("ECU", f"… {left_out} more messages", f"all of them are in {AUDIT_JSON}")
    if not exchange.replies:
        yield Line("ECU", "no message", "")


def _request_meaning(request: str) -> str:
    if raw := _RAW_FRAME.fullmatch(request.strip()):
        data = bytes_of(raw[2])
        return "" if data is None else f"raw frame: {frame_line(data)}"
    pdu = bytes_of(request)
    return "" if pdu is None else request_line(pdu)


def _frame_row(frame: FrameRecord, spoken_ids: frozenset[int]) -> FrameRow:
    data = bytes_of(frame.data)
    kinds = [("remote", frame.is_remote), ("error", frame.is_error), ("FD", frame.is_fd)]
    meaning = [f"{word} frame" for word, is_so in kinds if is_so]
    is_spoken = frame.is_sent or frame.can_id in spoken_ids
    if data is not None and is_spoken and not frame.is_remote and not frame.is_error:
        meaning.append(frame_line(data))
    return FrameRow(
        time=f"{frame.time_s:.6f}",
        direction="sent" if frame.is_sent else "received",
        can_id=f"{frame.can_id:0{8 if frame.is_extended else 3}X}",
        content=shown_hex(frame.data),
        meaning=", ".join(meaning),
    )


def _spoken_ids(info: RunInfo) -> frozenset[int]:
    """The CAN ids on which the target speaks ISO-TP, as far as it declares them."""
    can = info.target.get("can")
    table = can if isinstance(can, dict) else {}
    found = (table.get(key) for key in ("request_id", "response_id", "functional_id"))
    return frozenset(one for one in found if isinstance(one, int))


def _flat(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Nested tables as rows, ``can.channel``; each of a list of tables as one row. What is absent gets none."""
    if value in (None, "", [], (), {}):
        return
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _flat(inner, f"{key}.{name}" if key else str(name))
    elif isinstance(value, (list, tuple)) and any(isinstance(one, (dict, list, tuple)) for one in value):
        for inner in value:
            yield key, "; ".join(f"{name} = {text}" if name else text for name, text in _flat(inner))
    elif isinstance(value, (list, tuple)):
        yield key, ", ".join(_word(key, one) for one in value)
    else:
        yield key, _word(key, value)


def _word(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and re.search(r"(_id|\bid|did|level|session|uds|padding|start|end)\b", key):
        return f"0x{value:02X}"
    return shown(value)


def _lines(text: str) -> list[str]:
    """A value's lines, each fit to be shown."""
    return shown(text).split("\n")


def _link(name: str) -> str:
    """A file name as a relative address that cannot become another scheme's."""
    return "./" + quote(name, errors="backslashreplace")
