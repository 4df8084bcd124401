"""Provide hand-made runs for reports, without any ECU."""

from dataclasses import replace
from typing import Any

import pytest

from harness.runs.findings import Exchange, Finding, FrameRecord, Run, RunInfo
from harness.verdict import Severity, Verdict

HOSTILE = (
    "<script>alert(1)</script>\"'><img src=http://evil.example/x onerror=alert(2)>\x1b[2J\x00\x9b31m\u202egnp.exe\udc80"
)
"""Markup, a terminal escape, a NUL, a C1 control, a right-to-left override, half a surrogate pair."""


def info(**changes: Any) -> RunInfo:
    """A finished simulated run of the article's ECU."""
    return replace(
        RunInfo(
            target={
                "name": "article",
                "environment": "simulated",
                "notes": "The ECU of the seed article, as published.",
                "can": {
                    "interface": "uds-sim",
                    "channel": "article",
                    "request_id": 0x740,
                    "response_id": 0x748,
                    "extended_ids": "any",
                },
                "timing": {"p2_ms": 50, "p2_star_ms": 5000, "s3_ms": None},
                "security": [{"level": 1, "attempts": 3, "delay_s": 10, "key": "article", "secret": "(redacted)"}],
                "data": [
                    {"did": 0x1010, "length": 1, "read": "open", "write": "open"},
                    {"did": 0x2020, "length": 1, "read": "open", "write": "level 0x01"},
                ],
                "safety": {"allow": ["lockout", "write", "reset", "power", "functional", "destructive"]},
                "expected_findings": ["SA-09", "SA-21", "SA-22", "SA-24", "AC-13", "CF-01", "CF-02", "TP-12", "TP-15"],
            },
            environment="simulated",
            seed=20261120,
            depth="default",
            started_utc="2026-11-20T09:28:00Z",
            finished_utc="2026-11-20T09:28:02Z",
            command="uds-harness audit article --seed 20261120",
            operator="M. Example",
            versions={
                "uds-harness": "0.1.0",
                "Python": "3.11.7",
                "Scapy": "2.8.0",
                "python-can": "4.6.1",
                "Linux": "6.1.0",
            },
            quirks=("Answers are read in either id format (11 or 29 bit).", "02 27 35 is read as invalidKey."),
            remarks=("The ECU never relocks: checks that unlock it ran last.",),
            console="Generated seed: A83A63B3C1\nprekey: 78187494544\nUnlocked!\n",
            counts={"frames": 4211, "exchanges": 2077, "wrong_keys": 42},
        ),
        **changes,
    )


def finding(**changes: Any) -> Finding:
    """Return a passing result without evidence."""
    return replace(
        Finding(
            id="SA-32",
            title="Trivial and default keys are refused",
            parameter="level 0x01",
            verdict=Verdict.PASS,
            severity=Severity.CRITICAL,
            basis="policy",
        ),
        **changes,
    )


def frame(number: int, data: str, *, is_sent: bool = False, can_id: int | None = None) -> FrameRecord:
    """Return the frame with this number in the log, with one of the article's two ids unless another is given."""
    usual = 0x740 if is_sent else 0x748
    return FrameRecord(
        time_s=12.5 + number * 0.000262,
        can_id=usual if can_id is None else can_id,
        is_extended=not is_sent,
        data=data,
        is_sent=is_sent,
    )


def exchange(request: str, *replies: str, outcome: str, first: int = 120, frames: tuple[str, ...] = ()) -> Exchange:
    """Return an exchange of single frames, or of the frames that are given."""
    sent = (f"{len(request) // 2:02X}{request}".ljust(16, "0"),)
    received = frames or tuple(f"{len(reply) // 2:02X}{reply}".ljust(16, "0") for reply in replies)
    records = [frame(first, sent[0], is_sent=True)]
    records += [frame(first + 1 + number, data) for number, data in enumerate(received)]
    return Exchange(
        request=request,
        replies=replies,
        outcome=outcome,
        first_frame=first,
        last_frame=first + len(records),
        frames=tuple(records),
    )


