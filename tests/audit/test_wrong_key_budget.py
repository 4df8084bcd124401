"""Prove how many wrong keys an audit spends, by whom and what for: no more than the kinds of keys to try need.

A wrong key is one that the ECU compares and counts: it answers 0x35 or 0x36, and each lockout is made of such keys. A key of
another length (0x13), one without a seed or in a delay (0x24, 0x37), and one in the wrong session (0x7F) are compared with
nothing and counted by no sound ECU. The ledger counts them all the same, before they are sent, because that is unknown then.

The floor at depth quick, for a level with a key of 16 bytes beside one other level:

    16  the right key with one bit flipped, one in each byte
     5  the right key rearranged: what a sum, an exclusive or or a comparison in any order takes for it
    20  keys that anybody would try first
     2  those of blank memory, before the first right key since a start
     8  keys that an ECU may compare and not count
    51  in all; each of them serves the limit, a lockout, a restart or another check at the same time

and besides these kinds: three used keys and the key of a replaced seed (SA-25), the key of another unit (IE-04), one
key in each fuzz case that sends some (random, suppressed, behind a read), what a random walk comes to (FZ-04), and the
suppressed key of SA-09 that got no answer, once more by itself, to see that the silence was no crash.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from harness.audit.catalogue import shipped_functions
from harness.audit.fuzzing import checks_among, checks_below
from harness.audit.requirements import attacks_folder
from harness.audit.runner import Runner
from harness.audit.schedule import Check
from harness.ecu.attempts import count_wrong_key
from harness.ecu.definition import Definition
from harness.ecu.ecu_node import UdsNode
from harness.ecu.profiles import HARDENED
from harness.ecu.rules import Ecu
from harness.ecu.server import Server
from harness.measurements.key_book import KeyBook
from harness.measurements.key_kinds import BLANK, KeyKind
from harness.tester.ecu_state import level_of
from harness.tester.guesses import Attempt
from harness.tester.security import SecurityAccess
from harness.testing import run_checks, target_of
from harness.uds import Nrc
from harness.verdict import Depth

LEVELS = (0x01, 0x03)
OF_NO_KIND = {
    "IE-04": 1,
    "SA-09": 1,
    "SA-25": 4,
    "fuzz/key-any-length": 1,
    "fuzz/key-suppressed": 1,
    "fuzz/key-after-a-read": 1,
}
"""By check: how many keys at depth quick serve no other check."""


@dataclass(slots=True)
class Account:
    """The wrong keys that one audit sent to one level."""

    sent: Counter[int] = field(default_factory=Counter)
    """How many keys the ledger counts, whatever the ECU did with them."""
    compared: Counter[int] = field(default_factory=Counter)
    """How many keys the ECU's own counter counts."""
    by_check: dict[int, Counter[str]] = field(default_factory=dict)
    """By check that sent them: how many keys the ECU's own counter counts."""
    kinds: dict[int, Counter[str]] = field(default_factory=dict)
    """By kind of key that has to be tried: how often it was sent."""
    of_kind: dict[int, Counter[str]] = field(default_factory=dict)
    """By check: how many of its keys were of a kind that has to be tried."""


class Listeners:
    """The functions that are told of each wrong key that the ECU compares."""

    count: Callable[[int], None] = staticmethod(lambda level: None)


LISTENERS = Listeners()


def counting_hardened() -> UdsNode:
    """Return the hardened ECU, which tells `LISTENERS` of each wrong key that it counts."""

    def count(ecu: Ecu, level: int) -> Nrc:
        LISTENERS.count(level)
        return count_wrong_key(ecu, level)

    return UdsNode(Server(Definition(config=HARDENED).replace_decision(count_wrong_key=count)))


def spent_by_an_audit(depth: Depth, seed: int = 1) -> Account:
    account = Account(by_check={one: Counter() for one in LEVELS}, kinds={}, of_kind={})
    under_way = [""]
    run, before_key, keep = Runner.run, SecurityAccess.before_key, KeyBook.keep

    def noting_run(runner: Runner, check: Check, repeat: str) -> Any:
        under_way[0] = check.declared.id
        return run(runner, check, repeat)

    def noting_key(security: SecurityAccess, request: bytes) -> None:
        before_key(security, request)
        account.sent[level_of(request)] += 1

    def noting_count(level: int) -> None:
        account.compared[level] += 1
        account.by_check.setdefault(level, Counter())[under_way[0]] += 1

    def noting_kind(book: KeyBook, kind: KeyKind, attempt: Attempt) -> None:
        level = level_of(attempt.reply.request)
        account.kinds.setdefault(level, Counter())[kind.name] += 1
        account.of_kind.setdefault(level, Counter())[under_way[0]] += 1
        keep(book, kind, attempt)

    functions: list[Callable[..., object]] = [*shipped_functions().values()]
    functions += [*checks_below(attacks_folder()), *checks_among(functions)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Runner, "run", noting_run)
        patch.setattr(SecurityAccess, "before_key", noting_key)
        patch.setattr(LISTENERS, "count", noting_count)
        patch.setattr(KeyBook, "keep", noting_kind)
        run_checks(functions, target_of(counting_hardened), seed=seed, depth=depth)
    return account


@pytest.fixture(scope="module")
def quick() -> Account:
    return spent_by_an_audit(Depth.QUICK)


def test_a_quick_audit_spends_sixty_wrong_keys_a_level_at_most(quick: Account) -> None:
    assert {level: quick.compared[level] <= 60 for level in LEVELS} == dict.fromkeys(LEVELS, True), quick.by_check
    assert max(quick.sent[level] for level in LEVELS) <= 140, "with those that no ECU compares"


@pytest.mark.parametrize("level", LEVELS)
def test_each_kind_of_wrong_key_is_spent_once(quick: Account, level: int) -> None:
    assert set(quick.kinds[level].values()) == {1}
    assert sum("flipped" in kind and "bit of two" not in kind for kind in quick.kinds[level]) == 16
    assert {"a key by chance", "the seed inverted", "the key of the seed before"} <= set(quick.kinds[level])


@pytest.mark.parametrize("level", LEVELS)
def test_a_wrong_key_that_is_of_no_kind_that_is_due_is_accounted_for(quick: Account, level: int) -> None:
    rest = quick.by_check[level] - quick.of_kind[level]
    assert rest.pop("SA-32") == len(BLANK)
    rest.pop("FZ-04", 0)  # chance
    assert set(rest.items()) <= set(OF_NO_KIND.items())


def test_a_default_audit_spends_two_hundred_and_fifty_at_most() -> None:
    account = spent_by_an_audit(Depth.DEFAULT)
    assert {level: account.compared[level] <= 250 for level in LEVELS} == dict.fromkeys(LEVELS, True), account.by_check
    assert max(account.sent[level] for level in LEVELS) <= 330, "with those that no ECU compares"


@pytest.mark.thorough
@pytest.mark.parametrize("seed", [2, 3, 4, 5])
def test_whatever_chance_has_sixty_are_enough(seed: int) -> None:
    account = spent_by_an_audit(Depth.QUICK, seed)
    assert {level: account.compared[level] <= 60 for level in LEVELS} == dict.fromkeys(LEVELS, True), account.by_check
