"""`uds-harness list` and `uds-harness show`: what is there to be chosen from?"""

from __future__ import annotations

import argparse

from harness.errors import UserError, did_you_mean
from harness.listing import LISTS


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
    from harness.catalogue import shipped_checks
    from harness.listing import show

    checks = {check.id: check for check in shipped_checks()}
    check = checks.get(options.id) or checks.get(options.id.upper())
    if check is None:
        raise UserError(f"there is no check {options.id}{did_you_mean(options.id, checks)}; see: uds-harness list")
    show(check)
    return 0
