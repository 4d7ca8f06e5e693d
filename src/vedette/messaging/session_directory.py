"""Who is connected, and where: what gateways say of their sessions, put together."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, KeysView, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from vedette.bus.contract import SessionClosed, SessionOpened
from vedette.kernel import Clock, GenerationId
from vedette.messaging.presence_feed import NOT_REPORTED
from vedette.messaging.settings import DirectorySettings
from vedette.registry import PresenceChange

log = logging.getLogger(__name__)

_MILLISECONDS: Final = 1000


@dataclass(frozen=True, slots=True)
class Holding:
    """A session, and the gateway that holds it.

    Attributes:
        remote_address: Of its other end; empty where the gateway did not say.
    """

    gateway: str
    session_id: str
    opened_at_ms: int
    remote_address: str = field(default="", compare=False)

    @property
    def order(self) -> tuple[int, str]:
        """What decides between two sessions of one identity: the greater is the present one."""
        return self.opened_at_ms, self.session_id


class SessionDirectory:
    """One session for each identity that is connected, as far as gateways have told.

    It is in memory only: after a start, or when the bus was away, it is not *settled* until every gateway has told all
    of its sessions. Until then an identity that is not found may be connected all the same.

    Args:
        settings: Bounds.
        note: Hears of every identity that comes or goes.
        clock: Both times.
    """

    def __init__(self, settings: DirectorySettings, note: Callable[[PresenceChange], None], *, clock: Clock) -> None:
        self._settings = settings
        self._note = note
        self._clock = clock
        self._sessions: dict[GenerationId, Holding] = {}
        self._of_gateway: dict[str, set[GenerationId]] = defaultdict(set)
        self._waiters: dict[GenerationId, set[asyncio.Future[None]]] = {}
        self._ended: list[Callable[[GenerationId, Holding], None]] = []
        self._is_settled = False
        self._is_over_full = False

    # --- questions ----------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        """How many identities are connected."""
        return len(self._sessions)

    @property
    def is_settled(self) -> bool:
        """Whether an identity that is not found is known not to be connected."""
        return self._is_settled

    def find(self, generation_id: str) -> Holding | None:
        """Return the session of an identity."""
        return self._sessions.get(GenerationId(generation_id))

    def session_of(self, generation_id: str) -> str | None:
        """Return the id of the session of an identity."""
        holding = self.find(generation_id)
        return None if holding is None else holding.session_id

    def is_elsewhere(self, generation_id: str, gateway: str) -> bool:
        """Tell whether another gateway than this one is known to hold the identity."""
        holding = self.find(generation_id)
        return holding is not None and holding.gateway != gateway

    def is_superseded(self, generation_id: str, gateway: str, session_id: str) -> bool:
        """Tell whether another session than this one is known to hold the identity by now.

        What a gateway told of a session at most once may be lost, so a session that is younger than the known one is
        not taken for a former one.
        """
        holding = self.find(generation_id)
        return holding is not None and (holding.gateway != gateway or holding.session_id > session_id)

    def connected(self) -> KeysView[GenerationId]:
        """Return a live view of the identities that are connected."""
        return self._sessions.keys()

    def sessions_of(self, gateway: str) -> Collection[GenerationId]:
        """Return the identities that a gateway holds."""
        return self._of_gateway.get(gateway, ())

    async def wait_for(self, generation_id: GenerationId, *, timeout_s: float, unsettled_s: float) -> Holding | None:
        """Return the session of an identity, as soon as there is one.

        Args:
            generation_id: Whose.
            timeout_s: How long to wait for it to connect.
            unsettled_s: How long to wait for the directory to be settled, if it is not.
        """
        began_s = self._clock.monotonic_s()
        while True:
            holding = self._sessions.get(generation_id)
            if holding is not None:
                return holding
            patience_s = timeout_s if self._is_settled else max(timeout_s, unsettled_s)
            left_s = began_s + patience_s - self._clock.monotonic_s()
            if left_s <= 0:
                return None
            await self._wait_news(generation_id, left_s)

    # --- listeners ----------------------------------------------------------------------------------------------

    def on_ended(self, listener: Callable[[GenerationId, Holding], None]) -> None:
        """Have ``listener`` called for each session that ended or was replaced; it must not block."""
        self._ended.append(listener)

    # --- what gateways say --------------------------------------------------------------------------------------

    def opened(self, gateway: str, opened: SessionOpened) -> None:
        """Take note of a session; one of the same identity that is older ends."""
        holding = Holding(gateway, opened.session_id, opened.believed_at_ms(self._now_ms()), opened.remote_address)
        generation_id = GenerationId(opened.generation_id)
        if self._hold(generation_id, holding):
            self._note(
                PresenceChange(
                    generation_id=generation_id,
                    is_connected=True,
                    gateway=gateway,
                    changed_at=self._moment(opened.opened_at_ms),
                    remote_address=opened.remote_address,
                    protocol=opened.protocol,
                    client=opened.client,
                )
            )

    def closed(self, gateway: str, closed: SessionClosed) -> None:
        """Forget a session; one that was replaced is forgotten already."""
        generation_id = GenerationId(closed.generation_id)
        holding = self._sessions.get(generation_id)
        if holding is not None and holding.gateway == gateway and holding.session_id == closed.session_id:
            self._leave(generation_id, holding, self._moment(closed.closed_at_ms), closed.reason)

    def lose(self, gateway: str, reason: str) -> int:
        """Forget all sessions of a gateway; returns how many."""
        lost = list(self._of_gateway.get(gateway, ()))
        now = self._clock.now()
        for generation_id in lost:
            self._leave(generation_id, self._sessions[generation_id], now, reason)
        return len(lost)

    def reconcile(
        self,
        gateway: str,
        sessions: Iterable[tuple[str, str, int]],
        *,
        addresses: Mapping[str, str] | None = None,
        touched: Collection[str] = (),
    ) -> None:
        """Make the directory say of a gateway what the gateway says itself.

        Args:
            gateway: Whose sessions.
            sessions: All of them: generation id, session id, ``opened_at_ms``.
            addresses: Of their other ends, by generation id.
            touched: Identities of which something younger than this list is known.
        """
        now_ms = self._now_ms()
        told = {
            GenerationId(generation_id): Holding(
                gateway, session_id, min(opened_at_ms, now_ms), (addresses or {}).get(generation_id, "")
            )
            for generation_id, session_id, opened_at_ms in sessions
            if generation_id not in touched
        }
        now = self._clock.now()
        for generation_id in list(self._of_gateway.get(gateway, ())):
            if generation_id not in told and generation_id not in touched:
                self._leave(generation_id, self._sessions[generation_id], now, NOT_REPORTED)
        for generation_id, holding in told.items():
            if self._sessions.get(generation_id) != holding and self._hold(generation_id, holding):
                self._note(
                    PresenceChange(
                        generation_id=generation_id,
                        is_connected=True,
                        gateway=gateway,
                        changed_at=self._moment(holding.opened_at_ms),
                    )
                )

    def settle(self, *, is_settled: bool) -> None:
        """Take note of whether every gateway has told all of its sessions."""
        if is_settled and not self._is_settled:
            self._is_settled = True
            for generation_id in list(self._waiters):
                self._wake(generation_id)
        self._is_settled = is_settled

    # --- inside -------------------------------------------------------------------------------------------------

    def _hold(self, generation_id: GenerationId, holding: Holding) -> bool:
        """Enter a session; ``False`` when an identity's present one is younger, or there is no room."""
        former = self._sessions.get(generation_id)
        if former is not None:
            # What one gateway says comes in order; between two the later one holds, as they decide it themselves.
            if former.gateway != holding.gateway and former.order > holding.order:
                return False
            self._of_gateway[former.gateway].discard(generation_id)
        elif len(self._sessions) >= self._settings.sessions:
            if not self._is_over_full:
                log.error("more sessions than are remembered", extra={"limit": self._settings.sessions})
                self._is_over_full = True
            return False
        self._sessions[generation_id] = holding
        self._of_gateway[holding.gateway].add(generation_id)
        if former is not None and former.session_id != holding.session_id:
            self._tell_ended(generation_id, former)
        self._wake(generation_id)
        return True

    def _leave(self, generation_id: GenerationId, holding: Holding, at: datetime, reason: str) -> None:
        del self._sessions[generation_id]
        self._is_over_full = False
        of_gateway = self._of_gateway[holding.gateway]
        of_gateway.discard(generation_id)
        if not of_gateway:
            del self._of_gateway[holding.gateway]
        self._note(
            PresenceChange(
                generation_id=generation_id, is_connected=False, gateway=holding.gateway, changed_at=at, reason=reason
            )
        )
        self._tell_ended(generation_id, holding)

    def _tell_ended(self, generation_id: GenerationId, holding: Holding) -> None:
        for listener in self._ended:
            listener(generation_id, holding)

    async def _wait_news(self, generation_id: GenerationId, timeout_s: float) -> None:
        news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiters = self._waiters.setdefault(generation_id, set())
        waiters.add(news)
        try:
            async with asyncio.timeout(timeout_s):
                await news
        except TimeoutError:
            return
        finally:
            waiters.discard(news)
            if not waiters and self._waiters.get(generation_id) is waiters:
                del self._waiters[generation_id]

    def _wake(self, generation_id: GenerationId) -> None:
        for news in self._waiters.get(generation_id, ()):
            if not news.done():
                news.set_result(None)

    def _now_ms(self) -> int:
        return int(self._clock.now().timestamp() * _MILLISECONDS)

    def _moment(self, unix_ms: int) -> datetime:
        """Return a gateway's time, which is never later than ours: its clock may be ahead."""
        now = self._clock.now()
        if not 0 <= unix_ms <= now.timestamp() * _MILLISECONDS:
            return now
        return datetime.fromtimestamp(unix_ms / _MILLISECONDS, UTC)
