"""Permit requests and raw frames that are harmless, or that the target allows. No other module decides this."""

from collections.abc import Iterable

from harness.errors import NotPermitted
from harness.link.addressing import addresses_of
from harness.link.frame import Frame
from harness.target import Permission, Target
from harness.tester.harm import TABLE, WORDS, Needs, is_known_to_act, place_of
from harness.tester.readings import messages_in
from harness.uds import SUPPRESS_POSITIVE_RESPONSE, Service, Session, is_send_key

EVERYBODYS_IDS = frozenset({0x7DF, 0x18DB33F1})
"""The functional ids of passenger cars, on which ECUs listen whether or not the target says so."""
_FUNCTIONAL_BASES = frozenset({0x18DB, 0x18CD})
"""The first bits of 29-bit functional ids, in normal fixed and in mixed addressing."""
LARGEST_11_BIT_ID = 0x7FF
NETWORK_MANAGEMENT_ID = 0x000
"""CANopen's id for network management: frames on it start, stop or reset nodes."""

_START_AND_STOP = (0x01, 0x02)
_KEY_SERVICE = int(Service.SECURITY_ACCESS)
_NOTHING: Needs = frozenset()
_ALL_THAT_ACTS: Needs = frozenset(Permission) - {Permission.FUNCTIONAL}
"""The permissions that a frame on the ECU's own request id may need at most."""
_LIFTED_BY_THEIR_OWN = frozenset({Service.DIAGNOSTIC_SESSION_CONTROL, Service.SECURITY_ACCESS, Service.ROUTINE_CONTROL})
"""Services that cannot be declared safe as a whole, while single sessions and routines can; wrong keys never can."""


