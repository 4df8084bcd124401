"""What does a flawed ECU hold that nobody declared? Data identifiers, and what is left lying in its memory."""

from __future__ import annotations

from typing import Final

from harness.ecu.config import OPEN, DataIdentifier, EcuConfig

KEY_DID: Final = 0x2021
SECRET_DID: Final = 0xF1F0
FORGOTTEN_DID: Final = 0x1011
HIDDEN_DID: Final = 0x4203
BUILD_PATH_DID: Final = 0xF19A
LOG_NAME_DID: Final = 0xF1F3
LOGIN_DID: Final = 0xF1F4
DYNAMIC_DIDS: Final = range(0xF200, 0xF400)
"""There to be defined by 2C."""

_SECRET_AT: Final = 0x10


def all_data(config: EcuConfig) -> tuple[DataIdentifier, ...]:
    """The data identifiers, with those that only a defect adds."""
    defects, level = config.defects, config.levels[0]
    added = (
        (defects.secret_readable, DataIdentifier(did=SECRET_DID, initial=level.secret)),
        (defects.key_readable, DataIdentifier(did=KEY_DID, initial=bytes(level.key_bytes))),
        (defects.undeclared_data_writable, DataIdentifier(did=FORGOTTEN_DID, initial=b"\x00", write=OPEN)),
        (defects.hidden_data_refused, DataIdentifier(did=HIDDEN_DID, initial=b"\x00\x2a", read=0x03, write=0x03)),
        (defects.log_name_readable, DataIdentifier(did=LOG_NAME_DID, initial=b"/data/log/ecu-0412.log")),
        (defects.password_readable, DataIdentifier(did=LOGIN_DID, initial=b"service:Wartung2019")),
        (defects.build_path_readable, DataIdentifier(did=BUILD_PATH_DID, initial=b"/home/build/ecu/src/main.c")),
    )
    return (*config.data_identifiers, *(entry for is_wanted, entry in added if is_wanted))


def initial_memory(config: EcuConfig) -> dict[int, bytes]:
    """What lies in memory after a start, by region; the secret of the first level is left there by a defect only."""
    memory = {region.address: region.initial for region in config.memory if region.did is None}
    if config.defects.secret_in_memory or config.defects.memory_read_unprotected:
        secret = config.levels[0].secret
        for address, content in memory.items():
            memory[address] = (content[:_SECRET_AT] + secret + content[_SECRET_AT + len(secret) :])[: len(content)]
    return memory


def did_of_local(config: EcuConfig, local: int) -> int | None:
    """The identifier that the older services mean by its last byte."""
    return next((entry.did for entry in config.data_identifiers if entry.did & 0xFF == local), None)
