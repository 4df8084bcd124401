"""Send frames that an ECU may take for its requests, though the target does not declare them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness import Depth, Frame, RawReply, Tester

EVERY_ID = range(1 << 29)
LARGEST_11_BIT_ID = 0x7FF
MARGIN_S = 0.05
"""Seconds beyond P2 for which an answer is awaited, so that it is not taken for the answer to the next request."""

NEIGHBOURS = 0x07
"""The bits in which neighbouring ids differ from the declared id."""

LOWEST_PLAIN_ADDRESS = 0x40
"""The lowest address byte that normal addressing does not read as the length or the type of a frame."""

AT_ONCE = 64
"""How many ids are tried back to back before a wait for answers."""
BUSY_S = 2.2
"""Two periods of the slowest usual cyclic message, in seconds: ids heard in this time belong to other nodes."""
LOOKS = 3


@dataclass(frozen=True)
class Path:
    """One way to address an ECU by a single frame."""

    name: str
    can_id: int
    is_extended: bool
    prefix: bytes = b""
    """The byte before the length: the address of extended and mixed addressing, else nothing."""
    is_declared_prefix: bool = True
    """Whether the target declares `prefix` for requests to the ECU."""

    def frame(self, pdu: bytes, padding: int | None) -> Frame:
        """Return a frame that holds the request, padded to eight bytes; with padding None it is as short as its content."""
        content = bytes((len(pdu),)) + pdu
        if padding is not None:
            content = content.ljust(8 - len(self.prefix), bytes((padding,)))
        if self.is_declared_prefix:
            return Frame(self.can_id, content, is_extended=self.is_extended, address=self.prefix)
        return Frame(self.can_id, self.prefix + content, is_extended=self.is_extended)


def declared_path(tester: Tester) -> Path:
    """Return the path that the target declares."""
    own = tester.frame(b"")
    return Path("the request id", own.can_id, own.is_extended, own.address)


def other_format(tester: Tester) -> list[Path]:
    """Return the path by the same id with 29 bits instead of 11, or the reverse; empty if 11 bits cannot hold the id."""
    own = declared_path(tester)
    if own.can_id > LARGEST_11_BIT_ID:
        return []
    form = "11 bits" if own.is_extended else "29 bits"
    return [Path(f"0x{own.can_id:X} with {form}", own.can_id, not own.is_extended, own.prefix)]


def declared_ids(tester: Tester) -> set[int | None]:
    """Return every id that the target gives to this ECU."""
    can = tester.target.can
    declared = {can.request_id, can.response_id, can.functional_id}
    return declared | {can_id for entry in tester.target.connections for can_id in (entry.request_id, entry.response_id)}


def neighbours(tester: Tester) -> list[Path]:
    """Return paths by undeclared ids: ids that differ only in the last three bits, and ids that the ECU answered before."""
    own = declared_path(tester)
    ids = [(own.can_id & ~NEIGHBOURS) | low for low in range(NEIGHBOURS + 1)]
    wanted = dict.fromkeys((*ids, *tester.target.can.other_request_ids))
    declared = declared_ids(tester)
    return [path_to(can_id, own) for can_id in wanted if can_id not in declared]


def path_to(can_id: int, own: Path) -> Path:
    """Return the path with this request id, in the format of the declared id, or with 29 bits if the id needs them."""
    return Path(f"0x{can_id:X}", can_id, own.is_extended or can_id > LARGEST_11_BIT_ID, own.prefix)


def far_ids(tester: Tester, depth: Depth, pdu: bytes, did: int) -> list[Path]:
    """Return the paths by all other 11-bit ids on which the request is answered.

    No id is tried at depth quick, or if the target does not permit what could harm other nodes.
    """
    if depth is Depth.QUICK or declared_path(tester).is_extended:
        return []
    if not (tester.allows("functional") and tester.allows("destructive")):
        tester.note("ids far from the declared ones were not tried: it takes the permissions functional and destructive")
        return []
    heard = {frame.can_id for frame in tester.listen(BUSY_S, also_from=EVERY_ID, why="which ids others use")}
    known = heard | declared_ids(tester) | {path.can_id for path in neighbours(tester)}
    own = declared_path(tester)
    ids = [path_to(can_id, own) for can_id in range(LARGEST_11_BIT_ID + 1) if can_id not in known]
    wanted = [path for path in ids if tester.gate.permits_raw(path.frame(pdu, tester.target.can.padding))]
    groups = [wanted[start : start + AT_ONCE] for start in range(0, len(wanted), AT_ONCE)]
    return [path for group in groups for path in answered_among(tester, group, pdu, did)]


def answered_among(tester: Tester, paths: Sequence[Path], pdu: bytes, did: int) -> list[Path]:
    """Return the paths that reach this ECU: send by all of them back to back and, if an answer comes, by each half alone."""
    padding = tester.target.can.padding
    reply = ask(tester, [path.frame(pdu, padding) for path in paths])
    if not is_answered(tester, reply, did):
        return []
    if len(paths) == 1:
        return list(paths)
    middle = len(paths) // 2
    return [one for half in (paths[:middle], paths[middle:]) for one in answered_among(tester, half, pdu, did)]


def other_addressing(tester: Tester) -> list[Path]:
    """Return paths with the request id and an undeclared address byte before the length, or without the declared one."""
    own = declared_path(tester)
    addresses = sorted({own.can_id & 0xFF, 0x10, 0xF1, *(byte ^ 1 for byte in own.prefix)} - set(own.prefix))
    names = {bytes((address,)): f"address byte {address:02X}" for address in addresses}
    names |= {b"": "no address byte"} if own.prefix else {}
    return [
        Path(f"0x{own.can_id:X} with {name}", own.can_id, own.is_extended, prefix, is_declared_prefix=False)
        for prefix, name in names.items()
    ]


def is_plain(path: Path, own: Path) -> bool:
    """Whether the path's frames mean nothing by the declared path, so that their effect proves that this path exists."""
    if path.is_declared_prefix:
        return True
    first = path.frame(b"\x22\x00\x00", 0).data[:1]
    return first != own.prefix if own.prefix else first[0] >= LOWEST_PLAIN_ADDRESS


