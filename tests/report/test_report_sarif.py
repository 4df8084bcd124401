"""Prove that audit.sarif matches the published schema, and holds what code-scanning tools need."""

from dataclasses import replace
from typing import Any

import pytest

from harness.report.sarif import sarif_json
from harness.runs.findings import FilePlace, Run
from harness.verdict import Severity, Verdict

from .conftest import HOSTILE, article_run, finding, info
from .formats import CONTROL, sarif_faults, sarif_run


def results(run: Run) -> dict[str, dict[str, Any]]:
    return {result["ruleId"]: result for result in sarif_run(sarif_json(run))["results"]}


def rules(run: Run) -> dict[str, dict[str, Any]]:
    return {rule["id"]: rule for rule in sarif_run(sarif_json(run))["tool"]["driver"]["rules"]}


def with_path(run: Run, path: str) -> Run:
    return replace(run, info=replace(run.info, target={**run.info.target, "path": path}))


@pytest.mark.parametrize("run_name", ["article", "hostile", "empty"])
def test_every_run_is_what_the_published_schema_says(run_name: str, request: pytest.FixtureRequest) -> None:
    assert sarif_faults(sarif_json(request.getfixturevalue(run_name))) == []


def test_only_failures_are_results(article: Run) -> None:
    """GitHub makes an alert of every result, whatever its kind."""
    failing = {one.id for one in article.with_verdict(Verdict.FAIL)}
    assert results(article).keys() == failing
    assert {result["kind"] for result in results(article).values()} == {"fail"}


def test_an_accepted_failure_is_suppressed_with_its_reason_and_no_other_is(article: Run) -> None:
    suppressed = {name: result["suppressions"] for name, result in results(article).items() if "suppressions" in result}
    reason = "Known to the supplier, mended in software 2.1 (ticket 4711)"
    assert suppressed == {"TP-15": [{"kind": "external", "status": "accepted", "justification": reason}]}


def test_the_severity_of_a_failure_is_its_level(article: Run) -> None:
    levels = {name: result["level"] for name, result in results(article).items()}
    assert (levels["SA-09"], levels["CF-01"], levels["SA-24"]) == ("error", "warning", "note")


def test_a_result_says_what_was_expected_and_observed(article: Run) -> None:
    assert results(article)["SA-24"]["message"]["text"] == (
        "A key works once (level 0x01): expected 0x24 requestSequenceError; observed 67 02"
    )


def test_every_result_has_what_code_scanning_demands(article: Run) -> None:
    for result in results(article).values():
        (location,) = result["locations"]
        place = location["physicalLocation"]
        assert place["artifactLocation"]["uri"]
        assert place["region"].keys() == {"startLine", "startColumn", "endLine", "endColumn"}
        assert result["message"]["text"]
        assert len(result.get("relatedLocations", ())) <= 10
    for rule in rules(article).values():
        for name in ("shortDescription", "fullDescription", "help"):
            assert 0 < len(rule[name]["text"]) <= 1024
        assert rule["help"]["markdown"]
        assert 0 < float(rule["properties"]["security-severity"]) <= 10
        assert "security" in rule["properties"]["tags"]
        assert len(rule["properties"]["tags"]) <= 20


def test_a_finding_is_placed_in_the_target_file_else_in_the_report(article: Run) -> None:
    def place(run: Run) -> dict[str, str]:
        return dict(results(run)["SA-09"]["locations"][0]["physicalLocation"]["artifactLocation"])

    assert place(with_path(article, "my pi.toml")) == {"uri": "my%20pi.toml", "uriBaseId": "%SRCROOT%"}
    assert place(article) == {"uri": "audit.html", "uriBaseId": "RUN_FOLDER"}


def test_a_finding_points_at_the_entry_of_the_target_that_it_is_about(article: Run) -> None:
    def region(run: Run, **changes: Any) -> dict[str, int]:
        failing = replace(run, findings=(replace(run.failures()[0], **changes),))
        return dict(results(failing)["SA-09"]["locations"][0]["physicalLocation"]["region"])

    places = {
        "target": FilePlace(line=2, column=1, end_column=9),
        "level 0x01": FilePlace(line=13, column=3, end_column=15),
        "level 0x011": FilePlace(line=99, column=1, end_column=2),
    }
    declared = with_path(replace(article, info=replace(article.info, places=places)), "pi.toml")
    level = {"startLine": 13, "startColumn": 3, "endLine": 13, "endColumn": 15}
    whole = {"startLine": 2, "startColumn": 1, "endLine": 2, "endColumn": 9}
    first = {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 2}
    assert region(declared, parameter="level 0x01") == level
    assert region(declared, parameter="level 0x01 in session 0x03") == level
    assert region(declared, parameter="DID 2020") == region(declared, parameter=None) == whole
    assert region(with_path(article, "pi.toml")) == region(article) == first


def test_the_evidence_is_named_by_its_lines_in_the_bus_log(article: Run) -> None:
    related = results(article)["SA-09"]["relatedLocations"]
    regions = [one["physicalLocation"]["region"] for one in related]
    lines = [(region["startLine"], region["endLine"]) for region in regions]
    assert lines == [(381, 408), (401, 402), (403, 404), (405, 406), (407, 408)]
    assert related[1]["message"]["text"] == "request 2701: positive"


