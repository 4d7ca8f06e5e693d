"""The HTTP request that opens a WebSocket, and every other one."""

from __future__ import annotations

from itertools import pairwise

import pytest
from cpu_time import least_cpu_s
from hypothesis import given
from hypothesis import strategies as st

from vedette.gateway.websocket_handshake import MAX_HEAD_BYTES, Answer, Handshake

HEADERS = {
    "Host": "localhost:443",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Origin": "https://localhost:443",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-Websocket-Protocol": "mqtt",
}
PATH = "/$iothub/websocket"


def request(first: str = f"GET {PATH} HTTP/1.1", *more: str, **changes: str | None) -> bytes:
    """Write a request; an underscore in a changed header's name stands for a dash, ``None`` leaves it out."""
    changed = {name.replace("_", "-").lower(): value for name, value in changes.items()}
    headers = [
        f"{name}: {changed.get(name.lower(), value)}"
        for name, value in HEADERS.items()
        if changed.get(name.lower(), value) is not None
    ]
    return "\r\n".join([first, *headers, *more, "", ""]).encode("latin-1")


def answer(data: bytes) -> Answer:
    found = Handshake().receive(data)
    assert found is not None
    return found


def test_request_of_the_python_sdk_is_accepted() -> None:
    found = answer(request())
    assert found.is_accepted
    assert found.response == (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n"
    )
    assert found.rest == b""


ACCEPTED = {
    "an encoded dollar": request("GET /%24iothub/websocket HTTP/1.1"),
    "a query": request(f"GET {PATH}?iothub-no-client-cert=true HTTP/1.1"),
    "deflate on offer, which is declined": request(
        f"GET {PATH} HTTP/1.1", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"
    ),
    "several subprotocols": request(sec_websocket_protocol="amqp, mqtt"),
    "several tokens of connection": request(connection="keep-alive, Upgrade"),
    "another origin": request(origin="https://example.com"),
    "no origin": request(origin=None),
    "another case": request(upgrade="WebSocket", connection="upgrade"),
    "a body of no bytes": request(f"GET {PATH} HTTP/1.1", "Content-Length: 0"),
    "a host that is no name": request(host="xn--\xff"),
}


@pytest.mark.parametrize("data", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_request_is_accepted_with(data: bytes) -> None:
    found = answer(data)
    assert found.is_accepted, found.detail
    assert b"Extensions" not in found.response


REFUSED = {
    "another path": (request("GET / HTTP/1.1"), 404),
    "a longer path": (request(f"GET {PATH}/x HTTP/1.1"), 404),
    "a path with dots": (request("GET /x/../$iothub/websocket HTTP/1.1"), 404),
    "a whole address": (request(f"GET https://localhost{PATH} HTTP/1.1"), 404),
    "a proxy's request": (request("CONNECT localhost:443 HTTP/1.1"), 404),
    "another method": (request(f"POST {PATH} HTTP/1.1"), 405),
    "a body": (request(f"GET {PATH} HTTP/1.1", "Content-Length: 5") + b"hello", 400),
    "a chunked body": (request(f"GET {PATH} HTTP/1.1", "Transfer-Encoding: chunked") + b"0\r\n\r\n", 400),
    "two lengths": (request(f"GET {PATH} HTTP/1.1", "Content-Length: 0", "Content-Length: 5"), 400),
    "a length and chunks": (
        request(f"GET {PATH} HTTP/1.1", "Content-Length: 0", "Transfer-Encoding: chunked"),
        400,
    ),
    "two hosts": (request(f"GET {PATH} HTTP/1.1", "Host: other"), 400),
    "two keys": (request(f"GET {PATH} HTTP/1.1", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="), 400),
    "no host": (request(host=None), 400),
    "no upgrade": (request(upgrade=None), 426),
    "an upgrade to something else": (request(upgrade="h2c"), 426),
    "a connection that stays": (request(connection="keep-alive"), 426),
    "no version": (request(sec_websocket_version=None), 426),
    "an old version": (request(sec_websocket_version="8"), 426),
    "no key": (request(sec_websocket_key=None), 400),
    "a key that is too short": (request(sec_websocket_key="AAAA"), 400),
    "a key that is not base64": (request(sec_websocket_key="!" * 24), 400),
    "no subprotocol": (request(sec_websocket_protocol=None), 400),
    "another subprotocol": (request(sec_websocket_protocol="amqp"), 400),
    "HTTP/1.0": (request(f"GET {PATH} HTTP/1.0"), 400),
    "a line that is folded": (request(f"GET {PATH} HTTP/1.1", "X-A: b", " c", "X-\x0b: d"), 400),
    "a space before a colon": (request(f"GET {PATH} HTTP/1.1", "Content-Length : 5"), 400),
    "a byte 0 in a value": (request(origin="a\0b"), 400),
    "no HTTP at all": (b"\x10\x10\x00\x04MQTT\r\n\r\n", 400),
    "the preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 404),
    "too many headers": (request(f"GET {PATH} HTTP/1.1", *(f"X-{n}: y" for n in range(64))), 431),
    "headers that are too long": (request(origin="x" * MAX_HEAD_BYTES), 431),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_request_is_refused_with(case: tuple[bytes, int]) -> None:
    data, status = case
    found = answer(data)
    assert not found.is_accepted
    assert found.detail
    head, _, body = found.response.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"\r\nConnection: close" in head
    assert b"\r\nContent-Length: %d" % len(body) in head
    assert found.rest == b""


def test_refusal_names_the_version_and_method_that_would_do() -> None:
    assert b"Sec-WebSocket-Version: 13" in answer(request(sec_websocket_version="8")).response
    assert b"Allow: GET" in answer(request(f"POST {PATH} HTTP/1.1")).response


def test_head_at_the_limit_passes_and_one_more_byte_is_refused() -> None:
    spare = MAX_HEAD_BYTES - len(request(origin=""))
    assert answer(request(origin="x" * spare)).is_accepted
    assert not answer(request(origin="x" * (spare + 1))).is_accepted


def test_what_a_hasty_client_sends_behind_its_request_is_kept() -> None:
    assert answer(request() + b"\x82\x80abcd").rest == b"\x82\x80abcd"
    assert answer(request() + b"x" * 20_000).rest == b"x" * 20_000


@given(st.lists(st.integers(0, 400), max_size=6))
def test_request_in_pieces_is_the_same_request(cuts: list[int]) -> None:
    data = request()
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    pieces = [data[start:stop] for start, stop in pairwise(edges) if start < stop]
    handshake = Handshake()
    answers = [handshake.receive(piece) for piece in pieces]
    assert answers[:-1] == [None] * (len(answers) - 1)
    assert answers[-1] is not None
    assert answers[-1].is_accepted


@given(st.binary(max_size=400))
def test_any_bytes_are_a_request_or_refused(data: bytes) -> None:
    for bytes_of in (data, request() + data, data + request()):
        handshake = Handshake()
        found = handshake.receive(bytes_of) if bytes_of else None
        assert found is None or found.response.startswith(b"HTTP/1.1 ")


@pytest.mark.parametrize("host", ["xn--" + "9" * 7_000, "xn--" + "a" * 7_000 + "-b", "." * 7_000])
def test_hostile_host_name_costs_no_time(host: str) -> None:
    # Measured below 1 ms; a decoder whose time grows with the square needs seconds.
    assert least_cpu_s(lambda: answer(request(host=host)), enough_s=0.05) < 0.05
