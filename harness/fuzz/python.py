"""Write fuzz cases in Python: a function that yields Scapy packets or bytes, under `@fuzz_case`."""

import inspect
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from harness.errors import UserError
from harness.fuzz.case import Case, Head, label
from harness.fuzz.send import LONGEST_MESSAGE, MOST_MESSAGES, SentStep
from harness.link.clock import Chance
from harness.target import Target
from harness.target.toml_schema import Problems, read_fields
from harness.verdict import Severity

F = TypeVar("F", bound=Callable[..., Iterable[Any]])

ATTRIBUTE: Final = "__uds_fuzz_case__"
ARGUMENTS: Final = ("target", "chance")


def fuzz_case(
    *,
    id: str,
    why: str,
    expect: str,
    state: str | None = None,
    severity: Severity | str = Severity.MEDIUM,
    proven_by: Sequence[str] = (),
) -> Callable[[F], F]:
    """Make a function a fuzz case; the keys mean what they mean in TOML, and the result has the id ``fuzz/<id>``.

    The function yields messages: Scapy packets or bytes, or a list of these for a sequence. It may take ``target`` (the
    declarations of the ECU) and ``chance`` (``random_bytes(n)`` and ``below(n)`` from the run's seed). Whatever Scapy's own
    ``fuzz()`` draws while the function runs comes from the run's seed too. The function is called more than once, first of
    all to see whether its messages may be sent, and must yield the same messages each time. Mistakes raise nothing here; an
    audit refuses them before anything is sent.
    """
    given = {"id": id, "why": why, "expect": expect, "severity": severity}
    if state is not None:
        given["state"] = state
    if proven_by:
        given["proven_by"] = proven_by  # type: ignore[assignment]

    def mark(function: F) -> F:
        setattr(function, ATTRIBUTE, _Declared(given, function))
        return function

    return mark


@dataclass(frozen=True, slots=True)
class _Declared:
    """The arguments of the decorator."""

    given: dict[str, Any]
    function: Callable[..., Iterable[Any]]


def declared_case(function: object) -> Case | None:
    """Return the case of a function; None if it is not under `@fuzz_case`. Raises UserError if it is malformed."""
    declared = getattr(function, ATTRIBUTE, None)
    if not isinstance(declared, _Declared):
        return None
    code = inspect.unwrap(declared.function).__code__
    path = Path(code.co_filename)
    problems = Problems(f"{label(path)}:{code.co_firstlineno}")
    values = read_fields(Head, declared.given, f"@fuzz_case {declared.given['id']}: ", problems)
    unknown = [name for name in inspect.signature(declared.function).parameters if name not in ARGUMENTS]
    if unknown:
        sentence = f"takes {', '.join(unknown)}; a case may take {' and '.join(ARGUMENTS)}"
        problems.add(f"@fuzz_case {declared.given['id']}: {code.co_name}", sentence)
    problems.raise_if_any()
    return Case(**values, messages=Generated(declared.function, str(values["id"])), path=path, line=code.co_firstlineno)


@dataclass(frozen=True, slots=True)
class Generated:
    """The messages that a function yields."""

    function: Callable[..., Iterable[Any]]
    name: str

    def size(self, target: Target) -> int | None:
        """Return None, since the number of messages is unknown before the function runs."""
        return None

    def steps(self, target: Target, chance: Chance) -> Iterator[SentStep]:
        """Run the function and yield its messages, with sources of chance of its own for it and for Scapy.

        Raises UserError if the function yields anything but messages.
        """
        known = {"target": target, "chance": chance.stream("function")}
        scapy = ScapyChance(chance.stream("scapy"))
        arguments = {name: known[name] for name in inspect.signature(self.function).parameters}
        sent = 0
        with scapy.in_force():
            produced = iter(self.function(**arguments))
        while True:
            with scapy.in_force():
                found = next(produced, produced)
                if found is produced:
                    return
                messages = tuple(self._pdu(one) for one in (found if isinstance(found, (list, tuple)) else [found]))
            sent += len(messages)
            if sent > MOST_MESSAGES:
                raise UserError(f"@fuzz_case {self.name} yields more than {MOST_MESSAGES} messages; let it end earlier")
            yield SentStep(messages)

    def _pdu(self, message: object) -> bytes:
        from scapy.packet import Packet

        if not isinstance(message, (Packet, bytes, bytearray)):
            kind = type(message).__name__
            raise UserError(f"@fuzz_case {self.name} yields {kind}; yield Scapy packets, bytes, or a list of these")
        pdu = bytes(message)
        if not 0 < len(pdu) <= LONGEST_MESSAGE:
            raise UserError(f"@fuzz_case {self.name} yields {len(pdu)} bytes; yield messages of 1 to {LONGEST_MESSAGE}")
        return pdu

    def __str__(self) -> str:
        return f"what {self.function.__name__} yields"


class ScapyChance:
    """The state of Python's random generator, from which Scapy's `fuzz()` draws; a use goes on where the last ended.

    This class draws nothing: it sets the global generator to a state that the run's seed decides, and later restores it.
    """

    def __init__(self, chance: Chance) -> None:
        self._state: object = None
        self._seed = int.from_bytes(chance.random_bytes(16), "big")

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Let everything that draws from `random` during the block draw from the run's chance."""
        outside = random.getstate()
        if self._state is None:
            random.seed(self._seed)
        else:
            random.setstate(self._state)  # type: ignore[arg-type]
        try:
            yield
        finally:
            self._state = random.getstate()
            random.setstate(outside)
