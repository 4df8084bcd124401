"""Turn a learned machine into the results LM-01 to LM-09 of a run."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from harness.learning.learning import Confirmed, Learned
from harness.learning.letters import LetterKind
from harness.learning.subject import POSITIVE, RESTARTED, SEED, WAITED, WRITTEN
from harness.runs.findings import Finding
from harness.verdict import Basis, Severity, Verdict

LOCKING: Final = (LetterKind.SESSION, LetterKind.RESET, LetterKind.POWER, LetterKind.WAIT)
SHOWN: Final = 12
"""How many of a sequence's last letters a line shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """Rules that one result judges together."""

    id: str
    title: str
    checks: tuple[str, ...]
    needs: tuple[LetterKind, ...]
    """Letters without which these rules cannot be judged."""
    rationale: str
    remediation: str
    basis: Basis = "standard"
    severity: Severity = Severity.HIGH


GROUPS: Final = (
    _Group(
        id="LM-03",
        title="Nothing but the right key for a fresh seed opens a level",
        checks=("SA-21", "SA-22", "SA-23", "SA-24", "SA-25", "SA-26", "SA-27", "SA-30", "SA-31", "SA-36"),
        needs=(LetterKind.SEED, LetterKind.RIGHT_KEY),
        rationale="A key that opens more than once, or without its seed, can be recorded once and used by anybody later.",
        remediation="Discard the seed with the first key, right or wrong, and with each change of session and restart.",
        severity=Severity.CRITICAL,
    ),
    _Group(
        id="LM-04",
        title="Every change of session, time-out and restart locks",
        checks=("ST-01", "ST-02", "ST-03", "ST-04", "ST-08"),
        needs=(LetterKind.RIGHT_KEY, LetterKind.EFFECT, LetterKind.SESSION),
        rationale="An ECU that a workshop has unlocked stays open to whoever comes after it.",
        remediation="Lock every level with DiagnosticSessionControl, at the end of a session, and at each start.",
    ),
    _Group(
        id="LM-05",
        title="Nothing but the right key or the delay puts the count of wrong keys back",
        checks=("SA-09", "SA-10", "SA-11", "SA-12", "SA-13", "SA-14", "SA-15", "SA-20"),
        needs=(LetterKind.SEED, LetterKind.WRONG_KEY),
        rationale="Whoever can put the count back may try keys without an end.",
        remediation="Keep the count of wrong keys in non-volatile memory, and clear it on the right key or after the delay.",
    ),
    _Group(
        id="LM-06",
        title="The delay holds on every path, and ends",
        checks=("SA-16", "SA-17", "SA-18", "SA-19", "SA-41"),
        needs=(LetterKind.SEED, LetterKind.WRONG_KEY),
        rationale="A delay that can be got round does not slow anybody down; one that never ends locks the owner out.",
        remediation="Refuse seeds until the delay is over, whatever is sent meanwhile; start with it after a wrong key.",
    ),
    _Group(
        id="LM-07",
        title="What a level guards is done only while that level is open",
        checks=("AC-01", "AC-02", "SA-28", "SA-29", "SA-39"),
        needs=(LetterKind.EFFECT,),
        rationale="The lock guards nothing on this path.",
        remediation="Ask for the level where the effect is made, not where the request comes in.",
        severity=Severity.CRITICAL,
    ),
    _Group(
        id="LM-08",
        title="Seeds are given when, and as, the standard says",
        checks=("SA-07", "SA-08", "ST-05"),
        needs=(LetterKind.SEED,),
        rationale="Testers take a seed of zeros for an open level, and any other for a locked one.",
        remediation="Give zeros while a level is open and never else, and no seed in the default session.",
        severity=Severity.LOW,
    ),
    _Group(
        id="LM-09",
        title="Every sequence is answered, and with the code that the standard has for it",
        checks=("DS-04", "CF-07"),
        needs=(LetterKind.SEED,),
        rationale="Testers and intrusion detection go by the codes; an ECU that falls silent can be put out of service.",
        remediation="Answer every request of the sequence that is shown, with the code of the standard.",
        severity=Severity.MEDIUM,
    ),
)

