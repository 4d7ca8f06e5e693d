from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.ledger import Actor, Entry, Envelope, InvalidEntry, Record
from vedette.ledger.model import (
    ENTRY_BYTES_MAX,
    REASON_CHARS_MAX,
    TEXT_CHARS_MAX,
    PendingEntry,
)

AT = datetime(2026, 11, 22, 10, 0, 0, 123_456, tzinfo=UTC)
ACTOR = Actor("operator", "ops")


class DeviceDisabled(msgspec.Struct, frozen=True):
    name: ClassVar[str] = "registry.device_disabled"
    version: ClassVar[int] = 1
    organization_id: str
    generation_id: str
    reason: str = ""


def make(**changes: Any) -> Entry:
    values: dict[str, Any] = {"organization_id": "org_a", "actor": ACTOR, "action": "registry.disable_device"}
    return Entry(**{**values, "target": "dev_1", **changes})


def pending(entry: Entry, event: DeviceDisabled | None = None) -> PendingEntry:
    return PendingEntry(entry, at=AT, event=event, event_id="evt_1" if event else "")


def test_the_body_is_canonical_json() -> None:
    body = pending(make(details={"b": 1, "a": {"d": None, "c": "é"}})).body(7)
    assert body.decode() == (
        '{"action":"registry.disable_device","actor":{"id":"ops","kind":"operator"},"at":"2026-11-22T10:00:00.123Z",'
        '"decision":"allowed","details":{"a":{"c":"é","d":null},"b":1},"event":null,"organization_id":"org_a",'
        '"position":7,"reason":"","target":"dev_1","target_name":""}'
    )


def test_an_entry_reads_back_as_it_was_appended() -> None:
    entry = make(target_name="pump ☃ 7", decision="denied", reason="no \u202e", details={"limit": [1, 2.5, "x"]})
    record = msgspec.json.decode(pending(entry).body(3), type=Record)
    assert (record.position, record.at) == (3, "2026-11-22T10:00:00.123Z")
    for name in ("organization_id", "actor", "action", "target", "target_name", "decision", "reason", "details"):
        assert getattr(record, name) == getattr(entry, name)


def test_the_envelope_and_the_entry_name_each_other() -> None:
    event = DeviceDisabled("org_a", "dev_1", "stolen")
    waiting = pending(make(), event)
    encoded = waiting.envelope(9)
    assert encoded is not None
    envelope = msgspec.json.decode(encoded, type=Envelope)
    assert envelope == Envelope(
        "evt_1",
        "org_a",
        "registry.device_disabled",
        1,
        "2026-11-22T10:00:00.123Z",
        9,
        ACTOR,
        "dev_1",
        {"organization_id": "org_a", "generation_id": "dev_1", "reason": "stolen"},
    )
    record = msgspec.json.decode(waiting.body(9), type=Record)
    assert record.event is not None
    assert (record.event.id, record.event.name, record.event.version) == ("evt_1", "registry.device_disabled", 1)
    assert pending(make()).envelope(9) is None


def test_what_is_appended_is_what_it_was_then() -> None:
    details: dict[str, Any] = {"list": [1]}
    waiting = pending(make(details=details))
    details["list"].append(2)
    assert msgspec.json.decode(waiting.body(1), type=Record).details == {"list": [1]}


TEXTS = {"target": TEXT_CHARS_MAX, "target_name": TEXT_CHARS_MAX, "action": TEXT_CHARS_MAX, "reason": REASON_CHARS_MAX}


@pytest.mark.parametrize(("field", "limit"), TEXTS.items())
def test_texts_are_limited(field: str, limit: int) -> None:
    pending(make(**{field: "é" * limit}))
    with pytest.raises(InvalidEntry):
        pending(make(**{field: "é" * (limit + 1)}))


@pytest.mark.parametrize("field", TEXTS)
@pytest.mark.parametrize("char", ["\0", "\ud800"])
def test_a_character_a_database_cannot_store_is_refused_at_once(field: str, char: str) -> None:
    with pytest.raises(InvalidEntry):
        pending(make(**{field: f"é{char}"}))


def test_details_are_limited() -> None:
    frame = len(b'{"x":""}')
    pending(make(details={"x": "y" * (ENTRY_BYTES_MAX - frame)}))
    with pytest.raises(InvalidEntry):
        pending(make(details={"x": "y" * (ENTRY_BYTES_MAX - frame + 1)}))


BAD_DETAILS: dict[str, Any] = {"object": object(), "surrogate": "\ud800", "key": {("a", "b"): 1}}


@pytest.mark.parametrize("value", BAD_DETAILS.values(), ids=BAD_DETAILS)
def test_details_that_are_no_json_are_refused(value: object) -> None:
    with pytest.raises(InvalidEntry):
        pending(make(details={"value": value}))


@pytest.mark.parametrize("organization_id", ["", "org a", "../org", "org+a", "o" * 65, "org\n"])
def test_an_organization_that_could_not_be_a_folder_or_a_key_name_is_refused(organization_id: str) -> None:
    with pytest.raises(InvalidEntry):
        pending(make(organization_id=organization_id))


def test_an_entry_names_its_action() -> None:
    with pytest.raises(InvalidEntry):
        pending(make(action=""))


def test_an_event_of_another_organization_is_refused() -> None:
    with pytest.raises(InvalidEntry):
        pending(make(), DeviceDisabled("org_b", "dev_1"))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=20) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=8), json_values, max_size=5))
def test_reading_and_writing_again_gives_the_same_bytes(details: dict[str, Any]) -> None:
    try:
        body = pending(make(details=details)).body(1)
    except InvalidEntry:
        return
    record = msgspec.json.decode(body, type=Record)
    again = PendingEntry(make(details=record.details), at=AT, event=None, event_id="")
    assert again.body(1) == body
