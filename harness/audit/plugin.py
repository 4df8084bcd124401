"""How checks become pytest items: options, parameters, order, outcomes. Thin: what a check means is the runner's."""

from __future__ import annotations

import shlex
from collections.abc import Generator
from functools import partial
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any

import pytest

from harness.audit.declare import Attack, declared_attack
from harness.audit.outcomes import REPORT_ATTRIBUTE, exit_code, failed_in_pytest, show, status
from harness.audit.pytest_html import DetailView
from harness.audit.schedule import SUBJECTS, Check, order, subjects, without_subject
from harness.errors import HarnessError, UserError
from harness.run import Depth, Finding

if TYPE_CHECKING:
    from harness.audit.session import AuditOptions, AuditSession
    from harness.target import Target

FINDING = pytest.StashKey[Finding]()
ATTACK = pytest.StashKey[Attack]()
AUDIT = pytest.StashKey["Audit"]()
WAITS = pytest.StashKey[bool]()

NOT_TESTED = "no parameter"
FUZZ_CASE = "__uds_fuzz_case__"
"""What marks a function under `@fuzz_case`; known here so that other test runs import nothing for it."""
REQUEST = "uds-harness-request"
"""The name of the plugin by which the command line hands over what it was asked (see `console`)."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("uds-harness", "auditing an ECU")
    group.addoption("--uds-target", metavar="TARGET", help="target file, shipped target's name, or URI (default: article)")
    group.addoption("--uds-depth", default="default", metavar="DEPTH", help="quick, default or deep: sample sizes")
    group.addoption("--uds-seed", type=int, metavar="N", help="repeat a run's chance (default: a new seed, printed)")
    group.addoption("--uds-out", metavar="DIR", help="the run's folder (default: a new one under reports/)")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if is_audit(config):
        try:
            config.stash[AUDIT] = audit = Audit(config)
        except HarnessError as error:
            raise pytest.UsageError(str(error)) from None
        config.pluginmanager.register(audit, "uds-harness-audit")


def is_audit(config: pytest.Config) -> bool:
    """Whether this pytest run is to audit an ECU: a target is named, or the attacks are what is run."""
    return not (config.option.help or getattr(config.option, "collectonly", False)) and concerns_an_ecu(config)


def concerns_an_ecu(config: pytest.Config) -> bool:
    """Whether what is run, or only listed, are checks of an ECU."""
    if config.option.uds_target is not None or config.pluginmanager.has_plugin(REQUEST):
        return True
    attacks = attacks_folder()
    return any(_path(config, argument).is_relative_to(attacks) for argument in config.args)


def attacks_folder() -> Path:
    """Where the shipped checks are."""
    import attacks

    return Path(next(iter(attacks.__path__))).resolve()


def _path(config: pytest.Config, argument: str) -> Path:
    return (config.invocation_params.dir / argument.partition("::")[0]).resolve()


class Audit:
    """One audit: registered as a plugin for its duration only, so that other test runs know nothing of it."""

    def __init__(self, config: pytest.Config) -> None:
        from harness.audit.session import AuditSession

        _refuse_shuffling(config)
        option = config.option
        self._request = config.pluginmanager.get_plugin(REQUEST)
        options = self._request.options if self._request is not None else _options(config)
        self._session: AuditSession = AuditSession(options)
        folder = self._session.folder.path
        option.htmlpath = str(folder / "pytest.html")
        option.self_contained_html = True
        option.xmlpath = str(folder / "junit.xml")
        config.pluginmanager.register(DetailView(self._session.info), "uds-harness-details")
        self._held: dict[tuple[str, str | None], tuple[pytest.Item, list[pytest.TestReport]]] = {}
        self._settled: list[Finding] = []
        self._functions: dict[str, Any] = {}
        self._interrupted = False
        self._cases: set[Path] = set()
        self._has_wrong_use = False

    @property
    def target(self) -> Target:
        """What is audited."""
        return self._session.options.target

    # Collection

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

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        can_relock = self._session.tester.access.can_relock
        items.sort(key=lambda item: order(item.stash.get(ATTACK, None), can_relock))

    # Running

    @pytest.fixture
    def tester(self) -> Any:
        """The ECU under test, in a known state."""
        return self._session.tester

    @pytest.fixture
    def measure(self) -> Any:
        """Measurements that several checks share."""
        return self._session.measure

    @pytest.fixture
    def depth(self) -> Any:
        """How large samples are to be."""
        return self._session.options.depth

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool | None:
        declared = pyfuncitem.stash.get(ATTACK, None)
        if declared is None:
            return None
        values = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
        parameter = pyfuncitem.callspec.id if hasattr(pyfuncitem, "callspec") else None
        if parameter is not None and NOT_TESTED in parameter:
            check = Check(declared, None, without_subject)
        else:
            check = Check(declared, parameter, partial(pyfuncitem.obj, **values))
        self.run_check(pyfuncitem, check)
        return True

    def run_check(self, item: pytest.Item, check: Check) -> None:
        """Run a check for an item; the item's reports are held back if its verdict has to wait."""
        if hasattr(item, "case"):  # the files of fuzz cases are named in the manifest
            self._cases.add(item.path)
        runner = self._session.runner
        final = runner.run(check, f"{self._session.options.command} -k {check.declared.id}")
        self._settled += [finding for finding in final if (finding.id, finding.parameter) in self._held]
        own = [finding for finding in final if (finding.id, finding.parameter) not in self._held]
        item.stash[FINDING] = own[0] if own else runner.waiting[-1]
        item.stash[WAITS] = not own

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        declared = item.stash.get(ATTACK, None)
        if declared is None:
            return report
        finding = item.stash.get(FINDING, None)
        if report.failed:
            finding = item.stash[FINDING] = failed_in_pytest(declared, report)
        if finding is not None and (report.when == "call" or report.failed):
            show(finding, report)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        from _pytest.runner import runtestprotocol

        declared = item.stash.get(ATTACK, None)
        if declared is None:
            return None
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        self._release(self._settled)
        finding = item.stash.get(FINDING, None)
        if finding is not None and item.stash.get(WAITS, False):
            self._session.keep(finding)  # as long as it waits it is inconclusive, should the run die
            self._held[finding.id, finding.parameter] = (item, reports)
        else:
            self._log(item, reports)
        return True

    def _release(self, settled: list[Finding]) -> None:
        """Report what was held back."""
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
                    setattr(report, REPORT_ATTRIBUTE, finding)
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)

    def pytest_keyboard_interrupt(self) -> None:
        self._interrupted = True

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._has_wrong_use = self._has_wrong_use or report.failed

    # Ending

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        runner = self._session.runner
        self._release(runner.waiting if self._interrupted else runner.settle())
        run = self._session.finish(interrupted=self._interrupted)
        yield  # junit.xml and pytest.html are written here
        self._session.seal(sorted(self._cases))
        if self._has_wrong_use:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
        elif session.exitstatus not in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.INTERNAL_ERROR):
            session.exitstatus = exit_code(run)
        if self._request is not None and session.exitstatus != pytest.ExitCode.USAGE_ERROR:
            self._request.console.summary(run, str(self._session.folder.path))


