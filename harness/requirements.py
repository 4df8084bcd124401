"""Which requirements were considered, and which of them are tested? Reads the ledger that lies beside the checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from harness.run import NotTested
from harness.shipped import attacks_folder
from harness.toml_schema import Problems, choice, list_of, read_entries, read_toml, text

FILE_NAME = "requirements.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One thing that is demanded of an ECU: the checks that test it, or why none does."""

    id: Annotated[str, text('a short name, e.g. "limit/exists"', pattern=r"[a-z0-9-]+/[a-z0-9-]+")]
    says: Annotated[str, text("a sentence")]
    source: Annotated[str, text("where it is demanded")]
    checks: Annotated[tuple[str, ...], list_of(text("the id of a check"), "a list of ids of checks")] = ()
    not_tested: Annotated[
        Literal["needs hardware", "out of scope", "disputed"] | None, choice("needs hardware", "out of scope", "disputed")
    ] = None
    because: Annotated[str, text("a sentence")] = ""


def considered() -> list[Requirement]:
    """Every requirement, in the order of the ledger. UserError: the file is not as it should be."""
    path = attacks_folder() / FILE_NAME
    problems = Problems(FILE_NAME)
    entries = read_entries(Requirement, read_toml(path, FILE_NAME), "requirement", problems)
    problems.raise_if_any()
    return [Requirement(**entry) for entry in entries]


def not_tested() -> tuple[NotTested, ...]:
    """What no check tests, for the report."""
    return tuple(
        NotTested(id=one.id, says=one.says, group=one.not_tested, because=one.because)
        for one in considered()
        if one.not_tested is not None
    )
