"""Learn one ECU's state machine and judge it. Whatever is learned is kept, even if learning fails."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from harness.errors import KeyFunctionError, LinkError, NotPermitted, Unjudged
from harness.learning.comparison import differing_steps
from harness.learning.expected import expected_machine
from harness.learning.judge import Broken, causes_of, judge_machine, judge_word, judge_words, limits_seen, what_is_known
from harness.learning.learner import Effort, learn
from harness.learning.letters import Alphabet, LetterKind, alphabet_of
from harness.learning.names import named
from harness.learning.observations import Answers, LearningEnded, Observations, Relearn, Word
from harness.learning.reference import RULES, Known
from harness.learning.subject import NOT_SENT, POSITIVE, RESTARTED, SILENCE, WRITTEN, Subject, TrueReset, way_back
from harness.learning.suite import plain_wrong_keys, suite_for
from harness.link.clock import Chance
from harness.runs.findings import Exchange
from harness.runs.state_machine import BrokenRule, NamedState, StateMachine, Transition
from harness.tester.tester import Tester

DEFAULT_EFFORT: Final = Effort(walks=2, steps=10)
FULL_EFFORT: Final = Effort(walks=1, steps=12)
FULL_REQUESTS: Final = 60_000
"""How many requests a full alphabet may take at most, unless another budget is given."""
MOST_OF_A_TREE: Final = 60
"""How many states are shown at most if learning ended before there was a machine."""
COUNTED: Final = frozenset({"SA-09", "SA-10", "SA-11", "SA-12", "SA-13", "SA-14", "SA-15", "SA-20"})
"""Rules that are broken only if the ECU compares more wrong keys than it should."""
EVIDENCE: Final = 6
MOST_SHORTENED: Final = 40
"""How often it is tried to leave a letter out of a sequence."""
_FOREIGN = (LinkError, NotPermitted, KeyFunctionError, Unjudged)


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A rule that the ECU broke again when the sequence was sent again, with the last exchanges of that sequence."""

    rule: BrokenRule
    exchanges: tuple[Exchange, ...]
    first_frame: int
    last_frame: int


@dataclass(slots=True)
class Learned:
    """What was learned of an ECU."""

    machine: StateMachine
    alphabet: Alphabet
    confirmed: list[Confirmed] = field(default_factory=list)
    unconfirmed: list[BrokenRule] = field(default_factory=list)
    """Deviations of the machine that the ECU did not show again when the sequence was repeated."""
    is_error: bool = False
    """Whether the bus or a key function has failed."""


def _tree(observations: Observations | None) -> tuple[tuple[NamedState, ...], tuple[Transition, ...]]:
    """Return the known answers as a machine with a state for each sequence sent, for use if learning did not end."""
    ids: dict[Word, str] = {(): "s0"}
    steps: dict[tuple[str, str], Transition] = {}
    for word, answers in observations.played() if observations is not None else ():
        for index, (letter, answer) in enumerate(zip(word, answers, strict=True)):
            if word[: index + 1] not in ids and len(ids) >= MOST_OF_A_TREE:
                break
            target = ids.setdefault(word[: index + 1], f"s{len(ids)}")
            source = ids[word[:index]]
            steps[source, letter] = Transition(source, letter, answer, target)
    names = {word: f"after {', '.join(word)}" if word else "initial" for word in ids}
    states = tuple(NamedState(id, names[word]) for word, id in ids.items())
    return (states, tuple(steps.values())) if steps else ((), ())


def _boots_deaf(machine: StateMachine) -> bool:
    """Whether the letter after a restart gets no answer."""
    table = machine.table()
    booting = {one.target for one in machine.transitions if one.answer == RESTARTED}
    return any(table[state, letter].answer == SILENCE for state in booting for letter in machine.alphabet)


