"""Score discovery and checks on other people's servers against their source, by the tables of tests/unseen/servers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec

from harness.audit.catalogue import shipped_functions
from harness.discovery import identifiers
from harness.target.load import load_text
from harness.testing import run_checks
from harness.verdict import Depth, Verdict
from tests.unseen.servers import test_servers as known


@dataclass(frozen=True, slots=True)
class Server:
    """One server, and what its source says."""

    name: str
    channel: str
    key: str | None
    package: str
    """The package that has to be installed."""
    expected: Mapping[str, tuple[Verdict, str]]
    dids: range | None = None
    """The ranges of identifiers of a server that is slow to answer each; None: where discovery looks by itself."""


SERVERS = (
    Server(
        "python-uds-server", "tests.unseen.servers.library_ecu:ecu", known.KEYED_HASH, "uds_server", known.OF_THE_LIBRARY
    ),
    Server(
        "Scapy's EcuAnsweringMachine", "tests.unseen.servers.scapy_ecus:secured", None, "scapy", known.OF_SCAPY, range(0x20)
    ),
    Server("gallia's RandomUDSServer", "tests.unseen.servers.gallia_ecu:ecu", None, "gallia", known.OF_GALLIA, range(0x20)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerScore:
    """How the verdicts agree with a server's source, as ids of checks."""

    server: Server
    caught: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()
    accused: tuple[str, ...] = ()
    inconclusive: int = 0
    """How many results of the whole audit are inconclusive."""
    is_installed: bool = True


def judged() -> Iterator[ServerScore]:
    """Discover each installed server, and audit it with what was found."""
    for server in SERVERS:
        if find_spec(server.package) is None:
            yield ServerScore(server=server, is_installed=False)
            continue
        everything = identifiers.COMMON
        if server.dids is not None:
            identifiers.COMMON = tuple(server.dids)
        try:
            text = known.found(server.channel, server.key).text
        finally:
            identifiers.COMMON = everything
        findings = run_checks(shipped_functions().values(), load_text(text, server.name), depth=Depth.DEFAULT)
        failing = {finding.id for finding in findings if finding.verdict is Verdict.FAIL}
        flawed = [check for check, (verdict, _) in server.expected.items() if verdict is Verdict.FAIL]
        yield ServerScore(
            server=server,
            caught=tuple(check for check in flawed if check in failing),
            missed=tuple(check for check in flawed if check not in failing),
            accused=tuple(check for check in server.expected if check in failing and check not in flawed),
            inconclusive=sum(finding.verdict is Verdict.INCONCLUSIVE for finding in findings),
        )
