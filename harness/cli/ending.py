"""Say on a terminal how a run ended, on two screens at most: the answer, the findings, the unjudged, what to do next."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Final

from harness.audit.catalogue import shipped_checks
from harness.audit.contact import NOT_BEGUN
from harness.cli.result_lines import ID_WIDTH, SEVERITY_WIDTH
from harness.cli.wrapping import WIDTH, columns, first_line, flat, hanging
from harness.report.conclusion import (
    DESELECTED,
    answer,
    closing_line,
    in_a_sentence,
    interruption,
    rank,
    security_access_unjudged,
    warnings,
)
from harness.report.groups import Anchors, Group, grouped
from harness.runs.findings import Finding, Run
from harness.runs.folder import AUDIT_HTML
from harness.runs.redaction import NOT_SHOWN
from harness.shell.recorded import is_repeatable
from harness.system import own_command
from harness.verdict import Verdict

MOST_LINES: Final = 45
"""The largest number of lines if lines can be left out: two screens of 24, less a run's first lines and the prompt."""
FEWEST_TITLED: Final = 8
FEWER_REASONS: Final = (8, 4)
MOST_SINGLE: Final = 3
"""How many ids are named beside a reason; of more ids only the first is named, with the number of the others."""

_UNJUDGED: Final = (Verdict.ERROR, Verdict.INCONCLUSIVE, Verdict.NOT_RUN, Verdict.NOT_APPLICABLE)
_COUNT: Final = 4
_WORD: Final = max(len(verdict) for verdict in Verdict) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """Facts about the end of a command that the run itself does not record."""

    code: int
    """The exit code, before `--exit-zero`."""
    folder: str
    is_exit_zero: bool = False
    """Whether failures do not count for the exit code."""
    is_mute: bool = False
    """Whether the ECU has never answered; nothing else is shown then."""


def ending_lines(run: Run, ended: Ended | None = None, *, width: int = WIDTH) -> list[str]:
    """Return the lines of the ending: warnings and the answer first, the number of findings last.

    If not everything fits into `MOST_LINES`, the least severe findings show only their ids, and only the most frequent
    reasons for unjudged results are shown. `ended` adds the reason of the exit code, what to do next, and the report's path.
    """
    if ended is not None and ended.is_mute and not run.info.interrupted and not run.failures():
        said = hanging("", f"{_first_reason(run)}: nothing was judged.", width)
        return [*said, "", *_what_next(run, ended, width), *hanging("", closing_line(run), width)]
    top = [line for text in warnings(run) for line in (*hanging("! ", text, width), "")]
    if any(finding.verdict is not Verdict.NOT_RUN for finding in run.findings):
        top += [*hanging("", answer(run), width), ""]
    counts = _counts(run, width)
    bottom = [*_remarks(run, width), *(_what_next(run, ended, width) if ended is not None else [])]
    bottom += hanging("", closing_line(run), width)
    reasons, findings = _reasons(run), _worst_first(run)
    room = MOST_LINES - len(top) - len(counts) - len(bottom)
    failed, unjudged = _findings(findings, len(findings), width), _unjudged(reasons, len(reasons), width)
    for most, titled in _shorter_and_shorter(len(findings)):
        if len(failed) + len(unjudged) <= room:
            break
        failed, unjudged = _findings(findings, titled, width), _unjudged(reasons, most, width, is_cut=True)
    return [*top, *failed, *counts, *unjudged, *bottom]


def _first_reason(run: Run) -> str:
    """Return why nothing was judged: the reason of the first error or inconclusive result."""
    reasons = [one.reason for one in run.findings if one.verdict in (Verdict.ERROR, Verdict.INCONCLUSIVE)]
    first = flat(first_line((reasons or ["the ECU does not answer"])[0]).removeprefix(NOT_BEGUN), 300).rstrip(".")
    return f"{first[:1].upper()}{first[1:]}"


def _shorter_and_shorter(findings: int) -> Iterator[tuple[int, int]]:
    """Yield smaller and smaller limits: how many reasons get a row, and how many of the `findings` get a title."""
    for most in FEWER_REASONS:
        for titled in range(findings, min(FEWEST_TITLED, findings) - 1, -1):
            yield most, titled


# Findings


def _worst_first(run: Run) -> list[Group]:
    """Return the failures grouped by cause, the worst first; at equal severity those of the protection itself come first."""
    groups = grouped(run.failures(), anchors=Anchors())
    return sorted(groups, key=lambda group: min(map(rank, group.findings)))


