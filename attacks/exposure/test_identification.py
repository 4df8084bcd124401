"""Check that identification tells which ECU this is, and no more."""

from attacks.access_control.readable import readable_data
from harness import Depth, Measurements, Reply, Severity, Tester, attack, fail, inconclusive
from harness.analysis import traces_of_development

STANDARD_RECORDS = range(0xF180, 0xF1A0)
SUPPORTED_DTCS = b"\x19\x0a"


@attack(
    id="IE-06",
    title="Identification records hold no traces of development",
    failure="Identification records hold traces of development",
    severity=Severity.INFO,
    basis="policy",
    source="UN R155 Annex 5 (28.2); CWE-200 exposure of sensitive information",
    cwe=(200, 540),
    r155=("28.2",),
    rationale="Build paths, host names and debug labels tell an attacker which tools, which branch and which people to look "
    "at, and that a debug build was shipped.",
    remediation="Fill identification from the release, not from the build machine; see that the product is a release build.",
    proven_by=("build_path_readable", "log_name_readable"),
)
def test_identification_holds_no_traces_of_development(tester: Tester, measure: Measurements, depth: Depth) -> None:
    declared = [entry.did for entry in tester.target.data if entry.read.kind == "open" and not entry.secret]
    secret = {entry.did for entry in tester.target.data if entry.secret}
    found = readable_data(tester, measure, depth)
    shown: dict[str, str] = {}
    answered = 0
    for did in sorted({*STANDARD_RECORDS, *declared, *found.dids} - secret):
        reply = tester.read_reply(did)
        answered += reply.is_positive or reply.is_negative
        if reply.is_positive:
            if did in STANDARD_RECORDS or did in declared:
                shown[f"DID {did:04X}"] = content(reply)
            judge(tester, reply, f"DID {did:04X}", reply.pdu[3:])
        elif trace := traces_of_development(found.values.get(did, b"")):
            fail(expected="identification of the product", observed=f"DID {did:04X} holds {trace}, in another session")
    codes = tester.request(SUPPORTED_DTCS)
    if codes.is_positive:
        shown["supported trouble codes"] = f"{max(len(codes.pdu) - 3, 0) // 4}"
    if not answered:
        inconclusive("no read is answered")
    if shown:
        measure.publish("Identification, readable by anybody", shown)
    tester.note(f"{len(shown)} records are readable by anybody")


def judge(tester: Tester, reply: Reply, name: str, value: bytes) -> None:
    """Fail on text that occurs only on the makers' own computers."""
    if trace := traces_of_development(value):
        tester.cite(reply)
        fail(expected="identification of the product", observed=f"{name} holds {trace}")


def content(reply: Reply) -> str:
    """Format a value for the report, as text if it is text."""
    value = reply.pdu[3:]
    return value.decode("ascii") if value.isascii() and value.decode("ascii").isprintable() else value.hex(" ").upper()[:96]
