"""The tables of shared signals: keys, streams, what waits in them, transmitters, what was heard; and their SQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from vedette.access.ssf_model import PendingSet, Stream, StreamStatus, Transmitter
from vedette.store import Json, UtcDateTime, metadata
from vedette.trust import Provenance

_ID: Final = 64
_TEXT: Final = 256
_URL: Final = 2_048

keys: Final = sa.Table(
    "access_ssf_keys",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("key_id", sa.String(_ID), primary_key=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
)
streams: Final = sa.Table(
    "access_ssf_streams",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("stream_id", sa.String(_ID), primary_key=True),
    sa.Column("owner", sa.String(320), nullable=False),
    sa.Column("audience", sa.String(_TEXT), nullable=False),
    sa.Column("method", sa.String(_ID), nullable=False),
    sa.Column("endpoint_url", sa.String(_URL), nullable=False),
    sa.Column("sealed_authorization", sa.LargeBinary, nullable=False),
    sa.Column("events_delivered", Json, nullable=False),
    sa.Column("description", sa.String(_TEXT), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("status_reason", sa.String(_TEXT), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("verified_at", UtcDateTime),
    sa.Column("last_error", sa.Text, nullable=False),
)
exclusions: Final = sa.Table(
    "access_ssf_exclusions",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("stream_id", sa.String(_ID), primary_key=True),
    sa.Column("generation_id", sa.String(_ID), primary_key=True),
)
pending: Final = sa.Table(
    "access_ssf_pending",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("stream_id", sa.String(_ID), primary_key=True),
    sa.Column("jti", sa.String(_ID), primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("claims", Json, nullable=False),
    sa.Index("ix_access_ssf_pending_number", "organization_id", "stream_id", "number"),
)
cursors: Final = sa.Table(
    "access_ssf_cursors",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=False),
)
transmitters: Final = sa.Table(
    "access_ssf_transmitters",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("transmitter_id", sa.String(_ID), primary_key=True),
    sa.Column("name", sa.String(_TEXT), nullable=False),
    sa.Column("issuer", sa.String(_URL), nullable=False),
    sa.Column("audience", sa.String(_TEXT), nullable=False),
    sa.Column("jwks_url", sa.String(_URL), nullable=False),
    sa.Column("poll_url", sa.String(_URL), nullable=False),
    sa.Column("sealed_authorization", sa.LargeBinary, nullable=False),
    sa.Column("push_sha256", sa.LargeBinary, nullable=False),
    sa.Column("provenance", sa.String(16), nullable=False),
    sa.Column("is_enabled", sa.Boolean, nullable=False),
    sa.Column("accepted", sa.BigInteger, nullable=False),
    sa.Column("ignored", sa.BigInteger, nullable=False),
    sa.Column("refused", sa.BigInteger, nullable=False),
    sa.Column("last_event_at", UtcDateTime),
    sa.Column("last_error", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
)
heard: Final = sa.Table(
    "access_ssf_heard",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("transmitter_id", sa.String(_ID), primary_key=True),
    sa.Column("jti_sha256", sa.LargeBinary(32), primary_key=True),
    sa.Column("issued_at", UtcDateTime, nullable=False),
)
sa.Index("ix_access_ssf_heard_issued", heard.c.organization_id, heard.c.transmitter_id, heard.c.issued_at)
_STREAM: Final = tuple(field.name for field in fields(Stream) if field.name != "events_requested")
_TRANSMITTER: Final = tuple(field.name for field in fields(Transmitter))


def list_keys(connection: sa.Connection, organization_id: str) -> list[tuple[str, bytes]]:
    """Return signing keys, sealed, youngest first."""
    query = sa.select(keys).where(keys.c.organization_id == organization_id).order_by(keys.c.key_id.desc())
    return [(row.key_id, bytes(row.sealed)) for row in connection.execute(query)]


def add_key(connection: sa.Connection, organization_id: str, key_id: str, sealed: bytes, now: datetime) -> None:
    """Add a signing key."""
    values = {"organization_id": organization_id, "key_id": key_id, "sealed": sealed, "created_at": now}
    connection.execute(keys.insert().values(values))


def list_streams(connection: sa.Connection, organization_id: str, owner: str | None = None) -> list[Stream]:
    """Return the streams of everybody, or of one owner."""
    query = sa.select(streams).where(streams.c.organization_id == organization_id)
    if owner is not None:
        query = query.where(streams.c.owner == owner)
    return [_to_stream(row) for row in connection.execute(query.order_by(streams.c.stream_id)).mappings()]


def find_stream(connection: sa.Connection, organization_id: str, stream_id: str) -> Stream | None:
    """Return a stream."""
    row = connection.execute(sa.select(streams).where(_stream(organization_id, stream_id))).mappings().one_or_none()
    return None if row is None else _to_stream(row)


def save_stream(connection: sa.Connection, organization_id: str, stream: Stream) -> None:
    """Write a stream over what it was."""
    connection.execute(streams.delete().where(_stream(organization_id, stream.stream_id)))
    row = {name: getattr(stream, name) for name in _STREAM}
    # The column is named for the time when nothing else was kept.
    row |= {"status": stream.status.value, "events_delivered": list(stream.events_requested)}
    connection.execute(streams.insert().values(organization_id=organization_id, **row))


def note_delivery(connection: sa.Connection, organization_id: str, stream_id: str, error: str) -> None:
    """Remember how the last push went."""
    mine = sa.and_(_stream(organization_id, stream_id), streams.c.last_error != error)
    connection.execute(streams.update().where(mine).values(last_error=error))


def delete_stream(connection: sa.Connection, organization_id: str, stream_id: str) -> None:
    """Take away a stream and what waits in it."""
    for table in (streams, exclusions, pending):
        connection.execute(
            table.delete().where(table.c.organization_id == organization_id, table.c.stream_id == stream_id)
        )


def exclude(connection: sa.Connection, organization_id: str, stream_id: str, generation_id: str) -> None:
    """Leave an identity out of a stream."""
    include(connection, organization_id, stream_id, generation_id)
    values = {"organization_id": organization_id, "stream_id": stream_id, "generation_id": generation_id}
    connection.execute(exclusions.insert().values(values))


def include(connection: sa.Connection, organization_id: str, stream_id: str, generation_id: str) -> None:
    """Leave an identity out no more."""
    c = exclusions.c
    connection.execute(
        exclusions.delete().where(
            c.organization_id == organization_id, c.stream_id == stream_id, c.generation_id == generation_id
        )
    )


def excluding(connection: sa.Connection, organization_id: str, generation_ids: Iterable[str]) -> set[tuple[str, str]]:
    """Return who is left out of which stream, as (stream, generation)."""
    c = exclusions.c
    query = sa.select(c.stream_id, c.generation_id).where(
        c.organization_id == organization_id, c.generation_id.in_(list(generation_ids))
    )
    return {(row.stream_id, row.generation_id) for row in connection.execute(query)}


def add_pending(connection: sa.Connection, organization_id: str, stream_id: str, sets: Iterable[PendingSet]) -> None:
    """Add events to a stream."""
    last = connection.execute(sa.select(sa.func.max(pending.c.number)).where(_pending(organization_id, stream_id)))
    first = (last.scalar_one() or 0) + 1
    where = {"organization_id": organization_id, "stream_id": stream_id}
    rows = [
        {**where, "jti": each.jti, "number": number, "claims": each.claims}
        for number, each in enumerate(sets, start=first)
    ]
    if rows:
        connection.execute(pending.insert(), rows)


def count_pending(connection: sa.Connection, organization_id: str, stream_id: str) -> int:
    """Count what waits in a stream."""
    query = sa.select(sa.func.count()).select_from(pending).where(_pending(organization_id, stream_id))
    return connection.execute(query).scalar_one()


def list_pending(connection: sa.Connection, organization_id: str, stream_id: str, limit: int) -> list[PendingSet]:
    """Return what waits in a stream, oldest first."""
    query = sa.select(pending).where(_pending(organization_id, stream_id)).order_by(pending.c.number).limit(limit)
    return [PendingSet(jti=row["jti"], claims=row["claims"]) for row in connection.execute(query).mappings()]


def drop_pending(
    connection: sa.Connection, organization_id: str, stream_id: str, jtis: Sequence[str] | None = None
) -> None:
    """Take delivered events out of a stream; all of them if none are named."""
    mine = _pending(organization_id, stream_id)
    if jtis is not None:
        mine = sa.and_(mine, pending.c.jti.in_(jtis))
    connection.execute(pending.delete().where(mine))


def read_cursor(connection: sa.Connection, organization_id: str) -> int | None:
    """Return the ledger position up to which events were put into streams."""
    query = sa.select(cursors.c.position).where(cursors.c.organization_id == organization_id)
    return connection.execute(query).scalar_one_or_none()


def save_cursor(connection: sa.Connection, organization_id: str, position: int) -> None:
    """Remember a position."""
    connection.execute(cursors.delete().where(cursors.c.organization_id == organization_id))
    connection.execute(cursors.insert().values(organization_id=organization_id, position=position))


def list_transmitters(connection: sa.Connection, organization_id: str) -> list[Transmitter]:
    """Return the transmitters that are heard."""
    c = transmitters.c
    query = sa.select(transmitters).where(c.organization_id == organization_id).order_by(c.transmitter_id)
    return [_to_transmitter(row) for row in connection.execute(query).mappings()]


def find_transmitter(connection: sa.Connection, organization_id: str, transmitter_id: str) -> Transmitter | None:
    """Return a transmitter."""
    query = sa.select(transmitters).where(_transmitter(organization_id, transmitter_id))
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _to_transmitter(row)


def add_transmitter(connection: sa.Connection, organization_id: str, transmitter: Transmitter) -> None:
    """Add a transmitter."""
    row = {name: getattr(transmitter, name) for name in _TRANSMITTER} | {"provenance": transmitter.provenance.value}
    connection.execute(transmitters.insert().values(organization_id=organization_id, **row))


def change_transmitter(
    connection: sa.Connection,
    organization_id: str,
    transmitter_id: str,
    values: Mapping[str, Any],  # Any: columns
) -> None:
    """Change columns of a transmitter."""
    connection.execute(
        transmitters.update().where(_transmitter(organization_id, transmitter_id)).values(**dict(values))
    )


def count_event(
    connection: sa.Connection, organization_id: str, transmitter_id: str, outcome: str, *, at: datetime, error: str
) -> None:
    """Count an event: ``accepted``, ``ignored`` or ``refused``."""
    column = transmitters.c[outcome]
    values: dict[str, Any] = {outcome: column + 1, "last_error": error}  # Any: one type per column
    if outcome != "refused":
        values["last_event_at"] = at
    connection.execute(transmitters.update().where(_transmitter(organization_id, transmitter_id)).values(**values))


def delete_transmitter(connection: sa.Connection, organization_id: str, transmitter_id: str) -> bool:
    """Take away a transmitter; tell whether there was one."""
    c = heard.c
    connection.execute(heard.delete().where(c.organization_id == organization_id, c.transmitter_id == transmitter_id))
    mine = _transmitter(organization_id, transmitter_id)
    return connection.execute(transmitters.delete().where(mine)).rowcount > 0


def hear(
    connection: sa.Connection,
    organization_id: str,
    transmitter_id: str,
    *,
    jti_sha256: bytes,
    issued_at: datetime,
    forget_before: datetime,
) -> bool:
    """Remember that a token came in; ``False`` if it had before. What is too old to be taken again is forgotten."""
    c = heard.c
    mine = sa.and_(c.organization_id == organization_id, c.transmitter_id == transmitter_id)
    connection.execute(heard.delete().where(mine, c.issued_at < forget_before))
    if connection.execute(sa.select(c.issued_at).where(mine, c.jti_sha256 == jti_sha256)).one_or_none() is not None:
        return False
    connection.execute(
        heard.insert().values(
            organization_id=organization_id, transmitter_id=transmitter_id, jti_sha256=jti_sha256, issued_at=issued_at
        )
    )
    return True


def _stream(organization_id: str, stream_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(streams.c.organization_id == organization_id, streams.c.stream_id == stream_id)


def _pending(organization_id: str, stream_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(pending.c.organization_id == organization_id, pending.c.stream_id == stream_id)


def _transmitter(organization_id: str, transmitter_id: str) -> sa.ColumnElement[bool]:
    c = transmitters.c
    return sa.and_(c.organization_id == organization_id, c.transmitter_id == transmitter_id)


def _to_stream(row: sa.RowMapping) -> Stream:
    values: dict[str, Any] = {name: row[name] for name in _STREAM}  # Any: one type per column
    return Stream(
        **values
        | {
            "status": StreamStatus(row["status"]),
            "events_requested": tuple(row["events_delivered"]),
            "sealed_authorization": bytes(row["sealed_authorization"]),
        }
    )


def _to_transmitter(row: sa.RowMapping) -> Transmitter:
    values: dict[str, Any] = {name: row[name] for name in _TRANSMITTER}  # Any: one type per column
    return Transmitter(
        **values
        | {
            "provenance": Provenance(row["provenance"]),
            "sealed_authorization": bytes(row["sealed_authorization"]),
            "push_sha256": bytes(row["push_sha256"]),
        }
    )
