"""Define what of an ECU is measured and shown beside verdicts: tables, samples and grids, small enough to draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Standing: TypeAlias = Literal[
    "allowed as declared", "refused as declared", "open though guarded", "refused though open", "not known"
]
"""How what was seen in a cell of a grid stands to what the target declares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A time within which something must come."""

    name: str
    """E.g. ``P2 declared``."""
    seconds: float
    """After the request, or what else the times are counted from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Measured times of one kind, few enough to be drawn."""

    name: str
    """What was timed, e.g. ``last byte wrong``."""
    seconds: tuple[float, ...]
    """The measured times, in the order of measurement."""
    limits: tuple[Limit, ...] = ()
    """Limits within which the times should lie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GridRow:
    """One request, and the answers under each of the grid's conditions."""

    name: str
    """E.g. ``0x27 SecurityAccess``."""
    cells: tuple[str, ...]
    """In the order of the grid's columns, e.g. ``answered 12 times; 3 times 0x13``; empty where it was not asked for."""
    standings: tuple[Standing, ...] = ()
    """How each cell stands to what the target declares, in the same order; empty if the target declares nothing of it.

    ``not known``: it was not asked for, answers differed, or another level was open.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A table of requests (rows) under conditions (columns), with the answers in its cells."""

    columns: tuple[str, ...]
    """The conditions, e.g. ``session 0x03, level 0x01 open``."""
    rows: tuple[GridRow, ...]
    """One row for each request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A measurement of the ECU that is not a verdict, as a table of two columns."""

    title: str
    """E.g. ``Lockout of level 0x01``."""
    rows: tuple[tuple[str, str], ...]
    """The name and the value of each quantity."""
    seeds: tuple[str, ...] = ()
    """Seeds in hex, in the order in which they came, the first ones of a large sample. They are no secret; keys are."""
    times: tuple[Times, ...] = ()
    """Measured times, one entry for each kind that is compared."""
    grid: Grid | None = None
    """The answers by condition; None if the measurement has no grid."""
