"""Lead an installation that was made before `uds_harness_pytest` existed to it, until `make` has made it anew."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

_spec = spec_from_file_location("uds_harness_pytest", Path(__file__).parents[2] / "uds_harness_pytest.py")
assert _spec is not None
assert _spec.loader is not None
_plugin = sys.modules.setdefault("uds_harness_pytest", module_from_spec(_spec))
if not hasattr(_plugin, "HOME"):
    _spec.loader.exec_module(_plugin)
globals().update({name: one for name, one in vars(_plugin).items() if name.startswith("pytest_")})
