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
from harness.ecu.defects.key_comparison import KeyComparisonDefects
from harness.ecu.defects.keys import KeyDefects
from harness.ecu.defects.seeds import SeedDefects
from harness.ecu.defects.services import ServiceDefects
from harness.ecu.defects.sessions import SessionDefects
from harness.ecu.defects.transport import TransportDefects

KINDS: Final = (
    SeedDefects,
    AttemptDefects,
    KeyDefects,
    KeyComparisonDefects,
    AccessDefects,
    ServiceDefects,
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
    KeyComparisonDefects,
    AccessDefects,
    ServiceDefects,
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


CAMPAIGNS: Final = {
    "FZ-01": "random frames may meet any flaw",
    "FZ-02": "mutated requests may meet any flaw",
    "FZ-03": "a sweep over all services may meet any flaw",
    "FZ-04": "a random walk may lead to any state",
    "FZ-05": "random sequences of frames may meet any flaw",
}
"""Checks that go wherever chance leads may fail on every defect."""


def _declared() -> dict[str, Defect]:
    hints = get_type_hints(Defects, include_extras=True)
    declared = {one.name: hints[one.name].__metadata__[0] for kind in KINDS for one in fields(kind)}
    return {name: replace(one, name=name, also=_with_campaigns(one)) for name, one in declared.items()}


def _with_campaigns(defect: Defect) -> dict[str, str]:
    return {check: why for check, why in CAMPAIGNS.items() if check not in defect.kills} | dict(defect.also)


DEFECTS: Final = _declared()
