"""Ask a running ECU for its state, through a socket that every user of this computer can find."""

import json
import os
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from harness.ecu_host.host import Host
from harness.ecu_host.view import session_name
from harness.errors import UserError
from harness.link.bus_lock import abstract_name, holder_of, listening_at
from harness.link.clock import RealClock
from harness.report.text import visible
from harness.system import HAS_ABSTRACT_SOCKETS

PREFIX: Final = "uds-harness-ecu-"
ANSWER_S: Final = 10.0
CLOSE_S: Final = 1.0
LONGEST_BYTES: Final = 1 << 18
_SOCKETS: Final = Path("/proc/net/unix")


class StatusSocket:
    """Answers each connection with the status in one line of JSON. Raises UserError if the same ECU runs there already.

    The socket is a name in Linux's abstract namespace: no file is left behind, and the kernel frees it with the process. On
    a system without such names there is no socket, and this object does nothing.
    """

    def __init__(self, host: Host, bus: str) -> None:
        """Serve the host's status under the name of its `bus`, e.g. ``socketcan:can0``."""
        self._host, self._bus = host, bus
        self._socket: socket.socket | None = None
        if not HAS_ABSTRACT_SOCKETS:
            return
        name = abstract_name(f"{PREFIX}{bus}+{host.profile.split('+')[0]}")
        self._socket = listening_at(name)
        if self._socket is None:
            raise UserError(f"{host.profile} is on {bus} already ({holder_of(name)}); stop that one first")
        self._thread = threading.Thread(target=self._serve, args=(self._socket,), daemon=True, name="uds-harness-status")
        self._thread.start()

    def close(self) -> None:
        """Free the name of the socket."""
        if self._socket is None:
            return
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(CLOSE_S)  # the name is free when nobody waits for visitors any more

    def _serve(self, visited: socket.socket) -> None:
        while True:
            try:
                visitor, _ = visited.accept()
            except OSError:
                return
            with visitor, suppress(OSError):
                visitor.settimeout(ANSWER_S)
                visitor.sendall(json.dumps(self._status()).encode() + b"\n")

    def _status(self) -> dict[str, Any]:
        """Return the status, taken on the thread that runs the ECU; only a part if that thread is not in time."""
        taken: list[dict[str, Any]] = []
        is_taken = threading.Event()

        def take() -> None:
            taken.append(self._host.status())
            is_taken.set()

        self._host.ask(take)
        if is_taken.wait(ANSWER_S):
            return taken[0]
        interface, _, channel = self._bus.partition(":")
        return {"profile": self._host.profile, "interface": interface, "channel": channel, "pid": os.getpid()}


def running(*, interface: str | None = None, channel: str | None = None, profile: str | None = None) -> list[dict[str, Any]]:
    """Return the status of each ECU that runs here and matches. Raises UserError if the running ECUs cannot be listed."""
    try:
        table = _SOCKETS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise UserError(f"{_SOCKETS}: {error.strerror}; it lists the ECUs that run on this machine") from error
    wanted = {"interface": interface, "channel": channel, "profile": profile}
    found = []
    for name in names_in(table):
        status = _asked(name)
        if status and all(value is None or _fits(status, key, value) for key, value in wanted.items()):
            found.append(status)
    return found


def names_in(table: str) -> list[str]:
    """Return the names of ECUs in ``/proc/net/unix``, where the seventh column is padded, and a name may contain spaces."""
    paths = [line.split(None, 7)[7:] for line in table.splitlines()]
    return sorted({path[0][1:] for path in paths if path and path[0].startswith(f"@{PREFIX}")})


def _fits(status: dict[str, Any], key: str, value: str) -> bool:
    said = status.get(key)
    return isinstance(said, str) and (said == value or (key == "profile" and said.split("+")[0] == value.split("+")[0]))


