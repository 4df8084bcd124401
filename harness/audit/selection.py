"""Choose checks by id, family and severity, beside pytest's own ``-k``."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from harness.check import Attack
from harness.errors import UserError, did_you_mean
from harness.verdict import Severity, worse_than


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The criteria by which checks are chosen; a check must satisfy each criterion that is given."""

    checks: tuple[str, ...] = ()
    """Patterns of ids, e.g. ``SA-0*``; a check must match at least one."""
    families: tuple[str, ...] = ()
    """Prefixes of ids, e.g. ``SA``; a check must match at least one."""
    severity: Severity | None = None
    """The lowest default severity of a chosen check."""

    def __bool__(self) -> bool:
        """Whether any criterion is given."""
        return bool(self.checks or self.families or self.severity)

    def takes(self, check: Attack) -> bool:
        """Whether the selection chooses a check."""
        is_named = not self.checks or any(fnmatchcase(check.id.lower(), glob.lower()) for glob in self.checks)
        family = family_of(check.id).lower()
        is_of_family = not self.families or family in (one.lower() for one in self.families)
        return is_named and is_of_family and not (self.severity and worse_than(self.severity, check.severity))

    def refuse_strange(self, known: Iterable[Attack]) -> None:
        """Raise UserError if an id or a family matches no check."""
        checks = list(known)
        families = sorted({family_of(check.id) for check in checks})
        for glob in self.checks:
            if not any(fnmatchcase(check.id.lower(), glob.lower()) for check in checks):
                near = did_you_mean(glob, [check.id for check in checks])
                raise UserError(f"--check {glob}: no check has such an id{near}; see: uds-harness list")
        for family in self.families:
            if family.lower() not in (one.lower() for one in families):
                raise UserError(f"--family {family}: there is no such family; families are {', '.join(families)}")

    def words(self) -> Sequence[str]:
        """Return the command line's options that make the same selection."""
        words = [word for glob in self.checks for word in ("--check", glob)]
        words += [word for family in self.families for word in ("--family", family)]
        return [*words, *(["--severity", self.severity.value] if self.severity else [])]


def family_of(id: str) -> str:
    """Return the family of an id: ``SA`` of ``SA-09``, ``fuzz`` of ``fuzz/write-odd-length``."""
    return re.split("[-/]", id)[0]
