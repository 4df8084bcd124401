"""Limousines that violate ISO-TP or UDS, crash, or slow down, each in one way."""

from tests.unseen.cars import limousine

but, refuse = limousine.but, limousine.refuse
DEFAULT, PROGRAMMING, EXTENDED, ALL = limousine.DEFAULT, limousine.PROGRAMMING, limousine.EXTENDED, limousine.ALL
Limousine, Transport, Refused, Service = limousine.Limousine, limousine.Transport, limousine.Refused, limousine.Service
Record = limousine.Record

# Form of requests and answers.


SubFunctionIs31 = but(Limousine, unknown_sub=lambda ecu, pdu: refuse(0x31 if pdu[0] in (0x10, 0x3E) else 0x12))
"""An unknown sub-function of TesterPresent and session control is refused with 0x31 (out of range)."""

HalfDidRead = but(Limousine, read=lambda ecu, pdu: Limousine.read(ecu, pdu if len(pdu) % 2 else pdu[:-1]))
"""In a read, half a DID behind the last whole one is ignored."""

SessionTail = but(Limousine, control=lambda ecu, pdu: Limousine.control(ecu, pdu[:2]))
"""10 03 00 enters the extended session, though it is too long."""

EmptyRecord = but(Limousine, unknown_did=lambda ecu, pdu: b"\x62" + pdu[1:3])
"""An unknown DID is read as an empty one."""

UnknownDidIs11 = but(Limousine, unknown_did=lambda ecu, pdu: refuse(0x11))
"""An unknown DID is refused with 0x11, like an unknown service."""


class SubBeforeSession(Limousine):
    """The sub-function is checked before the session: 27 7D is refused with 0x12 in the default session."""

    def not_in_session(self, pdu):
        if pdu[0] == 0x27 and len(pdu) > 1 and pdu[1] & 0x7F not in (1, 2, 3, 4):
            raise Refused(0x12)
        super().not_in_session(pdu)


class LengthBeforeSub(Limousine):
    """The whole length is checked before the sub-function: an unknown one with a further byte is refused with 0x13."""

    def serve(self, pdu):
        is_unknown = len(pdu) > 1 and pdu[0] == 0x27 and pdu[1] & 0x7F not in (1, 2, 3, 4)
        if is_unknown and self.session != DEFAULT and len(pdu) not in (2, 2 + self.key_bytes):
            raise Refused(0x13)
        return super().serve(pdu)


SwappedLimitCodes = but(Limousine, nrc_of_wrong_key=lambda ecu, level: 0x35 if ecu.failures[level] > 1 else 0x36)
"""The first wrong key is refused with 0x36, the one at the limit with 0x35."""


class FunctionalSays31(Limousine):
    """A functional request for an unknown DID is refused (0x31) instead of ignored."""

    def refuse(self, request, nrc):
        return self.negative(request.pdu, nrc) if nrc == 0x31 else super().refuse(request, nrc)


class FunctionalSays7f(Limousine):
    """A functional request for a service that the session lacks is refused (0x7F) instead of ignored."""

    def refuse(self, request, nrc):
        return self.negative(request.pdu, nrc) if nrc == 0x7F else super().refuse(request, nrc)


class SessionAnswersQuiet(Limousine):
    """10 83 is answered, in spite of the suppress bit."""

    def answer(self, request):
        request.must_answer = request.pdu[:1] == b"\x10" and not request.functional
        return super().answer(request)


class SuppressesRefusals(Limousine):
    """The suppress bit suppresses refusals too."""

    def refuse(self, request, nrc):
        pdu = request.pdu
        if pdu[0] in self.with_subs and len(pdu) > 1 and pdu[1] & 0x80 and not request.must_answer:
            return None
        return super().refuse(request, nrc)


PresenceTail = but(Limousine, present=lambda ecu, pdu: Limousine.present(ecu, pdu) + b"\x00")
"""The answer 7E 00 has one byte more."""


class SwappedEcho(Limousine):
    """The answer 6E repeats its DID with the low byte first."""

    def write(self, pdu):
        reply = super().write(pdu)
        return reply[:1] + reply[:0:-1]


class NoDuplicates(Limousine):
    """A DID that is requested twice is answered once."""

    def guard_read(self, dids):
        super().guard_read(dids)
        dids[:] = dict.fromkeys(dids)


class FirstDidOnly(Limousine):
    """Of several DIDs only the first is answered."""

    def guard_read(self, dids):
        super().guard_read(dids)
        del dids[1:]


