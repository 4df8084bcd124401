"""Read the tables of ECUs that were written without sight of the checks (ecus.md)."""

from dataclasses import dataclass
from pathlib import Path

from .targets import TARGETS, changed

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Unseen:
    """One ECU, its flaw, and the checks that have to notice the flaw."""

    name: str
    factory: str
    """``file.py:factory``, relative to this folder."""
    flaw: str
    """The flaw in one sentence; empty for a sound ECU."""
    must_fail: tuple[str, ...]
    """Ids of checks of which at least one must fail. Empty for a sound ECU."""
    target: str
    """A whole target file, with ``@CHANNEL@`` in place of the channel and ``@KEY@`` in place of the key function.

    The key function is ``key`` of the factory's own file.
    """
    depth: str = "default"


def _tables(text: str) -> dict[str, list[Unseen]]:
    tables: dict[str, list[Unseen]] = {}
    for line in text.splitlines():
        if line.startswith("## "):
            tables[line.removeprefix("## ")] = []
        elif tables and line.startswith("|") and not line.startswith(("| ECU |", "|---")):
            name, factory, flaw, must_fail, target, depth = (cell.strip() for cell in line.strip("|").split("|"))
            ecu = Unseen(name, factory, flaw, tuple(must_fail.split()), _target(target), depth or "default")
            next(reversed(tables.values())).append(ecu)
    return tables


def _target(said: str) -> str:
    """Return the target that a cell names: a name of `TARGETS`, and settings that differ (``crane, delay_s = 600``)."""
    name, *settings = said.split(", ")
    return changed(TARGETS[name], **dict(setting.split(" = ") for setting in settings))


TABLES = _tables((HERE / "ecus.md").read_text(encoding="utf-8"))
"""Every ECU, by its table."""
