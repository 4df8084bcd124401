"""Limousines that expose guarded content, or do not end an unlock with its session, each in one way."""

from tests.unseen.cars import limousine

but = limousine.but
DEFAULT, PROGRAMMING, EXTENDED, ALL = limousine.DEFAULT, limousine.PROGRAMMING, limousine.EXTENDED, limousine.ALL
Limousine, Transport, Refused, Service = limousine.Limousine, limousine.Transport, limousine.Refused, limousine.Service
Record, Request, table = limousine.Record, limousine.Request, limousine.table

HIDDEN = 0x0D10

# Other ways to the same data.


class FunctionalStores(Limousine):
    """A functional write is stored before it is refused."""

    def guard_write(self, did, record, value):
        if self.request.functional and record.write > 0:
            self.values[did] = value
        super().guard_write(did, record, value)


class LongIdOpens(Limousine):
    """The request id with 29 bits belongs to the production line, for which all levels are open."""

    through_long_id = False

    def is_for_us(self, frame):
        self.through_long_id = frame.is_extended_id and frame.arbitration_id == 0x6A0 and not frame.is_remote_frame
        return self.through_long_id or super().is_for_us(frame)

    def deliver(self, link, pdu, functional):
        if self.through_long_id:
            self.execute(Factory(link, pdu, functional))
        else:
            super().deliver(link, pdu, functional)

    def is_open(self, level):
        return isinstance(self.request, Factory) or super().is_open(level)


class Factory(Request):
    """A request from the production line."""


class LooseFilter(Limousine):
    """The acceptance filter ignores the last three bits of the request id."""

    def is_for_us(self, frame):
        is_near = not frame.is_extended_id and not frame.is_remote_frame and frame.arbitration_id & 0x7F8 == 0x6A0
        return is_near or super().is_for_us(frame)


MemoryWriteOpen = but(Limousine, services=Limousine.services | {0x3D: Service("write_memory", (PROGRAMMING, EXTENDED), 5)})
"""Writing the RAM page by address needs no level."""


class MemoryWriteZero(Limousine):
    """Sixteen bytes at address 0, the boot loader's mailbox, are not guarded."""

    def guard_service(self, pdu, level):
        if not (pdu[0] == 0x3D and pdu[1] & 0x0F == 4 and pdu[2:6] == bytes(4)):
            super().guard_service(pdu, level)

    def region(self, address, size, allowed):
        if address < 16:
            return bytearray(256), address
        return super().region(address, size, allowed)


class DownloadInExtended(Limousine):
    """The extended session has a download of its own, for maps, which needs no level."""

    services = Limousine.services | {
        sid: Service(Limousine.services[sid].method, (PROGRAMMING, EXTENDED), Limousine.services[sid].shortest)
        for sid in (0x34, 0x36, 0x37)
    }

    def request_download(self, pdu):
        self.guard_programming()
        address, size, end = self.place(pdu, 2)
        self.exactly(pdu, end)
        self.download = (address, size, 1)
        return b"\x74\x20\x00\x42"

    def transfer(self, pdu):
        self.guard_programming()
        if self.download is None:
            raise Refused(0x24)
        return b"\x76" + pdu[1:2]

    def transfer_exit(self, pdu):
        self.guard_programming()
        return super().transfer_exit(pdu)

    def guard_programming(self):
        if self.session == PROGRAMMING:
            self.need(3)


class TransferAlone(Limousine):
    """36 accepts a block without a level, and without any download before."""

    def guard_service(self, pdu, level):
        if pdu[0] != 0x36:
            super().guard_service(pdu, level)

    def transfer(self, pdu):
        return b"\x76" + pdu[1:2]


class OutputsOpen(Limousine):
    """In the extended session every DID may be controlled, locked or not."""

    def control_output(self, pdu):
        did = int.from_bytes(pdu[1:3], "big")
        if did not in self.records:
            raise Refused(0x31)
        if pdu[3] == 3 and len(pdu) == 4 + len(self.records[did].value):
            self.values[did] = pdu[4:]
        return b"\x6f" + pdu[1:4] + self.values[did]


