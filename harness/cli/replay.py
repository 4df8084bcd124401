"""`uds-harness replay`: send the exchanges of one result of a run once more."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.audit_options import target_of_run
from harness.cli.target_options import add_target, target_of

if TYPE_CHECKING:
    pass

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
        "shell, the recorded one beside one that differs; the last line says whether all\n"
        "were as recorded. To judge again, run the command that the report gives for the\n"
        "result. Without TARGET: the one of the run.",
        epilog=EXIT_CODES,
    )
    replay.add_argument("run_folder", type=Path, metavar="RUN", help="a run's folder, e.g. reports/20261120T092800Z-article")
    replay.add_argument("result", metavar="ID", help="e.g. SA-09, or 'SA-09[level 0x01]'")
    add_target(replay)
    replay.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Send the exchanges again; return the exit code."""
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
        print(repetition.in_words())
        return int(repetition.differing > 0)