def _findings(groups: Sequence[Group], titled: int, width: int) -> list[str]:
    """Return lines with titles for the first `titled` groups, and lines with only ids, by severity, for the others."""
    if not groups:
        return []
    lines = ["Findings, the worst first"]
    for group in groups[:titled]:
        if group.cause:
            ids = _counted([one.id for one in group.findings])
            what = f"{flat(group.title, 200)} ({', '.join(ids)})"
        else:
            demand = "" if group.first.failure else "does not hold: "
            times = f" ({len(group.findings)} times)" if len(group.findings) > 1 else ""
            what = f"{flat(group.first.id, 80):<{ID_WIDTH}} {demand}{flat(group.first.heading, 300)}{times}"
        lines += hanging(f"  {group.severity:<{SEVERITY_WIDTH}}", what, width, further=ID_WIDTH + 1)
    for severity, rest in groupby(groups[titled:], key=lambda group: group.severity):
        ids = [one for group in rest for one in _counted([finding.id for finding in group.findings])]
        more = f"{len(ids)} more: " if any(group.severity is severity for group in groups[:titled]) else f"{len(ids)}: "
        lines += hanging(f"  {severity:<{SEVERITY_WIDTH}}", more + ", ".join(ids), width)
    return [*lines, ""]


def _counted(ids: Sequence[str]) -> list[str]:
    """Return each id once, with the number of its failures if there are several."""
    times = {one: ids.count(one) for one in ids}
    return [flat(one, 80) + (f" ({count} times)" if count > 1 else "") for one, count in times.items()]


# Counts, and what was not judged


def _counts(run: Run, width: int) -> list[str]:
    left_out = sum(finding.reason == DESELECTED for finding in run.with_verdict(Verdict.NOT_RUN))
    counted = []
    for verdict in Verdict:
        if count := len(run.with_verdict(verdict)) - (left_out if verdict is Verdict.NOT_RUN else 0):
            accepted = f" ({len(run.accepted())} accepted)" if verdict is Verdict.FAIL and run.accepted() else ""
            counted.append(f"{count} {verdict}{accepted}")
    total = len(run.findings) - left_out
    lines = (
        hanging("", f"{total} result{'' if total == 1 else 's'}: {', '.join(counted)}", width, further=2) if counted else []
    )
    for one in run.accepted():
        what = f"accepted  {flat(one.id, 80)} {flat(one.heading, 200)}: {flat(one.accepted, 200)}"
        lines += hanging("", what, width, further=10)
    if left_out:
        lines.append(f"left out {left_out} result{'' if left_out == 1 else 's'} by the selection")
    return [*lines, ""] if lines else []


def _reasons(run: Run) -> list[tuple[Verdict, str, list[str]]]:
    """Return each reason for unjudged results with their ids: errors first; in a verdict the commonest reason first."""
    found: dict[tuple[Verdict, str], list[str]] = {}
    for finding in run.findings:
        if finding.verdict in _UNJUDGED and finding.reason != DESELECTED:
            found.setdefault((finding.verdict, finding.reason), []).append(finding.id)
    ordered = sorted(found.items(), key=lambda item: (_UNJUDGED.index(item[0][0]), -len(item[1])))
    return [(verdict, reason, ids) for (verdict, reason), ids in ordered]


