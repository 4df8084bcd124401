"""Read the sequences from which a campaign starts: cases, findings of earlier runs, and recorded traffic."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

import can

from harness.errors import NotApplicable, UserError
from harness.fuzz.case import read_cases
from harness.fuzz.trials import FRAME_ORDER, MUTATIONS, Trial
from harness.link.addressing import addresses_of
from harness.link.clock import Chance
from harness.link.isotp import IsoTp, IsoTpConfig
from harness.target import Target

RECORDINGS: Final = (".log", ".asc", ".blf", ".pcap", ".pcapng")
_READERS: Final[dict[str, tuple[Any, str]]] = {
    ".log": (can.CanutilsLogReader, "r"),
    ".asc": (can.ASCReader, "r"),
    ".blf": (can.BLFReader, "rb"),
}
MOST_TRIALS: Final = 400
MOST_OF_A_CASE: Final = 32
TOGETHER: Final = 3
"""How many consecutive messages of a recording form one sequence, since earlier messages may matter."""


def corpus_in(path: Path, target: Target) -> list[Trial]:
    """Return the sequences in a file of cases or a recording, or in all files below a folder, each once.

    Raises UserError if there are none, or a file is damaged.
    """
    if not path.exists():
        raise UserError(f"--corpus {path}: there is no such file or folder")
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    files = [file for file in files if file.is_file() and (file.suffix in RECORDINGS or _is_of_cases(file))]
    if not files:
        raise UserError(f"--corpus {path}: holds no cases (.toml) and no recording ({', '.join(RECORDINGS)})")
    found = dict.fromkeys(trial for file in files for trial in _trials_in(file, target))
    return list(found)[:MOST_TRIALS]


def _is_of_cases(file: Path) -> bool:
    return file.suffix == ".toml" and "[[case]]" in file.read_text(encoding="utf-8", errors="replace")


def _trials_in(file: Path, target: Target) -> Iterator[Trial]:
    if file.suffix != ".toml":
        yield from trials_of(_requests(_data_fields(file, target), target))
        return
    for case in read_cases(file):
        try:
            steps = list(islice(case.messages.steps(target, Chance(0)), MOST_OF_A_CASE))
        except NotApplicable:
            continue
        for step in steps:
            yield Trial(FRAME_ORDER if case.is_raw else MUTATIONS, step.messages, case.is_raw)


def trials_of(requests: Iterable[bytes]) -> Iterator[Trial]:
    """Yield each request by itself, then the sequence of up to `TOGETHER` requests that ends with this request."""
    last: tuple[bytes, ...] = ()
    for request in requests:
        last = (*last, request)[-TOGETHER:]
        yield Trial(MUTATIONS, (request,))
        if len(last) > 1:
            yield Trial(MUTATIONS, last)


def _requests(data_fields: Iterable[bytes], target: Target) -> Iterator[bytes]:
    """Yield the messages that the data fields of frames to the ECU carry."""
    address = addresses_of(target.can).request
    isotp = IsoTp(IsoTpConfig(address_bytes=len(address)))
    for data in data_fields:
        if not data.startswith(address):
            continue
        message = isotp.receive(data[len(address) :], 0.0)
        isotp.outbox.clear()
        if message:
            yield message


def _data_fields(file: Path, target: Target) -> Iterator[bytes]:
    """Yield the data fields of the frames with the request id."""
    wanted = target.can.request_id
    try:
        if file.suffix in (".pcap", ".pcapng"):
            yield from (data for can_id, data in _captured(file) if can_id == wanted)
            return
        reader, mode = _READERS[file.suffix]
        with open(file, mode) as content:
            frames = (frame for frame in reader(content) if frame.arbitration_id == wanted and not frame.is_remote_frame)
            yield from (bytes(frame.data) for frame in frames)
    except UserError:
        raise
    except Exception as error:  # readers raise any kind of exception on a damaged file
        raise UserError(f"--corpus {file}: cannot be read ({type(error).__name__}: {error})") from error


def _captured(file: Path) -> Iterator[tuple[int, bytes]]:
    from scapy.layers.can import CAN
    from scapy.utils import PcapReader

    with PcapReader(str(file)) as reader:
        for packet in reader:
            if CAN in packet:
                yield packet[CAN].identifier, bytes(packet[CAN].data)
