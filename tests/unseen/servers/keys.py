"""Compute the keys of servers whose key is configured."""

import hashlib
import hmac

SECRET = b"the secret of a server by a stranger"


def keyed_hash(seed: bytes, level: int) -> bytes:
    """Return eight bytes of HMAC-SHA-256 over the seed and the level."""
    return hmac.new(SECRET, seed + bytes((level,)), hashlib.sha256).digest()[:8]


def the_seed_itself(seed: bytes, level: int) -> bytes:
    """Return the seed: the key of gallia's virtual ECU."""
    return seed
