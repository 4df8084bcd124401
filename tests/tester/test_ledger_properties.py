"""Prove the ledger against a model, over runs, ECUs and serial numbers, and against any file content."""

import json
import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from harness.errors import NotRun
from harness.tester.ledger import Ledger, take_over
from tests.calls import refusal_of

LIMIT = 4
LEVELS = st.sampled_from([0x01, 0x03])
BUSES = st.sampled_from(["can0 740/748", "can1 740/748"])
SERIALS = st.sampled_from([b"SN-0001", b"SN-0002", bytes(7)])


class Runs(RuleBasedStateMachine):
    """Runs that begin, count, learn a serial number and end, in any order and with one ledger."""

    runs = Bundle("runs")

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "state" / "wrong-keys.json"
        self.sent: dict[str, Counter[int]] = {}
        """By bus and by serial number: how many keys were sent, as far as it was known which ECU got them."""
        self.names: dict[int, list[str]] = {}
        self.own: dict[int, Counter[int]] = {}

    def teardown(self) -> None:
        self.folder.cleanup()

    @rule(target=runs, bus=BUSES)
    def start(self, bus: str) -> Ledger:
        ledger = Ledger(self.path, bus, LIMIT)
        self.names[id(ledger)], self.own[id(ledger)] = [bus], Counter()
        return ledger

    @rule(ledger=runs, level=LEVELS)
    def send_a_wrong_key(self, ledger: Ledger, level: int) -> None:
        names = self.names[id(ledger)]
        spent = max(self.sent.get(name, Counter())[level] for name in names)
        try:
            ledger.spend(level)
        except NotRun:
            assert spent >= LIMIT
            return
        assert spent < LIMIT
        self.went_out(ledger, level, 1)

    @rule(ledger=runs, level=LEVELS)
    def see_a_key_refused(self, ledger: Ledger, level: int) -> None:
        ledger.count(level)
        self.went_out(ledger, level, 1)

    @rule(ledger=runs, level=LEVELS)
    def take_back(self, ledger: Ledger, level: int) -> None:
        ledger.take_back(level)
        if self.own[id(ledger)][level]:
            self.went_out(ledger, level, -1)

    @rule(ledger=runs, serial=SERIALS)
    def learn_the_serial_number(self, ledger: Ledger, serial: bytes) -> None:
        ledger.identify(serial)
        name = f"serial {serial.hex().upper()}"
        if len(set(serial)) > 1 and name not in self.names[id(ledger)]:
            self.names[id(ledger)].append(name)
            self.sent.setdefault(name, Counter()).update(self.own[id(ledger)])

    def went_out(self, ledger: Ledger, level: int, number: int) -> None:
        self.own[id(ledger)][level] += number
        for name in self.names[id(ledger)]:
            self.sent.setdefault(name, Counter())[level] += number

    @invariant()
    def the_next_run_knows_every_key(self) -> None:
        for name, counts in self.sent.items():
            ledger = Ledger(self.path, name, LIMIT)
            assert {level: ledger.spent(level) for level in (0x01, 0x03)} == {level: counts[level] for level in (0x01, 0x03)}


TestRuns = Runs.TestCase
TestRuns.settings = settings(max_examples=settings().max_examples // 10, stateful_step_count=20)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
LEVEL = st.sampled_from(["0x1", "0x03", "1", "one", "-1", ""])
COUNTS = st.dictionaries(LEVEL, st.integers(-2, 9) | JSON, max_size=3)
ECUS = st.dictionaries(BUSES, COUNTS, max_size=2) | JSON
ALMOST = st.fixed_dictionaries(
    {
        "schema_version": st.sampled_from([1, 1, 1, 2, None]),
        "wrong_keys": ECUS,
        "earlier": st.dictionaries(st.text(max_size=4), ECUS, max_size=2) | JSON,
    }
)
CONTENT = st.binary(max_size=60) | (JSON | ALMOST).map(lambda value: json.dumps(value).encode())


@given(CONTENT)
def test_any_file_is_a_ledger_or_refused_and_stays_as_it_is(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "wrong-keys.json"
        path.write_bytes(content)
        said = refusal_of(lambda: Ledger(path, "can0 740/748", LIMIT))
        assert path.read_bytes() == content
        if said:
            assert "mend it, or move it away" in said
            assert "\n" not in said
            return
        ledger = Ledger(path, "can0 740/748", LIMIT)
        before = ledger.spent(0x01)
        ledger.count(0x01)
        assert Ledger(path, "can0 740/748", LIMIT).spent(0x01) == before + 1


@given(CONTENT | COUNTS.map(lambda counts: json.dumps({"name can0 740": counts}).encode()))
def test_any_earlier_file_is_taken_over_once_or_refused(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, earlier = Path(folder) / "state" / "wrong-keys.json", Path(folder) / "old.json"
        earlier.write_bytes(content)
        found = []
        for _ in range(2):
            if said := refusal_of(lambda: take_over(path, earlier)):
                assert "old.json: the ledger of wrong keys cannot be read" in said
                assert not path.exists()
                return
            found.append(Ledger(path, "can0 740/748", LIMIT, earlier_name="can0 740").spent(0x01))
        assert found[0] == found[1]
