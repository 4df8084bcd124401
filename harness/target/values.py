"""Parse single values of a target file: secrets, access, ranges, keys, commands."""

import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from harness.errors import Refused
from harness.target.toml_schema import REDACTED, Rule, integer, list_of

SECURITY_ACCESS = 0x27
BUILT_IN_KEYS = ("article", "hmac-sha256")
"""Key algorithms that need only a secret."""


class Record(bytes):
    """Bytes of a message, written in hex in a target file."""

    def __str__(self) -> str:
        return self.hex(" ").upper()


@dataclass(frozen=True, slots=True)
class Before:
    """A request that must be sent before the ECU serves another."""

    message: bytes
    is_functional: bool = False
    """Whether the request is sent to all ECUs."""

    @property
    def level(self) -> int | None:
        """The level to open, if the request asks for a level's seed: the key is then sent automatically."""
        is_seed = len(self.message) >= 2 and self.message[0] == SECURITY_ACCESS and self.message[1] & 1
        return self.message[1] & 0x7F if is_seed and not self.is_functional else None

    def __str__(self) -> str:
        return ("functional " if self.is_functional else "") + self.message.hex(" ").upper()


class Secret:
    """Bytes that are hidden unless revealed explicitly: in text, reprs, errors, JSON and evidence."""

    __slots__ = ("__raw",)

    def __init__(self, raw: bytes) -> None:
        self.__raw = raw

    def reveal(self) -> bytes:
        """Return the bytes themselves, for a key algorithm or a search; never print them."""
        return self.__raw

    def __repr__(self) -> str:
        return REDACTED

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.__raw == other.reveal()

    def __hash__(self) -> int:
        return hash(self.__raw)


@dataclass(frozen=True, slots=True)
class Access:
    """Who may do something: everybody (`open`), a tester that unlocked the level, or nobody (`never`)."""

    kind: Literal["open", "level", "never"]
    level: int | None = None
    """The SecurityAccess level; only with the kind ``level``."""

    def __str__(self) -> str:
        return self.kind if self.level is None else f"level 0x{self.level:02X}"


OPEN = Access("open")
NEVER = Access("never")


@dataclass(frozen=True, slots=True)
class Span:
    """Whole numbers from `first` to `last`, both included."""

    first: int
    last: int

    def __contains__(self, wanted: object) -> bool:
        return isinstance(wanted, int) and self.first <= wanted <= self.last

    def __str__(self) -> str:
        return f"0x{self.first:02X}..0x{self.last:02X}"


@dataclass(frozen=True, slots=True)
class Values:
    """The values that a data record may take.

    Each alternative is a row of parts; a part is as many bytes as its two limits, read as one unsigned number, most
    significant byte first. ``"00..7F"`` is one byte, ``"01 0000..03E7"`` is 01 and then a number up to 999.
    """

    alternatives: tuple[tuple[tuple[bytes, bytes], ...], ...]
    text: str

    def __contains__(self, value: bytes) -> bool:
        return any(_fits(parts, value) for parts in self.alternatives)

    @property
    def lengths(self) -> frozenset[int]:
        """The lengths in bytes of allowed values."""
        return frozenset(sum(len(low) for low, _ in parts) for parts in self.alternatives)

    def outside(self) -> bytes | None:
        """Return a forbidden value of an allowed length, next to an allowed value; None if there is none."""
        return next((value for value in self._neighbours() if value not in self), None)

    def _neighbours(self) -> Iterator[bytes]:
        for parts in self.alternatives:
            for index, (low, high) in enumerate(parts):
                for number in (int.from_bytes(high, "big") + 1, int.from_bytes(low, "big") - 1):
                    if 0 <= number < 256 ** len(low):
                        others = [first for first, _ in parts]
                        others[index] = number.to_bytes(len(low), "big")
                        yield b"".join(others)

    def __str__(self) -> str:
        return self.text


def _fits(parts: tuple[tuple[bytes, bytes], ...], value: bytes) -> bool:
    at = 0
    for low, high in parts:
        if not low <= value[at : at + len(low)] <= high or len(value) < at + len(low):
            return False
        at += len(low)
    return at == len(value)


def whole_number(written: str) -> int | None:
    """Parse ``16`` or ``0x10``; None if it is neither."""
    if re.fullmatch(r"0[xX][0-9A-Fa-f]{1,16}", written):
        return int(written, 16)
    return int(written) if re.fullmatch(r"[0-9]{1,16}", written) else None


def _access(value: object) -> Access:
    if value == "open":
        return OPEN
    if value == "never":
        return NEVER
    named = re.fullmatch(r"level +(\w+)", value) if isinstance(value, str) else None
    return Access("level", LEVEL.parse(whole_number(named[1]) if named else None))


