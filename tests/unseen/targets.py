"""Make the target files of the crane, the loom and the tractor, and of ECUs that are declared otherwise."""

import re

ALL = '["lockout", "write", "reset", "power", "functional", "destructive"]'
TIMING = "p2_ms = 50, p2_star_ms = 5000, s3_ms = 5000"


def target(name: str, *, can: str, reset: str, notes: str = "", timing: str = TIMING, **entries: tuple[str, ...]) -> str:
    """Return a whole target file. Each text between commas becomes a line; `entries` are tables that may occur several
    times.
    """
    tables = [
        f'[target]\nname = "{name}"\nenvironment = "simulated"\nnotes = "{notes}"',
        f'[can]\ninterface = "uds-sim"\nchannel = "@CHANNEL@"\n{lines(can)}',
        f"[timing]\n{lines(timing)}",
        *(f"[[{table}]]\n{lines(entry)}" for table, found in entries.items() for entry in found),
        f"[reset]\n{lines(reset)}",
        f"[safety]\nallow = {ALL}",
    ]
    return "\n\n".join(tables) + "\n"


def lines(text: str) -> str:
    """Put each key on a line of its own."""
    return text.replace(", ", "\n")


def changed(text: str, **settings: str) -> str:
    """Return the target with other values for some keys, wherever these are."""
    for name, value in settings.items():
        text, count = re.subn(rf"(?m)^{name} = .*$", f"{name} = {value}", text)
        assert count, f"the target has no {name}"
    return text


CRANE = target(
    "crane",
    notes="Level 03 is in sessions 03 and 02, level 09 in 02 only. What is unlocked belongs to the connection of the key.",
    can="request_id = 0x6A2, response_id = 0x6A3, functional_id = 0x6DF, padding = 0xAA",
    connection=("request_id = 0x6A8, response_id = 0x6A9",),
    session=("id = 0x01", "id = 0x03", "id = 0x02, via = 0x03"),
    security=(
        'level = 0x03, session = 0x03, attempts = 3, delay_s = 10, key = "@KEY@"',
        'level = 0x09, session = 0x02, attempts = 3, delay_s = 10, key = "@KEY@"',
    ),
    data=(
        'did = 0x3101, length = 2, read = "open", write = "open"',
        'did = 0x3102, length = 3, read = "open", write = "level 0x03"',
        'did = 0x3103, length = 6, read = "open", write = "level 0x09"',
        'did = 0x3104, length = 5, read = "level 0x03", write = "level 0x03"',
        'did = 0x3105, length = 8, read = "level 0x09", write = "never"',
        'did = 0xF18C, length = 9, read = "open", write = "never"',
        'did = 0xF186, length = 1, read = "open", write = "never", volatile = true',
    ),
    service=(
        'id = 0x11, needs = "open"',
        'id = 0x14, needs = "open"',
        'id = 0x19, needs = "level 0x03"',
        'id = 0x28, needs = "level 0x03"',
        'id = 0x2C, needs = "open"',
        'id = 0x85, needs = "level 0x03"',
    ),
    routine=(
        'id = 0x0211, needs = "level 0x03", safe = true',
        'id = 0x0212, needs = "open", safe = true',
        'id = 0xFF00, needs = "level 0x09"',
    ),
    memory=(
        'range = "0x20000000..0x2000007F", needs = "open"',
        'range = "0x20000080..0x200000FF", needs = "level 0x09"',
    ),
    reset='uds = 0x01, boot_s = 0.25, power = "simulated"',
)
LOOM = target(
    "loom",
    notes="Level 11 is in sessions 03 and 60. DIDs F201 and F202 are the periodic ones.",
    can="request_id = 0x1CF0A1B2, response_id = 0x1CF0B2A1, functional_id = 0x1CF0FFB2, padding = 0xFF",
    session=("id = 0x01", "id = 0x03", "id = 0x60", "id = 0x41, via = 0x03"),
    security=('level = 0x11, session = 0x03, attempts = 4, delay_s = 8, key = "@KEY@"',),
    data=(
        'did = 0x0701, length = 1, read = "open", write = "open"',
        'did = 0x0702, length = 4, read = "open", write = "level 0x11"',
        'did = 0x0703, length = 7, read = "level 0x11", write = "level 0x11"',
        'did = 0x0704, length = 2, read = "open", write = "never"',
        'did = 0xF195, length = 5, read = "open", write = "never"',
        'did = 0xF186, length = 1, read = "open", write = "never", volatile = true',
        'did = 0xF201, length = 2, read = "open", write = "never"',
        'did = 0xF202, length = 3, read = "level 0x11", write = "never"',
    ),
    service=(
        'id = 0x11, needs = "open"',
        'id = 0x2A, needs = "open"',
        'id = 0x2F, needs = "level 0x11"',
        'id = 0x34, needs = "level 0x11"',
        'id = 0x35, needs = "level 0x11"',
        'id = 0x38, needs = "level 0x11"',
        'id = 0x83, needs = "open"',
        'id = 0x87, needs = "level 0x11"',
    ),
    routine=('id = 0x0500, needs = "open", safe = true', 'id = 0x0501, needs = "level 0x11", safe = true'),
    memory=('range = "0x00400000..0x004003FF", needs = "level 0x11"',),
    reset='uds = 0x01, boot_s = 0.4, power = "simulated"',
)

