"""How a session begins and ends, whatever it was begun with: within the caller's transaction, on record."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from vedette.kernel import Clock, IdSource, OrganizationId
from vedette.ledger import Actor, Entry, Ledger
from vedette.operators import repository
from vedette.operators import session_repository as rows
from vedette.operators.events import SessionBegun, SessionEnded
from vedette.operators.model import (
    SESSIONS_MAX,
    Client,
    LinkId,
    LoginFacts,
    NewSession,
    PasskeyId,
    Person,
    Session,
    SessionId,
    SessionKind,
    SessionSettings,
    digest_of,
)
from vedette.store import Transaction

CLI_PREFIX: Final = "vdc_"
_TOKEN_BYTES: Final = 32
# Whoever is refused again and again stands on record once in this time.
_DENIED_EVERY_S: Final = 60.0


class Logins:
    """Begins and ends sessions."""

    def __init__(self, ledger: Ledger, *, clock: Clock, ids: IdSource, settings: SessionSettings) -> None:
        self._ledger = ledger
        self._clock = clock
        self._ids = ids
        self._denied_s: dict[tuple[str, SessionKind], float] = {}
        self.settings = settings

    def new_token(self) -> str:
        """Return a secret of 256 bits for a browser or a link."""
        return urlsafe_b64encode(self._ids.random_bytes(_TOKEN_BYTES)).rstrip(b"=").decode("ascii")

    def begin(
        self,
        tx: Transaction,
        organization_id: OrganizationId,
        kind: SessionKind,
        *,
        client: Client,
        former: bytes | None,
        person: Person | None = None,
        link_id: LinkId | None = None,
        passkey_id: PasskeyId | None = None,
        facts: LoginFacts | None = None,
    ) -> NewSession:
        """Begin a session for a person or by a link.

        Args:
            tx: Of whatever proved who it is.
            organization_id: Where.
            kind: What proved it.
            client: Where the request came from.
            former: Digest of the session that the browser had until now: it ends, so that none outlives a login.
            person: Whose session it is; None for a link's.
            link_id: Of the link.
            passkey_id: Of the passkey.
            facts: How they proved it; by a passkey both factors were shown.
        """
        now = self._clock.now()
        if facts is None:
            is_passkey = kind is SessionKind.PASSKEY
            facts = LoginFacts(is_multi_factor=is_passkey, stepped_up_at=now if is_passkey else None)
        rows.delete_ended(tx.connection, organization_id, now, self.settings.idle)
        replaced = None if former is None else rows.find_by_token(tx.connection, organization_id, former)
        if replaced is not None:
            rows.delete_session(tx.connection, organization_id, replaced.token_sha256)
        token = CLI_PREFIX + self.new_token() if kind is SessionKind.CLI else self.new_token()
        session = Session(
            organization_id=organization_id,
            session_id=SessionId(self._ids.new("ses")),
            token_sha256=digest_of(token),
            kind=kind,
            person_id=None if person is None else person.person_id,
            person_name="" if person is None else person.name,
            link_id=link_id,
            passkey_id=passkey_id,
            created_at=now,
            last_used_at=now,
            expires_at=now + self.settings.lifetime,
            client=client,
            facts=facts,
        )
        if person is not None:
            self._make_room(tx, person)
            repository.note_login(tx.connection, organization_id, person.person_id, now)
        rows.insert_session(tx.connection, session)
        details: dict[str, Any] = {"kind": kind.value, "address": client.address, "user_agent": client.user_agent}
        if replaced is not None:
            details["replaces"] = replaced.session_id
        self._ledger.append(
            tx,
            Entry(
                organization_id=organization_id,
                actor=session.actor,
                action="operators.log_in",
                target=session.session_id,
                details=details,
            ),
            event=SessionBegun(
                organization_id=organization_id,
                generation_id=session.person_id or "",
                session_id=session.session_id,
                kind=kind.value,
                address=client.address,
            ),
        )
        return NewSession(session, token)

    def rotate(
        self, tx: Transaction, session: Session, *, client: Client, facts: LoginFacts, action: str = "step_up"
    ) -> NewSession:
        """Go on with a session under another secret, once its person has proved again that they are there."""
        token = self.new_token()
        rows.rotate(tx.connection, session, digest_of(token), client, facts)
        self._ledger.append(
            tx,
            Entry(
                organization_id=session.organization_id,
                actor=session.actor,
                action=f"operators.{action}",
                target=session.session_id,
                details={"kind": session.kind.value, "address": client.address, "user_agent": client.user_agent},
            ),
        )
        renewed = replace(session, token_sha256=digest_of(token), client=client, facts=facts, is_recheck_due=False)
        return NewSession(renewed, token)

    def demand_recheck(self, tx: Transaction, session: Session, client: Client) -> None:
        """Have a session that is used from elsewhere open nothing until its person proves that it was them."""
        if not rows.demand_recheck(tx.connection, session.organization_id, session.token_sha256):
            return
        self._ledger.append(
            tx,
            Entry(
                organization_id=session.organization_id,
                actor=session.actor,
                action="operators.use_session",
                target=session.session_id,
                target_name=session.actor.name,
                decision="denied",
                reason="the session is used from another network or by another browser",
                details={
                    "address": client.address,
                    "user_agent": client.user_agent,
                    "began_at_address": session.client.address,
                    "began_with_user_agent": session.client.user_agent,
                },
            ),
        )

    def deny(
        self,
        tx: Transaction,
        person: Person,
        kind: SessionKind,
        *,
        reason: str,
        client: Client,
        passkey_id: PasskeyId | None = None,
    ) -> None:
        """Put on record, once a minute, that somebody proved who they are and was refused all the same."""
        now_s = self._clock.monotonic_s()
        if now_s - self._denied_s.get((person.person_id, kind), -_DENIED_EVERY_S) < _DENIED_EVERY_S:
            return
        self._denied_s[person.person_id, kind] = now_s
        self._ledger.append(
            tx,
            Entry(
                organization_id=person.organization_id,
                actor=Actor("operator", person.person_id, person.name),
                action="operators.log_in",
                target=passkey_id or person.person_id,
                target_name=person.name,
                decision="denied",
                reason=reason,
                details={"kind": kind.value, "address": client.address, "user_agent": client.user_agent},
            ),
        )

    def end(self, tx: Transaction, session: Session, *, actor: Actor, cause: str, reason: str = "") -> None:
        """End a session."""
        rows.delete_session(tx.connection, session.organization_id, session.token_sha256)
        self._ledger.append(
            tx,
            Entry(
                organization_id=session.organization_id,
                actor=actor,
                action="operators.log_out" if cause == "logged_out" else "operators.end_session",
                target=session.session_id,
                target_name=session.actor.name,
                reason=reason,
                details={"cause": cause, "of": session.actor.id},
            ),
            event=SessionEnded(
                organization_id=session.organization_id,
                generation_id=session.person_id or "",
                session_id=session.session_id,
                cause=cause,
            ),
        )

    def end_all(self, tx: Transaction, sessions: Sequence[Session], *, actor: Actor, cause: str) -> None:
        """End sessions for one and the same cause."""
        for session in sessions:
            self.end(tx, session, actor=actor, cause=cause)

    def end_kind(
        self,
        tx: Transaction,
        organization_id: OrganizationId,
        person_id: str,
        kind: SessionKind,
        *,
        actor: Actor,
        cause: str,
    ) -> None:
        """End a person's sessions of one kind."""
        own = rows.sessions_of(tx.connection, organization_id, person_id)
        self.end_all(tx, [each for each in own if each.kind is kind], actor=actor, cause=cause)

    def _make_room(self, tx: Transaction, person: Person) -> None:
        """End a person's oldest sessions, so that there are never more than twenty."""
        own = rows.sessions_of(tx.connection, person.organization_id, person.person_id)
        excess = max(0, len(own) - SESSIONS_MAX + 1)
        self.end_all(tx, own[:excess], actor=Actor("system", "operators"), cause="too_many")
