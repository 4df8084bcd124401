"""Send recorded exchanges once more, in the condition in which they were sent at first, and compare the answers."""

from collections.abc import Callable
from dataclasses import replace

from harness.errors import KeyFunctionError, Unjudged, UserError
from harness.shell.dialogue import Dialogue
from harness.shell.lines import Repeat
from harness.shell.recorded import Recorded, Result, name_of, recorded_result
from harness.shell.standing import EcuCondition
from harness.shell.words import same_outcome
from harness.tester.reply import RawReply, Reply
from harness.uds import RESPONSE_OFFSET, Nrc, Service, Session, is_send_key, negative_response

MOST_CHANGED = 4
"""The number of bytes in which a recorded wrong key may differ from the right key to be made anew from the new right key."""


class Repetition:
    """Repeats results on the ECU of a dialogue."""

    def __init__(self, dialogue: Dialogue) -> None:
        self._dialogue = dialogue
        self._recorded: Recorded | None = None
        self.compared = 0
        """How many answers, silence included, were compared with the recorded answers."""
        self.differing = 0
        """How many of the compared answers differed from the recorded answers."""

    def of(self, result: Result) -> None:
        """Repeat every exchange of a result. Raises UserError if a request is forbidden."""
        dialogue = self._dialogue
        if result.others:
            dialogue.remark(f"this is {name_of(result.finding)}; there are also {', '.join(result.others)}")
        if any(is_send_key(one.request) and not one.has_real_keys for one in result.exchanges):
            dialogue.remark("the run's files hold no keys: where one was accepted, the right key for the new seed is sent")
        if dialogue.tester.has_sessions and not dialogue.tester.target.is_simulated:
            dialogue.enter_session(Session.DEFAULT)  # its last user may have left it in another session
        for recorded in result.exchanges:
            self._prepare(recorded)
            listener, dialogue.tester.listener = dialogue.tester.listener, self
            self._recorded = recorded
            try:
                self._send(recorded)
            finally:
                dialogue.tester.listener = listener

    def in_words(self) -> str:
        """Say whether the answers were as recorded, in a line."""
        if self.differing:
            return f"{self.differing} of {self.compared} answers differed from the recorded ones, seeds aside"
        if self.compared == 1:
            return "the answer was as recorded, seeds aside"
        which = "both" if self.compared == 2 else f"all {self.compared}"
        return f"{which} answers were as recorded, seeds aside"

    # What is heard while the exchange itself is under way

    def sends(self, pdu: bytes) -> None:
        """Show the message."""
        self._dialogue.sends(pdu)

    def hears(self, reply: Reply) -> None:
        """Show the answer, with the recorded answer beside it if they differ."""
        recorded, words = self._recorded, self._dialogue.words
        assert recorded is not None
        is_same = same_outcome(words, reply.request, recorded.answers, reply.replies)
        before = words.recorded(recorded.request, recorded.answers[-1] if recorded.answers else b"")
        self._tell(is_same, before, lambda: self._dialogue.hears(reply))

    def hears_frames(self, reply: RawReply) -> None:
        """Show the frames that came, with the recorded frames beside them if they differ."""
        recorded = self._recorded
        assert recorded is not None
        is_same = recorded.answers == tuple(frame.data for frame in reply.answers)
        before = ", ".join(data.hex(" ").upper() for data in recorded.answers) or "silence"
        self._tell(is_same, before, lambda: self._dialogue.hears_frames(reply))

    def _tell(self, is_same: bool, before: str, hear: Callable[[], None]) -> None:
        dialogue = self._dialogue
        self.compared += 1
        if is_same:
            hear()
            return
        self.differing += 1
        lines: list[str] = []
        show, dialogue.show = dialogue.show, lines.append
        try:
            hear()
        finally:
            dialogue.show = show
        for line in (*lines[:-1], f"{lines[-1]}  (recorded: {before})"):
            show(line)

    # What is sent

    def _prepare(self, recorded: Recorded) -> None:
        """Bring the ECU into the condition recorded before the exchange; remark on what cannot be restored."""
        dialogue, wanted = self._dialogue, recorded.before
        standing = dialogue.standing
        standing.pass_time(dialogue.tester.link.now_s)
        now = standing.now
        must_lock = now.open_level is not None and now.open_level != wanted.open_level
        if dialogue.tester.has_sessions and (now.session != wanted.session or must_lock):
            self._enter(wanted.session, by_default=must_lock)
        elif must_lock:
            dialogue.remark("the ECU was locked then, and there is no session by which it could be locked again")
        concerns_security = Service.SECURITY_ACCESS in recorded.request[:1] or bool(recorded.frames)
        if wanted.open_level is not None and standing.now.open_level != wanted.open_level:
            self._unlock(wanted.open_level)
        elif is_send_key(recorded.request) and wanted.seed_level is not None:
            self._prove_key(wanted)
        if concerns_security and wanted.seed_level is not None and self._needs_seed(recorded, standing.now):
            dialogue.tester.meet(dialogue.tester.target.before_level(wanted.seed_level))
            dialogue.ask_seed(wanted.seed_level)

    @staticmethod
    def _needs_seed(recorded: Recorded, now: EcuCondition) -> bool:
        """Whether a seed was pending before the recorded exchange, and none is pending now.

        A recorded seed that was answered already counts as pending if the ECU compared a further key with it.
        """
        wanted = recorded.before
        has_seed = now.seed_level == wanted.seed_level
        if not wanted.is_answered:
            return not has_seed or now.is_answered
        last = recorded.answers[-1] if recorded.answers else b""
        is_out_of_sequence = last == negative_response(Service.SECURITY_ACCESS, Nrc.REQUEST_SEQUENCE_ERROR)
        return not has_seed and bool(last) and not is_out_of_sequence

    def _enter(self, session: int, *, by_default: bool) -> None:
        dialogue = self._dialogue
        if by_default or session == Session.DEFAULT:
            dialogue.enter_session(Session.DEFAULT)
        if session != Session.DEFAULT and not dialogue.enter_session(session):
            dialogue.remark(f"session 0x{session:02X}, in which the exchange was, is not entered")

    def _unlock(self, level: int) -> None:
        try:
            is_open = self._dialogue.unlock(level)
        except (UserError, Unjudged, KeyFunctionError) as reason:
            self._dialogue.remark(str(reason))
            return
        if not is_open:
            self._dialogue.remark(f"level 0x{level:02X}, which was open then, is not opened")

    def _prove_key(self, wanted: EcuCondition) -> None:
        """Send the right key once before any wrong key, if the level can be locked again."""
        dialogue, level = self._dialogue, wanted.seed_level
        assert level is not None
        security = dialogue.tester.security
        if security.has_key(level) and security.why_no_guess(level) and not security.level(level).suspect:
            self._unlock(level)
            self._enter(wanted.session, by_default=True)

    def _send(self, recorded: Recorded) -> None:
        dialogue, request = self._dialogue, recorded.request
        if recorded.frames:
            old, new = self._right_keys(recorded.before)
            frames = [replace(one, data=one.data.replace(old, new) if old else one.data) for one in recorded.frames]
            dialogue.tester.raw_frames(frames)
            return
        if is_send_key(request) and recorded.before.seed_level is not None:
            request = request[:2] + self._key(recorded)
        dialogue.send(request, is_functional=recorded.is_functional)

    def _key(self, recorded: Recorded) -> bytes:
        """Return the new right key, changed as the recorded key was; the recorded key itself if the change is unknown."""
        key = recorded.request[2:]
        old, new = self._right_keys(recorded.before)
        if not old:
            return key
        if not recorded.has_real_keys:
            was_accepted = any(one[:1] == bytes((Service.SECURITY_ACCESS + RESPONSE_OFFSET,)) for one in recorded.answers)
            return new[: len(key)] + key[len(new) :] if was_accepted else key
        if key[: len(old)] == old[: len(key)]:  # the right key, a part of it, or it and more
            return new[: len(key)] + key[len(new) :]
        difference = bytes(one ^ other for one, other in zip(key, old, strict=False))
        if len(key) == len(old) == len(new) and sum(map(bool, difference)) <= MOST_CHANGED < len(key):
            return bytes(one ^ other for one, other in zip(new, difference, strict=True))
        return key

    def _right_keys(self, before: EcuCondition) -> tuple[bytes, bytes]:
        """Return the right keys for the recorded seed and for the seed pending now; both are empty if one is unknown."""
        dialogue, level = self._dialogue, before.seed_level
        security, seed = dialogue.tester.security, dialogue.standing.now.seed
        if level is None or not security.has_key(level) or not seed or not before.seed:
            return b"", b""
        try:
            return security.right_key(level, before.seed), security.right_key(level, seed)
        except (Unjudged, KeyFunctionError) as reason:
            dialogue.remark(str(reason))
            return b"", b""


def repeat_in(dialogue: Dialogue) -> None:
    """Make a dialogue able to repeat recorded results on its ECU."""

    def repeat(command: Repeat) -> None:
        Repetition(dialogue).of(recorded_result(command.run, command.result, dialogue.tester.target))

    dialogue.repeat = repeat
