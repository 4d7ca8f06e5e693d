"""The use cases of time-based codes: a fallback where no passkey works, off unless the configuration says otherwise.

Whoever logs in shows two things: a sign-in key of 100 random bits, which only the person has, and a code of their app.
Both can be given away to a page that looks like ours, so that such sessions are flagged as phishable.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from vedette.kernel import Clock, IdSource, OrganizationId
from vedette.ledger import Actor, Entry, Ledger
from vedette.operators import totp_repository as factors
from vedette.operators.errors import (
    LoginFailed,
    PersonDisabled,
    PersonNeeded,
    TotpHeld,
    TotpNotFound,
    TotpOff,
)
from vedette.operators.events import TotpChanged
from vedette.operators.logins import Logins
from vedette.operators.model import (
    CLOCK_SLACK,
    Client,
    LoginFacts,
    NewSession,
    PersonId,
    Session,
    SessionKind,
)
from vedette.operators.people_service import PeopleService
from vedette.operators.recovery import code_digest, new_codes
from vedette.operators.role_errors import StepUpNeeded
from vedette.operators.service import digest_or_none
from vedette.operators.totp import (
    FAILURES_MAX,
    HELD,
    SECRET_BYTES,
    app_url,
    matching_step,
    parse_code,
    secret_text,
)
from vedette.operators.totp_repository import TotpFactor
from vedette.pki import SecretBox
from vedette.store import Store, Transaction

_ISSUER: Final = "Vedette"
_STEPPED_UP_WITHIN: Final = timedelta(minutes=5)
_WRONG: Final = "the sign-in key or the code is not valid, or the code was used before"


@dataclass(frozen=True, slots=True)
class NewTotp:
    """What a person puts into their app and keeps: it is told once, and opens nothing before a first code.

    Attributes:
        secret: To type into the app.
        url: The same for a QR code.
        key: What is shown beside each code to log in.
    """

    secret: str = field(repr=False)
    url: str = field(repr=False)
    key: str = field(repr=False)


class TotpService:
    """Lets people log in by sign-in key and code.

    Args:
        store: Open.
        ledger: Where logins and changes are recorded.
        people: Knows them.
        logins: Begins sessions.
        box: Seals the secrets of apps.
        is_enabled: Whether codes are taken at all.
        clock: Source of time.
        ids: Source of secrets.
    """

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        people: PeopleService,
        logins: Logins,
        *,
        box: SecretBox,
        is_enabled: bool,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._people = people
        self._logins = logins
        self._box = box
        self._clock = clock
        self._ids = ids
        self.is_enabled = is_enabled

    async def has_factor(self, organization_id: OrganizationId, person_id: str) -> bool:
        """Tell whether a person could log in by codes."""
        found = await self._store.read(lambda connection: factors.find(connection, organization_id, person_id))
        return found is not None and found.is_confirmed

    async def begin(self, session: Session) -> NewTotp:
        """Make a secret for the app of a session's person, in the place of the one they had.

        Raises:
            TotpOff: Codes are not switched on.
            PersonNeeded: The session is a link's.
            StepUpNeeded: They have not proved by passkey lately that they are there.
        """
        person_id = self._check(session)
        secret = self._ids.random_bytes(SECRET_BYTES)
        key = new_codes(self._ids)[0]
        digest = code_digest(key)
        if digest is None:
            raise TypeError("a sign-in key has the form of a recovery code")
        factor = TotpFactor(
            organization_id=session.organization_id,
            person_id=person_id,
            key_sha256=digest,
            sealed=self._box.seal(secret, place=_place(person_id)),
            created_at=self._clock.now(),
        )
        await self._store.write(lambda tx: factors.put(tx.connection, factor))
        url = app_url(secret, issuer=_ISSUER, name=session.person_name)
        return NewTotp(secret_text(secret), url, key)

    async def confirm(self, session: Session, code: str) -> None:
        """Take a first code from the app: from now on its codes log in.

        Raises:
            TotpOff: As ``begin``.
            PersonNeeded: As ``begin``.
            StepUpNeeded: As ``begin``.
            TotpNotFound: Nobody asked for a secret.
            LoginFailed: The code is not valid.
            TotpHeld: Too many wrong ones came.
        """
        person_id = self._check(session)

        def change(tx: Transaction) -> LoginFailed | TotpHeld | None:
            factor = factors.find(tx.connection, session.organization_id, person_id)
            if factor is None:
                raise TotpNotFound("there is no authenticator app to confirm", hint="begin again")
            problem = self._judge(tx, factor, code)
            if problem is None and not factor.is_confirmed:
                self._record(tx, factor, "added", actor=session.actor)
            return problem

        problem = await self._store.write(change)
        if problem is not None:
            raise problem

    async def remove(self, organization_id: OrganizationId, person_id: str, *, actor: Actor, reason: str) -> None:
        """Take a person's app away; their sessions that it began end.

        Raises:
            TotpNotFound: They have none.
        """

        def change(tx: Transaction) -> None:
            factor = factors.find(tx.connection, organization_id, person_id)
            if factor is None:
                raise TotpNotFound(f"{person_id[:64]!r} has no authenticator app here")
            factors.delete(tx.connection, organization_id, person_id)
            self._logins.end_kind(tx, organization_id, person_id, SessionKind.TOTP, actor=actor, cause="totp_removed")
            self._record(tx, factor, "removed", actor=actor, reason=reason)

        await self._store.write(change, restricting=True)

    async def log_in(
        self, organization_id: OrganizationId, key: str, code: str, *, client: Client, former_token: str = ""
    ) -> NewSession:
        """Take a sign-in key and a code, and begin a session.

        Raises:
            TotpOff: Codes are not switched on.
            LoginFailed: Key or code are not valid, or the code was used before.
            TotpHeld: Too many wrong codes came with this key.
            PersonDisabled: The person may not log in.
        """
        if not self.is_enabled:
            raise _off()
        digest = code_digest(key)
        known = None
        if digest is not None:
            known = await self._store.read(lambda connection: factors.find_by_key(connection, organization_id, digest))
        if known is None or not known.is_confirmed:
            raise LoginFailed(_WRONG, hint="wait for the next code")
        person_id = known.person_id

        def change(tx: Transaction) -> NewSession | LoginFailed | TotpHeld | PersonDisabled:
            factor = factors.find(tx.connection, organization_id, person_id)
            if factor is None or factor.key_sha256 != digest or not factor.is_confirmed:
                return LoginFailed(_WRONG)
            person = self._people.find(tx.connection, organization_id, person_id)
            problem = self._judge(tx, factor, code)
            if problem is not None:
                self._logins.deny(tx, person, SessionKind.TOTP, reason=problem.detail, client=client)
                return problem
            if person.is_disabled:
                disabled = PersonDisabled(f"{person.name} is disabled here", hint="ask another operator")
                self._logins.deny(tx, person, SessionKind.TOTP, reason=disabled.detail, client=client)
                return disabled
            return self._logins.begin(
                tx,
                organization_id,
                SessionKind.TOTP,
                client=client,
                former=digest_or_none(former_token),
                person=person,
                facts=LoginFacts(is_multi_factor=True, amr=("otp",)),
            )

        outcome = await self._store.write(change)
        if not isinstance(outcome, NewSession):
            raise outcome
        return outcome

    def _check(self, session: Session) -> PersonId:
        if not self.is_enabled:
            raise _off()
        if session.person_id is None or session.kind is SessionKind.CLI:
            raise PersonNeeded("only a person at a browser has an authenticator app", hint="register a passkey first")
        at, now = session.facts.stepped_up_at, self._clock.now()
        if at is None or not -CLOCK_SLACK <= now - at <= _STEPPED_UP_WITHIN:
            raise StepUpNeeded("prove by passkey that you are there", hint="step up, then try again at once")
        return session.person_id

    def _judge(self, tx: Transaction, factor: TotpFactor, code: str) -> LoginFailed | TotpHeld | None:
        """Take a code once; wrong ones are counted, and after five nothing is taken for a quarter of an hour."""
        now = self._clock.now()
        if _is_held(factor, now):
            return TotpHeld("too many wrong codes", hint="wait a quarter of an hour, or log in another way")
        secret = self._box.open(factor.sealed, place=_place(factor.person_id))
        digits = parse_code(code)
        step = None if digits is None else matching_step(secret, digits, now=now, after=factor.last_step)
        if step is not None and factors.note_success(tx.connection, factor, step):
            return None
        is_old = factor.failed_at is None or now - factor.failed_at >= HELD
        factors.note_failure(tx.connection, factor, now, 1 if is_old else factor.failures + 1)
        return LoginFailed(_WRONG, hint="wait for the next code")

    def _record(self, tx: Transaction, factor: TotpFactor, change: str, *, actor: Actor, reason: str = "") -> None:
        self._ledger.append(
            tx,
            Entry(
                organization_id=factor.organization_id,
                actor=actor,
                action="operators.add_totp" if change == "added" else "operators.remove_totp",
                target=factor.person_id,
                reason=reason,
            ),
            event=TotpChanged(organization_id=factor.organization_id, generation_id=factor.person_id, change=change),
        )


def _is_held(factor: TotpFactor, now: datetime) -> bool:
    # A clock that was set back holds too: the other way round it would be the way past the hold.
    return factor.failures >= FAILURES_MAX and factor.failed_at is not None and now - factor.failed_at < HELD


def _place(person_id: str) -> str:
    return f"authenticator app of {person_id}"


def _off() -> TotpOff:
    return TotpOff("time-based codes are not switched on here", hint="set api.totp, or log in by passkey")
