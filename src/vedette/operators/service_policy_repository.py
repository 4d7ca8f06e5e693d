"""Service policies and their sealed keys: the tables and their SQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from vedette.kernel import OrganizationId
from vedette.operators.service_policy import ServiceKey, ServicePolicy, ServicePolicyId, ServiceRight
from vedette.pki import KeySlot
from vedette.store import UtcDateTime, metadata

_ID: Final = 64

service_policies: Final = sa.Table(
    "operators_service_policies",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("policy_id", sa.String(_ID), primary_key=True),
    sa.Column("name", sa.String(64), nullable=False),
    sa.Column("rights", sa.String(128), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Index("uq_operators_service_policies_name", "organization_id", "name", unique=True),
)
service_keys: Final = sa.Table(
    "operators_service_keys",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("policy_id", sa.String(_ID), primary_key=True),
    sa.Column("slot", sa.String(16), primary_key=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Column("last_used_at", UtcDateTime, nullable=True),
)

_p: Final = service_policies.c
_k: Final = service_keys.c


def insert_policy(connection: sa.Connection, policy: ServicePolicy) -> None:
    """Keep a new policy; its keys are put beside it."""
    connection.execute(
        service_policies.insert().values(
            organization_id=policy.organization_id,
            policy_id=policy.policy_id,
            name=policy.name,
            rights=",".join(policy.rights),
            created_at=policy.created_at,
        )
    )


def put_key(connection: sa.Connection, policy: ServicePolicy, key: ServiceKey, sealed: bytes) -> None:
    """Keep a key in the place of the one that its slot had."""
    connection.execute(service_keys.delete().where(*_is_key(policy.organization_id, policy.policy_id, key.slot)))
    connection.execute(
        service_keys.insert().values(
            organization_id=policy.organization_id,
            policy_id=policy.policy_id,
            slot=key.slot.value,
            sealed=sealed,
            created_at=key.created_at,
            expires_at=key.expires_at,
            last_used_at=None,
        )
    )


def delete_policy(connection: sa.Connection, organization_id: str, policy_id: str) -> None:
    """Forget a policy with its keys."""
    connection.execute(service_keys.delete().where(_k.organization_id == organization_id, _k.policy_id == policy_id))
    connection.execute(
        service_policies.delete().where(_p.organization_id == organization_id, _p.policy_id == policy_id)
    )


def count_policies(connection: sa.Connection, organization_id: str) -> int:
    """Return how many policies there are."""
    query = sa.select(sa.func.count()).select_from(service_policies).where(_p.organization_id == organization_id)
    return int(connection.execute(query).scalar_one())


def list_policies(connection: sa.Connection, organization_id: str) -> list[ServicePolicy]:
    """Return every policy with its keys, by name; they are few."""
    rows = connection.execute(sa.select(service_policies).where(_p.organization_id == organization_id)).all()
    keys: dict[str, list[ServiceKey]] = {}
    query = sa.select(service_keys).where(_k.organization_id == organization_id).order_by(_k.policy_id, _k.slot)
    for row in connection.execute(query):
        keys.setdefault(row.policy_id, []).append(_to_key(row))
    found = [_to_policy(row, keys.get(row.policy_id, ())) for row in rows]
    return sorted(found, key=lambda policy: policy.name)


def find_sealed(
    connection: sa.Connection, organization_id: str, name: str
) -> tuple[ServicePolicy, dict[KeySlot, bytes]] | None:
    """Return a policy by its name, with its keys' sealed values."""
    row = connection.execute(
        sa.select(service_policies).where(_p.organization_id == organization_id, _p.name == name)
    ).one_or_none()
    if row is None:
        return None
    query = sa.select(service_keys).where(_k.organization_id == organization_id, _k.policy_id == row.policy_id)
    rows = connection.execute(query.order_by(_k.slot)).all()
    policy = _to_policy(row, [_to_key(each) for each in rows])
    return policy, {KeySlot(each.slot): bytes(each.sealed) for each in rows}


def note_used(
    connection: sa.Connection, policy: ServicePolicy, slot: KeySlot, *, at: datetime, before: datetime
) -> None:
    """Remember that a key was used, unless a time after ``before`` is known already."""
    is_old = sa.or_(_k.last_used_at.is_(None), _k.last_used_at < before)
    statement = service_keys.update().where(*_is_key(policy.organization_id, policy.policy_id, slot), is_old)
    connection.execute(statement.values(last_used_at=at))


def _is_key(organization_id: str, policy_id: str, slot: KeySlot) -> list[sa.ColumnElement[bool]]:
    return [_k.organization_id == organization_id, _k.policy_id == policy_id, _k.slot == slot.value]


def _to_policy(row: sa.Row[Any], keys: Sequence[ServiceKey]) -> ServicePolicy:
    return ServicePolicy(
        organization_id=OrganizationId(row.organization_id),
        policy_id=ServicePolicyId(row.policy_id),
        name=row.name,
        rights=tuple(ServiceRight(right) for right in row.rights.split(",")),
        created_at=row.created_at,
        keys=tuple(keys),
    )


def _to_key(row: sa.Row[Any]) -> ServiceKey:
    return ServiceKey(
        slot=KeySlot(row.slot),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
    )
