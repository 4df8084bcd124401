"""Write the matrix as a page, from its JSON alone."""

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = (Path(__file__).parent, Path(__file__).parents[2] / "harness" / "report" / "templates")


def render(matrix: dict[str, Any]) -> str:
    """Return the self-contained page."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    by_check = {check: [row for row in matrix["defects"] if check in row["seen"]] for check in matrix["checks"]}
    return environment.get_template("page.html").render(
        defects=[row for row in matrix["defects"] if not row["survives"]],
        survivors=[row for row in matrix["defects"] if row["survives"]],
        variants=matrix["variants"],
        by_check=by_check,
    )


def dump(matrix: dict[str, Any]) -> str:
    """Return the JSON as it is kept: one row for each line, so that a change appears as one changed line."""
    lines = []
    for key, value in matrix.items():
        if key in ("defects", "variants"):
            rows = ",\n".join(f"    {json.dumps(row)}" for row in value)
            lines.append(f"  {json.dumps(key)}: [\n{rows}\n  ]")
        else:
            lines.append(f"  {json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"
