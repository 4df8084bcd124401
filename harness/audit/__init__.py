"""Checks: declared, run, judged."""

REQUEST = "uds-harness-request"
"""The name of the plugin by which the command line hands over what it was asked (see `console`)."""
