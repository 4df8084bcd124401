"""Which flaws can be put into a sound ECU, one at a time, and which checks must see each?

A further defect is one more switch in the file of its kind, and the line in the rule which asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Final, get_type_hints

from harness.ecu.defects.access import AccessDefects
from harness.ecu.defects.attempts import AttemptDefects
from harness.ecu.defects.conformance import ConformanceDefects
from harness.ecu.defects.declare import Defect
from harness.ecu.defects.exposure import ExposureDefects
from harness.ecu.defects.keys import KeyDefects
from harness.ecu.defects.seeds import SeedDefects
from harness.ecu.defects.sessions import SessionDefects
from harness.ecu.defects.transport import TransportDefects

KINDS: Final = (
    SeedDefects,
    AttemptDefects,
    KeyDefects,
    AccessDefects,
    SessionDefects,
    ConformanceDefects,
    TransportDefects,
    ExposureDefects,
)


@dataclass(frozen=True, kw_only=True)
class Defects(
    SeedDefects,
    AttemptDefects,
    KeyDefects,
    AccessDefects,
    SessionDefects,
    ConformanceDefects,
    TransportDefects,
    ExposureDefects,
):
    """Every switch; all are off in a sound ECU."""

    @classmethod
    def of(cls, *names: str) -> Defects:
        """Those named, which must be keys of `DEFECTS`."""
        return cls(**dict.fromkeys(names, True))


def _declared() -> dict[str, Defect]:
    hints = get_type_hints(Defects, include_extras=True)
    return {one.name: replace(hints[one.name].__metadata__[0], name=one.name) for kind in KINDS for one in fields(kind)}


DEFECTS: Final = _declared()
