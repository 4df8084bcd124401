"""Prove that an ECU of which only the bus is known is first discovered, and then audited."""

from pathlib import Path

from harness.target import load_target

from .auditing import uds_harness

QUICK = ("--depth", "quick", "--seed", "1", "-k", "SA-09 or SA-32 or AC-01 or CF-02")
BUS = ("--interface", "uds-sim", "--channel")
KEYS = Path(__file__).parent.parent / "simple_keys.py"


def test_a_bus_is_enough_for_an_audit(place: Path) -> None:
    done = uds_harness("audit", *BUS, "hardened", *QUICK, cwd=place)
    assert done.code == 0, done.explain()
    assert "0x740 -> 0x748" in done.out
    assert done.verdicts["SA-09"] == "pass"
    assert done.verdicts["CF-02"] == "pass"
    assert done.verdicts["AC-01"] == "inconclusive"
    found = load_target(done.folder / "found.toml")
    assert {entry.origin for entry in (*found.security, *found.data, *found.sessions)} == {"found"}
    assert found.can.request_id == 0x740


def test_the_time_of_an_audit_bounds_what_is_found_before_it(place: Path) -> None:
    done = uds_harness("audit", *BUS, "hardened", *QUICK, "--time", "10s", "--out", "short", cwd=place)
    assert "The time was up after 10 s, and whatever follows was not asked" in " ".join(done.out.split())
    assert "The time was up after 10 s" in (place / "short" / "found.toml").read_text(encoding="utf-8")


def test_what_was_found_can_be_audited_again_as_it_is(place: Path) -> None:
    first = uds_harness("audit", *BUS, "hardened", *QUICK, "--out", "first", cwd=place)
    again = uds_harness("audit", "first/found.toml", *QUICK, "--out", "again", cwd=place)
    assert (first.code, again.code) == (0, 0), first.explain() + again.explain()
    assert "0x740 -> 0x748" not in again.out


def test_a_uri_names_the_ecu_that_is_discovered(place: Path) -> None:
    done = uds_harness("audit", "uds-sim:hardened?request=0x742&response=0x74A", *QUICK, cwd=place)
    assert done.code == 0, done.explain()
    assert "0x742 -> 0x74A" in done.out
    assert load_target(done.folder / "found.toml").can.request_id == 0x742


def test_a_key_that_is_given_serves_the_checks_that_need_one(place: Path) -> None:
    channel = "hardened-article-key+key_is_crc_of_seed"
    done = uds_harness("audit", *BUS, channel, *QUICK, "--key", f"{KEYS}:crc", cwd=place)
    assert done.verdicts["AC-01"] == "pass"
    assert f"{KEYS}:crc" in done.document["run"]["command"]


def test_a_key_that_is_found_is_said_in_the_report(place: Path) -> None:
    done = uds_harness("audit", *BUS, "hardened-article-key+key_is_inverted_seed", *QUICK, cwd=place)
    assert done.code == 1, done.explain()
    assert done.verdicts["SA-32"] == "fail"
    assert done.verdicts["AC-01"] == "pass"
    assert "the seed inverted opens it" in " ".join(done.document["run"]["remarks"])


def test_a_key_function_whose_error_holds_anything_ends_in_a_report_all_the_same(place: Path) -> None:
    fails = "if len(seed) == 16: raise ValueError('no\\n\\x1b[31m \\\\ \\x00')"
    (place / "k.py").write_text(f"def key(seed, level):\n    {fails}\n    return seed")
    done = uds_harness("audit", *BUS, "hardened", *QUICK, "--key", "k.py:key", cwd=place)
    assert done.code == 3, done.explain()
    assert "\x1b" not in done.out
    assert "ValueError: no \\x1b[31m" in (done.folder / "found.toml").read_text(encoding="utf-8")


def test_a_folder_that_cannot_be_the_runs_is_refused_before_anything_is_asked(place: Path) -> None:
    (place / "mine").mkdir()
    (place / "mine" / "letter.txt").write_text("dear")
    done = uds_harness("audit", *BUS, "article", "--out", "mine", cwd=place)
    assert done.code == 4
    assert "mine: is not empty" in done.err
    assert "0x740" not in done.out


def test_a_bus_without_ecu_ends_with_a_clear_statement(place: Path) -> None:
    done = uds_harness("audit", *BUS, "tests.discovery.nodes:silent", *QUICK, cwd=place)
    assert done.code == 5, done.explain()
    assert "no ECU was found" in done.out
    assert done.folders == []


def test_of_several_ecus_one_must_be_named(place: Path) -> None:
    several = (*BUS, "tests.discovery.nodes:two_quiet_ecus", *QUICK)
    done = uds_harness("audit", *several, cwd=place)
    assert done.code == 4, done.explain()
    assert "2 ECUs were found, at 0x7E0, 0x7E1: say which to audit, e.g. --request-id 0x7E0" in done.err
    one = uds_harness("audit", *several, "--request-id", "0x7E1", cwd=place)
    assert one.code in (0, 1), one.explain()
    assert load_target(one.folder / "found.toml").can.request_id == 0x7E1


def test_a_key_that_takes_a_secret_belongs_into_a_target_file(place: Path) -> None:
    done = uds_harness("audit", *BUS, "hardened", *QUICK, "--key", "hmac-sha256", cwd=place)
    assert done.code == 4
    assert "it takes a secret; write key and secret into a target file" in done.err
