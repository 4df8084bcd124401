"""Define an ECU before it is built: its data, services and decisions, and every change made to them.

A definition is immutable. `harness.ecu.server` and `harness.ecu.ecu_node` compile it once, into plain functions. A change (a
flaw or a variant) takes a definition and returns another: the methods below replace, wrap or insert a rule, wrap or replace
a decision, wrap what the node does with frames, or give other data. Replacements are made before wrappers, and two
replacements of the same rule or decision are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from harness.ecu.attempts import carry_over_restart, count_wrong_key, forget_run_out, forgive_wrong_keys, start_delay
from harness.ecu.config import DataIdentifier, EcuConfig, EcuSecurityLevel, image, of_another_unit
from harness.ecu.keys import key_is_right
from harness.ecu.rules import (
    UNSUPPORTED,
    Answer,
    Decisions,
    Ecu,
    Rule,
    ServiceRules,
    general_rules,
    is_refusal_sent,
    refusal,
)
from harness.ecu.seeds import next_seed
from harness.ecu.services import SERVICES
from harness.ecu.transitions import end_session, leave_session, lock_on_leaving, reboot, turn_to
from harness.errors import ChangeConflict
from harness.link.isotp import IsoTp
from harness.simulation.node import Node

ANY_SERVICE: Final = frozenset((UNSUPPORTED.sid, *SERVICES))
"""The numbers of every service of a sound ECU, and the number that stands for services which the ECU lacks."""

PLACES: Final = {
    "hear": "take a frame from the bus",
    "respond": "send the answers to one request",
    "transmit": "send one answer",
    "send": "put a frame on the bus",
    "talk": "say whether normal messages are sent now",
}
"""The actions of a node that a change can wrap."""


SOUND: Final = Decisions(
    draw_seed=next_seed,
    key_is_right=key_is_right,
    count_wrong_key=count_wrong_key,
    start_delay=start_delay,
    forget_run_out=forget_run_out,
    forgive_wrong_keys=forgive_wrong_keys,
    carry_over_restart=carry_over_restart,
    turn_to=turn_to,
    lock_on_leaving=lock_on_leaving,
    leave_session=leave_session,
    end_session=end_session,
    reboot=reboot,
    refusal=refusal,
    is_refusal_sent=is_refusal_sent,
    image=image,
    of_another_unit=of_another_unit,
)
"""The decisions of a sound ECU."""

RuleWrapper = Callable[[Rule, Ecu, bytes], Answer | None]
"""A function that takes the wrapped rule, the ECU and the request, and decides in place of the rule."""

FrameRule = Callable[[Ecu, IsoTp, bytearray], bytes | None]
"""A function that returns a request made of a frame's data field, or None to leave the frame to ISO-TP."""

