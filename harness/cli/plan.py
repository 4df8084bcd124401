"""`uds-harness plan`: show what an audit would send, check by check; the same as `audit --dry-run`."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.audit_options import add_selection, chosen_by
from harness.cli.target_options import add_target, seconds_of, target_of
from harness.errors import UserError

if TYPE_CHECKING:
    from harness.audit.session import AuditOptions
    from harness.planning.plan import AuditPlan


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    plan = commands.add_parser(
        "plan",
        help="say what an audit would send, and send nothing",
        description="Run the audit against an ECU that is simulated from the target, in virtual time:\n"
        "what each check would send to the real one, which permission that takes, how\n"
        "long it takes and why. Nothing goes out. `audit --dry-run` is the same.",
    )
    add_target(plan)
    add_selection(plan)
    plan.add_argument("--seed", type=int, metavar="N", help="plan the run with this seed (default: 1)")
    plan.add_argument("--json", action="store_true", help="print it as JSON")
    plan.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Make the plan and print it; return the exit code."""
    from harness.audit.session import AuditOptions
    from harness.planning.plan import plan_lines
    from harness.verdict import Depth

    longest_s = None if options.time is None else seconds_of("--time", options.time)
    audit = AuditOptions(
        target=target_of(options),
        seed=options.seed or 1,
        depth=Depth(options.depth or "default"),
        chosen=chosen_by(options),
        checks=tuple(options.checks),
    )
    _, plan = planned_in_time(options, audit, longest_s)
    print(plan.as_json() if options.json else "\n".join([*plan_lines(plan), ""]), end="")
    return 0


def planned_in_time(
    options: argparse.Namespace, audit: AuditOptions, longest_s: float | None
) -> tuple[frozenset[str], AuditPlan]:
    """Return the ids of checks that do not fit into `longest_s`, and the plan of an audit without these checks.

    Raises UserError if the target or a choice is malformed, a check cannot be collected, or no check fits.
    """
    from dataclasses import replace

    from harness.cli.lists import checks_with
    from harness.planning.budget import left_out_for_time

    if longest_s is None:
        return frozenset(), planned(audit, options.k)
    checks = [one for one in checks_with(audit.checks) if audit.chosen.takes(one)]
    return left_out_for_time(lambda left_out: planned(replace(audit, no_time_for=left_out), options.k), checks, longest_s)


def planned(audit: AuditOptions, keyword: str | None) -> AuditPlan:
    """Plan an audit; `keyword` is pytest's ``-k``. Raises UserError in the cases in which the audit itself would."""
    import tempfile
    from dataclasses import replace

    from harness.cli.terminal import AuditRequest, TerminalOutput, run_pytest
    from harness.planning.rehearsal import Rehearsal, rehearsed
    from harness.runs.folder import read_run
    from harness.tester.patience import nobody_to_ask

    target, assumptions = rehearsed(audit.target, is_discovered=bool(audit.found_text))
    rehearsal = Rehearsal()
    with tempfile.TemporaryDirectory(prefix="uds-harness-") as folder, open(os.devnull, "w", encoding="utf-8") as nowhere:
        out = Path(folder) / "rehearsal"
        done = frozenset(one.id for one in audit.resumes.kept) if audit.resumes is not None else frozenset()
        audit = replace(audit, target=target, out=out, keeps_secrets=True, hidden=(), no_time_for=audit.no_time_for | done)
        request = AuditRequest(replace(audit, rehearsal=rehearsal, resumes=None))
        request.console = TerminalOutput(nowhere, verbosity=-1)
        said = io.StringIO()
        with contextlib.redirect_stderr(said), nobody_to_ask():
            code = run_pytest(request, ["-k", keyword] if keyword else [])
        if code == 2:  # a plan of half an audit would promise too little
            raise KeyboardInterrupt
        if request.console.folder is None:
            why = said.getvalue().strip().splitlines()
            raise UserError(
                (why[0] if why else "the audit could not be planned").removeprefix("uds-harness: ").removeprefix("ERROR: ")
            )
        return rehearsal.plan(read_run(out).findings, assumptions)
