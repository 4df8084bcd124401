"""Carry out the lines of a script on one ECU, one after the other."""

from collections.abc import Callable, Iterable
from typing import Final

from harness.errors import KeyFunctionError, LinkError, NotPermitted, Unjudged, UserError
from harness.shell.hand import HandTester
from harness.shell.lines import (
    AskSeed,
    Command,
    EnterSession,
    Help,
    Quit,
    RawFrames,
    RawMessage,
    Read,
    Repeat,
    ResetLine,
    SendKey,
    Unlock,
    Wait,
    Write,
    command_in,
    help_lines,
)
from harness.shell.standing import ConditionKeeper
from harness.shell.words import Words, kind_of_frames
from harness.tester.reply import RawReply, Reply, ReplyKind
from harness.uds import SUPPRESS_POSITIVE_RESPONSE, Nrc, ResetType, Service, is_send_key, write_data

EXIT_CODES: Final = {ReplyKind.POSITIVE: 0, ReplyKind.NEGATIVE: 1, ReplyKind.MALFORMED: 1, ReplyKind.SILENCE: 5}
"""The exit code, by the kind of the last answer."""

SERIAL_NUMBER: Final = 0xF18C
_NOT_HERE: Final = (Nrc.SUB_FUNCTION_NOT_SUPPORTED_IN_SESSION, Nrc.SERVICE_NOT_SUPPORTED_IN_SESSION)

Say = Callable[[str], None]


def nothing_to_repeat(repeat: Repeat) -> None:
    """Raise UserError, since this conversation cannot repeat results."""
    raise UserError(f"{repeat.run}: recorded results cannot be repeated here")


