"""`uds-harness docs`: show the documents in the terminal."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from harness.errors import UserError, did_you_mean


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    docs = commands.add_parser("docs", help="show a page of the documents, or list the pages")
    docs.add_argument("page", nargs="?", metavar="PAGE", help="e.g. target-file")
    docs.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Show one page, or the list of pages. Raises UserError if there is no such page."""
    pages = {path.stem: path for path in sorted(folder().glob("*.md"))}
    if options.page is None:
        for name, path in pages.items():
            print(f"{name:22}{_title(path)}")
        return 0
    page = pages.get(options.page.removesuffix(".md"))
    if page is None:
        raise UserError(f"there is no page {options.page}{did_you_mean(options.page, pages)}; see: uds-harness docs")
    text = page.read_text(encoding="utf-8")
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.markdown import Markdown

        console = Console()
        with console.pager(styles=True):
            console.print(Markdown(text))
    else:
        print(text, end="")
    return 0


def folder() -> Path:
    """Return the documents' folder: in a checkout beside the package, once installed in the environment's ``share``."""
    beside = Path(__file__).parents[2] / "docs"
    return beside if (beside / "target-file.md").is_file() else Path(sys.prefix) / "share" / "uds-harness" / "docs"


def _title(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    return next((line.removeprefix("# ") for line in lines if line.startswith("# ")), "")