def article_run() -> Run:
    """Sixteen results like those of an audit of the article's ECU, with words that belong to no particular check."""
    level, did = "level 0x01", "0x2020"

    def failed(identity: str, title: str, severity: Severity, **more: Any) -> Finding:
        repeat = f"uds-harness audit article --seed 20261120 -k {identity}"
        return finding(id=identity, title=title, verdict=Verdict.FAIL, severity=severity, repeat=repeat, **more)

    wrong_keys = tuple(
        exchange(pdu, reply, outcome=outcome, first=400 + 2 * number)
        for number, (pdu, reply, outcome) in enumerate(
            [
                ("2701", "6701A83A63B3C1", "positive"),
                ("270200000000", "2735", "negative 0x35 invalidKey (quirk)"),
                ("270200000001", "2735", "negative 0x35 invalidKey (quirk)"),
                ("2701", "67013A9902C47E", "positive"),
            ]
        )
    )
    raw = Exchange(
        request="raw 740#212E101077",
        replies=("6E1010",),
        outcome="positive",
        first_frame=900,
        last_frame=905,
        frames=(
            frame(900, "212E101077", is_sent=True),
            frame(901, "1122334455667788", can_id=0x7B),
            frame(902, "1122334455667788", can_id=0x7C),
            frame(903, "1122334455667788", can_id=0x7D),
            frame(904, "036E101000000000"),
        ),
    )
    return Run(
        info=info(),
        findings=(
            finding(
                id="SA-01",
                title="Seeds do not repeat",
                severity=Severity.HIGH,
                parameter=level,
                observed="1000 seeds of 40 bits, none twice",
                notes=("Collision entropy is at least 17.3 bits (95 %): a sample of this size cannot show more.",),
            ),
            failed(
                "SA-09",
                "Wrong keys lock SecurityAccess",
                Severity.HIGH,
                parameter=level,
                basis="standard",
                expected="at most 10 wrong keys evaluated, then 0x36 exceededNumberOfAttempts "
                "or 0x37 requiredTimeDelayNotExpired",
                observed="11 wrong keys evaluated, each answered 0x35 invalidKey; a seed was given after every one",
                rationale="Whoever reaches the bus can try keys as fast as the bus carries them. At 1000 tries "
                "a second a 32-bit key against a fixed seed falls in 24.9 days on average.",
                remediation="Count wrong keys in non-volatile memory. At the limit answer 0x36, then refuse seeds "
                "with 0x37 until the delay has passed, also after a reset.",
                source="ISO 14229-1:2020 10.4, Annex I; SWS_Dcm_01349",
                cwe=(307, 799),
                r155=("18.3",),
                notes=("No limit in 11 evaluated keys; more were not tried at this depth.",),
                exchanges=wrong_keys,
                first_frame=380,
                last_frame=408,
            ),
            failed(
                "SA-21",
                "A key without a seed is refused",
                Severity.LOW,
                parameter=level,
                basis="standard",
                expected="0x24 requestSequenceError (0x22, 0x37 and 0x7F are tolerated)",
                observed="silence; the ECU answers afterwards",
                rationale="A tester cannot tell a refusal from a dead ECU.",
                remediation="Answer 7F 27 24 when no seed is pending.",
                source="ISO 14229-1:2020 Annex I, transition 4",
                cwe=(841,),
                r155=("18.3",),
                exchanges=(exchange("270200000000", outcome="silence", first=60),),
            ),
            failed(
                "SA-22",
                "A seed is spent after a wrong key",
                Severity.MEDIUM,
                parameter=level,
                basis="standard",
                expected="0x24 requestSequenceError to the right key for a seed already answered wrongly",
                observed="67 02: unlocked",
                rationale="Guesses without replacement against one seed halve the work.",
                remediation="Discard the seed with every key that is evaluated.",
                source="ISO 14229-1:2020 Annex I, transition 9",
                cwe=(294, 841),
                r155=("18.3",),
                exchanges=(
                    exchange("270200000000", "2735", outcome="negative 0x35 invalidKey (quirk)", first=500),
                    exchange("27025EF739B0", "6702", outcome="positive", first=502),
                ),
            ),
            failed(
                "SA-24",
                "A key works once",
                Severity.LOW,
                parameter=level,
                basis="standard",
                expected="0x24 requestSequenceError",
                observed="67 02",
                remediation="Discard seed and key with the unlock.",
                exchanges=(exchange("27025EF739B0", "6702", outcome="positive", first=510),),
            ),
            finding(id="SA-25", title="An old pair of seed and key is refused", observed="0x35 invalidKey"),
            finding(notes=("14 keys tried, each against a fresh seed.",)),
            finding(id="SA-39", title="A refusal has no effect", observed="0x2020 unchanged after 9 refusals"),
            finding(id="AC-01", title="Protected data cannot be written while locked", parameter=did),
            finding(id="AC-02", title="No session and no pending seed opens protected data", parameter=did),
            failed(
                "AC-13",
                "A write of the wrong length is refused",
                Severity.HIGH,
                parameter="0x1010",
                basis="standard",
                expected="0x13 incorrectMessageLengthOrInvalidFormat, value unchanged",
                observed="6E 10 10; the padding byte 55 was stored",
                rationale="Bytes that nobody sent end up in memory.",
                remediation="Compare the message length of ISO-TP with that of the DID before anything is stored.",
                cwe=(130, 20, 787),
                exchanges=(exchange("2E1010", "6E1010", outcome="positive", first=620),),
            ),
            finding(
                id="ST-01",
                title="A session change relocks",
                parameter=None,
                verdict=Verdict.NOT_APPLICABLE,
                severity=Severity.HIGH,
                reason="The ECU has no diagnostic sessions: 10 is answered by 7F 02 31, which is no UDS response.",
            ),
            failed(
                "CF-01",
                "Refusals have the standard's format",
                Severity.MEDIUM,
                parameter=None,
                basis="standard",
                expected="7F 27 35",
                observed="27 35",
                rationale="Testers and intrusion detection misread the refusal, and lockout logic cannot be observed.",
                remediation="Send 03 7F 27 35.",
                source="ISO 14229-1:2020 8.7",
                cwe=(358,),
                exchanges=(exchange("270200000000", "2735", outcome="no UDS response", first=700),),
            ),
            failed(
                "CF-02",
                "Unknown services are refused with 0x11",
                Severity.LOW,
                parameter=None,
                basis="standard",
                expected="7F 83 11",
                observed="silence at UDS level; the frame 7F 02 31 is no ISO-TP frame",
                exchanges=(exchange("8300", outcome="silence", first=720, frames=("7F0231",)),),
            ),
            failed(
                "TP-12",
                "Stray consecutive and flow-control frames are ignored",
                Severity.HIGH,
                parameter=None,
                basis="standard",
                expected="no answer, 0x1010 unchanged",
                observed="6E 10 10; 0x1010 now holds 77",
                rationale="A gateway or intrusion detection that looks at single frames never sees the write.",
                remediation="Read the ISO-TP frame type first; ignore consecutive and flow-control frames "
                "that nobody asked for.",
                source="ISO 15765-2:2016 9.6",
                cwe=(358, 288),
                exchanges=(raw,),
            ),
            failed(
                "TP-15",
                "Padding is not data",
                Severity.HIGH,
                parameter=None,
                basis="standard",
                expected="the same effect whatever the padding is",
                observed="the padding was stored: AA with padding AA, 55 with padding 55",
                accepted="Known to the supplier, mended in software 2.1 (ticket 4711)",
            ),
            finding(
                id="SA-35",
                title="Comparing keys takes the same time",
                verdict=Verdict.INCONCLUSIVE,
                severity=Severity.MEDIUM,
                reason="Differences below 12 µs cannot be seen with 2000 keys.",
            ),
            finding(
                id="FZ-09",
                title="A check with a fault",
                parameter=None,
                verdict=Verdict.ERROR,
                severity=Severity.LOW,
                reason="KeyFunctionError: keys.py:12: the key function raised ZeroDivisionError",
                repeat="uds-harness audit article --seed 20261120 -k FZ-09",
            ),
            finding(
                id="TP-06",
                title="A flood of first frames is survived",
                parameter=None,
                verdict=Verdict.NOT_RUN,
                severity=Severity.MEDIUM,
                reason="The target file does not allow destructive (safety.allow).",
            ),
        ),
    )


