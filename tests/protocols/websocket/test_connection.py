"""WebSocket frames: RFC 6455's examples, its rules, and a second implementation."""

from __future__ import annotations

import itertools
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection
from wsproto.events import Ping as TheirPing
from wsproto.events import Pong as TheirPong

from vedette.protocols import LocalProtocolError, RemoteProtocolError
from vedette.protocols.websocket import (
    Close,
    CloseCode,
    Data,
    Event,
    Limits,
    Ping,
    Pong,
    Role,
    WebSocketConnection,
    accept_token,
)
from vedette.protocols.websocket.frames import apply_mask, encode_header

MASK = bytes.fromhex("37fa213d")


def server(limits: Limits | None = None) -> WebSocketConnection:
    return WebSocketConnection(Role.SERVER, limits or Limits())


def client() -> WebSocketConnection:
    masks = itertools.cycle([MASK, b"\0\0\0\0", b"\xff\1\2\3"])
    return WebSocketConnection(Role.CLIENT, Limits(), new_mask=lambda: next(masks))


def frame(first: int, payload: bytes = b"", mask: bytes = MASK) -> bytes:
    header = bytearray(encode_header(first & 0x0F, len(payload), mask))
    header[0] = first
    return bytes(header) + (apply_mask(payload, mask) if mask else payload)


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(edge % (len(data) + 1) for edge in cuts), len(data)]
    return [data[start:stop] for start, stop in pairwise(edges)]


def stream(events: list[Event]) -> bytes:
    return b"".join(event.payload for event in events if isinstance(event, Data))


def test_token_of_the_standards_example() -> None:
    assert accept_token(b"dGhlIHNhbXBsZSBub25jZQ==") == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455 §1.3


def test_masked_hello_of_the_standard_is_read_by_a_server() -> None:
    data = bytes.fromhex("82 85 37fa213d 7f9f4d5158")  # RFC 6455 §5.7, as binary
    assert server().receive(data) == [Data(b"Hello")]


def test_fragmented_hello_of_the_standard_is_read_by_a_client() -> None:
    data = bytes.fromhex("02 03 48656c 80 02 6c6f")  # RFC 6455 §5.7, as binary
    assert client().receive(data) == [Data(b"Hel"), Data(b"lo")]


