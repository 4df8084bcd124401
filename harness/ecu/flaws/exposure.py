"""Flaws that leak secrets, and flaws by which an ECU can be crashed."""

from collections.abc import Callable
from functools import partial
from typing import Final

import can

from harness.ecu.config import NORMAL_TRAFFIC, DataIdentifier
from harness.ecu.definition import ANY_SERVICE, Definition
from harness.ecu.ecu_node import UdsNode
from harness.ecu.flaws.conformance import SILENCE
from harness.ecu.flaws.declare import flaw
from harness.ecu.rules import Answer, Ecu, EcuDied, Rule, request_is_long_enough
from harness.ecu.state import State
from harness.link.isotp import IsoTp
from harness.uds import Service

_BURST_FRAMES: Final = 200
_NO_PAUSE_S: Final = 0.0003
"""The shortest gap in seconds between two frames in which the receive interrupt can empty its queue."""

_WEAR_S: Final = 1e-6

Take = Callable[[can.Message], None]


def _holding(definition: Definition, did: int, text: bytes) -> Definition:
    """Add a data identifier that no file declares, with a text that everybody can read."""
    return definition.with_data(DataIdentifier(did=did, initial=text, is_in_image=False))


def _overflowing(definition: Definition, is_counted: Callable[[UdsNode, can.Message], bool]) -> Definition:
    """Crash when `_BURST_FRAMES` frames for which `is_counted` holds arrive without a pause."""

    def hear(go_on: Take, node: UdsNode, frame: can.Message) -> None:
        if is_counted(node, frame):
            length, last_s = node.notes.get("burst", (0, 0.0))
            length = length + 1 if frame.timestamp - last_s < _NO_PAUSE_S else 1
            node.notes["burst"] = length % _BURST_FRAMES, frame.timestamp
            if length >= _BURST_FRAMES:
                raise EcuDied("the receive queue overflowed")
        go_on(frame)

    return definition.at("hear", hear)


def _on_four_bytes(definition: Definition, happen: Rule) -> Definition:
    """Call a function when a request of service 31 has exactly four bytes."""
    return definition.insert(
        Service.ROUTINE_CONTROL, lambda ecu, request: happen(ecu, request) if len(request) == 4 else None
    )


def _on_one_byte(definition: Definition, happen: Callable[[UdsNode], None]) -> Definition:
    """Call a function in place of receiving a frame whose data field is a single byte."""

    def hear(go_on: Take, node: UdsNode, frame: can.Message) -> None:
        if frame.arbitration_id == node.request_id and len(frame.data) == 1:
            happen(node)
        else:
            go_on(frame)

    return definition.at("hear", hear)


def _die(what: str) -> None:
    raise EcuDied(f"a {what} came")


class _SequenceNumberZero:
    """A frame rule that crashes at a consecutive frame numbered 0 directly after a first frame, and at no later number 0."""

    def __init__(self) -> None:
        self._previous = 0

    def __call__(self, ecu: Ecu, isotp: IsoTp, data: bytearray) -> bytes | None:
        previous, self._previous = self._previous, data[0]
        if data[0] == 0x20 and previous >> 4 == 1 and isotp.is_receiving:
            raise EcuDied("a consecutive frame numbered 0 came first")
        return None


# What leaks.


@flaw(number="M96", kills=("IE-02",))
def padding_leaks_last_frame(definition: Definition) -> Definition:
    """One buffer serves every frame and is never cleared, so that padding shows what the last frame held."""

    def hear(go_on: Take, node: UdsNode, frame: can.Message) -> None:
        if frame.arbitration_id == node.request_id:
            node.notes.setdefault("buffer", bytearray(8))[: len(frame.data)] = frame.data[:8]
        go_on(frame)

    def send(go_on: Take, node: UdsNode, frame: can.Message) -> None:
        buffer = node.notes.setdefault("buffer", bytearray(8))
        if frame.data and frame.data[0] < 8:
            frame.data[1 + frame.data[0] :] = buffer[1 + frame.data[0] : len(frame.data)]
        buffer[: len(frame.data)] = frame.data
        go_on(frame)

    return definition.at("hear", hear).at("send", send)


