"""Turn a campaign into results of a run: FZ-01 to FZ-06, each finding, and a picture of the answers that were seen."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from harness.audit.catalogue import shipped_functions
from harness.campaigns.rounds import CampaignSoFar
from harness.check import declared_attack
from harness.fuzz.case import ID_PREFIX
from harness.fuzz.found import FuzzFinding
from harness.fuzz.trials import FRAME_ORDER, MUTATIONS, RANDOM_FRAMES, SOAK, SWEEP, WALK
from harness.runs.findings import CampaignInfo, Finding
from harness.runs.measured import Grid, GridRow, Profile
from harness.uds import Service
from harness.verdict import Severity, Verdict

MOST_STATES, MOST_SERVICES, MOST_ROUNDS, MOST_OUTCOMES = 10, 64, 24, 5

_SENT: Final = {
    RANDOM_FRAMES: "random frames",
    MUTATIONS: "sequences of mutated requests",
    SWEEP: "requests of a sweep over services, sub-functions and lengths",
    WALK: "steps of a walk",
    FRAME_ORDER: "sequences of frames",
    SOAK: "requests of a long load",
}
_SEVERITIES: Final = list(Severity)


def campaign_info(campaign: CampaignSoFar) -> CampaignInfo:
    """Return the size of the campaign for audit.json."""
    return CampaignInfo(
        seed=campaign.seed,
        rounds=campaign.rounds,
        exchanges=campaign.exchanges,
        corpus=len(campaign.corpus),
        coverage=len(campaign.cells),
    )


def finding_of(found: FuzzFinding, replayed: Finding, *, repeat: str) -> Finding:
    """Return the result of one finding, from the replay of its case and from how the campaign found it."""
    notes = (
        f"found by {found.row}, {_SENT[found.row]}, after {found.exchanges} exchanges of its shard",
        f"met {_times(found.times)} in the campaign",
        f"the minimal sequence: {found.shown}",
        f"seen in the campaign: {found.observed}",
    )
    severity = min(replayed.severity, found.severity, key=_SEVERITIES.index)
    said = _failure(found)
    return replace(replayed, failure=said, cause=said, severity=severity, notes=(*notes, *replayed.notes), repeat=repeat)


def _failure(found: FuzzFinding) -> str:
    """Return the heading that a finding shares with the result of the check that found it."""
    observed = found.observed.partition(";")[0].partition(" (")[0]
    observed = observed.partition(" gives ")[2] or observed
    observed = f"answered by {observed}" if "#" in observed else observed
    what, _, subject = found.what.partition(" ")
    if what == "lock":
        observed = f"DID {subject} is unlocked"
    elif found.is_crash:
        observed = "the ECU crashes"
    return f"{observed[:1].upper()}{observed[1:]}, after {found.shown}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def rows(campaign: CampaignSoFar, verdicts: Mapping[str, Verdict], *, repeat: str) -> Iterator[Finding]:
    """Return the results FZ-01 to FZ-06; `verdicts` are the verdicts of the findings, by digest."""
    for row, what in _SENT.items():
        declared = declared_attack(shipped_functions()[row])
        assert declared is not None
        found = [one for one in campaign.found.values() if one.row == row]
        failing = [one for one in found if verdicts.get(one.digest) is Verdict.FAIL]
        finding = Finding(
            id=row,
            title=declared.title,
            parameter=None,
            verdict=Verdict.PASS,
            severity=declared.severity,
            basis=declared.basis,
            repeat=repeat,
            rationale=declared.rationale,
            remediation=declared.remediation,
            source=declared.source,
            cwe=declared.cwe,
            r155=declared.r155,
        )
        rounds = "one round" if campaign.rounds == 1 else f"{campaign.rounds} rounds"
        sent = f"{campaign.sent[row]} {what} in {rounds}"
        if failing:
            ids = ", ".join(f"{ID_PREFIX}{one.case_id}" for one in failing)
            yield replace(
                finding,
                verdict=Verdict.FAIL,
                severity=min((one.severity for one in failing), key=_SEVERITIES.index),
                expected="nothing is found",
                observed=f"{ids}: found by {sent}",
                cause=_failure(min(failing, key=lambda one: _SEVERITIES.index(one.severity))),
                notes=tuple(campaign.deviations)[:4] if row == WALK else (),
            )
        elif row == WALK and campaign.deviations:
            first = next(iter(campaign.deviations))
            severity = Severity.HIGH if campaign.is_open else declared.severity
            yield replace(
                finding,
                verdict=Verdict.FAIL,
                severity=severity,
                expected="every answer, and the lock after each step, is one that the model allows",
                observed=f"{first} ({sent})",
                notes=tuple(campaign.deviations)[1:4],
            )
        elif not campaign.sent[row]:
            why = campaign.left_out or campaign.lost or "nothing of this kind was sent"
            if not campaign.rounds:
                why = campaign.lost or "the campaign ended before its first round was over"
            elif row == WALK:
                why = "no walk was possible: it takes a level with a key, and the permission for wrong keys"
            yield replace(finding, verdict=Verdict.INCONCLUSIVE, reason=why)
        elif found:
            ids = ", ".join(f"{ID_PREFIX}{one.case_id}" for one in found)
            yield replace(finding, verdict=Verdict.INCONCLUSIVE, reason=f"{ids}: not seen again; {sent}")
        elif campaign.lost:
            yield replace(finding, verdict=Verdict.INCONCLUSIVE, reason=f"the campaign ended early: {campaign.lost}")
        else:
            yield replace(finding, observed=f"{sent}; answers, life, lock and protected values were watched")


def coverage_profile(campaign: CampaignSoFar) -> Profile:
    """Return a table of the answers by service and state, with the number of kinds of answers after each round."""
    states = sorted({state for state, _, _ in campaign.cells}, key=lambda one: (one != "default", one))[:MOST_STATES]
    by_service: dict[int, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for (state, service, outcome), count in campaign.cells.items():
        by_service[service][state][outcome] += count
    telling = {
        service: by_state
        for service, by_state in sorted(by_service.items())
        if {outcome for outcomes in by_state.values() for outcome in outcomes} - {"silence", "0x11", "malformed"}
    }
    rows = tuple(
        GridRow(name=_service(service), cells=tuple(_cell(by_state.get(state, Counter())) for state in states))
        for service, by_state in list(telling.items())[:MOST_SERVICES]
    )
    every = max(len(campaign.growth) // MOST_ROUNDS, 1)
    growth = campaign.growth[every - 1 :: every]
    return Profile(
        title="Campaign: what was answered in which state",
        rows=(
            ("Services asked for", f"{len(by_service)}, of which {len(telling)} were answered and not with 0x11"),
            ("Kinds of answers (state, service, outcome)", str(len(campaign.cells))),
            ("Corpus", f"{len(campaign.corpus)} sequences that were answered as none before"),
            *((f"After {exchanges:,} exchanges", f"{seen} kinds of answers") for exchanges, seen in growth),
            *(("Not seen again", one) for one in list(campaign.not_reproduced)[:8]),
        ),
        grid=Grid(columns=tuple(states), rows=rows),
    )


def _service(service: int) -> str:
    try:
        words = Service(service).name.split("_")
    except ValueError:
        return f"{service:02X}"
    return f"{service:02X} {''.join(word if word in ('DTC', 'ECU') else word.capitalize() for word in words)}"


def _cell(outcomes: Counter[str]) -> str:
    """Write a cell, e.g. ``positive 12 times; 0x13 3 times``."""
    return "; ".join(f"{outcome.rstrip('+')} {_times(count)}" for outcome, count in outcomes.most_common(MOST_OUTCOMES))
