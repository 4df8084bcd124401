"""By which ids does a flawed ECU hear requests, besides its own?"""

from __future__ import annotations

from copy import copy
from typing import Any, Final

import can

from harness.ecu.defects import Defects

_OVERLOOKED_BITS: Final = 0x001


def hear_aliases(node: Any, defects: Defects) -> None:
    """Put into a `UdsNode` the further ids that its defects let it listen to, in place of its own `on_frame`."""
    has_long_form = defects.extended_id_skips_security or defects.extended_id_answered
    if not has_long_form and not defects.neighbouring_id_answered:
        return
    own_id: int = node.request_id
    go_on = node.on_frame

    def on_frame(frame: can.Message) -> None:
        is_long_form = has_long_form and frame.is_extended_id and frame.arbitration_id == own_id
        is_neighbour = not frame.is_extended_id and frame.arbitration_id | _OVERLOOKED_BITS == own_id | _OVERLOOKED_BITS
        if is_long_form or (is_neighbour and defects.neighbouring_id_answered):
            heard = copy(frame)
            heard.arbitration_id, heard.is_extended_id = own_id, False
            node.ecu.is_by_alias = is_long_form
            go_on(heard)
            node.ecu.is_by_alias = False
        else:
            go_on(frame)

    node.on_frame = on_frame
