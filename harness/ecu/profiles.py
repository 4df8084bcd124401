"""List the ECUs that can be simulated, by their names."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from harness.ecu.addressed import AddressBytes, AddressedNode
from harness.ecu.article import ArticleEcu, ArticleNode
from harness.ecu.config import DataIdentifier, EcuConfig, EcuSecurityLevel, MemoryRegion, Routine
from harness.ecu.definition import Definition
from harness.ecu.dialects import GmlanServer, Kwp2000Server
from harness.ecu.ecu_node import UdsNode
from harness.ecu.flaws import FLAWS
from harness.ecu.flaws.declare import EcuChange
from harness.ecu.keys import article_key, hmac_sha256_key
from harness.ecu.server import Server
from harness.ecu.variants import VARIANTS
from harness.errors import ChangeConflict, UserError, did_you_mean
from harness.simulation.node import Node

PROFILES: Final = {
    "article": "the article's final script: seed and key, and every mistake it makes",
    "article-v1": "the article's first script: no SecurityAccess, the protected value is never written",
    "hardened": "a sound ECU with the article's data; 16-byte seeds and keys by HMAC-SHA256, two levels",
    "kwp2000": "the hardened ECU behind KWP2000's requests: sessions 81, 85 and 89, data behind 21 and 3B",
    "gmlan": "the hardened ECU behind GMLAN's requests: no sessions, data behind 1A and 3B",
    "hardened-article-key": "the hardened ECU with the article's key algorithm: 5-byte seeds, 4-byte keys",
}

SECRETS: Final = {1: bytes.fromhex("8F1D5A20C4B97E3364F0A81B96D2075C"), 3: bytes.fromhex("3BE07294D15F48A6C90D6E812FB7531A")}
"""The secrets of `hardened`, by level. They are for demonstration: whoever reads this file knows them."""

ARTICLE_SECRETS: Final = {1: bytes.fromhex("1234567890"), 3: bytes.fromhex("6B1F0D93C7")}
"""The secrets of `hardened-article-key`, by level; level 1 has the article's secret."""

DATA_IDENTIFIERS: Final = (
    DataIdentifier(did=0x1010, initial=b"\xff", write=0x00),
    DataIdentifier(did=0x2020, initial=b"\xff", write=0x01, is_non_volatile=True),
    DataIdentifier(did=0x2A2A, initial=b"CALIBRATED", read=0x01, write=0x01, is_non_volatile=True),
    DataIdentifier(did=0x3030, initial=b"\x03\x20", write=0x03, is_non_volatile=True, allowed=range(0x8000)),
    DataIdentifier(did=0xF18C, initial=b"UDS-HARNESS-0001"),
    DataIdentifier(did=0xF1A0, initial=bytes(range(97))),
)
"""The data identifiers of `hardened`; 2A2A is long enough for writes of several frames, F1A0 for a response of 100 bytes."""

MEMORY: Final = (
    MemoryRegion(address=0x2000_0000, initial=bytes(range(0x40)), needs=0x01),
    MemoryRegion(address=0x2000_2020, did=0x2020, needs=0x01),
)
"""The memory of `hardened`: working memory, and the cell that stores the value of 2020."""

ROUTINES: Final = (Routine(routine=0x0203, needs=0x01), Routine(routine=0xFF00, needs=0x01, is_erasing=True))
"""The routines of `hardened`: checkProgrammingPreconditions under its usual number, and eraseMemory under ISO 14229-1's."""

TROUBLE_CODES: Final = (0x056200, 0xC10000)
"""The trouble codes of `hardened`: P0562 system voltage low, U0100 lost communication."""


HARDENED: Final = EcuConfig(
    levels=tuple(
        EcuSecurityLevel(
            level=level, key=partial(hmac_sha256_key, secret=secret), secret=secret, seed_bytes=16, key_bytes=16
        )
        for level, secret in SECRETS.items()
    ),
    data_identifiers=DATA_IDENTIFIERS,
    memory=MEMORY,
    routines=ROUTINES,
    trouble_codes=TROUBLE_CODES,
    connections=((0x742, 0x74A),),
)

HARDENED_ARTICLE_KEY: Final = replace(
    HARDENED,
    levels=tuple(
        EcuSecurityLevel(level=level, key=partial(article_key, secret=secret), secret=secret, seed_bytes=5, key_bytes=4)
        for level, secret in ARTICLE_SECRETS.items()
    ),
)


