"""Run python-uds-server, configured with one of everything that its documentation shows."""

from collections.abc import Iterator

import uds_server
from uds_server import (
    AccessRule,
    CommunicationControlDefinition,
    DidAccess,
    DidDefinition,
    DtcDefinition,
    EcuResetDefinition,
    MemoryAccess,
    MemoryRegionDefinition,
    RoutineDefinition,
    SecurityLevel,
)

from tests.unseen.servers.keys import keyed_hash
from tests.unseen.servers.wire import ServerNode

VIN, SERIAL = 0xF190, 0xF18C
OPEN, PROTECTED, EXTENDED_ONLY = 0x0101, 0x0102, 0x0103
ROUTINE = 0x0203
OPEN_MEMORY, PROTECTED_MEMORY = 0x8000, 0x2000_0000

IN_EXTENDED = AccessRule(frozenset({3}))
UNLOCKED = AccessRule(frozenset({3}), frozenset({1}))
IN_PROGRAMMING_UNLOCKED = AccessRule(frozenset({2}), frozenset({3}))


class LibraryEcu(ServerNode):
    def start_server(self) -> None:
        uds_server.server.monotonic = lambda: self.port.now_s
        self.server = uds_server.UdsServer(
            dids=[
                DidDefinition(VIN, 17, DidAccess.READ),
                DidDefinition(SERIAL, 16, DidAccess.READ, read_callback=lambda: b"LIBRARY-01234567"),
                DidDefinition(OPEN, 2),
                DidDefinition(PROTECTED, 4, access_rule=UNLOCKED),
                DidDefinition(EXTENDED_ONLY, 3, access_rule=IN_EXTENDED),
            ],
            security_levels=[self.level(1), self.level(3)],
            routines=[RoutineDefinition(ROUTINE, start_callback=lambda option: b"", access_rule=UNLOCKED)],
            memory_regions=[
                MemoryRegionDefinition(PROTECTED_MEMORY, 0x100, access_rule=IN_PROGRAMMING_UNLOCKED),
                MemoryRegionDefinition(OPEN_MEMORY, 0x100, MemoryAccess.READ),
            ],
            resets=[EcuResetDefinition(1)],
            communication_controls=[CommunicationControlDefinition(kind, access_rule=IN_EXTENDED) for kind in (0, 3)],
            dtcs=[DtcDefinition(0x123456, status=9)],
        )

    def level(self, level: int) -> SecurityLevel:
        return SecurityLevel(
            level,
            seed_callback=lambda: self.port.random_bytes(8),
            key_algorithm=lambda level, seed, _: keyed_hash(seed, level),
            max_attempts=3,
            delay_seconds=10.0,
        )

    def answers(self, pdu: bytes) -> Iterator[bytes]:
        yield self.server.handle_request(pdu)


class EverybodysEcu(LibraryEcu):
    """A server that also takes functional requests, and treats them like physical ones."""

    functional_id = 0x7DF


def ecu() -> LibraryEcu:
    return LibraryEcu()


def ecu_on_a_functional_id() -> EverybodysEcu:
    return EverybodysEcu()
