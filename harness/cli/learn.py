"""`uds-harness learn`: learn an ECU's state machine, judge it, and show it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.target_options import add_key, add_target, command_of, counted, target_of
from harness.errors import UserError
from harness.system import extra_command

if TYPE_CHECKING:
    from harness.audit.session import AuditSession
    from harness.audit.stopping import Stop
    from harness.learning.learning import Learned
    from harness.learning.observations import Answers, Word
    from harness.runs.state_machine import StateMachine
    from harness.target import Target

NOTHING_JUDGED = 5
OBSERVATIONS = "observations.jsonl"
"""The file in a run's folder with each sequence that was sent and its answers, which --resume reads again."""

EXIT_CODES = """exit codes of learn, the first that applies:
  4  wrong use: a target, option, key function or model is malformed, or the extra is missing
  2  interrupted; what was learned is kept
  3  the bus or the harness failed
  1  the machine breaks a rule, and that is not accepted; with --compare: the machines differ
  5  nothing was judged, e.g. the ECU does not answer, or cannot be brought back to one state
  0  everything else"""

_number_of_requests = counted("number of requests", 5000)


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    learn = commands.add_parser(
        "learn",
        help="learn the ECU's state machine, judge it, and draw it",
        description="Learn the state machine of an ECU's SecurityAccess, hold it against the standard, and draw it.\n"
        "Without TARGET and link options: the article's ECU, simulated.\n"
        "Without TARGET: an ECU that is discovered first; give its --key.",
        epilog=EXIT_CODES,
    )
    add_target(learn)
    add_key(learn)
    learn.add_argument("--alphabet", choices=("default", "full"), default="default", help="what is sent; full: all levels")
    learn.add_argument("--seed", type=int, metavar="N", help="repeat a run's chance (default: a new seed, printed)")
    learn.add_argument(
        "--requests", type=_number_of_requests, metavar="N", help="stop after N requests, and keep what is known"
    )
    learn.add_argument("--plan", action="store_true", help="say what learning would take, and send nothing")
    learn.add_argument("--out", type=Path, metavar="DIR", help="the run's folder (default: a new one under reports/)")
    learn.add_argument("--force", action="store_true", help="replace the run that is in --out")
    learn.add_argument("--resume", type=Path, metavar="RUN", help="take over the answers of an earlier run on the same ECU")
    learn.add_argument("--compare", type=Path, nargs=2, metavar=("OLD", "NEW"), help="say what changed between two models")
    learn.add_argument("--exit-zero", action="store_true", help="exit with 0 although rules are broken")
    learn.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Learn; return the exit code."""
    from harness.runs.folder import check_is_free

    if options.compare is not None:
        return _compare(*options.compare)
    if find_spec("aalpy") is None:
        raise UserError(f"learning needs AALpy, which is not installed: {extra_command('learn')}")
    target, found_text = target_of(options), ""
    if options.key and target.path is not None:
        raise UserError(f"--key is for an ECU that nobody described; put key into [[security]] of {target.path}")
    if options.out is not None and not options.plan:
        check_is_free(options.out, replaces_run=options.force)
    if target.path is None:
        from harness.cli.discover_bus import described_by
        from harness.verdict import Depth

        if options.plan:
            raise UserError("--plan needs a target file: write one with `uds-harness discover -o FILE`")
        target, found_text = described_by(options, target, depth=Depth.QUICK)
        if not found_text:
            return NOTHING_JUDGED
    return _plan(options, target) if options.plan else _learn(options, target, found_text)


def _compare(old: Path, new: Path) -> int:
    from harness.learning.comparison import compare, comparison_lines
    from harness.runs.state_machine import read_machine

    found = compare(read_machine(old), read_machine(new))
    print("\n".join(comparison_lines(found)))
    return int(not found.is_same)


def _plan(options: argparse.Namespace, target: Target) -> int:
    """Print how much time and how many requests learning would take. The bus is not opened, and nothing is sent."""
    from harness.errors import Unjudged
    from harness.learning.cost import plan_lines, plan_of
    from harness.learning.letters import alphabet_of
    from harness.learning.subject import way_back
    from harness.link.clock import Chance
    from harness.link.trace import Trace
    from harness.simulation.simulated_link import SimulatedLink
    from harness.tester.ledger import Ledger
    from harness.tester.tester import Tester

    chance = Chance(options.seed or 0)
    nobody = SimulatedLink(
        [],
        bitrate=target.can.bitrate,
        chance=chance,
        trace=Trace(),
        make_nodes=(lambda: []) if target.is_simulated else None,
    )
    keys = {one.level: (lambda seed, level: b"") if one.key else None for one in target.security}
    tester = Tester(nobody, target, chance=chance, keys=keys, ledger=Ledger(None, target.name, target.safety.wrong_keys))
    is_full = options.alphabet == "full"
    try:
        how = way_back(tester)
    except Unjudged as reason:
        print(reason)
        return NOTHING_JUDGED
    alphabet = alphabet_of(tester, is_full=is_full, can_renew=target.is_simulated)
    plan = plan_of(target, alphabet, how, is_full=is_full, seed=options.seed or 0, most_requests=options.requests)
    print("\n".join(plan_lines(plan)))
    return 0


def _learn(options: argparse.Namespace, target: Target, found_text: str) -> int:
    from harness.audit.opening import try_keys
    from harness.audit.outcomes import exit_code
    from harness.audit.session import AuditOptions, AuditSession
    from harness.audit.stopping import Stop
    from harness.cli.result_lines import print_result
    from harness.learning.results import not_learned, results
    from harness.link.clock import new_seed
    from harness.runs.folder import AUDIT_HTML
    from harness.runs.state_machine import LEARN_HTML

    known = list(_answers_of(options.resume)) if options.resume is not None else []
    try_keys(target)
    seed = new_seed() if options.seed is None else options.seed
    command = _command(options, seed)
    session = AuditSession(
        AuditOptions(
            target=target, seed=seed, out=options.out, command=command, found_text=found_text, replaces_run=options.force
        )
    )
    stop = Stop()
    try:
        print(
            f"uds-harness learn: {target.name} ({target.environment}), alphabet {options.alphabet}, seed {seed}\n",
            flush=True,
        )
        stop.install()
        learned, why_not = _asked(options, session, stop, seed, known)
        found = not_learned(why_not, repeat=command) if learned is None else results(learned, repeat=command)
        for finding in found:
            kept = session.keep(finding)
            print_result(kept)
        if learned is not None:
            machine = learned.machine
            session.before_reports = lambda: _write(session, machine)
        run = session.finish(stop.reason)
        session.seal()
    finally:
        session.close()
        session.release()
        stop.remove()
    if learned is not None:
        _summarize(replace(learned.machine, requests=session.tester.exchange_count))
        print(f"machine: {session.folder.path / LEARN_HTML}")
    print(f"report: {session.folder.path / AUDIT_HTML}")
    code = exit_code(run)
    return 0 if options.exit_zero and code == 1 else code


def _asked(
    options: argparse.Namespace, session: AuditSession, stop: Stop, seed: int, known: list[tuple[Word, Answers]]
) -> tuple[Learned | None, str]:
    """Learn; return what was learned, or None with the reason why nothing could be learned."""
    from harness.cli.wrapping import OverwrittenLine
    from harness.errors import Unjudged
    from harness.learning.learning import Learner

    kept = session.folder.path / OBSERVATIONS
    progress = OverwrittenLine()
    learned = None
    with open(kept, "a", encoding="ascii", buffering=1) as file:
        try:
            learner = Learner(
                session.tester,
                is_full=options.alphabet == "full",
                seed=seed,
                most_requests=options.requests,
                say=progress.show,
                keep=lambda word, answers: print(json.dumps([word, answers]), file=file),
                known=known,
            )
        except Unjudged as reason:
            return None, str(reason)
        try:
            with stop.interruptible():
                learned = learner.run()
        except KeyboardInterrupt:
            learned = learner.learned()
    progress.clear()
    return learned, ""


def _write(session: AuditSession, machine: StateMachine) -> None:
    """Write the model into the run's folder, after the last request."""
    from harness.runs.state_machine import MODEL_JSON

    session.folder.write(MODEL_JSON, replace(machine, requests=session.tester.exchange_count).text())


