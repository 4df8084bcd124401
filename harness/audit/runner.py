"""Run checks: bring the ECU to a known state, judge, see that it is alive, and repeat failures."""

import re
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from harness.audit.contact import MOST_INTERRUPTIONS, NOT_BEGUN, Contact
from harness.audit.dialects import why_not_judged
from harness.audit.schedule import Check, Stage, may_send_wrong_keys, stage_of
from harness.check import Attack
from harness.errors import (
    ContactLost,
    KeyFunctionError,
    LinkError,
    LinkInterrupted,
    NotApplicable,
    NotPermitted,
    NotRun,
    Unjudged,
    UserError,
    Violation,
)
from harness.runs.findings import Crash, Exchange, Finding
from harness.target import DataEntry
from harness.tester.crashes import CrashCause, shown_request
from harness.tester.guesses import OpenedMeanwhile
from harness.tester.reply import Reply
from harness.tester.tester import Tester
from harness.verdict import Severity, Verdict

EXCHANGES_AS_EVIDENCE = 6
KIND_OF_REQUEST = 5
"""How many hex characters of a request decide its kind: service and sub-function; chance may decide later ones."""
LENGTH_OF_KIND = len("27 02")
"""The length, in hex characters, of a request's service and the byte after it."""


_BEYOND = re.compile(r"^((?:[0-9A-F]{2} ){8})(?:[0-9A-F]{2} )*(?:[0-9A-F]{2}$|…)")
"""A pattern for a long request in hex; group 1 is the part that a heading shows."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How one execution of a check ended."""

    verdict: Verdict
    expected: str = ""
    observed: str = ""
    reason: str = ""
    severity: Severity | None = None
    failure: str = ""
    """The failure in words, if it is another failure than the one that the check looks for."""
    cause: str = ""
    is_proven: bool = False
    """Whether an effect has proved the failure, so that it stands even if it does not happen again."""


