"""Fuzz TLS and HTTP as the sensor reads them."""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect import torture
from vedette.sensor.dissect.http import Http
from vedette.sensor.dissect.tls import Tls

_HELLO: Final = (
    bytes.fromhex("0303")
    + bytes(32)
    + bytes.fromhex("00 0004 1301 c02b 01 00 0017")
    + bytes.fromhex("0000 000a 0008 00 0005 612e622e63 002b 0005 04 0304 0303")
)

SEEDS: Final = (
    bytes.fromhex("160301") + (len(_HELLO) + 4).to_bytes(2, "big") + b"\1" + len(_HELLO).to_bytes(3, "big") + _HELLO,
    bytes.fromhex("160303 002c 02 000028 0303") + bytes(32) + bytes.fromhex("00 c02f 00 0000 1403030001 01"),
    bytes.fromhex("160303 0010 0b 00000c 000009 000006 308203a03082 15030300020228"),
    b"GET /a?password=b HTTP/1.1\r\nHost: c\r\nAuthorization: Basic YTpi\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nServer: x\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b'HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm="cam"\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 204 No\r\n\r\n',
    (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n<root xmlns='urn:schemas-upnp-org:device-1-0'>"
        b"<friendlyName>a</friendlyName><modelName>b &amp; c</modelName><serviceList></serviceList>"
    ),
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 30\r\n\r\n<title>A camera</title></html>",
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as both."""
    torture(Tls, data)
    torture(Http, data)
