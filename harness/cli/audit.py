"""`uds-harness audit`: run the checks and write a report."""

from __future__ import annotations

import argparse
import contextlib
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from harness.cli.audit_options import add_options, chosen_by, started_with, target_of_run
from harness.cli.target_options import LINK, command_of, seconds_of, target_of, try_key_of, wait_for_bus_of
from harness.errors import UserError

if TYPE_CHECKING:
    from harness.audit.resuming import Unfinished
    from harness.cli.terminal import AuditRequest
    from harness.planning.plan import AuditPlan
    from harness.target import Target

AUDIT_JSON = "audit.json"
DEBUG = 2
"""The number of `-v` options from which the log is printed."""

NOTHING_JUDGED = 5
INTERRUPTED = 2
MOST_NAMED = 12
EXIT_CODES = """exit codes of audit, the first that applies:
  4  wrong use: a target, case, option or key function is malformed
  2  interrupted; the report holds what was done
  3  a check ended in error
  1  a check failed and the failure is not accepted (0 with --exit-zero)
  5  nothing reached a verdict of pass or fail, e.g. the ECU does not answer
  0  everything else"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    audit = commands.add_parser(
        "audit",
        help="run the checks and write a report",
        description="Run the checks against an ECU and write a report.\n"
        "Without TARGET and link options: the article's ECU, simulated.\n"
        "Without TARGET: an ECU that is discovered first; see found.toml in the report.",
        epilog=EXIT_CODES,
    )
    add_options(audit)
    audit.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the checks; return the exit code."""
    if options.q and options.v:
        raise UserError("-q and -v exclude each other; give one of them")
    if options.dry_run:
        from harness.cli import plan

        return plan.run(options)
    if options.v >= DEBUG:
        log_to(sys.stderr)
    if not options.json:
        return _run(options)[0]
    with contextlib.redirect_stdout(sys.stderr):
        code, folder = _run(options)
    if folder is not None:
        print((folder / AUDIT_JSON).read_text(encoding="utf-8"), end="")
    return code


def _run(options: argparse.Namespace) -> tuple[int, Path | None]:
    """Run the checks; return the exit code, and the folder of the run if the run has ended."""
    from harness.audit.opening import try_keys
    from harness.audit.session import AuditOptions
    from harness.cli.terminal import AuditRequest, run_pytest
    from harness.link.clock import new_seed
    from harness.runs.folder import check_is_free
    from harness.verdict import Depth

    resumes, target = (None, target_of(options)) if options.resume is None else _taken_up(options)
    chosen = chosen_by(options)
    hidden = hidden_by(options)
    options.depth = options.depth or "default"
    seed = new_seed() if options.seed is None else options.seed
    found_text = ""
    if options.key and target.path is not None:
        raise UserError(f"--key is for an ECU that nobody described; put key into [[security]] of {target.path}")
    if options.out is not None:
        check_is_free(options.out, replaces_run=options.force)
    try_keys(target)
    try_key_of(options)
    wait_for_bus_of(target, options.wait)
    if target.path is None:
        from harness.cli.discover_bus import described_by

        depth = Depth.QUICK if options.depth == "quick" else Depth.DEFAULT
        longest_s = None if options.time is None else seconds_of("--time", options.time)
        target, found_text = described_by(options, target, depth=depth, longest_s=longest_s)
        if not found_text:
            return NOTHING_JUDGED, None
        wait_for_bus_of(target, options.wait)
    selection = [*(["-k", options.k] if options.k else []), *(["-x"] if options.x else [])]
    request = AuditRequest(
        AuditOptions(
            target=target,
            seed=seed,
            depth=Depth(options.depth),
            out=options.out,
            command=_command(options, seed),
            selection=shlex.join([*selection, *chosen.words(), *(["--time", options.time] if options.time else [])]),
            chosen=chosen,
            checks=tuple(options.checks),
            found_text=found_text,
            keeps_secrets=options.keep_secrets,
            hidden=hidden,
            replaces_run=options.force,
            resumes=resumes,
        ),
        verbosity=-1 if options.q else options.v,
        is_exit_zero=options.exit_zero,
    )
    request.console.heading(f"uds-harness audit: {target.name} ({target.environment}), depth {options.depth}, seed {seed}")
    if options.time is not None or not target.is_simulated:
        plan = _planned(options, request)
        if plan is not None and not target.is_simulated and not _is_agreed(options, request, plan):
            return INTERRUPTED, None
    code = run_pytest(request, selection)
    if request.console.is_ecu_mute:
        _tell_doctors_advice(target)
    return 0 if options.exit_zero and code == 1 else code, request.console.folder