OutputOpen = but(Limousine, outputs=table({0x0310: limousine.OPEN}))
"""The lamp can be controlled without a level."""


class OutputReturnOpen(Limousine):
    """Control may be returned (2F .. 00) without a level."""

    def control_output(self, pdu):
        if int.from_bytes(pdu[1:3], "big") in self.outputs and pdu[3:] == b"\x00":
            return b"\x6f" + pdu[1:4] + b"\x00"
        return super().control_output(pdu)


RoutineOpen = but(Limousine, routines=Limousine.routines | {0x0203: limousine.OPEN})
"""Routine 0203 runs without its level."""

EraseOpen = but(Limousine, routines=Limousine.routines | {0xFF00: limousine.OPEN})
"""Erasing (routine FF00) needs no level, though the target declares one."""


class RoutineOpenInProgramming(Limousine):
    """Routine 0203 needs its level in the extended session only."""

    def guard_routine(self, rid):
        if self.session == EXTENDED:
            super().guard_routine(rid)


class FlashReadable(Limousine):
    """The flash page, which contains the keys, can be read without a level."""

    def __init__(self):
        super().__init__()
        self.memory[limousine.FLASH][64:80] = limousine.SECRETS[1]

    def guard_service(self, pdu, level):
        if not (pdu[0] == 0x23 and pdu[1] & 0x0F == 4 and pdu[2:4] == b"\x08\x00"):
            super().guard_service(pdu, level)


class CalibrationReadable(Limousine):
    """Reading memory is declared open except for the flash page, but the guard knows only the RAM page."""

    services = Limousine.services | {0x23: Service("read_memory", (PROGRAMMING, EXTENDED), 4)}

    def region(self, address, size, allowed):
        if address >= limousine.RAM:
            self.need(3)
        return super().region(address, size, allowed)


class UploadOpen(Limousine):
    """35 exists, and needs no level."""

    services = Limousine.services | {0x35: Service("request_upload", (PROGRAMMING, EXTENDED), 4)}

    def request_upload(self, pdu):
        _, _, end = self.place(pdu, 2)
        self.exactly(pdu, end)
        return b"\x75\x20\x00\x42"


class AliasOpen(Limousine):
    """A dynamic DID may be defined from a guarded one, and everybody may then read it."""

    def guard_definition(self, sources):
        pass

    def guard_read(self, dids):
        super().guard_read([did for did in dids if did not in self.dynamic])


class AloneGuarded(Limousine):
    """A guarded DID is guarded only if it is read alone."""

    def guard_read(self, dids):
        if len(dids) == 1:
            super().guard_read(dids)


class FirstGuarded(Limousine):
    """Only the first DID of a request is checked for its level."""

    def guard_read(self, dids):
        super().guard_read(dids[:1])


SecretReadable = but(Limousine, records=Limousine.records | {0xF1F0: Record(limousine.SECRETS[1])})
"""An undeclared DID, F1F0, holds the secret of level 1."""


class KeyReadable(Limousine):
    """A status DID shows the key that the ECU expects next."""

    records = Limousine.records | {0x0A99: Record(bytes(16))}

    def value(self, did):
        if did == 0x0A99 and self.pending:
            return self.key_of(self.pending.seed, self.pending.level)
        return super().value(did)


class LowerLimitMissing(Limousine):
    """A value that is too large is refused, one that is too small is stored."""

    def check_range(self, did, record, value):
        if record.highest and value > record.highest:
            raise Refused(0x31)


class GuardedUnranged(Limousine):
    """With the level unlocked, any value may be written."""

    def check_range(self, did, record, value):
        if record.write == limousine.OPEN:
            super().check_range(did, record, value)


