"""Prove that audit.html shows the run, and shows an ECU's text without interpreting it."""

import re
import sys
from dataclasses import replace
from importlib.util import cache_from_source
from pathlib import Path
from typing import get_args

import pytest

from harness.report import html
from harness.report.conclusion import answer
from harness.report.groups import by_area, by_requirement, by_threat
from harness.report.html import render_audit_html
from harness.runs.findings import BusAccess, CampaignInfo, Crash, Identifier, NotTested, Run
from harness.runs.measured import Grid, GridRow, Profile, Standing
from harness.verdict import Severity, Verdict
from tests.report.conftest import HOSTILE
from tests.report.page import FILES, Page, read


def test_what_an_ecu_says_is_shown_escaped_and_cut(hostile: Run) -> None:
    html = render_audit_html(hostile, files=FILES)
    assert html.lower().count("<script") == 1
    assert "<img" not in html.lower()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "\\x1b[2J\\x00\\x9b31m\\u202egnp.exe\\udc80" in html
    assert not [one for one in html if not one.isprintable() and one not in "\n\t"]
    assert "… (500002 bytes)" in html
    assert "It printed " in html
    assert len(html) < 2_000_000
    html.encode("utf-8")


def test_hostile_file_names_stay_files_beside_the_report(article: Run) -> None:
    names = ["javascript:alert(1)", "//evil.example/x", 'a"><b>', "private/original.log", "bad\udc80"]
    page = Page(render_audit_html(article, files=names))
    own = {"./bus.log", "./audit.json", "./results.jsonl"}
    found = (value for name, value in page.attributes if name == "href" and value and value.startswith("./"))
    links = [value for value in found if value not in own]
    assert links[0] == "./javascript%3Aalert%281%29"
    assert links[3] == "./private/original.log"
    assert len(links) == len(names)


def test_the_top_says_how_bad_it_is(article: Run) -> None:
    text = " ".join(read(article).text.split())
    assert "8 findings among the 15 results that reached pass or fail, 3 of them high." in text
    assert "The target file accepts 1 more failure." in text
    assert "All 19 results by verdict pass 6 fail 9 inconclusive 1 not applicable 1 not run 1 error 1 " in text
    assert "Findings by severity critical 0 high 3 medium 2 low 3 info 0 " in text
    order = ("8 findings among", "By area", "What was not judged", "What to fix first", "not a statement of conformity")
    assert sorted(order, key=text.index) == list(order)
    for said in ("20261120", "2026-11-20T09:28:00Z", "M. Example", "Scapy 2.8.0", "42 wrong keys", "02 27 35 is read"):
        assert said in text


def test_findings_come_worst_first_and_with_their_evidence(article: Run) -> None:
    text = " ".join(read(article).text.split())
    details = text[text.index("Each opens to show what was sent") :]
    order = [details.index(f"{one.id} {one.heading}") for one in article.failures()]
    assert order == sorted(order)
    for said in (
        "at most 10 wrong keys evaluated",
        "11 wrong keys evaluated",
        "a 32-bit key against a fixed seed falls in 24.9 days",
        "Count wrong keys in non-volatile memory.",
        "CWE-307, CWE-799; UN R155 Annex 5: 18.3",
        "not from the standards' text",
        "Tester to ECU: 27 01 +0.000 ms SecurityAccess: securityAccessType 0x01",
        "ECU to tester: 67 01 A8 3A 63 B3 C1 +0.262 ms SecurityAccessPositiveResponse: securityAccessType 0x01, "
        "securitySeed A8 3A 63 B3 C1",
        "UDS_SAPR.securitySeed A8 3A 63 B3 C1",
        "27 35 +0.262 ms no UDS response: the first byte 0x27 stands for the request SecurityAccess",
        "12.604800 sent 740 02 27 01 00 00 00 00 00 single frame, 2 bytes",
        "21 2E 10 10 77 +0.000 ms raw frame: consecutive frame 1",
        "ECU to tester: no message",
        "uds-harness audit article --seed 20261120 -k SA-09",
    ):
        assert said in details, said


