"""Prove the advice for adapters that python-can does not open, by the backend's error."""

from pathlib import Path

import pytest

from harness.doctor.adapters import not_opened, serial_port
from harness.errors import UserError
from harness.target import Can


def can(interface: str, channel: str = "0") -> Can:
    return Can(interface=interface, channel=channel, request_id=0x7E0, response_id=0x7E8)


def refused(interface: str, cause: BaseException, channel: str = "0") -> tuple[str, str]:
    """Return what doctor sees and how to fix it, if opening the bus raises this error."""
    error = UserError(f"cannot open {interface}:{channel}: {cause}")
    error.__cause__ = cause
    diagnosis = not_opened(can(interface, channel), error)
    return diagnosis.seen, "\n".join(diagnosis.remedy)


@pytest.mark.parametrize(
    ("interface", "cause", "extra"),
    [
        ("slcan", ImportError("The serial module is not installed"), "serial"),
        ("gs_usb", ModuleNotFoundError("No module named 'usb'"), "gs-usb"),
        ("neovi", ImportError("Please install python-ics"), "neovi"),
        ("udp_multicast", RuntimeError("msgpack not installed"), "multicast"),
    ],
)
def test_a_missing_package_is_installed_with_pip(interface: str, cause: BaseException, extra: str) -> None:
    seen, remedy = refused(interface, cause)
    assert str(cause) in seen
    assert f"-m pip install 'python-can[{extra}]'" in remedy


@pytest.mark.parametrize(
    "cause",
    [PermissionError(13, "Permission denied"), RuntimeError("[Errno 13] could not open port: Permission denied")],
    ids=repr,
)
def test_a_serial_port_that_is_not_the_users_needs_the_group(cause: BaseException) -> None:
    remedy = refused("slcan", cause, "/dev/ttyACM0@115200")[1]
    assert "sudo usermod -aG dialout $USER" in remedy
    assert "sudo chmod a+rw /dev/ttyACM0" in remedy


def test_a_usb_adapter_that_is_not_the_users_needs_a_rule() -> None:
    assert "/etc/udev/rules.d/" in refused("gs_usb", PermissionError(13, "Access denied (insufficient permissions)"))[1]


def test_a_simulated_ecu_that_is_missing_is_not_looked_for_at_an_adapter() -> None:
    remedy = refused("uds-sim", UserError("gone.py:make: there is no file gone.py"), "gone.py:make")[1]
    assert (
        remedy == "can.channel names a profile (see: uds-harness list profiles), or file.py:factory beside the target file"
    )


@pytest.mark.parametrize(("interface", "module"), [("pcan", "peak_usb"), ("kvaser", "kvaser_usb")])
def test_a_makers_library_that_is_missing_can_be_done_without(interface: str, module: str) -> None:
    remedy = refused(interface, OSError("library not found."))[1]
    assert f"sudo modprobe {module}" in remedy
    assert 'interface = "socketcan"' in remedy


def test_an_adapter_for_windows_is_named_so() -> None:
    assert "Windows" in refused("vector", ImportError("only supported on Windows"))[1]


def test_a_name_that_a_makers_library_should_have_brought_is_explained() -> None:
    seen = refused("kvaser", NameError("name 'canGetNumberOfChannels' is not defined"))[0]
    assert "the maker's library is not installed" in seen


def test_an_error_without_words_is_named_by_its_kind() -> None:
    assert "NotImplementedError" in refused("iscan", NotImplementedError())[0]


def test_a_port_that_is_not_there_is_seen_before_it_is_opened(tmp_path: Path) -> None:
    missing = serial_port(can("slcan", f"{tmp_path / 'ttyACM0'}@115200"))
    assert missing is not None
    assert missing.has_failed
    (tmp_path / "ttyACM0").touch()
    assert serial_port(can("slcan", f"{tmp_path / 'ttyACM0'}@115200")) is None
    assert serial_port(can("pcan", "/dev/nothing")) is None
