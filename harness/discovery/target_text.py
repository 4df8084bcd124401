"""Write everything that was found as a target file: complete, commented, and with every entry marked as found."""

from collections.abc import Iterable, Mapping

from harness.discovery.addresses import FoundEcu
from harness.discovery.ecu_map import EcuMap, FoundIdentifier
from harness.target import Can, SecurityLevel, Target
from harness.uds import Service, Session

USUAL_P2_MS = 50
USUAL_P2_STAR_MS = 5000
LONGEST_MS = 600_000
SESSION_NAMES = {Session.DEFAULT: "default", Session.PROGRAMMING: "programming", Session.EXTENDED: "extended"}

HEAD = """\
# What was found of an ECU that nobody had described. It can be audited as it is: uds-harness audit THIS_FILE
# Every entry bears origin = "found": found is not permitted. What the ECU allows to everybody is a finding until its maker
# declares it: take the origin away from what is meant to be so.
"""

QUIRKS = """\
# Some ECUs answer a wrong key 27 35 instead of 7F 27 35. Here that is read as invalidKey; it is a finding all the same.
[quirks]
malformed_invalid_key = true
"""


def target_text(name: str, target: Target, ecu: FoundEcu, found: EcuMap, keys: Mapping[int, SecurityLevel]) -> str:
    """Return the file's text; `target` says where the bus is, and `keys` how the keys of known levels are made."""
    environment = target.environment
    parts = [HEAD, _target(name, environment, found), _can(target.can, ecu), _timing(found)]
    parts += entries_text(ecu, found, keys)
    parts += _reset(environment, found)
    if found.levels:
        parts.append(QUIRKS)
    if environment == "bench":
        parts.append(
            "[safety]\n# Nothing that can lock, write, reset or destroy is sent unless you allow it here:\n"
            '# "lockout", "write", "reset", "power", "functional", "destructive".\nallow = []\n'
        )
    return "\n".join(parts)


def entries_text(ecu: FoundEcu, found: EcuMap, keys: Mapping[int, SecurityLevel]) -> Iterable[str]:
    """Return each ``[[table]]`` with the comments before it, and separate comments on sessions that could not be entered."""
    yield from _connections(ecu)
    yield from (_session(found, session, said) for session, said in found.sessions.items())
    yield from _refused_sessions(found)
    yield from _levels(found, keys)
    yield from _data(found)
    yield from _services(found)
    yield from _routines(found)
    yield from _memory(found)


def _reset(environment: str, found: EcuMap) -> Iterable[str]:
    comments = []
    keys: dict[str, object] = {}
    if found.boot_s is not None:
        comments.append(f"# boot_s: the longest time from a {found.boot_means} to the next answer.")
        keys |= ({"uds": "0x01"} if found.boot_means == "reset" else {}) | {"boot_s": found.boot_s}
    if environment == "simulated":
        comments.append("# The supply of a node on the simulated bus is the harness's to cut.")
        keys["power"] = _quoted("simulated")
    if keys:
        yield _table("reset", comments, **keys)


def _target(name: str, environment: str, found: EcuMap) -> str:
    comments = [f"# Not found out: {sentence}" for sentence in found.not_asked]
    keys: dict[str, object] = {"name": _quoted(name), "environment": _quoted(environment)}
    about = []
    if (dialect := found.dialect) is not None:
        about.append(f"# It speaks {dialect.name} ({dialect.standard}): what both have is written here as UDS has it.")
        keys["dialect"] = _quoted(dialect.key)
    return _table("target", about, **keys) + "".join(f"{line}\n" for line in comments)


