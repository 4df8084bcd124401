"""Limousines that use the freedom of the standard: none has a flaw that its target does not declare."""

import hashlib

import can

from tests.unseen.cars import limousine

but, refuse = limousine.but, limousine.refuse
DEFAULT, PROGRAMMING, EXTENDED, OPEN = limousine.DEFAULT, limousine.PROGRAMMING, limousine.EXTENDED, limousine.OPEN
Limousine, Record, Refused, Request = limousine.Limousine, limousine.Record, limousine.Refused, limousine.Request
Service, Transport, table = limousine.Service, limousine.Transport, limousine.table

NoSessions = limousine.Coupe


def short_key(seed: bytes, level: int) -> bytes:
    """Compute a key of eight bytes by a keyed BLAKE2."""
    return hashlib.blake2s(seed, digest_size=8, key=limousine.SECRETS[level]).digest()


EightByteKeys = but(Limousine, seed_bytes=12, key_bytes=8, key_of=lambda ecu, seed, level: short_key(seed, level))
"""Seeds have 12 bytes, and keys 8."""


class SharedCounter(Limousine):
    """All levels share one counter and one delay."""

    def wrong_key(self, level, pending):
        for one in self.levels:
            super().wrong_key(one, pending)

    def unlock(self, level):
        super().unlock(level)
        self.failures = dict.fromkeys(self.levels, 0)


class DelayAfterEach(Limousine):
    """Each wrong key is followed by a delay of a second, the third by ten; only the end of those ten clears the counter."""

    def delay_over(self, level):
        if self.failures[level] >= self.limit:
            self.failures[level] = 0

    def wrong_key(self, level, pending):
        super().wrong_key(level, pending)
        self.delay_until_s.setdefault(level, self.port.now_s + 1.0)

    def nrc_of_wrong_key(self, level):
        return 0x36 if self.failures[level] >= self.limit else 0x35


class LongThinker(Limousine):
    """P2 is 400 ms, as declared and as 50 states; keys, writes and routines take 3 s more, after 0x78."""

    def latency_s(self, request):
        return 0.3

    def control(self, pdu):
        return super().control(pdu)[:2] + b"\x01\x90\x01\xf4"

    def execute(self, request):
        if request.pdu[0] in (0x27, 0x2E, 0x31):
            self.say_pending(request)
            self.later(3.0, lambda: super(LongThinker, self).execute(request))
        else:
            super().execute(request)


class ThinksOver(Limousine):
    """Every request takes 3 s after 0x78; requests are served one after the other."""

    slow: frozenset[int] | None = None
    """The services that take this long; None: all of them."""
    thinking_s = 3.0

    def execute(self, request):
        if self.slow is None or request.pdu[0] in self.slow:
            self.say_pending(request)
            self.later(self.thinking_s, lambda: super(ThinksOver, self).execute(request))
        else:
            super().execute(request)


ThinksOverReads = but(ThinksOver, slow=frozenset((0x22,)))
"""Reads take 3 s after 0x78; requests that come meanwhile are answered afterwards."""

ThinksOverPresence = but(ThinksOver, slow=frozenset((0x3E,)))
"""TesterPresent takes 3 s after 0x78."""

ThinksForLong = but(ThinksOver, thinking_s=4.5)
"""Every request takes 4.5 s, so that the delay after each start may be over before the first seed."""


class BusyWhileThinking(ThinksOver):
    """Reads, keys, writes and routines take 3 s after 0x78; requests that come meanwhile are refused with 0x21."""

    slow = frozenset((0x22, 0x27, 0x2E, 0x31))

    def deliver(self, link, pdu, functional):
        if self.busy and not self.is_leaving and not functional:
            self.put(link.response_id, bytes((3, 0x7F, pdu[0], 0x21)))
        else:
            super().deliver(link, pdu, functional)


class TwentyNineBits(Limousine):
    """Ids have 29 bits, and the padding is CC."""

    connections = ((0x18DA33F1, 0x18DAF133),)
    functional_id = 0x18DB33F1
    extended, padding = True, 0xCC
    periodic = ((0x0CF00400, 1.0),)


class OneDid(Limousine):
    """One request reads only one DID; a request for more is refused with 0x13."""

    def read(self, pdu):
        self.exactly(pdu, 3)
        return super().read(pdu)


