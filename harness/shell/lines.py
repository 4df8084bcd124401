"""Read the lines of a script, e.g. ``read F190``; each line is one command, checked completely before anything is sent."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.errors import UserError, did_you_mean
from harness.link.frame import Frame
from harness.link.frame import parse as parse_frame
from harness.target.toml_schema import printable

LONGEST_LINE: Final = 1 << 15
"""The largest number of characters in a line, enough for the longest message if each byte is ``0xFF`` with a space."""
LONGEST_MESSAGE_BYTES: Final = 0xFFF
LONGEST_WAIT_S: Final = 86_400.0
LONGEST_QUOTED: Final = 60

_COMMENT: Final = re.compile(r"(?:^|\s)#.*$", re.DOTALL)
_FRAME: Final = re.compile(r"[0-9A-Fa-f]+#\S*")
_TIME: Final = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|m)?")
_UNITS: Final = {"ms": 0.001, "s": 1.0, None: 1.0, "m": 60.0}


@dataclass(frozen=True, slots=True)
class EnterSession:
    """``session 03``: ask for a diagnostic session."""

    session: int


@dataclass(frozen=True, slots=True)
class Read:
    """``read F190``: read one or more data identifiers at once."""

    dids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Write:
    """``write 2020 99``: write a data identifier."""

    did: int
    value: bytes


@dataclass(frozen=True, slots=True)
class AskSeed:
    """``seed 01``: request the seed of a level. `record` None: the record that the target declares, if any."""

    level: int
    record: bytes | None


@dataclass(frozen=True, slots=True)
class SendKey:
    """``key 5EF739B0``: send a key for the seed that was requested last."""

    key: bytes


@dataclass(frozen=True, slots=True)
class Unlock:
    """``unlock 01``: request a seed, and send the key that the target's key function makes of it."""

    level: int


@dataclass(frozen=True, slots=True)
class RawMessage:
    """``raw 22F190``: send a message as it is."""

    pdu: bytes


