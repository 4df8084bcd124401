"""`uds-harness completion`: print a script that lets a shell complete commands, options, targets, checks and pages."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping

from harness.errors import UserError
from harness.system import extra_command

DESCRIPTION = """Print a script for a shell's completion. It is complete as of today: print it again
after an update. For bash and zsh, once and for all:

    mkdir -p ~/.local/share/bash-completion/completions ~/.zfunc
    uds-harness completion bash > ~/.local/share/bash-completion/completions/uds-harness
    uds-harness completion zsh > ~/.zfunc/_uds-harness

bash needs the package bash-completion, zsh this in ~/.zshrc:

    fpath=(~/.zfunc $fpath); autoload -U compinit; compinit"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    completion = commands.add_parser(
        "completion", help="print a script for the completion of bash or zsh", description=DESCRIPTION
    )
    completion.add_argument("shell", choices=("bash", "zsh"), help="the shell that reads it")
    completion.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the script; return the exit code. `options.parser` parses all commands. Raises UserError without shtab."""
    try:
        import shtab
    except ImportError:
        raise UserError(f"completion needs shtab, which is not installed: {extra_command('completion')}") from None
    with_files = _name_choices(options.parser)
    print(shtab.complete(options.parser, shell=options.shell, preamble=_preamble(options.shell, with_files)))
    return 0


def _name_choices(parser: argparse.ArgumentParser) -> Mapping[str, tuple[str, ...]]:
    """Give every argument that takes a name its choices; return the arguments that also accept files."""
    names = {dest: tuple(known()) for dest, known in NAMES.items()}
    for command, action in _actions(parser):
        dest = "check" if (command, action.dest) in _RESULTS else action.dest
        if action.choices or dest not in names:
            if action.type is not None and getattr(action.type, "__name__", "") == "Path":
                action.complete = {"bash": "_shtab_compgen_files", "zsh": "_files"}  # type: ignore[attr-defined]
        elif dest in _OR_FILES:
            function = _function(dest)
            action.complete = {"bash": function, "zsh": function}  # type: ignore[attr-defined]
        else:
            action.choices = names[dest]
    return {dest: names[dest] for dest in _OR_FILES}


def _actions(parser: argparse.ArgumentParser, command: str = "") -> Iterator[tuple[str, argparse.Action]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for listed in action._choices_actions:
                action.choices[listed.dest].description = listed.help  # zsh shows it in one line
            for name, inner in action.choices.items():
                yield from _actions(inner, command or name)
        else:
            yield command, action


def _function(dest: str) -> str:
    return f"_uds_harness_{dest}"


def _preamble(shell: str, with_files: Mapping[str, Iterable[str]]) -> str:
    """Define for each argument a function that completes its names and files."""
    lines = []
    for dest, names in with_files.items():
        words = " ".join(map(shlex.quote, names))
        if shell == "bash":
            lines.append(f'{_function(dest)}() {{ compgen -W {shlex.quote(words)} -- "$1"; compgen -f -- "$1"; }}')
        else:
            lines.append(f"{_function(dest)}() {{ compadd -- {words}; _files }}")
    return "\n".join(lines)


def _targets() -> Iterable[str]:
    from harness.target import shipped_targets

    return shipped_targets()


def _checks() -> Iterable[str]:
    from harness.audit.catalogue import shipped_checks

    return (check.id for check in shipped_checks())


def _families() -> Iterable[str]:
    from harness.audit.selection import family_of

    return dict.fromkeys(family_of(id) for id in _checks())


def _severities() -> Iterable[str]:
    from harness.verdict import Severity

    return (severity.value for severity in Severity)


def _pages() -> Iterable[str]:
    from harness.cli.docs import folder

    return sorted(path.stem for path in folder().glob("*.md"))


def _profiles() -> Iterable[str]:
    from harness.ecu.profiles import PROFILES

    return PROFILES


NAMES: Mapping[str, Callable[[], Iterable[str]]] = {
    "target": _targets,
    "check": _checks,
    "id": _checks,
    "family": _families,
    "severity": _severities,
    "page": _pages,
    "profile": _profiles,
}
"""By attribute of the parsed options: a function that returns the choices of the argument with this attribute."""

_OR_FILES = ("target",)
_RESULTS = {("replay", "result")}
"""Arguments with other names that also take the id of a check."""
