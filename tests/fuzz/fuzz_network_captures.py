"""Fuzz what the process that reads captures may answer, and the first bytes of a capture."""

from __future__ import annotations

import contextlib
import json
from typing import Final

import msgspec

from vedette.network.captures import InvalidCapture
from vedette.network.captures.answers import failure_of, products_of, progress_of, summary_of
from vedette.network.captures.model import check_start

_CAPTURE: Final = {
    "packets": 1, "bytes": 2, "first_at": "", "last_at": "", "packets_dropped": 0, "damage": "", "file_bytes": 3,
    "sha256": "0" * 64,
}  # fmt: skip
_FACT: Final = {"attribute": "vendor", "value": "Siemens", "confidence": 95, "source": "s7comm"}
SEEDS: Final = tuple(
    json.dumps(each).encode()
    for each in (
        {"read_bytes": 1, "packets": 2},
        [{"number": 1, "address": "10.0.0.1", "name": "", "facts": [_FACT]}],
        {"capture": _CAPTURE, "counts": {"assets": 1}, "severities": {"high": 1}},
        {"detail": "no capture", "hint": "convert it"},
    )
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as each of them; whatever is taken is within its limits."""
    for read in (progress_of, products_of, summary_of, failure_of):
        with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            read(data)
    with contextlib.suppress(InvalidCapture):
        check_start(data)
