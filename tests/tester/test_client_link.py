"""Prove that silence counts only if our frame was sent, and that earlier messages do not answer a request."""

import can
import pytest

from harness.buses import SimulatedLink
from harness.errors import LinkError
from harness.link.clock import Chance
from harness.link.frame import Frame, parse
from harness.link.trace import Trace
from harness.simulation.node import Port
from harness.tester.ledger import Ledger
from harness.tester.reply import ReplyKind
from harness.tester.tester import Tester

from .bench import Answers, ScriptedEcu, bare, leave_unread

READ = "22 10 10"
VALUE = "62 10 10 05"


class Unacknowledged(SimulatedLink):
    """A link as on a real bus on which nobody acknowledges; it notices that when `check_sent` is called."""

    is_virtual = False

    def check_sent(self) -> None:
        raise LinkError("can0: a frame that was handed to the adapter did not go out")


class Deaf(SimulatedLink):
    """A link whose adapter refuses every frame."""

    is_deaf = True

    def send(self, frame: Frame) -> None:
        if self.is_deaf:
            raise LinkError("can0: the adapter does not send")
        super().send(frame)


class Echoing(SimulatedLink):
    """A link that counts `unsent` frames, as with an adapter that returns our own frames."""

    tells_stale = True

    handed_over = 0

    def send(self, frame: Frame) -> None:
        self.handed_over += 1
        super().send(frame)

    @property
    def unsent(self) -> int:  # type: ignore[override]
        return self.handed_over - sum(frame.is_sent for frame in self.trace.frames(0, self.trace.count))

    @unsent.setter
    def unsent(self, count: int) -> None:
        """The number of unsent frames by our own count; that of the simulated bus is not used."""


class Plain(SimulatedLink):
    """A link that does not count unsent frames, as with most adapters."""

    tells_stale = False
    unsent = property(lambda self: 0, lambda self, count: None)  # type: ignore[assignment]


def before(link: type[SimulatedLink], answers: Answers) -> Tester:
    """Return a tester on that link and an ECU that answers a read in this way."""
    opened = link([ScriptedEcu({READ: answers})], bitrate=500_000, chance=Chance(1), trace=Trace())
    return Tester(opened, bare(), chance=Chance(1), keys={}, ledger=Ledger(None, "bench", None))


def test_silence_after_a_frame_that_did_not_go_out_is_the_adapters() -> None:
    with pytest.raises(LinkError, match="did not go out"):
        before(Unacknowledged, []).request(READ)
    with pytest.raises(LinkError, match="did not go out"):
        before(Unacknowledged, []).raw(b"\x03\x22\x10\x10")


@pytest.mark.parametrize("answers", [VALUE, "7F 22 31", "raw 70"])
def test_whoever_was_answered_has_been_heard(answers: Answers) -> None:
    assert before(Unacknowledged, answers).request(READ).kind is not ReplyKind.SILENCE
    assert before(Unacknowledged, answers).raw(b"\x03\x22\x10\x10").answers


def test_adapter_that_refuses_a_frame_is_a_fault_of_the_link() -> None:
    tester = before(Deaf, VALUE)
    for send in (lambda: tester.request(READ), lambda: tester.raw(b"\x01\x3e"), lambda: tester.request(READ)):
        with pytest.raises(LinkError, match="does not send"):
            send()


def test_request_after_an_adapters_fault_is_sent_alone() -> None:
    """The frame that the adapter refused is not sent with the next request."""
    tester = before(Deaf, VALUE)
    with pytest.raises(LinkError):
        tester.request("3E 00")
    link = tester.link
    assert isinstance(link, Deaf)
    link.is_deaf = False  # the adapter recovers
    assert tester.request(READ).is_positive
    assert [frame.text() for frame in tester.trace.frames(0, 9) if frame.is_sent] == ["740#0322101000000000"]


@pytest.mark.parametrize("link", [Echoing, Plain, SimulatedLink])
def test_what_was_heard_before_our_frame_went_out_is_no_answer(link: type[SimulatedLink]) -> None:
    tester = before(link, [VALUE, (0.01, "62 10 10 09")])
    assert tester.request(READ).pdu.hex() == "62101005"
    leave_unread(tester.link, 0.1)  # type: ignore[arg-type]
    assert tester.request("22 20 20").replies == ()
    assert tester.request(READ).pdu.hex() == "62101005"


@pytest.mark.parametrize("link", [Echoing, Plain, SimulatedLink])
def test_what_was_heard_before_our_raw_frame_went_out_is_no_answer(link: type[SimulatedLink]) -> None:
    tester = before(link, [VALUE, (0.01, "62 10 10 09")])
    tester.request(READ)
    leave_unread(tester.link, 0.1)  # type: ignore[arg-type]
    assert tester.raw(b"\x02\x3e\x00").answers == ()


def test_long_answer_is_received_on_a_link_that_tells_what_is_out() -> None:
    assert before(Echoing, "62 10 10" + " 05" * 100).request(READ).is_positive


class Real(SimulatedLink):
    """A link that other testers may use, whose adapter distinguishes our frames from theirs."""

    is_virtual = False


class Unconfirming(Real):
    """Such a link whose adapter may return our own frames as if they were another tester's."""

    confirms_sending = False


class OtherTester:
    """A node that sends some frame a few times, beginning at the start."""

    def __init__(self, text: str, times: int) -> None:
        self.text, self.times = text, times

    def attach(self, port: Port) -> None:
        for number in range(self.times):
            port.call_later(0.01 * (number + 1), lambda: port.send(parse(self.text).message()))

    def on_frame(self, message: can.Message) -> None:
        """Ignore every frame."""


def beside(other: OtherTester, link: type[SimulatedLink] = Real) -> str:
    """Return how a tester that has sent a request meanwhile describes an intruder."""
    nodes = [ScriptedEcu({READ: [(0.2, VALUE)]}), other]
    opened = link(nodes, bitrate=500_000, chance=Chance(1), trace=Trace())
    tester = Tester(opened, bare(), chance=Chance(1), keys={}, ledger=Ledger(None, "bench", None))
    tester.request(READ, timeout_s=1.0)
    return tester.intruder()


def test_somebody_else_on_our_request_id_is_told_with_what_was_sent() -> None:
    assert beside(OtherTester("740#023E000000000000", 5)) == "740#023E000000000000 and 4 more frames on 0x740"


@pytest.mark.parametrize("times", [0, 1, 2])
def test_a_slip_of_a_finger_is_no_intruder(times: int) -> None:
    assert beside(OtherTester("740#023E000000000000", times)) == ""


@pytest.mark.parametrize("text", ["7DF#023E800000000000", "123#0102", "748#0462101005000000"])
def test_frames_on_other_ids_are_no_intruders(text: str) -> None:
    assert beside(OtherTester(text, 9)) == ""


@pytest.mark.parametrize("link", [SimulatedLink, Unconfirming])
def test_nobody_is_told_of_an_intruder_who_may_be_an_echo_or_is_simulated(link: type[SimulatedLink]) -> None:
    assert beside(OtherTester("740#023E000000000000", 9), link) == ""