def _can(can: Can, ecu: FoundEcu) -> str:
    request, response = ecu.pair.request, ecu.pair.response
    comments = [
        f"# {ecu.pair.probe} to 0x{request[0]:X} was answered on 0x{response[0]:X} "
        f"({'29' if response[1] else '11'} bits) each time, {ecu.pair.latency_s * 1000:.1f} ms later."
    ]
    if not ecu.pair.is_uds:
        comments.append(f"# That answer is none of the standard's: {ecu.pair.answer.hex(' ').upper()}.")
    comments += [f"# It is answered too when asked on {_shown(alias.request)}." for alias in ecu.aliases]
    comments += [f"# The same answers appear on {_shown(mirror.response)}." for mirror in ecu.mirrors]
    if ecu.address is not None:
        kind = "an extension of the address" if ecu.is_mixed else "its address"
        comments.append(f"# The first byte of each frame to it is {kind}, 0x{ecu.address:02X}.")
    if ecu.functional_address is not None:
        comments.append("# functional_address: it answers behind that byte too, as every ECU would.")
    if ecu.functional is not None and ecu.functional_address is None:
        refusals = "keeps refusals" if ecu.is_quiet_on_functional else "does not keep even refusals"
        comments.append(f"# functional_id: it answers there too, and {refusals} of unknown services to itself.")
    if ecu.takes_fd is not None:
        how = "taken, and answered in such" if ecu.answers_in_fd else "taken, and answered in classic ones"
        comments.append(f"# Frames of CAN FD are {how if ecu.takes_fd else 'not answered'}.")
    if ecu.pair.filling:
        comments.append(f"# Its answer was {ecu.pair.filling}.")
    if not ecu.takes_padded:
        comments.append("# Only frames that are as short as their content are answered.")
    elif ecu.takes_unpadded is not None:
        comments.append(f"# Frames that are not filled up to 8 bytes are {'taken' if ecu.takes_unpadded else 'ignored'}.")
    mixed = request[1] != response[1]
    keys: dict[str, object] = {
        "interface": _quoted(can.interface),
        "channel": _quoted(can.channel),
        "bitrate": can.bitrate,
        "request_id": f"0x{request[0]:X}",
        "response_id": f"0x{response[0]:X}",
    }
    for key, value in ecu.addressing.items():
        keys[key] = _quoted(value) if isinstance(value, str) else f"0x{value:02X}"
    if ecu.functional is not None:
        keys["functional_id"] = f"0x{ecu.functional[0]:X}"
    others = [f"0x{number:X}" for number in dict.fromkeys(alias.request[0] for alias in ecu.aliases) if number != request[0]]
    if others:
        keys["other_request_ids"] = f"[{', '.join(others)}]"
    keys["extended_ids"] = '"any"' if mixed else str(request[1]).lower()
    keys["padding"] = "0x00" if ecu.takes_padded else "false"
    if ecu.answers_in_fd:
        keys["fd"] = "true"
        if can.data_bitrate is not None:
            keys["data_bitrate"] = can.data_bitrate
    return _table("can", comments, **keys)


def _timing(found: EcuMap) -> str:
    comments = []
    keys: dict[str, object] = {}
    if found.p2_ms is not None:
        comments.append(
            f"# The slowest of twenty first answers took {found.p2_ms:g} ms; p2_ms is at least the standard's 50."
        )
    if found.p2_stated_ms is not None:
        comments.append(f"# The answers to session requests state a P2 of {found.p2_stated_ms} ms.")
    keys["p2_ms"] = _within_limits(max(USUAL_P2_MS, found.p2_stated_ms or 0, round((found.p2_ms or 0) * 1.5)))
    if found.p2_star_ms is not None:
        comments.append(f"# They state a P2* of {found.p2_star_ms} ms{_correction(found.p2_star_ms)}.")
        keys["p2_star_ms"] = _within_limits(found.p2_star_ms or USUAL_P2_STAR_MS)
    if found.p2_star_seen_ms is not None:
        comments.append(f"# After responsePending it took up to {found.p2_star_seen_ms:g} ms until more came.")
        stated = found.p2_star_ms or USUAL_P2_STAR_MS
        keys["p2_star_ms"] = _within_limits(max(stated, round(found.p2_star_seen_ms * 1.5)))
    if found.sessions:
        comments.append(f"# s3_ms: {found.s3_said}." if found.s3_said else "# s3_ms: the standard's.")
        keys["s3_ms"] = found.s3_ms or 5000
    else:
        comments.append("# No s3_ms: no session could be entered.")
    return _table("timing", comments, **keys)


def _within_limits(milliseconds: int) -> int:
    """Limit a time to the range that the target file accepts."""
    return min(milliseconds, LONGEST_MS)


