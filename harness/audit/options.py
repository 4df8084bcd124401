"""Read the options of an audit from pytest's own command line, and refuse options that make no sense in an audit."""

import shlex
from pathlib import Path

import pytest

from harness.audit.secrecy import hidden_names
from harness.audit.session import AuditOptions
from harness.errors import UserError
from harness.link.clock import new_seed
from harness.target import load_target
from harness.verdict import Depth


def options_of(config: pytest.Config) -> AuditOptions:
    """Turn the options of ``pytest … --uds-target …`` into those of an audit. Raises UserError if any is malformed."""
    option = config.option
    if option.uds_depth not in [depth.value for depth in Depth]:
        raise UserError(f'--uds-depth is "{option.uds_depth}"; give quick, default or deep')
    target = option.uds_target or "article"
    seed = new_seed() if option.uds_seed is None else option.uds_seed
    selection = ["-k", option.keyword] if option.keyword else []
    words = ["pytest", *config.args, "--uds-target", target, "--uds-depth", option.uds_depth, "--uds-seed", str(seed)]
    hidden = hidden_names(option.uds_redact)
    if hidden and option.uds_keep_secrets:
        raise UserError("--uds-redact and --uds-keep-secrets exclude each other; give one of them")
    words += ["--uds-redact", ",".join(hidden)] if hidden else []
    words += ["--uds-keep-secrets"] if option.uds_keep_secrets else []
    return AuditOptions(
        target=load_target(target),
        seed=seed,
        depth=Depth(option.uds_depth),
        out=Path(option.uds_out) if option.uds_out else None,
        command=shlex.join(words),
        selection=shlex.join(selection),
        keeps_secrets=option.uds_keep_secrets,
        hidden=hidden,
        replaces_run=option.uds_force,
    )


def refuse_shuffling(config: pytest.Config) -> None:
    """Raise UserError if checks would run in parallel, repeatedly or shuffled: an ECU has state."""
    option = config.option
    asked = {
        "xdist (-n)": bool(getattr(option, "numprocesses", None)) or getattr(option, "dist", "no") != "no",
        "reruns": bool(getattr(option, "reruns", None)),
        "a random order": config.pluginmanager.has_plugin("randomly")
        or bool(getattr(option, "random_order_bucket", None) and config.pluginmanager.has_plugin("random_order")),
    }
    for what, is_asked in asked.items():
        if is_asked:
            raise UserError(f"an ECU has state: {what} cannot be used in an audit; leave it out (-p no:randomly, -n 0)")
