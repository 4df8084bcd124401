"""Tractors behind address bytes and behind preconditions, written from public traces; sound ones, and some with one flaw."""

from tests.unseen.tractor.tractor_target import DATA, LEVEL, SESSIONS, flawed, sound, target

EXTENDED = target(
    ids="request_id = 0x6F1\nresponse_id = 0x612\nfunctional_id = 0x6F1\nfunctional_address = 0xDF\npadding = 0xA5\n"
    'addressing = "extended"\ntarget_address = 0x12\nsource_address = 0xF1'
)
MIXED = target(
    ids="request_id = 0x750\nresponse_id = 0x758\nfunctional_id = 0x7DF\npadding = 0xA5\n"
    'addressing = "mixed"\naddress_extension = 0x2A'
)
LONG_MIXED = target(
    ids="functional_id = 0x18CD33F1\npadding = 0xA5\n"
    'addressing = "mixed"\naddress_extension = 0x2A\ntarget_address = 0x30\nsource_address = 0xF1'
)
ROUTINE = target(
    sessions=(*SESSIONS[::2], 'id = 0x02, via = 0x03, before = ["31 01 0203"]'),
    levels=(LEVEL.replace("0x03", "0x02"),),
    more='[[routine]]\nid = 0x0203\nneeds = "open"\nsafe = true',
)
FUNCTIONAL = target(levels=(LEVEL + ', before = ["functional 3E 80"]',))
FLASHING = target(sessions=(*SESSIONS, 'id = 0x62, via = 0x03, before = ["27 05"]'))
INNER = 'level = 0x09, session = 0x03, before = ["27 05"], attempts = 3, delay_s = 10, key = "@KEY@"'
TWO_LEVELS = target(
    levels=(LEVEL, INNER),
    data=(*(entry for entry in DATA if "0x4A03" not in entry), DATA[2].replace("0x05", "0x09")),
)

TABLE = (
    sound("address-in-the-first-byte", "tractor/tractor_addressed.py:FirstByte", EXTENDED),
    sound("address-repeated-in-the-first-byte", "tractor/tractor_addressed.py:FirstByteRepeated", MIXED),
    sound("address-in-the-first-byte-of-29-bits", "tractor/tractor_addressed.py:LongFirstByte", LONG_MIXED),
    flawed(
        "address-of-a-neighbour-is-served",
        "tractor/tractor_addressed.py:AnyAddress",
        "Frames whose first byte is 13 are served by the ECU whose address is 12.",
        "AC-04",
        EXTENDED,
    ),
    flawed(
        "seed-behind-an-address-has-two-bytes",
        "tractor/tractor_addressed.py:FirstByteSeedRepeats",
        "Of each seed only two bytes change.",
        "SA-02 SA-06",
        EXTENDED,
    ),
    flawed(
        "no-limit-behind-an-address",
        "tractor/tractor_addressed.py:FirstByteNoLimit",
        "Wrong keys are not counted.",
        "SA-09 SA-10",
        EXTENDED,
    ),
    flawed(
        "four-bytes-of-a-key-behind-an-address",
        "tractor/tractor_addressed.py:FirstByteShortKey",
        "Of a key only the first four bytes are compared.",
        "SA-31 SA-30",
        MIXED,
    ),
    flawed(
        "functional-write-behind-an-extension",
        "tractor/tractor_addressed.py:FirstByteGuardAsleep",
        "A write to everybody is done without the level.",
        "AC-03",
        LONG_MIXED,
    ),
    sound("routine-before-programming", "tractor/tractor_before.py:RoutineFirst", ROUTINE),
    sound("tester-present-to-all-before-a-seed", "tractor/tractor_before.py:FunctionalFirst", FUNCTIONAL),
    sound("session-behind-a-level", "tractor/tractor_before.py:SessionBehindLevel", FLASHING),
    sound("level-behind-a-level", "tractor/tractor_before.py:LevelBehindLevel", TWO_LEVELS),
    flawed(
        "no-limit-for-the-inner-level",
        "tractor/tractor_before.py:NoInnerLimit",
        "Wrong keys for the level behind a level are not counted.",
        "SA-09",
        TWO_LEVELS,
    ),
    flawed(
        "inner-seed-never-changes",
        "tractor/tractor_before.py:InnerSeedIsFixed",
        "The level behind a level gives the same seed each time.",
        "SA-01",
        TWO_LEVELS,
    ),
    flawed(
        "seeds-behind-a-routine-are-counted",
        "tractor/tractor_before.py:ProgrammingSeedRepeats",
        "Seeds come from a counter.",
        "SA-02 SA-03 SA-04 SA-05",
        ROUTINE,
    ),
    flawed(
        "no-limit-behind-a-routine",
        "tractor/tractor_before.py:NoLimitBehindTheRoutine",
        "Wrong keys are not counted in the session behind the routine.",
        "SA-09",
        ROUTINE,
    ),
)
