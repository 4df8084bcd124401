"""Log what a tester requests and what it waits for, to explain why an audit takes its time. No secret is logged."""

import logging
import sys
from pathlib import Path
from typing import Final

from harness.audit.watched import UNNAMED, WatchedTester
from harness.measurements import Measurements
from harness.tester.reply import RawReply, Reply, ReplyKind
from harness.tester.tester import Tester
from harness.uds import Service, nrc_name

LOG: Final = logging.getLogger("harness.audit")


class _Entry(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        path = Path(record.pathname)
        record.filename = f"{path.parent.name}/{path.name}" if path.stem == "__init__" else path.name
        return super().format(record)


FORMAT: Final = _Entry("%(purpose)s%(filename)s:%(lineno)d: %(message)s", defaults={"purpose": ""})
"""The form of a log entry: each names the file and line that caused it, a wait also its check and measurement."""

_CARRIES_OUT: Final = (
    "harness.tester",
    "harness.link",
    "harness.simulation",
    "harness.audit.logged",
    "harness.audit.watched",
    "contextlib",
)
"""Modules and packages that only carry out what a check or a measurement wants."""

_NAMED_BYTES: Final[dict[int, int]] = {
    Service.READ_DATA_BY_IDENTIFIER: 3,
    Service.WRITE_DATA_BY_IDENTIFIER: 3,
    Service.ROUTINE_CONTROL: 4,
}
"""By service: how many first bytes of a request are logged; two for services that are not listed."""


class LoggedTester(WatchedTester):
    """A tester that logs each exchange and each wait with its caller, and each wait also with its check and measurement."""

    check: str = ""
    """The name of the check under way."""

    def _purpose(self) -> dict[str, str]:
        """Name the check under way, and what is measured for it, in the form of `FORMAT`."""
        said = ", ".join(filter(None, (self.check, self.measured())))
        return {"purpose": f"{said}: " if said else ""}

    def _exchange(self, pdu: bytes, is_functional: bool, wait_s: float) -> Reply:
        begun_s = self.link.now_s
        reply = super()._exchange(pdu, is_functional, wait_s)
        outcome = nrc_name(reply.nrc) if reply.nrc is not None else reply.kind.value
        to_all = " to all" if is_functional else ""
        took_s = self.link.now_s - begun_s
        _log("%s%s: %s, after %.1f ms", named(pdu), to_all, outcome, took_s * 1000)
        if reply.kind is ReplyKind.SILENCE:
            _log("waited %.3f s: no answer to %s", took_s, named(pdu), extra=self._purpose())
        return reply

    def _raw_heard(self, reply: RawReply, listen_s: float) -> None:
        _log("%d raw frames: %d frames came in %.3f s", len(reply.sent), len(reply.answers), listen_s)

    def wait(self, seconds: float, why: str = "") -> None:
        """Log the wait, and wait as the base class does."""
        _log("waits %.3f s: %s", seconds, why or UNNAMED, extra=self._purpose())
        super().wait(seconds, why)


def named(pdu: bytes) -> str:
    """Name a request by its first bytes and its length: ``22 F1 90``, ``27 02 and 16 bytes``."""
    shown = _NAMED_BYTES.get(pdu[0], 2) if pdu else 0
    rest = len(pdu) - shown
    return pdu[:shown].hex(" ").upper() + (f" and {rest} bytes" if rest > 0 else "")


def kind_of_tester() -> type[WatchedTester]:
    """Return the class of tester that an audit uses: one that logs, if logging is on."""
    return LoggedTester if LOG.isEnabledFor(logging.DEBUG) else WatchedTester


def begins(tester: Tester, measure: Measurements, id: str, parameter: str | None) -> None:
    """Log that a check begins; measurements and waits are logged under its name from now on."""
    measure.check = f"{id} [{parameter}]" if parameter else id
    if isinstance(tester, LoggedTester):
        tester.check = measure.check
    _log("%s begins", measure.check)


def _log(message: str, *values: object, extra: dict[str, str] | None = None) -> None:
    """Log an entry with the file and line of its cause: the nearest caller outside `_CARRIES_OUT`."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and _carries_out(frame.f_globals.get("__name__", "")):
        frame, level = frame.f_back, level + 1
    LOG.debug(message, *values, stacklevel=level, extra=extra)


def _carries_out(module: str) -> bool:
    return any(module == one or module.startswith(f"{one}.") for one in _CARRIES_OUT)
