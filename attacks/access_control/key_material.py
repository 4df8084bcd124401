"""Does something that the ECU gave away hold a secret that the target declares, or a key? And how is that shown?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from harness import Reply, Tester

SHORTEST = 4
"""Fewer bytes than this are found in anything, by chance."""


def known_secrets(tester: Tester) -> dict[str, bytes]:
    """What keys are made of, by level, as far as the target declares it."""
    declared = {f"the secret of level 0x{entry.level:02X}": entry.secret for entry in tester.target.security}
    return {name: secret.reveal() for name, secret in declared.items() if secret is not None}


def found_in(content: bytes, material: Mapping[str, bytes]) -> str:
    """The name of what is in there: as bytes, backwards, or written in hex; empty if nothing is."""
    for name, secret in material.items():
        if len(secret) < SHORTEST:
            continue
        written = secret.hex().encode()
        if secret in content or secret[::-1] in content or written in content.lower():
            return name
    return ""


def show_concealed(tester: Tester, reply: Reply, name: str) -> None:
    """Cite the exchange as the decisive one without what it gave away."""
    exchange = replace(reply.exchange(), replies=(f"(redacted: {name} is in it)",), outcome="positive", frames=())
    tester.cite(exchange)
