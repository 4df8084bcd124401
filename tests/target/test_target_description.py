"""Prove that the target file's page, its editor schema and a new file agree with the validation."""

import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from harness.cli.main import main
from harness.errors import UserError
from harness.target import load_target, load_text, shipped_targets
from harness.target.describe import json_schema, permissions, tables, template
from tests.samples import documents

VALIDATOR = jsonschema.Draft7Validator(json_schema())


def test_the_page_and_the_schema_are_those_of_the_code() -> None:
    for path, text in documents():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is stale: python -m tests.samples"


def test_every_key_says_what_it_means() -> None:
    silent = [f"{table.header} {key.name}" for table in tables() for key in table.keys if len(key.meaning) < 10]
    assert not silent
    assert set(permissions()) == {"lockout", "write", "reset", "power", "functional", "destructive"}


@pytest.mark.parametrize("path", shipped_targets().values(), ids=lambda path: path.stem)
def test_a_shipped_target_follows_the_schema(path: Path) -> None:
    VALIDATOR.validate(tomllib.loads(path.read_text(encoding="utf-8")))


CAN = {"interface": "socketcan", "channel": "can0", "request_id": 0x7E0, "response_id": 0x7E8}


@pytest.mark.parametrize(
    "mistake",
    [
        {},
        {"can": CAN | {"request_id": 0x2000_0000}},
        {"can": CAN | {"request_id": "0x7E0"}},
        {"can": CAN | {"colour": 1}},
        {"can": CAN, "colour": {}},
        {"can": CAN, "timing": {"p2_ms": "fast"}},
        {"can": CAN, "security": [{"level": 2}]},
        {"can": CAN, "security": {"level": 1}},
        {"can": CAN, "data": [{"length": 1}]},
        {"can": CAN, "data": [{"did": 0x2020, "write": "nobody"}]},
        {"can": CAN, "safety": {"allow": ["everything"]}},
        {"can": CAN, "safety": {"allow": ["write", "write"]}},
        {"can": CAN, "accepted": [{"id": "SA-09", "reason": "because"}]},
        {"can": CAN, "quirks": {"malformed_invalid_key": 1}},
    ],
    ids=str,
)
def test_what_the_schema_refuses_is_refused_when_it_is_read(mistake: dict[str, Any]) -> None:
    assert list(VALIDATOR.iter_errors(mistake))
    with pytest.raises(UserError):
        load_text(_toml(mistake), "mistake.toml")


def _toml(tables_: dict[str, Any]) -> str:
    lines = []
    for name, table in tables_.items():
        for entry in table if isinstance(table, list) else [table]:
            lines.append(f"[[{name}]]" if isinstance(table, list) else f"[{name}]")
            lines += [f"{key} = {_value(value)}" for key, value in entry.items()]
    return "\n".join(lines)


def _value(value: Any) -> str:
    return str(value) if isinstance(value, int) else repr(value).replace("'", '"')


def test_a_new_file_can_be_used_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "my gateway.toml"
    assert main(["target", "new", str(path)]) == 0
    target = load_target(path)
    assert (target.name, target.environment, target.safety.allow) == ("my-gateway", "bench", frozenset())
    first_line = path.read_text(encoding="utf-8").splitlines()[0]
    assert Path(first_line.removeprefix("#:schema ")).is_file()
    assert main(["target", "new", str(path)]) == 4
    assert "exists already" in capsys.readouterr().err


def test_each_example_in_a_new_file_is_a_value_that_its_rule_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAME", "hex:01")
    for table in tables():
        for key in table.keys:
            value = tomllib.loads(f"one = {key.example}")["one"]
            if "…" not in key.example:
                key.rule.parse(value)
    assert all(
        f"# {key.name}: " in template("ecu", "x.json") for table in tables() for key in table.keys if key.name != "origin"
    )


def test_the_documents_are_shown_and_an_unknown_page_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["docs"]) == 0
    assert "target-file" in capsys.readouterr().out
    assert main(["docs", "target-file"]) == 0
    assert capsys.readouterr().out.startswith("# The target file")
    assert main(["docs", "target-flie"]) == 4
    assert "did you mean target-file?" in capsys.readouterr().err
