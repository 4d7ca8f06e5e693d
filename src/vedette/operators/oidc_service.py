"""The use cases of single sign-on: logging in, stepping up, binding an identity to a person, logging out."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import Enum
from typing import Final

import sqlalchemy as sa

from vedette.kernel import Clock, IdSource, OrganizationId
from vedette.ledger import Actor, Entry, Ledger
from vedette.operators import external_identity_repository as identities
from vedette.operators import repository
from vedette.operators import session_repository as rows
from vedette.operators.challenges import Challenges, end_of
from vedette.operators.errors import (
    ExternalIdentityNotFound,
    LoginFailed,
    OidcPersonUnknown,
    OidcRefused,
    PersonDisabled,
    PersonNeeded,
)
from vedette.operators.events import IdentityChanged
from vedette.operators.external_identity_repository import ExternalIdentity
from vedette.operators.logins import Logins
from vedette.operators.model import (
    NAME_MAX_CHARS,
    Client,
    ExternalIdentityId,
    LoginFacts,
    NewSession,
    Person,
    PersonId,
    Session,
    SessionKind,
    check_name,
    digest_of,
    is_same_name,
)
from vedette.operators.oidc_model import CLOCK_SLACK, IdentityClaims, OidcSettings
from vedette.operators.oidc_provider import Provider
from vedette.operators.oidc_tokens import groups_in, name_in
from vedette.operators.people_service import PeopleService
from vedette.pki import SecretBox
from vedette.store import Store, Transaction

CODE_MAX_CHARS: Final = 4_096
_FRESH: Final = timedelta(minutes=5)
_STATE_MAX_CHARS: Final = 512
_ERROR_MAX_CHARS: Final = 64
_NO_DIGEST: Final = b"\0" * 32
_PURPOSE: Final = "oidc"


class Intent(Enum):
    """Why somebody is sent to the provider."""

    LOG_IN = b"l"
    LINK = b"b"
    STEP_UP = b"s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """What a browser brings back from the provider, as it stands in the address."""

    code: str = field(default="", repr=False)
    state: str = field(default="", repr=False)
    error: str = ""
    issuer: str = ""


@dataclass(frozen=True, slots=True)
class _Denial:
    """Why somebody whom the provider knows was refused; it may be on record, so the transaction is kept."""

    problem: OidcRefused | OidcPersonUnknown | PersonDisabled | LoginFailed


class OidcService:
    """Lets people in whom the identity provider knows.

    Args:
        store: Open.
        ledger: Where logins are recorded.
        people: Knows them.
        logins: Begins and ends sessions.
        provider: Who vouches.
        box: Seals the provider's tokens, which are shown to it again at logout.
        key: 32 secret bytes, used for nothing else; state, nonce and PKCE verifier come from it.
        clock: Source of time.
        ids: Source of ids.
    """

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        people: PeopleService,
        logins: Logins,
        *,
        provider: Provider,
        box: SecretBox,
        key: bytes,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._people = people
        self._logins = logins
        self._provider = provider
        self._box = box
        self._key = key
        self._challenges = Challenges(hmac.digest(key, b"state", "sha256"), clock=clock, ids=ids)
        self._clock = clock
        self._ids = ids

    @property
    def settings(self) -> OidcSettings:
        """Which provider, and how."""
        return self._provider.settings

    async def begin(self, browser: str, intent: Intent, *, session: Session | None) -> str:
        """Return where a browser is sent to; nothing is kept here.

        Args:
            browser: Secret that the browser keeps until it comes back.
            intent: What its answer will be good for.
            session: That the browser has now: it is replaced by a login, linked to, or stepped up.

        Raises:
            PersonNeeded: Only a person's session can be linked or stepped up.
            OidcUnavailable: The provider does not answer.
        """
        if intent is not Intent.LOG_IN and (session is None or session.person_id is None):
            raise PersonNeeded("only somebody who is logged in can do this", hint="log in first")
        digest = _NO_DIGEST if session is None else session.token_sha256
        state = _text(self._challenges.issue(_PURPOSE, digest_of(browser), intent.value + digest))
        return await self._provider.login_url(
            state=state,
            nonce=self._derive("nonce", browser, state),
            challenge=_text(hashlib.sha256(self._derive("verifier", browser, state).encode("ascii")).digest()),
            is_step_up=intent is Intent.STEP_UP,
        )

    async def complete(
        self, organization_id: OrganizationId, browser: str, answer: Callback, *, client: Client
    ) -> NewSession:
        """Take what the browser brought back, and begin or renew its session.

        Raises:
            OidcRefused: The answer was not asked for here, comes too late or again, or its token is not valid.
            OidcUnavailable: The provider does not answer, or refuses the code.
            OidcPersonUnknown: Who came is nobody here.
            PersonDisabled: The person may not log in.
            LoginFailed: The session that was to be linked or stepped up has ended.
        """
        state = _bytes(answer.state) if len(answer.state) <= _STATE_MAX_CHARS else b""
        payload = self._challenges.open(_PURPOSE, digest_of(browser), state)
        if payload is None:
            raise OidcRefused("this was not asked for by this browser, or too long ago", hint="begin again")
        await self._provider.check_answer(answer.issuer)
        if answer.error or not 0 < len(answer.code) <= CODE_MAX_CHARS:
            raise OidcRefused(
                f"the provider let nobody in: {_shown(answer.error) or 'it sent no code'}", hint="begin again"
            )
        exchanged = await self._provider.exchange(
            answer.code,
            verifier=self._derive("verifier", browser, answer.state),
            nonce=self._derive("nonce", browser, answer.state),
        )
        login = _Login(organization_id, Intent(payload[:1]), payload[1:], exchanged.claims, exchanged.id_token)

        def change(tx: Transaction) -> NewSession | _Denial:
            is_first = rows.use_challenge(
                tx.connection,
                organization_id,
                hashlib.sha256(state).digest(),
                expires_at=end_of(state),
                now=self._clock.now(),
            )
            if not is_first:
                return _Denial(OidcRefused("this answer was taken before", hint="begin again"))
            return self._enter(tx, login, client)

        outcome = await self._store.write(change)
        if isinstance(outcome, _Denial):
            raise outcome.problem
        return outcome

    async def logout_url(self, session: Session) -> str:
        """Return where the browser of a session that ended logs out of the provider; empty if nowhere.

        Raises:
            OidcUnavailable: The provider does not answer.
            SecretsUnreadable: The provider's token does not open.
        """
        if session.kind is not SessionKind.OIDC:
            return ""
        sealed = session.facts.id_token
        id_token = self._box.open(sealed, place=_place(session.session_id)).decode("ascii") if sealed else ""
        return await self._provider.logout_url(id_token)

    async def log_out_by_provider(self, organization_id: OrganizationId, logout_token: str) -> int:
        """End the sessions that a logout token of the provider names; return how many.

        Raises:
            OidcRefused: The token is not valid, or was taken before.
            OidcUnavailable: The provider's keys cannot be read.
        """
        claims = await self._provider.read_logout(logout_token)
        digest = hashlib.sha256(b"logout:" + claims.token_id.encode("utf-8", "replace")).digest()

        def change(tx: Transaction) -> int | None:
            if not rows.use_challenge(
                tx.connection, organization_id, digest, expires_at=claims.expires_at, now=self._clock.now()
            ):
                return None
            external_id = ""
            if claims.subject:
                known = identities.find_by_subject(tx.connection, organization_id, claims.issuer, claims.subject)
                if known is None:
                    return 0
                external_id = known.external_id
            # Those of command lines too that were let in from such a session.
            ended = rows.sessions_of_identity(tx.connection, organization_id, external_id, claims.provider_session)
            self._logins.end_all(tx, ended, actor=_PROVIDER, cause="provider_logged_out")
            return len(ended)

        ended = await self._store.write(change, restricting=True)
        if ended is None:
            raise OidcRefused("this logout token was taken before")
        return ended

    async def list_of(self, organization_id: OrganizationId, person_id: str) -> Sequence[ExternalIdentity]:
        """Return a person's identities at providers.

        Raises:
            PersonNotFound: There is no such person.
        """

        def read(connection: sa.Connection) -> Sequence[ExternalIdentity]:
            self._people.find(connection, organization_id, person_id)
            return identities.list_of(connection, organization_id, person_id)

        return await self._store.read(read)

    async def unlink(self, organization_id: OrganizationId, external_id: str, *, actor: Actor, reason: str) -> None:
        """Take an identity from its person, and end the sessions that it began.

        Raises:
            ExternalIdentityNotFound: There is none of that id.
        """

        def change(tx: Transaction) -> None:
            found = identities.find(tx.connection, organization_id, external_id)
            if found is None:
                raise ExternalIdentityNotFound(f"there is no identity {external_id[:64]!r}")
            identities.delete(tx.connection, organization_id, external_id)
            begun = rows.sessions_of_identity(tx.connection, organization_id, external_id, "")
            self._logins.end_all(tx, begun, actor=actor, cause="identity_removed")
            self._record(tx, found, "removed", actor=actor, reason=reason)

        await self._store.write(change, restricting=True)

    async def close(self) -> None:
        """Close the connections to the provider."""
        await self._provider.close()

    def _derive(self, purpose: str, browser: str, state: str) -> str:
        parts = (purpose.encode("ascii"), browser.encode("utf-8", "replace"), state.encode("utf-8", "replace"))
        said = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        return _text(hmac.digest(self._key, said, "sha256"))

    def _enter(self, tx: Transaction, login: _Login, client: Client) -> NewSession | _Denial:
        """Find out who came, and let them in as far as they may."""
        connection, organization_id, claims = tx.connection, login.organization_id, login.claims
        session = rows.find_by_token(connection, organization_id, login.former)
        if session is not None and not session.is_alive(self._clock.now(), idle=self._logins.settings.idle):
            session = None
        if login.intent is not Intent.LOG_IN and (session is None or session.person_id is None):
            return _Denial(LoginFailed("the session has ended meanwhile", hint="log in again"))
        known = identities.find_by_subject(connection, organization_id, claims.issuer, claims.subject)
        if login.intent is Intent.LINK and session is not None:
            return self._link(tx, login, session, known, client)
        if known is None:
            created = self._create(tx, login)
            if isinstance(created, _Denial):
                return created
            known = created
        person = self._people.find(connection, organization_id, known.person_id)
        if person.is_disabled:
            problem = PersonDisabled(f"{person.name} is disabled here", hint="ask another operator")
            self._logins.deny(tx, person, SessionKind.OIDC, reason=problem.detail, client=client)
            return _Denial(problem)
        if login.intent is Intent.STEP_UP and session is not None:
            return self._step_up(tx, login, session, person, client)
        identities.note_login(connection, organization_id, known.external_id, self._clock.now())
        facts = self._facts_of(claims, known.external_id)
        begun = self._logins.begin(
            tx, organization_id, SessionKind.OIDC, client=client, former=login.former, person=person, facts=facts
        )
        sealed = self._box.seal(login.id_token.encode("ascii"), place=_place(begun.session.session_id))
        rows.keep_id_token(connection, begun.session, sealed)
        return begun

    def _link(
        self, tx: Transaction, login: _Login, session: Session, known: ExternalIdentity | None, client: Client
    ) -> NewSession | _Denial:
        """Bind an identity to the person who is logged in; the session goes on."""
        if known is not None and known.person_id != session.person_id:
            return _Denial(OidcRefused("this identity belongs to another person", hint="remove it there first"))
        if known is None:
            self._bind(tx, login, session.person_id or PersonId(""), actor=session.actor)
        return self._logins.rotate(tx, session, client=client, facts=session.facts, action="renew_session")

    def _step_up(
        self, tx: Transaction, login: _Login, session: Session, person: Person, client: Client
    ) -> NewSession | _Denial:
        if person.person_id != session.person_id:
            return _Denial(OidcRefused("the provider knows you as another person", hint="log out, and log in as them"))
        facts = self._facts_of(login.claims, session.facts.external_id)
        now = self._clock.now()
        if facts.stepped_up_at is None or now - facts.stepped_up_at > _FRESH:
            return _Denial(
                OidcRefused(
                    "the provider did not say that two factors were shown just now",
                    hint="set oidc.mfa_acr or oidc.mfa_amr to what it says then, or step up by passkey",
                )
            )
        renewed = replace(session.facts, stepped_up_at=now, is_multi_factor=True, acr=facts.acr, amr=facts.amr)
        return self._logins.rotate(tx, session, client=client, facts=renewed)

    def _facts_of(self, claims: IdentityClaims, external_id: ExternalIdentityId | None) -> LoginFacts:
        settings = self.settings
        is_multi_factor = claims.acr in settings.mfa_acr or not settings.mfa_amr.isdisjoint(claims.amr)
        now = self._clock.now()
        at = claims.auth_time
        is_believable = at is not None and at <= now + CLOCK_SLACK
        return LoginFacts(
            is_multi_factor=is_multi_factor,
            stepped_up_at=min(at, now) if at is not None and is_multi_factor and is_believable else None,
            acr=claims.acr,
            amr=claims.amr,
            roles=settings.roles_of(groups_in(claims.claims, settings.groups_claim) or frozenset()),
            external_id=external_id,
            provider_session=claims.provider_session,
        )

    def _create(self, tx: Transaction, login: _Login) -> ExternalIdentity | _Denial:
        """Make a person of somebody unknown, where the configuration says so and their groups give them a role."""
        settings = self.settings
        if login.intent is not Intent.LOG_IN or not settings.creates_people:
            return _Denial(
                OidcPersonUnknown(
                    "the provider knows you, but you are nobody here yet",
                    hint="log in by a one-time link or a passkey, then link this identity to yourself",
                )
            )
        if not settings.roles_of(groups_in(login.claims.claims, settings.groups_claim) or frozenset()):
            return _Denial(
                OidcPersonUnknown(
                    "none of your groups at the provider has a role here", hint="ask for oidc.group_roles to name one"
                )
            )
        person_id = PersonId(self._ids.new("per"))
        name = self._free_name(tx, login)
        self._people.add(tx, login.organization_id, person_id, name, actor=_PROVIDER)
        return self._bind(tx, login, person_id, actor=_PROVIDER)

    def _free_name(self, tx: Transaction, login: _Login) -> str:
        """Return what a new person is called: as the provider says, told apart by a number where that is taken."""
        wanted = name_in(login.claims.claims, self.settings.name_claims) or "somebody"
        taken = [name for _, name in repository.read_names(tx.connection, login.organization_id)]
        name, count = wanted, 1
        while any(is_same_name(name, each) for each in taken):
            count += 1
            suffix = f" ({count})"
            name = wanted[: NAME_MAX_CHARS - len(suffix)] + suffix
        return check_name(name)

    def _bind(self, tx: Transaction, login: _Login, person_id: PersonId, *, actor: Actor) -> ExternalIdentity:
        identity = ExternalIdentity(
            organization_id=login.organization_id,
            external_id=ExternalIdentityId(self._ids.new("ext")),
            person_id=person_id,
            issuer=login.claims.issuer,
            subject=login.claims.subject,
            created_at=self._clock.now(),
        )
        identities.insert(tx.connection, identity)
        self._record(tx, identity, "added", actor=actor)
        return identity

    def _record(
        self, tx: Transaction, identity: ExternalIdentity, change: str, *, actor: Actor, reason: str = ""
    ) -> None:
        self._ledger.append(
            tx,
            Entry(
                organization_id=identity.organization_id,
                actor=actor,
                action="operators.add_identity" if change == "added" else "operators.remove_identity",
                target=identity.person_id,
                reason=reason,
                details={
                    "external_id": identity.external_id,
                    "issuer": identity.issuer,
                    "subject_sha256": hashlib.sha256(identity.subject.encode("utf-8", "replace")).hexdigest(),
                },
            ),
            event=IdentityChanged(
                organization_id=identity.organization_id,
                generation_id=identity.person_id,
                external_id=identity.external_id,
                change=change,
            ),
        )


@dataclass(frozen=True, slots=True)
class _Login:
    """Somebody who came back from the provider, known to it."""

    organization_id: OrganizationId
    intent: Intent
    former: bytes
    claims: IdentityClaims
    id_token: str = field(repr=False)


_PROVIDER: Final = Actor("system", "oidc", "identity provider")


def _place(session_id: str) -> str:
    return f"id token of {session_id}"


def _shown(error: str) -> str:
    """Return the provider's word for what is wrong, if it is one (OIDC Core §3.1.2.6)."""
    return error if len(error) <= _ERROR_MAX_CHARS and error.isascii() and error.replace("_", "").isalnum() else ""


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _bytes(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except ValueError:
        return b""
