"""Offer the simulated ECU to Scapy users, as an answering machine on any ISO-TP socket of Scapy."""

from typing import Any, Final, Protocol

from scapy.ansmachine import AnsweringMachine
from scapy.contrib.automotive.uds import UDS
from scapy.packet import Packet
from scapy.plist import PacketList
from scapy.supersocket import SuperSocket

from harness.ecu.rules import Surroundings
from harness.link.clock import RealClock, system_random_bytes

_PHYSICAL: Final = "physical"
_FUNCTIONAL: Final = "functional"


class AnsweringEcu(Protocol):
    """An ECU that the answering machine can play."""

    def attach(self, surroundings: Surroundings) -> None:
        """Start with `surroundings` as the source of time and chance."""

    def answer(self, pdu: bytes, *, is_functional: bool = False) -> list[bytes]:
        """Return the responses to one request, in order; an empty list is silence."""

    def power_cycle(self) -> None:
        """Lose everything volatile, and boot."""


class _Real:
    """The computer's own time and chance, used when the machine is not attached to a bus."""

    random_bytes = staticmethod(system_random_bytes)

    @property
    def now_s(self) -> float:
        return RealClock().now_s()

    @property
    def utc_s(self) -> float:
        return RealClock().utc_s()


class UdsAnsweringMachine(AnsweringMachine[PacketList]):
    """An ECU behind a Scapy socket whose `basecls` is UDS.

    Call the machine to answer until Ctrl-C, or for ``timeout`` seconds; or start it with ``bg()``, which returns the sniffer
    to ``stop()``. A request on `broadcast_socket` was sent to all ECUs, and is answered on `main_socket`. A packet that is
    not UDS is ignored. Response pending and the final response leave at once, too: an ECU whose answers take their time
    needs a node (`harness.ecu.ecu_node`). Nothing is printed unless ``verbose=True``.

    >>> from harness.ecu.profiles import hardened
    >>> machine = hardened().machine
    >>> machine.answer(b"\\x3e\\x00")
    [b'~\\x00']
    >>> machine.make_reply(UDS(b"\\x3e\\x00"))[0]
    <UDS  service=TesterPresentPositiveResponse |<UDS_TPPR  zeroSubFunction=0 |>>
    """

    # A list of its own: other machines write theirs into the one of the base class.
    sniff_options: dict[str, Any] = {"store": 0}  # noqa: RUF012 - Scapy's own declaration
    sniff_options_list: list[str] = [*AnsweringMachine.sniff_options_list, "timeout"]  # noqa: RUF012 - as above

    def __init__(
        self,
        ecu: AnsweringEcu,
        main_socket: SuperSocket | None = None,
        broadcast_socket: SuperSocket | None = None,
        **options: Any,
    ) -> None:
        self.ecu = ecu
        ecu.attach(_Real())
        self._main_socket = main_socket or options.pop("socket", None)  # SuperSocket.am() says "socket"
        sockets = {self._main_socket: _PHYSICAL, broadcast_socket: _FUNCTIONAL}
        options["opened_socket"] = {socket: address for socket, address in sockets.items() if socket is not None}
        options.setdefault("verbose", False)
        super().__init__(**options)

    def answer(self, pdu: bytes, *, is_functional: bool = False) -> list[bytes]:
        """Return the responses to one request, in order; an empty list is silence."""
        return self.ecu.answer(pdu, is_functional=is_functional)

    def is_request(self, req: Packet) -> int:
        """Whether the packet is UDS."""
        return isinstance(req, UDS)

    def make_reply(self, req: Packet) -> PacketList:
        """Return the responses as packets."""
        is_functional = req.sniffed_on == _FUNCTIONAL
        return PacketList([UDS(response) for response in self.answer(bytes(req), is_functional=is_functional)])

    def send_reply(self, reply: PacketList, send_function: Any = None) -> None:
        """Send each response as a message of its own."""
        send = send_function or (self._main_socket and self._main_socket.send)
        if send:
            for response in reply:
                send(response)
