"""Limousines that are broken, or differ from their target file."""

from pathlib import Path

from harness.target.user_code import load_file

limousine = load_file(Path(__file__).parent / "limousine.py", "limousine_broken.py")
but, refuse = limousine.but, limousine.refuse
Limousine, Refused, Service = limousine.Limousine, limousine.Refused, limousine.Service


NothingSupported = but(Limousine, serve=lambda ecu, pdu: refuse(0x11))
"""0x11 to everything."""

AlwaysPositive = but(Limousine, serve=lambda ecu, pdu: bytes(((pdu[0] + 0x40) & 0xFF,)) + pdu[1:3])
"""Says yes to everything, with the request's second and third byte behind it; reads give one byte."""

OnlyDefault = but(Limousine, services=Limousine.services | {0x10: Service("control", subs=(1,))})
"""Knows the default session only, though three are declared."""


class GarbageForSecurity(Limousine):
    """SecurityAccess answers with noise; the rest is sound."""

    def execute(self, request):
        if request.pdu[0] == 0x27:
            self.finish(request, self.port.random_bytes(1 + self.port.random_bytes(1)[0] % 12))
        else:
            super().execute(request)


class SilentSecurity(Limousine):
    """SecurityAccess answers nothing; the rest is sound."""

    def execute(self, request):
        if request.pdu[0] == 0x27:
            self.finish(request, None)
        else:
            super().execute(request)


class BusyFromKey(Limousine):
    """After the first key it is busy for ever (0x21), until it is restarted."""

    def boot(self):
        self.is_busy = False
        super().boot()

    def serve(self, pdu):
        if self.is_busy:
            raise Refused(0x21)
        self.is_busy = pdu[0] == 0x27 and len(pdu) > 1 and pdu[1] % 2 == 0
        return super().serve(pdu)


EmptySeeds = but(Limousine, new_seed=lambda ecu, level: b"")
"""A seed of no byte at all."""

NegativeForYes = but(Limousine, negative=lambda ecu, pdu, nrc: bytes((0x7F, pdu[0], 0x00)))
"""Every 7F says code 00, which is no code."""


class DeadAfterReset(Limousine):
    """Does not come back from 11 01; its supply brings it back."""

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
