"""Frugal ECUs, and wrecks that break every rule."""

from __future__ import annotations

from .stranger import ANY, strangers_in

frugal = strangers_in("frugal.py")
wrecks = strangers_in("wrecks.py")

NO_RESTART = {"reset": None}
NO_KEY = {"security": {0x01: {"key": None}}}

SOUND = (
    frugal("AllProtected", what="Every DID is write-protected.", changes={"data": {0x0100: {"write": "level 0x01"}}}),
    frugal("AlwaysBootDelay", what="0x37 for ten seconds after every power-up."),
    frugal(
        "Backoff",
        what="Each delay is twice the one before; the target declares neither attempts nor delay.",
        changes={"security": {0x01: {"attempts": None, "delay_s": None}}},
    ),
    frugal("ClosesSoon", what="An unlock lasts half a second."),
    frugal("CountersLoad", what="0x22 for half a second after power-up."),
    frugal("Decremented"),
    frugal("Drifting", what="The protected value changes by itself every seven seconds, and nobody has declared that."),
    frugal("Frugal", what="No sessions at all; its supply can be cut, answers are as short as they can be."),
    frugal(
        "Frugal",
        "frugal-stuck",
        what="No sessions, no reset, no power hook: once unlocked it cannot be locked again. Otherwise sound.",
        changes=NO_RESTART,
    ),
    frugal("FullFrames", what="Ignores frames that are not 8 bytes long, pads with CC.", changes={"can": {"padding": 0xCC}}),
    frugal("Lazy", what="What was written can be read 80 ms later."),
    frugal("LongDelay", what="A delay of an hour, not declared.", changes={"security": {0x01: {"delay_s": None}}}),
    frugal("Masked", what="Some bits of each value are reserved and read as 0."),
    frugal("Frugal", "no-key", what="The key is not known to the tester.", changes=NO_KEY),
    frugal("NoSeedWhenOpen", what="0x22 to a seed request when unlocked."),
    frugal("OneTry", what="The first wrong key locks it.", changes={"security": {0x01: {"attempts": 1}}}),
    frugal("OneWrite"),
    frugal("Ranged", what="Values from 10 to 2F only, which is not declared."),
    frugal(
        "RefusesFirst",
        what="0x33 before 0x13 for a locked write; DIDs without a declared length.",
        changes={"data": {0x0100: {"length": None}, 0x0200: {"length": None}}},
    ),
    frugal("Restless", what="The protected value counts by itself, and nobody has declared that."),
    frugal(
        "Restless",
        "restless-declared",
        what="The protected value counts by itself, as declared.",
        changes={"data": {0x0200: {"volatile": True}}},
    ),
    frugal("SeedsCount"),
    frugal("ShortSeeds", what="Two-byte seeds, truly random."),
    frugal("ShortZeroSeed", what="The zero seed of the unlocked level has two bytes, the others four."),
    frugal("Supplier", what="Has the services 83 and BA, as declared.", changes={"service": {0x83: {}, 0xBA: {}}}),
    frugal(
        "Tarpit",
        what="A delay of one second after every wrong key, and no counter. Attempts are not declared.",
        changes={"security": {0x01: {"attempts": None, "delay_s": 1}}},
    ),
    frugal("TenTries", what="Ten tries, padding FF.", changes={"security": {0x01: {"attempts": 10}}}),
    frugal(
        "TwoTries",
        what="Two tries; 0x24 to a key during the delay, and 0x13 before 0x24.",
        changes={"security": {0x01: {"attempts": 2}}},
    ),
    frugal(
        "Frugal", "unknown", what="Nothing is declared but the ids.", changes={"security": None, "data": None, "reset": None}
    ),
    frugal("WriteOnly", what="The protected value cannot be read.", changes={"data": {0x0200: {"read": "never"}}}),
    frugal(
        "Frugal",
        "wrong-key",
        what="The tester's key function is that of another car: no wrong key may follow the first.",
        changes={"security": {0x01: {"key": "frugal.py:wrong_key"}}},
    ),
    wrecks("EchoLater"),
    wrecks("GarbageFrames", what="Before each answer frames on its id that are none: remote, FD, 29-bit, empty, reserved."),
    wrecks("LateAnswers", what="Answers to a key come after 130 ms, beyond P2."),
    wrecks("LongRecords", what="Reads are answered with 4000 bytes, in spite of the declared length."),
    wrecks("Twice"),
)
"""None of them may be accused."""