def _asked(name: str) -> dict[str, Any]:
    """Return the status that one ECU sends; empty if it cannot be read.

    Any program may have taken such a socket's name, and may answer anything.
    """
    clock = RealClock()
    until_s, answer = clock.now_s() + 2 * ANSWER_S, b""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as visitor, suppress(OSError):
        visitor.settimeout(2 * ANSWER_S)
        visitor.connect(b"\0" + name.encode("utf-8", "surrogateescape"))
        while len(answer) < LONGEST_BYTES and (left_s := until_s - clock.now_s()) > 0:
            visitor.settimeout(left_s)
            part = visitor.recv(1 << 16)
            if not part:
                break
            answer += part
    try:
        status = json.loads(answer)
        status_text(status)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, OverflowError):
        return {}
    return dict(status)


def status_text(status: dict[str, Any]) -> str:
    """Format a status for a person, one line for each subject, with unprintable characters escaped.

    Raises LookupError or TypeError if the value is no status.
    """
    return "\n".join(map(visible, _lines(status)))


def _lines(status: dict[str, Any]) -> list[str]:
    if "ecus" not in status:
        name = f"{status.get('profile')} on {status.get('interface')}:{status.get('channel')}"
        return [f"{name}: process {status.get('pid')} does not answer"]
    flaws = f" with {', '.join(status['flaws'])}" if status["flaws"] else ""
    bus = f"{status['interface']}:{status['channel']}" if status["interface"] else "no bus"
    lines = [f"{status['profile']}{flaws} on {bus}: process {status['pid']}, running for {duration(status['running_s'])}"]
    state = "on the bus" if status["is_on_bus"] else f"away: {status['away']}" if status["away"] else "off the bus"
    away = f"; the bus was away {status['outages']} times" if status["outages"] else ""
    lines.append(f"  bus         {state}{away}")
    lines.append(
        f"  frames      {status['received_frames']} received, {status['sent_frames']} sent, "
        f"{status['unsent_frames']} not sent, {status['error_frames']} error frames"
    )
    lines.append(f"  process     {status['memory_bytes'] / 2**20:.1f} MiB, {status['processor_s']:.1f} s of processor time")
    for ecu in status["ecus"]:
        lines += _ecu_lines(ecu)
    if file := status["state_file"]:
        trouble = f"; the last write failed: {file['trouble']}" if file["trouble"] else ""
        lines.append(
            f"  state file  {file['path']}, written {file['writes']} times, at most {file['slowest_write_ms']} ms{trouble}"
        )
    lines += [f"  fault       {fault}" for fault in status["faults"]]
    return lines


def status_line(told: dict[str, Any]) -> str:
    """Format a status in one line for a window: the trouble, if there is any, else the counters."""
    if told["is_dead"]:
        return f"{told['faults'][-1]}; Power (F7) brings it back"
    if told["away"]:
        return f"waiting for the bus: {told['away']}"
    flaws = f" + {', '.join(told['flaws'])}" if told["flaws"] else ""
    place = f"on {told['interface']}:{told['channel']}" if told["is_on_bus"] else "off the bus"
    counts = f"{told['received_frames']} in, {told['sent_frames']} out"
    unsent = f", {told['unsent_frames']} not sent" if told["unsent_frames"] else ""
    return f"{told['profile']}{flaws} {place}, {duration(told['running_s'])}; frames: {counts}{unsent}"


def _ecu_lines(ecu: dict[str, Any]) -> list[str]:
    lines = []
    if ecu["session"] is not None:
        left_s = ecu["session_left_s"]
        ends = f", ends in {left_s:.1f} s" if left_s is not None else ""
        lines.append(f"  session     {session_name(ecu['session'])}{ends}")
    for level in ecu["levels"]:
        words = ["unlocked" if level["is_unlocked"] else "locked"]
        words += ["a seed waits for its key"] if level["is_seed_pending"] else []
        if level["wrong_keys"] is not None:
            words.append(f"{level['wrong_keys']} of {level['attempts']} wrong keys")
        if level["delay_left_s"] is None:
            words.append("delayed for ever")
        elif level["delay_left_s"]:
            words.append(f"delay {level['delay_left_s']:.1f} s")
        lines.append(f"  level 0x{level['level']:02X}  {', '.join(words)}")
    return lines


def duration(seconds: float) -> str:
    """Format a duration as ``12 s``, ``3 min``, ``5 h 07 min``, ``12 d 3 h``."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"
