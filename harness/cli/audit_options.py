"""Define the options of an audit (which checks, which ECU), and read them again from a recorded command."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from harness.cli.target_options import add_key, add_target, add_wait, target_of
from harness.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from harness.audit.selection import Selection
    from harness.runs.findings import RunInfo
    from harness.target import Target


def add_options(audit: argparse.ArgumentParser) -> None:
    """Add every option of `uds-harness audit`."""
    add_target(audit)
    add_wait(audit)
    add_key(audit)
    add_selection(audit)
    audit.add_argument("-x", action="store_true", help="stop at the first failure")
    audit.add_argument("--seed", type=int, metavar="N", help="repeat a run's chance (default: a new seed, printed)")
    audit.add_argument("--out", type=Path, metavar="DIR", help="the run's folder (default: a new one under reports/)")
    audit.add_argument("--force", action="store_true", help="replace the run that is in --out")
    audit.add_argument("--resume", type=Path, metavar="RUN", help="go on with a run that was interrupted, in its folder")
    audit.add_argument("--redact", metavar="LIST", default="", help="vin,serial: take these out of the run's files too")
    audit.add_argument("--keep-secrets", action="store_true", help="leave keys and secrets in the run's files")
    audit.add_argument("--exit-zero", action="store_true", help="exit with 0 although checks failed")
    audit.add_argument("--json", action="store_true", help="print audit.json, and everything else to standard error")
    audit.add_argument("--dry-run", action="store_true", help="send nothing, and say what would be sent (as: plan)")
    audit.add_argument("--yes", action="store_true", help="do not ask before a real ECU is locked, written or reset")
    audit.add_argument("-q", action="store_true", help="only say what it came to")
    audit.add_argument("-v", action="count", default=0, help="print every result; -vv: log exchanges and waits, too")


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Add the options that select checks and set the size of their samples."""
    parser.add_argument("--depth", choices=("quick", "default", "deep"), help="sample sizes (default: default)")
    parser.add_argument("-k", metavar="EXPR", help="only checks whose id or name matches, e.g. 'SA-09 or AC-01'")
    parser.add_argument(
        "--check", action="append", default=[], metavar="GLOB", help="only checks with such an id, e.g. 'SA-0*'"
    )
    parser.add_argument("--family", action="append", default=[], metavar="F", help="only checks of this family, e.g. SA")
    parser.add_argument("--severity", metavar="S", help="only checks of this severity or a worse one, e.g. high")
    parser.add_argument(
        "--time",
        metavar="TIME",
        help="run the checks that tell most in this time, e.g. 90s or 15m; mapping an unknown ECU first may take as long",
    )
    parser.add_argument("--checks", type=Path, action="append", default=[], metavar="PATH", help="also run these checks")


def chosen_by(options: argparse.Namespace) -> Selection:
    """Return the selection made by the options of `add_selection`.

    Raises UserError if a file is missing, or a chosen id, family or severity does not exist.
    """
    from harness.audit.selection import Selection
    from harness.verdict import Severity

    for path in options.checks:
        if not path.exists():
            raise UserError(f"--checks {path}: there is no such file or folder")
    known = [severity.value for severity in Severity]
    if options.severity is not None and options.severity not in known:
        near = did_you_mean(options.severity, known)
        raise UserError(f"--severity {options.severity}: there is none of that name{near}; give {', '.join(known)}")
    severity = Severity(options.severity) if options.severity else None
    chosen = Selection(checks=tuple(options.check), families=tuple(options.family), severity=severity)
    if chosen and not options.checks:
        from harness.audit.catalogue import shipped_checks

        chosen.refuse_strange(shipped_checks())
    return chosen


def target_of_run(folder: Path, info: RunInfo) -> Target:
    """Return the target with which a run was started, as the run's command names it.

    A run may come from another machine, so no program is started that only the run's folder names. Raises UserError if the
    user must name the target.
    """
    from harness.target import shipped_targets

    name_it = f"name the target: uds-harness replay {shlex.quote(str(folder))} ID TARGET"
    try:
        options = started_with(info.command)
    except ValueError:
        raise UserError(f"{folder}: what the run was started with is not understood; {name_it}") from None
    if options.target is None and options.interface is None and options.channel is None:
        return target_of(options)
    channel = options.channel or ""
    is_file = options.target is not None and options.target not in shipped_targets() and Path(options.target).is_file()
    if is_file:
        path = Path(options.target).resolve()
        if path.is_relative_to(folder.resolve()):
            raise UserError(f"{folder}: its target lies in the run's own folder; {name_it}")
    elif options.target is not None and options.target not in shipped_targets():
        if ":" not in options.target:
            raise UserError(f"{folder}: the run's target is not here: {options.target}; {name_it}")
        channel = channel or options.target.partition("?")[0].partition(":")[2]
    if ":" in channel:
        raise UserError(f"{folder}: its ECU is the program {channel}; {name_it}")
    return target_of(options)


def started_with(command: str) -> argparse.Namespace:
    """Parse a run's command into the options of its audit. Raises ValueError if the command is not that of an audit."""
    words = shlex.split(command)
    if words[:1] == ["pytest"]:
        place = words.index("--uds-target")
        words = ["uds-harness", "audit", *words[place + 1 : place + 2]]
    parser = _Quiet()
    add_options(parser.add_subparsers(required=True, parser_class=_Quiet).add_parser("audit"))
    return parser.parse_args(words[1:])


class _Quiet(argparse.ArgumentParser):
    """A parser that raises ValueError for wrong options instead of ending the program."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(message)

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        raise ValueError(message)
