"""Sedans and trucks."""

from __future__ import annotations

from .stranger import Stranger

ONE_LEVEL = {"security": {0x03: None}, "data": {0x0A03: None}}

SOUND = (
    Stranger("answers-suppressed", "sedan.py:AnswersSuppressed", what="Answers 3E 80."),
    Stranger(
        "answers-then-reboots",
        "sedan.py:AnswersThenReboots",
        what="10 02 is answered at once, then nothing is heard for 300 ms.",
        changes={"security": {0x01: {"session": 0x02}, 0x03: {"session": 0x02}}},
    ),
    Stranger(
        "boot-undeclared",
        "sedan.py:LongBoot",
        what="Two seconds for a restart, where half a second is declared.",
        changes={"reset": {"boot_s": 0.5}},
    ),
    Stranger("busy", "sedan.py:Busy", what="Every 17th request is answered 0x21."),
    Stranger("conditions-never-right", "sedan.py:ConditionsNeverRight", what="0x22 to every seed request."),
    Stranger("crowded", "sedan.py:crowded", what="With a twin on the next ids, and foreign frames around its own id."),
    Stranger(
        "fast-ids", "sedan.py:FastIds", what="Its answers win every arbitration.", changes={"can": {"response_id": 0x10}}
    ),
    Stranger("fresh-keys-only", "sedan.py:FreshKeysOnly", what="A seed is good for 200 ms."),
    Stranger("global-counter", "sedan.py:GlobalCounter"),
    Stranger("jitter", "sedan.py:Jitter"),
    Stranger(
        "long-boot", "sedan.py:LongBoot", what="Two seconds for a restart, as declared.", changes={"reset": {"boot_s": 2.0}}
    ),
    Stranger(
        "no-repeated-entry",
        "sedan.py:NoRepeatedEntry",
        what="From one session to another only by way of the default session.",
    ),
    Stranger("one-at-a-time", "sedan.py:OneAtATime", what="45 ms for every answer, and deaf meanwhile."),
    Stranger(
        "only-programming",
        "sedan.py:OnlyProgramming",
        what="SecurityAccess in session 02 only, which is entered by a restart, with 0x78 meanwhile.",
        changes={"security": {0x01: {"session": 0x02}, 0x03: {"session": 0x02}}},
    ),
    Stranger("pending", "sedan.py:Pending", what="0x78 first, the answer a second later."),
    Stranger(
        "protected-read",
        "sedan.py:ProtectedRead",
        what="The protected value is shown to whoever unlocked only.",
        changes={"data": {0x0A02: {"read": "level 0x01"}}},
    ),
    Stranger("sedan", "sedan.py:Sedan", what="Three sessions, two levels, multi-frame seeds."),
    Stranger(
        "sedan-no-key",
        "sedan.py:Sedan",
        what="The keys are not known to the tester.",
        changes={"security": {0x01: {"key": None}, 0x03: {"key": None}}},
    ),
    Stranger("sedan-no-power", "sedan.py:Sedan", what="Restarts by 11 01 only.", changes={"reset": {"power": None}}),
    Stranger("sedan-no-reset", "sedan.py:Sedan", what="No way to restart it is declared.", changes={"reset": None}),
    Stranger(
        "sessions-undeclared",
        "sedan.py:Sedan",
        what="It has sessions, and the target says neither which nor how long they last.",
        changes={"timing": None, "session": None, "security": {0x01: {"session": None}, 0x03: {"session": None}}},
    ),
    Stranger("slow", "sedan.py:Slow", what="45 ms for every answer, within P2."),
    Stranger("slow-session", "sedan.py:SlowSession", what="0x22 to SecurityAccess in the first 30 ms of a session."),
    Stranger("unpadded", "sedan.py:Unpadded", what="Neither side pads.", changes={"can": {"padding": False}}),
    Stranger("very-patient", "sedan.py:VeryPatient", what="14 s for each key, with 0x78 every four seconds."),
    Stranger("write-needs-session", "sedan.py:WriteNeedsSession", what="2E is supported in session 03 only."),
    Stranger(
        "boot-delay", "truck.py:BootDelay", what="Delay after every power-up, in an ECU with sessions and a static seed."
    ),
    Stranger("both-orders", "truck.py:BothOrders", what="0x13 before 0x33 for a locked write."),
    Stranger(
        "truck",
        "truck.py:Truck",
        what="29-bit ids, padding CC, a static seed until the right key (with counter and delay), BS 2 and STmin 5 ms.",
    ),
    Stranger("waits", "truck.py:Waits", what="WAIT three times before each long message."),
)
"""None of them may be accused."""


