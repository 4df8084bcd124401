"""Define what a node on a simulated bus must offer, and find nodes by name."""

import importlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

import can

from harness.errors import UserError
from harness.target.user_code import error_in_words, load_file

PROFILES_MODULE = "harness.ecu.profiles"


class Timer(Protocol):
    """A callback that will be called later."""

    def cancel(self) -> None:
        """Forget the callback; without effect once it has been called."""


class Port(Protocol):
    """A node's access to the bus, given to it by :meth:`Node.attach`.

    The port of the simulated bus also has ``send_data(can_id, fields, is_extended)``, which queues a classic data frame for
    each of the data fields, without python-can's messages and without a check of them.
    """

    @property
    def now_s(self) -> float:
        """Seconds since the bus started."""

    @property
    def utc_s(self) -> float:
        """The wall clock that an ECU could know, in seconds since 1970; virtual on a virtual bus."""

    def send(self, frame: can.Message) -> None:
        """Queue a copy of a frame; it arrives when the bus has had time. Raises ValueError if it is no CAN frame."""

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        """Call back after `delay_s` seconds of the bus's time, on the bus's own thread."""

    def random_bytes(self, n: int) -> bytes:
        """Return `n` random bytes: from the run's seed on a simulated bus, from the system on a real one."""


class Node(Protocol):
    """An ECU, or any other participant of the bus.

    A node may also have ``power_cycle()`` (see `power_cycle`), ``image``: the bytes in its flash memory, ``on_data`` (see
    `takes_data`) and ``hears`` (see `heard_ids`).
    """

    def attach(self, port: Port) -> None:
        """Take the node's port; called once, before any frame."""

    def on_frame(self, frame: can.Message) -> None:
        """React to a frame of another node; called when the frame has arrived completely."""


def power_cycle(node: Node) -> None:
    """Call the node's ``power_cycle()``, if it has one, after the bus has dropped its timers and waiting frames."""
    cut = getattr(node, "power_cycle", None)
    if cut is not None:
        cut()


def takes_data(node: Node) -> Callable[[int, bytes, bool], None] | None:
    """Return the node's ``on_data(can_id, data, is_extended)``, which takes classic data frames in place of `on_frame`.

    Only an attribute of the object itself counts, so that a wrapper that hands on its node's attributes hears every frame.
    """
    found: Callable[[int, bytes, bool], None] | None = getattr(node, "__dict__", {}).get("on_data")
    return found


def heard_ids(node: Node) -> frozenset[int] | None:
    """Return the node's ``hears``: the ids that its CAN controller lets through; None if the node hears every frame.

    As with `takes_data`, only an attribute of the object itself counts.
    """
    found: frozenset[int] | None = getattr(node, "__dict__", {}).get("hears")
    return found


def load_nodes(channel: str, relative_to: Path | None = None) -> list[Node]:
    """Make the nodes that a channel names. Raises UserError as `node_maker` and the function that it returns do."""
    return node_maker(channel, relative_to)()


def node_maker(channel: str, relative_to: Path | None = None) -> Callable[[], list[Node]]:
    """Return a function that makes the nodes that a channel names, new ones at each call.

    A channel is a shipped profile (``article``, ``hardened+no_attempt_limit``), ``path/to/file.py:factory`` (relative to
    `relative_to`, or to the working directory) or ``package.module:factory``. Raises UserError if the channel names nothing
    that can be called. The returned function raises UserError if the factory raises or returns no nodes.
    """
    name, colon, factory_name = channel.rpartition(":")
    if not colon:
        factory = _profile(channel)
    elif name.endswith(".py"):
        factory = _attribute(load_file((relative_to or Path.cwd()) / name, channel), factory_name, channel)
    else:
        factory = _attribute(_module(name, channel), factory_name, channel)
    return lambda: _made(factory, channel)


def _made(factory: Callable[[], Any], channel: str) -> list[Node]:
    try:
        made = factory()
        nodes = list(made) if isinstance(made, Iterable) and not _is_node(made) else [made]
    except (Exception, SystemExit) as error:
        raise UserError(f"channel {channel}: the factory raised {error_in_words(error)}") from error
    for node in nodes:
        if not _is_node(node):
            what = f"the class {node.__name__}" if isinstance(node, type) else type(node).__name__
            raise UserError(f"channel {channel}: {what} is no node; a node has attach(port) and on_frame(frame)")
    if not nodes:
        raise UserError(f"channel {channel}: the factory returned no node")
    return nodes


def _is_node(made: object) -> bool:
    is_made = not isinstance(made, type)
    return is_made and callable(getattr(made, "attach", None)) and callable(getattr(made, "on_frame", None))


def _profile(channel: str) -> Callable[[], Any]:
    profiles = importlib.import_module(PROFILES_MODULE)
    factory: Callable[[], Any] = profiles.factory(channel)
    return factory


def _module(name: str, channel: str) -> Any:
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        raise UserError(f"channel {channel}: cannot import {name}: {error_in_words(error)}") from error


def _attribute(module: Any, name: str, channel: str) -> Callable[[], Any]:
    factory = getattr(module, name, None)
    if not callable(factory):
        where = getattr(module, "__file__", None) or module.__name__
        raise UserError(f'channel {channel}: {where} has no function "{name}"')
    return factory  # type: ignore[no-any-return]
