"""People, passkeys and recovery codes: their tables and SQL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from vedette.kernel import OrganizationId
from vedette.operators.model import Passkey, PasskeyId, Person, PersonId, PersonSummary
from vedette.store import UtcDateTime, metadata

_ID: Final = 64
_DIGEST: Final = 32

people: Final = sa.Table(
    "operators_people",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("person_id", sa.String(_ID), primary_key=True),
    sa.Column("name", sa.String(64), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("is_disabled", sa.Boolean, nullable=False),
    sa.Column("last_login_at", UtcDateTime, nullable=True),
    sa.Column("revision", sa.Integer, nullable=False),
)
passkeys: Final = sa.Table(
    "operators_passkeys",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("passkey_id", sa.String(_ID), primary_key=True),
    sa.Column("person_id", sa.String(_ID), nullable=False),
    sa.Column("credential_id", sa.LargeBinary(1023), nullable=False),
    sa.Column("public_key", sa.LargeBinary(2048), nullable=False),
    sa.Column("sign_count", sa.BigInteger, nullable=False),
    sa.Column("transports", sa.String(128), nullable=False),
    sa.Column("name", sa.String(64), nullable=False),
    sa.Column("is_synced", sa.Boolean, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("last_used_at", UtcDateTime, nullable=True),
    sa.Index("uq_operators_passkeys_credential", "organization_id", "credential_id", unique=True),
    sa.Index("ix_operators_passkeys_person", "organization_id", "person_id"),
)
recovery_codes: Final = sa.Table(
    "operators_recovery_codes",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("code_sha256", sa.LargeBinary(_DIGEST), primary_key=True),
    sa.Column("person_id", sa.String(_ID), nullable=False),
    sa.Column("made_at", UtcDateTime, nullable=False),
    sa.Index("ix_operators_recovery_codes_person", "organization_id", "person_id"),
)

_p: Final = people.c
_k: Final = passkeys.c
_r: Final = recovery_codes.c


def insert_person(connection: sa.Connection, person: Person) -> None:
    """Add a person."""
    connection.execute(
        people.insert().values(
            organization_id=person.organization_id,
            person_id=person.person_id,
            name=person.name,
            created_at=person.created_at,
            is_disabled=person.is_disabled,
            last_login_at=person.last_login_at,
            revision=person.revision,
        )
    )


def find_person(connection: sa.Connection, organization_id: str, person_id: str) -> Person | None:
    """Return a person by id."""
    row = connection.execute(sa.select(people).where(*_is_person(organization_id, person_id))).one_or_none()
    return None if row is None else _to_person(row)


def read_names(connection: sa.Connection, organization_id: str) -> list[tuple[PersonId, str]]:
    """Return who is called what; there are few."""
    rows = connection.execute(sa.select(_p.person_id, _p.name).where(_p.organization_id == organization_id))
    return [(PersonId(row.person_id), row.name) for row in rows]


def list_people(connection: sa.Connection, organization_id: str, *, after: str, limit: int) -> list[PersonSummary]:
    """Return people in the order they came."""
    query = sa.select(people).where(_p.organization_id == organization_id, _p.person_id > after)
    rows = connection.execute(query.order_by(_p.person_id).limit(limit)).all()
    return _summaries(connection, organization_id, [_to_person(row) for row in rows])


def summarize(connection: sa.Connection, person: Person) -> PersonSummary:
    """Return a person with what they could log in with."""
    return _summaries(connection, person.organization_id, [person])[0]


def update_person(connection: sa.Connection, organization_id: str, person_id: str, **values: Any) -> None:  # Any: cells
    """Change a person, and count the change."""
    change = people.update().where(*_is_person(organization_id, person_id))
    connection.execute(change.values(**values, revision=_p.revision + 1))


def note_login(connection: sa.Connection, organization_id: str, person_id: str, at: datetime) -> None:
    """Note when a person logged in last; that is no change of theirs."""
    connection.execute(people.update().where(*_is_person(organization_id, person_id)).values(last_login_at=at))


def delete_person(connection: sa.Connection, organization_id: str, person_id: str) -> None:
    """Take a person away, with all they could log in with."""
    connection.execute(passkeys.delete().where(_k.organization_id == organization_id, _k.person_id == person_id))
    delete_codes(connection, organization_id, person_id)
    connection.execute(people.delete().where(*_is_person(organization_id, person_id)))


def count_people_with_passkeys(connection: sa.Connection, organization_id: str) -> int:
    """Return how many people can log in by passkey."""
    holds = sa.exists().where(_k.organization_id == _p.organization_id, _k.person_id == _p.person_id)
    query = sa.select(sa.func.count()).select_from(people)
    return connection.execute(
        query.where(_p.organization_id == organization_id, _p.is_disabled.is_(False), holds)
    ).scalar_one()


def insert_passkey(connection: sa.Connection, passkey: Passkey) -> None:
    """Add a passkey."""
    connection.execute(
        passkeys.insert().values(
            organization_id=passkey.organization_id,
            passkey_id=passkey.passkey_id,
            person_id=passkey.person_id,
            credential_id=passkey.credential_id,
            public_key=passkey.public_key,
            sign_count=passkey.sign_count,
            transports=",".join(passkey.transports),
            name=passkey.name,
            is_synced=passkey.is_synced,
            created_at=passkey.created_at,
            last_used_at=passkey.last_used_at,
        )
    )


def find_passkey(connection: sa.Connection, organization_id: str, passkey_id: str) -> Passkey | None:
    """Return a passkey by our id."""
    query = sa.select(passkeys).where(_k.organization_id == organization_id, _k.passkey_id == passkey_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else _to_passkey(row)


def find_credential(connection: sa.Connection, organization_id: str, credential_id: bytes) -> Passkey | None:
    """Return a passkey by the authenticator's id."""
    query = sa.select(passkeys).where(_k.organization_id == organization_id, _k.credential_id == credential_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else _to_passkey(row)


def list_passkeys(
    connection: sa.Connection, organization_id: str, *, person_id: str | None, after: str = "", limit: int
) -> list[Passkey]:
    """Return passkeys in the order they were added, of one person or of all."""
    query = sa.select(passkeys).where(_k.organization_id == organization_id, _k.passkey_id > after)
    if person_id is not None:
        query = query.where(_k.person_id == person_id)
    return [_to_passkey(row) for row in connection.execute(query.order_by(_k.passkey_id).limit(limit))]


def note_use(connection: sa.Connection, passkey: Passkey, *, sign_count: int, at: datetime) -> None:
    """Keep the counter of a passkey that was used."""
    connection.execute(
        passkeys.update()
        .where(_k.organization_id == passkey.organization_id, _k.passkey_id == passkey.passkey_id)
        .values(sign_count=sign_count, last_used_at=at)
    )


def delete_passkey(connection: sa.Connection, organization_id: str, passkey_id: str) -> None:
    """Take a passkey away."""
    connection.execute(passkeys.delete().where(_k.organization_id == organization_id, _k.passkey_id == passkey_id))


def insert_codes(
    connection: sa.Connection, organization_id: str, person_id: str, digests: Iterable[bytes], at: datetime
) -> None:
    """Keep the digests of a person's recovery codes."""
    rows = [
        {"organization_id": organization_id, "code_sha256": digest, "person_id": person_id, "made_at": at}
        for digest in digests
    ]
    connection.execute(recovery_codes.insert(), rows)


def find_code(connection: sa.Connection, organization_id: str, digest: bytes) -> PersonId | None:
    """Return whose recovery code it is."""
    found = connection.execute(sa.select(_r.person_id).where(*_is_code(organization_id, digest))).scalar()
    return None if found is None else PersonId(found)


def take_code(connection: sa.Connection, organization_id: str, digest: bytes) -> bool:
    """Use up a recovery code; answer whether it was there."""
    return connection.execute(recovery_codes.delete().where(*_is_code(organization_id, digest))).rowcount == 1


def count_codes(connection: sa.Connection, organization_id: str, person_id: str) -> int:
    """Return how many recovery codes a person has left."""
    query = sa.select(sa.func.count()).select_from(recovery_codes)
    return connection.execute(
        query.where(_r.organization_id == organization_id, _r.person_id == person_id)
    ).scalar_one()


def delete_codes(connection: sa.Connection, organization_id: str, person_id: str) -> None:
    """Make a person's recovery codes void."""
    connection.execute(recovery_codes.delete().where(_r.organization_id == organization_id, _r.person_id == person_id))


def _summaries(connection: sa.Connection, organization_id: str, found: Sequence[Person]) -> list[PersonSummary]:
    wanted = [person.person_id for person in found]
    counts = []
    for table in (passkeys, recovery_codes):
        query = sa.select(table.c.person_id, sa.func.count()).where(
            table.c.organization_id == organization_id, table.c.person_id.in_(wanted)
        )
        counts.append({row[0]: row[1] for row in connection.execute(query.group_by(table.c.person_id))})
    return [
        PersonSummary(
            person=person,
            passkeys=counts[0].get(person.person_id, 0),
            recovery_codes_left=counts[1].get(person.person_id, 0),
        )
        for person in found
    ]


def _is_person(organization_id: str, person_id: str) -> list[sa.ColumnElement[bool]]:
    return [_p.organization_id == organization_id, _p.person_id == person_id]


def _is_code(organization_id: str, digest: bytes) -> list[sa.ColumnElement[bool]]:
    return [_r.organization_id == organization_id, _r.code_sha256 == digest]


def _to_person(row: sa.Row[Any]) -> Person:
    return Person(
        organization_id=OrganizationId(row.organization_id),
        person_id=PersonId(row.person_id),
        name=row.name,
        created_at=row.created_at,
        is_disabled=row.is_disabled,
        last_login_at=row.last_login_at,
        revision=row.revision,
    )


def _to_passkey(row: sa.Row[Any]) -> Passkey:
    return Passkey(
        organization_id=OrganizationId(row.organization_id),
        passkey_id=PasskeyId(row.passkey_id),
        person_id=PersonId(row.person_id),
        credential_id=row.credential_id,
        public_key=row.public_key,
        sign_count=row.sign_count,
        transports=tuple(row.transports.split(",")) if row.transports else (),
        name=row.name,
        is_synced=row.is_synced,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
    )
