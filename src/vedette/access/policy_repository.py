"""Policy bundles, their stages, approvals, simulations, and what identities looked like when they were decided on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from vedette.access.policy_model import Approval, Origin, Staging, StoredBundle
from vedette.store import UtcDateTime, metadata

_ID: Final = 64
_ACTOR: Final = 300

policy_bundles: Final = sa.Table(
    "access_policy_bundles",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("sha256", sa.String(_ID), primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("name", sa.String(128), nullable=False),
    sa.Column("origin", sa.String(16), nullable=False),
    sa.Column("base_sha256", sa.String(_ID), nullable=False),
    sa.Column("encoded", sa.LargeBinary, nullable=False),
    sa.Column("signature", sa.LargeBinary, nullable=False),
    sa.Column("policy_count", sa.Integer, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("author", sa.String(_ACTOR), nullable=False),
    sa.Column("author_name", sa.String(_ACTOR), nullable=False),
    sa.Column("was_stable", sa.Boolean, nullable=False),
)
sa.Index(
    "ix_access_policy_bundles_number",
    policy_bundles.c.organization_id,
    policy_bundles.c.number,
    unique=True,
)

policy_staging: Final = sa.Table(
    "access_policy_staging",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("stable", sa.String(_ID), nullable=False),
    sa.Column("canary", sa.String(_ID), nullable=False),
    sa.Column("canary_group", sa.String(128), nullable=False),
    sa.Column("shadow", sa.String(_ID), nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("former", sa.String(_ID), nullable=False),
    sa.Column("changed_at", UtcDateTime, nullable=False),
    sa.Column("changed_by", sa.String(_ACTOR), nullable=False),
    sa.Column("changed_by_name", sa.String(_ACTOR), nullable=False, server_default=""),
    sa.Column("watched", sa.String(_ID), nullable=False),
    sa.Column("watched_until", UtcDateTime, nullable=True),
    sa.Column("denied_share", sa.Float, nullable=False),
    sa.Column("concerned", sa.BigInteger, nullable=False),
    sa.Column("foretold", sa.String(_ID), nullable=False),
    sa.Column("reason", sa.String(1024), nullable=False),
)

# Which bundle was stable before which: a rollback goes one step back, and another one further.
policy_successions: Final = sa.Table(
    "access_policy_successions",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("depth", sa.BigInteger, primary_key=True),
    sa.Column("sha256", sa.String(_ID), nullable=False),
)

policy_approvals: Final = sa.Table(
    "access_policy_approvals",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("sha256", sa.String(_ID), primary_key=True),
    sa.Column("base_sha256", sa.String(_ID), primary_key=True),
    sa.Column("actor", sa.String(_ACTOR), primary_key=True),
    sa.Column("actor_name", sa.String(_ACTOR), nullable=False),
    sa.Column("is_host", sa.Boolean, nullable=False),
    sa.Column("newly_allowed", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.String(1024), nullable=False),
    sa.Column("approved_at", UtcDateTime, nullable=False),
)

policy_simulations: Final = sa.Table(
    "access_policy_simulations",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("simulation_id", sa.String(_ID), primary_key=True),
    sa.Column("sha256", sa.String(_ID), nullable=False),
    sa.Column("base_sha256", sa.String(_ID), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("examined", sa.BigInteger, nullable=False),
    sa.Column("total", sa.BigInteger, nullable=False),
    sa.Column("newly_allowed", sa.BigInteger, nullable=False),
    sa.Column("newly_denied", sa.BigInteger, nullable=False),
    sa.Column("report", sa.LargeBinary, nullable=False),
    sa.Column("denied", sa.LargeBinary, nullable=False),
    sa.Column("cause", sa.String(1024), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("finished_at", UtcDateTime, nullable=True),
    sa.Column("author", sa.String(_ACTOR), nullable=False),
)
sa.Index("ix_access_policy_simulations_sha256", policy_simulations.c.organization_id, policy_simulations.c.sha256)

entity_slices: Final = sa.Table(
    "access_entity_slices",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("slice_sha256", sa.String(_ID), primary_key=True),
    sa.Column("attributes", sa.LargeBinary, nullable=False),
    sa.Column("seen_at", UtcDateTime, nullable=False),
)

_b: Final = policy_bundles.c
_s: Final = policy_simulations.c


class Simulated(NamedTuple):
    """A row of the simulations; the report and who is denied are read for one alone."""

    simulation_id: str
    sha256: str
    base_sha256: str
    state: str
    examined: int
    total: int
    newly_allowed: int
    newly_denied: int
    cause: str
    created_at: datetime
    finished_at: datetime | None
    author: str


def insert_bundle(connection: sa.Connection, bundle: StoredBundle) -> None:
    """Store a bundle."""
    connection.execute(policy_bundles.insert().values(**msgspec.structs.asdict(bundle)))


def find_bundle(connection: sa.Connection, organization_id: str, sha256: str) -> StoredBundle | None:
    """Return the bundle of a hash."""
    query = sa.select(policy_bundles).where(_b.organization_id == organization_id, _b.sha256 == sha256)
    row = connection.execute(query).one_or_none()
    return None if row is None else _to_bundle(row)


def find_by_prefix(connection: sa.Connection, organization_id: str, prefix: str) -> list[str]:
    """Return the hashes that begin so, two at most: enough to know whether it is one."""
    query = (
        sa.select(_b.sha256)
        .where(_b.organization_id == organization_id, _b.sha256.startswith(prefix, autoescape=True))
        .limit(2)
    )
    return list(connection.execute(query).scalars())


def find_by_number(connection: sa.Connection, organization_id: str, number: int) -> str | None:
    """Return the hash of the bundle of a number."""
    query = sa.select(_b.sha256).where(_b.organization_id == organization_id, _b.number == number)
    found: str | None = connection.execute(query).scalar_one_or_none()
    return found


def list_bundles(connection: sa.Connection, organization_id: str, before: int, count: int) -> list[StoredBundle]:
    """Return bundles from the newest on, below a number; 0: all. Their content is left out."""
    columns = [column for column in policy_bundles.columns if column.name != "encoded"]
    query = sa.select(*columns).where(_b.organization_id == organization_id)
    if before:
        query = query.where(_b.number < before)
    rows = connection.execute(query.order_by(_b.number.desc()).limit(count))
    return [_to_bundle(row) for row in rows]


def count_bundles(connection: sa.Connection, organization_id: str) -> tuple[int, int]:
    """Return how many bundles there are, and the highest number ever given."""
    query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.max(_b.number), 0)).where(
        _b.organization_id == organization_id
    )
    count, highest = connection.execute(query).one()
    return count, highest


def delete_bundle(connection: sa.Connection, organization_id: str, sha256: str) -> None:
    """Take a bundle out, with its approvals and simulations."""
    for table in (policy_bundles, policy_approvals, policy_simulations):
        connection.execute(table.delete().where(table.c.organization_id == organization_id, table.c.sha256 == sha256))


def mark_stable(connection: sa.Connection, organization_id: str, sha256: str) -> None:
    """Note that a bundle decides for everyone, or did."""
    connection.execute(
        policy_bundles.update()
        .where(_b.organization_id == organization_id, _b.sha256 == sha256)
        .values(was_stable=True)
    )


def read_staging(connection: sa.Connection, organization_id: str, *, is_locked: bool = False) -> Staging | None:
    """Return which bundles are in force; locked, until the transaction ends."""
    query = sa.select(policy_staging).where(policy_staging.c.organization_id == organization_id)
    row = connection.execute(query.with_for_update() if is_locked else query).one_or_none()
    return None if row is None else Staging(**row._mapping)  # noqa: SLF001 - SQLAlchemy's own name


def save_staging(connection: sa.Connection, staging: Staging, *, is_new: bool = False) -> None:
    """Store which bundles are in force."""
    values = msgspec.structs.asdict(staging)
    if is_new:
        connection.execute(policy_staging.insert().values(**values))
        return
    connection.execute(
        policy_staging.update().where(policy_staging.c.organization_id == staging.organization_id).values(**values)
    )


def push_former(connection: sa.Connection, organization_id: str, sha256: str) -> None:
    """Put the bundle that was stable on the pile of those to return to."""
    column = policy_successions.c
    highest = sa.select(sa.func.coalesce(sa.func.max(column.depth), 0)).where(column.organization_id == organization_id)
    depth = connection.execute(highest).scalar_one() + 1
    connection.execute(policy_successions.insert().values(organization_id=organization_id, depth=depth, sha256=sha256))


def pop_former(connection: sa.Connection, organization_id: str) -> str:
    """Take the topmost bundle from the pile; return the one that is topmost then, empty if there is none."""
    column = policy_successions.c
    of_organization = column.organization_id == organization_id
    depth = connection.execute(sa.select(sa.func.max(column.depth)).where(of_organization)).scalar_one()
    connection.execute(policy_successions.delete().where(of_organization, column.depth == depth))
    query = sa.select(column.sha256).where(of_organization).order_by(column.depth.desc()).limit(1)
    return connection.execute(query).scalar_one_or_none() or ""


def save_approval(connection: sa.Connection, approval: Approval) -> None:
    """Store a person's word, over an earlier one of theirs."""
    column = policy_approvals.c
    connection.execute(
        policy_approvals.delete().where(
            column.organization_id == approval.organization_id,
            column.sha256 == approval.sha256,
            column.base_sha256 == approval.base_sha256,
            column.actor == approval.actor,
        )
    )
    connection.execute(policy_approvals.insert().values(**msgspec.structs.asdict(approval)))


