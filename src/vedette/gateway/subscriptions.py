"""What a session subscribed to, and keeping it: SUBACK follows the disk where the session outlives its connection."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from vedette.bus.contract import KEEP_SUBSCRIPTIONS, KeepSubscriptions, SubscriptionsKept
from vedette.gateway.control_calls import ask_control
from vedette.gateway.pacing import TokenBucket
from vedette.gateway.reception import Reception
from vedette.kernel import Problem
from vedette.protocols.hub import Subscription

if TYPE_CHECKING:
    from vedette.gateway.session import HubSession

log = logging.getLogger(__name__)

Subscriptions = Mapping[Subscription, int]

SUBSCRIBE: Final = "subscribe"
MAX_QOS: Final = 1
_MAX_WAITING: Final = 64
_KNOWN: Final = {each.value: each for each in Subscription}


# There are 3 to the power of 6 of them: sessions share them instead of holding a dictionary each.
@lru_cache(maxsize=1_024)
def _shared(items: frozenset[tuple[Subscription, int]]) -> Subscriptions:
    return MappingProxyType(dict(items))


NO_SUBSCRIPTIONS: Final = _shared(frozenset())


def subscribed(subscriptions: Subscriptions, added: Mapping[Subscription, int]) -> Subscriptions:
    """Return subscriptions with others added; an equal one is replaced."""
    return _shared(frozenset({**subscriptions, **added}.items()))


def unsubscribed(subscriptions: Subscriptions, removed: frozenset[Subscription]) -> Subscriptions:
    """Return subscriptions without some."""
    return _shared(frozenset(item for item in subscriptions.items() if item[0] not in removed))


def read_subscriptions(kept: Mapping[str, int] | None) -> Subscriptions:
    """Read what control keeps; what this release does not know is passed over."""
    known = ((_KNOWN[name], min(max(qos, 0), MAX_QOS)) for name, qos in (kept or {}).items() if name in _KNOWN)
    return _shared(frozenset(known))


def write_subscriptions(subscriptions: Subscriptions) -> dict[str, int]:
    """Return what control keeps."""
    return {each.value: qos for each, qos in subscriptions.items()}


class _Change(NamedTuple):
    subscriptions: Subscriptions
    acknowledge: Callable[[], None]


class SubscriptionKeeper:
    """Subscribing and unsubscribing of one session, answered in the order asked.

    Changes that come while others are being kept are kept together.

    Args:
        reception: What all connections share.
        session: Whose subscriptions they are.
    """

    __slots__ = ("_is_forgotten", "_is_keeping", "_rate", "_reception", "_session", "_waiting")

    def __init__(self, reception: Reception, session: HubSession) -> None:
        settings = reception.settings.session
        self._reception = reception
        self._session = session
        self._waiting: list[_Change] = []  # an empty deque takes 600 bytes
        self._is_keeping = False
        self._is_forgotten = False
        self._rate = TokenBucket(
            settings.subscription_changes_per_s, settings.subscription_changes_burst, reception.clock.monotonic_s()
        )

    def subscribe(self, added: Mapping[Subscription, int], acknowledge: Callable[[], None]) -> None:
        """Add subscriptions; ``acknowledge`` notes the SUBACK once they are kept."""
        self._change(subscribed(self.latest, added), acknowledge)

    def unsubscribe(self, removed: frozenset[Subscription], acknowledge: Callable[[], None]) -> None:
        """Give subscriptions up; ``acknowledge`` notes the UNSUBACK once that is kept."""
        self._change(unsubscribed(self.latest, removed), acknowledge)

    def forget(self) -> None:
        """Keep none, although the session has ended or is about to."""
        self._is_forgotten = True
        self._reception.start(self._forget(), "forget subscriptions")

    @property
    def latest(self) -> Subscriptions:
        """What the session is subscribed to once everything that waits is kept."""
        return self._waiting[-1].subscriptions if self._waiting else self._session.subscriptions

    def _change(self, subscriptions: Subscriptions, acknowledge: Callable[[], None]) -> None:
        session = self._session
        is_kept = not session.is_durable or subscriptions is session.subscriptions
        if is_kept and not self._waiting:
            acknowledge()
            session.subscribed(subscriptions)
            return
        if len(self._waiting) >= _MAX_WAITING:
            session.break_off("message_throttled", "too many changes of subscriptions wait", SUBSCRIBE)
            return
        self._waiting.append(_Change(subscriptions, acknowledge))
        if not self._is_keeping:
            self._is_keeping = True
            self._reception.start(self._keep(), "keep subscriptions")

    async def _keep(self) -> None:
        session = self._session
        try:
            while self._waiting and session.is_open:
                await asyncio.sleep(self._rate.take(1, self._reception.clock.monotonic_s()))
                if self._is_forgotten:
                    return
                count = len(self._waiting)
                latest = self._waiting[-1].subscriptions
                if latest is not session.subscriptions:
                    await self._ask(latest, is_wanted=self._is_wanted)
                self._apply(count)
        except Problem as problem:
            log.warning("subscriptions not kept", extra={"reason": problem.detail})
            # Without SUBACK: the client comes back and asks again.
            session.break_off("overloaded", f"subscriptions not kept: {problem.detail}", SUBSCRIBE)
        finally:
            self._is_keeping = False

    def _is_wanted(self) -> bool:
        return self._session.is_open and not self._is_forgotten

    def _apply(self, count: int) -> None:
        session = self._session
        if not session.is_open:
            return
        done, self._waiting = self._waiting[:count], self._waiting[count:]
        for change in done:
            change.acknowledge()
            session.subscribed(change.subscriptions)
        session.flush()

    async def _forget(self) -> None:
        try:
            await self._ask(NO_SUBSCRIPTIONS, is_wanted=lambda: True)
        except Problem as problem:
            log.warning("subscriptions not forgotten", extra={"reason": problem.detail})

    async def _ask(self, subscriptions: Subscriptions, *, is_wanted: Callable[[], bool]) -> None:
        session, reception = self._session, self._reception
        request = KeepSubscriptions(
            organization_id=reception.anchor.organization_id,
            gateway=reception.gateway,
            generation_id=session.generation_id,
            session_id=session.session_id,
            subscriptions=write_subscriptions(subscriptions),
        )
        await ask_control(
            reception.bus,
            reception.clock,
            KEEP_SUBSCRIPTIONS,
            request,
            SubscriptionsKept,
            timeout_s=reception.settings.session.request_timeout_s,
            may_repeat=True,
            is_wanted=is_wanted,
        )
