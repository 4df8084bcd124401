"""Prove, without the harness, that tractors behind addresses and preconditions are as their entries say."""

import pytest

from harness.target.load import load_text
from tests.unseen.dialogues import go, is_open
from tests.unseen.ecu import TABLES, Unseen
from tests.unseen.talk import HERE, Talk
from tests.unseen.tractor.tractor import key


class Addressed(Talk):
    """A bus on which each frame to the ECU begins with the ECU's address, or that of all ECUs; answers lose their first
    byte.
    """

    def __init__(self, factory: str) -> None:
        super().__init__(factory)
        node = self.nodes[-1][0]
        self.own = bytes((node.own,))  # type: ignore[attr-defined]
        self.all = self.own if node.everybody is None else bytes((node.everybody,))  # type: ignore[attr-defined]

    def hear(self, data: bytes) -> None:
        kind = data[1] >> 4 if len(data) > 1 else None
        if kind == 1:
            self.size, self.got = int.from_bytes(data[1:3], "big") & 0xFFF, data[3:]
            self.raw((self.own + b"\x30\x00\x00").ljust(8, b"\x00").hex())
        else:
            super().hear(data[1:])

    def ask(self, pdu: str | bytes, *, is_functional: bool = False, within_s: float = 1.5) -> bytes | None:
        pdu = bytes.fromhex(pdu) if isinstance(pdu, str) else pdu
        self.messages.clear()
        if len(pdu) < 7:
            head = self.all if is_functional else self.own
            can_id = self.functional_id if is_functional else None
            self.raw((head + bytes((len(pdu),)) + pdu).ljust(8, b"\0").hex(), can_id)
        else:
            self.raw((self.own + (0x1000 | len(pdu)).to_bytes(2, "big") + pdu[:5]).hex())
            self.wait(0.002)
            for number, at in enumerate(range(5, len(pdu), 6), 1):
                self.raw((self.own + bytes((0x20 | number & 15,)) + pdu[at : at + 6]).ljust(8, b"\0").hex())
        for _ in range(round(within_s / 0.005)):
            self.wait(0.005)
            if self.messages:
                return self.messages[0]
        return None


WAYS = {
    "tractor/tractor_before.py:RoutineFirst": ("1003", "31010203", "1002"),
    "tractor/tractor_before.py:ProgrammingSeedRepeats": ("1003", "31010203", "1002"),
    "tractor/tractor_before.py:NoLimitBehindTheRoutine": ("1003", "31010203", "1002"),
}
"""By ECU: the requests after which a seed is given, where they are more than 10 03."""


def talk_with(factory: str) -> Talk:
    return Addressed(factory) if "addressed" in factory else Talk(factory)


def way_to(talk: Talk, factory: str) -> None:
    go(talk, WAYS.get(factory, ("1003",)))
    if "Functional" in factory:
        talk.ask("3E80", is_functional=True, within_s=0.05)


@pytest.mark.parametrize("entry", [pytest.param(entry, id=entry.name) for entry in TABLES["addresses"]])
def test_the_right_key_opens_and_nothing_else_was_open(entry: Unseen) -> None:
    talk = talk_with(entry.factory)
    way_to(talk, entry.factory)
    assert not is_open(talk)
    assert talk.says(b"\x27\x06" + key(talk.seed(), 5)) == "6706"
    assert is_open(talk)
    talk.ask("1001")
    assert not is_open(talk)


@pytest.mark.parametrize("entry", [pytest.param(entry, id=entry.name) for entry in TABLES["addresses"]])
def test_the_target_file_can_be_loaded(entry: Unseen) -> None:
    text = entry.target.replace("@CHANNEL@", entry.factory).replace("@KEY@", f"{entry.factory.partition(':')[0]}:key")
    assert load_text(text, entry.name, HERE / "target.toml").security[0].level == 0x05


# What differs


def wrong_keys(talk: Talk, level: int = 5, count: int = 6) -> list[str]:
    said = []
    for _ in range(count):
        talk.seed(f"27{level:02X}")
        said.append(talk.says(bytes((0x27, level + 1)) + b"\x11" * 10))
    return said


def opened_outer(talk: Talk) -> None:
    go(talk)
    talk.says(b"\x27\x06" + key(talk.seed(), 5))


def seeds(talk: Talk, factory: str, count: int = 6) -> list[bytes]:
    way_to(talk, factory)
    return [talk.seed() for _ in range(count)]


def limits(talk: Talk, factory: str) -> bool:
    way_to(talk, factory)
    return "7f2736" in wrong_keys(talk)


