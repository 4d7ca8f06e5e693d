"""One-time links, sessions and challenges that were used: their tables and SQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from vedette.kernel import OrganizationId
from vedette.operators.model import (
    Client,
    ExternalIdentityId,
    LinkId,
    LoginFacts,
    PasskeyId,
    PersonId,
    Session,
    SessionId,
    SessionKind,
)
from vedette.operators.repository import people
from vedette.store import UtcDateTime, metadata

_ID: Final = 64
_DIGEST: Final = 32

login_links: Final = sa.Table(
    "operators_login_links",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("token_sha256", sa.LargeBinary(_DIGEST), primary_key=True),
    sa.Column("link_id", sa.String(_ID), nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
)
sessions: Final = sa.Table(
    "operators_sessions",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("token_sha256", sa.LargeBinary(_DIGEST), primary_key=True),
    sa.Column("session_id", sa.String(_ID), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("person_id", sa.String(_ID), nullable=True),
    sa.Column("link_id", sa.String(_ID), nullable=True),
    sa.Column("passkey_id", sa.String(_ID), nullable=True),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("last_used_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Column("user_agent", sa.String(256), nullable=False),
    sa.Column("address", sa.String(64), nullable=False),
    sa.Column("is_multi_factor", sa.Boolean, nullable=False, server_default=sa.text("false")),
    sa.Column("stepped_up_at", UtcDateTime, nullable=True),
    sa.Column("acr", sa.String(256), nullable=False, server_default=sa.text("''")),
    sa.Column("amr", sa.String(256), nullable=False, server_default=sa.text("''")),
    sa.Column("roles", sa.String(1024), nullable=False, server_default=sa.text("''")),
    sa.Column("external_id", sa.String(_ID), nullable=True),
    sa.Column("provider_session", sa.String(256), nullable=False, server_default=sa.text("''")),
    sa.Column("id_token", sa.LargeBinary, nullable=True),
    sa.Column("is_recheck_due", sa.Boolean, nullable=False, server_default=sa.text("false")),
    sa.Index("uq_operators_sessions_session_id", "organization_id", "session_id", unique=True),
    sa.Index("ix_operators_sessions_person", "organization_id", "person_id"),
)
used_challenges: Final = sa.Table(
    "operators_used_challenges",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("challenge_sha256", sa.LargeBinary(_DIGEST), primary_key=True),
    sa.Column("expires_at", UtcDateTime, nullable=False),
)

_l: Final = login_links.c
_s: Final = sessions.c
_u: Final = used_challenges.c
# A session is never read without its person: who was disabled or is gone has none.
_joined: Final = sa.select(sessions, people.c.name.label("person_name"), people.c.is_disabled).select_from(
    sessions.outerjoin(
        people, sa.and_(people.c.organization_id == _s.organization_id, people.c.person_id == _s.person_id)
    )
)
_belongs: Final = sa.or_(_s.person_id.is_(None), people.c.is_disabled.is_(False))


def insert_link(
    connection: sa.Connection, organization_id: str, digest: bytes, link_id: str, expires_at: datetime
) -> None:
    """Keep a one-time link until it is used or expires."""
    connection.execute(
        login_links.insert().values(
            organization_id=organization_id, token_sha256=digest, link_id=link_id, expires_at=expires_at
        )
    )


def delete_old_links(connection: sa.Connection, organization_id: str, now: datetime, *, keep: int) -> None:
    """Drop links that have expired, and the oldest beyond a number."""
    connection.execute(login_links.delete().where(_l.organization_id == organization_id, _l.expires_at <= now))
    newest = sa.select(_l.link_id).where(_l.organization_id == organization_id).order_by(_l.link_id.desc())
    kept = connection.execute(newest.limit(keep)).scalars().all()
    if len(kept) == keep:
        connection.execute(login_links.delete().where(_l.organization_id == organization_id, _l.link_id < kept[-1]))


def has_link(connection: sa.Connection, organization_id: str, digest: bytes) -> bool:
    """Answer whether there is such a link; asked first, so that guessing costs no write."""
    query = sa.select(_l.link_id).where(_l.organization_id == organization_id, _l.token_sha256 == digest)
    return connection.execute(query).scalar() is not None


def take_link(connection: sa.Connection, organization_id: str, digest: bytes, now: datetime) -> LinkId | None:
    """Use up a one-time link; return its id, or None if there is none or it has expired."""
    is_it = (_l.organization_id == organization_id, _l.token_sha256 == digest)
    row = connection.execute(sa.select(_l.link_id, _l.expires_at).where(*is_it)).one_or_none()
    if row is None or connection.execute(login_links.delete().where(*is_it)).rowcount != 1 or row.expires_at <= now:
        return None
    return LinkId(row.link_id)


def insert_session(connection: sa.Connection, session: Session) -> None:
    """Keep a session that begins."""
    connection.execute(
        sessions.insert().values(
            organization_id=session.organization_id,
            token_sha256=session.token_sha256,
            session_id=session.session_id,
            kind=session.kind.value,
            person_id=session.person_id,
            link_id=session.link_id,
            passkey_id=session.passkey_id,
            created_at=session.created_at,
            last_used_at=session.last_used_at,
            expires_at=session.expires_at,
            user_agent=session.client.user_agent,
            address=session.client.address,
            is_recheck_due=session.is_recheck_due,
            **cells_of(session.facts),
        )
    )


def rotate(connection: sa.Connection, session: Session, new_digest: bytes, client: Client, facts: LoginFacts) -> None:
    """Give a session another secret and what is known of it now."""
    connection.execute(
        sessions.update()
        .where(_s.organization_id == session.organization_id, _s.token_sha256 == session.token_sha256)
        .values(
            token_sha256=new_digest,
            user_agent=client.user_agent,
            address=client.address,
            is_recheck_due=False,
            **cells_of(facts),
        )
    )


def keep_id_token(connection: sa.Connection, session: Session, sealed: bytes) -> None:
    """Keep the provider's token of a session, sealed."""
    connection.execute(
        sessions.update()
        .where(_s.organization_id == session.organization_id, _s.token_sha256 == session.token_sha256)
        .values(id_token=sealed)
    )