FLAWED = (
    frugal("Cycle300", "cycle-300", must_fail="SA-01"),
    frugal("TwelveBits", must_fail="SA-01"),
    frugal("StaticUncounted", must_fail="SA-01 SA-09"),
    frugal("LocksAt15", "locks-at-15", what="The limit is 15 wrong keys.", must_fail="SA-09"),
    frugal("UninitialisedKey", must_fail="SA-21", may_fail="SA-32"),
    frugal("SilentWithoutSeed", what="Silence to a key without a seed.", must_fail="SA-21"),
    frugal("ComparesWithoutSeed", what="A key without a seed is compared: 0x35, and counted.", must_fail="SA-21"),
    frugal(
        "DiesWithoutSeed", what="Dies on a key without a seed.", must_fail="SA-21", may_fail="SA-22 SA-24 SA-25 SA-32 SA-39"
    ),
    frugal("ForgivesOnce", must_fail="SA-22"),
    frugal(
        "AcceptsTwiceWithinASecond",
        "accepts-twice",
        what="The right key is accepted again within a second.",
        must_fail="SA-24",
    ),
    frugal("AnySeedOfThisBoot", "any-seed", may_fail="SA-22 SA-25"),
    frugal(
        "AnySeedOfThisBoot",
        "any-seed-stuck",
        what="The key of any of the last four seeds is right; it cannot be locked again.",
        must_fail="SA-25",
        may_fail="SA-22",
        changes=NO_RESTART,
    ),
    frugal("SecondToLastKey", must_fail="SA-25", may_fail="SA-32"),
    frugal("CachedKey", must_fail="SA-25", may_fail="SA-21"),
    frugal("MasterKey", "master-deadbeef", what="DEADBEEF opens it, whatever the seed.", must_fail="SA-32"),
    frugal("MasterFF", what="FFFFFFFF opens it, whatever the seed.", must_fail="SA-32"),
    frugal("KeyPlusOne", what="The seed plus one opens it.", must_fail="SA-32"),
    frugal("KeyReversed", what="The seed's bytes in reverse open it.", must_fail="SA-32"),
    frugal("KeyOfZero", must_fail="SA-32"),
    frugal("KeyRotated", may_fail="SA-32"),
    frugal(
        "MasterFF",
        "master-ff-stuck",
        what="FFFFFFFF opens it; it cannot be locked again.",
        must_fail="SA-32",
        changes=NO_RESTART,
    ),
    frugal(
        "MasterFF",
        "master-ff-no-key",
        what="FFFFFFFF opens it; the key is not known to the tester.",
        must_fail="SA-32",
        changes=NO_KEY,
    ),
    frugal(
        "OpensAtThirdMalformed", what="Every third key of a wrong length opens it; the answer is 0x13.", must_fail="SA-39"
    ),
    frugal("OpensAtLimit", must_fail="SA-39"),
    frugal("OpensOnSequenceError", what="A key without a seed is answered 0x24, and opens it.", must_fail="SA-39"),
    frugal("OpensOnWrongKey", what="A wrong key is answered 0x35, and opens it.", must_fail="SA-39", may_fail="SA-09"),
    frugal(
        "OpenDuringDelay",
        what="During the delay after too many wrong keys the protected value may be written.",
        must_fail="SA-39",
    ),
    frugal(
        "StoresThenRefuses", what="A locked write is answered 0x22, and stored.", must_fail="AC-01", may_fail="AC-02 SA-39"
    ),
    frugal("SecondWrite", must_fail="AC-01|AC-02", may_fail="AC-01 AC-02"),
    frugal(
        "OpenWhileSeedPending",
        what="The protected value may be written while a seed waits for its key.",
        must_fail="AC-02",
        may_fail="SA-39",
    ),
    frugal("PadStoredInFullFrame", must_fail="AC-13|TP-15", may_fail="AC-13 TP-15"),
    frugal(
        "PadAAStored",
        "pad-aa-stored",
        what="A write without data stores the padding, if that is AA.",
        must_fail="AC-13|TP-15",
        may_fail="AC-13 TP-15",
    ),
    frugal("TakesFirstByte", must_fail="AC-13"),
    frugal("ShortSeven", must_fail="CF-01", may_fail="CF-02 SA-21"),
    frugal("Truncated31", "truncated-31", must_fail="CF-01"),
    frugal(
        "WrongService",
        what="Negative responses name service 22, whatever was asked.",
        must_fail="CF-01",
        may_fail="CF-02 SA-21",
    ),
    frugal("ArticleInvalidKey", must_fail="CF-01"),
    frugal(
        "Only1F", "only-1f", what="0x12 to the service 1F, 0x11 to all others that it does not support.", must_fail="CF-02"
    ),
    frugal(
        "SilentAbove80", "silent-above-80", what="Silence to services from 80 on, 0x11 to the others.", must_fail="CF-02"
    ),
    frugal(
        "UnsupportedIs12", "unsupported-is-12", what="0x12 to every service that it does not support.", must_fail="CF-02"
    ),
    frugal("ExecutesCfZero", must_fail="TP-12"),
    frugal("CfStoresSilently", must_fail="TP-12"),
    frugal("ExecutesFc22", "executes-fc-22", must_fail="TP-12"),
    frugal(
        "AnswersFc",
        what="An unsolicited flow control is answered 7F 30 31, without any length, as the article does.",
        must_fail="TP-12",
    ),
    frugal("IgnoresPadFF", what="Ignores what is padded with FF.", must_fail="TP-15"),
    frugal("CountsPadding", must_fail="TP-15"),
    frugal("DiesOnShortFrame", must_fail="TP-15", may_fail="AC-13"),
    frugal(
        "DiesWithoutSeed",
        "dies-without-seed-no-hook",
        what="Dies on a key without a seed, and nobody can cut its power.",
        may_fail="SA-21",
        changes=NO_RESTART,
    ),
    frugal(
        "StoresThenRefuses",
        "stores-then-refuses-no-key",
        what="A locked write is answered 0x22, and stored; the key is not known to the tester.",
        must_fail="AC-01",
        may_fail="AC-02 SA-39",
        changes=NO_KEY,
    ),
    frugal(
        "LocksAt15",
        "locks-at-15-no-key",
        what="The limit is 15 wrong keys; the key is not known to the tester.",
        must_fail="SA-09",
        changes=NO_KEY,
    ),
)
"""Each has one flaw."""