class AllOrNothing(Limousine):
    """A request with one unknown DID among known ones is refused with 0x31."""

    def read(self, pdu):
        if len(pdu) % 2 and not all(
            self.is_known(int.from_bytes(pdu[at : at + 2], "big")) for at in range(1, min(len(pdu), 17), 2)
        ):
            raise Refused(0x31)
        return super().read(pdu)


class SometimesSilent(Limousine):
    """Every fifteenth request gets no answer."""

    heard = 0

    def execute(self, request):
        self.heard += 1
        if self.heard % 15 == 0:
            self.finish(request, None)
        else:
            super().execute(request)


class TwoRefusals(Limousine):
    """A refusal with 0x31 is sent twice."""

    def finish(self, request, answer):
        super().finish(request, answer)
        if answer is not None and answer[0] == 0x7F and answer[2] == 0x31:
            self.later(0.004, lambda: self.put(request.link.response_id, b"\x03" + answer))


class AnswersTwiceAfterPending(Limousine):
    """A write is answered by 0x78, then positively, and then positively once more."""

    def execute(self, request):
        if request.pdu[0] != 0x2E:
            super().execute(request)
            return
        self.say_pending(request)
        answer = self.answer(request)
        self.later(0.1, lambda: self.finish(request, answer))
        self.later(0.12, lambda: self.put(request.link.response_id, bytes((len(answer),)) + answer))


# ISO-TP.


def on(transport: type[Transport]) -> type[Limousine]:
    """Return the limousine with another ISO-TP."""
    return type(transport.__name__, (Limousine,), {"transport": transport})


class _ZeroLength(Transport):
    def single(self, data, functional):
        super().single(bytes((len(data) - 1,)) + data[1:] if data[0] == 0 else data, functional)


class _LengthMasked(Transport):
    def single(self, data, functional):
        super().single(bytes((data[0] & 0x07,)) + data[1:], functional)


class _StaleBuffer(Transport):
    stale = bytes(8)

    def single(self, data, functional):
        self.stale = data + self.stale[len(data) :]
        super().single(self.stale if data[0] <= 7 else data, functional)


class _KindMasked(Transport):
    def reserved(self, data):
        if data[0] >> 4 in (4, 8, 12):
            self.single(bytes((data[0] & 0x0F,)) + data[1:], False)


class _ShortFirst(Transport):
    def first(self, data):
        if len(data) == 8 and data[0] == 0x10 and 0 < data[1] < 8:
            self.begin(data[1], data[2 : 2 + data[1]])
            if self.expected <= 6:
                self.reception = None
                self.ecu.deliver(self, data[2 : 2 + data[1]], False)
        else:
            super().first(data)


_LateFlow = but(Transport, fc_delay_s=1.3)


class _NoFlow(Transport):
    def grant(self):
        self.block, self.deadline_s = 0, self.port.now_s + 1.0


class _LengthWraps(Transport):
    def first(self, data):
        if len(data) == 8 and data[:2] == b"\x10\x00" and int.from_bytes(data[2:6], "big") > 4095:
            self.reception, self.expected, self.sn = bytearray(data[6:]), int.from_bytes(data[4:6], "big") + 8, 1
            self.grant()
        else:
            super().first(data)


class _SmallEscape(Transport):
    def first(self, data):
        if len(data) == 8 and data[:2] == b"\x10\x00" and 0 < int.from_bytes(data[2:6], "big") <= 4095:
            self.begin(max(8, int.from_bytes(data[2:6], "big")), data[6:])
        else:
            super().first(data)


class _AnyFirstNumber(Transport):
    def is_next(self, sn):
        if self.sn == 1 and len(self.reception) == 6:
            self.sn = sn
        return sn == self.sn


_NoNumbers = but(Transport, is_next=lambda link, sn: True)

_LongWait = but(Transport, n_cr_s=3.0)


class _OneBuffer(Transport):
    def single(self, data, functional):
        kept = self.reception
        super().single(data, functional)
        if kept is not None and not functional and 0 < data[0] < len(data):
            size = min(len(kept), data[0])
            kept[:size] = data[1 : 1 + size]
            self.reception = kept


class _WaitsForEver(Transport):
    wait_limit = 10**9

    def await_flow_control(self):
        if self.waits:
            self.awaits = True
            self.token += 1
        else:
            super().await_flow_control()


