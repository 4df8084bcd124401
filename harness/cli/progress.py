"""Show the progress of an audit: the share that is done, the remaining time, the running check and its wait."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TextIO

from harness.cli.wrapping import flat, has_colour, width_of, wrapped
from harness.link.clock import RealClock, every
from harness.planning.plan import duration

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

CheckKey = tuple[str, str | None]
"""A check's id and its parameter."""

EVERY_LINE_S: Final = 10.0
"""The seconds between two lines of progress if the output is no terminal."""
PER_SECOND: Final = 4
"""How many times a second a terminal is refreshed."""
BAR: Final = 10
"""The width of the progress bar in columns."""
RECENT: Final = 8
"""How many of the latest findings are shown during an audit that prints its findings only at its end."""
FEWEST_DONE: Final = 0.1
"""The share of checks that must have ended before, without a plan, the remaining time is estimated from that share."""
LEAST_MEASURED_S: Final = 1.0
"""How many planned seconds, without waits, must have passed before their real duration corrects the plan."""
LEAST_PACE: Final = 0.2
LONG_S: Final = 600.0
"""The duration in seconds from which minutes are shown without seconds."""


class PlannedTime(NamedTuple):
    """The planned duration of a check in seconds, separately for its waits and everything else."""

    waits_s: float
    busy_s: float


class Watched(Protocol):
    """An object that can describe its present activity."""

    def doing(self) -> str:
        """Describe the present measurement and wait; empty if requests are being sent."""


class Course:
    """The progress of an audit over time: which checks have ended, which is running, and which are left."""

    def __init__(self, now_s: Callable[[], float], planned: Mapping[CheckKey, PlannedTime] | None = None) -> None:
        """Begin the audit. `planned`: the duration of each check, if known."""
        self._now_s = now_s
        self._planned = planned
        self._left: dict[CheckKey, None] = {}
        self._begun_s = self._check_begun_s = now_s()
        self._is_begun = False
        self.total = self.done = self.findings = 0
        self.running: CheckKey | None = None

    def expect(self, checks: Sequence[CheckKey]) -> None:
        """Set the checks of the audit."""
        self._left = dict.fromkeys(checks)
        self.total = len(checks)

    def begins(self, check: CheckKey) -> None:
        """Note that a check begins."""
        self._check_begun_s = self._now_s()
        if not self._is_begun:  # what is learned before the first check is no part of any
            self._begun_s, self._is_begun = self._check_begun_s, True
        self.running = check
        self._left.pop(check, None)

    def ends(self, *, is_finding: bool) -> None:
        """Note that a check has ended."""
        self.done += 1
        self.findings += is_finding

    @property
    def elapsed_s(self) -> float:
        """The seconds since the beginning."""
        return self._now_s() - self._begun_s

    @property
    def left_s(self) -> float | None:
        """The remaining seconds, by the corrected plan or, without a plan, by the share of checks done; None if unknown."""
        if self._planned:
            return self._by_plan(self._planned)
        share = self.done / self.total if self.total else 0.0
        return self.elapsed_s * (1 - share) / share if share >= FEWEST_DONE else None

    def _by_plan(self, planned: Mapping[CheckKey, PlannedTime]) -> float:
        """Return the seconds that the remaining checks take: their waits as planned, the rest at the pace so far."""
        nothing = PlannedTime(0.0, 0.0)
        running = planned.get(self.running, nothing) if self.running is not None else nothing
        left = [planned.get(check, nothing) for check in tuple(self._left)]  # it shrinks while another thread looks
        over_waits_s = sum(one.waits_s for one in planned.values()) - sum(one.waits_s for one in (running, *left))
        over_busy_s = sum(one.busy_s for one in planned.values()) - sum(one.busy_s for one in (running, *left))
        spent_s = self._now_s() - self._check_begun_s
        pace = (self.elapsed_s - spent_s - over_waits_s) / over_busy_s if over_busy_s >= LEAST_MEASURED_S else 1.0
        pace = max(pace, LEAST_PACE)
        rest_s = sum(one.waits_s + pace * one.busy_s for one in left)
        return rest_s + max(running.waits_s + pace * running.busy_s - spent_s, 0.0)

    def in_words(self) -> str:
        """Format as ``45 of 136 results, 3 findings, 1 min 12 s, about 3 min 20 s left``."""
        findings = "1 finding" if self.findings == 1 else f"{self.findings} findings"
        left_s = self.left_s
        left = "" if left_s is None or self.done >= self.total else f", about {_rounded(left_s)} left"
        return f"{self.done} of {self.total} results, {findings}, {_rounded(self.elapsed_s)}{left}"


