"""What did the user type? One function a command; everything heavy is imported by the command that needs it."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import LinkError, UserError
from harness.listing import LISTS

if TYPE_CHECKING:
    from harness.target import Target

WRONG_USE = 4
EXIT_CODES = """exit codes of audit, the first that applies:
  4  wrong use: a target, case, option or key function is malformed
  2  interrupted; the report holds what was done
  3  a check ended in error
  1  a check failed and the failure is not accepted (0 with --exit-zero)
  5  nothing reached a verdict of pass or fail, e.g. the ECU does not answer
  0  everything else"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        print(f"{self.prog}: {message}", file=sys.stderr)
        raise SystemExit(WRONG_USE)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except UserError as error:
        print(f"uds-harness: {error}", file=sys.stderr)
        return WRONG_USE
    except LinkError as error:
        print(f"uds-harness: {error}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        return 2
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    return code


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="uds-harness",
        description="Is an ECU's SecurityAccess real? Verdicts with evidence, on a simulated ECU or on a real bus.",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND", parser_class=_Parser)

    audit = commands.add_parser(
        "audit",
        help="run the checks and write a report",
        description="Run the checks against an ECU and write a report.\n"
        "Without TARGET and link options: the article's ECU, simulated.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_target(audit)
    audit.add_argument("--depth", choices=("quick", "default", "deep"), default="default", help="sample sizes")
    audit.add_argument("-k", metavar="EXPR", help="only checks whose id or name matches, e.g. 'SA-09 or AC-01'")
    audit.add_argument("-x", action="store_true", help="stop at the first failure")
    audit.add_argument("--seed", type=int, metavar="N", help="repeat a run's chance (default: a new seed, printed)")
    audit.add_argument("--out", type=Path, metavar="DIR", help="the run's folder (default: a new one under reports/)")
    audit.add_argument("--checks", type=Path, action="append", default=[], metavar="PATH", help="also run these checks")
    audit.add_argument("--exit-zero", action="store_true", help="exit with 0 although checks failed")
    audit.set_defaults(run=_audit)

    find = commands.add_parser(
        "discover",
        help="find the ECUs on a bus and what they offer",
        description="Find the ECUs on a bus, map what they offer, and write a target file for each.\n"
        "Without TARGET: every usual id is asked. Nothing that writes, resets or locks is sent to a\n"
        "real ECU unless the target allows it.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_target(find)
    find.add_argument("--ids", metavar="LIST", help="ids to ask, e.g. 0x700-0x7FF,0x18DA10F1")
    find.add_argument("--pace", type=float, default=5.0, metavar="MS", help="between two ids (default: 5 ms)")
    find.add_argument("--depth", choices=("quick", "default"), default="default", help="quick: common identifiers only")
    find.add_argument("-o", "--out", type=Path, metavar="FILE", help="write a target file for each ECU")
    find.set_defaults(run=_discover)

    table = commands.add_parser(
        "import",
        help="add identifiers and levels from a table to a target file",
        description="Add the rows of a CSV table to a target file. Columns, in any order:\n"
        "did, length, read, write, values, volatile, secret; or level, session, attempts, delay_s, key.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    table.add_argument("table", type=Path, metavar="FILE.csv")
    table.add_argument("target", type=Path, metavar="TARGET.toml", help="the entries are put at its end")
    table.set_defaults(run=_import)

    ecu = commands.add_parser(
        "ecu", help="play a simulated ECU on a real bus", description="Play an ECU on a bus until Ctrl-C."
    )
    ecu.add_argument("profile", help="a profile (see `uds-harness list profiles`), or path/to/file.py:factory")
    ecu.add_argument("--interface", required=True, help="a python-can interface, e.g. socketcan")
    ecu.add_argument("--channel", required=True, help="e.g. vcan0")
    ecu.add_argument("--bitrate", type=int, default=500_000, help="for interfaces that set it (default: 500000)")
    ecu.add_argument("--fd", action="store_true", help="open the bus for CAN FD, e.g. for hardened+can_fd")
    ecu.add_argument("--data-bitrate", type=int, metavar="N", help="of CAN FD, for interfaces that set it")
    ecu.add_argument("--defect", action="append", default=[], metavar="NAME", help="switch a defect on")
    ecu.set_defaults(run=_ecu)

    listing = commands.add_parser("list", help="list the checks, profiles, defects, variants, targets, requirements")
    listing.add_argument("what", nargs="?", choices=tuple(LISTS), default="checks")
    listing.set_defaults(run=_list)

    show = commands.add_parser("show", help="say what a check tests, why, and what to do about a failure")
    show.add_argument("id", help="e.g. SA-09")
    show.set_defaults(run=_show)

    doctor = commands.add_parser(
        "doctor", help="find out why nothing answers", description="Look at the way to the ECU, step by step."
    )
    _add_target(doctor)
    doctor.set_defaults(run=_doctor)
    return parser


def _add_target(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", nargs="?", metavar="TARGET", help="a target file, a shipped target's name, or a URI")
    parser.add_argument("--interface", help="a python-can interface, e.g. socketcan; without TARGET: an unknown ECU")
    parser.add_argument("--channel", help="e.g. can0")
    parser.add_argument("--request-id", type=_number, metavar="ID", help="e.g. 0x7E0")
    parser.add_argument("--response-id", type=_number, metavar="ID", help="e.g. 0x7E8")


def _number(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number; write e.g. 0x7E0") from None


def _target(options: argparse.Namespace) -> Target:
    from harness.target import load_target, unknown_target, with_link

    link = {name: getattr(options, name) for name in ("interface", "channel", "request_id", "response_id")}
    if options.target is not None:
        return with_link(load_target(options.target), **link)
    if all(value is None for value in link.values()):
        return load_target("article")
    if options.interface is None or options.channel is None:
        raise UserError("without TARGET give --interface and --channel, e.g. --interface socketcan --channel can0")
    return unknown_target(**link)


def _audit(options: argparse.Namespace) -> int:
    import pytest

    from harness.audit.console import AuditRequest
    from harness.audit.plugin import attacks_folder
    from harness.audit.session import AuditOptions
    from harness.link.clock import new_seed
    from harness.run import Depth

    for path in options.checks:
        if not path.exists():
            raise UserError(f"--checks {path}: there is no such file or folder")
    seed = new_seed() if options.seed is None else options.seed
    target = _target(options)
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
        )
    )
    request.console.heading(f"uds-harness audit: {target.name} ({target.environment}), depth {options.depth}, seed {seed}")
    settings = Path(__file__).parent / "audit" / "pytest.ini"
    words = ["-c", str(settings), "--rootdir", str(attacks_folder().parent), "-p", "no:cacheprovider", "-s"]
    words += ["-p", "uds_harness", "-p", "html", "-p", "metadata"]
    words += ["-qq", "--no-header", "--no-summary", "--tb=no", "-o", "console_output_style=classic", *selection]
    pytest_says = io.StringIO()
    with _own_pytest(), contextlib.redirect_stdout(pytest_says):  # results are printed by the console, in its own form
        code = int(pytest.main([*words, str(attacks_folder()), *map(str, options.checks)], plugins=[request]))
    if code not in (0, 1, 2, 3, WRONG_USE, 5) or request.has_internal_error:
        print(pytest_says.getvalue(), file=sys.stderr)
    return 0 if options.exit_zero and code == 1 else code


def _discover(options: argparse.Namespace) -> int:
    from harness.discovery.command import run
    from harness.run import Depth

    if not 0 <= options.pace <= 10_000:
        raise UserError(f"--pace {options.pace:g}: give milliseconds from 0 to 10000")
    return run(
        _target(options),
        is_declared=options.target is not None or options.request_id is not None,
        ids=options.ids,
        pace_s=options.pace / 1000,
        depth=Depth(options.depth),
        out=options.out,
    )


def _import(options: argparse.Namespace) -> int:
    from harness.target import load_target, load_text
    from harness.target.table import entries_from_table

    load_target(options.target)
    text = options.target.read_text(encoding="utf-8-sig").rstrip("\n") + "\n\n" + entries_from_table(options.table)
    target = load_text(text, f"{options.target} with {options.table}", options.target)
    try:
        options.target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{options.target}: cannot be written ({error.strerror})") from error
    print(f"{options.target}: {len(target.data)} identifiers and {len(target.security)} levels now")
    return 0


@contextlib.contextmanager
def _own_pytest() -> Iterator[None]:
    """Whatever options and plugins the user has for pytest are for the user's own tests."""
    before = {name: os.environ.pop(name, None) for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")}
    before["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _command(options: argparse.Namespace, seed: int) -> str:
    words = ["uds-harness", "audit"]
    words += [options.target] if options.target else []
    for name in ("interface", "channel", "request_id", "response_id"):
        value = getattr(options, name)
        if value is not None:
            words += [f"--{name.replace('_', '-')}", hex(value) if isinstance(value, int) else value]
    for path in options.checks:
        words += ["--checks", str(path)]
    words += ["--depth", options.depth] if options.depth != "default" else []
    return shlex.join([*words, "--seed", str(seed)])


def _ecu(options: argparse.Namespace) -> int:
    import can

    from harness.link.adapter import rate_options
    from harness.link.live import LiveBus
    from harness.link.node import load_nodes

    nodes = load_nodes("+".join([options.profile, *options.defect]))
    rates = rate_options(options.interface, bitrate=options.bitrate, fd=options.fd, data_bitrate=options.data_bitrate)
    try:
        bus = can.Bus(interface=options.interface, channel=options.channel, **rates)
    except Exception as error:  # backends raise what they like
        raise UserError(f"cannot open {options.interface}:{options.channel}: {error}") from error
    with bus:
        print(f"{options.profile} is on {options.interface}:{options.channel}; Ctrl-C ends it\nready", flush=True)
        LiveBus(bus, nodes).run()
    return 0


def _list(options: argparse.Namespace) -> int:
    LISTS[options.what]()
    return 0


def _show(options: argparse.Namespace) -> int:
    from harness.catalogue import shipped_checks
    from harness.listing import show

    checks = {check.id: check for check in shipped_checks()}
    check = checks.get(options.id) or checks.get(options.id.upper())
    if check is None:
        raise UserError(f"there is no check {options.id}; known are {', '.join(checks)}")
    show(check)
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from harness.doctor import examine

    is_ok = True
    for diagnosis in examine(_target(options)):
        is_ok = is_ok and diagnosis.is_ok
        print(f"{'ok  ' if diagnosis.is_ok else 'FAIL'}  {diagnosis.what}: {diagnosis.seen}")
        if not diagnosis.is_ok:
            print(f"      try: {diagnosis.mend}")
    return 0 if is_ok else 1


if __name__ == "__main__":
    sys.exit(main())
