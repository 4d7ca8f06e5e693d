"""The tables of queued commands and of the numbers they are given, and their SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from vedette.kernel import DeviceId, GenerationId, OrganizationId
from vedette.messaging.command_model import Ack, Command
from vedette.store import Json, UtcDateTime, metadata

_ID: Final = 64
_NAME: Final = 128
_CHUNK: Final = 500

commands: Final = sa.Table(
    "messaging_commands",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("generation_id", sa.String(_ID), primary_key=True),
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("command_id", sa.String(_ID), nullable=False),
    sa.Column("device_id", sa.String(_NAME), nullable=False),
    sa.Column("message_id", sa.String(_NAME), nullable=False),
    sa.Column("ack", sa.String(8), nullable=False),
    sa.Column("system", Json, nullable=False),
    sa.Column("properties", Json, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("size_bytes", sa.Integer, nullable=False),
    sa.Column("enqueued_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Column("delivery_count", sa.Integer, nullable=False),
    # The session that took it last; a second taking by the same one is no further delivery.
    sa.Column("taken_by", sa.String(_ID)),
    sa.Index("ix_messaging_commands_expiry", "organization_id", "expires_at"),
)
# Numbers that are never used twice, whatever is deleted: of a queue by its generation, of the feedback by its name.
counters: Final = sa.Table(
    "messaging_counters",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("name", sa.String(_ID), primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)

_c: Final = commands.c
# Any: the element type of an expanding parameter is not inferred.
_sequences: Final[sa.BindParameter[Any]] = sa.bindparam("sequences", expanding=True)
_generations: Final[sa.BindParameter[Any]] = sa.bindparam("generations", expanding=True)
_of_queue: Final = sa.and_(
    _c.organization_id == sa.bindparam("organization"), _c.generation_id == sa.bindparam("generation")
)
_without_body: Final = [column for column in _c if column.name != "body"]
_queue: Final = sa.select(*_without_body).where(_of_queue).order_by(_c.sequence)
_waiting: Final = sa.select(sa.literal(1)).where(_of_queue, _c.sequence > sa.bindparam("after")).limit(1)
_of_queues: Final = (
    sa.select(*_without_body)
    .where(_c.organization_id == sa.bindparam("organization"), _c.generation_id.in_(_generations))
    .order_by(_c.generation_id, _c.sequence)
)
_bodies: Final = sa.select(_c.sequence, _c.body).where(_of_queue, _c.sequence.in_(_sequences))
_delete: Final = commands.delete().where(_of_queue, _c.sequence == sa.bindparam("number"))
_insert: Final = commands.insert()
_count_deliveries: Final = (
    commands.update()
    .where(_of_queue, _c.sequence.in_(_sequences))
    .values(delivery_count=_c.delivery_count + 1, taken_by=sa.bindparam("session"))
)
_expired: Final = (
    sa.select(*_without_body)
    .where(_c.organization_id == sa.bindparam("organization"), _c.expires_at <= sa.bindparam("now", type_=UtcDateTime))
    .order_by(_c.expires_at)
    .limit(sa.bindparam("limit"))
)
_holders: Final = (
    sa.select(_c.generation_id, _c.taken_by)
    .distinct()
    .where(_c.organization_id == sa.bindparam("organization"), _c.generation_id > sa.bindparam("after"))
    .order_by(_c.generation_id)
    .limit(sa.bindparam("limit"))
)
_counter: Final = sa.and_(
    counters.c.organization_id == sa.bindparam("organization"), counters.c.name == sa.bindparam("counter")
)
_advance: Final = (
    counters.update()
    .where(_counter)
    .values(value=counters.c.value + sa.bindparam("by", type_=sa.BigInteger))
    .returning(counters.c.value)
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A command in its queue, and the session that took it last."""

    command: Command
    taken_by: str | None


def advance(connection: sa.Connection, organization_id: str, counter: str, *, by: int = 1) -> int:
    """Return the last of the next ``by`` numbers of a counter."""
    keys = {"organization": organization_id, "counter": counter}
    value: int | None = connection.execute(_advance, {**keys, "by": by}).scalar_one_or_none()
    if value is None:
        connection.execute(counters.insert(), {"organization_id": organization_id, "name": counter, "value": by})
        return by
    return value


