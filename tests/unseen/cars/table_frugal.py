"""Frugal ECUs, and wrecks that break every rule."""

from __future__ import annotations

from .stranger import ANY, strangers_in

frugal = strangers_in("frugal.py")
wrecks = strangers_in("wrecks.py")

NO_RESTART = {"reset": None}
NO_KEY = {"security": {0x01: {"key": None}}}

SOUND = (
    frugal("AllProtected", changes={"data": {0x0100: {"write": "level 0x01"}}}),
    frugal("AlwaysBootDelay"),
    frugal(
        "Backoff",
        what="Each delay is twice the one before; the target declares neither attempts nor delay.",
        changes={"security": {0x01: {"attempts": None, "delay_s": None}}},
    ),
    frugal("ClosesSoon"),
    frugal("CountersLoad"),
    frugal("Decremented"),
    frugal("Drifting"),
    frugal("Frugal"),
    frugal(
        "Frugal",
        "frugal-stuck",
        what="No sessions, no reset, no power hook: once unlocked it cannot be locked again. Otherwise sound.",
        changes=NO_RESTART,
    ),
    frugal("FullFrames", what="Ignores frames that are not 8 bytes long, pads with CC.", changes={"can": {"padding": 0xCC}}),
    frugal("Lazy"),
    frugal("LongDelay", changes={"security": {0x01: {"delay_s": None}}}),
    frugal("Masked"),
    frugal("Frugal", "no-key", what="The key is not known to the tester.", changes=NO_KEY),
    frugal("NoSeedWhenOpen"),
    frugal("OneTry", changes={"security": {0x01: {"attempts": 1}}}),
    frugal("OneWrite"),
    frugal("Ranged"),
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
    frugal("ShortSeeds"),
    frugal("ShortZeroSeed"),
    frugal("Supplier", what="Has the services 83 and BA, as declared.", changes={"service": {0x83: {}, 0xBA: {}}}),
    frugal(
        "Tarpit",
        what="A delay of one second after every wrong key, and no counter. Attempts are not declared.",
        changes={"security": {0x01: {"attempts": None, "delay_s": 1}}},
    ),
    frugal("TenTries", changes={"security": {0x01: {"attempts": 10}}}),
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
    wrecks("GarbageFrames"),
    wrecks("LateAnswers"),
    wrecks("LongRecords"),
    wrecks("Twice"),
)
"""None of them may be accused."""


FLAWED = (
    frugal("Cycle300", "cycle-300", must_fail="SA-01"),
    frugal("TwelveBits", must_fail="SA-01"),
    frugal("StaticUncounted", must_fail="SA-01 SA-09"),
    frugal("LocksAt15", "locks-at-15", what="The limit is 15 wrong keys.", must_fail="SA-09"),
    frugal("UninitialisedKey", must_fail="SA-21", may_fail="SA-32"),
    frugal("SilentWithoutSeed", must_fail="SA-21"),
    frugal("ComparesWithoutSeed", must_fail="SA-21"),
    frugal("DiesWithoutSeed", must_fail="SA-21", may_fail="SA-22 SA-24 SA-25 SA-32 SA-39"),
    frugal("ForgivesOnce", must_fail="SA-22"),
    frugal("AcceptsTwiceWithinASecond", "accepts-twice", must_fail="SA-24"),
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
    frugal("MasterKey", "master-deadbeef", must_fail="SA-32"),
    frugal("MasterFF", must_fail="SA-32"),
    frugal("KeyPlusOne", must_fail="SA-32"),
    frugal("KeyReversed", must_fail="SA-32"),
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
    frugal("OpensAtThirdMalformed", must_fail="SA-39"),
    frugal("OpensAtLimit", must_fail="SA-39"),
    frugal("OpensOnSequenceError", must_fail="SA-39"),
    frugal("OpensOnWrongKey", must_fail="SA-39", may_fail="SA-09"),
    frugal("OpenDuringDelay", must_fail="SA-39"),
    frugal("StoresThenRefuses", must_fail="AC-01", may_fail="AC-02 SA-39"),
    frugal("SecondWrite", must_fail="AC-01|AC-02", may_fail="AC-01 AC-02"),
    frugal("OpenWhileSeedPending", must_fail="AC-02", may_fail="SA-39"),
    frugal("PadStoredInFullFrame", must_fail="AC-13|TP-15", may_fail="AC-13 TP-15"),
    frugal("PadAAStored", "pad-aa-stored", must_fail="AC-13|TP-15", may_fail="AC-13 TP-15"),
    frugal("TakesFirstByte", must_fail="AC-13"),
    frugal("ShortSeven", must_fail="CF-01", may_fail="CF-02 SA-21"),
    frugal("Truncated31", "truncated-31", must_fail="CF-01"),
    frugal("WrongService", must_fail="CF-01", may_fail="CF-02 SA-21"),
    frugal("ArticleInvalidKey", must_fail="CF-01"),
    frugal("Only1F", "only-1f", must_fail="CF-02"),
    frugal("SilentAbove80", "silent-above-80", must_fail="CF-02"),
    frugal("UnsupportedIs12", "unsupported-is-12", must_fail="CF-02"),
    frugal("ExecutesCfZero", must_fail="TP-12"),
    frugal("CfStoresSilently", must_fail="TP-12"),
    frugal("ExecutesFc22", "executes-fc-22", must_fail="TP-12"),
    frugal("AnswersFc", must_fail="TP-12"),
    frugal("IgnoresPadFF", must_fail="TP-15"),
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
    wrecks("ErrorFrames"),
    wrecks("Markup", must_fail="CF-02", may_fail="SA-09"),
    wrecks("Megabytes", may_fail="TP-15 TP-12 CF-02 CF-01"),
    wrecks("PendingForEver"),
    wrecks("BusyForEver"),
    wrecks("FloodsItsId", may_fail="TP-12 TP-15"),
    wrecks("DiesAfterHundred", may_fail=ANY),
    wrecks("DeadFromTheStart"),
    wrecks("RaisesUnspeakable", must_fail="CF-02", may_fail="CF-01 SA-32 AC-01"),
    wrecks("Recurses", must_fail="CF-02", may_fail="CF-01 SA-32 AC-01"),
    wrecks("SendsNonsense", must_fail="CF-02", may_fail="CF-01 SA-32 AC-01"),
    wrecks("SpinsOnKeyWithoutSeed", must_fail="SA-21", may_fail="SA-22 SA-24 SA-25 SA-32 SA-39"),
)
"""They answer as nothing does that works."""
