"""Prove the meaning of target files, also of the shipped ones, and that secrets stay secret."""

import copy
import json
import pickle
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path

import pytest

from harness.ecu.config import NEVER as PROFILE_NEVER
from harness.ecu.config import OPEN as PROFILE_OPEN
from harness.ecu.config import EcuConfig
from harness.ecu.keys import article_key, hmac_sha256_key
from harness.ecu.profiles import HARDENED, HARDENED_ARTICLE_KEY, PROFILES
from harness.errors import UserError
from harness.target import (
    NEVER,
    OPEN,
    PERMISSIONS,
    Access,
    Can,
    Secret,
    Span,
    load_target,
    shipped_targets,
)
from tests.target.loading import BENCH, FULL, SIMULATED, load, refusal

# What a file means


def test_every_key_arrives_in_its_field() -> None:
    target = load(FULL)
    assert target.can == Can(
        interface="vector",
        channel="0",
        bitrate=250_000,
        fd=True,
        data_bitrate=2_000_000,
        request_id=0x18DA10F1,
        response_id=0x18DAF110,
        functional_id=0x18DB33F1,
        extended_ids=True,
        padding=None,
    )
    assert (target.name, target.notes, target.expected_findings) == ("Türsteuergerät", "two\nlines", ("SA-09",))
    assert (target.timing.p2_ms, target.timing.p2_star_ms, target.timing.s3_ms) == (25, 4000, 5000)
    assert [(entry.id, entry.name) for entry in target.sessions] == [(3, "extended")]
    first, second = target.security
    assert (first.level, first.session, first.attempts, first.delay_s, first.key_timeout_s) == (1, 3, 3, 10.0, 2.5)
    assert (first.key, first.secret, first.origin) == ("keys/mine.py:key", None, "declared")
    assert (second.level, second.key, second.origin) == (0x11, "https://keys.example:8443/key", "found")
    (data,) = target.data
    assert (data.did, data.length, data.read, data.write) == (0xF190, 2, OPEN, Access("level", 0x11))
    assert data.volatile
    assert data.secret
    assert [entry.span for entry in target.services] == [Span(0x31, 0x31), Span(0xBA, 0xBE)]
    assert [entry.needs for entry in target.services] == [Access("level", 1), NEVER]
    assert target.routines[0].safe
    assert 0x02FF in target.routines[0].span
    assert 0x0300 not in target.routines[0].span
    assert target.memory[0].span.last == 0x0800FFFF
    assert (target.reset.uds, target.reset.boot_s, target.reset.command) == (3, 2.0, "command: ssh pi reboot")
    assert target.reset.power == "command: ./relay.sh"
    assert (target.observe.console, target.observe.image) == ("command: ssh pi journalctl", "firmware.bin")
    assert target.safety.allow == {"lockout", "power"}
    assert target.safety.wrong_keys == 20
    assert target.quirks == ()
    one = target.accepted[0]
    assert (one.id, one.severity, one.parameter, one.observed) == ("IE-05", "critical", "level 0x01", "in the image")
    assert one.expires == date(2027, 1, 31)


def test_levels_and_dids_are_found_by_number() -> None:
    target = load(BENCH)
    level, entry = target.level(1), target.did(0x2020)
    assert level is not None
    assert level.session == 3
    assert entry is not None
    assert entry.write == Access("level", 1)
    assert target.level(3) is None
    assert target.did(0x1010) is None


def test_a_bench_may_be_sent_nothing_that_harms_unless_the_file_says_so() -> None:
    safety = load(BENCH.replace('allow = ["write"]', "")).safety
    assert not safety.allow
    assert safety.wrong_keys == 200


def test_a_simulated_ecu_may_be_sent_everything_unless_the_file_says_otherwise() -> None:
    safety = load(SIMULATED.replace('allow = ["write"]', "")).safety
    assert (safety.allow, safety.wrong_keys) == (frozenset(PERMISSIONS), None)
    assert load(SIMULATED).safety.allow == {"write"}


def test_the_id_format_follows_the_size_of_the_ids() -> None:
    assert load(BENCH).can.extended_ids is False
    assert load(BENCH.replace("0x740", "0x18DA10F1").replace("0x748", "0x18DAF110")).can.extended_ids is True


def test_the_smallest_file_takes_its_name_from_the_file() -> None:
    target = load('[can]\ninterface = "uds-sim"\nchannel = "ecu.py:make"\nrequest_id = 1\nresponse_id = 2\n')
    assert (target.name, target.is_simulated, target.can.padding, target.timing.s3_ms) == ("pi", True, 0, None)
    assert (target.reset.boot_s, target.reset.uds, target.reset.power) == (1.0, None, None)


