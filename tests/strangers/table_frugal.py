"""Frugal ECUs, and wrecks that break every rule."""

from __future__ import annotations

from .stranger import ANY, Stranger

NO_RESTART = {"reset": None}
NO_KEY = {"security": {0x01: {"key": None}}}

SOUND = (
    Stranger(
        "all-protected",
        "frugal.py:AllProtected",
        what="Every DID is write-protected.",
        changes={"data": {0x0100: {"write": "level 0x01"}}},
    ),
    Stranger("always-boot-delay", "frugal.py:AlwaysBootDelay", what="0x37 for ten seconds after every power-up."),
    Stranger(
        "backoff",
        "frugal.py:Backoff",
        what="Each delay is twice the one before; the target declares neither attempts nor delay.",
        changes={"security": {0x01: {"attempts": None, "delay_s": None}}},
    ),
    Stranger("closes-soon", "frugal.py:ClosesSoon", what="An unlock lasts half a second."),
    Stranger("counters-load", "frugal.py:CountersLoad", what="0x22 for half a second after power-up."),
    Stranger("decremented", "frugal.py:Decremented"),
    Stranger(
        "drifting",
        "frugal.py:Drifting",
        what="The protected value changes by itself every seven seconds, and nobody has declared that.",
    ),
    Stranger(
        "frugal", "frugal.py:Frugal", what="No sessions at all; its supply can be cut, answers are as short as they can be."
    ),
    Stranger(
        "frugal-stuck",
        "frugal.py:Frugal",
        what="No sessions, no reset, no power hook: once unlocked it cannot be locked again. Otherwise sound.",
        changes=NO_RESTART,
    ),
    Stranger(
        "full-frames",
        "frugal.py:FullFrames",
        what="Ignores frames that are not 8 bytes long, pads with CC.",
        changes={"can": {"padding": 0xCC}},
    ),
    Stranger("lazy", "frugal.py:Lazy", what="What was written can be read 80 ms later."),
    Stranger(
        "long-delay",
        "frugal.py:LongDelay",
        what="A delay of an hour, not declared.",
        changes={"security": {0x01: {"delay_s": None}}},
    ),
    Stranger("masked", "frugal.py:Masked", what="Some bits of each value are reserved and read as 0."),
    Stranger("no-key", "frugal.py:Frugal", what="The key is not known to the tester.", changes=NO_KEY),
    Stranger("no-seed-when-open", "frugal.py:NoSeedWhenOpen", what="0x22 to a seed request when unlocked."),
    Stranger(
        "one-try", "frugal.py:OneTry", what="The first wrong key locks it.", changes={"security": {0x01: {"attempts": 1}}}
    ),
    Stranger("one-write", "frugal.py:OneWrite"),
    Stranger("ranged", "frugal.py:Ranged", what="Values from 10 to 2F only, which is not declared."),
    Stranger(
        "refuses-first",
        "frugal.py:RefusesFirst",
        what="0x33 before 0x13 for a locked write; DIDs without a declared length.",
        changes={"data": {0x0100: {"length": None}, 0x0200: {"length": None}}},
    ),
    Stranger("restless", "frugal.py:Restless", what="The protected value counts by itself, and nobody has declared that."),
    Stranger(
        "restless-declared",
        "frugal.py:Restless",
        what="The protected value counts by itself, as declared.",
        changes={"data": {0x0200: {"volatile": True}}},
    ),
    Stranger("seeds-count", "frugal.py:SeedsCount"),
    Stranger("short-seeds", "frugal.py:ShortSeeds", what="Two-byte seeds, truly random."),
    Stranger(
        "short-zero-seed",
        "frugal.py:ShortZeroSeed",
        what="The zero seed of the unlocked level has two bytes, the others four.",
    ),
    Stranger(
        "supplier",
        "frugal.py:Supplier",
        what="Has the services 83 and BA, as declared.",
        changes={"service": {0x83: {}, 0xBA: {}}},
    ),
    Stranger(
        "tarpit",
        "frugal.py:Tarpit",
        what="A delay of one second after every wrong key, and no counter. Attempts are not declared.",
        changes={"security": {0x01: {"attempts": None, "delay_s": 1}}},
    ),
    Stranger(
        "ten-tries", "frugal.py:TenTries", what="Ten tries, padding FF.", changes={"security": {0x01: {"attempts": 10}}}
    ),
    Stranger(
        "two-tries",
        "frugal.py:TwoTries",
        what="Two tries; 0x24 to a key during the delay, and 0x13 before 0x24.",
        changes={"security": {0x01: {"attempts": 2}}},
    ),
    Stranger(
        "unknown",
        "frugal.py:Frugal",
        what="Nothing is declared but the ids.",
        changes={"security": None, "data": None, "reset": None},
    ),
    Stranger(
        "write-only",
        "frugal.py:WriteOnly",
        what="The protected value cannot be read.",
        changes={"data": {0x0200: {"read": "never"}}},
    ),
    Stranger(
        "wrong-key",
        "frugal.py:Frugal",
        what="The tester's key function is that of another car: no wrong key may follow the first.",
        changes={"security": {0x01: {"key": "frugal.py:wrong_key"}}},
    ),
    Stranger("echo-later", "wrecks.py:EchoLater"),
    Stranger(
        "garbage-frames",
        "wrecks.py:GarbageFrames",
        what="Before each answer frames on its id that are none: remote, FD, 29-bit, empty, reserved.",
    ),
    Stranger("late-answers", "wrecks.py:LateAnswers", what="Answers to a key come after 130 ms, beyond P2."),
    Stranger(
        "long-records", "wrecks.py:LongRecords", what="Reads are answered with 4000 bytes, in spite of the declared length."
    ),
    Stranger("twice", "wrecks.py:Twice"),
)
"""None of them may be accused."""


