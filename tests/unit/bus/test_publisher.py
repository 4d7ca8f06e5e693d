"""The messages that wait for their stream, with answers that a healthy server does not give."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from recorded_transport import RecordedTransport

from vedette.bus import BusTimeout, BusUnavailable, InvalidSubject, PayloadTooLarge, PublishAck, PublishRefused
from vedette.bus.link import Link
from vedette.bus.publisher import MAX_DEADLINE_S, Publisher, PublishResult, refused_publish
from vedette.bus.wire import Message, Parser
from vedette.simulation import ManualClock

pytestmark = pytest.mark.anyio


class Driven:
    """A publisher on a link whose other end is this test."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.outcomes: list[PublishResult] = []
        self.publisher = Publisher(inbox=b"_INBOX_t.n.p.", clock=self.clock, max_pending=3, max_pending_bytes=1_000)
        self.transport = self.connect()

    def connect(self, *, max_payload: int = 1_000) -> RecordedTransport:
        self.transport = RecordedTransport()
        link = Link(
            parser=Parser(),
            on_message=self.publisher.take_reply,
            on_error=lambda _: None,
            on_info=lambda _: None,
            max_pending_bytes=1_000,
        )
        link.connection_made(self.transport)
        link.data_received(b'INFO {"max_payload":%d}\r\n' % max_payload)
        self.publisher.attach(link)
        return self.transport

    def publish(self, msg_id: str = "m", payload: bytes = b"x", deadline_s: float = 5.0) -> None:
        self.publisher.publish(
            "telemetry.o.g", payload, stream="S", msg_id=msg_id, deadline_s=deadline_s, on_done=self.outcomes.append
        )

    def answer(self, payload: bytes, *, token: int = 0, headers: bytes = b"") -> None:
        self.publisher.take_reply(Message(f"_INBOX_t.n.p.{token}", 2, "", headers, payload))

    async def sent(self) -> int:
        await asyncio.sleep(0)
        return self.transport.taken().count(b"HPUB telemetry.o.g _INBOX_t.n.p.")

    def sweep(self, after_s: float = 0.0) -> None:
        self.clock.advance(timedelta(seconds=after_s))
        self.publisher._sweep()


async def test_acknowledgement_ends_the_waiting_once() -> None:
    driven = Driven()
    driven.publish()
    assert await driven.sent() == 1
    driven.answer(b'{"stream":"S","seq":4,"duplicate":true}')
    driven.answer(b'{"stream":"S","seq":5}')
    assert driven.outcomes == [PublishAck("S", 4, is_duplicate=True)]
    assert driven.publisher.pending == 0


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"\xff",
        b'{"stream":"\xff","seq":1}',
        b"[" * 10_000,
        b"{}",
        b'{"stream":"S"}',
        b'{"stream":"S","seq":0}',
        b'{"stream":"S","seq":-1}',
        b'{"stream":"OTHER","seq":1}',
        b'{"error":{"code":400,"err_code":10060,"description":"expected stream does not match"}}',
        b'{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"}}',
    ],
)
async def test_answer_that_is_no_acknowledgement_is_a_refusal(payload: bytes) -> None:
    driven = Driven()
    driven.publish()
    driven.answer(payload)
    assert [type(outcome) for outcome in driven.outcomes] == [PublishRefused]


@pytest.mark.parametrize(
    ("payload", "headers"),
    [
        (b"", b"NATS/1.0 503\r\n\r\n"),
        (b'{"error":{"code":503,"err_code":10008,"description":"temporarily unavailable"}}', b""),
        (b'{"error":{"code":429,"err_code":10167,"description":"too many requests"}}', b""),
        (b'{"error":{"code":409,"err_code":10158,"description":"duplicate in process"}}', b""),
    ],
    ids=["no responders", "no leader", "too many requests", "duplicate in process"],
)
async def test_what_may_heal_is_sent_again_until_the_deadline(payload: bytes, headers: bytes) -> None:
    driven = Driven()
    driven.publish()
    assert await driven.sent() == 1
    driven.answer(payload, headers=headers)
    assert driven.outcomes == []
    driven.sweep(1)
    assert await driven.sent() == 1
    driven.sweep(1)
    assert await driven.sent() == 0, "it was sent again once; its answer is awaited"
    driven.sweep(4)
    assert [type(outcome) for outcome in driven.outcomes] == [BusTimeout]


