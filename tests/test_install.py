"""Prove that a first `make test` shows its progress: requirements/install.py reads the output of pip."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[1] / "requirements" / "install.py"

PIP_SAYS = """\
Looking in indexes: https://pypi.org/simple
Ignoring colorama: markers 'sys_platform == "win32"' don't match your environment
Collecting pytest-html==4.2.0 (from -r requirements/audit.lock (line 9))
  Downloading pytest_html-4.2.0-py3-none-any.whl (20 kB)
Processing /wheels/jinja2-3.1.6-py3-none-any.whl (from -r requirements/audit.lock (line 17))
Collecting scipy==1.17.1 (from -r requirements/audit.lock (line 30))
  Downloading scipy-1.17.1-cp311-cp311-manylinux_2_27_x86_64.whl (35.3 MB)
Installing collected packages: jinja2, pytest-html, scipy
Successfully installed jinja2-3.1.6 pytest-html-4.2.0 scipy-1.17.1
""".splitlines()


@pytest.fixture
def install() -> ModuleType:
    spec = importlib.util.spec_from_file_location("install", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_each_package_is_named_and_counted(install: ModuleType) -> None:
    progress = install.Progress(4, is_a_step=True)
    assert [said for line in PIP_SAYS if (said := progress.take(line))] == [
        "fetching 1 of at most 4: pytest-html 4.2.0",
        "fetching 2 of at most 4: jinja2 3.1.6",
        "fetching 3 of at most 4: scipy 1.17.1",
        "fetching 3 of at most 4: scipy 1.17.1, 35.3 MB",
        "step 3 of 4: unpacking 3 packages",
    ]
    assert progress.still(15.0, 2) == "unpacking 3 packages, 2 are there (15 s)"


def test_a_long_download_is_said_to_go_on(install: ModuleType) -> None:
    progress = install.Progress(4, is_a_step=True)
    for line in PIP_SAYS[:7]:
        progress.take(line)
    assert progress.still(5.0, 0) == "fetching 3 of at most 4: scipy 1.17.1, 35.3 MB (5 s)"


@pytest.mark.parametrize("group", ["audit", "test", "bench"])
def test_packages_that_are_locked_for_several_machines_count_once(install: ModuleType, group: str) -> None:
    text = (SCRIPT.parent / f"{group}.lock").read_text()
    assert text.count("\nnumpy==") == 2
    names = {line.split("==")[0] for line in text.splitlines() if "==" in line and line[0].isalnum()}
    assert install.locked(group) == len(names)


def test_what_pip_says_is_shown_if_it_fails_and_silence_is_broken(
    install: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pip = "import time; print('Collecting scapy==2.8.0', flush=True); time.sleep(0.3); print('no such hash'); exit(3)"
    monkeypatch.setattr(install, "PIP", (sys.executable, "-c", pip))
    monkeypatch.setattr(install, "EVERY_S", 0.05)
    assert install.main("audit") == 3
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert lines[0] == "step 2 of 4: fetching what requirements/audit.lock names"
    assert any("scapy 2.8.0 (" in line for line in lines)
    assert said.err == "Collecting scapy==2.8.0\nno such hash\n"
