"""When, how often and to whose presence does a flawed ECU answer?"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import can

from harness.ecu.config import EcuConfig
from harness.ecu.nonconformance import SERIAL_NUMBER
from harness.simulation.node import Timer
from harness.uds import RESPONSE_OFFSET, Nrc, Service, negative_response

_ITS_ANSWER: Final = bytes((SERIAL_NUMBER[0] + RESPONSE_OFFSET, *SERIAL_NUMBER[1:]))
_PENDING: Final = negative_response(SERIAL_NUMBER[0], Nrc.RESPONSE_PENDING)

Respond = Callable[[list[bytes]], None]


def mistime(node: Any, config: EcuConfig) -> None:
    """Put into a `UdsNode` what its defects ask for, in place of its own methods."""
    defects = config.defects
    if defects.answers_twice:
        node._transmit = _twice(node, node._transmit)
    if defects.wrong_key_answered_twice:
        node._transmit = _with_a_second_refusal(node._transmit)
    if defects.tester_present_from_any_id:
        node.on_frame = _hearing_all(node, node.on_frame)
    p2_s, p2_star_s = config.p2_ms / 1000, config.p2_star_ms / 1000
    if defects.pending_for_ever:
        _Slow(node, repeat_s=p2_star_s / 2)
    elif defects.pending_without_answer:
        _Slow(node)
    elif defects.pending_too_slow:
        _Slow(node, answer_s=1.2 * p2_star_s)
    elif defects.late_without_pending:
        _Slow(node, is_announced=False, answer_s=3 * p2_s)


def _twice(node: Any, transmit: Callable[[bytes], None]) -> Callable[[bytes], None]:
    def transmit_twice(answer: bytes) -> None:
        transmit(answer)
        if not node._isotp.is_sending:
            transmit(answer)

    return transmit_twice


def _with_a_second_refusal(transmit: Callable[[bytes], None]) -> Callable[[bytes], None]:
    def transmit_both(answer: bytes) -> None:
        transmit(answer)
        if answer == negative_response(Service.SECURITY_ACCESS, Nrc.INVALID_KEY):
            transmit(negative_response(Service.SECURITY_ACCESS, Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS))

    return transmit_both


def _hearing_all(node: Any, go_on: Callable[[can.Message], None]) -> Callable[[can.Message], None]:
    def on_frame(frame: can.Message) -> None:
        if frame.data[1:2] == bytes((Service.TESTER_PRESENT,)) and not frame.is_remote_frame:
            node.ecu.keep_session()
        go_on(frame)

    return on_frame


class _Slow:
    """Takes its time for the serial number; the next request makes it forget the answer."""

    def __init__(
        self, node: Any, *, is_announced: bool = True, answer_s: float | None = None, repeat_s: float | None = None
    ) -> None:
        self._respond: Respond = node._respond
        self._node = node
        self._is_announced = is_announced
        self._answer_s = answer_s
        self._repeat_s = repeat_s
        self._timer: Timer | None = None
        node._respond = self.respond

    def respond(self, answers: list[bytes]) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not answers or not answers[-1].startswith(_ITS_ANSWER):
            self._respond(answers)
            return
        if self._is_announced:
            self._announce()
        if self._answer_s is not None:
            self._timer = self._node._port.call_later(self._answer_s, partial(self._respond, answers))

    def _announce(self) -> None:
        self._respond([_PENDING])
        if self._repeat_s is not None:
            self._timer = self._node._port.call_later(self._repeat_s, self._announce)
