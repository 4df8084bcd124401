"""Keys, secrets and what else the user wants hidden, nowhere in a run's files: what is hidden, and what stands there."""

from harness.runs.redaction.bus_log import OriginalLog, redact_log
from harness.runs.redaction.redactor import HIDEABLE, Redactor
from harness.runs.redaction.vocabulary import Vocabulary

__all__ = ["HIDEABLE", "OriginalLog", "Redactor", "Vocabulary", "redact_log"]
