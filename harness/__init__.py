"""uds-harness tests whether an ECU's SecurityAccess is real. These are the names that an author of checks imports.

What only a few checks need is exported by the packages `harness.tester`, `harness.measurements`, `harness.analysis` and
`harness.fuzz`; requests are made by `harness.uds`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.lazy import lazily

if TYPE_CHECKING:
    from harness.check import attack
    from harness.errors import Inconclusive, KeyFunctionError, NotApplicable, fail, inconclusive, not_applicable, not_run
    from harness.fuzz.python import fuzz_case
    from harness.link.frame import Frame
    from harness.measurements import Measurements
    from harness.target import DataEntry, Target, load_target
    from harness.tester.reply import RawReply, Reply, malformed, negative, positive, silence
    from harness.tester.tester import Tester
    from harness.uds import Nrc, Service
    from harness.verdict import Depth, Severity

_HOMES = {
    "DataEntry": "target",
    "Depth": "verdict",
    "Frame": "link.frame",
    "Inconclusive": "errors",
    "KeyFunctionError": "errors",
    "Measurements": "measurements",
    "NotApplicable": "errors",
    "Nrc": "uds",
    "RawReply": "tester.reply",
    "Reply": "tester.reply",
    "Service": "uds",
    "Severity": "verdict",
    "Target": "target",
    "Tester": "tester.tester",
    "attack": "check",
    "fail": "errors",
    "fuzz_case": "fuzz.python",
    "inconclusive": "errors",
    "load_target": "target",
    "malformed": "tester.reply",
    "negative": "tester.reply",
    "not_applicable": "errors",
    "not_run": "errors",
    "positive": "tester.reply",
    "silence": "tester.reply",
}

__all__ = [
    "DataEntry",
    "Depth",
    "Frame",
    "Inconclusive",
    "KeyFunctionError",
    "Measurements",
    "NotApplicable",
    "Nrc",
    "RawReply",
    "Reply",
    "Service",
    "Severity",
    "Target",
    "Tester",
    "attack",
    "fail",
    "fuzz_case",
    "inconclusive",
    "load_target",
    "malformed",
    "negative",
    "not_applicable",
    "not_run",
    "positive",
    "silence",
]

__getattr__ = lazily(__name__, _HOMES)