def test_what_did_not_fail_is_there_with_its_reason(article: Run) -> None:
    text = " ".join(read(article).text.split())
    headings = (
        "These failed too",
        "Nothing can be said: no key",
        "Pass means: not violated by the listed tests. Each",
        "Only the checks listed here were made",
    )
    accepted, undecided, passed, scope = (text.index(heading) for heading in headings)
    assert accepted < undecided < passed < scope
    assert "ticket 4711" in text[accepted:undecided]
    assert "does not allow destructive" in text[undecided:passed]
    assert "ZeroDivisionError" in text[accepted:passed]
    assert "Collision entropy is at least 17.3 bits" in text[passed:scope]
    for said in ("DoIP", "LIN", "SecOC", "vehicles", "no proof that a weakness is absent"):
        assert said in text[scope:]


def test_a_simulated_run_says_so_on_every_printed_page_and_a_bench_run_does_not(article: Run) -> None:
    html = render_audit_html(article, files=FILES)
    assert '@page { @top-center { content: "SIMULATED ECU"' in html
    assert "position: fixed" not in html
    assert Page(html).text.count("SIMULATED ECU") >= 3
    bench = replace(article, info=replace(article.info, environment="bench", target={"name": "pi"}))
    assert "SIMULATED ECU" not in render_audit_html(bench, files=FILES)


def test_an_interrupted_run_says_so_before_anything_else(article: Run) -> None:
    interrupted = read(replace(article, info=replace(article.info, interrupted=True))).text
    assert interrupted.index("This run was interrupted") < interrupted.index("8 findings")
    killed = read(replace(article, info=replace(article.info, interrupted=True, finished_utc=""))).text
    assert killed.index("cut short") < killed.index("8 findings")


def test_results_of_one_check_stand_together_and_its_advice_once(article: Run) -> None:
    (limit,) = (one for one in article.findings if one.id == "SA-09")
    twice = replace(article, findings=(limit, replace(limit, parameter="level 0x11", requirements=("CS-REQ-7",))))
    text = " ".join(read(twice).text.split())
    assert text.count("Count wrong keys in non-volatile memory.") == 2, "in what to fix first, and with the finding"
    assert "SA-09 Wrong keys lock SecurityAccess (2 results)" in text
    assert text.index("level 0x01 Expected") < text.index("level 0x11 Expected")
    assert "your requirement: CS-REQ-7" in text


def test_what_is_known_of_sample_and_bus_is_told_and_secrets_first_of_all(article: Run) -> None:
    known = replace(
        article.info,
        identification=(
            Identifier(did="F189", name="ECU software version", value="2.1 <b>"),
            Identifier(did="F190", name="vehicle identification number (VIN)", reason="negative 0x31 requestOutOfRange"),
        ),
        bus=BusAccess(adapter="python-can socketcan, can0", driver="gs_usb", timestamps="the adapter", lost_frames=3),
        commit="0aa8b1f",
        is_tree_clean=False,
        keeps_secrets=True,
        not_tested=(NotTested(id="a/b", says="The case stays closed.", group="needs hardware", because="A screwdriver."),),
    )
    text = " ".join(read(replace(article, info=known)).text.split())
    for said in (
        "article ECU software version 2.1 <b>2026",
        "F190 vehicle identification number (VIN) not read: negative 0x31 requestOutOfRange",
        "Driver gs_usb",
        "Frames lost 3",
        "commit 0aa8b1f, files were changed or added",
        "UDS on CAN: requests on 0x740, answers on 0x748",
    ):
        assert said in text, said
    assert "Keys and secrets are in this report." in text[: text.index("Each opens to show")]
    assert "needs hardware (1) Requirement Why it is not tested The case stays closed. A screwdriver." in text


def test_a_virtual_bus_is_not_called_a_real_one(article: Run) -> None:
    def environment(driver: str) -> str:
        bus = BusAccess(adapter="python-can socketcan, can0", driver=driver, timestamps="the kernel")
        info = replace(article.info, environment="bench", bus=bus)
        return " ".join(read(replace(article, info=info)).text.split()).partition("Environment ")[2][:60]

    assert environment("kernel driver gs_usb").startswith("bench: an ECU on a real bus")
    assert environment("a virtual interface of the kernel (vcan)").startswith(
        "bench: an ECU on a virtual bus of this computer"
    )