class Learner:
    """Learns one ECU. `learned` returns the present result, also after an error."""

    def __init__(
        self,
        tester: Tester,
        *,
        is_full: bool,
        seed: int,
        most_requests: int | None = None,
        say: Callable[[str], None] = lambda text: None,
        keep: Callable[[Word, Answers], None] = lambda word, answers: None,
        known: Sequence[tuple[Word, Answers]] = (),
    ) -> None:
        """Prepare learning. Raises Inconclusive, before anything is sent, if the ECU has no initial state to go back to.

        `keep` is called with each sequence that was sent; `known` are sequences that an earlier run sent to the same ECU.
        """
        self._tester = tester
        self._is_full = is_full
        self._seed = seed
        self._say = say
        self._keep = keep
        self._given = known
        self._most_requests = most_requests or (FULL_REQUESTS if is_full else None)
        self._how = way_back(tester)
        self._hypothesis: Any = None
        self._observations: Observations | None = None
        self._subject = Subject(tester, self._how)
        self._ended = ""
        self.alphabet = alphabet_of(tester, is_full=is_full, can_renew=self._how is TrueReset.RENEWED)
        self._known: Known | None = None
        self._confirmed: list[Confirmed] = []
        self._unconfirmed: list[BrokenRule] = []
        self._is_interrupted = self._is_error = False

    def run(self) -> Learned:
        """Learn and judge. If learning ends early, the machine's `ended` says why.

        Raises UserError if the ledger cannot be written.
        """
        try:
            self._learn()
        except (LearningEnded, *_FOREIGN) as reason:
            self._ended = str(reason)
            self._is_error = isinstance(reason, LinkError | KeyFunctionError)
        except KeyboardInterrupt:
            self._ended, self._is_interrupted = "it was interrupted", True
        if not self._is_interrupted:
            try:
                self._judge()
            except (LearningEnded, Relearn, *_FOREIGN) as reason:
                self._ended = self._ended or f"what was found could not be confirmed: {reason}"
            except KeyboardInterrupt:
                self._ended, self._is_interrupted = "it was interrupted", True
        return self.learned()

    def learned(self) -> Learned:
        """Return the present result."""
        machine = self._machine()
        machine = named(machine, self.alphabet) if self._hypothesis is not None else machine
        rules = tuple(one.rule for one in self._confirmed)
        if machine.states and self._known is not None:
            boots_deaf = any(one.answer == RESTARTED for one in machine.transitions) and _boots_deaf(machine)
            reference = expected_machine(self.alphabet, self._known, boots_deaf=boots_deaf)
            if reference.states:
                steps = [one for _, one, _ in differing_steps(machine, reference, machine.alphabet)]
                differing = tuple(dict.fromkeys((one.source, one.letter) for one in steps if one.answer != NOT_SENT))
                machine = replace(machine, reference=reference, differing=differing)
        machine = replace(machine, violations=rules)
        return Learned(machine, self.alphabet, self._confirmed, self._unconfirmed, self._is_error)

    # Learning

    def _learn(self) -> None:
        tester = self._tester
        self._prove_keys()
        self.alphabet = alphabet_of(
            tester, is_full=self._is_full, can_renew=self._how is TrueReset.RENEWED, are_keys_tried=True
        )
        self._subject.prepare(self.alphabet)
        letters = self.alphabet.by_name()
        observations = Observations(self._subject, letters, most_requests=self._most_requests)
        observations.watch = self._keep
        self._observations = observations
        for word, answers in self._given:
            if letters.keys() >= set(word):
                observations.remember(word, answers)
        plain = [plain_wrong_keys(self.alphabet, tester.target, level) for level in self.alphabet.levels]
        self._ask_first(observations, [word for word in plain if word])
        suite = suite_for(self.alphabet, tester.target, limits_seen(observations, self.alphabet, tester.target))
        self._ask_first(observations, suite.first)
        learn(
            [one.name for one in self.alphabet.letters],
            observations,
            chance=Chance(self._seed).stream("learn"),
            effort=FULL_EFFORT if self._is_full else DEFAULT_EFFORT,
            suite=suite,
            see=self._see,
        )

    def _prove_keys(self) -> None:
        """Let each key function open its level once, since only that proves its keys right."""
        tester, security = self._tester, self._tester.security
        for entry in tester.target.security:
            if not security.has_key(entry.level) or not (tester.access.can_relock or self._how is TrueReset.RENEWED):
                continue
            self._subject.reset()
            try:
                security.unlock(entry.level)
            except Unjudged as reason:
                tester.note(f"level 0x{entry.level:02X}: {reason}")
        self._subject.resets = 0

    def _ask_first(self, observations: Observations, words: Sequence[Word]) -> None:
        for index, word in enumerate(words):
            for _ in range(3):
                try:
                    if observations.known(word) is None:
                        observations.play(word)
                    break
                except Relearn:
                    continue
            self._say(f"{index + 1} of {len(words)} sequences that single checks ask")

    def _see(self, hypothesis: Any) -> None:
        self._hypothesis = hypothesis
        self._say(f"{hypothesis.size} states, {self._tester.exchange_count} requests")

    def _machine(self) -> StateMachine:
        observations, hypothesis = self._observations, self._hypothesis
        if hypothesis is None:
            return self._machine_of(*_tree(observations))
        states = sorted(hypothesis.states, key=lambda one: (len(one.prefix), one.prefix))
        ids = {one.state_id: f"s{number}" for number, one in enumerate(states)}
        names = [one.name for one in self.alphabet.letters]
        transitions = [
            Transition(ids[one.state_id], name, one.output_fun[name], ids[one.transitions[name].state_id])
            for one in states
            for name in names
        ]
        return self._machine_of(tuple(NamedState(id, id) for id in ids.values()), tuple(transitions))

    def _machine_of(self, states: tuple[NamedState, ...], transitions: tuple[Transition, ...]) -> StateMachine:
        observations, security = self._observations, self._tester.security
        return StateMachine(
            alphabet=tuple(one.name for one in self.alphabet.letters),
            states=states,
            initial="s0" if states else "",
            transitions=transitions,
            requests=self._tester.exchange_count,
            resets=self._subject.resets,
            wrong_keys=security.wrong_keys_sent,
            nondeterminism=tuple(observations.conflicts) if observations is not None else (),
            meanings={one.name: one.what for one in (*self.alphabet.letters, *self.alphabet.probes)},
            left_out=self.alphabet.left_out,
            saved_letters=observations.saved_letters if observations is not None else 0,
            reset_by=self._how.value,
            target=self._tester.target.name,
            seed=self._seed,
            ended=self._ended,
        )

    # Judging

    def _judge(self) -> None:
        observations = self._observations
        if observations is None:
            return
        observations.keeps_wrong_keys = 0
        observations.most_requests = None  # a finding that is not confirmed would be worth nothing
        letters = self.alphabet.by_name()
        self._known = known = what_is_known(observations, self.alphabet, self._tester.target)
        broken = judge_words(observations.played(), known, letters)
        if not self._ended:  # half a machine says much that is not so
            for id, word in judge_machine(self._machine(), known, letters).items():
                if id not in broken or len(word) < len(broken[id]):
                    broken[id] = word
        stands: dict[str, bool] = {}
        for id in sorted(broken, key=lambda one: (len(broken[one]), one)):
            self._settle(id, broken, known, stands)
        self._confirmed.sort(key=lambda one: (len(one.rule.sequence), one.rule.id))

    def _settle(self, id: str, broken: Broken, known: Known, stands: dict[str, bool]) -> bool:
        """Settle a broken rule's causes first; if none stands, confirm the rule on the ECU. Return whether it stands."""
        if id in stands:
            return stands[id]
        stands[id] = False
        causes = causes_of(id, broken, self.alphabet.by_name())
        settled = [self._settle(cause, broken, known, stands) for cause in causes]
        if not any(settled):
            stands[id] = self._confirm(id, broken[id], known)
        return stands[id]

    def _confirm(self, id: str, word: Word, known: Known) -> bool:
        """Make the ECU break the rule once more, by a sequence as short as can be found; return whether it does."""
        self._say(f"{id} is confirmed on the ECU")
        shortest = self._shortened(id, word, known)
        first_frame = self._tester.trace.count
        answers = self._broken_again(id, shortest, known)
        rule = BrokenRule(id, RULES[id], shortest, answers)
        if not answers:
            self._unconfirmed.append(rule)
            return False
        exchanges = tuple(one.exchange() for one in list(self._tester.recent)[-EVIDENCE:])
        last_frame = self._tester.trace.count
        if id == "SA-07" and self._is_open_before(shortest):
            return False  # the zeros are right: that the level is open is told by another rule
        if answers[-1] == SILENCE and not self._is_silent_awake(shortest):
            self._unconfirmed.append(rule)
            return False
        if id in COUNTED and not self._are_compared(shortest):
            self._unconfirmed.append(rule)
            return False
        self._confirmed.append(Confirmed(rule, exchanges, first_frame, last_frame))
        return True

    def _is_silent_awake(self, word: Word) -> bool:
        """Whether the last letter of a sequence gets no answer though it is awake: it answered a plain request before."""
        letters = [self.alphabet.by_name()[name] for name in word]
        self._subject.reset()
        for letter in letters[:-1]:
            self._subject.do(letter)
        return self._tester.is_alive() and self._subject.do(letters[-1]) == SILENCE

    def _are_compared(self, word: Word) -> bool:
        """Whether the right key opens the level after the wrong keys; else a delay may be unannounced.

        Without a key function the keys are taken to be compared, as the code 0x35 says.
        """
        level = self.alphabet.by_name()[word[-1]].number
        seed, key = self.alphabet.first(LetterKind.SEED, level), self.alphabet.first(LetterKind.RIGHT_KEY, level)
        if seed is None or key is None:
            return True
        self._subject.reset()
        letters = [*(self.alphabet.by_name()[name] for name in word), seed, key]
        return [self._subject.do(letter) for letter in letters][-1] == POSITIVE

    def _is_open_before(self, word: Word) -> bool:
        """Whether the guarded effect of the last letter's level succeeds just before that letter."""
        letters = self.alphabet.by_name()
        effect = self.alphabet.first(LetterKind.EFFECT, letters[word[-1]].number)
        if effect is None:
            return False
        self._subject.reset()
        answers = [self._subject.do(letters[name]) for name in (*word[:-1], effect.name)]
        return answers[-1] in (WRITTEN, POSITIVE)

    def _shortened(self, id: str, word: Word, known: Known) -> Word:
        """Return the sequence without letters that are not needed to break the rule; the last letter stays."""
        tries = 0
        index = 0
        while index < len(word) - 1 and tries < MOST_SHORTENED:
            shorter = (*word[:index], *word[index + 1 :])
            tries += 1
            if self._breaks(id, shorter, known):
                word = shorter
            else:
                index += 1
        return word

    def _breaks(self, id: str, word: Word, known: Known) -> bool:
        """Whether the ECU breaks this rule at the end of a sequence. Only a renewable ECU is sent unknown sequences."""
        assert self._observations is not None
        answers = self._observations.known(word)
        if answers is None:
            if self._how is not TrueReset.RENEWED:
                return False  # on a real bus each try costs a reset, and a delay perhaps
            answers = self._observations.play(word)
        letters = self.alphabet.by_name()
        return (id, len(word)) in judge_word([letters[name] for name in word], answers, known)

    def _broken_again(self, id: str, word: Word, known: Known) -> Answers:
        """Send the sequence again, judged by the time that passed. Return the answers; empty if this rule was not broken."""
        letters = [self.alphabet.by_name()[name] for name in word]
        self._subject.reset()
        answers, seconds = [], []
        for letter in letters:
            begun_s = self._tester.link.now_s
            answers.append(self._subject.do(letter))
            seconds.append(max(self._tester.link.now_s - begun_s - letter.seconds, 0.0))
        self._keep(word, tuple(answers))
        return tuple(answers) if any(one == id for one, _ in judge_word(letters, tuple(answers), known, seconds)) else ()
