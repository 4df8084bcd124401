"""Implement pytest's hooks for a run that is an audit or lists checks. `uds_harness_pytest` registers them."""

from collections.abc import Iterable
from pathlib import Path
from types import FunctionType

import pytest

from harness.audit import REQUEST
from harness.audit.fuzzing import file_of
from harness.audit.items import Audit
from harness.audit.outcomes import REPORT_ATTRIBUTE, status
from harness.audit.requirements import attacks_folder
from harness.errors import HarnessError, KeyFunctionError
from uds_harness_pytest import FUZZ_CASE

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


class ShippedChecks(pytest.Module):
    """A module of the package ``attacks``, which has checks and cases, and no fixtures.

    pytest asks every plugin about every name in a module, and looks at each for fixtures.
    """

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        """Yield the items of the functions that are checks or cases, in their order in the file."""
        for name, value in list(vars(self.obj).items()):
            if isinstance(value, FunctionType) and (self.funcnamefilter(name) or FUZZ_CASE in vars(value)):
                made = self.ihook.pytest_pycollect_makeitem(collector=self, name=name, obj=value)
                yield from made if isinstance(made, list) else filter(None, [made])


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    is_shipped = module_path.is_relative_to(attacks_folder())
    return ShippedChecks.from_parent(parent, path=module_path) if is_shipped else None


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
