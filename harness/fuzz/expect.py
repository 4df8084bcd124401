"""The expectation of a case: which answers are right, in a few words.

    expect  =  "any"  or  answer, "|", answer, ...
    answer  =  "positive"  or  "silence"  or  "negative"  or  "negative" code, "|", code, ...
    code    =  two hex digits, as 13 or 0x13

The two meanings of ``|`` never meet: a code goes on with the list that the last ``negative`` began, and a word ends that
list. ``negative 13|31|33`` is one answer with three codes, ``positive|negative 13`` is two answers, and so is
``negative 13|31|positive``. ``negative`` alone is every code. A code that no list is open for is refused
(``negative|13``, ``positive|13``), and so is saying the same twice.

``positive`` and ``negative`` are well-formed answers to the request; ``silence`` is no frame at all from the ECU, which
must still be alive; ``any`` is whatever comes, garbage too. Of a sequence, the answer to the last message is judged.
"""

import re
from typing import Final

from harness.errors import Refused
from harness.target.toml_schema import Rule, printable
from harness.tester.reply import Expectation, malformed, negative, positive, silence
from harness.uds import Nrc

ALLOWED: Final = '"positive", "negative", "negative 13|31", "silence", joined by |, or "any"'
ANYTHING: Final = positive() | negative() | silence() | malformed()

_WORDS: Final = {"positive": positive(), "negative": negative(), "silence": silence()}


def _expect(value: object) -> Expectation:
    if not isinstance(value, str) or not value.strip():
        raise Refused
    if value.strip() == "any":
        return ANYTHING
    accepted = Expectation()
    is_list_open = False
    for answer in (piece.strip() for piece in value.split("|")):
        word, code = ("negative", answer) if _is_code(answer) else _split(answer)
        if _is_code(answer) and not is_list_open:
            raise Refused(f'"{answer}" follows no list of codes; give "negative {answer}"')
        addition = negative(_nrc(code)) if code else _WORDS[word]
        is_repeated = accepted | addition == accepted or (word == "negative" and accepted.any_negative)
        if is_repeated or (addition.any_negative and accepted.nrcs):
            raise Refused(f'"{printable(answer)}" says again what is there already; give each answer once')
        accepted |= addition
        is_list_open = bool(code)
    return accepted


def _is_code(answer: str) -> bool:
    return bool(re.fullmatch(r"(0x)?[0-9A-Fa-f]{1,2}", answer))


def _split(answer: str) -> tuple[str, str]:
    """Return a word, and the first code of the list that follows it, if any."""
    word, _, code = answer.partition(" ")
    if answer == "any":
        raise Refused('"any" includes every other answer; give it alone')
    if word not in _WORDS:
        complaint = f'"{printable(answer)}" is no answer' if answer else "a | stands without an answer beside it"
        raise Refused(f"{complaint}; give {ALLOWED}")
    if code and word != "negative":
        raise Refused(f'"{printable(answer)}": only negative has codes; give "{word}|negative {printable(code.strip())}"')
    return word, code


def _nrc(code: str) -> int:
    digits = re.fullmatch(r"(?:0x)?([0-9A-Fa-f]{2})", code.strip())
    if not digits:
        raise Refused(f'"{printable(code.strip())}" is no code; give two hex digits, e.g. "negative 13|31"')
    nrc = int(digits[1], 16)
    if nrc in (0, Nrc.RESPONSE_PENDING):
        raise Refused(f'"{digits[1]}" is the code of no final answer; give one that refuses, e.g. 31')
    return nrc


EXPECT: Final = Rule(ALLOWED, _expect)
