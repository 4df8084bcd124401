"""Prove, frame by frame and without the harness, that the limousine follows the standard."""

import random
from pathlib import Path
from typing import Any

import can
import pytest

from harness.target.user_code import load_file
from tests.clock import Clock

HERE = Path(__file__).parent
MODULES = {name: load_file(HERE / f"{name}.py", "test") for name in ("limousine", "limousine_sound")}
SOUND = MODULES["limousine_sound"]


class Bench(Clock):
    """A clock, an ECU, and a tester with just enough ISO-TP."""

    def __init__(self, node: Any) -> None:
        super().__init__()
        self.chance = random.Random(1)
        self.seen: list[tuple[float, int, bytes]] = []
        self.node = node
        node.attach(self)

    def random_bytes(self, n: int) -> bytes:
        return self.chance.randbytes(n)

    def send(self, frame: can.Message) -> None:
        self.seen.append((self.now_s, frame.arbitration_id, bytes(frame.data)))

    def wait(self, seconds: float) -> None:
        self.advance(seconds)

    def raw(self, data: str | bytes, can_id: int | None = None, **kind: Any) -> list[bytes]:
        """Send one frame; return the ECU's frames on its response id within 20 ms."""
        data = bytes.fromhex(data) if isinstance(data, str) else data
        at = len(self.seen)
        request_id, response_id = self.node.connections[0]
        message = can.Message(arbitration_id=can_id or request_id, is_extended_id=self.node.extended, data=data)
        for name, value in kind.items():
            setattr(message, name, value)
        self.node.on_frame(message)
        self.wait(0.02)
        return [one for _, got_id, one in self.seen[at:] if got_id == response_id]

    def ask(self, pdu: str | bytes, within_s: float = 0.1) -> bytes | None:
        """Send a message; return the final answer."""
        pdu = bytes.fromhex(pdu) if isinstance(pdu, str) else pdu
        at = len(self.seen)
        if len(pdu) < 8:
            self.raw(bytes((len(pdu),)) + pdu)
        else:
            rest, sn = pdu[6:], 1
            flow = self.raw((0x1000 | len(pdu)).to_bytes(2, "big") + pdu[:6])
            while not flow:
                self.wait(0.1)
                flow = [one for _, got_id, one in self.seen[at:] if got_id == self.node.connections[0][1]]
            left = flow[-1][1]
            while rest:
                self.wait(flow[-1][2] / 1000)
                self.raw((bytes((0x20 | sn,)) + rest[:7]).ljust(8, b"\0"))
                sn, rest, left = (sn + 1) & 15, rest[7:], left - 1
                if left == 0 and rest:
                    self.wait(0.1)
                    left = flow[-1][1]
        end_s = self.now_s + within_s
        while not self.final(at) and self.now_s < end_s:
            self.wait(0.01)
        return self.told(at)

    def final(self, at: int) -> list[bytes]:
        response_id = self.node.connections[0][1]
        frames = [data for _, got_id, data in self.seen[at:] if got_id == response_id and data[0] >> 4 != 3]
        return [one for one in frames if one[1:2] != b"\x7f" or one[3:4] != b"\x78"]

    def told(self, at: int) -> bytes | None:
        response_id = self.node.connections[0][1]
        frames = self.final(at)
        if not frames:
            return None
        first = frames[0]
        if first[0] < 8:
            return first[1 : 1 + first[0]]
        length, got = (first[0] & 15) << 8 | first[1], first[2:]
        at = len(self.seen)
        self.raw("300000")
        self.wait(0.05)
        more = [data for _, got_id, data in self.seen[at:] if got_id == response_id]
        return (got + b"".join(one[1:] for one in more))[:length]

    def unlock(self, level: int = 1) -> bytes | None:
        seed = self.ask(bytes((0x27, level)), 5.0)
        assert seed is not None
        assert seed[0] == 0x67, seed.hex()
        key = self.node.key_of(seed[2:], level)
        return self.ask(bytes((0x27, level + 1)) + key, 20.0)


def limousine() -> Bench:
    return Bench(MODULES["limousine"].Limousine())


DEFAULT_CODES = """
    BA00 7fba11 | 277D 7f277f | 27 7f277f | 107E 7f1012 | 100300 7f1013 | 10 7f1013 | 3E05 7f3e12 | 3E 7f3e13 | 22 7f2213
    2201 7f2213 | 22F12301 7f2213 | 22F123 7f2231 | 2EF12300 7f2e31 | 2E0210FFFF 7f2e33 | 2E021001 7f2e13 | 2E0110FF 7f2e31
    2E011011 6e0110 | 220D10 7f2233 | 2201100D10 7f2233 | 31010203 7f3133 | 31010301 7101030100 | 31011234 7f3131
    14FFFFFF 7f147f | 3400 7f347f
"""
EXTENDED_CODES = """
    1003 5003003201f4 | 14FFFFFF 7f1433 | 277D 7f2712 | 277D55 7f2712 | 27 7f2713 | 270155 7f2713 | 27020000 7f2724
    280301 7f2833 | 8502 7f8533 | 2314200000 7f2333 | 3400 7f347f | 2C01F3000D100101 7f2c33 | 2F03100301 7f2f33
"""