@dataclass(frozen=True, slots=True)
class RawFrames:
    """``raw 740#0322F190``: send CAN frames as they are, back to back."""

    frames: tuple[Frame, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """``wait 2s``: let time pass and send nothing."""

    seconds: float


@dataclass(frozen=True, slots=True)
class ResetLine:
    """``reset``: restart the ECU by ECUReset, and wait until it has booted. `kind` None: the target's reset type."""

    kind: int | None


@dataclass(frozen=True, slots=True)
class Repeat:
    """``repeat RUN ID``: send the exchanges of a run's result once more."""

    run: Path
    result: str


@dataclass(frozen=True, slots=True)
class Help:
    """``help``: list the commands."""


@dataclass(frozen=True, slots=True)
class Quit:
    """``quit``: end."""


Command = (
    EnterSession
    | Read
    | Write
    | AskSeed
    | SendKey
    | Unlock
    | RawMessage
    | RawFrames
    | Wait
    | ResetLine
    | Repeat
    | Help
    | Quit
)


@dataclass(frozen=True, slots=True)
class Word:
    """The spelling of one command: its word, its arguments and its help."""

    usage: str
    example: str
    what: str
    read: Callable[[Sequence[str]], Command]
    """Parse the arguments. Raises ValueError for wrong ones, with what is wrong, or without a text if `usage` says it."""


def command_in(line: str) -> Command | None:
    """Parse a line; None if it is empty or a comment. Raises UserError that says what is wrong, and what to write."""
    if len(line) > LONGEST_LINE:
        raise UserError(f"is longer than {LONGEST_LINE} characters; no message is that long")
    name, *arguments = _COMMENT.sub("", line).split() or [""]
    if not name:
        return None
    word = WORDS.get(name.lower())
    if word is None:
        close = did_you_mean(name[:LONGEST_QUOTED], WORDS)
        raise UserError(f"{_quoted(name)} is no command{close}; write one of {', '.join(WORDS)}")
    try:
        return word.read(arguments)
    except ValueError as error:
        wrong = str(error) or f"{_quoted(' '.join(arguments)) if arguments else 'nothing'} stands behind {name}"
        raise UserError(f"{wrong}; write {word.usage}, e.g. {word.example}") from None


def help_lines() -> list[str]:
    """Describe every command in a line."""
    width = max(len(word.usage) for word in WORDS.values())
    return [f"{word.usage:<{width}}  {word.what}" for word in WORDS.values()]


def _quoted(text: str) -> str:
    shown = printable(text)
    return f'"{shown if len(shown) <= LONGEST_QUOTED else shown[:LONGEST_QUOTED] + "…"}"'


def _number(text: str, what: str, lowest: int, highest: int) -> int:
    digits = text.lower().removeprefix("0x")
    if not re.fullmatch(r"[0-9a-f]{1,8}", digits) or not lowest <= int(digits, 16) <= highest:
        width = 4 if highest > 0xFF else 2
        raise ValueError(f"{_quoted(text)} is no {what} in hex from {lowest:0{width}X} to {highest:0{width}X}")
    return int(digits, 16)


def _level(text: str) -> int:
    level = _number(text, "level", 0x01, 0x7D)
    if not level & 1:
        raise ValueError(f"{_quoted(text)} is the number that sends a key; a level is the odd one before it")
    return level


def _bytes(parts: Sequence[str], longest: int = LONGEST_MESSAGE_BYTES) -> bytes:
    """Parse words of hex. Raises ValueError for other text, half a byte, no bytes, or too many."""
    data = b""
    for part in parts:
        digits = part.lower().removeprefix("0x")
        if not re.fullmatch(r"[0-9a-f]+", digits):
            raise ValueError(f"{_quoted(part)} is no hex")
        if len(digits) % 2:
            raise ValueError(f"{_quoted(part)} ends in half a byte")
        data += bytes.fromhex(digits)
    if not 0 < len(data) <= longest:
        raise ValueError(f"{len(data)} bytes are too many; at most {longest}" if data else "")
    return data


def _one(arguments: Sequence[str]) -> str:
    (only,) = arguments if len(arguments) == 1 else _nothing()
    return only


def _nothing() -> tuple[str]:
    raise ValueError


def _session(arguments: Sequence[str]) -> Command:
    return EnterSession(_number(_one(arguments), "session", 0x01, 0xFF))


def _read(arguments: Sequence[str]) -> Command:
    if not arguments:
        raise ValueError
    return Read(tuple(_number(one, "data identifier", 0, 0xFFFF) for one in arguments))


def _write(arguments: Sequence[str]) -> Command:
    if len(arguments) < 2:
        raise ValueError
    did, *value = arguments
    return Write(_number(did, "data identifier", 0, 0xFFFF), _bytes(value, LONGEST_MESSAGE_BYTES - 3))


def _seed(arguments: Sequence[str]) -> Command:
    if not arguments:
        raise ValueError
    level, *record = arguments
    return AskSeed(_level(level), _bytes(record, LONGEST_MESSAGE_BYTES - 2) if record else None)


def _key(arguments: Sequence[str]) -> Command:
    return SendKey(_bytes(arguments, LONGEST_MESSAGE_BYTES - 2))


def _unlock(arguments: Sequence[str]) -> Command:
    return Unlock(_level(_one(arguments)))


def _raw(arguments: Sequence[str]) -> Command:
    if not any(map(_FRAME.fullmatch, arguments)):
        return RawMessage(_bytes(arguments))
    try:
        return RawFrames(tuple(map(parse_frame, arguments)))
    except ValueError as error:
        raise ValueError(f"{_quoted(' '.join(arguments))} is no CAN frame ({error})") from None


def _wait(arguments: Sequence[str]) -> Command:
    match = _TIME.fullmatch(_one(arguments))
    seconds = float(match[1]) * _UNITS[match[2]] if match else 0.0
    if not 0 < seconds <= LONGEST_WAIT_S:
        raise ValueError(f"{_quoted(arguments[0])} is no time up to a day")
    return Wait(seconds)


def _reset(arguments: Sequence[str]) -> Command:
    return ResetLine(_number(_one(arguments), "type of reset", 0x01, 0x7F) if arguments else None)


def _repeat(arguments: Sequence[str]) -> Command:
    if len(arguments) < 2:
        raise ValueError
    return Repeat(Path(arguments[0]), " ".join(arguments[1:]))


def _alone(command: Command) -> Callable[[Sequence[str]], Command]:
    return lambda arguments: command if not arguments else _repeat(())


WORDS: Final[dict[str, Word]] = {
    "session": Word("session SESSION", "session 03", "ask for a diagnostic session (10)", _session),
    "read": Word("read DID ...", "read F190", "read data (22)", _read),
    "write": Word("write DID HEX", "write 2020 99", "write data (2E)", _write),
    "seed": Word("seed LEVEL [RECORD]", "seed 01", "ask for a seed (27)", _seed),
    "key": Word("key HEX", "key 5EF739B0", "send a key for the level whose seed was asked for last", _key),
    "unlock": Word(
        "unlock LEVEL", "unlock 01", "ask for a seed, and send what the target's key function makes of it", _unlock
    ),
    "raw": Word("raw HEX or raw ID#HEX ...", "raw 3E00", "send a message, or CAN frames, as they are", _raw),
    "wait": Word("wait TIME", "wait 2s", "send nothing for this time: 500ms, 2s, 1m", _wait),
    "reset": Word("reset [TYPE]", "reset", "restart the ECU (11) and wait until it has booted", _reset),
    "repeat": Word("repeat RUN ID", "repeat reports/mine SA-09", "send the exchanges of a run's result once more", _repeat),
    "help": Word("help", "help", "list these commands", _alone(Help())),
    "quit": Word("quit", "quit", "end; so do exit, Ctrl-D and the end of a script", _alone(Quit())),
    "exit": Word("exit", "exit", "as quit", _alone(Quit())),
}
