"""Presence: a batch is condensed to one storable change per identity."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from vedette.kernel import GenerationId
from vedette.registry import PresenceChange
from vedette.registry.presence import CLIENT_MAX_CHARS, condense

AT = datetime(2026, 11, 22, tzinfo=UTC)


def change(generation: str = "dev_1", *, is_connected: bool = True, **values: Any) -> PresenceChange:
    given_values = {"gateway": "gateway-1", "changed_at": AT, **values}
    return PresenceChange(generation_id=GenerationId(generation), is_connected=is_connected, **given_values)


def test_the_last_change_counts_and_keeps_what_an_earlier_one_knew() -> None:
    left = change(is_connected=False, changed_at=AT + timedelta(seconds=1), reason="keep_alive")
    condensed = condense([change(remote_address="::1", protocol="MQTT 5.0", client="c"), change("dev_2"), left])
    assert condensed == [
        change(
            is_connected=False,
            changed_at=AT + timedelta(seconds=1),
            reason="keep_alive",
            remote_address="::1",
            protocol="MQTT 5.0",
            client="c",
        ),
        change("dev_2"),
    ]


@given(st.text(max_size=600))
def test_text_from_outside_becomes_storable(text: str) -> None:
    (condensed,) = condense([change(client=text, remote_address=text, reason=text, protocol=text, gateway=text)])
    assert len(condensed.client) <= CLIENT_MAX_CHARS
    assert "\0" not in condensed.client
    condensed.client.encode()
    if text.isprintable() and text.isascii() and len(text) <= 32:
        assert condensed.protocol == text
