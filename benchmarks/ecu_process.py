"""Measure what one request costs the process of `uds-harness ecu`, in processor time: ``python -m benchmarks.ecu_process``.

At 500 kbit/s a request and its answer in one frame each take 0.46 ms on the wire: a computer on which the ECU needs less
processor time than that for each request keeps up with whatever a tester can send.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path

import can

FRAME_US = 115 * 2
"""The time of a frame on the wire, in microseconds: eight bytes at 500 kbit/s, with a few stuff bits."""
KINDS = {
    "a read, single frames (22 1010)": ["0322101000000000"],
    "a read of 97 bytes (22 F1A0)": ["0322F1A000000000"],
    "a seed of 16 bytes (27 01)": ["0227010000000000"],
    "a refusal (22 4711)": ["0322471100000000"],
}
FLOW_CONTROL = "3000000000000000"
ANSWER_S = 5.0


def processor_s(process: int) -> float:
    """Return the processor time, in seconds, that a process has used so far."""
    text = Path(f"/proc/{process}/schedstat").read_text(encoding="ascii")
    return int(text.split()[0]) / 1e9


def ask(bus: can.BusABC, data: str) -> int:
    """Send one request, and receive all frames of its answer; return their number."""

    def send(frame: str) -> None:
        bus.send(can.Message(arbitration_id=0x740, data=bytes.fromhex(frame), is_extended_id=False))

    send(data)
    frames = left = 0
    while True:
        answer = bus.recv(ANSWER_S)
        if answer is None:
            raise SystemExit("the ECU does not answer")
        if answer.arbitration_id != 0x748:
            continue
        frames += 1
        if answer.data[0] >> 4 == 1:
            left = (answer.data[0] & 0xF) << 8 | answer.data[1]
            left -= 6
            send(FLOW_CONTROL)
        elif answer.data[0] >> 4 == 2:
            left -= 7
        if left <= 0:
            return frames


def measure(bus: can.BusABC, process: int, requests: list[str], count: int) -> tuple[float, float, int]:
    """Return the processor time and the elapsed time of a request, in microseconds, and the number of frames of its
    answer.
    """
    for data in requests * (count // 10):
        ask(bus, data)
    begun_s, used_s = time.perf_counter(), processor_s(process)
    frames = 0
    for _ in range(count):
        for data in requests:
            frames = ask(bus, data)
    return (processor_s(process) - used_s) / count * 1e6, (time.perf_counter() - begun_s) / count * 1e6, frames


def main() -> None:
    """Start an ECU, send requests to it, and print a table of what they cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--interface", default="socketcan")
    parser.add_argument("--channel", default="vcan0")
    parser.add_argument("--count", type=int, default=2000)
    options = parser.parse_args()
    words = [str(Path(sys.executable).with_name("uds-harness")), "ecu", "hardened"]
    words += ["--interface", options.interface, "--channel", options.channel]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as ecu:
        for line in ecu.stdout or ():
            if line.strip() == "ready":
                break
        time.sleep(1.0)
        start_s = processor_s(ecu.pid)
        with can.Bus(interface=options.interface, channel=options.channel) as bus:
            print(f"{'request':34} {'frames':>6} {'processor':>12} {'elapsed':>12} {'wire at 500 kbit/s':>20}")
            bus.send(can.Message(arbitration_id=0x740, data=bytes.fromhex("0210030000000000"), is_extended_id=False))
            bus.recv(ANSWER_S)
            for name, requests in KINDS.items():
                cpu_us, elapsed_us, frames = measure(bus, ecu.pid, requests, options.count)
                wire_us = (1 + frames + (frames > 1)) * FRAME_US
                print(f"{name:34} {frames:6} {cpu_us:9.0f} us {elapsed_us:9.0f} us {wire_us:17.0f} us")
        idle_from_s, from_s = processor_s(ecu.pid), time.perf_counter()
        time.sleep(5.0)
        idle = (processor_s(ecu.pid) - idle_from_s) / (time.perf_counter() - from_s)
        print(f"to start it took {start_s:.1f} s of processor time; idle it takes {idle:.2%} of one processor")
        ecu.terminate()
    print(f"this process took {resource.getrusage(resource.RUSAGE_SELF).ru_utime:.1f} s")


if __name__ == "__main__":
    main()
