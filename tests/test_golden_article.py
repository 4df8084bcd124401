"""Prove the golden table: what an audit must find on the shipped ECUs, verdict by verdict."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import pytest

from harness.audit.catalogue import shipped_functions
from harness.runs.findings import Finding, Run
from harness.target import load_target
from harness.testing import run_checks
from harness.verdict import Depth, Verdict
from tests.audit.auditing import shared_audit

ARTICLE_FAILS = {
    # Part 8; the severities are part 3's.
    **{"SA-08": "low", "SA-09": "high", "SA-21": "low", "SA-22": "medium", "SA-23": "low", "SA-24": "low"},
    "SA-30": "low",  # the right key with a tail; critical only for an empty or a short one
    "SA-34": "high",  # 40 bits of secret
    **{"SA-36": "low", "SA-38": "medium", "SA-40": "medium", "AC-04": "low", "AC-13": "high"},
    **{"CF-01": "medium", "CF-02": "low", "CF-03": "low", "CF-04": "medium", "CF-05": "low"},
    **{"CF-07": "low", "CF-09": "low", "CF-11": "low"},
    **{"TP-01": "medium", "TP-02": "medium", "TP-03": "medium", "TP-04": "medium", "TP-05": "medium"},
    **{"TP-12": "high", "TP-15": "high"},
    **{"IE-01": "high", "IE-05": "high", "DS-04": "low"},
    # A warning that counts as a failure.
    "SA-06": "medium",
    # Part 11: nothing ever locks it again.
    "ST-02": "high",
    # Junk answers and a seed that an unlocked level should not give break the rules of 7F and 2.1.
    **{"FZ-02": "low", "FZ-04": "low"},
}
ARTICLE_PASSES = {
    *("SA-01", "SA-02", "SA-03", "SA-04", "SA-07"),  # os.urandom
    "SA-25",  # by a key that was computed and not used
    *("SA-31", "SA-32", "SA-33", "SA-37", "SA-39", "AC-01", "AC-02", "AC-12", "DS-01", "IE-02"),
    "AC-15",  # 1010 is declared open
    # The window and its growing log are not simulated, so DS-07 has nothing to find here.
    *("CF-10", "CF-12", "DS-02", "DS-03", "DS-07", "FZ-01", "FZ-03", "FZ-05", "FZ-06", "IE-06", "ST-06", "TP-16"),
}
ARTICLE_UNDECIDED = {
    "SA-35": "detectable",  # a difference of 50 ns cannot be seen on a bus
    "AC-14": "no data is declared",  # no ranges
    "CF-06": "not refused with a code",  # junk has no order
    "IE-03": "is refused with 0x31",
    "IE-04": "one unit only",
    # It takes no message of several frames, but silence to first frames does not show that.
    **dict.fromkeys(("TP-06", "TP-07", "TP-08", "TP-09", "TP-10", "TP-11", "TP-17"), "answered by a flow control"),
    **{"TP-13": "more than one frame", "TP-18": "not answered by a flow control"},
}
ARTICLE_LACKS = {
    *("SA-05", "SA-12", "SA-13"),  # no way to restart it
    *("SA-10", "SA-11", "SA-14", "SA-16", "SA-17", "SA-18", "SA-19", "SA-20", "SA-41"),  # no limit, no delay
    *("SA-15", "SA-27", "SA-28", "SA-29"),  # one level
    *("SA-26", "ST-01", "ST-04", "ST-05", "ST-07", "ST-08", "ST-03", "AC-17", "DS-06"),  # no sessions, no reset
    *("AC-03", "CF-08", "TP-14"),  # no functional id
    *("AC-05", "AC-06", "AC-07", "AC-08", "AC-09", "AC-10", "AC-11", "AC-16", "AC-18", "AC-19", "DS-05"),  # no such service
}
ARTICLE = {
    **dict.fromkeys(ARTICLE_FAILS, "fail"),
    **dict.fromkeys(ARTICLE_PASSES, "pass"),
    **dict.fromkeys(ARTICLE_UNDECIDED, "inconclusive"),
    **dict.fromkeys(ARTICLE_LACKS, "not_applicable"),
}
"""By check: the verdict on the article's final script."""

