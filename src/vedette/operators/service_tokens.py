"""The use cases of service tokens: made for a program, shown once, judged at each request, revoked at once."""

from __future__ import annotations

import logging
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from vedette.kernel import Clock, IdSource, OrganizationId, to_rfc3339
from vedette.ledger import Actor, Entry, Ledger
from vedette.operators import service_token_repository as rows
from vedette.operators.errors import (
    ServiceTokenExists,
    ServiceTokenNotFound,
    TokenRefused,
    TooMany,
)
from vedette.operators.events import ServiceTokenChanged
from vedette.operators.model import ADDRESS_MAX_CHARS, USE_NOTED_EVERY, PersonId, ServiceTokenId, digest_of
from vedette.operators.service_token import (
    TOKEN_BYTES,
    TOKEN_PREFIX,
    TOKENS_MAX,
    IssuedServiceToken,
    NewServiceToken,
    ServiceToken,
    check_new_token,
    is_service_token,
)
from vedette.store import Store, StoreFull, StoreUnavailable, Transaction

log = logging.getLogger(__name__)

PAGE_MAX: Final = 1000
# So long an ended token is still listed, so that whoever looks for it finds why it opens nothing.
_KEPT_AFTER_END: Final = timedelta(days=30)


class ServiceTokenService:
    """Knows which programs may come by a token of their own; only digests of the tokens are stored."""

    def __init__(self, store: Store, ledger: Ledger, *, clock: Clock, ids: IdSource) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._ids = ids
        self._noted: dict[ServiceTokenId, datetime] = {}

    async def create(
        self, organization_id: OrganizationId, new: NewServiceToken, *, owner_id: PersonId | None, actor: Actor
    ) -> IssuedServiceToken:
        """Make a token; its secret is told once.

        Args:
            organization_id: Where.
            new: What it is to be.
            owner_id: Who answers for it.
            actor: Who makes it.

        Raises:
            InvalidServiceToken: Roles, scopes, networks or lifetime are outside their limits.
            InvalidName: The name is none.
            ServiceTokenExists: The name is taken.
            TooMany: There are 200.
        """
        checked = check_new_token(new)
        secret = TOKEN_PREFIX + _text(self._ids.random_bytes(TOKEN_BYTES))
        token_id = ServiceTokenId(self._ids.new("stk"))

        def change(tx: Transaction) -> ServiceToken:
            now = self._clock.now()
            rows.delete_expired(tx.connection, organization_id, now - _KEPT_AFTER_END)
            if rows.is_name_taken(tx.connection, organization_id, checked.name):
                raise ServiceTokenExists(
                    f"there is a service token {checked.name!r} already", hint="revoke it, or take another name"
                )
            if rows.count(tx.connection, organization_id) >= TOKENS_MAX:
                raise TooMany(f"there are {TOKENS_MAX} service tokens", hint="revoke those that nobody uses")
            made = ServiceToken(
                organization_id=organization_id,
                token_id=token_id,
                name=checked.name,
                owner_id=owner_id,
                owner_name="",
                roles=checked.roles,
                scopes=checked.scopes,
                networks=checked.networks,
                created_at=now,
                expires_at=now + timedelta(days=checked.lifetime_days),
            )
            rows.insert(tx.connection, made, digest_of(secret))
            self._record(tx, made, "create", actor=actor)
            return rows.find(tx.connection, organization_id, token_id) or made

        return IssuedServiceToken(await self._store.write(change), secret)

    async def list(
        self, organization_id: OrganizationId, *, owner_id: str | None = None, after: str = "", limit: int = 100
    ) -> tuple[Sequence[ServiceToken], str | None]:
        """Return tokens in the order they were made, and what to pass as ``after`` next."""
        most = max(1, min(limit, PAGE_MAX))
        found = await self._store.read(
            lambda connection: rows.list_tokens(
                connection, organization_id, owner_id=owner_id, after=after, limit=most + 1
            )
        )
        page = found[:most]
        return page, page[-1].token_id if len(found) > most else None

    async def get(self, organization_id: OrganizationId, token_id: str) -> ServiceToken:
        """Return a token.

        Raises:
            ServiceTokenNotFound: There is none of that id.
        """
        found = await self._store.read(lambda connection: rows.find(connection, organization_id, token_id))
        if found is None:
            raise _not_found(token_id)
        return found

    async def revoke(self, organization_id: OrganizationId, token_id: str, *, actor: Actor, reason: str) -> None:
        """End a token: the next request with it is refused.

        Raises:
            ServiceTokenNotFound: There is none of that id.
        """

        def change(tx: Transaction) -> None:
            found = rows.find(tx.connection, organization_id, token_id)
            if found is None:
                raise _not_found(token_id)
            rows.delete(tx.connection, organization_id, token_id)
            self._record(tx, found, "revoke", actor=actor, reason=reason)

        await self._store.write(change, restricting=True)

    async def judge(self, organization_id: OrganizationId, secret: str, *, address: str) -> ServiceToken | None:
        """Return the token that a request came with; None if it is none of ours.

        Raises:
            TokenRefused: It has ended, or may not come from there.
        """
        if not is_service_token(secret):
            return None
        digest = digest_of(secret)
        token = await self._store.read(lambda connection: rows.find_usable(connection, organization_id, digest))
        if token is None:
            return None
        now = self._clock.now()
        if now >= token.expires_at:
            raise TokenRefused(
                f"the service token {token.name!r} ended at {to_rfc3339(token.expires_at)}",
                hint="make a new one: vedette token create",
            )
        if not token.may_come_from(address):
            raise TokenRefused(
                f"the service token {token.name!r} may not come from {address}",
                hint="see from where it may: vedette token list",
            )
        await self._note_use(token, address)
        return token

    async def lasts(self, organization_id: OrganizationId, token_id: str) -> bool:
        """Tell whether a token still opens something."""
        now = self._clock.now()
        return await self._store.read(lambda connection: rows.is_usable(connection, organization_id, token_id, now))

    async def _note_use(self, token: ServiceToken, address: str) -> None:
        """Note the use once a minute; a full disk keeps no program from working."""
        now = self._clock.now()
        last = max((at for at in (token.last_used_at, self._noted.get(token.token_id)) if at), default=None)
        if last is not None and timedelta(0) <= now - last < USE_NOTED_EVERY:
            return
        if len(self._noted) >= 2 * TOKENS_MAX:
            self._noted.clear()
        self._noted[token.token_id] = now
        try:
            await self._store.write(lambda tx: rows.note_use(tx.connection, token, now, address[:ADDRESS_MAX_CHARS]))
        except (StoreFull, StoreUnavailable) as problem:
            log.warning("the use of a service token is not noted", extra={"cause": problem.code})

    def _record(self, tx: Transaction, token: ServiceToken, act: str, *, actor: Actor, reason: str = "") -> None:
        self._ledger.append(
            tx,
            Entry(
                organization_id=token.organization_id,
                actor=actor,
                action=f"operators.{act}_service_token",
                target=token.token_id,
                target_name=token.name,
                reason=reason,
                details={
                    "owner_id": token.owner_id or "",
                    "roles": list(token.roles),
                    "sites": sorted(token.scopes.sites),
                    "groups": sorted(token.scopes.groups),
                    "networks": list(token.networks),
                    "expires_at": to_rfc3339(token.expires_at),
                },
            ),
            event=ServiceTokenChanged(
                organization_id=token.organization_id,
                token_id=token.token_id,
                token_name=token.name,
                change="created" if act == "create" else "revoked",
            ),
        )


def _not_found(token_id: str) -> ServiceTokenNotFound:
    return ServiceTokenNotFound(f"there is no service token {token_id[:64]!r}", hint="see them: vedette token list")


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
