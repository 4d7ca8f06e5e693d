"""The tables of sensors and of what was taken from them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from vedette.kernel import GenerationId, OrganizationId
from vedette.network.model import SensorEntry, SensorReport, SensorState
from vedette.network.row_repository import upsert
from vedette.store import Json, UtcDateTime, metadata

_ID: Final = 64

sensors: Final = sa.Table(
    "network_sensors",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("generation_id", sa.String(_ID), primary_key=True),
    sa.Column("device_id", sa.String(128), nullable=False),
    sa.Column("site", sa.String(128), nullable=False),
    sa.Column("note", sa.String(1024), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("registered_at", UtcDateTime, nullable=False),
    sa.Column("heard_at", UtcDateTime),
    sa.Column("report", Json),
    sa.Column("batches", sa.BigInteger, nullable=False),
    sa.Column("repeated", sa.BigInteger, nullable=False),
    sa.Column("refused", sa.BigInteger, nullable=False),
    sa.Column("refused_because", sa.String(256), nullable=False),
    sa.Column("lost", sa.BigInteger, nullable=False),
)
# Which batches were taken: all up to `through`, and those of `beyond`.
intake: Final = sa.Table(
    "network_intake",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("generation_id", sa.String(_ID), primary_key=True),
    sa.Column("boot", sa.String(_ID), primary_key=True),
    sa.Column("through", sa.BigInteger, nullable=False),
    sa.Column("beyond", Json, nullable=False),
    sa.Column("taken_at", UtcDateTime, nullable=False),
)
# How far the telemetry stream was read; written in the transaction that takes what was read.
positions: Final = sa.Table(
    "network_positions",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("stream", sa.String(_ID), primary_key=True),
    sa.Column("sequence", sa.BigInteger, nullable=False),
)
_s: Final = sensors.c
_i: Final = intake.c
_p: Final = positions.c


def find_sensor(connection: sa.Connection, organization_id: str, generation_id: str) -> SensorEntry | None:
    """Return one sensor."""
    query = sa.select(sensors).where(_s.organization_id == organization_id, _s.generation_id == generation_id)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _to_sensor(row)


def find_sensor_by_name(connection: sa.Connection, organization_id: str, device_id: str) -> SensorEntry | None:
    """Return the sensor that was registered last under a device's name."""
    query = (
        sa.select(sensors)
        .where(_s.organization_id == organization_id, _s.device_id == device_id)
        .order_by(_s.generation_id.desc())
        .limit(1)
    )
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _to_sensor(row)


def list_sensors(
    connection: sa.Connection,
    organization_id: str,
    *,
    after: str = "",
    limit: int = 1_000,
    state: SensorState | None = None,
) -> list[SensorEntry]:
    """Return sensors by generation."""
    query = sa.select(sensors).where(_s.organization_id == organization_id, _s.generation_id > after)
    if state is not None:
        query = query.where(_s.state == state.value)
    return [_to_sensor(row) for row in connection.execute(query.order_by(_s.generation_id).limit(limit)).mappings()]


def save_sensor(connection: sa.Connection, sensor: SensorEntry) -> None:
    """Write a sensor."""
    row = {name: getattr(sensor, name) for name in SensorEntry.__slots__}
    report = None if sensor.report is None else msgspec.to_builtins(asdict(sensor.report))
    upsert(connection, sensors, [row | {"state": sensor.state.value, "report": report}])


def read_intake(
    connection: sa.Connection, organization_id: str, generation_id: str, boot: str
) -> tuple[int, list[int]] | None:
    """Return which batches of a boot were taken: all up to a number, and single ones behind it."""
    query = sa.select(_i.through, _i.beyond).where(
        _i.organization_id == organization_id, _i.generation_id == generation_id, _i.boot == boot
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else (row.through, list(row.beyond))


def save_intake(
    connection: sa.Connection,
    organization_id: str,
    generation_id: str,
    boot: str,
    *,
    taken: tuple[int, list[int]],
    at: datetime,
) -> None:
    """Write which batches of a boot were taken."""
    row = {
        "organization_id": organization_id,
        "generation_id": generation_id,
        "boot": boot,
        "through": taken[0],
        "beyond": taken[1],
        "taken_at": at,
    }
    upsert(connection, intake, [row])


def forget_boots(connection: sa.Connection, organization_id: str, generation_id: str, *, keep: int) -> None:
    """Forget all but the latest boots of a sensor."""
    mine = sa.and_(_i.organization_id == organization_id, _i.generation_id == generation_id)
    old = sa.select(_i.boot).where(mine).order_by(_i.taken_at.desc(), _i.boot).offset(keep)
    boots: Iterable[str] = connection.execute(old).scalars().all()
    if boots:
        connection.execute(intake.delete().where(mine, _i.boot.in_(boots)))


def read_position(connection: sa.Connection, organization_id: str, stream: str) -> int | None:
    """Return the last message of a stream that was read; None: it was never read."""
    query = sa.select(_p.sequence).where(_p.organization_id == organization_id, _p.stream == stream)
    return connection.execute(query).scalar_one_or_none()


def save_position(connection: sa.Connection, organization_id: str, stream: str, sequence: int) -> None:
    """Write how far a stream was read."""
    upsert(connection, positions, [{"organization_id": organization_id, "stream": stream, "sequence": sequence}])


def _to_sensor(row: sa.RowMapping) -> SensorEntry:
    values: dict[str, Any] = dict(row)  # Any: one type per column
    report = values["report"]
    return SensorEntry(
        **values
        | {
            "organization_id": OrganizationId(values["organization_id"]),
            "generation_id": GenerationId(values["generation_id"]),
            "state": SensorState(values["state"]),
            "report": None if report is None else msgspec.convert(report, SensorReport),
        }
    )
