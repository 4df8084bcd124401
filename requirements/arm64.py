"""Show that a Raspberry Pi needs no compiler: ``python requirements/arm64.py``.

Has pip resolve each lock file for 64-bit ARM Linux and each supported Python, from binary wheels alone, with their hashes
checked and without installing anything. Exit code 1 says that some package has no such wheel.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
LOCKS = ("audit.lock", "test.lock")
PYTHONS = ("3.11", "3.12", "3.13")
PLATFORMS = ("manylinux2014_aarch64", "manylinux_2_17_aarch64", "manylinux_2_28_aarch64")
"""The platforms whose wheels Raspberry Pi OS can install since Bookworm, whose C library is 2.36 or newer."""


def resolved(lock: Path, python: str, folder: Path) -> tuple[list[str], str]:
    """Return the wheels that pip would install, or pip's message that says what is missing."""
    report = folder / "report.json"
    words = [sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--no-deps", "--require-hashes"]
    words += ["--disable-pip-version-check", "--no-input", "--only-binary=:all:", "--implementation", "cp"]
    words += ["--python-version", python, "--target", str(folder / "nothing"), "--report", str(report), "-r", str(lock)]
    for platform in PLATFORMS:
        words += ["--platform", platform]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        return [], " ".join(line for line in done.stderr.splitlines() if line.startswith("ERROR"))
    installs = json.loads(report.read_text(encoding="utf-8"))["install"]
    return [one["download_info"]["url"].rpartition("/")[2] for one in installs], ""


def main() -> int:
    """Print a line for each lock file and Python; return 1 if a wheel is missing."""
    is_complete = True
    for name in LOCKS:
        for python in PYTHONS:
            with tempfile.TemporaryDirectory() as folder:
                wheels, missing = resolved(HERE / name, python, Path(folder))
            binary = sorted(wheel.split("-")[0] for wheel in wheels if "aarch64" in wheel)
            said = f"{len(wheels)} wheels, of them for aarch64: {', '.join(binary)}" if wheels else missing
            print(f"{name:11} Python {python}: {said}", flush=True)
            is_complete &= not missing
    return 0 if is_complete else 1


if __name__ == "__main__":
    sys.exit(main())
