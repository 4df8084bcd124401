"""Find declared secrets and keys in content that the ECU gave away, and cite the answer without showing them."""

from collections.abc import Mapping
from dataclasses import replace

from harness import Reply, Tester

SHORTEST = 4
"""The length in bytes of the shortest secret that does not occur in content by chance."""


def known_secrets(tester: Tester) -> dict[str, bytes]:
    """Return the declared secrets from which keys are made, by names that state the level."""
    declared = {f"the secret of level 0x{entry.level:02X}": entry.secret for entry in tester.target.security}
    return {name: secret.reveal() for name, secret in declared.items() if secret is not None}


def found_in(content: bytes, material: Mapping[str, bytes]) -> str:
    """Return the name of the first secret that the content holds, as bytes, backwards or in hex; empty if it holds none."""
    for name, secret in material.items():
        if len(secret) < SHORTEST:
            continue
        written = secret.hex().encode()
        if secret in content or secret[::-1] in content or written in content.lower():
            return name
    return ""


def show_concealed(tester: Tester, reply: Reply, name: str) -> None:
    """Cite the exchange as the decisive one, with its answer redacted; `name` says what the answer held."""
    exchange = replace(reply.exchange(), replies=(f"(redacted: {name} is in it)",), outcome="positive", frames=())
    tester.cite(exchange)
