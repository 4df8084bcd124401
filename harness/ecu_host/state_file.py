"""Keep an ECU's non-volatile memory in a file that is complete at any moment, even if the power is cut."""

import json
import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from harness.ecu.server import Server
from harness.ecu_host.non_volatile import fingerprint, from_json, recall, remembered, to_json
from harness.errors import UserError
from harness.link.clock import RealClock, utc_text
from harness.system import sync_folder

SCHEMA_VERSION: Final = 1
LONGEST_BYTES: Final = 1 << 20
RETRY_S: Final = 1.0
"""The seconds between a failed attempt to write and the next attempt."""


class StateFile:
    """The file with the memory of one program's ECUs. A change is on disk before an answer that depends on it is sent."""

    def __init__(self, path: Path, profile: str) -> None:
        """Open the file of a profile. Raises UserError if the file is damaged or belongs to another profile."""
        self.path = path
        self._profile = profile.split("+")[0]
        self._clock = RealClock()
        self._shown = self._read()
        self._written: tuple[object, ...] | None = None
        self._retry_s = 0.0
        self.writes = 0
        self.slowest_write_s = 0.0
        self.trouble = ""
        """Why the last write failed; empty if it succeeded."""

    def recall(self, ecus: Sequence[Server]) -> bool:
        """Give new ECUs the memory in the file; return False if there is no file yet.

        Raises UserError if the memory does not fit the ECUs.
        """
        if self._shown is None:
            return False
        shown = self._shown["ecus"]
        if len(shown) != len(ecus):
            raise self._broken(f"it is the memory of {len(shown)} ECUs, and here are {len(ecus)}")
        for ecu, one in zip(ecus, shown, strict=True):
            try:
                recall(ecu, from_json(one, ecu))
            except ValueError as error:
                raise self._broken(str(error)) from None
        return True

    def keep(self, ecus: Sequence[Server]) -> bool:
        """Write the ECUs' memory if it has changed; return False if that failed (`trouble` says why)."""
        for ecu in ecus:
            ecu.settle()
        changed = tuple(map(fingerprint, ecus))
        if changed == self._written:
            return True
        begun_s = self._clock.now_s()
        if begun_s < self._retry_s:
            return False
        content = {
            "schema_version": SCHEMA_VERSION,
            "profile": self._profile,
            "saved": utc_text(self._clock.utc_s()),
            "ecus": [to_json(remembered(ecu)) for ecu in ecus],
        }
        try:
            self._replace(json.dumps(content, indent=2) + "\n")
        except OSError as error:
            self.trouble = error.strerror or str(error)
            self._retry_s = begun_s + RETRY_S
            return False
        self._written, self.trouble = changed, ""
        self.writes += 1
        self.slowest_write_s = max(self.slowest_write_s, self._clock.now_s() - begun_s)
        return True

    def _replace(self, text: str) -> None:
        """Write the whole new content to the disk before it replaces the old file."""
        number, name = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
        try:
            with open(number, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, self.path)
        except OSError:
            with suppress(OSError):
                os.unlink(name)
            raise
        sync_folder(self.path.parent)

    def _read(self) -> dict[str, Any] | None:
        if not self.path.parent.is_dir():
            raise UserError(f"--state {self.path}: there is no folder {self.path.parent}")
        if not self.path.exists():
            return None
        if not self.path.is_file():
            raise UserError(f"--state {self.path}: it is no file")
        try:
            with self.path.open("rb") as file:
                raw = file.read(LONGEST_BYTES + 1)
            shown = json.loads(raw.decode("utf-8")) if len(raw) <= LONGEST_BYTES else None
        except OSError as error:
            raise UserError(f"--state {self.path}: {error.strerror or error}") from error
        except (ValueError, RecursionError):
            raise self._broken("it is no JSON") from None
        if not isinstance(shown, dict) or not isinstance(shown.get("ecus"), list):
            raise self._broken("it is no ECU's memory")
        if shown.get("schema_version") != SCHEMA_VERSION:
            raise self._broken(
                f"its schema_version is {shown.get('schema_version')!r}; this program writes {SCHEMA_VERSION}"
            )
        if (profile := shown.get("profile")) != self._profile:
            raise UserError(f"--state {self.path}: it belongs to {profile!r}, not to {self._profile!r}; name another file")
        return shown

    def _broken(self, why: str) -> UserError:
        return UserError(f"--state {self.path}: {why}; remove the file to begin with a new ECU")
