"""What one Python has compiled, the next need not: these tests start some fifty of them, each with all checks to load."""

from __future__ import annotations

import os
import sys

sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
