"""Where a delivered message stands, read from the server's reply subject."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from vedette.bus.pull import Place

EXPECTED = Place("c1", 12, 7, datetime(2026, 11, 22, 10, 0, 0, 123456, tzinfo=UTC), 3)
STAMP = 1_795_341_600_123_456_789


@pytest.mark.parametrize(
    "reply",
    [
        f"$JS.ACK.S.c1.1.12.7.{STAMP}.3",
        f"$JS.ACK.hub.ACCOUNT.S.c1.1.12.7.{STAMP}.3",
        f"$JS.ACK._.ACCOUNT.S.c1.1.12.7.{STAMP}.3.token",
    ],
    ids=["short", "with domain", "with token"],
)
def test_place_is_read_in_each_form(reply: str) -> None:
    assert Place.parse(reply) == EXPECTED


@pytest.mark.parametrize("reply", ["", "$JS.ACK", "$JS.ACK.S.c.1.2.3.4", "a.b.S.c.1.2.3.4.5", "$JS.ACK.S.c.1.x.3.4.5"])
def test_what_is_no_place_is_none(reply: str) -> None:
    assert Place.parse(reply) is None
