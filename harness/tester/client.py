"""Send requests to one ECU and judge its answers: sessions, data, liveness, verdicts."""

from collections.abc import Callable, Iterator, Sequence
from enum import Enum

from harness.errors import ContactLost, Inconclusive, Violation
from harness.link.bus import Link
from harness.link.clock import Chance
from harness.runs.findings import Exchange
from harness.target import DataEntry, Target
from harness.target.values import Before
from harness.tester.exchange import Exchanger
from harness.tester.reply import Expectation, RawReply, Reply, ReplyKind
from harness.uds import Nrc, Service, Session, write_data
from harness.verdict import Severity

LATEST_RESTART_S = 0.2
RESTART_STEP_S = 0.05
LONGEST_RESTART_S = 10.0
"""How long to wait for an ECU that falls silent when it leaves a session, in seconds."""
MOST_LOOKED_FOR = 64
"""How many identifiers are read at most to tell sessions apart."""
USUAL_DIDS = (0xF190, 0xF18C, 0xF195, 0xF193)
"""Identifiers of vehicle identification, serial number and versions, which most ECUs let everybody read."""

START_UP_S = 3.0
"""How many seconds after its declared boot time an ECU may still refuse requests that it serves later."""
START_UP_STEP_S = 0.25
MOST_FAILED_LIFE = 2

_NOT_READY = (Nrc.BUSY_REPEAT_REQUEST, Nrc.CONDITIONS_NOT_CORRECT)


class Life(Enum):
    """What the answer to a harmless request shows of whether an ECU is alive."""

    NONE = "nothing came"
    STRAY = "frames came, but no answer to the request"
    NOT_READY = "it answers, but not yet as usual"
    READY = "it answers"


