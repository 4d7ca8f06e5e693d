from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.sensor import Attribute
from vedette.sensor.dissect import Trial, torture
from vedette.sensor.dissect.http import Http
from vedette.sensor.dissect.http_pages import PAGE_BYTES_MAX, Page, told_by

UPNP = b"""<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0"><device>
<deviceType>urn:Belkin:device:controllee:1</deviceType><friendlyName>Lamp &amp; Fan</friendlyName>
<manufacturer>Belkin International Inc.</manufacturer><modelName>Socket</modelName><modelNumber>1.0</modelNumber>
<serialNumber>221248K0102C92</serialNumber><firmwareVersion>WeMo_WW_2.00.2769</firmwareVersion>
<deviceList><device><modelName>Part</modelName></device></deviceList><serviceList></serviceList></device></root>"""
EXPECTED = {
    (Attribute.FINGERPRINT, "ssdp:urn:Belkin:device:controllee:1"),
    (Attribute.NAME, "Lamp & Fan"),
    (Attribute.VENDOR, "Belkin International Inc."),
    (Attribute.MODEL, "Socket"),
    (Attribute.PRODUCT_CODE, "1.0"),
    (Attribute.SERIAL, "221248K0102C92"),
    (Attribute.FIRMWARE, "WeMo_WW_2.00.2769"),
}


def served(body: bytes, kind: bytes, *, how: str = "length") -> list[bytes]:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: " + kind + b"\r\n"
    if how == "length":
        return [head + b"Content-Length: %d\r\n\r\n" % len(body), body]
    if how == "chunks":
        half = len(body) // 2
        chunks = b"".join(b"%x\r\n" % len(each) + each + b"\r\n" for each in (body[:half], body[half:]))
        return [head + b"Transfer-Encoding: chunked\r\n\r\n", chunks + b"0\r\n\r\n"]
    return [head + b"\r\n", body]


def evidence(said: list[bytes], cut: int) -> set[tuple[Attribute, str]]:
    trial = Trial(Http, port=80)
    trial.say(b"GET /setup.xml HTTP/1.1\r\nHost: a\r\n\r\n")
    whole = b"".join(said)
    for start in range(0, len(whole), cut):
        trial.answer(whole[start : start + cut])
    return {(piece.attribute, piece.value) for piece in trial.sink.evidence if piece.address == "10.0.0.2"}


@pytest.mark.parametrize("cut", [10_000, 100, 7])
@pytest.mark.parametrize("how", ["length", "chunks", "endless"])
def test_a_upnp_description_tells_who_a_device_is_however_it_is_cut(how: str, cut: int) -> None:
    assert evidence(served(UPNP, b"text/xml; charset=utf-8", how=how), cut) == EXPECTED


def test_the_title_of_a_page_describes_who_serves_it() -> None:
    assert evidence(served(b"<html><TITLE>IP Camera</title></html>", b"text/html"), 10_000) == {
        (Attribute.DESCRIPTION, "IP Camera")
    }


@pytest.mark.parametrize("title", [b"Index", b"", b"ab", b"Login"])
def test_a_title_that_says_nothing_tells_nothing(title: bytes) -> None:
    assert not evidence(served(b"<title>" + title + b"</title>", b"text/html"), 10_000)


def test_a_description_within_another_kind_of_content_is_passed_over() -> None:
    assert not evidence(served(UPNP, b"application/octet-stream"), 10_000)


def test_a_page_without_end_is_given_up_at_its_limit() -> None:
    page = Page(b"</title>")
    assert page.feed(b"x" * (PAGE_BYTES_MAX - 1)) is None
    assert page.feed(b"x") == b""


@given(st.binary(max_size=400))
def test_whatever_is_served_is_read_or_passed_over(body: bytes) -> None:
    for _, value, confidence, source in told_by(body):
        assert value
        assert source
        assert 0 < confidence < 100
    torture(Http, b"".join(served(body, b"text/html")))
