"""Audit the unseen ECUs: ``python -m tests.unseen`` writes docs/scoreboard.md; with names it explains those ECUs."""

import argparse
import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from harness.verdict import Depth

from .ecu import TABLES, Unseen
from .page import SCOREBOARD, page
from .score import Score, audit, described, line
from .server_score import judged


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.unseen", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="ECUs or tables; more is said of named ones")
    parser.add_argument("--depth", type=Depth, choices=list(Depth), help="instead of each ECU's own")
    parser.add_argument("--check", nargs="*", default=[], metavar="ID", help="these checks only")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N", help="audits at a time")
    options = parser.parse_args()
    everything = [(kind, ecu) for kind, ecus in TABLES.items() for ecu in ecus]
    known = {name for kind, ecu in everything for name in (kind, ecu.name)}
    unknown = sorted(set(options.names) - known)
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}; known are {', '.join(sorted(known))}")
    chosen = [(kind, ecu) for kind, ecu in everything if not options.names or {kind, ecu.name} & set(options.names)]
    say = described if any(name == ecu.name for _, ecu in chosen for name in options.names) else line
    run = partial(_audit, depth=options.depth, only=options.check, seed=options.seed)
    with ProcessPoolExecutor(options.jobs) as workers:
        scores = []
        for score in workers.map(run, chosen):
            scores.append(score)
            print(say(score), flush=True)
    counts = Counter(score.outcome.value for score in scores)
    print("\n" + ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common()))
    if not options.names:
        SCOREBOARD.parent.mkdir(exist_ok=True)
        SCOREBOARD.write_text(page(scores, judged()), encoding="utf-8")
        print(f"written: {SCOREBOARD}")


def _audit(chosen: tuple[str, Unseen], *, depth: Depth | None, only: list[str], seed: int) -> Score:
    kind, ecu = chosen
    return audit(ecu, kind, depth=depth, only=only, seed=seed)


if __name__ == "__main__":
    main()
