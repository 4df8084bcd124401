"""Say whether a run reached a verdict on SecurityAccess, from its findings and from what the ECU was seen to have."""

from collections import Counter
from collections.abc import Iterable

from harness.runs.findings import Finding, SecurityAccessSummary
from harness.tester.tester import Tester
from harness.verdict import Verdict

FAMILIES = ("SA-", "LM-")
"""The prefixes of ids of results on SecurityAccess, those of checks and that of the learned state machine."""
_JUDGED = (Verdict.PASS, Verdict.FAIL)
_REASONS_SHOWN = 2


def security_access_summary(tester: Tester, findings: Iterable[Finding], *, may_ask: bool) -> SecurityAccessSummary:
    """Return what a report must say of SecurityAccess before anything else.

    `may_ask`: whether the ECU answers, and may be asked for service 27 if no check has asked for it.
    """
    own = [finding for finding in findings if finding.id.startswith(FAMILIES)]
    # A check that is about no level, such as the search for undeclared ones, does not judge how good a level is.
    judged = [one for one in own if one.verdict in _JUDGED and (one.parameter or one.verdict is Verdict.FAIL)]
    authentication = tuple(f"{service:02X}" for service in tester.state.presence.wants_authentication())
    if judged:
        return SecurityAccessSummary(seen=True, judged=True, why="", authentication=authentication)
    known = tester.state.presence.security_access()
    declared = [entry.level for entry in tester.target.security]
    if not known.is_there and not declared and may_ask:
        known = tester.looking.security_access()
    is_seen = known.is_there or (bool(declared) and not known.is_absent)
    why = [known.why] if known.is_there or not declared else [f"{_levels(declared)} declared; {known.why}"]
    if is_seen:
        why += _why_not_judged(own, known.why.partition(" (")[0])
    return SecurityAccessSummary(seen=is_seen, judged=False, why="; ".join(why), authentication=authentication)


def _levels(declared: list[int]) -> str:
    return f"level {', '.join(f'0x{level:02X}' for level in declared)} {'is' if len(declared) == 1 else 'are'}"


def _why_not_judged(own: list[Finding], said: str) -> list[str]:
    """Return the commonest reasons why SecurityAccess checks were not judged, without a reason that is in `said` already."""
    if not own:
        return ["none of its checks was part of this run"]
    reasons = Counter(one.reason for one in own if _is_new(one, said))
    return [
        f"{count} of its {len(own)} checks: {reason.rstrip('.')}" for reason, count in reasons.most_common(_REASONS_SHOWN)
    ]


def _is_new(finding: Finding, said: str) -> bool:
    return finding.verdict is not Verdict.NOT_APPLICABLE and bool(finding.reason) and said not in finding.reason
