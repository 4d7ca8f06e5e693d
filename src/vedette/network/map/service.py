"""Maps for whoever asks: drawn beside the event loop, one at a time, and kept while the inventory stays the same."""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Final

import msgspec

from vedette.kernel import Clock, OrganizationId
from vedette.network.map import map_repository
from vedette.network.map.errors import MapNotReady
from vedette.network.map.model import MapQuery
from vedette.network.map.picture import Picture
from vedette.network.map.reading import AlertMark, read_picture
from vedette.network.map.scene import draw
from vedette.store import Store

# Tells the open alerts of assets.
AlertsOf = Callable[[OrganizationId], Awaitable[Mapping[str, AlertMark]]]

KEPT_BYTES_MAX: Final = 24 * 1024 * 1024
KEPT_MAX: Final = 64
WAITING_MAX: Final = 32
WAIT_S: Final = 20.0
_IDLE_S: Final = 600.0
_LOOK_S: Final = 1.0
# A large inventory changes all the time: a tenth of the time, at most, goes into drawing it.
_SHARE: Final = 10.0
_CHEAP_S: Final = 0.1
_STALE_S: Final = 60.0
# Not every change shows in what tells one state from another: an old capture may only say what an asset is.
_TRUSTED_S: Final = 120.0
_encoder: Final = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class DrawnMap:
    """A map as JSON.

    Attributes:
        etag: Another as soon as the map is.
        is_stale: The inventory may have changed since; ``refresh`` looks.
    """

    body: bytes
    etag: str
    is_stale: bool = False


@dataclass(frozen=True, slots=True)
class _Kept:
    drawn: DrawnMap
    version: int
    at_s: float


class MapService:
    """Draws maps.

    Maps are answered from what is kept. One that may be out of date is answered once more where drawing takes long; one
    that nobody has asked for in a while is waited for.

    Args:
        organization_id: Whose networks these are.
        store: Of the inventory.
        alerts_of: Tells which assets have open alerts.
        clock: Source of time.
    """

    def __init__(
        self, organization_id: OrganizationId, store: Store, *, alerts_of: AlertsOf | None = None, clock: Clock
    ) -> None:
        self._organization_id = organization_id
        self._store = store
        self._alerts_of = alerts_of
        self._clock = clock
        self._lock = asyncio.Lock()
        self._waiting = 0
        self._kept: OrderedDict[MapQuery, _Kept] = OrderedDict()
        self._kept_bytes = 0
        self._picture: Picture | None = None
        self._mark: tuple[Any, ...] = ()  # Any: what tells one state of the inventory from another
        self._version = 0
        self._looked_at_s = -math.inf
        self._read_at_s = -math.inf
        self._cost_s = 0.0
        self._idle: asyncio.TimerHandle | None = None

    async def get(self, query: MapQuery) -> DrawnMap:
        """Return a map.

        Raises:
            MapNotReady: It takes too long, or too many ask for different ones.
        """
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(_IDLE_S, self._forget)
        kept = self._kept.get(query)
        if kept is not None:
            self._kept.move_to_end(query)
            if self._is_fresh(kept):
                return kept.drawn
            if self._cost_s > _CHEAP_S and self._clock.monotonic_s() - kept.at_s < _STALE_S:
                return replace(kept.drawn, is_stale=True)
        return await self.refresh(query)

    async def refresh(self, query: MapQuery) -> DrawnMap:
        """Return a map as the inventory is now, or was a moment ago.

        Raises:
            MapNotReady: It takes too long, or too many ask for different ones.
        """
        if self._waiting >= WAITING_MAX:
            raise MapNotReady("too many maps are being drawn", hint="ask again in a few seconds")
        self._waiting += 1
        try:
            async with asyncio.timeout(WAIT_S), self._lock:
                kept = self._kept.get(query)
                if kept is not None and self._is_fresh(kept):
                    return kept.drawn
                picture = await self._look()
                kept = self._kept.get(query)
                if kept is not None and kept.version == self._version:
                    return kept.drawn
                drawn = await asyncio.to_thread(_write, picture, query)
                self._keep(query, drawn)
                return drawn
        except TimeoutError as error:
            raise MapNotReady(f"the map was not drawn within {WAIT_S:.0f} s", hint="ask again, or for less") from error
        finally:
            self._waiting -= 1

    def _is_fresh(self, kept: _Kept) -> bool:
        return kept.version == self._version and self._clock.monotonic_s() < self._next_look_s()

    async def _look(self) -> Picture:
        """Return the inventory as it is; read anew only where it changed, and not too often."""
        now = self._clock.monotonic_s()
        previous = self._picture
        if previous is not None and now < self._next_look_s():
            return previous
        marks = {} if self._alerts_of is None else dict(await self._alerts_of(self._organization_id))

        def read(connection: Any) -> tuple[tuple[Any, ...], Picture]:  # Any: a connection; column values
            mark = (*map_repository.read_version(connection, self._organization_id), tuple(sorted(marks.items())))
            if mark == self._mark and previous is not None and now < self._read_at_s + _TRUSTED_S:
                return mark, previous
            picture = read_picture(connection, self._organization_id, marks, previous)
            picture.keep_layouts()
            return mark, picture

        mark, picture = await self._store.read(read)
        self._looked_at_s = self._clock.monotonic_s()
        if picture is not previous:
            self._read_at_s, self._cost_s = now, self._looked_at_s - now
            self._mark, self._picture = mark, picture
            self._version += 1
        return picture

    def _next_look_s(self) -> float:
        return self._looked_at_s + max(_LOOK_S, self._cost_s * _SHARE)

    def _keep(self, query: MapQuery, drawn: DrawnMap) -> None:
        former = self._kept.pop(query, None)
        self._kept_bytes += len(drawn.body) - (len(former.drawn.body) if former is not None else 0)
        self._kept[query] = _Kept(drawn, self._version, self._clock.monotonic_s())
        while self._kept_bytes > KEPT_BYTES_MAX or len(self._kept) > KEPT_MAX:
            _, oldest = self._kept.popitem(last=False)
            self._kept_bytes -= len(oldest.drawn.body)

    def _forget(self) -> None:
        """Give back the memory of maps that nobody looks at; where things stood is kept."""
        self._kept.clear()
        self._kept_bytes = 0
        if self._picture is not None:
            self._picture.forget_links()
            self._mark = ()
            self._looked_at_s = -math.inf


def _write(picture: Picture, query: MapQuery) -> DrawnMap:
    body = _encoder.encode(draw(picture, query))
    return DrawnMap(body, f'"{blake2b(body, digest_size=12).hexdigest()}"')