FIRST_SCRIPT_FAILS = {
    # The same framing and the same open DID 1010 as the final script: everything that needs no key is found again.
    *("AC-04", "AC-13", "CF-01", "CF-02", "CF-04", "CF-05", "CF-11", "DS-04", "FZ-02"),
    *("TP-01", "TP-02", "TP-03", "TP-04", "TP-05", "TP-12", "TP-15"),
}
FIRST_SCRIPT_PASSES = {
    *("AC-15", "CF-10", "CF-12", "DS-01", "DS-02", "DS-03", "DS-07", "FZ-01", "FZ-03", "FZ-05", "FZ-06"),
    *("IE-02", "IE-06", "ST-06", "TP-16"),
}
FIRST_SCRIPT_UNDECIDED = {
    *("AC-14", "IE-03"),
    *("CF-03", "CF-06", "CF-09"),  # that no service is known does not show that there is none
    *("TP-06", "TP-07", "TP-08", "TP-09", "TP-10", "TP-11", "TP-13", "TP-17"),  # nor does silence to first frames
}
"""Checks that are undecided on the article's first script, which answers every write of 2020 with 33 and knows no 27.

Its target declares no security level, and declares that 2020 is "never" writable: other checks have no subject. No data is
declared to need a level, so no level protects any; and a refusal could have no control either, since no key opens it.
"""


@dataclass(frozen=True, slots=True)
class Audit:
    """A whole audit at default depth with the cases of `attacks/fuzz`, and the findings without these cases."""

    code: int
    run: Run
    out: str

    @property
    def findings(self) -> list[Finding]:
        return [one for one in self.run.findings if not one.id.startswith("fuzz/")]


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Audit]:
    """Audit a target, each only once."""

    @cache
    def audit(target: str) -> Audit:
        done = shared_audit(tmp_path_factory, target)
        return Audit(done.code, done.run, done.out)

    return audit


def by_id(findings: list[Finding]) -> dict[str, str]:
    """Return the verdict of each check; if its subjects got several verdicts, all of them."""
    found: dict[str, set[str]] = {}
    for one in findings:
        found.setdefault(one.id, set()).add(one.verdict.value)
    return {name: "/".join(sorted(verdicts)) for name, verdicts in found.items()}


def explain(findings: list[Finding]) -> str:
    return "\n".join(f"{one.id} {one.verdict} {one.expected} | {one.observed}{one.reason}" for one in findings)


Audited = Callable[[str], Audit]
TARGETS = ["article", "article-v1", "hardened", "hardened-article-key"]


def test_the_table_is_whole() -> None:
    assert set(ARTICLE) == set(shipped_functions()), "each check stands in one of the groups"
    groups = (ARTICLE_FAILS, ARTICLE_PASSES, ARTICLE_UNDECIDED, ARTICLE_LACKS)
    assert sum(map(len, groups)) == len(ARTICLE), "a check stands in one group only"


def test_the_article(audited: Audited) -> None:
    findings = audited("article").findings
    assert by_id(findings) == ARTICLE, explain(findings)
    assert {one.id: one.severity.value for one in findings if one.verdict is Verdict.FAIL} == ARTICLE_FAILS, explain(
        findings
    )
    assert len(findings) == len(ARTICLE), "one level, one protected record: one result each"
    assert audited("article").code == 1


@pytest.mark.parametrize("name", ARTICLE_UNDECIDED)
def test_what_is_not_decided_says_why(name: str, audited: Audited) -> None:
    (one,) = [one for one in audited("article").findings if one.id == name]
    assert ARTICLE_UNDECIDED[name] in one.reason


