"""ECUs that are wrong in states, places, paths, requests and times, and ECUs that are only odd."""

from tests.unseen.ecu import Unseen
from tests.unseen.targets import CRANE, LOOM, changed


def _crane(name: str, factory: str, flaw: str, must_fail: str, target: str = CRANE, depth: str = "default") -> Unseen:
    return Unseen(name, f"crane/crane_{factory}", flaw, tuple(must_fail.split()), target, depth)


CRANE_KEYS = (
    _crane(
        "last-bit-of-level-09-key-ignored",
        "flawed.py:LastBitIgnored",
        "A key for level 09 that differs from the right one in its lowest bit only opens the level.",
        "SA-31",
    ),
    _crane(
        "ff-key-opens-until-the-first-right-key",
        "flawed.py:BlankKeyOpens",
        "From power-on until the first right key, a key of FF bytes opens either level.",
        "SA-32",
    ),
    _crane(
        "level-03-key-opens-level-09",
        "flawed.py:LowKeyOpensHigh",
        "A seed of level 09 may be answered with the shorter key that level 03 would have for it.",
        "SA-27 SA-30",
    ),
    _crane(
        "key-of-the-seed-before-opens",
        "flawed.py:KeyOfSeedBefore",
        "After two requests for a seed the key of the first seed opens too.",
        "SA-25 SA-26 FZ-04",
    ),
    _crane(
        "half-a-key-opens",
        "flawed.py:HalfKeyOpens",
        "The first half of the right key opens; no other short length is taken.",
        "SA-30",
    ),
    _crane(
        "zero-seed-key-opens-without-a-seed",
        "flawed.py:ZeroSeedKeyOpens",
        "After power-on and before any seed was requested, the key of the all-zero seed opens.",
        "SA-21 SA-32",
    ),
    _crane(
        "empty-key-keeps-the-seed",
        "flawed.py:EmptyKeyKeepsSeed",
        "A key without a byte is refused, and leaves the seed good for the right key; other wrong lengths do not.",
        "SA-23",
    ),
    _crane(
        "first-seed-after-power-on-fixed",
        "flawed.py:FirstSeedFixed",
        "The first seed of a level after each power-on, but not after a reset, is always the same.",
        "SA-01 SA-05 SA-07",
    ),
    _crane(
        "keys-beginning-with-zero-not-counted",
        "flawed.py:ZeroFirstByteUncounted",
        "Wrong keys whose first byte is 00 are never counted.",
        "SA-09 SA-10 SA-20",
    ),
    _crane(
        "same-wrong-key-counted-once",
        "flawed.py:SameKeyUncounted",
        "A wrong key equal to the one before is not counted, though it answers another seed.",
        "SA-09 SA-10 SA-20",
    ),
    _crane(
        "level-09-keys-free-while-03-is-open",
        "flawed.py:UncountedWhileLowIsOpen",
        "While level 03 is unlocked, wrong keys for level 09 are not counted.",
        "SA-09 SA-10 SA-15",
    ),
    _crane(
        "second-connection-not-counted",
        "flawed.py:SecondConnectionUncounted",
        "Wrong keys that come over the second declared connection are never counted.",
        "SA-09 SA-10 SA-19 SA-40",
    ),
    _crane(
        "clearing-trouble-codes-clears-the-counter",
        "flawed.py:ClearingCodesClearsCounter",
        "ClearDiagnosticInformation between two wrong keys, open to anybody, sets the counter of wrong keys to zero.",
        "SA-14",
    ),
    _crane(
        "counter-forgotten-from-02-to-03",
        "flawed.py:CounterForgottenOnTheWayBack",
        "Going from session 02 to 03, and no other change of session, sets the counter of wrong keys to zero.",
        "SA-11",
    ),
    _crane(
        "counter-and-delay-forgotten-at-11-02",
        "flawed.py:CounterForgottenAtKeyOffOn",
        "The reset 11 02 forgets the wrong keys, and a running delay with them; 11 01, 11 03 and power cuts do not.",
        "SA-12 SA-17 SA-18",
    ),
    _crane(
        "counter-lapses-after-two-minutes",
        "flawed.py:CounterLapses",
        "With a delay of 600 s, two minutes without a wrong key clear the counter: two of three tries are free.",
        "SA-14",
        changed(CRANE, delay_s="600"),
    ),
    _crane(
        "last-seed-good-in-the-delay",
        "flawed.py:LastSeedGoodInDelay",
        "The seed whose wrong key started the delay may be answered during the delay, and the right key opens.",
        "SA-16 SA-22",
    ),
    _crane(
        "delay-forgotten-in-session-02",
        "flawed.py:DelayForgottenInProgramming",
        "Entering session 02 ends a running delay; the other sessions keep it.",
        "SA-16 SA-19",
    ),
    _crane(
        "delay-forgotten-at-11-03",
        "flawed.py:DelayForgottenAtSoftReset",
        "The reset 11 03 starts without the delay that was running, or that a wrong key should start; 11 01 and 02 keep it.",
        "SA-12 SA-17 SA-18",
    ),
    _crane(
        "delay-only-the-first-time",
        "flawed.py:DelayOnlyOnce",
        "From the second lockout since the start on, 0x36 is said and no delay follows.",
        "SA-16 SA-20",
    ),
    _crane(
        "no-delay-after-an-hour",
        "flawed.py:NoDelayAfterAnHour",
        "When the ECU has been up for more than an hour, the limit is reached without any delay.",
        "SA-09 SA-16 SA-20 FZ-06",
        depth="deep",
    ),
    _crane(
        "second-connection-not-delayed",
        "flawed.py:SeedsForSecondConnectionInDelay",
        "During the delay the second declared connection still gets seeds and may send keys.",
        "SA-09 SA-16 SA-19 SA-40",
    ),
)