class _NoTimeout(Transport):
    def await_flow_control(self):
        self.awaits = True
        self.token += 1

    def receive(self, data, functional):
        if not self.awaits or (data[:1] and data[0] >> 4 == 3):
            super().receive(data, functional)


class _FlowForAll(Transport):
    def segmented_for_all(self, data):
        if data[0] >> 4 == 1:
            self.first(data)


class _SlotsLeak(Transport):
    slots = 50

    def begin(self, length, body):
        if self.reception is not None:
            self.slots -= 1
        if self.slots > 0:
            super().begin(length, body)

    def single(self, data, functional):
        if self.slots > 0:
            super().single(data, functional)

    def reset(self):
        self.slots = 50
        super().reset()


class _ExtendedAddress(Transport):
    def reserved(self, data):
        if len(data) > 1:
            self.single(data[1:], False)


class _DiesOnFlowInReception(Transport):
    def flow_control(self, data):
        if self.reception is not None:
            raise AttributeError("transmission is None")
        super().flow_control(data)


class _DiesOnZeroNumber(Transport):
    def is_next(self, sn):
        if sn == 0 and self.sn == 1 and len(self.reception) == 6:
            raise IndexError("frame -1 of the message")
        return super().is_next(sn)


ZeroLength = on(_ZeroLength)
LengthMasked = on(_LengthMasked)
StaleBuffer = on(_StaleBuffer)
KindMasked = on(_KindMasked)
ShortFirst = on(_ShortFirst)
LateFlow = on(_LateFlow)
NoFlow = on(_NoFlow)
LengthWraps = on(_LengthWraps)
SmallEscape = on(_SmallEscape)
AnyFirstNumber = on(_AnyFirstNumber)
NoNumbers = on(_NoNumbers)
LongWait = on(_LongWait)
OneBuffer = on(_OneBuffer)
WaitsForEver = on(_WaitsForEver)
NoTimeout = on(_NoTimeout)
FlowForAll = on(_FlowForAll)
SlotsLeak = on(_SlotsLeak)
ExtendedAddress = on(_ExtendedAddress)
DiesOnFlowInReception = on(_DiesOnFlowInReception)
DiesOnZeroNumber = on(_DiesOnZeroNumber)


class DiesOnRemote(Limousine):
    """A remote frame on the request id kills the ECU, since it has no data."""

    def is_for_us(self, frame):
        if frame.is_remote_frame and frame.arbitration_id == 0x6A0:
            raise IndexError("no byte 0")
        return super().is_for_us(frame)


# Deaths.


class DiesOnRoutineOfFour(Limousine):
    """A request of 31 with four bytes and an unknown sub-function kills the ECU."""

    def routine(self, pdu):
        if len(pdu) == 4 and pdu[1] > 3:
            raise KeyError(pdu[1])
        return super().routine(pdu)


class DiesOnHalfFaults(Limousine):
    """19 02 without a mask kills the ECU."""

    def faults(self, pdu):
        if pdu == b"\x19\x02":
            raise IndexError("no mask")
        return super().faults(pdu)


class DiesOnLongRead(Limousine):
    """A read of more than 30 bytes kills the ECU."""

    def read(self, pdu):
        if len(pdu) > 30:
            raise MemoryError("list of DIDs")
        return super().read(pdu)


class Answersba(Limousine):
    """The maker's service BA answers everybody."""

    def unsupported(self, pdu):
        if pdu[0] == 0xBA:
            return b"\xfa" + pdu[1:3]
        return super().unsupported(pdu)


class DiesOfBurst(Limousine):
    """More than 40 waiting requests overflow the queue, and kill the ECU."""

    queue_size = 1000

    def deliver(self, link, pdu, functional):
        if len(self.queue) > 40:
            raise OverflowError("queue full")
        super().deliver(link, pdu, functional)


class BusyAfterBurst(Limousine):
    """Once 30 requests have waited, every request is refused with 0x21 until a restart."""

    queue_size = 40

    def boot(self):
        self.is_flooded = False
        super().boot()

    def deliver(self, link, pdu, functional):
        self.is_flooded = self.is_flooded or len(self.queue) >= 30
        super().deliver(link, pdu, functional)

    def serve(self, pdu):
        if self.is_flooded:
            raise Refused(0x21)
        return super().serve(pdu)


