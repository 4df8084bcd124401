"""Learn which values are secret during a run, give each a placeholder, and keep both in the run's private folder.

A placeholder has the length of its value, and consists of bytes from E0 to EF: frames and messages keep their layout, and
nobody takes a placeholder for a key. Placeholders are drawn by HMAC under a key of the run: one value has the same
placeholder throughout a run, and nobody can guess a value from its placeholder.
"""

from __future__ import annotations

import base64
import hmac
import json
import os
from collections.abc import Iterable
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from harness.errors import UserError
from harness.link.address_book import AddressBook
from harness.runs.folder import open_file
from harness.system import WITHOUT_SURPRISE

GRAM_BYTES: Final = 4
"""How many equal bytes in a row count as a match with a secret; the match is then extended as far as it goes."""

SHORTEST_BYTES: Final = 3
"""The length of the shortest value that is searched for.

Shorter values would be found everywhere; they are hidden only where they are known to stand.
"""

LEAST_OF_TEXT: Final = 8
"""The smallest number of letters and digits in a part of a written secret that is hidden."""

LONGEST_NUMBER_BYTES: Final = 64
"""The longest value that is also searched for written as one number, backwards, or in Base64."""

MOST_GUESSES: Final = 20_000
"""The largest number of wrong keys that are searched for; further ones are hidden only where they stand."""

MOST_PLACEHOLDERS: Final = 1 << 20
ATTEMPTS: Final = 64


class SecretKind(StrEnum):
    """What sort of secret a value is, which decides where it is searched for."""

    LASTING = "lasting"
    """A secret of the ECU or the user that is the same in every run: it is hidden everywhere, even in seeds and texts."""
    KEY = "key"
    """The right key for a seed."""
    GUESS = "guess"
    """A key that was sent, right or wrong."""
    VALUE = "value"
    """A value that is hidden where it stands, and not searched for elsewhere."""


class _Hit(NamedTuple):
    value: bytes
    offset: int
    least: int
    """How many bytes must be equal for a match."""


