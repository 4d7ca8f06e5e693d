"""Which action each operation of the service API is, as the policies about people know it; the one table.

A service policy's rights are roles of a program there: keys obey the same policies as people, and never widen. An
operation that is not in the table is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from vedette.operators import Action

_DEVICE: Final = "/devices/{device_id}"
_MODULE: Final = f"{_DEVICE}/modules/{{module_id}}"
_TWIN: Final = "/twins/{device_id}"
_MODULE_TWIN: Final = f"{_TWIN}/modules/{{module_id}}"
_FEEDBACK: Final = "/messages/serviceBound/feedback"

ACTIONS: Final[Mapping[str, Action]] = MappingProxyType(
    {
        "GET /devices": Action.READ_BULK,
        "GET /devices/": Action.READ_BULK,
        "POST /devices": Action.CHANGE_MANY,
        "POST /devices/": Action.CHANGE_MANY,
        "POST /devices/query": Action.READ_BULK,
        "GET /statistics/devices": Action.READ,
        "GET /statistics/service": Action.READ,
        f"GET {_DEVICE}": Action.READ,
        f"PUT {_DEVICE}": Action.CHANGE_DEVICE,
        f"DELETE {_DEVICE}": Action.RESTRICT,
        f"DELETE {_DEVICE}/commands": Action.CHANGE_DEVICE,
        f"GET {_DEVICE}/modules": Action.READ,
        f"GET {_MODULE}": Action.READ,
        f"PUT {_MODULE}": Action.CHANGE_DEVICE,
        f"DELETE {_MODULE}": Action.RESTRICT,
        **{
            f"{method} {path}": action
            for path in (_TWIN, _MODULE_TWIN)
            for method, action in (
                ("GET", Action.READ),
                ("PUT", Action.CHANGE_DEVICE),
                ("PATCH", Action.CHANGE_DEVICE),
            )
        },
        f"POST {_TWIN}/methods": Action.COMMAND,
        f"POST {_MODULE_TWIN}/methods": Action.COMMAND,
        f"GET {_FEEDBACK}": Action.READ_BULK,
        f"DELETE {_FEEDBACK}/{{lock}}": Action.CHANGE_DEVICE,
        f"POST {_FEEDBACK}/{{lock}}/abandon": Action.CHANGE_DEVICE,
        # What is not offered is told to whoever could use it.
        **{
            f"{method} {path}": Action.READ
            for path in (
                "/configurations",
                "/configurations/{rest:path}",
                "/jobs",
                "/jobs/{rest:path}",
                "/digitaltwins/{rest:path}",
            )
            for method in ("GET", "PUT", "POST", "DELETE", "PATCH")
        },
    }
)