def _correction(stated_ms: int) -> str:
    """Return the comment for a time that is outside the range of the target file."""
    if not stated_ms:
        return f"; p2_star_ms is the usual {USUAL_P2_STAR_MS}"
    return f"; p2_star_ms is the longest that can be declared, {LONGEST_MS}" if stated_ms > LONGEST_MS else ""


def _connections(ecu: FoundEcu) -> Iterable[str]:
    for pair in ecu.connections:
        comments = ["# The ECU behind these ids gives the same serial number (DID F18C)."]
        ids = {"request_id": f"0x{pair.request[0]:X}", "response_id": f"0x{pair.response[0]:X}"}
        yield _table("[connection]", comments, **ids, origin='"found"')


def _session(found: EcuMap, session: int, said: str) -> str:
    name = SESSION_NAMES.get(Session(session), "") if session in set(Session) else ""
    keys: dict[str, object] = {"id": f"0x{session:02X}"}
    if name:
        keys["name"] = _quoted(name)
    via = found.vias.get(session, Session.DEFAULT)
    if session in found.vias:
        keys["via"] = f"0x{via:02X}"
    if session in found.behind:
        keys["before"] = f'["27 {found.behind[session]:02X}"]'
    start = "the default session" if via == Session.DEFAULT else f"session 0x{via:02X}"
    comments = [f"# Entered from {start}: {said}."]
    refusing = [before for before in found.sessions if not found.leads(before, session)]
    if session in found.vias and refusing:
        comments.append(f"# Not entered from session {', '.join(f'0x{before:02X}' for before in refusing)}.")
    return _table("[session]", comments, **keys, origin='"found"')


def _refused_sessions(found: EcuMap) -> Iterable[str]:
    """Return comments on the sessions that exist but were not entered."""
    lines = [f"# {sentence}" for sentence in refused_session_sentences(found)]
    if lines:
        lines.append(
            "# What is in them is not known. Declare via or before in a [[session]] of that id, if you know the way."
        )
        yield "\n".join(lines) + "\n"


def refused_session_sentences(found: EcuMap) -> list[str]:
    """Return a sentence for each session that exists but was not entered."""
    sentences = []
    for session, by in sorted(found.refused_sessions.items()):
        where = ", ".join(f"{said} from session 0x{start:02X}" for start, said in by.items())
        sentences.append(f"Session 0x{session:02X} is there and was refused: {where}.")
    return sentences


def _levels(found: EcuMap, known: Mapping[int, SecurityLevel]) -> Iterable[str]:
    if found.security_access:
        yield f"# {found.security_access}.\n"
    for one in found.levels:
        what = f"gives a seed of {one.seed_bytes} bytes" if one.seed_bytes else f"gives no seed now: {one.said}"
        comments = [f"# 27 {one.level:02X} in session 0x{one.session:02X} {what}."]
        if one.also:
            comments.append(f"# It gives one in session {', '.join(f'0x{session:02X}' for session in one.also)} too.")
        if one.record:
            comments.append(f"# It wants a data record of {len(one.record)} bytes in that request.")
        if one.behind is not None:
            comments.append(f"# Only once level 0x{one.behind:02X} was open.")
        keys: dict[str, object] = {"level": f"0x{one.level:02X}"}
        if found.sessions:
            keys["session"] = f"0x{one.session:02X}"
        if one.behind is not None:
            keys["before"] = f'["27 {one.behind:02X}"]'
        if one.record:
            keys["record"] = _quoted(one.record.hex(" "))
        entry = known.get(one.level)
        if entry is None or entry.key is None:
            comments.append('# Its key is not known. If you have it: key = "my_key.py:function"')
        elif entry.secret is None:
            keys["key"] = _quoted(entry.key)
        else:
            comments.append(f'# Its secret is not written here. Add: key = {_quoted(entry.key)}, and secret = "env:NAME"')
        yield _table("[security]", comments, **keys, origin='"found"')


def _levels_to_name(found: EcuMap) -> list[int]:
    """Return levels that may open guarded data: those that give seeds now or, if none does, all levels."""
    return [one.level for one in found.levels if one.seed_bytes] or [one.level for one in found.levels]


def _may_open(found: EcuMap, one: FoundIdentifier) -> list[int]:
    """Return levels that may open an identifier: those in one of its sessions, without levels that were unlocked in vain."""
    wanted = set(_levels_to_name(found)) - found.opened
    places = {level.level: {level.session, *level.also} for level in found.levels}
    return [level for level in sorted(wanted) if not found.sessions or places[level] & set(one.sessions)]