@pytest.mark.parametrize("codes", [DEFAULT_CODES, EXTENDED_CODES])
def test_codes_come_in_their_order(codes: str) -> None:
    bench = limousine()
    for pair in codes.replace("\n", "|").split("|"):
        request, _, answer = pair.strip().partition(" ")
        told = bench.ask(request) if request else b""
        assert told is not None, request
        assert told.hex() == answer, request


def test_a_read_gives_what_is_known() -> None:
    assert limousine().ask("22 0110 F123 0110") == bytes.fromhex("62 0110 20 0110 20")


def test_functional_requests_are_answered_as_the_standard_says() -> None:
    bench = limousine()
    for silent in ("02BA00", "023E05", "0322F123", "022701", "023E80", "021083", "100A220110220110"):
        assert bench.raw(silent, 0x7DF) == [], silent
    assert bench.raw("03220110", 0x7DF)[0].hex().startswith("0462011020")
    assert bench.raw("052E02100001", 0x7DF)[0].hex().startswith("037f2e33")
    assert bench.ask("280301") == b"\x7f\x28\x33", "10 83 was carried out"


def test_a_level_opens_its_own_and_nothing_else() -> None:
    bench = limousine()
    assert bench.ask("1003")
    assert bench.unlock(1) == b"\x67\x02"
    assert bench.ask("2701") == b"\x67\x01" + bytes(16)
    assert bench.ask(b"\x27\x02" + bytes(16)) == b"\x7f\x27\x24"
    assert bench.ask("2E02100123") == b"\x6e\x02\x10"
    assert bench.ask("2E0210FFFF") == b"\x7f\x2e\x31"
    assert bench.ask("2E0230414141") == b"\x7f\x2e\x33"
    assert bench.ask("220D10") == b"\x62\x0d\x10hidden"
    assert bench.ask(b"\x2e\x02\x40" + bytes(20)) == b"\x6e\x02\x40"
    assert bench.ask("2C01F3000D100103") == b"\x6c\x01\xf3\x00"
    assert bench.ask("22F300") == b"\x62\xf3\x00hid"
    assert bench.unlock(3) == b"\x67\x04"
    assert bench.ask("220D10") == b"\x7f\x22\x33"
    assert bench.ask("22F300") == b"\x7f\x22\x33"
    assert bench.ask("2E0230414141") == b"\x6e\x02\x30"
    assert bench.ask("2E02100123") == b"\x7f\x2e\x33"
    assert bench.ask("2314200000F010") == b"\x63" + bytes(range(0xF0, 0x100))
    assert bench.ask("2314200000F011") == b"\x7f\x23\x31"
    assert bench.ask("3D142000000002AABB") == b"\x7d\x14\x20\x00\x00\x00\x02"
    assert bench.ask("1003")
    assert bench.ask("2E0230414141") == b"\x7f\x2e\x33"


def test_a_download_needs_its_session_and_level() -> None:
    bench = limousine()
    assert bench.ask("1002")
    request = "34 00 44 08010000 00000010"
    assert bench.ask(request) == b"\x7f\x34\x33"
    assert bench.ask("3601AA") == b"\x7f\x36\x33"
    bench.unlock(3)
    assert bench.ask("3601AA") == b"\x7f\x36\x24"
    assert bench.ask(request) == b"\x74\x20\x00\x42"
    assert bench.ask(b"\x36\x01" + bytes(16)) == b"\x76\x01"
    assert bench.ask("37") == b"\x77"


def test_wrong_keys_lock_and_a_reset_does_not_help() -> None:
    bench = limousine()
    bench.ask("1003")
    codes = []
    for _ in range(3):
        bench.ask("2701")
        codes.append(bench.ask(b"\x27\x02" + bytes(16)))
    assert codes == [b"\x7f\x27\x35", b"\x7f\x27\x35", b"\x7f\x27\x36"]
    assert bench.ask("2701") == b"\x7f\x27\x37"
    assert bench.ask("2703")[:1] == b"\x67"
    bench.wait(9.0)
    assert bench.ask("1003")
    assert bench.ask("2701") == b"\x7f\x27\x37"
    bench.wait(1.0)
    bench.unlock()
    bench.ask("1003")
    bench.ask("2701")
    bench.ask(b"\x27\x02" + bytes(16))
    assert bench.ask("1101") == b"\x51\x01"
    bench.wait(0.4)
    bench.ask("1003")
    assert bench.ask("2701") == b"\x7f\x27\x37"


def test_a_seed_serves_once() -> None:
    bench = limousine()
    bench.ask("1003")
    for spoils in (b"\x27\x02" + bytes(16), b"\x27\x02\x00", b"\x27\x04" + bytes(16), b"\x10\x03"):
        seed = bench.ask("2701")
        assert seed is not None
        bench.ask(spoils)
        assert bench.ask(b"\x27\x02" + bench.node.key_of(seed[2:], 1)) == b"\x7f\x27\x24", spoils.hex()


