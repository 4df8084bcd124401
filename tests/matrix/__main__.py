"""Audit flaws and variants. Without a name all of them, and the matrix is written: ``python -m tests.matrix [NAME ...]``."""

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from harness.ecu.flaws import FLAWS
from harness.ecu.variants import VARIANTS

from .page import dump, render
from .rows import MATRIX_HTML, MATRIX_JSON, FlawRow, VariantRow, as_json, flaw_row, variant_row


def main(words: Sequence[str] | None = None) -> int:
    """Print the rows of the named flaws and variants; without a name write both files. Return 1 if a row breaks the matrix
    rule.
    """
    parser = argparse.ArgumentParser(
        prog="python -m tests.matrix",
        description="Audit flawed ECUs and sound variants, and compare what the checks say with what they must say.",
        epilog="Without NAME every row is made, which takes minutes, and reports/sample/matrix.* is written.",
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="audit and print only these flaws or variants; write nothing"
    )
    names = list(dict.fromkeys(parser.parse_args(words).names))
    unknown = [name for name in names if name not in FLAWS and name not in VARIANTS]
    if unknown:
        parser.error(f"no flaw or variant has the name {', '.join(unknown)}")
    with ProcessPoolExecutor() as workers:
        flaws = list(workers.map(_flaw, [name for name in names or FLAWS if name in FLAWS], chunksize=1))
        variants = list(workers.map(_variant, [name for name in names or VARIANTS if name in VARIANTS], chunksize=1))
    broken = [*filter(None, map(_broken_by_flaw, flaws)), *filter(None, map(_broken_by_variant, variants))]
    for line in broken:
        print(line, file=sys.stderr)
    matrix = as_json(flaws, variants)
    if names:
        print(dump({kind: matrix[kind] for kind in ("defects", "variants") if matrix[kind]}), end="")
    else:
        MATRIX_JSON.write_text(dump(matrix), encoding="utf-8")
        MATRIX_HTML.write_text(render(matrix), encoding="utf-8")
    return int(bool(broken))


def _broken_by_flaw(row: FlawRow) -> str:
    flaw = FLAWS[row.name]
    unnamed = {*row.seen, *row.errors} - {*flaw.kills, *flaw.also}
    if not unnamed and set(flaw.kills) <= set(row.seen):
        return ""
    return f"{row.name}: must be seen by {flaw.kills}, is seen by {row.seen}, errors {row.errors}"


def _broken_by_variant(row: VariantRow) -> str:
    return f"{row.name}: accused by {row.alarms}" if row.alarms else ""


def _flaw(name: str) -> FlawRow:
    return flaw_row(FLAWS[name])[0]


def _variant(name: str) -> VariantRow:
    return variant_row(name)[0]


if __name__ == "__main__":
    sys.exit(main())