def delete_counter(connection: sa.Connection, organization_id: str, counter: str) -> None:
    """Forget a counter whose name is never used again."""
    connection.execute(counters.delete().where(_counter), {"organization": organization_id, "counter": counter})


def insert(connection: sa.Connection, command: Command, body: bytes) -> None:
    """Put a command at the end of its queue."""
    connection.execute(
        _insert,
        {
            "organization_id": command.organization_id,
            "generation_id": command.generation_id,
            "sequence": command.sequence,
            "command_id": command.command_id,
            "device_id": command.device_id,
            "message_id": command.message_id,
            "ack": command.ack.value,
            "system": dict(command.system),
            "properties": dict(command.properties),
            "body": body,
            "size_bytes": command.size_bytes,
            "enqueued_at": command.enqueued_at,
            "expires_at": command.expires_at,
            "delivery_count": command.delivery_count,
        },
    )


def has_waiting(connection: sa.Connection, organization_id: str, generation_id: str, *, after: int) -> bool:
    """Tell whether anything stands in a queue behind a sequence, expired or not."""
    return connection.execute(_waiting, {**_keys(organization_id, generation_id), "after": after}).first() is not None


def list_queue(connection: sa.Connection, organization_id: str, generation_id: str) -> list[Waiting]:
    """Return a whole queue in order, without bodies; it is never longer than its bound."""
    return [_to_waiting(row) for row in connection.execute(_queue, _keys(organization_id, generation_id))]


def list_queues(connection: sa.Connection, organization_id: str, generation_ids: Sequence[str]) -> list[Waiting]:
    """Return several whole queues, without bodies."""
    found: list[Waiting] = []
    for start in range(0, len(generation_ids), _CHUNK):
        keys = {"organization": organization_id, "generations": list(generation_ids[start : start + _CHUNK])}
        found += map(_to_waiting, connection.execute(_of_queues, keys))
    return found


def read_bodies(
    connection: sa.Connection, organization_id: str, generation_id: str, sequences: Sequence[int]
) -> dict[int, bytes]:
    """Return bodies by sequence."""
    keys = {**_keys(organization_id, generation_id), "sequences": list(sequences)}
    return {row.sequence: bytes(row.body) for row in connection.execute(_bodies, keys)}


def count_deliveries(
    connection: sa.Connection, organization_id: str, generation_id: str, sequences: Sequence[int], session_id: str
) -> None:
    """Count one more delivery of each, to this session."""
    keys = {**_keys(organization_id, generation_id), "sequences": list(sequences)}
    connection.execute(_count_deliveries, {**keys, "session": session_id})


def delete(connection: sa.Connection, ended: Sequence[Command]) -> None:
    """Take commands out of their queues."""
    keys = [{**_keys(each.organization_id, each.generation_id), "number": each.sequence} for each in ended]
    if keys:
        connection.execute(_delete, keys)


def list_expired(connection: sa.Connection, organization_id: str, now: datetime, *, limit: int) -> list[Command]:
    """Return commands whose time to live has ended, of all queues, the oldest first."""
    keys = {"organization": organization_id, "now": now, "limit": limit}
    return [_to_command(row) for row in connection.execute(_expired, keys)]


def list_holders(
    connection: sa.Connection, organization_id: str, *, after: str, limit: int
) -> list[tuple[str, str | None]]:
    """Return whose queues hold something, and the sessions that took it last, by generation."""
    keys = {"organization": organization_id, "after": after, "limit": limit}
    return [(row.generation_id, row.taken_by) for row in connection.execute(_holders, keys)]


def _keys(organization_id: str, generation_id: str) -> dict[str, Any]:  # Any: parameters of several types join them
    return {"organization": organization_id, "generation": generation_id}


def _to_waiting(row: sa.Row[Any]) -> Waiting:
    return Waiting(_to_command(row), row.taken_by)


def _to_command(row: sa.Row[Any]) -> Command:
    return Command(
        organization_id=OrganizationId(row.organization_id),
        generation_id=GenerationId(row.generation_id),
        device_id=DeviceId(row.device_id),
        sequence=row.sequence,
        command_id=row.command_id,
        message_id=row.message_id,
        ack=Ack(row.ack),
        system=row.system,
        properties=row.properties,
        size_bytes=row.size_bytes,
        enqueued_at=row.enqueued_at,
        expires_at=row.expires_at,
        delivery_count=row.delivery_count,
    )