@pytest.mark.parametrize("depth", ["quick", "default", pytest.param("deep", marks=pytest.mark.thorough)])
@pytest.mark.parametrize("seed", [2, 3])
def test_the_article_at_every_depth_and_by_other_chance(depth: str, seed: int) -> None:
    findings = run_checks(shipped_functions().values(), load_target("article"), seed=seed, depth=Depth(depth))
    assert by_id(findings) == ARTICLE, explain(findings)


def test_the_articles_first_script(audited: Audited) -> None:
    findings = audited("article-v1").findings
    expected = dict.fromkeys(shipped_functions(), "not_applicable")
    expected |= dict.fromkeys(FIRST_SCRIPT_FAILS, "fail") | dict.fromkeys(FIRST_SCRIPT_PASSES, "pass")
    expected |= dict.fromkeys(FIRST_SCRIPT_UNDECIDED, "inconclusive")
    assert by_id(findings) == expected, explain(findings)


HARDENED = {
    **dict.fromkeys(shipped_functions(), "pass"),
    "AC-07": "not_applicable",  # it has no 2F, 2C, 29
    "AC-10": "not_applicable",
    "AC-19": "not_applicable",
    "DS-05": "not_applicable",  # resets are declared open
    "DS-01": "inconclusive",  # it sends nothing unasked
    "SA-20": "not_run",  # 256 wrong keys between delays of ten seconds: at depth deep
}


@pytest.mark.parametrize(
    ("target", "by_design"), [("hardened", {}), ("hardened-article-key", {"SA-06": "fail", "SA-34": "fail"})]
)
def test_a_sound_ecu_has_no_finding(target: str, by_design: dict[str, str], audited: Audited) -> None:
    done = audited(target)
    assert by_id(done.findings) == HARDENED | by_design, explain(done.findings)
    assert done.code == bool(by_design), done.out


@pytest.mark.parametrize("target", TARGETS)
def test_no_case_fails_on_a_sound_ecu(target: str, audited: Audited) -> None:
    cases = [one for one in audited(target).run.findings if one.id.startswith("fuzz/")]
    failing = [one.id for one in cases if one.verdict is Verdict.FAIL]
    assert bool(failing) is target.startswith("article"), failing


@pytest.mark.parametrize("target", TARGETS)
def test_no_check_and_no_case_ends_in_error(target: str, audited: Audited) -> None:
    errors = [(one.id, one.reason) for one in audited(target).run.findings if one.verdict is Verdict.ERROR]
    assert errors == []


def test_the_article_shows_the_frames_that_prove_it(audited: Audited) -> None:
    """These are the frames that the final script really sends."""
    findings = {one.id: one for one in audited("article").findings}
    shown = {name: [frame.data for e in one.exchanges for frame in e.frames] for name, one in findings.items()}
    assert any(data.startswith("7F") and data.endswith("31") for data in shown["CF-01"])  # no PCI, and no service
    assert "0227350000000000" in shown["SA-09"]  # invalidKey that looks like a request
    assert any(data.startswith(("21", "30")) for data in shown["TP-12"])
    assert any(data.startswith("036E1010") for data in shown["TP-15"])
    assert all(frame.is_extended for e in findings["CF-02"].exchanges for frame in e.frames if not frame.is_sent)


def test_unlimited_is_never_claimed(audited: Audited) -> None:
    """The report says that there was no limit in n evaluated keys, with the extrapolation beside it."""
    (limit,) = [one for one in audited("article").findings if one.id == "SA-09"]
    assert "no limit in 11 evaluated keys" in limit.observed
    assert "unlimited" not in limit.observed.lower()


def test_the_bare_audit_ends_as_the_design_says(audited: Audited) -> None:
    """The summary ends in "N findings, as expected of this deliberately weak ECU"."""
    last = " ".join(audited("article").out.rstrip().split("report:")[1].split("\n", 1)[1].split())
    number = len(audited("article").run.failures())
    assert last == f"{number} findings, as expected of this deliberately weak ECU"
