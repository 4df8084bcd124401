"""Check how the ECU treats seed requests and keys that contain more than they should."""

from collections.abc import Iterator
from dataclasses import dataclass

from attacks.security_access.limit_rows import judge_rows
from harness import (
    DataEntry,
    Depth,
    Inconclusive,
    Measurements,
    NotApplicable,
    Nrc,
    Reply,
    Severity,
    Tester,
    attack,
    fail,
    inconclusive,
    malformed,
    negative,
    not_applicable,
    positive,
    silence,
    uds,
)
from harness.tester import KeyOutcome

SUPPRESS = 0x80
LIMITED = negative(Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS, Nrc.REQUIRED_TIME_DELAY_NOT_EXPIRED)
WRONG = negative(Nrc.INVALID_KEY)
WORDS = ("00", "FF", "DEAD", "BEEF", "CAFE", "BABE", "DEADBEEF", "CAFEBABE", "12345678", "54455354")
ROUNDS = 5
"""How many seeds are taken with a record, and how many without, before an oddity is blamed on the record."""
OPENINGS = 2
FEWEST_TELLING = 3
"""The smallest number of equal bytes that is no coincidence."""
LONGEST_IN_ONE_FRAME = 5
PATIENCE = 2
"""How many messages of several frames may meet no flow control before the check stops sending such messages."""


@attack(
    id="SA-36",
    title="The suppress bit changes nothing but the answer",
    failure="The suppress bit changes more than the answer",
    severity=Severity.LOW,
    basis="standard",
    source="ISO 14229-1: suppressPosRspMsgIndicationBit suppresses positive responses only",
    cwe=(358,),
    r155=("18.3",),
    rationale="A sub-function that is compared with its bit 7 still in it takes another way through the ECU, often one that "
    "nobody has guarded: guesses there may not be counted.",
    remediation="Strip the suppress bit before the sub-function is looked at, and heed it only when an answer is sent.",
    needs=("lockout",),
    uses=("write",),
    proven_by=("suppressed_key_uncounted", "suppressed_key_unlocks"),
)
def test_the_suppress_bit_changes_nothing_but_the_answer(tester: Tester, measure: Measurements, level: int) -> None:
    entry = tester.access.protected_by(level) if tester.allows("write") else None
    if entry is not None:
        tester.access.require_locked(entry, by_refusal=True)
    tester.session_for(level)
    tester.security.seed(level)
    if entry is not None and tester.access.locked_probe(entry, in_this_session=True).is_positive:
        inconclusive("protected data is open as soon as a seed is pending, suppress bit or not")
    asked = tester.request(uds.request_seed(level | SUPPRESS))
    if asked.is_positive:
        tester.note(f"27 {level | SUPPRESS:02X} is answered, though the answer was to be suppressed: {asked}")
    tester.judge(asked, sound=silence() | negative(), tolerated=positive(), flawed=malformed())
    require_still_locked(tester, entry, asked, "a request for a seed")
    plain = tester.guesses.send_wrong(level, tester.security.seed(level))
    guess = suppressed_guess(tester, level)
    if guess.is_positive and tester.guesses.outcome(level, guess) is KeyOutcome.OPENED:
        tester.cite(guess)
        fail(expected="no key but the right one is taken", observed=f"{guess} to a wrong one", severity=Severity.CRITICAL)
    require_still_locked(tester, entry, guess, "a wrong key")
    if not plain.is_malformed:
        tester.judge(guess, sound=WRONG | LIMITED, tolerated=silence() | negative(), flawed=malformed())
    try:
        judge_rows(tester, measure, level, "SA-36", "the suppress bit")
    except NotApplicable as reason:
        tester.note(f"whether suppressed keys are counted makes no difference: {reason}")
    except Inconclusive as reason:
        tester.note(f"whether suppressed keys are counted is not known: {reason}")