SESSIONS = ("id = 0x01", "id = 0x02", "id = 0x03")
THROUGH_EXTENDED = ("id = 0x01", "id = 0x03", "id = 0x02, via = 0x03")
TWO_DOORS = (*SESSIONS, "id = 0x41, via = 0x03", "id = 0x61, via = 0x41")
LEVEL = 'level = 0x05, session = 0x03, attempts = 3, delay_s = 10, key = "@KEY@"'
INNER_LEVEL = 'level = 0x09, session = 0x03, before = ["27 05"], attempts = 3, delay_s = 10, key = "@KEY@"'
SPEED = 'did = 0x4A01, length = 2, read = "open", write = "open"'
LIMIT = 'did = 0x4A02, length = 1, read = "open", write = "level 0x05"'
CODE = 'did = 0x4A03, length = 6, read = "level 0x05", write = "level 0x05"'
REST = (
    'did = 0xF18C, length = 12, read = "open", write = "never"',
    'did = 0xF186, length = 1, read = "open", write = "never", volatile = true',
)
NAME = 'did = 0xF197, length = 29, read = "open", write = "never"'
IDS = "request_id = 0x6B2, response_id = 0x6BA, functional_id = 0x6F0"
RESET = 'uds = 0x01, boot_s = 0.25, power = "simulated"'
OPEN_ROUTINE = ('id = 0x0203, needs = "open", safe = true',)
ROUTINE = ('id = 0x0B10, needs = "level 0x05", safe = true',)
SECRET = "5e0c91d7a2384bf66d1f20c3887ae415"


def tractor(
    *,
    ids: str = IDS,
    sessions: tuple[str, ...] = SESSIONS,
    levels: tuple[str, ...] = (LEVEL,),
    data: tuple[str, ...] = (SPEED, LIMIT, CODE, *REST),
    reset: str = RESET,
    **more: tuple[str, ...],
) -> str:
    return target("tractor", can=f"{ids}, padding = 0xA5", session=sessions, data=data, security=levels, reset=reset, **more)


def in_session(session: int, sessions: tuple[str, ...] = SESSIONS) -> str:
    """Return the target of a tractor whose level exists in one further session only."""
    known = sessions if len(sessions) > len(SESSIONS) else (*sessions, f"id = 0x{session:02X}")
    return tractor(sessions=known, levels=(LEVEL.replace("0x03", f"0x{session:02X}"),))