def test_relative_paths_start_in_the_files_folder(tmp_path: Path) -> None:
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "pi.toml").write_text(BENCH)
    target = load_target(Path("bench/pi.toml"))
    assert (target.path, target.folder) == (tmp_path / "bench" / "pi.toml", tmp_path / "bench")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_files_of_any_editor_are_read(encoding: str, line_end: str) -> None:
    Path("pi.toml").write_bytes(FULL.replace("\n", line_end).encode(encoding))
    assert load_target("pi.toml").name == "Türsteuergerät"


@pytest.mark.parametrize(
    ("values", "inside", "outside"),
    [
        ("00..7F", ["00", "7F"], ["80", "", "0000"]),
        ("00..01 05", ["0005", "0105"], ["0205", "0004", "00", "000500"]),
        ("0010..0203", ["0010", "00FF", "0203"], ["000F", "0204"]),
        (["00", "10 .. 1F"], ["00", "10", "1F"], ["01", "0F", "20"]),
    ],
)
def test_declared_values(values: object, inside: list[str], outside: list[str]) -> None:
    allowed = load(BENCH.replace("length = 1", f"values = {json.dumps(values)}")).data[0].values
    assert allowed is not None
    assert [bytes.fromhex(one) in allowed for one in inside] == [True] * len(inside)
    assert [bytes.fromhex(one) in allowed for one in outside] == [False] * len(outside)
    beyond = allowed.outside()
    assert beyond is not None
    assert beyond not in allowed
    assert len(beyond) in allowed.lengths


def test_where_every_value_is_allowed_none_is_outside() -> None:
    allowed = load(BENCH.replace("length = 1", 'values = "00..FF"')).data[0].values
    assert allowed is not None
    assert allowed.outside() is None


# Secrets


def test_a_secret_of_the_environment_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PI_SECRET", "12 34 56 78 90")
    level = load(BENCH.replace("hex:1234567890", "env:PI_SECRET")).level(1)
    assert level is not None
    assert level.secret == Secret(bytes.fromhex("1234567890"))


def test_a_malformed_secret_of_the_environment_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PI_SECRET", "hunter2")
    assert refusal(BENCH.replace("hex:1234567890", "env:PI_SECRET")) == (
        "pi.toml: security #1: secret is (redacted); set the environment variable PI_SECRET to two hex digits per byte"
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("secret =", "secrets ="),
        ("secret =", "key_timeout_s ="),
        ("secret =", "[data]\nsecret ="),
        ('secret = "hex:1234567890"', 'secret = ["hex:1234567890"]'),
        ('secret = "hex:1234567890"', 'secret = "0x1234567890"'),
        ('secret = "hex:1234567890"', "secret = 1234567890"),
        ('secret = "hex:1234567890"', 'secret = "hex:1234567890'),
        ('secret = "hex:1234567890"', 'secret = "hex:12345678901"'),
        ('key = "article"\nsecret =', "key ="),
    ],
)
def test_no_error_shows_a_secret(old: str, new: str) -> None:
    assert old in BENCH
    assert "12345678" not in refusal(BENCH.replace(old, new))


def test_a_secret_is_shown_by_nothing_but_reveal() -> None:
    target = load(BENCH)
    level = target.level(1)
    assert level is not None
    assert level.secret is not None
    raw = level.secret.reveal()
    assert raw == bytes.fromhex("1234567890")
    forms = ("1234567890", str(raw), str(list(raw)), str(int.from_bytes(raw)))
    shows = [repr(target), str(target), f"{level.secret}", f"{level.secret!r}", json.dumps(target.redacted())]
    shows += [str(asdict(target)), json.dumps(asdict(level), default=str), str(UserError(level))]
    for show in shows:
        assert "(redacted)" in show
        assert not any(form in show.lower() for form in forms)


def test_a_secret_survives_copying() -> None:
    secret = Secret(b"\x01")
    assert copy.deepcopy(secret) == secret == pickle.loads(pickle.dumps(secret))
    assert secret != Secret(b"\x02")
    assert len({secret, Secret(b"\x01")}) == 1


def test_bytes_are_written_in_hex() -> None:
    target = load_target("hardened")
    assert [level["record"] for level in target.redacted()["security"]] == ["", ""]
    asked = replace(target, security=tuple(replace(level, record=b"\xaa\x01") for level in target.security))
    assert [level["record"] for level in asked.redacted()["security"]] == ["AA 01", "AA 01"]


