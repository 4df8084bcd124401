"""36 TransferData: transfer the next block of a download or upload."""

from typing import Final

from harness.ecu.memory import read_memory, write_memory
from harness.ecu.rules import Answer, Ecu, ServiceRules
from harness.ecu.state import Transfer
from harness.uds import RESPONSE_OFFSET, Nrc, Service

_UPLOAD_BLOCK_BYTES: Final = 16


def transfer_is_under_way(ecu: Ecu, request: bytes) -> Answer | None:
    """Refuse a block unless 34 or 35 has begun a transfer."""
    return None if ecu.state.transfer is not None else Nrc.REQUEST_SEQUENCE_ERROR


def block_follows_the_last_one(ecu: Ecu, request: bytes) -> Answer | None:
    """Refuse a block out of order (counted from 1; 00 follows FF); answer a repeated last block, but ignore it."""
    counter = _transfer(ecu).counter
    if request[1] == counter & 0xFF and counter:
        return _head(request)
    return None if request[1] == (counter + 1) & 0xFF else Nrc.WRONG_BLOCK_SEQUENCE_COUNTER


def block_fits(ecu: Ecu, request: bytes) -> Answer | None:
    """Refuse more bytes than 34 announced."""
    transfer = _transfer(ecu)
    is_fitting = transfer.left > 0 and (transfer.is_upload or 0 < len(request) - 2 <= transfer.left)
    return None if is_fitting else Nrc.TRANSFER_DATA_SUSPENDED


def block_is_transferred(ecu: Ecu, request: bytes) -> Answer | None:
    """Write the block to memory at once, or read it from memory."""
    transfer = _transfer(ecu)
    size = min(transfer.left, _UPLOAD_BLOCK_BYTES) if transfer.is_upload else len(request) - 2
    delivered = read_memory(ecu.state, transfer.region, transfer.address, size) if transfer.is_upload else b""
    if not transfer.is_upload:
        write_memory(ecu.state, transfer.region, transfer.address, request[2:])
    transfer.counter += 1
    transfer.address += size
    transfer.left -= size
    return _head(request) + delivered


def _transfer(ecu: Ecu) -> Transfer:
    assert ecu.state.transfer is not None, "transfer_is_under_way has passed"
    return ecu.state.transfer


def _head(request: bytes) -> bytes:
    return bytes((Service.TRANSFER_DATA + RESPONSE_OFFSET, request[1]))


SERVICE = ServiceRules(
    sid=Service.TRANSFER_DATA,
    min_bytes=2,
    is_in_default_session=False,
    exists=lambda config: bool(config.memory),
    rules=(transfer_is_under_way, block_follows_the_last_one, block_fits, block_is_transferred),
)
