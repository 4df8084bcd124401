"""Prove that a campaign starts from cases and from recordings of any common format, with the same requests from
each format.
"""

from pathlib import Path

import can
import pytest

from harness.campaigns.corpus import corpus_in
from harness.campaigns.shards import Job, read_shard, run_shard
from harness.errors import UserError
from harness.fuzz.trials import Trial
from harness.report.candump import stamped_frames
from harness.report.pcapng import packet_parts, write_pcapng
from harness.target import load_target

from .first_found import ecu_of
from .playing import write_case

FRAMES = ("0322F19000000000", "100A2E1010010203", "2104050607000000", "023E000000000000")
REQUESTS = ("22 F1 90", "2E 10 10 01 02 03 04 05 06 07", "3E 00")


def messages() -> list[can.Message]:
    """Return some frames to the ECU, and one from the ECU."""
    found = [
        can.Message(timestamp=1 + at / 100, arbitration_id=0x740, data=bytes.fromhex(data), is_extended_id=False)
        for at, data in enumerate(FRAMES)
    ]
    own = can.Message(timestamp=2, arbitration_id=0x748, data=bytes.fromhex("027E000000000000"), is_extended_id=False)
    return [*found, own]


def texts(trials: list[Trial]) -> list[tuple[str, ...]]:
    return [tuple(message.hex(" ").upper() for message in trial.messages) for trial in trials]


EXPECTED = [
    REQUESTS[:1],
    REQUESTS[1:2],
    REQUESTS[:2],
    REQUESTS[2:],
    REQUESTS,
]


@pytest.mark.parametrize("suffix", [".log", ".asc", ".blf"])
def test_a_recording_holds_the_requests_to_the_ecu(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"drive{suffix}"
    with can.Logger(path) as writer:
        for message in messages():
            writer.on_message_received(message)
    assert texts(corpus_in(path, load_target("hardened"))) == EXPECTED


def test_a_capture_of_wireshark_holds_them_too(tmp_path: Path) -> None:
    log = tmp_path / "drive.log"
    with can.Logger(log) as writer:
        for message in messages():
            writer.on_message_received(message)
    with open(tmp_path / "drive.pcapng", "wb") as file:
        write_pcapng(stamped_frames(log, packet_parts), file)
    assert texts(corpus_in(tmp_path / "drive.pcapng", load_target("hardened"))) == EXPECTED


def test_cases_are_taken_with_their_keys(tmp_path: Path) -> None:
    write_case(tmp_path, send='["27 01", "27 02 {key} {00..02}"]')
    (first, *rest) = corpus_in(tmp_path, load_target("hardened"))
    assert first.as_json()[1] == ["27 01", "27 02 {key} 00"]
    assert len(rest) == 2


def test_what_is_nothing_of_the_kind_is_told(tmp_path: Path) -> None:
    (tmp_path / "broken.blf").write_bytes(b"LOGG")
    for path, told in (
        (tmp_path / "nowhere", "no such file"),
        (tmp_path / "broken.blf", "cannot be read"),
    ):
        with pytest.raises(UserError, match=told):
            corpus_in(path, load_target("hardened"))
    (tmp_path / "broken.blf").unlink()
    with pytest.raises(UserError, match="holds no cases"):
        corpus_in(tmp_path, load_target("hardened"))


def test_what_a_campaign_is_given_is_played_first() -> None:
    near = Trial("FZ-02", (bytes.fromhex("2FD0010203"),))
    job = Job(target=ecu_of("dies_on_one_shape"), seed=1, round=0, index=0, exchanges=2_000, corpus=(near,))
    result = read_shard(run_shard(job), job)
    assert result is not None
    assert [one.what for one in result.found] == ["crash"]