def test_the_redacted_target_is_plain_json_in_the_files_words() -> None:
    target = load(FULL)
    document = target.redacted()
    assert json.loads(json.dumps(document)) == document
    assert document["data"][0]["write"] == "level 0x11"
    assert document["data"][0]["values"] == "00..7F 10 | 0100..01FF"
    assert document["routines"][0]["range"] == "0x200..0x2FF"
    assert document["safety"]["allow"] == ["lockout", "power"]
    assert document["accepted"][0]["expires"] == "2027-01-31"
    assert document["can"]["padding"] is None
    assert document["security"][0]["secret"] is None
    assert document["can"]["channel"] == "0"
    assert document["path"].endswith("pi.toml")


# Shipped targets


def test_every_shipped_target_loads_by_its_name() -> None:
    simulated = ["article", "article-v1", "gmlan", "hardened", "hardened-article-key", "kwp2000"]
    names = [*simulated, "raspberry-pi", "raspberry-pi-hardened", "vcan0"]
    assert list(shipped_targets()) == names
    for name in names:
        target = load_target(name)
        assert target.name == name
        assert target.path == shipped_targets()[name]


def test_the_hardened_ecu_on_a_pi_is_the_simulated_one_elsewhere() -> None:
    simulated, real = load_target("hardened"), load_target("raspberry-pi-hardened")
    assert not real.is_simulated
    for part in ("timing", "sessions", "security", "data", "services", "routines", "memory", "connections", "quirks"):
        assert getattr(real, part) == getattr(simulated, part), part
    assert (real.can.request_id, real.can.response_id) == (simulated.can.request_id, simulated.can.response_id)
    assert real.reset.power is None
    assert "power" not in {str(word) for word in real.safety.allow}


def test_the_article_is_described_as_it_behaves() -> None:
    target = load_target("article")
    assert target.is_simulated
    assert target.can.channel == "article"
    assert (target.can.request_id, target.can.response_id) == (0x740, 0x748)
    assert (target.timing.s3_ms, target.can.functional_id, target.can.extended_ids) == (None, None, "any")
    assert (target.reset.uds, target.reset.power, target.quirks) == (None, None, ("malformed_invalid_key",))
    assert [(entry.did, str(entry.write)) for entry in target.data] == [(0x1010, "open"), (0x2020, "level 0x01")]
    assert len(target.expected_findings) == 42


def test_the_shipped_benches_describe_the_same_ecu_as_the_article() -> None:
    article = load_target("article")
    for name in ("raspberry-pi", "vcan0"):
        bench = load_target(name)
        assert (bench.environment, bench.can.interface) == ("bench", "socketcan")
        assert (bench.security, bench.data, bench.timing) == (article.security, article.data, article.timing)
    assert load_target("raspberry-pi").safety.allow == {"lockout", "write"}


@pytest.mark.parametrize(("name", "profile"), [("hardened", HARDENED), ("hardened-article-key", HARDENED_ARTICLE_KEY)])
def test_the_hardened_targets_describe_the_hardened_profiles(name: str, profile: EcuConfig) -> None:
    target = load_target(name)
    for entry, truth in zip(target.security, profile.levels, strict=True):
        assert entry.secret is not None
        seed = bytes(range(truth.seed_bytes))
        key = {"article": article_key, "hmac-sha256": hmac_sha256_key}[entry.key or ""]
        assert key(seed, entry.level, secret=entry.secret.reveal()) == truth.key(seed, truth.level)
        assert (entry.level, entry.attempts, entry.delay_s) == (truth.level, profile.attempts, profile.delay_s)
    for data, did in zip(target.data, profile.data_identifiers, strict=True):
        assert (data.did, data.length) == (did.did, len(did.initial))
        assert (_need(data.read), _need(data.write)) == (did.read, did.write)
        assert (data.values is None) == (did.allowed is None)
        if data.values is not None and did.allowed is not None:
            numbers = [did.allowed.start, did.allowed.stop - 1, did.allowed.stop]
            values = [number.to_bytes(len(did.initial), "big") for number in numbers]
            assert [value in data.values for value in values] == [True, True, False]
    assert [entry.id for entry in target.sessions] == list(profile.sessions)
    timing = target.timing
    assert (timing.p2_ms, timing.p2_star_ms, timing.s3_ms) == (profile.p2_ms, profile.p2_star_ms, profile.s3_s * 1000)
    assert (target.reset.boot_s, target.can.padding) == (profile.boot_s, profile.padding)


def _need(access: Access) -> int:
    return {"open": PROFILE_OPEN, "never": PROFILE_NEVER}.get(access.kind, access.level or 0)


def test_every_shipped_simulation_names_a_profile() -> None:
    simulated = [target for target in map(load_target, shipped_targets()) if target.is_simulated]
    assert {target.can.channel for target in simulated} == set(PROFILES)
