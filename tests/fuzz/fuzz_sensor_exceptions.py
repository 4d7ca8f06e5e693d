"""Fuzz what keeps alerts back: desired properties of a platform, the file that keeps them, an operator's own file."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import Final

from vedette.sensor.alerts import Alert, Engine, Severity
from vedette.sensor.baseline import BaselineProblem, read_exceptions
from vedette.sensor.held_back import HoldingBack, keep_exceptions

_ITEM: Final = b'{"rules": ["ot.*"], "sources": ["10.0.0.0/8"], "keys": ["k"], "up_to": "high", "until": 9}'
SEEDS: Final = (
    b'{"desired": {"exceptions": {"version": 1, "items": [' + _ITEM + b"]}}}",
    b'{"version": 1, "items": [{"rules": ["[!"], "targets": ["fe80::1%eth0", "10.0.0.1"]}]}',
    b'[[exception]]\nrule = "scan.*"\nsource = "10.0.0.9"\ntarget = ""\nkey = ""\n',
    b'{"desired": {"exceptions": null, "$version": 4}}',
)
_ALERT: Final = Alert(at_ns=1, rule="ot.stop", severity=Severity.LOW, title="t", source="10.0.0.9", target="10.0.0.2")
_KEPT: Final = tempfile.TemporaryDirectory(prefix="vedette-fuzz-")  # goes with the process
_FOLDER: Final = Path(_KEPT.name)


def fuzz_one(data: bytes) -> None:
    """Feed one input; malware is never held back, and only the documented error comes out."""
    kept = _FOLDER / "exceptions.json"
    keep_exceptions(kept, data)
    assert not keep_exceptions(kept, data), "the same properties are new twice"
    told = _FOLDER / "told.json"
    told.write_bytes(data)
    malware = Alert(at_ns=1, rule="ot.stop", severity=Severity.LOW, title="t", engine=Engine.MALWARE)
    for path in (kept, told):
        holding = HoldingBack(path)
        holding.look()
        name = holding.held_by(_ALERT)
        assert name is None or len(name) <= len(data)
        assert holding.held_by(malware) is None
    with contextlib.suppress(BaselineProblem):
        read_exceptions(told)