class Vocabulary:
    """Every secret that was learned in one run, with its placeholder."""

    def __init__(self, key: bytes, hidden_dids: Iterable[int] = (), addresses: AddressBook | None = None) -> None:
        self._key = key
        self.addresses = addresses or AddressBook()
        """The bytes that occur as an address before ISO-TP in the frames of the run."""
        self.hidden_dids = frozenset(hidden_dids)
        """Data identifiers whose values are hidden wherever they are read or written."""
        self.written: dict[str, bytes] = {}
        """Lasting secrets that are text: the text as it is written, and its bytes."""
        self.numbers: dict[int, bytes] = {}
        """Secrets read as numbers, in either byte order."""
        self.version = 0
        """A number that grows with every new value to search for."""
        self._placeholders: dict[bytes, bytes] = {}
        self._given: set[bytes] = set()
        self._kinds: dict[bytes, SecretKind] = {}
        self._grams: dict[bytes, _Hit] = {}
        self._lasting: dict[bytes, _Hit] = {}
        self._least_bytes = GRAM_BYTES
        """The length of the shortest value that is searched for, at most `GRAM_BYTES`."""
        self._guesses = 0
        head = {"key": key.hex(), "hidden_dids": sorted(self.hidden_dids), "addresses": self.addresses.plain()}
        self._unsaved = [json.dumps(head)]

    # Learning

    def learn(self, value: bytes, kind: SecretKind) -> None:
        """Hide a value from now on, and search for it as its kind requires."""
        known = self._kinds.get(value)
        if not value or known in (SecretKind.LASTING, kind) or (known is SecretKind.KEY and kind is not SecretKind.LASTING):
            return
        self._kinds[value] = kind
        self._unsaved.append(json.dumps({"kind": kind.value, "value": value.hex()}))
        self.placeholder(value)
        if kind is SecretKind.GUESS:
            self._guesses += 1
        if kind is SecretKind.VALUE or not is_telling(value) or self._guesses > MOST_GUESSES:
            return
        self.version += 1
        self._look_for(value, kind, min(len(value), LEAST_OF_TEXT if _is_text(value) else GRAM_BYTES))
        if kind is SecretKind.GUESS:
            return
        if kind is SecretKind.LASTING and _is_text(value):
            self.written[value.decode("ascii")] = value
        if len(value) > LONGEST_NUMBER_BYTES:
            return
        backwards = value[::-1]
        self._placeholders.setdefault(backwards, self.placeholder(value)[::-1])
        self._look_for(backwards, kind, min(len(value), GRAM_BYTES))
        for order in (value, backwards):
            self.numbers.setdefault(int.from_bytes(order, "big"), value)
        if kind is SecretKind.LASTING:
            self._learn_writing(value)

    def _learn_writing(self, value: bytes) -> None:
        """Learn the spellings in letters and digits by which an ECU may reveal a secret."""
        number = str(int.from_bytes(value, "big")).encode()
        for form in (value.hex().encode(), value.hex().upper().encode(), base64.b64encode(value).rstrip(b"="), number):
            if len(form) >= LEAST_OF_TEXT:
                self._look_for(form, SecretKind.LASTING, LEAST_OF_TEXT)

    def _look_for(self, value: bytes, kind: SecretKind, least: int) -> None:
        size = min(GRAM_BYTES, len(value))
        self._least_bytes = min(self._least_bytes, size)
        for offset in range(len(value) - size + 1):
            gram = value[offset : offset + size]
            if is_telling(gram):
                hit = _Hit(value, offset, least)
                self._grams.setdefault(gram, hit)
                if kind is SecretKind.LASTING:
                    self._grams[gram] = self._lasting[gram] = hit

    # Hiding

    def placeholder(self, value: bytes) -> bytes:
        """Return the placeholder of a value. Any two different values of three bytes or more have different placeholders."""
        known = self._placeholders.get(value)
        if known is not None:
            return known
        shown = b""
        for attempt in range(ATTEMPTS):
            digest = hmac.digest(self._key, bytes((attempt,)) + value, "sha512")
            shown = bytes(0xE0 | byte & 0x0F for byte in (digest * (len(value) // len(digest) + 1))[: len(value)])
            if shown not in self._given:
                break
        if len(self._placeholders) < MOST_PLACEHOLDERS:
            self._placeholders[value] = shown
            self._given.add(shown)
            if value not in self._kinds:
                self._kinds[value] = SecretKind.VALUE
                self._unsaved.append(json.dumps({"kind": SecretKind.VALUE.value, "value": value.hex()}))
        return shown

    def hidden(self, region: bytes) -> bytes:
        """Return the replacement for bytes that hold a key or a part of a key; known secrets in them stay recognisable."""
        if region in self._placeholders:
            return self._placeholders[region]
        shown = self.searched(region)
        if shown == region:
            return self.placeholder(region)
        parts, at = [], 0
        for start, end in _unlike(region, shown):
            parts.append(self._rest(region[at:start]) + shown[start:end])
            at = end
        return b"".join(parts) + self._rest(region[at:])

    def _rest(self, rest: bytes) -> bytes:
        return rest if len(set(rest)) <= 1 and len(rest) != 1 else self.placeholder(rest)

    def searched(self, data: bytes, *, lasting_only: bool = False) -> bytes:
        """Replace every secret in the bytes, and every part of a secret that is long enough to recognise."""
        grams = self._lasting if lasting_only else self._grams
        if not grams:
            return data
        shown: bytearray | None = None
        at, done = 0, 0
        may_be_short = self._least_bytes < GRAM_BYTES
        last = len(data) - self._least_bytes
        while at <= last:
            hit = grams.get(data[at : at + GRAM_BYTES])
            if hit is None and may_be_short:
                hit = grams.get(data[at : at + SHORTEST_BYTES])
            if hit is None:
                at += 1
                continue
            start, end, offset = _followed(data, at, done, hit)
            if end - start < hit.least:
                at += 1
                continue
            shown = bytearray(data) if shown is None else shown
            shown[start:end] = self.placeholder(hit.value)[offset : offset + end - start]
            at = done = end
        return data if shown is None else bytes(shown)

    # Keeping

    def save(self, path: Path) -> None:
        """Append the secrets that were learned since the last save to the file."""
        if self._unsaved:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | WITHOUT_SURPRISE, 0o600)
            with open(descriptor, "a", encoding="ascii", newline="\n") as file:
                file.write("\n".join([*self._unsaved, ""]))
            self._unsaved = []

    @classmethod
    def load(cls, path: Path) -> Vocabulary:
        """Load the secrets that another process learned and saved; a last line that was cut off is left out.

        Raises UserError if the file cannot be read, or is damaged.
        """
        try:
            with open_file(path) as file:
                lines = file.read().split(b"\n")[:-1]
            head, *entries = [json.loads(line) for line in lines]
            addresses = AddressBook.of_plain(head.get("addresses", {}))
            vocabulary = cls(bytes.fromhex(head["key"]), head["hidden_dids"], addresses)
            for entry in entries:
                vocabulary.learn(bytes.fromhex(entry["value"]), SecretKind(entry["kind"]))
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}; without it the bus log cannot be redacted") from error
        except UserError as error:
            raise UserError(f"{error}; without it the bus log cannot be redacted") from error
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise UserError(f"{path}: is damaged ({error}); without it the bus log cannot be redacted") from error
        vocabulary._unsaved = []
        return vocabulary


def is_telling(value: bytes) -> bool:
    """Whether a value is long and varied enough to search for, unlike 00 00 00 00 and 11 22 33 44.

    >>> is_telling(bytes.fromhex("5EF739B0")), is_telling(bytes.fromhex("11223344")), is_telling(b"\\x12\\x34")
    (True, False, False)
    """
    steps = {(after - before) % 256 for before, after in pairwise(value)}
    return len(value) >= SHORTEST_BYTES and len(set(value)) >= SHORTEST_BYTES and len(steps) > 1


def _is_text(value: bytes) -> bool:
    return len(value) >= GRAM_BYTES and value.isascii() and value.decode("ascii").isprintable()


def _followed(data: bytes, at: int, floor: int, hit: _Hit) -> tuple[int, int, int]:
    """Extend a match in both directions: return its start and end in the data, and its start in the secret value."""
    value, offset = hit.value, hit.offset
    start, end = at, at
    while end < len(data) and offset + end - at < len(value) and data[end] == value[offset + end - at]:
        end += 1
    while start > floor and offset > 0 and data[start - 1] == value[offset - 1]:
        start, offset = start - 1, offset - 1
    return start, end, offset


def _unlike(before: bytes, after: bytes) -> Iterable[tuple[int, int]]:
    """Yield the start and end of each stretch in which two messages of the same length differ."""
    start = None
    for at, (one, other) in enumerate(zip(before, after, strict=True)):
        if one != other and start is None:
            start = at
        elif one == other and start is not None:
            yield start, at
            start = None
    if start is not None:
        yield start, len(before)
