"""`uds-harness fuzz`: run a campaign that finds, reduces and keeps failures; `fuzz new`: write a case of your own."""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import shlex
import sys
from collections.abc import Sized
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.cli.target_options import add_target, add_wait, command_of, counted, seconds_of, target_of, wait_for_bus_of
from harness.errors import UserError
from harness.system import own_command

if TYPE_CHECKING:
    from harness.audit.resuming import Unfinished
    from harness.campaigns.rounds import CampaignSoFar, Door
    from harness.fuzz.hunt import Yield
    from harness.fuzz.trials import Trial
    from harness.runs.findings import Finding
    from harness.target import Target

NEW: Final = "new"
BEGUN_WITH: Final = "shards/campaign.json"
"""The file in a run's folder with the settings of the campaign, which --resume reads again."""
DEFAULT_EXCHANGES: Final = 100_000
INTERRUPTED: Final = 2

EXIT_CODES = """exit codes of fuzz, the first that applies:
  4  wrong use: a target, option or key function is malformed, or an extra is missing
  2  interrupted; what was found is kept, and --resume goes on
  3  the bus, a worker or the harness failed
  1  something was found, and is not accepted (0 with --exit-zero)
  5  nothing was judged, e.g. the ECU does not answer
  0  everything else"""

_number_above_0 = counted("number above 0", 4)


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    fuzz = commands.add_parser(
        "fuzz",
        help="fuzz the ECU: find, reduce and keep what nobody wrote a case for",
        description="Fuzz an ECU for a time or for a number of exchanges.\n"
        "Without TARGET and link options: the article's ECU, simulated.\n"
        'uds-harness fuzz new "2E 20 {00..FF}" writes a case of your own that runs.',
        epilog=EXIT_CODES,
    )
    add_target(fuzz)
    fuzz.add_argument("send", nargs="?", metavar="SEND", help="with new: what the case sends")
    fuzz.add_argument("--time", metavar="TIME", help="end after the round in which this time runs out, e.g. 15m or 8h")
    fuzz.add_argument(
        "--exchanges", type=_number_above_0, metavar="N", help=f"end after N exchanges (default: {DEFAULT_EXCHANGES:,})"
    )
    fuzz.add_argument("--seed", type=int, metavar="N", help="repeat a campaign's chance (default: a new seed, printed)")
    fuzz.add_argument("--workers", type=_number_above_0, metavar="N", help="processes for a simulated ECU (default: 1)")
    fuzz.add_argument("--dask", metavar="ADDRESS", help="a Dask scheduler whose workers do it, e.g. tcp://host:8786")
    fuzz.add_argument("--resume", type=Path, metavar="RUN", help="go on with a campaign that was interrupted, in its folder")
    fuzz.add_argument(
        "--corpus",
        type=Path,
        action="append",
        default=[],
        metavar="PATH",
        help="start from these: cases, findings of earlier runs, recordings (candump, ASC, BLF, pcap), or folders of them",
    )
    fuzz.add_argument("--out", type=Path, metavar="DIR", help="the run's folder (default: a new one under reports/)")
    fuzz.add_argument("--force", action="store_true", help="replace the run that is in --out")
    add_wait(fuzz)
    fuzz.add_argument("--yes", action="store_true", help="do not ask before a real ECU is locked, written or reset")
    fuzz.add_argument("--exit-zero", action="store_true", help="exit with 0 although something was found")
    fuzz.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Fuzz; return the exit code."""
    if options.target == NEW:
        return _new_case(options)
    if options.send is not None:
        raise UserError(f'{options.send}: to write a case, type: uds-harness fuzz new "{options.send}"')
    if options.time is not None and options.exchanges is not None:
        raise UserError("--time and --exchanges exclude each other; give one of them")
    if options.dask is not None and options.workers is not None:
        raise UserError("--workers and --dask exclude each other; give one of them")
    return _fuzz(options)


def _fuzz(options: argparse.Namespace) -> int:
    from harness.audit.opening import try_keys
    from harness.audit.outcomes import exit_code
    from harness.audit.session import AuditOptions, AuditSession
    from harness.audit.stopping import Stop
    from harness.campaigns.rounds import CampaignSoFar
    from harness.campaigns.running import CampaignRun
    from harness.cli.result_lines import print_result
    from harness.link.clock import RealClock, new_seed
    from harness.runs.folder import AUDIT_HTML, check_is_free

    resumes, target = (None, target_of(options)) if options.resume is None else _taken_up(options)
    if not target.is_simulated and (options.workers or options.dask):
        raise UserError("a real ECU is never split: leave out --workers and --dask")
    longest_s = seconds_of("--time", options.time) if options.time is not None else None
    wanted = None if longest_s is not None else options.exchanges or DEFAULT_EXCHANGES
    seed = new_seed() if options.seed is None else options.seed
    corpus = _corpus(options, target)
    if options.out is not None:
        check_is_free(options.out, replaces_run=options.force)
    try_keys(target)
    wait_for_bus_of(target, options.wait)
    if not _is_agreed(options, target):
        return INTERRUPTED
    command = _command(options, seed, wanted)
    clock, stop = RealClock(), Stop()
    with contextlib.ExitStack() as ends:
        door = _door(options, target, ends)
        session = AuditSession(
            AuditOptions(
                target=target, seed=seed, out=options.out, command=command, replaces_run=options.force, resumes=resumes
            )
        )
        campaign = CampaignSoFar(target, seed, wanted, time_s=longest_s, corpus=corpus)
        begun_s = clock.now_s()
        try:
            print(
                f"uds-harness fuzz: {target.name} ({target.environment}), {_size(options, wanted)}, seed {seed}\n",
                flush=True,
            )
            _keep_beginning(session.folder.path, options, wanted, corpus)
            stop.install()
            progress = _Progress(campaign, longest_s, clock.now_s)

            def tell(finding: Finding) -> None:
                progress.clear()
                print_result(finding)

            campaign_run = CampaignRun(session, campaign, command=command, tell=tell)
            try:
                with stop.interruptible():
                    campaign_run.go(
                        door,
                        is_over=lambda: longest_s is not None and clock.now_s() - begun_s >= longest_s,
                        after=progress.show,
                        each=progress.hear,
                    )
            except KeyboardInterrupt:
                pass
            progress.clear()
            run = campaign_run.finish(stop.reason)
            session.seal()
        finally:
            session.close()
            session.release()
            stop.remove()
    rounds = "1 round" if campaign.rounds == 1 else f"{campaign.rounds} rounds"
    print(
        f"\n{campaign.exchanges:,} exchanges in {rounds}: {_counted(campaign.found)}; "
        f"{len(campaign.cells)} kinds of answers, {len(campaign.corpus)} sequences in the corpus"
    )
    code = exit_code(run)
    if run.info.interrupted:
        print(f"next: {own_command()} fuzz --resume {shlex.quote(str(session.folder.path))} goes on")
    print(f"report: {session.folder.path / AUDIT_HTML}")
    return 0 if options.exit_zero and code == 1 else code


def _door(options: argparse.Namespace, target: Target, ends: contextlib.ExitStack) -> Door | None:
    """Return the `Door` that runs the shards: this process, a pool or a cluster; None if they run on the run's own ECU."""
    if not target.is_simulated:
        return None
    from harness.campaigns.rounds import in_this_process
    from harness.campaigns.shards import run_shard
    from harness.campaigns.workers import Cluster, Pool

    if options.dask is not None:
        return ends.enter_context(Cluster(options.dask))
    if options.workers is None or options.workers == 1:
        return in_this_process(run_shard)
    return ends.enter_context(Pool(options.workers))