def demand_recheck(connection: sa.Connection, organization_id: str, digest: bytes) -> bool:
    """Note that a session must be proved again; answer whether that is new."""
    is_it = (_s.organization_id == organization_id, _s.token_sha256 == digest, _s.is_recheck_due.is_(False))
    return connection.execute(sessions.update().where(*is_it).values(is_recheck_due=True)).rowcount == 1


def sessions_of_identity(
    connection: sa.Connection, organization_id: str, external_id: str, provider_session: str
) -> Sequence[Session]:
    """Return the sessions that an identity at a provider began, or those of one session of the provider."""
    query = _joined.where(_s.organization_id == organization_id)
    if external_id:
        query = query.where(_s.external_id == external_id)
    if provider_session:
        query = query.where(_s.provider_session == provider_session)
    return [_to_session(row) for row in connection.execute(query.order_by(_s.session_id))]


def find_by_token(connection: sa.Connection, organization_id: str, digest: bytes) -> Session | None:
    """Return a session by its browser's secret, alive or not."""
    query = _joined.where(_s.organization_id == organization_id, _s.token_sha256 == digest, _belongs)
    row = connection.execute(query).one_or_none()
    return None if row is None else _to_session(row)


def find_session(connection: sa.Connection, organization_id: str, session_id: str) -> Session | None:
    """Return a session by its id, alive or not."""
    query = _joined.where(_s.organization_id == organization_id, _s.session_id == session_id, _belongs)
    row = connection.execute(query).one_or_none()
    return None if row is None else _to_session(row)


