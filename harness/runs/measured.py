"""Define the measurements of an ECU that are shown beside verdicts: tables, samples and grids, small enough to draw."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Standing: TypeAlias = Literal[
    "allowed as declared", "refused as declared", "open though guarded", "refused though open", "not known"
]
"""How the answers in a cell of a grid agree with what the target declares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A time limit, to be drawn beside measured times."""

    name: str
    """The limit's name, e.g. ``P2 declared``."""
    seconds: float
    """The limit in seconds, counted from the same event as the measured times, e.g. from the request."""


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
    """The request's name, e.g. ``0x27 SecurityAccess``."""
    cells: tuple[str, ...]
    """One cell for each column of the grid, e.g. ``answered 12 times; 3 times 0x13``; empty if the request was not sent
    there.
    """
    standings: tuple[Standing, ...] = ()
    """How each cell agrees with what the target declares, in the same order; empty if the target declares nothing of it.

    ``not known``: the request was not sent, its answers differed, or another level was open.
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
    """The title, e.g. ``Lockout of level 0x01``."""
    rows: tuple[tuple[str, str], ...]
    """The name and the value of each quantity."""
    seeds: tuple[str, ...] = ()
    """Seeds in hex, in the order in which they came; only the first ones of a large sample. Unlike keys, seeds are no
    secret.
    """
    times: tuple[Times, ...] = ()
    """Measured times, one entry for each kind that is compared."""
    grid: Grid | None = None
    """A table of answers by condition; None if the measurement has none."""
