"""Report settings of a target that contradict each other, though each is valid by itself."""

from collections.abc import Iterable
from typing import Final

from harness.target.addressing import report_addressing
from harness.target.model import Target
from harness.target.toml_schema import REDACTED, Problems, shown
from harness.target.values import BUILT_IN_KEYS, Access

ARTICLE_SECRET_BYTES: Final = 5


def report_contradictions(target: Target, problems: Problems) -> None:
    """Report every contradiction. A setting that already has a problem is None here, and is not judged again."""
    _environment(target, problems)
    _addresses(target, problems)
    _duplicates(target, problems)
    _sessions(target, problems)
    _preconditions(target, problems)
    _keys(target, problems)
    _levels(target, problems)
    _entries(target, problems)


def _environment(target: Target, problems: Problems) -> None:
    if problems.touch("target.environment", "can.interface"):
        return
    if target.is_simulated and target.environment == "bench":
        problems.add("target.environment", 'is "bench", but can.interface is "uds-sim"; give "simulated"')
    if not target.is_simulated and target.environment == "simulated":
        sentence = f'is "simulated" (the default), but can.interface is {shown(target.can.interface)}'
        problems.add("target.environment", f'{sentence}; a real bus needs environment = "bench"')
    if not target.is_simulated and target.observe.other_unit == "simulated":
        problems.add("observe.other_unit", 'is "simulated", but the bus is not; give a file of pairs or leave it out')
    if not target.is_simulated and target.reset.power == "simulated":
        problems.add("reset.power", 'is "simulated", but the bus is not; give "command: …" or leave it out')


def _addresses(target: Target, problems: Problems) -> None:
    can = target.can
    if can.data_bitrate is not None and can.fd is False:
        problems.add("can.data_bitrate", f"is {can.data_bitrate}, but fd is false; give fd = true or leave it out")
    if not problems.touch("can.addressing"):
        report_addressing(can, problems)
    ids = {"request_id": can.request_id, "response_id": can.response_id, "functional_id": can.functional_id}
    if can.functional_address is not None and can.functional_id == can.request_id:
        del ids["functional_id"]  # the first byte tells physical from functional requests
    seen: dict[int, str] = {}
    for key, can_id in ids.items():
        if can_id is None:
            continue
        value = shown(can_id, is_hex=True)
        if can.extended_ids is False and can_id > 0x7FF:
            problems.add(f"can.{key}", f"is {value}, which has more than 11 bits; give extended_ids = true")
        elif can_id in seen:
            problems.add(f"can.{key}", f"is {value}, the same as can.{seen[can_id]}; give another id")
        seen.setdefault(can_id, key)


def _duplicates(target: Target, problems: Problems) -> None:
    _twice("session", "id", [entry.id for entry in target.sessions], problems)
    _twice("security", "level", [entry.level for entry in target.security], problems)
    _twice("data", "did", [entry.did for entry in target.data], problems)
    accepted = [entry.id if entry.parameter is None else f"{entry.id} [{entry.parameter}]" for entry in target.accepted]
    _twice("accepted", "id", accepted, problems)
    _twice("requirement", "id", [entry.id for entry in target.requirements], problems)
    for table, entries in (("service", target.services), ("routine", target.routines), ("memory", target.memory)):
        _twice(table, "id", [entry.id for entry in entries], problems)
        _twice(table, "range", [str(entry.range) if entry.range else None for entry in entries], problems)


def _twice(table: str, key: str, values: Iterable[object], problems: Problems) -> None:
    first: dict[object, int] = {}
    for number, value in enumerate(values, 1):
        if value is not None and first.setdefault(value, number) != number:
            sentence = f"is {shown(value, is_hex=True)}, as in {table} #{first[value]}; declare it once"
            problems.add(f"{table} #{number}: {key}", sentence)


