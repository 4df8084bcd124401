"""Prove the diagnoses of CAN hardware on simulated machines."""

import errno
import json
from pathlib import Path
from typing import Any

import pytest

from harness.doctor.computer import Machine
from harness.doctor.diagnosis import Diagnosis
from harness.doctor.socketcan import interface, kernel
from harness.target import Can

CHANNEL = "can0"


def machine(root: Path, **settings: Any) -> Machine:
    """Return a machine without any CAN hardware."""
    (root / "sys" / "class" / "net").mkdir(parents=True, exist_ok=True)
    (root / "dev").mkdir(exist_ok=True)
    places = {"sysfs": root / "sys", "dev": root / "dev", "modules": root / "modules", "device_tree": root / "tree"}
    return Machine(**{**places, "kernel": "6.1", "ip": str(root / "no-such-program"), **settings})


def with_device(root: Path, channel: str = CHANNEL, *, flags: str = "0x41", mtu: int = 16, kind: str = "280") -> Path:
    device = root / "sys" / "class" / "net" / channel
    device.mkdir(parents=True)
    for name, text in {"flags": flags, "mtu": str(mtu), "type": kind}.items():
        (device / name).write_text(text + "\n")
    return root


def with_controller(root: Path, state: str = "ERROR-ACTIVE", **changes: Any) -> Machine:
    """Return a machine with one controller, which `ip` describes as iproute2 does."""
    info = {
        "state": state,
        "berr_counter": changes.pop("berr_counter", {"tx": 0, "rx": 0}),
        "restart_ms": changes.pop("restart_ms", 100),
        "bittiming": {"bitrate": changes.pop("bitrate", 500_000), "sample_point": "0.875"},
        **({"data_bittiming": {"bitrate": changes.pop("dbitrate")}} if "dbitrate" in changes else {}),
    }
    counts = {"info_xstats": {"restarts": 0, "bus_off": changes.pop("bus_off", 0)}}
    said = [{"ifname": CHANNEL, "txqlen": changes.pop("txqlen", 1000), "linkinfo": {"info_data": info, **counts}}]
    assert not changes
    return with_ip(root, json.dumps(said))


def with_ip(root: Path, text: str) -> Machine:
    (root / "said").write_text(text)
    program = root / "ip"
    program.write_text(f'#!/bin/sh\ncat "{root / "said"}"\n')
    program.chmod(0o755)
    return machine(root, ip=str(program))


def can(**changes: Any) -> Can:
    return Can(**{"interface": "socketcan", "channel": CHANNEL, "request_id": 0x7E0, "response_id": 0x7E8, **changes})


def failures(found: list[Diagnosis]) -> dict[str, Diagnosis]:
    return {one.what: one for one in found if one.has_failed}


def test_a_sound_interface_has_nothing_to_mend(tmp_path: Path) -> None:
    found = list(interface(can(), with_controller(with_device(tmp_path))))
    assert {one.state.value for one in found} == {"ok"}
    assert [one.what for one in found][-2:] == ["the bit rate", "the controller's error state"]


def test_an_interface_that_is_down_comes_with_the_targets_bit_rate(tmp_path: Path) -> None:
    (one,) = failures(list(interface(can(bitrate=250_000), machine(with_device(tmp_path, flags="0x40"))))).values()
    assert one.remedy == ("sudo ip link set can0 type can bitrate 250000", "sudo ip link set can0 up")


def test_an_interface_for_fd_is_brought_up_for_fd(tmp_path: Path) -> None:
    target = can(fd=True, data_bitrate=4_000_000)
    (one,) = failures(list(interface(target, machine(with_device(tmp_path, flags="0x40"))))).values()
    assert "sudo ip link set can0 type can bitrate 500000 dbitrate 4000000 fd on" in one.remedy


def test_a_wrong_bit_rate_names_both(tmp_path: Path) -> None:
    (one,) = failures(list(interface(can(), with_controller(with_device(tmp_path), bitrate=250_000)))).values()
    assert "250000 bit/s; the target says 500000" in one.seen
    assert one.remedy[0] == "sudo ip link set can0 down"


def test_a_wrong_data_bit_rate_is_told(tmp_path: Path) -> None:
    here = with_controller(with_device(tmp_path, mtu=72), dbitrate=8_000_000)
    assert set(failures(list(interface(can(fd=True, data_bitrate=2_000_000), here)))) == {"the data bit rate"}


@pytest.mark.parametrize(("channel", "remedy"), [("can0", "fd on"), ("vcan0", "sudo ip link set vcan0 mtu 72")])
def test_a_classic_interface_does_for_no_fd_target(channel: str, remedy: str, tmp_path: Path) -> None:
    found = list(interface(can(channel=channel, fd=True), machine(with_device(tmp_path, channel))))
    assert remedy in " ".join(failures(found)["CAN FD"].remedy)


@pytest.mark.parametrize(
    ("state", "counts", "says"),
    [
        ("BUS-OFF", {"tx": 256, "rx": 0}, "restart-ms 100"),
        ("ERROR-PASSIVE", {"tx": 128, "rx": 0}, "nobody acknowledges"),
        ("ERROR-PASSIVE", {"tx": 0, "rx": 135}, "what it hears is broken"),
        ("ERROR-WARNING", {"tx": 96, "rx": 0}, "nobody acknowledges"),
        ("STOPPED", {"tx": 0, "rx": 0}, "sudo ip link set can0 up"),
    ],
)
def test_an_error_state_says_what_it_comes_of(state: str, counts: dict[str, int], says: str, tmp_path: Path) -> None:
    here = with_controller(with_device(tmp_path), state, berr_counter=counts, bus_off=3)
    (one,) = failures(list(interface(can(), here))).values()
    assert state in one.seen
    assert f"{counts['tx']} errors sending" in one.seen
    assert "bus-off 3 times" in one.seen
    assert says in " ".join(one.remedy)


