"""Limousines with one flaw in seeds, keys, attempts and delays."""

from __future__ import annotations

from .stranger import Stranger

NO_KEY = {"security": {0x01: {"key": None, "secret": None}, 0x03: {"key": None, "secret": None}}}
ONE_SESSION = {
    "security": {0x01: {"session": None}, 0x03: {"session": None}},
    "service": {0x10: None, 0x28: None, 0x34: None, 0x36: None, 0x37: None},
    "session": None,
    "timing": None,
}

FLAWED = (
    Stranger(
        "secret-in-image",
        "limousine.py:Limousine",
        what="The secret of level 1 stands in its image.",
        must_fail="IE-05",
        changes={"observe": {"image": "images/leaky.bin"}},
    ),
    Stranger(
        "secret-in-image-reversed",
        "limousine.py:Limousine",
        what="The secret of level 3 stands in its image, the low byte first.",
        must_fail="IE-05",
        changes={"observe": {"image": "images/reversed.bin"}},
    ),
    Stranger(
        "same-secret-in-both",
        "limousine.py:Limousine",
        what="Pairs of another unit are known, which has the same secrets.",
        must_fail="IE-04",
        changes={"observe": {"other_unit": "images/same.pairs"}},
    ),
    Stranger("ascii-seeds", "limousine_security.py:AsciiSeeds", must_fail="SA-02", may_fail="SA-04"),
    Stranger("modulo-seeds", "limousine_security.py:ModuloSeeds", must_fail="SA-02"),
    Stranger("half-counter", "limousine_security.py:HalfCounter", must_fail="SA-02|SA-03", may_fail="SA-03 SA-02"),
    Stranger(
        "permuted-lcg", "limousine_security.py:PermutedLcg", must_fail="SA-02|SA-03", may_fail="SA-04 SA-02 SA-03 SA-06"
    ),
    Stranger(
        "gray-counter", "limousine_security.py:GrayCounter", must_fail="SA-02|SA-03", may_fail="SA-02 SA-03 SA-04 SA-06"
    ),
    Stranger("shift-register", "limousine_security.py:ShiftRegister", must_fail="SA-03", may_fail="SA-02 SA-04 SA-06"),
    Stranger("step-counter", "limousine_security.py:StepCounter", must_fail="SA-03", may_fail="SA-02 SA-04 SA-06"),
    Stranger(
        "step-counter-no-key",
        "limousine_security.py:StepCounter",
        what="A counter in steps of a large odd constant. The key is not known.",
        must_fail="SA-03",
        may_fail="SA-02 SA-04 SA-06",
        changes=NO_KEY,
    ),
    Stranger(
        "srand-time", "limousine_security.py:SrandTime", must_fail="SA-03|SA-04", may_fail="SA-05 SA-02 SA-25"
    ),  # two starts in one second
    Stranger(
        "xorshift-uptime",
        "limousine_security.py:XorshiftUptime",
        must_fail="SA-03|SA-04",
        may_fail="SA-01 SA-05 SA-07 SA-25 SA-02 SA-06",
    ),
    Stranger("mersenne-time", "limousine_security.py:MersenneTime", must_fail="SA-04", may_fail="SA-05 SA-25"),
    Stranger(
        "uptime-hash", "limousine_security.py:UptimeHash", must_fail="SA-05", may_fail="SA-01 SA-07 SA-25"
    ),  # the same time after each start, the same seed
    Stranger("poor-pool", "limousine_security.py:PoorPool", must_fail="SA-05", may_fail="SA-01 SA-25"),
    Stranger(
        "first-seed-ff",
        "limousine_security.py:FirstSeedFf",
        must_fail="SA-07",
        may_fail="SA-01 SA-02 SA-05 SA-25 SA-32 SA-33 FZ-04",
    ),
    Stranger("deep-seed-zero", "limousine_security.py:DeepSeedZero", must_fail="SA-07", may_fail="SA-01 SA-05 SA-25 FZ-04"),
    Stranger("same-seed-when-open", "limousine_security.py:SameSeedWhenOpen", must_fail="SA-08", may_fail="FZ-04"),
    Stranger(
        "record-is-seed", "limousine_security.py:RecordIsSeed", must_fail="SA-38", may_fail="CF-04 FZ-04"
    ),  # 27 01 00 is executed
    Stranger(
        "record-overruns",
        "limousine_security.py:RecordOverruns",
        must_fail="SA-38",
        may_fail="FZ-02 FZ-05 FZ-03 CF-04 SA-30",
    ),
    Stranger(
        "hidden-in-programming", "limousine_security.py:HiddenInProgramming", must_fail="SA-37", may_fail="CF-03 CF-06 FZ-03"
    ),
    Stranger(
        "hidden-in-programming-no-key",
        "limousine_security.py:HiddenInProgramming",
        what="Level 11 exists in the programming session, undeclared. The key is not known.",
        must_fail="SA-37",
        changes=NO_KEY,
    ),
    Stranger(
        "hidden61", "limousine_security.py:Hidden61", must_fail="SA-37", may_fail="SA-01 SA-05 CF-06 CF-03 ST-05 FZ-03"
    ),  # what answers, undeclared, in the default session
    Stranger(
        "key-of-three",
        "limousine_security.py:KeyOfThree",
        must_fail="SA-06",
        may_fail="SA-34",
        changes={"security": {0x01: {"key": "limousine_security.py:three"}, 0x03: {"key": "limousine_security.py:three"}}},
    ),
    Stranger(
        "key-of-four",
        "limousine_security.py:KeyOfFour",
        must_fail="SA-06",
        may_fail="SA-34",
        changes={"security": {0x01: {"key": "limousine_security.py:four"}, 0x03: {"key": "limousine_security.py:four"}}},
    ),
    Stranger(
        "door-module-key",
        "limousine_security.py:DoorModuleKey",
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
    Stranger(
        "article-key",
        "limousine_security.py:ArticleKey",
        must_fail="SA-06 SA-34",
        may_fail="SA-33",
        changes={
            "security": {
                0x01: {"key": "article", "secret": "hex:A1B2C3D4E5"},
                0x03: {"key": "article", "secret": "hex:A1B2C3D4E5"},
            }
        },
    ),
    Stranger(
        "affine-key",
        "limousine_security.py:AffineKey",
        must_fail="SA-33",
        may_fail="SA-34 SA-32",
        changes={
            "security": {
                0x01: {"key": "limousine_security.py:affine", "secret": None},
                0x03: {"key": "limousine_security.py:affine", "secret": None},
            }
        },
    ),  # the model that fits is the whole secret
    Stranger(
        "affine-key-recorded",
        "limousine_security.py:AffineKey",
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
    Stranger(
        "rotated-key",
        "limousine_security.py:RotatedKey",
        must_fail="SA-33",
        may_fail="SA-34 SA-32",
        changes={
            "security": {
                0x01: {"key": "limousine_security.py:rotated", "secret": None},
                0x03: {"key": "limousine_security.py:rotated", "secret": None},
            }
        },
    ),
    Stranger(
        "table-key",
        "limousine_security.py:TableKey",
        may_fail="SA-33 SA-34",
        changes={
            "security": {
                0x01: {"key": "limousine_security.py:looked_up", "secret": None},
                0x03: {"key": "limousine_security.py:looked_up", "secret": None},
            }
        },
    ),
    Stranger("prefix-fits", "limousine_security.py:PrefixFits", must_fail="SA-30", may_fail="TP-18 FZ-04"),
    Stranger("first-bytes-fit", "limousine_security.py:FirstBytesFit", must_fail="SA-30", may_fail="TP-18 FZ-04"),
    Stranger("tail-ignored", "limousine_security.py:TailIgnored", must_fail="SA-30 TP-18", may_fail="FZ-04"),
    Stranger("last-byte-ignored", "limousine_security.py:LastByteIgnored", must_fail="SA-31", may_fail="FZ-04"),
    Stranger("sum-compared", "limousine_security.py:SumCompared", must_fail="SA-31", may_fail="FZ-04 SA-20"),
    Stranger("bit-masked", "limousine_security.py:BitMasked", must_fail="SA-31", may_fail="FZ-04"),
    Stranger("plain-bit-masked", "limousine_security.py:PlainBitMasked", must_fail="SA-31", changes=ONE_SESSION),
    Stranger("early-exit", "limousine_security.py:EarlyExit", must_fail="SA-35"),
    Stranger("hint", "limousine_security.py:Hint", must_fail="SA-35", may_fail="CF-07 FZ-04"),
    Stranger(
        "no-counter-no-key",
        "limousine_security.py:NoCounter",
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
    Stranger(
        "counter-of-seed",
        "limousine_security.py:CounterOfSeed",
        must_fail="CF-07 SA-09|SA-10",
        may_fail="CF-07 SA-09 SA-10 SA-11 SA-12 SA-13 SA-14 SA-16 SA-20 SA-22 SA-23 SA-36 SA-41 FZ-04",
    ),
    Stranger(
        "default-forgives", "limousine_security.py:DefaultForgives", must_fail="SA-11", may_fail="SA-14 SA-12 SA-13"
    ),  # a timeout and a restart end in the default session too
    Stranger("ram-counter", "limousine_security.py:RamCounter", must_fail="SA-12", may_fail="SA-13 SA-17 SA-18"),
    Stranger(
        "ram-counter-no-key",
        "limousine_security.py:RamCounter",
        what="Counter and delay are in RAM. The key is not known.",
        must_fail="SA-12",
        may_fail="SA-13 SA-17 SA-18",
        changes=NO_KEY,
    ),
    Stranger(
        "plain-ram-counter",
        "limousine_security.py:PlainRamCounter",
        must_fail="SA-12",
        may_fail="SA-13 SA-17 SA-18",
        changes=ONE_SESSION,
    ),
    Stranger("soft-reset-forgives", "limousine_security.py:SoftResetForgives", must_fail="SA-12", may_fail="SA-18 SA-17"),
    Stranger("power-forgives", "limousine_security.py:PowerForgives", must_fail="SA-13", may_fail="SA-17 SA-18"),
    Stranger(
        "presence-forgives",
        "limousine_security.py:PresenceForgives",
        must_fail="SA-14",
        may_fail="SA-09 SA-11 SA-12 SA-13 FZ-04",
    ),
    Stranger("timeout-forgives", "limousine_security.py:TimeoutForgives", must_fail="SA-14", may_fail="SA-11"),
    Stranger("success-forgives-all", "limousine_security.py:SuccessForgivesAll", must_fail="SA-15"),
    Stranger(
        "plain-success-forgives-all", "limousine_security.py:PlainSuccessForgivesAll", must_fail="SA-15", changes=ONE_SESSION
    ),
    Stranger(
        "delay-overflows",
        "limousine_security.py:DelayOverflows",
        must_fail="SA-16",
        may_fail="SA-17 SA-18 SA-19 SA-41",
        changes={"security": {0x01: {"delay_s": 70}, 0x03: {"delay_s": 70}}},
    ),
    Stranger(
        "last-seed-in-delay", "limousine_security.py:LastSeedInDelay", must_fail="SA-16", may_fail="SA-22 SA-19 CF-07 FZ-04"
    ),
    Stranger(
        "delay-asked-once",
        "limousine_security.py:DelayAskedOnce",
        must_fail="SA-16",
        may_fail="SA-17 SA-18 SA-19 SA-20 SA-12 SA-13 FZ-04",
    ),
    Stranger(
        "delay-short-after-reset",
        "limousine_security.py:DelayShortAfterReset",
        must_fail="SA-17",
        may_fail="SA-12 SA-13 SA-18",
    ),
    Stranger("no-delay-after-one", "limousine_security.py:NoDelayAfterOne", must_fail="SA-18", may_fail="SA-12 SA-13"),
    Stranger("delay-physical-only", "limousine_security.py:DelayPhysicalOnly", must_fail="SA-19"),
    Stranger(
        "delay-physical-only-no-key",
        "limousine_security.py:DelayPhysicalOnly",
        what="The delay is not asked for when the request is functional. The key is not known.",
        must_fail="SA-19",
        changes=NO_KEY,
    ),
    Stranger(
        "no-delay-in-programming", "limousine_security.py:NoDelayInProgramming", must_fail="SA-19", may_fail="SA-16 FZ-04"
    ),
    Stranger("record-skips-delay", "limousine_security.py:RecordSkipsDelay", must_fail="SA-19", may_fail="CF-04 SA-38"),
    Stranger(
        "limit-skipped",
        "limousine_security.py:LimitSkipped",
        must_fail="SA-20",
        may_fail="SA-09 SA-11 SA-12 SA-13 SA-14 SA-16 SA-17 SA-18 SA-19 SA-41 FZ-04",
    ),
    Stranger(
        "locks-wrap",
        "limousine_security.py:LocksWrap",
        must_fail="SA-20",
        may_fail="SA-09 SA-10 SA-11 SA-12 SA-13 SA-14 SA-15 SA-16 SA-17 SA-18 SA-36 CF-07 FZ-04",
    ),
    Stranger("suppressed-uncounted", "limousine_security.py:SuppressedUncounted", must_fail="SA-36", may_fail="FZ-04"),
    Stranger(
        "suppressed-opens",
        "limousine_security.py:SuppressedOpens",
        must_fail="SA-36",
        may_fail="SA-39 FZ-01 FZ-02 FZ-03 FZ-05 FZ-04",
    ),
    Stranger(
        "mute-in-delay",
        "limousine_security.py:MuteInDelay",
        must_fail="SA-41",
        may_fail="SA-09 SA-16 SA-19 CF-07 DS-04 FZ-04",
    ),
    Stranger("locks-for-good", "limousine_security.py:LocksForGood", must_fail="SA-41", may_fail="SA-16 SA-20"),
    Stranger("length-keeps-seed", "limousine_security.py:LengthKeepsSeed", must_fail="SA-23", may_fail="FZ-04"),
    Stranger("level-keeps-seed", "limousine_security.py:LevelKeepsSeed", must_fail="SA-23", may_fail="SA-27 FZ-04"),
    Stranger("timeout-keeps-seed", "limousine_security.py:TimeoutKeepsSeed", must_fail="SA-26", may_fail="SA-25 FZ-04"),
    Stranger("hop-keeps-seed", "limousine_security.py:HopKeepsSeed", must_fail="SA-26", may_fail="SA-25 FZ-04"),
    Stranger("seed-holds-session", "limousine_security.py:SeedHoldsSession", must_fail="SA-26", may_fail="FZ-04"),
    Stranger("any-key-number", "limousine_security.py:AnyKeyNumber", must_fail="SA-27", may_fail="SA-40 FZ-04"),
    Stranger("one-opens-all", "limousine_security.py:OneOpensAll", must_fail="SA-28", may_fail="FZ-04"),
    Stranger("levels-pile-up", "limousine_security.py:LevelsPileUp", must_fail="SA-29", may_fail="FZ-04"),
    Stranger(
        "unlock-for-all",
        "limousine_security.py:UnlockForAll",
        must_fail="SA-40",
        may_fail="ST-04 FZ-04",
        changes={"connection": {0x06B0: {"response_id": 0x06B8}}},
    ),
    Stranger("wrong-deep-key-opens", "limousine_security.py:WrongDeepKeyOpens", must_fail="FZ-04|SA-39", may_fail="FZ-04"),
    Stranger("suppressed-entry-keeps", "limousine_security.py:SuppressedEntryKeeps", may_fail="FZ-04 ST-01"),
    Stranger(
        "plain-never-relocks", "limousine_security.py:PlainNeverRelocks", may_fail="ST-02 SA-26 FZ-04", changes=ONE_SESSION
    ),
    Stranger("prints-key", "limousine_security.py:PrintsKey", must_fail="IE-01"),
    Stranger("prints-secret", "limousine_security.py:PrintsSecret", must_fail="IE-01"),
)
"""Each has one flaw."""
