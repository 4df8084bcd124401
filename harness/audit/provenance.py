"""What ran, for whom, and on which sample? What lets a supplier hold a report against the ECU on the table."""

from __future__ import annotations

import getpass
import platform
import subprocess
from collections.abc import Collection, Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

from harness.errors import LinkError, NotPermitted
from harness.run import Identifier
from harness.tester.tester import Tester

IDENTIFIERS: Final = {
    0xF187: "spare part number",
    0xF189: "ECU software version",
    0xF18C: "ECU serial number",
    0xF191: "ECU hardware number",
    0xF195: "supplier's software version",
    0xF190: "vehicle identification number (VIN)",
}
LONGEST_VALUE_BYTES: Final = 64
GIT_TIMEOUT_S: Final = 10.0
CHECKOUT: Final = Path(__file__).resolve().parents[2]


def operator() -> str:
    """Who started the run."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def versions() -> dict[str, str]:
    """Of everything that takes part."""
    packages = {name: version(name) for name in ("uds-harness", "scapy", "python-can", "pytest")}
    return {**packages, "python": platform.python_version(), "kernel": f"{platform.system()} {platform.release()}"}


@cache
def commit() -> tuple[str, bool | None]:
    """The git commit that runs, and whether nothing was changed or added since; empty and None where it cannot be told.

    That is so for an installed harness, and where there is no git.
    """
    if not (CHECKOUT / ".git").exists():
        return "", None
    head, changes = _git("rev-parse", "HEAD"), _git("status", "--porcelain")
    if not head:
        return "", None
    return head, None if changes is None else not changes


def _git(*words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(CHECKOUT), "--no-optional-locks", *words],
            capture_output=True,
            timeout=GIT_TIMEOUT_S,
            check=True,
            text=True,
            errors="replace",
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def identification(tester: Tester, no_contact: str, hidden_dids: Collection[int]) -> Iterator[Identifier]:
    """What the ECU says of itself, read when every check is over; `no_contact` says why nothing can be."""
    for did, name in IDENTIFIERS.items():
        if no_contact:
            yield Identifier(did=f"{did:04X}", name=name, reason=f"not asked: {no_contact}")
            continue
        try:
            reply = tester.read_reply(did)
        except (LinkError, NotPermitted) as error:
            no_contact = str(error)
            yield Identifier(did=f"{did:04X}", name=name, reason=no_contact)
            continue
        if reply.is_silence and reply.replies:
            no_contact = "the ECU says that an answer is pending, and gives none"
        value = reply.pdu[3:] if reply.is_positive else b""
        reason = "" if value else "it is empty" if reply.is_positive else str(reply)
        if value and did in hidden_dids:
            value, reason = b"", "hidden, as was asked for"
        yield Identifier(did=f"{did:04X}", name=name, value=_shown(value), reason=reason)


def _shown(value: bytes) -> str:
    text = value.rstrip(b"\x00\xff ")
    if text and text.isascii() and text.decode("ascii").isprintable() and len(text) <= LONGEST_VALUE_BYTES:
        return text.decode("ascii")
    shown = value[:LONGEST_VALUE_BYTES].hex(" ").upper()
    return shown if len(value) <= LONGEST_VALUE_BYTES else f"{shown} … ({len(value)} bytes)"
