"""Tractors with one oddity, and tractors with one flaw, similar to those reported from outside."""

from tests.unseen.tractor import tractor
from tests.unseen.tractor.tractor_target import DATA, LEVEL, RESET, SESSIONS, data_without, flawed, sound, target

ANY_SESSION = LEVEL.replace("session = 0x03, ", "")
"""The level of an ECU that has it in more sessions than one."""
DEEP_SESSIONS = (*SESSIONS, "id = 0x41, via = 0x03", "id = 0x61, via = 0x41")
DEEP_LEVEL = LEVEL.replace("0x03", "0x61")
ROUTINE = '[[routine]]\nid = 0x0B10\nneeds = "level 0x05"\nsafe = true'
MEMORY = '[[memory]]\nrange = "0x20000000..0x200000FF"\nneeds = "level 0x05"'
NAME = 'did = 0xF197, length = 29, read = "open", write = "never"'
UNREADABLE = data_without(0x4A02)
ONLY_OPEN = data_without(0x4A02, 0x4A03)
WRITE_ONLY = (*ONLY_OPEN, 'did = 0x4A02, length = 1, read = "never", write = "level 0x05"')


def in_session(session: int) -> str:
    """The target of a tractor whose level is in one further session only."""
    return target(sessions=(*SESSIONS, f"id = 0x{session:02X}"), levels=(LEVEL.replace("0x03", f"0x{session:02X}"),))


