"""Symmetric keys: what an operator may bring along, and that a value is shown on purpose only."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest

from vedette.kernel import OrganizationId
from vedette.pki import InvalidSymmetricKey, KeySlot, NewKey, NewKeys, SymmetricKey, parse_symmetric_key

KEY = SymmetricKey(
    organization_id=OrganizationId("org_0123456789abcdefghijklmnop"),
    key_id="key_1",
    owner_id="dev_1",
    slot=KeySlot.PRIMARY,
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    expires_at=datetime(2026, 4, 1, tzinfo=UTC),
)


@pytest.mark.parametrize("length", [16, 32, 64])
def test_a_key_of_fitting_length_is_taken(length: int) -> None:
    assert parse_symmetric_key(base64.b64encode(b"k" * length).decode()) == b"k" * length


@pytest.mark.parametrize(
    ("case", "text"),
    [
        ("too short", base64.b64encode(b"k" * 15).decode()),
        ("too long", base64.b64encode(b"k" * 65).decode()),
        ("empty", ""),
        ("not base64", "key key key key key key!"),
        ("not ASCII", "ключ" * 8),
        ("much too long", "A" * 100_000),
        ("without its padding", base64.b64encode(b"k" * 32).decode().rstrip("=")),
    ],
)
def test_any_other_text_is_refused(case: str, text: str) -> None:
    with pytest.raises(InvalidSymmetricKey):
        parse_symmetric_key(text)


def test_a_value_is_shown_on_purpose_only() -> None:
    new = NewKey(KEY, b"secret" * 4)
    assert new.to_base64() == base64.b64encode(b"secret" * 4).decode()
    assert "secret" not in repr(NewKeys((new,)))
    assert NewKeys((new,)).in_slot(KeySlot.PRIMARY) is new
    assert NewKeys((new,)).in_slot(KeySlot.SECONDARY) is None