class SingleFrames(Transport):
    """Only single frames are accepted; segmented messages are ignored."""

    def first(self, data):
        pass


class DoorModule(Limousine):
    """A small door module: single frames only, no sessions, no SecurityAccess, two DIDs."""

    transport = SingleFrames
    services = table({0x22: Service("read", shortest=3), 0x2E: Service("write", shortest=4), 0x3E: Limousine.services[0x3E]})
    records = table({0x0110: Limousine.records[0x0110], 0xF18D: Record(b"D1")})
    levels, periodic = (), ()

    def read(self, pdu):
        self.exactly(pdu, 3)
        return super().read(pdu)


NoFunctional = but(Limousine, functional_id=None)
"""Only physical requests are received."""


class CountersLoad(Limousine):
    """Seeds are refused with 0x22 in the first 1.5 s, while counters are read from slow memory."""

    def request_seed(self, pdu, level):
        if self.port.now_s < self.awake_s + 1.5:
            raise Refused(0x22)
        return super().request_seed(pdu, level)


BootDelay = but(Limousine, delays_at_boot=lambda ecu: dict.fromkeys(ecu.levels, ecu.awake_s + ecu.delay_s))
"""Counters are lost at a reset, so that each start begins with the whole delay."""


class OtherOrder(Limousine):
    """Refusals have another order: security first for a write; the key's length before its sequence; 0x36 during
    the delay.
    """

    def write(self, pdu):
        record = self.records.get(int.from_bytes(pdu[1:3], "big"))
        if record is None or record.write != OPEN:
            self.need(record.write if record and record.write > 0 else 1)
        return super().write(pdu)

    def request_seed(self, pdu, level):
        if self.is_delayed(level) and not self.is_open(level):
            raise Refused(0x36)
        return super().request_seed(pdu, level)

    def key_in_delay(self, pdu, level):
        raise Refused(0x24)

    def send_key(self, pdu, level):
        if len(pdu) != 2 + self.key_bytes:
            self.pending = None
            raise Refused(0x13)
        return super().send_key(pdu, level)


class LevelFive(Limousine):
    """The only level is 05, in the extended session only (0x7E in the default one); five attempts are permitted."""

    levels, limit = (5,), 5
    records = table(
        {
            did: Record(one.value, *(5 if who > 0 else who for who in (one.write, one.read)), one.lowest, one.highest)
            for did, one in Limousine.records.items()
        }
    )
    services = table(
        {
            sid: Service(one.method, one.sessions, one.shortest, one.subs, 5 if one.level else OPEN)
            for sid, one in Limousine.services.items()
        }
    )
    routines = table({0x0203: 5, 0x0301: OPEN, 0xFF00: 5})
    outputs = table({0x0310: 5})

    def security(self, pdu):
        if self.session == PROGRAMMING and pdu[1] in (5, 6):
            raise Refused(0x7E)
        return super().security(pdu)


NoReset = but(Limousine, services=table({sid: one for sid, one in Limousine.services.items() if sid != 0x11}))
"""0x11 does not exist; only a cut of the supply restarts the ECU."""


class AnswersAfterBoot(Limousine):
    """A restart takes 35 ms, and the reset is answered only after it."""

    boot_s = 0.035

    def ecu_reset(self, pdu):
        self.exactly(pdu, 2)
        self.restart()
        if not self.request.pdu[1] & 0x80:
            self.later(self.boot_s, lambda: self.put(self.connections[0][1], b"\x02\x51" + pdu[1:]))
        return None

    def execute(self, request):
        life, answer = self.life, self.answer(request)
        if life == self.life:
            self.finish(request, answer)


FewAndSlow = but(Transport, block_size=4, stmin=10, fc_delay_s=0.06, buffer_size=300)
"""Blocks have four frames, 10 ms apart, 60 ms before each flow control; messages have at most 300 bytes."""

OddTiming = but(Limousine, transport=FewAndSlow)
"""The ISO-TP timing is odd but legal."""

Unpadded = but(Limousine, padding=None)
"""Frames are as short as their content."""


class SlowMemory(Limousine):
    """A write takes 1.5 s (0x78 after 40 ms)."""

    def execute(self, request):
        if request.pdu[0] in (0x2E, 0x3D):
            self.later(0.038, lambda: self.say_pending(request))
            self.later(1.5, lambda: super(SlowMemory, self).execute(request))
        else:
            super().execute(request)


