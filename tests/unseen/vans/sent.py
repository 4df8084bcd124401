"""Read from the wire, by an independent receiver, what a run sent, and the permissions that it needs.

``python -m tests.unseen.vans.sent`` prints, by service and sub-function, how many requests went out under which permission.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from harness.audit.catalogue import shipped_functions
from harness.buses import open_bus_of
from harness.discovery.discover import discover
from harness.doctor.answering import answers
from harness.link.clock import Chance
from harness.link.frame import Frame
from harness.link.trace import Trace
from harness.target import PERMISSIONS, Permission, Target, load_target
from harness.testing import run_checks
from harness.verdict import Depth
from tests.fuzz.test_shipped_cases import CASES
from tests.tester.test_harm_table import expected
from tests.tester.test_readings import ACTING
from tests.unseen.cars.stranger import STRANGERS

ALLOWANCES: tuple[frozenset[Permission], ...] = (frozenset(), *(frozenset((one,)) for one in PERMISSIONS))
FUNCTIONAL_IDS = {0x7DF, 0x18DB33F1}


class Recorder(Trace):
    """A trace that keeps every frame."""

    def __init__(self) -> None:
        super().__init__()
        self.whole: list[Frame] = []
        keep = self.record

        def record(frame: Frame) -> None:
            self.whole.append(frame)
            keep(frame)

        self.record = record  # type: ignore[method-assign,assignment]


@dataclass
class Sent:
    """The requests of one run."""

    target: Target
    frames: list[Frame]
    count: Counter[str] = field(default_factory=Counter)
    """By service and sub-function in hex: the number of requests; ``27 02 refused`` for keys without a positive answer."""
    beyond: list[str] = field(default_factory=list)
    """Frames whose permission was not given, each with the word of that permission."""

    def __post_init__(self) -> None:
        receivers: dict[tuple[int, bool], bytes] = defaultdict(bytes)
        """By id: the data field of the last frame that began or continued a long message."""
        refused_keys: Counter[int] = Counter()
        functional = FUNCTIONAL_IDS | {self.target.can.functional_id}
        for at, frame in enumerate(self.frames):
            if not frame.is_sent or frame.is_remote:
                continue
            needs = {"functional"} if frame.can_id in functional else set()
            for pdu in self._heard(frame, receivers):
                name = pdu[:2].hex(" ").upper()
                words = self._words(pdu)
                if "lockout" in words and pdu[0] == 0x27:
                    if self._is_accepted(pdu, at):
                        name, words = f"{name} right", words - {"lockout"}
                    else:
                        refused_keys[pdu[1]] += 1
                        if refused_keys[pdu[1]] == 1 and self._has_key(pdu[1] - 1):
                            words -= {"lockout"}  # the key function's first, which may be wrong
                self.count[name] += 1
                needs |= words
            lacking = needs - self.target.safety.allow
            if lacking:
                self.beyond.append(f"{frame.text()} needs {', '.join(sorted(lacking))}")

    def _heard(self, frame: Frame, receivers: dict[tuple[int, bool], bytes]) -> Iterator[bytes]:
        """Return the messages of one frame: what ISO 15765-2 reads in it, or what would act if its first byte were
        ignored.
        """
        data, channel = frame.data, (frame.can_id, frame.is_extended)
        if not data:
            return
        kind, low = data[0] >> 4, data[0] & 0xF
        begun = receivers.pop(channel, b"")
        if kind == 0 and low:
            yield data[1 : 1 + low]
        elif kind == 0 and len(data) > 8:
            yield data[2 : 2 + data[1]]
        elif kind == 1 and len(data) >= 8 and ((low << 8 | data[1]) >= 8 or data[:2] == b"\x10\x00"):
            receivers[channel] = data
            yield data[6:] if data[:2] == b"\x10\x00" else data[2:]
        elif kind == 2 and begun and low == ((begun[0] & 0xF) + 1 if begun[0] >> 4 == 2 else 1) % 16:
            receivers[channel] = data
        elif kind == 3 and not any(data[3:]) and data[0] <= 0x32:
            if begun:
                receivers[channel] = begun
        elif len(data) > 2 and data[2] & 0x7F in ACTING.get(data[1], ()):
            yield data[1:]

    def _words(self, pdu: bytes) -> set[str]:
        """Return the permissions that a message needs, without those that the target's declarations lift."""
        if not pdu:
            return set()
        words = expected(pdu[0], pdu[1] if len(pdu) > 1 else None)
        if pdu[0] == 0x10 and len(pdu) > 1 and pdu[1] & 0x7F in {one.id for one in self.target.sessions}:
            return set()
        if pdu[0] == 0x31 and len(pdu) > 3 and pdu[1] & 0x7F in (1, 2):
            routine = int.from_bytes(pdu[2:4], "big")
            return set() if any(routine in one.span for one in self.target.routines if one.safe) else words
        return words

    def _is_accepted(self, pdu: bytes, at: int) -> bool:
        """Whether a positive response to a key follows before the next request."""
        for frame in self.frames[at + 1 :]:
            if frame.is_sent and frame.data[:1] and frame.data[0] >> 4 < 2:
                return bool(pdu[1] & 0x80)  # asked for no answer
            if not frame.is_sent and bytes((0x67, pdu[1] & 0x7F)) in frame.data:
                return True
        return False

    def _has_key(self, level: int) -> bool:
        entry = self.target.level(level)
        return entry is not None and entry.key is not None


