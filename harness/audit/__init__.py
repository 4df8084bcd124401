"""Find, order, run and judge the checks of an audit."""

REQUEST = "uds-harness-request"
"""The name of the plugin by which the command line passes its request (see `console`)."""