TABLE = (
    sound("tractor", "tractor/tractor.py:Tractor"),
    sound("open-level-gives-one-zero-byte", "tractor/tractor_seeds.py:OneZeroByte"),
    sound("open-level-refuses-a-seed", "tractor/tractor_seeds.py:RefusesOpenSeed"),
    sound("seed-always-refused-with-22", "tractor/tractor_seeds.py:NeverInTheMood"),
    sound("seeds-of-three-lengths", "tractor/tractor_seeds.py:LengthsVary"),
    sound("seed-wants-a-record", "tractor/tractor_seeds.py:WantsRecord", target(levels=(LEVEL + ', record = "4B 31"',))),
    sound(
        "delay-doubles-with-each-wrong-key",
        "tractor/tractor_keys.py:DelayDoubles",
        target(levels=(LEVEL.replace("attempts = 3, delay_s = 10", "attempts = 1, delay_s = 1"),)),
    ),
    sound("lockout-grows", "tractor/tractor_keys.py:LockoutGrows"),
    sound("key-of-wrong-length-is-a-wrong-key", "tractor/tractor_keys.py:LengthIsPartOfTheKey"),
    sound("keys-refused-at-first", "tractor/tractor_keys.py:NoKeyAtFirst"),
    sound("level-in-session-90", "tractor/tractor_life.py:HighSession", in_session(0x90)),
    sound(
        "level-behind-two-vias", "tractor/tractor_life.py:TwoDoorsDown", target(sessions=DEEP_SESSIONS, levels=(DEEP_LEVEL,))
    ),
    sound(
        "fingerprint-before-seed",
        "tractor/tractor_life.py:FingerprintFirst",
        target(levels=(LEVEL + ', before = ["2E 4A01 0001"]',)),
    ),
    sound(
        "session-of-one-second",
        "tractor/tractor_life.py:ShortSession",
        target(timing="p2_ms = 50\np2_star_ms = 5000\ns3_ms = 1000"),
    ),
    sound("tester-present-in-sessions-only", "tractor/tractor_life.py:PresentInSessionsOnly"),
    sound("states-p2-ffff-and-p2-star-0", "tractor/tractor_life.py:StatesOddTimes"),
    sound(
        "programming-needs-the-key",
        "tractor/tractor_life.py:ProgrammingNeedsKey",
        target(sessions=(*SESSIONS[::2], "id = 0x02, via = 0x03")),
    ),
    sound("boots-in-four-seconds", "tractor/tractor_life.py:SlowBoot", target(reset=RESET.replace("0.25", "4.0"))),
    sound("no-way-to-restart", "tractor/tractor_life.py:NoRestart", target(reset="boot_s = 0.25")),
    sound("sleeps-on-a-quiet-bus", "tractor/tractor_life.py:Sleeps"),
    sound("padding-is-random", "tractor/tractor_bus.py:RandomPadding"),
    sound("padded-frames-only", "tractor/tractor_bus.py:PaddedOnly"),
    sound("remote-frame-before-each-answer", "tractor/tractor_bus.py:RemoteFirst"),
    sound("another-tester-reads-long-answers", "tractor/tractor_bus.py:another_tester"),
    sound("insecure-neighbour", "tractor/tractor_bus.py:insecure_neighbour"),
    sound("busy-field", "tractor/tractor_bus.py:busy_field"),
    sound("only-a-routine-is-guarded", "tractor/tractor_access.py:RoutineOnly", target(data=ONLY_OPEN, more=ROUTINE)),
    sound(
        "only-a-service-is-guarded",
        "tractor/tractor_access.py:ServiceOnly",
        target(data=ONLY_OPEN, more='[[service]]\nid = 0x85\nneeds = "level 0x05"\nsafe = true'),
    ),
    sound("guarded-value-unreadable-while-locked", "tractor/tractor_access.py:Unreadable", target(data=UNREADABLE)),
    sound("guarded-value-never-readable", "tractor/tractor_access.py:WriteOnly", target(data=WRITE_ONLY)),
    sound(
        "guarded-value-changes-by-itself",
        "tractor/tractor_access.py:DriftingLimit",
        target(data=(DATA[0], DATA[1] + ", volatile = true", *DATA[2:])),
    ),
    sound("services-half-there", "tractor/tractor_access.py:HalfThere"),
    sound("memory-behind-the-key", "tractor/tractor_access.py:Memory", target(more=MEMORY)),
    sound("keyless-entry-panel", "tractor/tractor_access.py:KeylessName", target(data=(*DATA, NAME))),
    flawed(
        "zero-seed-in-programming",
        "tractor/tractor_seeds.py:ZeroInProgramming",
        "In session 02 each seed is zero while the level is locked, and the key of zero opens.",
        "SA-07 SA-01 SA-02 SA-03 SA-25",
        target(levels=(ANY_SESSION,)),
    ),
    flawed(
        "zero-seed-after-wrong-key",
        "tractor/tractor_seeds.py:ZeroAfterWrongKey",
        "The seed that follows a wrong key is zero while the level is locked.",
        "SA-07 SA-01 SA-02",
    ),
    flawed(
        "seed-tail-follows-from-head",
        "tractor/tractor_seeds.py:TailFollows",
        "Eight of the seed's twelve bytes follow from the other four.",
        "SA-02 SA-03 SA-06",
    ),
    flawed(
        "seed-renewed-each-second",
        "tractor/tractor_seeds.py:RenewedEachSecond",
        "The seed depends on nothing but the second of the clock and a secret, and is the same for all within it.",
        "SA-01 SA-02 SA-04 SA-05",
    ),
    flawed(
        "every-ninth-seed-of-four",
        "tractor/tractor_seeds.py:EveryNinthOfFour",
        "Every ninth seed is one of four constants.",
        "SA-01 SA-02",
    ),
    flawed(
        "four-bytes-of-the-seed-move",
        "tractor/tractor_seeds.py:FourBytesMove",
        "Eight of the seed's twelve bytes stay the same from start to start.",
        "SA-02 SA-03 SA-06",
    ),
    flawed(
        "wrong-key-refused-with-31-uncounted",
        "tractor/tractor_keys.py:Uncounted31",
        "Wrong keys are refused with 31 and never counted: no number of them locks.",
        "SA-09 SA-20 CF-07 FZ-04",
    ),
    flawed(
        "wrong-key-refused-with-10",
        "tractor/tractor_keys.py:Refused10",
        "A wrong key is refused with 10 instead of 35, and the last one with 10 instead of 36.",
        "CF-07 FZ-04",
    ),
    flawed(
        "wrong-key-met-by-silence",
        "tractor/tractor_keys.py:SilentRefusal",
        "A wrong key is not answered at all, though it is counted.",
        "CF-01 CF-07 CF-12 ST-06 FZ-04 DS-04",
    ),
    flawed(
        "wrong-key-refused-without-code",
        "tractor/tractor_keys.py:CodelessRefusal",
        "A wrong key is answered by 7F 27 without a code.",
        "CF-01 CF-07 CF-10 CF-12 FZ-04 ST-06",
    ),
    flawed(
        "wrong-key-answered-positively",
        "tractor/tractor_keys.py:AgreesToAll",
        "A wrong key is answered 67 06, though the level stays locked.",
        "CF-07 CF-01 CF-10 SA-39 SA-30 SA-31 SA-32 FZ-04",
    ),
    flawed(
        "the-limit-opens",
        "tractor/tractor_keys.py:LimitOpens",
        "The wrong key that reaches the limit is refused with 36 and opens the level.",
        "SA-39 SA-09 SA-16 SA-20 CF-07 FZ-04",
    ),
    flawed(
        "right-key-answered-with-seed-level",
        "tractor/tractor_keys.py:EchoesSeedLevel",
        "The right key opens and is answered 67 05 instead of 67 06.",
        "CF-10 FZ-04",
    ),
    flawed(
        "right-key-answered-twice",
        "tractor/tractor_keys.py:SpeaksTwice",
        "The right key is answered 67 06 and, 40 ms later, 7F 27 24 as well.",
        "CF-12 FZ-04",
    ),
    flawed(
        "uncounted-when-first-byte-fits",
        "tractor/tractor_keys.py:FirstByteCounts",
        "Wrong keys whose first byte is right are not counted.",
        "SA-09 SA-10 SA-20 SA-31 SA-35 FZ-04",
    ),
    flawed(
        "half-of-last-byte-ignored",
        "tractor/tractor_keys.py:MaskedByte",
        "The upper half of the key's last byte is not compared.",
        "SA-31 SA-30",
    ),
    flawed(
        "empty-key-kills",
        "tractor/tractor_keys.py:CrashesOnEmptyKey",
        "A key of no bytes that follows a seed kills the ECU.",
        "SA-30 SA-23 CF-04 DS-04 FZ-01 FZ-02 FZ-03 FZ-04",
    ),
    flawed(
        "delay-ends-in-default",
        "tractor/tractor_keys.py:DelayEndsInDefault",
        "The delay ends when the default session is asked for twice in a row.",
        "SA-19 SA-16 SA-17 SA-11 SA-14 FZ-04",
    ),
    flawed(
        "static-seed-in-session-c1",
        "tractor/tractor_life.py:StaticInHighSession",
        "In session C1, where alone the level is, the seed never changes.",
        "SA-01 SA-02 SA-03 SA-05 SA-25",
        in_session(0xC1),
    ),
    flawed(
        "zero-key-behind-two-vias",
        "tractor/tractor_life.py:ZeroKeyTwoDoorsDown",
        "A key of ten zero bytes opens the level, which is in session 61.",
        "SA-32 SA-31",
        target(sessions=DEEP_SESSIONS, levels=(DEEP_LEVEL,)),
    ),
    flawed(
        "session-revived-by-3e-80",
        "tractor/tractor_life.py:Revived",
        "A session that ended by time comes back, open as it was, by a 3E 80 within 30 s.",
        "ST-02 ST-04 FZ-04",
    ),
    flawed(
        "session-kept-by-one-functional-request",
        "tractor/tractor_life.py:KeptByFunctional",
        "After one functional request a session does not end by time any more.",
        "ST-02 ST-04 FZ-04",
    ),
    flawed(
        "unlock-survives-programming",
        "tractor/tractor_life.py:OpenAcrossProgramming",
        "The unlock survives a change from session 03 to 02, and one from 02 to 03.",
        "ST-01 FZ-04",
    ),
    flawed(
        "eight-identifiers-crash",
        "tractor/tractor_life.py:CrashesOnEightDids",
        "A read of eight identifiers or more makes the ECU restart.",
        "CF-11 CF-04 FZ-01 FZ-02 FZ-03 DS-04",
    ),
    flawed(
        "unknown-session-mutes",
        "tractor/tractor_life.py:MuteAfterUnknownSession",
        "A request for a session from 60 to 7E is not refused but mutes the ECU for a minute.",
        "ST-07 CF-03 FZ-01 FZ-02 FZ-03 DS-04",
    ),
    flawed(
        "silent-to-unknown-identifiers",
        "tractor/tractor_bus.py:SilentToUnknownDids",
        "A read of an identifier that is not there is not answered.",
        "CF-05 CF-11 CF-12 ST-06",
    ),
    flawed(
        "refusal-holds-the-right-key",
        "tractor/tractor_bus.py:RefusalHoldsKey",
        "The frame that refuses a key is filled with four bytes of the right one.",
        "IE-02",
    ),
    flawed(
        "refusal-holds-the-guarded-value",
        "tractor/tractor_bus.py:RefusalHoldsValue",
        "The frame that refuses a guarded read is filled with four bytes of the value.",
        "IE-02 AC-11 AC-12",
    ),
    flawed(
        "remote-frames-answered",
        "tractor/tractor_bus.py:AnswersRemoteFrames",
        "A remote frame on the request id is answered by the last frame once more.",
        "TP-16",
    ),
    flawed(
        "obd-id-needs-no-key",
        "tractor/tractor_bus.py:ObdDoor",
        "Requests are taken on 7DF as well, and writes that come that way need no key.",
        "AC-04 AC-03",
    ),
    flawed(
        "write-takes-the-padding",
        "tractor/tractor_bus.py:LengthFromPadding",
        "A write of too few bytes takes the rest from what fills the frame.",
        "AC-13 TP-15 CF-04 FZ-02",
    ),
    flawed(
        "routine-open-after-restart",
        "tractor/tractor_access.py:RoutineOpenAfterRestart",
        "The unlock survives a restart.",
        "ST-03 ST-08 FZ-04",
        target(data=ONLY_OPEN, more=ROUTINE),
    ),
    flawed(
        "unreadable-value-open-in-programming",
        "tractor/tractor_access.py:OpenInProgramming",
        "In session 02 the guarded value, which cannot be read while locked, is written without a key.",
        "AC-02 AC-01",
        target(data=UNREADABLE),
    ),
    flawed(
        "output-control-sets-the-limit",
        "tractor/tractor_access.py:OutputControl",
        "2F sets the guarded limit without a key.",
        "AC-07 AC-01 AC-02",
    ),
    flawed(
        "short-address-form-unguarded",
        "tractor/tractor_access.py:ShortAddressForm",
        "Memory is read without a key by the form of three address bytes and one of length.",
        "AC-09 AC-18",
        target(more=MEMORY),
    ),
    flawed(
        "long-length-form-unguarded",
        "tractor/tractor_access.py:LongLengthForm",
        "Memory is read without a key by format 24, with a length of two bytes.",
        "AC-09 AC-18",
        target(more=MEMORY),
    ),
    flawed(
        "password-in-an-identifier",
        "tractor/tractor_access.py:PasswordInData",
        "An identifier that nobody declared shows the service password to everybody.",
        "AC-12 IE-06",
        target(data=(*DATA, NAME)),
    ),
    flawed(
        "key-in-a-log",
        "tractor/tractor_access.py:LogInData",
        "An identifier that nobody declared is a log that shows the last right key to everybody.",
        "AC-12 IE-06",
    ),
    flawed(
        "secret-in-an-identifier",
        "tractor/tractor_access.py:SecretInData",
        "An identifier that nobody declared shows the secret of all keys to everybody.",
        "AC-12 IE-06",
        target(levels=(LEVEL + f', secret = "hex:{tractor.SECRET.hex()}"',)),
    ),
    flawed(
        "session-endless-after-refusal",
        "tractor/tractor_life.py:EndlessAfterRefusal",
        "After a request that was refused a session does not end by time.",
        "ST-02 ST-04 FZ-04",
    ),
    flawed(
        "soft-reset-keeps-unlock",
        "tractor/tractor_life.py:SoftResetKeeps",
        "After 11 03 the level is still open, in the next session 03 too.",
        "ST-03 ST-08 FZ-04",
    ),
    flawed(
        "delay-ends-with-session",
        "tractor/tractor_keys.py:DelayEndsWithSession",
        "The delay ends when a session ends by time.",
        "SA-16 SA-17 SA-19 SA-14 FZ-04",
    ),
    flawed(
        "long-key-hangs-without-hooks",
        "tractor/tractor_keys.py:HangsOnLongKey",
        "A key of 64 bytes or more mutes the ECU for 90 s, and nobody can restart it.",
        "SA-30 TP-18 FZ-01 FZ-02 FZ-03 FZ-04",
        target(reset="boot_s = 0.25"),
    ),
    flawed(
        "key-of-zero-seed-opens-at-start",
        "tractor/tractor_keys.py:ZeroPendingAtStart",
        "From the start to the first seed the key of a zero seed opens, though no seed was asked for.",
        "SA-21 SA-32 FZ-04",
    ),
    flawed(
        "any-key-after-timeout",
        "tractor/tractor_keys.py:AnyKeyAfterTimeout",
        "When a session runs out in which the level is open, the next key opens it, whatever it is.",
        "SA-09 SA-25 SA-31 SA-32 ST-02",
    ),
    flawed(
        "high-bit-of-identifier-ignored",
        "tractor/tractor_access.py:HighBitIgnored",
        "A write of CA02 goes to 4A02, and is not guarded.",
        "AC-01 AC-02 AC-15",
    ),
)