class Restless(Limousine):
    """Two protected values change by themselves, as declared."""

    def value(self, did):
        if did in (0x0210, 0x0220):
            return (int(self.port.now_s * 7) & 0x0FFF).to_bytes(len(self.values[did]), "big")
        return super().value(did)


class Decremented(Limousine):
    """When the delay is over, only one more key is permitted: the counter is not cleared."""

    def delay_over(self, level):
        self.failures[level] = self.limit - 1


class StaticSeed(Limousine):
    """The seed stays the same until the right key or a restart; there is a counter and a delay."""

    def boot(self):
        self.kept: dict[int, bytes] = {}
        super().boot()

    def new_seed(self, level):
        if level not in self.kept:
            self.kept[level] = super().new_seed(level)
        return self.kept[level]

    def unlock(self, level):
        super().unlock(level)
        self.kept.pop(level, None)


Twin = but(Limousine, connections=((0x6A1, 0x6A9),), periodic=())
"""A second such ECU on the next ids."""


class Chatter:
    """A node whose frames, on ids next to ours, look like ISO-TP."""

    def attach(self, port):
        self.port = port
        self.speak()

    def on_frame(self, frame):
        pass

    def speak(self):
        for can_id, data in ((0x69F, "021003AAAAAAAAAA"), (0x6A9, "037F2736AAAAAAAA"), (0x6AA, "026701AAAAAAAAAA")):
            self.port.send(can.Message(arbitration_id=can_id, is_extended_id=False, data=bytes.fromhex(data)))
        self.port.call_later(0.97, self.speak)


def crowded():
    """Return a limousine with a `Chatter` and a `Twin` on the next ids."""
    return [Chatter(), Twin(), Limousine()]


Jitter = but(Limousine, latency_s=lambda ecu, request: ecu.port.random_bytes(1)[0] / 255 * 0.040)
"""An answer takes between 0 and 40 ms."""

LateS3 = but(Limousine, s3_s=5.2)
"""S3 is 5.2 s."""


class Busy(Limousine):
    """Every 23rd request is refused with 0x21, and has to be repeated."""

    heard = 0

    def serve(self, pdu):
        self.heard += 1
        if self.heard % 23 == 0 and not self.request.functional:
            raise Refused(0x21)
        return super().serve(pdu)


TwoTesters = but(Limousine, connections=((0x6A0, 0x6A8), (0x6B0, 0x6B8)))
"""Requests are accepted on a second pair of ids, too: each pair has its own unlock, but one pending seed is shared."""


class OpenScratch(Limousine):
    """Everybody may read and write the RAM page, as declared."""

    services = Limousine.services | {
        0x23: Service("read_memory", (PROGRAMMING, EXTENDED), 4),
        0x3D: Service("write_memory", (PROGRAMMING, EXTENDED), 5),
    }

    def region(self, address, size, allowed):
        memory, at = super().region(address, size, allowed)
        if address < limousine.RAM:
            self.need(3)
        return memory, at


Stern = but(Limousine, limit=1, delay_s=120.0)
"""One attempt is permitted, and then a delay of two minutes follows."""


class PartialRead(Limousine):
    """A read of several DIDs gives those that may be read; it is refused with 0x33 if there is none."""

    def guard_read(self, dids):
        open_ones = [did for did in dids if all(self.records[one].read == OPEN for one in self.sources(did))]
        if not open_ones:
            super().guard_read(dids)
        if not self.is_open(1):
            dids[:] = open_ones or dids


class FunctionalPresence(Limousine):
    """The only functional request that is served is TesterPresent."""

    def deliver(self, link, pdu, functional):
        if not functional or pdu[0] == 0x3E:
            super().deliver(link, pdu, functional)


class NoSuppressedSecurity(Limousine):
    """27 refuses the suppress bit (0x12)."""

    def security(self, pdu):
        if self.request.pdu[1] & 0x80:
            raise Refused(0x12)
        return super().security(pdu)


class DataRecord(Limousine):
    """A seed request has a record of four bytes, the first of which must be 01 (0x31); the seed does not depend on it."""

    def request_seed(self, pdu, level):
        if len(pdu) == 6:
            if pdu[2] != 1:
                raise Refused(0x31)
            pdu = pdu[:2]
        return super().request_seed(pdu, level)


