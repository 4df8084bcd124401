"""What can be wrong with seeds?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from harness.ecu.defects.declare import Defect


@dataclass(frozen=True, kw_only=True)
class SeedDefects:
    """One switch for each; a rule asks for the one that spoils it."""

    constant_seed: Annotated[
        bool,
        Defect(
            what="Every seed is the same.",
            kills=("SA-01",),
            also={
                "SA-25": "the key of an old seed is the key of every seed",
                "SA-32": "the last key used, one of the trivial ones, is right again",
            },
        ),
    ] = False
    cycling_seeds: Annotated[
        bool,
        Defect(
            what="Four seeds repeat in a fixed order, which starts again at each boot.",
            kills=("SA-01",),
            also={
                "SA-25": "an old key is right again whenever its seed is",
                "SA-32": "the last key used, one of the trivial ones, is right again whenever its seed is",
            },
        ),
    ] = False