def test_ten_thousand_results_stay_readable_and_say_where_the_others_are(article: Run) -> None:
    failing, passing = article.failures(), article.with_verdict(Verdict.PASS)
    findings = [replace(failing[n % len(failing)], id=f"fuzz/case-{n}", accepted="") for n in range(5000)]
    findings += [replace(passing[n % len(passing)], id=f"fuzz/sound-{n}", observed=HOSTILE * 20) for n in range(5000)]
    findings += [replace(failing[0], parameter=f"DID {n:04X}") for n in range(2000)]
    html = render_audit_html(replace(article, findings=tuple(findings)), files=FILES)
    page = Page(html)
    assert len(html.encode()) < 3_000_000
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert len(re.findall("There is no room here for [0-9]+ more", page.text)) == 2
    inner = {value[1:] for name, value in page.attributes if name == "href" and value and value[0] == "#"}
    assert inner <= set(page.ids)


def test_a_campaign_is_called_so_and_its_size_told(article: Run) -> None:
    campaign = CampaignInfo(seed=1, rounds=1, exchanges=3000, corpus=12, coverage=40)
    text = " ".join(read(replace(article, info=replace(article.info, campaign=campaign))).text.split())
    assert "UDS fuzz campaign article" in text
    assert "Campaign 3000 exchanges in 1 round; 12 sequences were answered as none before" in text
    assert "UDS security audit article" in " ".join(read(article).text.split())


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


def test_what_was_left_out_for_one_reason_says_so_once(article: Run) -> None:
    (never,) = article.with_verdict(Verdict.NOT_RUN)
    many = [replace(never, id=f"XX-{number:02}", title=f"Check {number}", reason="deselected") for number in range(80)]
    html = render_audit_html(replace(article, findings=(never, *many)), files=FILES)
    text = " ".join(Page(html).text.split())
    text = text[text.index("What these results are worth") :]
    assert text.count("deselected (60 results)") == 1
    assert text.count("deselected (20 results)") == 1
    assert text.count(never.reason) == 1
    assert html.count('data-verdict="not_run"') == 81
    assert all(f"XX-{number:02} Check {number}" in text for number in range(80))


def test_a_finding_is_headed_by_what_is_wrong(article: Run) -> None:
    failing = article.failures()[0]
    said = "No limit on wrong keys"
    told = replace(article, findings=(replace(failing, failure=said), *article.findings))
    text = " ".join(read(told).text.split())
    assert f"{failing.id} {said}" in text
    assert f"Demanded: {failing.title}" in text


def test_a_fuzz_case_that_fails_is_not_headed_by_what_it_demands_alone(article: Run) -> None:
    failing = replace(article.failures()[0], id="fuzz/write", title="A session opens nothing", failure="", cause="")
    text = " ".join(read(replace(article, findings=(failing,))).text.split())
    assert text.count("Does not hold: A session opens nothing") == 2, "in what to fix first, and as the finding's heading"
    told = replace(article, findings=(replace(failing, failure="A session opens it"),))
    assert "Does not hold" not in read(told).text


def test_the_first_thing_said_is_whether_the_protection_is_real(article: Run) -> None:
    def first_words(run: Run) -> str:
        return " ".join(read(run).text.split()).partition("This ECU's protection ")[2][:60]

    failing = replace(article.failures()[0], failure="A trivial key opens the ECU", severity=Severity.CRITICAL, accepted="")
    void = replace(article, findings=(failing,))
    sound = replace(article, findings=tuple(article.with_verdict(Verdict.PASS)))
    assert first_words(void).startswith("is void for whoever reaches the bus: a trivial key")
    assert first_words(replace(sound, info=replace(sound.info, crashes=()))).startswith("is real, by every check")