async def test_deadline_is_kept_to_the_point() -> None:
    driven = Driven()
    driven.publish(deadline_s=5.0)
    driven.sweep(4.9)
    assert driven.outcomes == []
    driven.sweep(0.1)
    assert [type(outcome) for outcome in driven.outcomes] == [BusTimeout]


async def test_everything_is_sent_again_in_order_on_the_next_connection() -> None:
    driven = Driven()
    driven.publish("m1")
    driven.publisher.detach()
    driven.publish("m2")
    driven.connect()
    await asyncio.sleep(0)
    written = driven.transport.taken()
    assert 0 < written.index(b"Nats-Msg-Id: m1\r\n") < written.index(b"Nats-Msg-Id: m2\r\n")
    driven.answer(b'{"stream":"S","seq":1}', token=1)
    assert driven.publisher.pending == 1


async def test_message_the_next_server_would_close_the_connection_over_is_given_up() -> None:
    driven = Driven()
    driven.publish(payload=b"x" * 500)
    driven.publisher.detach()
    driven.connect(max_payload=300)
    assert [type(outcome) for outcome in driven.outcomes] == [PayloadTooLarge]
    assert await driven.sent() == 0


async def test_count_and_size_are_bounded() -> None:
    driven = Driven()
    for number in range(3):
        driven.publish(f"m{number}")
    with pytest.raises(BusUnavailable):
        driven.publish("m4")
    driven.answer(b'{"stream":"S","seq":1}')
    driven.publish("m4", payload=b"x" * 500)
    driven.answer(b'{"stream":"S","seq":2}', token=1)
    with pytest.raises(BusUnavailable):
        driven.publish("m5", payload=b"x" * 500)


async def test_close_answers_everyone() -> None:
    driven = Driven()
    driven.publish()
    driven.publisher.close(BusUnavailable("closed"))
    assert [type(outcome) for outcome in driven.outcomes] == [BusUnavailable]
    driven.answer(b'{"stream":"S","seq":1}')
    assert len(driven.outcomes) == 1


async def test_refused_subject_fails_what_waits_there() -> None:
    driven = Driven()
    driven.publish()
    driven.publisher.refuse("telemetry.o.other", refused_publish("telemetry.o.other"))
    assert driven.outcomes == []
    driven.publisher.refuse("telemetry.o.g", refused_publish("telemetry.o.g"))
    assert len(driven.outcomes) == 1


@pytest.mark.parametrize("msg_id", ["", "a\r\nb", "é", "x" * 129])
async def test_message_id_that_could_break_out_is_refused(msg_id: str) -> None:
    driven = Driven()
    with pytest.raises(InvalidSubject):
        driven.publish(msg_id)


@pytest.mark.parametrize("deadline_s", [0, -1, MAX_DEADLINE_S + 0.1])
async def test_deadline_beyond_the_duplicate_window_is_refused(deadline_s: float) -> None:
    driven = Driven()
    with pytest.raises(ValueError, match="deadline_s"):
        driven.publish(deadline_s=deadline_s)
    driven.publish(deadline_s=MAX_DEADLINE_S)


async def test_answer_to_nothing_is_ignored() -> None:
    driven = Driven()
    for subject in (
        "_INBOX_t.n.p.9",
        "_INBOX_t.n.p.",
        "_INBOX_t.n.p.x",
        "_INBOX_t.n.p.-1",
        "_INBOX_t.n.p.²",
        "_INBOX_t.n.p." + "9" * 5_000,
    ):
        driven.publisher.take_reply(Message(subject, 2, "", b"", b'{"stream":"S","seq":1}'))
    assert driven.outcomes == []