def short_key_opens(talk: Talk) -> bool:
    go(talk)
    return talk.says(b"\x27\x06" + key(talk.seed(), 5)[:4] + bytes(6)) == "6706"


def served_behind(talk: Talk, address: int) -> bool:
    start = len(talk.frames)
    talk.raw(bytes((address, 0x02, 0x3E, 0x00, 0, 0, 0, 0)).hex())
    talk.wait(0.1)
    return len(talk.frames) > start


def inner_limits(talk: Talk) -> bool:
    opened_outer(talk)
    said = []
    for _ in range(6):
        talk.seed("2709")
        said.append(talk.says(b"\x27\x0a" + b"\x11" * 10))
    return "7f2736" in said


def inner_seeds(talk: Talk) -> set[bytes]:
    opened_outer(talk)
    return {talk.seed("2709") for _ in range(4)}


FIRST, REPEATED, LONG = (
    f"tractor/tractor_addressed.py:{name}" for name in ("FirstByte", "FirstByteRepeated", "LongFirstByte")
)
ROUTINE, INNER = "tractor/tractor_before.py:RoutineFirst", "tractor/tractor_before.py:LevelBehindLevel"


def test_an_address_of_another_is_not_served_but_by_the_flawed_one() -> None:
    assert not served_behind(talk_with(FIRST), 0x13)
    assert served_behind(talk_with("tractor/tractor_addressed.py:AnyAddress"), 0x13)
    assert not served_behind(talk_with("tractor/tractor_addressed.py:AnyAddress"), 0x14)


def test_seeds_of_two_bytes_show_behind_the_address() -> None:
    assert len({seed[:10] for seed in seeds(talk_with(FIRST), FIRST)}) == 6
    flawed = "tractor/tractor_addressed.py:FirstByteSeedRepeats"
    assert len({seed[:10] for seed in seeds(talk_with(flawed), flawed)}) == 1


@pytest.mark.parametrize(
    ("sound", "flawed"),
    [
        (FIRST, "tractor/tractor_addressed.py:FirstByteNoLimit"),
        (ROUTINE, "tractor/tractor_before.py:NoLimitBehindTheRoutine"),
    ],
)
def test_wrong_keys_are_limited_but_by_the_flawed_one(sound: str, flawed: str) -> None:
    assert limits(talk_with(sound), sound)
    assert not limits(talk_with(flawed), flawed)


def test_four_bytes_of_a_key_open_the_flawed_one_only() -> None:
    assert not short_key_opens(talk_with(REPEATED))
    assert short_key_opens(talk_with("tractor/tractor_addressed.py:FirstByteShortKey"))


def test_a_functional_write_is_done_by_the_flawed_one_only() -> None:
    for factory, said in ((LONG, "7f2e33"), ("tractor/tractor_addressed.py:FirstByteGuardAsleep", "6e4a02")):
        talk = talk_with(factory)
        go(talk)
        assert talk.says("2E4A0299", is_functional=True) == said


def test_seeds_behind_the_routine_are_drawn_but_by_the_flawed_one() -> None:
    assert len({seed[:6] for seed in seeds(talk_with(ROUTINE), ROUTINE)}) == 6
    flawed = "tractor/tractor_before.py:ProgrammingSeedRepeats"
    assert [seed[-1] for seed in seeds(talk_with(flawed), flawed)] == [1, 2, 3, 4, 5, 6]


def test_the_inner_level_is_limited_and_renewed_but_by_the_flawed_ones() -> None:
    assert inner_limits(talk_with(INNER))
    assert not inner_limits(talk_with("tractor/tractor_before.py:NoInnerLimit"))
    assert len(inner_seeds(talk_with(INNER))) == 4
    assert len(inner_seeds(talk_with("tractor/tractor_before.py:InnerSeedIsFixed"))) == 1


def test_the_preconditions_are_wanted() -> None:
    talk = talk_with(ROUTINE)
    assert [talk.says(request) for request in ("1003", "1002", "31010203", "1002")][1::2] == ["7f1022", "5002003201f4"]
    talk = talk_with("tractor/tractor_before.py:FunctionalFirst")
    go(talk)
    assert talk.says("2705") == "7f2722"
    talk = talk_with("tractor/tractor_before.py:SessionBehindLevel")
    go(talk)
    assert talk.says("1062") == "7f1033"
    opened_outer(talk)
    assert talk.says("1062") == "5062003201f4"
    talk = talk_with(INNER)
    go(talk)
    assert talk.says("2709") == "7f2733"
