"""Limousines that are sound in their own way, and those that are broken."""

from __future__ import annotations

from .stranger import ANY, strangers_in

broken = strangers_in("limousine_broken.py")
limousine = strangers_in("limousine.py")
sound = strangers_in("limousine_sound.py")

SOUND = (
    limousine(
        "Coupe",
        changes={
            "security": {0x01: {"session": None}, 0x03: {"session": None}},
            "service": {0x10: None, 0x28: None, 0x34: None, 0x36: None, 0x37: None},
            "session": None,
            "timing": None,
        },
    ),
    limousine("Limousine", what="Three sessions, two levels, memory, routines, downloads, periodic frames."),
    limousine(
        "Limousine",
        "limousine-bare",
        what="Little is declared: ids, sessions, levels, data.",
        changes={"service": None, "routine": None, "memory": None},
    ),
    limousine(
        "Limousine",
        "limousine-image",
        what="Its image is at hand, and holds no secret.",
        changes={"observe": {"image": "images/clean.bin"}},
    ),
    limousine(
        "Limousine",
        "limousine-no-hooks",
        what="Nothing can restart it: no reset is declared, no supply is at hand.",
        changes={"reset": {"uds": None, "power": None}},
    ),
    limousine(
        "Limousine",
        "limousine-no-key",
        what="The key is not known to the tester.",
        changes={"security": {0x01: {"key": None, "secret": None}, 0x03: {"key": None, "secret": None}}},
    ),
    limousine(
        "Limousine",
        "limousine-undeclared-limits",
        what="Attempts and delay are there, and not declared.",
        changes={"security": {0x01: {"attempts": None, "delay_s": None}, 0x03: {"attempts": None, "delay_s": None}}},
    ),
    limousine(
        "Limousine",
        "other-unit",
        what="Pairs of another unit are known, which has other secrets.",
        changes={"observe": {"other_unit": "images/other.pairs"}},
    ),
    sound("AnswersAfterBoot", changes={"reset": {"boot_s": 0.035}}),
    sound("AtTheLimit"),
    sound("BootDelay"),
    sound("BootLoader"),
    sound("Busy", "busy-now-and-then"),
    sound("BusyWhileThinking"),
    sound("CountersLoad"),
    sound("crowded", "crowded-street"),
    sound("DataRecord"),
    sound("Decremented"),
    sound("DeepInProgramming", changes={"security": {0x03: {"session": 0x02}}}),
    sound("DelayAfterEach"),
    sound(
        "DoorModule",
        changes={
            "security": None,
            "data": {
                0x0120: None,
                0x0210: None,
                0x0220: None,
                0x0230: None,
                0x0240: None,
                0x0310: None,
                0x0A55: None,
                0x0D10: None,
                0xF18C: None,
                0xF190: None,
                0xF1A0: None,
                0xF18D: {"length": 2},
            },
            "service": {
                0x10: None,
                0x11: None,
                0x14: None,
                0x19: None,
                0x23: None,
                0x27: None,
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
            "reset": {"uds": None},
        },
    ),
    sound("Drops"),
    sound(
        "EightByteKeys",
        changes={"security": {0x01: {"key": "limousine_sound.py:short_key"}, 0x03: {"key": "limousine_sound.py:short_key"}}},
    ),
    sound("FastBoot", changes={"reset": {"boot_s": 0.015}}),
    sound("FiveSeconds"),
    sound("FunctionalPresence"),
    sound("HidesGuarded"),
    sound("Jitter"),
    sound("KeyPending"),
    sound("LateS3"),
    sound(
        "LevelFive",
        changes={
            "security": {
                0x01: None,
                0x03: None,
                0x05: {
                    "session": 0x03,
                    "attempts": 5,
                    "delay_s": 10,
                    "key": "limousine.py:key",
                    "secret": "hex:B4DD8DE6DA214883241268EC163EC19D",
                },
            },
            "data": {
                0x0210: {"write": "level 0x05"},
                0x0220: {"write": "level 0x05"},
                0x0230: {"write": "level 0x05"},
                0x0240: {"write": "level 0x05"},
                0x0D10: {"read": "level 0x05"},
            },
            "service": {
                0x14: {"needs": "level 0x05"},
                0x23: {"needs": "level 0x05"},
                0x28: {"needs": "level 0x05"},
                0x2F: {"needs": "level 0x05"},
                0x34: {"needs": "level 0x05"},
                0x36: {"needs": "level 0x05"},
                0x37: {"needs": "level 0x05"},
                0x3D: {"needs": "level 0x05"},
                0x85: {"needs": "level 0x05"},
            },
            "routine": {0x0203: {"needs": "level 0x05"}, 0xFF00: {"needs": "level 0x05"}},
            "memory": {
                "0x20000000..0x200000FF": {"needs": "level 0x05"},
                "0x08000000..0x080000FF": {"needs": "level 0x05"},
                "0x08010000..0x080100FF": {"needs": "level 0x05"},
            },
        },
    ),
    sound("LongBoot", changes={"reset": {"boot_s": 4.0}}),
    sound("LongRecord", changes={"data": {0xF1A0: {"length": 600, "write": "level 0x01"}}}),
    sound("LongThinker", changes={"timing": {"p2_ms": 400}}),
    sound("Moving"),
    sound("NoFunctional", changes={"can": {"functional_id": None}}),
    sound("NoReset", changes={"service": {0x11: None}, "reset": {"uds": None}}),
    sound("NoSeedWhenOpen"),
    sound("NoSuppressedSecurity"),
    sound("NoWriteInDefault"),
    sound("NothingBetween"),
    sound("OddTiming"),
    sound("OneDid"),
    sound("OneWrite"),
    sound(
        "OpenCommunication", changes={"service": {0x14: {"needs": "open"}, 0x28: {"needs": "open"}, 0x85: {"needs": "open"}}}
    ),
    sound(
        "OpenScratch",
        changes={
            "service": {0x23: {"needs": "open"}, 0x3D: {"needs": "open"}},
            "memory": {"0x20000000..0x200000FF": {"needs": "open"}},
        },
    ),
    sound("OtherOrder"),
    sound("PartialRead"),
    sound("PublicKey", changes={"data": {0xF1A1: {"length": 64}, 0xF195: {"length": 11}, 0xF18B: {"length": 4}}}),
    sound("QuietOverflow"),
    sound("RandomPadding"),
    sound("RateLimited"),
    sound("Restless", changes={"data": {0x0210: {"volatile": True}, 0x0220: {"volatile": True}}}),
    sound("SecuredReset", changes={"service": {0x11: {"needs": "level 0x01"}}}),
    sound("SecuredSession"),
    sound("SharedCounter"),
    sound("SharedDelay"),
    sound("ShortDelay", changes={"security": {0x01: {"delay_s": 1}, 0x03: {"delay_s": 1}}}),
    sound("ShortUnlock"),
    sound("ShortZeroSeed"),
    sound("SlowMemory"),
    sound("StaticSeed"),
    sound("Stern", changes={"security": {0x01: {"attempts": 1, "delay_s": 120}, 0x03: {"attempts": 1, "delay_s": 120}}}),
    sound("Talkative"),
    sound("TenAttempts", changes={"security": {0x01: {"attempts": 10}, 0x03: {"attempts": 10}}}),
    sound("ThinksForLong"),
    sound("ThinksOver", "thinks-over-all"),
    sound("ThinksOverPresence"),
    sound("ThinksOverReads"),
    sound("ThroughExtended"),
    sound(
        "TwentyNineBits",
        changes={
            "can": {
                "request_id": 0x18DA33F1,
                "response_id": 0x18DAF133,
                "functional_id": 0x18DB33F1,
                "extended_ids": True,
                "padding": 0xCC,
            }
        },
    ),
    sound("TwoTesters", changes={"connection": {0x06B0: {"response_id": 0x06B8}}}),
    sound("Unpadded", changes={"can": {"padding": False}}),
    sound("Waits"),
)
"""None of them may be accused."""


BROKEN = (
    limousine(
        "Limousine",
        "level-that-is-not",
        what="A level is declared that it does not have.",
        changes={
            "security": {
                0x05: {
                    "session": 0x03,
                    "attempts": 3,
                    "delay_s": 10,
                    "key": "limousine.py:key",
                    "secret": "hex:B4DD8DE6DA214883241268EC163EC19D",
                }
            }
        },
    ),
    limousine(
        "Limousine",
        "wrong-service-list",
        what="Declared are only half of its services, and two that it has not.",
        changes={
            "service": {
                0x11: None,
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
                0x3E: None,
                0x85: None,
                0x24: {"needs": "open"},
                0x35: {"needs": "open"},
            },
            "routine": None,
            "memory": None,
        },
    ),
    broken("NothingSupported"),
    broken("AlwaysPositive", must_fail="CF-02", may_fail=ANY),
    broken("OnlyDefault"),
    broken("GarbageForSecurity", may_fail=ANY),
    broken("SilentSecurity", may_fail="DS-04 SA-21 CF-03 CF-06 CF-12 CF-09 CF-04 ST-05 ST-06 FZ-02 FZ-03 FZ-04"),
    broken("BusyFromKey", may_fail=ANY),
    broken("EmptySeeds", may_fail="SA-01 SA-02 SA-03 SA-05 SA-06 SA-07 SA-08 SA-25 CF-10 FZ-02 FZ-04"),
    broken(
        "NegativeForYes",
        must_fail="CF-02",
        may_fail="CF-01 CF-03 CF-04 CF-05 CF-06 CF-07 CF-09 SA-21 SA-22 SA-24 SA-23 SA-27 FZ-02 FZ-04",
    ),
    broken("DeadAfterReset", may_fail=ANY),  # each check that resets it loses it
)
"""They answer as nothing does that works."""
