"""Prove that audit.html is complete, safe to open, and accessible."""

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest

from harness.report.html import render_audit_html
from harness.runs.findings import Run
from harness.runs.measured import Profile
from tests.report.page import FILES, Page, read


@pytest.fixture(scope="module")
def page(request: pytest.FixtureRequest) -> Page:
    return read(request.getfixturevalue(request.param))


@pytest.mark.parametrize("page", ["article", "hostile", "empty"], indirect=True)
def test_the_page_is_well_formed_and_loads_nothing(page: Page) -> None:
    assert page.open == []
    assert not page.tags & {"iframe", "object", "embed", "base", "use", "foreignobject"}
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in ("style", "action", "srcset")]
    for name, value in page.attributes:
        if name == "href":
            assert value is not None
            assert value.startswith(("#", "./", "data:,", "data:image/png;base64,"))
        if name == "src":
            assert value is not None
            assert value.startswith("data:image/png;base64,")
    assert len(page.ids) == len(set(page.ids))


@pytest.mark.parametrize("page", ["article", "hostile", "empty"], indirect=True)
def test_the_headings_make_an_outline(page: Page) -> None:
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(page.headings))


def test_the_policy_lets_run_and_style_only_what_the_page_itself_brings(hostile: Run) -> None:
    html = render_audit_html(hostile, files=FILES)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy.startswith("default-src 'none'; ")
    for tag in ("script", "style"):
        (text,) = re.findall(f"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


def luminance(colour: str) -> float:
    parts = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def colours(article: Run) -> Iterator[dict[str, str]]:
    """Return the page's colours by name, in light and in dark mode."""
    html = render_audit_html(article, files=FILES)
    light, dark = (
        dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block)) for block in re.findall(r":root \{(.*?)\}", html, re.S)
    )
    yield light
    yield light | dark


SEVERE = ["critical", "high", "medium", "low", "info", "good", "bad", "fault"]


@pytest.mark.parametrize(
    ("ink", "paper"),
    [
        *[(ink, paper) for ink in ("ink", "soft", "link", *SEVERE) for paper in ("paper", "tint")],
        *[("on-badge", severity) for severity in SEVERE],
        ("warning-ink", "warning"),
        *[("ink", standing) for standing in ("allowed", "refused", "breach", "shut")],
    ],
)
def test_every_text_stands_out_from_what_is_behind_it(ink: str, paper: str, article: Run) -> None:
    """WCAG 2 AA demands a contrast of 4.5 to 1."""
    for scheme in colours(article):
        assert contrast(scheme[ink], scheme[paper]) >= 4.5


@pytest.mark.parametrize("page", ["article", "hostile"], indirect=True)
def test_every_inner_link_has_its_place(page: Page) -> None:
    asked = {value[1:] for name, value in page.attributes if name == "href" and value and value[0] == "#"}
    labels = {value for name, value in page.attributes if name == "aria-labelledby"}
    assert asked
    assert asked | labels <= set(page.ids)


def test_regions_that_scroll_can_be_told_apart(article: Run) -> None:
    seeds = tuple(f"{number * 40503 % 65536:04X}" for number in range(20))
    levels = tuple(Profile(title=f"Seeds of level 0x{level:02X}", rows=(), seeds=seeds) for level in (1, 3))
    html = render_audit_html(replace(article, info=replace(article.info, profiles=levels)), files=FILES)
    labels = re.findall(r'role="region" aria-label="([^"]*)"', html)
    assert len(labels) == len(set(labels)) == 2
