"""Composing a record: sections keep their revision until their value changes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from posture import GENERATION, NOW, ORGANIZATION, Administrator

from vedette.access import IdentityFacts, compose_record
from vedette.kernel import DeviceId
from vedette.trust import (
    SECTION_OWNERS,
    Credentials,
    Lifecycle,
    PermittedCertificate,
    Placement,
    PostureRecord,
    Quarantine,
    Registration,
)

BASE = Administrator().head()
FACTS = IdentityFacts(
    generation_id=GENERATION,
    device_id=DeviceId("pump-7"),
    module_id=None,
    is_deleted=False,
    registration=Registration(lifecycle=Lifecycle.ACTIVE, is_enabled=True, is_blocked=False),
    credentials=Credentials(certificates=(PermittedCertificate(digest="a" * 64, origin="issued"),)),
    placement=Placement(site="north", tags={"line": "4"}),
    quarantine=Quarantine(),
)
CHANGES: dict[str, Any] = {
    "registration": Registration(lifecycle=Lifecycle.ACTIVE, is_enabled=False, is_blocked=False),
    "credentials": Credentials(),
    "placement": Placement(site="south"),
    "quarantine": Quarantine(is_quarantined=True, reason="lifecycle", since=NOW),
}


def first() -> PostureRecord:
    record = compose_record(FACTS, None, ORGANIZATION, BASE)
    assert record is not None
    return record


def test_a_first_record_names_every_sections_owner() -> None:
    record = first()
    assert (record.sequence, record.epoch, record.issued_at) == (1, 1, NOW)
    for name, owner in SECTION_OWNERS.items():
        section = getattr(record, name)
        assert (section.owner, section.revision, section.observed_at) == (owner, 1, NOW)
    assert record.health.value is None


def test_facts_that_are_the_same_make_no_new_record() -> None:
    later = msgspec.structs.replace(BASE, sequence=9)
    assert compose_record(FACTS, first(), ORGANIZATION, later) is None


@pytest.mark.parametrize("name", CHANGES)
def test_only_the_section_that_changed_gets_a_new_revision(name: str) -> None:
    facts = msgspec.structs.replace(FACTS, **{name: CHANGES[name]})
    former = first()
    record = compose_record(facts, former, ORGANIZATION, msgspec.structs.replace(BASE, sequence=4))
    assert record is not None
    assert record.sequence == 5
    for other in SECTION_OWNERS:
        if other == name:
            assert getattr(record, other).revision == 2
        else:
            assert getattr(record, other) == getattr(former, other)


def test_a_new_epoch_writes_the_same_facts_again() -> None:
    record = compose_record(FACTS, first(), ORGANIZATION, msgspec.structs.replace(BASE, epoch=2, sequence=7))
    assert record is not None
    assert (record.epoch, record.sequence) == (2, 8)
    assert all(getattr(record, name).revision == 1 for name in SECTION_OWNERS)