FLAWED = (
    Stranger("seeds-of-session", "sedan.py:SeedsOfSession", must_fail="SA-01", may_fail="SA-25", changes=ONE_LEVEL),
    Stranger("seeds-of-boot", "sedan.py:SeedsOfBoot", must_fail="SA-01|SA-25", may_fail="SA-01 SA-25", changes=ONE_LEVEL),
    Stranger("seed-forgives", "sedan.py:SeedForgives", must_fail="SA-09", changes=ONE_LEVEL),
    Stranger("deep-unlimited", "sedan.py:DeepUnlimited", must_fail="SA-09"),
    Stranger("empty-key-fits", "sedan.py:EmptyKeyFits", must_fail="SA-21", may_fail="SA-22 SA-25 SA-39", changes=ONE_LEVEL),
    Stranger("says-31", "sedan.py:Says31", what="0x31 to a key without a seed.", must_fail="SA-21", changes=ONE_LEVEL),
    Stranger("old-pair", "sedan.py:OldPair", must_fail="SA-25", may_fail="SA-32", changes=ONE_LEVEL),
    Stranger("key-is-seed-inverted", "sedan.py:KeyIsSeedInverted", must_fail="SA-32", changes=ONE_LEVEL),
    Stranger("deep-zeros-open", "sedan.py:DeepZerosOpen", must_fail="SA-32"),
    Stranger("empty-key-opens", "sedan.py:EmptyKeyOpens", must_fail="SA-39", changes=ONE_LEVEL),
    Stranger("long-key-opens", "sedan.py:LongKeyOpens", must_fail="SA-39", changes=ONE_LEVEL),
    Stranger(
        "programming-is-open",
        "sedan.py:ProgrammingIsOpen",
        what="In session 02 the protected value may be written.",
        must_fail="AC-02",
        may_fail="ST-01",
        changes=ONE_LEVEL,
    ),
    Stranger("programming-stores", "sedan.py:ProgrammingStores", must_fail="AC-02", changes=ONE_LEVEL),
    Stranger(
        "default-is-open",
        "sedan.py:DefaultIsOpen",
        what="In the default session the protected value may be written.",
        must_fail="AC-01|AC-02",
        may_fail="AC-02 ST-01",
        changes=ONE_LEVEL,
    ),
    Stranger("deep-open", "sedan.py:DeepOpen", must_fail="AC-01", may_fail="AC-02 ST-01 SA-39"),
    Stranger("pads-short", "sedan.py:PadsShort", must_fail="AC-13"),
    Stranger("stores-misfit", "sedan.py:StoresMisfit", must_fail="AC-13", may_fail="TP-15", changes=ONE_LEVEL),
    Stranger(
        "unlock-survives",
        "sedan.py:UnlockSurvives",
        what="10 03 does not lock; 10 01 and 10 02 do.",
        must_fail="ST-01",
        changes=ONE_LEVEL,
    ),
    Stranger(
        "survives-default",
        "sedan.py:SurvivesDefault",
        what="10 01 and 10 03 do not lock.",
        must_fail="ST-01",
        changes=ONE_LEVEL,
    ),
    Stranger("session-remembers", "sedan.py:SessionRemembers", must_fail="ST-01", changes=ONE_LEVEL),
    Stranger("wrong-format", "sedan.py:WrongFormat", must_fail="CF-01", changes=ONE_LEVEL),
    Stranger(
        "dies-on-unsupported",
        "sedan.py:DiesOnUnsupported",
        what="Dies on a service that it does not support.",
        must_fail="CF-02",
        may_fail="CF-01 AC-02",
        changes=ONE_LEVEL,
    ),
    Stranger("dies-on-second-key", "sedan.py:DiesOnSecondKey", must_fail="SA-24", changes=ONE_LEVEL),
    Stranger("opens-after-256-seeds", "sedan.py:OpensAfter256Seeds", may_fail="AC-01 AC-02 SA-39"),
    Stranger("opens-after-delay", "sedan.py:OpensAfterDelay", may_fail="AC-01 AC-02 SA-39 ST-01", changes=ONE_LEVEL),
    Stranger(
        "programming-is-open-no-key",
        "sedan.py:ProgrammingIsOpen",
        what="In session 02 the protected value may be written; the key is not known to the tester.",
        must_fail="AC-02",
        may_fail="ST-01",
        changes={"security": {0x01: {"key": None}, 0x03: None}, "data": {0x0A03: None}},
    ),
    Stranger("survives-programming", "sedan.py:SurvivesProgramming", may_fail="ST-01", changes=ONE_LEVEL),
    Stranger("overruns", "truck.py:Overruns", must_fail="AC-13"),
    Stranger("overruns-and-refuses", "truck.py:OverrunsAndRefuses", must_fail="AC-13"),
    Stranger("partial-write", "truck.py:PartialWrite", must_fail="AC-13"),
    Stranger("static-for-ever", "truck.py:StaticForEver", must_fail="SA-01 SA-25"),
    Stranger("seed-of-boot-count", "truck.py:SeedOfSerial", must_fail="SA-01 SA-25"),
    Stranger("key-is-crc", "truck.py:KeyIsCrcPadded"),
    Stranger("truck-long-key-opens", "truck.py:LongKeyOpens", must_fail="SA-39"),
    Stranger("reentry-keeps", "truck.py:ReentryKeeps", must_fail="ST-01"),
    Stranger("asks-again", "truck.py:AsksAgain", must_fail="SA-22"),
    Stranger("cf-as-single", "truck.py:CfAsSingle", must_fail="TP-12"),
    Stranger("taken-twice", "truck.py:TakenTwice", must_fail="SA-24"),
    Stranger("opens-during-key", "truck.py:OpensDuringKey", must_fail="AC-02", may_fail="SA-39"),
    Stranger("dies-at-long-write", "truck.py:DiesAtLongWrite", must_fail="AC-13"),
)
"""Each has one flaw."""


BROKEN = (
    Stranger("spins-on-unsupported", "truck.py:SpinsOnUnsupported", must_fail="CF-02", may_fail="CF-01"),
    Stranger("never-lets-time-pass", "truck.py:NeverLetsTimePass", must_fail="TP-12"),
)
"""They answer as nothing does that works."""
