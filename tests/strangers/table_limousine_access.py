"""Limousines with one flaw in what a level guards, in sessions, answers and transport."""

from __future__ import annotations

from .stranger import ANY, Stranger

NO_KEY = {"security": {0x01: {"key": None, "secret": None}, 0x03: {"key": None, "secret": None}}}
ONE_SESSION = {
    "security": {0x01: {"session": None}, 0x03: {"session": None}},
    "service": {0x10: None, 0x28: None, 0x34: None, 0x36: None, 0x37: None},
    "session": None,
    "timing": None,
}

FLAWED = (
    Stranger("functional-stores", "limousine_access.py:FunctionalStores", must_fail="AC-03", may_fail="CF-08"),
    Stranger(
        "functional-stores-no-key",
        "limousine_access.py:FunctionalStores",
        what="A functional write is refused when it is already stored. The key is not known.",
        must_fail="AC-03",
        changes=NO_KEY,
    ),
    Stranger("plain-functional-stores", "limousine_access.py:PlainFunctionalStores", must_fail="AC-03", changes=ONE_SESSION),
    Stranger(
        "long-id-opens", "limousine_access.py:LongIdOpens", must_fail="AC-04", may_fail="ST-04 TP-16 SA-40"
    ),  # the alias serves every request
    Stranger("loose-filter", "limousine_access.py:LooseFilter", must_fail="AC-04", may_fail="ST-04 SA-40"),
    Stranger("memory-write-open", "limousine_access.py:MemoryWriteOpen", must_fail="AC-05"),
    Stranger("memory-write-zero", "limousine_access.py:MemoryWriteZero", must_fail="AC-05"),
    Stranger("download-in-extended", "limousine_access.py:DownloadInExtended", must_fail="AC-06", may_fail="AC-16 FZ-03"),
    Stranger(
        "download-in-extended-no-key",
        "limousine_access.py:DownloadInExtended",
        what="The extended session has a download of its own, for maps, without a level. The key is not known.",
        must_fail="AC-06",
        changes=NO_KEY,
    ),
    Stranger("transfer-alone", "limousine_access.py:TransferAlone", must_fail="AC-06"),
    Stranger("outputs-open", "limousine_access.py:OutputsOpen", must_fail="AC-07", may_fail="FZ-01 FZ-02 FZ-03 FZ-05 AC-16"),
    Stranger(
        "output-open", "limousine_access.py:OutputOpen", may_fail="AC-07 AC-16 FZ-03"
    ),  # it is no protected DID that is controlled
    Stranger("output-return-open", "limousine_access.py:OutputReturnOpen", may_fail="AC-07 AC-16 FZ-03"),
    Stranger("routine-open", "limousine_access.py:RoutineOpen", must_fail="AC-08"),
    Stranger(
        "erase-open", "limousine_access.py:EraseOpen", must_fail="AC-08", changes={"routine": {0xFF00: {"safe": True}}}
    ),
    Stranger("routine-open-in-programming", "limousine_access.py:RoutineOpenInProgramming", must_fail="AC-08"),
    Stranger("flash-readable", "limousine_access.py:FlashReadable", must_fail="AC-09", may_fail="AC-12 FZ-03"),
    Stranger(
        "calibration-readable",
        "limousine_access.py:CalibrationReadable",
        must_fail="AC-09",
        changes={"service": {0x23: {"needs": "open"}}},
    ),
    Stranger(
        "flash-readable-no-key",
        "limousine_access.py:FlashReadable",
        what="The flash page is read without a level; its keys are in it. The key is not known.",
        must_fail="AC-09",
        may_fail="AC-12",
        changes=NO_KEY,
    ),
    Stranger(
        "plain-flash-readable",
        "limousine_access.py:PlainFlashReadable",
        must_fail="AC-09",
        may_fail="AC-12",
        changes=ONE_SESSION,
    ),
    Stranger(
        "upload-open",
        "limousine_access.py:UploadOpen",
        must_fail="AC-09",
        changes={"service": {0x35: {"needs": "level 0x03"}}},
    ),
    Stranger("alias-open", "limousine_access.py:AliasOpen", must_fail="AC-10"),
    Stranger("alone-guarded", "limousine_access.py:AloneGuarded", must_fail="AC-11"),
    Stranger("first-guarded", "limousine_access.py:FirstGuarded", must_fail="AC-11", may_fail="AC-10"),
    Stranger(
        "first-guarded-no-key",
        "limousine_access.py:FirstGuarded",
        what="Only the first DID of a request is judged. The key is not known.",
        must_fail="AC-11",
        changes=NO_KEY,
    ),
    Stranger("plain-first-guarded", "limousine_access.py:PlainFirstGuarded", must_fail="AC-11", changes=ONE_SESSION),
    Stranger("secret-readable", "limousine_access.py:SecretReadable", must_fail="AC-12", may_fail="AC-15 FZ-02 IE-03 IE-06"),
    Stranger(
        "key-readable",
        "limousine_access.py:KeyReadable",
        must_fail="AC-12",
        changes={"data": {0x0A99: {"length": 16, "volatile": True}}},
    ),
    Stranger("lower-limit-missing", "limousine_access.py:LowerLimitMissing", must_fail="AC-14"),
    Stranger("guarded-unranged", "limousine_access.py:GuardedUnranged", must_fail="AC-14"),
    Stranger("range-stores", "limousine_access.py:RangeStores", must_fail="AC-14", may_fail="FZ-02 AC-13 SA-28"),
    Stranger("vin-writable", "limousine_access.py:VinWritable", must_fail="AC-15", may_fail="FZ-01 FZ-02 FZ-03 FZ-05 AC-13"),
    Stranger("clear-open", "limousine_access.py:ClearOpen", must_fail="AC-16", may_fail="FZ-03"),
    Stranger("fault-setting-open", "limousine_access.py:FaultSettingOpen", must_fail="AC-16", may_fail="FZ-03"),
    Stranger(
        "link-control-open",
        "limousine_access.py:LinkControlOpen",
        must_fail="AC-16",
        changes={"service": {0x87: {"needs": "level 0x01"}}},
    ),
    Stranger("checked-at-first", "limousine_access.py:CheckedAtFirst", must_fail="AC-17"),
    Stranger(
        "downgrade",
        "limousine_access.py:Downgrade",
        must_fail="AC-19",
        changes={"service": {0x27: {"needs": "never"}, 0x29: {"needs": "open"}}},
    ),
    Stranger("old-reads", "limousine_access.py:OldReads", must_fail="AC-18", may_fail="CF-02 FZ-03"),
    Stranger(
        "old-writes", "limousine_access.py:OldWrites", must_fail="AC-18|FZ-03", may_fail="CF-02 FZ-01 FZ-02 FZ-03 AC-18"
    ),
    Stranger("timeout-keeps-open", "limousine_access.py:TimeoutKeepsOpen", must_fail="ST-02", may_fail="SA-28 FZ-04"),
    Stranger("long-s3", "limousine_access.py:LongS3", must_fail="ST-02", may_fail="ST-04 SA-26 DS-06 FZ-04"),
    Stranger(
        "timeout-asked-only", "limousine_access.py:TimeoutAskedOnly", must_fail="ST-02", may_fail="SA-26 ST-04 DS-06 FZ-04"
    ),
    Stranger(
        "soft-reset-keeps-open",
        "limousine_access.py:SoftResetKeepsOpen",
        must_fail="ST-03|ST-08",
        may_fail="ST-03 ST-08 FZ-04",
    ),
    Stranger("key-off-keeps-session", "limousine_access.py:KeyOffKeepsSession", must_fail="ST-08"),
    Stranger("hard-reset-keeps-session", "limousine_access.py:HardResetKeepsSession", must_fail="ST-03|ST-08"),
    Stranger(
        "answers-quiet-presence", "limousine_access.py:AnswersQuietPresence", must_fail="ST-04|CF-09", may_fail="CF-08 CF-12"
    ),
    Stranger("any-presence", "limousine_access.py:AnyPresence", must_fail="ST-04", may_fail="ST-02"),
    Stranger(
        "presence-opens",
        "limousine_access.py:PresenceOpens",
        must_fail="ST-04",
        may_fail="AC-01 AC-02 SA-39 ST-01 ST-02 SA-28 FZ-01 FZ-02 FZ-03 FZ-05 FZ-04",
    ),
    Stranger(
        "security-in-default", "limousine_access.py:SecurityInDefault", must_fail="ST-05", may_fail="CF-06 SA-26 FZ-04"
    ),
    Stranger(
        "sometimes-late",
        "limousine_access.py:SometimesLate",
        must_fail="ST-06",
        may_fail="CF-12 DS-07 DS-02 DS-03 FZ-06 TP-15 CF-03 CF-04 CF-05 CF-06",
    ),
    Stranger(
        "pending-for-ever", "limousine_access.py:PendingForEver", must_fail="ST-06", may_fail=ANY
    ),  # whoever reads the long DID loses the ECU
    Stranger(
        "pending-then-nothing",
        "limousine_access.py:PendingThenNothing",
        must_fail="ST-06|CF-12",
        may_fail="CF-10 CF-11 CF-12 CF-05 IE-06",
    ),
    Stranger("development-session", "limousine_access.py:DevelopmentSession", must_fail="ST-07", may_fail="FZ-03 CF-03"),
    Stranger(
        "reset-open",
        "limousine_access.py:ResetOpen",
        must_fail="DS-05|AC-16",
        may_fail="ST-08",
        changes={"service": {0x11: {"needs": "level 0x01"}}},
    ),
    Stranger("mute-in-default", "limousine_access.py:MuteInDefault", must_fail="DS-06 AC-16", may_fail="DS-01 FZ-03"),
    Stranger(
        "mute-for-good",
        "limousine_access.py:MuteForGood",
        must_fail="DS-06",
        may_fail="DS-01 AC-16",
        changes={"service": {0x28: {"needs": "open"}}},
    ),
    Stranger("sub-function-is31", "limousine_wire.py:SubFunctionIs31", must_fail="CF-03", may_fail="CF-06 CF-09"),
    Stranger("half-did-read", "limousine_wire.py:HalfDidRead", must_fail="CF-04", may_fail="FZ-02"),
    Stranger("session-tail", "limousine_wire.py:SessionTail", must_fail="CF-04", may_fail="FZ-02 CF-06"),
    Stranger(
        "empty-record",
        "limousine_wire.py:EmptyRecord",
        must_fail="CF-05",
        may_fail="CF-08 CF-10 CF-11 AC-12 AC-15 IE-03 IE-06 FZ-02 FZ-03 AC-10",
    ),
    Stranger("unknown-did-is11", "limousine_wire.py:UnknownDidIs11", must_fail="CF-05", may_fail="CF-06 CF-08 CF-11"),
    Stranger("sub-before-session", "limousine_wire.py:SubBeforeSession", must_fail="CF-06", may_fail="ST-05 FZ-04"),
    Stranger("length-before-sub", "limousine_wire.py:LengthBeforeSub", must_fail="CF-06"),
    Stranger(
        "swapped-limit-codes",
        "limousine_wire.py:SwappedLimitCodes",
        must_fail="CF-07",
        may_fail="SA-09 SA-10 SA-11 SA-12 SA-13 SA-14 SA-15 SA-16 SA-17 SA-18 SA-20 FZ-04",
    ),
    Stranger("functional-says31", "limousine_wire.py:FunctionalSays31", must_fail="CF-08", may_fail="CF-09"),
    Stranger("functional-says7f", "limousine_wire.py:FunctionalSays7f", must_fail="CF-08"),
    Stranger("session-answers-quiet", "limousine_wire.py:SessionAnswersQuiet", must_fail="CF-09", may_fail="CF-12"),
    Stranger("suppresses-refusals", "limousine_wire.py:SuppressesRefusals", must_fail="CF-09", may_fail="CF-12 FZ-04"),
    Stranger("presence-tail", "limousine_wire.py:PresenceTail", must_fail="CF-10", may_fail="FZ-02"),
    Stranger("swapped-echo", "limousine_wire.py:SwappedEcho", must_fail="CF-10", may_fail="FZ-02 CF-05 FZ-04"),
    Stranger("no-duplicates", "limousine_wire.py:NoDuplicates", must_fail="CF-11", may_fail="CF-10"),
    Stranger("first-did-only", "limousine_wire.py:FirstDidOnly", must_fail="CF-11", may_fail="CF-10"),
    Stranger("all-or-nothing", "limousine_wire.py:AllOrNothing", must_fail="CF-11"),
    Stranger("two-refusals", "limousine_wire.py:TwoRefusals", must_fail="CF-12", may_fail="FZ-02 CF-06"),
    Stranger(
        "sometimes-silent", "limousine_wire.py:SometimesSilent", must_fail="CF-12|ST-06|FZ-06", may_fail=ANY
    ),  # whoever is left without an answer may say so
    Stranger(
        "answers-twice-after-pending",
        "limousine_wire.py:AnswersTwiceAfterPending",
        must_fail="CF-12",
        may_fail="ST-06 FZ-02 CF-10",
    ),
    Stranger(
        "zero-length",
        "limousine_wire.py:ZeroLength",
        what="A single frame of length 0 is as long as its data.",
        must_fail="TP-01",
        may_fail="TP-02 TP-03 FZ-05",
    ),
    Stranger(
        "length-masked",
        "limousine_wire.py:LengthMasked",
        what="Of the length of a single frame three bits are looked at.",
        must_fail="TP-02",
    ),
    Stranger(
        "stale-buffer",
        "limousine_wire.py:StaleBuffer",
        what="A single frame that is longer than its data goes on with the data of the one before.",
        must_fail="TP-03",
        may_fail="TP-15 FZ-01 FZ-05 TP-01 CF-04",
    ),
    Stranger(
        "kind-masked",
        "limousine_wire.py:KindMasked",
        what="Frames of the kinds 4, 8 and C are single frames.",
        must_fail="TP-04",
    ),
    Stranger(
        "extended-address",
        "limousine_wire.py:ExtendedAddress",
        what="A frame of an unknown kind is taken for one with an extended address.",
        must_fail="AC-04|TP-04",
        may_fail="TP-04 AC-04 FZ-01 FZ-05 TP-12",
    ),
    Stranger(
        "short-first",
        "limousine_wire.py:ShortFirst",
        what="A first frame of less than eight bytes is taken.",
        must_fail="TP-05",
        may_fail="AC-04 TP-12 FZ-05",
    ),  # 10 05 2E .. is a first frame and an extended address
    Stranger(
        "late-flow",
        "limousine_wire.py:LateFlow",
        what="The flow control comes after 1.3 s.",
        must_fail="TP-06",
        may_fail="TP-17 ST-06",
    ),
    Stranger(
        "no-flow",
        "limousine_wire.py:NoFlow",
        what="Consecutive frames are taken, but no flow control asks for them.",
        must_fail="TP-06",
    ),
    Stranger(
        "length-wraps",
        "limousine_wire.py:LengthWraps",
        what="Of a first frame's 32-bit length 16 bits are looked at.",
        must_fail="TP-07|TP-08",
        may_fail="TP-07 TP-08 FZ-05",
    ),
    Stranger(
        "small-escape",
        "limousine_wire.py:SmallEscape",
        what="The 32-bit form of a first frame is taken for short messages too.",
        must_fail="TP-08",
    ),
    Stranger(
        "any-first-number",
        "limousine_wire.py:AnyFirstNumber",
        what="The first consecutive frame may have any number.",
        must_fail="TP-09",
    ),
    Stranger("no-numbers", "limousine_wire.py:NoNumbers", what="The sequence number is not looked at.", must_fail="TP-09"),
    Stranger(
        "no-numbers-no-key",
        "limousine_wire.py:NoNumbers",
        what="The sequence number is not looked at. The key is not known.",
        must_fail="TP-09",
        changes=NO_KEY,
    ),
    Stranger("plain-no-numbers", "limousine_wire.py:PlainNoNumbers", must_fail="TP-09", changes=ONE_SESSION),
    Stranger("long-wait", "limousine_wire.py:LongWait", what="It waits 3 s for a consecutive frame.", must_fail="TP-10"),
    Stranger(
        "one-buffer",
        "limousine_wire.py:OneBuffer",
        what="A single frame overwrites the beginning of the message that is being received, which goes on.",
        must_fail="TP-11",
    ),
    Stranger(
        "waits-for-ever",
        "limousine_wire.py:WaitsForEver",
        what="After a flow control that says wait it waits for ever.",
        must_fail="TP-13",
        may_fail="FZ-01 FZ-05 TP-12",
    ),
    Stranger(
        "no-timeout",
        "limousine_wire.py:NoTimeout",
        what="Without a flow control it waits for ever, and hears nothing else.",
        must_fail="TP-13",
        may_fail="FZ-01 FZ-02 FZ-05 TP-17 DS-04",
    ),
    Stranger(
        "flow-for-all",
        "limousine_wire.py:FlowForAll",
        what="A functional first frame is answered with a flow control.",
        must_fail="TP-14",
    ),
    Stranger(
        "dies-on-remote", "limousine_wire.py:DiesOnRemote", must_fail="TP-16|DS-04", may_fail="TP-16 DS-04 FZ-01 FZ-05"
    ),
    Stranger(
        "slots-leak",
        "limousine_wire.py:SlotsLeak",
        what="Each message that is given up costs one of fifty buffers.",
        must_fail="TP-17",
        may_fail="FZ-01 FZ-05 TP-07 TP-08 TP-09 TP-10 TP-11 DS-02 DS-03",
    ),
    Stranger(
        "dies-on-zero-number",
        "limousine_wire.py:DiesOnZeroNumber",
        what="A first consecutive frame with the number 0 kills it.",
        must_fail="FZ-05|TP-09",
        may_fail="TP-09 FZ-01 FZ-05",
    ),
    Stranger(
        "dies-on-flow-in-reception",
        "limousine_wire.py:DiesOnFlowInReception",
        what="A flow control in the middle of a reception kills it.",
        must_fail="FZ-05|TP-12",
        may_fail="TP-12 TP-13 FZ-01 FZ-05 TP-11",
    ),
    Stranger(
        "dies-on-routine-of-four",
        "limousine_wire.py:DiesOnRoutineOfFour",
        must_fail="FZ-01|FZ-02|FZ-03",
        may_fail="FZ-01 FZ-02 FZ-03 FZ-05 AC-08 CF-03 CF-06",
    ),
    Stranger(
        "dies-on-half-faults",
        "limousine_wire.py:DiesOnHalfFaults",
        must_fail="FZ-02|FZ-03",
        may_fail="FZ-01 FZ-02 FZ-03 FZ-05 CF-04 IE-06",
    ),
    Stranger("dies-on-long-read", "limousine_wire.py:DiesOnLongRead", may_fail="FZ-01 FZ-02 FZ-03 FZ-05 CF-04 CF-11 AC-11"),
    Stranger("answersba", "limousine_wire.py:Answersba", must_fail="AC-18|FZ-03", may_fail="CF-02"),
    Stranger("dies-of-burst", "limousine_wire.py:DiesOfBurst", must_fail="DS-02", may_fail="DS-03 FZ-01 FZ-06 TP-17"),
    Stranger("busy-after-burst", "limousine_wire.py:BusyAfterBurst", must_fail="DS-02", may_fail="DS-03 FZ-06 FZ-01 TP-17"),
    Stranger(
        "dies-of-foreign-burst",
        "limousine_wire.py:DiesOfForeignBurst",
        must_fail="DS-03",
        may_fail="DS-02 FZ-01 FZ-05 FZ-06 TP-17 TP-13 AC-04 DS-07",
    ),
    Stranger("slowed-by-foreign", "limousine_wire.py:SlowedByForeign", must_fail="DS-03", may_fail="DS-07 FZ-06 ST-06"),
    Stranger(
        "slower-and-slower",
        "limousine_wire.py:SlowerAndSlower",
        must_fail="DS-07|FZ-06",
        may_fail="ST-06 DS-02 DS-03 FZ-06 FZ-01 DS-07",
    ),
    Stranger("beat-stops-in-delay", "limousine_wire.py:BeatStopsInDelay", must_fail="DS-01"),
    Stranger("beat-stops-in-reception", "limousine_wire.py:BeatStopsInReception", must_fail="DS-01"),
    Stranger("beat-stops-on-key", "limousine_wire.py:BeatStopsOnKey", must_fail="DS-01"),
    Stranger("beat-starves", "limousine_wire.py:BeatStarves", must_fail="DS-01"),
    Stranger("stale-padding", "limousine_wire.py:StalePadding", must_fail="IE-02", may_fail="IE-02"),
    Stranger("key-in-padding", "limousine_wire.py:KeyInPadding", must_fail="IE-02"),
    Stranger("hidden-guarded", "limousine_wire.py:HiddenGuarded", must_fail="IE-03", may_fail="AC-12"),
    Stranger("hidden-routine", "limousine_wire.py:HiddenRoutine", must_fail="IE-03"),
    Stranger("build-path", "limousine_wire.py:BuildPath", must_fail="IE-06"),
)
"""Each has one flaw."""