def test_the_session_ends_by_itself() -> None:
    bench = limousine()
    bench.ask("1003")
    bench.unlock()
    bench.wait(4.0)
    assert bench.ask("2E02100001") == b"\x6e\x02\x10"
    for _ in range(4):
        bench.wait(3.0)
        bench.raw("023E80", 0x7DF)
    assert bench.ask("2E02100001") == b"\x6e\x02\x10"
    bench.wait(5.5)
    assert bench.ask("2E02100001") == b"\x7f\x2e\x33"
    assert bench.ask("2701") == b"\x7f\x27\x7f"


def test_silence_ends_with_the_session() -> None:
    bench = limousine()
    bench.ask("1003")
    bench.unlock()
    bench.ask("280301")
    at = len(bench.seen)
    bench.wait(4.5)
    assert bench.seen[at:] == []
    bench.wait(5.0)
    assert {can_id for _, can_id, _ in bench.seen[at:]} == {0x0B1, 0x0B2}


@pytest.mark.parametrize(
    "frames",
    [
        ["0022011000000000"],
        ["0822011000000000", "0B22011000000000", "0F22011000000000"],
        ["03220110"[:6], "0722011000"],
        ["4322011000000000", "F322011000000000", "8322011000000000"],
        ["1007220110220110", "1000000000000522", "1000000004000522"],
        ["2122011000000000", "3022011000000000", "3000000000000000"],
        ["100A220110", "100A2201102201"],
        [""],
    ],
)
def test_frames_that_are_none_are_ignored(frames: list[str]) -> None:
    bench = limousine()
    for frame in frames:
        assert bench.raw(frame) == [], frame
    assert bench.raw("03220110")[0].hex() == "0462011020aaaaaa"


def test_segmented_requests_are_put_together_strictly() -> None:
    bench = limousine()
    first, second = "1009220110012001", "2110012000000000"
    flow = "300000aaaaaaaaaa"
    assert [one.hex() for one in bench.raw(first)] == [flow]
    assert bench.raw(second)[0][2:5].hex() == "620110"
    bench.raw("300000")
    bench.raw(first)
    assert bench.raw("22" + second[2:]) == []
    assert bench.raw(second) == [], "it was given up"
    bench.raw(first)
    bench.wait(1.5)
    assert bench.raw(second) == [], "too late"
    bench.raw(first)
    assert bench.raw("03220110")[0].hex()[:10] == "0462011020"
    assert bench.raw(second) == [], "the single frame ended it"
    assert [one.hex() for one in bench.raw("1FFF220110220110")] == [flow]
    assert [one.hex() for one in bench.raw("1000001000220110")] == ["320000aaaaaaaaaa"]


def test_a_long_answer_obeys_its_flow_control() -> None:
    bench = limousine()
    request = "0322F1A000000000"
    assert bench.raw(request)[0].hex()[:4] == "103f"
    assert len(bench.raw("300100")) == 1
    assert len(bench.raw("300205")) == 2
    assert len(bench.raw("300000")) == 6
    for abuse in ("320000", "3F0000"):
        assert len(bench.raw(request)) == 1
        assert bench.raw(abuse) == []
        assert bench.ask("220110") == bytes.fromhex("62011020"), abuse
    bench.raw(request)
    for _ in range(300):
        bench.raw("310000")
    assert bench.ask("220110")
    bench.raw(request)
    bench.wait(1.0)
    assert bench.ask("220110")


LONGEST_THOUGHT_S = 10.0
"""A virtual time in seconds that is longer than any variant takes for a request."""


def variants() -> list[Any]:
    known = set(vars(MODULES["limousine"])) | {"NoSessions"}
    found = {name: one for name, one in vars(SOUND).items() if isinstance(one, type) and name not in known}
    found["Coupe"] = SOUND.NoSessions
    return [pytest.param(one, id=name) for name, one in found.items() if hasattr(one, "levels")]


@pytest.mark.parametrize("kind", variants())
def test_each_variant_reads_and_unlocks(kind: Any) -> None:
    bench = Bench(kind())
    assert bench.ask("220110", LONGEST_THOUGHT_S) == bytes.fromhex("62011020")
    if not bench.node.levels:
        return
    level = bench.node.levels[0]
    if 0x10 in bench.node.services:
        bench.ask("1003", LONGEST_THOUGHT_S)
    bench.wait(2.0 if kind is not SOUND.BootDelay else 11.0)
    if 0x10 in bench.node.services:
        bench.ask("1003", LONGEST_THOUGHT_S)
    assert bench.ask("2E02100001", LONGEST_THOUGHT_S) == b"\x7f\x2e\x33"
    assert bench.unlock(level) == bytes((0x67, level + 1))
    assert bench.ask("2E02100001", LONGEST_THOUGHT_S) == b"\x6e\x02\x10"
    bench.node.power_cycle()
    bench.wait(5.0)
    told = bench.ask("2E02100001", LONGEST_THOUGHT_S)
    assert told in (b"\x7f\x2e\x33", b"\x7f\x2e\x7f")
