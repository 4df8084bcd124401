"""`uds-harness report`: make a run's reports again, from its folder alone."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    report = commands.add_parser(
        "report",
        help="make a run's reports again from its folder",
        description="Make every report of a run again from its folder alone, on this machine or another; "
        "of a run that was killed, the report of what was done. What was measured stays as it is, and "
        "manifest.json says when reports were made again, by which version, and what changed.",
        formatter_class=argparse.HelpFormatter,
    )
    report.add_argument("run_folder", type=Path, metavar="RUN", help="a run's folder, e.g. reports/20261120T092800Z-article")
    report.add_argument(
        "--capture", action="append", default=[], metavar="KIND", help="also write the bus log as pcapng, blf or asc"
    )
    report.add_argument("--out", type=Path, metavar="DIR", help="leave RUN alone: copy it to this new folder first")
    report.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Make the reports again, and print what changed."""
    from importlib.metadata import version

    from harness.link.clock import RealClock, utc_text
    from harness.report.conclusion import interruption
    from harness.report.rebuild import rebuild
    from harness.runs.folder import AUDIT_HTML, copy_run
    from harness.runs.folder_lock import RunLock
    from harness.target.toml_schema import printable

    folder = options.run_folder
    if options.out is not None:
        copy_run(folder, options.out)
        folder = options.out
    now_utc = utc_text(RealClock().utc_s())
    with RunLock(folder):
        rebuilt = rebuild(folder, captures=options.capture, now_utc=now_utc, version=version("uds-harness"))
    for doubt in rebuilt.doubts:
        print(f"not as the run left it: {printable(doubt)}")
    for name in rebuilt.written:
        print(f"written: {printable(name)}")
    print(f"as before: {len(rebuilt.unchanged)} files")
    if interruption(rebuilt.run.info):
        print(interruption(rebuilt.run.info))
    print(f"report: {printable(str(folder))}/{AUDIT_HTML}")
    return 0
