from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from starlette.types import Message

from vedette.api.errors import TooManyStreams
from vedette.api.streams import StreamLimit
from vedette.simulation import ManualClock

SCOPE = {"type": "http", "method": "GET", "path": "/", "headers": [], "asgi": {"spec_version": "2.3"}}


async def events() -> AsyncIterator[bytes | None]:
    while True:
        await asyncio.sleep(0)
        yield b"data: 1\n\n"


async def gone() -> Message:
    return {"type": "http.disconnect"}


async def send_slowly(_: Message) -> None:
    await asyncio.sleep(0)


@pytest.mark.anyio
async def test_a_peer_that_is_gone_before_the_first_byte_gives_its_place_back() -> None:
    limit = StreamLimit(ManualClock(), most=1)
    for _ in range(3):
        await limit.respond(events())(SCOPE, gone, send_slowly)


@pytest.mark.anyio
async def test_streams_above_the_limit_are_refused() -> None:
    limit = StreamLimit(ManualClock(), most=1)
    limit.respond(events())
    with pytest.raises(TooManyStreams):
        limit.respond(events())
