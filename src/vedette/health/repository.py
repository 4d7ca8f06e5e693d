"""The tables of signals, their history, and what they come to; the only SQL of this room."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from vedette.health.model import Position, Signal
from vedette.kernel import DeviceId, GenerationId, ModuleId, OrganizationId
from vedette.store import Json, UtcDateTime, metadata
from vedette.trust import Finding, Health, Location, Provenance, RiskLevel

_ID: Final = 64
_NAME: Final = 128
HISTORY_MAX: Final = 100


def _columns() -> list[sa.Column[Any]]:  # Any: one type per column
    return [
        sa.Column("device_id", sa.String(_NAME), nullable=False),
        sa.Column("module_id", sa.String(_NAME)),
        sa.Column("level", sa.String(16)),
        sa.Column("since", UtcDateTime, nullable=False),
        sa.Column("observed_at", UtcDateTime, nullable=False),
        sa.Column("ingested_at", UtcDateTime, nullable=False),
        sa.Column("expires_at", UtcDateTime),
        sa.Column("detail", Json, nullable=False),
        sa.Column("position", Json),
    ]


# The latest word of each source on each class; what is withdrawn or over is not here.
signals: Final = sa.Table(
    "health_signals",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("generation_id", sa.String(_ID), primary_key=True),
    sa.Column("signal_class", sa.String(_ID), primary_key=True),
    sa.Column("source", sa.String(_NAME), primary_key=True),
    sa.Column("provenance", sa.String(16), primary_key=True),
    sa.Column("signal_id", sa.String(_ID), nullable=False),
    *_columns(),
)
signal_history: Final = sa.Table(
    "health_signal_history",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("signal_id", sa.String(_ID), primary_key=True),
    sa.Column("generation_id", sa.String(_ID), nullable=False),
    sa.Column("signal_class", sa.String(_ID), nullable=False),
    sa.Column("source", sa.String(_NAME), nullable=False),
    sa.Column("provenance", sa.String(16), nullable=False),
    *_columns(),
)
postures: Final = sa.Table(
    "health_postures",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("generation_id", sa.String(_ID), primary_key=True),
    sa.Column("device_id", sa.String(_NAME), nullable=False),
    sa.Column("module_id", sa.String(_NAME)),
    sa.Column("risk_level", sa.String(16), nullable=False),
    sa.Column("risk_score", sa.Integer, nullable=False),
    sa.Column("findings", Json, nullable=False),
    sa.Column("changed_at", UtcDateTime, nullable=False),
    sa.Column("location", Json),
    sa.Column("location_since", UtcDateTime),
    sa.Column("location_until", UtcDateTime),
)
_s: Final = signals.c
_h: Final = signal_history.c
_p: Final = postures.c
sa.Index(
    "ix_health_signals_expires",
    _s.organization_id,
    _s.expires_at,
    sqlite_where=_s.expires_at.is_not(None),
    postgresql_where=_s.expires_at.is_not(None),
)
sa.Index("ix_health_signal_history_identity", _h.organization_id, _h.generation_id, _h.signal_id)
sa.Index("ix_health_postures_risk", _p.organization_id, _p.risk_level, _p.generation_id)

# Any: the element type of an expanding parameter is not inferred.
_generations: Final[sa.BindParameter[Any]] = sa.bindparam("generations", expanding=True)
_organization: Final[sa.BindParameter[Any]] = sa.bindparam("organization")
_of_many: Final = sa.select(signals).where(_s.organization_id == _organization, _s.generation_id.in_(_generations))
_postures_of: Final = sa.select(postures).where(_p.organization_id == _organization, _p.generation_id.in_(_generations))
_COLUMNS: Final = tuple(column.name for column in signals.c)


@dataclass(frozen=True, slots=True, kw_only=True)
class Posture:
    """What the signals of an identity come to, as it stands on disk."""

    generation_id: GenerationId
    device_id: DeviceId
    module_id: ModuleId | None
    risk_level: RiskLevel
    risk_score: int
    findings: tuple[Finding, ...]
    changed_at: datetime
    location: Location | None
    location_since: datetime | None
    location_until: datetime | None

    @property
    def health(self) -> Health | None:
        """The health section of a posture record; ``None``: nobody vouches for anything."""
        if self.risk_level is RiskLevel.UNKNOWN:
            return None
        return Health(findings=self.findings, risk_level=self.risk_level)


def find_signals(
    connection: sa.Connection, organization_id: str, generation_ids: Iterable[str]
) -> dict[str, list[Signal]]:
    """Return the signals that stand, by identity; expired ones that nobody has swept yet included."""
    found: dict[str, list[Signal]] = {}
    rows = connection.execute(_of_many, {"organization": organization_id, "generations": list(generation_ids)})
    for row in rows.mappings():
        found.setdefault(row["generation_id"], []).append(_to_signal(row))
    return found


def find_signal(connection: sa.Connection, organization_id: str, generation_id: str, signal_id: str) -> Signal | None:
    """Return one that stands."""
    query = sa.select(signals).where(
        _s.organization_id == organization_id, _s.generation_id == generation_id, _s.signal_id == signal_id
    )
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _to_signal(row)


def put(connection: sa.Connection, signal: Signal) -> None:
    """Write a signal over what its source said before on its class, by the same provenance."""
    delete(connection, signal)
    connection.execute(signals.insert().values(_to_row(signal)))


def delete(connection: sa.Connection, signal: Signal) -> None:
    """Take away a signal that stands."""
    connection.execute(
        signals.delete().where(
            _s.organization_id == signal.organization_id,
            _s.generation_id == signal.generation_id,
            _s.signal_class == signal.signal_class,
            _s.source == signal.source,
            _s.provenance == signal.provenance.value,
        )
    )


def delete_of(connection: sa.Connection, organization_id: str, generation_id: str) -> None:
    """Forget all of an identity that is no more."""
    for table in (signals, signal_history, postures):
        connection.execute(
            table.delete().where(table.c.organization_id == organization_id, table.c.generation_id == generation_id)
        )


def remember(connection: sa.Connection, signal: Signal) -> None:
    """Add a signal to the history of its identity; its oldest ones beyond ``HISTORY_MAX`` go."""
    connection.execute(signal_history.insert().values(_to_row(signal)))
    mine = sa.and_(_h.organization_id == signal.organization_id, _h.generation_id == signal.generation_id)
    oldest = sa.select(_h.signal_id).where(mine).order_by(_h.signal_id.desc()).offset(HISTORY_MAX).limit(1)
    last = connection.execute(oldest).scalar_one_or_none()
    if last is not None:
        connection.execute(signal_history.delete().where(mine, _h.signal_id <= last))


def list_history(
    connection: sa.Connection, organization_id: str, generation_id: str, *, before: str, limit: int
) -> list[Signal]:
    """Return signals of an identity, youngest first."""
    query = sa.select(signal_history).where(_h.organization_id == organization_id, _h.generation_id == generation_id)
    if before:
        query = query.where(_h.signal_id < before)
    rows = connection.execute(query.order_by(_h.signal_id.desc()).limit(limit)).mappings()
    return [_to_signal(row) for row in rows]


def list_expired(connection: sa.Connection, organization_id: str, now: datetime, limit: int) -> list[str]:
    """Return identities with a signal that counts no more."""
    query = (
        sa.select(_s.generation_id)
        .where(_s.organization_id == organization_id, _s.expires_at <= now)
        .order_by(_s.expires_at)
        .limit(limit)
    )
    return list(dict.fromkeys(connection.execute(query).scalars()))


def find_postures(connection: sa.Connection, organization_id: str, generation_ids: Iterable[str]) -> dict[str, Posture]:
    """Return what is on disk; an identity that nobody has said anything of is left out."""
    rows = connection.execute(_postures_of, {"organization": organization_id, "generations": list(generation_ids)})
    return {row["generation_id"]: _to_posture(row) for row in rows.mappings()}


def save_posture(connection: sa.Connection, organization_id: str, posture: Posture) -> None:
    """Write what the signals of an identity come to."""
    connection.execute(
        postures.delete().where(_p.organization_id == organization_id, _p.generation_id == posture.generation_id)
    )
    row = {name: getattr(posture, name) for name in Posture.__slots__}
    row |= {
        "risk_level": posture.risk_level.value,
        "findings": msgspec.to_builtins(posture.findings),
        "location": None if posture.location is None else msgspec.to_builtins(posture.location),
    }
    connection.execute(postures.insert().values(organization_id=organization_id, **row))


def list_postures(
    connection: sa.Connection, organization_id: str, *, risk_level: RiskLevel | None, after: str, limit: int
) -> list[Posture]:
    """Return postures by generation id, in its order."""
    query = sa.select(postures).where(_p.organization_id == organization_id, _p.generation_id > after)
    if risk_level is not None:
        query = query.where(_p.risk_level == risk_level.value)
    rows = connection.execute(query.order_by(_p.generation_id).limit(limit)).mappings()
    return [_to_posture(row) for row in rows]


def _to_row(signal: Signal) -> dict[str, Any]:  # Any: one type per column
    row = {name: getattr(signal, name) for name in _COLUMNS}
    position = None if signal.position is None else msgspec.to_builtins(signal.position)
    return row | {
        "provenance": signal.provenance.value,
        "level": None if signal.level is None else signal.level.value,
        "detail": dict(signal.detail),
        "position": position,
    }


def _to_signal(row: sa.RowMapping) -> Signal:
    position = row["position"]
    return Signal(
        organization_id=OrganizationId(row["organization_id"]),
        signal_id=row["signal_id"],
        generation_id=GenerationId(row["generation_id"]),
        device_id=DeviceId(row["device_id"]),
        module_id=None if row["module_id"] is None else ModuleId(row["module_id"]),
        signal_class=row["signal_class"],
        source=row["source"],
        provenance=Provenance(row["provenance"]),
        level=None if row["level"] is None else RiskLevel(row["level"]),
        since=row["since"],
        observed_at=row["observed_at"],
        ingested_at=row["ingested_at"],
        expires_at=row["expires_at"],
        detail=row["detail"],
        position=None if position is None else msgspec.convert(position, Position),
    )


def _to_posture(row: sa.RowMapping) -> Posture:
    return Posture(
        generation_id=GenerationId(row["generation_id"]),
        device_id=DeviceId(row["device_id"]),
        module_id=None if row["module_id"] is None else ModuleId(row["module_id"]),
        risk_level=RiskLevel(row["risk_level"]),
        risk_score=row["risk_score"],
        findings=msgspec.convert(row["findings"], tuple[Finding, ...]),
        changed_at=row["changed_at"],
        location=None if row["location"] is None else msgspec.convert(row["location"], Location),
        location_since=row["location_since"],
        location_until=row["location_until"],
    )