class DiesOfForeignBurst(Limousine):
    """Frames for other nodes are queued, too, and take 1 ms each: 500 waiting ones kill the ECU."""

    free_s = 0.0

    def on_frame(self, frame):
        self.free_s = max(self.free_s, self.port.now_s) + 0.001
        if self.free_s > self.port.now_s + 0.5:
            raise OverflowError("queue full")
        super().on_frame(frame)

    def boot(self):
        self.free_s = 0.0
        super().boot()


class SlowedByForeign(Limousine):
    """Each frame for another node takes 1 ms, for which answers have to wait."""

    free_s = 0.0

    def on_frame(self, frame):
        if frame.arbitration_id not in self.links:
            self.free_s = max(self.free_s, self.port.now_s) + 0.001
        super().on_frame(frame)

    def latency_s(self, request):
        return super().latency_s(request) + max(0.0, self.free_s - self.port.now_s)

    def boot(self):
        self.free_s = 0.0
        super().boot()


class SlowerAndSlower(Limousine):
    """A log grows with each frame, and each answer searches the log."""

    def boot(self):
        self.seen = 0
        super().boot()

    def on_frame(self, frame):
        self.seen += 1
        super().on_frame(frame)

    def latency_s(self, request):
        return super().latency_s(request) + self.seen * 2e-6


# What it shows.


class StalePadding(Limousine):
    """The frame's buffer is not cleared, so that earlier content stands behind an answer."""

    buffer = bytes(8)

    def put(self, can_id, data):
        self.buffer = data + self.buffer[len(data) :]
        super().put(can_id, self.buffer)


class KeyInPadding(Limousine):
    """Bytes of the last computed key stand behind an answer."""

    made = b""

    def key_of(self, seed, level):
        self.made = super().key_of(seed, level)
        return self.made

    def put(self, can_id, data):
        if len(data) <= 4 and data[0] < 8:
            data = data + self.made[: 8 - len(data)]
        super().put(can_id, data)


class HiddenGuarded(Limousine):
    """The refusals 0x33 for F1F5 and 0245 reveal that these undeclared DIDs exist."""

    records = Limousine.records | {0xF1F5: Record(b"debug", read=1), 0x0245: Record(b"secret", read=3)}


HiddenRoutine = but(Limousine, routines=Limousine.routines | {0x0204: 3})
"""The refusal 0x33 for 0204 reveals that this undeclared routine exists."""

BuildPath = but(Limousine, records=Limousine.records | {0xF195: Record(b"/home/jenkins/ws/bcm/build/Debug/main.elf")})
"""F195 contains the path of the folder in which the software was built."""


class BeatStopsInDelay(Limousine):
    """The periodic frames stop during the delay of SecurityAccess."""

    def beat(self, can_id, period_s):
        was_mute = self.is_mute
        self.is_mute = was_mute or any(self.port.now_s < until_s for until_s in self.delay_until_s.values())
        super().beat(can_id, period_s)
        self.is_mute = was_mute


class BeatStarves(Limousine):
    """Each request restarts the timers of the periodic frames."""

    turn = 0

    def deliver(self, link, pdu, functional):
        super().deliver(link, pdu, functional)
        self.turn += 1
        for can_id, period_s in self.periodic:
            self.beat_if(can_id, period_s, self.turn)

    def beat_if(self, can_id, period_s, turn):
        self.later(period_s, lambda: self.beat(can_id, period_s, turn) if turn == self.turn else None)

    def beat(self, can_id, period_s, turn=0):
        if turn == self.turn:
            if not self.is_mute:
                self.send_frame(can_id, b"\x11\x22\x33\x44\x55\x66\x77\x88")
            self.beat_if(can_id, period_s, turn)


class BeatStopsInReception(Limousine):
    """The periodic frames stop while a message is being received, even if its sender has given it up."""

    def beat(self, can_id, period_s):
        was_mute = self.is_mute
        self.is_mute = was_mute or any(link.reception is not None for link in self.links.values())
        super().beat(can_id, period_s)
        self.is_mute = was_mute


class BeatStopsOnKey(Limousine):
    """A wrong key stops the periodic frames until the next start."""

    def boot(self):
        self.is_offended = False
        super().boot()

    def wrong_key(self, level, pending):
        super().wrong_key(level, pending)
        self.is_offended = True

    def beat(self, can_id, period_s):
        if not self.is_offended:
            super().beat(can_id, period_s)


PlainNoNumbers = but(limousine.Coupe, transport=_NoNumbers)
"""Without sessions: sequence numbers are ignored."""