class Dialogue:
    """A conversation with one ECU. `show` is called with each line of it, `remark` with notes for its reader."""

    def __init__(self, tester: HandTester, *, show: Say, remark: Say) -> None:
        self.tester = tester
        self.words = Words(tester.target)
        self.standing = ConditionKeeper(tester.target)
        """The ECU's session, open level and pending seed, as far as its answers in this conversation show them."""
        self.show = show
        self.remark = remark
        self.repeat: Callable[[Repeat], None] = nothing_to_repeat
        """A function that repeats a recorded result; set by `repeat_in`."""
        self._last: ReplyKind | None = None
        self._asked_level: int | None = None
        self._is_counted_for_serial = tester.security.ledger.path is None
        tester.listener = self
        tester.open_level = self.unlock

    @property
    def exit_code(self) -> int:
        """The exit code for the last answer; 0 if nothing was sent."""
        return EXIT_CODES[self._last] if self._last is not None else 0

    # What is heard

    def sends(self, pdu: bytes) -> None:
        """Show the message before its answer is awaited."""
        self.show(self.words.sent(pdu))

    def hears(self, reply: Reply) -> None:
        """Show the answer."""
        for line in self.words.heard(reply):
            self.show(line)
        self._last = reply.kind
        self.standing.hear(reply.request, reply.pdu, self.tester.link.now_s)
        if reply.request[:1] == bytes((Service.SECURITY_ACCESS,)) and len(reply.request) > 1:
            sub_function = reply.request[1] & ~SUPPRESS_POSITIVE_RESPONSE
            self._asked_level = sub_function if sub_function & 1 else self._asked_level

    def hears_frames(self, reply: RawReply) -> None:
        """Show the raw frames that were sent, and the frames that followed them."""
        for frame in reply.sent:
            self.show(self.words.frame_sent(frame))
        for line in self.words.heard_frames(reply):
            self.show(line)
        self._last = kind_of_frames(reply)

    # What is done

    def run(self, command: Command) -> None:
        """Carry out one command. Raises UserError if it is forbidden or impossible, LinkError if the adapter fails."""
        self.carry_out(lambda: self._run(command))

    def carry_out(self, step: Callable[[], None]) -> None:
        """Call `step`; turn NotPermitted, Unjudged and KeyFunctionError into a UserError with the same text."""
        try:
            step()
        except (NotPermitted, Unjudged, KeyFunctionError) as reason:
            raise UserError(str(reason)) from None

    def _run(self, command: Command) -> None:
        tester = self.tester
        match command:
            case EnterSession(session):
                self.enter_session(session)
            case Read(dids):
                tester.request(bytes((Service.READ_DATA_BY_IDENTIFIER,)) + b"".join(did.to_bytes(2, "big") for did in dids))
            case Write(did, value):
                tester.request(write_data(did, value))
            case AskSeed(level, record):
                self.ask_seed(level, record)
            case SendKey(key):
                if self._asked_level is None:
                    raise UserError("no seed was asked for; write seed 01 first, or raw 2702… for a key without one")
                self.send_key(self._asked_level, key)
            case Unlock(level):
                self.unlock(level)
            case RawMessage(pdu):
                self.send(pdu)
            case RawFrames(frames):
                from harness.shell.recorded import addressed

                tester.raw_frames([addressed(frame, tester.target) for frame in frames])
            case Wait(seconds):
                tester.wait(seconds)
            case ResetLine(kind):
                self._reset(kind)
            case Repeat(run, result):
                self.repeat(Repeat(run, result))
            case Help():
                for line in help_lines():
                    self.show(line)
            case Quit():
                pass

    def enter_session(self, session: int) -> bool:
        """Enter a session through the sessions that the target names for it; return whether the ECU granted all of them."""
        for step in self.tester.target.way_to(session):
            self.tester.meet(self.tester.target.before_session(step))
            reply = self.tester.request(bytes((Service.DIAGNOSTIC_SESSION_CONTROL, step)))
            if not reply.is_positive:
                return False
        return True

    def ask_seed(self, level: int, record: bytes | None = None) -> Reply:
        """Request a seed once."""
        self._count_for_serial()
        reply = self.tester.security.request_seed(level, record)
        entry = self.tester.target.level(level)
        if reply.is_refused_with(*_NOT_HERE) and entry is not None and entry.session is not None:
            self.remark(f"level 0x{level:02X} is declared for session 0x{entry.session:02X}: session {entry.session:02X}")
        return reply

    def unlock(self, level: int) -> bool:
        """Request a seed and send its key; return whether the ECU answers that the level is open."""
        security = self.tester.security
        if not security.has_key(level):
            raise UserError(
                f"how the key of level 0x{level:02X} is made is not known; put key into its [[security]] in the target "
                f"file, or write seed {level:02X} and key HEX"
            )
        self._count_for_serial()
        self.tester.meet(self.tester.target.before_level(level))
        reply = self.ask_seed(level)
        seed = reply.pdu[2:] if reply.is_positive else b""
        if reply.is_positive and not any(seed):
            self.remark(f"level 0x{level:02X} gives no seed but zeros, as one that is open; to send a key: key HEX")
            return True
        return bool(seed) and self.send_key(level, security.right_key(level, seed)).is_positive

    def send(self, pdu: bytes, *, is_functional: bool = False) -> Reply:
        """Send a message as it is; a key is sent as by `send_key`."""
        if is_send_key(pdu) and len(pdu) > 2 and not pdu[1] & SUPPRESS_POSITIVE_RESPONSE and pdu[1] and not is_functional:
            return self.send_key(pdu[1] - 1, pdu[2:])
        return self.tester.request(pdu, is_functional=is_functional)

    def send_key(self, level: int, key: bytes) -> Reply:
        """Send a key; a wrong key is counted as in an audit."""
        self._count_for_serial()
        security = self.tester.security
        counted = security.wrong_keys_sent
        try:
            reply = security.send_key(level, key)
        except KeyFunctionError as error:  # a person may know the key even if the function is broken
            self.remark(str(error))
            reply = self.tester.request(bytes((Service.SECURITY_ACCESS, level + 1)) + key)
        except Unjudged as reason:
            advice = f"; write unlock {level:02X} first" if security.why_no_guess(level) and security.has_key(level) else ""
            raise UserError(f"{reason}{advice}") from None
        if reply.is_positive and security.wrong_keys_sent > counted:
            security.ledger.take_back(level)
        return reply

    def _reset(self, kind: int | None) -> None:
        target = self.tester.target
        if kind is None:
            kind = target.reset.uds or ResetType.HARD
        reply = self.tester.request(bytes((Service.ECU_RESET, kind)))
        if reply.is_positive:
            self.tester.wait(target.reset.boot_s)

    def _count_for_serial(self) -> None:
        """Read a real ECU's serial number once, so that its wrong keys are counted on whatever bus it is, as in an audit."""
        if self._is_counted_for_serial:
            return
        self._is_counted_for_serial = True
        self.remark("22 F1 8C asks for the serial number under which wrong keys are counted")
        self.tester.listener = None
        try:
            reply = self.tester.read_reply(SERIAL_NUMBER)
        except NotPermitted:
            return
        finally:
            self.tester.listener = self
        if reply.is_positive:
            self.tester.security.ledger.identify(reply.pdu[3:])


def converse(dialogue: Dialogue, lines: Iterable[str], *, is_by_a_person: bool) -> int:
    """Carry out the lines until the last one or ``quit``; return the exit code.

    A malformed or forbidden line ends a script, with a UserError that names the line's number; a person is shown the
    error, and may type the next line.
    """
    for number, text in enumerate(lines, start=1):
        try:
            command = command_in(text)
            if isinstance(command, Quit):
                break
            if command is not None:
                dialogue.run(command)
        except UserError as error:
            if not is_by_a_person:
                raise UserError(f"line {number}: {error}") from None
            dialogue.remark(str(error))
        except LinkError as error:
            if not is_by_a_person:
                raise
            dialogue.remark(str(error))
        except KeyboardInterrupt:
            if not is_by_a_person:
                raise
            dialogue.remark("interrupted")
    return dialogue.exit_code
