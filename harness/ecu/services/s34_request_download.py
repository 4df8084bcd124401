"""34 RequestDownload: begin to write memory, block by block."""

from harness.ecu.memory import FORMAT_OF_TRANSFER_AT, data_is_plain, memory_is_there, transfer_begins, transfer_is_unlocked
from harness.ecu.rules import Answer, Ecu, ServiceRules
from harness.uds import Nrc, Service


def no_transfer_is_under_way(ecu: Ecu, request: bytes) -> Answer | None:
    """Refuse a second transfer while one is running."""
    return None if ecu.state.transfer is None else Nrc.UPLOAD_DOWNLOAD_NOT_ACCEPTED


def download_begins(ecu: Ecu, request: bytes) -> Answer | None:
    """Begin the download, whose blocks come by 36."""
    return transfer_begins(ecu, request, is_upload=False)


SERVICE = ServiceRules(
    sid=Service.REQUEST_DOWNLOAD,
    min_bytes=5,
    is_in_default_session=False,
    exists=lambda config: bool(config.memory),
    rules=(
        data_is_plain,
        memory_is_there(FORMAT_OF_TRANSFER_AT),
        transfer_is_unlocked,
        no_transfer_is_under_way,
        download_begins,
    ),
)
