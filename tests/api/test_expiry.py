"""What ends with time, tried with a clock that is moved by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from door_desk import desk_of
from fastapi import Request
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response

from vedette.api import ApiSettings, Authenticator, build_api, build_router
from vedette.api.authentication import TOKEN_ACTOR, UNATTENDED
from vedette.api.errors import TooManyFailures, Unauthenticated
from vedette.api.idempotency import ABANDONED_AFTER, KEPT_FOR
from vedette.api.operation_actions import About, Operation
from vedette.api.schema import api_router
from vedette.kernel import OrganizationId, RandomIds
from vedette.ledger import Ledger
from vedette.operators import Action, Client, Logins, SessionService, SessionSettings, digest_of
from vedette.simulation import ManualClock
from vedette.store import Store, StoreFull

ORGANIZATION = OrganizationId("org_00000000000000000000000000")
TOKEN = "vedette_operator_secret"

OPERATIONS = {
    "GET /v1/count": Operation(Action.OWN),
    "POST /v1/count": Operation(Action.OWN),
    "POST /v1/devices/{device_id}/methods/{name}": Operation(Action.COMMAND, About.DEVICE),
}


class Door:
    """The layers of the door before one route that counts its calls."""

    def __init__(self, store: Store, clock: ManualClock) -> None:
        self.clock = clock
        self.calls = 0
        self.answer: Callable[[], Awaitable[Response]] = self._count
        ids = RandomIds(clock)
        ledger = Ledger(store, clock=clock, ids=ids)
        logins = Logins(ledger, clock=clock, ids=ids, settings=SessionSettings())
        self.sessions = SessionService(store, ledger, logins, clock=clock, ids=ids)
        self.authenticator = Authenticator(
            digest_of(TOKEN), self.sessions, ORGANIZATION, clock=clock, failures_per_minute=3, is_tls=False
        )
        router = api_router("test", "/v1")
        router.add_api_route("/count", self.serve, methods=["POST", "GET"])
        router.add_api_route("/devices/{device_id}/methods/{name}", self.serve, methods=["POST"])
        self.app = build_api(
            ApiSettings(url="http://localhost", hostnames=("localhost",), is_tls=False),
            build_router("1", [router]),
            authenticator=self.authenticator,
            desk=desk_of(ORGANIZATION, store, ledger, clock, operations=OPERATIONS),
            store=store,
            organization_id=ORGANIZATION,
            clock=clock,
        )
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, raise_app_exceptions=False),
            base_url="http://localhost",
            headers={"Authorization": f"Bearer {TOKEN}"},
        )

    async def serve(self) -> Response:
        return await self.answer()

    async def _count(self) -> Response:
        self.calls += 1
        return JSONResponse({"calls": self.calls}, 201)

    async def post(self, key: str, path: str = "/v1/count") -> httpx.Response:
        return await self.client.post(path, headers={"Idempotency-Key": key})

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
async def test_a_method_that_is_still_awaited_is_not_called_twice(door: Door) -> None:
    path = "/v1/devices/pump-7/methods/start"
    called, answered = asyncio.Event(), asyncio.Event()

    async def wait() -> Response:
        called.set()
        await answered.wait()
        return await door._count()

    door.answer = wait
    call = asyncio.create_task(door.post("k", path))
    await called.wait()
    door.clock.advance(timedelta(minutes=10))
    again = await door.post("k", path)
    assert (again.status_code, again.json()["code"]) == (409, "api.request_in_progress")
    answered.set()
    assert (await call).json() == {"calls": 1}


@pytest.mark.anyio
async def test_only_posts_are_kept(door: Door) -> None:
    for expected in (1, 2):
        answer = await door.client.get("/v1/count", headers={"Idempotency-Key": "k"})
        assert answer.json() == {"calls": expected}


async def log_in(door: Door) -> httpx.AsyncClient:
    """Return a browser that followed a one-time link."""
    link = await door.sessions.make_link(ORGANIZATION, actor=TOKEN_ACTOR)
    begun = await door.sessions.begin_by_link(ORGANIZATION, link.token, client=Client("Test/1.0", "127.0.0.1"))
    cookies = {door.authenticator.cookies.session_name: begun.token}
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(door.app),
        base_url="http://localhost",
        cookies=cookies,
        headers={"User-Agent": "Test/1.0"},
    )


@pytest.mark.anyio
@pytest.mark.parametrize("headers", [{}, {UNATTENDED: "1"}], ids=["somebody is there", "a page asks by itself"])
async def test_only_whoever_is_there_keeps_a_session_alive(door: Door, headers: dict[str, str]) -> None:
    async with await log_in(door) as browser:
        for _ in range(2):
            door.clock.advance(timedelta(minutes=20))
            answer = await browser.get("/v1/count", headers=headers)
        assert answer.status_code == (401 if headers else 201)


@pytest.mark.anyio
async def test_a_failing_database_keeps_nobody_from_looking(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise StoreFull("the disk is full")

    async with await log_in(door) as browser:
        door.clock.advance(timedelta(minutes=5))
        monkeypatch.setattr(Store, "write", fail)
        assert (await browser.get("/v1/count")).status_code == 201


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
