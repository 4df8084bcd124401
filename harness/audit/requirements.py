"""Find the shipped checks' folder, and read its ledger of requirements: which were considered, and which are tested."""

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

from harness.runs.findings import NotTested
from harness.target.toml_schema import Problems, choice, list_of, read_entries, read_toml, text

PACKAGE = "attacks"
FILE_NAME = "requirements.toml"


@cache
def attacks_folder() -> Path:
    """Return the absolute folder of the shipped checks, found by package name without importing any of them."""
    spec = find_spec(PACKAGE)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(next(iter(spec.submodule_search_locations))).resolve()


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One requirement on an ECU, with the checks that test it, or the reason why no check does."""

    id: Annotated[str, text('a short name, e.g. "limit/exists"', pattern=r"[a-z0-9-]+/[a-z0-9-]+")]
    says: Annotated[str, text("a sentence")]
    source: Annotated[str, text("where it is demanded")]
    checks: Annotated[tuple[str, ...], list_of(text("the id of a check"), "a list of ids of checks")] = ()
    not_tested: Annotated[
        Literal["needs hardware", "out of scope", "disputed"] | None, choice("needs hardware", "out of scope", "disputed")
    ] = None
    because: Annotated[str, text("a sentence")] = ""


def considered() -> list[Requirement]:
    """Return every requirement, in the order of the ledger. Raises UserError if the file is malformed."""
    path = attacks_folder() / FILE_NAME
    problems = Problems(FILE_NAME)
    entries = read_entries(Requirement, read_toml(path, FILE_NAME), "requirement", problems)
    problems.raise_if_any()
    return [Requirement(**entry) for entry in entries]


@cache
def not_tested() -> tuple[NotTested, ...]:
    """Return the requirements that no check tests, for the report."""
    return tuple(
        NotTested(id=one.id, says=one.says, group=one.not_tested, because=one.because)
        for one in considered()
        if one.not_tested is not None
    )
