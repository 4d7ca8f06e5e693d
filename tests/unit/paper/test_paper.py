"""Reports on paper, drawn from hostile text."""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.paper import Column, Paper, Section, Table
from vedette.paper.capture import PARTS, capture_csv, capture_paper, rows_of
from vedette.paper.drawing import draw, printable
from vedette.paper.letters import letters_for

AT = "2026-11-22T10:00:00.000Z"
HOSTILE = "=cmd() \u202egpj.exe <b>&amp; \x00\x1b[31m Ж (\\) %PDF-1.7 endstream endobj"


def paper(*rows: list[str], left_out: int = 0) -> Paper:
    table = Table([Column("what", 3), Column("times")], list(rows), left_out)
    return Paper("Report", AT, [("Of", "a test")], [Section("Rows", table=table)], "All: vedette")


def said(pdf: bytes) -> str:
    """Return what a PDF shows, as far as a test must know: the text operators of its pages."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    plain = b"".join(zlib.decompress(each) for each in streams if each[:1] == b"x")
    return " ".join(part.decode("latin-1") for part in re.findall(rb"\((.*?)\) Tj", plain))


def test_the_same_paper_gives_the_same_bytes_and_says_what_it_is() -> None:
    one, other = draw(paper(["stop", "3"])), draw(paper(["stop", "3"]))
    assert one == other
    assert one.startswith(b"%PDF-")
    assert b"/Lang (en)" in one
    assert b"/Title" in one
    assert b"/Outlines" in one
    assert "stop" in said(one)


def test_text_of_strangers_is_text_on_paper() -> None:
    shown = said(draw(paper([HOSTILE, "1"])))
    assert "\\\\u202e" in shown
    assert "\\\\u0416" in shown
    assert "\\\\x1b" in shown
    assert printable("Ж\u202e\x00é…") == "\\u0416\\u202e\\x00é..."


def test_a_long_table_says_how_many_rows_it_left_out_and_repeats_its_heads() -> None:
    shown = said(draw(paper(*([f"row {number}", "1"] for number in range(1_200)), left_out=5)))
    assert "row 999" in shown
    assert "row 1000" not in shown
    assert "205 more are not printed" in shown
    assert shown.count("what") > 10


def test_letters_are_printed_where_the_system_has_a_font_for_them() -> None:
    foreign = paper(["Дюйм Łódź 泵 שלום \u202e\u0301", "1"])
    assert letters_for(paper(["pump é", "1"])) is None
    assert letters_for(foreign, fonts=[(Path("/nowhere.ttf"), Path(__file__))]) is None
    letters = letters_for(foreign)
    if letters is None:
        pytest.skip("no font is installed: apt-get install fonts-dejavu-core")
    assert letters.extra >= set("Дюйм")
    assert not letters.extra & set("שלום\u202e\u0301")
    assert printable("Дюж \u202e שלום", extra=letters.extra) == "Дю\\u0436 \\u202e \\u05e9\\u05dc\\u05d5\\u05dd"
    one, other = draw(foreign, letters), draw(foreign, letters)
    assert one == other
    assert b"/FontFile2" in one
    assert b"/ToUnicode" in one
    assert draw(paper(["pump", "1"]), None) == draw(paper(["pump", "1"]))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.text(max_size=700), min_size=2, max_size=2), max_size=6))
def test_no_text_breaks_a_paper(rows: list[list[str]]) -> None:
    drawn = paper(*rows)
    assert draw(drawn).rstrip().endswith(b"%%EOF")
    assert draw(drawn, letters_for(drawn)).rstrip().endswith(b"%%EOF")


def report() -> dict[str, Any]:
    link = {
        "client": "10.0.0.1", "server": "10.0.0.2", "transport": "tcp", "port": 502, "protocol": "modbus",
        "certainty": "confirmed", "flows": 1, "packets": 2, "bytes": 3, "first_at": AT, "last_at": AT,
    }  # fmt: skip
    return {
        "capture": {
            "packets": 2, "bytes": 3, "first_at": AT, "last_at": AT, "packets_dropped": 1, "damage": "cut",
            "sha256": "0" * 64,
        },
        "not_parsed": {"stream_holes": 2},
        "left_out": {"links": 7},
        "assets": [
            {"ip_addresses": ["10.0.0.1"], "mac_addresses": [], "attributes": {"name": [{"value": HOSTILE}]}}
        ],
        "alerts": [
            {"at": AT, "severity": "high", "title": "=stop", "source": "10.0.0.1", "target": "", "technique": "T0858",
             "times": 1}
        ],
        "vulnerabilities": [
            {"asset": 1, "address": "10.0.0.1", "name": "CVE-2026-1", "title": "t", "score": None, "certainty": "maybe",
             "product": "p", "versions": "v"}
        ],
        "protocols": [link],
        "operations": [{"protocol": "modbus", "kind": "read", "service": "read_coils", "times": 1}],
        "links": [link],
        "external_connections": [link],
        "anomalies": [{"protocol": "modbus", "kind": "malformed", "times": 1, "examples": ["a", "b"]}],
    }  # fmt: skip


def test_every_section_of_a_capture_is_printed_and_exported() -> None:
    found = report()
    shown = said(draw(capture_paper(found, name=HOSTILE, at=AT)))
    for words in ("CVE-2026-1", "T0858", "read_coils", "read up to there: cut", "stream holes: 2"):
        assert words in shown
    for part in PARTS:
        head, *lines = "".join(capture_csv(found, part)).splitlines()
        assert len(lines) == 1
        assert all(len(row) == len(head.split(",")) for row in rows_of(found, part))
    assert '"\'=stop"' in "".join(capture_csv(found, "alerts"))
