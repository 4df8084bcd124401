"""Whose unlock is it? An ECU takes every address for another tester, and what one has opened the others have not."""

from __future__ import annotations

from typing import Final

from harness.ecu.config import EcuConfig
from harness.ecu.state import LOCKED, State

FUNCTIONAL: Final = -1
"""The functional address, which tells nobody from anybody. Connections count from 0."""

_NOTHING: Final = (LOCKED, b"", LOCKED)


def turn_to(state: State, address: int, config: EcuConfig) -> None:
    """The present request came from this address: its own unlocked level and pending seed are the state's from now on."""
    defects = config.defects
    state.elsewhere[state.address] = state.unlocked_level, state.seed, state.seed_level
    unlocked_level, seed, seed_level = state.elsewhere.get(address, _NOTHING)
    if not defects.unlock_valid_for_all:
        state.unlocked_level = unlocked_level
    if not defects.seed_valid_for_all:
        state.seed, state.seed_level = seed, seed_level
    state.address = address
