"""How the ECU is restarted, and whether it was seen to restart: an answer 51 or a hook's exit code is no proof."""

from __future__ import annotations

import shlex
import subprocess
from enum import Enum

from harness.errors import LinkError
from harness.tester.client import Client
from harness.tester.reply import Kind
from harness.uds import Service, Session

STEP_S = 0.01
LATEST_START_S = 0.3
"""Beyond its declared boot time: how long an ECU may go on after it has promised to restart."""
IN_GOOD_TIME = 0.8
SLOWEST_BOOT = 5
"""An ECU that is not back after this many times its declared boot time (and two seconds) is not waited for."""


class Means(Enum):
    """Ways to restart an ECU."""

    UDS = "ECUReset"
    COMMAND = "the target's reset command"
    POWER = "power"


class Restart:
    """Restarts one ECU by whatever means its target offers and allows."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._reset = client.target.reset

    def means(self) -> list[Means]:
        """What is offered and allowed, the most thorough last."""
        allow = self._client.target.safety.allow
        found = []
        if self._reset.uds is not None and "reset" in allow:
            found.append(Means.UDS)
        if self._reset.command and "reset" in allow:
            found.append(Means.COMMAND)
        has_power = self._reset.power != "simulated" or self._client.link.can_power_cycle()
        if self._reset.power and has_power and "power" in allow:
            found.append(Means.POWER)
        return found

    def restart(self, means: Means) -> bool:
        """Restart the ECU, wait until it answers, and tell whether a restart was seen.

        Seen is: it fell silent and came back, or it lost the session that it was in before that could end by itself. The
        supply of a simulated node is the bus's own to cut, and needs no witness.
        """
        client = self._client
        session_before = self._leave_default_session()
        entered_s = client.link.now_s
        if means is Means.UDS:
            assert self._reset.uds is not None
            reply = client.request(bytes((Service.ECU_RESET, self._reset.uds)))
            if reply.is_negative:
                return False
        elif means is Means.COMMAND:
            self._run(self._reset.command or "")
        elif self._reset.power == "simulated":
            client.link.power_cycle()
        else:
            self._run(self._reset.power or "")
        s3_ms = client.target.timing.s3_ms or 0
        has_witness = session_before is not None and client.link.now_s - entered_s < s3_ms / 1000 * IN_GOOD_TIME
        is_simulated_power = means is Means.POWER and self._reset.power == "simulated"
        fell_silent, is_back = self._watch_boot(is_certain=is_simulated_power)
        if not is_back:
            return False
        return is_simulated_power or fell_silent or (has_witness and self._active_session() == Session.DEFAULT)

    def _watch_boot(self, *, is_certain: bool) -> tuple[bool, bool]:
        """(fell silent, came back). An ECU may go on for a while before it restarts: it is asked until it should be back.

        Each question is given its full time, so that a slow answer is no silence. `is_certain`: the supply was cut.
        """
        client = self._client
        fell_silent = False
        begun_s = client.link.now_s
        give_up_s = begun_s + self._reset.boot_s * SLOWEST_BOOT + 2.0
        while True:
            is_silent = client.request(client.liveness_request).kind is Kind.SILENCE
            fell_silent = fell_silent or is_silent
            now_s = client.link.now_s
            if not is_silent and (fell_silent or is_certain or now_s - begun_s > self._reset.boot_s + LATEST_START_S):
                return fell_silent, True
            if now_s > give_up_s:
                return fell_silent, not is_silent
            client.wait(STEP_S)

    def _leave_default_session(self) -> int | None:
        """Be in another session, so that losing it shows the restart; None where that cannot be told."""
        client = self._client
        if not client.has_sessions or self._active_session() is None:
            return None
        for session in client.sessions():
            if session not in (Session.DEFAULT, Session.PROGRAMMING) and client.enter_session(session).is_positive:
                return session
        return None

    def _active_session(self) -> int | None:
        """DID F186, where the ECU has it."""
        reply = self._client.read_reply(0xF186)
        return reply.pdu[3] if reply.is_positive and len(reply.pdu) == 4 else None

    def _run(self, command: str) -> None:
        words = shlex.split(command.removeprefix("command:"))
        try:
            subprocess.run(words, check=True, capture_output=True, timeout=60)
        except (OSError, subprocess.SubprocessError) as error:
            raise LinkError(f"[reset] {command}: {' '.join(str(error).split())}") from error
