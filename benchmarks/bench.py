"""Measure the budgets, each as a quotient of two speeds; exit with 1 if one is missed."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from pathlib import Path

from benchmarks.measures import MEASURES, RUNS
from benchmarks.rows import HEAD

OUT = Path(__file__).parent.parent / "reports" / "bench.json"


def main() -> int:
    """Measure, print each row, and write the figures to a file; return 1 if a budget is missed."""
    names = [measure.__name__ for measure in MEASURES]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench", description=__doc__)
    parser.add_argument("only", nargs="*", metavar="NAME", help=f"measure only these: {', '.join(names)}")
    parser.add_argument("--out", type=Path, default=OUT, metavar="FILE", help="where the figures go (reports/bench.json)")
    options = parser.parse_args()
    unknown = sorted(set(options.only) - set(names))
    if unknown:
        parser.error(f"there is no measurement {', '.join(unknown)}; known are {', '.join(names)}")
    machine = f"Python {platform.python_version()} on {os.cpu_count()} CPUs, {platform.system()} {platform.release()}"
    print(f"{machine}, load {os.getloadavg()[0]:.1f}; {RUNS} runs each\n\n{HEAD}", flush=True)
    rows = []
    for measure in MEASURES:
        if not options.only or measure.__name__ in options.only:
            for row in measure():
                rows.append(row)
                print("\n".join(row.lines()), flush=True)
    notes = dict.fromkeys(note for row in rows for note in row.notes())
    print("\nIndented: for comparison.", *notes, sep="\n  ")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    content = {"machine": machine, "runs": RUNS, "measurements": [row.as_json() for row in rows]}
    options.out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    missed = [row.name for row in rows if row.is_over]
    print(f"\n{'Missed: ' + '; '.join(missed) if missed else 'All budgets are kept.'} Figures: {options.out}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