GMLAN_DATA: Final = replace(HARDENED, sessions=(), connections=())
GMLAN_IDS: Final = {"request_id": 0x241, "response_id": 0x641, "functional_id": 0x101}
GMLAN_ADDRESSES: Final = AddressBytes(request=None, functional=0xFE, response=None)
"""The address bytes of GMLAN, where only frames to all nodes begin with an address."""


def article() -> ArticleNode:
    """Return the article's Raspberry Pi with its final script."""
    return ArticleNode(ArticleEcu())


def article_v1() -> ArticleNode:
    """Return the article's Raspberry Pi with its first script."""
    return ArticleNode(ArticleEcu(has_security_access=False))


def hardened(*changes: str) -> UdsNode:
    """Return the sound ECU, changed by these flaws and variants, if any."""
    return _node(changed(HARDENED, *changes))


def hardened_article_key(*changes: str) -> UdsNode:
    """Return the sound ECU with the article's key algorithm, changed by these flaws and variants, if any."""
    return _node(changed(HARDENED_ARTICLE_KEY, *changes))


def kwp2000(*changes: str) -> UdsNode:
    """Return the sound ECU behind KWP2000's requests, changed by these flaws and variants, if any."""
    return _node(changed(HARDENED, *changes), Kwp2000Server)


def gmlan(*changes: str) -> UdsNode:
    """Return the sound ECU behind GMLAN's requests, on GMLAN's ids, changed by these flaws and variants, if any."""
    return _node(replace(changed(GMLAN_DATA, *changes), at_node=GMLAN_IDS), GmlanServer)


def changed(config: EcuConfig, *names: str) -> Definition:
    """Return the ECU with these data, flaws and variants, whose order has no effect.

    Raises ChangeConflict if two of the flaws and variants exclude each other.
    """
    ecu = Definition(config=config)
    for change in sorted((CHANGES[name] for name in dict.fromkeys(names)), key=_turn):
        ecu = change.apply(replace(ecu, author=change.name, made=(*ecu.made, change.name)))
    return ecu


def _turn(change: EcuChange) -> tuple[bool, int]:
    """Return the sort key of a change, so that changes are made in the same order however the channel lists them."""
    return not change.comes_first, _ORDER[change.name]


def _node(ecu: Definition, server: type[Server] = Server) -> UdsNode:
    return UdsNode(server(ecu), **ecu.at_node)


CHANGES: Final[Mapping[str, EcuChange]] = {**VARIANTS, **FLAWS}
"""Every flaw and variant by its name; variants are made before flaws."""
_ORDER: Final = {name: number for number, name in enumerate(CHANGES)}

_MAKERS: Final[dict[str, Callable[[], Node]]] = {"article": article, "article-v1": article_v1}
_CONFIGS: Final = {
    "hardened": HARDENED,
    "hardened-article-key": HARDENED_ARTICLE_KEY,
    "kwp2000": HARDENED,
    "gmlan": GMLAN_DATA,
}
"""By profile that accepts changes: the data of its ECU."""
_OLDER: Final[Mapping[str, Callable[..., UdsNode]]] = {"kwp2000": kwp2000, "gmlan": gmlan}
"""By profile that accepts changes and speaks another dialect than UDS: the function that makes its node."""


def factory(channel: str) -> Callable[[], list[Node]]:
    """Return what makes the nodes of a channel: a profile's name, then ``+`` and a name for each flaw or variant.

    Raises UserError if a name is unknown, the profile accepts no changes, or two changes exclude each other.
    """
    profile, *names = channel.split("+")
    if profile not in PROFILES:
        raise UserError(f'channel "{channel}": there is no profile "{profile}"; profiles are {", ".join(PROFILES)}')
    for name in names:
        if name not in CHANGES:
            meant = did_you_mean(name, (*FLAWS, *VARIANTS))
            see = "see: uds-harness list defects, uds-harness list variants"
            raise UserError(f'channel "{channel}": there is no defect or variant "{name}"{meant}; {see}')
    if profile in _MAKERS:
        if names:
            raise UserError(f'channel "{channel}": {profile} takes no defects; {", ".join(_CONFIGS)} do')
        return lambda: [_MAKERS[profile]()]
    try:
        ecu = changed(_CONFIGS[profile], *names)
    except ChangeConflict as conflict:
        raise UserError(f'channel "{channel}": {conflict}') from conflict
    if profile == "gmlan":
        return lambda: [AddressedNode(gmlan(*names), GMLAN_ADDRESSES), *(make() for make in ecu.others)]
    make_node = partial(_OLDER[profile], *names) if profile in _OLDER else partial(_node, ecu)
    return lambda: [ecu.enclose(make_node()), *(make() for make in ecu.others)]