def _rounded(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.0f} s"
    return duration(seconds) if seconds < LONG_S or seconds >= 3600 else f"{seconds / 60:.0f} min"


class Progress:
    """Shows the progress: on a terminal in lines that are overwritten, elsewhere in a line now and then."""

    def __init__(
        self,
        out: TextIO,
        errors: TextIO,
        *,
        planned: Mapping[CheckKey, PlannedTime] | None = None,
        shows_recent: bool = False,
    ) -> None:
        """Make the display. `out`: the stream of the results. `shows_recent`: show the latest findings too."""
        self.course = Course(RealClock().now_s, planned)
        self._out, self._errors = out, errors
        self._recent: deque[str] | None = deque(maxlen=RECENT) if shows_recent else None
        self.is_ending = False
        """Whether no further check is begun, although some are left."""
        self._watched: Watched | None = None
        self._live: Live | None = None
        self._stop_lines: Callable[[], None] = lambda: None

    def watch(self, watched: Watched) -> None:
        """Set the object that describes the present activity."""
        self._watched = watched

    def start(self) -> None:
        """Start to show the progress."""
        terminal = next((one for one in (self._out, self._errors) if one.isatty()), None)
        if terminal is None:
            self._stop_lines = every(EVERY_LINE_S, self._print_line)
            return
        from rich.console import Console
        from rich.live import Live

        console = Console(file=terminal, no_color=not has_colour(terminal), highlight=False, width=width_of(terminal))
        self._live = Live(
            get_renderable=self._shown,
            console=console,
            refresh_per_second=PER_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def stop(self) -> None:
        """Stop, and clear the lines on the terminal."""
        self._stop_lines()
        if self._live is not None:
            live, self._live = self._live, None
            live.stop()

    def begins(self, check: CheckKey) -> None:
        """Note that a check begins; the first one is shown at once."""
        is_first = self.course.running is None
        self.course.begins(check)
        if is_first and self._live is not None:
            self._live.refresh()

    def found(self, line: str) -> None:
        """Add the line of a finding to the latest findings."""
        if self._recent is not None:
            self._recent.append(line)

    def print_above(self, text: str) -> bool:
        """Print a line above the progress lines; return False if the stream of the results shows no progress lines."""
        live = self._live
        if live is None or not self._out.isatty():
            return False
        from rich.text import Text

        live.console.print(Text.from_ansi(text), soft_wrap=True)
        return True

    def now(self) -> str:
        """Describe the running check and its wait."""
        course = self.course
        if course.running is None:
            return "begins"
        if self.is_ending or course.done >= course.total:
            return "leaves the ECU as it was, and writes the reports"
        id, parameter = course.running
        name = flat(id, 80) + (f" [{flat(parameter, 120)}]" if parameter is not None else "")
        doing = self._watched.doing() if self._watched is not None else ""
        return f"{name}: {doing or 'asks the ECU'}"

    def _print_line(self) -> None:
        try:
            print(f"{self.course.in_words()}; {self.now()}", file=self._errors, flush=True)
        except (OSError, ValueError):  # nobody reads it any more
            self._stop_lines()

    def _shown(self) -> Text:
        from rich.text import Text

        width = width_of(self._out if self._out.isatty() else self._errors) - 1
        course = self.course
        full = round(BAR * course.done / course.total) if course.total else 0
        lines = [*(self._recent or ()), f"[{'=' * full}{' ' * (BAR - full)}] {course.in_words()}", self.now()]
        return Text.from_ansi("\n".join(wrapped(line, width, width)[0] if "\x1b" not in line else line for line in lines))
