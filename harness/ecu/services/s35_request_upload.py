"""35 RequestUpload: begin to read memory, block by block."""

from harness.ecu.memory import FORMAT_OF_TRANSFER_AT, data_is_plain, memory_is_there, transfer_begins, transfer_is_unlocked
from harness.ecu.rules import Answer, Ecu, ServiceRules
from harness.uds import Service


def upload_begins(ecu: Ecu, request: bytes) -> Answer | None:
    """Begin the upload, whose blocks go out by 36."""
    return transfer_begins(ecu, request, is_upload=True)


SERVICE = ServiceRules(
    sid=Service.REQUEST_UPLOAD,
    min_bytes=5,
    is_in_default_session=False,
    exists=lambda config: bool(config.memory) and Service.REQUEST_UPLOAD in config.further_services,
    rules=(data_is_plain, memory_is_there(FORMAT_OF_TRANSFER_AT), transfer_is_unlocked, upload_begins),
)
