"""Run one audit as a pytest plugin: give items their parameters, order and outcomes. The checks are judged in `runner`."""

import shlex
import sys
from collections.abc import Callable, Generator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from harness.audit import REQUEST
from harness.audit.check_version import check_version
from harness.audit.logged import begins
from harness.audit.opening import try_keys
from harness.audit.options import options_of, refuse_shuffling
from harness.audit.outcomes import REPORT_ATTRIBUTE, ended_by_pytest, exit_code, left_out, show
from harness.audit.schedule import SUBJECTS, Check, as_known_now, may_send_wrong_keys, order, subjects, without_subject
from harness.audit.session import AuditSession
from harness.audit.stopping import Stop
from harness.audit.watched import WatchedTester
from harness.check import Attack, declared_attack
from harness.errors import HarnessError, NotRun, UserError, fail
from harness.report.conclusion import DESELECTED
from harness.report.pytest_html import DetailView
from harness.runs.findings import Finding, Run
from harness.runs.folder import AUDIT_HTML
from harness.target import Target

FINDING = pytest.StashKey[Finding]()
ATTACK = pytest.StashKey[Attack]()
WAITS = pytest.StashKey[bool]()

NOT_TESTED = "no parameter"
NO_TIME = "there was no time for it (--time)"
STOPPED = "the run was to stop at the first failure (-x)"


