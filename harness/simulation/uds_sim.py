"""Offer the simulated bus to any python-can program, in real time: ``can.Bus(interface="uds-sim", channel="article")``."""

import threading
from collections import deque
from typing import Any

import can

from harness.errors import HarnessError
from harness.link.clock import Chance, RealClock, new_seed
from harness.link.frame import Frame, check, from_message
from harness.link.trace import Trace
from harness.simulation.node import load_nodes
from harness.simulation.simulated_bus import Simulation

FRAMES_KEPT = 1 << 16
"""How many frames may wait to be received; further ones are lost, as in any adapter."""


class UdsSimBus(can.BusABC):
    """A bus of its own, with the nodes that the channel names; with `fd`, for CAN FD too. Nodes print to the usual output.

    Nothing runs in the background: events that are due happen when a program sends or receives, each at its own time.
    """

    def __init__(
        self,
        channel: str = "article",
        can_filters: Any = None,
        bitrate: int = 500_000,
        fd: bool = False,
        data_bitrate: int | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        try:
            nodes = load_nodes(str(channel))
        except HarnessError as error:
            raise can.CanInitializationError(str(error)) from error
        for name, rate in (("bitrate", bitrate), ("data_bitrate", data_bitrate)):
            if rate is not None and rate <= 0:
                raise can.CanInitializationError(f"{name} is {rate}; give bits per second, e.g. 500000")
        self.channel_info = f"uds-sim {channel}"
        self._can_protocol = can.CanProtocol.CAN_FD if fd else can.CanProtocol.CAN_20
        self._is_fd = fd
        self._clock = RealClock()
        self._changed = threading.Condition()
        self._arrived: deque[Frame] = deque()
        self._trace = Trace()
        chance = Chance(new_seed() if seed is None else seed, "ecu")
        self._start_s = self._clock.now_s()
        self._simulation = Simulation(
            nodes,
            bitrate=bitrate,
            data_bitrate=data_bitrate,
            chance=chance,
            trace=self._trace,
            epoch_s=self._clock.utc_s(),
        )
        super().__init__(channel, can_filters=can_filters, **kwargs)

    def send(self, msg: can.Message, timeout: float | None = None) -> None:
        """Put a frame on the bus. Raises CanOperationError if it is not a CAN frame."""
        try:
            check(msg)
        except ValueError as error:
            raise can.CanOperationError(str(error)) from error
        if msg.is_fd and not self._is_fd:
            raise can.CanOperationError("this bus was opened for classic CAN; give fd=True")
        with self._changed:
            self._check_open()
            self._catch_up()
            self._simulation.send(from_message(msg, 0.0, True))
            self._changed.notify_all()

    def _recv_internal(self, timeout: float | None) -> tuple[can.Message | None, bool]:
        deadline_s = None if timeout is None else self._elapsed_s() + timeout
        with self._changed:
            while True:
                self._check_open()
                frame = self._next()
                if frame is not None:
                    message = frame.message()
                    message.timestamp = self._simulation.epoch_s + frame.time_s
                    return message, False
                now_s = self._elapsed_s()
                if deadline_s is not None and now_s >= deadline_s:
                    return None, False
                waits_s = [self._simulation.next_event_s() - now_s]
                if deadline_s is not None:
                    waits_s.append(deadline_s - now_s)
                wait_s = min(waits_s)
                self._changed.wait(None if wait_s == float("inf") else max(wait_s, 0.0))

    def _elapsed_s(self) -> float:
        return self._clock.now_s() - self._start_s

    def _catch_up(self) -> None:
        """Run all events that are due by now, and keep the frames that arrive."""
        now_s = self._elapsed_s()
        while (frame := self._happens(now_s)) is not None:
            if len(self._arrived) < FRAMES_KEPT:
                self._arrived.append(frame)

    def _next(self) -> Frame | None:
        return self._arrived.popleft() if self._arrived else self._happens(self._elapsed_s())

    def _happens(self, until_s: float) -> Frame | None:
        """Return the next frame that arrives until then; a bus that was opened for classic CAN sees no FD frame."""
        while True:
            frame = self._simulation.receive(until_s)
            if frame is None or self._is_fd or not frame.is_fd:
                return frame

    def _check_open(self) -> None:
        if self._is_shutdown:
            raise can.CanOperationError(f"{self.channel_info} has been shut down")

    def shutdown(self) -> None:
        """Release the ECU. Whoever waits for a frame, or sends one, then gets CanOperationError."""
        super().shutdown()
        with self._changed:
            self._changed.notify_all()
