"""Send requests to the same ECU on the same link from another address than ours."""

from collections.abc import Iterator
from dataclasses import replace

from harness.errors import Inconclusive
from harness.target import Can
from harness.tester.client import Client
from harness.tester.exchange import Exchanger
from harness.tester.reply import RawReply, Reply
from harness.tester.security import SecurityAccess
from harness.tester.transport import Transport
from harness.uds import Service

SHORTEST_29_BIT_ID = 0x800


class OtherAddress(Exchanger):
    """A client of the same ECU at another address. Its requests need permission, are counted, and serve as evidence, too."""

    def __init__(
        self, client: Client, security: SecurityAccess, name: str, can: Can, *, is_tester: bool, longest: int
    ) -> None:
        super().__init__(client.link, replace(client.target, can=can), client.state)
        self.name = name
        self.is_tester = is_tester
        """Whether the address is a declared connection, so that the ECU can tell its requests from ours."""
        self.longest = longest
        """The largest length of a request in bytes; some addresses take only messages of one frame."""
        self.is_functional = False
        self.key_guard = security
        self.dialect = client.dialect
        self._client = client
        self._transport = Transport(client.link, can, p2_s=client.target.timing.p2_ms / 1000, takes_any_format=True)

    def ask(self, request: bytes) -> Reply:
        """Send one request and wait for its final answer."""
        if len(request) > self.longest:
            raise Inconclusive(f"{len(request)} bytes are more than one frame to {self.name}")
        return self.request(request, is_functional=self.is_functional)

    def is_served(self) -> bool:
        """Whether the ECU gives proper answers at this address."""
        replies = (self.ask(self._client.liveness_request), self.ask(bytes((Service.TESTER_PRESENT, 0))))
        return any(reply.is_positive or reply.is_negative for reply in replies)

    def _hear(self, reply: Reply) -> None:
        self.state.hear_elsewhere(reply, self.link.now_s)

    def _remember(self, reply: Reply | RawReply, was_answered: bool) -> None:
        super()._remember(reply, was_answered)
        self._client.exchange_count += 1
        self._client.recent.append(reply)


def other_addresses(client: Client, security: SecurityAccess) -> Iterator[OtherAddress]:
    """Yield the other addresses: declared connections, our id with 11 or 29 bits instead, the functional id if allowed."""
    can = client.target.can
    for entry in client.target.connections:
        there = replace(can, request_id=entry.request_id, response_id=entry.response_id)
        name = f"the connection 0x{entry.request_id:X} -> 0x{entry.response_id:X}"
        yield OtherAddress(client, security, name, there, is_tester=True, longest=4095)
    if can.request_id < SHORTEST_29_BIT_ID:
        is_extended = can.extended_ids is not True
        name = f"0x{can.request_id:X} with {29 if is_extended else 11} bits"
        there = replace(can, extended_ids=is_extended)
        yield OtherAddress(client, security, name, there, is_tester=False, longest=client.frame_bytes - 1)
    if can.functional_id is not None and client.allows("functional"):
        functional = OtherAddress(
            client,
            security,
            f"the functional id 0x{can.functional_id:X}",
            can,
            is_tester=False,
            longest=client.frame_bytes - 1,
        )
        functional.is_functional = True
        yield functional
