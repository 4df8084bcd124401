"""Prove that discovery changes nothing in an ECU: stored data, counters of wrong keys, delays."""

import copy
from dataclasses import replace

import pytest

from harness.buses import SimulatedLink
from harness.discovery.discover import Discovery, discover
from harness.ecu.profiles import factory
from harness.ecu.variants import VARIANTS
from harness.link.clock import Chance
from harness.link.trace import Trace
from harness.simulation.node import Node
from harness.target import load_target, unknown_target
from harness.verdict import Depth

ONE_ID = [(0x740, False)]
EVERYTHING = frozenset(("lockout", "write", "reset", "power", "functional", "destructive"))
LASTING = (
    *("values", "wrong_keys", "delay_until_s", "lasting", "trouble_codes", "memory"),
    *("communication", "is_dtc_setting_on", "until_restart", "transfer"),
)
"""The parts of an ECU's state that must not differ. Seeds are not among them: a request uses one up in an ECU that counts
them.
"""


def stored(nodes: list[Node]) -> object:
    """Return the lasting state of the first node."""
    ecu = nodes[0].ecu  # type: ignore[attr-defined]
    if not hasattr(ecu, "state"):  # the article's script
        written = {did: value for did, value in ecu._memory.items() if value != 0xFF}  # what was never written reads FF
        return written, ecu._security
    state = {name: getattr(ecu.state, name) for name in LASTING}
    return copy.deepcopy(state)


def explored(channel: str, allow: frozenset[str], key: str | None = None) -> tuple[Discovery, object, object, list[bytes]]:
    """Discover; return what was found, the lasting state before and after, and the single frames that were sent."""
    nodes = factory(channel)()
    link = SimulatedLink(nodes, bitrate=500_000, chance=Chance(1), trace=Trace())
    sent: list[bytes] = []
    send = link.send
    link.send = lambda frame: (sent.append(frame.data), send(frame))[1]  # type: ignore[assignment]
    before = stored(nodes)
    target = unknown_target(interface="uds-sim", channel=channel)
    target = replace(target, safety=replace(target.safety, allow=allow))
    if key is not None:
        target = replace(target, security=load_target(key).security)
    found = discover(link, target, candidates=ONE_ID, depth=Depth.QUICK)
    return found, before, stored(nodes), [data for data in sent if data and 0 < data[0] < 8]


CHANNELS = (
    *("hardened", "article", "article-v1", "hardened+held_seed", "hardened+no_sessions", "hardened+write_unprotected"),
    *("hardened+write_before_refusal", "hardened+communication_stays_off", "hardened+communication_control_unprotected"),
    *("hardened+dtc_setting_unprotected", "hardened+alias_unprotected", "hardened+seed_made_of_record"),
)
"""Channels of sound ECUs, and of ECUs on which a request easily changes something."""


@pytest.mark.parametrize("channel", CHANNELS)
def test_what_is_stored_stays_as_it_was(channel: str) -> None:
    found, before, after, sent = explored(channel, EVERYTHING)
    assert found.ecus
    assert after == before
    assert not [data for data in sent if data[0] > 1 and data[1] == 0x27 and not data[2] & 1], "no key, right or wrong"
    assert not [data for data in sent if data[1] in (0x14, 0x2C, 0x2F, 0x34, 0x35, 0x36, 0x37, 0x3D) and data[0] > 1]
    assert not [data for data in sent if data[1] == 0x31 and data[0] > 1 and data[2] & 0x7F != 0x03], "no routine starts"
    assert not [data for data in sent if data[1] == 0x28 and data[0] > 2], "never whole"
    assert not [data for data in sent if data[1] in (0x85, 0x11) and data[0] > 1 and data[1:3] != b"\x11\x01"]


@pytest.mark.parametrize("channel", ["hardened", "article", "hardened+resets_unprotected"])
def test_where_nothing_is_allowed_nothing_but_questions_is_sent(channel: str) -> None:
    found, before, after, sent = explored(channel, frozenset())
    assert after == before
    told = " ".join(found.ecus[0].map.not_asked)
    assert "Services 04 08 10-11 14 20 25-26 28 2B-30 32-3D 3F 80-BF were not asked for: the target does not" in told
    assert told.count("Services 04") == 1, "once, however many sessions there are"
    harmless = {0x10, 0x19, 0x1A, 0x1E, 0x22, 0x23, 0x27, 0x3E}  # 1A reads, in KWP2000
    whole = {0x29: b"\x08", 0x2A: b"\x04", 0x31: b"\x03"}
    for data in sent:
        assert data[1] in harmless or data[0] == 1 or data[2:3] == whole.get(data[1]), data.hex(" ")


def test_the_right_keys_leave_no_trace_either() -> None:
    found, before, after, sent = explored("hardened", EVERYTHING, key="hardened")
    assert found.ecus[0].map.written_with
    assert after == before
    assert not [data for data in sent if data[1] == 0x27 and data[0] == 2 and not data[2] & 1]


@pytest.mark.thorough
@pytest.mark.parametrize("change", VARIANTS)
def test_no_variant_stores_anything_because_it_is_discovered(change: str) -> None:
    allow = EVERYTHING - {"reset", "power"} if change == "boot_delay" else EVERYTHING  # it begins with each start
    _, before, after, _ = explored(f"hardened+{change}", allow)
    assert after == before