class Audit:
    """One audit. It is a registered plugin only while it runs, so that it does not affect other test runs."""

    def __init__(self, config: pytest.Config) -> None:
        refuse_shuffling(config)
        self._request = config.pluginmanager.get_plugin(REQUEST)
        options = self._request.options if self._request is not None else options_of(config)
        if self._request is None:  # the command line has done so before it planned the run
            try_keys(options.target)
        self._stop = Stop()
        self._stop.install()
        try:
            self._session = AuditSession(options)
        except BaseException:
            self._stop.remove()
            raise
        if self._request is not None and self._session.info.ledger:
            self._request.console.heading(f"wrong keys are counted in {self._session.info.ledger}")
        if self._request is not None:
            self._session.runner.contact.operator = self._request.console
            self._session.tester.link.say = self._request.console.say
            if isinstance(self._session.tester, WatchedTester):
                self._request.console.watch(self._session.tester)
        config.pluginmanager.register(DetailView(self._session.info), "uds-harness-details")
        self._held: dict[tuple[str, str | None], tuple[pytest.Item, list[pytest.TestReport]]] = {}
        self._settled: list[Finding] = []
        self._functions: dict[str, Any] = {}
        self._stopped_by = ""
        self._is_collected = False
        self._is_identified = False
        self._run: Run | None = None
        self._is_sealed = False
        self._trouble = ""
        self._cases: set[Path] = set()
        self._has_wrong_use = False
        self._has_failed_test = False
        self._deselected: list[pytest.Item] = []
        self._no_time: list[pytest.Item] = []
        self._begun_s: float | None = None

    @property
    def target(self) -> Target:
        """The target that is audited."""
        return self._session.options.target

    def pytest_report_header(self) -> str:
        options, ledger = self._session.options, self._session.info.ledger
        text = f"uds-harness: {self.target.name} ({self.target.environment}), depth {options.depth}, seed {options.seed}"
        return f"{text}, wrong keys counted in {ledger}" if ledger else text

    # Collection

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        self._stop.allow()

    @pytest.hookimpl(tryfirst=True)
    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if declared_attack(metafunc.function) is None:
            return
        for name in SUBJECTS:
            if name in metafunc.fixturenames:
                found = subjects(name, self._session.tester)
                metafunc.parametrize(name, list(found.values()) or [None], ids=list(found) or [NOT_TESTED])

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        function = getattr(item, "function", None)
        declared = declared_attack(function)
        if declared is not None:
            if self._functions.setdefault(declared.id, function) is not function:
                raise pytest.UsageError(f"two checks have the id {declared.id}; one id, one function")
            item.stash[ATTACK] = declared
            item.extra_keyword_matches.update((declared.id, *declared.needs))

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Leave out items that were not selected."""
        options = self._session.options
        if options.chosen:
            try:
                options.chosen.refuse_strange(item.stash[ATTACK] for item in items if ATTACK in item.stash)
            except UserError as error:
                raise pytest.UsageError(str(error)) from None
            others = [item for item in items if ATTACK not in item.stash or not options.chosen.takes(item.stash[ATTACK])]
            if others:
                config.hook.pytest_deselected(items=others)
                left_out = set(others)
                items[:] = [item for item in items if item not in left_out]
        if options.resumes is not None:
            done = {(one.id, one.parameter) for one in options.resumes.kept}
            items[:] = [
                item for item in items if ATTACK not in item.stash or (item.stash[ATTACK].id, parameter_of(item)) not in done
            ]
        no_time = [item for item in items if ATTACK in item.stash and item.stash[ATTACK].id in options.no_time_for]
        self._no_time += no_time
        if no_time:
            items[:] = [item for item in items if item not in no_time]

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        self._deselected += [item for item in items if ATTACK in item.stash]

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        can_relock = self._session.tester.access.can_relock
        session.items.sort(key=lambda item: order(item.stash.get(ATTACK, None), can_relock))
        checks = [item for item in session.items if ATTACK in item.stash]
        levels = {_level(item) for item in checks if may_send_wrong_keys(item.stash[ATTACK])} - {None}
        self._session.measure.prepare((item.stash[ATTACK] for item in checks), filter(None, levels))
        self._is_collected = True
        self._stop.hold()

    # Running

    @pytest.fixture
    def tester(self) -> Any:
        """Provide the tester of the ECU under test, in a known state."""
        return self._session.tester

    @pytest.fixture
    def measure(self) -> Any:
        """Provide measurements that several checks share."""
        return self._session.measure

    @pytest.fixture
    def depth(self) -> Any:
        """Provide the depth: how large samples are."""
        return self._session.options.depth

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool | None:
        declared = pyfuncitem.stash.get(ATTACK, None)
        if declared is None:
            return None
        given = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
        values = {name: as_known_now(value, self._session.tester) for name, value in given.items()}
        parameter, version = parameter_of(pyfuncitem), check_version(pyfuncitem.function)
        if hasattr(pyfuncitem, "callspec") and parameter is None:
            name = next(name for name in SUBJECTS if name in pyfuncitem.callspec.params)
            check = Check(declared, None, partial(without_subject, name, self._session.tester), version)
        else:
            call = partial(_in_our_words, partial(pyfuncitem.obj, **values))
            check = Check(declared, parameter, call, version, _level(pyfuncitem) if declared.own_level else None)
        self.run_check(pyfuncitem, check)
        return True

    def run_check(self, item: pytest.Item, check: Check) -> None:
        """Run the check of an item; if its verdict has to wait, mark the item, so that its reports are held back."""
        if hasattr(item, "case"):  # the files of fuzz cases are named in the manifest
            self._cases.add(item.path)
        if not self._is_identified:
            self._is_identified = True
            self._session.identify()
        runner = self._session.runner
        begins(self._session.tester, self._session.measure, check.declared.id, check.parameter)
        if self._session.options.rehearsal is not None:
            self._session.options.rehearsal.begins(check.declared, check.parameter)
        final = runner.run(check, self._repeat(check.declared))
        self._settled += [finding for finding in final if (finding.id, finding.parameter) in self._held]
        own = [finding for finding in final if (finding.id, finding.parameter) not in self._held]
        item.stash[FINDING] = own[0] if own else runner.waiting[-1]
        item.stash[WAITS] = not own

    def _left_out(self, item: pytest.Item, reason: str) -> Finding:
        declared = item.stash[ATTACK]
        return left_out(declared, parameter_of(item), self._repeat(declared), reason)

    def _repeat(self, declared: Attack) -> str:
        return f"{self._session.options.command} -k {shlex.quote(declared.id)}"

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        declared = item.stash.get(ATTACK, None)
        if declared is None:
            return report
        finding = item.stash.get(FINDING, None)
        if report.failed or (report.skipped and finding is None):
            finding = item.stash[FINDING] = ended_by_pytest(declared, parameter_of(item), self._repeat(declared), report)
        if finding is not None and (report.when == "call" or not report.passed):
            show(finding, report)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        declared = item.stash.get(ATTACK, None)
        if declared is None:
            return None
        if self._is_out_of_time():
            item.stash[FINDING] = self._left_out(item, NO_TIME)
            self._no_time.append(item)
            return True
        try:
            self._run_check(item, nextitem)
        except KeyboardInterrupt as interrupt:
            # The signal may have come at an instruction that belongs to no line, which pytest cannot show.
            raise interrupt.with_traceback(None) from None
        self._stop_beside_another(item.session)
        return True

    def _is_out_of_time(self) -> bool:
        """Whether the run has used up its time, which counts from the first check."""
        now_s = self._session.tester.link.now_s
        self._begun_s = now_s if self._begun_s is None else self._begun_s
        longest_s = self._session.options.longest_s
        return longest_s is not None and now_s - self._begun_s >= longest_s

    def _stop_beside_another(self, session: pytest.Session) -> None:
        """End the run if another tester uses the same ECU, since that tester may cause locks and answers of the ECU."""
        other = self._session.tester.intruder()
        if other and not self._session.options.target.can.shared:
            self._stopped_by = (
                f"somebody else asks this ECU: {other}; end that program, or write shared = true into [can] "
                "and the run goes on beside it"
            )
            session.shouldstop = self._stopped_by

    def _run_check(self, item: pytest.Item, nextitem: pytest.Item | None) -> None:
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        reports: list[pytest.TestReport] = []
        try:
            with self._stop.interruptible():
                reports = runtestprotocol(item, nextitem=nextitem, log=False)
        finally:  # a check that was stopped during its teardown has ended all the same
            self._release(self._settled)
            finding = item.stash.get(FINDING, None)
            if finding is not None and item.stash.get(WAITS, False):
                self._session.keep(finding)  # if the run dies while it waits, it stays inconclusive
                self._held[finding.id, finding.parameter] = (item, reports)
            elif finding is not None or reports:
                self._log(item, reports)

    def _release(self, settled: list[Finding]) -> None:
        """Report the findings whose reports were held back."""
        while settled:
            finding = settled.pop(0)
            item, reports = self._held.pop((finding.id, finding.parameter))
            item.stash[FINDING] = finding
            for report in reports:
                if report.when == "call":
                    show(finding, report)
            self._log(item, reports)

    def _log(self, item: pytest.Item, reports: list[pytest.TestReport]) -> None:
        finding = item.stash.get(FINDING, None)
        if finding is not None:
            finding = self._session.keep(finding)
            for report in reports:
                if getattr(report, REPORT_ATTRIBUTE, None) is not None:
                    show(finding, report)  # as it was kept: perhaps accepted, and without secrets
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        self._stopped_by = self._stopped_by or self._stop.reason or _words(excinfo.value)

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> bool:
        """Say what stopped the run; show no traceback unless the error is a bug of the harness."""
        self._stopped_by = self._stopped_by or _words(excinfo.value)
        if not is_foreseen(excinfo.value):
            return False
        print(f"uds-harness: {_words(excinfo.value)}", file=sys.stderr)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._has_failed_test = self._has_failed_test or (report.failed and not hasattr(report, REPORT_ATTRIBUTE))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._has_wrong_use = self._has_wrong_use or report.failed

    # Ending

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        self._end(session)
        yield
        if self._run is not None and not self._trouble:
            try:
                self._session.seal(sorted(self._cases))
                self._is_sealed = True
            except Exception as error:
                self._trouble = _words(error)
        if self._has_wrong_use:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
        elif self._run is None or self._trouble:
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
        elif session.exitstatus not in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.INTERNAL_ERROR):
            session.exitstatus = exit_code(self._run, has_failed_test=self._has_failed_test)
        if self._run is not None and self._request is not None and session.exitstatus != pytest.ExitCode.USAGE_ERROR:
            is_mute = self._session.runner.contact.is_mute
            self._request.console.summary(
                self._run, str(self._session.folder.path), int(session.exitstatus), is_mute=is_mute
            )

    def _end(self, session: pytest.Session) -> None:
        """Keep the findings held back, leave the ECU and write the reports; after an error, do what is possible."""
        runner = self._session.runner
        settled = runner.waiting
        try:
            if not self._stopped_by:
                with self._stop.interruptible():
                    settled = runner.settle()
        except (KeyboardInterrupt, Exception) as error:
            self._stopped_by = self._stop.reason or _words(error)
        try:
            self._release(settled)
            stopped = [one for one in session.items if ATTACK in one.stash and FINDING not in one.stash]
            left = (
                (self._deselected, DESELECTED),
                (self._no_time, NO_TIME),
                (stopped if session.shouldfail else [], STOPPED),
            )
            if not_begun := [self._left_out(item, reason) for items, reason in left for item in items]:
                self._session.keep_all(not_begun)
        except Exception as error:
            self._stopped_by = self._stopped_by or _words(error)
        try:
            self._run = self._session.finish(self._stopped_by or self._why_partial(session))
        except Exception as error:
            self._trouble = _words(error)

    def _why_partial(self, session: pytest.Session) -> str:
        """Say why a run is partial although nothing has reported a stop; empty if every collected check has ended."""
        if not self._is_collected:
            return "the checks could not be collected"
        unfinished = [item for item in session.items if ATTACK in item.stash and FINDING not in item.stash]
        if not unfinished or session.shouldfail:
            return ""
        return str(session.shouldstop or "pytest ended the run early")

    def pytest_unconfigure(self) -> None:
        """Close and release everything; if the run's folder could not be finished, say what to do about it."""
        self._session.close()
        self._session.release()
        self._stop.remove()
        if not self._is_sealed:
            folder = self._session.folder.path
            why = self._trouble or self._stopped_by or self._stop.reason or "it was not begun"
            print(
                f"uds-harness: the run could not be finished: {why}\n"
                f"what was measured is kept; for its reports: uds-harness report {shlex.quote(str(folder))}",
                file=sys.stderr,
            )

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> Generator[None]:
        yield
        terminalreporter.write_line(f"report: {self._session.folder.path / AUDIT_HTML}")


