"""ECUs, by their factories, on which learning must end with a clear reason."""

import can

from harness.ecu.profiles import hardened

COUNTED = {"frames": 0}
DIES_AT = 600


class Wrapped:
    """The hardened ECU behind a wrapper that makes something go wrong."""

    def __init__(self) -> None:
        self.inner = hardened()

    def attach(self, port) -> None:  # type: ignore[no-untyped-def]
        self.port = port
        self.inner.attach(port)

    def on_frame(self, frame: can.Message) -> None:
        self.inner.on_frame(frame)

    def power_cycle(self) -> None:
        self.inner.power_cycle()


class Fickle(Wrapped):
    """An ECU that refuses every third request for a session on average, by chance."""

    def on_frame(self, frame: can.Message) -> None:
        if frame.arbitration_id == 0x740 and frame.data[1:3] == b"\x10\x03" and self.port.random_bytes(1)[0] % 3 == 0:
            refusal = bytes.fromhex("037F102200000000")
            self.port.send(can.Message(arbitration_id=0x748, data=refusal, is_extended_id=False))
            return
        self.inner.on_frame(frame)


class Mortal(Wrapped):
    """An ECU that dies for good once it and its predecessors have heard a certain number of frames."""

    def on_frame(self, frame: can.Message) -> None:
        COUNTED["frames"] += 1
        if COUNTED["frames"] <= DIES_AT:
            self.inner.on_frame(frame)


class Late(Wrapped):
    """An ECU that hears everything 0.3 s late, though its target does not declare that."""

    def on_frame(self, frame: can.Message) -> None:
        self.port.call_later(0.3, lambda: self.inner.on_frame(frame))


class Rare(Wrapped):
    """An ECU that refuses a session once in some hundred times, by chance."""

    def on_frame(self, frame: can.Message) -> None:
        if frame.arbitration_id == 0x740 and frame.data[1:3] == b"\x10\x03" and self.port.random_bytes(1)[0] == 0:
            refusal = bytes.fromhex("037F102200000000")
            self.port.send(can.Message(arbitration_id=0x748, data=refusal, is_extended_id=False))
            return
        self.inner.on_frame(frame)


fickle, late, mortal, rare = Fickle, Late, Mortal, Rare


class SlowStarter(Wrapped):
    """An ECU that is deaf for four seconds after each reset, though its target declares 0.05."""

    def __init__(self) -> None:
        super().__init__()
        self.ready_s = 0.0

    def on_frame(self, frame: can.Message) -> None:
        if self.port.now_s < self.ready_s:
            return
        if frame.arbitration_id == 0x740 and frame.data[1:3] == b"\x11\x01":
            self.ready_s = self.port.now_s + 4.0
        self.inner.on_frame(frame)


slow_starter = SlowStarter


class Silent37(Wrapped):
    """An ECU that answers every key with 0x35 for ten seconds after a wrong one, even the right key, and gives seeds
    meanwhile.
    """

    def __init__(self) -> None:
        self.inner = hardened("no_attempt_limit")
        self.refuses_until_s = 0.0
        self.is_refusal_expected = False

    def attach(self, port) -> None:  # type: ignore[no-untyped-def]
        self.port = port
        send = port.send

        def watched(frame: can.Message) -> None:
            if frame.data[:4] == bytes.fromhex("037F2735"):
                self.refuses_until_s = port.now_s + 10.0
            if frame.data[:3] == bytes.fromhex("026702") and port.now_s < self.refuses_until_s:
                frame = can.Message(arbitration_id=0x748, data=bytes.fromhex("037F273500000000"), is_extended_id=False)
            send(frame)

        self.inner.attach(Sending(port, watched))


class Sending:
    """A port that sends its frames by another function."""

    def __init__(self, port, send) -> None:  # type: ignore[no-untyped-def]
        self._port, self.send = port, send

    def __getattr__(self, name: str) -> object:
        return getattr(self._port, name)


silent_37 = Silent37


class Sleeper(Wrapped):
    """An ECU that sleeps when it has heard nothing for 0.3 s; the frame that wakes it is not answered."""

    last_s = -1.0

    def on_frame(self, frame: can.Message) -> None:
        was_asleep, self.last_s = self.port.now_s - self.last_s > 0.3, self.port.now_s
        if not was_asleep:
            self.inner.on_frame(frame)


sleeper = Sleeper
