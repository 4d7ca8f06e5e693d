"""Command schemas: what devices may be told at all; their table and SQL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, NewType

import sqlalchemy as sa

from vedette.kernel import OrganizationId
from vedette.store import UtcDateTime, metadata

CommandSchemaId = NewType("CommandSchemaId", str)
CommandKind = Literal["method", "command"]

_ID: Final = 64

command_schemas: Final = sa.Table(
    "operators_command_schemas",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("schema_id", sa.String(_ID), primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("command", sa.String(128), nullable=False),
    sa.Column("device_class", sa.String(64), nullable=False),
    sa.Column("group_id", sa.String(_ID), nullable=False),
    sa.Column("json_schema", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("created_by", sa.String(128), nullable=False),
    sa.Index(
        "uq_operators_command_schemas_for",
        "organization_id",
        "kind",
        "command",
        "device_class",
        "group_id",
        unique=True,
    ),
)

_c: Final = command_schemas.c


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandSchema:
    """What a command must look like that devices of a class or group are sent.

    Attributes:
        kind: A method's call, or a message to a device.
        command: The method's name; ``*`` for any, and always for messages.
        device_class: Of the devices that it is for; empty: of any class.
        group_id: Of a group that they are in; empty: of any.
        json_schema: JSON text.
    """

    organization_id: OrganizationId
    schema_id: CommandSchemaId
    kind: CommandKind
    command: str
    device_class: str
    group_id: str
    json_schema: str
    description: str
    created_at: datetime
    created_by: str


def insert(connection: sa.Connection, schema: CommandSchema) -> None:
    """Add a schema; the caller has checked that there is none for the same."""
    names = command_schemas.c.keys()
    connection.execute(command_schemas.insert().values(**{name: getattr(schema, name) for name in names}))


def find(connection: sa.Connection, organization_id: str, schema_id: str) -> CommandSchema | None:
    """Return a schema by id."""
    query = sa.select(command_schemas).where(_c.organization_id == organization_id, _c.schema_id == schema_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else _to_schema(row)


def list_all(connection: sa.Connection, organization_id: str) -> list[CommandSchema]:
    """Return all schemas, in the order they were registered; there are few."""
    query = sa.select(command_schemas).where(_c.organization_id == organization_id).order_by(_c.schema_id)
    return [_to_schema(row) for row in connection.execute(query)]


def delete(connection: sa.Connection, organization_id: str, schema_id: str) -> None:
    """Take a schema away."""
    connection.execute(command_schemas.delete().where(_c.organization_id == organization_id, _c.schema_id == schema_id))


def _to_schema(row: sa.Row[Any]) -> CommandSchema:
    return CommandSchema(
        organization_id=OrganizationId(row.organization_id),
        schema_id=CommandSchemaId(row.schema_id),
        kind=row.kind,
        command=row.command,
        device_class=row.device_class,
        group_id=row.group_id,
        json_schema=row.json_schema,
        description=row.description,
        created_at=row.created_at,
        created_by=row.created_by,
    )
