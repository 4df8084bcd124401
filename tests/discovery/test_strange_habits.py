"""Prove that discovery copes with odd servers: meaningless refusals, seeds for any number, empty answers, crashes."""

import pytest

from harness.audit.catalogue import shipped_functions
from harness.buses import SimulatedLink, open_link
from harness.discovery.discover import Found, discover
from harness.link.clock import Chance
from harness.link.trace import Trace
from harness.target import load_text
from harness.target.load import unknown_target
from harness.testing import run_checks
from harness.verdict import Depth, Verdict

NODES = "tests.discovery.strange_nodes"
HALF_A_MINUTE_S = 30.0


def found(name: str) -> tuple[Found, SimulatedLink]:
    channel = f"{NODES}:{name}"
    link = open_link(interface="uds-sim", channel=channel, bitrate=500_000, trace=Trace(), chance=Chance(1))
    assert isinstance(link, SimulatedLink)
    unknown = unknown_target(interface="uds-sim", channel=channel)
    (one,) = discover(link, unknown, candidates=[(0x7E0, False)], depth=Depth.QUICK).ecus
    return one, link


def test_what_refuses_everything_alike_has_neither_levels_nor_routines() -> None:
    one, _ = found("OneFrame")
    assert (one.map.levels, one.map.routines, one.map.identifiers) == ([], {}, [])


def test_malformed_answers_to_one_service_do_not_slow_down_the_others() -> None:
    one, link = found("Terse")
    assert one.map.sessions == {}
    assert link.now_s < HALF_A_MINUTE_S + 255 * 0.25, "each 50 is waited out, and nothing after them"


def test_of_levels_without_end_some_are_kept() -> None:
    one, _ = found("Generous")
    assert [level.level for level in one.map.levels] == [1, 3, 5, 7]
    assert "63 levels give seeds, as if any would do; only 4 are kept." in one.map.not_asked


def test_what_silenced_the_ecu_is_named() -> None:
    one, _ = found("Mortal")
    assert "It stopped answering at 31: only a power cycle brought it back." in one.map.not_asked


@pytest.mark.parametrize("check", ["SA-01", "SA-09", "SA-30", "SA-31", "SA-32", "SA-35", "SA-38"])
def test_seeds_of_any_length_are_no_fault_of_the_harness(check: str) -> None:
    one, _ = found("Varied")
    assert [level.level for level in one.map.levels] == [1]
    findings = run_checks([shipped_functions()[check]], load_text(one.text, "found"))
    assert findings
    assert {finding.verdict for finding in findings} <= {Verdict.FAIL, Verdict.PASS, Verdict.INCONCLUSIVE}
    if check == "SA-32":
        assert findings[0].verdict is Verdict.FAIL, "the key is the seed, however long that is"