def test_ping_of_the_standard_is_answered_with_its_body() -> None:
    side = client()
    assert side.receive(bytes.fromhex("89 05 48656c6c6f")) == [Ping(b"Hello")]
    assert side.bytes_to_send() == bytes.fromhex("8a 85 37fa213d 7f9f4d5158")  # RFC 6455 §5.7


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 70_000])
def test_every_length_form_survives_the_round_trip(size: int) -> None:
    payload = bytes(range(256)) * (size // 256 + 1)
    for sender, receiver in ((client(), server()), (server(), client())):
        sender.send(payload[:size])
        data = sender.bytes_to_send()
        assert stream(receiver.receive(data)) == payload[:size]
        assert receiver.held_bytes == 0
        assert (data == b"") == (size == 0)


BROKEN = {
    "a frame without a mask": (b"\x82\x01a", CloseCode.PROTOCOL_ERROR),
    "a reserved bit": (frame(0xC2, b"a"), CloseCode.PROTOCOL_ERROR),
    "a reserved opcode": (frame(0x83, b"a"), CloseCode.PROTOCOL_ERROR),
    "a reserved control opcode": (frame(0x8B), CloseCode.PROTOCOL_ERROR),
    "text": (frame(0x81, b"a"), CloseCode.UNSUPPORTED_DATA),
    "a ping in parts": (frame(0x09, b"a"), CloseCode.PROTOCOL_ERROR),
    "a ping that is too long": (b"\x89\xfe\x00\x7e", CloseCode.PROTOCOL_ERROR),
    "a continuation of nothing": (frame(0x80, b"a"), CloseCode.PROTOCOL_ERROR),
    "a message within another": (frame(0x02, b"a") + frame(0x82, b"b"), CloseCode.PROTOCOL_ERROR),
    "two bytes of length for a short frame": (b"\x82\xfe\x00\x7d", CloseCode.PROTOCOL_ERROR),
    "eight bytes of length for a middling frame": (b"\x82\xff" + (65_535).to_bytes(8, "big"), CloseCode.PROTOCOL_ERROR),
    "a length with its highest bit": (b"\x82\xff" + (1 << 63).to_bytes(8, "big"), CloseCode.MESSAGE_TOO_BIG),
    "a close with half a code": (frame(0x88, b"\x03"), CloseCode.PROTOCOL_ERROR),
    "a close with a code that is never sent": (frame(0x88, b"\x03\xed"), CloseCode.PROTOCOL_ERROR),
    "a close with a reason that is not UTF-8": (frame(0x88, b"\x03\xe8\xff"), CloseCode.PROTOCOL_ERROR),
}


@pytest.mark.parametrize("case", BROKEN.values(), ids=BROKEN.keys())
def test_broken_frame_closes_with_its_code(case: tuple[bytes, CloseCode]) -> None:
    data, code = case
    side = server()
    with pytest.raises(RemoteProtocolError):
        side.receive(data)
    assert side.is_closed
    assert side.bytes_to_send() == b""
    side.close()
    assert side.bytes_to_send() == b"\x88\x02" + code.to_bytes(2, "big")
    assert side.receive(frame(0x82, b"a")) == []


def test_client_takes_no_masked_frame() -> None:
    with pytest.raises(RemoteProtocolError):
        client().receive(frame(0x82, b"a"))


def test_frame_at_the_limit_passes_and_one_more_byte_closes() -> None:
    limits = Limits(max_frame_bytes=200)
    assert stream(server(limits).receive(frame(0x82, b"x" * 200))) == b"x" * 200
    side = server(limits)
    with pytest.raises(RemoteProtocolError, match="limit of 200"):
        side.receive(frame(0x82, b"x" * 201)[:8])
    side.close()
    assert side.bytes_to_send() == b"\x88\x02\x03\xf1"


def test_closing_peer_is_answered_and_heard_no_more() -> None:
    side = server()
    assert side.receive(frame(0x88, b"\x03\xe8bye") + frame(0x82, b"a")) == [Close(1000, "bye")]
    assert side.is_closed
    side.send(b"x")
    side.close()
    assert side.bytes_to_send() == b"\x88\x02\x03\xe8"


def test_close_without_a_code_is_answered_without_one() -> None:
    side = server()
    assert side.receive(frame(0x88)) == [Close(CloseCode.NO_STATUS, "")]
    assert side.bytes_to_send() == b"\x88\x00"


def test_side_that_closed_sends_nothing_more_and_still_hears() -> None:
    side = server()
    side.close()
    side.close()
    side.send(b"x")
    side.ping()
    assert side.bytes_to_send() == b"\x88\x02\x03\xe8"
    assert side.receive(frame(0x89, b"p") + frame(0x82, b"a")) == [Ping(b"p"), Data(b"a")]
    assert side.bytes_to_send() == b""
    assert side.receive(frame(0x88, b"\x03\xe8")) == [Close(1000, "")]
    assert side.bytes_to_send() == b""


def test_control_frames_may_stand_within_a_message() -> None:
    data = frame(0x02, b"a") + frame(0x8A, b"p") + frame(0x00, b"b") + frame(0x80, b"c")
    assert server().receive(data) == [Data(b"a"), Pong(b"p"), Data(b"b"), Data(b"c")]


def test_calls_that_make_no_sense_are_our_own_error() -> None:
    with pytest.raises(LocalProtocolError):
        server().ping(b"x" * 126)
    with pytest.raises(LocalProtocolError):
        WebSocketConnection(Role.CLIENT, Limits())
    with pytest.raises(LocalProtocolError):
        encode_header(0x2, 1, b"abc")


def test_payload_is_handed_on_as_it_arrives() -> None:
    side = server()
    data = frame(0x82, b"x" * 100_000)
    received = sum(len(stream(side.receive(bytes((byte,))))) for byte in data[:50_000])
    assert received == 50_000 - 14
    assert side.held_bytes == 0


@given(
    st.lists(st.tuples(st.binary(max_size=300), st.booleans(), st.sampled_from([None, 0x9, 0xA])), max_size=6),
    st.lists(st.integers(0, 5_000), max_size=10),
)
def test_stream_survives_however_it_is_framed_and_cut(
    parts: list[tuple[bytes, bool, int | None]], cuts: list[int]
) -> None:
    data, is_inside = b"", False
    for payload, is_final, control in parts:
        if control is not None:
            data += frame(0x80 | control, payload[:125])
        data += frame((0x80 if is_final else 0) | (0x0 if is_inside else 0x2), payload)
        is_inside = not is_final
    side = server()
    events = [event for piece in cut(data, cuts) for event in side.receive(piece)]
    assert stream(events) == b"".join(payload for payload, _, _ in parts)
    assert side.held_bytes == 0


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=4), st.sampled_from(Role))
@settings(max_examples=500)
def test_any_bytes_are_events_or_the_peers_error(data: bytes, cuts: list[int], role: Role) -> None:
    side = server() if role is Role.SERVER else client()
    try:
        for piece in cut(data, cuts):
            side.receive(piece)
            assert side.held_bytes <= 14 + 125
    except RemoteProtocolError:
        assert side.is_closed
        assert side.held_bytes == 0


@given(
    st.lists(st.one_of(st.binary(min_size=1, max_size=70_000), st.none()), max_size=5),
    st.lists(st.integers(0, 100_000), max_size=5),
)
def test_a_second_implementation_understands_us_and_we_it(messages: list[bytes | None], cuts: list[int]) -> None:
    theirs, ours = Connection(ConnectionType.CLIENT), server()
    sent = b"".join(
        theirs.send(TheirPing(b"p")) if message is None else theirs.send(BytesMessage(message)) for message in messages
    )
    expected = b"".join(message or b"" for message in messages)
    received = [event for piece in cut(sent, cuts) for event in ours.receive(piece)]
    assert stream(received) == expected
    for message in messages:
        if message is None:
            ours.ping(b"q")
        else:
            ours.send(message)
    ours.close()
    heard = bytearray()
    pongs = 0
    for piece in cut(ours.bytes_to_send(), cuts):
        theirs.receive_data(piece)
        for event in theirs.events():
            match event:
                case BytesMessage(data=data):
                    heard += data
                case TheirPong():
                    pongs += 1
                case CloseConnection(code=code):
                    assert code == CloseCode.NORMAL
    assert bytes(heard) == expected
    assert pongs == messages.count(None)