class Runner:
    """Runs checks against one ECU, one after the other."""

    def __init__(self, tester: Tester) -> None:
        self._tester = tester
        self.contact = Contact(tester)
        self.crashes: list[Crash] = []
        """Requests that made the ECU crash or fall silent, each kind once."""
        self._was_left_alive = False
        self._for_level: int | None = None
        """The only level whose delay must be over when the current check begins; None: the delays of all levels must be."""
        self._lost_before = 0
        """How many frames had been lost before the current check."""
        self._waiting: list[tuple[Finding, list[DataEntry]]] = []

    def run(self, check: Check, repeat: str) -> list[Finding]:
        """Run one check; return the findings that are final now.

        These are the check's own finding and, if the check unlocks, earlier findings that waited for their controls. If the
        check's own finding has to wait, it is the last of `waiting`.
        """
        settled = self.settle() if check.declared.unlocks else []
        finding = self._finding(check, repeat)
        postponed = list(self._tester.access.postponed_controls)
        if finding.verdict is Verdict.PASS and postponed:
            self._waiting.append((finding, postponed))
            return settled
        return [*settled, finding]

    @property
    def waiting(self) -> list[Finding]:
        """Passes that wait for a control, as inconclusive: nothing has shown that the refused write succeeds unlocked."""
        return [
            replace(finding, verdict=Verdict.INCONCLUSIVE, reason="control missing: the run ended before it was taken")
            for finding, _ in self._waiting
        ]

    def settle(self) -> list[Finding]:
        """Take every outstanding control, even if the ECU cannot be locked again; return the findings that waited."""
        tester = self._tester
        waiting, self._waiting = self._waiting, []
        settled = []
        for finding, postponed in waiting:
            try:
                tester.restore()
                for entry in postponed:
                    tester.access.require_control(entry, at_any_price=True)
                settled.append(finding)
            except (Unjudged, LinkError, KeyFunctionError) as reason:
                settled.append(replace(finding, verdict=Verdict.INCONCLUSIVE, reason=str(reason)))
        return settled

    def _finding(self, check: Check, repeat: str) -> Finding:
        """Run a check; if it fails, repeat it once from a known state, and keep the failure only if it fails again."""
        tester = self._tester
        tester.evidence.clear()
        tester.notes.clear()
        tester.access.postponed_controls.clear()
        first_frame, started_s = tester.trace.count, tester.link.now_s
        tester.state.forget_silences()
        tester.crashes.reported.clear()
        faults_before, self._lost_before = len(tester.link.faults()), tester.link.lost_frames
        declared, self._for_level = check.declared, check.level
        ending = self._attempt(declared, check.call)
        evidence = self._evidence(ending)
        if ending.verdict is Verdict.FAIL:
            ending = self._repeated(ending, declared, check.call)
        if ending.verdict not in (Verdict.NOT_RUN, Verdict.ERROR) and not self.contact.lost:
            self._was_left_alive = not self.contact.is_lost()
            if not self._was_left_alive:
                fatal = tester.state.unanswered
                evidence = [*evidence[-EXCHANGES_AS_EVIDENCE + 1 :], fatal.exchange()] if fatal is not None else evidence
                ending = self._lost(ending, check, repeat)
            elif not tester.crashes.reported and (found := self._crash_after(declared)) is not None:
                evidence = [*evidence[-EXCHANGES_AS_EVIDENCE + 1 :], *found.exchanges]
                ending = self._crashed(ending, found, check, repeat)
            elif (silent := tester.crashes.fell_silent()) is not None:
                ending = self._silent_for_a_while(ending, silent, check, repeat)
        again = Counter(one.request for one in tester.crashes.reported)
        for one in tester.crashes.reported:  # the check was run twice, if it has failed
            self._keep(replace(one, is_reproduced=one.is_reproduced or again[one.request] > 1), check, repeat)
        if ending.verdict is Verdict.FAIL and tester.link.lost_frames > self._lost_before:
            ending = Ending(Verdict.ERROR, reason=f"frames were lost on their way from the adapter ({ending.observed})")
        for fault in tester.link.faults()[faults_before:][:1]:
            tester.note(f"the simulated ECU died: {fault.node} {fault.reason}\n{fault.traceback[-2000:]}".strip())
        return Finding(
            id=declared.id,
            title=declared.title,
            failure=ending.failure or declared.failure,
            parameter=check.parameter,
            verdict=ending.verdict,
            severity=ending.severity or declared.severity,
            basis=declared.basis,
            expected=ending.expected,
            observed=ending.observed,
            reason=ending.reason,
            cause=ending.cause,
            notes=tuple(tester.notes),
            exchanges=tuple(evidence),
            first_frame=first_frame,
            last_frame=tester.trace.count,
            repeat=repeat,
            duration_s=round(tester.link.now_s - started_s, 6),
            rationale=declared.rationale,
            remediation=declared.remediation,
            source=declared.source,
            cwe=declared.cwe,
            r155=declared.r155,
            check_version=check.version,
            permitted=tuple(need for need in declared.needs + declared.uses if tester.allows(need)),
        )

    def _attempt(self, declared: Attack, check: Callable[[], object]) -> Ending:
        """Run a check once; run it again if its result was disturbed.

        That is so if the bus was away or too busy to recognise an answer, if a wrong key that is the subject of another
        check opened a level, or if an answer came later than the shortened wait for it.
        """
        ending = Ending(Verdict.PASS)
        for _ in range(MOST_INTERRUPTIONS):
            too_short_before = self._tester.times_too_short
            try:
                ending = self._once(declared, check)
                if self._tester.times_too_short == too_short_before:
                    return ending
                self._tester.note("begun again: an answer came later than the ECU's answers had come so far")
            except LinkInterrupted as interruption:
                self._tester.note(f"begun again: {interruption}")
                self._lost_before = self._tester.link.lost_frames
                ending = Ending(Verdict.ERROR, reason="the bus was away again and again while this check ran")
            except OpenedMeanwhile as reason:
                self._tester.note(f"begun again: {reason}")
                ending = Ending(Verdict.INCONCLUSIVE, reason=f"again and again {reason}")
        return ending

    def _once(self, declared: Attack, check: Callable[[], object]) -> Ending:
        tester = self._tester
        try:
            if tester.link.is_gone:
                self._look_for_adapter()
            self.contact.require()
            missing = [need for need in declared.needs if need not in tester.target.safety.allow]
            if missing:
                raise NotRun(f"the target does not allow {', '.join(missing)}; see [safety] allow in the target file")
            self._restore_before(declared)
            if tester.allows("lockout") and may_send_wrong_keys(declared):
                tester.prove_keys()
                tester.restore(for_level=self._for_level)
            if why_not := why_not_judged(declared.id, tester.dialect):
                raise NotApplicable(why_not)
            tester.gate.raw_needs = frozenset(declared.needs + declared.uses)
            tester.recent.clear()
            check()
        except Violation as violation:
            return Ending(
                Verdict.FAIL,
                violation.expected,
                violation.observed,
                severity=violation.severity,
                is_proven=violation.is_proven,
                cause=violation.cause,
            )
        except NotApplicable as reason:
            return Ending(Verdict.NOT_APPLICABLE, reason=str(reason))
        except (NotRun, NotPermitted) as reason:
            return Ending(Verdict.NOT_RUN, reason=str(reason))
        except OpenedMeanwhile:
            raise
        except Unjudged as reason:
            return Ending(Verdict.INCONCLUSIVE, reason=str(reason))
        except AssertionError as violation:
            return Ending(Verdict.FAIL, "the assertion holds", str(violation) or "it does not")
        except LinkInterrupted:
            raise
        except (KeyFunctionError, LinkError, UserError) as error:
            return Ending(Verdict.ERROR, reason=str(error))
        except Exception as error:
            said = f"{type(error).__name__}: {error}{_place_of(error)}\n{traceback.format_exc()}"
            return Ending(Verdict.ERROR, reason=said)
        finally:
            tester.gate.raw_needs = frozenset()
        return Ending(Verdict.PASS)

    def _restore_before(self, declared: Attack) -> None:
        """Restore the ECU; if it answered after the last check and is silent now, record that it fell silent in between."""
        was_alive = self._was_left_alive
        try:
            self.contact.restore(f"before {declared.id}", self._for_level)
        finally:
            if was_alive and self.contact.was_silent:
                what = f"the ECU fell silent between two checks, before {declared.id}"
                self.crashes.append(Crash(request="what is not known", check=declared.id, reproduced=False, what=what))

    def _look_for_adapter(self) -> None:
        """Raise LinkError if an adapter that failed is still away, LinkInterrupted if it is back."""
        try:
            self._tester.answers_now()
        except LinkInterrupted:
            raise
        except LinkError as error:
            raise LinkError(f"{NOT_BEGUN}{error}") from error

    def _evidence(self, ending: Ending) -> list[Exchange]:
        tester = self._tester
        if not tester.evidence and ending.verdict is not Verdict.NOT_APPLICABLE:
            tester.cite(*list(tester.recent)[-2:])
        distinct = {(one.first_frame, one.last_frame, one.request): one for one in tester.evidence}
        return list(distinct.values())[-EXCHANGES_AS_EVIDENCE:]

    def _repeated(self, first: Ending, declared: Attack, check: Callable[[], object]) -> Ending:
        """Repeat a failed check once from a known state, and judge the failure by both results."""
        if self.contact.is_lost() and not self._back(declared):
            return first
        again = self._attempt(declared, check)
        if again.verdict is Verdict.FAIL:
            return first
        if again.verdict is Verdict.PASS and first.is_proven:
            self._tester.note("seen in 1 of 2 tries: an effect has proved it")
            return first
        if again.verdict is Verdict.PASS:
            return Ending(Verdict.INCONCLUSIVE, reason=f"failed once ({first.observed}) and passed when repeated")
        self._tester.note(f"the failure could not be repeated: {again.reason}")
        return first

    def _back(self, declared: Attack) -> bool:
        try:
            self.contact.restore(f"in {declared.id}")
        except (ContactLost, LinkError):
            return False
        return True

    def _lost(self, first: Ending, check: Check, repeat: str) -> Ending:
        """Judge a check that left the ECU silent: fail if the check or request does so again, else inconclusive."""
        declared = check.declared
        if first.verdict is Verdict.FAIL:  # it has failed twice
            self._tester.note("the ECU no longer answered after this check")
            what = f"the ECU did not answer any more ({first.expected})"
            self._keep(CrashCause(self._fatal(), what, is_reproduced=True), check, repeat)
            return first
        fatal = self._fatal()
        if not self._back(declared) or self.contact.needed_a_person:
            self._keep(CrashCause(fatal, "the ECU did not answer any more", is_reproduced=False), check, repeat)
            if self.contact.lost:
                reason = f"contact lost after {fatal}, and the ECU could not be brought back to repeat it"
            else:
                reason = f"contact lost after {fatal}, not reproduced: the audit cannot bring the ECU back by itself"
            return Ending(Verdict.INCONCLUSIVE, reason=reason)
        found = self._crash_after(declared)
        if found is not None:
            return self._crashed(first, found, check, repeat)
        self._attempt(declared, check.call)
        if not self.contact.is_lost():
            self._keep(CrashCause(fatal, "the ECU did not answer any more", is_reproduced=False), check, repeat)
            return Ending(Verdict.INCONCLUSIVE, reason=f"contact lost after {fatal}, not reproduced")
        self._keep(CrashCause(fatal, "the ECU did not answer any more", is_reproduced=True), check, repeat)
        return Ending(Verdict.FAIL, "the ECU answers afterwards", "it no longer does, twice", severity=Severity.HIGH)

    def _fatal(self) -> str:
        """Return the request after which the ECU fell silent, as far as known."""
        fatal = self._tester.state.unanswered
        if fatal is None:
            return "what is not known"
        return (
            shown_request(fatal.request) if isinstance(fatal, Reply) else f"{fatal.exchange().request}, or what followed it"
        )

    def _crash_after(self, declared: Attack) -> CrashCause | None:
        """Return the first of the check's unanswered requests that makes the ECU restart when it is sent again."""
        tester = self._tester
        tester.gate.raw_needs = frozenset(declared.needs + declared.uses)
        try:
            return tester.crashes.search()
        except LinkError:
            return None
        finally:
            tester.gate.raw_needs = frozenset()

    def _crashed(self, first: Ending, found: CrashCause, check: Check, repeat: str) -> Ending:
        """Fail a check that provoked a crash; a failure for another reason stays as it is.

        A security check whose request had crashed the ECU in an earlier check is inconclusive, because the crash hides the
        behaviour that the check is about.
        """
        declared = check.declared
        earlier = [one.check for one in self.crashes if one.request == found.request and one.check != declared.id]
        is_back = not found.is_dead or self._back(declared)
        if found.is_dead and is_back and not found.is_reproduced and not self.contact.needed_a_person:
            found = self._once_more(found, check)
        self._keep(found, check, repeat)
        if not is_back:
            return Ending(Verdict.INCONCLUSIVE, reason=f"contact lost after {found.request}, and the ECU has not come back")
        if first.verdict is Verdict.FAIL and ("silence" not in first.observed or not found.is_reproduced):
            self._tester.note(f"{found.request}: {found.what}")
            return first
        if not found.is_reproduced:
            return Ending(Verdict.INCONCLUSIVE, reason=f"contact lost after {found.request}, not reproduced: {found.what}")
        if earlier and stage_of(declared) < Stage.TRANSPORT:
            return Ending(Verdict.INCONCLUSIVE, reason=f"{found.request} crashed the ECU meanwhile, as in {earlier[0]}")
        request = _BEYOND.sub(r"\1…", found.request)
        return Ending(
            Verdict.FAIL,
            f"the ECU survives {found.request}",
            f"{found.what}, twice",
            severity=Severity.HIGH,
            failure=f"The ECU crashes after {request}",
            cause=f"{request} crashes the ECU",
        )

    def _once_more(self, found: CrashCause, check: Check) -> CrashCause:
        """Run the check again; return the crash, marked as reproduced if the same kind of request crashes the ECU again."""
        self._tester.state.forget_silences()
        self._attempt(check.declared, check.call)
        again = self._crash_after(check.declared)
        is_same = again is not None and again.request[:KIND_OF_REQUEST] == found.request[:KIND_OF_REQUEST]
        return replace(found, is_reproduced=is_same and self._back(check.declared))

    def _silent_for_a_while(self, first: Ending, silent: Reply, check: Check, repeat: str) -> Ending:
        """Fail a check after which the ECU answered nothing for a while, if the same check has this effect again."""
        tester = self._tester
        shown = shown_request(silent.request)
        tester.state.forget_silences()
        self._attempt(check.declared, check.call)
        again = tester.crashes.fell_silent()
        is_reproduced = again is not None and again.request[:1] == silent.request[:1]
        what = "the ECU fell silent for a while"
        found = CrashCause(shown, what, is_reproduced, (silent.exchange(),))
        return self._crashed(first, found, check, repeat)

    def _keep(self, found: CrashCause, check: Check, repeat: str) -> None:
        """Add a crash to the run's list, which holds each kind of crash once; a reproduced crash replaces another one."""
        crash = Crash(
            request=found.request, check=check.declared.id, reproduced=found.is_reproduced, what=found.what, repeat=repeat
        )
        for index, known in enumerate(self.crashes):
            if _is_alike(known, crash):
                self.crashes[index] = known if known.reproduced or not crash.reproduced else crash
                return
        self.crashes.append(crash)


def _place_of(error: Exception) -> str:
    """Name the line of the check in which the error arose; empty if it arose before the check began."""
    package = str(Path(__file__).parents[1])
    own = next(
        (frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(package)), None
    )
    return f" ({Path(own.filename).name}:{own.lineno})" if own is not None else ""


def _is_alike(one: Crash, other: Crash) -> bool:
    """Whether two crashes are of one kind: the same request, or the same first two bytes and the same effect."""
    if one.request == other.request:
        return True
    is_kind_known = len(one.request) >= LENGTH_OF_KIND and not one.request.startswith("raw")
    is_same_kind = is_kind_known and one.request[:LENGTH_OF_KIND] == other.request[:LENGTH_OF_KIND]
    return is_same_kind and one.what == other.what