def _options(config: pytest.Config) -> AuditOptions:
    """What pytest's own command line asks for."""
    from harness.audit.session import AuditOptions
    from harness.link.clock import new_seed
    from harness.target import load_target

    option = config.option
    if option.uds_depth not in [depth.value for depth in Depth]:
        raise UserError(f'--uds-depth is "{option.uds_depth}"; give quick, default or deep')
    target = option.uds_target or "article"
    seed = new_seed() if option.uds_seed is None else option.uds_seed
    return AuditOptions(
        target=load_target(target),
        seed=seed,
        depth=Depth(option.uds_depth),
        out=Path(option.uds_out) if option.uds_out else None,
        command=shlex.join(
            ["pytest", *config.args, "--uds-target", target, "--uds-depth", option.uds_depth, "--uds-seed", str(seed)]
        ),
    )


def _refuse_shuffling(config: pytest.Config) -> None:
    option = config.option
    asked = {
        "xdist (-n)": bool(getattr(option, "numprocesses", None)) or getattr(option, "dist", "no") != "no",
        "reruns": bool(getattr(option, "reruns", None)),
        "a random order": config.pluginmanager.has_plugin("randomly")
        or bool(getattr(option, "random_order_bucket", None) and config.pluginmanager.has_plugin("random_order")),
    }
    for what, is_asked in asked.items():
        if is_asked:
            raise UserError(f"an ECU has state: {what} cannot be used in an audit; leave it out (-p no:randomly, -n 0)")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.suffix != ".toml" or not concerns_an_ecu(parent.config):
        return None
    from harness.audit.fuzzing import file_of

    audit = parent.config.stash.get(AUDIT, None)
    return file_of(parent, file_path, None if audit is None else audit.target)


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Collector, name: str, obj: object) -> pytest.Item | None:
    if not isinstance(obj, FunctionType) or FUZZ_CASE not in obj.__dict__:
        return None
    from harness.audit.fuzzing import item_of

    return item_of(collector, obj)


def pytest_report_teststatus(report: pytest.TestReport, config: pytest.Config) -> tuple[str, str, str] | None:
    if config.pluginmanager.has_plugin(REQUEST):
        return report.outcome, "", ""  # the command line prints results itself
    finding = getattr(report, "uds_finding", None)
    if finding is None:
        return None
    return status(finding)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Checks without an ECU to try them on are a mistake, not failures."""
    if AUDIT not in config.stash and not config.option.collectonly:
        for item in items:
            if declared_attack(getattr(item, "function", None)) is not None:
                raise pytest.UsageError(f"{item.nodeid} is a check of an ECU: name the ECU with --uds-target TARGET")

