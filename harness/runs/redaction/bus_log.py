"""Redact a run's bus log: copy the original frame by frame, with placeholders in place of secrets."""

from pathlib import Path
from typing import BinaryIO, Final, TextIO

from harness.errors import UserError
from harness.link.address_book import AddressBook
from harness.runs.folder import BUS_LOG, PRIVATE, SECRETS_JSONL, open_file, refuse_linked_private, replacing, sha256_of
from harness.runs.redaction.messages import FrameStream, PassingFrame
from harness.runs.redaction.vocabulary import Vocabulary

ORIGINAL: Final = f"{PRIVATE}/{BUS_LOG}"
SECRETS: Final = f"{PRIVATE}/{SECRETS_JSONL}"

NOT_SHOWN: Final = "Keys and secrets are not shown"
"""The first words of the remark that a redacted run carries."""

MOST_WAITING: Final = 20_000
"""How many lines are held back until a transfer ends; after that the part of the transfer that came is searched."""

_Line = tuple[bytes, PassingFrame | None, bytes]
"""One line of the log: the text before the frame's data, the frame (None if there is none), and the text behind."""


class OriginalLog:
    """The original log while it is written. If an answer tells hidden data, its value is learned at once as a secret."""

    def __init__(self, file: TextIO, words: Vocabulary) -> None:
        self._file = file
        self._listener = FrameStream(words) if words.hidden_dids else None
        self._addresses = words.addresses

    def write(self, text: str) -> None:
        """Write text that consists of whole lines."""
        self._file.write(text)
        if self._listener is not None:
            for line in text.encode("ascii").splitlines(keepends=True):
                frame = _parts(line, self._addresses)[1]
                if frame is not None:
                    self._listener.add(frame)

    def flush(self) -> None:
        """Flush the file to the disk."""
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def redact_log(folder: Path) -> str:
    """Make a run's bus log from the original in its private folder, e.g. if the run was killed before it did.

    Return remarks that a reader needs; none if there is no original, because secrets were kept or the folder was handed over
    without it. Raises UserError if a file cannot be read or written, or is damaged.
    """
    refuse_linked_private(folder)
    if not (folder / ORIGINAL).is_file():
        return ""
    words = Vocabulary.load(folder / SECRETS)
    write_redacted(folder, words)
    words.save(folder / SECRETS)
    return remark_on(folder)


def remark_on(folder: Path) -> str:
    """Return remarks for the reader of a redacted log, or of a report made from it."""
    return (
        f"{NOT_SHOWN}: bytes from E0 to EF stand for them, for the same value always the same ones. "
        f"The original bus log is {ORIGINAL} (SHA-256 {sha256_of(folder / ORIGINAL)})."
    )


def write_redacted(folder: Path, words: Vocabulary) -> None:
    """Write the log without the secrets in the vocabulary; memory does not grow with the log.

    Raises UserError if a file cannot be read or written.
    """
    original = folder / ORIGINAL
    if words.hidden_dids:  # a value that an ECU tells late may stand earlier in the log
        _pass(original, words, None)
    with replacing(folder / BUS_LOG) as part, open(part, "wb") as out:
        _pass(original, words, out)


def _pass(original: Path, words: Vocabulary, out: BinaryIO | None) -> None:
    stream = FrameStream(words)
    waiting: list[_Line] = []
    unchanged: set[bytes] = set()
    """Frames, without their times, in which no secret was found with the vocabulary as of `version`."""
    version = words.version
    try:
        with open_file(original) as log:
            for line in log:
                if not line.endswith(b"\n"):
                    break  # the run was killed while writing this line
                content = line.partition(b") ")[2]
                if version != words.version or len(unchanged) > MOST_WAITING:
                    version = words.version
                    unchanged.clear()
                stands_alone = stream.is_idle
                if stands_alone and content in unchanged and line[:1] == b"(":
                    if out is not None:
                        out.write(line)
                    continue
                waiting.append(_parts(line, words.addresses))
                frame = waiting[-1][1]
                before = b"" if frame is None else bytes(frame.data)
                if frame is not None:
                    stream.add(frame)
                if len(waiting) > MOST_WAITING:
                    stream.close()
                if not stream.is_waiting:
                    if stands_alone and stream.is_idle and frame is not None and frame.data == before:
                        unchanged.add(content)
                    _write(waiting, out)
    except OSError as error:
        raise UserError(f"{original}: {error.strerror}") from error
    except ValueError as error:
        raise UserError(f"{original}: {error}; the file is damaged") from None
    stream.close()
    _write(waiting, out)


def _parts(line: bytes, addresses: AddressBook) -> _Line:
    """Split ``(1.5) can0 740#0322101000000000 T`` into the text before the data, the frame, and the text behind.

    A line without a data frame has no frame; the frame's data is split from the address before it. Raises ValueError for a
    line of any other form.
    """
    before, hash_sign, rest = line.partition(b"#")
    if not hash_sign or before[:1] != b"(":
        raise ValueError(f"{line[:80]!r} is no line of a candump log")
    if rest[:1] == b"#":
        hash_sign, rest = hash_sign + rest[:2], rest[2:]
    digits, space, after = rest.partition(b" ")
    if digits[:1] == b"R":
        return line, None, b""
    try:
        data = bytearray.fromhex(digits.decode("ascii"))
    except ValueError:
        raise ValueError(f"{line[:80]!r} is no line of a candump log") from None
    identity = before[before.rfind(b" ") + 1 :]
    size = addresses.address_bytes(int(identity, 16), data) if addresses else 0
    if size:
        hash_sign, data = hash_sign + digits[: 2 * size], data[size:]
    return before + hash_sign, PassingFrame(identity, after[:1] == b"T", data, size), space + after


def _write(waiting: list[_Line], out: BinaryIO | None) -> None:
    if out is not None:
        for before, frame, after in waiting:
            out.write(before if frame is None else before + frame.data.hex().upper().encode() + after)
    waiting.clear()
