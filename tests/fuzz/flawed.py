"""Make factories, for `path.py:factory`, of hardened ECUs that differ from the sound one in one function."""

from collections.abc import Callable

import can

from harness.ecu.config import EcuConfig
from harness.ecu.ecu_node import UdsNode
from harness.ecu.profiles import HARDENED
from harness.ecu.server import Server

Answers = list[bytes] | None
"""The messages of an answer; None leaves the answer to the sound ECU."""
Factory = Callable[[], UdsNode]


class Flawed(Server):
    """A server that answers like the sound one where `flawed_answers` returns None."""

    def answer(self, pdu: bytes, *, is_functional: bool = False) -> list[bytes]:
        self.now_s = self.surroundings.now_s
        answers = None if self.now_s < self.state.ready_s or not pdu else self.flawed_answers(pdu)
        return super().answer(pdu, is_functional=is_functional) if answers is None else answers

    def flawed_answers(self, pdu: bytes) -> Answers:
        raise NotImplementedError


def node(server: type[Server], config: EcuConfig = HARDENED) -> UdsNode:
    return UdsNode(server(config))


def flawed(answers: Callable[[Server, bytes], Answers]) -> Factory:
    """Make an ECU that answers a message as the function says."""

    class Ecu(Flawed):
        def flawed_answers(self, pdu: bytes) -> Answers:
            return answers(self, pdu)

    return _named_after(answers, lambda: node(Ecu))


def remembering(answers: Callable[..., Answers]) -> Factory:
    """Make an ECU whose answer depends on the last two or three messages; it forgets them without power."""

    class Ecu(Flawed):
        last: tuple[bytes, ...] = ()

        def power_cycle(self) -> None:
            super().power_cycle()
            self.last = ()

        def flawed_answers(self, pdu: bytes) -> Answers:
            self.last = (*self.last[-2:], pdu)
            return answers(self, *self.last) if len(self.last) > 1 else None

    return _named_after(answers, lambda: node(Ecu))


def framed(look: Callable[..., None]) -> Factory:
    """Make a node whose function sees the last one or two frames that were sent to it; it forgets them without power."""

    class Node(UdsNode):
        last: tuple[bytes, ...] = ()

        def power_cycle(self) -> None:
            super().power_cycle()
            self.last = ()

        def on_frame(self, frame: can.Message) -> None:
            is_awake = self.ecu.surroundings.now_s >= self.ecu.state.ready_s
            if frame.arbitration_id == self.request_id and frame.data and is_awake:
                self.last = (*self.last[-1:], bytes(frame.data))
                look(self, *self.last)
            super().on_frame(frame)

    return _named_after(look, lambda: Node(Server(HARDENED)))


def _named_after(function: Callable[..., object], make: Factory) -> Factory:
    make.__name__, make.__doc__ = function.__name__, function.__doc__
    return make
