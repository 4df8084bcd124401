"""Prove that an ECU which ignores short flow controls can be audited with padding = false, and that the run says so."""

import re
from pathlib import Path

from harness.target import load_target

from .auditing import uds_harness

HARDENED_TOML = (load_target("hardened").path or Path()).read_text(encoding="utf-8")


def test_long_answers_that_stop_after_their_first_frame_are_no_fault_of_the_ecu(place: Path) -> None:
    text = HARDENED_TOML.replace('channel = "hardened"', 'channel = "tests.discovery.shy_nodes:full_flow_controls_only"')
    text = re.sub(r"^padding = .*$", "padding = false", text, flags=re.MULTILINE)
    (place / "ecu.toml").write_text(text, encoding="utf-8")
    done = uds_harness("audit", "ecu.toml", "-k", "SA-01 or CF-01 or CF-10", cwd=place)
    assert set(done.verdicts.values()) == {"pass"}, done.explain()
    assert any("A long answer stopped after its first frame" in remark for remark in done.document["run"]["remarks"])