def list_sessions(
    connection: sa.Connection,
    organization_id: str,
    *,
    now: datetime,
    idle: timedelta,
    person_id: str | None,
    after: str,
    limit: int,
) -> list[Session]:
    """Return the sessions that last, in the order they began."""
    query = _joined.where(
        _s.organization_id == organization_id,
        _s.session_id > after,
        _s.expires_at > now,
        sa.or_(_s.last_used_at > now - idle, _s.kind == SessionKind.CLI.value),
        _belongs,
    )
    if person_id is not None:
        query = query.where(_s.person_id == person_id)
    return [_to_session(row) for row in connection.execute(query.order_by(_s.session_id).limit(limit))]


def note_use(connection: sa.Connection, organization_id: str, digest: bytes, at: datetime) -> None:
    """Note when a session was used last."""
    connection.execute(
        sessions.update()
        .where(_s.organization_id == organization_id, _s.token_sha256 == digest, _s.last_used_at < at)
        .values(last_used_at=at)
    )


def delete_session(connection: sa.Connection, organization_id: str, digest: bytes) -> None:
    """End a session."""
    connection.execute(sessions.delete().where(_s.organization_id == organization_id, _s.token_sha256 == digest))


def delete_ended(connection: sa.Connection, organization_id: str, now: datetime, idle: timedelta) -> None:
    """Forget sessions that have ended by themselves."""
    unused = sa.and_(_s.last_used_at <= now - idle, _s.kind != SessionKind.CLI.value)
    over = sa.or_(_s.expires_at <= now, unused)
    connection.execute(sessions.delete().where(_s.organization_id == organization_id, over))


def sessions_of(connection: sa.Connection, organization_id: str, person_id: str) -> Sequence[Session]:
    """Return every session of a person, the oldest first, though they were disabled."""
    query = _joined.where(_s.organization_id == organization_id, _s.person_id == person_id)
    return [_to_session(row) for row in connection.execute(query.order_by(_s.session_id))]


def use_challenge(
    connection: sa.Connection, organization_id: str, digest: bytes, *, expires_at: datetime, now: datetime
) -> bool:
    """Note that a challenge was used; answer whether it was the first time."""
    c = used_challenges
    connection.execute(c.delete().where(_u.organization_id == organization_id, _u.expires_at <= now))
    known = sa.select(_u.expires_at).where(_u.organization_id == organization_id, _u.challenge_sha256 == digest)
    if connection.execute(known).scalar() is not None:
        return False
    connection.execute(
        c.insert().values(organization_id=organization_id, challenge_sha256=digest, expires_at=expires_at)
    )
    return True


def _to_session(row: sa.Row[Any]) -> Session:
    return Session(
        organization_id=OrganizationId(row.organization_id),
        session_id=SessionId(row.session_id),
        token_sha256=row.token_sha256,
        kind=SessionKind(row.kind),
        person_id=None if row.person_id is None else PersonId(row.person_id),
        person_name=row.person_name or "",
        link_id=None if row.link_id is None else LinkId(row.link_id),
        passkey_id=None if row.passkey_id is None else PasskeyId(row.passkey_id),
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        expires_at=row.expires_at,
        client=Client(row.user_agent, row.address),
        facts=facts_of(row),
        is_recheck_due=row.is_recheck_due,
    )


def facts_of(row: sa.Row[Any]) -> LoginFacts:
    """Return what is known of a login from the cells of a row."""
    return LoginFacts(
        is_multi_factor=row.is_multi_factor,
        stepped_up_at=row.stepped_up_at,
        acr=row.acr,
        amr=_words(row.amr),
        roles=frozenset(_words(row.roles)),
        external_id=None if row.external_id is None else ExternalIdentityId(row.external_id),
        provider_session=row.provider_session,
        id_token=row.id_token or b"",
    )


def cells_of(facts: LoginFacts) -> dict[str, Any]:  # Any: cells
    """Return what is known of a login as the cells of a row."""
    return {
        "is_multi_factor": facts.is_multi_factor,
        "stepped_up_at": facts.stepped_up_at,
        "acr": facts.acr,
        "amr": " ".join(facts.amr),
        "roles": " ".join(sorted(facts.roles)),
        "external_id": facts.external_id,
        "provider_session": facts.provider_session,
        "id_token": facts.id_token or None,
    }


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())