CRANE_LOCKS = (
    _crane(
        "unlock-survives-11-03",
        "flawed.py:UnlockSurvivesSoftReset",
        "The reset 11 03 keeps the unlock; 11 01, 11 02 and power cuts lock.",
        "ST-03 ST-08",
    ),
    _crane(
        "unlock-survives-02-to-03",
        "flawed.py:UnlockSurvivesProgrammingToExtended",
        "Going from session 02 to 03 keeps the unlock; every other change of session locks.",
        "ST-01 FZ-04",
    ),
    _crane(
        "suppressed-session-change-does-not-lock",
        "flawed.py:SuppressedChangeDoesNotLock",
        "A change of session with the suppress bit (10 81, 10 83) keeps the unlock.",
        "ST-01 FZ-04",
    ),
    _crane(
        "memory-stays-open-after-timeout",
        "flawed.py:MemoryStaysOpenAfterTimeout",
        "When the session runs out, data are locked but guarded memory can still be written.",
        "ST-02 AC-05",
    ),
    _crane(
        "open-while-booting",
        "flawed.py:OpenWhileBooting",
        "In the first half second after a start guarded data can be written by anybody.",
        "AC-01 AC-02 ST-03 ST-08 FZ-04",
    ),
    _crane(
        "dynamic-did-outlives-the-lock",
        "flawed.py:DynamicDidOutlivesLock",
        "A DID that was put together of guarded data while unlocked is still there, and readable, after the lock.",
        "AC-10 AC-12 ST-01 ST-02 ST-03",
    ),
    _crane(
        "second-connection-uses-the-unlock",
        "unguarded.py:UnlockIsEverybodys",
        "What the first connection unlocked is open to the second declared connection.",
        "SA-40 AC-04",
    ),
)

CRANE_REQUESTS = (
    _crane(
        "suppressed-routine-unguarded",
        "unguarded.py:SuppressedRoutineUnguarded",
        "A guarded routine can be started while locked if the suppress bit is set (31 81).",
        "AC-08 CF-09",
    ),
    _crane(
        "routine-results-unguarded",
        "unguarded.py:RoutineResultsUnguarded",
        "31 03 gives the results of a guarded routine to anybody, started or not.",
        "AC-08",
    ),
    _crane(
        "all-snapshots-unguarded",
        "unguarded.py:AllSnapshotsUnguarded",
        "19 06 with record FF is answered while locked; with record 90, and every other report, it is refused.",
        "AC-12 AC-16",
    ),
    _crane(
        "memory-read-checks-its-start-only",
        "unguarded.py:MemoryReadChecksStart",
        "A read of memory that begins in the open range goes on into the guarded one.",
        "AC-09",
    ),
    _crane(
        "memory-write-with-long-size-unguarded",
        "unguarded.py:MemoryWriteWithLongSize",
        "3D with a size of two bytes (24) writes guarded memory while locked; with a size of one byte it is refused.",
        "AC-05",
    ),
    _crane(
        "memory-write-one-byte-too-far",
        "unguarded.py:MemoryWriteOffByOne",
        "The first guarded byte can be written together with the last open one, or alone.",
        "AC-05",
    ),
    _crane(
        "only-four-dids-guarded",
        "unguarded.py:FirstFourDidsGuarded",
        "In a read of several DIDs only the first four are guarded; a fifth is delivered while locked.",
        "AC-11",
    ),
    _crane(
        "dynamic-memory-unguarded",
        "unguarded.py:DynamicMemoryUnguarded",
        "2C 02 makes a DID of guarded memory while locked, and 22 reads it.",
        "AC-09 AC-10",
    ),
    _crane(
        "communication-of-a-node-unguarded",
        "unguarded.py:NodeCommunicationUnguarded",
        "28 04 and 28 05 are carried out while locked; 28 00 to 03 are refused.",
        "AC-16",
    ),
    _crane(
        "setting-of-listed-codes-unguarded",
        "unguarded.py:SettingWithRecordUnguarded",
        "85 with a list of trouble codes is carried out while locked; without the list it is refused.",
        "AC-16",
    ),
)


