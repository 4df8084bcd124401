"""What does a flawed ECU make of frames, and of many frames, that a sound one does not notice?"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import can

from harness.ecu.defects import Defects
from harness.ecu.rules import EcuDied
from harness.simulation.node import Port, Timer

_BURST_FRAMES: Final = 200
_NO_PAUSE_S: Final = 0.0003
"""Frames that are further apart than this leave the receive interrupt time to empty its queue."""

_WEAR_S: Final = 1e-6

OnFrame = Callable[[can.Message], None]


def spoil(node: Any, defects: Defects) -> None:
    """Put into a `UdsNode` what its defects ask for, in place of its own methods."""
    if defects.dies_on_frame_of_one_byte:
        node.on_frame = _dying_on_one_byte(node, node.on_frame)
    if defects.restarts_on_frame_of_one_byte:
        node.on_frame = _restarting_on_one_byte(node, node.on_frame)
    if defects.dies_on_empty_frame or defects.dies_on_remote_frame:
        node.on_frame = _dying_on_no_data(node, node.on_frame, is_remote=defects.dies_on_remote_frame)
    if defects.dies_of_request_burst:
        node.on_frame = _dying_of_a_burst(node, node.on_frame, is_own=True)
    if defects.dies_of_foreign_burst:
        node.on_frame = _dying_of_a_burst(node, node.on_frame, is_own=False)
    if defects.latency_grows:
        worn = _Worn(node)
        node.attach, node.on_frame, node.power_cycle = worn.attach, worn.on_frame, worn.power_cycle
    if defects.padding_leaks_last_frame:
        shared = _SharedBuffer(node)
        node.attach, node.on_frame = shared.attach, shared.on_frame
    if defects.refused_key_padded_with_right_one:
        node.attach = _padding_with_key(node, node.attach)


def _padding_with_key(node: Any, attach: Callable[[Port], None]) -> Callable[[Port], None]:
    """The key is computed where the answer is built later; a refusal is shorter and covers its beginning only."""

    def attach_leaking(port: Port) -> None:
        seed_of: dict[str, tuple[int, bytes]] = {}

        def send(frame: can.Message) -> None:
            state = node.ecu.state
            if state.seed:
                seed_of["last"] = (state.seed_level, state.seed)
            if bytes(frame.data[:4]) == b"\x03\x7f\x27\x35" and "last" in seed_of:
                level, seed = seed_of["last"]
                frame.data[4:] = (
                    node.ecu.levels[level].key(seed, level)[: len(frame.data) - 4].ljust(len(frame.data) - 4, b"\0")
                )
            port.send(frame)

        attach(_Ports(port, send))

    return attach_leaking


def _dying_on_one_byte(node: Any, go_on: OnFrame) -> OnFrame:
    def on_frame(frame: can.Message) -> None:
        if frame.arbitration_id == node.request_id and len(frame.data) == 1:
            raise EcuDied("a frame of one byte came")
        go_on(frame)

    return on_frame


def _restarting_on_one_byte(node: Any, go_on: OnFrame) -> OnFrame:
    def on_frame(frame: can.Message) -> None:
        if frame.arbitration_id == node.request_id and len(frame.data) == 1:
            node.ecu.power_cycle()
            return
        go_on(frame)

    return on_frame


def _dying_on_no_data(node: Any, go_on: OnFrame, *, is_remote: bool) -> OnFrame:
    def on_frame(frame: can.Message) -> None:
        if frame.arbitration_id == node.request_id and not frame.data and frame.is_remote_frame == is_remote:
            raise EcuDied("a frame without data came")
        go_on(frame)

    return on_frame


def _dying_of_a_burst(node: Any, go_on: OnFrame, *, is_own: bool) -> OnFrame:
    """Requests of one frame count if `is_own`, else frames with other ids."""
    length, last_s = 0, 0.0

    def on_frame(frame: can.Message) -> None:
        nonlocal length, last_s
        is_request = frame.arbitration_id == node.request_id
        if is_request == is_own and (not is_own or frame.data[:1] < b"\x10"):
            length = length + 1 if frame.timestamp - last_s < _NO_PAUSE_S else 1
            last_s = frame.timestamp
            if length >= _BURST_FRAMES:
                length = 0
                raise EcuDied("the receive queue overflowed")
        go_on(frame)

    return on_frame


class _Ports:
    """A node's port with one method in place of its own."""

    def __init__(self, port: Port, send: Callable[[can.Message], None]) -> None:
        self._port = port
        self.send = send

    @property
    def now_s(self) -> float:
        return self._port.now_s

    @property
    def utc_s(self) -> float:
        return self._port.utc_s

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        return self._port.call_later(delay_s, callback)

    def random_bytes(self, n: int) -> bytes:
        return self._port.random_bytes(n)


class _Worn:
    """Logs every frame, which takes longer the more is in the log: only then a frame is looked at."""

    def __init__(self, node: Any) -> None:
        self._attach, self._on_frame, self._power_cycle = node.attach, node.on_frame, node.power_cycle
        self._node = node
        self._seen = 0

    def attach(self, port: Port) -> None:
        self._port = port
        self._attach(port)

    def power_cycle(self) -> None:
        self._seen = 0
        self._power_cycle()

    def on_frame(self, frame: can.Message) -> None:
        self._seen += 1
        if frame.arbitration_id == self._node.request_id:
            self._port.call_later(self._seen * _WEAR_S, partial(self._on_frame, frame))
        else:
            self._on_frame(frame)


class _SharedBuffer:
    """Eight bytes hold whatever frame came or went last; a shorter message leaves the rest of them as it was."""

    def __init__(self, node: Any) -> None:
        self._attach, self._on_frame = node.attach, node.on_frame
        self._node = node
        self._buffer = bytearray(8)

    def attach(self, port: Port) -> None:
        self._port = port
        self._attach(_Ports(port, self._send))

    def on_frame(self, frame: can.Message) -> None:
        if frame.arbitration_id == self._node.request_id:
            self._buffer[: len(frame.data)] = frame.data[:8]
        self._on_frame(frame)

    def _send(self, frame: can.Message) -> None:
        if frame.data and frame.data[0] < 8:
            frame.data[1 + frame.data[0] :] = self._buffer[1 + frame.data[0] : len(frame.data)]
        self._buffer[: len(frame.data)] = frame.data
        self._port.send(frame)
