"""Sedans and trucks."""

from .stranger import strangers_in

sedan = strangers_in("sedan.py")
truck = strangers_in("truck.py")

ONE_LEVEL = {"security": {0x03: None}, "data": {0x0A03: None}}

SOUND = (
    sedan("AnswersSuppressed"),
    sedan(
        "AnswersThenReboots",
        what="10 02 is answered at once, then nothing is heard for 300 ms.",
        changes={"security": {0x01: {"session": 0x02}, 0x03: {"session": 0x02}}},
    ),
    sedan(
        "LongBoot",
        "boot-undeclared",
        what="Two seconds for a restart, where half a second is declared.",
        changes={"reset": {"boot_s": 0.5}},
    ),
    sedan("Busy"),
    sedan("ConditionsNeverRight"),
    sedan("crowded"),
    sedan("FastIds", what="Its answers win every arbitration.", changes={"can": {"response_id": 0x10}}),
    sedan("FreshKeysOnly"),
    sedan("GlobalCounter"),
    sedan("Jitter"),
    sedan("LongBoot", what="Two seconds for a restart, as declared.", changes={"reset": {"boot_s": 2.0}}),
    sedan("NoRepeatedEntry"),
    sedan("OneAtATime", "one-at-a-time"),
    sedan(
        "OnlyProgramming",
        what="SecurityAccess in session 02 only, which is entered by a restart, with 0x78 meanwhile.",
        changes={"security": {0x01: {"session": 0x02}, 0x03: {"session": 0x02}}},
    ),
    sedan("Pending"),
    sedan(
        "ProtectedRead",
        what="The protected value is shown to whoever unlocked only.",
        changes={"data": {0x0A02: {"read": "level 0x01"}}},
    ),
    sedan("Sedan"),
    sedan(
        "Sedan",
        "sedan-no-key",
        what="The keys are not known to the tester.",
        changes={"security": {0x01: {"key": None}, 0x03: {"key": None}}},
    ),
    sedan("Sedan", "sedan-no-power", what="Restarts by 11 01 only.", changes={"reset": {"power": None}}),
    sedan("Sedan", "sedan-no-reset", what="No way to restart it is declared.", changes={"reset": None}),
    sedan(
        "Sedan",
        "sessions-undeclared",
        what="It has sessions, and the target says neither which nor how long they last.",
        changes={"timing": None, "session": None, "security": {0x01: {"session": None}, 0x03: {"session": None}}},
    ),
    sedan("Slow"),
    sedan("SlowSession"),
    sedan("Unpadded", changes={"can": {"padding": False}}),
    sedan("VeryPatient"),
    sedan("WriteNeedsSession"),
    truck("BootDelay"),
    truck("BothOrders"),
    truck("Truck"),
    truck("Waits"),
)
"""None of them may be accused."""


FLAWED = (
    sedan("SeedsOfSession", must_fail="SA-01", may_fail="SA-25", changes=ONE_LEVEL),
    sedan("SeedsOfBoot", must_fail="SA-01|SA-25", may_fail="SA-01 SA-25", changes=ONE_LEVEL),
    sedan("SeedForgives", must_fail="SA-09", changes=ONE_LEVEL),
    sedan("DeepUnlimited", must_fail="SA-09"),
    sedan("EmptyKeyFits", must_fail="SA-21", may_fail="SA-22 SA-25 SA-39", changes=ONE_LEVEL),
    sedan("Says31", "says-31", must_fail="SA-21", changes=ONE_LEVEL),
    sedan("OldPair", must_fail="SA-25", may_fail="SA-32", changes=ONE_LEVEL),
    sedan("KeyIsSeedInverted", must_fail="SA-32", changes=ONE_LEVEL),
    sedan("DeepZerosOpen", must_fail="SA-32"),
    sedan("EmptyKeyOpens", must_fail="SA-39", changes=ONE_LEVEL),
    sedan("LongKeyOpens", must_fail="SA-39", changes=ONE_LEVEL),
    sedan("ProgrammingIsOpen", must_fail="AC-02", may_fail="ST-01", changes=ONE_LEVEL),
    sedan("ProgrammingStores", must_fail="AC-02", changes=ONE_LEVEL),
    sedan("DefaultIsOpen", must_fail="AC-01|AC-02", may_fail="AC-02 ST-01", changes=ONE_LEVEL),
    sedan("DeepOpen", must_fail="AC-01", may_fail="AC-02 ST-01 SA-39"),
    sedan("PadsShort", must_fail="AC-13"),
    sedan("StoresMisfit", must_fail="AC-13", may_fail="TP-15", changes=ONE_LEVEL),
    sedan("UnlockSurvives", must_fail="ST-01", changes=ONE_LEVEL),
    sedan("SurvivesDefault", must_fail="ST-01", changes=ONE_LEVEL),
    sedan("SessionRemembers", must_fail="ST-01", changes=ONE_LEVEL),
    sedan("WrongFormat", must_fail="CF-01", changes=ONE_LEVEL),
    sedan("DiesOnUnsupported", must_fail="CF-02", may_fail="CF-01 AC-02", changes=ONE_LEVEL),
    sedan("DiesOnSecondKey", must_fail="SA-24", changes=ONE_LEVEL),
    sedan("OpensAfter256Seeds", "opens-after-256-seeds", may_fail="AC-01 AC-02 SA-39"),
    sedan("OpensAfterDelay", may_fail="AC-01 AC-02 SA-39 ST-01", changes=ONE_LEVEL),
    sedan(
        "ProgrammingIsOpen",
        "programming-is-open-no-key",
        what="In session 02 the protected value may be written; the key is not known to the tester.",
        must_fail="AC-02",
        may_fail="ST-01",
        changes={"security": {0x01: {"key": None}, 0x03: None}, "data": {0x0A03: None}},
    ),
    sedan("SurvivesProgramming", may_fail="ST-01", changes=ONE_LEVEL),
    truck("Overruns", must_fail="AC-13"),
    truck("OverrunsAndRefuses", must_fail="AC-13"),
    truck("PartialWrite", must_fail="AC-13"),
    truck("StaticForEver", must_fail="SA-01 SA-25"),
    truck("SeedOfSerial", "seed-of-boot-count", must_fail="SA-01 SA-25"),
    truck("KeyIsCrcPadded", "key-is-crc"),
    truck("LongKeyOpens", "truck-long-key-opens", must_fail="SA-39"),
    truck("ReentryKeeps", must_fail="ST-01"),
    truck("AsksAgain", must_fail="SA-22"),
    truck("CfAsSingle", must_fail="TP-12"),
    truck("TakenTwice", must_fail="SA-24"),
    truck("OpensDuringKey", must_fail="AC-02", may_fail="SA-39"),
    truck("DiesAtLongWrite", must_fail="AC-13"),
)
"""Each has one flaw."""


BROKEN = (truck("SpinsOnUnsupported", must_fail="CF-02", may_fail="CF-01"), truck("NeverLetsTimePass", must_fail="TP-12"))
"""They answer as nothing does that works."""
