"""Offer audits to pytest: define options, and detect whether a run is an audit. Other runs import nothing more.

This module is outside of the package `harness` because pytest loads it in every run wherever uds-harness is installed, also
in a project that has a folder `harness` of its own.
"""

from __future__ import annotations

from pathlib import Path
from types import FunctionType, ModuleType

import pytest

HOME = Path(__file__).resolve().parent
REQUEST = "uds-harness-request"
"""The name of the plugin that `uds-harness audit` gives to pytest, to say that the run is an audit."""

ATTACK, FUZZ_CASE = "__uds_attack__", "__uds_fuzz_case__"
"""The attributes by which a function under `@attack`, and one under `@fuzz_case`, is recognised."""


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
    if _concerns_an_ecu(config):
        _harness()
        from harness.audit import pytest_hooks

        config.pluginmanager.register(pytest_hooks, pytest_hooks.NAME)


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Collector, name: str, obj: object) -> pytest.Item | None:
    if not isinstance(obj, FunctionType) or FUZZ_CASE not in obj.__dict__:
        return None
    from harness.audit.fuzzing import item_of

    return item_of(collector, obj)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Report checks that were chosen without an ECU as a usage error, not as failures."""
    if _concerns_an_ecu(config) or config.option.collectonly:
        return
    for item in items:
        if ATTACK in getattr(getattr(item, "function", None), "__dict__", {}):
            raise pytest.UsageError(f"{item.nodeid} is a check of an ECU: name the ECU with --uds-target TARGET")


def _concerns_an_ecu(config: pytest.Config) -> bool:
    """Say whether the run is about an ECU: a target is named, or the shipped checks are run or listed."""
    if config.option.uds_target is not None or config.pluginmanager.has_plugin(REQUEST):
        return True
    folder = config.invocation_params.dir
    return any((folder / argument.partition("::")[0]).resolve().is_relative_to(HOME / "attacks") for argument in config.args)


def _harness() -> ModuleType:
    """Import the package `harness`. Raises UsageError if another package of that name is found."""
    import harness

    if Path(harness.__file__ or "").resolve().parent.parent != HOME:
        raise pytest.UsageError(
            f"an audit needs the package harness of uds-harness, and that name leads to {harness.__file__}; "
            "run it from a folder without one of its own"
        )
    return harness
