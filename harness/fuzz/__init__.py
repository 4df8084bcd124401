"""Fuzz cases, streams and hunts. A case is a few lines of TOML or one Scapy packet.

A TOML file with a ``[[case]]`` below whatever is audited holds cases, each with one result, ``fuzz/<id>``::

    [[case]]
    id = "write-odd-length"                                                # letters, digits and - _ .
    why = "A write with half a DID is refused, and nothing is stored."     # the title of the result
    send = "2E 20 {00..FF}"                                                # a message, or a list of them: see send.py
    expect = "negative 13|31|33"                                           # which answers are right: see expect.py
    # and if wanted
    state = "session 0x03"        # in which state each message finds the ECU: see case_state.py
    raw = true                    # the messages are the data fields of frames
    gap_ms = 5                    # the time after each frame until the next one; else they go out back to back
    repeat = 300                  # all of `send` this many times, one after the other, before it is judged
    one_answer = true             # a second final answer is wrong, too
    within_ms = 50                # an answer that takes longer each time is wrong, too
    severity = "medium"           # of a wrong answer; what a message does to the ECU has a severity of its own
    proven_by = ["write_unprotected", "my_ecu.py:factory"]                 # flaws and ECUs where the case is known to fail

Whatever is expected, after each message the ECU is alive, as locked as before, and its protected data unchanged (see
oracles.py), and it goes on as it usually does (see habits.py). In Python a case is a function under `harness.fuzz_case`:
see python.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.lazy import lazily

if TYPE_CHECKING:
    from harness.fuzz.generate import frame_sequence, mutated_request, random_frame, valid_requests
    from harness.fuzz.stream import StimulusStream
    from harness.fuzz.walk import Patience, Walk
    from harness.link.isotp_frames import segments

_HOMES = {
    "Patience": "fuzz.walk",
    "StimulusStream": "fuzz.stream",
    "Walk": "fuzz.walk",
    "frame_sequence": "fuzz.generate",
    "mutated_request": "fuzz.generate",
    "random_frame": "fuzz.generate",
    "segments": "link.isotp_frames",
    "valid_requests": "fuzz.generate",
}

__all__ = [
    "Patience",
    "StimulusStream",
    "Walk",
    "frame_sequence",
    "mutated_request",
    "random_frame",
    "segments",
    "valid_requests",
]

__getattr__ = lazily(__name__, _HOMES)
