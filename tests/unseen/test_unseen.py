"""Prove that flaws are found, and sound ECUs not accused, though their authors had not seen the checks."""

from typing import Any

import pytest

from harness.audit.catalogue import shipped_functions
from harness.verdict import Depth

from .ecu import TABLES, Unseen
from .score import Outcome, audit, described

IN_EACH_RUN = 24
"""`make test` audits one in this many ECUs of a table, the thorough run all of them."""

OPEN = {
    "long-answers-wear-it-out": "it restarts at the 600th long answer of its life, which no check reaches",
    "seed-always-refused-with-22": "its level gives no seed to anybody, so that nothing of it can be judged",
    "another-tester-reads-long-answers": "somebody else asks it all the time, so that silence proves nothing",
}
"""ECUs whose flaw is missed, or that leave too many results undecided, each with the reason; a mended one must leave this
list.
"""


def unseen() -> list[Any]:
    """Return the ECUs of all tables, each with its table; those for the thorough run are marked."""

    def marks(number: int, ecu: Unseen) -> list[pytest.MarkDecorator]:
        found = [pytest.mark.thorough] if number % IN_EACH_RUN else []
        return [*found, pytest.mark.xfail(reason=OPEN[ecu.name], strict=True)] if ecu.name in OPEN else found

    return [
        pytest.param(kind, ecu, id=f"{kind}-{ecu.name}", marks=marks(number, ecu))
        for kind, ecus in TABLES.items()
        for number, ecu in enumerate(ecus)
    ]


@pytest.mark.parametrize(("kind", "ecu"), unseen())
def test_a_flaw_is_caught_and_a_sound_ecu_left_alone(kind: str, ecu: Unseen) -> None:
    score = audit(ecu, kind)
    assert score.outcome is (Outcome.CAUGHT if ecu.flaw else Outcome.QUIET), described(score)


@pytest.mark.parametrize("kind", TABLES)
def test_a_table_says_what_is_expected_of_each_ecu(kind: str) -> None:
    names = [ecu.name for ecus in TABLES.values() for ecu in ecus]
    for ecu in TABLES[kind]:
        assert names.count(ecu.name) == 1, ecu.name
        assert bool(ecu.flaw) == bool(ecu.must_fail), ecu.name
        assert set(ecu.must_fail) <= set(shipped_functions()), ecu.name
        assert Depth(ecu.depth), ecu.name