class Client(Exchanger):
    """The client side of UDS, for one ECU."""

    everybodys_ids = (0x7DF, 0x18DB33F1)
    """The functional ids of passenger cars, which ECUs listen to whether or not the target says so."""

    def __init__(self, link: Link, target: Target, *, chance: Chance) -> None:
        super().__init__(link, target)
        self.chance = chance
        self.evidence: list[Exchange] = []
        self.notes: list[str] = []
        readable = [entry.did for entry in target.data if entry.read.kind == "open"]
        self._liveness_requests = [
            *(bytes((Service.READ_DATA_BY_IDENTIFIER, did >> 8, did & 0xFF)) for did in readable[:2]),
            b"\x3e\x00",
            b"\x22\xf1\x86",
            b"\x22\xf1\x90",
            b"\x10\x01",
        ]
        self.liveness_request = self._liveness_requests[0]
        """The request that the ECU is known to answer; TesterPresent until another one is known."""
        self.restarts_on_leaving: dict[int, bool] = {}
        """By session: whether the ECU stopped answering for a while and came back when it left that session."""
        self.open_level: Callable[[int], object] = lambda level: None
        """Open another level with its key; the object that owns the keys sets this function."""
        self._is_settling = False
        self._entered = int(Session.DEFAULT)
        self._failed_life = 0
        """How often in a row `liveness_request` was not answered although another request was."""
        self._usual_life: tuple[ReplyKind, int | None] | None = None
        """The outcome of `liveness_request` when it was last answered."""
        self._refused_after_start_up: set[int] = set()
        """Sessions that the ECU refuses with 21 or 22 however long one waits."""
        self._probe = b""

    # Sessions

    @property
    def has_sessions(self) -> bool:
        """Whether the target declares any sessions."""
        return self.target.timing.s3_ms is not None

    def sessions(self) -> list[int]:
        """Return sessions to try: the declared ones, or the usual three; none if the target has no sessions.

        Sessions that need an open level are left out, because in them the ECU would be unlocked.
        """
        if not self.has_sessions:
            return []
        declared = [entry.id for entry in self.target.sessions] or list(Session)
        free = [session for session in declared if not self.target.opens_a_level(session)]
        return [session for session in free if self.permits(bytes((Service.DIAGNOSTIC_SESSION_CONTROL, session)))]

    def enter_session(self, session: int) -> Reply:
        """Enter a session, through other sessions if declared; the reply shows whether the ECU is in the session.

        An ECU that has just started may refuse sessions for a while with 21 or 22, and is asked repeatedly. If the ECU is in
        this session already, and would restart when leaving it, the session is first requested directly: the way through
        others would restart the ECU, and with it a running delay.
        """
        if self._entered == session and self.restarts_on_leaving.get(session):
            reply = self.request(bytes((Service.DIAGNOSTIC_SESSION_CONTROL, session)))
            if reply.is_positive:
                return reply
        for step in self.target.way_to(session):
            self.meet(self.target.before_session(step))
            request = bytes((Service.DIAGNOSTIC_SESSION_CONTROL, step))
            reply = self.request(request)
            give_up_s = self.link.now_s + self.target.reset.boot_s + START_UP_S
            while reply.is_refused_with(*_NOT_READY) and step not in self._refused_after_start_up:
                if self.link.now_s > give_up_s:
                    self._refused_after_start_up.add(step)
                    break
                self.wait(START_UP_STEP_S, "the ECU refuses sessions after its start")
                reply = self.request(request)
            if reply.is_positive:
                self._refused_after_start_up.discard(step)
        return reply

    def meet(self, preconditions: Sequence[Before]) -> None:
        """Send the requests that the target declares as preconditions. Raises NotPermitted if one is not allowed."""
        for before in preconditions:
            if before.level is not None:
                self.open_level(before.level)
                continue
            reply = self.request(before.message, is_functional=before.is_functional)
            if reply.is_negative:
                self.note(f"a precondition was refused: {before} was answered {reply}")

    def _has_entered(self, session: int) -> None:
        """After the ECU has entered a session, wait if it restarts on returning to its default session, as boot loaders do.

        Whether the ECU restarts is tried once for each session that it leaves. A session that may have timed out before
        counts as left now, because an ECU may check its time-out only when the next request comes.
        """
        left, self._entered = self._entered, session
        is_back_to_default = session == Session.DEFAULT != left
        if not is_back_to_default or self.restarts_on_leaving.get(left) is False or self._is_settling:
            return
        self._is_settling = True
        try:
            is_back = self._falls_silent() and self.await_life(LONGEST_RESTART_S)
            self.restarts_on_leaving[left] = is_back or self.restarts_on_leaving.get(left, False)
            if is_back:
                self.state.restart_begun(self.link.now_s)
                self._entered = int(Session.DEFAULT)
        finally:
            self._is_settling = False

    def _falls_silent(self) -> bool:
        """Whether the ECU soon stops answering; it may answer once or twice before it restarts."""
        give_up_s = self.link.now_s + LATEST_RESTART_S
        while self.link.now_s < give_up_s:
            if self.request(self.liveness_request).is_silence:
                return True
            self.wait(RESTART_STEP_S, "whether the ECU restarts when it leaves a session")
        return False

    def session_for(self, level: int) -> None:
        """Enter the session in which a level is declared to be available. Raises Inconclusive if the ECU refuses."""
        session = self.target.of_level(level).session
        if session is not None and session != Session.DEFAULT and self.has_sessions:
            reply = self.enter_session(session)
            if not reply.is_positive:
                raise Inconclusive(f"session 0x{session:02X}, where level 0x{level:02X} should be, was not entered: {reply}")
        self.meet(self.target.before_level(level))

    # Data

    def read_reply(self, did: int) -> Reply:
        """Read one DID by ReadDataByIdentifier; return the reply."""
        return self.request(bytes((Service.READ_DATA_BY_IDENTIFIER, did >> 8, did & 0xFF)))

    def read(self, did: int) -> bytes:
        """Return the value of a DID. Raises Inconclusive if it cannot be read."""
        reply = self.read_reply(did)
        if not reply.is_positive:
            raise Inconclusive(f"DID {did:04X} cannot be read back: {reply}")
        return reply.pdu[3:]

    def not_shown(self) -> list[int]:
        """Return the identifiers of data that everybody may read, but that the ECU refuses to show in the present session.

        Only the first dozens of identifiers are tried.
        """
        dids = [entry.did for entry in self.target.data if entry.read.kind == "open"]
        return [did for did in dids[:MOST_LOOKED_FOR] if self.read_reply(did).is_negative]

    def stable_value(self, did: int) -> bytes:
        """Read a DID three times, and return its value. Raises Inconclusive if the value changes by itself."""
        values = {self.read(did) for _ in range(3)}
        if len(values) != 1:
            raise Inconclusive(f"DID {did:04X} changes by itself; an effect on it cannot be told")
        return values.pop()

    def write(self, did: int, value: bytes) -> Reply:
        """Write a DID by WriteDataByIdentifier."""
        return self.request(write_data(did, value))

    def other_value(self, entry: DataEntry, value: bytes) -> bytes:
        """Return a valid value of the DID other than `value`. Raises Inconclusive if the declared range has no other."""
        for candidate in _other_values(entry, value):
            if candidate != value and (entry.values is None or candidate in entry.values):
                return candidate
        raise Inconclusive(f"DID {entry.did:04X}: no second value is known to be valid; declare its values")

    # Verdicts and evidence

    def judge(
        self,
        reply: Reply,
        *,
        sound: Expectation,
        flawed: Expectation | None = None,
        tolerated: Expectation | None = None,
        severity: Severity | None = None,
    ) -> None:
        """Judge a reply by what a sound ECU says.

        A reply in `sound` passes, one in `tolerated` passes with a note, one in `flawed` fails. Any other reply is
        inconclusive, or fails if no `flawed` is given. Busy and endless response pending are never failures.
        """
        if sound.accepts(reply):
            return
        if tolerated is not None and tolerated.accepts(reply):
            self.note(f"tolerated: {reply}, where {sound} is the rule")
            return
        self.cite(reply)
        if reply.nrc == Nrc.BUSY_REPEAT_REQUEST or (reply.kind is ReplyKind.SILENCE and reply.replies):
            raise Inconclusive(f"the ECU comes to no answer: {reply}")
        if flawed is None or flawed.accepts(reply):
            raise Violation(expected=str(sound), observed=str(reply), severity=severity)
        if reply.kind is ReplyKind.SILENCE and not self.is_alive():
            raise ContactLost(f"no answer to {reply.request.hex(' ').upper()}, and none to anything after it")
        raise Inconclusive(f"neither {sound} nor {flawed}: {reply}")

    def cite(self, *seen: Reply | RawReply | Exchange) -> None:
        """Keep exchanges as the decisive evidence, with their frames if these are still stored."""
        self.evidence.extend(one if isinstance(one, Exchange) else one.exchange() for one in seen)

    def note(self, text: str) -> None:
        """Add a remark to the result."""
        if text not in self.notes:
            self.notes.append(text)

    # Life

    def life_in(self, reply: Reply) -> Life:
        """Return what the answer to `liveness_request` shows of the ECU. Endless response pending is an answer, too."""
        if (reply.kind, reply.nrc) == self._usual_life:
            return Life.READY
        if reply.kind is ReplyKind.SILENCE:
            return Life.NOT_READY if reply.replies else Life.NONE
        if reply.kind is ReplyKind.MALFORMED:
            return Life.STRAY
        return Life.NOT_READY if reply.is_refused_with(*_NOT_READY) else Life.READY

    def is_alive(self) -> bool:
        """Send requests that change nothing, and return whether the ECU answers one.

        A single stray frame on the ECU's id is no answer, but garbage in answer to the same request twice counts as life.
        """
        for pdu in sorted(self._liveness_requests, key=lambda pdu: pdu != self.liveness_request):
            reply = self.request(pdu)
            if self.life_in(reply) is Life.STRAY:
                reply = self.request(pdu)
            if self.life_in(reply) is not Life.NONE:
                self._learn_life(reply)
                return True
        return False

    def _learn_life(self, reply: Reply) -> None:
        """Make the reply's request `liveness_request` from now on.

        A request that was answered before is replaced only after it has failed twice: the first request that a booting ECU
        answers may be one that changes its session.
        """
        is_other = reply.request != self.liveness_request and self._usual_life is not None
        self._failed_life = self._failed_life + 1 if is_other else 0
        if is_other and self._failed_life < MOST_FAILED_LIFE:
            return
        self._failed_life = 0
        self.liveness_request = reply.request
        self._usual_life = (reply.kind, reply.nrc)

    def answers_now(self) -> bool:
        """Send the one request that the ECU is known to answer, and return whether the ECU answers; used after a silence."""
        return self.life_in(self.request(self.liveness_request)) in (Life.READY, Life.NOT_READY)

    def others_heard(self, seconds: float) -> str:
        """Wait for `seconds`, and return as text the first frame that another tester sent to this ECU; empty if none did."""
        can = self.target.can
        functional = () if can.functional_id is None else (can.functional_id,)
        connections = (entry.request_id for entry in self.target.connections)
        ids = {can.request_id, *functional, *self.everybodys_ids, *connections}
        frames = self.listen(seconds, also_from=ids, why="idle time, in which nobody asks")
        heard = [frame for frame in frames if frame.can_id in ids and not frame.is_sent]
        return heard[0].text() if heard else ""

    def probe_by(self, is_wanted: Callable[[bytes], bool]) -> bytes:
        """Return a read that satisfies `is_wanted` and that the ECU answers, each time the same one; else TesterPresent.

        In a raw frame the ECU may read any byte as a service, e.g. the last byte of 22 F1 86: a check with raw frames may
        therefore want another read.
        """
        for known in (self.liveness_request, self._probe):
            if known and is_wanted(known):
                return known
        dids = [entry.did for entry in self.target.data if entry.read.kind == "open"]
        for did in (*dids, *USUAL_DIDS):
            pdu = bytes((Service.READ_DATA_BY_IDENTIFIER, did >> 8, did & 0xFF))
            if is_wanted(pdu) and self.request(pdu).is_positive:
                self._probe = pdu
                return pdu
        self._probe = bytes((Service.TESTER_PRESENT, 0))
        return self._probe

    def await_life(self, seconds: float = 2.0) -> bool:
        """Wait until the ECU answers as usual, for at most `seconds`; return whether it answers in any way by then.

        A restarted ECU may answer first in a session of its boot loader.
        """
        give_up_s = self.link.now_s + seconds
        while (life := self.life_in(self.request(self.liveness_request))) is not Life.READY:
            if self.link.now_s > give_up_s:
                return life is not Life.NONE
        return True


def _other_values(entry: DataEntry, value: bytes) -> Iterator[bytes]:
    """Yield values that no clock or counter at `value` reaches soon, then near ones, then the ends of each range."""
    for index in reversed(range(len(value))):
        for bit in (6, 5, 4, 3, 7, 2, 1, 0):
            yield value[:index] + bytes((value[index] ^ 1 << bit,)) + value[index + 1 :]
    for parts in entry.values.alternatives if entry.values is not None else ():
        yield b"".join(low for low, _ in parts)
        yield b"".join(high for _, high in parts)
        for change in (1, -1):
            for end in (0, 1):
                whole = b"".join(part[end] for part in parts)
                number = int.from_bytes(whole, "big") + change
                if 0 <= number < 256 ** len(whole):
                    yield number.to_bytes(len(whole), "big")
