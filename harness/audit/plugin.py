"""The pytest plugin's entry: options, and whether this pytest run is an audit at all. Light for every other run."""

from __future__ import annotations

from pathlib import Path
from types import FunctionType

import pytest

from harness.audit import REQUEST
from harness.audit.declare import declared_attack
from harness.errors import HarnessError
from harness.shipped import attacks_folder

AUDIT = "uds-harness-audit"
"""The name of the plugin that an audit is."""

FUZZ_CASE = "__uds_fuzz_case__"
"""What marks a function under `@fuzz_case`; known here so that other test runs import nothing for it."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("uds-harness", "auditing an ECU")
    group.addoption("--uds-target", metavar="TARGET", help="target file, shipped target's name, or URI (default: article)")
    group.addoption("--uds-depth", default="default", metavar="DEPTH", help="quick, default or deep: sample sizes")
    group.addoption("--uds-seed", type=int, metavar="N", help="repeat a run's chance (default: a new seed, printed)")
    group.addoption("--uds-out", metavar="DIR", help="the run's folder (default: a new one under reports/)")
    group.addoption("--uds-force", action="store_true", help="replace the run that is in --uds-out")
    group.addoption("--uds-redact", metavar="LIST", default="", help="vin,serial: take these out of the run's files too")
    group.addoption("--uds-keep-secrets", action="store_true", help="leave keys and secrets in the run's files")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if is_audit(config):
        from harness.audit.items import Audit

        try:
            audit = Audit(config)
        except (HarnessError, OSError) as error:
            raise pytest.UsageError(str(error)) from None
        config.pluginmanager.register(audit, AUDIT)


def is_audit(config: pytest.Config) -> bool:
    """Whether this pytest run is to audit an ECU: a target is named, or the attacks are what is run."""
    return not (config.option.help or getattr(config.option, "collectonly", False)) and concerns_an_ecu(config)


def concerns_an_ecu(config: pytest.Config) -> bool:
    """Whether what is run, or only listed, are checks of an ECU."""
    if config.option.uds_target is not None or config.pluginmanager.has_plugin(REQUEST):
        return True
    attacks = attacks_folder()
    return any(_path(config, argument).is_relative_to(attacks) for argument in config.args)


def _path(config: pytest.Config, argument: str) -> Path:
    return (config.invocation_params.dir / argument.partition("::")[0]).resolve()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.suffix != ".toml" or not concerns_an_ecu(parent.config):
        return None
    from harness.audit.fuzzing import file_of

    audit = parent.config.pluginmanager.get_plugin(AUDIT)
    return file_of(parent, file_path, None if audit is None else audit.target)


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Collector, name: str, obj: object) -> pytest.Item | None:
    if not isinstance(obj, FunctionType) or FUZZ_CASE not in obj.__dict__:
        return None
    from harness.audit.fuzzing import item_of

    return item_of(collector, obj)


def pytest_report_teststatus(report: pytest.TestReport, config: pytest.Config) -> tuple[str, str, str] | None:
    from harness.audit.outcomes import REPORT_ATTRIBUTE, status

    if config.pluginmanager.has_plugin(REQUEST):
        return report.outcome, "", ""  # the command line prints results itself
    finding = getattr(report, REPORT_ATTRIBUTE, None)
    return None if finding is None else status(finding)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Checks without an ECU to try them on are a mistake, not failures."""
    if not config.pluginmanager.has_plugin(AUDIT) and not config.option.collectonly:
        for item in items:
            if declared_attack(getattr(item, "function", None)) is not None:
                raise pytest.UsageError(f"{item.nodeid} is a check of an ECU: name the ECU with --uds-target TARGET")