def permitted(tester: Tester, paths: Iterable[Path], pdu: bytes) -> list[Path]:
    """Return the paths whose frames are permitted; an ECU may take an address byte for a length, the next for a service."""
    padding = tester.target.can.padding
    found = []
    for path in paths:
        if tester.gate.permits_raw(path.frame(pdu, padding)):
            found.append(path)
        else:
            tester.note(f"{path.name} was not tried: its id, or what may be read into its frame, is not permitted")
    return found


def send(tester: Tester, paths: Iterable[Path], pdu: bytes) -> list[RawReply]:
    """Send the same request by each path, one after the other, and return what any node answers to each."""
    padding = tester.target.can.padding
    return [ask(tester, [path.frame(pdu, padding)]) for path in paths]


def ask(tester: Tester, frames: list[Frame]) -> RawReply:
    """Send frames and listen; do so again if another node sent the ECU a request meanwhile, which may have been answered."""
    listen_s = min(tester.target.timing.p2_ms / 1000 + MARGIN_S, tester.silence_s)
    for _ in range(LOOKS):
        reply = tester.raw_frames(frames, listen_s=listen_s, also_from=EVERY_ID)
        if not is_asked_by_others(tester, reply):
            break
    return reply


def is_asked_by_others(tester: Tester, reply: RawReply) -> bool:
    """Whether another node sent a request to this ECU among these frames; an adapter's echo of our frames does not count."""
    ids = declared_ids(tester) - {tester.target.can.response_id}
    ours = {(frame.can_id, frame.data_field) for frame in reply.sent}
    theirs = [frame for frame in reply.answers if frame.can_id in ids and not frame.is_sent]
    return any((frame.can_id, frame.data_field) not in ours for frame in theirs)


def is_answered(tester: Tester, reply: RawReply, did: int, *, path: Path | None = None, by_others: bool = False) -> bool:
    """Whether this ECU or, with `by_others`, another node answered a read of the DID.

    A frame that may be an answer by normal addressing does not count; an answer with an address byte does.
    """
    if is_asked_by_others(tester, reply) and not by_others:
        return False
    heads = (bytes((0x62, did >> 8, did & 0xFF)), b"\x7f\x22")
    starts = (1, 2, 3) if path is None or is_plain(path, declared_path(tester)) else (2, 3)
    return any(
        any(frame.data[start : start + len(head)] == head for head in heads for start in starts)
        and (frame.can_id != tester.target.can.response_id) is by_others
        for frame in reply.answers
        if not frame.is_sent
    )
