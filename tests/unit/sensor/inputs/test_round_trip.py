"""What the sensor writes as logs, read back, tells the same as the packets did."""

from __future__ import annotations

import sys
from importlib import util
from pathlib import Path
from types import ModuleType
from typing import Any

import device_fleet
import packets as build
import pytest

from vedette.sensor import Flow, Listener, Makers, OtOp, Sensor
from vedette.sensor.inputs import LogInput

FUZZ = Path(__file__).parents[3] / "fuzz"
TALKS = {
    "modbus": ("tcp", 502), "s7comm": ("tcp", 102), "dnp3": ("tcp", 20000), "enip": ("tcp", 44818),
    "iec104": ("tcp", 2404), "bacnet": ("udp", 47808), "web": ("tcp", 80), "terminals": ("tcp", 22),
    "fins": ("udp", 9600), "names": ("udp", 53), "knx": ("udp", 3671), "utilities": ("tcp", 4000),
}  # fmt: skip


class Heard(Listener):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.found: list[tuple[Any, ...]] = []  # Any: whatever an operation carries
        self.closed: list[tuple[object, ...]] = []

    def operations(self, operations: list[OtOp]) -> None:
        for op in operations:
            flow = op.flow
            self.found.append(
                (
                    flow.client, flow.server, flow.server_port, op.is_from_client, op.protocol, op.service, op.code,
                    str(op.kind), int(op.direction), op.unit, op.area, op.first, op.count, op.name, op.result,
                    op.transaction, op.latency_ns,
                )
            )  # fmt: skip

    def flow_closed(self, flow: Flow) -> None:
        sides = ((side.packets, side.bytes, side.payload_bytes) for side in (flow.from_client, flow.from_server))
        self.closed.append((flow.client, flow.server, flow.transport, flow.protocol, flow.certainty, flow.vlan, *sides))


def seeds(name: str) -> ModuleType:
    path = FUZZ / f"fuzz_sensor_{name}.py"
    spec = util.spec_from_file_location(f"seeds_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def traffic() -> list[bytes]:
    frames = [frame for kind in device_fleet.kinds(3) for frame in device_fleet.frames(kind, 1)]
    for number, (name, (transport, port)) in enumerate(TALKS.items()):
        client, server = f"10.0.{number}.1", f"10.0.{number}.2"
        if transport == "tcp":
            talk = build.Talk(port, client, server, 40_000 + number, vlans=(number,) if number % 2 else ())
            talk.client_mac, talk.server_mac = f"02:00:00:00:01:{number:02x}", f"02:00:00:00:02:{number:02x}"
            talk.open()
            for turn, payload in enumerate(seeds(name).SEEDS):
                _ = talk.answer(payload) if turn % 2 else talk.say(payload)
            frames += talk.close().frames
        else:
            for turn, payload in enumerate(seeds(name).SEEDS):
                ends = {"source": client, "target": server} if turn % 2 else {"source": server, "target": client}
                ports = (port, 40_000) if turn % 2 else (40_000, port)
                frames.append(build.datagram(payload, ports[0], source_port=ports[1], **ends))
    lldp = bytes.fromhex("0207040200000000aa 040705") + b"port-1" + bytes.fromhex("0602007800 0a06") + b"switch"
    return [*frames, build.ethernet(lldp + b"\0\0", 0x88CC, target="01:80:c2:00:00:0e")]


def told(sensor: Sensor) -> dict[str, Any]:  # Any: of many forms
    report = sensor.report
    return {
        "assets": sorted(
            (sorted(asset.ips), sorted(asset.macs), sorted(
                (str(attribute), fact.value, fact.confidence, fact.source)
                for attribute, facts in asset.facts.items() for fact in facts
            ))
            for asset in sensor.assets.all()
        ),
        "links": {key: (each.flows, each.packets, each.bytes, each.certainty) for key, each in report.links.items()},
        "protocols": {key: (each.flows, each.packets) for key, each in report.protocols.items()},
        "operations": report.by_service,
        "operations_count": report.operations_count,
        "broken": {key: odd.times for key, odd in report.broken.items()},
        "external": sorted(key for key, _ in report.external()),
        "alerts": sorted({(alert.rule, alert.source, alert.target) for alert in report.alerts}),
        "packets": sensor.engine.counters.packets,
    }  # fmt: skip


def from_packets(frames: list[bytes], folder: Path) -> tuple[Sensor, Heard]:
    heard = Heard()
    sensor = Sensor([lambda _assets, _raise_alert: heard], zeek=folder, makers=Makers(None))
    sensor.read(build.packets(frames))
    sensor.finish()
    return sensor, heard


def from_logs(folder: Path) -> tuple[Sensor, Heard]:
    heard = Heard()
    sensor = Sensor([lambda _assets, _raise_alert: heard], makers=Makers(None))
    LogInput(sensor, [folder]).read()
    sensor.finish()
    return sensor, heard


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[tuple[Sensor, Heard], tuple[Sensor, Heard]]:
    folder = tmp_path_factory.mktemp("logs")
    return from_packets(traffic(), folder), from_logs(folder)


@pytest.mark.parametrize(
    "what",
    ["assets", "links", "protocols", "operations", "operations_count", "broken", "external", "alerts", "packets"],
)
def test_own_logs_read_back_tell_the_same(both: tuple[tuple[Sensor, Heard], tuple[Sensor, Heard]], what: str) -> None:
    (first, _), (again, _) = both
    assert told(again)[what] == told(first)[what]
    assert told(first)[what]


def test_every_operation_comes_back_whole(both: tuple[tuple[Sensor, Heard], tuple[Sensor, Heard]]) -> None:
    (_, first), (_, again) = both
    assert len(first.found) > 80
    assert sorted(map(repr, again.found)) == sorted(map(repr, first.found))
    assert sorted(map(repr, again.closed)) == sorted(map(repr, first.closed))


def test_nothing_of_them_is_not_understood(both: tuple[tuple[Sensor, Heard], tuple[Sensor, Heard]]) -> None:
    _, (again, _) = both
    assert again.not_read["log_lines_not_understood"] == 0
    assert again.not_read["log_rows_skipped"] == 0
    assert not again.damages
