"""`uds-harness list` and `uds-harness show`: list what can be chosen, 80 columns wide."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from harness.check import Attack


def list_profiles() -> None:
    """List every ECU that can be simulated."""
    from harness.ecu.profiles import PROFILES

    for name, what in PROFILES.items():
        row(name, 22, what)


def list_defects() -> None:
    """List every flaw, with the checks that find it."""
    from harness.ecu.flaws import FLAWS

    for flaw in FLAWS.values():
        print(flaw.name)
        row("", 4, f"{flaw.what} [{', '.join(flaw.kills) or 'survives: ' + flaw.survives}]")


def list_variants() -> None:
    """List every sound ECU that differs from `hardened`."""
    from harness.ecu.variants import VARIANTS

    for name, variant in VARIANTS.items():
        row(name, 26, variant.what)


def list_targets() -> None:
    """List every shipped target."""
    from harness.target import load_target, shipped_targets

    for name in shipped_targets():
        row(name, 22, load_target(name).notes)


def list_requirements() -> None:
    """List every requirement that was considered, with its checks or the reason why there is none."""
    from harness.audit.requirements import considered

    for one in considered():
        answer = ", ".join(one.checks) or f"not tested, {one.not_tested}: {one.because}"
        print(one.id)
        row("", 4, f"{one.says} [{answer}]")


def checks_with(paths: Sequence[Path]) -> list[Attack]:
    """Return the shipped checks and the user's, in files and folders. Raises UserError for a path that cannot be read."""
    from harness.audit.catalogue import checks_in, shipped_checks

    for path in paths:
        if not path.exists():
            raise UserError(f"--checks {path}: there is no such file or folder")
    return [*shipped_checks(), *(checks_in(paths) if paths else [])]


LISTS: dict[str, Callable[[], None]] = {
    "profiles": list_profiles,
    "defects": list_defects,
    "variants": list_variants,
    "targets": list_targets,
    "requirements": list_requirements,
}


ALL = ("checks", *LISTS)


def show(check: Attack) -> None:
    """Show everything that one check declares."""
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
    """Print a name with its text beside it, below it if the name is too long, within 80 columns."""
    if len(name) >= width:
        print(name)
        name = ""
    print(textwrap.fill(text, 80, initial_indent=name.ljust(width), subsequent_indent=" " * width))


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add both commands to the parser."""
    listing = commands.add_parser("list", help="list the checks, profiles, defects, variants, targets, requirements")
    names = ", ".join(ALL)
    listing.add_argument("what", nargs="?", metavar="WHAT", choices=ALL, default="checks", help=f"one of {names}")
    _add_checks(listing)
    listing.add_argument("--json", action="store_true", help="print all that is known of each as JSON")
    listing.set_defaults(run=_list)

    show = commands.add_parser("show", help="say what a check tests, why, and what to do about a failure")
    show.add_argument("id", metavar="ID", help="e.g. SA-09")
    _add_checks(show)
    show.set_defaults(run=_show)


def _add_checks(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checks", type=Path, action="append", default=[], metavar="PATH", help="these checks, too")


def _list(options: argparse.Namespace) -> int:
    if options.checks and options.what != "checks":
        raise UserError(f"--checks is for: uds-harness list checks; {options.what} has no files of yours")
    if options.json:
        import json

        print(json.dumps(list(as_plain(options.what, options.checks)), indent=1))
    elif options.what == "checks":
        for check in checks_with(options.checks):
            row(f"{check.id:6} {check.severity.value}", 17, check.title)
    else:
        LISTS[options.what]()
    return 0


def as_plain(what: str, paths: Sequence[Path] = ()) -> Iterator[dict[str, Any]]:
    """Return a list's content as plain values, one table for each entry."""
    from dataclasses import asdict

    if what == "checks":
        for check in checks_with(paths):
            yield {name: value for name, value in asdict(check).items() if not callable(value)}
    elif what == "profiles":
        from harness.ecu.profiles import PROFILES

        yield from ({"name": name, "what": says} for name, says in PROFILES.items())
    elif what == "defects":
        from harness.ecu.flaws import FLAWS

        for flaw in FLAWS.values():
            yield {"name": flaw.name, "what": flaw.what, "kills": list(flaw.kills), "survives": flaw.survives}
    elif what == "variants":
        from harness.ecu.variants import VARIANTS

        yield from ({"name": name, "what": variant.what} for name, variant in VARIANTS.items())
    elif what == "targets":
        from harness.target import load_target, shipped_targets

        yield from ({"name": name, "notes": load_target(name).notes} for name in shipped_targets())
    else:
        from harness.audit.requirements import considered

        for one in considered():
            yield {**asdict(one), "checks": list(one.checks)}


def _show(options: argparse.Namespace) -> int:
    checks = {check.id: check for check in checks_with(options.checks)}
    check = checks.get(options.id) or checks.get(options.id.upper())
    if check is None:
        from harness.ecu.flaws import FLAWS

        if options.id in FLAWS:
            seen = ", ".join(FLAWS[options.id].kills) or "no check"
            raise UserError(f"{options.id} is a defect, seen by {seen}; see: uds-harness list defects")
        raise UserError(f"there is no check {options.id}{did_you_mean(options.id, checks)}; see: uds-harness list")
    show(check)
    return 0
