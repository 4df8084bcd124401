"""Derive CAN ids and addresses from each other, and report contradictions between them (ISO 15765-2)."""

from typing import Any, Final

from harness.target.model import Can
from harness.target.toml_schema import Problems, shown

FIXED_PHYSICAL, FIXED_FUNCTIONAL = 0xDA, 0xDB
"""The second highest byte of 29-bit ids with normal fixed addressing; target and source address are in the bytes below."""
MIXED_PHYSICAL, MIXED_FUNCTIONAL = 0xCE, 0xCD
"""The second highest byte of 29-bit ids with mixed addressing."""

_PRIORITY: Final = 0x18
_FORMATS: Final = {"normal-fixed": FIXED_PHYSICAL, "mixed": MIXED_PHYSICAL}
_FIRST_BYTE: Final = {"extended": "target_address", "mixed": "address_extension"}
"""By addressing: the key of [can] that gives the first byte of each frame."""


def fixed_id(form: int, target_address: int, source_address: int) -> int:
    """Return a 29-bit id that holds both addresses."""
    return _PRIORITY << 24 | form << 16 | target_address << 8 | source_address


def addresses_in(can_id: int, form: int) -> tuple[int, int] | None:
    """Return target and source address of a 29-bit id of any priority; None if the id has another format."""
    return (can_id >> 8 & 0xFF, can_id & 0xFF) if can_id >> 16 & 0xFF == form and can_id > 0x7FF else None


def with_what_follows(can: Any) -> Any:
    """Complete [can] with the ids that follow from addresses, or the addresses that follow from ids."""
    form = _FORMATS.get(str(can.get("addressing"))) if isinstance(can, dict) else None
    if form is None:
        return can
    target, source, request_id = can.get("target_address"), can.get("source_address"), can.get("request_id")
    if _is_byte(target) and _is_byte(source):
        ids = {"request_id": fixed_id(form, target, source), "response_id": fixed_id(form, source, target)}
        return ids | can
    found = addresses_in(request_id, form) if isinstance(request_id, int) else None
    if found is None or can["addressing"] == "mixed":
        return can
    swapped = {"response_id": (request_id & ~0xFFFF) | found[1] << 8 | found[0]}
    return {"target_address": found[0], "source_address": found[1]} | swapped | can


def _is_byte(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 0xFF


def report_addressing(can: Can, problems: Problems) -> None:
    """Report keys that the addressing needs and that are missing, and keys that it does not use."""
    first_byte = _FIRST_BYTE.get(can.addressing)
    if first_byte is not None and getattr(can, first_byte) is None and not problems.touch(f"can.{first_byte}"):
        sentence = f"is missing, and with {shown(can.addressing)} addressing each request begins with it; give e.g. 0x12"
        problems.add(f"can.{first_byte}", sentence)
    for key in ("target_address", "source_address", "address_extension"):
        value = getattr(can, key)
        if value is not None and not _is_used(can.addressing, key):
            sentence = f"is {shown(value, is_hex=True)}, for which {shown(can.addressing)} addressing has no use"
            problems.add(f"can.{key}", f"{sentence}; give another addressing or leave it out")
    if can.addressing == "normal-fixed":
        _report_fixed_ids(can, problems)


def _is_used(addressing: str, key: str) -> bool:
    if key == "address_extension":
        return addressing == "mixed"
    return addressing != "normal"


def _report_fixed_ids(can: Can, problems: Problems) -> None:
    if None in (can.request_id, can.response_id):
        return
    wanted = (can.target_address, can.source_address)
    for key, can_id, expected in (("request_id", can.request_id, wanted), ("response_id", can.response_id, wanted[::-1])):
        found = addresses_in(can_id, FIXED_PHYSICAL)
        if found is None:
            sentence = (
                f"is {shown(can_id, is_hex=True)}; with normal fixed addressing it is 0x18DA, target and source address"
            )
            problems.add(f"can.{key}", f"{sentence}, e.g. 0x18DA10F1")
        elif None not in expected and found != expected:
            ids = f"0x{can_id >> 16:X}{expected[0]:02X}{expected[1]:02X}"
            problems.add(f"can.{key}", f"is {shown(can_id, is_hex=True)}; by target_address and source_address it is {ids}")