TARGETS = {
    "crane": CRANE,
    "loom": LOOM,
    "loom behind 41": changed(LOOM.replace("id = 0x60", "id = 0x60\nvia = 0x41"), session="0x60"),
    "tractor": tractor(),
    "a record": tractor(levels=(f'{LEVEL}, record = "4B 31"',)),
    "session 90": in_session(0x90),
    "session C1": in_session(0xC1),
    "session 61 behind 41": in_session(0x61, TWO_DOORS),
    "any session": tractor(levels=(LEVEL.replace("session = 0x03, ", ""),)),
    "02 behind 03": tractor(sessions=THROUGH_EXTENDED),
    "a write before": tractor(levels=(f'{LEVEL}, before = ["2E 4A01 0001"]',)),
    "3E to all before": tractor(levels=(f'{LEVEL}, before = ["functional 3E 80"]',)),
    "a routine before": tractor(
        sessions=("id = 0x01", "id = 0x03", 'id = 0x02, via = 0x03, before = ["31 01 0203"]'),
        levels=(LEVEL.replace("0x03", "0x02"),),
        routine=OPEN_ROUTINE,
    ),
    "session 62 behind the level": tractor(sessions=(*SESSIONS, 'id = 0x62, via = 0x03, before = ["27 05"]')),
    "a level behind the level": tractor(
        levels=(LEVEL, INNER_LEVEL), data=(SPEED, LIMIT, *REST, CODE.replace("0x05", "0x09"))
    ),
    "no restart": tractor(reset="boot_s = 0.25"),
    "one routine is guarded": tractor(data=(SPEED, *REST), routine=ROUTINE),
    "one service is guarded": tractor(data=(SPEED, *REST), service=('id = 0x85, needs = "level 0x05", safe = true',)),
    "limit undeclared": tractor(data=(SPEED, CODE, *REST)),
    "limit never read": tractor(data=(SPEED, *REST, LIMIT.replace('"open"', '"never"'))),
    "limit volatile": tractor(data=(SPEED, f"{LIMIT}, volatile = true", CODE, *REST)),
    "a name": tractor(data=(SPEED, LIMIT, CODE, *REST, NAME)),
    "a download": tractor(service=('id = 0x34, needs = "level 0x05"',)),
    "an open routine": tractor(routine=OPEN_ROUTINE),
    "memory at 20000000": tractor(memory=('range = "0x20000000..0x200000FF", needs = "level 0x05"',)),
    "memory at D0080000": tractor(memory=('range = "0xD0080000..0xD0080FFF", needs = "level 0x05"',)),
    "memory for nobody": tractor(memory=('range = "0x00000000..0x0000FFFF", needs = "never"',)),
    "the secret": tractor(levels=(f'{LEVEL}, secret = "hex:{SECRET}"',)),
    "other ids": tractor(ids="request_id = 0x75F, response_id = 0x65F, functional_id = 0x7DF"),
    "29 bits at 250 kbit": tractor(
        ids="bitrate = 250000, request_id = 0x18DA00F1, response_id = 0x18DAF100, functional_id = 0x18DB33F1, "
        "extended_ids = true"
    ),
    "extended addresses": tractor(
        ids="request_id = 0x6F1, response_id = 0x612, functional_id = 0x6F1, functional_address = 0xDF, "
        'addressing = "extended", target_address = 0x12, source_address = 0xF1'
    ),
    "mixed addresses": tractor(
        ids='request_id = 0x750, response_id = 0x758, functional_id = 0x7DF, addressing = "mixed", address_extension = 0x2A'
    ),
    "mixed addresses of 29 bits": tractor(
        ids='functional_id = 0x18CD33F1, addressing = "mixed", address_extension = 0x2A, target_address = 0x30, '
        "source_address = 0xF1"
    ),
}
"""By the words that stand for them in ecus.md: target files, based on the tractor's if neither crane nor loom is named."""