_Slot = tuple[int, Rule] | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """An ECU to be built. A definition without changes is the sound ECU with its data."""

    config: EcuConfig
    services: Mapping[int, ServiceRules] = field(default_factory=lambda: {UNSUPPORTED.sid: UNSUPPORTED, **SERVICES})
    at_node: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of `UdsNode` that differ from its defaults."""
    isotp: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `IsoTpConfig` that differ from their defaults."""
    isotp_parts: tuple[type[IsoTp], ...] = ()
    """Subclasses of `IsoTp` from which the ECU's own class inherits, the subclass that was added last first."""
    frame_rules: tuple[Callable[[], FrameRule], ...] = ()
    """Functions that each make a frame rule for one ECU."""
    enclose: Callable[[Any], Node] = lambda node: node
    """A function that wraps the node, for changes around it on the bus."""
    others: tuple[Callable[[], Node], ...] = ()
    """Functions that each make a further node on the same bus."""
    author: str = ""
    """The name of the change that is being made."""
    made: tuple[str, ...] = ()
    """The names of the changes that have been made."""
    _wrappers: Mapping[_Slot, tuple[Callable[..., Any], ...]] = field(default_factory=dict)
    _replaced: Mapping[_Slot, tuple[str, Any]] = field(default_factory=dict)
    """By slot (a rule or decision): the name of the change that replaced it, and the replacement."""
    _inserted: Mapping[tuple[int, Rule | None], tuple[Rule, ...]] = field(default_factory=dict)

    # Data.

    def with_config(self, **values: Any) -> Definition:
        """Set values of `EcuConfig`. Raises ChangeConflict if another change has set one of them differently."""
        found = self
        for name, value in values.items():
            found = found._replacing(f"config {name}", value)
        return replace(found, config=replace(self.config, **values))

    def with_levels(self, *what: str, change: Callable[[EcuSecurityLevel], EcuSecurityLevel]) -> Definition:
        """Change each security level in the same way; `what` names the values that differ afterwards.

        Raises ChangeConflict if another change has named one of these values.
        """
        found = self
        for name in what:
            found = found.claim(f"{name} of the levels")
        return replace(found, config=replace(self.config, levels=tuple(map(change, self.config.levels))))

    def with_level(self, level: EcuSecurityLevel) -> Definition:
        """Add a security level."""
        return replace(self, config=replace(self.config, levels=(*self.config.levels, level)))

    def with_data(self, *entries: DataIdentifier) -> Definition:
        """Add data identifiers."""
        return replace(self, config=replace(self.config, data_identifiers=(*self.config.data_identifiers, *entries)))

    # Services and their rules.

    def offering(self, sid: int) -> Definition:
        """Add an optional service that the sound ECU lacks."""
        services = self.config.further_services | {sid}
        return replace(self, config=replace(self.config, further_services=services))

    def with_service(self, service: ServiceRules) -> Definition:
        """Add a service, or replace an existing service by another form of it."""
        return replace(
            self._replacing(f"service {service.sid:02X}", service), services={**self.services, service.sid: service}
        )

    def with_every_service(self, change: Callable[[ServiceRules], ServiceRules]) -> Definition:
        """Change each service in the same way."""
        return replace(self, services={sid: change(service) for sid, service in self.services.items()})

    def wrap(self, sids: int | Iterable[int], rule: Rule, wrapper: RuleWrapper) -> Definition:
        """Put `wrapper` around a rule, in those of the services that have the rule."""
        found = self
        for sid in self._having(sids, rule):
            found = found._wrapping((sid, rule), wrapper)
        return found

    def replace(self, sids: int | Iterable[int], rule: Rule, other: Rule) -> Definition:
        """Put `other` in the place of a rule. Raises ChangeConflict if another change has replaced the rule."""
        found = self
        for sid in self._having(sids, rule):
            found = found._replacing((sid, rule), other)
        return found

    def without(
        self, sids: int | Iterable[int], rule: Rule, *, when: Callable[[Ecu, bytes], object] | None = None
    ) -> Definition:
        """Leave a rule out; with `when`, only for requests for which `when` is true."""
        if when is None:
            return self.replace(sids, rule, passes)
        return self.wrap(sids, rule, lambda go_on, ecu, request: None if when(ecu, request) else go_on(ecu, request))

    def insert(self, sids: int | Iterable[int], rule: Rule, before: Rule | None = None) -> Definition:
        """Insert `rule` before another rule of the service, or before all of them (None)."""
        found = self
        for sid in self._having(sids, before):
            key = sid, before
            found = replace(found, _inserted={**found._inserted, key: (*found._inserted.get(key, ()), rule)})
        return found

    def rewrite(self, sid: int, change: Callable[[Ecu, bytes], bytes]) -> Definition:
        """Change the request before the service's own rules see it; the rules that all services share see the original."""

        found = self
        for rule in self.services[sid].rules:
            found = found.wrap(sid, rule, lambda go_on, ecu, request: go_on(ecu, change(ecu, request)))
        return found

    # Decisions, and the node.

    def wrap_decision(self, **wrappers: Callable[..., Any]) -> Definition:
        """Put wrappers around decisions, each given under the decision's name in `Decisions`.

        A wrapper takes the wrapped function and then that function's arguments.
        """
        found = self
        for name, wrapper in wrappers.items():
            found = found._wrapping(_decision(name), wrapper)
        return found

    def replace_decision(self, **functions: Callable[..., Any]) -> Definition:
        """Replace decisions by other functions. Raises ChangeConflict if another change has replaced one of them."""
        found = self
        for name, function in functions.items():
            found = found._replacing(_decision(name), function)
        return found

    def with_node(self, **options: Any) -> Definition:
        """Set arguments of `UdsNode`. Raises ChangeConflict if another change has set one of them differently."""
        found = self
        for name, value in options.items():
            found = found._replacing(f"node {name}", value)
        return replace(found, at_node={**self.at_node, **options})

    def with_isotp(self, *parts: type[IsoTp], **config: Any) -> Definition:
        """Add subclasses of `IsoTp`, and set fields of `IsoTpConfig`. Raises ChangeConflict if another change differs."""
        found = self
        for name, value in config.items():
            found = found._replacing(f"ISO-TP {name}", value)
        return replace(found, isotp_parts=(*parts, *self.isotp_parts), isotp={**self.isotp, **config})

    def with_frame_rule(self, make: Callable[[], FrameRule]) -> Definition:
        """Add a function that makes a frame rule for each ECU; the rule sees each frame before ISO-TP does."""
        return replace(self, frame_rules=(*self.frame_rules, make))

    def at(self, place: str, wrapper: Callable[..., Any]) -> Definition:
        """Put a wrapper around the node's action at one of `PLACES`.

        The wrapper takes the wrapped function, the node, and the function's arguments. It keeps its state in `node.notes`.
        """
        if place not in PLACES:
            raise ValueError(f"a node has no place {place!r}; there are {', '.join(PLACES)}")
        return self._wrapping(f"node {place}", wrapper)

    def claim(self, what: str) -> Definition:
        """Claim for this change alone the decision about `what`. Raises ChangeConflict if another change has claimed it."""
        return self._replacing(what, self.author)

    # Compiling.

    def chain(self, service: ServiceRules) -> tuple[Rule, ...]:
        """Return, in order, every rule that may decide about a request for this service."""
        sid = service.sid
        chain: list[Rule] = list(self._inserted.get((sid, None), ()))
        for rule in (*general_rules(service), *service.rules):
            chain += self._inserted.get((sid, rule), ())
            changed = self.compiled((sid, rule), rule)
            if changed is not passes:
                chain.append(changed)
        return tuple(chain)

    def decisions(self) -> Decisions:
        """Return the decisions of this ECU."""
        slots = {slot for slot in (*self._wrappers, *self._replaced) if isinstance(slot, str)}
        changed = [name for name in Decisions.__dataclass_fields__ if _decision(name) in slots]
        return replace(SOUND, **{name: self.compiled(_decision(name), getattr(SOUND, name)) for name in changed})

    def at_the_node(self, place: str, sound: Callable[..., Any], node: Any) -> Callable[..., Any]:
        """Return the node's action at a place, with the wrappers that `at` has put around it."""
        for wrapper in self._wrappers.get(f"node {place}", ()):
            sound = partial(wrapper, sound, node)
        return sound

    def compiled(self, slot: _Slot, sound: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function of a slot: the sound function or its replacement, inside all wrappers."""
        function = self._replaced[slot][1] if slot in self._replaced else sound
        for wrapper in self._wrappers.get(slot, ()):
            function = partial(wrapper, function)
        return function

    # What the methods above are made of.

    def _having(self, sids: int | Iterable[int], rule: Rule | None) -> list[int]:
        """Return the given services that have the rule."""
        known = [sid for sid in ((sids,) if isinstance(sids, int) else sids) if sid in self.services]
        having = [sid for sid in known if rule is None or rule in _rules_of(self.services[sid])]
        if not having:
            raise ValueError(f"{self.author}: no service {sids} has the rule {getattr(rule, '__name__', rule)}")
        return having

    def _wrapping(self, slot: _Slot, wrapper: Callable[..., Any]) -> Definition:
        return replace(self, _wrappers={**self._wrappers, slot: (*self._wrappers.get(slot, ()), wrapper)})

    def _replacing(self, slot: _Slot, by: Any) -> Definition:
        other, already = self._replaced.get(slot, (self.author, by))
        if already is not by and already != by:
            rule = None if isinstance(slot, str) else f"{slot[0]:02X} {slot[1].__name__}"
            what = rule or str(slot).removeprefix("decision ").removeprefix("config ")
            raise ChangeConflict(f"{other} and {self.author} both change {what}; an ECU has one of them at a time")
        return replace(self, _replaced={**self._replaced, slot: (self.author, by)})


def _decision(name: str) -> str:
    """Return the slot of a decision."""
    if name not in Decisions.__dataclass_fields__:
        raise ValueError(f"no decision is called {name}; there are {', '.join(Decisions.__dataclass_fields__)}")
    return f"decision {name}"


def passes(ecu: Ecu, request: bytes) -> Answer | None:
    """Decide nothing, in place of a rule that is left out."""
    return None


def _rules_of(service: ServiceRules) -> tuple[Rule, ...]:
    return (*general_rules(service), *service.rules)
