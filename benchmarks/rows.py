"""Show measurements on a terminal and in bench.json."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import Any

NAME_WIDTH = 33
HEAD = f"{'':{NAME_WIDTH}}{'median':>10} {'min .. max':^20} {'budget':>9}"


@dataclass(frozen=True)
class Row:
    """One figure, measured several times, of which the median counts.

    A row without runs was not measured, and its `note` says why.
    """

    name: str
    unit: str
    runs: tuple[float, ...]
    budget: float | None = None
    is_floor: bool = True
    """Whether the budget is the least value that will do; otherwise it is the greatest."""
    note: str = ""
    peers: tuple[Row, ...] = field(default=())

    @property
    def is_over(self) -> bool:
        """Say whether the figure was measured and misses its budget."""
        if not self.runs or self.budget is None:
            return False
        return median(self.runs) < self.budget if self.is_floor else median(self.runs) > self.budget

    def lines(self, indent: str = "") -> list[str]:
        """Return the lines that show the row and its peers, within 80 columns."""
        name = f"{indent}{self.name:<{NAME_WIDTH - len(indent)}}"
        if self.runs:
            extent = f"{_number(min(self.runs)):>8} .. {_number(max(self.runs)):<8}"
            line = f"{name}{_number(median(self.runs)) + ' ' + self.unit:>10} {extent}"
        else:
            line = f"{name}not measured, see below"
        if self.runs and self.budget is not None:
            limit = f"{'>=' if self.is_floor else '<'} {_number(self.budget)}"
            line += f" {limit:>9}  {'OVER' if self.is_over else 'ok'}"
        return [line.rstrip(), *(line for peer in self.peers for line in peer.lines("    "))]

    def notes(self) -> list[str]:
        """Return what a reader must know of the figures of the row and its peers, a line each."""
        return [f"{row.name}: {row.note}" for row in (self, *self.peers) if row.note]

    def as_json(self) -> dict[str, Any]:
        """Return the row as plain JSON values; `value` is the median."""
        found: dict[str, Any] = {"name": self.name, "value": median(self.runs) if self.runs else None, "unit": self.unit}
        if self.budget is not None:
            found["budget"] = self.budget
            found["budget_is"] = "at least" if self.is_floor else "at most"
            found["is_over"] = self.is_over
        found |= {"runs": list(self.runs), "note": self.note}
        return found | ({"peers": [peer.as_json() for peer in self.peers]} if self.peers else {})


def _number(value: float) -> str:
    """Show a number with three digits at least, and with all digits before the decimal point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
