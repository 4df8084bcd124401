"""Prove that verdicts on SecurityAccess are right for ECUs as makers could build them."""

from pathlib import Path

import pytest

from harness.audit.catalogue import shipped_functions
from harness.target import Target, load_target
from harness.testing import run_checks
from harness.verdict import Depth, Verdict
from tests.unseen.vans import nodes_security

ACCUSING = (Verdict.FAIL, Verdict.ERROR)
NODES = Path(nodes_security.__file__)
"""The file with the ECUs."""


def target_of(name: str, folder: Path) -> Target:
    """Return what the maker of an ECU would declare of it."""
    unit: type[nodes_security.Unit] = getattr(nodes_security, name)
    lines = [f'[target]\nname = "{name}"\n[can]\ninterface = "uds-sim"\nchannel = "{NODES}:{name}"']
    lines.append("request_id = 0x700\nresponse_id = 0x708")
    if unit.sessions:
        lines.append(f"[timing]\ns3_ms = {1000 * unit.s3_s:.0f}")
    lines += [f"[[session]]\nid = 0x{session:02X}" for session in unit.sessions]
    for level in unit.levels:
        lines.append(f"[[security]]\nlevel = 0x{level:02X}\ndelay_s = {unit.delay_s:g}")
        if unit.sessions:
            lines.append(f"session = 0x{unit.home:02X}")
        if unit.limit < 100:
            lines.append(f"attempts = {unit.limit}")
        if unit.has_key:
            lines.append(f'key = "{NODES}:key"')
    lines.append(f'[[data]]\ndid = 0x{nodes_security.OPEN:04X}\nlength = 1\nwrite = "open"')
    for did, level in nodes_security.GUARD.items():
        if level in unit.levels:
            lines.append(f'[[data]]\ndid = 0x{did:04X}\nlength = 1\nwrite = "level 0x{level:02X}"')
    lines.append(f"[reset]\nboot_s = {unit.boot_s:g}")
    if unit.reset_types:
        lines.append("uds = 0x01")
    if unit.has_power:
        lines.append('power = "simulated"')
    path = folder / f"{name}.toml"
    path.write_text("\n".join(lines) + "\n")
    return load_target(path)


CHECKS = {name: function for name, function in shipped_functions().items() if name.startswith("SA-") or name == "CF-07"}

SOUND = {
    "Unit": "",
    "PauseAfterEach": "",
    "ShortDelayLongBoot": "",
    "InDefaultSession": "",
    "ConditionsInDelay": "",
    "OneByte": "SA-06",
    "OneByteNoKey": "SA-06",
    "NeverLockedInPlant": "",
    "OneTry": "",
    "SlowToRefuse": "",
    "FiveNoKey": "",
    "Held": "",
    "Mixed": "",
    "LoadsCounters": "",
    "LongKeys": "",
    "NoSessions": "",
    "NeverLocks": "",
    "RestartedDelay": "",
}
"""By sound ECU: the checks that may fail on it all the same."""

FLAWED = [
    ("OneTryKeepsSeed", "SA-22", Verdict.FAIL),
    ("DeepUncounted", "SA-15", Verdict.FAIL),
    ("HeldUndelayed", "SA-01", Verdict.FAIL),
    ("HeldUndelayed", "SA-16", Verdict.FAIL),
    ("SilentWithoutSeed", "SA-21", Verdict.FAIL),
    ("OtherSeedForgives", "SA-10", Verdict.FAIL),
    ("ReentryKeepsSeed", "SA-26", Verdict.FAIL),
    ("SuppressedEntryForgives", "SA-11", Verdict.FAIL),
    ("ForgetsWithinASecond", "SA-12", Verdict.FAIL),
    ("OnlySoftReset", "SA-12", Verdict.FAIL),
    ("ResetInDefaultOnly", "SA-12", Verdict.FAIL),
    ("ResetInDefaultOnly", "SA-17", Verdict.FAIL),
    ("MalformedForgives", "SA-14", Verdict.FAIL),
    ("ZeroFirst", "SA-07", Verdict.FAIL),
    ("ZeroFirst", "SA-09", Verdict.PASS),  # a zero seed that comes once is not taken for an open level
    ("Zeros", "SA-07", Verdict.FAIL),
    ("StaticSixteen", "SA-01", Verdict.FAIL),
    ("ClockSeed", "SA-01", Verdict.FAIL),
    ("OneTryLastBit", "SA-31", Verdict.FAIL),
]


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_unit_is_accused_of_nothing(name: str, tmp_path: Path) -> None:
    findings = run_checks(CHECKS.values(), target_of(name, tmp_path))
    accused = {f"{found.id}: {found.observed}{found.reason}" for found in findings if found.verdict in ACCUSING}
    assert all(SOUND[name] and text.startswith(SOUND[name]) for text in accused), accused
    assert any(found.verdict is Verdict.PASS for found in findings)


DEPTHS = {"OneTryLastBit": Depth.DEFAULT}
"""By ECU: the depth; depth quick flips only two random bits of each byte."""


@pytest.mark.parametrize(("name", "check", "expected"), FLAWED)
def test_a_flaw_is_seen(name: str, check: str, expected: Verdict, tmp_path: Path) -> None:
    findings = run_checks([CHECKS[check]], target_of(name, tmp_path), depth=DEPTHS.get(name, Depth.QUICK))
    assert expected in {found.verdict for found in findings}, [found.reason for found in findings]
    if expected is not Verdict.FAIL:
        assert {found.verdict for found in findings} == {expected}
