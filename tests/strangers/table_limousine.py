"""Limousines that are sound in their own way, and those that are broken."""

from __future__ import annotations

from .stranger import ANY, Stranger

SOUND = (
    Stranger(
        "coupe",
        "limousine.py:Coupe",
        changes={
            "security": {0x01: {"session": None}, 0x03: {"session": None}},
            "service": {0x10: None, 0x28: None, 0x34: None, 0x36: None, 0x37: None},
            "session": None,
            "timing": None,
        },
    ),
    Stranger(
        "limousine",
        "limousine.py:Limousine",
        what="Three sessions, two levels, memory, routines, downloads, periodic frames.",
    ),
    Stranger(
        "limousine-bare",
        "limousine.py:Limousine",
        what="Little is declared: ids, sessions, levels, data.",
        changes={"service": None, "routine": None, "memory": None},
    ),
    Stranger(
        "limousine-image",
        "limousine.py:Limousine",
        what="Its image is at hand, and holds no secret.",
        changes={"observe": {"image": "images/clean.bin"}},
    ),
    Stranger(
        "limousine-no-hooks",
        "limousine.py:Limousine",
        what="Nothing can restart it: no reset is declared, no supply is at hand.",
        changes={"reset": {"uds": None, "power": None}},
    ),
    Stranger(
        "limousine-no-key",
        "limousine.py:Limousine",
        what="The key is not known to the tester.",
        changes={"security": {0x01: {"key": None, "secret": None}, 0x03: {"key": None, "secret": None}}},
    ),
    Stranger(
        "limousine-undeclared-limits",
        "limousine.py:Limousine",
        what="Attempts and delay are there, and not declared.",
        changes={"security": {0x01: {"attempts": None, "delay_s": None}, 0x03: {"attempts": None, "delay_s": None}}},
    ),
    Stranger(
        "other-unit",
        "limousine.py:Limousine",
        what="Pairs of another unit are known, which has other secrets.",
        changes={"observe": {"other_unit": "images/other.pairs"}},
    ),
    Stranger("answers-after-boot", "limousine_sound.py:AnswersAfterBoot", changes={"reset": {"boot_s": 0.035}}),
    Stranger("at-the-limit", "limousine_sound.py:AtTheLimit"),
    Stranger("boot-delay", "limousine_sound.py:BootDelay"),
    Stranger("boot-loader", "limousine_sound.py:BootLoader"),
    Stranger("busy-now-and-then", "limousine_sound.py:Busy"),
    Stranger("busy-while-thinking", "limousine_sound.py:BusyWhileThinking"),
    Stranger("counters-load", "limousine_sound.py:CountersLoad"),
    Stranger("crowded-street", "limousine_sound.py:crowded"),
    Stranger("data-record", "limousine_sound.py:DataRecord"),
    Stranger("decremented", "limousine_sound.py:Decremented"),
    Stranger("deep-in-programming", "limousine_sound.py:DeepInProgramming", changes={"security": {0x03: {"session": 0x02}}}),
    Stranger("delay-after-each", "limousine_sound.py:DelayAfterEach"),
    Stranger(
        "door-module",
        "limousine_sound.py:DoorModule",
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
    Stranger("drops", "limousine_sound.py:Drops"),
    Stranger(
        "eight-byte-keys",
        "limousine_sound.py:EightByteKeys",
        changes={"security": {0x01: {"key": "limousine_sound.py:short_key"}, 0x03: {"key": "limousine_sound.py:short_key"}}},
    ),
    Stranger("fast-boot", "limousine_sound.py:FastBoot", changes={"reset": {"boot_s": 0.015}}),
    Stranger("five-seconds", "limousine_sound.py:FiveSeconds"),
    Stranger("functional-presence", "limousine_sound.py:FunctionalPresence"),
    Stranger("hides-guarded", "limousine_sound.py:HidesGuarded"),
    Stranger("jitter", "limousine_sound.py:Jitter"),
    Stranger("key-pending", "limousine_sound.py:KeyPending"),
    Stranger("late-s3", "limousine_sound.py:LateS3"),
    Stranger(
        "level-five",
        "limousine_sound.py:LevelFive",
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
    Stranger("long-boot", "limousine_sound.py:LongBoot", changes={"reset": {"boot_s": 4.0}}),
    Stranger(
        "long-record", "limousine_sound.py:LongRecord", changes={"data": {0xF1A0: {"length": 600, "write": "level 0x01"}}}
    ),
    Stranger("long-thinker", "limousine_sound.py:LongThinker", changes={"timing": {"p2_ms": 400}}),
    Stranger("moving", "limousine_sound.py:Moving"),
    Stranger("no-functional", "limousine_sound.py:NoFunctional", changes={"can": {"functional_id": None}}),
    Stranger("no-reset", "limousine_sound.py:NoReset", changes={"service": {0x11: None}, "reset": {"uds": None}}),
    Stranger("no-seed-when-open", "limousine_sound.py:NoSeedWhenOpen"),
    Stranger("no-suppressed-security", "limousine_sound.py:NoSuppressedSecurity"),
    Stranger("no-write-in-default", "limousine_sound.py:NoWriteInDefault"),
    Stranger("nothing-between", "limousine_sound.py:NothingBetween"),
    Stranger("odd-timing", "limousine_sound.py:OddTiming"),
    Stranger("one-did", "limousine_sound.py:OneDid"),
    Stranger("one-write", "limousine_sound.py:OneWrite"),
    Stranger(
        "open-communication",
        "limousine_sound.py:OpenCommunication",
        changes={"service": {0x14: {"needs": "open"}, 0x28: {"needs": "open"}, 0x85: {"needs": "open"}}},
    ),
    Stranger(
        "open-scratch",
        "limousine_sound.py:OpenScratch",
        changes={
            "service": {0x23: {"needs": "open"}, 0x3D: {"needs": "open"}},
            "memory": {"0x20000000..0x200000FF": {"needs": "open"}},
        },
    ),
    Stranger("other-order", "limousine_sound.py:OtherOrder"),
    Stranger("partial-read", "limousine_sound.py:PartialRead"),
    Stranger(
        "public-key",
        "limousine_sound.py:PublicKey",
        changes={"data": {0xF1A1: {"length": 64}, 0xF195: {"length": 11}, 0xF18B: {"length": 4}}},
    ),
    Stranger("quiet-overflow", "limousine_sound.py:QuietOverflow"),
    Stranger("random-padding", "limousine_sound.py:RandomPadding"),
    Stranger("rate-limited", "limousine_sound.py:RateLimited"),
    Stranger(
        "restless", "limousine_sound.py:Restless", changes={"data": {0x0210: {"volatile": True}, 0x0220: {"volatile": True}}}
    ),
    Stranger("secured-reset", "limousine_sound.py:SecuredReset", changes={"service": {0x11: {"needs": "level 0x01"}}}),
    Stranger("secured-session", "limousine_sound.py:SecuredSession"),
    Stranger("shared-counter", "limousine_sound.py:SharedCounter"),
    Stranger("shared-delay", "limousine_sound.py:SharedDelay"),
    Stranger(
        "short-delay", "limousine_sound.py:ShortDelay", changes={"security": {0x01: {"delay_s": 1}, 0x03: {"delay_s": 1}}}
    ),
    Stranger("short-unlock", "limousine_sound.py:ShortUnlock"),
    Stranger("short-zero-seed", "limousine_sound.py:ShortZeroSeed"),
    Stranger("slow-memory", "limousine_sound.py:SlowMemory"),
    Stranger("static-seed", "limousine_sound.py:StaticSeed"),
    Stranger(
        "stern",
        "limousine_sound.py:Stern",
        changes={"security": {0x01: {"attempts": 1, "delay_s": 120}, 0x03: {"attempts": 1, "delay_s": 120}}},
    ),
    Stranger("talkative", "limousine_sound.py:Talkative"),
    Stranger(
        "ten-attempts",
        "limousine_sound.py:TenAttempts",
        changes={"security": {0x01: {"attempts": 10}, 0x03: {"attempts": 10}}},
    ),
    Stranger("thinks-for-long", "limousine_sound.py:ThinksForLong"),
    Stranger("thinks-over-all", "limousine_sound.py:ThinksOver"),
    Stranger("thinks-over-presence", "limousine_sound.py:ThinksOverPresence"),
    Stranger("thinks-over-reads", "limousine_sound.py:ThinksOverReads"),
    Stranger("through-extended", "limousine_sound.py:ThroughExtended"),
    Stranger(
        "twenty-nine-bits",
        "limousine_sound.py:TwentyNineBits",
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
    Stranger("two-testers", "limousine_sound.py:TwoTesters", changes={"connection": {0x06B0: {"response_id": 0x06B8}}}),
    Stranger("unpadded", "limousine_sound.py:Unpadded", changes={"can": {"padding": False}}),
    Stranger("waits", "limousine_sound.py:Waits"),
)
"""None of them may be accused."""


BROKEN = (
    Stranger(
        "level-that-is-not",
        "limousine.py:Limousine",
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
    Stranger(
        "wrong-service-list",
        "limousine.py:Limousine",
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
    Stranger("nothing-supported", "limousine_broken.py:NothingSupported"),
    Stranger("always-positive", "limousine_broken.py:AlwaysPositive", must_fail="CF-02", may_fail=ANY),
    Stranger("only-default", "limousine_broken.py:OnlyDefault"),
    Stranger("garbage-for-security", "limousine_broken.py:GarbageForSecurity", may_fail=ANY),
    Stranger(
        "silent-security",
        "limousine_broken.py:SilentSecurity",
        may_fail="DS-04 SA-21 CF-03 CF-06 CF-12 CF-09 CF-04 ST-05 ST-06 FZ-02 FZ-03 FZ-04",
    ),
    Stranger("busy-from-key", "limousine_broken.py:BusyFromKey", may_fail=ANY),
    Stranger(
        "empty-seeds",
        "limousine_broken.py:EmptySeeds",
        may_fail="SA-01 SA-02 SA-03 SA-05 SA-06 SA-07 SA-08 SA-25 CF-10 FZ-02 FZ-04",
    ),
    Stranger(
        "negative-for-yes",
        "limousine_broken.py:NegativeForYes",
        must_fail="CF-02",
        may_fail="CF-01 CF-03 CF-04 CF-05 CF-06 CF-07 CF-09 SA-21 SA-22 SA-24 SA-23 SA-27 FZ-02 FZ-04",
    ),
    Stranger("dead-after-reset", "limousine_broken.py:DeadAfterReset", may_fail=ANY),  # each check that resets it loses it
)
"""They answer as nothing does that works."""
