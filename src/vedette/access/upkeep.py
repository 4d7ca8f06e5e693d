"""Records that change although their identity did not: an authority was trusted, or symmetric keys switched off."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from vedette.access.administrator import PolicyAdministrator
from vedette.kernel import AuthorityId, OrganizationId, Problem
from vedette.ledger import Event
from vedette.pki import AuthorityDisabled, AuthorityHubTrustChanged, AuthorityVerified
from vedette.registry import AuthenticationType, CredentialRecords, list_authenticated_by
from vedette.store import Store, Transaction

log = logging.getLogger(__name__)

# Composed in the very transaction that takes an authority's trust away; whoever is left follows at once.
AT_ONCE_MAX: Final = 500
_PAGE: Final = 100
_PAUSE_S: Final = 0.02
_RETRY_S: Final = 5.0

_Page = Callable[[str], Awaitable[list[str]]]


class RecordUpkeep:
    """Brings the records of all who rest on an authority, or on symmetric keys, up to date.

    Restricting comes first: what an authority vouched for is composed anew with the act itself, the rest in pages. All
    is looked at again when control starts, so that nothing is lost with it.

    Args:
        organization_id: Whose records these are.
        store: To read who is concerned.
        administrator: Writes records.
        credentials: Knows who rests on what.
    """

    def __init__(
        self,
        organization_id: OrganizationId,
        store: Store,
        administrator: PolicyAdministrator,
        credentials: CredentialRecords,
    ) -> None:
        self._organization_id = organization_id
        self._store = store
        self._administrator = administrator
        self._credentials = credentials
        self._changed: list[AuthorityId] = []
        self._news = asyncio.Event()
        self._is_idle = False

    @property
    def is_idle(self) -> bool:
        """Whether every record that was concerned has been looked at."""
        return self._is_idle

    def project(self, tx: Transaction, event: Event) -> None:
        """Compose the records anew that rest on an authority that has changed; called in the event's transaction."""
        if event.organization_id != self._organization_id:
            return
        if not isinstance(event, AuthorityVerified | AuthorityDisabled | AuthorityHubTrustChanged):
            return
        authority_id = AuthorityId(event.authority_id)
        first = self._credentials.vouched.list_holders(
            tx.connection, self._organization_id, authority_id, limit=AT_ONCE_MAX
        )
        self._administrator.refresh(tx, set(first))
        tx.on_commit(lambda: self._note(authority_id))

    async def run(self) -> None:
        """Look at all once, then at whoever rests on an authority that has changed, until cancelled."""
        await self._patiently(self._refresh_key_owners)
        await self._patiently(self._refresh_by_authority)
        while True:
            self._is_idle = not self._news.is_set()
            await self._news.wait()
            self._news.clear()
            while self._changed:
                authority_id = self._changed.pop(0)
                await self._patiently(lambda authority_id=authority_id: self._refresh_holders(authority_id))  # type: ignore[misc] # a bound default
            # Which authorities may vouch stands in the record of everybody in their scope.
            await self._patiently(self._refresh_by_authority)

    def _note(self, authority_id: AuthorityId) -> None:
        self._changed.append(authority_id)
        self._is_idle = False
        self._news.set()

    async def _patiently(self, sweep: Callable[[], Awaitable[int]]) -> None:
        while True:
            try:
                count = await sweep()
            except Problem as problem:
                log.warning("records could not be brought up to date", extra={"cause": problem.code})
                await asyncio.sleep(_RETRY_S)
            else:
                log.debug("records looked at", extra={"count": count})
                return

    async def _refresh_key_owners(self) -> int:
        """Permit the keys on record, or none of them where symmetric keys are off now."""
        return await self._refresh(
            lambda after: self._credentials.keys.list_owners(self._organization_id, after=after, limit=_PAGE)
        )

    async def _refresh_holders(self, authority_id: AuthorityId) -> int:
        async def page(after: str) -> list[str]:
            return await self._store.read(
                lambda connection: self._credentials.vouched.list_holders(
                    connection, self._organization_id, authority_id, after=after, limit=_PAGE
                )
            )

        return await self._refresh(page)

    async def _refresh_by_authority(self) -> int:
        async def page(after: str) -> list[str]:
            return await self._store.read(
                lambda connection: list_authenticated_by(
                    connection,
                    self._organization_id,
                    AuthenticationType.CERTIFICATE_AUTHORITY,
                    after=after,
                    limit=_PAGE,
                )
            )

        return await self._refresh(page)

    async def _refresh(self, page_after: _Page) -> int:
        count, after = 0, ""
        while True:
            page = await page_after(after)
            if not page:
                return count
            await self._store.write(lambda tx, page=page: self._administrator.refresh(tx, set(page)), restricting=True)  # type: ignore[misc] # a bound default
            count, after = count + len(page), page[-1]
            await asyncio.sleep(_PAUSE_S)
