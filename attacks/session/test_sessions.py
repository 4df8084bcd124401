"""Check which sessions exist, and what an ECU permits in the default session."""

from attacks.session.session_probe import DEFAULT, PROGRAMMING, another_session
from harness import Depth, Nrc, Reply, Severity, Tester, attack, fail, inconclusive, negative, not_applicable, uds

USUAL_SESSIONS = frozenset((0x01, 0x02, 0x03))
"""The sessions that are assumed if a target declares that there are sessions, but not which."""

SUB_FUNCTIONS = (0x00, *range(0x04, 0x80))


@attack(
    id="ST-05",
    title="SecurityAccess is not available in the default session",
    failure="SecurityAccess is available in the default session",
    severity=Severity.LOW,
    basis="standard",
    source="ISO 14229-1 Table 23: services available in the default session; SWS_Dcm_00211",
    r155=("18.3",),
    rationale="The default session is the one of normal driving. A seed given there lets SecurityAccess be attacked, and "
    "its attempts be used up, without anything that shows a tester at work.",
    remediation="Answer 7F 27 7F in the default session.",
    proven_by=("seeds_in_default_session",),
)
def test_no_seed_in_the_default_session(tester: Tester, level: int) -> None:
    if not tester.has_sessions:
        raise tester.looking.without_sessions()
    if tester.target.of_level(level).session == DEFAULT:
        not_applicable("the level is declared to be available in the default session")
    another_session(tester)
    entered = tester.enter_session(DEFAULT)
    if not entered.is_positive:
        inconclusive(f"the default session was not entered: {entered}")
    reply = tester.security.request_seed(level)
    if reply.is_positive and not any(reply.pdu[2:]):
        tester.cite(reply)
        inconclusive("the level is open in the default session, and nothing locks it again")
    if reply.is_positive:
        tester.cite(reply)
        fail(expected="negative 0x7F serviceNotSupportedInActiveSession", observed=str(reply))
    tester.judge(reply, sound=negative(Nrc.SERVICE_NOT_SUPPORTED_IN_SESSION), tolerated=negative(), flawed=negative())
    tester.session_for(level)
    tester.security.seed(level)  # otherwise the refusal would say nothing of the session


@attack(
    id="ST-07",
    title="Only declared sessions can be entered",
    failure="An undeclared session can be entered",
    severity=Severity.MEDIUM,
    basis="declared",
    source="ISO 14229-1 DiagnosticSessionControl: subFunctionNotSupported",
    cwe=(912,),
    r155=("18.3",),
    rationale="A session that no document names was made for development or the production line, and is seldom as well "
    "guarded as the others.",
    remediation="Take the session out of the released software, or declare it and guard what it offers.",
    needs=("reset",),
    proven_by=("undeclared_session",),
)
def test_only_declared_sessions_can_be_entered(tester: Tester, depth: Depth) -> None:
    others = another_session(tester)
    declared = {entry.id for entry in tester.target.sessions if entry.origin == "declared"}
    found = {entry.id for entry in tester.target.sessions} - declared - set(USUAL_SESSIONS)
    if found and not declared:
        names = ", ".join(f"0x{session:02X}" for session in sorted(found))
        inconclusive(f"sessions were found, and none is declared that would tell a hidden one from the others: {names}")
    declared = declared or set(USUAL_SESSIONS)
    undecided: list[Reply] = []
    for session in (DEFAULT, others)[: depth.choose(quick=1, default=2, deep=2)]:
        tester.enter_session(session)
        for sub_function in SUB_FUNCTIONS:
            if sub_function not in declared:
                undecided += judge_entry(tester, sub_function, session)
    tester.enter_session(DEFAULT)
    if tester.permits(uds.enter_session(PROGRAMMING)) and tester.enter_session(PROGRAMMING).is_positive:
        tester.await_life()
        # the standard does not say how a tester gets there
        tester.note("the programming session can be entered from the default session directly")
    if undecided:
        tester.cite(undecided[0])
        inconclusive(f"{len(undecided)} sessions were neither entered nor refused: {undecided[0]}")


def judge_entry(tester: Tester, sub_function: int, session: int) -> list[Reply]:
    """Request a session that should not exist, and fail if it is entered; return the reply if it is no refusal either."""
    reply = tester.enter_session(sub_function)
    if reply.is_positive:
        tester.cite(reply)
        fail(expected=f"session 0x{sub_function:02X} refused, in session 0x{session:02X}", observed=str(reply))
    if not reply.is_negative:
        return [reply]
    if not reply.is_refused_with(Nrc.SUB_FUNCTION_NOT_SUPPORTED):
        tester.note(f"tolerated: {reply}, where 0x12 is the rule")
    return []
