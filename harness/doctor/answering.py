"""Diagnose an open bus: whether there is traffic, whether frames are sent, and whether the ECU answers."""

import shlex
from collections.abc import Iterator
from itertools import product

from harness.discovery.addresses import ANSWER_S, confirmed, listen
from harness.discovery.probes import PROBES
from harness.discovery.traffic import sentences
from harness.discovery.usual_ids import Id
from harness.doctor.computer import Machine
from harness.doctor.diagnosis import Diagnosis, failure, note, ok
from harness.doctor.socketcan import VIRTUAL, controller
from harness.errors import LinkError
from harness.link.bus import Link
from harness.link.clock import Chance
from harness.target import Target
from harness.tester.client import Client

SENDING = "frames go out and are acknowledged"
LISTEN_S = 1.2
"""How many seconds to listen for other traffic: longer than the period of the slowest usual messages."""
HEARD_FRAMES = 2000
"""In how many frames before the first request a conversation of other nodes is looked for."""


def contact(link: Link, target: Target, machine: Machine) -> Iterator[Diagnosis]:
    """Listen, send requests, and expect answers. If the adapter fails, examine its controller once more."""
    try:
        yield from traffic(link, target)
        yield from answers(link, target)
    except LinkError as error:
        remedy = "see wiring, two resistors of 120 ohm, the bit rate, and that the ECU has power"
        yield failure(SENDING, str(error), remedy)
        can = target.can
        details = machine.link_details(can.channel) if can.interface == "socketcan" else None
        if details is not None and not can.channel.startswith(VIRTUAL):
            yield from (one for one in controller(can, details) if one.has_failed)


def traffic(link: Link, target: Target) -> Iterator[Diagnosis]:
    """Say which traffic is heard before anything is sent. Raises LinkError if the adapter fails."""
    first = link.trace.count
    heard = listen(link, LISTEN_S)
    errors = sum(frame.is_error for frame in link.trace.frames(first, link.trace.count))
    frames = sum(heard.values())
    seen = f"{frames / LISTEN_S:.0f} frames a second of {len(heard)} ids" if heard else "none, which may be right on a bench"
    yield ok("other traffic", seen)
    if errors:
        remedy = "see the bit rate, CAN-H and CAN-L, and two resistors of 120 ohm"
        yield failure("error frames", f"{errors} in {LISTEN_S:g} s", remedy)
    response = target.can.response_id
    if any(number == response for number, _ in heard):
        seen = f"0x{response:X} is heard although nothing was asked"
        yield note("the response id", seen, "end the other tester, or look for the ECU's own id: see `uds-harness discover`")


def answers(link: Link, target: Target) -> Iterator[Diagnosis]:
    """Say whether requests are sent and answered. Raises LinkError if the adapter fails; `contact` diagnoses that.

    The requests are TesterPresent, reads, and the default session.
    """
    can = target.can
    ids = f"0x{can.request_id:X} -> 0x{can.response_id:X}"
    client = Client(link, target, chance=Chance(0))
    is_alive = client.is_alive()
    how = "confirmed by the adapter" if link.confirms_sending else "taken by the adapter, which does not tell more"
    yield ok(SENDING if link.confirms_sending else "frames go out", how)
    if is_alive:
        yield ok("the ECU answers", f"{ids}: {client.recent[-1]}")
        return
    yield failure("the ECU answers", f"{ids}: silence", *_why_silent(link, target))


def _why_silent(link: Link, target: Target) -> Iterator[str]:
    """Say on which id or in which frame format the ECU answers instead, or else what to examine next."""
    can = target.can
    if can.interface == "virtual":
        yield "python-can's virtual bus ends at this process, which nobody else is in"
        yield 'use interface = "uds-sim", or socketcan with a vcan'
        return
    is_long = can.extended_ids is True or can.request_id > 0x7FF
    formats: list[Id] = [(can.request_id, is_long)]
    formats += [(can.request_id, not is_long)] if can.request_id <= 0x7FF else []
    begun = link.trace.count
    known = set(listen(link, ANSWER_S))
    for asked, probe in product(formats, PROBES):
        for pair in confirmed(link, asked, known, probe=probe, is_named=True):
            number, response_is_long = pair.response
            yield f"it answers on 0x{number:X}: request_id = 0x{can.request_id:X}, response_id = 0x{number:X}"
            if response_is_long != is_long or asked[1] != is_long:
                mixed = '"any"' if asked[1] != response_is_long else str(asked[1]).lower()
                yield f"ids of {'29' if response_is_long else '11'} bits: extended_ids = {mixed}"
            elif (can.padding is not None) is not probe.is_padded:
                filled = "filled up" if probe.is_padded else "not filled up"
                yield f"to frames that are {filled}: padding = {'0x00' if probe.is_padded else 'false'}"
            elif can.fd and number == can.response_id:
                yield "to classic frames: fd = false"
            return
    yield from sentences(link.trace.frames(max(0, begun - HEARD_FRAMES), begun))
    where = f"--interface {shlex.quote(can.interface)} --channel {shlex.quote(can.channel)}"
    yield f"uds-harness discover {where}"
    yield "see that the ECU has power, and request_id and response_id"
