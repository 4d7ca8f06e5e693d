"""One connection, driven by hand."""

from __future__ import annotations

import asyncio

import pytest
from recorded_transport import RecordedTransport
from waiting import until

from vedette.bus.errors import BusRefused, BusUnavailable, RemoteProtocolError
from vedette.bus.link import Link
from vedette.bus.wire import Message, Parser, ServerInfo

pytestmark = pytest.mark.anyio

BOUND = 100


class Driven:
    """A link, its transport, and what it told."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.errors: list[str] = []
        self.infos: list[ServerInfo] = []
        self.transport = RecordedTransport()
        self.link = Link(
            parser=Parser(),
            on_message=self.messages.append,
            on_error=self.errors.append,
            on_info=self.infos.append,
            max_pending_bytes=BOUND,
        )
        self.link.connection_made(self.transport)


async def _tick() -> None:
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def _until_nothing_waits(link: Link) -> None:
    async with asyncio.timeout(60):
        while link.pending_bytes:  # noqa: ASYNC110 - a link tells nobody
            await asyncio.sleep(0.001)


async def test_frames_of_one_tick_leave_in_one_write_and_in_order() -> None:
    driven = Driven()
    driven.link.write(b"one")
    driven.link.write(b"two")
    assert driven.transport.taken() == b""
    await _tick()
    assert driven.transport.taken() == b"onetwo"
    assert driven.link.pending_bytes == 0


async def test_frame_that_may_wait_leaves_with_the_next_that_may_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vedette.bus.link._PATIENCE_S", 600.0)
    driven = Driven()
    driven.link.write(b"one", may_wait=True)
    await _tick()
    assert driven.transport.taken() == b""
    driven.link.write(b"two")
    await _tick()
    assert driven.transport.taken() == b"onetwo"


async def test_frame_that_may_wait_leaves_alone_when_nothing_else_comes() -> None:
    driven = Driven()
    for frame in (b"one", b"two"):
        driven.link.write(frame, may_wait=True)
        await _until_nothing_waits(driven.link)
        assert driven.transport.taken() == frame


async def test_frames_that_may_wait_do_not_pile_up() -> None:
    driven = Driven()
    driven.link.write_accounted(b"x" * 70_000, may_wait=True)
    await _tick()
    assert len(driven.transport.taken()) == 70_000


async def test_what_may_wait_is_written_before_the_connection_is_closed() -> None:
    driven = Driven()
    driven.link.write(b"one", may_wait=True)
    driven.link.close()
    assert driven.transport.taken() == b"one"
    await asyncio.sleep(0.01)
    assert driven.transport.taken() == b""


async def test_buffer_is_taken_at_its_bound_and_refused_above() -> None:
    driven = Driven()
    driven.link.pause_writing()
    driven.link.write(b"x" * BOUND)
    with pytest.raises(BusUnavailable):
        driven.link.write(b"x")
    await _tick()
    assert driven.transport.taken() == b""
    driven.link.resume_writing()
    assert driven.transport.taken() == b"x" * BOUND
    driven.link.write(b"x")


async def test_long_backlog_leaves_in_portions_while_the_transport_takes_them() -> None:
    driven = Driven()
    driven.link.pause_writing()
    for _ in range(5):
        driven.link.write_accounted(b"x" * 600_000)
    driven.link.resume_writing()
    assert len(driven.transport.taken()) == 3_000_000
    assert driven.link.pending_bytes == 0


async def test_ping_is_answered() -> None:
    driven = Driven()
    driven.link.data_received(b"PING\r\n")
    await _tick()
    assert driven.transport.taken() == b"PONG\r\n"


async def test_pongs_answer_probes_in_order_and_a_pong_too_many_does_nothing() -> None:
    driven, answered = Driven(), []
    driven.link.probe(lambda: answered.append(1))
    driven.link.probe(lambda: answered.append(2))
    driven.link.data_received(b"PONG\r\n")
    assert answered == [1]
    driven.link.data_received(b"PONG\r\nPONG\r\n")
    assert answered == [1, 2]


async def test_probes_are_bounded() -> None:
    driven = Driven()
    for _ in range(1024):
        driven.link.probe(lambda: None)
    with pytest.raises(BusUnavailable):
        driven.link.probe(lambda: None)


async def test_late_answer_to_a_health_probe_ends_the_connection() -> None:
    driven = Driven()
    driven.link.keep_probing(interval_s=0.0, timeout_s=0.0)
    await until(lambda: driven.transport.was_aborted)
    assert "PING" in driven.link.failure.detail


async def test_nonsense_ends_the_connection_and_says_why() -> None:
    driven = Driven()
    driven.link.data_received(b"HELO\r\n")
    assert driven.transport.was_aborted
    driven.link.connection_lost(None)
    assert isinstance(driven.link.failure, RemoteProtocolError)
    assert driven.link.closed.done()
    with pytest.raises(RemoteProtocolError):
        await driven.link.receive_first_info()


@pytest.mark.parametrize("text", ["Authorization Violation", "Authentication Timeout", "Authentication Expired"])
async def test_refusal_of_the_credentials_is_told_apart_from_a_loss(text: str) -> None:
    driven = Driven()
    driven.link.data_received(b"-ERR '%b'\r\n" % text.encode())
    driven.link.connection_lost(None)
    assert isinstance(driven.link.failure, BusRefused)
    assert driven.errors == [text]


async def test_later_info_replaces_the_first() -> None:
    driven = Driven()
    driven.link.data_received(b'INFO {"max_payload":5}\r\n')
    assert (await driven.link.receive_first_info()).max_payload == 5
    driven.link.data_received(b'INFO {"max_payload":7,"ldm":true}\r\n')
    assert driven.link.info.max_payload == 7
    assert [info.ldm for info in driven.infos] == [True]


async def test_clear_text_behind_the_first_info_is_no_start_of_tls() -> None:
    driven = Driven()
    driven.link.data_received(b'INFO {"tls_required":true}\r\nMSG injected')
    with pytest.raises(RemoteProtocolError):
        await driven.link.start_tls(None, "localhost")  # type: ignore[arg-type] # refused before it is used


async def test_nothing_is_written_after_the_end() -> None:
    driven = Driven()
    driven.link.close()
    driven.transport.taken()
    driven.link.write(b"late")
    await _tick()
    assert driven.transport.taken() == b""
    driven.link.connection_lost(OSError())
    assert driven.link.pending_bytes == 0