def test_a_part_of_the_checks_calls_no_protection_real(article: Run) -> None:
    passed, failed = article.with_verdict(Verdict.PASS), article.failures()[0]
    left_out = replace(passed[0], verdict=Verdict.NOT_RUN, reason="deselected")
    security = next(one for one in passed if one.id.startswith("SA-"))
    few = replace(article, findings=(security, *[left_out] * 99), info=replace(article.info, crashes=()))
    assert answer(few) == (
        "Nothing failed, but only 1 of 100 results came to a verdict: whether this ECU's protection is real is not known."
    )
    unknown = "It is not known whether this ECU's protection is real: only 1 of 100 results came to a verdict; "
    for severity, said in (
        (Severity.MEDIUM, "it is easier to attack than it need be: "),
        (Severity.LOW, "it breaks rules of little use to an attacker: "),
        (Severity.INFO, "some things are worth knowing: "),
    ):
        mild = replace(failed, id="SA-08", severity=severity, accepted="")
        assert answer(replace(few, findings=(mild, *[left_out] * 99))).startswith(unknown + said)
    bad = replace(failed, id="SA-08", severity=Severity.HIGH, accepted="")
    assert answer(replace(few, findings=(bad, *[left_out] * 99))).startswith("This ECU's protection can be overcome")
    cut_short = replace(article, findings=(security, mild), info=replace(few.info, interrupted=True))
    assert "is real: the run did not reach its end; some things" in answer(cut_short)


def test_a_request_that_stops_the_ecu_is_answered_as_that(article: Run) -> None:
    what = "the ECU has fallen silent"
    crash = Crash(request="22 F1", check="fuzz/read-half-did", reproduced=True, what=what)
    dead = replace(
        article.failures()[0],
        id="fuzz/read-half-did", title="A read with half a DID does not stop it", failure="", cause="", accepted="",
        severity=Severity.HIGH, observed=f"{what}; the answer was silence",
    )  # fmt: skip
    info, passed = replace(article.info, crashes=(crash,)), article.with_verdict(Verdict.PASS)
    alone = replace(article, findings=(dead, *passed), info=info)
    assert answer(alone) == (
        "A request stops this ECU: after 22 F1 the ECU has fallen silent (fuzz/read-half-did). "
        "Whether its protection is real is not known: the ECU crashed meanwhile."
    )
    raw = replace(info, crashes=(replace(crash, request="03 22 F1 as raw frames"),))
    assert answer(replace(alone, info=raw)).startswith("Frames stop this ECU: after 03 22 F1 as raw frames the ECU ")
    mild = replace(article.failures()[0], id="SA-08", severity=Severity.MEDIUM, accepted="")
    both = answer(replace(alone, findings=(dead, mild, *passed)))
    assert both.startswith("A request stops this ECU: ")
    assert ". It is not known whether this ECU's protection is real: the ECU crashed meanwhile; it is easier" in both
    bad = replace(mild, severity=Severity.HIGH)
    assert answer(replace(alone, findings=(dead, bad))).startswith("This ECU's protection can be overcome")


def test_a_case_or_a_check_of_something_else_does_not_tell_whether_the_protection_is_real(article: Run) -> None:
    passing = replace(article.with_verdict(Verdict.PASS)[0], id="fuzz/read-half-did")
    failing = replace(
        article.failures()[0], id="fuzz/read-half-did", failure="", severity=Severity.MEDIUM, accepted="", cause=""
    )
    for one in (passing, failing):
        assert answer(replace(article, findings=(one,))).startswith("It is not known whether this ECU's protection is real")
    assert "this does not hold: " in answer(replace(article, findings=(failing,)))


def test_results_are_counted_by_area_and_by_threat(article: Run) -> None:
    areas = {area.name: area for area in by_area(article.findings)}
    security_access = [one for one in article.findings if one.id.startswith("SA-")]
    assert areas["SecurityAccess"].failed == sum(one.verdict is Verdict.FAIL and not one.accepted for one in security_access)
    assert sum(area.failed + area.passed + area.undecided + area.not_applicable for area in areas.values()) == len(
        [one for one in article.findings if not one.accepted]
    )
    threats = {area.name for area in by_threat(article.findings)}
    assert threats == {name for one in article.findings for name in one.r155}


def test_each_requirement_of_the_user_is_met_open_or_not(article: Run) -> None:
    """A requirement that no check answers is shown too."""
    declared = [f"CSR-{number}" for number in range(1, 7)]
    (failing, *_), (passing, *_) = article.failures(), article.with_verdict(Verdict.PASS)
    (open_, *_) = article.with_verdict(Verdict.INCONCLUSIVE)
    accepted = replace(failing, accepted="ticket 4711")
    answers = {"CSR-1": (failing, passing), "CSR-2": (passing,), "CSR-3": (passing, open_), "CSR-4": (passing, accepted)}
    findings = [replace(one, requirements=(name,)) for name, some in answers.items() for one in some]
    target = {**article.info.target, "requirements": [{"id": name, "checks": ["SA-09"]} for name in declared]}
    run = replace(article, findings=tuple(findings), info=replace(article.info, target=target))
    judged = {area.name: area.met for area in by_requirement(run)}
    assert judged == {
        "CSR-1": "not met",
        "CSR-2": "met",
        "CSR-3": "open",
        "CSR-4": "not met, accepted",
        "CSR-5": "no result",
        "CSR-6": "no result",
    }
    assert run.summary()["requirements"] == judged
    text = " ".join(read(run).text.split())
    assert "CSR-3 open " in text[text.index("By your own requirements") :]
    assert "By your own requirements" not in read(article).text


