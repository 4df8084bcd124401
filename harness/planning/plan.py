"""Show what an audit would send, check by check and in total: as a table for people, as JSON for programs."""

import json
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.planning.meter import Use, reasons_in_words
from harness.report.text import visible
from harness.runs.findings import Finding
from harness.verdict import Verdict

SCHEMA_VERSION: Final = 1
WIDTH: Final = 80
_ID, _NUMBERS = 22, (9, 6, 7, 7, 9, 9)
_COUNTS: Final = ("requests", "wrong_keys", "writes", "resets")
_HEAD: Final = ("requests", "keys", "writes", "resets", "waits", "seconds")
MOST_NAMED: Final = 6
WHAT_CHANGES_IT: Final = (
    "What several checks need is counted for the first of them; a delay that one check leaves, for the next. A check that "
    "fails is done once more. What changes the plan: --depth, -k, --check, --family, --severity, and [safety] allow in "
    "the target file."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCheck:
    """What one check would send."""

    id: str
    parameter: str | None
    permissions: tuple[str, ...]
    """The permissions that the check declares to need, and those that its requests would need."""
    used: tuple[str, ...]
    """The part of `permissions` that the check's requests would need."""
    requests: int
    wrong_keys: int
    writes: int
    resets: int
    waits_s: float
    """How many seconds the waits that end without a frame take together."""
    seconds: float
    why: str
    """Why the check would not run, if so, and the reasons for its waits."""

    @property
    def name(self) -> str:
        """The id and the parameter, e.g. ``SA-09[level 0x01]``."""
        return self.id if self.parameter is None else f"{self.id}[{self.parameter}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPlan:
    """What an audit would send."""

    checks: tuple[PlannedCheck, ...]
    left_out: int
    """How many results the user's selection leaves out."""
    assumptions: tuple[str, ...]
    """What was assumed of the ECU, one sentence for each assumption."""

    @property
    def seconds(self) -> float:
        """The duration of the audit in seconds."""
        return sum(one.seconds for one in self.checks)

    def total(self, name: str) -> float:
        """Return the sum of the field `name` over all checks."""
        return float(sum(getattr(one, name) for one in self.checks))

    @property
    def permissions(self) -> tuple[str, ...]:
        """Every permission that the audit needs."""
        return tuple(sorted({one for check in self.checks for one in check.used}))

    @property
    def is_harmful(self) -> bool:
        """Whether any check may lock the ECU, write to it or reset it."""
        return any(self.total(name) for name in ("wrong_keys", "writes", "resets"))

    def as_json(self) -> str:
        """Return the plan as JSON, with a line break at its end."""
        document: dict[str, Any] = {
            "schema_version": SCHEMA_VERSION,
            "seconds": round(self.seconds, 3),
            "totals": {name: sum(getattr(one, name) for one in self.checks) for name in _COUNTS},
            "waits_s": round(self.total("waits_s"), 3),
            "permissions": list(self.permissions),
            "left_out": self.left_out,
            "assumptions": list(self.assumptions),
            "checks": [_as_json(one) for one in self.checks],
        }
        return json.dumps(document, indent=1) + "\n"


def planned_check(finding: Finding, use: Use, needs: Sequence[str]) -> PlannedCheck:
    """Return the plan of a check that declares `needs`, from what it used in the rehearsal and how it ended there."""
    is_told = finding.verdict is Verdict.NOT_RUN or (finding.verdict is Verdict.NOT_APPLICABLE and not use.requests)
    used = {one.value for one in use.permissions}
    return PlannedCheck(
        id=finding.id,
        parameter=finding.parameter,
        permissions=tuple(sorted(used | set(map(str, needs)))),
        used=tuple(sorted(used)),
        requests=use.requests,
        wrong_keys=use.wrong_keys,
        writes=use.writes,
        resets=use.resets,
        waits_s=round(use.waits_s, 3),
        seconds=round(use.seconds, 3),
        why="; ".join(filter(None, (finding.reason if is_told else "", reasons_in_words(use)))),
    )


def _as_json(check: PlannedCheck) -> dict[str, Any]:
    return {
        "id": check.id,
        "parameter": check.parameter,
        "permissions": list(check.permissions),
        "requests": check.requests,
        "wrong_keys": check.wrong_keys,
        "writes": check.writes,
        "resets": check.resets,
        "waits_s": check.waits_s,
        "seconds": check.seconds,
        "why": check.why,
    }


def duration(seconds: float) -> str:
    """Format a duration: ``0.4 s``, ``12 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def totals_in_words(plan: AuditPlan) -> str:
    """Format the totals: ``about 3 min 20 s: 4821 requests, among them 31 wrong keys, 12 writes, 6 resets``."""
    parts = [
        f"{plan.total(name):.0f} {words if plan.total(name) != 1 else words[:-1]}"
        for name, words in (("wrong_keys", "wrong keys"), ("writes", "writes"), ("resets", "resets"))
        if plan.total(name)
    ]
    among = f", among them {', '.join(parts)}" if parts else ", none of which locks, writes or resets"
    waits = f", {duration(plan.total('waits_s'))} of it waiting" if plan.total("waits_s") >= 1 else ""
    return f"about {duration(plan.seconds)}{waits}: {plan.total('requests'):.0f} requests{among}"


def plan_lines(plan: AuditPlan) -> list[str]:
    """Return a row for each check that sends anything, then the other checks with why they send nothing, then the totals."""
    head = f"{'check':<{_ID}}" + "".join(f"{word:>{width}}" for word, width in zip(_HEAD, _NUMBERS, strict=True))
    lines = [head]
    for check in plan.checks:
        if check.requests or check.seconds >= 0.05:
            lines += _rows(check)
    lines.append("")
    silent = [one for one in plan.checks if not one.requests and one.seconds < 0.05]
    reasons: dict[str, list[str]] = {}
    for one in silent:
        reasons.setdefault(one.why or "they judge what others have measured", []).append(one.name)
    for why, names in reasons.items():
        shown = ", ".join(names[:MOST_NAMED]) + (f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else "")
        lines += _filled(f"nothing sent: {shown}: {why}")
    if plan.left_out:
        lines.append(f"left out by the selection: {plan.left_out} result{'' if plan.left_out == 1 else 's'}")
    if plan.permissions:
        lines.append(f"permissions: {', '.join(plan.permissions)}")
    lines.append("")
    for text in (*plan.assumptions, WHAT_CHANGES_IT):
        lines += _filled(text)
    return [*lines, "", *_filled(f"in all {totals_in_words(plan)}")]


def _filled(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=f"{indent}  ", break_on_hyphens=False)


def _rows(check: PlannedCheck) -> list[str]:
    numbers: Sequence[object] = (
        check.requests,
        check.wrong_keys or "",
        check.writes or "",
        check.resets or "",
        f"{check.waits_s:.1f}" if check.waits_s >= 0.05 else "",
        f"{check.seconds:.1f}",
    )
    name = visible(check.name)
    cells = "".join(f"{number!s:>{width}}" for number, width in zip(numbers, _NUMBERS, strict=True))
    first = [f"{name:<{_ID}}{cells}"] if len(name) < _ID else [name, f"{'':<{_ID}}{cells}"]
    below = "; ".join(filter(None, (", ".join(check.permissions), check.why)))
    return [*first, *_filled(visible(below), "    ")]
