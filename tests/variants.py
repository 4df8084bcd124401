"""What a target file declares of each benign variant of the hardened ECU, where that differs from `hardened`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from harness.target import Target, load_target

DECLARED: dict[str, Callable[[Target], Target]] = {}
"""By variant: what its maker would declare otherwise. A variant without an entry needs nothing else declared."""


def with_changes(base: str, *changes: str) -> Target:
    """A shipped target whose ECU has these defects and variants."""
    target = load_target(base)
    for change in changes:
        target = DECLARED.get(change, lambda same: same)(target)
    return replace(target, can=replace(target.can, channel="+".join((target.can.channel, *changes))))