FLAWED = (
    Stranger("cycle-300", "frugal.py:Cycle300", must_fail="SA-01"),
    Stranger("twelve-bits", "frugal.py:TwelveBits", must_fail="SA-01"),
    Stranger("static-uncounted", "frugal.py:StaticUncounted", must_fail="SA-01 SA-09"),
    Stranger("locks-at-15", "frugal.py:LocksAt15", what="The limit is 15 wrong keys.", must_fail="SA-09"),
    Stranger("uninitialised-key", "frugal.py:UninitialisedKey", must_fail="SA-21", may_fail="SA-32"),
    Stranger(
        "silent-without-seed", "frugal.py:SilentWithoutSeed", what="Silence to a key without a seed.", must_fail="SA-21"
    ),
    Stranger(
        "compares-without-seed",
        "frugal.py:ComparesWithoutSeed",
        what="A key without a seed is compared: 0x35, and counted.",
        must_fail="SA-21",
    ),
    Stranger(
        "dies-without-seed",
        "frugal.py:DiesWithoutSeed",
        what="Dies on a key without a seed.",
        must_fail="SA-21",
        may_fail="SA-22 SA-24 SA-25 SA-32 SA-39",
    ),
    Stranger("forgives-once", "frugal.py:ForgivesOnce", must_fail="SA-22"),
    Stranger(
        "accepts-twice",
        "frugal.py:AcceptsTwiceWithinASecond",
        what="The right key is accepted again within a second.",
        must_fail="SA-24",
    ),
    Stranger("any-seed", "frugal.py:AnySeedOfThisBoot", may_fail="SA-22 SA-25"),
    Stranger(
        "any-seed-stuck",
        "frugal.py:AnySeedOfThisBoot",
        what="The key of any of the last four seeds is right; it cannot be locked again.",
        must_fail="SA-25",
        may_fail="SA-22",
        changes=NO_RESTART,
    ),
    Stranger("second-to-last-key", "frugal.py:SecondToLastKey", must_fail="SA-25", may_fail="SA-32"),
    Stranger("cached-key", "frugal.py:CachedKey", must_fail="SA-25", may_fail="SA-21"),
    Stranger("master-deadbeef", "frugal.py:MasterKey", what="DEADBEEF opens it, whatever the seed.", must_fail="SA-32"),
    Stranger("master-ff", "frugal.py:MasterFF", what="FFFFFFFF opens it, whatever the seed.", must_fail="SA-32"),
    Stranger("key-plus-one", "frugal.py:KeyPlusOne", what="The seed plus one opens it.", must_fail="SA-32"),
    Stranger("key-reversed", "frugal.py:KeyReversed", what="The seed's bytes in reverse open it.", must_fail="SA-32"),
    Stranger("key-of-zero", "frugal.py:KeyOfZero", must_fail="SA-32"),
    Stranger("key-rotated", "frugal.py:KeyRotated", may_fail="SA-32"),
    Stranger(
        "master-ff-stuck",
        "frugal.py:MasterFF",
        what="FFFFFFFF opens it; it cannot be locked again.",
        must_fail="SA-32",
        changes=NO_RESTART,
    ),
    Stranger(
        "master-ff-no-key",
        "frugal.py:MasterFF",
        what="FFFFFFFF opens it; the key is not known to the tester.",
        must_fail="SA-32",
        changes=NO_KEY,
    ),
    Stranger(
        "opens-at-third-malformed",
        "frugal.py:OpensAtThirdMalformed",
        what="Every third key of a wrong length opens it; the answer is 0x13.",
        must_fail="SA-39",
    ),
    Stranger("opens-at-limit", "frugal.py:OpensAtLimit", must_fail="SA-39"),
    Stranger(
        "opens-on-sequence-error",
        "frugal.py:OpensOnSequenceError",
        what="A key without a seed is answered 0x24, and opens it.",
        must_fail="SA-39",
    ),
    Stranger(
        "opens-on-wrong-key",
        "frugal.py:OpensOnWrongKey",
        what="A wrong key is answered 0x35, and opens it.",
        must_fail="SA-39",
        may_fail="SA-09",
    ),
    Stranger(
        "open-during-delay",
        "frugal.py:OpenDuringDelay",
        what="During the delay after too many wrong keys the protected value may be written.",
        must_fail="SA-39",
    ),
    Stranger(
        "stores-then-refuses",
        "frugal.py:StoresThenRefuses",
        what="A locked write is answered 0x22, and stored.",
        must_fail="AC-01",
        may_fail="AC-02 SA-39",
    ),
    Stranger("second-write", "frugal.py:SecondWrite", must_fail="AC-01|AC-02", may_fail="AC-01 AC-02"),
    Stranger(
        "open-while-seed-pending",
        "frugal.py:OpenWhileSeedPending",
        what="The protected value may be written while a seed waits for its key.",
        must_fail="AC-02",
        may_fail="SA-39",
    ),
    Stranger("pad-stored-in-full-frame", "frugal.py:PadStoredInFullFrame", must_fail="AC-13|TP-15", may_fail="AC-13 TP-15"),
    Stranger(
        "pad-aa-stored",
        "frugal.py:PadAAStored",
        what="A write without data stores the padding, if that is AA.",
        must_fail="AC-13|TP-15",
        may_fail="AC-13 TP-15",
    ),
    Stranger("takes-first-byte", "frugal.py:TakesFirstByte", must_fail="AC-13"),
    Stranger("short-seven", "frugal.py:ShortSeven", must_fail="CF-01", may_fail="CF-02 SA-21"),
    Stranger("truncated-31", "frugal.py:Truncated31", must_fail="CF-01"),
    Stranger(
        "wrong-service",
        "frugal.py:WrongService",
        what="Negative responses name service 22, whatever was asked.",
        must_fail="CF-01",
        may_fail="CF-02 SA-21",
    ),
    Stranger("article-invalid-key", "frugal.py:ArticleInvalidKey", must_fail="CF-01"),
    Stranger(
        "only-1f",
        "frugal.py:Only1F",
        what="0x12 to the service 1F, 0x11 to all others that it does not support.",
        must_fail="CF-02",
    ),
    Stranger(
        "silent-above-80",
        "frugal.py:SilentAbove80",
        what="Silence to services from 80 on, 0x11 to the others.",
        must_fail="CF-02",
    ),
    Stranger(
        "unsupported-is-12",
        "frugal.py:UnsupportedIs12",
        what="0x12 to every service that it does not support.",
        must_fail="CF-02",
    ),
    Stranger("executes-cf-zero", "frugal.py:ExecutesCfZero", must_fail="TP-12"),
    Stranger("cf-stores-silently", "frugal.py:CfStoresSilently", must_fail="TP-12"),
    Stranger("executes-fc-22", "frugal.py:ExecutesFc22", must_fail="TP-12"),
    Stranger(
        "answers-fc",
        "frugal.py:AnswersFc",
        what="An unsolicited flow control is answered 7F 30 31, without any length, as the article does.",
        must_fail="TP-12",
    ),
    Stranger("ignores-pad-ff", "frugal.py:IgnoresPadFF", what="Ignores what is padded with FF.", must_fail="TP-15"),
    Stranger("counts-padding", "frugal.py:CountsPadding", must_fail="TP-15"),
    Stranger("dies-on-short-frame", "frugal.py:DiesOnShortFrame", must_fail="TP-15", may_fail="AC-13"),
    Stranger(
        "dies-without-seed-no-hook",
        "frugal.py:DiesWithoutSeed",
        what="Dies on a key without a seed, and nobody can cut its power.",
        may_fail="SA-21",
        changes=NO_RESTART,
    ),
    Stranger(
        "stores-then-refuses-no-key",
        "frugal.py:StoresThenRefuses",
        what="A locked write is answered 0x22, and stored; the key is not known to the tester.",
        must_fail="AC-01",
        may_fail="AC-02 SA-39",
        changes=NO_KEY,
    ),
    Stranger(
        "locks-at-15-no-key",
        "frugal.py:LocksAt15",
        what="The limit is 15 wrong keys; the key is not known to the tester.",
        must_fail="SA-09",
        changes=NO_KEY,
    ),
)
"""Each has one flaw."""