class RangeStores(Limousine):
    """A value out of range is stored, and the write refused."""

    def check_range(self, did, record, value):
        self.values[did] = value
        super().check_range(did, record, value)


VinWritable = but(Limousine, records=Limousine.records | {0xF190: Record(b"WLM00000000000042", limousine.OPEN)})
"""Everybody may write the VIN, which the target does not declare."""

ClearOpen = but(Limousine, services=Limousine.services | {0x14: Service("clear_faults", ALL, 4)})
"""Faults are cleared in any session, without a level."""


class LinkControlOpen(Limousine):
    """The bit rate may be changed without a level, though the target declares one."""

    services = Limousine.services | {0x87: Service("link_control", (EXTENDED,), subs=(1, 2, 3))}
    with_subs = (*Limousine.with_subs, 0x87)

    def link_control(self, pdu):
        if pdu[1] == 3 and not self.is_verified:
            raise Refused(0x24)
        self.is_verified = pdu[1] != 3
        return b"\xc7" + pdu[1:2]

    is_verified = False


FaultSettingOpen = but(Limousine, services=Limousine.services | {0x85: Service("fault_setting", (EXTENDED,), subs=(1, 2))})
"""The storing of faults can be switched off without a level."""


class CheckedAtFirst(Limousine):
    """The guard of a long write is checked when its first frame comes."""

    allowed = False

    class Link(Transport):
        """An ISO-TP that checks the guard at the first frame."""

        def begin(self, length, body):
            self.ecu.allowed = body[:3] == b"\x2e\x02\x40" and self.ecu.unlocked == 1
            super().begin(length, body)

    transport = Link

    def guard_write(self, did, record, value):
        allowed, self.allowed = self.allowed, False
        if did != 0x0240 or not allowed:
            super().guard_write(did, record, value)


class Downgrade(Limousine):
    """29 exists, and the maker declares that it is required; but 27 unlocks without it."""

    services = Limousine.services | {0x29: Service("authentication", subs=(0, 8))}
    with_subs = (*Limousine.with_subs, 0x29)

    def authentication(self, pdu):
        self.exactly(pdu, 2)
        return b"\x69" + pdu[1:2] + (b"\x10" if pdu[1] == 0 else b"\x02")


class OldReads(Limousine):
    """The old service 21 still reads local identifiers."""

    services = Limousine.services | {0x21: Service("read_local", shortest=2)}

    def read_local(self, pdu):
        self.exactly(pdu, 2)
        if pdu[1] not in (0x01, 0x80):
            raise Refused(0x31)
        return b"\x61" + pdu[1:2] + self.values[HIDDEN]


class OldWrites(Limousine):
    """The old service 3B writes 0220, whatever the local identifier, without a level."""

    services = Limousine.services | {0x3B: Service("write_local", shortest=2)}

    def write_local(self, pdu):
        self.values[0x0220] = pdu[2:6].ljust(4, b"\x00")
        return b"\x7b" + pdu[1:2]


# Sessions, time and reset.


class TimeoutKeepsOpen(Limousine):
    """When the session times out, the level stays open."""

    def session_timeout(self):
        kept = self.unlocked, self.owner
        super().session_timeout()
        self.unlocked, self.owner = kept


LongS3 = but(Limousine, s3_s=12.0)
"""S3 is 12 s."""


class TimeoutAskedOnly(Limousine):
    """The session's time-out is checked only by TesterPresent and session control."""

    def expire(self):
        if self.queue and self.queue[0].pdu[0] in (0x10, 0x3E):
            super().expire()

    def watch(self):
        pass


class SoftResetKeepsOpen(Limousine):
    """A soft reset (11 03) leaves the level open, in RAM that is not cleared."""

    soft = False

    def ecu_reset(self, pdu):
        reply = super().ecu_reset(pdu)
        self.soft = pdu[1] == 3
        return reply

    def boot(self):
        kept = (self.unlocked, self.owner) if self.soft else (None, None)
        self.soft = False
        super().boot()
        self.unlocked, self.owner = kept