def _loom(name: str, factory: str, flaw: str, must_fail: str) -> Unseen:
    return Unseen(name, f"loom/loom_flawed.py:{factory}", flaw, tuple(must_fail.split()), LOOM)


LOOMS = (
    _loom(
        "same-key-twice-opens",
        "SameKeyTwiceOpens",
        "A wrong key that is sent a second time in a row opens, though it answers another seed.",
        "SA-09 SA-31 SA-32 SA-39 FZ-04",
    ),
    _loom(
        "first-key-byte-ignored-after-a-right-key",
        "OneByteOffOpensAfterRight",
        "Once a right key came, keys are right whose first byte only is wrong.",
        "SA-31",
    ),
    _loom(
        "no-limit-in-session-60",
        "UncountedInFactory",
        "Session 60 has the level too, and does not count wrong keys.",
        "SA-09 SA-10 SA-11 SA-19 SA-20",
    ),
    _loom(
        "keys-free-while-a-routine-is-pending",
        "UncountedWhilePending",
        "While a routine is pending (0x78), SecurityAccess is served, and wrong keys are not counted.",
        "SA-09 SA-10 SA-14 SA-19 FZ-04",
    ),
    _loom(
        "power-cut-ends-the-delay",
        "PowerCutEndsDelay",
        "A power cut during the delay ends it and forgets the wrong keys; resets do not.",
        "SA-13 SA-17",
    ),
    _loom(
        "tester-present-shortens-the-delay",
        "TesterPresentShortensDelay",
        "Each TesterPresent shortens a running delay by a second.",
        "SA-14 SA-16",
    ),
    _loom(
        "zero-seed-after-the-delay",
        "ZeroSeedAfterDelay",
        "The first seed after a delay is all zeros though the level is locked.",
        "SA-07",
    ),
    _loom(
        "session-60-repeats-the-seed-of-03",
        "FactoryRepeatsSeed",
        "Session 60 gives the last seed of session 03 again, after its right key too, so that a sniffed key opens.",
        "SA-01 SA-25",
    ),
    _loom(
        "no-delay-after-suppressed-keys",
        "LimitAloneInSuppressed",
        "Wrong keys with the suppress bit (27 92) are counted, but the limit is followed by no delay.",
        "SA-09 SA-16 SA-19 SA-36",
    ),
    _loom(
        "unlock-survives-timeout-in-60",
        "UnlockSurvivesTimeoutInFactory",
        "When session 60 runs out the unlock is kept; session 03 locks.",
        "ST-02",
    ),
    _loom(
        "functional-session-change-does-not-lock",
        "FunctionalChangeDoesNotLock",
        "A change of session that is asked for by the functional id keeps the unlock.",
        "ST-01 AC-17 FZ-04",
    ),
    _loom(
        "download-goes-on-after-the-lock",
        "DownloadGoesOnAfterLock",
        "A download that was begun while unlocked goes on after a change of session locked the ECU.",
        "AC-06 AC-17 ST-01 ST-02",
    ),
    _loom(
        "session-never-ends-after-pending",
        "NoTimeoutAfterPending",
        "After a request that was answered with 0x78 first, the session and its unlock never run out.",
        "ST-02 ST-04",
    ),
    _loom(
        "writes-pass-while-a-routine-is-pending",
        "WritesPassWhilePending",
        "While a routine is pending (0x78), guarded data can be written by anybody.",
        "AC-01 AC-02 AC-08 FZ-04",
    ),
    _loom(
        "functional-output-control-unguarded",
        "FunctionalOutputUnguarded",
        "2F by the functional id controls the output while locked.",
        "AC-03 AC-07",
    ),
    _loom(
        "freezing-the-output-unguarded",
        "FreezingUnguarded",
        "2F with option 02 (freeze) takes the output over while locked; 00, 01 and 03 are refused.",
        "AC-07 AC-16",
    ),
    _loom(
        "fast-periodic-reading-unguarded",
        "FastPeriodicUnguarded",
        "2A in fast mode sends guarded data while locked; slow and medium are refused.",
        "AC-10 AC-12",
    ),
    _loom(
        "upload-in-session-60-unguarded",
        "UploadInFactoryUnguarded",
        "35 and 36 give guarded memory to anybody in session 60.",
        "AC-06 AC-09 AC-16",
    ),
    _loom(
        "reading-files-unguarded",
        "ReadingFilesUnguarded",
        "38 04 and 36 give a file to anybody; deleting and listing files is refused.",
        "AC-06 AC-16",
    ),
    _loom(
        "baud-rate-transition-unguarded",
        "TransitionUnguarded",
        "87 03 is carried out while locked and without the step before; 87 01 is refused.",
        "AC-16",
    ),
    _loom(
        "routine-stop-unguarded",
        "StopUnguarded",
        "31 02 stops the guarded routine while locked; starting it and its results are refused.",
        "AC-08",
    ),
)