def _summarize(machine: StateMachine) -> None:
    print(
        f"\n{len(machine.states)} states, {len(machine.transitions)} transitions; {machine.requests} requests, "
        f"{machine.resets} resets, {machine.wrong_keys} wrong keys; {machine.saved_letters} letters were not asked again"
    )


def _answers_of(run: Path) -> Iterator[tuple[Word, Answers]]:
    """Yield the answers of an earlier run. Raises UserError if the folder holds no run of `learn`, or a damaged one."""
    path = run / OBSERVATIONS
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error}); name the folder of a run of `uds-harness learn`") from error
    for number, line in enumerate(lines, start=1):
        try:
            word, answers = json.loads(line)
            if len(word) != len(answers) or not all(isinstance(one, str) for one in (*word, *answers)):
                raise ValueError("no letters with their answers")
        except (ValueError, TypeError, RecursionError) as error:
            if number == len(lines):
                return  # the run was killed while writing this line
            raise UserError(f"{path}: line {number} is damaged ({error})") from error
        yield tuple(word), tuple(answers)


def _command(options: argparse.Namespace, seed: int) -> str:
    words = ["--alphabet", options.alphabet] if options.alphabet != "default" else []
    words += ["--requests", str(options.requests)] if options.requests else []
    return command_of("learn", options, words, seed)