class _Progress:
    """Shows the progress of a campaign: in one line of a terminal, renewed after each shard, else in a line a round."""

    def __init__(self, campaign: CampaignSoFar, longest_s: float | None, now_s: Any) -> None:
        from harness.cli.wrapping import OverwrittenLine

        self._campaign = campaign
        self._longest_s = longest_s
        self._done = self._under_way = 0
        """Exchanges since this command began (not counting those before a resumption), and those of them not merged yet."""
        self._now_s = now_s
        self._begun_s = now_s()
        self._line = OverwrittenLine()

    def hear(self, result: Yield) -> None:
        """Count a shard that has ended."""
        self._done += result.exchanges
        self._under_way += result.exchanges
        if self._line.is_terminal:
            self._show(self._campaign.rounds + 1)

    def show(self) -> None:
        """Show the progress after a round."""
        self._under_way = 0
        self._show(self._campaign.rounds)

    def _show(self, round_: int) -> None:
        campaign, elapsed_s = self._campaign, self._now_s() - self._begun_s
        exchanges = campaign.exchanges + self._under_way
        rate = self._done / elapsed_s if elapsed_s > 0 else 0.0
        done = f"round {round_}: {exchanges:,} exchanges, {rate:,.0f}/s, {_counted(campaign.found)}, "
        text = f"{done}{len(campaign.cells)} kinds of answers{self._rest(exchanges, rate, elapsed_s)}"
        if self._line.is_terminal:
            from harness.cli.wrapping import width_of

            self._line.show(text[: width_of(sys.stdout) - 1])
        else:
            print(text, flush=True)

    def _rest(self, exchanges: int, rate: float, elapsed_s: float) -> str:
        wanted = self._campaign.exchanges_wanted
        if self._longest_s is not None:
            left_s = max(self._longest_s - elapsed_s, 0.0)
        elif wanted and rate:
            left_s = max(wanted - exchanges, 0) / rate
        else:
            return ""
        return f", {left_s / 60:.0f} min left" if left_s >= 60 else f", {left_s:.0f} s left"

    def clear(self) -> None:
        """Clear the line for other output."""
        self._line.clear()


