"""Draw conclusions from recorded numbers alone, without a bus or an ECU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.lazy import lazily

if TYPE_CHECKING:
    from harness.analysis.development import credentials_in, traces_of_development
    from harness.analysis.drift import Drift, drift_of
    from harness.analysis.padding import Observed, padding_of, shown_in_padding
    from harness.analysis.rhythm import rhythm_of
    from harness.analysis.secrets import found_in, is_telling

_HOMES = {
    "Drift": "analysis.drift",
    "Observed": "analysis.padding",
    "credentials_in": "analysis.development",
    "found_in": "analysis.secrets",
    "is_telling": "analysis.secrets",
    "drift_of": "analysis.drift",
    "padding_of": "analysis.padding",
    "rhythm_of": "analysis.rhythm",
    "shown_in_padding": "analysis.padding",
    "traces_of_development": "analysis.development",
}

__all__ = [
    "Drift",
    "Observed",
    "credentials_in",
    "drift_of",
    "found_in",
    "is_telling",
    "padding_of",
    "rhythm_of",
    "shown_in_padding",
    "traces_of_development",
]

__getattr__ = lazily(__name__, _HOMES)