def test_a_rule_names_weaknesses_and_threats(article: Run) -> None:
    rule = rules(article)["SA-09"]
    named = [(one["target"]["toolComponent"]["name"], one["target"]["id"]) for one in rule["relationships"]]
    assert named == [("CWE", "307"), ("CWE", "799"), ("UN R155 Annex 5", "18.3")]
    assert {"external/cwe/cwe-307", "external/cwe/cwe-799", "r155/18.3"} <= set(rule["properties"]["tags"])


@pytest.mark.parametrize(
    ("severity", "band"),
    [
        (Severity.CRITICAL, (9.0, 10.0)),
        (Severity.HIGH, (7.0, 8.9)),
        (Severity.MEDIUM, (4.0, 6.9)),
        (Severity.LOW, (0.1, 3.9)),
        (Severity.INFO, (0.1, 3.9)),
    ],
)
def test_the_score_of_a_rule_is_of_its_severitys_band(severity: Severity, band: tuple[float, float]) -> None:
    run = Run(info=info(), findings=(finding(verdict=Verdict.FAIL, severity=severity),))
    assert band[0] <= float(rules(run)["SA-32"]["properties"]["security-severity"]) <= band[1]


def test_a_finding_has_the_same_fingerprint_in_the_next_run_and_no_other_has_it() -> None:
    def fingerprints(run: Run) -> list[str]:
        found = sarif_run(sarif_json(run))["results"]
        return [result["partialFingerprints"]["primaryLocationLineHash"] for result in found]

    failing = finding(verdict=Verdict.FAIL, observed="67 02")
    other = [replace(failing, parameter="level 0x03"), replace(failing, parameter=None), replace(failing, id="SA-33")]
    first = fingerprints(Run(info=info(), findings=(failing, *other)))
    again = replace(failing, observed="67 02, after 3 ms", first_frame=7, last_frame=9, severity=Severity.HIGH)
    assert len(set(first)) == 4
    assert fingerprints(Run(info=info(seed=7, started_utc="2027-01-01T00:00:00Z"), findings=(again,)))[0] in first
    assert fingerprints(Run(info=info(target={"name": "other"}), findings=(failing,)))[0] not in first


def test_the_invocation_says_when_and_whether_it_came_to_its_end() -> None:
    def invocation(run: Run) -> dict[str, Any]:
        (found,) = sarif_run(sarif_json(run))["invocations"]
        return dict(found)

    sound = Run(info=info(remarks=()), findings=(finding(),))
    done = invocation(sound)
    assert (done["startTimeUtc"], done["endTimeUtc"]) == ("2026-11-20T09:28:00Z", "2026-11-20T09:28:02Z")
    assert done["executionSuccessful"]
    assert done["toolExecutionNotifications"] == []
    killed = invocation(Run(info=info(interrupted=True, finished_utc=""), findings=()))
    assert not killed["executionSuccessful"]
    assert "endTimeUtc" not in killed
    assert "cut short" in killed["toolExecutionNotifications"][0]["message"]["text"]
    assert not invocation(article_run())["executionSuccessful"], "a check ended in error"


def test_what_could_not_be_judged_is_a_notification(article: Run) -> None:
    said = sarif_run(sarif_json(article))["invocations"][0]["toolExecutionNotifications"]
    named = {one["associatedRule"]["id"]: one["level"] for one in said if "associatedRule" in one}
    assert named == {"FZ-09": "error", "SA-35": "warning"}


def test_hostile_text_is_text(hostile: Run) -> None:
    text = sarif_json(hostile)
    run = sarif_run(text)
    assert CONTROL.search(text) is None
    assert "\\u00" not in text, "nor does a control character hide behind an escape of JSON"
    assert "<script>" in run["results"][0]["message"]["text"]
    for rule in run["tool"]["driver"]["rules"]:
        assert "<script>" not in rule["help"]["markdown"]
    assert "/" not in run["automationDetails"]["id"].split("/", 1)[1].rpartition("/")[0]


def test_a_message_is_neither_a_link_nor_a_placeholder() -> None:
    """SARIF (section 3.11) interprets links and placeholders even in plain text."""
    failure = finding(verdict=Verdict.FAIL, expected="{0} and {00..FF}", observed="[here](https://evil.example) [see]")
    (result,) = sarif_run(sarif_json(Run(info=info(), findings=(failure,))))["results"]
    text = result["message"]["text"]
    assert "{{0}} and {{00..FF}}" in text
    assert r"\[here](https://evil.example) [see]" in text


def test_what_was_only_deselected_does_not_describe_its_rule() -> None:
    blank = finding(id="SA-09", parameter="level 0x03", verdict=Verdict.NOT_RUN, reason="deselected")
    full = finding(id="SA-09", rationale="It matters.", cwe=(307,))
    assert rules(Run(info=info(), findings=(blank, full)))["SA-09"]["fullDescription"]["text"] == "It matters."


def test_the_category_is_the_targets_so_that_two_ecus_do_not_replace_each_other() -> None:
    def category(name: str) -> str:
        run = Run(info=info(target={"name": name}), findings=())
        return str(sarif_run(sarif_json(run))["automationDetails"]["id"]).rpartition("/")[0]

    assert category("gateway") == "uds-harness/gateway"
    assert category(HOSTILE).count("/") == 1


def test_a_result_names_the_users_own_requirements() -> None:
    run = Run(info=info(), findings=(finding(verdict=Verdict.FAIL, requirements=("SYS-REQ-17",)),))
    assert results(run)["SA-32"]["properties"]["requirements"] == ["SYS-REQ-17"]
