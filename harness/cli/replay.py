"""`uds-harness replay`: send the exchanges of a run's result once more."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from harness.cli.target_options import add_target, target_of
from harness.errors import UserError

if TYPE_CHECKING:
    from harness.runs.findings import RunInfo
    from harness.target import Target

EXIT_CODES = """exit codes of replay:
  4  wrong use: no such run or result, or something must not be sent
  3  the adapter does not do its part
  1  an answer was another one than the recorded one, seeds aside
  0  every answer was as recorded"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    replay = commands.add_parser(
        "replay",
        help="send the exchanges of a run's result once more",
        description="Send the decisive exchanges of one result once more, on the ECU of that run, in\n"
        "the session and with the level open in which they were. Answers are shown as by\n"
        "shell, the recorded one beside one that differs. To judge again, run the command\n"
        "that the report gives for the result. Without TARGET: the one of the run.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    replay.add_argument("run_folder", type=Path, metavar="RUN", help="a run's folder, e.g. reports/20261120T092800Z-article")
    replay.add_argument("result", metavar="ID", help="e.g. SA-09, or 'SA-09[level 0x01]'")
    add_target(replay)
    replay.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Repeat them; return the exit code."""
    from harness.cli.shell import remarked_on, shown_on
    from harness.runs.folder import read_run
    from harness.shell.dialogue import Dialogue
    from harness.shell.hand import opened_by_hand
    from harness.shell.recorded import recorded_result
    from harness.shell.repeating import Repetition

    info = read_run(options.run_folder).info
    link = (options.target, options.interface, options.channel, options.request_id, options.response_id)
    target = target_of(options) if any(one is not None for one in link) else target_of_run(options.run_folder, info)
    result = recorded_result(options.run_folder, options.result, target)
    with opened_by_hand(target, seed=info.seed) as tester:
        dialogue = Dialogue(tester, show=shown_on(sys.stdout), remark=remarked_on(sys.stderr))
        tester.link.say = dialogue.remark
        repetition = Repetition(dialogue)
        dialogue.carry_out(lambda: repetition.of(result))
        return int(repetition.differing > 0)


def target_of_run(folder: Path, info: RunInfo) -> Target:
    """Return the target that a run was started with, as its command names it.

    A run may come from another machine, so a program that it names is run only if it is the user's own. Raises UserError
    if the target must be named by hand.
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
    """Parse a run's command into the options of its audit. Raises ValueError if it is no audit."""
    from harness.cli import audit

    words = shlex.split(command)
    if words[:1] == ["pytest"]:
        place = words.index("--uds-target")
        words = ["uds-harness", "audit", *words[place + 1 : place + 2]]
    parser = _Quiet()
    audit.add_to(parser.add_subparsers(required=True, parser_class=_Quiet))
    return parser.parse_args(words[1:])


class _Quiet(argparse.ArgumentParser):
    """A parser that raises ValueError where others end the program."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(message)

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        raise ValueError(message)