class SmallBuffer(Transport):
    """The buffer has 64 bytes; longer messages are silently ignored."""

    buffer_size = 64

    def too_long(self):
        pass


QuietOverflow = but(Limousine, transport=SmallBuffer)
"""A message that is too long is ignored without an overflow."""

ShortZeroSeed = but(Limousine, seed_when_open=lambda ecu, pdu: b"\x67" + pdu[1:2] + b"\x00\x00")
"""The seed of an open level is two zero bytes."""

NoSeedWhenOpen = but(Limousine, seed_when_open=lambda ecu, pdu: refuse(0x22))
"""A seed of an open level is refused (0x22)."""


class OpenCommunication(Limousine):
    """In the extended session everybody may use communication control, fault settings and clearing, as declared."""

    services = Limousine.services | {
        0x14: Service("clear_faults", (EXTENDED,), 4),
        0x28: Service("communication", (EXTENDED,), subs=(0, 1, 2, 3)),
        0x85: Service("fault_setting", (EXTENDED,), subs=(1, 2)),
    }


class Moving(Limousine):
    """The programming session is always refused (0x22), because the car seems to move."""

    def control(self, pdu):
        if pdu[1] == PROGRAMMING:
            raise Refused(0x22)
        return super().control(pdu)


class NoWriteInDefault(Limousine):
    """Writes and routines exist only in the extended session, resets only in the default one."""

    services = Limousine.services | {
        0x11: Service("ecu_reset", (DEFAULT,), subs=(1, 2, 3)),
        0x2E: Service("write", (EXTENDED,), 4),
        0x31: Service("routine", (EXTENDED,), 4),
    }


class LongBoot(Limousine):
    """The ECU receives nothing for four seconds after a start, as declared; the delay begins with the supply."""

    boot_s = 4.0

    def delays_at_boot(self):
        return {level: self.port.now_s + self.delay_s for level, n in self.failures.items() if n}


class Drops(Limousine):
    """A request that comes while another is being served is lost."""

    def deliver(self, link, pdu, functional):
        if not self.busy:
            super().deliver(link, pdu, functional)


class KeyPending(Limousine):
    """A key takes sixteen seconds, with four 0x78."""

    def execute(self, request):
        if request.pdu[0] == 0x27 and request.pdu[1:2] in (b"\x02", b"\x04"):
            for at_s in (0.0, 4.0, 8.0, 12.0):
                self.later(at_s, lambda: self.say_pending(request))
            self.later(16.0, lambda: super(KeyPending, self).execute(request))
        else:
            super().execute(request)


class BootLoader(Limousine):
    """The programming session is another program: it takes 0.4 s (0x78), has only two DIDs, and sends no frames of
    its own.
    """

    def execute(self, request):
        if request.pdu[:1] == b"\x10" and request.pdu[1:] in (b"\x02", b"\x82"):
            self.say_pending(request)
            self.later(0.4, lambda: super(BootLoader, self).execute(request))
        else:
            super().execute(request)

    def enter(self, session):
        super().enter(session)
        self.is_mute = session == PROGRAMMING

    def is_known(self, did):
        return super().is_known(did) and (self.session != PROGRAMMING or did in (0xF18C, 0xF190))

    def write(self, pdu):
        if self.session == PROGRAMMING:
            raise Refused(0x31)
        return super().write(pdu)


class HidesGuarded(Limousine):
    """While the ECU is locked, a guarded DID seems not to exist (0x31)."""

    def is_known(self, did):
        return super().is_known(did) and all(
            self.records[one].read == OPEN or self.is_open(self.records[one].read) for one in self.sources(did)
        )


class Talkative(Limousine):
    """The ECU prints what it does and a checksum of each request, but never a seed or a key."""

    def answer(self, request):
        print(f"{self.port.now_s:.3f} sid={request.pdu[0]:02X} sum={hashlib.md5(request.pdu).hexdigest()}")
        return super().answer(request)

    def unlock(self, level):
        super().unlock(level)
        print(f"level {level} open, {16 * 8} bit key fits")


class RandomPadding(Limousine):
    """Frames are padded with random bytes."""

    def put(self, can_id, data):
        super().put(can_id, data + self.port.random_bytes(8 - len(data)))