def _unjudged(
    reasons: Sequence[tuple[Verdict, str, list[str]]], most: int, width: int, *, is_cut: bool = False
) -> list[str]:
    """Return a row for each reason; if there are more than `most` reasons, the rarest of each verdict share a row."""
    if not reasons:
        return []
    rows: list[tuple[Verdict, int, str]] = []
    kinds = [list(group) for _, group in groupby(reasons, key=lambda one: one[0])]
    room = most - len(kinds)
    for place, kind in enumerate(kinds):
        alone = max(0, -(-room // (len(kinds) - place)))
        if place + 1 < len(kinds):  # what the ECU lacks, which comes last, matters least
            alone = max(alone, room - 1)
        alone = len(kind) if len(kind) <= alone + 1 or len(reasons) <= most else alone
        room -= min(alone, len(kind))
        rows += [(verdict, len(ids), _explained(ids, reason, is_cut)) for verdict, reason, ids in kind[:alone]]
        if rest := [one for _, _, ids in kind[alone:] for one in ids]:
            others = "for other reasons: " if alone else ""
            rows.append((kind[0][0], len(rest), f"{others}{', '.join(dict.fromkeys(rest))}"))
    lines = ["Not judged, and why (all reasons: the report, or -v)" if is_cut else "Not judged, and why"]
    for verdict, count, text in rows:
        row = hanging(f"{count:>{_COUNT}} {verdict:<{_WORD}}", text, width)
        lines += [f"{_cut(row[0], width - 2)} …"] if is_cut and len(row) > 1 else row
    return [*lines, ""]


def _explained(ids: Sequence[str], reason: str, is_cut: bool) -> str:
    named = "" if is_cut and len(ids) > 1 else f"{_some(ids)}: "
    return f"{named}{flat(first_line(reason), 300)}"


def _some(ids: Sequence[str]) -> str:
    once = list(dict.fromkeys(ids))
    if len(once) <= MOST_SINGLE:
        return ", ".join(flat(one, 80) for one in once)
    return f"{flat(once[0], 80)} and {len(once) - 1} more"


def _cut(line: str, width: int) -> str:
    while columns(line) > width and " " in line.strip():
        line = line.rpartition(" ")[0]
    return line.rstrip(",:")


# The end


def _remarks(run: Run, width: int) -> list[str]:
    decided = any(finding.verdict is not Verdict.NOT_RUN for finding in run.findings)
    said = [
        interruption(run.info),
        *(_shorter(one) for one in run.info.remarks),
        "" if decided or run.info.interrupted else in_a_sentence(run),
    ]
    return [line for text in said if text for line in (*hanging("", text, width), "")]


def _shorter(remark: str) -> str:
    """Shorten the remark on hidden secrets, since the reader of this terminal has the private files, too."""
    return "Keys and secrets are hidden; the originals stay in private/." if remark.startswith(NOT_SHOWN) else remark


def _what_next(run: Run, ended: Ended, width: int) -> list[str]:
    lines = hanging("", f"exit code {_why(run, ended)}", width, further=2)
    if text := _next(run, ended):
        lines += hanging("next: ", text, width)
    return [*lines, "", f"report: {ended.folder}/{AUDIT_HTML}"]


def _why(run: Run, ended: Ended) -> str:
    """Return the exit code and the reason for it."""
    failures, errors = len(run.failures()), len(run.with_verdict(Verdict.ERROR))
    if ended.code == 1 and ended.is_exit_zero:
        return f"0, as --exit-zero asks: {_failed(failures)}"
    if ended.code == 1:
        return f"1: {_failed(failures)}"
    if ended.code == 2:
        return "2: the run was interrupted"
    if ended.code == 3:
        ended_so = "1 result" if errors == 1 else f"{errors} results"
        return f"3: {ended_so} ended in an error of the harness, the adapter or the key function"
    if ended.code == 5:
        is_unjudged = security_access_unjudged(run)
        return f"5: {'no check of SecurityAccess' if is_unjudged else 'nothing'} reached pass or fail"
    return f"{ended.code}: {'nothing failed' if not run.accepted() else 'what failed is accepted'}"


def _failed(failures: int) -> str:
    if not failures:
        return "a test beside the checks failed"
    return "1 failure" if failures == 1 else f"{failures} failures"


def _next(run: Run, ended: Ended) -> str:
    """Return the command that is most useful now."""
    folder, command = shlex.quote(ended.folder), own_command()
    if run.info.interrupted:
        return f"{command} audit --resume {folder} goes on; {command} report {folder} makes its reports again"
    if run.failures():
        return _about_failures(run, folder, command)
    if ended.is_mute:
        return ""
    if keyless := sum("no key function is given" in finding.reason for finding in run.with_verdict(Verdict.INCONCLUSIVE)):
        return f"give a key function ({command} docs keys), for want of which {keyless} results are inconclusive"
    if run.with_verdict(Verdict.ERROR):
        return f"{command} doctor examines the adapter and the key function; the report shows where a check itself raised"
    if any(finding.verdict is Verdict.INCONCLUSIVE for finding in run.findings):
        return "the report says of each result that is not decided what would decide it"
    return ""


def _about_failures(run: Run, folder: str, command: str) -> str:
    """Return the command that explains the worst failure, and the command that replays the worst repeatable failure."""
    failures = [finding for group in _worst_first(run) for finding in group.findings]
    shown = next((one for one in failures if _show(one)), None)
    sent = next((one for one in failures if is_repeatable(one)), None)
    said = [f"{command} {_show(shown)} says what it means"] if shown is not None else []
    if sent is not None:
        name = flat(sent.id, 80)
        what = "it" if shown is None or shown.id == sent.id else f"the exchanges of {name}"
        said.append(f"{command} replay {folder} {shlex.quote(name)} sends {what} again")
    return ", ".join(said)


def _show(finding: Finding) -> str:
    """Return the `show` command for a finding's check, with --checks for a user's check; empty if its file is unknown."""
    name = f"show {shlex.quote(flat(finding.id, 80))}"
    if any(one.id == finding.id for one in shipped_checks()):
        return name
    try:
        words = shlex.split(finding.repeat)
    except ValueError:
        return ""
    paths = [path for option, path in pairwise(words) if option == "--checks"]
    return " ".join([name, *(f"--checks {shlex.quote(path)}" for path in paths)]) if paths else ""
