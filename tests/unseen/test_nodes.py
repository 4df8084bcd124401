"""Each ECU works as its target says, each flaw is there, and the sound ECU refuses what shows it."""

from __future__ import annotations

import importlib
from collections.abc import Callable

import pytest

from harness.target import load_text
from tests.unseen import crane, crane_proofs, crane_services
from tests.unseen.bench import Bench
from tests.unseen.ecu import Unseen
from tests.unseen.table_states import TABLE

PROOFS: dict[str, crane_proofs.Proof] = crane_proofs.PROOFS
SOUND: dict[str, Callable] = {"crane": crane_services.FullCrane}
KEYS = {"crane": crane.key}
FLAWED = [ecu for ecu in TABLE if ecu.flaw]


def bench(ecu: Unseen) -> Bench:
    file, _, factory = ecu.factory.partition(".py:")
    module = importlib.import_module(f"tests.unseen.{file}")
    return Bench(getattr(module, factory)(), module.key)


def sound_bench(ecu: Unseen) -> Bench:
    family = ecu.factory.partition("_")[0]
    node = SOUND[family]()
    node.delay_s = getattr(bench(ecu).node, "delay_s", node.delay_s)
    return Bench(node, KEYS[family])


def named(ecu: Unseen) -> str:
    return ecu.name


def base_exchange(b: Bench, ecu: Unseen) -> None:
    """What the target declares of data and levels is so: locked before the key, open after it, locked again."""
    target = load_text(ecu.target.replace("@CHANNEL@", "x.py:x").replace("@KEY@", "x.py:key"), ecu.name)
    b.wait(2.5)
    for level in target.security:
        guarded = [entry for entry in target.data if entry.write.level == level.level]
        writes = [entry.did.to_bytes(2, "big") + bytes(range(1, entry.length + 1)) for entry in guarded]
        way = target.way_to(level.session)
        b.go(*way)
        b.ask(bytes((0x27, level.level)))
        b.go(*way)
        assert [b.ask(b"\x2e" + write) for write in writes] == ["7F 2E 33"] * len(writes)
        b.unlock(level.level)
        assert [b.ask(b"\x2e" + write)[:2] for write in writes] == ["6E"] * len(writes)
        assert [b.ask(b"\x22" + write[:2]) for write in writes] == [(b"\x62" + write).hex(" ").upper() for write in writes]
        b.go(1)
        assert [b.ask(b"\x2e" + write) for write in writes] == ["7F 2E 33"] * len(writes)


@pytest.mark.parametrize("ecu", TABLE, ids=named)
def test_base_exchange_works(ecu):
    base_exchange(bench(ecu), ecu)


@pytest.mark.parametrize("ecu", FLAWED, ids=named)
def test_flaw_shows_and_the_sound_ecu_refuses(ecu):
    proof = PROOFS[ecu.name]
    assert proof.sequence(bench(ecu)) == proof.flawed
    assert proof.sequence(sound_bench(ecu)) == proof.sound


def test_every_flaw_has_one_proof():
    assert sorted(PROOFS) == sorted(ecu.name for ecu in FLAWED)


def test_names_are_unique_and_flaws_name_checks():
    assert len({ecu.name for ecu in TABLE}) == len(TABLE)
    assert all(bool(ecu.flaw) == bool(ecu.must_fail) for ecu in TABLE)
