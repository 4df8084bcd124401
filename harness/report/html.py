"""Render audit.html, one self-contained page, from the stored run alone."""

import base64
import contextlib
import hashlib
import itertools
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import cache_from_source
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Final, TypeVar, get_args
from urllib.parse import quote

from jinja2 import BytecodeCache, Environment, PackageLoader, StrictUndefined
from jinja2.bccache import Bucket
from markupsafe import Markup

from harness.report import conclusion
from harness.report.facts import described, identification_line, run_facts, target_rows
from harness.report.groups import Anchors, by_area, by_requirement, by_threat, grouped, sharing_a_reason, unjudged
from harness.report.pictures import figures
from harness.report.redacted import marked, stretches
from harness.report.sequence import spoken_ids, steps
from harness.report.text import shown, shown_hex
from harness.runs.findings import Finding, NotTested, Run, RunInfo
from harness.runs.folder import AUDIT_HTML
from harness.runs.measured import Grid, Profile, Standing
from harness.uds import nrc_name
from harness.verdict import Verdict

T = TypeVar("T")

MOST_EXCHANGES: Final = 8
"""How many exchanges of one result are shown; audit.json has them all."""

MOST_PLACES: Final = 12
"""How many results of one check are shown in full."""

MOST_NOTES: Final = 40
MOST_SEEN: Final = 2
"""How many exchanges are shown of a result that is no finding."""

CONSOLE_FIRST: Final = 8
CONSOLE_LAST: Final = 40
"""How many of the last lines that the ECU printed are shown, besides the first `CONSOLE_FIRST` lines."""
CONSOLE_LINE: Final = 200
"""How many characters are shown of one line that the ECU printed."""

FIX_FIRST: Final = 6
MOST_UNJUDGED: Final = 4
"""How many reasons for results that were not judged are on the first screen."""

ROOM_FOR_FINDINGS: Final = 1_000_000
"""How many characters the findings may take with all their evidence; the page must stay below 5 MB, and open at once."""
ROOM_FOR_MORE_FINDINGS: Final = 150_000
ROOM_FOR_ACCEPTED: Final = 200_000
ROOM_FOR_PROFILES: Final = 500_000
ROOM_FOR_ROWS: Final = 200_000
"""How many characters the results of each verdict other than fail may take."""

FIRST_PROFILES: Final = ("Seeds", "Lockout", "Timing", "Refusals", "Sessions")
"""The first words of the titles of those profiles that are shown first."""

UNDECIDED: Final = (Verdict.ERROR, Verdict.INCONCLUSIVE, Verdict.NOT_RUN, Verdict.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True)
class Rows:
    """The results of one verdict, as many as fit into the page."""

    count: int
    rendered: list[Markup]
    left_out: int


@dataclass(frozen=True, slots=True)
class Console:
    """The part of the ECU's printed lines that is shown."""

    count: int
    """How many lines the ECU printed in all."""
    first: list[str]
    last: list[str]


def render_audit_html(run: Run, *, files: Sequence[str], machine: Markup | None = None) -> str:
    """Render the page. ``files``: files beside it, to which it links; ``machine``: a learned state machine, if any."""
    info = run.info
    parts = _parts(spoken_ids(info), stretches(run.findings))
    anchors = Anchors()
    groups = grouped(sorted(run.failures(), key=conclusion.rank), anchors=anchors)
    accepted = grouped(run.accepted(), anchors=anchors)
    in_full = _within(ROOM_FOR_FINDINGS, groups, parts.check)
    in_short = _within(ROOM_FOR_MORE_FINDINGS, groups[len(in_full) :], parts.check_in_short)
    style, script = _style(info, has_machine=machine is not None), source("audit.js")
    page = (
        environment()
        .get_template("audit.html")
        .render(
            parts=parts,
            run=run,
            info=info,
            name=conclusion.target_name(info),
            identification_line=identification_line(info),
            answer=conclusion.answer(run),
            conclusion=conclusion.in_a_sentence(run),
            areas=by_area(run.findings),
            threats=by_threat(run.findings),
            warnings=conclusion.warnings(run),
            requirements=by_requirement(run),
            unjudged=unjudged(run.findings),
            most_unjudged=MOST_UNJUDGED,
            partiality=conclusion.partiality(run),
            closing_line=conclusion.closing_line(run) if conclusion.expected_findings(info) else "",
            interruption=conclusion.interruption(info),
            verdicts=conclusion.VERDICT_MEANINGS,
            severities=conclusion.SEVERITY_MEANINGS,
            bases=conclusion.BASIS_MEANINGS,
            summary=run.summary(),
            groups=groups,
            linked=len(in_full) + len(in_short),
            fix_first=groups[:FIX_FIRST],
            findings=[*in_full, *in_short],
            unshown_findings=sum(len(group.findings) for group in groups[len(in_full) + len(in_short) :]),
            accepted=_within(ROOM_FOR_ACCEPTED, accepted, parts.check),
            accepted_count=len(accepted),
            undecided=[(verdict, _rows(run, verdict, parts, anchors)) for verdict in UNDECIDED],
            passed=_rows(run, Verdict.PASS, parts, anchors),
            machine=machine,
            profiles=_within(ROOM_FOR_PROFILES, sorted(info.profiles, key=_rank), parts.profile),
            not_tested=_by_group(info.not_tested),
            facts=run_facts(run),
            target_rows=target_rows(info),
            console=_console(info.console),
            files=described(file for file in files if file != AUDIT_HTML),
            worst=groups[0].severity if groups else None,
            style=Markup(style),
            script=Markup(script),
            style_hash=csp_hash(style),
            script_hash=csp_hash(script),
        )
    )
    return page + "\n"