def suppressed_guess(tester: Tester, level: int) -> Reply:
    """Send a wrong key for a fresh seed, with the positive answer suppressed."""
    tester.session_for(level)
    seed = tester.security.seed(level)
    if not seed:
        inconclusive("a seed of zero was given, as if the level were unlocked")
    request = bytes((0x27, level + 1 | SUPPRESS))
    return tester.guesses.send_wrong(level, seed, lambda key: tester.request(request + key))


def require_still_locked(tester: Tester, entry: DataEntry | None, reply: Reply, after: str) -> None:
    """Check by a protected write that the level is still locked, since the answer to the key was suppressed."""
    if entry is None or not tester.access.locked_probe(entry, in_this_session=True).is_positive:
        return
    effect = tester.access.write_effect(entry)
    if effect.is_changed:
        tester.cite(reply)
        fail(
            expected=f"locked after {after} with the suppress bit",
            observed=f"{reply}; yet a protected write is effective: {effect}",
            severity=Severity.CRITICAL,
        )


@dataclass(frozen=True, slots=True)
class Taken:
    """A data record that the ECU accepted in a request for a seed, and the seed that it gave."""

    record: bytes
    seed: bytes


@attack(
    id="SA-38",
    title="A request for a seed takes no record that was not asked for",
    failure="A record in the request for a seed changes the seed",
    severity=Severity.MEDIUM,
    basis="standard",
    source="ISO 14229-1 SecurityAccess: securityAccessDataRecord; incorrectMessageLengthOrInvalidFormat",
    cwe=(20,),
    r155=("18.3",),
    rationale="Bytes that an attacker adds to the request may end up in the generator of the seeds, choose a debug way, or "
    "overrun a buffer.",
    remediation="Answer 0x13 to a request for a seed that is too long, and 0x31 to a record that is not valid.",
    proven_by=("seed_made_of_record",),
)
def test_a_request_for_a_seed_takes_no_record(tester: Tester, depth: Depth, level: int) -> None:
    declared = tester.target.level(level)
    if declared is not None and declared.record:
        not_applicable(f"level 0x{level:02X} is declared to want a record: {declared.record.hex(' ').upper()}")
    entry = tester.access.protected_by(level) if tester.allows("write") else None
    tester.access.require_locked(entry)
    tester.session_for(level)
    if not tester.security.seed(level):
        inconclusive("a seed of zero was given, as if the level were unlocked")
    taken: list[Taken] = []
    tried = answered = 0
    unfetched = 0
    for record in records(tester, depth):
        if unfetched >= PATIENCE and len(record) > LONGEST_IN_ONE_FRAME:
            continue
        reply = tester.security.request_seed(level, record)
        if LIMITED.accepts(reply):
            tester.security.seed(level)
            reply = tester.security.request_seed(level, record)
        tried += 1
        answered += not reply.is_silence
        unfetched += "N_TIMEOUT_Bs" in reply.note
        if reply.is_positive:
            tester.cite(reply)
            judge_seed(tester, level, record, reply, entry)
            taken.append(Taken(record, reply.pdu[2:]))
    if not answered:
        inconclusive("no request with a record was answered, as if it had not arrived")
    sizes = sorted({len(one.record) for one in taken})
    if len(sizes) > 1:
        fail(
            expected="0x13 to a request for a seed that is too long, or one fixed length of a record",
            observed=f"records of {', '.join(map(str, sizes))} bytes are taken, whatever is in them",
        )
    if sizes:
        tester.note(f"records of {sizes[0]} bytes are taken: {len(taken)} of {tried} tried")
    tester.note(f"{tried} records tried; what only a certain record does is not found by trying")


def records(tester: Tester, depth: Depth) -> Iterator[bytes]:
    """Return well-known words, and random bytes of many lengths."""
    words = WORDS[: depth.choose(quick=4, default=10, deep=10)]
    yield from map(bytes.fromhex, words)
    longest = depth.choose(quick=8, default=24, deep=64)
    for size in range(1, longest + 1):
        yield tester.chance.random_bytes(size)
    if longest < 64:
        yield tester.chance.random_bytes(64)