BROKEN = (
    Stranger(
        "raising-key",
        "frugal.py:Frugal",
        what="The key function raises.",
        changes={"security": {0x01: {"key": "frugal.py:raising_key"}}},
    ),
    Stranger(
        "text-key",
        "frugal.py:Frugal",
        what="The key function returns text.",
        changes={"security": {0x01: {"key": "frugal.py:text_key"}}},
    ),
    Stranger("silent", "wrecks.py:Silent"),
    Stranger("always-refuses", "wrecks.py:AlwaysRefuses"),
    Stranger("always-agrees", "wrecks.py:AlwaysAgrees", must_fail="CF-02 SA-21 TP-12", may_fail=ANY),
    Stranger("garbage", "wrecks.py:Garbage", may_fail=ANY),
    Stranger(
        "error-frames", "wrecks.py:ErrorFrames", what="Sends error frames, which no node can: dead at its first answer."
    ),
    Stranger("markup", "wrecks.py:Markup", must_fail="CF-02", may_fail="SA-09"),
    Stranger("megabytes", "wrecks.py:Megabytes", may_fail="TP-15 TP-12 CF-02 CF-01"),
    Stranger("pending-for-ever", "wrecks.py:PendingForEver"),
    Stranger("busy-for-ever", "wrecks.py:BusyForEver"),
    Stranger("floods-its-id", "wrecks.py:FloodsItsId", may_fail="TP-12 TP-15"),
    Stranger("dies-after-hundred", "wrecks.py:DiesAfterHundred", may_fail=ANY),
    Stranger("dead-from-the-start", "wrecks.py:DeadFromTheStart", what="Raises when it is attached to the bus."),
    Stranger("raises-unspeakable", "wrecks.py:RaisesUnspeakable", must_fail="CF-02", may_fail="CF-01 SA-32 AC-01"),
    Stranger(
        "recurses",
        "wrecks.py:Recurses",
        what="Recurses without end on services that it does not support.",
        must_fail="CF-02",
        may_fail="CF-01 SA-32 AC-01",
    ),
    Stranger("sends-nonsense", "wrecks.py:SendsNonsense", must_fail="CF-02", may_fail="CF-01 SA-32 AC-01"),
    Stranger(
        "spins-on-key-without-seed",
        "wrecks.py:SpinsOnKeyWithoutSeed",
        what="Spins on a key without a seed; `except Exception` does not help it.",
        must_fail="SA-21",
        may_fail="SA-22 SA-24 SA-25 SA-32 SA-39",
    ),
)
"""They answer as nothing does that works."""
