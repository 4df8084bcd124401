"""Check what a target names outside the bus: key functions, commands, files. Nothing is sent to the ECU."""

import shlex
import shutil
from collections.abc import Iterator

from harness.doctor.diagnosis import Diagnosis, failure, note, ok
from harness.errors import KeyFunctionError, UserError
from harness.target import SecurityLevel, Target
from harness.tester.keys import key_function

SEED_BYTES = (4, 8, 16, 5)
"""Usual seed lengths in bytes; the ECU's own length is unknown, since no seed is requested."""


def keys(target: Target) -> Iterator[Diagnosis]:
    """Call each key function with made-up seeds, and name the levels that have none."""
    for level in target.security:
        if level.key is not None:
            yield _key(level, target)
        else:
            why = "none is declared; what needs a key will not be judged"
            yield note(f"the key function of level 0x{level.level:02X}", why, "uds-harness docs keys")


def _key(level: SecurityLevel, target: Target) -> Diagnosis:
    what = f"the key function of level 0x{level.level:02X}"
    told = ""
    try:
        function = key_function(level, target.folder)
        assert function is not None
        lengths = SEED_BYTES if level.secret is None or level.key != "article" else (len(level.secret.reveal()),)
        for length in lengths:
            try:
                key = function(bytes(range(1, length + 1)), level.level)
            except KeyFunctionError as error:
                told = told or str(error)
                if "no answer within" in told or "timed out" in told:
                    break  # else each further seed would be waited for as long
            else:
                return ok(what, f"a key of {len(key)} bytes for a seed of {length}")
    except UserError as error:
        return failure(what, str(error), _where(target))
    return failure(what, f"it failed with each of some made-up seeds: {told}", _where(target))


def programs(target: Target) -> Iterator[Diagnosis]:
    """Check that the programs and files of [reset] and [observe] exist. None of them is started."""
    commands = {
        "reset.command": target.reset.command,
        "reset.power": target.reset.power,
        "observe.console": target.observe.console,
        "observe.memory": target.observe.memory,
    }
    for key, value in commands.items():
        if value is None or not value.startswith("command:"):
            continue
        program = shlex.split(value.removeprefix("command:"))[0]
        if shutil.which(program) is None:
            yield failure(key, f"there is no program {program}", f"command -v {shlex.quote(program)}", _where(target))
        else:
            yield ok(key, f"{program} is there")
    files = {"observe.image": target.observe.image, "observe.other_unit": target.observe.other_unit}
    for key, name in files.items():
        if name is None or name == "simulated":
            continue
        path = target.folder / name
        if path.exists():
            yield ok(key, f"{name} is there")
        else:
            yield failure(key, f"there is no {path}", _where(target))


def _where(target: Target) -> str:
    return f"see {target.path}" if target.path is not None else "see the target"
