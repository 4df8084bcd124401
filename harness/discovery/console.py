"""What a user sees of a discovery: how far it is, and then what was found, 80 columns wide."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator

from harness.discovery.addresses import Ecu, Survey
from harness.discovery.discover import Found
from harness.discovery.ecu_map import EcuMap
from harness.discovery.plan import Plan
from harness.link.clock import RealClock
from harness.uds import Session

COLUMNS = 80
LABEL = 12
EVERY_S = 0.2
EVERY_LINE_S = 5.0
"""Between two lines where there is no terminal."""


class TerminalProgress:
    """Says what is being done and how long it will take: one line on a terminal, a line now and then where there is none."""

    def __init__(self) -> None:
        self._clock = RealClock()
        self._what = ""
        self._begun_s = self._shown_s = self._clock.now_s()
        self._is_terminal = sys.stderr.isatty()

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show how much is done."""
        now_s = self._clock.now_s()
        if what != self._what:
            self._what, self._begun_s = what, now_s
        elif now_s - self._shown_s < EVERY_S and done < total and self._is_terminal:
            return
        if not self._is_terminal and now_s - self._shown_s < EVERY_LINE_S:
            return
        self._shown_s = now_s
        left = f", {(now_s - self._begun_s) / done * (total - done):.0f} s left" if done else ""
        if not self._is_terminal:
            print(f"{what}: {done} of {total}{left}", file=sys.stderr, flush=True)
            return
        print(f"\r{f'{what}: {done} of {total}{left}'[: COLUMNS - 1]:{COLUMNS - 1}}", end="", file=sys.stderr, flush=True)

    def announce(self, plan: Plan) -> None:
        """Say what will be asked before it is."""
        self.end()
        for line in plan_lines(plan):
            print(line, file=sys.stderr, flush=True)

    def end(self) -> None:
        """Leave the line clean."""
        if self._is_terminal:
            print(f"\r{'':{COLUMNS - 1}}\r", end="", file=sys.stderr, flush=True)


def plan_lines(plan: Plan) -> Iterator[str]:
    """What is going to be asked, and what is not."""
    for number, sentence in enumerate(plan.sentences()):
        yield from _wrapped("plan" if number == 0 else "", sentence)


def traffic_lines(survey: Survey) -> Iterator[str]:
    """What was on the bus before anything was asked."""
    if survey.traffic:
        names = ", ".join(
            f"0x{number:X}{' (29 bits)' if is_long else ''}" for number, is_long in sorted(survey.traffic)[:24]
        )
        more = f" and {len(survey.traffic) - 24} more" if len(survey.traffic) > 24 else ""
        yield from _wrapped("traffic", f"{len(survey.traffic)} ids, asked only if they were named: {names}{more}")
    else:
        yield from _wrapped("traffic", "none")
    yield from _wrapped("asked", f"{survey.asked} id{'' if survey.asked == 1 else 's'}")
    for sentence in survey.left_out:
        yield from _wrapped("left out", sentence)
    for sentence in survey.unsure:
        yield from _wrapped("unsure", sentence)


def ecu_lines(found: Found) -> Iterator[str]:
    """One ECU."""
    yield _address(found.ecu)
    yield from _map_lines(found.map)


def _address(ecu: Ecu) -> str:
    request, response = ecu.pair.request, ecu.pair.response
    functional = f", functional 0x{ecu.functional[0]:X}" if ecu.functional is not None else ""
    fd = ", CAN FD" if ecu.answers_in_fd else "" if ecu.takes_padded else ", only frames that are not filled up"
    return f"0x{request[0]:X} -> 0x{response[0]:X} ({'29' if response[1] else '11'} bits){functional}{fd}"


def _map_lines(found: EcuMap) -> Iterator[str]:
    names = {one.value: one.name.lower() for one in Session}
    sessions = ", ".join(f"0x{session:02X} {names.get(session, '')}".strip() for session in found.sessions)
    yield from _wrapped("sessions", sessions or "none could be entered")
    if found.refused_sessions:
        refused = sorted(found.refused_sessions.items())
        words = [f"0x{session:02X} ({', '.join(dict.fromkeys(by.values()))})" for session, by in refused]
        yield from _wrapped("refused", "sessions " + ", ".join(words))
    services = sorted({service for here in found.services.values() for service in here})
    yield from _wrapped("services", " ".join(f"{service:02X}" for service in services) or "none")
    sub_functions = _sub_functions(found)
    if sub_functions:
        yield from _wrapped("functions", "; ".join(sub_functions))
    levels = [
        f"0x{one.level:02X} in session 0x{one.session:02X} "
        + (f"(seed of {one.seed_bytes} bytes" if one.seed_bytes else f"(no seed: {one.said}")
        + (f"; asked for with {len(one.record)} bytes of data)" if one.record else ")")
        for one in found.levels
    ]
    yield from _wrapped("levels", "; ".join(filter(None, (", ".join(levels), found.security_access))) or "none")
    counts = {word: [one for one, how in found.writes.items() if how == word] for word in ("open", "protected")}
    words = [f"{len(found.identifiers)} found"]
    words += [f"{word} for writing: {', '.join(f'{did:04X}' for did in dids)}" for word, dids in counts.items() if dids]
    yield from _wrapped("data", "; ".join(words))
    if found.routines:
        yield from _wrapped("routines", ", ".join(f"{routine:04X}" for routine in found.routines))
    if found.memory:
        yield from _wrapped("memory", ", ".join(f"0x{address:X} ({said})" for address, said in found.memory.items()))
    timing = [f"P2 {found.p2_ms:g} ms at most"] if found.p2_ms is not None else []
    timing += [f"P2* {found.p2_star_seen_ms:g} ms seen"] if found.p2_star_seen_ms is not None else []
    timing += [found.s3_said] if found.s3_said else []
    timing += [f"boot after a {found.boot_means} {found.boot_s:g} s"] if found.boot_s is not None else []
    yield from _wrapped("timing", "; ".join(timing) or "not measured")
    for sentence in found.not_asked:
        yield from _wrapped("left out", sentence)


def _sub_functions(found: EcuMap) -> list[str]:
    """By service, the sub-functions that are there in some session."""
    there: dict[int, set[int]] = {}
    for services in found.sub_functions.values():
        for service, here in services.items():
            there.setdefault(service, set()).update(here)
    return [f"{service:02X}: {' '.join(f'{one:02X}' for one in sorted(there[service]))}" for service in sorted(there)]


def _wrapped(label: str, text: str) -> list[str]:
    return textwrap.wrap(
        text, COLUMNS, initial_indent=f"  {label:{LABEL - 2}}", subsequent_indent=" " * LABEL, break_long_words=True
    )
