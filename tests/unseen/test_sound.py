"""Prove that the odd ECUs are sound: without a right key no random walk changes or reveals guarded content."""

import random

import pytest

from tests.unseen.crane import crane_services
from tests.unseen.loom import loom_services
from tests.unseen.test_nodes import ODD, bench, named

GUARDED_STATE = {
    "crane": lambda node: (
        [node.values[did] for did in (crane_services.RAMP, crane_services.LOAD, crane_services.CODE)],
        bytes(node.ram[crane_services.SCRATCH_SIZE :]),
        node.running & {crane_services.BRAKE_TEST, crane_services.ERASE},
        (node.communication, node.dtc_setting, node.unlocked),
    ),
    "loom": lambda node: (
        [node.data[did] for did in (loom_services.PATTERN, loom_services.RECIPE)],
        (bytes(node.flash), dict(node.files), node.transfer),
        node.running & {loom_services.CALIBRATE},
        (node.output, node.is_controlled, node.has_verified_baud, node.is_open),
    ),
}
SECRET = {
    "crane": ("39 17 52", "C4 1D 7B", "83 8A 91", "90 00 13 77"),
    "loom": ("8E 21 C9", "00 0B 16 21", "77 65 61 76 65"),
}
"""The beginning of guarded content, which must be in no answer to a tester without a key."""

FILE = b"pattern.bin".hex()
REQUESTS = {
    "crane": (
        *("10 01", "10 02", "10 03", "10 83", "11 01", "11 02", "11 03", "3E 00"),
        *("27 03", "27 83", "27 09", "27 04", "27 04" + "00" * 10, "27 84" + "FF" * 10, "27 0A" + "00" * 16),
        *("14 FFFFFF", "19 02 FF", "19 06 402107 90", "19 06 402107 FF", "85 02", "85 02 402107"),
        *("22 3104", "22 3105", "22 3101 3101 3101 3101 3101 3104 3105", "2C 01 F300 3104 01 05"),
        *("2C 02 F300 14 20000080 08", "2C 01 F300 3101 01 02", "2C 03", "22 F300"),
        *("23 14 20000080 08", "23 24 2000007E 0010", "3D 14 20000080 01 55", "3D 24 2000007F 0002 5566"),
        *("2E 3102 010203", "2E 3103 010203040506", "2E 3104 0102030405", "28 03 01", "28 04 01 0002"),
        *("31 01 0211", "31 81 0211", "31 02 0211", "31 03 0211", "31 01 FF00"),
    ),
    "loom": (
        *("10 01", "10 03", "10 41", "10 60", "10 83", "11 01", "11 03", "3E 00", "83 03", "87 01 12", "87 03"),
        *("27 11", "27 91", "27 12", "27 12" + "00" * 9, "27 92" + "FF" * 9),
        *("22 0703", "22 F202", "22 0701 0701 0701 0701 0703", "2A 01 01", "2A 01 02", "2A 03 02", "2A 02 0102"),
        *("2E 0702 01020304", "2E 0703 01020304050607"),
        *("2F 0704 00", "2F 0704 01", "2F 0704 02", "2F 0704 03 0101"),
        *("31 01 0500", "31 01 0501", "31 81 0501", "31 02 0501", "31 03 0501"),
        *("34 00 44 00400000 00000004", "35 00 44 00400000 00000004", "36 01", "36 01 11223344", "37"),
        *(f"38 02 000B {FILE}", f"38 04 000B {FILE} 00", "38 05 0001 2F"),
    ),
}


@pytest.mark.parametrize("ecu", ODD, ids=named)
def test_without_a_key_no_walk_opens_a_sound_ecu(ecu):
    b, family, chance = bench(ecu), ecu.factory.partition("/")[0], random.Random(ecu.name)
    before = GUARDED_STATE[family](b.node)
    for _ in range(1500):
        is_functional = chance.random() < 0.1
        line = 0 if is_functional else chance.randrange(len(b.pairs))
        said = b.ask(chance.choice(REQUESTS[family]), line, is_functional, patience_s=0.05)
        assert GUARDED_STATE[family](b.node) == before
        assert not any(secret in said for secret in SECRET[family])
        if chance.random() < 0.02:
            b.power(chance.choice((0.0, 0.3, 1.0, 5.0)))
        if chance.random() < 0.3:
            b.wait(chance.choice((0.01, 0.1, 0.5, 3.0, 6.0, 12.0)))
