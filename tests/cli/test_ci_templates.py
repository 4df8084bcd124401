"""Prove that the steps given to CI systems run, leave the promised files, and end with the audit's exit code."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import junitparser
import pytest
import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[2]
SHELLS = {"github": ("bash", "--noprofile", "--norc", "-eo", "pipefail"), "gitlab": ("bash", "-eo", "pipefail")}
"""By CI system: how it calls the shell."""


def loaded(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def environment(folder: Path, **more: str) -> dict[str, str]:
    """An environment in which the harness is installed where the templates would install it."""
    for place in (folder / "uds-harness" / "bin", folder / ".uds-harness" / "bin"):
        place.mkdir(parents=True)
        (place / "uds-harness").symlink_to(Path(sys.executable).parent / "uds-harness")
    return {**os.environ, "RUNNER_TEMP": str(folder), **more}


def run(system: str, script: str, folder: Path, variables: dict[str, str]) -> int:
    return subprocess.run([*SHELLS[system], "-c", script], cwd=folder, env=variables, check=False).returncode


@pytest.mark.parametrize(("check", "code"), [("SA-09", 1), ("SA-03", 0)])
def test_the_action_for_github_summarizes_and_ends_as_the_audit(check: str, code: int, tmp_path: Path) -> None:
    action = loaded("action.yml")
    arguments = {name: one["default"] for name, one in action["inputs"].items()}
    assert arguments["target"] == "article"
    step = action["runs"]["steps"][-1]
    assert step["env"] == {name.upper(): f"${{{{ inputs.{name} }}}}" for name in ("target", "out", "arguments")}
    summary = tmp_path / "summary.md"
    variables = environment(
        tmp_path,
        TARGET=arguments["target"],
        OUT=arguments["out"],
        ARGUMENTS=f"--check {check} --depth quick",
        GITHUB_STEP_SUMMARY=str(summary),
    )
    assert run("github", step["run"], tmp_path, variables) == code
    assert summary.read_bytes() == (tmp_path / arguments["out"] / "summary.md").read_bytes() != b""


def test_the_job_for_gitlab_leaves_what_it_declares(tmp_path: Path) -> None:
    job = loaded("gitlab.yml")[".uds-harness"]
    given = {**job["variables"], "UDS_ARGUMENTS": "--check SA-09 --depth quick"}
    assert run("gitlab", "\n".join(job["script"]), tmp_path, environment(tmp_path, **given)) == 1
    for path in job["artifacts"]["paths"]:
        assert (tmp_path / path).stat().st_size
    suites = junitparser.JUnitXml.fromfile(str(tmp_path / job["artifacts"]["reports"]["junit"]))
    assert suites.failures == 1