def _level(value: object) -> int:
    level: int = _LEVEL_RANGE.parse(value)
    if level % 2 == 0:
        raise Refused("give an odd level, e.g. 0x01; the even number after it sends the key")
    return level


def _span(largest: int, digits: int) -> Rule:
    allowed = f'first and last in hex, e.g. "0x{1:0{digits}X}..0x{15:0{digits}X}"'

    def parse(value: object) -> Span:
        limits = re.fullmatch(r"(?:0x)?([0-9A-Fa-f]{1,16})\.\.(?:0x)?([0-9A-Fa-f]{1,16})", str(value))
        if not isinstance(value, str) or not limits:
            raise Refused
        span = Span(int(limits[1], 16), int(limits[2], 16))
        if not span.first <= span.last <= largest:
            raise Refused(f"give {allowed}, in this order, not above 0x{largest:X}")
        return span

    return Rule(allowed, parse, schema=_pattern(r"(0x)?[0-9A-Fa-f]{1,16}\.\.(0x)?[0-9A-Fa-f]{1,16}"))


def _values(value: object) -> Values:
    alternatives: list[Any] = value if isinstance(value, list) else [value]
    if not alternatives or not all(isinstance(one, str) for one in alternatives):
        raise Refused
    return Values(tuple(_parts(one) for one in alternatives), " | ".join(alternatives))


def _parts(alternative: str) -> tuple[tuple[bytes, bytes], ...]:
    parts = []
    for part in re.sub(r" *\.\. *", "..", alternative).split():
        limits = re.fullmatch(r"((?:[0-9A-Fa-f]{2})+)(?:\.\.((?:[0-9A-Fa-f]{2})+))?", part)
        if not limits:
            raise Refused
        low, high = bytes.fromhex(limits[1]), bytes.fromhex(limits[2] or limits[1])
        if len(low) != len(high) or low > high:
            raise Refused('give both limits as many digits, the lower one first, e.g. "0000..03E7"')
        parts.append((low, high))
    if not parts:
        raise Refused
    return tuple(parts)


def _secret(value: object) -> Secret:
    kind, colon, rest = value.partition(":") if isinstance(value, str) else ("", "", "")
    if kind == "hex" and colon:
        return _secret_of_hex(rest, "give two hex digits per byte after hex:")
    if kind != "env" or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", rest):
        raise Refused
    found = os.environ.get(rest)
    if found is None:
        raise Refused(f"the environment variable {rest} is not set; set it to the secret in hex")
    return _secret_of_hex(found.removeprefix("hex:"), f"set the environment variable {rest} to two hex digits per byte")


def _secret_of_hex(digits: str, advice: str) -> Secret:
    try:
        raw = bytes.fromhex(digits)
    except ValueError:
        raise Refused(advice) from None
    if not raw:
        raise Refused(advice)
    return Secret(raw)


def _record(value: object) -> Record:
    try:
        return Record(bytes.fromhex(value if isinstance(value, str) else ""))
    except ValueError:
        raise Refused from None


def _before(value: object) -> Before:
    written = value.strip() if isinstance(value, str) else ""
    is_functional = written.startswith("functional ")
    try:
        message = bytes.fromhex(written.removeprefix("functional "))
    except ValueError:
        raise Refused from None
    if not message:
        raise Refused
    if message[0] == SECURITY_ACCESS and len(message) > 1 and message[1] & 1 == 0:
        raise Refused("give the request for the seed, e.g. 27 01; the level's own key answers it")
    return Before(message, is_functional)


def _key(value: object) -> str:
    if not isinstance(value, str) or not value.isprintable():
        raise Refused
    if value.startswith(("http://", "https://")):
        try:
            url = urlsplit(value)
            is_usable = bool(url.hostname) and (url.port is None or url.port > 0)
        except ValueError:
            raise Refused from None
        if not is_usable or " " in value:
            raise Refused
        if url.username or url.password:
            raise Refused("give the URL without user and password: it is printed in reports")
    elif value.startswith("command:"):
        _command(value)
    elif value not in BUILT_IN_KEYS and not re.fullmatch(r".*[^/\\]\.py:[A-Za-z_]\w*", value):
        raise Refused
    return value


def _command(value: object) -> str:
    if not isinstance(value, str) or not value.isprintable() or not re.fullmatch(r"command: *\S.*", value):
        raise Refused
    try:
        shlex.split(value)
    except ValueError as error:
        raise Refused(f"the command is malformed: {error}") from None
    return value


def _bare_command(value: object) -> str:
    if not isinstance(value, str) or not value.isprintable() or not value.strip():
        raise Refused
    return _command(value if value.startswith("command:") else f"command: {value}")


def _power(value: object) -> str:
    return "simulated" if value == "simulated" else _command(value)


