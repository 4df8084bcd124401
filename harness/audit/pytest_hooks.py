"""Implement pytest's hooks for a run that is an audit or lists checks. `uds_harness_pytest` registers them."""

from pathlib import Path

import pytest

from harness.audit import REQUEST
from harness.audit.fuzzing import file_of
from harness.audit.items import Audit
from harness.audit.outcomes import REPORT_ATTRIBUTE, status
from harness.errors import HarnessError, KeyFunctionError

NAME = "uds-harness-checks"
"""The name under which these hooks are registered."""

AUDIT = "uds-harness-audit"
"""The plugin name of a running audit."""


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if config.option.help or config.option.collectonly:
        return
    try:
        audit = Audit(config)
    except KeyFunctionError as error:
        pytest.exit(f"uds-harness: {error}", returncode=pytest.ExitCode.INTERNAL_ERROR)
    except (HarnessError, OSError) as error:
        raise pytest.UsageError(str(error)) from None
    config.pluginmanager.register(audit, AUDIT)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.suffix != ".toml":
        return None
    audit = parent.config.pluginmanager.get_plugin(AUDIT)
    return file_of(parent, file_path, None if audit is None else audit.target)


def pytest_report_teststatus(report: pytest.TestReport, config: pytest.Config) -> tuple[str, str, str] | None:
    if config.pluginmanager.has_plugin(REQUEST):
        return report.outcome, "", ""  # the command line prints results itself
    finding = getattr(report, REPORT_ATTRIBUTE, None)
    return None if finding is None else status(finding)
