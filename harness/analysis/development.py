"""Find words in a record that stem from a developer's or administrator's computer and have no place in a product."""

import re
from typing import Final

_TRACES: Final = (
    ("a path", re.compile(r"(?:/(?:home|root|Users|usr/src|opt|srv|tmp|var|mnt|workspace|builds?)/[\w./+-]+)")),
    ("a path", re.compile(r"/(?:etc|data|dev|proc|sys|system|vendor|storage|sdcard|media|flash|log|logs|boot)/[\w./+-]+")),
    ("a path", re.compile(r"[A-Za-z]:\\[\w .\\+-]{3,}")),
    (
        "a source or object file",
        re.compile(r"\b[\w./\\-]+\.(?:c|cc|cpp|h|hpp|s|elf|axf|map|arxml|mdl|slx|py)\b", re.IGNORECASE),
    ),
    ("a log or dump", re.compile(r"\b[\w./\\-]+\.(?:log|trc|dmp|core|blf|asc|pcap|bak|swp|sqlite|db)\b", re.IGNORECASE)),
    ("a script or setting", re.compile(r"\b[\w./\\-]+\.(?:sh|bat|cfg|conf|ini|json|ya?ml|toml)\b", re.IGNORECASE)),
    (
        "a build server",
        re.compile(r"\b(?:jenkins|gitlab|github|bitbucket|teamcity|bamboo|localhost)\b[\w.:/-]*", re.IGNORECASE),
    ),
    ("an uncommitted build", re.compile(r"\b[0-9a-f]{7,40}[-_]dirty\b|\bdirty\b", re.IGNORECASE)),
    (
        "a debug build",
        re.compile(r"\b(?:debug|dbg|devel|internal[ _-]only|do[ _-]not[ _-]ship|engineering[ _-]build)\b", re.IGNORECASE),
    ),
)
_CREDENTIALS: Final = (
    (
        "a password",
        re.compile(
            r"(?:\b|_)(?:pass(?:word|wd|phrase|code)?|pwd|psk|pin|secret|token|credentials?|api[_-]?key|auth)\w{0,8}"
            r"\s*(?:[:=]|is\b)\s*\S{2,}",
            re.IGNORECASE,
        ),
    ),
    ("a password", re.compile(r"\b(?:root|admin|administrator|user|login|service|guest)\s*[:/=]\s*\S{3,}", re.IGNORECASE)),
    ("an address with a password", re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s:/@]+:[^\s@/]+@", re.IGNORECASE)),
    ("a hash of a password", re.compile(r"\$(?:[156y]|2[aby]?|argon2\w*)\$[\w./$=,+-]{8,}")),
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY")),
    ("an access key", re.compile(r"\b(?:ssh-(?:rsa|ed25519) AAAA|AKIA[0-9A-Z]{12}|eyJ[\w-]{8,}\.)")),
)
SHORTEST_TEXT: Final = 4


def traces_of_development(value: bytes) -> str:
    """Return what reveals the build environment: its kind and text, e.g. ``a path: /home/build/main.c``; empty without any.

    >>> traces_of_development(b"\\x00/home/build/main.c\\x00")
    'a path: /home/build/main.c'
    >>> traces_of_development(b"SW 04.12.001")
    ''
    """
    for text in _texts(value):
        for kind, pattern in _TRACES:
            if found := pattern.search(text):
                return f"{kind}: {found[0][:80]}"
    return ""


def credentials_in(value: bytes) -> str:
    """Name the kind of credential that a record looks like, without showing it; empty if it looks like none.

    >>> credentials_in(b"\\x00wifi_password=hunter2")
    'a password'
    >>> credentials_in(b"PASSENGER SIDE 04")
    ''
    """
    for text in _texts(value):
        for kind, pattern in _CREDENTIALS:
            if pattern.search(text):
                return kind
    return ""


def _texts(value: bytes) -> list[str]:
    """Return the runs of printable characters in a value, read with one byte and with two bytes for each character."""
    runs = re.findall(rb"[\x20-\x7e]{%d,}" % SHORTEST_TEXT, value)
    wide = re.findall(rb"(?:[\x20-\x7e]\x00){%d,}" % SHORTEST_TEXT, value)
    return [run.decode("ascii") for run in (*runs, *(one[::2] for one in wide))]
