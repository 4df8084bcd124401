"""Tractors that do what people reported of ECUs and servers; the reports' addresses stand with the nodes."""

from tests.unseen.tractor.tractor_target import flawed, sound, target

TABLE = (
    sound("one-try-per-lockout", "tractor/report_security.py:OneTryPerLockout"),
    sound("value-per-session", "tractor/report_server.py:ValuePerSession"),
    sound("needs-a-breath-between-requests", "tractor/report_server.py:NeedsABreath"),
    sound("consecutive-frames-are-slow", "tractor/report_server.py:SlowFrames"),
    sound("functional-ignored-while-receiving", "tractor/report_server.py:DeafWhileReceiving"),
    sound(
        "answers-below-the-request-id",
        "tractor/report_server.py:AnswersBelow",
        target(ids="request_id = 0x75F\nresponse_id = 0x65F\nfunctional_id = 0x7DF\npadding = 0xA5"),
    ),
    sound(
        "heavy-duty-at-250-kbit",
        "tractor/report_server.py:HeavyDuty",
        target(
            ids="bitrate = 250000\nrequest_id = 0x18DA00F1\nresponse_id = 0x18DAF100\nfunctional_id = 0x18DB33F1\n"
            "extended_ids = true\npadding = 0xA5"
        ),
    ),
    sound("services-never-ready", "tractor/report_server.py:NeverReady"),
    sound("fault-memory-fails", "tractor/report_server.py:DtcServiceFails"),
    sound("write-in-default-refused-with-31", "tractor/report_security.py:AnswersInDefaultWith31"),
    sound(
        "plain-download-only",
        "tractor/report_security.py:PlainDownload",
        target(more='[[service]]\nid = 0x34\nneeds = "level 0x05"'),
    ),
    flawed(
        "first-seed-is-zero",
        "tractor/report_security.py:FirstSeedZero",
        "The first seed after each start is zero while the level is locked, and the key of zero opens.",
        "SA-07 SA-05 SA-01",
    ),
    flawed(
        "timer-seeds-the-generator",
        "tractor/report_security.py:TimerSeedsGenerator",
        "The generator of seeds is started from a timer of 10 ms at the first request after a start.",
        "SA-05 SA-01 SA-04 SA-25",
    ),
    flawed(
        "zero-seed-without-level",
        "tractor/report_security.py:NoLevelInZeroSeed",
        "A seed asked of the open level is answered 67 and zeros without the level.",
        "CF-10 SA-08 FZ-04",
    ),
    flawed(
        "lockout-stored-late",
        "tractor/report_security.py:LockoutStoredLate",
        "A restart within 300 ms of the lockout ends it.",
        "SA-17 SA-12 SA-13 SA-18",
    ),
    flawed(
        "counter-in-ram",
        "tractor/report_security.py:CounterInRam",
        "A restart ends the count of wrong keys and the delay.",
        "SA-12 SA-13 SA-17 SA-18",
    ),
    flawed(
        "next-session-inherits-unlock",
        "tractor/report_security.py:InheritedByNextSession",
        "The end of a session by time does not lock: the next 10 03 finds the level open.",
        "ST-02 ST-04 FZ-04",
    ),
    flawed(
        "open-in-default-after-timeout",
        "tractor/report_security.py:OpenInDefault",
        "The end of a session by time leaves the level open in the default session.",
        "ST-02 ST-04 FZ-04",
    ),
    flawed(
        "service-05-mutes",
        "tractor/report_server.py:MuteAfterService05",
        "A request of service 05 is not refused but mutes the ECU for 20 s.",
        "CF-02 AC-18 FZ-01 FZ-02 FZ-03 DS-04",
    ),
    flawed(
        "gone-after-reset",
        "tractor/report_server.py:GoneAfterReset",
        "After 11 01, which needs no key, the ECU says nothing until its supply is cut.",
        "ST-08 ST-03 DS-05 FZ-04 AC-16",
    ),
    flawed(
        "write-to-serial-crashes",
        "tractor/report_server.py:NoCheckRegistered",
        "A write to the serial number, which is read only, makes the ECU restart.",
        "AC-15 CF-05 FZ-01 FZ-02 FZ-03 DS-04",
    ),
    flawed(
        "long-answers-wear-it-out",
        "tractor/report_server.py:PointerDrifts",
        "The 600th segmented answer since the start makes the ECU restart.",
        "DS-02 DS-03 DS-07 FZ-01 FZ-02 FZ-03 FZ-05 FZ-06 ST-06 SA-01 SA-02 SA-20",
    ),
    flawed(
        "long-message-sets-the-open-flag",
        "tractor/report_server.py:ShortBuffer",
        "A message of more than 128 bytes overwrites the flag that says whether the level is open.",
        "SA-30 SA-39 TP-18 TP-07 AC-13 FZ-01 FZ-02 FZ-04 FZ-05",
    ),
    flawed(
        "escape-for-short-messages",
        "tractor/report_server.py:ShortEscape",
        "A first frame with a 32-bit length of less than 4096 is taken instead of ignored.",
        "TP-08",
    ),
    flawed(
        "routine-opens-the-level",
        "tractor/report_security.py:RoutineOpens",
        "Routine 0203, which anybody may start, leaves the level open.",
        "AC-08 AC-01 AC-02 SA-39 FZ-04",
        target(more='[[routine]]\nid = 0x0203\nneeds = "open"\nsafe = true'),
    ),
    flawed(
        "memory-by-defined-identifier",
        "tractor/report_server.py:DefinedByAddress",
        "Guarded memory is read without a key by way of an identifier that 2C defines.",
        "AC-10 AC-09 AC-18",
        target(more='[[memory]]\nrange = "0xD0080000..0xD0080FFF"\nneeds = "level 0x05"'),
    ),
    flawed(
        "memory-by-service-e3",
        "tractor/report_server.py:MakersMemoryService",
        "Service E3, which nobody declared, reads memory without a key.",
        "AC-18 AC-09 FZ-03",
        target(more='[[memory]]\nrange = "0x00000000..0x0000FFFF"\nneeds = "never"'),
    ),
)
