"""The posture record: what a section knows, and that every section has an owner and a meaning when unknown."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from posture import NOW, make_record, section

from vedette.trust import SECTION_OWNERS, UNKNOWN_MEANS, PostureRecord

SECTIONS = {
    name
    for name in PostureRecord.__struct_fields__
    if isinstance(getattr(make_record(location=section("health", None)), name), msgspec.Struct)
}


def test_every_section_names_its_owner_and_what_unknown_means() -> None:
    assert set(SECTION_OWNERS) == set(UNKNOWN_MEANS) == SECTIONS


@pytest.mark.parametrize(
    ("case", "age", "is_known"),
    [("before its end", timedelta(seconds=-1), True), ("at its end", timedelta(), False)],
)
def test_a_section_is_known_until_its_end(case: str, age: timedelta, is_known: bool) -> None:  # noqa: FBT001 - a table
    assert (section("registry", "value", expires_at=NOW).known(NOW + age) == "value") is is_known


def test_a_record_survives_its_encoding() -> None:
    raw = msgspec.msgpack.encode(make_record())
    assert msgspec.msgpack.decode(raw, type=PostureRecord) == make_record()