def test_a_partial_run_says_so_in_amber_and_words_whether_or_not_it_failed(article: Run) -> None:
    passing, failing = article.with_verdict(Verdict.PASS), article.failures()
    left_out = [replace(passing[0], id=f"XX-{n:02}", verdict=Verdict.NOT_RUN, reason="deselected") for n in range(40)]
    for findings in ((*passing, *left_out), (*passing, *failing, *left_out)):
        page = read(replace(article, findings=findings))
        assert (
            f"partial run {len(findings) - 40} of {len(findings)} results reached pass or fail, 40 not selected."
            in page.text
        )
        assert "no finding " not in page.text
    whole = read(replace(article, findings=passing)).text
    assert "partial run" not in whole
    assert "no finding " in whole


def test_what_the_ecu_printed_fills_no_pages(article: Run) -> None:
    console = "booting\n" + "got a frame\n" * 5000 + "".join(f"line {number}\n" for number in range(1000)) + "x" * 9999
    html = render_audit_html(replace(article, info=replace(article.info, console=console)), files=FILES)
    text = Page(html).text
    assert "It printed 6002 lines, which began with: booting" in " ".join(text.split())
    assert "got a frame (× 5000)\nline 0\n" in text
    assert "line 999\n" in text
    assert text.count("\nline ") < 60
    assert html.index('<details class="rest">') < html.index("line 999")


def test_what_is_worst_for_the_protection_is_said_first_in_sentence_and_list(article: Run) -> None:
    failing = article.failures()[0]
    names = ("TP-01", "IE-01", "SA-02")
    some = tuple(replace(failing, id=name, failure=f"{name} is wrong", cause="", accepted="") for name in names)
    run = replace(article, findings=some)
    assert "(SA-02)" in answer(run)
    text = read(run).text
    listed = text[text.index("What to fix first") :]
    assert listed.index("SA-02") < listed.index("TP-01")


def test_the_map_says_in_words_what_stands_against_the_declaration(article: Run) -> None:
    standings: tuple[Standing, ...] = ("allowed as declared", "open though guarded", "refused though open", "not known")
    rows = (
        GridRow(name="2020 write", cells=("answered", "answered", "0x33", ""), standings=standings),
        GridRow(name="ABCD read", cells=("answered",) * 4),
    )
    grid = Grid(columns=("a", "b", "c", "d"), rows=rows)
    info = replace(article.info, profiles=(Profile(title="Access", rows=(), grid=grid),))
    html = render_audit_html(replace(article, info=info), files=FILES)
    text = " ".join(Page(html).text.split())
    assert "2020 write answered answeredopen though guarded 0x33refused though open not asked" in text
    assert "allowed as declared: 1 refused as declared: 0 open though guarded: 1 refused though open: 1 not known: 1" in text
    for standing in get_args(Standing):  # a sign stands in the style, besides the colour
        assert re.search(rf"\.{standing.replace(' ', '-')}::before {{ content: \"[^ ] \"", html), standing


# Compiled templates


@pytest.mark.parametrize("may_write", [True, False])
def test_templates_are_compiled_once_where_python_may_keep_what_it_compiles(
    may_write: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", not may_write)
    kept = Path(cache_from_source(html.__file__)).parent
    kept.mkdir(parents=True)
    compiled = html.environment.__wrapped__().get_template("audit.html").root_render_func
    assert bool(list(kept.iterdir())) is may_write
    for file in kept.iterdir():
        file.write_bytes(file.read_bytes()[:40])  # damaged
    again = html.environment.__wrapped__().get_template("audit.html").root_render_func
    assert again.__code__ == compiled.__code__
