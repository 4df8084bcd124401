"""What can be wrong with the form of answers, and with the order of refusals?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from harness.ecu.defects.declare import Defect


@dataclass(frozen=True, kw_only=True)
class ConformanceDefects:
    """One switch for each; a rule asks for the one that spoils it."""

    invalid_key_as_request: Annotated[
        bool,
        Defect(what="A wrong key is answered 27 35: no 7F, so it reads as a request.", kills=("CF-01",)),
    ] = False
    negative_with_length: Annotated[
        bool,
        Defect(what="The codes 31 and 35 come with the request's length in place of its service.", kills=("CF-01",)),
    ] = False
    negative_with_wrong_service: Annotated[
        bool,
        Defect(what="The codes 31 and 35 come with another service than the request's.", kills=("CF-01",)),
    ] = False
    negative_without_code: Annotated[
        bool,
        Defect(what="The codes 31 and 35 are left out: the answer ends after the service.", kills=("CF-01",)),
    ] = False
    unsupported_service_answered_31: Annotated[
        bool,
        Defect(what="A service that does not exist is refused with 31 instead of 11.", kills=("CF-02",)),
    ] = False
    unsupported_service_silent: Annotated[
        bool,
        Defect(what="A service that does not exist is not answered.", kills=("CF-02",)),
    ] = False
