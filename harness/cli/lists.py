"""`uds-harness list` and `uds-harness show`: what there is to be chosen from, 80 columns wide."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from harness.check import Attack


def list_checks() -> None:
    """Every shipped check with its default severity."""
    from harness.audit.catalogue import shipped_checks

    for check in shipped_checks():
        name = f"{check.id:6} {check.severity.value}"
        row(name, max(len(name) + 2, 17), check.title)


def list_profiles() -> None:
    """Every ECU that can be simulated."""
    from harness.ecu.profiles import PROFILES

    for name, what in PROFILES.items():
        row(name, 22, what)


def list_defects() -> None:
    """Every defect, with the checks that see it."""
    from harness.ecu.defects import DEFECTS

    for defect in DEFECTS.values():
        print(defect.name)
        row("", 4, f"{defect.what} [{', '.join(defect.kills) or 'survives: ' + defect.survives}]")


def list_variants() -> None:
    """Every sound ECU that differs from `hardened`."""
    from harness.ecu.variants import VARIANTS

    for name, variant in VARIANTS.items():
        row(name, 26, variant.what)


def list_targets() -> None:
    """Every shipped target."""
    from harness.target import load_target, shipped_targets

    for name in shipped_targets():
        row(name, 22, load_target(name).notes)


def list_requirements() -> None:
    """Every requirement that was considered, with its checks or the reason why there is none."""
    from harness.audit.requirements import considered

    for one in considered():
        answer = ", ".join(one.checks) or f"not tested, {one.not_tested}: {one.because}"
        print(one.id)
        row("", 4, f"{one.says} [{answer}]")


LISTS: dict[str, Callable[[], None]] = {
    "checks": list_checks,
    "profiles": list_profiles,
    "defects": list_defects,
    "variants": list_variants,
    "targets": list_targets,
    "requirements": list_requirements,
}


def show(check: Attack) -> None:
    """Everything that is declared of one check."""
    rows = {
        "severity": f"{check.severity.value}, by default",
        "basis": check.basis,
        "why": check.rationale,
        "mend": check.remediation,
        "source": check.source,
        "hints": ", ".join([*(f"CWE-{number}" for number in check.cwe), *(f"R155 {number}" for number in check.r155)]),
        "needs": ", ".join(check.needs) or "no permission",
        "uses": ", ".join(check.uses),
        "proven by": ", ".join(check.proven_by),
    }
    row(check.id, len(check.id) + 2, check.title)
    print()
    for name, text in rows.items():
        if text:
            row(name, 11, text)


def row(name: str, width: int, text: str) -> None:
    """A name, and its text beside it within 80 columns."""
    print(textwrap.fill(text, 80, initial_indent=name.ljust(width), subsequent_indent=" " * width))


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Let both commands be typed."""
    listing = commands.add_parser("list", help="list the checks, profiles, defects, variants, targets, requirements")
    names = ", ".join(LISTS)
    listing.add_argument("what", nargs="?", metavar="WHAT", choices=tuple(LISTS), default="checks", help=f"one of {names}")
    listing.set_defaults(run=_list)

    show = commands.add_parser("show", help="say what a check tests, why, and what to do about a failure")
    show.add_argument("id", metavar="ID", help="e.g. SA-09")
    show.set_defaults(run=_show)


def _list(options: argparse.Namespace) -> int:
    LISTS[options.what]()
    return 0


def _show(options: argparse.Namespace) -> int:
    from harness.audit.catalogue import shipped_checks

    checks = {check.id: check for check in shipped_checks()}
    check = checks.get(options.id) or checks.get(options.id.upper())
    if check is None:
        raise UserError(f"there is no check {options.id}{did_you_mean(options.id, checks)}; see: uds-harness list")
    show(check)
    return 0
