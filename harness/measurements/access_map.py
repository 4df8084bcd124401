"""Map which answers came in which session, locked and unlocked, from what the run has seen."""

from collections.abc import Iterable, Mapping

from harness.runs.measured import Grid, GridRow, Profile, Standing
from harness.target import Access, Target
from harness.tester.reply import ReplyKind
from harness.tester.seen import Condition, Seen
from harness.uds import Nrc, Service

MOST_CONDITIONS = 10
MOST_ROWS = 64

Outcomes = Mapping[Condition, set[ReplyKind | int]]

_NO_SERVICE: frozenset[ReplyKind | int] = frozenset({ReplyKind.SILENCE, ReplyKind.MALFORMED, Nrc.SERVICE_NOT_SUPPORTED})
_NO_DATA: frozenset[ReplyKind | int] = _NO_SERVICE | {
    Nrc.REQUEST_OUT_OF_RANGE,
    Nrc.INCORRECT_MESSAGE_LENGTH,
    Nrc.SERVICE_NOT_SUPPORTED_IN_SESSION,
}
"""Outcomes that do not show that a service or data exists; a row with no other outcome is left out."""

_NOT_OF_ACCESS: frozenset[ReplyKind | int] = frozenset(
    {ReplyKind.SILENCE, Nrc.SUB_FUNCTION_NOT_SUPPORTED, Nrc.INCORRECT_MESSAGE_LENGTH, Nrc.REQUEST_OUT_OF_RANGE}
)
"""Outcomes of requests that were malformed on purpose or wanted no answer; they are left out if a cell has others."""

_WORDS = {ReplyKind.POSITIVE: "answered", ReplyKind.MALFORMED: "malformed", ReplyKind.SILENCE: "silent"}


def access_profiles(seen: Seen, target: Target) -> tuple[Profile, ...]:
    """Return a profile of the services and one of the data that the ECU knows, each only if it has any rows."""
    services = {subject: by for subject, by in seen.outcomes.items() if len(subject) == 1}
    data = {subject: by for subject, by in seen.outcomes.items() if len(subject) == 3}
    profiles = (
        _profile("Sessions and access: services", services, _NO_SERVICE, target),
        _profile("Sessions and access: data", data, _NO_DATA, target),
    )
    return tuple(profile for profile in profiles if profile.grid is not None and profile.grid.rows)


def _profile(title: str, outcomes: Mapping[bytes, Outcomes], nothing: frozenset[ReplyKind | int], target: Target) -> Profile:
    has_sessions = target.timing.s3_ms is not None
    known = {subject: by for subject, by in sorted(outcomes.items()) if set().union(*by.values()) - nothing}
    shown = dict(list(known.items())[:MOST_ROWS])
    conditions = sorted({condition for by in shown.values() for condition in by})[:MOST_CONDITIONS]
    left_out = len(known) - len(shown)
    rows = {
        "Asked for": f"{len(outcomes)}, of which the ECU knows {len(known)}"
        + (f"; {left_out} not shown" if left_out else ""),
        "Open means": "the level's key was accepted since the session was entered or the ECU restarted",
    }
    grid = Grid(
        columns=tuple(_condition(condition, has_sessions) for condition in conditions),
        rows=tuple(
            GridRow(
                name=_name(subject),
                cells=tuple(_cell(by.get(condition, ())) for condition in conditions),
                standings=_standings(_declared(subject, target), [(by.get(one, set()), one.level) for one in conditions]),
            )
            for subject, by in shown.items()
        ),
    )
    return Profile(title=title, rows=tuple(rows.items()), grid=grid)


def _declared(subject: bytes, target: Target) -> Access | None:
    """Return who may use a service, or read or write data, by a person's declaration; None if only discovered."""
    if len(subject) == 1:
        needs = (entry.needs for entry in target.services if entry.origin == "declared" and subject[0] in entry.span)
        return next(needs, None)
    entry = target.did(int.from_bytes(subject[1:], "big"))
    if entry is None or entry.origin != "declared":
        return None
    return entry.read if subject[0] == Service.READ_DATA_BY_IDENTIFIER else entry.write


def _standings(access: Access | None, seen: Iterable[tuple[Iterable[ReplyKind | int], int]]) -> tuple[Standing, ...]:
    """Compare the outcomes in each condition (`seen`: outcomes, open level) with the declared access."""
    return tuple(_standing(access, set(outcomes), level) for outcomes, level in seen) if access is not None else ()


def _standing(access: Access, outcomes: set[ReplyKind | int], level: int) -> Standing:
    is_allowed = access.kind == "open" or (access.kind == "level" and access.level == level)
    refusals = {one for one in outcomes if isinstance(one, int)}
    if ReplyKind.POSITIVE not in outcomes:
        if not is_allowed:
            return "refused as declared" if refusals else "not known"
        return "refused though open" if refusals & _DENIED else "not known"
    if is_allowed:
        return "allowed as declared"
    # An answer beside a refusal is a matter for the checks, and under another level the wanted one may be open as well.
    is_sure = not refusals & _DENIED and (access.kind == "never" or not level)
    return "open though guarded" if is_sure else "not known"


_DENIED: frozenset[int] = frozenset({Nrc.SECURITY_ACCESS_DENIED, Nrc.AUTHENTICATION_REQUIRED})
"""NRCs by which an ECU refuses for lack of access; other NRCs have other reasons."""


def _condition(condition: Condition, has_sessions: bool) -> str:
    lock = f"level 0x{condition.level:02X} open" if condition.level else "locked"
    return f"session 0x{condition.session:02X}, {lock}" if has_sessions else lock


def _name(subject: bytes) -> str:
    if len(subject) == 3:
        verb = "read" if subject[0] == Service.READ_DATA_BY_IDENTIFIER else "write"
        return f"{subject[1:].hex().upper()} {verb}"
    try:
        words = Service(subject[0]).name.split("_")
    except ValueError:
        return f"{subject[0]:02X}"
    return f"{subject[0]:02X} {''.join(word if word in ('DTC', 'ECU') else word.capitalize() for word in words)}"


def _cell(outcomes: Iterable[ReplyKind | int]) -> str:
    """Write outcomes as the text of a cell, e.g. ``answered; 0x13, 0x31``."""
    telling = set(outcomes) - _NOT_OF_ACCESS or set(outcomes)
    kinds = [word for kind, word in _WORDS.items() if kind in telling]
    codes = sorted(one for one in telling if isinstance(one, int))
    return "; ".join([*kinds, ", ".join(f"0x{code:02X}" for code in codes)]).strip("; ")
