"""Which ECUs are wrong in states, places, paths, requests and times, and which are only odd."""

from __future__ import annotations

from tests.unseen.ecu import Unseen
from tests.unseen.targets import CRANE, changed


def _crane(name: str, factory: str, flaw: str, *must_fail: str, target: str = CRANE) -> Unseen:
    return Unseen(name, f"crane_{factory}", flaw, must_fail, target)


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
        "SA-27",
        "SA-30",
    ),
    _crane(
        "key-of-the-seed-before-opens",
        "flawed.py:KeyOfSeedBefore",
        "After two requests for a seed the key of the first seed opens too.",
        "SA-25",
        "SA-26",
        "FZ-04",
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
        "SA-21",
        "SA-32",
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
        "SA-01",
        "SA-05",
        "SA-07",
    ),
    _crane(
        "keys-beginning-with-zero-not-counted",
        "flawed.py:ZeroFirstByteUncounted",
        "Wrong keys whose first byte is 00 are never counted.",
        "SA-09",
        "SA-10",
        "SA-20",
    ),
    _crane(
        "same-wrong-key-counted-once",
        "flawed.py:SameKeyUncounted",
        "A wrong key equal to the one before is not counted, though it answers another seed.",
        "SA-09",
        "SA-10",
        "SA-20",
    ),
    _crane(
        "level-09-keys-free-while-03-is-open",
        "flawed.py:UncountedWhileLowIsOpen",
        "While level 03 is unlocked, wrong keys for level 09 are not counted.",
        "SA-09",
        "SA-10",
        "SA-15",
    ),
    _crane(
        "second-connection-not-counted",
        "flawed.py:SecondConnectionUncounted",
        "Wrong keys that come over the second declared connection are never counted.",
        "SA-09",
        "SA-10",
        "SA-19",
        "SA-40",
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
        "SA-12",
        "SA-17",
        "SA-18",
    ),
    _crane(
        "counter-lapses-after-two-minutes",
        "flawed.py:CounterLapses",
        "With a delay of 600 s, two minutes without a wrong key clear the counter: two of three tries are free.",
        "SA-14",
        target=changed(CRANE, delay_s="600"),
    ),
    _crane(
        "last-seed-good-in-the-delay",
        "flawed.py:LastSeedGoodInDelay",
        "The seed whose wrong key started the delay may be answered during the delay, and the right key opens.",
        "SA-16",
        "SA-22",
    ),
    _crane(
        "delay-forgotten-in-session-02",
        "flawed.py:DelayForgottenInProgramming",
        "Entering session 02 ends a running delay; the other sessions keep it.",
        "SA-16",
        "SA-19",
    ),
    _crane(
        "delay-forgotten-at-11-03",
        "flawed.py:DelayForgottenAtSoftReset",
        "The reset 11 03 starts without the delay that was running, or that a wrong key should start; 11 01 and 02 keep it.",
        "SA-12",
        "SA-17",
        "SA-18",
    ),
    _crane(
        "delay-only-the-first-time",
        "flawed.py:DelayOnlyOnce",
        "From the second lockout since the start on, 0x36 is said and no delay follows.",
        "SA-16",
        "SA-20",
    ),
    _crane(
        "no-delay-after-an-hour",
        "flawed.py:NoDelayAfterAnHour",
        "When the ECU has been up for more than an hour, the limit is reached without any delay.",
        "SA-09",
        "SA-16",
        "SA-20",
        "FZ-06",
    ),
    _crane(
        "second-connection-not-delayed",
        "flawed.py:SeedsForSecondConnectionInDelay",
        "During the delay the second declared connection still gets seeds and may send keys.",
        "SA-09",
        "SA-16",
        "SA-19",
        "SA-40",
    ),
)

CRANE_LOCKS = (
    _crane(
        "unlock-survives-11-03",
        "flawed.py:UnlockSurvivesSoftReset",
        "The reset 11 03 keeps the unlock; 11 01, 11 02 and power cuts lock.",
        "ST-03",
        "ST-08",
    ),
    _crane(
        "unlock-survives-02-to-03",
        "flawed.py:UnlockSurvivesProgrammingToExtended",
        "Going from session 02 to 03 keeps the unlock; every other change of session locks.",
        "ST-01",
        "FZ-04",
    ),
    _crane(
        "suppressed-session-change-does-not-lock",
        "flawed.py:SuppressedChangeDoesNotLock",
        "A change of session with the suppress bit (10 81, 10 83) keeps the unlock.",
        "ST-01",
        "FZ-04",
    ),
    _crane(
        "memory-stays-open-after-timeout",
        "flawed.py:MemoryStaysOpenAfterTimeout",
        "When the session runs out, data are locked but guarded memory can still be written.",
        "ST-02",
        "AC-05",
    ),
    _crane(
        "open-while-booting",
        "flawed.py:OpenWhileBooting",
        "In the first half second after a start guarded data can be written by anybody.",
        "AC-01",
        "AC-02",
        "ST-03",
        "ST-08",
        "FZ-04",
    ),
    _crane(
        "dynamic-did-outlives-the-lock",
        "flawed.py:DynamicDidOutlivesLock",
        "A DID that was put together of guarded data while unlocked is still there, and readable, after the lock.",
        "AC-10",
        "AC-12",
        "ST-01",
        "ST-02",
        "ST-03",
    ),
    _crane(
        "second-connection-uses-the-unlock",
        "unguarded.py:UnlockIsEverybodys",
        "What the first connection unlocked is open to the second declared connection.",
        "SA-40",
        "AC-04",
    ),
)

CRANE_REQUESTS = (
    _crane(
        "suppressed-routine-unguarded",
        "unguarded.py:SuppressedRoutineUnguarded",
        "A guarded routine can be started while locked if the suppress bit is set (31 81).",
        "AC-08",
        "CF-09",
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
        "AC-12",
        "AC-16",
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
        "AC-09",
        "AC-10",
    ),
    _crane(
        "communication-of-a-node-unguarded",
        "unguarded.py:NodeCommunicationUnguarded",
        "28 04 and 28 05 are carried out while locked; 28 00 to 03 are refused.",
        "AC-16",
        "DS-06",
    ),
    _crane(
        "setting-of-listed-codes-unguarded",
        "unguarded.py:SettingWithRecordUnguarded",
        "85 with a list of trouble codes is carried out while locked; without the list it is refused.",
        "AC-16",
    ),
)

TABLE = (*CRANE_KEYS, *CRANE_LOCKS, *CRANE_REQUESTS)
