"""Positions and the expansion of batches."""

from __future__ import annotations

import pytest

from vedette.bus.contract import TelemetryBatch, TelemetryRecord, TelemetrySession
from vedette.messaging import InvalidCursor
from vedette.messaging.model import INDEX_MAX, Position, expand

PUMP = TelemetrySession("dev_1", "pump-7", None, '{"scope":"device"}', "dtmi:com:example:Pump;1")
METER = TelemetrySession("mod_2", "pump-7", "meter", '{"scope":"module"}', None)


def batch(*records: TelemetryRecord) -> TelemetryBatch:
    return TelemetryBatch(1, "gateway-1", [PUMP, METER], list(records))


def record(session: int, body: bytes, **system: str) -> TelemetryRecord:
    return TelemetryRecord(session, 1_700_000_000_123, 1, dict(system), {"unit": "bar"}, body)


@pytest.mark.parametrize("cursor", ["0", "17", "17.0", "17.3", f"1.{INDEX_MAX}"])
def test_a_cursor_survives_the_round_trip(cursor: str) -> None:
    assert Position.parse(str(Position.parse(cursor))) == Position.parse(cursor)


@pytest.mark.parametrize(
    "cursor", ["", "-1", "1.", ".1", "01", "1.2.3", "1e3", "1" * 20, "1.12345678", "\u0661", "1\n"]
)
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        Position.parse(cursor)


def test_the_hub_stamps_every_message() -> None:
    device, module = expand(batch(record(0, b"a", mid="1", sub="thermostat"), record(1, b"b")), 9)
    assert device.cursor == "9.0"
    assert device.system == {"mid": "1", "sub": "thermostat"}
    assert device.properties == {"unit": "bar"}
    assert device.stamps == {
        "iothub-connection-device-id": "pump-7",
        "iothub-connection-auth-generation-id": "dev_1",
        "iothub-connection-auth-method": '{"scope":"device"}',
        "iothub-enqueuedtime": "2023-11-14T22:13:20.123Z",
        "iothub-message-source": "Telemetry",
        "dt-dataschema": "dtmi:com:example:Pump;1",
        "dt-subject": "thermostat",
    }
    assert module.stamps["iothub-connection-module-id"] == "meter"
    assert "dt-dataschema" not in module.stamps


def test_only_the_wanted_identity_and_only_behind_the_cursor() -> None:
    stored = batch(record(0, b"a"), record(1, b"b"), record(0, b"c"))
    assert [one.body for one in expand(stored, 1, generation_ids={"dev_1"})] == [b"a", b"c"]
    assert [one.body for one in expand(stored, 1, after_index=0)] == [b"b", b"c"]
    assert expand(stored, 1, after_index=INDEX_MAX) == []


def test_a_record_of_no_session_is_left_out() -> None:
    assert expand(batch(record(7, b"a"), record(-1, b"b")), 1) == []
