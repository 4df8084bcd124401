"""Which node is stuck: code that never returns is interrupted, so that a spinning ECU cannot hang a run."""

from __future__ import annotations

import ctypes
import threading
import weakref
from typing import Protocol

from harness.link.clock import every

PATIENCE_TICKS = 3
"""How often a node may be found in the same call, the first time not counted."""
TICK_S = 1.0


class NodeSpins(BaseException):
    """Raised inside a node that has not returned for three to four seconds of real time."""


class Watched(Protocol):
    """What can be seen of a simulation from another thread."""

    calls: int
    thread_id: int
    is_in_node: bool


_watched: weakref.WeakKeyDictionary[Watched, tuple[int, int]] = weakref.WeakKeyDictionary()
_lock = threading.Lock()
_is_started = False


def watch(simulation: Watched) -> None:
    """Watch a simulation for as long as it lives."""
    global _is_started
    with _lock:
        _watched[simulation] = (-1, 0)
        if not _is_started:
            _is_started = True
            every(TICK_S, _look)


def _look() -> None:
    with _lock:
        watched = list(_watched.items())
    for simulation, (calls, ticks) in watched:
        if not simulation.is_in_node or simulation.calls != calls:
            _watched[simulation] = (simulation.calls, 0)
        elif ticks + 1 < PATIENCE_TICKS:
            _watched[simulation] = (calls, ticks + 1)
        else:
            _watched[simulation] = (calls, 0)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(simulation.thread_id), ctypes.py_object(NodeSpins))
