"""Fuzz the rules: payloads that they look into, and files that an operator imports."""

from __future__ import annotations

import contextlib
from pathlib import Path

from vedette.sensor import Makers, Sensor
from vedette.sensor.alerts import Alert
from vedette.sensor.flows import Flow, Side
from vedette.sensor.rules import Indicators, RulesProblem, texts_of
from vedette.sensor.rules.catalogue import RULES
from vedette.sensor.rules.content import EICAR
from vedette.sensor.rules.model import Settings
from vedette.sensor.rules.rules import Rules

_MAX_ALERTS = 64
# Made once: they are read, not written.
_SENSOR = Sensor(makers=Makers(Path("/dev/null")), has_rules=False)
_SETTINGS = Settings(RULES)

SEEDS = [
    b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
    b"x" + EICAR,
    b'{"type": "bundle", "objects": [{"type": "indicator", "pattern": "[ipv4-addr:value = \'203.0.113.5\']"}]}',
    b'{"Event": {"Attribute": [{"type": "url", "value": "http://files.example/a"}]}}',
    b"203.0.113.0/24\nbad.example # why\nhxxp://a[.]b/c\n",
]


def _side(protocol: str, port: int) -> Side:
    flow = Flow(b"k", "tcp", "10.0.0.1", 40_000, "10.0.0.2", port, at_ns=1)
    flow.protocol = protocol
    return flow.from_client


def fuzz_one(data: bytes) -> None:
    """Look into a payload whole and in pieces, and read it as a list of indicators."""
    raised: list[Alert] = []
    rules = Rules(_SENSOR.assets, raised.append, _SETTINGS)
    for protocol, port in (("http", 80), ("ftp", 21), ("", 9_000)):
        side = _side(protocol, port)
        for start in range(0, len(data), 7):
            side.payload_bytes += len(data[start : start + 7])
            rules.payload_heard(side, data[start : start + 7], start + 1)
        rules.payload_heard(side.flow.from_server, data, 1_000)
        rules.flow_closed(side.flow)
    assert len(raised) <= _MAX_ALERTS
    found = Indicators()
    with contextlib.suppress(RulesProblem):
        for text in texts_of(data, "fuzz"):
            found.add(text, "fuzz")
    assert not found.of_address("198.51.100.1") or found.addresses or found.networks
