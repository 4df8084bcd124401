"""Audit every flaw and every variant, and write the matrix: ``python -m tests.matrix``."""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor

from harness.ecu.flaws import FLAWS
from harness.ecu.variants import VARIANTS

from .page import dump, render
from .rows import MATRIX_HTML, MATRIX_JSON, FlawRow, VariantRow, as_json, flaw_row, variant_row


def main() -> None:
    """Write both files, and name on the error stream what breaks the matrix rule."""
    with ProcessPoolExecutor() as workers:
        flaws = list(workers.map(_flaw, FLAWS, chunksize=1))
        variants = list(workers.map(_variant, VARIANTS, chunksize=1))
    for row in flaws:
        flaw = FLAWS[row.name]
        unnamed = {*row.seen, *row.errors} - {*flaw.kills, *flaw.also}
        if unnamed or not set(flaw.kills) <= set(row.seen):
            print(f"{row.name}: must be seen by {flaw.kills}, is seen by {row.seen}, errors {row.errors}", file=sys.stderr)
    for variant in variants:
        if variant.alarms:
            print(f"{variant.name}: accused by {variant.alarms}", file=sys.stderr)
    matrix = as_json(flaws, variants)
    MATRIX_JSON.write_text(dump(matrix), encoding="utf-8")
    MATRIX_HTML.write_text(render(matrix), encoding="utf-8")


def _flaw(name: str) -> FlawRow:
    return flaw_row(FLAWS[name])[0]


def _variant(name: str) -> VariantRow:
    return variant_row(name)[0]


if __name__ == "__main__":
    main()
