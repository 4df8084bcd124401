"""Prove that each message a campaign writes down means the same when it is read as a case."""

from hypothesis import given
from hypothesis import strategies as st

from harness.fuzz.keyed import Keyed, from_notation, in_notation
from harness.fuzz.send import SEND
from harness.fuzz.trials import Trial
from harness.link.clock import Chance
from harness.target import load_target

FIXED = st.binary(min_size=1, max_size=40)
KEYED = st.builds(
    lambda head, tail, count: Keyed.of(head, tail, count),
    st.binary(min_size=1, max_size=6),
    st.binary(max_size=6),
    st.integers(0, 20),
)
MESSAGES = st.lists(FIXED | KEYED, min_size=1, max_size=5)

HARDENED = load_target("hardened")


def parts(message: bytes) -> tuple[object, ...]:
    if isinstance(message, Keyed):
        return message.head, message.key_bytes, message.tail
    return (bytes(message),)


@given(FIXED | KEYED)
def test_a_message_is_read_as_it_was_written(message: bytes) -> None:
    assert parts(from_notation(in_notation(message))) == parts(message)


@given(MESSAGES)
def test_a_case_sends_what_was_written_down(messages: list[bytes]) -> None:
    template = SEND.parse([in_notation(message) for message in messages])
    (step,) = template.steps(HARDENED, Chance(0))
    assert list(map(parts, step.messages)) == list(map(parts, messages))


@given(MESSAGES, st.booleans(), st.integers(1, 300))
def test_a_trial_survives_its_file(messages: list[bytes], is_raw: bool, repeat: int) -> None:
    trial = Trial("FZ-02", tuple(messages), is_raw, repeat)
    again = Trial.from_json(trial.as_json())
    assert again == trial
    assert list(map(parts, again.messages)) == list(map(parts, messages))
