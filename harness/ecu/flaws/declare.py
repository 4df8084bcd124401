"""Declare a change of the sound ECU: a variant, on which no check may fail, or a flaw, which some checks must see."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from harness.ecu.definition import Definition

Depth = Literal["quick", "default", "deep"]
Apply = Callable[[Definition], Definition]

CAMPAIGNS: Final = {
    "FZ-01": "random frames may meet any flaw",
    "FZ-02": "mutated requests may meet any flaw",
    "FZ-03": "a sweep over all services may meet any flaw",
    "FZ-04": "a random walk may lead to any state",
    "FZ-05": "random sequences of frames may meet any flaw",
}
"""Checks whose requests are chosen by chance, so that they may fail on every flaw."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EcuChange:
    """One difference from the sound ECU."""

    name: str
    what: str
    """The difference, as a statement about the ECU."""
    apply: Apply
    """Return the definition with the change made."""
    number: str = ""
    """The change's number in the catalogue, e.g. ``M80b`` or ``B4``; empty if the catalogue does not have the change."""
    comes_first: bool = False
    """Whether the change is made before the variants, because it determines what the variants vary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant(EcuChange):
    """Another way to build a sound ECU, which the standard or its users leave open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw(EcuChange):
    """A mistake in an ECU, and the checks that must see it.

    Each check in `kills` fails on the flaw at `depth`. A check in `also` may fail because of the flaw, for the reason given;
    no other check may.
    """

    kills: tuple[str, ...]
    also: Mapping[str, str] = field(default_factory=dict)
    depth: Depth = "quick"
    base: str = "hardened"
    """The profile into which the flaw is put."""
    survives: str = ""
    """Why no check can be expected to see the flaw; `kills` is then empty. Empty if `kills` names a check."""


def flaw(
    *,
    kills: tuple[str, ...],
    also: Mapping[str, str] | None = None,
    number: str = "",
    depth: Depth = "quick",
    base: str = "hardened",
    survives: str = "",
    comes_first: bool = False,
) -> Callable[[Apply], Flaw]:
    """Make a `Flaw` of the function that applies it; its name is the function's, `what` the docstring."""
    campaigns = {check: why for check, why in CAMPAIGNS.items() if check not in kills}
    return lambda apply: Flaw(
        name=apply.__name__,
        what=_said(apply),
        apply=apply,
        number=number,
        comes_first=comes_first,
        kills=kills,
        also=campaigns | dict(also or {}),
        depth=depth,
        base=base,
        survives=survives,
    )


def variant(name: str, what: str, change: Apply | None = None, *, number: str = "", **config: Any) -> Variant:
    """Make a `Variant` that `change` applies; without `change`, a variant that sets these values of `EcuConfig`."""
    apply = change or (lambda definition: definition.with_config(**config))
    return Variant(name=name, what=what, apply=apply, number=number)


def _said(apply: Apply) -> str:
    return " ".join((apply.__doc__ or "").split())
