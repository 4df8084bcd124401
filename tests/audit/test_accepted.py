"""Prove how the target file accepts findings."""

from pathlib import Path

import pytest

from .auditing import Done, article_with, uds_harness

WHY = "The bench has no other ECU."


def accepting(name: str, more: str = "", severity: str = "critical") -> str:
    return f'\n[[accepted]]\nid = "{name}"\nseverity = "{severity}"\nreason = "{WHY}"\n{more}\n'


def audited(place: Path, text: str, *selected: str) -> Done:
    return uds_harness("audit", article_with(place, text), "-k", " or ".join(selected), cwd=place)


def test_a_run_with_accepted_findings_only_ends_with_0(place: Path) -> None:
    done = audited(place, accepting("CF-01") + accepting("CF-02"), "CF-01", "CF-02")
    assert done.code == 0, done.explain()
    assert done.verdicts == {"CF-01": "fail", "CF-02": "fail"}, "it is accepted, not gone"
    assert done.document["summary"]["accepted"] == 2
    assert "0 findings" in done.out


def test_a_finding_beside_it_still_counts(place: Path) -> None:
    done = audited(place, accepting("CF-01"), "CF-01", "CF-02")
    assert done.code == 1
    assert [finding.id for finding in done.run.failures()] == ["CF-02"]


def test_the_reason_is_said_wherever_the_finding_is(place: Path) -> None:
    done = audited(place, accepting("CF-02"), "CF-02")
    assert done.result("CF-02")["accepted"] == WHY
    assert WHY in " ".join(done.out.split())
    assert WHY in (done.folder / "audit.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(("expires", "code"), [("2020-01-01", 1), ("2999-12-31", 0)])
def test_what_is_accepted_until_a_day_fails_again_after_it(expires: str, code: int, place: Path) -> None:
    done = audited(place, accepting("CF-02", f"expires = {expires}"), "CF-02")
    assert done.code == code, done.explain()
    said = f"CF-02 was accepted by the target file ({WHY}) until {expires} and counts again."
    assert (said in done.document["run"]["remarks"]) is (code == 1)


def test_what_is_accepted_and_no_longer_fails_is_said(place: Path) -> None:
    """If an accepted finding no longer fails, the run says so."""
    done = audited(place, accepting("SA-01"), "SA-01")
    assert done.verdicts == {"SA-01": "pass"}
    said = [remark for remark in done.document["run"]["remarks"] if "SA-01" in remark]
    assert said, done.explain()
    assert "accepted" in said[0]
    assert "SA-01" in done.out.split("report:")[0].split("pass   ")[-1], done.explain()


def test_an_acceptance_of_an_id_that_no_check_has_is_said(place: Path) -> None:
    done = audited(place, accepting("CF-20"), "CF-02")
    assert "No check of this run has an id that the target file accepts: CF-20." in done.document["run"]["remarks"]


def test_an_acceptance_of_what_was_not_run_says_nothing(place: Path) -> None:
    done = audited(place, accepting("SA-09"), "SA-01")
    assert not any("SA-09" in remark for remark in done.document["run"]["remarks"])


def test_a_failure_that_is_worse_than_what_is_accepted_counts(place: Path) -> None:
    done = audited(place, accepting("CF-01", severity="low"), "CF-01")
    assert done.code == 1, done.explain()
    assert done.result("CF-01")["severity"] == "medium"
    said = f"CF-01 is accepted by the target file up to severity low ({WHY}); this failure is medium and counts."
    assert said in done.document["run"]["remarks"]


@pytest.mark.parametrize(("parameter", "code"), [("level 0x01", 0), ("level 0x03", 1)])
def test_what_is_accepted_for_one_parameter_is_accepted_for_that_one_only(parameter: str, code: int, place: Path) -> None:
    done = audited(place, accepting("SA-09", f'parameter = "{parameter}"'), "SA-09")
    assert done.code == code, done.explain()
    said = "SA-09 was run on nothing that the target file accepts it for: level 0x03."
    assert (said in done.document["run"]["remarks"]) is (code == 1)


@pytest.mark.parametrize(("observed", "code"), [("no limit in 11", 0), ("no limit in 300", 1)])
def test_an_acceptance_may_pin_what_was_observed(observed: str, code: int, place: Path) -> None:
    done = audited(place, accepting("SA-09", f'observed = "{observed}"'), "SA-09")
    assert done.code == code, done.explain()


def test_an_acceptance_without_severity_is_refused_with_the_line_to_add(place: Path) -> None:
    done = audited(place, f'\n[[accepted]]\nid = "CF-01"\nreason = "{WHY}"\n', "CF-01")
    assert done.code == 4
    assert "accepted #1: severity is missing; give the highest that is accepted" in done.err.replace("\n", " ")
    assert 'severity = "high"' in done.err
    assert done.folders == []
