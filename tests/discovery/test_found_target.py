"""Prove that auditing a discovered target gives the verdicts of the declared one."""

from dataclasses import replace
from functools import cache

import pytest

from harness.audit.catalogue import shipped_functions
from harness.buses import open_bus_of
from harness.cli.discover_bus import own_id
from harness.discovery.discover import Found, discover
from harness.ecu.variants import VARIANTS
from harness.link.clock import Chance
from harness.link.trace import Trace
from harness.runs.findings import Finding
from harness.target import Target, load_target, load_text, unknown_target
from harness.testing import run_checks
from harness.verdict import Verdict

from ..variants import with_changes

POLICY = {"AC-14", "AC-15", "AC-16", "SA-37"}
"""Settings that only a maker knows: valid ranges, what is meant to be open, what services need, which levels are
intended.
"""

GUARDED_SERVICES = {
    "reset_protected": {"DS-05", "ST-08"},
    # Without a seed nothing tells which level opens which data, so that one is judged without any.
    "authentication_required": {"AC-19", "ST-01", "ST-02", "ST-03"},
}
"""The needs of whole services, which only a maker knows, too."""

Verdicts = dict[tuple[str, str | None], Finding]


def found_of(declared: Target, *, with_keys: bool) -> Found:
    """Return what is discovered of the same simulated ECU, with or without its keys."""
    bus = unknown_target(interface="uds-sim", channel=declared.can.channel)
    levels = declared.security if with_keys else ()
    bus = replace(bus, security=levels, path=declared.path, can=replace(bus.can, fd=declared.can.fd))
    link = open_bus_of(bus, trace=Trace(), chance=Chance(0).stream("ecu"))
    try:
        is_named = declared.can.addressing in ("extended", "mixed")  # nobody asks every id behind every address
        ids = [own_id(declared)] if is_named else None
        (one,) = discover(link, bus, candidates=ids).ecus
    finally:
        link.close()
    return one


def as_known_to_its_user(declared: Target, found: Target) -> Target:
    """Return the discovered target with what no bus tells: keys and hooks."""
    known = {entry.level: entry for entry in declared.security}
    levels = tuple(replace(one, key=known[one.level].key, secret=known[one.level].secret) for one in found.security)
    hooks = replace(found.reset, power=declared.reset.power, command=declared.reset.command)
    return replace(found, security=levels, reset=hooks, observe=declared.observe, path=declared.path)


def verdicts(target: Target) -> Verdicts:
    return {(one.id, one.parameter): one for one in run_checks(shipped_functions().values(), target)}


of_declared = cache(verdicts)
"""The verdicts on a declared target, with which several are compared."""


def differing(declared: Verdicts, found: Verdicts) -> dict[tuple[str, str | None], tuple[str, str]]:
    pairs = {
        key: tuple(str(side[key].verdict) if key in side else "" for side in (declared, found)) for key in declared | found
    }
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}  # type: ignore[misc]


def compared(declared: Target) -> set[str]:
    """Return the checks that reach another verdict with the discovered target."""
    found = load_text(found_of(declared, with_keys=True).text, "found")
    differences = differing(of_declared(declared), verdicts(as_known_to_its_user(declared, found)))
    assert not [key for key, (_, after) in differences.items() if after == Verdict.ERROR]
    assert {one for (one, _), (_, after) in differences.items() if after == Verdict.FAIL} <= {"AC-15"}
    return {one for one, _ in differences}


def test_the_hardened_ecu_gets_the_verdicts_of_its_declaration_but_for_policy() -> None:
    assert compared(load_target("hardened")) == POLICY


def test_the_article_gets_the_verdicts_of_its_declaration_but_for_policy() -> None:
    assert compared(load_target("article")) == {"AC-15", "SA-37"}


@pytest.mark.thorough
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_benign_variant_gets_the_verdicts_of_its_declaration_but_for_policy(variant: str) -> None:
    assert compared(with_changes("hardened", variant)) <= POLICY | GUARDED_SERVICES.get(variant, set())


@pytest.mark.parametrize("name", ["hardened", "article"])
def test_without_a_key_what_needs_one_says_so_and_nothing_else_changes(name: str) -> None:
    declared = load_target(name)
    found = load_text(found_of(declared, with_keys=False).text, "found")
    reset = replace(found.reset, power=declared.reset.power)
    before, after = of_declared(declared), verdicts(replace(found, reset=reset))
    keys_and_hooks = ("key", "secret", "no level can be opened", "other_unit", "[reset] power")
    for (check, parameter), (_, verdict) in differing(before, after).items():
        if check in POLICY:
            continue
        if parameter == "DID 2A2A" and not verdict:
            continue  # what only its level reads is not known to be writable
        assert verdict == Verdict.INCONCLUSIVE or (check, verdict) == ("AC-06", "not_applicable"), (
            check,
            parameter,
            verdict,
        )
        if verdict == Verdict.INCONCLUSIVE:
            assert any(word in after[check, parameter].reason for word in keys_and_hooks), after[check, parameter].reason
