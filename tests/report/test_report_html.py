"""audit.html says what the run says, and shows an ECU's text without ever running it."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from harness.report.html import render_audit_html
from harness.run import Run, Verdict

VOID = {"meta", "link", "br", "img", "hr", "input"}
FILES = ["audit.html", "audit.json", "bus.log", "junit.xml", "pytest.html", "results.jsonl"]


class Page(HTMLParser):
    """Reads a page strictly: tags must nest, and every address is collected."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.ids: list[str] = []
        self.text = ""
        """What is read, cells and headings set apart by spaces."""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag
        self.text += " " if tag in ("td", "th", "dt", "dd", "h4") else ""

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


def read(run: Run) -> Page:
    return Page(render_audit_html(run, files=FILES))


@pytest.fixture(scope="module")
def page(request: pytest.FixtureRequest) -> Page:
    return read(request.getfixturevalue(request.param))


@pytest.mark.parametrize("page", ["article", "hostile", "empty"], indirect=True)
def test_the_page_is_well_formed_and_loads_nothing(page: Page) -> None:
    assert page.open == []
    assert not page.tags & {"script", "img", "iframe", "object", "embed", "base", "form", "svg"}
    assert not [name for name, _ in page.attributes if name.startswith("on") or name == "src"]
    for name, value in page.attributes:
        if name == "href":
            assert value is not None
            assert value.startswith(("#", "./", "data:,"))
    assert len(page.ids) == len(set(page.ids))


@pytest.mark.parametrize("page", ["article", "hostile"], indirect=True)
def test_every_inner_link_has_its_place(page: Page) -> None:
    asked = {value[1:] for name, value in page.attributes if name == "href" and value and value[0] == "#"}
    labels = {value for name, value in page.attributes if name == "aria-labelledby"}
    assert asked
    assert asked | labels <= set(page.ids)


def test_what_an_ecu_says_is_shown_escaped_and_cut(hostile: Run) -> None:
    html = render_audit_html(hostile, files=FILES)
    assert "<script" not in html.lower()
    assert "<img" not in html.lower()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "\\x1b[2J\\x00\\x9b31m\\u202egnp.exe\\udc80" in html
    assert not [one for one in html if not one.isprintable() and one not in "\n\t"]
    assert "… (500002 bytes)" in html
    assert "bytes before this)" in html
    assert len(html) < 2_000_000
    html.encode("utf-8")


def test_hostile_file_names_stay_files_beside_the_report(article: Run) -> None:
    names = ["javascript:alert(1)", "//evil.example/x", 'a"><b>', "private/original.log", "bad\udc80"]
    page = Page(render_audit_html(article, files=names))
    links = [value for name, value in page.attributes if name == "href" and value and value.startswith("./")]
    assert links[0] == "./javascript%3Aalert%281%29"
    assert links[3] == "./private/original.log"
    assert len(links) == len(names)


def test_the_top_says_how_bad_it_is(article: Run) -> None:
    text = " ".join(read(article).text.split())
    assert "8 findings among the 15 results that reached pass or fail, 3 of them high." in text
    assert "The target file accepts 1 more failure." in text
    assert "19 results: 6 pass, 9 fail, 1 inconclusive, 1 not applicable, 1 not run, 1 error." in text
    for said in ("20261120", "2026-11-20T09:28:00Z", "M. Example", "Scapy 2.8.0", "42 wrong keys", "02 27 35 is read"):
        assert said in text


def test_findings_come_worst_first_and_with_their_evidence(article: Run) -> None:
    text = " ".join(read(article).text.split())
    details = text[text.index("Findings SA-09") :]
    order = [details.index(f"{one.id} {one.title}") for one in article.failures()]
    assert order == sorted(order)
    for said in (
        "at most 10 wrong keys evaluated",
        "11 wrong keys evaluated",
        "a 32-bit key against a fixed seed falls in 24.9 days",
        "Count wrong keys in non-volatile memory.",
        "CWE-307, CWE-799; UN R155 Annex 5: 18.3",
        "not from the standard's text",
        "67 01 A8 3A 63 B3 C1 SecurityAccessPositiveResponse: securityAccessType 0x01, securitySeed A8 3A 63 B3 C1",
        "27 35 no UDS response: the first byte 0x27 stands for the request SecurityAccess",
        "12.604800 sent 740 02 27 01 00 00 00 00 00 single frame, 2 bytes",
        "raw 740#212E101077 raw frame: consecutive frame 1",
        "12.736062 received 0000007B 11 22 33 44 55 66 77 88 12.",
        "uds-harness audit article --seed 20261120 -k SA-09",
    ):
        assert said in details, said


def test_what_did_not_fail_is_there_with_its_reason(article: Run) -> None:
    text = " ".join(read(article).text.split())
    headings = ("Accepted findings", "Not decided", "What passed", "What this report does not say")
    accepted, undecided, passed, scope = (text.index(heading) for heading in headings)
    assert accepted < undecided < passed < scope
    assert "ticket 4711" in text[accepted:undecided]
    assert "does not allow destructive" in text[undecided:passed]
    assert "ZeroDivisionError" in text[undecided:passed]
    assert "Collision entropy is at least 17.3 bits" in text[passed:scope]
    for said in ("DoIP", "LIN", "SecOC", "vehicles", "not violated by the listed tests", "risk analysis"):
        assert said in text[scope:]


def test_a_simulated_run_says_so_on_every_printed_page_and_a_bench_run_does_not(article: Run) -> None:
    html = render_audit_html(article, files=FILES)
    assert '@page { @top-center { content: "SIMULATED ECU"' in html
    assert "position: fixed" in html
    assert Page(html).text.count("SIMULATED ECU") >= 3
    bench = replace(article, info=replace(article.info, environment="bench", target={"name": "pi"}))
    assert "SIMULATED ECU" not in render_audit_html(bench, files=FILES)


def test_an_interrupted_run_says_so_before_anything_else(article: Run) -> None:
    interrupted = read(replace(article, info=replace(article.info, interrupted=True))).text
    assert interrupted.index("This run was interrupted") < interrupted.index("8 findings")
    killed = read(replace(article, info=replace(article.info, interrupted=True, finished_utc=""))).text
    assert killed.index("cut short") < killed.index("8 findings")


def test_a_run_without_results_claims_nothing(empty: Run) -> None:
    text = read(empty).text
    assert "No check gave a result." in text
    assert "unnamed target" in text


def test_a_run_that_decided_nothing_is_no_clean_bill(article: Run) -> None:
    undecided = tuple(replace(one, verdict=Verdict.INCONCLUSIVE) for one in article.findings)
    assert "Nothing is known of this ECU's protection" in read(replace(article, findings=undecided)).text


def test_secrets_of_the_target_are_shown_as_they_were_redacted(article: Run) -> None:
    assert "secret = (redacted)" in read(article).text


def test_rendering_twice_gives_the_same_bytes(article: Run) -> None:
    assert render_audit_html(article, files=FILES) == render_audit_html(article, files=FILES)
