"""Is padding empty, or does it repeat what was said before?"""

from __future__ import annotations

from harness import (
    Depth,
    Inconclusive,
    Observed,
    Reply,
    Severity,
    Tester,
    attack,
    fail,
    inconclusive,
    not_applicable,
    padding_of,
)

ENOUGH_FRAMES = 20


@attack(
    id="IE-02",
    title="Padding repeats nothing that was sent before",
    severity=Severity.HIGH,
    basis="policy",
    source="ISO 15765-2 frame padding; CWE-226 sensitive information in a resource that is not cleared",
    cwe=(226, 200),
    r155=("18.3", "19.3"),
    rationale="Padding that is not written is whatever the buffer held last: parts of keys, of other answers, of memory.",
    remediation="Fill every frame up with one constant byte before it is sent.",
    proven_by=("padding_leaks_last_frame",),
)
def test_padding_repeats_nothing(tester: Tester, depth: Depth) -> None:
    wanted = depth.choose(quick=40, default=120, deep=500)
    frames: list[Observed] = []
    first: list[Reply] = []
    while len(first) < wanted:
        replies = conversation(tester)
        if not any(reply.is_positive or reply.is_negative for reply in replies):
            inconclusive("nothing is answered")
        first += replies
        for reply in replies:
            frames += [Observed(frame.data, not frame.is_sent) for frame in reply.frames if is_ours(tester, frame.can_id)]
    padding = padding_of(frames)
    if not padding.frames:
        not_applicable("the ECU does not pad its frames")
    if padding.leaks:
        tester.cite(*first[:3])
        number, shown = padding.repeats[0]
        fail(
            expected="one constant byte behind every message",
            observed=f"{len(padding.repeats)} of {padding.frames} paddings repeat an earlier frame, "
            f"e.g. {shown.hex(' ').upper()} in {frames[number].data.hex(' ').upper()}",
        )
    values = ", ".join(f"{value:02X}" for value in sorted(padding.values)[:8])
    if not padding.is_uniform:
        inconclusive(f"padding varies ({values} ...), but like nothing that was sent before it")
    if padding.frames < ENOUGH_FRAMES:
        inconclusive(f"only {padding.frames} padded frames were seen")
    tester.note(f"{padding.frames} padded frames: filled with {values}")


def conversation(tester: Tester) -> list[Reply]:
    """Long and short messages in turn, keys among them where they are known: what a buffer could keep."""
    readable = [entry.did for entry in tester.target.data if entry.read.kind == "open"][:6]
    replies = []
    for entry in tester.target.security:
        try:
            tester.session_for(entry.level)
            replies.append(tester.security.request_seed(entry.level))
            if tester.security.has_key(entry.level) and tester.access.can_relock and any(replies[-1].pdu[2:]):
                key = tester.security.right_key(entry.level, replies[-1].pdu[2:])
                replies.append(tester.security.send_key(entry.level, key))
        except Inconclusive as reason:
            tester.note(f"level 0x{entry.level:02X}: {reason}")
        replies.append(tester.request(b"\x3e\x00"))
    for did in readable:
        replies += [tester.read_reply(did), tester.request(tester.liveness_request)]
    return replies or [tester.request(tester.liveness_request) for _ in range(4)]


def is_ours(tester: Tester, can_id: int) -> bool:
    """Whether a frame belongs to the conversation."""
    return can_id in (tester.target.can.request_id, tester.target.can.response_id)
