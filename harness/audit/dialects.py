"""Decide which checks judge an ECU that speaks KWP2000 or GMLAN, and say why the other checks do not."""

from typing import Final

from harness.tester.dialects import GMLAN, KWP2000, Dialect

_SUPPRESS: Final = "it has no bit that suppresses positive responses"
_CODES: Final = "it has one code, 0x12, for what UDS tells apart"
_LENGTHS: Final = "what its answers and requests consist of is the maker's to say"
_ANNEX: Final = "its rules on SecurityAccess do not ask for this"

NOT_JUDGED: Final[dict[str, str]] = {
    "AC-18": "the services of that standard are its own",
    "CF-03": _CODES,
    "CF-04": _CODES,
    "CF-05": "identifiers of two bytes are the maker's",
    "CF-06": "it has no order of reasons to refuse",
    "CF-07": "a key out of sequence has no code of its own",
    "CF-08": "what is kept back from functional requests is not its subject",
    "CF-09": _SUPPRESS,
    "CF-10": _LENGTHS,
    "CF-11": "one identifier is asked for at a time",
    "DS-06": "communication is controlled otherwise",
    "FZ-02": _LENGTHS,
    "FZ-03": "which services and modes there are is the maker's to say",
    "FZ-04": "it has no state machine of SecurityAccess",
    "SA-18": _ANNEX,
    "SA-23": _ANNEX,
    "SA-29": _ANNEX,
    "SA-36": _SUPPRESS,
    "SA-38": "what follows in a request for a seed is the maker's",
    "ST-05": "in which sessions SecurityAccess is there is the maker's to say",
    "ST-07": "its sessions are the maker's",
}
"""By id of a check that judges neither KWP2000 nor GMLAN: the reason, as a phrase about the dialect."""

NOT_JUDGED_OF_GMLAN: Final[dict[str, str]] = {"ST-08": "there is no ECUReset", "DS-05": "there is no ECUReset"}
"""By id of a check that judges KWP2000 but not GMLAN: the reason."""


def why_not_judged(check: str, dialect: Dialect | None) -> str:
    """Return why a check does not judge an ECU with this dialect; empty if the check does."""
    if dialect is None:
        return ""
    reason = NOT_JUDGED.get(check) or (NOT_JUDGED_OF_GMLAN.get(check) if dialect.key == GMLAN.key else None)
    return f"{dialect.name} ({dialect.standard}): {reason}" if reason else ""


def judged(checks: list[str], dialect: Dialect = KWP2000) -> list[str]:
    """Return the checks that judge an ECU with this dialect."""
    return [check for check in checks if not why_not_judged(check, dialect)]