def _channel(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1000:
        return str(value)  # some vendors' adapters number their channels
    if not isinstance(value, str) or not value.isprintable() or not value.strip():
        raise Refused
    return value


def _extended_ids(value: object) -> bool | str:
    if value is True or value is False or value == "any":
        return value
    raise Refused


def _padding(value: object) -> int | None:
    return None if value is False else _BYTE.parse(value)


def _severity(value: object) -> str:
    if value not in ("critical", "high", "medium", "low", "info"):
        raise Refused
    return str(value)


def _expires(value: object) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise Refused from None


def _pattern(whole: str) -> dict[str, object]:
    return {"type": "string", "pattern": f"^(?:{whole})$"}


_STRING: dict[str, object] = {"type": "string"}
_BYTE = integer(0x00, 0xFF, "a byte, e.g. 0x00, or false for none", is_hex=True)
_LEVEL_RANGE = integer(0x01, 0x7D, "an odd level, e.g. 0x01", is_hex=True)

LEVEL = Rule(_LEVEL_RANGE.allowed, _level, is_hex=True, schema={**_LEVEL_RANGE.schema, "not": {"multipleOf": 2}})
ACCESS = Rule('"open", "level 0x01" or "never"', _access, schema=_pattern(r"open|never|level +\w+"))
ADDRESS = integer(0x00, 0xFF, "an address, e.g. 0xF1", is_hex=True)
CAN_ID, RESPONSE_ID, FUNCTIONAL_ID = (
    integer(0, 0x1FFF_FFFF, f"a CAN id, e.g. {example}", is_hex=True) for example in ("0x7E0", "0x7E8", "0x7DF")
)
CHANNEL = Rule(
    'a channel, e.g. "can0"; for uds-sim an ECU, e.g. "article" or "ecu.py:factory"',
    _channel,
    schema={"type": ["string", "integer"]},
)
EXTENDED_IDS = Rule('true (29 bits), false (11 bits) or "any"', _extended_ids, schema={"enum": [True, False, "any"]})
PADDING = Rule(_BYTE.allowed, _padding, is_hex=True, schema={"anyOf": [_BYTE.schema, {"const": False}]})
KEY = Rule('"article", "hmac-sha256", "path.py:function", "command: …" or "http://…"', _key, schema=_STRING)
RECORD = Rule('bytes in hex, e.g. "00 00"', _record, schema=_pattern(r"[0-9A-Fa-f\s]*"))
BEFORE = list_of(
    Rule('a request in hex, e.g. "31 01 0203", or "functional 3E 80"', _before, schema={"type": "string"}),
    'a list of requests, e.g. ["31 01 0203"]',
)
SECRET = Rule('"env:NAME" or "hex:…"', _secret, is_secret=True, schema=_pattern(r"(env|hex):.*"))
VALUES = Rule(
    'bytes or ranges of them in hex, e.g. "00..7F" or ["00", "10..1F"]', _values, schema={"type": ["string", "array"]}
)
COMMAND = Rule('"command: …"', _command, schema=_pattern(r"command: *\S.*"))
BARE_COMMAND = Rule('a command, e.g. "command: ssh pi sudo systemctl restart ecu"', _bare_command, schema=_STRING)
"""Where only a command makes sense, the word ``command:`` may be omitted; it is stored with it."""
POWER = Rule('"command: …" or "simulated"', _power, schema=_pattern(r"simulated|command: *\S.*"))
SEVERITY = Rule(
    'the highest that is accepted, e.g. the line severity = "high"; one of critical, high, medium, low, info',
    _severity,
    schema={"enum": ["critical", "high", "medium", "low", "info"]},
)
EXPIRES = Rule("a date, e.g. 2027-01-31", _expires, schema=_STRING)
SERVICES = _span(0xFF, 2)
ROUTINES = _span(0xFFFF, 4)
ADDRESSES = _span(0xFFFF_FFFF_FFFF_FFFF, 8)


def without_arguments(hook: str) -> str:
    """Return the call of a program or service without its arguments, which may be secret.

    For example ``command: ssh (redacted)``, ``http://host/key?(redacted)``.
    """
    if hook.startswith("command:"):
        program, *arguments = shlex.split(hook.removeprefix("command:"))
        return f"command: {shlex.quote(program)} (redacted)" if arguments else hook
    if hook.startswith(("http://", "https://")):
        address, mark, _ = hook.partition("?")
        return f"{address}?(redacted)" if mark else hook
    return hook


def plain(value: Any) -> Any:
    """Convert a setting to JSON; types of this module in the words of a target file."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, bytes):
        return value.hex(" ").upper()
    if is_dataclass(value) and not isinstance(value, (Access, Before, Span, Values)):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    return str(value)
