"""How else may a sound ECU be built? What the standard or its users leave open: no check may accuse any of these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from harness.ecu.config import EcuConfig
from harness.link.node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One difference from `hardened` that is no flaw."""

    number: str
    """In the catalogue, e.g. ``B4``."""
    what: str
    config: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `EcuConfig` and what they are instead."""
    change: Callable[[EcuConfig], EcuConfig] | None = None
    """For what is no plain replacement."""
    node: Mapping[str, Any] = field(default_factory=dict)
    """What `UdsNode` takes instead of its defaults."""
    others: tuple[Callable[[], Node], ...] = ()
    """Makers of further nodes on the same bus."""


VARIANTS: Final[dict[str, Variant]] = {
    "pad_55": Variant(number="B1", what="Frames are filled up with 55.", config={"padding": 0x55}),
    "pad_aa": Variant(number="B1", what="Frames are filled up with AA.", config={"padding": 0xAA}),
    "pad_cc": Variant(number="B1", what="Frames are filled up with CC.", config={"padding": 0xCC}),
    "pad_ff": Variant(number="B1", what="Frames are filled up with FF.", config={"padding": 0xFF}),
    "unpadded": Variant(number="B2", what="Frames are as short as their content.", config={"padding": None}),
}
