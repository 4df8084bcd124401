"""Restart the ECU, and tell whether a restart was seen: an answer 51 or the exit code of a command is no proof."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial

from harness.errors import LinkError, ProgramError
from harness.tester.client import START_UP_S, Client, Life
from harness.tester.programs import run_program
from harness.tester.reply import Reply
from harness.uds import ACTIVE_SESSION, Nrc, ResetType, Service, Session

STEP_S = 0.01
LATEST_START_S = 0.3
"""How many seconds after its declared boot time an ECU may still run before a restart that it has confirmed."""
IN_GOOD_TIME = 0.8
SLOWEST_BOOT = 5
"""How many times its declared boot time, plus two seconds, an ECU is given to come back."""
COMMAND_S = 60.0
MOST_OUTPUT_BYTES = 1 << 20

_NOT_IN_SESSION = (
    Nrc.SERVICE_NOT_SUPPORTED_IN_SESSION,
    Nrc.SUB_FUNCTION_NOT_SUPPORTED_IN_SESSION,
    Nrc.CONDITIONS_NOT_CORRECT,
)
"""Codes of an ECU that refuses a reset because it accepts resets only in its default session."""


class Means(Enum):
    """Ways to restart an ECU."""

    UDS = "ECUReset"
    COMMAND = "the target's reset command"
    POWER = "power"


@dataclass(frozen=True, slots=True)
class RestartWay:
    """One way to restart an ECU, by its name."""

    name: str
    go: Callable[[], bool | None]
    """Restart the ECU, and return whether a restart was seen; None if the ECU does not offer this way."""


@dataclass(frozen=True, slots=True)
class _BootSign:
    """Data that the ECU shows in another session, but not in the default one."""

    session: int
    did: int


class Restart:
    """Restarts one ECU by whatever means its target offers and allows."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._reset = client.target.reset
        self.begun_s = 0.0
        """When the last restart was requested, by the link's clock; for ECUReset, when the ECU had answered."""
        self.boot_s: tuple[float, float] | None = None
        """The least and the most seconds that the last restart can have taken; None if the ECU never fell silent."""
        self._boot_sign: _BootSign | None = None
        self._has_sought_boot_sign = False

    def means(self) -> list[Means]:
        """Return the ways to restart that the target offers and allows, the most thorough last."""
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

    def resets(self) -> list[RestartWay]:
        """Return the allowed types of ECUReset, each its own way, the declared one first; then the target's command."""
        if "reset" not in self._client.target.safety.allow:
            return []
        types = dict.fromkeys((self._reset.uds or ResetType.HARD, *ResetType))
        ways = [RestartWay(f"ECUReset 0x{kind:02X}", partial(self._reset_or_not_offered, kind)) for kind in types]
        if Means.COMMAND in self.means():
            ways.append(RestartWay(Means.COMMAND.value, partial(self.restart, Means.COMMAND)))
        return ways

    def power_cycles(self) -> list[RestartWay]:
        """Return the power cycle as a way to restart, if the target declares and allows it."""
        return [RestartWay("power cycle", partial(self.restart, Means.POWER))] if Means.POWER in self.means() else []

    def _reset_or_not_offered(self, reset_type: int) -> bool | None:
        reply, was_seen = self.reset(reset_type)
        return None if reply.is_negative or reply.is_malformed else was_seen

    def reset(self, reset_type: int, *, as_it_is: bool = False) -> tuple[Reply, bool]:
        """Request one type of ECUReset; return the answer, and whether a restart was seen as in `restart`."""
        replies: list[Reply] = []

        def ask() -> bool:
            replies.append(self._client.request(bytes((Service.ECU_RESET, reset_type))))
            return not replies[-1].is_negative

        was_seen = self._watched(ask, as_it_is=as_it_is)
        if not as_it_is and self._client.has_sessions and replies[-1].is_refused_with(*_NOT_IN_SESSION):
            self._client.enter_session(Session.DEFAULT)
            was_seen = self._watched(ask, as_it_is=True)
        return replies[-1], was_seen

    def restart(self, means: Means, *, as_it_is: bool = False) -> bool:
        """Restart the ECU, wait until it answers, and return whether a restart was seen.

        A restart is seen if the ECU fell silent and came back, or lost its session before the session could time out.
        Cutting the supply of a simulated node needs no proof. A session is entered first, so that it can be lost; not with
        `as_it_is`, because entering a session would lock the ECU.
        """
        if means is Means.UDS:
            assert self._reset.uds is not None
            return self.reset(self._reset.uds, as_it_is=as_it_is)[1]
        if means is Means.COMMAND:
            return self._watched(lambda: self._run(self._reset.command or ""), as_it_is=as_it_is)
        if self._reset.power != "simulated":
            return self._watched(lambda: self._run(self._reset.power or ""), as_it_is=as_it_is)
        return self._watched(self._cut_simulated_power, is_certain=True, as_it_is=as_it_is)

    def _cut_simulated_power(self) -> bool:
        self._client.link.power_cycle()
        return True

    def _watched(self, act: Callable[[], bool], *, is_certain: bool = False, as_it_is: bool = False) -> bool:
        """Call `act`, which returns whether a restart is to be awaited; return whether a restart was seen.

        If no restart was seen because the ECU never fell silent, search once for data that distinguishes its sessions, and
        call `act` again if there is some.
        """
        was_seen = self._watched_once(act, is_certain=is_certain, as_it_is=as_it_is)
        if was_seen is False and not as_it_is and self._client.has_sessions and not self._has_sought_boot_sign:
            self._has_sought_boot_sign = True
            self._boot_sign = self._find_boot_sign() if self._active_session() is None else None
            if self._boot_sign is not None:
                was_seen = self._watched_once(act, is_certain=is_certain, as_it_is=as_it_is)
        return bool(was_seen)

    def _watched_once(self, act: Callable[[], bool], *, is_certain: bool, as_it_is: bool) -> bool | None:
        """Call `act` once; return whether a restart was seen, None if `act` returns False or the ECU stays away."""
        client = self._client
        session_before = self._session_to_lose() if as_it_is else self._leave_default_session()
        entered_s = client.link.now_s
        if not act():
            return None
        self.begun_s = client.link.now_s
        client.state.restart_begun(client.link.now_s)
        s3_ms = client.target.timing.s3_ms or 0
        was_in_session = session_before is not None and client.link.now_s - entered_s < s3_ms / 1000 * IN_GOOD_TIME
        with client.state.without_waiting_for_strays():
            fell_silent, is_back = self._watch_boot(is_certain=is_certain)
        if not is_back:
            return None
        return is_certain or fell_silent or (was_in_session and self._session_by_sign() == Session.DEFAULT)

    def _watch_boot(self, *, is_certain: bool) -> tuple[bool, bool]:
        """Send requests until the ECU should be back; return whether it fell silent, and whether it came back.

        An ECU may run on for a while before it restarts. Each request is given its full time, so that a slow answer does not
        count as silence. Messages that nobody requested are no answers while the ECU boots, and "not ready" is not the end
        of its boot; both are tolerated for a few seconds. `is_certain`: the supply was cut.
        """
        client = self._client
        fell_silent, deaf_s = False, 0.0
        self.boot_s = None
        begun_s = client.link.now_s
        ready_s = begun_s + self._reset.boot_s + LATEST_START_S
        give_up_s = begun_s + self._reset.boot_s * SLOWEST_BOOT + 2.0
        while True:
            asked_s = client.link.now_s
            life = client.life_in(client.request(client.liveness_request))
            is_silent = life in (Life.NONE, Life.STRAY)
            fell_silent = fell_silent or is_silent
            now_s = client.link.now_s
            if is_silent:
                deaf_s, self.boot_s = asked_s - begun_s, None
            elif fell_silent and self.boot_s is None:
                self.boot_s = (deaf_s, now_s - begun_s)
            if life is Life.READY and (fell_silent or is_certain or now_s > ready_s):
                return fell_silent, True
            if now_s > give_up_s or (life is not Life.NONE and now_s > ready_s + START_UP_S):
                return fell_silent, life is not Life.NONE
            client.wait(STEP_S, "the ECU boots")

    def _session_to_lose(self) -> int | None:
        """Return the session that the ECU is in; None if it is unknown, or is the session in which the ECU starts."""
        session = self._session_by_sign() if self._client.has_sessions else None
        return None if session == Session.DEFAULT else session

    def _leave_default_session(self) -> int | None:
        """Enter and return another session, whose loss shows the restart; None if no loss of a session could be seen."""
        client = self._client
        if not client.has_sessions:
            return None
        if self._active_session() is None:
            is_there = self._boot_sign is not None and client.enter_session(self._boot_sign.session).is_positive
            return self._boot_sign.session if self._boot_sign is not None and is_there else None
        for session in client.sessions():
            if session not in (Session.DEFAULT, Session.PROGRAMMING) and client.enter_session(session).is_positive:
                return session
        return None

    def _session_by_sign(self) -> int | None:
        """Return the session that the ECU is in, by DID F186, or by data that the default session does not show."""
        session = self._active_session()
        if session is not None or self._boot_sign is None:
            return session
        is_shown = self._client.read_reply(self._boot_sign.did).is_positive
        return self._boot_sign.session if is_shown else Session.DEFAULT

    def _active_session(self) -> int | None:
        """Return the active session by DID F186; None if the ECU does not have it."""
        reply = self._client.read_reply(ACTIVE_SESSION)
        return reply.pdu[3] if reply.is_positive and len(reply.pdu) == 4 else None

    def _find_boot_sign(self) -> _BootSign | None:
        """Find data that everybody may read in another session, but not in the default one; leave the ECU in either."""
        client = self._client
        client.enter_session(Session.DEFAULT)
        not_shown = client.not_shown()
        for session in client.sessions() if not_shown else ():
            if session in (Session.DEFAULT, Session.PROGRAMMING) or not client.enter_session(session).is_positive:
                continue
            for did in not_shown:
                if client.read_reply(did).is_positive:
                    return _BootSign(session, did)
        return None

    def _run(self, command: str) -> bool:
        words = shlex.split(command.removeprefix("command:"))
        try:
            run_program(words, timeout_s=COMMAND_S, most_bytes=MOST_OUTPUT_BYTES)
        except ProgramError as error:
            raise LinkError(f"[reset] {error}") from error
        return True
