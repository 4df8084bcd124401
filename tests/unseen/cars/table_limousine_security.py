"""Limousines with one flaw in seeds, keys, attempts and delays."""

from .stranger import strangers_in

limousine = strangers_in("limousine.py")
security = strangers_in("limousine_security.py")

NO_KEY = {"security": {0x01: {"key": None, "secret": None}, 0x03: {"key": None, "secret": None}}}
ONE_SESSION = {
    "security": {0x01: {"session": None}, 0x03: {"session": None}},
    "service": {0x10: None, 0x28: None, 0x34: None, 0x36: None, 0x37: None},
    "session": None,
    "timing": None,
}

FLAWED = (
    limousine(
        "Limousine",
        "secret-in-image",
        what="The secret of level 1 stands in its image.",
        must_fail="IE-05",
        changes={"observe": {"image": "images/leaky.bin"}},
    ),
    limousine(
        "Limousine",
        "secret-in-image-reversed",
        what="The secret of level 3 stands in its image, the low byte first.",
        must_fail="IE-05",
        changes={"observe": {"image": "images/reversed.bin"}},
    ),
    limousine(
        "Limousine",
        "same-secret-in-both",
        what="Pairs of another unit are known, which has the same secrets.",
        must_fail="IE-04",
        changes={"observe": {"other_unit": "images/same.pairs"}},
    ),
    security("AsciiSeeds", must_fail="SA-02", may_fail="SA-04"),
    security("ModuloSeeds", must_fail="SA-02"),
    security("HalfCounter", must_fail="SA-02|SA-03", may_fail="SA-03 SA-02"),
    security("PermutedLcg", must_fail="SA-02|SA-03", may_fail="SA-04 SA-02 SA-03 SA-06"),
    security("GrayCounter", must_fail="SA-02|SA-03", may_fail="SA-02 SA-03 SA-04 SA-06"),
    security("ShiftRegister", must_fail="SA-03", may_fail="SA-02 SA-04 SA-06"),
    security("StepCounter", must_fail="SA-03", may_fail="SA-02 SA-04 SA-06"),
    security("StepCounter", "step-counter-no-key", must_fail="SA-03", may_fail="SA-02 SA-04 SA-06", changes=NO_KEY),
    security("SrandTime", must_fail="SA-03|SA-04", may_fail="SA-05 SA-02 SA-25"),  # two starts in one second
    security("XorshiftUptime", must_fail="SA-03|SA-04", may_fail="SA-01 SA-05 SA-07 SA-25 SA-02 SA-06"),
    security("MersenneTime", must_fail="SA-04", may_fail="SA-05 SA-25"),
    security("UptimeHash", must_fail="SA-05", may_fail="SA-01 SA-07 SA-25"),  # the same time after each start, the same seed
    security("PoorPool", must_fail="SA-05", may_fail="SA-01 SA-25"),
    security("FirstSeedFf", must_fail="SA-07", may_fail="SA-01 SA-02 SA-05 SA-25 SA-32 SA-33 FZ-04"),
    security("DeepSeedZero", must_fail="SA-07", may_fail="SA-01 SA-05 SA-25 FZ-04"),
    security("SameSeedWhenOpen", must_fail="SA-08", may_fail="FZ-04"),
    security("RecordIsSeed", must_fail="SA-38", may_fail="CF-04 FZ-04"),  # 27 01 00 is executed
    security("RecordOverruns", must_fail="SA-38", may_fail="FZ-02 FZ-05 FZ-03 CF-04 SA-30"),
    security("HiddenInProgramming", must_fail="SA-37", may_fail="CF-03 CF-06 FZ-03"),
    security("HiddenInProgramming", "hidden-in-programming-no-key", must_fail="SA-37", changes=NO_KEY),
    security(
        "Hidden61", must_fail="SA-37", may_fail="SA-01 SA-05 CF-06 CF-03 ST-05 FZ-03"
    ),  # what answers, undeclared, in the default session
    security(
        "KeyOfThree",
        must_fail="SA-06",
        may_fail="SA-34",
        changes={"security": {0x01: {"key": "limousine_security.py:three"}, 0x03: {"key": "limousine_security.py:three"}}},
    ),
    security(
        "KeyOfFour",
        must_fail="SA-06",
        may_fail="SA-34",
        changes={"security": {0x01: {"key": "limousine_security.py:four"}, 0x03: {"key": "limousine_security.py:four"}}},
    ),
    security(
        "DoorModuleKey",
        must_fail="SA-06",
        may_fail="SA-34",
        changes={
            "security": {0x01: {"session": None, "key": "limousine_security.py:four"}, 0x03: None},
            "data": {0x0230: None, 0x0240: None, 0x0D10: None, 0xF18C: None, 0xF190: None, 0xF1A0: None},
            "service": {
                0x10: None,
                0x14: None,
                0x19: None,
                0x23: None,
                0x28: None,
                0x2C: None,
                0x2F: None,
                0x31: None,
                0x34: None,
                0x36: None,
                0x37: None,
                0x3D: None,
                0x85: None,
            },
            "routine": None,
            "memory": None,
            "session": None,
            "timing": None,
        },
    ),
    security(
        "ArticleKey",
        must_fail="SA-06 SA-34",
        may_fail="SA-33",
        changes={
            "security": {
                0x01: {"key": "article", "secret": "hex:A1B2C3D4E5"},
                0x03: {"key": "article", "secret": "hex:A1B2C3D4E5"},
            }
        },
    ),
    security(
        "AffineKey",
        must_fail="SA-33",
        may_fail="SA-34 SA-32",
        changes={
            "security": {
                0x01: {"key": "limousine_security.py:affine", "secret": None},
                0x03: {"key": "limousine_security.py:affine", "secret": None},
            }
        },
    ),  # the model that fits is the whole secret
    security(
        "AffineKey",
        "affine-key-recorded",
        what="The key is the seed times a constant, plus another; the tester knows recorded pairs.",
        must_fail="SA-33",
        may_fail="SA-34 SA-32",
        changes={
            "security": {
                0x01: {"key": None, "secret": None, "pairs": "images/affine.csv"},
                0x03: {"key": None, "secret": None},
            }
        },
    ),
    security(
        "RotatedKey",
        must_fail="SA-33",
        may_fail="SA-34 SA-32",
        changes={
            "security": {
                0x01: {"key": "limousine_security.py:rotated", "secret": None},
                0x03: {"key": "limousine_security.py:rotated", "secret": None},
            }
        },
    ),
    security(
        "TableKey",
        may_fail="SA-33 SA-34",
        changes={
            "security": {
                0x01: {"key": "limousine_security.py:looked_up", "secret": None},
                0x03: {"key": "limousine_security.py:looked_up", "secret": None},
            }
        },
    ),
    security("PrefixFits", must_fail="SA-30", may_fail="TP-18 FZ-04"),
    security("FirstBytesFit", must_fail="SA-30", may_fail="TP-18 FZ-04"),
    security("TailIgnored", must_fail="SA-30 TP-18", may_fail="FZ-04"),
    security("LastByteIgnored", must_fail="SA-31", may_fail="FZ-04"),
    security("SumCompared", must_fail="SA-31", may_fail="FZ-04 SA-20"),
    security("BitMasked", must_fail="SA-31", may_fail="FZ-04"),
    security("PlainBitMasked", must_fail="SA-31", changes=ONE_SESSION),
    security("EarlyExit", must_fail="SA-35"),
    security("Hint", must_fail="SA-35", may_fail="CF-07 FZ-04"),
    security(
        "NoCounter",
        "no-counter-no-key",
        what="Counts no failures; the key is not known.",
        must_fail="SA-09",
        may_fail="SA-01 SA-20 FZ-04",
        changes={
            "security": {
                0x01: {"attempts": None, "delay_s": None, "key": None, "secret": None},
                0x03: {"attempts": None, "delay_s": None, "key": None, "secret": None},
            }
        },
    ),
    security(
        "CounterOfSeed",
        must_fail="CF-07 SA-09|SA-10",
        may_fail="CF-07 SA-09 SA-10 SA-11 SA-12 SA-13 SA-14 SA-16 SA-20 SA-22 SA-23 SA-36 SA-41 FZ-04",
    ),
    security(
        "DefaultForgives", must_fail="SA-11", may_fail="SA-14 SA-12 SA-13"
    ),  # a timeout and a restart end in the default session too
    security("RamCounter", must_fail="SA-12", may_fail="SA-13 SA-17 SA-18"),
    security("RamCounter", "ram-counter-no-key", must_fail="SA-12", may_fail="SA-13 SA-17 SA-18", changes=NO_KEY),
    security("PlainRamCounter", must_fail="SA-12", may_fail="SA-13 SA-17 SA-18", changes=ONE_SESSION),
    security("SoftResetForgives", must_fail="SA-12", may_fail="SA-18 SA-17"),
    security("PowerForgives", must_fail="SA-13", may_fail="SA-17 SA-18"),
    security("PresenceForgives", must_fail="SA-14", may_fail="SA-09 SA-11 SA-12 SA-13 FZ-04"),
    security("TimeoutForgives", must_fail="SA-14", may_fail="SA-11"),
    security("SuccessForgivesAll", must_fail="SA-15"),
    security("PlainSuccessForgivesAll", must_fail="SA-15", changes=ONE_SESSION),
    security(
        "DelayOverflows",
        must_fail="SA-16",
        may_fail="SA-17 SA-18 SA-19 SA-41",
        changes={"security": {0x01: {"delay_s": 70}, 0x03: {"delay_s": 70}}},
    ),
    security("LastSeedInDelay", must_fail="SA-16", may_fail="SA-22 SA-19 CF-07 FZ-04"),
    security("DelayAskedOnce", must_fail="SA-16", may_fail="SA-17 SA-18 SA-19 SA-20 SA-12 SA-13 FZ-04"),
    security("DelayShortAfterReset", must_fail="SA-17", may_fail="SA-12 SA-13 SA-18"),
    security("NoDelayAfterOne", must_fail="SA-18", may_fail="SA-12 SA-13"),
    security("DelayPhysicalOnly", must_fail="SA-19"),
    security("DelayPhysicalOnly", "delay-physical-only-no-key", must_fail="SA-19", changes=NO_KEY),
    security("NoDelayInProgramming", must_fail="SA-19", may_fail="SA-16 FZ-04"),
    security("RecordSkipsDelay", must_fail="SA-19", may_fail="CF-04 SA-38"),
    security(
        "LimitSkipped", must_fail="SA-20", may_fail="SA-09 SA-11 SA-12 SA-13 SA-14 SA-16 SA-17 SA-18 SA-19 SA-41 FZ-04"
    ),
    security(
        "LocksWrap",
        must_fail="SA-20",
        may_fail="SA-09 SA-10 SA-11 SA-12 SA-13 SA-14 SA-15 SA-16 SA-17 SA-18 SA-36 CF-07 FZ-04",
    ),
    security("SuppressedUncounted", must_fail="SA-36", may_fail="FZ-04"),
    security("SuppressedOpens", must_fail="SA-36", may_fail="SA-39 FZ-01 FZ-02 FZ-03 FZ-05 FZ-04"),
    security("MuteInDelay", must_fail="SA-41", may_fail="SA-09 SA-16 SA-19 CF-07 DS-04 FZ-04"),
    security("LocksForGood", must_fail="SA-41", may_fail="SA-16 SA-20"),
    security("LengthKeepsSeed", must_fail="SA-23", may_fail="FZ-04"),
    security("LevelKeepsSeed", must_fail="SA-23", may_fail="SA-27 FZ-04"),
    security("TimeoutKeepsSeed", must_fail="SA-26", may_fail="SA-25 FZ-04"),
    security("HopKeepsSeed", must_fail="SA-26", may_fail="SA-25 FZ-04"),
    security("SeedHoldsSession", must_fail="SA-26", may_fail="FZ-04"),
    security("AnyKeyNumber", must_fail="SA-27", may_fail="SA-40 FZ-04"),
    security("OneOpensAll", must_fail="SA-28", may_fail="FZ-04"),
    security("LevelsPileUp", must_fail="SA-29", may_fail="FZ-04"),
    security(
        "UnlockForAll", must_fail="SA-40", may_fail="ST-04 FZ-04", changes={"connection": {0x06B0: {"response_id": 0x06B8}}}
    ),
    security("WrongDeepKeyOpens", must_fail="FZ-04|SA-39", may_fail="FZ-04"),
    security("SuppressedEntryKeeps", may_fail="FZ-04 ST-01"),
    security("PlainNeverRelocks", may_fail="ST-02 SA-26 FZ-04", changes=ONE_SESSION),
    security("PrintsKey", must_fail="IE-01"),
    security("PrintsSecret", must_fail="IE-01"),
)
"""Each has one flaw."""
