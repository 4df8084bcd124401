"""Collect the secrets that a run knows before anything is sent: those that the target declares, and the recorded pairs."""

import json
import shlex
from collections.abc import Collection
from contextlib import suppress
from typing import Final

from harness.errors import UserError
from harness.link.addressing import book_of
from harness.link.clock import Chance, system_random_bytes
from harness.measurements.other_unit import SIMULATED
from harness.measurements.other_unit import read_pairs as read_other_pairs
from harness.measurements.pairs import read_pairs
from harness.runs.redaction import HIDEABLE, Redactor, Vocabulary
from harness.runs.redaction.vocabulary import SecretKind
from harness.target import Target, shipped_targets
from harness.target.values import without_arguments

KEY_BYTES: Final = 32


def redactor_of(target: Target, seed: int, hidden: Collection[str], words: Vocabulary | None = None) -> Redactor:
    """Create the redactor that removes the target's secrets, and what `hidden` names (see HIDEABLE), from a run's files.

    The placeholders of a shipped target, whose secrets are published, are the same for the same seed. `words` is the
    vocabulary of a resumed run. Raises UserError if recorded pairs cannot be read.
    """
    is_published = target.is_simulated and target.path in shipped_targets().values()
    key = Chance(seed).stream("redaction").random_bytes(KEY_BYTES) if is_published else system_random_bytes(KEY_BYTES)
    dids = {HIDEABLE[name] for name in hidden} | {entry.did for entry in target.data if entry.secret}
    redactor = Redactor(Vocabulary(key, dids, book_of(target)) if words is None else words)
    for hook in target.hooks:
        shown = without_arguments(hook)
        for quoted in (hook, shlex.quote(hook)[1:-1], json.dumps(hook)[1:-1], json.dumps(hook, ensure_ascii=False)[1:-1]):
            redactor.hooks[quoted] = shown
    for entry in target.security:
        if entry.secret is not None:
            redactor.words.learn(entry.secret.reveal(), SecretKind.LASTING)
        for seed_bytes, right_key in read_pairs(target, entry.pairs) if entry.pairs is not None else ():
            redactor.learn_key(right_key, seed_bytes, True)
    if target.observe.other_unit not in (None, SIMULATED):
        with suppress(UserError):  # the check that needs the file reports what is wrong with it
            for _, seed_bytes, right_key in read_other_pairs(target.folder / str(target.observe.other_unit)):
                redactor.learn_key(right_key, seed_bytes, True)
    return redactor


def hidden_names(written: str) -> tuple[str, ...]:
    """Parse the user's list of data to hide, such as ``vin,serial``. Raises UserError if a name is unknown."""
    names = tuple(dict.fromkeys(name.strip() for name in written.split(",") if name.strip()))
    for name in names:
        if name not in HIDEABLE:
            raise UserError(f'"{name}" cannot be hidden; give any of {", ".join(HIDEABLE)}, with commas between')
    return names