def _data(found: EcuMap) -> Iterable[str]:
    for one in found.identifiers:
        levels = _may_open(found, one)
        sessions = ", ".join(f"0x{session:02X}" for session in one.sessions)
        comments = [f"# {'Read' if one.length else f'Refused ({one.said})'} in session {sessions}."]
        keys: dict[str, object] = {"did": f"0x{one.did:04X}"}
        if length := one.length or found.lengths.get(one.did):
            keys["length"] = length
        some_level = _quoted(f"level 0x{levels[0]:02X}") if levels else '"never"'
        keys["read"] = '"open"' if one.length else some_level
        if one.did in found.read_with:
            keys["read"] = _quoted(f"level 0x{found.read_with[one.did]:02X}")
            comments.append("# It was read once this level was unlocked.")
        elif not one.length and levels:
            comments.append("# This level opens it, or another: its keys are needed to tell.")
        written = found.writes.get(one.did)
        if one.did in found.written_with:
            comments.append("# A write of its own value was accepted once this level was unlocked, and not before.")
            keys["write"] = _quoted(f"level 0x{found.written_with[one.did]:02X}")
        elif written == "protected":
            by = "this level or by another" if levels else "nothing that was found in its sessions"
            comments.append(f"# A write of its own value is refused with 0x33: it is protected, by {by}.")
            keys["write"] = some_level
        elif written == "open":
            comments.append("# A write of its own value is accepted from everybody.")
            keys["write"] = '"open"'
        if one.did in found.unsteady:
            comments.append("# It did not hold the same in each session.")
            keys["volatile"] = "true"
        yield _table("[data]", comments, **keys, origin='"found"')


def _services(found: EcuMap) -> Iterable[str]:
    everywhere: dict[int, dict[str, list[str]]] = {}
    for session, services in found.services.items():
        for service, said in services.items():
            everywhere.setdefault(service, {}).setdefault(said, []).append(f"0x{session:02X}")
    for service in sorted(everywhere):
        name = Service(service).name.lower() if service in set(Service) else "not one of the standard's"
        comments = [f"# {name}: to a request without anything,"]
        comments += [f"#   in session {', '.join(sessions)}: {said}" for said, sessions in everywhere[service].items()]
        comments += _sub_functions(found, service)
        yield _table("[service]", comments, id=f"0x{service:02X}", origin='"found"')


def _sub_functions(found: EcuMap, service: int) -> Iterable[str]:
    """Return the sub-functions of a service, with the sessions in which they exist."""
    places: dict[int, list[str]] = {}
    for session, services in found.sub_functions.items():
        for number in services.get(service, ()):
            places.setdefault(number, []).append(f"0x{session:02X}")
    together: dict[str, list[str]] = {}
    for number in sorted(places):
        together.setdefault(", ".join(places[number]), []).append(f"0x{number:02X}")
    for sessions, numbers in together.items():
        yield f"#   sub-functions in session {sessions}: {', '.join(numbers)}"


def _routines(found: EcuMap) -> Iterable[str]:
    for routine, said in found.routines.items():
        yield _table("[routine]", [f"# Asked for its results: {said}."], id=f"0x{routine:04X}", origin='"found"')


def _memory(found: EcuMap) -> Iterable[str]:
    levels = _levels_to_name(found)
    for address, said in found.memory.items():
        comments = [f"# One byte asked for: {said}."]
        keys: dict[str, object] = {"id": f"0x{address:X}"}
        if said != "read" and levels:
            comments.append("# This level opens it, or another.")
            keys["needs"] = _quoted(f"level 0x{levels[0]:02X}")
        yield _table("[memory]", comments, **keys, origin='"found"')


def _table(header: str, comments: Iterable[str], /, **keys: object) -> str:
    lines = [*comments, f"[{header}]", *(f"{key} = {value}" for key, value in keys.items())]
    return "\n".join(lines) + "\n"


def _shown(one: tuple[int, bool]) -> str:
    return f"0x{one[0]:X} ({'29' if one[1] else '11'} bits)"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