def _sessions(target: Target, problems: Problems) -> None:
    if problems.touch("session", "timing.s3_ms"):
        return
    has_sessions = target.timing.s3_ms is not None
    if target.sessions and not has_sessions:
        sentence = "is missing, which means no sessions, but [[session]] declares some; give milliseconds, e.g. 5000"
        problems.add("timing.s3_ms", sentence)
    declared = [entry.id for entry in target.sessions]
    for number, entry in enumerate(target.sessions, 1):
        if entry.via not in (None, 0x01) and (entry.via not in declared or entry.via == entry.id):
            names = ", ".join(shown(one, is_hex=True) for one in declared if one != entry.id) or "there is none"
            sentence = f"is {shown(entry.via, is_hex=True)}; give another session that is declared: {names}"
            problems.add(f"session #{number}: via", sentence)
    for number, level in enumerate(target.security, 1):
        sentence = f"is {shown(level.session, is_hex=True)}"
        if level.session is None:
            continue
        if declared and level.session not in declared:
            names = ", ".join(shown(one, is_hex=True) for one in declared)
            problems.add(f"security #{number}: session", f"{sentence}; give a session that is declared: {names}")
        elif not declared and not has_sessions and level.session != 0x01:
            advice = "but without timing.s3_ms the ECU has no sessions; give s3_ms, e.g. 5000"
            problems.add(f"security #{number}: session", f"{sentence}, {advice}")


def _preconditions(target: Target, problems: Problems) -> None:
    """Report undeclared levels in `before`, and levels that must be open before themselves, directly or through others."""
    if problems.touch("security", "session"):
        return
    tables = [(f"session #{number}", entry.before) for number, entry in enumerate(target.sessions, 1)]
    tables += [(f"security #{number}", entry.before) for number, entry in enumerate(target.security, 1)]
    for table, befores in tables:
        for before in befores:
            if before.is_functional and target.can.functional_id is None:
                problems.add(f"{table}: before", f'has "{before}", but there is no can.functional_id; give one')
            if before.level is not None and target.level(before.level) is None:
                problems.add(f"{table}: before", f'has "{before}"; declare level 0x{before.level:02X} in [[security]] too')
    for number, level in enumerate(target.security, 1):
        wanted = [level.level]
        for one in wanted:
            further = (before.level for before in target.before_level(one))
            wanted += [other for other in further if other is not None and other not in wanted]
        if any(before.level == level.level for one in wanted for before in target.before_level(one)):
            problems.add(f"security #{number}: before", f"leads back to level 0x{level.level:02X} itself; leave one out")


def _keys(target: Target, problems: Problems) -> None:
    for number, level in enumerate(target.security, 1):
        is_sound = not problems.touch(f"security #{number}: secret")
        if level.key in BUILT_IN_KEYS and level.secret is None and is_sound:
            sentence = f'is {shown(level.key)}, which takes a secret; give secret = "env:NAME" or "hex:…"'
            problems.add(f"security #{number}: key", sentence)
        if level.key == "article" and level.secret and len(level.secret.reveal()) != ARTICLE_SECRET_BYTES:
            sentence = f'is {REDACTED}; give {ARTICLE_SECRET_BYTES} bytes, which is what the key "article" takes'
            problems.add(f"security #{number}: secret", sentence)


def _levels(target: Target, problems: Problems) -> None:
    uses: list[tuple[str, Access | None]] = []
    for number, entry in enumerate(target.data, 1):
        uses += [(f"data #{number}: read", entry.read), (f"data #{number}: write", entry.write)]
    for table, entries in (("service", target.services), ("routine", target.routines), ("memory", target.memory)):
        uses += [(f"{table} #{number}: needs", entry.needs) for number, entry in enumerate(entries, 1)]
    declared = ", ".join(shown(level.level, is_hex=True) for level in target.security) or "none"
    if problems.name("security") or None in [level.level for level in target.security]:
        return
    for key, access in uses:
        if access is not None and access.level is not None and target.level(access.level) is None:
            problems.add(key, f'is "{access}"; give a level that [[security]] declares: {declared}')


def _entries(target: Target, problems: Problems) -> None:
    for number, requirement in enumerate(target.requirements, 1):
        if requirement.checks == ():
            problems.add(f"requirement #{number}: checks", 'is []; give the ids of checks that answer it, e.g. ["SA-09"]')
    for number, entry in enumerate(target.data, 1):
        if entry.values is not None and entry.length is not None and entry.values.lengths != {entry.length}:
            advice = f"give values of {entry.length} byte{'s' if entry.length > 1 else ''}, as length says"
            problems.add(f"data #{number}: values", f"is {shown(str(entry.values))}; {advice}")
    for table, entries in (("service", target.services), ("routine", target.routines), ("memory", target.memory)):
        for number, guarded in enumerate(entries, 1):
            if (guarded.id is None) == (guarded.range is None) and not problems.touch(f"{table} #{number}: "):
                what = "is missing" if guarded.id is None else "and range are both given"
                problems.add(f"{table} #{number}: id", f"{what}; give id or range")
