"""Turn plain JSON values into typed, frozen dataclasses, or say where the values do not fit the dataclass."""

import types
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from harness.errors import ShapeError

T = TypeVar("T")


def from_json(shape: type[T], value: object, where: str) -> T:
    """Convert the value to the dataclass ``shape``.

    Keys that the dataclass does not have are left out: a later version may have added them. ``where`` names the value in
    errors, e.g. ``results[3]``.
    """
    return cast(T, _convert(shape, value, where))


def _convert(shape: Any, value: Any, where: str) -> Any:
    if shape is Any:
        return value
    if is_dataclass(shape):
        return _dataclass(cast(type, shape), value, where)
    if isinstance(shape, type) and issubclass(shape, Enum):
        return shape(_one_of([member.value for member in shape], value, where))
    origin, arguments = get_origin(shape), get_args(shape)
    if origin is Literal:
        return _one_of(list(arguments), value, where)
    if origin in (types.UnionType, Union):
        if value is None and type(None) in arguments:
            return None
        (inner,) = (one for one in arguments if one is not type(None))
        return _convert(inner, value, where)
    if origin is tuple:
        listed = _instance(list, value, where)
        return tuple(_convert(arguments[0], item, f"{where}[{index}]") for index, item in enumerate(listed))
    if origin is dict:
        table = _instance(dict, value, where)
        return {str(key): _convert(arguments[1], item, f"{where}.{key}") for key, item in table.items()}
    return _instance(shape, value, where)


def _dataclass(shape: type, value: Any, where: str) -> Any:
    table = _instance(dict, value, where)
    hints = get_type_hints(shape)
    given: dict[str, Any] = {}
    for field in fields(shape):
        if field.name in table:
            given[field.name] = _convert(hints[field.name], table[field.name], f"{where}.{field.name}")
        elif field.default is MISSING and field.default_factory is MISSING:
            raise ShapeError(f"{where}.{field.name} is missing")
    return shape(**given)


def _one_of(allowed: list[Any], value: Any, where: str) -> Any:
    if value not in allowed:
        raise ShapeError(f"{where} is {_short(value)}; allowed are {', '.join(map(str, allowed))}")
    return value


_WORDS: dict[type, str] = {
    str: "a string", int: "an integer", float: "a number", bool: "true or false", list: "a list", dict: "a table",
}  # fmt: skip


def _instance(kind: type, value: Any, where: str) -> Any:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ShapeError(f"{where} is {_short(value)}, not {_WORDS.get(kind, kind.__name__)}")
    return value


def _short(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 40 else text[:37] + "..."