def hostile_run() -> Run:
    """A run with markup, control characters and megabytes of text wherever an ECU or a target file can put text."""
    frames = (
        frame(0, HOSTILE, is_sent=True),
        replace(frame(1, "AB" * 64), is_fd=True),
        replace(frame(2, ""), is_error=True),
    )
    evidence = Exchange(
        request=HOSTILE,
        replies=(HOSTILE, "6220" + "3C" * 500_000, "", "zz"),
        outcome=HOSTILE,
        first_frame=0,
        last_frame=100,
        frames=frames * 20,
    )
    names = "id title parameter observed expected reason repeat rationale remediation source"
    texts: dict[str, Any] = dict.fromkeys(names.split(), HOSTILE)
    texts |= {
        "notes": (HOSTILE,) * 100,
        "r155": (HOSTILE,),
        "exchanges": (evidence, *[replace(evidence, replies=("",) * 20)] * 29),
    }
    long = HOSTILE * 20_000
    return Run(
        info=info(
            target={"name": HOSTILE, HOSTILE: [{HOSTILE: HOSTILE}], "expected_findings": [HOSTILE, "gone"]},
            started_utc=HOSTILE,
            finished_utc=HOSTILE,
            command=HOSTILE,
            operator=HOSTILE,
            depth=HOSTILE,
            versions={HOSTILE: HOSTILE},
            quirks=(HOSTILE,),
            remarks=(HOSTILE, long),
            console=long,
            counts={HOSTILE: 1},
        ),
        findings=tuple(
            [finding(verdict=verdict, **texts) for verdict in Verdict]
            + [finding(verdict=Verdict.FAIL, accepted=HOSTILE, **texts)]
            + [finding(verdict=verdict, **{**texts, "observed": long, "reason": long}) for verdict in Verdict]
        ),
    )


@pytest.fixture(scope="session")
def article() -> Run:
    return article_run()


@pytest.fixture(scope="session")
def hostile() -> Run:
    return hostile_run()


@pytest.fixture(scope="session")
def empty() -> Run:
    return Run(info=info(target={}, quirks=(), remarks=(), console="", counts={}, versions={}), findings=())
