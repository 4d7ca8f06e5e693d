"""Models of types of devices, as a file may hold them."""

from __future__ import annotations

import contextlib
from typing import Final

from vedette.sensor.recognize import Example, InvalidModel, learn, read_model

_SAMPLE: Final = frozenset({"dhcp=1,3,6", "udp/any>53", "ttl=64"})
_EXAMPLES: Final = [
    Example(type_, _SAMPLE | {f"name={type_}", f"name={type_}{number}"}, f"{type_}{number}")
    for type_ in ("lamp", "plug")
    for number in range(3)
]

SEEDS: Final = (learn(_EXAMPLES, window_s=600, max_windows=2, trees=3).write(),)


def fuzz_one(data: bytes) -> None:
    """Read a model; what is read can be asked and written."""
    with contextlib.suppress(InvalidModel):
        model = read_model(data)
        model.judge([_SAMPLE])
        read_model(model.write())
