"""Check that the ECU does not show protected data, nor the values from which keys are made."""

from collections.abc import Callable

from attacks.access_control.aliases import Source, ask_by_alias, read_when_locked_again, sent_by_its_own_number, sources
from attacks.access_control.dtc_records import dtc_records
from attacks.access_control.guards import CLOCK_S, SECURITY, each_session, is_absent, unlocked_for
from attacks.access_control.key_material import SHORTEST, found_in, known_secrets, show_concealed
from attacks.access_control.readable import candidates, readable_data
from harness import (
    DataEntry,
    Depth,
    Inconclusive,
    Measurements,
    Reply,
    Service,
    Severity,
    Tester,
    attack,
    fail,
    inconclusive,
    not_applicable,
)
from harness.analysis import credentials_in


@attack(
    id="AC-10",
    title="Protected content is not delivered under another name",
    failure="Protected content is delivered under another name",
    severity=Severity.HIGH,
    basis="declared",
    source="ISO 14229-1 DynamicallyDefineDataIdentifier, ReadDataByPeriodicIdentifier: securityAccessDenied",
    cwe=(288,),
    r155=("18.3",),
    rationale="An alias that is read without the level of its source opens everything that is protected from reading.",
    remediation="Look up the source's level when an alias is defined, and each time that it is read or sent.",
    needs=("write",),
    proven_by=("alias_unprotected",),
)
def test_protected_content_is_not_delivered_under_another_name(tester: Tester) -> None:
    found = sources(tester)
    if not found:
        raise tester.looking.without_guarded_reads("no data or memory is declared to be protected from reading")
    tester.access.require_locked()
    definitions: list[Reply] = []
    delivered: list[tuple[Source, Reply, bytes]] = []
    records: list[Reply] = []
    for _ in each_session(tester):
        records += dtc_records(tester)
        delivered += [(source, *given) for source in found for given in sent_by_its_own_number(tester, source)]
        if is_absent(tester, definition := tester.request(bytes((Service.DYNAMICALLY_DEFINE_DATA_IDENTIFIER,)))):
            definitions.append(definition)
            continue
        for source in found:
            asked = ask_by_alias(tester, source)
            definitions += asked.definitions
            delivered += [(source, reply, content) for reply, content in asked.delivered]
    judge_records(tester, found, records)
    if not delivered and all(is_absent(tester, reply) for reply in definitions):
        not_applicable(f"the ECU does not define data dynamically: {definitions[-1]}")
    unknown: list[str] = []
    for source in found:
        content, missing = content_of(tester, source)
        given = [(reply, seen) for one, reply, seen in delivered if one is source]
        if missing and given:
            tester.cite(given[-1][0])
            inconclusive(f"an alias of {source.name} delivers something; whether it is the content is not known: {missing}")
        if missing:
            unknown.append(f"{source.name}: {missing}")
        for reply, seen in given:
            if seen == content[: len(seen)]:
                tester.cite(reply)
                if is_blank(seen):
                    inconclusive(
                        f"an alias of {source.name} delivers {seen[:8].hex(' ').upper()}: content, or blanks for it"
                    )
                fail(expected=f"no content of {source.name} under another name, locked", observed=f"{reply}: its content")
        if given and moves(tester, content, source.read):
            tester.cite(given[-1][0])
            inconclusive(
                f"an alias of {source.name} delivers something; its content changes by itself and is not known again"
            )
        if not missing and tester.access.can_relock:
            judge_kept_alias(tester, source, content)
    conclude(tester, unknown, is_all=len(unknown) == len(found))


def judge_records(tester: Tester, found: list[Source], records: list[Reply]) -> None:
    """Check that no record of trouble codes holds content whose guarded read is refused; short content may be chance."""
    for source in found if records else ():
        content, missing = content_of(tester, source)
        if missing or len(content) < SHORTEST or is_blank(content):
            tester.note(
                f"{source.name} was not looked for in {len(records)} records of trouble codes: {missing or 'too short'}"
            )
            continue
        for reply in records:
            if content in reply.pdu:
                tester.cite(reply)
                asked = reply.request.hex(" ").upper()
                fail(expected=f"no content of {source.name} in the answer to {asked}, locked", observed="its content")


def judge_kept_alias(tester: Tester, source: Source, content: bytes) -> None:
    """Check that an alias defined with the level open gives nothing after the ECU is locked again."""
    reply = read_when_locked_again(tester, source)
    if reply is not None and reply.is_positive and reply.pdu[3:] == content[: len(reply.pdu) - 3] and not is_blank(content):
        tester.cite(reply)
        fail(
            expected=f"no content of {source.name} under a name that was defined while its level was open, locked",
            observed=f"{reply}: its content",
        )


def conclude(tester: Tester, unknown: list[str], *, is_all: bool) -> None:
    """Note why content could not be read unlocked; inconclusive if none could be read (`is_all`)."""
    if unknown and is_all:
        inconclusive(f"control missing: {unknown[0]}")
    for reason in unknown:
        tester.note(f"not judged, control missing: {reason}")


