"""The parser and the frames of the NATS protocol."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.bus.errors import InvalidSubject, RemoteProtocolError
from vedette.bus.wire import (
    Event,
    Message,
    Ok,
    Parser,
    Ping,
    Pong,
    ServerError,
    ServerInfo,
    check_subject,
    encode_connect,
    encode_headers,
    encode_publish,
    encode_subscribe,
    encode_unsubscribe,
    parse_headers,
)

# The examples of the protocol's reference page, and each operation once.
VECTORS: dict[str, tuple[bytes, list[Event]]] = {
    "ping": (b"PING\r\n", [Ping()]),
    "pong": (b"PONG\r\n", [Pong()]),
    "ok": (b"+OK\r\n", [Ok()]),
    "lower case": (b"ping\r\n", [Ping()]),
    "error": (b"-ERR 'Unknown Protocol Operation'\r\n", [ServerError("Unknown Protocol Operation")]),
    "info": (
        b'INFO {"server_id":"X","version":"2.15.1","max_payload":1024,"nonce":"n","new_field":[1]}\r\n',
        [ServerInfo(server_id="X", version="2.15.1", max_payload=1024, nonce="n")],
    ),
    "message": (b"MSG FOO.BAR 9 11\r\nHello World\r\n", [Message("FOO.BAR", 9, "", b"", b"Hello World")]),
    "message with reply": (
        b"MSG FOO.BAR 9 GREETING.34 11\r\nHello World\r\n",
        [Message("FOO.BAR", 9, "GREETING.34", b"", b"Hello World")],
    ),
    "empty message": (b"MSG a 1 0\r\n\r\n", [Message("a", 1, "", b"", b"")]),
    "message with line ends": (b"MSG a 1 4\r\n\r\n\r\n\r\n", [Message("a", 1, "", b"", b"\r\n\r\n")]),
    "headers": (
        b"HMSG FOO.BAR 9 34 45\r\nNATS/1.0\r\nFoodGroup: vegetable\r\n\r\nHello World\r\n",
        [Message("FOO.BAR", 9, "", b"NATS/1.0\r\nFoodGroup: vegetable\r\n\r\n", b"Hello World")],
    ),
    "headers with reply": (
        b"HMSG FOO.BAR 9 BAZ.69 12 12\r\nNATS/1.0\r\n\r\n\r\n",
        [Message("FOO.BAR", 9, "BAZ.69", b"NATS/1.0\r\n\r\n", b"")],
    ),
    "no responders": (
        b"HMSG _INBOX.1 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n",
        [Message("_INBOX.1", 1, "", b"NATS/1.0 503\r\n\r\n", b"")],
    ),
}

MALFORMED: dict[str, bytes] = {
    "unknown operation": b"GET / HTTP/1.1\r\n",
    "empty line": b"\r\n",
    "bare line feed": b"PING\n" + b"x" * 40_000,
    "message without size": b"MSG a 1\r\n",
    "message with too many fields": b"MSG a 1 r 3 4\r\nabc\r\n",
    "negative size": b"MSG a 1 -1\r\n",
    "size with underscore": b"MSG a 1 1_0\r\n0123456789\r\n",
    "size that is no number": b"MSG a 1 x\r\n",
    "size of a thousand digits": b"MSG a 1 " + b"9" * 1000 + b"\r\n",
    "sid that is no number": b"MSG a b 1\r\nx\r\n",
    "payload longer than its size": b"MSG a 1 1\r\nxy\r\n",
    "payload without line end": b"MSG a 1 1\r\nxPING\r\n",
    "header block larger than the message": b"HMSG a 1 13 12\r\nNATS/1.0\r\n\r\n\r\n",
    "header block without version": b"HMSG a 1 12 12\r\nHTTP/1.0\r\n\r\n\r\n",
    "header block without its end": b"HMSG a 1 10 10\r\nNATS/1.0\r\n\r\n",
    "subject that is not UTF-8": b"MSG \xff 1 1\r\nx\r\n",
    "info that is no JSON": b"INFO {\r\n",
    "info with a wrong type": b'INFO {"max_payload":"big"}\r\n',
}


def _feed(parser: Parser, pieces: list[bytes]) -> list[Event]:
    return [event for piece in pieces for event in parser.receive(piece)]


@pytest.mark.parametrize("name", VECTORS)
def test_vector_is_parsed(name: str) -> None:
    received, events = VECTORS[name]
    assert Parser().receive(received) == events


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_input_is_an_error_and_stays_one(name: str) -> None:
    parser = Parser()
    with pytest.raises(RemoteProtocolError):
        parser.receive(MALFORMED[name])
    with pytest.raises(RemoteProtocolError):
        parser.receive(b"PING\r\n")


@given(
    st.lists(st.sampled_from(sorted(VECTORS)), max_size=6),
    st.lists(st.integers(min_value=1, max_value=40), max_size=30),
)
def test_where_the_bytes_are_split_does_not_matter(names: list[str], sizes: list[int]) -> None:
    whole = b"".join(VECTORS[name][0] for name in names)
    expected = [event for name in names for event in VECTORS[name][1]]
    parser, events, position = Parser(), [], 0
    for size in [*sizes, len(whole) + 1]:
        events += parser.receive(whole[position : position + size])
        position += size
    assert events == expected
    assert parser.held_bytes == 0


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_input_is_found_byte_by_byte_too(name: str) -> None:
    with pytest.raises(RemoteProtocolError):
        _feed(Parser(), [bytes([number]) for number in MALFORMED[name]])


@given(st.binary(max_size=300))
def test_any_bytes_give_events_or_an_error_within_the_bounds(noise: bytes) -> None:
    parser = Parser(max_line_bytes=64, max_payload_bytes=128)
    with contextlib.suppress(RemoteProtocolError):
        for start in range(0, len(noise), 7):
            parser.receive(noise[start : start + 7])
            assert parser.held_bytes <= 64 + 2 + 128 + 2 + 7


@pytest.mark.parametrize("is_split", [False, True], ids=["in one piece", "split"])
def test_control_line_is_taken_at_its_limit_and_refused_above(is_split: bool) -> None:  # noqa: FBT001 - a parameter of the table
    def feed(line: bytes) -> list[Event]:
        pieces = [line[:60], line[60:], b"\r", b"\n"] if is_split else [line + b"\r\n"]
        return _feed(Parser(max_line_bytes=100), pieces)

    assert feed(b"-ERR " + b"x" * 95) == [ServerError("x" * 95)]
    with pytest.raises(RemoteProtocolError):
        feed(b"-ERR " + b"x" * 96)


def test_endless_control_line_is_refused_while_it_comes() -> None:
    with pytest.raises(RemoteProtocolError):
        _feed(Parser(max_line_bytes=100), [b"x" * 10] * 12)


def test_payload_is_taken_at_its_limit_and_refused_above_before_it_comes() -> None:
    assert Parser(max_payload_bytes=5).receive(b"MSG a 1 5\r\n12345\r\n") == [Message("a", 1, "", b"", b"12345")]
    with pytest.raises(RemoteProtocolError):
        Parser(max_payload_bytes=5).receive(b"MSG a 1 6\r\n")
    with pytest.raises(RemoteProtocolError):
        Parser(max_payload_bytes=13).receive(b"HMSG a 1 12 14\r\n")


def test_large_message_in_small_pieces_costs_linear_time() -> None:
    parser, size = Parser(), 4_000_000
    events = parser.receive(b"MSG a 1 %d\r\n" % size)
    for _ in range(size // 1000):
        events += parser.receive(b"x" * 1000)
    assert not events
    assert parser.receive(b"\r\n") == [Message("a", 1, "", b"", b"x" * size)]


NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=":"), min_size=1, max_size=20)
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40).map(str.strip)
SUBJECTS = st.from_regex(r"[A-Za-z0-9$_-]{1,12}(\.[A-Za-z0-9$_-]{1,12}){0,4}", fullmatch=True)


@given(SUBJECTS, SUBJECTS, st.dictionaries(NAMES, VALUES, max_size=5), st.binary(max_size=200))
def test_what_is_published_comes_back_as_it_was(
    subject: str, reply: str, headers: dict[str, str], payload: bytes
) -> None:
    frame = encode_publish(check_subject(subject), payload, reply=check_subject(reply), headers=encode_headers(headers))
    # The server repeats the line of a publish with the sid of the subscription in it.
    line, _, rest = frame.partition(b"\r\n")
    operation, to, answer, *sizes = line.split(b" ")
    delivered = b" ".join([{b"PUB": b"MSG", b"HPUB": b"HMSG"}[operation], to, b"7", answer, *sizes]) + b"\r\n" + rest
    (message,) = Parser().receive(delivered)
    assert isinstance(message, Message)
    assert (message.subject, message.sid, message.reply, message.payload) == (subject, 7, reply, payload)
    if headers:
        assert parse_headers(message.headers) == list(headers.items())


def test_headers_are_found_by_name_without_case() -> None:
    message = Message("a", 1, "", b"NATS/1.0\r\nNats-Msg-Id: 7\r\nA: b: c\r\n\r\n", b"")
    assert message.header("nats-msg-id") == "7"
    assert message.header("a") == "b: c"
    assert message.header("missing") is None
    assert message.status == 0
    assert Message("a", 1, "", b"NATS/1.0 408 Request Timeout\r\n\r\n", b"").status == 408
    assert Message("a", 1, "", b"", b"").header("a") is None


@pytest.mark.parametrize(
    "block",
    [b"NATS/1.0\r\nno colon\r\n\r\n", b"NATS/1.0\r\n: no name\r\n\r\n", b"NATS/1.0\r\na: \xff\r\n\r\n"],
    ids=["no colon", "no name", "not UTF-8"],
)
def test_malformed_headers_are_refused(block: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        parse_headers(block)


def test_header_fields_are_taken_at_their_limit_and_refused_above() -> None:
    block = b"NATS/1.0\r\n" + b"a: b\r\n" * 4 + b"\r\n"
    assert len(parse_headers(block, max_fields=4)) == 4
    with pytest.raises(RemoteProtocolError):
        parse_headers(block, max_fields=3)


@pytest.mark.parametrize(
    "subject",
    ["", ".", "a.", ".a", "a..b", "a b", "a\r\nPING", "a\tb", "é", "a.*", "a.>", "x" * 1025],
)
def test_subject_that_could_break_out_is_refused(subject: str) -> None:
    with pytest.raises(InvalidSubject):
        check_subject(subject)
    with pytest.raises(InvalidSubject):
        check_subject(subject.encode())


def test_subject_of_the_longest_length_is_taken() -> None:
    assert check_subject("x" * 1024) == b"x" * 1024
    assert check_subject("$KV.posture.*.>", is_pattern=True) == b"$KV.posture.*.>"


@pytest.mark.parametrize(
    "fields", [{"a": "b\r\nc: d"}, {"a\r\n": "b"}, {"": "b"}, {"a:b": "c"}, {"a b": "c"}, {"a": "é"}]
)
def test_header_that_could_break_out_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(InvalidSubject):
        encode_headers(fields)


def test_frames_are_the_protocols_examples() -> None:
    assert encode_publish(b"FOO", b"Hello NATS!") == b"PUB FOO 11\r\nHello NATS!\r\n"
    assert encode_publish(b"FRONT.DOOR", b"Knock Knock", reply=b"JOKE.22") == (
        b"PUB FRONT.DOOR JOKE.22 11\r\nKnock Knock\r\n"
    )
    assert encode_publish(b"NOTIFY", b"", reply=b"") == b"PUB NOTIFY 0\r\n\r\n"
    assert encode_publish(b"FOO", b"Hello NATS!", headers=b"Bar: Baz\r\n") == (
        b"HPUB FOO 22 33\r\nNATS/1.0\r\nBar: Baz\r\n\r\nHello NATS!\r\n"
    )
    assert encode_subscribe(b"FOO", 1) == b"SUB FOO 1\r\n"
    assert encode_subscribe(b"BAR", 44, queue=b"G1") == b"SUB BAR G1 44\r\n"
    assert encode_unsubscribe(1) == b"UNSUB 1\r\n"
    assert encode_connect({"verbose": False}) == b'CONNECT {"verbose":false}\r\n'