def test_what_could_be_better_is_no_failure(tmp_path: Path) -> None:
    found = list(interface(can(), with_controller(with_device(tmp_path), restart_ms=0, txqlen=10)))
    notes = {one.what: one for one in found if one.state.value == "note"}
    assert set(notes) == {"restarts", "the sending queue"}
    assert "restart-ms 100" in " ".join(notes["restarts"].remedy)
    assert notes["the sending queue"].remedy == ("sudo ip link set can0 txqueuelen 1000",)
    assert not failures(found)


@pytest.mark.parametrize("text", ["", "[]", "{}", "[3]", '[{"linkinfo": 3}]', '[{"linkinfo": {"info_data": null}}]', "\xff"])
def test_an_ip_that_says_nothing_usable_is_survived(text: str, tmp_path: Path) -> None:
    assert not failures(list(interface(can(), with_ip(with_device(tmp_path), text))))


def test_without_ip_the_rest_is_looked_at(tmp_path: Path) -> None:
    found = list(interface(can(), machine(with_device(tmp_path))))
    assert found[-1].remedy == ("sudo apt install iproute2",)
    assert not failures(found)


def test_a_virtual_interface_has_no_bit_rate(tmp_path: Path) -> None:
    found = list(interface(can(channel="vcan0"), machine(with_device(tmp_path, "vcan0", mtu=72))))
    assert [one.what for one in found] == ["the interface", "the interface is up", "CAN FD"]


def test_another_kind_of_interface_is_refused_and_the_right_ones_named(tmp_path: Path) -> None:
    root = with_device(with_device(tmp_path, "eth0", kind="1"), "can3")
    (one,) = interface(can(channel="eth0"), machine(root))
    assert one.has_failed
    assert "CAN interfaces here: can3" in one.seen


def plugged_in(root: Path, vendor: str, product: str) -> None:
    device = root / "sys" / "bus" / "usb" / "devices" / "1-1"
    device.mkdir(parents=True)
    (device / "idVendor").write_text(f"{vendor}\n")
    (device / "idProduct").write_text(f"{product}\n")
    (device.parent / "1-0:1.0").mkdir()


@pytest.mark.parametrize(
    ("vendor", "product", "module"),
    [("1d50", "606f", "gs_usb"), ("0c72", "000c", "peak_usb"), ("0bfd", "0120", "kvaser_usb")],
)
def test_an_adapter_whose_driver_is_missing_is_recognised(vendor: str, product: str, module: str, tmp_path: Path) -> None:
    plugged_in(tmp_path, vendor, product)
    (one,) = interface(can(), machine(tmp_path))
    assert one.remedy[0] == f"sudo modprobe {module}"


def test_a_serial_adapter_is_attached_with_its_bit_rate(tmp_path: Path) -> None:
    plugged_in(tmp_path, "16d0", "117e")
    here = machine(tmp_path)
    (tmp_path / "dev" / "ttyACM0").touch()
    (one,) = interface(can(bitrate=250_000), here)
    assert one.remedy[0] == f"sudo slcand -o -c -s5 {tmp_path / 'dev' / 'ttyACM0'} can0"


def test_a_raspberry_pi_is_told_of_its_overlay(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "model").write_text("Raspberry Pi 4 Model B Rev 1.4\0")
    (one,) = interface(can(), machine(tmp_path))
    assert "dtoverlay=mcp2515-can0" in " ".join(one.remedy)


def test_nothing_plugged_in_is_said(tmp_path: Path) -> None:
    (one,) = interface(can(), machine(tmp_path))
    assert one.remedy == ("plug the adapter in, and see: sudo dmesg | tail -20",)


def modules(root: Path, text: str) -> Machine:
    (root / "modules" / "6.1").mkdir(parents=True)
    (root / "modules" / "6.1" / "modules.dep").write_text(text)
    return machine(root)


def test_a_kernel_whose_module_is_not_loaded_needs_modprobe(tmp_path: Path) -> None:
    here = modules(tmp_path, "kernel/net/can/can-raw.ko.xz: kernel/net/can/can.ko.xz\n")
    for number in (errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT):
        assert kernel(OSError(number, "not supported"), here).remedy == ("sudo modprobe -a can can_raw",)


def test_a_kernel_without_the_module_needs_a_package(tmp_path: Path) -> None:
    here = modules(tmp_path, "kernel/fs/ext4/ext4.ko:\n")
    assert "linux-modules-extra" in kernel(OSError(errno.EAFNOSUPPORT, "not supported"), here).remedy[0]


def test_a_container_is_told_to_use_the_hosts_kernel(tmp_path: Path) -> None:
    assert "on the host" in kernel(OSError(errno.EAFNOSUPPORT, "not supported"), machine(tmp_path)).remedy[1]


@pytest.mark.parametrize("number", [errno.EPERM, errno.EACCES])
def test_a_sandbox_is_named(number: int, tmp_path: Path) -> None:
    assert "sandbox" in kernel(OSError(number, "denied"), machine(tmp_path)).remedy[0]


def test_a_python_without_socketcan_is_not_the_kernels_fault(tmp_path: Path) -> None:
    one = kernel(OSError(errno.ENOSYS, "this Python was built without SocketCAN"), machine(tmp_path))
    assert "Python" in one.seen
    assert "python3" in one.remedy[0]
    assert not kernel(None, machine(tmp_path)).has_failed
