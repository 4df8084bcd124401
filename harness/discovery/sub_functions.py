"""Find the sub-functions of services, by requests that an ECU cannot carry out, or that change nothing."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from harness.discovery.sessions import SessionMapper
from harness.tester.reply import Reply
from harness.uds import Nrc, Service

NO_SUCH_SUB_FUNCTION = 0x7E
"""A sub-function that is reserved in every service, so that the ECU answers it like any missing sub-function."""

_NOT_THERE = (
    Nrc.SERVICE_NOT_SUPPORTED,
    Nrc.SUB_FUNCTION_NOT_SUPPORTED,
    Nrc.SUB_FUNCTION_NOT_SUPPORTED_IN_SESSION,
    Nrc.SERVICE_NOT_SUPPORTED_IN_SESSION,
)


@dataclass(frozen=True, slots=True)
class Question:
    """A service, and the form of requests that show its sub-functions."""

    service: Service
    numbers: Iterable[int]
    form: Callable[[int], bytes]
    """A function that returns the request for a sub-function."""


def _bare(service: Service) -> Callable[[int], bytes]:
    return lambda number: bytes((service, number))


QUESTIONS = (
    # This service only reads.
    Question(Service.READ_DTC_INFORMATION, (*range(0x01, 0x1B), 0x42, 0x55, 0x56), _bare(Service.READ_DTC_INFORMATION)),
    # TesterPresent has no other effect.
    Question(Service.TESTER_PRESENT, range(0x00, 0x03), _bare(Service.TESTER_PRESENT)),
    # Returns how authentication is done; other sub-functions would begin or end one.
    Question(Service.AUTHENTICATION, (0x08,), _bare(Service.AUTHENTICATION)),
    # One byte short: without the type of messages there is nothing to switch. If a sloppy ECU switches
    # nevertheless, the default session that follows ends it.
    Question(Service.COMMUNICATION_CONTROL, range(0x00, 0x06), _bare(Service.COMMUNICATION_CONTROL)),
)
"""One question for each service that is mapped.

Left out are: 11, whose only malformed request is too long, and might be carried out by a sloppy ECU; 85, whose longer
requests are valid; 31 and 2C, whose shortest requests act; 10 and 27, which are mapped as sessions and levels.
"""


def ask_sub_functions(mapper: SessionMapper) -> None:
    """Find, in each session, the sub-functions of each service that exists, with their answers."""
    for session in mapper.in_each_session():
        services = mapper.map.services.get(session, {})
        for question in QUESTIONS:
            if question.service in services:
                here = _those_there(mapper, question, session)
                if here:
                    mapper.map.sub_functions.setdefault(session, {})[question.service] = here


def _those_there(mapper: SessionMapper, question: Question, session: int) -> dict[int, str]:
    """Return the sub-functions that the ECU answers differently from a missing one, and so has."""
    control = question.form(NO_SUCH_SUB_FUNCTION)
    disowned = str(mapper.tester.request(control)) if mapper.tester.permits(control) else ""
    numbers = list(question.numbers)
    what = f"sub-functions of {question.service:02X} in session 0x{session:02X}"
    said = {number: reply for number, reply in mapper.each(what, numbers, question.form) if _is_there(reply)}
    return {number: str(reply) for number, reply in said.items() if str(reply) != disowned}


def _is_there(reply: Reply) -> bool:
    return reply.is_positive or (reply.is_negative and not reply.is_refused_with(*_NOT_THERE))
