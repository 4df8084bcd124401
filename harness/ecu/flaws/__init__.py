"""List flaws that can be put into a sound ECU, and the checks that must see each.

To add a flaw, write one function under `@flaw` in the file of its family, and nothing else.
"""

from typing import Final

from harness.ecu.flaws import (
    access_control,
    attempts,
    conformance,
    delays,
    exposure,
    key_comparison,
    keys,
    seed_content,
    seeds,
    services,
    sessions,
    transport,
)
from harness.ecu.flaws.declare import Flaw

_FAMILIES: Final = (
    *(seeds, seed_content, attempts, delays, keys, key_comparison, access_control),
    *(services, sessions, conformance, transport, exposure),
)

FLAWS: Final[dict[str, Flaw]] = {
    one.name: one for family in _FAMILIES for one in vars(family).values() if isinstance(one, Flaw)
}
"""The flaws by name, in the order of the families and, within a family, of its file."""
