"""Limousines that are broken, or differ from their target file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.target.user_code import load_file

if TYPE_CHECKING:
    from tests.unseen.cars import limousine
else:
    limousine = load_file(Path(__file__).parent / "limousine.py", "limousine_broken.py")

Limousine, Refused, Service = limousine.Limousine, limousine.Refused, limousine.Service


class NothingSupported(Limousine):
    """0x11 to everything."""

    def serve(self, pdu):
        raise Refused(0x11)


class AlwaysPositive(Limousine):
    """Says yes to everything, with the request's second and third byte behind it; reads give one byte."""

    def serve(self, pdu):
        return bytes(((pdu[0] + 0x40) & 0xFF,)) + pdu[1:3]


class OnlyDefault(Limousine):
    """Knows the default session only, though three are declared."""

    services = Limousine.services | {0x10: Service("control", subs=(1,))}


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


class EmptySeeds(Limousine):
    """A seed of no byte at all."""

    def new_seed(self, level):
        return b""


class NegativeForYes(Limousine):
    """Every 7F says code 00, which is no code."""

    def negative(self, pdu, nrc):
        return bytes((0x7F, pdu[0], 0x00))


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
