"""Sessions and the one-time links that begin some of them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from vedette.kernel import Clock, IdSource, OrganizationId, to_rfc3339
from vedette.ledger import Actor, Entry, Ledger
from vedette.operators import repository
from vedette.operators import session_repository as rows
from vedette.operators.errors import LoginFailed, SessionNotFound
from vedette.operators.events import LoginLinkMade
from vedette.operators.logins import Logins
from vedette.operators.model import (
    LINK_LIFETIME,
    LINKS_MAX,
    TOKEN_MAX_CHARS,
    USE_NOTED_EVERY,
    Client,
    LinkId,
    NewLink,
    NewSession,
    Session,
    SessionKind,
    SessionSettings,
    digest_of,
)
from vedette.store import Store, StoreFull, StoreUnavailable, Transaction

log = logging.getLogger(__name__)

PAGE_MAX: Final = 1000


class SessionService:
    """Knows who is logged in, and begins and ends sessions; only digests of secrets are stored."""

    def __init__(self, store: Store, ledger: Ledger, logins: Logins, *, clock: Clock, ids: IdSource) -> None:
        self._store = store
        self._ledger = ledger
        self._logins = logins
        self._clock = clock
        self._ids = ids

    @property
    def settings(self) -> SessionSettings:
        """How long sessions last."""
        return self._logins.settings

    async def make_link(self, organization_id: OrganizationId, *, actor: Actor) -> NewLink:
        """Make a link that logs one browser in, once; it has the rights of the first person."""
        token = self._logins.new_token()
        link_id = LinkId(self._ids.new("lnk"))
        now = self._clock.now()
        expires_at = now + LINK_LIFETIME

        def insert(tx: Transaction) -> None:
            rows.delete_old_links(tx.connection, organization_id, now, keep=LINKS_MAX - 1)
            rows.insert_link(tx.connection, organization_id, digest_of(token), link_id, expires_at)
            self._ledger.append(
                tx,
                Entry(
                    organization_id=organization_id,
                    actor=actor,
                    action="operators.make_login_link",
                    target=link_id,
                    details={"expires_at": to_rfc3339(expires_at)},
                ),
                event=LoginLinkMade(organization_id=organization_id, link_id=link_id),
            )

        await self._store.write(insert)
        return NewLink(link_id, expires_at, token)

    async def recover(
        self, organization_id: OrganizationId, *, actor: Actor, reason: str, ends_sessions: bool
    ) -> tuple[NewLink, int]:
        """Make a link for whoever owns the host, and end everybody's sessions if they ask for it.

        Returns:
            The link, and how many sessions ended.
        """
        token = self._logins.new_token()
        link_id = LinkId(self._ids.new("lnk"))
        now = self._clock.now()
        expires_at = now + LINK_LIFETIME

        def change(tx: Transaction) -> int:
            ended = rows.list_sessions(
                tx.connection,
                organization_id,
                now=now,
                idle=self.settings.idle,
                person_id=None,
                after="",
                limit=PAGE_MAX * PAGE_MAX,
            )
            if ends_sessions:
                self._logins.end_all(tx, ended, actor=actor, cause="recovered")
            rows.delete_old_links(tx.connection, organization_id, now, keep=LINKS_MAX - 1)
            rows.insert_link(tx.connection, organization_id, digest_of(token), link_id, expires_at)
            self._ledger.append(
                tx,
                Entry(
                    organization_id=organization_id,
                    actor=actor,
                    action="operators.recover_admin",
                    target=link_id,
                    reason=reason,
                    details={"expires_at": to_rfc3339(expires_at), "ends_sessions": ends_sessions},
                ),
                event=LoginLinkMade(organization_id=organization_id, link_id=link_id),
            )
            return len(ended) if ends_sessions else 0

        ended = await self._store.write(change)
        return NewLink(link_id, expires_at, token), ended

    async def begin_by_link(
        self, organization_id: OrganizationId, link_token: str, *, client: Client, former_token: str = ""
    ) -> NewSession:
        """Use up a one-time link and begin a session.

        Raises:
            LoginFailed: The link was used before, has expired, or never was.
        """
        failed = LoginFailed(
            "this link was used before, or has expired", hint="make a new one on the server: vedette login-link"
        )
        if not 0 < len(link_token) <= TOKEN_MAX_CHARS:
            raise failed
        digest = digest_of(link_token)
        if not await self._store.read(lambda connection: rows.has_link(connection, organization_id, digest)):
            raise failed

        def exchange(tx: Transaction) -> NewSession | None:
            link_id = rows.take_link(tx.connection, organization_id, digest, self._clock.now())
            if link_id is None:
                return None
            return self._logins.begin(
                tx,
                organization_id,
                SessionKind.LINK,
                client=client,
                former=digest_or_none(former_token),
                link_id=link_id,
            )

        begun = await self._store.write(exchange)
        if begun is None:
            raise failed
        return begun

    async def find(self, organization_id: OrganizationId, token: str) -> Session | None:
        """Return the session of a browser's secret; None if it does not last."""
        if not 0 < len(token) <= TOKEN_MAX_CHARS:
            return None
        digest = digest_of(token)
        found = await self._store.read(lambda connection: rows.find_by_token(connection, organization_id, digest))
        if found is None or not found.is_alive(self._clock.now(), idle=self.settings.idle):
            return None
        return found

    async def find_by_id(self, organization_id: OrganizationId, session_id: str) -> Session | None:
        """Return a session by its id; None if it does not last."""
        found = await self._store.read(lambda connection: rows.find_session(connection, organization_id, session_id))
        if found is None or not found.is_alive(self._clock.now(), idle=self.settings.idle):
            return None
        return found

    async def note_use(self, session: Session) -> None:
        """Note that somebody works with a session, at most once a minute; a full disk keeps nobody from working."""
        now = self._clock.now()
        if now - session.last_used_at < USE_NOTED_EVERY:
            return
        try:
            await self._store.write(
                lambda tx: rows.note_use(tx.connection, session.organization_id, session.token_sha256, now)
            )
        except (StoreFull, StoreUnavailable) as problem:
            log.warning("the use of a session is not noted", extra={"cause": problem.code})

    async def demand_recheck(self, session: Session, client: Client) -> None:
        """Have a session that is used from elsewhere open nothing until its person proves that it was them."""
        await self._store.write(lambda tx: self._logins.demand_recheck(tx, session, client), restricting=True)

    async def list(
        self, organization_id: OrganizationId, *, after: str = "", limit: int = 100, person_id: str | None = None
    ) -> tuple[Sequence[Session], str | None]:
        """Return the sessions that last, in the order they began, and what to pass as ``after`` next."""
        most = max(1, min(limit, PAGE_MAX))
        found = await self._store.read(
            lambda connection: rows.list_sessions(
                connection,
                organization_id,
                now=self._clock.now(),
                idle=self.settings.idle,
                person_id=person_id,
                after=after,
                limit=most + 1,
            )
        )
        page = found[:most]
        return page, page[-1].session_id if len(found) > most else None

    async def log_out(self, session: Session) -> None:
        """End a session, by whoever has it."""

        def change(tx: Transaction) -> None:
            found = rows.find_session(tx.connection, session.organization_id, session.session_id)
            if found is not None:
                self._logins.end(tx, found, actor=found.actor, cause="logged_out")

        await self._store.write(change, restricting=True)

    async def end(self, organization_id: OrganizationId, session_id: str, *, actor: Actor, reason: str = "") -> None:
        """End a session, by whoever may.

        Raises:
            SessionNotFound: There is none of that id, or it has ended.
        """

        def change(tx: Transaction) -> None:
            found = rows.find_session(tx.connection, organization_id, session_id)
            if found is None or not found.is_alive(self._clock.now(), idle=self.settings.idle):
                raise SessionNotFound(
                    f"there is no session {session_id[:64]!r}, or it has ended", hint="see them: vedette session list"
                )
            self._logins.end(tx, found, actor=actor, cause="ended", reason=reason)

        await self._store.write(change, restricting=True)

    async def count_people_with_passkeys(self, organization_id: OrganizationId) -> int:
        """Return how many people can log in by passkey: below two, one lost machine locks everybody out."""

        def count(connection: sa.Connection) -> int:
            return repository.count_people_with_passkeys(connection, organization_id)

        return await self._store.read(count)


def digest_or_none(token: str) -> bytes | None:
    """Return the digest of a browser's former secret, if it had one."""
    return digest_of(token) if 0 < len(token) <= TOKEN_MAX_CHARS else None
