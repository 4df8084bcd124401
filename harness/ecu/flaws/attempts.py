"""Flaws of the counter of wrong keys."""

from collections.abc import Callable

from harness.ecu.attempts import account_of, is_delayed
from harness.ecu.config import EcuConfig
from harness.ecu.definition import ANY_SERVICE, Definition
from harness.ecu.flaws.declare import flaw
from harness.ecu.flaws.keys import keeping_the_seed
from harness.ecu.rules import UNSUPPORTED, Answer, Ecu, Rule, sub_function
from harness.ecu.services.s10_diagnostic_session_control import session_is_entered
from harness.ecu.services.s27_security_access import (
    is_key,
    key_follows_its_seed,
    level_of,
    seed_is_given,
    wrong_key_is_counted,
)
from harness.ecu.state import State
from harness.uds import Nrc, ResetType, Service

CountWrongKey = Callable[[Ecu, int], Nrc]
CarryOver = Callable[[State, State, EcuConfig, int | None], None]


def _at_each_seed(definition: Definition, act: Callable[[Ecu, int], None]) -> Definition:
    """Call a function before each seed of a level is drawn."""

    def at_seed(ecu: Ecu, request: bytes) -> None:
        if not is_key(request):
            act(ecu, level_of(request))

    return definition.insert(Service.SECURITY_ACCESS, at_seed, before=seed_is_given)


def _clear(ecu: Ecu, level: int) -> None:
    ecu.state.wrong_keys[account_of(ecu.config, level)] = 0


def _forgetting_at(reset_type: int | None) -> Callable[..., None]:
    """Return a wrapper that loses the counters at resets of this type, or when the power is cut (None)."""

    def carry(go_on: CarryOver, old: State, new: State, config: EcuConfig, kind: int | None) -> None:
        if kind == reset_type:
            old.forget_counts()
        go_on(old, new, config, kind)

    return carry


def _keep_counts(state: State, config: EcuConfig, account: int) -> None:
    """Leave a counter unchanged when its delay has run out."""


# The count.


@flaw(number="M18", kills=("SA-09",))
def no_attempt_limit(definition: Definition) -> Definition:
    """Wrong keys are not counted, so there is neither a limit nor a delay."""
    return definition.replace_decision(count_wrong_key=lambda ecu, level: Nrc.INVALID_KEY)


@flaw(number="M19", kills=("SA-10",))
def counter_reset_by_unanswered_seed(definition: Definition) -> Definition:
    """A request for a seed while one is pending clears the count of wrong keys."""

    def forget(ecu: Ecu, level: int) -> None:
        if ecu.state.seed_level == level:
            _clear(ecu, level)

    return _at_each_seed(definition, forget)


@flaw(number="M19b", kills=("SA-09",))
def counter_reset_by_any_seed(definition: Definition) -> Definition:
    """Every request for a seed clears the count of wrong keys, so that no limit is ever reached."""
    return _at_each_seed(definition, _clear)


@flaw(
    number="M19c",
    kills=("SA-10",),
    also={
        "SA-09": "with a new seed for each wrong key no limit is ever reached",
        "SA-22": "the seed stays valid after a wrong key",
        "CF-07": "a second key without a new seed is answered 35",
    },
)
def counter_belongs_to_seed(definition: Definition) -> Definition:
    """A seed may be answered until the limit is reached, and each new seed starts a new count."""
    kept = keeping_the_seed(definition, wrong_key_is_counted, unless=Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS)
    return _at_each_seed(kept, _clear)


@flaw(number="M20", kills=("SA-11",))
def counter_reset_by_session(definition: Definition) -> Definition:
    """DiagnosticSessionControl clears the count of wrong keys."""

    def forget(ecu: Ecu, request: bytes) -> None:
        ecu.state.forget_counts()

    return definition.insert(Service.DIAGNOSTIC_SESSION_CONTROL, forget, before=session_is_entered)


@flaw(number="M20b", kills=("SA-11",))
def counter_reset_by_same_session(definition: Definition) -> Definition:
    """Entering the session that is active already clears the count of wrong keys."""

    def forget(ecu: Ecu, request: bytes) -> None:
        if sub_function(request) == ecu.state.session:
            ecu.state.forget_counts()

    return definition.insert(Service.DIAGNOSTIC_SESSION_CONTROL, forget, before=session_is_entered)


@flaw(number="M21", kills=("SA-12",), also={"SA-18": "a wrong key before that reset is forgotten"})
def counter_lost_at_hard_reset(definition: Definition) -> Definition:
    """The count of wrong keys is lost at 11 01."""
    return definition.wrap_decision(carry_over_restart=_forgetting_at(ResetType.HARD))