def _counted(found: Sized) -> str:
    return "1 finding" if len(found) == 1 else f"{len(found)} findings"


def _size(options: argparse.Namespace, wanted: int | None) -> str:
    return f"{options.time}" if wanted is None else f"{wanted:,} exchanges"


def _is_agreed(options: argparse.Namespace, target: Target) -> bool:
    """Ask the person at the terminal, if any, whether to fuzz a real ECU with everything that its target allows."""
    allowed = sorted(target.safety.allow)
    if target.is_simulated or options.yes or not allowed or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return True
    print(f"A campaign makes use of all that the target allows: {', '.join(allowed)}.")
    return input("Go on with this ECU? [y/N] ").strip().lower() in ("y", "yes")


# Going on


def _corpus(options: argparse.Namespace, target: Target) -> list[Trial]:
    """Return the sequences with which the campaign begins; a resumed campaign uses those with which it first began."""
    from harness.fuzz.trials import Trial

    if options.resume is not None:
        return [
            Trial.from_json(one) for one in json.loads((options.resume / BEGUN_WITH).read_text(encoding="utf-8"))["corpus"]
        ]
    if not options.corpus:
        return []
    from harness.campaigns.corpus import corpus_in

    return list(dict.fromkeys(trial for path in options.corpus for trial in corpus_in(path, target)))


def _keep_beginning(folder: Path, options: argparse.Namespace, wanted: int | None, corpus: list[Trial]) -> None:
    path = folder / BEGUN_WITH
    path.parent.mkdir(exist_ok=True)
    names = ("target", "interface", "channel", "request_id", "response_id", "time")
    begun = {name: getattr(options, name) for name in names}
    begun |= {"exchanges": wanted, "corpus": [one.as_json() for one in corpus]}
    path.write_text(json.dumps(begun, indent=1) + "\n", encoding="utf-8")


def _taken_up(options: argparse.Namespace) -> tuple[Unfinished, Target]:
    """Return the campaign to resume, and its target; options that are not given keep their former values.

    Raises UserError if there is no such campaign, that campaign has ended, or `--out` or `--force` is given.
    """
    from harness.audit.resuming import unfinished_run

    if options.out is not None or options.force:
        raise UserError("--resume goes on in the run's own folder; leave out --out and --force")
    resumes = unfinished_run(options.resume)
    path = options.resume / BEGUN_WITH
    try:
        begun = json.loads(path.read_text(encoding="utf-8"))
        values = {name: begun[name] for name in ("target", "interface", "channel", "request_id", "response_id", "time")}
        exchanges = begun["exchanges"]
        if not isinstance(begun["corpus"], list):
            raise TypeError("corpus is no list")
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(f"{path}: is no beginning of a campaign ({error}); begin a new one") from error
    for name, value in values.items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    if options.time is None and options.exchanges is None:
        options.exchanges = exchanges
    if options.seed is None:
        options.seed = resumes.info.seed
    return resumes, target_of(options)


def _command(options: argparse.Namespace, seed: int, wanted: int | None) -> str:
    words = [word for path in options.corpus for word in ("--corpus", str(path))]
    words += ["--time", options.time] if wanted is None else ["--exchanges", str(wanted)]
    return command_of("fuzz", options, words, seed)


# A case of one's own


def _new_case(options: argparse.Namespace) -> int:
    """Write a case that sends the given request, and say how to run that case."""
    from harness.errors import Refused
    from harness.fuzz.case import read_cases
    from harness.fuzz.send import SEND

    if options.send is None:
        raise UserError('give what the case sends, e.g. uds-harness fuzz new "2E 20 {00..FF}"')
    try:
        SEND.parse(options.send)
    except Refused as refused:
        what_to_do = refused.args[0] if refused.args else f"give {SEND.allowed}"
        raise UserError(f'"{options.send}": {what_to_do}') from None
    name = "-".join(re.findall(r"[0-9a-z]+", options.send.lower()))[:40] or "case"
    folder = options.out or Path("cases")
    path = folder / f"{name}.toml"
    number = 1
    while path.exists():
        number += 1
        path = folder / f"{name}-{number}.toml"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"""# A fuzz case. All that may stand here: uds-harness docs fuzzing
[[case]]
id = "{path.stem}"
why = "The ECU is alive, locked and unchanged after these messages."
send = {json.dumps(options.send)}
# Which answers are right: "any", or e.g. "negative 13|31|33", "positive", "silence", joined by |
expect = "any"
""",
        encoding="utf-8",
    )
    read_cases(path)
    print(
        f"{path}: written; run it by\n\n    {own_command()} audit TARGET --checks {shlex.quote(str(path))} -k {path.stem}\n"
    )
    return 0
