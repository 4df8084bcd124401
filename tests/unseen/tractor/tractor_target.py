"""Describe a tractor for a table: its whole target file, and the entry of one that differs in part."""

from tests.unseen.ecu import Unseen

SESSIONS = ("id = 0x01", "id = 0x02", "id = 0x03")
DATA = (
    'did = 0x4A01, length = 2, read = "open", write = "open"',
    'did = 0x4A02, length = 1, read = "open", write = "level 0x05"',
    'did = 0x4A03, length = 6, read = "level 0x05", write = "level 0x05"',
    'did = 0xF18C, length = 12, read = "open", write = "never"',
    'did = 0xF186, length = 1, read = "open", write = "never", volatile = true',
)
LEVEL = 'level = 0x05, session = 0x03, attempts = 3, delay_s = 10, key = "@KEY@"'
IDS = "request_id = 0x6B2\nresponse_id = 0x6BA\nfunctional_id = 0x6F0\npadding = 0xA5"
TIMING = "p2_ms = 50\np2_star_ms = 5000\ns3_ms = 5000"
RESET = 'uds = 0x01\nboot_s = 0.25\npower = "simulated"'


def target(
    *,
    sessions: tuple[str, ...] = SESSIONS,
    data: tuple[str, ...] = DATA,
    levels: tuple[str, ...] = (LEVEL,),
    ids: str = IDS,
    timing: str = TIMING,
    reset: str = RESET,
    more: str = "",
) -> str:
    """A whole target file; `more` stands between the lists and the tables and may hold [[table]] entries."""
    lists = {"session": sessions, "data": data, "security": levels}
    entries = [f"[[{name}]]\n" + "\n".join(entry.split(", ")) for name, entries in lists.items() for entry in entries]
    return (
        "\n\n".join(
            (
                '[target]\nname = "tractor"\nenvironment = "simulated"',
                f'[can]\ninterface = "uds-sim"\nchannel = "@CHANNEL@"\n{ids}',
                f"[timing]\n{timing}",
                *entries,
                *([more] if more else []),
                f"[reset]\n{reset}",
                '[safety]\nallow = ["lockout", "write", "reset", "power", "functional", "destructive"]',
            )
        )
        + "\n"
    )


def data_without(*dids: int) -> tuple[str, ...]:
    """The usual identifiers, without some."""
    return tuple(entry for entry in DATA if int(entry.split(",")[0].split("=")[1], 16) not in dids)


def sound(name: str, factory: str, text: str | None = None, *, depth: str = "default") -> Unseen:
    """An odd tractor that must give no failure."""
    return Unseen(name, factory, "", (), text or target(), depth)


def flawed(name: str, factory: str, flaw: str, must_fail: str, text: str | None = None, *, depth: str = "default") -> Unseen:
    """A tractor with one flaw; `must_fail` are ids of checks with spaces between."""
    return Unseen(name, factory, flaw, tuple(must_fail.split()), text or target(), depth)