class PublicKey(Limousine):
    """A DID shows the public key, which looks like noise, and another a version with a slash."""

    records = Limousine.records | {
        0xF1A1: Record(hashlib.sha512(b"public").digest()),
        0xF195: Record(b"SW 4.2/EU-7"),
        0xF18B: Record(b"\x20\x24\x11\x30"),
    }


class ThroughExtended(Limousine):
    """The programming session can be entered only from the extended one (0x7E)."""

    def control(self, pdu):
        if pdu[1] == PROGRAMMING and self.session == DEFAULT:
            raise Refused(0x7E)
        return super().control(pdu)


class DeepInProgramming(Limousine):
    """Level 1 is unlocked in the extended session, level 3 in the programming session (0x7E elsewhere)."""

    def security(self, pdu):
        level = pdu[1] - (pdu[1] + 1) % 2
        if level in self.levels and level != (1 if self.session == EXTENDED else 3):
            raise Refused(0x7E)
        return super().security(pdu)


TenAttempts = but(Limousine, limit=10)
"""Ten wrong keys start the delay."""

ShortDelay = but(Limousine, delay_s=1.0)
"""The delay lasts one second."""

FastBoot = but(Limousine, boot_s=0.015)
"""A restart takes 15 ms."""


class OneWrite(Limousine):
    """Each unlock permits only one write."""

    def write(self, pdu):
        guard = self.records[did].write if (did := int.from_bytes(pdu[1:3], "big")) in self.records else OPEN
        reply = super().write(pdu)
        if guard > 0:
            self.relock()
        return reply


class ShortUnlock(Limousine):
    """An unlock lasts two seconds."""

    def unlock(self, level):
        super().unlock(level)
        self.until_s = self.port.now_s + 2.0

    def is_open(self, level):
        return super().is_open(level) and self.port.now_s < self.until_s


class RateLimited(Limousine):
    """The same DID cannot be written twice within 0.3 s (0x22)."""

    def boot(self):
        super().boot()
        self.written_s: dict[bytes, float] = {}

    def check_range(self, did, record, value):
        super().check_range(did, record, value)
        if self.port.now_s < self.written_s.get(did, -1.0) + 0.3:
            raise Refused(0x22)
        self.written_s[did] = self.port.now_s


AtTheLimit = but(Limousine, latency_s=lambda ecu, request: 0.049)
"""Every answer takes 49 ms."""

LongRecord = but(Limousine, records=Limousine.records | {0xF1A0: Record(bytes(600), 1)})
"""The longest record has 600 bytes, and level 1 may write it."""


class WaitingLink(Transport):
    """An ISO-TP that says wait twice before it grants a block of eight."""

    block_size = 8

    def put(self, data):
        if data[0] != 0x30:
            super().put(data)
            return
        self.deadline_s += 0.4
        super().put(b"\x31\x00\x00")
        self.ecu.later(0.2, lambda: super(WaitingLink, self).put(b"\x31\x00\x00"))
        self.ecu.later(0.4, lambda: super(WaitingLink, self).put(data))


Waits = but(Limousine, transport=WaitingLink)
"""Flow controls say wait before they permit a block."""

SecuredReset = but(Limousine, services=Limousine.services | {0x11: Service("ecu_reset", subs=(1, 2, 3), level=1)})
"""A reset needs level 1, as declared."""


class SecuredSession(Limousine):
    """The programming session needs level 1 (0x33)."""

    def control(self, pdu):
        if pdu[1] == PROGRAMMING and len(pdu) == 2:
            self.need(1)
        return super().control(pdu)


class SharedDelay(Limousine):
    """Both levels share one delay, but have a counter each."""

    def wrong_key(self, level, pending):
        super().wrong_key(level, pending)
        if level in self.delay_until_s:
            self.delay_until_s = dict.fromkeys(self.levels, self.delay_until_s[level])


class NothingBetween(Limousine):
    """Any request other than its key makes a seed invalid."""

    def serve(self, pdu):
        if pdu[0] not in (0x27, 0x3E):
            self.pending = None
        return super().serve(pdu)


class FiveSeconds(Limousine):
    """A seed is valid for five seconds."""

    def is_pair(self, pending, level):
        return super().is_pair(pending, level) and self.port.now_s < pending.since_s + 5.0
