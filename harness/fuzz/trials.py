"""Generate a campaign's trials: short sequences of messages or frames, bred from declared requests and earlier trials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Final, NamedTuple

from harness.fuzz.generate import frame_sequence, mutated_request, random_frame, valid_requests
from harness.fuzz.keyed import USUAL_BYTES, Keyed, from_notation, in_notation
from harness.fuzz.play import Stimulus
from harness.link.clock import Chance
from harness.target import Target
from harness.uds import RESPONSE_OFFSET, SUPPRESS_POSITIVE_RESPONSE, WITH_SUB_FUNCTION, Service

RANDOM_FRAMES, MUTATIONS, SWEEP, WALK, FRAME_ORDER, SOAK = (f"FZ-0{number}" for number in range(1, 7))
"""The checks whose kinds of stimuli a campaign mixes."""

INTERESTING_LENGTHS: Final = (
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 16, 17, 20, 21, 32, 33, 62, 63, 64, 65, 66, 100, 127, 128, 129, 255, 256,
    257, 258, 300, 511, 513, 1023, 1025, 2049, 4095,
)  # fmt: skip
"""Lengths around the sizes of buffers and of length fields."""
HOW_OFTEN: Final = (70, 70, 300, 300, 1100)
"""How many times a request is repeated; with these numbers, counters of six, eight and ten bits overflow."""
LONG_SOAK, LONG_SOAK_ONE_IN = 5_500, 24
LONGEST_SEQUENCE: Final = (1, 1, 1, 2, 2, 2, 3, 3, 4)
AGAIN_PERCENT, FOLLOWING_PERCENT, SAME_SERVICE_PERCENT = 20, 35, 55
WAY_CHANGED_PERCENT = 20
"""How often one of the requests that lead to the wanted state is changed itself."""
FROM_CORPUS_PERCENT, MUTATED_PERCENT = 30, 45
MOST_OF_AN_ENUM: Final = 128
SWEPT_LENGTHS: Final = (0, 1, 2, 3, 4, 5, 7)
"""The lengths in bytes of what follows the service in a sweep."""
SUB_FUNCTIONS: Final = 0x80
STRIDE: Final = 1_000_003
"""The step of a sweep, a prime number, so that the sweep reaches every value before it repeats one."""
EXISTING_PERCENT: Final = 75


class Trial(NamedTuple):
    """The messages of one trial, and the check to which their kind of stimulus belongs."""

    row: str
    messages: tuple[bytes, ...]
    is_raw: bool = False
    repeat: int = 1

    @property
    def stimuli(self) -> list[Stimulus]:
        """The stimuli as they are played: frames back to back, or one request after the other."""
        once: list[Stimulus] = [self.messages] if self.is_raw else [(message,) for message in self.messages]
        return once * self.repeat

    def as_json(self) -> list[object]:
        """Return the trial for a file."""
        return [self.row, [in_notation(message) for message in self.messages], self.is_raw, self.repeat]

    @classmethod
    def from_json(cls, given: Sequence[object]) -> Trial:
        """Read a trial that `as_json` returned. Raises ValueError or TypeError if `data` is no such trial."""
        row, messages, is_raw, repeat = given
        if not isinstance(messages, list) or not isinstance(repeat, int):
            raise TypeError("no trial")
        return cls(str(row), tuple(from_notation(str(one)) for one in messages), bool(is_raw), repeat)


@cache
def scapy_requests() -> tuple[bytes, ...]:
    """Return the requests that Scapy's UDS layers describe, with default values and with each value of their first enum."""
    from scapy.contrib.automotive.uds import UDS
    from scapy.fields import EnumField

    found: dict[bytes, None] = {}
    for condition, layer in UDS.payload_guess:
        service = condition.get("service", 0)
        if service & RESPONSE_OFFSET or layer.__name__.endswith(("PR", "NR")):
            continue
        plain = bytes(UDS(service=service) / layer())
        found[plain] = None
        field = next((one for one in layer.fields_desc[1:2] if isinstance(one, EnumField)), None)
        for value in sorted(field.i2s or ())[:MOST_OF_AN_ENUM] if field is not None else ():
            if isinstance(value, int) and value < SUPPRESS_POSITIVE_RESPONSE and len(plain) > 1:
                found[bytes((service, value)) + plain[2:]] = None
    return tuple(found)


def vocabulary(target: Target) -> dict[int, list[bytes]]:
    """Return valid requests, by service: those of the target, those that most ECUs have, those of Scapy's layers."""
    declared = valid_requests(target)
    declared += [b"\x3e\x80", b"\x10\x01", b"\x11\x01"]
    for routine in target.routines:
        number = (routine.span.first & 0xFFFF).to_bytes(2, "big")
        declared += [bytes((Service.ROUTINE_CONTROL, sub)) + number for sub in (1, 2, 3)]
    for memory in target.memory:
        where = (memory.span.first & 0xFFFFFFFF).to_bytes(4, "big")
        declared += [b"\x23\x14" + where + b"\x01", b"\x3d\x14" + where + b"\x01\x00", b"\x34\x00\x14" + where + b"\x10"]
    declared += [bytes((number, 0xFF, 0xFF, 0xFF)) for entry in target.services for number in [entry.span.first]]
    by_service: dict[int, list[bytes]] = {}
    for request in dict.fromkeys((*declared, *scapy_requests())):
        by_service.setdefault(request[0], []).append(request)
    return by_service