def with_allowance(target: Target, allowed: Iterable[Permission]) -> Target:
    """Return the target of the same ECU, with only these permissions."""
    return replace(target, safety=replace(target.safety, allow=frozenset(allowed)))


def targets() -> dict[str, Target]:
    """Return the targets of the article, the hardened ECU, and three unseen ECUs."""
    strangers = {name: STRANGERS[f"{name} sound"][0].target for name in ("frugal", "sedan", "limousine")}
    return {name: load_target(name) for name in ("article", "hardened")} | strangers


def audited(target: Target) -> Sent:
    """Run every shipped check, the walk among them, and every fuzz case, at depth quick."""
    recorder = Recorder()
    run_checks([*shipped_functions().values(), *CASES.values()], target, depth=Depth.QUICK, trace=recorder)
    return Sent(target, recorder.whole)


def discovered(target: Target) -> Sent:
    """Discover the only ECU by its id, as if nobody had described it."""
    channel = target.can.channel
    can = replace(target.can, channel=str(target.folder / channel) if ".py:" in channel else channel)
    target = replace(target, can=can, path=None, security=())
    return _on_its_bus(
        target, lambda link: discover(link, target, candidates=[(target.can.request_id, False)], depth=Depth.QUICK)
    )


def doctored(target: Target) -> Sent:
    """Run `uds-harness doctor`."""
    return _on_its_bus(target, lambda link: list(answers(link, target)))


def _on_its_bus(target: Target, do: Callable[..., object]) -> Sent:
    recorder = Recorder()
    link = open_bus_of(target, trace=recorder, chance=Chance(0))
    try:
        do(link)
    finally:
        link.close()
    return Sent(target, recorder.whole)


def main() -> None:
    """Print the table of all runs."""
    columns = ["nothing", *PERMISSIONS]
    total: dict[str, Counter[str]] = defaultdict(Counter)
    for name, target in targets().items():
        for allowed in ALLOWANCES:
            for run in (audited, discovered, doctored):
                sent = run(with_allowance(target, allowed))
                for request, count in sent.count.items():
                    total[request][next(iter(allowed), "nothing")] += count
                for one in sent.beyond:
                    print(f"BEYOND: {name}, {run.__name__}, {', '.join(allowed) or 'nothing'}: {one}")
    print(f"{'request':16}" + "".join(f"{column:>12}" for column in columns))
    for request, counts in sorted(total.items()):
        print(f"{request:16}" + "".join(f"{counts[column]:>12}" for column in columns))


if __name__ == "__main__":
    main()
