"""Make the JSON Schema of audit.json from the dataclasses and the docstrings of their fields.

``python -m tests.report.audit_schema`` writes the schema to the place from which it is shipped.
"""

import ast
import inspect
import json
import re
import types
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from harness.report import conclusion
from harness.runs.findings import SCHEMA_VERSION, Finding, Met, RunInfo
from harness.verdict import Severity, Verdict

SHIPPED: Final = Path(conclusion.__file__).parent / "schemas" / "audit.schema.json"

PINNED: Final = {
    Finding: ("expected", "observed", "reason", "notes", "exchanges", "repeat"),
    RunInfo: ("finished_utc", "interrupted"),
}
"""Fields with a default that every audit.json nevertheless has; newer fields may be absent."""

MEANINGS: Final = {
    Verdict: conclusion.VERDICT_MEANINGS,
    Severity: conclusion.SEVERITY_MEANINGS,
}
SCALARS: Final = {str: "string", int: "integer", float: "number", bool: "boolean"}


def audit_schema() -> dict[str, Any]:
    """Return the schema as it is shipped."""
    definitions: dict[str, Any] = {}
    run = _dataclass(RunInfo, definitions, without=("target",))
    _described(Finding, definitions)
    described = _field_texts(RunInfo)
    count = {"type": "integer", "minimum": 0}
    summary = {
        "results": {**count, "description": "How many results there are."},
        "verdict": _counts("Results by verdict.", Verdict),
        "severity": _counts("Failures that are not accepted, by severity.", Severity),
        "accepted": {**count, "description": "Failures that the target file accepts."},
    }
    requirements = {
        "type": "object",
        "description": "Whether each of the user's own requirements is met, by its id.",
        "additionalProperties": {"enum": list(get_args(Met))},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:uds-harness:audit:{SCHEMA_VERSION}",
        "title": "audit.json of uds-harness",
        "description": "One audit of an ECU: what was tested, with what verdict, on which evidence. Keys that are not named "
        "here may be added by a later version; a reader leaves them out.",
        "type": "object",
        "required": ["schema_version", "target", "run", "results", "summary"],
        "properties": {
            "schema_version": {
                "const": SCHEMA_VERSION,
                "description": "Raised when a key is taken away or changes its meaning, not when one is added.",
            },
            "target": {"type": "object", "description": described["target"]},
            "run": run,
            "results": {
                "type": "array",
                "description": "Every result, in the order in which the checks ended; one for each id and parameter.",
                "items": {"$ref": "#/$defs/Finding"},
            },
            "summary": {
                "type": "object",
                "description": "The counts.",
                "required": list(summary),
                "properties": {**summary, "requirements": requirements},
            },
        },
        "$defs": dict(sorted(definitions.items())),
    }


def text_of(schema: dict[str, Any]) -> str:
    """Return the text of the schema's file."""
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def _counts(description: str, kinds: type[Enum]) -> dict[str, Any]:
    names = [str(kind.value) for kind in kinds]
    return {
        "type": "object",
        "description": description,
        "required": names,
        "properties": {name: {"type": "integer", "minimum": 0} for name in names},
    }


def _described(shape: type, definitions: dict[str, Any]) -> dict[str, str]:
    if shape.__name__ not in definitions:
        definitions[shape.__name__] = {}
        definitions[shape.__name__] = _dataclass(shape, definitions)
    return {"$ref": f"#/$defs/{shape.__name__}"}


def _dataclass(shape: type, definitions: dict[str, Any], without: tuple[str, ...] = ()) -> dict[str, Any]:
    hints, texts = get_type_hints(shape), _field_texts(shape)
    properties = {}
    required = []
    for field in fields(shape):
        if field.name in without:
            continue
        if field.name not in texts:
            raise TypeError(f"harness/runs/findings.py: write a docstring below {shape.__name__}.{field.name}: what is it?")
        properties[field.name] = {**_schema(hints[field.name], definitions), "description": texts[field.name]}
        has_default = field.default is not MISSING or field.default_factory is not MISSING
        if not has_default or field.name in PINNED.get(shape, ()):
            required.append(field.name)
    description = _in_json_words(shape.__doc__ or "")
    return {"type": "object", "description": description, "required": required, "properties": properties}


def _schema(shape: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    if shape is Any:
        return {}
    if is_dataclass(shape):
        return dict(_described(shape, definitions))
    if shape in SCALARS:
        return {"type": SCALARS[shape]}
    if isinstance(shape, type) and issubclass(shape, Enum):
        return dict(_enum(shape, definitions))
    origin, arguments = get_origin(shape), get_args(shape)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (types.UnionType, Union):
        return {"anyOf": [{"type": "null"} if one is type(None) else _schema(one, definitions) for one in arguments]}
    if origin is tuple and arguments[-1] is Ellipsis:
        return {"type": "array", "items": _schema(arguments[0], definitions)}
    if origin is tuple:
        items = [_schema(one, definitions) for one in arguments]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(arguments[1], definitions) or True}
    raise TypeError(f"no JSON Schema is known for {shape}")


def _enum(shape: type[Enum], definitions: dict[str, Any]) -> dict[str, str]:
    meanings = MEANINGS[shape]  # type: ignore[index]
    definitions[shape.__name__] = {
        "description": _in_json_words(shape.__doc__ or ""),
        "oneOf": [{"const": one.value, "description": meanings[one]} for one in shape],  # type: ignore[index]
    }
    return {"$ref": f"#/$defs/{shape.__name__}"}


def _field_texts(shape: type) -> dict[str, str]:
    """Return the docstrings below a dataclass's fields, by field."""
    return dict(_docstrings(ast.parse(inspect.getsource(shape)).body[0]))


def _docstrings(node: ast.stmt) -> Iterator[tuple[str, str]]:
    assert isinstance(node, ast.ClassDef)
    for field, after in zip(node.body, node.body[1:], strict=False):
        match field, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, _in_json_words(text)


def _in_json_words(docstring: str) -> str:
    return re.sub(r"\bNone\b", "null", inspect.cleandoc(docstring)).replace("``", "`")


if __name__ == "__main__":
    SHIPPED.parent.mkdir(exist_ok=True)
    SHIPPED.write_text(text_of(audit_schema()), encoding="utf-8")
