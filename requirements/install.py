"""Install this project and the packages that a lock file names, and show the progress: ``python requirements/install.py
GROUP``.

Runs in the new environment, so it needs nothing but Python and pip.
"""

from __future__ import annotations

import os
import queue
import re
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
STEPS = 4
"""How many steps the installation has; the first makes the environment, and is done by the Makefile."""

EVERY_S = 5.0
"""After how many seconds without news the progress is said once more."""

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--progress-bar", "off")
PIP += ("--no-compile",)  # pip would compile one file after the other, on one core
COMPILE = (sys.executable, "-m", "compileall", "-qq", "-j", "0", sysconfig.get_path("purelib"))


class Progress:
    """Turn pip's output into progress: a line for each package that pip fetches, then how many it has unpacked."""

    def __init__(self, count: int, *, is_a_step: bool) -> None:
        self.count = count
        """How many packages the lock file names; some of them may be for other machines."""
        self.fetched = 0
        self.doing = "looking at what is there already"
        self.is_unpacking = False
        self._head = f"step 3 of {STEPS}: " if is_a_step else ""

    def take(self, line: str) -> str:
        """Take one line of pip's output; return what to say of it, empty if it tells nothing new."""
        if package := re.match(r"Collecting ([\w.-]+)==([^\s;]+)|Processing \S*?([\w.]+)-([^\s-]+)-\S+\.whl", line):
            self.fetched += 1
            self.doing = (
                f"fetching {self.fetched} of at most {self.count}: {package[1] or package[3]} {package[2] or package[4]}"
            )
            return self.doing
        if size := re.match(r" *Downloading \S+ \(([\d.]+ [MG]B)", line):
            self.doing += f", {size[1]}"
            return self.doing
        if line.startswith("Installing collected packages"):
            self.is_unpacking = True
            self.count = line.count(",") + 1
            self.doing = f"unpacking {self.count} packages"
            return self._head and self._head + self.doing
        return ""

    def still(self, seconds: float, unpacked: int) -> str:
        """Return what to say when pip has printed nothing for so many seconds."""
        done = f", {min(unpacked, self.count)} are there" if self.is_unpacking else ""
        return f"{self.doing}{done} ({seconds:.0f} s)"


def locked(group: str) -> int:
    """Return how many packages the lock file of a group names."""
    text = (ROOT / "requirements" / f"{group}.lock").read_text(encoding="utf-8")
    return len(set(re.findall(r"^([\w.-]+)==", text, re.MULTILINE)))


def main(group: str) -> int:
    """Install the group and this project; return pip's exit code. Pip's output is shown if it fails."""
    progress = Progress(locked(group), is_a_step=True)
    _say(f"step 2 of {STEPS}: fetching what requirements/{group}.lock names")
    code = _run((*PIP, "--require-hashes", "-r", f"requirements/{group}.lock"), progress)
    if not code:
        _say(f"step 4 of {STEPS}: installing uds-harness itself")
        code = _run((*PIP, "--no-deps", "--no-build-isolation", "--editable", "."), Progress(1, is_a_step=False))
        subprocess.run(COMPILE, check=False)  # a file that cannot be compiled, such as a template, is none that is imported
    return code


def _run(words: tuple[str, ...], progress: Progress) -> int:
    there_before = _packages()
    lines = []
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        for line in _lines_or_silence(pip):
            if isinstance(line, float):
                _say("  " + progress.still(line, _packages() - there_before))
                continue
            lines.append(line)
            if said := progress.take(line):
                _say(said if said.startswith("step") else "  " + said)
    if pip.returncode:
        print(*lines, sep="", end="", file=sys.stderr)
    return pip.returncode


def _lines_or_silence(pip: subprocess.Popen[str]) -> Iterator[str | float]:
    """Yield each line of pip's output, and in each pause the seconds since pip began."""
    said: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        assert pip.stdout is not None
        for line in pip.stdout:
            said.put(line)
        said.put(None)

    threading.Thread(target=read, daemon=True).start()
    started_s = time.monotonic()
    while True:
        try:
            line = said.get(timeout=EVERY_S)
        except queue.Empty:
            yield time.monotonic() - started_s
            continue
        if line is None:
            return
        yield line


def _packages() -> int:
    return sum(name.endswith(".dist-info") for name in os.listdir(sysconfig.get_path("purelib")))


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
