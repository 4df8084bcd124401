"""Print how many executions campaigns need to find each of twenty flaws, beside a loop over Scapy's `fuzz()`.

Both are watched by the same oracles on the same ECUs. Of the campaign every exchange counts, also those that look after the
ECU; of Scapy's loop only what `fuzz()` made. Scapy makes a request of one of its UDS layers, and every second time a frame.
"""

import argparse
import contextlib
import time
from collections.abc import Iterator
from typing import Final

from scapy.contrib.automotive.uds import UDS
from scapy.layers.can import CAN
from scapy.packet import fuzz

from harness.audit.opening import open_tester
from harness.fuzz.bench import Bench, Judging, Setting
from harness.fuzz.play import Stimulus
from harness.fuzz.python import ScapyChance
from harness.link.clock import Chance
from harness.link.trace import Trace
from harness.target import Target
from harness.uds import RESPONSE_OFFSET

from . import campaign_nodes
from .first_found import ecu_of, first_found

MOST: Final = 1_000_000
MOST_BY_SCAPY: Final = 20_000
LONGEST_BYTES: Final = 4095
LOOK_EVERY: Final = 50
"""How many messages of Scapy's loop come between two complete looks; the lock is looked at after each message."""


def made_by_scapy(seed: int, count: int) -> list[Stimulus]:
    """Yield requests and frames by Scapy's `fuzz()`, in turns."""
    layers = [
        (condition["service"], layer)
        for condition, layer in UDS.payload_guess
        if "service" in condition and not condition["service"] & RESPONSE_OFFSET
    ]
    chance = Chance(seed).stream("scapy")
    scapy_chance = ScapyChance(chance)
    made: list[Stimulus] = []
    with scapy_chance.in_force():
        while len(made) < count:
            service, layer = layers[chance.below(len(layers))]
            with contextlib.suppress(ValueError):  # of some layers it makes values that it cannot write
                request = bytes(UDS(service=service) / fuzz(layer()))[:LONGEST_BYTES]
                made += [(request,), (bytes(CAN(bytes(fuzz(CAN(identifier=0x740)))).data)[:8],)]
    return made


class _Kept(Bench):
    """A bench whose ECU is never replaced, since a plain loop cannot do that."""

    def renew(self) -> None:
        """Leave the ECU as it is."""


def found_by_scapy(target: Target, stimuli: list[Stimulus], seed: int) -> tuple[str, int]:
    """Return the first thing that the loop finds, empty if none, and after how many messages."""
    tester = open_tester(target, seed=seed, trace=Trace(), ledger_path=None)
    tester.prove_keys()
    tester.restore()
    tester.gate.raw_needs = target.safety.allow
    requests = _Kept(tester, judging=Judging.ALL, may_renew=True)
    frames = _Kept(tester, judging=Judging.ALL, may_renew=True)
    requests.begin(Setting())
    frames.begin(Setting(is_raw=True))
    try:
        for count, stimulus in enumerate(stimuli, 1):
            bench = requests if count % 2 else frames
            if not stimulus[0]:
                continue
            bench.play([stimulus])
            damage = bench.look(is_thorough=True) if not count % LOOK_EVERY else bench.look_at_lock()
            what = damage.what if damage is not None else next(iter(bench.complaints), "")
            if what:
                return what, count
    finally:
        tester.link.close()
    return "", len(stimuli)


def lines(names: list[str], *, seed: int, most: int, most_by_scapy: int) -> Iterator[str]:
    """Yield the table, one line for each flaw."""
    yield f"{'':34}{'campaign':>10}{'CPU s':>7}{'Scapy':>9}{'CPU s':>7}  minimal sequence of the campaign"
    stimuli = made_by_scapy(seed, most_by_scapy)
    ours = theirs = 0
    for make in campaign_nodes.TWENTY:
        name = make.__name__
        if names and name not in names:
            continue
        begun_s = time.process_time()
        found, exchanges = first_found(ecu_of(make), seed=seed, most=most)
        ours_s, begun_s = time.process_time() - begun_s, time.process_time()
        what, messages = found_by_scapy(ecu_of(make), stimuli, seed)
        theirs_s = time.process_time() - begun_s
        ours, theirs = ours + (found is not None), theirs + bool(what)
        of_ours = f"{_count(found is not None, exchanges):>10}{ours_s:>7.1f}"
        of_theirs = f"{_count(bool(what), messages):>9}{theirs_s:>7.1f}"
        yield f"{name:34}{of_ours}{of_theirs}  {found.shown if found is not None else ''}"
    yield f"{'found':34}{ours:>10}{'':7}{theirs:>9}"


def _count(is_found: bool, executions: int) -> str:
    return f"{executions:,}" if is_found else f"> {executions:,}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.table", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="FLAW", help="only these")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument("--most", type=int, default=MOST, metavar="N", help=f"exchanges of a campaign ({MOST:,})")
    help_of_most = f"messages of Scapy's loop ({MOST_BY_SCAPY:,})"
    parser.add_argument("--most-by-scapy", type=int, default=MOST_BY_SCAPY, metavar="N", help=help_of_most)
    options = parser.parse_args()
    for line in lines(options.names, seed=options.seed, most=options.most, most_by_scapy=options.most_by_scapy):
        print(line, flush=True)


if __name__ == "__main__":
    main()