@flaw(kills=("IE-02",))
def refused_key_padded_with_right_one(definition: Definition) -> Definition:
    """The frame that refuses a wrong key still holds the first bytes of the right key behind the refusal."""

    def send(go_on: Take, node: UdsNode, frame: can.Message) -> None:
        state = node.ecu.state
        if state.seed:
            node.notes["last seed"] = state.seed_level, state.seed
        if bytes(frame.data[:4]) == b"\x03\x7f\x27\x35" and "last seed" in node.notes:
            number, seed = node.notes["last seed"]
            size = len(frame.data) - 4
            frame.data[4:] = node.ecu.levels[number].key(seed, number)[:size].ljust(size, b"\0")
        go_on(frame)

    return definition.at("send", send)


@flaw(number="M97", kills=("IE-01",))
def secret_printed(definition: Definition) -> Definition:
    """Each SecurityAccess request prints the level's secret to the console."""

    def tell(ecu: Ecu, request: bytes) -> Answer | None:
        for level in ecu.config.levels:
            print(f"SecurityAccess {request[1:2].hex()}: level {level.level}, prekey 0x{level.secret.hex()}")
        return None

    return definition.insert(Service.SECURITY_ACCESS, tell)


@flaw(number="M120", kills=("IE-04",), comes_first=True)
def same_secret_in_every_unit(definition: Definition) -> Definition:
    """Every unit of the type leaves the factory with the same secret."""
    return definition.replace_decision(of_another_unit=lambda level: level)


@flaw(number="M121", kills=("IE-05",))
def secret_in_image(definition: Definition) -> Definition:
    """The secret stands in the firmware image as a literal."""
    return definition.wrap_decision(
        image=lambda go_on, config: go_on(config) + b"".join(level.secret for level in config.levels)
    )


@flaw(number="M122", kills=("IE-03",), depth="default")
def hidden_data_refused(definition: Definition) -> Definition:
    """An undocumented data identifier is refused with 33 where one that does not exist gets 31."""
    hidden = DataIdentifier(did=0x4203, initial=b"\x00\x2a", read=0x03, write=0x03, is_in_image=False)
    return definition.with_data(hidden)


@flaw(number="M123", kills=("IE-06",))
def build_path_readable(definition: Definition) -> Definition:
    """An identification record holds the path that the software was built in."""
    return _holding(definition, 0xF19A, b"/home/build/ecu/src/main.c")


@flaw(kills=("IE-06",))
def log_name_readable(definition: Definition) -> Definition:
    """DID F1F3, which no file declares, holds the name of the last log file."""
    return _holding(definition, 0xF1F3, b"/data/log/ecu-0412.log")


@flaw(kills=("AC-12",))
def password_readable(definition: Definition) -> Definition:
    """DID F1F4, which no file declares, holds the login of the service access."""
    return _holding(definition, 0xF1F4, b"service:Wartung2019")


# What brings it down.


@flaw(number="M99", kills=("DS-01",))
def periodic_frames_stop(definition: Definition) -> Definition:
    """The ECU sends a frame each second, but not while a message of several frames is under way."""
    return definition.with_config(periodic_frames=NORMAL_TRAFFIC).at(
        "talk", lambda go_on, node: not (node.isotp.is_receiving or node.isotp.is_sending) and go_on()
    )


@flaw(number="M100", kills=("DS-07", "FZ-06"))
def latency_grows(definition: Definition) -> Definition:
    """Each frame seen since power-up makes every answer a microsecond later."""

    def hear(go_on: Take, node: UdsNode, frame: can.Message) -> None:
        notes = node.ecu.state.until_restart
        notes["frames seen"] = notes.get("frames seen", 0) + 1
        if frame.arbitration_id == node.request_id:
            node.port.call_later(notes["frames seen"] * _WEAR_S, partial(go_on, frame))
        else:
            go_on(frame)

    def reboot(go_on: Callable[..., State], ecu: Ecu, now_s: float, reset_type: int | None) -> State:
        seen = ecu.state.until_restart.get("frames seen", 0)
        state = go_on(ecu, now_s, reset_type)
        state.until_restart["frames seen"] = 0 if reset_type is None else seen
        return state

    return definition.at("hear", hear).wrap_decision(reboot=reboot)


