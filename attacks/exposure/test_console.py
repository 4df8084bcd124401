"""Check that the ECU's console shows no secrets."""

from harness import Inconclusive, Severity, Tester, attack, fail, inconclusive
from harness.analysis import found_in
from harness.tester import watched_console

PAIRS = 3
ENOUGH_VALUES = 2
"""How many seeds or keys a text must contain: a single one could occur by chance, while the secret itself could not."""


@attack(
    id="IE-01",
    title="The console shows no seed, no key and no secret",
    failure="The console shows seeds, keys or the secret",
    severity=Severity.HIGH,
    basis="policy",
    source="UN R155 Annex 5 (28.2); CWE-532 sensitive information in a log",
    cwe=(532, 215, 1295),
    r155=("28.2",),
    rationale="Consoles and logs are read by many: over a debug port, in a workshop's file, in a crash report. A key in one "
    "is as good as no key.",
    remediation="Remove what was printed to find faults; log that SecurityAccess was used, never with what.",
    unlocks=True,
    proven_by=("secret_printed",),
)
def test_the_console_shows_no_secret(tester: Tester) -> None:
    levels = tester.target.security
    if not levels:
        raise tester.looking.without_level()
    values: dict[str, bytes] = {}
    with watched_console(tester) as console:
        for entry in levels:
            try:
                values |= spoken(tester, entry.level)
            except Inconclusive as reason:
                tester.note(f"level 0x{entry.level:02X}: {reason}")
    for entry in levels:
        if entry.secret is not None and (how := found_in(console.content, entry.secret.reveal())):
            fail(
                expected="a console without the secret",
                observed=f"the secret of level 0x{entry.level:02X} stands there ({how})",
            )
    shown = {name: how for name, value in values.items() if (how := found_in(console.content, value))}
    if len(shown) >= ENOUGH_VALUES:
        listed = ", ".join(f"{name} ({how})" for name, how in list(shown.items())[:4])
        fail(expected="a console without seeds and keys", observed=f"it shows {listed}")
    if not values:
        inconclusive("no seed was given: nothing secret was said that could have been printed")
    if tester.target.observe.console is not None and not console.content:
        inconclusive("the console shows nothing at all: see whether its command works")
    tester.note(
        f"{len(console.content)} bytes of console searched for {len(values)} seeds and keys, and the secrets declared"
    )


def spoken(tester: Tester, level: int) -> dict[str, bytes]:
    """Return the seeds that were requested, and the known keys that were sent for them, by names for a report."""
    found: dict[str, bytes] = {}
    for number in range(1, PAIRS + 1):
        tester.session_for(level)
        seed = tester.security.seed(level)
        if not seed:
            break
        found[f"seed {number} of level 0x{level:02X}"] = seed
        if tester.security.has_key(level):
            key = tester.security.right_key(level, seed)
            tester.security.send_key(level, key)
            found[f"key {number} of level 0x{level:02X}"] = key
            tester.access.lock()
    return found
