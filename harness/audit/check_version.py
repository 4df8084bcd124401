"""Compute a fingerprint of all that decides a check's verdict, so that results of two runs can be compared."""

import hashlib
import inspect
import linecache
from collections.abc import Callable, Iterator
from functools import cache
from types import CodeType, FunctionType
from typing import Any, Final

from harness.check import declared_attack

CASE: Final = "__uds_case_text__"
"""The attribute of a fuzz case's check with the case's text, and the Python function that yields its messages, if any."""

LENGTH: Final = 16


@cache
def check_version(function: Callable[..., object]) -> str:
    """Return hex digits that change with the check's code, its metadata, and the functions of its package that it calls.

    Explanations (title, rationale, sources) and comments around the check do not count. Empty if the source is missing.
    Code that checks share inside the harness is covered by the harness's version.
    """
    declared = declared_attack(function)
    text, source_of = getattr(function, CASE, ("", function))
    parts = [] if source_of is None else list(_sources(source_of))
    if declared is None or "" in parts:
        return ""
    judged_by = (declared.id, declared.severity.value, declared.basis, declared.needs, declared.uses, declared.unlocks)
    return hashlib.sha256("\0".join([repr(judged_by), text, *parts]).encode()).hexdigest()[:LENGTH]


def _sources(function: Callable[..., object]) -> Iterator[str]:
    """Yield the source of a function, then those of all functions and plain constants that it uses from its own package."""
    waiting: list[object] = [inspect.unwrap(function)]
    known: set[int] = set()
    while waiting:
        one = waiting.pop(0)
        if not isinstance(one, FunctionType) or id(one.__code__) in known:
            continue
        known.add(id(one.__code__))
        texts, used = _own_sources(one)
        yield from texts
        waiting += used


@cache
def _own_sources(function: FunctionType) -> tuple[tuple[str, ...], tuple[FunctionType, ...]]:
    """Return the source of one function with its plain constants, and the functions of its own package that it uses."""
    texts, used = [_source(function.__code__)], []
    for name in sorted(set(_names(function.__code__))):
        value = function.__globals__.get(name)
        if isinstance(value, FunctionType) and _package(value) == _package(function):
            used.append(value)
        elif _is_plain(value):
            texts.append(f"{name} = {value!r}")
    return tuple(texts), tuple(used)


def _source(code: CodeType) -> str:
    """Return a function's lines without its decorators, whose metadata is compared field by field."""
    lines = linecache.getlines(code.co_filename)[code.co_firstlineno - 1 : _last_line(code)]
    begins = (number for number, line in enumerate(lines) if line.lstrip().startswith(("def ", "async def ", "lambda ")))
    return "".join(lines[next(begins, 0) :])


def _last_line(code: CodeType) -> int:
    ends = [end for _, end, _, _ in code.co_positions() if end is not None]
    return max([*ends, *(_last_line(inner) for inner in code.co_consts if isinstance(inner, CodeType))])


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)


def _package(function: FunctionType) -> str:
    return (function.__module__ or "").partition(".")[0]


def _is_plain(value: Any) -> bool:
    """Whether the value has the same text in every process."""
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    return isinstance(value, str | bytes | int | float)
