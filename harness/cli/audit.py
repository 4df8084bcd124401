"""`uds-harness audit`: run the checks and write a report."""

from __future__ import annotations

import argparse
import contextlib
import io
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.target_options import add_key, add_target, key_of, target_of
from harness.errors import UserError

if TYPE_CHECKING:
    from harness.target import Target

NOTHING_JUDGED = 5
EXIT_CODES = """exit codes of audit, the first that applies:
  4  wrong use: a target, case, option or key function is malformed
  2  interrupted; the report holds what was done
  3  a check ended in error
  1  a check failed and the failure is not accepted (0 with --exit-zero)
  5  nothing reached a verdict of pass or fail, e.g. the ECU does not answer
  0  everything else"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Let the command be typed."""
    audit = commands.add_parser(
        "audit",
        help="run the checks and write a report",
        description="Run the checks against an ECU and write a report.\n"
        "Without TARGET and link options: the article's ECU, simulated.\n"
        "Without TARGET: an ECU that is discovered first; see found.toml in the report.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_target(audit)
    add_key(audit)
    audit.add_argument("--depth", choices=("quick", "default", "deep"), default="default", help="sample sizes")
    audit.add_argument("-k", metavar="EXPR", help="only checks whose id or name matches, e.g. 'SA-09 or AC-01'")
    audit.add_argument("-x", action="store_true", help="stop at the first failure")
    audit.add_argument("--seed", type=int, metavar="N", help="repeat a run's chance (default: a new seed, printed)")
    audit.add_argument("--out", type=Path, metavar="DIR", help="the run's folder (default: a new one under reports/)")
    audit.add_argument("--force", action="store_true", help="replace the run that is in --out")
    audit.add_argument("--checks", type=Path, action="append", default=[], metavar="PATH", help="also run these checks")
    audit.add_argument("--redact", metavar="LIST", default="", help="vin,serial: take these out of the run's files too")
    audit.add_argument("--keep-secrets", action="store_true", help="leave keys and secrets in the run's files")
    audit.add_argument("--exit-zero", action="store_true", help="exit with 0 although checks failed")
    audit.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the checks; returns the exit code."""
    import pytest

    from harness.audit.requirements import attacks_folder
    from harness.audit.secrecy import hidden_names
    from harness.audit.session import AuditOptions
    from harness.cli.terminal import AuditRequest
    from harness.link.clock import new_seed
    from harness.report.replay import own_pytest
    from harness.runs.folder import check_is_free
    from harness.target import load_text
    from harness.verdict import Depth

    for path in options.checks:
        if not path.exists():
            raise UserError(f"--checks {path}: there is no such file or folder")
    hidden = hidden_names(options.redact)
    if hidden and options.keep_secrets:
        raise UserError("--redact and --keep-secrets exclude each other; give one of them")
    seed = new_seed() if options.seed is None else options.seed
    target, found_text = target_of(options), ""
    if options.key and target.path is not None:
        raise UserError(f"--key is for an ECU that nobody described; put key into [[security]] of {target.path}")
    if options.out is not None:
        check_is_free(options.out, replaces_run=options.force)
    if target.path is None:
        found_text = _discovered(target, options)
        if not found_text:
            return NOTHING_JUDGED
        target = load_text(found_text, f"what was found on {target.can.interface}:{target.can.channel}")
    selection = [*(["-k", options.k] if options.k else []), *(["-x"] if options.x else [])]
    request = AuditRequest(
        AuditOptions(
            target=target,
            seed=seed,
            depth=Depth(options.depth),
            out=options.out,
            command=_command(options, seed),
            selection=shlex.join(selection),
            checks=tuple(options.checks),
            found_text=found_text,
            keeps_secrets=options.keep_secrets,
            hidden=hidden,
            replaces_run=options.force,
        )
    )
    request.console.heading(f"uds-harness audit: {target.name} ({target.environment}), depth {options.depth}, seed {seed}")
    settings = Path(__file__).parents[1] / "audit" / "pytest.ini"
    words = ["-c", str(settings), "--rootdir", str(attacks_folder().parent), "-p", "no:cacheprovider", "-s"]
    words += ["-p", "uds_harness", "-p", "no:randomly"]  # pytest-randomly would shuffle the checks
    words += ["-qq", "--no-header", "--no-summary", "--tb=no", "-o", "console_output_style=classic", *selection]
    pytest_says = io.StringIO()
    with own_pytest(), contextlib.redirect_stdout(pytest_says):  # results are printed by the console, in its own form
        code = int(pytest.main([*words, str(attacks_folder()), *map(str, options.checks)], plugins=[request]))
    if code not in range(6) or request.has_internal_error:
        print(pytest_says.getvalue(), file=sys.stderr)
    return 0 if options.exit_zero and code == 1 else code


def _discovered(target: Target, options: argparse.Namespace) -> str:
    """The target file that follows from a map of an ECU that nobody described; empty: there is none."""
    from harness.cli.discover_bus import described, own_id
    from harness.verdict import Depth

    is_id_given = options.request_id is not None or "request=" in (options.target or "")
    candidates = [own_id(target)] if is_id_given else None
    depth = Depth.QUICK if options.depth == "quick" else Depth.DEFAULT
    found = described(target, candidates, key=key_of(options), depth=depth)
    print()
    return found


def _command(options: argparse.Namespace, seed: int) -> str:
    words = ["uds-harness", "audit"]
    words += [options.target] if options.target else []
    for name in ("interface", "channel", "request_id", "response_id", "key"):
        value = getattr(options, name)
        if value is not None:
            words += [f"--{name.replace('_', '-')}", hex(value) if isinstance(value, int) else value]
    for path in options.checks:
        words += ["--checks", str(path)]
    words += ["--depth", options.depth] if options.depth != "default" else []
    words += ["--redact", options.redact] if options.redact else []
    words += ["--keep-secrets"] if options.keep_secrets else []
    return shlex.join([*words, "--seed", str(seed)])
