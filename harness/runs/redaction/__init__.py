"""Keep keys, secrets and hidden data out of a run's files: find them, and replace them by placeholders."""

from harness.runs.redaction.bus_log import NOT_SHOWN, OriginalLog, redact_log
from harness.runs.redaction.redactor import HIDEABLE, Redactor
from harness.runs.redaction.vocabulary import Vocabulary

__all__ = ["HIDEABLE", "NOT_SHOWN", "OriginalLog", "Redactor", "Vocabulary", "redact_log"]
