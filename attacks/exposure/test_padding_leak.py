"""Check that padding neither repeats earlier messages nor shows what a tester must not know."""

from collections.abc import Iterator, Mapping

from attacks.access_control.key_material import SHORTEST, known_secrets, show_concealed
from harness import Depth, Frame, Inconclusive, Reply, Severity, Tester, attack, fail, inconclusive, not_applicable, uds
from harness.analysis import Observed, padding_of, shown_in_padding

ENOUGH_FRAMES = 20
MOST_SHOWN_BY_CHANCE = 1
UNKNOWN_SERVICE, UNKNOWN_DID = b"\x15", b"\x22\x5a\x5a"

Material = Mapping[str, bytes]
"""By name: secrets that a tester must not know yet when an answer comes."""


@attack(
    id="IE-02",
    title="Padding repeats nothing that was sent before",
    failure="Padding repeats what was sent before",
    severity=Severity.HIGH,
    basis="policy",
    source="ISO 15765-2 frame padding; CWE-226 sensitive information in a resource that is not cleared",
    cwe=(226, 200),
    r155=("18.3", "19.3"),
    rationale="Padding that is not written is whatever the buffer held last: parts of keys, of other answers, of memory.",
    remediation="Fill every frame up with one constant byte before it is sent.",
    uses=("write", "lockout"),
    proven_by=("padding_leaks_last_frame", "refused_key_padded_with_right_one"),
)
def test_padding_repeats_nothing(tester: Tester, depth: Depth) -> None:
    wanted = depth.choose(quick=40, default=120, deep=500)
    wrong_keys = depth.choose(quick=2, default=4, deep=20)
    kept_back = known_secrets(tester) | protected_content(tester)
    frames: list[Observed] = []
    first: list[Reply] = []
    shown: list[tuple[Reply, str]] = []
    while len(first) < wanted:
        round_ = list(conversation(tester, has_wrong_keys=wrong_keys > 0))
        wrong_keys -= 1
        if not any(reply.is_positive or reply.is_negative for reply, _ in round_):
            inconclusive("nothing is answered")
        for reply, material in round_:
            first.append(reply)
            exchanged = [Observed(frame.data, not frame.is_sent) for frame in reply.frames if is_ours(tester, frame)]
            frames += exchanged
            shown += [(reply, name) for _, name in shown_in_padding(exchanged, {**kept_back, **material})]
    judge_shown(tester, shown)
    padding = padding_of(frames)
    if not padding.frames:
        not_applicable("the ECU does not pad its frames")
    if padding.leaks:
        tester.cite(*first[:3])
        number, repeated = padding.repeats[0]
        fail(
            expected="one constant byte behind every message",
            observed=f"{len(padding.repeats)} of {padding.frames} paddings repeat an earlier frame, "
            f"e.g. {repeated.hex(' ').upper()} in {frames[number].data.hex(' ').upper()}",
        )
    values = ", ".join(f"{value:02X}" for value in sorted(padding.values)[:8])
    if not padding.is_uniform:
        inconclusive(f"padding varies ({values} ...), but like nothing that was sent before it")
    if padding.frames < ENOUGH_FRAMES:
        inconclusive(f"only {padding.frames} padded frames were seen")
    tester.note(f"{padding.frames} padded frames: filled with {values}")


def judge_shown(tester: Tester, shown: list[tuple[Reply, str]]) -> None:
    """Fail if more paddings contain secret content than chance explains."""
    if len(shown) > MOST_SHOWN_BY_CHANCE:
        reply, name = shown[0]
        show_concealed(tester, reply, name)
        asked = reply.request[:2].hex(" ").upper()
        fail(
            expected="one constant byte behind every message",
            observed=f"{len(shown)} paddings hold part of what nobody may know: first {name}, behind the answer to {asked}",
            severity=Severity.CRITICAL,
        )


def protected_content(tester: Tester) -> dict[str, bytes]:
    """Read protected content with its key; leave out values that are so short that they occur by chance."""
    found = {}
    for entry in tester.target.data:
        level = entry.read.level
        if level is None or not tester.security.has_key(level) or not tester.access.can_relock:
            continue
        try:
            tester.security.unlock(level)
        except Inconclusive as reason:
            tester.note(f"level 0x{level:02X}: {reason}")
            continue
        reply = tester.read_reply(entry.did)
        tester.access.lock()
        if reply.is_positive and len(reply.pdu) >= 3 + SHORTEST:
            found[f"the content of DID {entry.did:04X}"] = reply.pdu[3:]
    return found


def conversation(tester: Tester, *, has_wrong_keys: bool) -> Iterator[tuple[Reply, Material]]:
    """Yield answers of every kind, each with the secrets that a tester must not know yet.

    Long and short answers take turns, since a buffer may keep the rest of a longer one.
    """
    for level in [entry.level for entry in tester.target.security]:
        try:
            yield from keys(tester, level, has_wrong_keys=has_wrong_keys and tester.allows("lockout"))
        except Inconclusive as reason:
            tester.note(f"level 0x{level:02X}: {reason}")
        yield tester.request(uds.keep_session()), {}
    for session in tester.sessions():
        yield tester.enter_session(session), {}
        tester.await_life()
        yield tester.request(UNKNOWN_SERVICE), {}
        yield tester.request(UNKNOWN_DID), {}
    for entry in [entry for entry in tester.target.data if entry.read.kind == "open"][:6]:
        yield tester.read_reply(entry.did), {}
        yield tester.request(tester.liveness_request), {}
    for entry in [entry for entry in tester.target.data if entry.read.level is not None][:2]:
        yield tester.read_reply(entry.did), {}
    if tester.allows("write"):
        for entry in tester.access.protected()[:1]:
            yield tester.write(entry.did, b""), {}
    yield tester.request(tester.liveness_request), {}


def keys(tester: Tester, level: int, *, has_wrong_keys: bool) -> Iterator[tuple[Reply, Material]]:
    """Yield a seed and its key, and a wrong key while a tester must not know the right one."""
    if has_wrong_keys and tester.security.has_key(level):
        seed, refused = tester.guesses.try_wrong(level)
        yield refused, {f"the key of level 0x{level:02X}": tester.security.right_key(level, seed)} if any(seed) else {}
    tester.session_for(level)
    reply = tester.security.request_seed(level)
    yield reply, {}
    if tester.security.has_key(level) and tester.access.can_relock and reply.is_seed:
        yield tester.security.send_key(level, tester.security.right_key(level, reply.pdu[2:])), {}


def is_ours(tester: Tester, frame: Frame) -> bool:
    """Whether a frame belongs to the conversation: it is an answer of the ECU, or we sent it (echoes do not count)."""
    return frame.can_id == tester.target.can.request_id if frame.is_sent else tester.is_answer(frame)