def list_approvals(connection: sa.Connection, organization_id: str, sha256: str, base_sha256: str) -> list[Approval]:
    """Return the words given for a bundle over another, oldest first."""
    column = policy_approvals.c
    query = (
        sa.select(policy_approvals)
        .where(column.organization_id == organization_id, column.sha256 == sha256, column.base_sha256 == base_sha256)
        .order_by(column.approved_at)
    )
    return [Approval(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001 - as above


def insert_simulation(connection: sa.Connection, organization_id: str, simulated: Simulated) -> None:
    """Store that a simulation begins."""
    connection.execute(
        policy_simulations.insert().values(
            organization_id=organization_id, report=b"", denied=b"", **simulated._asdict()
        )
    )


def update_simulation(
    connection: sa.Connection, organization_id: str, simulation_id: str, **values: Any
) -> None:  # Any: columns
    """Store how far a simulation has come, or what it found."""
    connection.execute(
        policy_simulations.update()
        .where(_s.organization_id == organization_id, _s.simulation_id == simulation_id)
        .values(**values)
    )


def find_simulation(
    connection: sa.Connection, organization_id: str, simulation_id: str
) -> tuple[Simulated, bytes] | None:
    """Return a simulation with its report."""
    query = sa.select(*_simulated_columns(), _s.report).where(
        _s.organization_id == organization_id, _s.simulation_id == simulation_id
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else (Simulated(*row[:-1]), bytes(row[-1]))


def read_denied(connection: sa.Connection, organization_id: str, simulation_id: str) -> bytes:
    """Return who a simulation found refused, as it was stored."""
    query = sa.select(_s.denied).where(_s.organization_id == organization_id, _s.simulation_id == simulation_id)
    return bytes(connection.execute(query).scalar_one_or_none() or b"")


def list_simulations(
    connection: sa.Connection,
    organization_id: str,
    *,
    sha256: str | None = None,
    base_sha256: str | None = None,
    after: str = "",
    count: int = 100,
) -> list[Simulated]:
    """Return simulations, newest first; their ids follow time."""
    query = sa.select(*_simulated_columns()).where(_s.organization_id == organization_id)
    if sha256 is not None:
        query = query.where(_s.sha256 == sha256)
    if base_sha256 is not None:
        query = query.where(_s.base_sha256 == base_sha256)
    if after:
        query = query.where(_s.simulation_id < after)
    rows = connection.execute(query.order_by(_s.simulation_id.desc()).limit(count))
    return [Simulated(*row) for row in rows]


def fail_simulations(connection: sa.Connection, organization_id: str, cause: str, now: datetime) -> None:
    """Mark simulations as failed that a former process left behind."""
    connection.execute(
        policy_simulations.update()
        .where(_s.organization_id == organization_id, _s.state == "running")
        .values(state="failed", cause=cause, finished_at=now)
    )


def insert_slices(
    connection: sa.Connection, organization_id: str, slices: Iterable[tuple[str, bytes]], now: datetime
) -> None:
    """Store what identities looked like; those known already are only marked as seen."""
    column = entity_slices.c
    wanted = dict(slices)
    query = sa.select(column.slice_sha256).where(
        column.organization_id == organization_id, column.slice_sha256.in_(wanted)
    )
    known = set(connection.execute(query).scalars())
    if known:
        connection.execute(
            entity_slices.update()
            .where(column.organization_id == organization_id, column.slice_sha256.in_(known))
            .values(seen_at=now)
        )
    new = [
        {"organization_id": organization_id, "slice_sha256": digest, "attributes": attributes, "seen_at": now}
        for digest, attributes in wanted.items()
        if digest not in known
    ]
    if new:
        connection.execute(entity_slices.insert(), new)


def find_slices(connection: sa.Connection, organization_id: str, digests: Sequence[str]) -> dict[str, bytes]:
    """Return what identities looked like, by hash; unknown ones are left out."""
    column = entity_slices.c
    query = sa.select(column.slice_sha256, column.attributes).where(
        column.organization_id == organization_id, column.slice_sha256.in_(digests)
    )
    return {row.slice_sha256: bytes(row.attributes) for row in connection.execute(query)}


def delete_slices(connection: sa.Connection, organization_id: str, before: datetime) -> int:
    """Forget what was last seen before; return how many."""
    column = entity_slices.c
    done = connection.execute(
        entity_slices.delete().where(column.organization_id == organization_id, column.seen_at < before)
    )
    return done.rowcount


def _simulated_columns() -> list[sa.Column[Any]]:
    return [_s[name] for name in Simulated._fields]


def _to_bundle(row: sa.Row[Any]) -> StoredBundle:
    values = dict(row._mapping)  # noqa: SLF001 - as above
    encoded, signature = bytes(values.pop("encoded", b"")), bytes(values.pop("signature"))
    origin = Origin(values.pop("origin"))
    return StoredBundle(encoded=encoded, signature=signature, origin=origin, **values)
