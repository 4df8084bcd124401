"""Prove that audit.json matches its published schema, and that the schema matches the code."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from harness.runs.findings import Run
from harness.runs.folder import audit_json

from .audit_schema import SHIPPED, audit_schema, text_of
from .formats import audit_faults, validator

SCHEMA = audit_schema()


@pytest.mark.parametrize("run_name", ["article", "hostile", "empty"])
def test_every_run_is_what_the_schema_says(run_name: str, request: pytest.FixtureRequest) -> None:
    run: Run = request.getfixturevalue(run_name)
    some = replace(run, findings=run.findings[:2] + run.findings[-2:])
    assert audit_faults(json.dumps(audit_json(some))) == []


def test_the_shipped_schema_is_that_of_the_code() -> None:
    expected = text_of(SCHEMA)
    assert SHIPPED.read_text(encoding="utf-8") == expected, "make it anew: python -m tests.report.audit_schema"


def test_the_schema_names_every_key_that_is_written(article: Run) -> None:
    unnamed = list(without_meaning(audit_json(article), SCHEMA, "audit"))
    assert unnamed == []


def without_meaning(value: Any, schema: dict[str, Any], where: str) -> Any:
    """Return the keys that a document has and its schema does not name."""
    if "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
    if isinstance(value, dict) and "properties" in schema:
        for key, inner in value.items():
            if key not in schema["properties"]:
                yield f"{where}.{key}"
            else:
                yield from without_meaning(inner, schema["properties"][key], f"{where}.{key}")
    elif isinstance(value, list) and "items" in schema:
        for inner in value[:3]:
            yield from without_meaning(inner, schema["items"], f"{where}[]")


def test_every_key_says_what_it_means() -> None:
    def silent(schema: Any, where: str) -> Any:
        if isinstance(schema, dict):
            for name, inner in schema.get("properties", {}).items():
                is_count = where.endswith((".verdict", ".severity"))
                if not is_count and not inner.get("description"):
                    yield f"{where}.{name}"
            for name, inner in schema.items():
                yield from silent(inner, f"{where}.{name}")

    assert list(silent(SCHEMA, "")) == []


@pytest.mark.parametrize(
    ("said", "damage"),
    [
        ("'verdict' is a required property", lambda document: document["results"][0].pop("verdict")),
        ("is not valid under any of the given", lambda document: document["results"][0].update(verdict="fine")),
        ("is not valid under any of the given", lambda document: document["results"][0].update(severity="severe")),
        ("'folklore' is not one of", lambda document: document["results"][0].update(basis="folklore")),
        ("1 is not of type 'string'", lambda document: document["results"][0].update(id=1)),
        ("is not valid under any of the given", lambda document: document["results"][0].update(parameter=3)),
        ("'exchanges' is a required property", lambda document: document["results"][0].pop("exchanges")),
        ("'frames' is a required property", lambda document: document["results"][1]["exchanges"][0].pop("frames")),
        ("'seed' is a required property", lambda document: document["run"].pop("seed")),
        ("'versions' is a required property", lambda document: document["run"].pop("versions")),
        ("'summary' is a required property", lambda document: document.pop("summary")),
        ("-1 is less than the minimum", lambda document: document["summary"]["verdict"].update({"pass": -1})),
        ("1 was expected", lambda document: document.update(schema_version=2)),
        ("[] is not of type 'object'", lambda document: document.update(target=[])),
    ],
)
def test_a_damaged_file_is_refused(said: str, damage: Callable[[Any], object], article: Run) -> None:
    document = json.loads(json.dumps(audit_json(article)))
    damage(document)
    assert any(said in fault for fault in audit_faults(json.dumps(document)))


def test_what_an_older_version_did_not_write_yet_is_not_demanded(article: Run) -> None:
    document = json.loads(json.dumps(audit_json(article)))
    for newer in ("check_version", "requirements", "permitted"):
        for result in document["results"]:
            result.pop(newer, None)
    assert audit_faults(json.dumps(document)) == []


def test_the_schema_lies_where_programs_find_it() -> None:
    from importlib.resources import files

    shipped = json.loads(files("harness.report").joinpath("schemas/audit.schema.json").read_text(encoding="utf-8"))
    assert shipped["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    validator(SHIPPED)