def judge_seed(tester: Tester, level: int, record: bytes, first: Reply, entry: DataEntry | None) -> None:
    """Check that a seed requested with a record is as good as one requested without; faults of both are not judged."""
    seed = first.pdu[2:]
    if not seed:  # an answer without a seed
        return
    shown = record.hex(" ").upper()
    if not any(seed) and opens(tester, level, record, entry):
        fail(
            expected="never a seed of zero while locked",
            observed=f"the record {shown} gives one, and opens protected data; without it neither happens",
            severity=Severity.CRITICAL,
        )
    with_it, without = seeds_in_turn(tester, level, record)
    if len(with_it) < ROUNDS or len(without) < ROUNDS:
        tester.note(f"the record {shown} is taken, but not always: too few seeds to hold against those without it")
        return
    if not any(seed) or not any(map(any, with_it)):
        if not any(map(any, with_it)) and all(map(any, without)):
            fail(
                expected="never a seed of zero while locked",
                observed=f"the record {shown} gave one {len(with_it)} times of {len(with_it)}, and {len(without)} requests "
                "without it between them none",
                severity=Severity.HIGH,
            )
        tester.note(
            f"the record {shown} was given a seed of zeros; so are others at times, and it is not the record's doing"
        )
        return
    if len(set(with_it)) == 1 and with_it[0] not in without and len(set(without)) > 1:
        fail(
            expected="a new seed for each request",
            observed=f"the record {shown} gives the same seed each time, and requests without it between them give others",
            severity=Severity.HIGH,
        )
    if (
        len(record) >= FEWEST_TELLING
        and all(is_in(record, one) for one in with_it)
        and not any(is_in(record, one) for one in without)
    ):
        fail(
            expected="a seed that is not made of the request",
            observed=f"the record {shown} comes back in each of {len(with_it)} seeds, and in none without it",
        )


def is_in(record: bytes, seed: bytes) -> bool:
    """Whether the seed contains the record or the record contains the seed, with enough bytes to exclude chance."""
    return record in seed or (len(seed) >= FEWEST_TELLING and seed in record)


def seeds_in_turn(tester: Tester, level: int, record: bytes) -> tuple[list[bytes], list[bytes]]:
    """Take seeds with the record and seeds without: in each round one of either kind, in random order.

    Whatever depends on time or on the number of requests then affects both kinds alike.
    """
    found: tuple[list[bytes], list[bytes]] = ([], [])
    for _ in range(ROUNDS):
        first = tester.chance.below(2)
        for kind in (first, 1 - first):
            reply = tester.security.request_seed(level, (record, b"")[kind])
            if LIMITED.accepts(reply):
                tester.security.seed(level)
                reply = tester.security.request_seed(level, (record, b"")[kind])
            if reply.is_positive and len(reply.pdu) > 2:
                found[kind].append(reply.pdu[2:])
                if not any(reply.pdu[2:]) and tester.access.can_relock:  # it may have opened the level
                    tester.access.lock()
                    tester.session_for(level)
    return found


def opens(tester: Tester, level: int, record: bytes, entry: DataEntry | None) -> bool:
    """Whether a seed request with this record opens protected data that stays locked after requests without a record."""
    if entry is None or not tester.access.locked_probe(entry, in_this_session=True).is_positive:
        return False
    for _ in range(OPENINGS):
        if tester.access.can_relock:
            tester.access.lock()
        tester.session_for(level)
        for _ in range(ROUNDS):
            tester.security.request_seed(level, b"")
        if tester.access.locked_probe(entry, in_this_session=True).is_positive:
            tester.note("protected data is open after requests for seeds without a record too, or cannot be locked again")
            return False
        tester.security.request_seed(level, record)
        if not tester.access.locked_probe(entry, in_this_session=True).is_positive:
            return False
    return True
