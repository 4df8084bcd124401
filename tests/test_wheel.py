"""Prove that an installed wheel does not affect another project's pytest, whatever that project's folders are called."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a new environment with a wheel of this source; its dependencies come from this environment."""
    place = tmp_path_factory.mktemp("wheel")
    source = place / "source"
    source.mkdir()
    for name in ("harness", "attacks", "uds_harness_pytest.py", "pyproject.toml", "README.md", "LICENSE"):
        (source / name).symlink_to(ROOT / name)
    words = ["-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(place), str(source)]
    subprocess.run([sys.executable, *words], check=True, capture_output=True)
    (wheel,) = place.glob("*.whl")
    venv.create(place / "venv", with_pip=False)
    installed = Path(sysconfig.get_path("purelib", vars={"base": str(place / "venv")}))
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(installed), str(wheel)],
        check=True,
        capture_output=True,
    )
    lent = installed / "lent"
    lent.mkdir()
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if "uds_harness" not in path.name:
            (lent / path.name).symlink_to(path)
    (installed / "lent.pth").write_text(f"{lent}\n")
    return place / "venv" / "bin" / "python"


def run_in(folder: Path, python: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTEST_ADDOPTS")}
    done = subprocess.run([python, *words], cwd=folder, capture_output=True, text=True, env=environment, check=False)
    assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    return done


@pytest.fixture
def stranger(tmp_path: Path) -> Path:
    """Another project, whose packages have the names of ours."""
    for package in ("harness", "attacks"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text(f"MINE = {package!r}\n")
    (tmp_path / "attacks" / "test_theirs.py").write_text("def test_theirs(): assert True\n")
    (tmp_path / "case.toml").write_text("[[case]]\n")
    (tmp_path / "test_mine.py").write_text(
        "import sys\nimport attacks, harness\n\n"
        "def test_ours_is_ours():\n"
        "    assert (harness.MINE, attacks.MINE) == ('harness', 'attacks')\n"
        "    assert not [name for name in sys.modules if name.startswith(('harness.', 'scapy', 'can.'))]\n"
    )
    return tmp_path


def leaves_alone(stranger: Path, python: Path) -> None:
    done = run_in(stranger, python, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_another_projects_pytest_is_left_alone(stranger: Path) -> None:
    leaves_alone(stranger, Path(sys.executable))


@pytest.mark.thorough
def test_another_projects_pytest_is_left_alone_by_a_wheel(python: Path, stranger: Path) -> None:
    leaves_alone(stranger, python)


@pytest.mark.thorough
def test_an_audit_where_the_name_leads_elsewhere_is_refused_in_a_line(python: Path, stranger: Path) -> None:
    done = run_in(stranger, python, "-m", "pytest", "-q", "--uds-target", "article")
    assert done.returncode == 4
    assert "an audit needs the package harness of uds-harness, and that name leads to" in done.stderr


@pytest.mark.thorough
def test_the_command_works_beside_such_folders(python: Path, stranger: Path) -> None:
    command = str(next((python.parent.parent / "lib").glob("python*/site-packages/bin/uds-harness")))
    done = run_in(stranger, python, command, "audit", "article", "-k", "CF-02", "--depth", "quick")
    assert "CF-02" in done.stdout, done.stderr
    assert done.returncode == 1


@pytest.mark.thorough
def test_the_shipped_checks_are_found_in_the_installation(python: Path, tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text("def test_mine(): pass\n")
    shipped = next((python.parent.parent / "lib").glob("python*/site-packages/attacks"))
    done = run_in(tmp_path, python, "-m", "pytest", str(shipped), "-k", "CF-02", "-q", "-p", "no:randomly")
    assert done.returncode == 1, done.stdout + done.stderr
    assert list((tmp_path / "reports").glob("*/audit.json"))