_SEVERITIES: Final[Mapping[str, Severity]] = {
    "SA-21": Severity.CRITICAL, "SA-22": Severity.MEDIUM, "SA-23": Severity.LOW, "SA-24": Severity.MEDIUM,
    "SA-25": Severity.CRITICAL, "SA-26": Severity.MEDIUM, "SA-27": Severity.HIGH, "SA-30": Severity.LOW,
    "SA-31": Severity.CRITICAL, "SA-36": Severity.MEDIUM, "ST-04": Severity.MEDIUM, "ST-08": Severity.MEDIUM,
    "SA-15": Severity.MEDIUM, "SA-18": Severity.MEDIUM, "SA-41": Severity.MEDIUM, "SA-29": Severity.MEDIUM,
    "SA-07": Severity.HIGH, "DS-04": Severity.HIGH, "CF-07": Severity.LOW,
}  # fmt: skip


def results(learned: Learned, *, repeat: str) -> Iterator[Finding]:
    """Return LM-01 and LM-02 on learning itself, and for each of LM-03 to LM-09 a failure per broken rule, or one result."""
    machine = learned.machine
    level = f"level 0x{learned.alphabet.level:02X}"
    yield Finding(
        id="LM-01",
        title="The ECU's state machine can be learned",
        parameter=level,
        verdict=Verdict.ERROR if learned.is_error else Verdict.INCONCLUSIVE if machine.ended else Verdict.PASS,
        severity=Severity.INFO,
        basis="policy",
        observed=""
        if machine.ended
        else f"{len(machine.states)} states, {machine.requests} requests, {machine.resets} resets",
        reason=machine.ended,
        notes=tuple(f"not sent: {one}" for one in machine.left_out),
        repeat=repeat,
    )
    conflicts = tuple(
        f"{', '.join(one.sequence)}: " + ", ".join(f"{count} x {answer}" for answer, count in one.answers.items())
        for one in machine.nondeterminism
    )
    yield Finding(
        id="LM-02",
        title="The same sequence is always answered alike",
        parameter=level,
        verdict=Verdict.INCONCLUSIVE if conflicts or machine.ended else Verdict.PASS,
        severity=Severity.INFO,
        basis="policy",
        reason="some sequences were answered in more than one way" if conflicts else machine.ended,
        notes=conflicts,
        repeat=repeat,
    )
    for group in GROUPS:
        yield from _of_group(group, learned, level, repeat)


def not_learned(reason: str, *, repeat: str) -> Iterator[Finding]:
    """Return the single result if nothing could be learned."""
    yield Finding(
        id="LM-01",
        title="The ECU's state machine can be learned",
        parameter=None,
        verdict=Verdict.INCONCLUSIVE,
        severity=Severity.INFO,
        basis="policy",
        reason=reason,
        repeat=repeat,
    )


def _of_group(group: _Group, learned: Learned, level: str, repeat: str) -> Iterator[Finding]:
    plain = Finding(
        id=group.id,
        title=group.title,
        parameter=level,
        verdict=Verdict.PASS,
        severity=group.severity,
        basis=group.basis,
        repeat=repeat,
        rationale=group.rationale,
        remediation=group.remediation,
    )
    own = [one for one in learned.confirmed if one.rule.id in _checks(group, one)]
    for one in own:
        yield _failure(plain, one)
    if not own:
        verdict, reason = _without_failure(group, learned)
        yield replace(plain, verdict=verdict, reason=reason)