BROKEN = (
    frugal(
        "Frugal",
        "raising-key",
        what="The key function raises.",
        changes={"security": {0x01: {"key": "frugal.py:raising_key"}}},
    ),
    frugal(
        "Frugal",
        "text-key",
        what="The key function returns text.",
        changes={"security": {0x01: {"key": "frugal.py:text_key"}}},
    ),
    wrecks("Silent"),
    wrecks("AlwaysRefuses"),
    wrecks("AlwaysAgrees", must_fail="CF-02 SA-21 TP-12", may_fail=ANY),
    wrecks("Garbage", may_fail=ANY),
    wrecks("ErrorFrames", what="Sends error frames, which no node can: dead at its first answer."),
    wrecks("Markup", must_fail="CF-02", may_fail="SA-09"),
    wrecks("Megabytes", may_fail="TP-15 TP-12 CF-02 CF-01"),
    wrecks("PendingForEver"),
    wrecks("BusyForEver"),
    wrecks("FloodsItsId", may_fail="TP-12 TP-15"),
    wrecks("DiesAfterHundred", may_fail=ANY),
    wrecks("DeadFromTheStart", what="Raises when it is attached to the bus."),
    wrecks("RaisesUnspeakable", must_fail="CF-02", may_fail="CF-01 SA-32 AC-01"),
    wrecks(
        "Recurses",
        what="Recurses without end on services that it does not support.",
        must_fail="CF-02",
        may_fail="CF-01 SA-32 AC-01",
    ),
    wrecks("SendsNonsense", must_fail="CF-02", may_fail="CF-01 SA-32 AC-01"),
    wrecks(
        "SpinsOnKeyWithoutSeed",
        what="Spins on a key without a seed; `except Exception` does not help it.",
        must_fail="SA-21",
        may_fail="SA-22 SA-24 SA-25 SA-32 SA-39",
    ),
)
"""They answer as nothing does that works."""
