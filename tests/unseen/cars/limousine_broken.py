"""Limousines that are broken, or differ from their target file."""

from tests.unseen.cars.limousine import Limousine, Refused, Service, but, refuse

NothingSupported = but(Limousine, serve=lambda ecu, pdu: refuse(0x11))
"""Every request is refused with 0x11."""

AlwaysPositive = but(Limousine, serve=lambda ecu, pdu: bytes(((pdu[0] + 0x40) & 0xFF,)) + pdu[1:3])
"""Every request is answered positively with its second and third byte; a read also gives one byte."""

OnlyDefault = but(Limousine, services=Limousine.services | {0x10: Service("control", subs=(1,))})
"""Only the default session exists, though the target declares three."""


class GarbageForSecurity(Limousine):
    """SecurityAccess answers with random bytes; everything else is sound."""

    def execute(self, request):
        if request.pdu[0] == 0x27:
            self.finish(request, self.port.random_bytes(1 + self.port.random_bytes(1)[0] % 12))
        else:
            super().execute(request)


class SilentSecurity(Limousine):
    """SecurityAccess is not answered; everything else is sound."""

    def execute(self, request):
        if request.pdu[0] == 0x27:
            self.finish(request, None)
        else:
            super().execute(request)


class BusyFromKey(Limousine):
    """After the first key every request is answered 0x21, until a restart."""

    def boot(self):
        self.is_busy = False
        super().boot()

    def serve(self, pdu):
        if self.is_busy:
            raise Refused(0x21)
        self.is_busy = pdu[0] == 0x27 and len(pdu) > 1 and pdu[1] % 2 == 0
        return super().serve(pdu)


EmptySeeds = but(Limousine, new_seed=lambda ecu, level: b"")
"""Seeds have no bytes."""

NegativeForYes = but(Limousine, negative=lambda ecu, pdu, nrc: bytes((0x7F, pdu[0], 0x00)))
"""Every negative response has the code 00, which does not exist."""


class DeadAfterReset(Limousine):
    """The ECU does not come back from 11 01 until its supply is cut."""

    def ecu_reset(self, pdu):
        reply = super().ecu_reset(pdu)
        self.is_gone = True
        return reply

    def restart(self):
        super().restart()
        if self.is_gone:
            self.awake_s = 1e12

    is_gone = False

    def power_cycle(self):
        self.is_gone = False
        super().power_cycle()
