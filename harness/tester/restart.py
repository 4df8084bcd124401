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

        Seen is: it fell silent and came back, or it lost the session that it was in. The supply of a simulated node is
        the bus's own to cut, and needs no witness.
        """
        client = self._client
        session_before = self._leave_default_session()
        if means is Means.UDS:
            assert self._reset.uds is not None
            reply = client.request(bytes((Service.ECU_RESET, self._reset.uds)))
            if not reply.is_positive:
                return False
        elif means is Means.COMMAND:
            self._run(self._reset.command or "")
        elif self._reset.power == "simulated":
            client.link.power_cycle()
        else:
            self._run(self._reset.power or "")
        fell_silent, is_back = self._watch_boot()
        if not is_back:
            return False
        if means is Means.POWER and self._reset.power == "simulated":
            return True
        return fell_silent or (session_before is not None and self._active_session() == Session.DEFAULT)

    def _watch_boot(self) -> tuple[bool, bool]:
        client = self._client
        give_up_s = client.link.now_s + self._reset.boot_s * SLOWEST_BOOT + 2.0
        fell_silent = False
        while True:
            reply = client.request(client.liveness_request, timeout_s=STEP_S if client.link.is_virtual else 5 * STEP_S)
            if reply.kind is not Kind.SILENCE:
                return fell_silent, True
            fell_silent = True
            if client.link.now_s > give_up_s:
                return True, False

    def _leave_default_session(self) -> int | None:
        """Be in another session, so that losing it shows the restart; None where that cannot be told."""
        client = self._client
        if not client.has_sessions or self._active_session() is None:
            return None
        for entry in client.target.sessions:
            if entry.id not in (Session.DEFAULT, Session.PROGRAMMING) and client.enter_session(entry.id).is_positive:
                return entry.id
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
            raise LinkError(f"[reset] {command}: {error}") from error
