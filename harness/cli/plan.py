"""`uds-harness plan`: what an audit would send, by check; as `audit --dry-run`."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.audit import add_selection, chosen_by, run_pytest
from harness.cli.target_options import add_target, target_of
from harness.errors import UserError

if TYPE_CHECKING:
    from harness.audit.selection import Selection
    from harness.planning.plan import Plan
    from harness.target import Target

FAILED = 3


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Let the command be typed."""
    plan = commands.add_parser(
        "plan",
        help="say what an audit would send, and send nothing",
        description="Run the audit against an ECU that is simulated from the target, in virtual time:\n"
        "what each check would send to the real one, which permission that takes, how\n"
        "long it takes and why. Nothing goes out. `audit --dry-run` is the same.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_target(plan)
    add_selection(plan)
    plan.add_argument("--seed", type=int, metavar="N", help="plan the run with this seed (default: 1)")
    plan.add_argument("--json", action="store_true", help="print it as JSON")
    plan.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Make the plan and print it; returns the exit code."""
    from harness.planning.plan import plan_lines

    plan = planned(
        target_of(options),
        chosen=chosen_by(options),
        depth=options.depth,
        keyword=options.k,
        checks=options.checks,
        seed=options.seed or 1,
    )
    print(plan.as_json() if options.json else "\n".join([*plan_lines(plan), ""]), end="")
    return 0


def planned(
    target: Target, *, chosen: Selection, depth: str, keyword: str | None, checks: Sequence[Path], seed: int
) -> Plan:
    """The plan of an audit. UserError: the target or a choice is malformed, or a check cannot be collected."""
    from harness.audit.session import AuditOptions
    from harness.cli.terminal import AuditRequest, Console
    from harness.planning.rehearsal import Rehearsal, rehearsed
    from harness.runs.folder import read_run
    from harness.verdict import Depth

    target, assumptions = rehearsed(target)
    rehearsal = Rehearsal()
    with tempfile.TemporaryDirectory(prefix="uds-harness-") as folder, open(os.devnull, "w", encoding="utf-8") as nowhere:
        out = Path(folder) / "rehearsal"
        request = AuditRequest(
            AuditOptions(
                target=target,
                seed=seed,
                depth=Depth(depth),
                out=out,
                chosen=chosen,
                checks=tuple(checks),
                keeps_secrets=True,
                rehearsal=rehearsal,
            )
        )
        request.console = Console(nowhere, verbosity=-1)
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            code = run_pytest(request, ["-k", keyword] if keyword else [])
        if request.console.folder is None:
            if code == 2:
                raise KeyboardInterrupt
            why = said.getvalue().strip().splitlines()
            raise UserError((why[0] if why else "the audit could not be planned").removeprefix("uds-harness: "))
        return rehearsal.plan(read_run(out).findings, assumptions)
