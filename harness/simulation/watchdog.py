"""Interrupt a node that never returns, so that a spinning ECU cannot block a run.

The patience is counted in processor time of the node's thread, so that a busy machine does not shorten it.
"""

import ctypes
import threading
import weakref
from typing import Protocol

from harness.link.clock import every, thread_time_s

TICK_S = 1.0
"""Seconds between two looks at the nodes."""

PATIENCE_S = 15.0
"""Processor time in seconds that one call of a node may take."""

PATIENCE_AFTER_A_SPIN_S = 3.0
"""Processor time in seconds that one call may take in a simulation in which a node was interrupted before."""

PATIENCE_TICKS = 60
"""In how many looks a node may be found in the same call; a node that sleeps or waits takes no processor time."""


class NodeSpins(BaseException):
    """Raised inside a node that does not return."""


class WatchedSimulation(Protocol):
    """What another thread can see of a simulation."""

    calls: int
    thread_id: int
    is_in_node: bool


class CallUnderWay:
    """How long one simulation has been in the same call of a node, and whether that is too long."""

    __slots__ = ("calls", "has_spun", "since_s", "ticks")

    def __init__(self) -> None:
        self.calls = -1
        self.ticks = 0
        self.since_s = 0.0
        self.has_spun = False

    def is_stuck(self, simulation: WatchedSimulation) -> bool:
        """Whether the simulation has been in one call for longer than the patience lasts."""
        if not simulation.is_in_node:
            self.calls = -1
            return False
        used_s = thread_time_s(simulation.thread_id)
        if simulation.calls != self.calls:
            self.calls, self.ticks, self.since_s = simulation.calls, 0, used_s
            return False
        self.ticks += 1
        patience_s = PATIENCE_AFTER_A_SPIN_S if self.has_spun else PATIENCE_S
        return used_s - self.since_s > patience_s or self.ticks > PATIENCE_TICKS

    def expect_another(self) -> None:
        """Note that the present call is being interrupted, so that later calls that do not return get less patience."""
        self.has_spun = True
        self.calls = -1


_watched: weakref.WeakKeyDictionary[WatchedSimulation, CallUnderWay] = weakref.WeakKeyDictionary()
_lock = threading.Lock()
_is_started = False


def watch(simulation: WatchedSimulation) -> None:
    """Watch a simulation as long as it exists."""
    global _is_started
    with _lock:
        _watched[simulation] = CallUnderWay()
        if not _is_started:
            _is_started = True
            every(TICK_S, _look)


def _look() -> None:
    with _lock:
        watched = list(_watched.items())
    for simulation, seen in watched:
        if seen.is_stuck(simulation):
            seen.expect_another()
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(simulation.thread_id), ctypes.py_object(NodeSpins))
