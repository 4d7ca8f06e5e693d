"""What ends with time, tried with a clock that is moved by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import Request
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response

from vedette.api import ApiSettings, Authenticator, Sessions, build_api, build_router, digest_of
from vedette.api.authentication import LINK_LIFETIME
from vedette.api.errors import TooManyFailures, Unauthenticated
from vedette.api.idempotency import ABANDONED_AFTER, KEPT_FOR
from vedette.api.schema import api_router
from vedette.kernel import OrganizationId, RandomIds
from vedette.simulation import ManualClock
from vedette.store import Store

ORGANIZATION = OrganizationId("org_00000000000000000000000000")
TOKEN = "vedette_operator_secret"
LIFETIME = timedelta(hours=12)


class Door:
    """The layers of the door before one route that counts its calls."""

    def __init__(self, store: Store, clock: ManualClock) -> None:
        self.clock = clock
        self.calls = 0
        self.answer: Callable[[], Awaitable[Response]] = self._count
        self.sessions = Sessions(store, ORGANIZATION, clock=clock, ids=RandomIds(clock), lifetime=LIFETIME)
        self.authenticator = Authenticator(
            digest_of(TOKEN), self.sessions, clock=clock, failures_per_minute=3, is_tls=False
        )
        router = api_router("test", "/v1")
        router.add_api_route("/count", self.serve, methods=["POST", "GET"])
        app = build_api(
            ApiSettings(url="http://localhost", hostnames=("localhost",), is_tls=False),
            build_router("1", [router]),
            authenticator=self.authenticator,
            store=store,
            organization_id=ORGANIZATION,
            clock=clock,
        )
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False),
            base_url="http://localhost",
            headers={"Authorization": f"Bearer {TOKEN}"},
        )

    async def serve(self) -> Response:
        return await self.answer()

    async def _count(self) -> Response:
        self.calls += 1
        return JSONResponse({"calls": self.calls}, 201)

    async def post(self, key: str) -> httpx.Response:
        return await self.client.post("/v1/count", headers={"Idempotency-Key": key})

    def scope(self, **headers: str) -> dict[str, object]:
        raw = Headers(headers).raw
        return {"type": "http", "method": "GET", "path": "/", "headers": raw, "client": ("192.0.2.1", 1)}


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    clock = ManualClock()
    url = f"sqlite:///{tmp_path / 'door.db'}"
    store = await asyncio.to_thread(Store.open, url, clock=clock, reserve_bytes=0)
    await asyncio.to_thread(store.migrate)
    yield Door(store, clock)
    await store.close()


@pytest.mark.anyio
async def test_an_answer_is_kept_for_a_day_and_no_longer(door: Door) -> None:
    assert (await door.post("k")).json() == {"calls": 1}
    door.clock.advance(KEPT_FOR - timedelta(seconds=1))
    assert (await door.post("k")).json() == {"calls": 1}
    door.clock.advance(timedelta(seconds=2))
    assert (await door.post("k")).json() == {"calls": 2}


@pytest.mark.anyio
async def test_a_request_that_failed_on_our_side_may_be_repeated(door: Door) -> None:
    async def fail() -> Response:
        raise RuntimeError("a fault of ours")

    door.answer = fail
    failed = await door.post("k")
    assert (failed.status_code, failed.json()["code"]) == (500, "api.fault")
    assert "a fault of ours" not in failed.text
    door.answer = door._count
    assert (await door.post("k")).json() == {"calls": 1}


@pytest.mark.anyio
async def test_a_request_cut_off_by_a_crash_may_be_repeated_after_a_while(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def forget(*_: object) -> None:
        """Crash before the answer is kept."""

    with monkeypatch.context() as patched:
        patched.setattr("vedette.api.idempotency.IdempotentPosts._finish", forget)
        assert (await door.post("k")).status_code == 201
    waiting = await door.post("k")
    assert (waiting.status_code, waiting.json()["code"]) == (409, "api.request_in_progress")
    door.clock.advance(ABANDONED_AFTER)
    assert (await door.post("k")).json() == {"calls": 2}


@pytest.mark.anyio
async def test_only_posts_are_kept(door: Door) -> None:
    for expected in (1, 2):
        answer = await door.client.get("/v1/count", headers={"Idempotency-Key": "k"})
        assert answer.json() == {"calls": expected}


@pytest.mark.anyio
async def test_a_link_is_good_once_and_for_an_hour(door: Door) -> None:
    used, _ = await door.sessions.make_link()
    late, lifetime = await door.sessions.make_link()
    assert lifetime == LINK_LIFETIME
    assert await door.sessions.begin(used) is not None
    assert await door.sessions.begin(used) is None
    door.clock.advance(LINK_LIFETIME)
    assert await door.sessions.begin(late) is None
    for nonsense in ("", "x", "x" * 257):
        assert await door.sessions.begin(nonsense) is None


@pytest.mark.anyio
async def test_a_session_ends_with_time_or_when_asked(door: Door) -> None:
    link, _ = await door.sessions.make_link()
    token = await door.sessions.begin(link)
    assert token is not None
    assert await door.sessions.lasts(token)
    door.clock.advance(LIFETIME - timedelta(seconds=1))
    assert await door.sessions.lasts(token)
    door.clock.advance(timedelta(seconds=1))
    assert not await door.sessions.lasts(token)

    second = await door.sessions.begin((await door.sessions.make_link())[0])
    assert second is not None
    await door.sessions.end(second)
    assert not await door.sessions.lasts(second)


@pytest.mark.anyio
async def test_failures_are_forgotten_after_a_minute_and_never_lock_out(door: Door) -> None:
    async def problem_of(token: str) -> type[Exception] | None:
        try:
            await door.authenticator.authenticate(door.scope(authorization=f"Bearer {token}"))
        except (Unauthenticated, TooManyFailures) as problem:
            return type(problem)
        return None

    told = [await problem_of("wrong") for _ in range(5)]
    assert told == [Unauthenticated] * 3 + [TooManyFailures] * 2
    assert await problem_of(TOKEN) is None
    door.clock.advance(timedelta(seconds=61))
    assert await problem_of("wrong") is Unauthenticated


@pytest.mark.anyio
async def test_a_route_that_does_not_ask_who_calls_is_refused_when_it_is_built() -> None:
    from fastapi import APIRouter

    async def careless(request: Request) -> str:
        return request.url.path

    router = APIRouter()
    router.add_api_route("/v1/careless", careless, methods=["GET"])
    with pytest.raises(TypeError, match="does not ask who calls"):
        build_router("1", [router])
