"""Write the scoreboard as a page of docs/."""

from collections.abc import Iterable
from pathlib import Path

from .score import MOST_INCONCLUSIVE, Outcome, Score
from .server_score import ServerScore

SCOREBOARD = Path(__file__).parents[2] / "docs" / "scoreboard.md"

HEAD = f"""# Scoreboard

What the shipped checks say of ECUs whose authors had not seen them, and of servers by strangers. `make scoreboard` audits
all of them anew and writes this page; `python -m tests.unseen NAME` explains one.

A flawed ECU is *caught* if at least one of the checks that its author named fails, *missed* if none does. A sound one is
*falsely accused* if any check fails or ends in an error, *blinded* if more than {MOST_INCONCLUSIVE} results are
inconclusive, else *quiet*.
"""


def page(scores: Iterable[Score], servers: Iterable[ServerScore]) -> str:
    """Return the whole page in Markdown: counts by table, then every ECU."""
    scores = list(scores)
    kinds = list(dict.fromkeys(score.kind for score in scores))
    parts = [HEAD, _counts(kinds, scores), "## Servers by strangers\n", _servers(servers)]
    for kind in kinds:
        parts += [f"## {kind.replace('_', ' ').capitalize()}\n", _ecus(score for score in scores if score.kind == kind)]
    return "\n".join(parts)


def _counts(kinds: Iterable[str], scores: list[Score]) -> str:
    rows = []
    for kind in [*kinds, "all"]:
        chosen = [score for score in scores if kind in (score.kind, "all")]
        counts = [sum(score.outcome is outcome for score in chosen) for outcome in Outcome]
        left_open = sum(score.counts["inconclusive"] for score in chosen)
        rows.append([kind.replace("_", " "), str(len(chosen)), *map(str, counts), str(left_open)])
    return _table(["table", "ECUs", *(outcome.value for outcome in Outcome), "inconclusive results"], rows)


def _servers(servers: Iterable[ServerScore]) -> str:
    rows = []
    for one in servers:
        if one.is_installed:
            missed, accused = (" ".join(ids) or "-" for ids in (one.missed, one.accused))
            rows.append([one.server.name, str(len(one.caught)), missed, accused, str(one.inconclusive)])
        else:
            rows.append([one.server.name, "not installed here", "", "", ""])
    return _table(["server", "flaws caught", "missed", "accused, though sound", "inconclusive results"], rows)


def _ecus(scores: Iterable[Score]) -> str:
    rows = []
    for score in scores:
        failing = dict.fromkeys(finding.id for finding in score.accusing)
        left_open = str(score.counts["inconclusive"])
        rows.append([score.ecu.name, score.ecu.flaw or "sound", score.outcome.value, " ".join(failing) or "-", left_open])
    return _table(["ECU", "flaw", "outcome", "checks that fail", "inconclusive"], rows)


def _table(head: list[str], rows: list[list[str]]) -> str:
    cells = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |\n" for row in cells)