def content_of(tester: Tester, source: Source) -> tuple[bytes, str]:
    """Read protected content in the guarded way; return it with an empty text, or no bytes with the reason."""
    missing = unlocked_for(tester, source.level)
    if missing:
        return b"", missing
    content = source.read()
    return content, "" if content else "unlocked, it is refused"


def is_blank(content: bytes) -> bool:
    """Whether the content is all 00 or all FF, which an ECU may also send in place of masked content."""
    return content in (bytes(len(content)), b"\xff" * len(content))


def moves(tester: Tester, content: bytes, read: Callable[[], bytes]) -> bool:
    """Whether a value that was `content` has changed after a while, so that nobody could recognise it elsewhere."""
    tester.wait(CLOCK_S, "whether a value changes by itself")
    return read() != content


READ = bytes((Service.READ_DATA_BY_IDENTIFIER,))
IDENTIFIERS, FEW = (2, 5, 9, 24), 9
"""How many identifiers a request names; in requests of at most `FEW` the protected identifier is tried in each place."""


@attack(
    id="AC-11",
    title="Read-protected data is not delivered, alone or among other data",
    failure="Read-protected data is delivered without a key",
    severity=Severity.HIGH,
    basis="declared",
    source="ISO 14229-1 ReadDataByIdentifier: securityAccessDenied",
    cwe=(863,),
    r155=("18.3",),
    rationale="A guard that looks at the first identifier only lets every other one pass behind it.",
    remediation="Look up the level of each identifier of a request, and refuse the request if one of them is locked.",
    proven_by=("only_first_identifier_guarded", "only_three_identifiers_guarded"),
)
def test_read_protected_data_is_not_delivered_among_other_data(tester: Tester) -> None:
    entries = [entry for entry in tester.target.data if entry.read.level is not None]
    if not entries:
        raise tester.looking.without_guarded_reads("no data is known to be protected from reading")
    tester.access.require_locked()
    delivered: list[tuple[DataEntry, Reply]] = []
    for _ in each_session(tester):
        for entry in entries:
            mark = entry.did.to_bytes(2, "big")
            for request in mixtures(tester, mark):
                reply = tester.request(request)
                if reply.is_positive and mark in reply.pdu[1:]:
                    delivered.append((entry, reply))
    judged = [judge_delivered(tester, entry, [reply for one, reply in delivered if one is entry]) for entry in entries]
    unknown = [reason for reason in judged if reason]
    conclude(tester, unknown, is_all=len(unknown) == len(entries))


