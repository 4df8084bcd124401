"""Map what one ECU offers in its sessions: services, levels, routines and memory, by requests that change nothing."""

from dataclasses import replace

from harness.discovery.ecu_map import FoundLevel
from harness.discovery.sessions import SessionMapper
from harness.tester.looking import CANNOT_ACT
from harness.uds import Nrc, Service, Session

REQUEST_SERVICES = (*range(0x00, 0x40), *range(0x80, 0xC0))
"""Numbers of services that requests have; the other numbers belong to answers."""
UNASSIGNED_SERVICES = (0x1E, 0x15)
BY_A_PART = (Service.AUTHENTICATION, Service.READ_DATA_BY_PERIODIC_IDENTIFIER, Service.ROUTINE_CONTROL)
"""By service of which only one request is harmless: that request, sent if the bare service number is not permitted."""
LEVELS = range(0x01, 0x7E, 2)
RESERVED_LEVEL = 0x7F
UNLIKELY_ROUTINES = (0x5A5A, 0x7B3D)
ROUTINES = (*range(0x0200, 0x0210), *range(0xF000, 0xF010), *range(0xFF00, 0xFF10))
ADDRESSES = (0x0, 0x1000, 0x8000, 0x10000, 0x20000000, 0x40000000, 0x70000000, 0x80000000, 0xA0000000)
MOST_LEVELS = 16
SOME_LEVELS = 4
"""How many levels are kept of an ECU that gives seeds for more than `MOST_LEVELS` levels."""
_IN_ANOTHER_SESSION = (Nrc.SERVICE_NOT_SUPPORTED_IN_SESSION, Nrc.SUB_FUNCTION_NOT_SUPPORTED_IN_SESSION)
_NO_SUCH_LEVEL = (Nrc.SERVICE_NOT_SUPPORTED, Nrc.SUB_FUNCTION_NOT_SUPPORTED, Nrc.REQUEST_OUT_OF_RANGE, *_IN_ANOTHER_SESSION)


class Mapper(SessionMapper):
    """Maps one ECU by requests. Raises LinkError if the adapter fails."""

    def services(self) -> None:
        """Find, in each session, the services that the ECU answers differently from an unassigned service."""
        for session in self.in_each_session():
            disowned = {str(self.tester.request(bytes((one,)))) for one in UNASSIGNED_SERVICES}
            here: dict[int, str] = {}
            for service, reply in self.each(f"services in session 0x{session:02X}", REQUEST_SERVICES, self._question_of):
                is_refused = reply.is_negative and not reply.is_refused_with(Nrc.SERVICE_NOT_SUPPORTED)
                if reply.is_positive or (is_refused and str(reply) not in disowned):
                    here[service] = str(reply)
            self.map.services[session] = here

    def _question_of(self, service: int) -> bytes:
        alone = bytes((service,))
        return CANNOT_ACT[service] if service in BY_A_PART and not self.tester.permits(alone) else alone

    def levels(self) -> None:
        """Find security levels, each in the best session in which it gives a seed. No key is sent.

        A level that is refused just like a reserved number is taken not to exist.
        """
        known: dict[int, FoundLevel] = {}
        sessions: dict[int, list[int]] = {}
        for session in self.in_each_session():
            disowned = str(self.tester.request(bytes((0x27, RESERVED_LEVEL))))
            what = f"security levels in session 0x{session:02X}"
            for level, reply in self.each(what, LEVELS, lambda level: bytes((0x27, level))):
                seed_bytes = len(reply.pdu) - 2 if reply.is_positive else 0
                is_refused = reply.is_negative and not reply.is_refused_with(*_NO_SUCH_LEVEL) and str(reply) != disowned
                if seed_bytes:
                    sessions.setdefault(level, []).append(session)
                if seed_bytes or (level not in known and (reply.is_positive or is_refused)):
                    known[level] = FoundLevel(level, session, seed_bytes, "" if seed_bytes else str(reply))
        for level, places in sessions.items():
            best = min(places, key=lambda session: (session == Session.PROGRAMMING, session == Session.DEFAULT, session))
            known[level] = replace(known[level], session=best, also=tuple(sorted(set(places) - {best})))
        self.map.levels = [known[level] for level in sorted(known)]
        service = self.tester.state.presence.security_access()
        self.map.security_access = service.why if service.is_there and not sessions else ""
        if len(sessions) > MOST_LEVELS:
            kept = sorted(sessions)[:SOME_LEVELS]
            self.map.levels = [known[level] for level in kept]
            self.map.not_asked.append(f"{len(sessions)} levels give seeds, as if any would do; only {SOME_LEVELS} are kept.")

    def routines(self) -> None:
        """Find routines that have results; requesting results starts nothing."""
        for _ in self.in_each_session():
            disowned = {str(self.tester.request(_ask_results(one))) for one in UNLIKELY_ROUTINES}
            for routine, reply in self.each("routines", ROUTINES, _ask_results):
                is_absent = reply.is_refused_with(*_NO_SUCH_LEVEL, Nrc.INCORRECT_MESSAGE_LENGTH) or str(reply) in disowned
                if (reply.is_positive or reply.is_negative) and not is_absent:
                    self.map.routines.setdefault(routine, str(reply))

    def memory(self) -> None:
        """Find memory addresses that can be read, or that are guarded."""
        for _ in self.in_each_session():
            for address, reply in self.each("memory", ADDRESSES, _read_one_byte):
                if reply.is_positive or reply.is_refused_with(Nrc.SECURITY_ACCESS_DENIED):
                    self.map.memory.setdefault(address, "read" if reply.is_positive else str(reply))

    def imply_services(self) -> None:
        """Add services of which a request succeeded, since some ECUs do not answer the bare service number."""
        found = self.map
        used = {
            Service.READ_DATA_BY_IDENTIFIER: any(one.length for one in found.identifiers),
            Service.SECURITY_ACCESS: bool(found.levels),
            Service.WRITE_DATA_BY_IDENTIFIER: any(how != "never" for how in found.writes.values()),
            Service.DIAGNOSTIC_SESSION_CONTROL: bool(found.sessions),
            Service.ROUTINE_CONTROL: bool(found.routines),
            Service.READ_MEMORY_BY_ADDRESS: bool(found.memory),
        }
        known = {service for here in found.services.values() for service in here}
        for service, is_used in used.items() if found.dialect is None else ():
            if is_used and service not in known:
                found.services.setdefault(Session.DEFAULT, {})[service] = "answered when it was used"


def _ask_results(routine: int) -> bytes:
    return b"\x31\x03" + routine.to_bytes(2, "big")


def _read_one_byte(address: int) -> bytes:
    return b"\x23\x14" + address.to_bytes(4, "big") + b"\x01"
