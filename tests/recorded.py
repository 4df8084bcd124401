"""Record what an audit says of every shipped ECU, flaw and variant, to prove that a change of the code changes none of it.

``python -m tests.recorded --out FILE [NAMES...]`` records. ``python -m tests.recorded --against FILE [NAMES...]`` audits
once more and prints the first difference of each name; the exit code is 1 if there is one. Without names it takes all
profiles, flaws and variants: five minutes of processor time. ``--strangers`` adds the ECUs of tests/unseen/cars, which take
longer. A recording holds each result's verdict and words, and the SHA-256 of the bus log that ``private/bus.log`` of such
a run would be.
"""

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
from harness.ecu.profiles import PROFILES
from harness.ecu.variants import VARIANTS
from harness.link.trace import Trace
from harness.runs.findings import Finding
from harness.target import Target
from harness.testing import run_checks
from harness.verdict import Depth

from .unseen.cars.stranger import STRANGERS as CARS
from .unseen.cars.test_strangers import TAKES_LONG
from .variants import with_changes

NAMES: Final = (*PROFILES, *FLAWS, *VARIANTS)
STRANGERS: Final = {f"strangers/{one.name}": one for table in CARS.values() for one in table if one.name not in TAKES_LONG}
SEED: Final = 1
FIELDS: Final = ("id", "parameter", "verdict", "severity", "expected", "observed", "reason")
Record = list[dict[str, Any]]
"""The audits of one name, each with its depth, the digest of its bus log, and its results in order."""


class HashedLog:
    """A bus log that keeps only its digest, and its text if there is a file for it."""

    def __init__(self, path: Path | None) -> None:
        self._digest = hashlib.sha256()
        self._file = path.open("a", encoding="ascii") if path is not None else None

    def write(self, text: str) -> None:
        """Write text that consists of whole lines."""
        self._digest.update(text.encode("ascii"))
        if self._file is not None:
            self._file.write(text)

    def flush(self) -> None:
        """Flush the file, if there is one."""
        if self._file is not None:
            self._file.flush()

    def hexdigest(self) -> str:
        """Return the SHA-256 of everything that was written."""
        return self._digest.hexdigest()


def audits(name: str) -> Iterator[tuple[Target, Depth, tuple[str, ...]]]:
    """Return the audits for which a name stands: target, depth, and checks to run, as in the matrix."""
    everything = tuple(shipped_functions())
    if name in PROFILES:
        for depth in (Depth.QUICK, Depth.DEFAULT):
            yield with_changes(name), depth, everything
    elif name in VARIANTS:
        yield with_changes("hardened", name), Depth.QUICK, everything
    elif name in STRANGERS:
        yield STRANGERS[name].target, Depth.QUICK, everything
    else:
        flaw, target = FLAWS[name], with_changes(FLAWS[name].base, name)
        if flaw.depth == "deep":
            yield target, Depth.DEEP, flaw.kills
            yield target, Depth.DEFAULT, tuple(check for check in everything if check not in flaw.kills)
        else:
            yield target, Depth(flaw.depth), everything


def record(name: str, logs: Path | None = None) -> tuple[str, Record]:
    """Audit one name; write the bus logs into a folder, if one is given."""
    functions = shipped_functions()
    rows: Record = []
    for target, depth, checks in audits(name):
        log = HashedLog(logs / f"{name}-{depth.value}.log" if logs is not None else None)
        trace = Trace()
        trace.write_to(log)
        findings = run_checks([functions[check] for check in checks], target, seed=SEED, depth=depth, trace=trace)
        trace.flush()
        row = {"depth": depth.value, "bus_log": log.hexdigest(), "frames": trace.count}
        rows.append({**row, "results": [as_row(finding) for finding in findings]})
    return name, rows


def as_row(finding: Finding) -> dict[str, Any]:
    """Return what is recorded of one result."""
    result = finding.as_json()
    return {**{field: result[field] for field in FIELDS}, "frames": [finding.first_frame, finding.last_frame]}


def difference(before: Record, now: Record) -> str:
    """Describe the first difference between two recordings of one name; empty if they are equal."""
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
    """Record or compare; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.recorded", description=__doc__)
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--out", type=Path, metavar="FILE", help="write the recording here")
    action.add_argument("--against", type=Path, metavar="FILE", help="compare with this recording")
    parser.add_argument("--logs", type=Path, metavar="DIR", help="keep the bus logs in this new folder")
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: one a core)")
    parser.add_argument("--strangers", action="store_true", help="the ECUs of tests/unseen/cars too")
    parser.add_argument("names", nargs="*", metavar="NAME", help="profiles, flaws, variants, strangers/NAME (default: all)")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in NAMES and name not in STRANGERS]
    if unknown:
        parser.error(f"no profile, flaw, variant or stranger is called {', '.join(unknown)}")
    names = options.names or (*NAMES, *(STRANGERS if options.strangers else ()))
    if options.logs is not None:
        options.logs.mkdir(parents=True)
    before: dict[str, Record] = json.loads(options.against.read_text(encoding="utf-8")) if options.against else {}
    now: dict[str, Record] = {}
    differing = 0
    with ProcessPoolExecutor(options.workers) as workers:
        for name, rows in workers.map(partial(record, logs=options.logs), names, chunksize=1):
            now[name] = rows
            text = difference(before[name], rows) if name in before else ""
            if text:
                differing += 1
                print(f"{name}: {text}", flush=True)
    if options.out is not None:
        options.out.write_text(json.dumps(now, indent=0), encoding="utf-8")
        print(f"{len(now)} recorded in {options.out}")
        return 0
    new = [name for name in now if name not in before]
    gone = [name for name in before if name not in NAMES and name not in STRANGERS]
    print(f"{len(now) - len(new)} compared with {options.against}: {differing} differ")
    for names, what in ((new, "were not recorded before"), (gone, "were recorded, and are not there now")):
        if names:
            print(f"{len(names)} {what}: {', '.join(names)}")
    return 1 if differing or gone else 0


if __name__ == "__main__":
    sys.exit(main())
