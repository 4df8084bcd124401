"""`uds-harness diff`: show what became better, worse, new or gone between two runs."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.errors import UserError

EXIT_CODES = """exit codes of diff:
  4  wrong use: a folder is no run's, damaged, or of a later version
  1  something is worse: a failure that is not accepted now and did not stand
     before, or stands more severely; with --strict also lost evidence
  0  everything else"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    diff = commands.add_parser(
        "diff",
        help="say what changed between two runs",
        description="Say what became better, worse, new or gone between two runs, e.g. of two\n"
        "software versions of an ECU. What was judged by another version of a check,\n"
        "depth, permission or target is marked as not comparable.",
        epilog=EXIT_CODES,
    )
    diff.add_argument("old", type=Path, metavar="OLD", help="the earlier run's folder")
    diff.add_argument("new", type=Path, metavar="NEW", help="the later run's folder")
    diff.add_argument("--json", metavar="FILE", help="also write it as JSON; - prints that instead of the text")
    diff.add_argument("--html", type=Path, metavar="FILE", help="also write it as a page")
    diff.add_argument("--strict", action="store_true", help="exit with 1, too, for what could no longer be judged")
    diff.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Compare two runs; return the exit code."""
    from harness.report.compare import compare
    from harness.report.diff import diff_html, diff_json, diff_lines
    from harness.runs.folder import read_run

    comparison = compare(read_run(options.old), read_run(options.new))
    if options.json == "-":
        print(diff_json(comparison, strict=options.strict), end="")
    else:
        print("\n".join(diff_lines(comparison)))
        if options.json:
            _write(Path(options.json), diff_json(comparison, strict=options.strict))
    if options.html:
        _write(options.html, diff_html(comparison))
    return int(comparison.is_worse(strict=options.strict))


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}); name another file") from error