class KeyOffKeepsSession(Limousine):
    """11 02 does not end the session."""

    kept = DEFAULT

    def ecu_reset(self, pdu):
        reply = super().ecu_reset(pdu)
        self.kept = self.session if pdu[1] == 2 else DEFAULT
        return reply

    def boot(self):
        super().boot()
        kept, self.kept = self.kept, DEFAULT
        if kept != DEFAULT:
            self.enter(kept)


class HardResetKeepsSession(KeyOffKeepsSession):
    """11 01 locks, but does not end the session."""

    def ecu_reset(self, pdu):
        reply = super().ecu_reset(pdu)
        self.kept = self.session if pdu[1] == 1 else DEFAULT
        return reply


class AnswersQuietPresence(Limousine):
    """A functional 3E 80 is answered."""

    def answer(self, request):
        request.must_answer = request.functional and request.pdu == b"\x3e\x80"
        return super().answer(request)


class AnyPresence(Limousine):
    """A TesterPresent on any CAN id keeps the session."""

    def on_frame(self, frame):
        if bytes(frame.data[:2]) == b"\x02\x3e" and self.port.now_s >= self.awake_s:
            self.expire()
            self.heard_s = self.port.now_s
        super().on_frame(frame)


class PresenceOpens(Limousine):
    """The eighth TesterPresent of a session overflows into the flag of the lock, and opens it."""

    def enter(self, session):
        super().enter(session)
        self.present_s = 0

    def present(self, pdu):
        self.present_s += 1
        if self.present_s == 8 and self.session == EXTENDED:
            self.unlocked, self.owner = 1, self.request.link
        return super().present(pdu)


SecurityInDefault = but(Limousine, services=Limousine.services | {0x27: Service("security", ALL)})
"""SecurityAccess works in the default session, too."""


class SometimesLate(Limousine):
    """Every twelfth answer comes 150 ms late, without a response pending."""

    heard = 0

    def latency_s(self, request):
        self.heard += 1
        return 0.152 if self.heard % 12 == 0 else 0.002


class PendingForEver(Limousine):
    """A read of the long DID is answered 0x78 for ever."""

    def execute(self, request):
        if request.pdu == b"\x22\xf1\xa0":
            self.say_pending(request)
            self.later(4.0, lambda: self.execute(request))
        else:
            super().execute(request)


DevelopmentSession = but(Limousine, services=Limousine.services | {0x10: Service("control", subs=(1, 2, 3, 0x60))})
"""Session 60 exists, and is not declared."""


class PendingThenNothing(Limousine):
    """A read of the VIN is answered 0x78, and then never."""

    def execute(self, request):
        if request.pdu == b"\x22\xf1\x90":
            self.say_pending(request)
            self.finish(request, None)
        else:
            super().execute(request)


# Robustness.


class ResetOpen(Limousine):
    """A reset needs no level, though the target declares one, and the number of resets has no limit."""


MuteInDefault = but(Limousine, services=Limousine.services | {0x28: Service("communication", ALL, subs=(0, 1, 2, 3))})
"""28 03 01 silences the ECU in the default session, without a level."""


class MuteForGood(Limousine):
    """Only a reset brings back communication that was switched off in the extended session."""

    services = Limousine.services | {0x28: Service("communication", (EXTENDED,), subs=(0, 1, 2, 3))}

    def restore_communication(self):
        if not hasattr(self, "is_mute"):
            self.is_mute = False


class PlainFirstGuarded(FirstGuarded, limousine.Coupe):
    """Without sessions: only the first DID of a request is checked for its level."""


class PlainFlashReadable(FlashReadable, limousine.Coupe):
    """Without sessions: the flash page is read without a level."""


class PlainFunctionalStores(FunctionalStores, limousine.Coupe):
    """Without sessions: a functional write is stored before it is refused."""