def parameter_of(item: pytest.Item) -> str | None:
    """Return the name of the subject on which an item runs its check; None for the ECU as a whole."""
    callspec = getattr(item, "callspec", None)
    return None if callspec is None or callspec.id == NOT_TESTED else str(callspec.id)


def _level(item: pytest.Item) -> int | None:
    """Return the level that the item is about; None if it is about anything else."""
    callspec = getattr(item, "callspec", None)
    level = None if callspec is None else callspec.params.get("level")
    return level if isinstance(level, int) else None


def is_foreseen(error: BaseException) -> bool:
    """Whether an error is no bug of the harness, so that its text tells the user enough."""
    return isinstance(error, (HarnessError, OSError))


def _words(error: BaseException) -> str:
    """Say in a line which error stopped a run."""
    if isinstance(error, pytest.exit.Exception):
        return f"pytest.exit: {error.msg}"
    if type(error) is KeyboardInterrupt:
        return "Ctrl-C"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    is_plain = is_foreseen(error) or isinstance(error, KeyboardInterrupt)
    text = str(error) if is_plain else f"an error of the harness: {type(error).__name__}: {error}"
    return " ".join(text.split())


def _in_our_words(check: Callable[[], object]) -> object:
    """Call a check; translate pytest's exceptions for a skipped and a failed test into those of the harness."""
    try:
        return check()
    except pytest.skip.Exception as skipped:
        raise NotRun(f"skipped by the check: {skipped}") from None
    except pytest.fail.Exception as failed:
        fail(expected="the check does not fail", observed=str(failed))
