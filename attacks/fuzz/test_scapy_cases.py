"""Show fuzz cases as Scapy packets: what Scapy's `fuzz()` makes of a request. Any function under `@fuzz_case` is a case."""

from collections.abc import Iterator

from scapy.contrib.automotive.uds import UDS, UDS_DSC, UDS_RDBI, UDS_SA
from scapy.packet import Packet, Raw, fuzz

from harness import Target, fuzz_case


@fuzz_case(
    id="scapy-read",
    why="A read followed by whatever Scapy's fuzz() draws leaves the ECU as it was",
    expect="any",
    proven_by=["tests/fuzz/nodes.py:dies_on_long_read"],
)
def test_reads(target: Target) -> Iterator[Packet]:
    for entry in target.data:
        for size in (1, 2, 3, 4, 100, 1000):
            yield UDS() / UDS_RDBI(identifiers=[entry.did]) / Raw(bytes(fuzz(Raw()))[:size])


@fuzz_case(
    id="scapy-security-access",
    why="Whatever Scapy's fuzz() makes of SecurityAccess opens nothing",
    expect="any",
    proven_by=["malformed_key_unlocks"],
)
def test_security_access(target: Target) -> Iterator[list[Packet | bytes]]:
    for entry in target.security:
        session = UDS() / UDS_DSC(diagnosticSessionType=entry.session or 1)
        seed = UDS() / UDS_SA(securityAccessType=entry.level)
        for sub_function in (entry.level, entry.level + 1):
            for size in (2, 3, 4, 6, 7, 20, 100, 1000):
                yield [session, seed, bytes(UDS() / fuzz(UDS_SA(securityAccessType=sub_function)))[:size]]
