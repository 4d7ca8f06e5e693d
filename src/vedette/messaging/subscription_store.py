"""Subscriptions that outlive a connection: on disk before the device is answered, given back when it returns."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from weakref import WeakValueDictionary

from vedette.bus.contract import KeepSubscriptions, SubscriptionsKept
from vedette.kernel import Clock, OrganizationId, parse_generation_id
from vedette.ledger import Event
from vedette.messaging import subscription_repository as repository
from vedette.messaging.command_delivery import Holders
from vedette.messaging.errors import InvalidRequest, SessionIsElsewhere
from vedette.messaging.identities import find_living
from vedette.protocols.hub import Subscription
from vedette.registry import DeviceDeleted, DeviceRetired, ModuleDeleted
from vedette.store import Store, Transaction

_KNOWN: Final = frozenset(each.value for each in Subscription)
_QOS: Final = (0, 1)

_Key = tuple[str, str]
_Kept = Mapping[str, int] | None

_NOT_READ: Final[Mapping[str, int]] = MappingProxyType({})


class SubscriptionStore:
    """Keeps the subscriptions of sessions that were opened with ``clean`` unset.

    ``project`` must be registered with the ledger: what was kept ends with its identity. The memory of what is on disk
    is this process's own; where several share a database, it must be switched off.

    Args:
        store: Where they are kept.
        holders: Keeps a session that has lost an identity to another from changing anything.
        clock: For the record.
        cache_size: Most identities remembered; 0 for none.
    """

    def __init__(self, store: Store, holders: Holders, *, clock: Clock, cache_size: int) -> None:
        self._store = store
        self._holders = holders
        self._clock = clock
        self._cache_size = cache_size
        self._turns: WeakValueDictionary[_Key, asyncio.Lock] = WeakValueDictionary()
        self._cache: OrderedDict[_Key, _Kept] = OrderedDict()

    async def keep(self, request: KeepSubscriptions) -> SubscriptionsKept:
        """Keep a session's subscriptions in place of the kept ones; they are on disk when this returns.

        None at all are not worth keeping: what is kept is discarded.

        Raises:
            InvalidId: The generation id is malformed.
            InvalidRequest: Something else than a subscription with QoS 0 or 1.
            SessionIsElsewhere: Another session holds the identity now.
            IdentityNotFound: There is no such identity.
        """
        key = request.organization_id, parse_generation_id(request.generation_id)
        if not request.subscriptions.keys() <= _KNOWN or not set(request.subscriptions.values()) <= set(_QOS):
            raise InvalidRequest("subscriptions are those of the hub, with QoS 0 or 1")
        async with self._turn(key):
            # Asked when it is our turn: a session that was opened meanwhile has been given what is kept.
            if self._holders.is_superseded(key[1], request.gateway, request.session_id):
                raise SessionIsElsewhere("another session holds the identity now")
            if (await self._find(key) or {}) != request.subscriptions:
                await self._keep(key, request.subscriptions)
        return SubscriptionsKept()

    async def _keep(self, key: _Key, subscriptions: dict[str, int]) -> None:
        if not subscriptions:
            await self._store.write(lambda tx: self._discard(tx, key))
            return

        def save(tx: Transaction) -> None:
            find_living(tx.connection, *key)
            repository.save(tx.connection, *key, subscriptions, self._clock.now())
            tx.on_commit(lambda: self._remember(key, subscriptions))

        await self._store.write(save)

    async def subscriptions_for(
        self, organization_id: OrganizationId, generation_id: str, *, is_clean: bool, is_kept: bool = True
    ) -> dict[str, int] | None:
        """Return what the kept session of an identity subscribed to; ``None`` without one.

        A clean session discards what is kept. One that ends with its connection goes on with it and discards it all
        the same: whatever ends that connection, nothing is left (MQTT 5 §3.1.2.11.2).
        """
        key = organization_id, generation_id
        if key not in self._turns and self._cache.get(key, _NOT_READ) is None:
            self._cache.move_to_end(key)
            return None  # nothing is kept, and nobody is about to keep anything: no turn to wait for
        async with self._turn(key):
            kept = await self._find(key)
            if kept is not None and (is_clean or not is_kept):
                await self._store.write(lambda tx: self._discard(tx, key))
        return None if kept is None or is_clean else dict(kept)

    def project(self, tx: Transaction, event: Event) -> None:
        """Discard what is kept for an identity that ends, in the registry's own transaction."""
        match event:
            case DeviceDeleted() | DeviceRetired() | ModuleDeleted():
                self._discard(tx, (event.organization_id, event.generation_id))
            case _:
                pass

    def _turn(self, key: _Key) -> asyncio.Lock:
        """Return what lets changes of one identity happen in the order asked."""
        turn = self._turns.get(key)
        if turn is None:
            turn = self._turns[key] = asyncio.Lock()
        return turn

    def _discard(self, tx: Transaction, key: _Key) -> None:
        repository.delete(tx.connection, *key)
        tx.on_commit(lambda: self._remember(key, None))

    async def _find(self, key: _Key) -> _Kept:
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key]
        kept = await self._store.read(lambda connection: repository.find(connection, *key))
        if key in self._cache:  # whoever wrote while we read knows better
            return self._cache[key]
        self._remember(key, kept)
        return kept

    def _remember(self, key: _Key, kept: _Kept) -> None:
        if self._cache_size:
            self._cache[key] = kept
            self._cache.move_to_end(key)
            if len(self._cache) > self._cache_size:
                self._cache.popitem(last=False)