def mixtures(tester: Tester, protected: bytes) -> list[bytes]:
    """Yield requests with the protected identifier alone, twice, and in each place among few and many open ones."""
    readable = [entry.did.to_bytes(2, "big") for entry in tester.target.data if entry.read.kind == "open"]
    readable = [did for did in readable if tester.request(READ + did).is_positive][:2]
    shapes = [protected, protected * 2]
    if readable:
        first, last = readable[0], readable[-1]
        shapes += [first + protected * 2, first + last + protected, first + protected + last]
        for count in IDENTIFIERS:
            others = [readable[number % len(readable)] for number in range(count - 1)]
            places = range(count) if count <= FEW else (count // 2, count - 1)
            shapes += [b"".join((*others[:place], protected, *others[place:])) for place in places]
    return [READ + shape for shape in dict.fromkeys(shapes)]


def judge_delivered(tester: Tester, entry: DataEntry, replies: list[Reply]) -> str:
    """Fail if a reply holds the content that was read unlocked; return why that is unknown, or an empty text."""
    assert entry.read.level is not None
    missing = unlocked_for(tester, entry.read.level)
    unlocked = None if missing else tester.read_reply(entry.did)
    if unlocked is None or not unlocked.is_positive:
        reason = f"DID {entry.did:04X}: {missing or f'unlocked, it is refused too: {unlocked}'}"
        if replies:
            judge_unknown(tester, entry, replies)
            inconclusive(f"it is delivered; whether with its content is not known: {reason}")
        return reason
    for reply in replies:
        if unlocked.pdu[1:] in reply.pdu:
            tester.cite(reply)
            if is_blank(unlocked.pdu[3:]):
                inconclusive(f"DID {entry.did:04X} is delivered as its content is: blank, as masked content is too")
            asked = reply.request.hex(" ").upper()
            observed = "its content" if entry.secret else f"{reply}: its content"
            fail(expected=f"DID {entry.did:04X} not delivered to {asked}, locked", observed=observed)
        tester.note(f"DID {entry.did:04X} is delivered to {reply.request.hex(' ').upper()}, but not with its content")
    if replies and moves(tester, unlocked.pdu[3:], lambda: tester.read(entry.did)):
        tester.cite(replies[-1])
        inconclusive(f"DID {entry.did:04X} is delivered; its content changes by itself and is not known again")
    return ""


def judge_unknown(tester: Tester, entry: DataEntry, replies: list[Reply]) -> None:
    """Fail if data that is refused alone is delivered unmasked among other data; the check need not know its content."""
    tester.cite(replies[-1])
    alone = tester.read_reply(entry.did)
    mark = entry.did.to_bytes(2, "big")
    contents = [reply.pdu.rpartition(mark)[2] for reply in replies]
    if alone.is_refused_with(*SECURITY) and not all(is_blank(content[: entry.length]) for content in contents):
        asked = replies[-1].request.hex(" ").upper()
        fail(expected=f"DID {entry.did:04X} refused to {asked}, as it is alone", observed="it is delivered")


@attack(
    id="AC-12",
    title="No data identifier holds a secret, or the key that is waited for",
    failure="A data identifier shows a secret, or the key that is waited for",
    severity=Severity.CRITICAL,
    basis="policy",
    source="Policy: what keys are made of is never readable",
    cwe=(200, 522),
    r155=("18.3", "19.3"),
    rationale="Who reads the secret, the expected key or the next seed needs no attack on SecurityAccess any more.",
    remediation="Keep secrets and the state of SecurityAccess where no diagnostic service reaches; delete such identifiers.",
    proven_by=("secret_readable", "key_readable", "password_readable"),
)
def test_no_data_identifier_holds_key_material(tester: Tester, measure: Measurements, depth: Depth) -> None:
    levels = [entry.level for entry in tester.target.security]
    secrets = known_secrets(tester)
    readable = readable_data(tester, measure, depth)
    judge_credentials(tester, readable.values)
    if not levels:
        raise tester.looking.without_level()
    if not readable.dids:
        inconclusive(f"none of {readable.tried} identifiers answers a read, so that none can be looked into")
    usual = candidates(tester, Depth.DEFAULT) if depth is Depth.DEEP else candidates(tester, depth)
    wanted = sorted({*usual, *readable.dids})
    before = readable.values
    for level in levels:
        if tester.access.can_relock and tester.security.has_key(level) and not unlocked_for(tester, level):
            tester.access.lock()  # from now on a log of its key can be read
        try:
            tester.session_for(level)
            seed = tester.security.seed(level)
        except Inconclusive as reason:
            tester.note(f"level 0x{level:02X}: read without a pending seed: {reason}")
            seed = b""
        for did in [did for did, value in before.items() if len(seed) >= SHORTEST and any(seed) and seed in value]:
            judge_next_seed(tester, level, did)
        material = dict(secrets)
        if seed and tester.security.has_key(level):
            material[f"the key that level 0x{level:02X} waits for"] = tester.security.right_key(level, seed)
        material |= keys_used(tester, level)
        before = judge_values(tester, wanted, material)
        wanted = sorted(before)
        for reply in dtc_records(tester):
            if name := found_in(reply.pdu, material) or credentials_in(reply.pdu):
                show_concealed(tester, reply, name)
                fail(
                    expected=f"no key material in the answer to {reply.request.hex(' ').upper()}",
                    observed=f"{name} is in it",
                )
    tester.note(f"{readable.tried} identifiers were tried, {len(readable.dids)} answer")
    if not readable.dids:
        inconclusive("no data identifier can be read: there is nothing to look into")
    if not secrets and not any(tester.security.has_key(level) for level in levels):
        inconclusive("neither a secret nor a key function is given: there is nothing to look for")


def keys_used(tester: Tester, level: int) -> dict[str, bytes]:
    """Return the keys that last opened a level; a log that contains them shows how keys are made."""
    pairs = tester.security.level(level).pairs
    return {
        f"a key that has opened level 0x{level:02X} ({number})": key for number, key in enumerate([*pairs.values()][-4:], 1)
    }


def judge_credentials(tester: Tester, values: dict[int, bytes]) -> None:
    """Fail if a value looks like a password or another credential; keep the value out of the report."""
    found = {did: kind for did, value in values.items() if (kind := credentials_in(value))}
    if found:
        did, kind = next(iter(found.items()))
        show_concealed(tester, tester.read_reply(did), kind)
        fail(
            expected="no data identifier that reads like a credential",
            observed=", ".join(f"DID {did:04X} reads like {kind}" for did, kind in list(found.items())[:8]),
            severity=Severity.HIGH,
        )


def judge_next_seed(tester: Tester, level: int, did: int) -> None:
    """Read once more the value that held the next seed, request another seed, and fail if the value held that, too."""
    reply = tester.read_reply(did)
    seed = tester.security.seed(level)
    if reply.is_positive and seed in reply.pdu[3:]:
        tester.cite(reply)
        fail(
            expected=f"no DID that holds the seed which level 0x{level:02X} gives next",
            observed=f"DID {did:04X} does, twice",
        )


def judge_values(tester: Tester, dids: list[int], material: dict[str, bytes]) -> dict[int, bytes]:
    """Read values by identifier, and fail if a value contains key material; return the values."""
    values = {}
    for did in dids:
        reply = tester.read_reply(did)
        if reply.is_positive:
            values[did] = reply.pdu[3:]
            name = found_in(reply.pdu[3:], material)
            if name:
                show_concealed(tester, reply, name)
                fail(expected=f"no key material in DID {did:04X}", observed=f"{name} is in it")
    return values
