"""Decode a recorded message or frame into one line, or field by field, by Scapy's layers or else by the standard's names.

No function here raises an error, whatever the bytes.
"""

import re
from functools import cache, lru_cache
from typing import Any, Final

from harness.link.isotp_frames import FrameType, frame_type
from harness.report.text import hex_pairs, visible
from harness.uds import NEGATIVE_RESPONSE, RESPONSE_OFFSET, Service, nrc_name

LONGEST_LINE: Final = 160
_HEX_NUMBER: Final = re.compile(r"\b0x([0-9a-f]+)\b")


@lru_cache(maxsize=4096)
def request_line(pdu: bytes) -> str:
    """Decode a request, e.g. ``ReadDataByIdentifier: identifiers [0x2020]``."""
    if not pdu:
        return "empty message"
    if service_name(pdu[0]) is None:
        return f"service 0x{pdu[0]:02X}, which the standard does not name"
    return _layers_line(pdu) or _plain_line(service_name(pdu[0]) or "", pdu)


@lru_cache(maxsize=4096)
def reply_line(pdu: bytes) -> str:
    """Decode an answer, e.g. ``SecurityAccess refused: 0x35 invalidKey``, or say that it is no UDS response."""
    if not pdu:
        return "empty message"
    if pdu[0] == NEGATIVE_RESPONSE:
        return _negative_line(pdu)
    name = service_name(pdu[0] - RESPONSE_OFFSET) if pdu[0] >= RESPONSE_OFFSET else None
    if name is None:
        request_name = service_name(pdu[0])
        what = f"the request {request_name}" if request_name else "no service"
        return f"no UDS response: the first byte 0x{pdu[0]:02X} stands for {what}"
    return _layers_line(pdu) or _plain_line(f"{name}PositiveResponse", pdu)


@lru_cache(maxsize=4096)
def fields(pdu: bytes) -> tuple[tuple[str, str], ...]:
    """Return every field of every Scapy layer, e.g. ``("UDS_SA.securityAccessType", "0x01")``; empty if Scapy fails."""
    uds = _scapy_uds()
    if uds is None or not pdu:
        return ()
    try:
        layers = list(uds(pdu).iterpayloads())
        return tuple(
            (f"{type(layer).__name__}.{name}", _one_line(text)) for layer in layers for name, text in _layer_fields(layer)
        )
    except Exception:  # as in `_layers_line`
        return ()


def frame_line(data_field: bytes, address_bytes: int = 0) -> str:
    """Decode the PCI bytes of a CAN frame (ISO 15765-2); the first `address_bytes` are an address."""
    address, data = data_field[:address_bytes], data_field[address_bytes:]
    if address:
        return f"address 0x{address.hex().upper()}, {frame_line(data)}"
    if not data:
        return "no data"
    kind, low = frame_type(data), data[0] & 0x0F
    if kind == FrameType.SINGLE and low:
        present = len(data) - 1
        return f"single frame, {_bytes(low)}" + (f", only {present} present" if low > present else "")
    if kind == FrameType.SINGLE:
        return f"single frame, {_bytes(data[1])}" if len(data) > 8 else "single frame of length 0"
    if kind == FrameType.FIRST and len(data) > 1:
        return f"first frame of {_bytes(low << 8 | data[1])}"
    if kind == FrameType.CONSECUTIVE:
        return f"consecutive frame {low}"
    if kind == FrameType.FLOW_CONTROL and low <= 2:
        return f"flow control: {('continue', 'wait', 'overflow')[low]}"
    return f"no ISO-TP frame: starts with 0x{data[0]:02X}"


def service_name(service: int) -> str | None:
    """Return ``SecurityAccess`` for 0x27; None for a number that the standard does not name."""
    try:
        words = Service(service).name.split("_")
    except ValueError:
        return None
    return "".join(word if word in ("DTC", "ECU") else word.capitalize() for word in words)


def _negative_line(pdu: bytes) -> str:
    if len(pdu) != 3:
        return f"malformed negative response of {_bytes(len(pdu))}; the standard has 3"
    name = service_name(pdu[1]) or f"service 0x{pdu[1]:02X} (no request's)"
    return f"{name} refused: {nrc_name(pdu[2])}"


def _plain_line(name: str, pdu: bytes) -> str:
    return _one_line(f"{name}: {hex_pairs(pdu[1:])}" if len(pdu) > 1 else name)


def _layers_line(pdu: bytes) -> str:
    """Return what Scapy's layers decode; empty if Scapy is absent or fails."""
    uds = _scapy_uds()
    if uds is None:
        return ""
    try:
        first, *others = uds(pdu).iterpayloads()
        words = [f"{_short(field)} {text}" for layer in others for field, text in _layer_fields(layer)]
        name = str(first.sprintf("%UDS.service%"))
    except Exception:  # Scapy's dissectors may raise anything on an ECU's bytes; the plain names remain
        return ""
    return _one_line(f"{name}: {', '.join(words)}" if words else name)


def _short(field: str) -> str:
    return "data" if field == "load" else field


def _layer_fields(layer: Any) -> list[tuple[str, str]]:
    found = []
    for field in layer.fields_desc:
        value = layer.getfieldval(field.name)
        is_absent = hasattr(field, "_evalcond") and not field._evalcond(layer)
        if (field.name == "service" and layer.underlayer is not None) or is_absent or value in (None, b"", []):
            continue
        if isinstance(value, bytes):
            text = hex_pairs(value)
        else:
            text = str(field.i2repr(layer, value))
            text = f"0x{value:02X}" if text.isdecimal() else _HEX_NUMBER.sub(lambda hit: "0x" + hit[1].upper(), text)
        found.append((field.name, text))
    return found


@cache
def _scapy_uds() -> Any:
    try:
        from scapy.contrib.automotive.uds import UDS
    except ImportError:
        return None
    return UDS


def _one_line(text: str) -> str:
    return visible(text if len(text) <= LONGEST_LINE else text[:LONGEST_LINE] + "…").replace("\n", " ")


def _bytes(count: int) -> str:
    return "1 byte" if count == 1 else f"{count} bytes"
