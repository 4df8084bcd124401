"""Draw the window: ``python -m tests.ecu_host.pictures FOLDER`` writes one SVG for each size and tab."""

import asyncio
import sys
from pathlib import Path

from tests.ecu_host.test_window import SIZES, operated, step


async def paint(folder: Path) -> None:
    for profile in ("article", "hardened"):
        for size in SIZES:
            for tab in ("ecu", "frames", "flaws_pane"):
                async with operated(profile, size=size) as (window, on):
                    on.ask("1003")
                    on.wrong_key() if profile == "hardened" else None
                    on.send("0322202000000000")
                    on.send("0227010000000000")
                    window.query_one("TabbedContent").active = tab  # type: ignore[attr-defined]
                    await step(window, on)
                    (folder / f"{profile}-{tab}-{size[0]}x{size[1]}.svg").write_text(window.export_screenshot())


if __name__ == "__main__":
    asyncio.run(paint(Path(sys.argv[1])))
