"""Prove that each ECU matches its target and has its flaw, and that the sound ECU refuses what shows the flaw."""

import importlib
import random
from collections.abc import Callable

import pytest

from harness.target import load_text
from tests.steps import play
from tests.unseen.bench import Bench
from tests.unseen.crane import crane, crane_services
from tests.unseen.ecu import TABLES, Unseen
from tests.unseen.loom import loom, loom_services
from tests.unseen.proofs import PROOFS, Talk

TABLE = TABLES["states"]
SOUND: dict[str, Callable] = {"crane": crane_services.FullCrane, "loom": loom_services.FullLoom}
KEYS = {"crane": crane.key, "loom": loom.key}
FLAWED = [ecu for ecu in TABLE if ecu.flaw]
ODD = [ecu for ecu in TABLE if not ecu.flaw]


def bench(ecu: Unseen) -> Bench:
    file, _, factory = ecu.factory.partition(".py:")
    module = importlib.import_module("tests.unseen." + file.replace("/", "."))
    return Bench(getattr(module, factory)(), module.key)


def sound_bench(ecu: Unseen) -> Bench:
    family = ecu.factory.partition("/")[0]
    node = SOUND[family]()
    node.delay_s = getattr(bench(ecu).node, "delay_s", node.delay_s)
    return Bench(node, KEYS[family])


def named(ecu: Unseen) -> str:
    return ecu.name


def base_exchange(b: Bench, ecu: Unseen) -> None:
    """Assert that data and levels are as the target declares: locked before the key, open after it, and locked again."""
    target = load_text(ecu.target.replace("@CHANNEL@", "x.py:x").replace("@KEY@", "x.py:key"), ecu.name)
    b.wait(11)
    for level in target.security:
        guarded = [entry for entry in target.data if entry.write.level == level.level]
        writes = [entry.did.to_bytes(2, "big") + bytes(range(1, entry.length + 1)) for entry in guarded]
        way = target.way_to(level.session)
        b.go(*way)
        b.ask(bytes((0x27, level.level)))
        if not ecu.flaw:  # an odd one may refuse the first seed or the first key after a start
            b.ask(bytes((0x27, level.level)))
            b.ask(bytes((0x27, level.level + 1, 0)))
            b.wait(1.1)
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


@pytest.mark.parametrize("ecu", TABLE, ids=named)
def test_it_shows_what_its_entry_says_and_the_usual_ecu_does_not(ecu):
    play(PROOFS[ecu.name], Talk(bench(ecu)).do, is_flawed=True)
    play(PROOFS[ecu.name], Talk(sound_bench(ecu)).do)


@pytest.mark.parametrize("ecu", TABLE, ids=named)
def test_no_message_makes_it_raise(ecu):
    b = bench(ecu)
    b.wait(11)
    chance = random.Random(ecu.name)
    services = [0x10, 0x14, 0x19, 0x22, 0x23, *range(0x27, 0x3F), 0x83, 0x85, 0x87]
    for _ in range(400):
        pdu = bytes((chance.choice(services), chance.choice((1, 2, 3, 4, 6, 0x11, 0x14, 0x81)))) + chance.randbytes(
            chance.choice((0, 1, 2, 2, 3, 4, 5, 8, 9))
        )
        b.ask(pdu[: chance.choice((1, 2, 20, 20, 20))], is_functional=chance.random() < 0.1, patience_s=0.1)
        b.wait(0.5)


def test_every_ecu_has_one_proof():
    assert sorted(PROOFS) == sorted(ecu.name for ecu in TABLE)


def test_names_are_unique_and_flaws_name_checks():
    assert len({ecu.name for ecu in TABLE}) == len(TABLE)
    assert all(bool(ecu.flaw) == bool(ecu.must_fail) for ecu in TABLE)
