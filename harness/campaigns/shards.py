"""Run a shard, one part of a round: a hunt on an ECU of its own. The file of the result holds a hash of the shard's inputs.

The result depends on nothing but the shard's job: not on the process, the time, or other shards.
"""

import gc
import hashlib
import json
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.audit.opening import open_tester
from harness.fuzz.found import FuzzFinding
from harness.fuzz.hunt import Hunt, Yield
from harness.fuzz.trials import Trial
from harness.link.clock import Chance
from harness.link.trace import Trace
from harness.runs.folder import replacing
from harness.target import Target
from harness.tester.tester import Tester

FOLDER: Final = "shards"
"""The folder in a run's folder that holds the results of shards."""
SCHEMA_VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The task of one shard: everything on which its result depends."""

    target: Target
    seed: int
    """The campaign's seed."""
    round: int
    index: int
    exchanges: int
    known: tuple[FuzzFinding, ...] = ()
    corpus: tuple[Trial, ...] = ()
    seen: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the shard's result file."""
        return f"{FOLDER}/r{self.round:05}-s{self.index:03}.json"

    @property
    def basis(self) -> str:
        """A hash of everything on which the result depends, except the harness itself."""
        parts = [
            json.dumps(self.target.redacted(), sort_keys=True, default=str),
            json.dumps([self.seed, self.round, self.index, self.exchanges]),
            json.dumps([one.as_json() for one in self.known]),
            json.dumps([one.as_json() for one in self.corpus]),
            json.dumps(self.seen),
        ]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    @property
    def chance(self) -> Chance:
        """The source of chance that belongs to the shard alone."""
        return Chance(self.seed).stream(f"campaign/{self.round}/{self.index}")


def hunt(job: Job, tester: Tester) -> Yield:
    """Do the job with a tester that exists already."""
    return Hunt(tester, job.chance, known=job.known, corpus=job.corpus, seen=job.seen).run(job.exchanges)


def run_shard(job: Job) -> str:
    """Run a shard on a simulated ECU; return the content of its file. Raises UserError if the ECU cannot be opened."""
    gc.freeze()  # what was there before, all imported code, need not be looked through again and again
    try:
        return _run(job)
    finally:
        gc.collect()  # what the shard leaves, before it would count as what was there before
        gc.unfreeze()


def _run(job: Job) -> str:
    chance = job.chance
    seed = int.from_bytes(chance.stream("ecu").random_bytes(4), "big")
    tester = open_tester(job.target, seed=seed, trace=Trace(), ledger_path=None)
    try:
        return text_of(job, hunt(job, tester))
    finally:
        tester.link.close()


def text_of(job: Job, result: Yield) -> str:
    """Return the content of a shard's file."""
    body = {
        "schema_version": SCHEMA_VERSION,
        "round": job.round,
        "index": job.index,
        "basis": job.basis,
        "exchanges": result.exchanges,
        "sent": dict(sorted(result.sent.items())),
        "found": [one.as_json() for one in result.found],
        "fresh": [[trial.as_json(), list(news)] for trial, news in result.fresh],
        "cells": [[*cell, count] for cell, count in sorted(result.cells.items())],
        "deviations": result.deviations,
        "is_open": result.is_open,
        "not_reproduced": result.not_reproduced,
        "left_out": result.left_out,
        "lost": result.lost,
    }
    return json.dumps({**body, "sha256": _sha256(body)}, indent=1) + "\n"


def read_shard(text: str, job: Job) -> Yield | None:
    """Parse a shard's file; None if the file is damaged, or was made from other inputs."""
    try:
        body: dict[str, Any] = json.loads(text)
        given = body.pop("sha256")
        if given != _sha256(body) or body["basis"] != job.basis or body["schema_version"] != SCHEMA_VERSION:
            return None
        return Yield(
            exchanges=body["exchanges"],
            sent=Counter(body["sent"]),
            found=[FuzzFinding.from_json(one) for one in body["found"]],
            fresh=[(Trial.from_json(trial), tuple(news)) for trial, news in body["fresh"]],
            cells=Counter({(state, service, outcome): count for state, service, outcome, count in body["cells"]}),
            deviations=body["deviations"],
            is_open=body["is_open"],
            not_reproduced=body["not_reproduced"],
            left_out=body["left_out"],
            lost=body["lost"],
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def kept_shard(folder: Path, job: Job) -> Yield | None:
    """Return the result of a shard that was run before, if its file exists and is whole; else None."""
    try:
        return read_shard((folder / job.name).read_text(encoding="utf-8"), job)
    except (OSError, UnicodeDecodeError):
        return None


def keep_shard(folder: Path, job: Job, text: str) -> None:
    """Write a shard's file, of which a reader never sees half. Raises UserError if it cannot be written."""
    path = folder / job.name
    os.makedirs(path.parent, exist_ok=True)
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8")


def _sha256(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