def _tell_doctors_advice(target: Target) -> None:
    """Print what `uds-harness doctor` finds wrong on the way to an ECU that does not answer."""
    from harness.doctor import way_to_the_ecu
    from harness.doctor.diagnosis import lines

    print("\nuds-harness doctor says:")
    for diagnosis in way_to_the_ecu(target):
        print("\n".join(lines(diagnosis)), flush=True)


def _taken_up(options: argparse.Namespace) -> tuple[Unfinished, Target]:
    """Return the run to resume, and its target; options that are not given keep the interrupted run's values.

    Raises UserError if there is no such run, that run has ended, or `--out` or `--force` is given.
    """
    from harness.audit.resuming import unfinished_run

    if options.out is not None or options.force:
        raise UserError("--resume goes on in the run's own folder; leave out --out and --force")
    resumes = unfinished_run(options.resume)
    info = resumes.info
    try:
        before = started_with(info.command)
    except ValueError:
        raise UserError(f"{options.resume}: what the run was started with is not understood; begin a new run") from None
    names = ("target", *LINK)
    is_named = any(getattr(options, name) is not None for name in names)
    target = target_of(options) if is_named else target_of_run(options.resume, info)
    if not is_named:
        for name in names:
            setattr(options, name, getattr(before, name))
    for name in ("k", "check", "family", "severity", "checks", "time", "redact", "keep_secrets", "x"):
        setattr(options, name, getattr(options, name) or getattr(before, name))
    options.depth = options.depth or info.depth
    options.seed = info.seed if options.seed is None else options.seed
    return resumes, target


def _planned(options: argparse.Namespace, request: AuditRequest) -> AuditPlan | None:
    """Plan the audit, and leave out checks that do not fit into its time.

    Returns None if no plan can be made; the audit then says why. Raises UserError if no check fits into that time.
    """
    from dataclasses import replace

    from harness.cli.plan import planned_in_time
    from harness.cli.progress import PlannedTime
    from harness.planning.plan import totals_in_words

    longest_s = None if options.time is None else seconds_of("--time", options.time)
    audit = request.options
    if longest_s is None:  # a user's own checks may do more than ask the ECU: they are run only once
        audit = replace(audit, checks=())
    request.console.heading("planning: the audit is rehearsed on an ECU simulated from the target")
    try:
        left_out, plan = planned_in_time(options, audit, longest_s)
    except UserError as error:
        if longest_s is not None:
            raise
        request.console.say(f"not planned: {'checks of your own' if options.checks else error}")
        return None
    request.options = replace(request.options, no_time_for=left_out, longest_s=longest_s)
    if left_out:
        names = f"{', '.join(sorted(left_out)[:MOST_NAMED])}{' and others' if len(left_out) > MOST_NAMED else ''}"
        request.console.heading(
            f"no time in {options.time} for {len(left_out)} {'check' if len(left_out) == 1 else 'checks'}: {names}"
        )
    beside = ", without your own checks" if options.checks and longest_s is None else ""
    request.console.heading(f"planned{beside}: {totals_in_words(plan)}")
    request.console.planned = {
        (one.id, one.parameter): PlannedTime(one.waits_s, one.seconds - one.waits_s) for one in plan.checks
    }
    return plan


def _is_agreed(options: argparse.Namespace, request: AuditRequest, plan: AuditPlan) -> bool:
    """Ask the person at the terminal whether to go on with checks that lock, write or reset a real ECU."""
    if options.yes or not request.console.is_there or not plan.is_harmful:
        return True
    request.console.say("This may lock, write or reset the ECU. What each check sends: uds-harness plan")
    try:
        answer = input("Go on? [yes/no] ")
    except EOFError:
        answer = ""
    if answer.strip().lower() in ("y", "yes"):
        return True
    request.console.say("nothing was sent")
    return False


def hidden_by(options: argparse.Namespace) -> tuple[str, ...]:
    """Return what --redact removes from the run's files. Raises UserError for an unknown name, or with --keep-secrets."""
    from harness.audit.secrecy import hidden_names

    hidden = hidden_names(options.redact)
    if hidden and options.keep_secrets:
        raise UserError("--redact and --keep-secrets exclude each other; give one of them")
    return hidden


def log_to(stream: TextIO) -> None:
    """Write the harness's log to a stream."""
    import logging

    from harness.audit.logged import FORMAT

    handler = logging.StreamHandler(stream)
    handler.setFormatter(FORMAT)
    log = logging.getLogger("harness")
    log.handlers[:] = [handler]
    log.setLevel(logging.DEBUG)
    log.propagate = False


def _command(options: argparse.Namespace, seed: int) -> str:
    words = [word for path in options.checks for word in ("--checks", str(path))]
    words += ["--depth", options.depth] if options.depth != "default" else []
    words += ["--redact", options.redact] if options.redact else []
    words += ["--keep-secrets"] if options.keep_secrets else []
    return command_of("audit", options, words, seed)
