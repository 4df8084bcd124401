"""37 RequestTransferExit: end a transfer that is complete."""

from harness.ecu.rules import Answer, Ecu, ServiceRules
from harness.uds import RESPONSE_OFFSET, Nrc, Service


def request_has_its_length(ecu: Ecu, request: bytes) -> Answer | None:
    """Refuse any byte after the service."""
    return None if len(request) == 1 else Nrc.INCORRECT_MESSAGE_LENGTH


def transfer_ends(ecu: Ecu, request: bytes) -> Answer | None:
    """End the transfer, if every announced byte has been transferred."""
    transfer = ecu.state.transfer
    if transfer is None or transfer.left:
        return Nrc.REQUEST_SEQUENCE_ERROR
    ecu.state.transfer = None
    return bytes((Service.REQUEST_TRANSFER_EXIT + RESPONSE_OFFSET,))


SERVICE = ServiceRules(
    sid=Service.REQUEST_TRANSFER_EXIT,
    min_bytes=1,
    is_in_default_session=False,
    exists=lambda config: bool(config.memory),
    rules=(request_has_its_length, transfer_ends),
)