class Breeder:
    """Generates trials. The same chance and the same corpus give the same trials."""

    def __init__(self, target: Target, chance: Chance, *, frame_bytes: int, key_bytes: Mapping[int, int]) -> None:
        """Make a breeder. `key_bytes`: the length of the key, by level with a key function."""
        self._chance = chance.quick()
        self._by_service = vocabulary(target)
        self._services = list(self._by_service)
        self._requests = [request for requests in self._by_service.values() for request in requests]
        self._declared = valid_requests(target)
        self._dids = [entry.did for entry in target.data] or [0xF190]
        self._frame_bytes = frame_bytes
        self._key_bytes = dict(key_bytes)
        self.corpus_size = 0
        self._known: list[Trial] = []
        """Trials of requests that got a new kind of answer; trials of frames are left out."""
        self._existing: list[int] = []
        self._existing_known: list[int] = []
        self._swept: list[int] = []
        """The services of the ECU that have sub-functions."""
        self._sweep = chance.below(STRIDE)
        self._soaked: dict[int, int] = {}
        """By service, which of its requests is repeated next: in turn, since each is a batch of its own."""

    def exists(self, service: int) -> None:
        """Note that the ECU has this service, so that it is tried more often."""
        if service not in self._existing:
            self._existing = sorted([*self._existing, service])
            self._existing_known = [one for one in self._existing if one in self._by_service]
            self._swept = [one for one in self._existing if one in WITH_SUB_FUNCTION]

    def learn(self, trial: Trial) -> None:
        """Note that the trial got a new kind of answer, so that further trials are bred from it."""
        self.corpus_size += 1
        if not trial.is_raw:
            self._known.append(trial)

    def _service(self) -> int:
        chance, known = self._chance, self._existing_known
        choice = known if known and chance.below(100) < EXISTING_PERCENT else self._services
        return choice[chance.below(len(choice))]

    def keyed(self, level: int, *, is_raw: bool) -> Trial | None:
        """Return a message or frame with a level's right key in an unusual place: longer, shorter, or in another request."""
        count = self._key_bytes.get(level)
        if count is None or (is_raw and 3 + count > self._frame_bytes):
            return None
        chance, send = self._chance, bytes((Service.SECURITY_ACCESS, level + 1))
        if is_raw:
            tail = bytes(self._frame_bytes - 3 - count)
            stated = 2 if chance.below(2) else chance.below(16)
            return Trial(RANDOM_FRAMES, (Keyed.of(bytes((stated,)) + send, tail),), True)
        how = chance.below(4)
        if how == 0:
            message = Keyed.of(send, chance.random_bytes(1 + chance.below(8)))
        elif how == 1 and count > 1:
            message = Keyed.of(send, key_bytes=1 + chance.below(count - 1))
        elif how == 2:
            message = Keyed.of(send + chance.random_bytes(1 + chance.below(3)))
        else:
            message = Keyed.of(bytes((Service.SECURITY_ACCESS, 2 * chance.below(64))))
        return Trial(MUTATIONS, (message,))

    def sequence(self, prefix: tuple[bytes, ...] = ()) -> Trial:
        """Return one to four requests, some of them mutated, after a prefix or after an earlier trial that got a new answer.

        A request may be the previous request with a change.
        """
        chance = self._chance
        wanted = LONGEST_SEQUENCE[chance.below(len(LONGEST_SEQUENCE))]
        known = self._known
        messages = list(prefix)
        if messages and chance.below(100) < WAY_CHANGED_PERCENT:
            at = chance.below(len(messages))
            messages[at] = self._mutated(messages[at])
        elif known and chance.below(100) < FROM_CORPUS_PERCENT:
            messages = list(known[chance.below(len(known))].messages[:wanted])
            at = chance.below(len(messages))
            messages[at] = self._mutated(messages[at])
        while len(messages) < len(prefix) + wanted:
            relation = chance.below(100) if messages else 100
            service = messages[-1][0] if relation < SAME_SERVICE_PERCENT else self._service()
            choice = self._by_service.get(service) or self._requests
            message = choice[chance.below(len(choice))]
            if relation < AGAIN_PERCENT:
                message = self._mutated(messages[-1])
            elif relation < FOLLOWING_PERCENT:
                message = self._following(messages[-1]) or message
            while chance.below(100) < MUTATED_PERCENT:
                message = self._mutated(message)
            messages.append(message)
        return Trial(MUTATIONS, tuple(messages))

    def _following(self, message: bytes) -> bytes | None:
        """Return the request that usually comes after a message, whatever was wrong with it; None if none does."""
        service, sub_function = message[0], message[1] & ~SUPPRESS_POSITIVE_RESPONSE if len(message) > 1 else 0
        if service == Service.SECURITY_ACCESS and sub_function & 1:
            count = self._key_bytes.get(sub_function, USUAL_BYTES)
            return bytes((service, sub_function + 1)) + self._chance.random_bytes(count)
        if service == Service.ROUTINE_CONTROL and sub_function == 1:
            return bytes((service, 2 + self._chance.below(2))) + message[2:4]
        if service in (Service.REQUEST_DOWNLOAD, Service.REQUEST_UPLOAD):
            return bytes((Service.TRANSFER_DATA, 1)) + self._chance.random_bytes(self._chance.below(8))
        if service == Service.TRANSFER_DATA:
            more = bytes((Service.TRANSFER_DATA, sub_function + 1 & 0xFF))
            return bytes((Service.REQUEST_TRANSFER_EXIT,)) if self._chance.below(2) else more
        if service == Service.WRITE_DATA_BY_IDENTIFIER:
            return bytes((Service.READ_DATA_BY_IDENTIFIER,)) + message[1:3]
        return None

    def _mutated(self, message: bytes) -> bytes:
        chance = self._chance
        how = chance.below(9)
        if isinstance(message, Keyed) or how < 3:
            return mutated_request(chance, [message])
        changed = bytearray(message)
        if how == 3:
            length = INTERESTING_LENGTHS[min(chance.below(len(INTERESTING_LENGTHS)) for _ in range(2))]
            return (message + chance.random_bytes(length))[:length]
        if how == 4:
            length = 1 + chance.below(12)
            return (message + chance.random_bytes(length))[:length]
        if how == 8 and len(changed) > 1:
            return message[:-1] if chance.below(2) else message + chance.random_bytes(1)
        if how == 5 and len(changed) > 1:
            changed[1] ^= SUPPRESS_POSITIVE_RESPONSE
        elif how == 6 and len(changed) > 1:
            changed[1] = chance.below(256)
        elif len(changed) > 2:
            changed[1:3] = self._dids[chance.below(len(self._dids))].to_bytes(2, "big")
        return bytes(changed)

    def swept(self) -> Trial:
        """Return a request of one of `SWEPT_LENGTHS`: sub-functions of existing services in turn, others at random."""
        chance = self._chance
        lengths = len(SWEPT_LENGTHS)
        swept = self._swept
        if not swept or not chance.below(4):
            length = SWEPT_LENGTHS[chance.below(lengths)]
            return Trial(SWEEP, (bytes((chance.below(256),)) + chance.random_bytes(length),))
        self._sweep += STRIDE
        place, at = divmod(self._sweep % (len(swept) * SUB_FUNCTIONS * lengths), lengths)
        service, sub_function = swept[place // SUB_FUNCTIONS], place % SUB_FUNCTIONS
        behind = bytes((sub_function,)) + chance.random_bytes(7)
        return Trial(SWEEP, (bytes((service,)) + behind[: SWEPT_LENGTHS[at]],))

    def frame(self) -> Trial:
        """Return one frame; one frame in four is a request after a first byte that makes it another type of frame."""
        chance = self._chance
        if not chance.below(4):
            request = self._declared[chance.below(len(self._declared))][: self._frame_bytes - 1]
            data = (bytes((chance.below(256),)) + request).ljust(self._frame_bytes, b"\x00")
            return Trial(RANDOM_FRAMES, (data,), True)
        return Trial(RANDOM_FRAMES, (random_frame(self._chance, self._declared, self._frame_bytes),), True)

    def frames(self) -> Trial:
        """Return frames of ISO-TP in an order that may be wrong, with single-frame requests among them."""
        chance = self._chance
        frames = list(frame_sequence(chance, self._declared, self._frame_bytes))
        how = chance.below(6)
        if how == 0:
            frames[chance.below(len(frames))] = b"\x10\x00" + chance.below(0x2000).to_bytes(4, "big") + b"\x22\xf1"
        elif how <= 3:
            short = [one for one in self._declared if len(one) < self._frame_bytes]
            request = short[chance.below(len(short))]
            frames.insert(1 + chance.below(len(frames)), bytes((len(request),)) + request)
        elif how == 4:
            frames[-1] = bytes((chance.below(16),)) + frames[-1][1:]
        return Trial(FRAME_ORDER, tuple(one[: self._frame_bytes] for one in frames), True)

    def soak(self) -> Trial:
        """Return one request, repeated many times."""
        chance = self._chance
        if not chance.below(LONG_SOAK_ONE_IN):
            return Trial(SOAK, (self._declared[0],), repeat=LONG_SOAK)
        service = self._service()
        choice = self._by_service[service]
        turn = self._soaked.get(service, chance.below(len(choice)))
        self._soaked[service] = turn + 1
        return Trial(SOAK, (choice[turn % len(choice)],), repeat=HOW_OFTEN[chance.below(len(HOW_OFTEN))])


def batches(chance: Chance) -> Iterator[str]:
    """Yield, endlessly, the check whose stimuli come next."""
    mix = (MUTATIONS, FRAME_ORDER, MUTATIONS, RANDOM_FRAMES, MUTATIONS, SWEEP, MUTATIONS, SOAK)
    start = chance.below(len(mix))
    while True:
        yield mix[start % len(mix)]
        start += 1