def _sound(name: str, factory: str, target: str) -> Unseen:
    return Unseen(name, factory, "", (), target)


SOUND = (
    _sound("crane-as-built", "crane/crane_services.py:FullCrane", CRANE),
    _sound("first-seed-after-start-refused", "crane/crane_odd.py:FirstSeedRefused", CRANE),
    _sound("first-key-after-start-refused", "crane/crane_odd.py:FirstKeyRefused", CRANE),
    _sound("delays-that-double", "crane/crane_odd.py:DelaysDouble", CRANE),
    _sound("one-counter-for-both-levels", "crane/crane_odd.py:OneCounter", CRANE),
    _sound("short-zero-seed", "crane/crane_odd.py:ShortZeroSeed", CRANE),
    _sound("unusual-refusals", "crane/crane_odd.py:UnusualRefusals", CRANE),
    _sound("seed-until-right-key", "crane/crane_odd.py:SeedUntilRightKey", CRANE),
    _sound("second-after-each-wrong-key", "crane/crane_odd.py:SecondAfterEachWrongKey", CRANE),
    _sound("delay-after-every-start", "crane/crane_odd.py:DelayAfterEveryStart", CRANE),
    _sound("one-did-at-a-time", "crane/crane_odd.py:OneDidAtATime", CRANE),
    _sound("loom-as-built", "loom/loom_services.py:FullLoom", LOOM),
    _sound("sessions-refused-at-first", "loom/loom_odd.py:SessionsRefusedAtFirst", LOOM),
    _sound("speaks-while-starting", "loom/loom_odd.py:SpeaksAfterStart", changed(LOOM, boot_s="1.2")),
    _sound("slow-security", "loom/loom_odd.py:SlowSecurity", LOOM),
    _sound("one-try-after-each-delay", "loom/loom_odd.py:OneTryAfterDelay", LOOM),
    _sound("counter-loaded-after-start", "loom/loom_odd.py:LoadsCountersFirst", LOOM),
    _sound("ten-tries", "loom/loom_odd.py:TenTries", changed(LOOM, attempts="10", delay_s="60")),
    _sound("slow-answers-as-announced", "loom/loom_odd.py:SlowAnswers", changed(LOOM, p2_ms="150")),
    _sound("sessions-of-twelve-seconds", "loom/loom_odd.py:PatientSessions", changed(LOOM, s3_ms="12000")),
    _sound("three-seconds-to-start", "loom/loom_odd.py:SlowStart", changed(LOOM, boot_s="3")),
    _sound(
        "security-behind-three-sessions",
        "loom/loom_odd.py:FactoryOnly",
        changed(LOOM.replace("id = 0x60", "id = 0x60\nvia = 0x41"), session="0x60"),
    ),
)

TABLE = (*CRANE_KEYS, *CRANE_LOCKS, *CRANE_REQUESTS, *LOOMS, *SOUND)