@flaw(number="M116a", kills=("DS-02",))
def dies_of_request_burst(definition: Definition) -> Definition:
    """200 requests without a pause between them crash the ECU."""
    return _overflowing(definition, lambda node, frame: frame.arbitration_id == node.request_id and frame.data[:1] < b"\x10")


@flaw(number="M116b", kills=("DS-03",))
def dies_of_foreign_burst(definition: Definition) -> Definition:
    """200 frames for other nodes without a pause between them crash the ECU."""
    return _overflowing(definition, lambda node, frame: frame.arbitration_id != node.request_id)


@flaw(
    number="M118",
    kills=("FZ-01", "FZ-02", "FZ-03"),
    also={
        "AC-08": "a request to start a routine has four bytes",
        "IE-03": "routines are asked for their results with four bytes",
        **dict.fromkeys(("AC-09", "AC-11"), "a safe routine tells whether the ECU is locked"),
    },
    depth="default",
)
def dies_on_routine_of_four_bytes(definition: Definition) -> Definition:
    """A request of service 31 with exactly four bytes crashes the ECU."""
    return _on_four_bytes(definition, lambda ecu, request: _die("request of four bytes"))


@flaw(
    kills=("FZ-02", "FZ-03"),
    also={
        "AC-08": "a request to start a routine has four bytes",
        "IE-03": "routines are asked for their results with four bytes",
        **dict.fromkeys(("AC-09", "AC-11"), "a safe routine tells whether the ECU is locked"),
        "FZ-01": "random frames may hold one too",
    },
    depth="default",
)
def restarts_on_routine_of_four_bytes(definition: Definition) -> Definition:
    """A request of service 31 with exactly four bytes crashes the ECU, which is back within 50 ms."""

    def restart(ecu: Ecu, request: bytes) -> Answer | None:
        ecu.power_cycle()
        return SILENCE

    return _on_four_bytes(definition, restart)


@flaw(kills=("TP-01", "DS-04"), also=dict.fromkeys(("TP-03", "TP-13", "FZ-01"), "it sends frames of one byte too"))
def restarts_on_frame_of_one_byte(definition: Definition) -> Definition:
    """A frame whose data field is a single byte crashes the ECU, which is back within 50 ms."""
    return _on_one_byte(definition, lambda node: node.ecu.power_cycle())


@flaw(
    number="M119",
    kills=("FZ-05",),
    also={"FZ-01": "random frames may come in that order too", "TP-09": "it sends that frame too"},
)
def dies_on_sequence_number_zero(definition: Definition) -> Definition:
    """A consecutive frame numbered 0 directly after its first frame crashes the ECU."""
    return definition.with_frame_rule(_SequenceNumberZero)


@flaw(
    kills=("DS-04",),
    also={"CF-04": "a request of the wrong length is answered with silence", "FZ-02": "some mutated requests are too short"},
)
def short_request_unanswered(definition: Definition) -> Definition:
    """A request shorter than its service's minimum is not answered."""
    return definition.wrap(
        ANY_SERVICE, request_is_long_enough, lambda go_on, ecu, request: None if go_on(ecu, request) is None else SILENCE
    )


@flaw(kills=("DS-04",), also=dict.fromkeys(("TP-01", "TP-03", "FZ-01"), "it sends frames of one byte too"))
def dies_on_frame_of_one_byte(definition: Definition) -> Definition:
    """A frame whose data field is a single byte crashes the ECU."""
    return _on_one_byte(definition, lambda node: _die("frame of one byte"))
