"""Record what an audit says of every shipped ECU, flaw and variant, to prove that a change of the code changes none of it.

``python -m tests.recorded --out FILE [NAMES...]`` records. ``python -m tests.recorded --against FILE [NAMES...]`` audits
once more and prints the first difference of each name; the exit code is 1 if there is one. Without names it takes all of
them: five minutes of processor time. A recording holds each result's verdict and words, and the SHA-256 of the bus log
that ``private/bus.log`` of such a run would be.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final

from harness.audit.catalogue import shipped_functions
from harness.ecu.flaws import FLAWS
from harness.ecu.variants import VARIANTS
from harness.link.trace import Trace
from harness.runs.findings import Finding
from harness.testing import run_checks
from harness.verdict import Depth

from .variants import with_changes

PROFILES: Final = ("article", "article-v1", "hardened", "hardened-article-key")
NAMES: Final = (*PROFILES, *FLAWS, *VARIANTS)
SEED: Final = 1
FIELDS: Final = ("id", "parameter", "verdict", "severity", "expected", "observed", "reason")
Record = list[dict[str, Any]]
"""The audits of one name, each with its depth, the digest of its bus log, and its results in order."""


class HashedLog:
    """A bus log of which the digest is kept, and the text if there is a file for it."""

    def __init__(self, path: Path | None) -> None:
        self._digest = hashlib.sha256()
        self._file = path.open("a", encoding="ascii") if path is not None else None

    def write(self, text: str) -> None:
        """Take whole lines."""
        self._digest.update(text.encode("ascii"))
        if self._file is not None:
            self._file.write(text)

    def flush(self) -> None:
        """See that they are on their way to the disk."""
        if self._file is not None:
            self._file.flush()

    def hexdigest(self) -> str:
        """The SHA-256 of all that was written."""
        return self._digest.hexdigest()


def audits(name: str) -> Iterator[tuple[str, Depth, tuple[str, ...]]]:
    """The audits that a name stands for: the profile, the depth, and the checks to run, as in the matrix."""
    everything = tuple(shipped_functions())
    if name in PROFILES:
        yield name, Depth.QUICK, everything
        yield name, Depth.DEFAULT, everything
    elif name in VARIANTS:
        yield "hardened", Depth.QUICK, everything
    elif FLAWS[name].depth == "deep":
        kills = FLAWS[name].kills
        yield FLAWS[name].base, Depth.DEEP, kills
        yield FLAWS[name].base, Depth.DEFAULT, tuple(check for check in everything if check not in kills)
    else:
        yield FLAWS[name].base, Depth(FLAWS[name].depth), everything


def record(name: str, logs: Path | None = None) -> tuple[str, Record]:
    """Audit one name; the bus logs go to a folder, if one is given."""
    functions = shipped_functions()
    rows: Record = []
    for base, depth, checks in audits(name):
        log = HashedLog(logs / f"{name}-{depth.value}.log" if logs is not None else None)
        trace = Trace()
        trace.write_to(log)
        target = with_changes(base, *(() if name in PROFILES else (name,)))
        findings = run_checks([functions[check] for check in checks], target, seed=SEED, depth=depth, trace=trace)
        trace.flush()
        row = {"depth": depth.value, "bus_log": log.hexdigest(), "frames": trace.count}
        rows.append({**row, "results": [as_row(finding) for finding in findings]})
    return name, rows


def as_row(finding: Finding) -> dict[str, Any]:
    """What is recorded of one result."""
    result = finding.as_json()
    return {**{field: result[field] for field in FIELDS}, "frames": [finding.first_frame, finding.last_frame]}


def difference(before: Record, now: Record) -> str:
    """The first difference between two recordings of one name, for a reader; empty if they are the same."""
    for old, new in zip(before, now, strict=True):
        title = f"depth {new['depth']}"
        for one, other in zip(old["results"], new["results"], strict=False):
            if one != other:
                what = " ".join(str(one[key]) for key in ("id", "parameter") if one[key])
                changed = [key for key in (*FIELDS, "frames") if one[key] != other[key]]
                lines = "".join(f"\n    {key}\n      was {one[key]}\n      is  {other[key]}" for key in changed)
                return f"{title}: {what}{lines}"
        if len(old["results"]) != len(new["results"]):
            return f"{title}: was {len(old['results'])} results, is {len(new['results'])}"
        if old["bus_log"] != new["bus_log"]:
            counts = f"was {old['frames']} frames, is {new['frames']}"
            return f"{title}: the same results, another bus log ({counts}); --logs DIR keeps it to compare"
    return ""


def main() -> int:
    """Record or compare; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.recorded", description=__doc__)
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--out", type=Path, metavar="FILE", help="write the recording here")
    action.add_argument("--against", type=Path, metavar="FILE", help="compare with this recording")
    parser.add_argument("--logs", type=Path, metavar="DIR", help="keep the bus logs in this new folder")
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: one a core)")
    parser.add_argument("names", nargs="*", metavar="NAME", help="profiles, flaws and variants (default: all)")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in NAMES]
    if unknown:
        parser.error(f"no profile, flaw or variant is called {', '.join(unknown)}")
    if options.logs is not None:
        options.logs.mkdir(parents=True)
    before: dict[str, Record] = json.loads(options.against.read_text(encoding="utf-8")) if options.against else {}
    now: dict[str, Record] = {}
    differing = 0
    with ProcessPoolExecutor(options.workers) as workers:
        for name, rows in workers.map(partial(record, logs=options.logs), options.names or NAMES, chunksize=1):
            now[name] = rows
            text = "not recorded before" if name not in before else difference(before[name], rows)
            if options.against and text:
                differing += 1
                print(f"{name}: {text}", flush=True)
    if options.out is not None:
        options.out.write_text(json.dumps(now, indent=0), encoding="utf-8")
        print(f"{len(now)} recorded in {options.out}")
        return 0
    for name in () if options.names else before:
        if name not in now:
            differing += 1
            print(f"{name}: recorded before, there is none now")
    print(f"{len(now)} compared with {options.against}: {differing} differ")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
