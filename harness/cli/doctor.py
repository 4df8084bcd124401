"""`uds-harness doctor`: find out why no ECU answers."""

from __future__ import annotations

import argparse

from harness.cli.target_options import add_target, target_of


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    doctor = commands.add_parser(
        "doctor",
        help="find out why nothing answers",
        description="Look at the way to the ECU, step by step: kernel, adapter, bus, answer, and what\n"
        "the target names outside the bus. What does not work is shown with the command\n"
        "that mends it. Nothing is changed.",
    )
    add_target(doctor)
    doctor.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Examine the way to the ECU, step by step; return the exit code: 1 if anything must be fixed."""
    from harness.doctor import examine
    from harness.doctor.diagnosis import lines

    failures = 0
    for diagnosis in examine(target_of(options)):
        failures += diagnosis.has_failed
        print("\n".join(lines(diagnosis)), flush=True)
    return 1 if failures else 0