def _within(room: int, items: Iterable[T], render: Callable[[T], Markup]) -> list[Markup]:
    """Render items until their characters exceed the room; the last item may exceed it."""
    found: list[Markup] = []
    for item in items:
        if room <= 0:
            break
        found.append(render(item))
        room -= len(found[-1])
    return found


def _rows(run: Run, verdict: Verdict, parts: Any, anchors: Anchors) -> Rows:
    """Return the results of one verdict, one row each; results that share a reason stand below that reason."""
    findings = run.with_verdict(verdict)
    linked: set[str] = set()

    def anchored(finding: Finding) -> tuple[Finding, str]:
        """Add an anchor to the first result of each check."""
        anchor = "" if finding.id in linked else anchors.new(finding.id)
        linked.add(finding.id)
        return finding, anchor

    def render(some: list[Finding]) -> Markup:
        return Markup(parts.some_rows([anchored(finding) for finding in some], is_reason_shared=len(some) > 1))

    shared = sharing_a_reason(findings)
    rendered = _within(ROOM_FOR_ROWS, shared, render)
    return Rows(len(findings), rendered, sum(map(len, shared[len(rendered) :])))


def _console(text: str) -> Console | None:
    """Return the first and last lines that the ECU printed, equal neighbours joined; None if it printed none."""
    lines = text.splitlines()
    runs = ((line, len(list(equal))) for line, equal in itertools.groupby(lines))
    folded = [shown(line, CONSOLE_LINE) + (f" (× {times})" if times > 1 else "") for line, times in runs]
    return Console(len(lines), folded[:CONSOLE_FIRST], folded[CONSOLE_FIRST:][-CONSOLE_LAST:]) if lines else None


def _rank(profile: Profile) -> int:
    """Return the sort key of a profile: those of `FIRST_PROFILES` come first, then all others."""
    ranks = (number for number, word in enumerate(FIRST_PROFILES) if profile.title.startswith(word))
    return next(ranks, len(FIRST_PROFILES))


def _by_group(not_tested: Sequence[NotTested]) -> list[tuple[str, list[NotTested]]]:
    found: dict[str, list[NotTested]] = {}
    for one in not_tested:
        found.setdefault(one.group, []).append(one)
    return list(found.items())


def _parts(ids: frozenset[int], redacted: frozenset[str]) -> Any:
    """Return the macros for the pieces that recur in the page.

    ``ids`` are the CAN ids of tester and ECU, ``redacted`` the bytes that stand for secrets wherever they occur.
    """
    context = {
        "steps": lambda exchange: steps(exchange, ids),
        "figures": figures,
        "codes": _codes,
        "standings": _standings,
        "redacted": redacted,
        "most_exchanges": MOST_EXCHANGES,
        "most_places": MOST_PLACES,
        "most_notes": MOST_NOTES,
        "most_seen": MOST_SEEN,
    }
    return environment().get_template("parts.html").make_module(context)


class _BesideModules(BytecodeCache):
    """Keeps compiled templates where Python keeps compiled modules, if it may; a template is compiled anew if it changed."""

    def load_bytecode(self, bucket: Bucket) -> None:
        try:
            with open(self._file(bucket), "rb") as file:
                bucket.load_bytecode(file)
        except (OSError, UnpicklingError, EOFError, AttributeError, ImportError, LookupError, TypeError, ValueError):
            bucket.reset()  # there is none, or it is damaged

    def dump_bytecode(self, bucket: Bucket) -> None:
        if sys.dont_write_bytecode:
            return
        file = self._file(bucket)
        part = file.with_suffix(f".{os.getpid()}")
        with contextlib.suppress(OSError):
            part.write_bytes(bucket.bytecode_to_string())
            part.replace(file)

    def _file(self, bucket: Bucket) -> Path:
        return Path(cache_from_source(__file__)).with_suffix(f".{bucket.key}")


@cache
def environment() -> Environment:
    """Return the template environment of every page, which escapes everything and treats a missing value as an error."""
    pages = Environment(
        loader=PackageLoader("harness.report"),
        bytecode_cache=_BesideModules(),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters.update(shown=shown, shown_hex=shown_hex, lines=_lines, link=_link, marked=marked)
    return pages


@cache
def source(name: str) -> str:
    """Return the text of a template or style sheet."""
    loader = environment().loader
    assert loader is not None
    return loader.get_source(environment(), name)[0]


def _style(info: RunInfo, *, has_machine: bool) -> str:
    style = source("audit.css") + (source("machine.css") if has_machine else "")
    if info.environment == "simulated":
        style += '@page { @top-center { content: "SIMULATED ECU"; font: bold 9pt sans-serif; color: #6b4b00; } }\n'
    return style


def csp_hash(text: str) -> str:
    """Return the hash by which a Content Security Policy allows exactly this text."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _codes(profile: Profile) -> list[str]:
    """Return the names of the response codes in a profile's grid, for the explanation below the grid."""
    cells = " ".join(cell for row in profile.grid.rows for cell in row.cells) if profile.grid is not None else ""
    return [nrc_name(code) for code in range(256) if f"0x{code:02X}" in cells]


def _standings(grid: Grid) -> list[tuple[str, int]]:
    """Count a grid's cells by agreement with the target's declarations, for the legend; empty if nothing is declared."""
    counts = Counter(one for row in grid.rows for one in row.standings)
    return [(one, counts[one]) for one in get_args(Standing)] if counts else []


def _lines(text: str) -> list[str]:
    """Return a value's lines, made printable."""
    return shown(text).split("\n")


def _link(name: str) -> str:
    """Return a file name as a relative address that no browser takes for one with a scheme such as ``javascript:``."""
    return "./" + quote(name, errors="backslashreplace")