def _checks(group: _Group, one: Confirmed) -> tuple[str, ...]:
    """Return the group's rules. SA-36 belongs to LM-05 if uncounted keys with the suppress bit show it, else to LM-03."""
    is_count = one.rule.id == "SA-36" and sum("suppressed" in letter for letter in one.rule.sequence) > 1
    if one.rule.id == "SA-36":
        return ("SA-36",) if (group.id == "LM-05") == is_count and group.id in ("LM-03", "LM-05") else ()
    return group.checks


def _failure(plain: Finding, one: Confirmed) -> Finding:
    steps = [f"{letter}: {answer}" for letter, answer in zip(one.rule.sequence, one.rule.answers, strict=True)]
    shown = f"... {', '.join(steps[-SHOWN:])}" if len(steps) > SHOWN else ", ".join(steps)
    return replace(
        plain,
        parameter=one.rule.id,
        verdict=Verdict.FAIL,
        severity=_SEVERITIES.get(one.rule.id, plain.severity),
        expected=one.rule.rule,
        observed=f"{shown} ({len(steps)} steps from the initial state)",
        notes=(f"{one.rule.id} owns this rule", f"the whole sequence: {', '.join(one.rule.sequence)}"),
        exchanges=one.exchanges,
        first_frame=one.first_frame,
        last_frame=one.last_frame,
    )


def _without_failure(group: _Group, learned: Learned) -> tuple[Verdict, str]:
    machine = learned.machine
    doubtful = [one.id for one in learned.unconfirmed if one.id in group.checks]
    if doubtful:
        return Verdict.INCONCLUSIVE, f"the machine breaks {', '.join(doubtful)}; the ECU did not when it was asked once more"
    missing = [kind.value for kind in group.needs if learned.alphabet.first(kind) is None]
    if missing:
        return Verdict.INCONCLUSIVE, f"without a {' and a '.join(missing)} nothing is known of this"
    if machine.ended:
        return Verdict.INCONCLUSIVE, f"nothing was found until learning ended: {machine.ended}"
    if control := _missing_control(group, learned):
        return Verdict.INCONCLUSIVE, f"control missing: {control}"
    if group.id == "LM-04" and not _could_lock(learned):
        return (
            Verdict.INCONCLUSIVE,
            "nothing that ought to lock an open level was served: no session, no restart, no time-out",
        )
    if group.id == "LM-06" and not any(one.answer in ("0x36", "0x37") for one in machine.transitions):
        return Verdict.NOT_APPLICABLE, "no delay was seen, however many wrong keys were sent"
    return Verdict.PASS, ""


def _missing_control(group: _Group, learned: Learned) -> str:
    """Return which control, needed to judge the rules of a group, was not seen; empty if none is missing."""
    letters = {one.name: one.kind for one in learned.alphabet.letters}
    seen = {(letters[one.letter], one.answer) for one in learned.machine.transitions}
    is_done = {(LetterKind.EFFECT, WRITTEN), (LetterKind.EFFECT, POSITIVE)} & seen
    if group.id in ("LM-04", "LM-07") and not is_done:
        return "what the level guards was never seen to be done"
    if group.id == "LM-03" and (LetterKind.RIGHT_KEY, POSITIVE) not in seen:
        return "the right key was never accepted"
    if group.id in ("LM-05", "LM-06") and not {(LetterKind.WRONG_KEY, "0x35"), (LetterKind.WRONG_KEY, "0x36")} & seen:
        return "no wrong key was seen to be compared"
    if group.id == "LM-08" and (LetterKind.SEED, SEED) not in seen:
        return "no seed was given"
    return ""


def _could_lock(learned: Learned) -> bool:
    """Whether the ECU served any letter that should lock, while a level was open."""
    letters = {one.name: one.kind for one in learned.alphabet.letters}
    opened = {
        one.source
        for one in learned.machine.transitions
        if letters[one.letter] is LetterKind.EFFECT and one.answer in (WRITTEN, POSITIVE)
    }
    return any(
        one.source in opened and letters[one.letter] in LOCKING and one.answer in (POSITIVE, RESTARTED, WAITED)
        for one in learned.machine.transitions
    )
