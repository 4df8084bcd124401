"""Run a campaign within the session of a run: do the rounds, replay the findings, and keep the results."""

from collections.abc import Callable
from dataclasses import replace

from harness.audit.fuzzing import check_of
from harness.audit.schedule import checks_of
from harness.audit.session import AuditSession
from harness.campaigns.campaign_results import campaign_info, coverage_profile, finding_of, rows
from harness.campaigns.finding_files import CASE_TOML, write_files, write_log
from harness.campaigns.rounds import CampaignSoFar, Door, on_one_ecu, run_rounds
from harness.campaigns.shards import Job, hunt
from harness.fuzz.case import read_cases
from harness.fuzz.found import FuzzFinding
from harness.fuzz.hunt import Yield
from harness.runs.findings import Finding, Run
from harness.verdict import Depth, Verdict

Tell = Callable[[Finding], None]


class CampaignRun:
    """One campaign in one run's folder. A finding is kept as soon as its case has been replayed."""

    def __init__(self, session: AuditSession, campaign: CampaignSoFar, *, command: str, tell: Tell) -> None:
        """Prepare the campaign; `tell` is called with each result when it is kept."""
        self._session = session
        self._campaign = campaign
        self._command = command
        self._tell = tell
        self._replayed: dict[str, Finding] = {}

    def go(
        self,
        door: Door | None,
        *,
        is_over: Callable[[], bool],
        after: Callable[[], None],
        each: Callable[[Yield], None] = lambda result: None,
    ) -> None:
        """Run the rounds, on the session's own ECU if `door` is None. Call `after` after a round, `each` after a shard."""

        def kept(found: list[FuzzFinding]) -> None:
            for one in found:
                self._keep(one)
            after()

        door = door or on_one_ecu(self._hunt_here)
        run_rounds(self._campaign, self._session.folder.path, door, is_over=is_over, after=kept, each=each)

    def finish(self, stopped_by: str) -> Run:
        """Keep the results of the campaign, and write the reports."""
        session, campaign = self._session, self._campaign
        by_digest = {one.digest: one for one in campaign.found.values()}
        for digest, replayed in self._replayed.items():
            session.keep(finding_of(by_digest[digest], replayed, repeat=replayed.repeat))
        verdicts = {digest: finding.verdict for digest, finding in self._replayed.items()}
        for row in rows(campaign, verdicts, repeat=self._command):
            self._tell(session.keep(row))
        session.info = replace(session.info, campaign=campaign_info(campaign))
        session.measure.profiles.append(coverage_profile(campaign))
        session.before_reports = self._write_logs
        return session.finish(stopped_by)

    def _hunt_here(self, job: Job) -> Yield:
        session = self._session
        session.runner.contact.require()
        session.tester.restore()
        return hunt(job, session.tester)

    def _keep(self, found: FuzzFinding) -> None:
        """Replay the finding's case as the suite would, and keep the result."""
        session = self._session
        folder = write_files(session.folder.path, found, session.options.target)
        (case,) = read_cases(folder / CASE_TOML)
        (check,) = checks_of([check_of(case)], tester=session.tester, measure=session.measure, depth=Depth.DEEP)
        if session.tester.link.can_renew():  # what an earlier case has opened may stay open
            session.tester.link.renew()
            session.tester.state.renewed()
        repeat = f"{self._audit()} --checks {folder / CASE_TOML} -k {found.case_id}"
        (replayed,) = session.runner.run(check, repeat)[-1:]
        if replayed.verdict is Verdict.PASS:
            reason = "the campaign has seen it more than once, but the case, replayed on an ECU that was restored, has not"
            replayed = replace(replayed, verdict=Verdict.INCONCLUSIVE, reason=reason)
        self._replayed[found.digest] = replayed
        self._tell(session.keep(finding_of(found, replayed, repeat=repeat)))

    def _audit(self) -> str:
        target = self._session.options.target
        return f"uds-harness audit {target.path}" if target.path is not None else "uds-harness audit"

    def _write_logs(self) -> None:
        by_digest = {one.digest: one for one in self._campaign.found.values()}
        for digest, finding in self._replayed.items():
            write_log(self._session.folder.path, by_digest[digest], finding)