class SafetyGate:
    """Decides what one target permits. Only declarations in the target lift a need; discovered facts do not."""

    def __init__(self, target: Target) -> None:
        self._allow: frozenset[Permission] = target.safety.allow
        self._request_id = target.can.request_id
        self._functional_id = target.can.functional_id
        self._address = addresses_of(target.can).request
        connections = (entry.request_id for entry in target.connections)
        self._named_ids = frozenset((target.can.request_id, *target.can.other_request_ids, *connections))
        self._safe_routines = [entry.span for entry in target.routines if entry.safe and entry.origin == "declared"]
        safe_services = [entry.span for entry in target.services if entry.safe and entry.origin == "declared"]
        rows = list(TABLE)
        for service in set(range(0x100)) - _LIFTED_BY_THEIR_OWN:
            if any(service in span for span in safe_services):
                rows[service] = (_NOTHING,) * len(rows[service])
        sessions = {entry.id for entry in target.sessions if entry.origin == "declared"} | {Session.DEFAULT}
        rows[Service.DIAGNOSTIC_SESSION_CONTROL] = tuple(
            _NOTHING if session in sessions else needs
            for session, needs in enumerate(TABLE[Service.DIAGNOSTIC_SESSION_CONTROL])
        )
        self._rows = rows
        changed = {service for service, row in enumerate(rows) if row is not TABLE[service]}
        words = (_NOTHING.union(*rows[service]) if service in changed else WORDS[service] for service in range(0x100))
        self._always_pass = frozenset(service for service, needs in enumerate(words) if needs <= self._allow)
        self._allows_all_that_acts = self._allow >= _ALL_THAT_ACTS
        self.raw_needs: frozenset[str] = frozenset()
        """The permissions that the running check has declared its raw frames may need."""

    @staticmethod
    def is_guess(pdu: bytes) -> bool:
        """Whether an ECU may take the request for a key."""
        return is_send_key(pdu)

    def harms(self, pdu: bytes, *, is_functional: bool = False, is_right_key: bool = False) -> set[Permission]:
        """Return the permissions that a request needs; `is_right_key`: it is the key function's key for the pending seed.

        SecurityAccess counts such a key, and sends no second one before the first has opened its level.
        """
        needs = {Permission.FUNCTIONAL} if is_functional else set()
        if not pdu:
            return needs
        needs |= self._rows[pdu[0]][place_of(pdu)]
        if is_right_key and is_send_key(pdu):
            needs.discard(Permission.LOCKOUT)
        if self._safe_routines and pdu[0] == Service.ROUTINE_CONTROL and self._is_safe_routine(pdu):
            needs.discard(Permission.DESTRUCTIVE)
        return needs

    def _is_safe_routine(self, pdu: bytes) -> bool:
        is_started_or_stopped = len(pdu) >= 4 and pdu[1] & ~SUPPRESS_POSITIVE_RESPONSE in _START_AND_STOP
        routine = int.from_bytes(pdu[2:4], "big")
        return is_started_or_stopped and any(routine in span for span in self._safe_routines)

    def check(self, pdu: bytes, *, is_functional: bool = False, is_right_key: bool = False) -> None:
        """Raise NotPermitted if the target does not allow the request."""
        if not is_functional and pdu and pdu[0] in self._always_pass:
            return
        self._refuse(self.harms(pdu, is_functional=is_functional, is_right_key=is_right_key), pdu.hex(" ").upper())

    def permits(self, pdu: bytes) -> bool:
        """Whether `check` would let the request pass."""
        return self.harms(pdu) <= self._allow

    # Raw frames

    def raw_harms(self, frame: Frame) -> set[Permission]:
        """Return the permissions that a frame needs because of its id and of every reading in `READINGS`."""
        needs = self._harms_of_id(frame.can_id)
        for reading, message in messages_in(frame):
            if reading.is_as_declared or is_known_to_act(message):
                needs |= self.harms(message)
        return needs

    def _harms_of_id(self, can_id: int) -> set[Permission]:
        if can_id == self._request_id:
            return set()
        if can_id == self._functional_id or speaks_to_all(can_id):
            return {Permission.FUNCTIONAL}
        is_unnamed = can_id not in self._named_ids
        return {Permission.DESTRUCTIVE} if can_id == NETWORK_MANAGEMENT_ID and is_unnamed else set()

    def check_raw(self, frame: Frame) -> list[bytes]:
        """Return the keys that an ECU may read into the frame, one for each level.

        Raises NotPermitted unless the target allows, and the check declares, all that an ECU may read into the frame.
        """
        is_free = self._allows_all_that_acts and frame.can_id == self._request_id and self.raw_needs >= _ALL_THAT_ACTS
        if is_free and _KEY_SERVICE not in frame.data:
            return []
        needs = self.raw_harms(frame)
        if not is_free:
            self._refuse(needs, frame.text())
            if undeclared := needs - self.raw_needs - {Permission.FUNCTIONAL}:
                what = f"raw frame {frame.text()}: the check does not declare that it needs"
                raise NotPermitted(f"{what} {_words(undeclared)}")
        if Permission.LOCKOUT not in needs:
            return []
        keys: dict[int, bytes] = {}
        for _, message in messages_in(frame):
            if self.is_guess(message):
                keys.setdefault(message[1] & ~SUPPRESS_POSITIVE_RESPONSE, message)
        return list(keys.values())

    def permits_raw(self, *frames: Frame | bytes) -> bool:
        """Whether `check_raw` would let these frames pass; data without an id stands for a frame to this ECU."""
        try:
            for frame in frames:
                self.check_raw(self.to_this_ecu(frame) if isinstance(frame, bytes) else frame)
        except NotPermitted:
            return False
        return True

    def to_this_ecu(self, data: bytes) -> Frame:
        """Return a frame with this data and the target's id and address, for a decision before any frame is sent."""
        return Frame(self._request_id, data, self._request_id > LARGEST_11_BIT_ID, address=self._address)

    def _refuse(self, needs: set[Permission], what: str) -> None:
        missing = needs - self._allow
        if missing:
            raise NotPermitted(f"{what}: the target does not allow {_words(missing)}; see [safety] allow in the target file")


def speaks_to_all(can_id: int) -> bool:
    """Whether a CAN id is a usual functional id, on which all ECUs listen."""
    return can_id in EVERYBODYS_IDS or can_id >> 16 in _FUNCTIONAL_BASES


def _words(needs: Iterable[str]) -> str:
    return ", ".join(f'"{need}"' for need in sorted(needs))