@flaw(number="M21b", kills=("SA-12",), also={"SA-18": "a wrong key before that reset is forgotten"}, depth="default")
def counter_lost_at_key_off_on(definition: Definition) -> Definition:
    """The count of wrong keys is lost at 11 02."""
    return definition.wrap_decision(carry_over_restart=_forgetting_at(ResetType.KEY_OFF_ON))


@flaw(number="M21c", kills=("SA-12",), also={"SA-18": "a wrong key before that reset is forgotten"}, depth="default")
def counter_lost_at_soft_reset(definition: Definition) -> Definition:
    """The count of wrong keys is lost at 11 03."""
    return definition.wrap_decision(carry_over_restart=_forgetting_at(ResetType.SOFT))


@flaw(number="M22", kills=("SA-13",), also={"SA-18": "a wrong key before the power was cut is forgotten"})
def counter_lost_at_power_up(definition: Definition) -> Definition:
    """The count of wrong keys is lost when the power is cut."""
    return definition.wrap_decision(carry_over_restart=_forgetting_at(None))


@flaw(number="M23", kills=("SA-14",))
def counter_reset_by_s3(definition: Definition) -> Definition:
    """The end of a session by S3 clears the count of wrong keys."""

    def lock(go_on: Callable[..., None], state: State, session: int, *, has_expired: bool) -> None:
        go_on(state, session, has_expired=has_expired)
        if has_expired:
            state.forget_counts()

    return definition.wrap_decision(lock_on_leaving=lock)


@flaw(
    number="M23b",
    kills=("SA-14",),
    also={"SA-18": "the requests by which a restart is told from none clear the count before it"},
)
def counter_reset_by_other_request(definition: Definition) -> Definition:
    """Any service but 10 and 27 clears the count of wrong keys."""

    def forget(ecu: Ecu, request: bytes) -> Answer | None:
        ecu.state.forget_counts()
        return None

    spared = {UNSUPPORTED.sid, Service.SECURITY_ACCESS, Service.DIAGNOSTIC_SESSION_CONTROL}
    return definition.insert(ANY_SERVICE - spared, forget)


@flaw(kills=("SA-15",))
def success_clears_all_levels(definition: Definition) -> Definition:
    """The right key for one level clears the count of every level."""

    def forgive(go_on: Callable[[Ecu, int], None], ecu: Ecu, level: int) -> None:
        for number in ecu.levels:
            go_on(ecu, number)

    return definition.wrap_decision(forgive_wrong_keys=forgive)


@flaw(kills=("SA-20",))
def limit_compared_for_equality(definition: Definition) -> Definition:
    """The count of wrong keys outlives the delay and is compared with the limit by ==, so no key beyond it is refused."""

    def count(go_on: CountWrongKey, ecu: Ecu, level: int) -> Nrc:
        account = account_of(ecu.config, level)
        if ecu.state.wrong_keys[account] < ecu.config.attempts:
            return go_on(ecu, level)
        ecu.state.wrong_keys[account] += 1
        return Nrc.INVALID_KEY

    return definition.wrap_decision(count_wrong_key=count).replace_decision(forget_run_out=_keep_counts)


@flaw(kills=("SA-20",), depth="deep")
def counter_wraps_in_delay(definition: Definition) -> Definition:
    """Keys during the delay are counted in a byte; when the count is back at zero, the delay is over."""

    def count(go_on: Rule, ecu: Ecu, request: bytes) -> Answer | None:
        answer = go_on(ecu, request)
        if answer is not None and is_delayed(ecu, level_of(request)):
            state, account = ecu.state, account_of(ecu.config, level_of(request))
            state.wrong_keys[account] = (state.wrong_keys[account] + 1) & 0xFF
            if not state.wrong_keys[account]:
                del state.delay_until_s[account]
        return answer

    return definition.wrap(Service.SECURITY_ACCESS, key_follows_its_seed, count)


@flaw(kills=("SA-20",), depth="deep")
def counter_is_signed_byte(definition: Definition) -> Definition:
    """The count of wrong keys stays when the delay is over, and is a signed byte: after 127 comes -128."""

    def count(go_on: CountWrongKey, ecu: Ecu, level: int) -> Nrc:
        account = account_of(ecu.config, level)
        if ecu.state.wrong_keys[account] == 127:
            ecu.state.wrong_keys[account] -= 256
        return go_on(ecu, level)

    return definition.wrap_decision(count_wrong_key=count).replace_decision(forget_run_out=_keep_counts)
