"""The lists' one rule: block wins, and an allow list counts once it has an entry."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.kernel import OrganizationId
from vedette.registry import (
    AccessEffect,
    AccessKind,
    AccessListEntry,
    AccessRules,
    AccessSubject,
    InvalidAccessListEntry,
)
from vedette.registry.access_list import PREFIX_MAX_CHARS, check_entry_value

ALLOW, BLOCK = AccessEffect.ALLOW, AccessEffect.BLOCK
SUBJECT = AccessSubject(
    device_id="pump-7",
    certificates=frozenset({"a" * 64}),
    authorities=frozenset({"ath_1"}),
    enrollment_id="enr_1",
)
NAMES = {
    AccessKind.DEVICE_ID: "pump-7",
    AccessKind.DEVICE_ID_PREFIX: "pump-",
    AccessKind.CERTIFICATE: "a" * 64,
    AccessKind.AUTHORITY: "ath_1",
    AccessKind.ENROLLMENT: "enr_1",
}


def rules(*entries: tuple[AccessEffect, AccessKind, str]) -> AccessRules:
    made = [
        AccessListEntry(
            organization_id=OrganizationId("org_" + "0" * 26),
            entry_id=f"ale_{number}",
            effect=effect,
            kind=kind,
            value=value,
            reason="",
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
            created_by="",
        )
        for number, (effect, kind, value) in enumerate(entries)
    ]
    return AccessRules("v", made)


def test_without_entries_nobody_is_blocked() -> None:
    assert not rules().judge(SUBJECT).is_blocked


@pytest.mark.parametrize("kind", AccessKind)
def test_each_kind_blocks_whom_it_names_and_says_by_which_entry(kind: AccessKind) -> None:
    verdict = rules((BLOCK, kind, NAMES[kind])).judge(SUBJECT)
    assert (verdict.is_blocked, verdict.entry_id) == (True, "ale_0")
    stranger = AccessSubject(device_id="valve-1", certificates=frozenset({"b" * 64}))
    assert not rules((BLOCK, kind, NAMES[kind])).judge(stranger).is_blocked


@pytest.mark.parametrize("allowed", AccessKind)
@pytest.mark.parametrize("blocked", AccessKind)
def test_block_wins_over_allow(allowed: AccessKind, blocked: AccessKind) -> None:
    both = rules((ALLOW, allowed, NAMES[allowed]), (BLOCK, blocked, NAMES[blocked]))
    assert both.judge(SUBJECT).is_blocked


@pytest.mark.parametrize("kind", AccessKind)
def test_an_allow_list_in_force_blocks_whom_it_does_not_name(kind: AccessKind) -> None:
    allowing = rules((ALLOW, kind, NAMES[kind]))
    assert not allowing.judge(SUBJECT).is_blocked
    stranger = allowing.judge(AccessSubject(device_id="valve-1"))
    assert (stranger.is_blocked, stranger.entry_id) == (True, None)


def test_a_prefix_is_the_beginning_and_nothing_else() -> None:
    prefix = rules((BLOCK, AccessKind.DEVICE_ID_PREFIX, "pump"))
    blocked = {
        name
        for name in ("pump", "pump-7", "pum", "Pump-7", "my-pump")
        if prefix.judge(AccessSubject(device_id=name)).is_blocked
    }
    assert blocked == {"pump", "pump-7"}


entries = st.lists(
    st.tuples(st.sampled_from(AccessEffect), st.sampled_from(AccessKind), st.sampled_from(["a", "ab", "b", "c"])),
    max_size=6,
    unique=True,
)
subjects = st.builds(
    AccessSubject,
    device_id=st.sampled_from(["a", "ab", "abc", "b"]),
    certificates=st.frozensets(st.sampled_from(["a", "b", "c"])),
    authorities=st.frozensets(st.sampled_from(["a", "b", "c"])),
    enrollment_id=st.none() | st.sampled_from(["a", "b", "c"]),
)


@given(entries, subjects)
def test_the_index_answers_as_reading_every_entry_would(
    listed: list[tuple[AccessEffect, AccessKind, str]], subject: AccessSubject
) -> None:
    def names(kind: AccessKind, value: str) -> bool:
        return {
            AccessKind.DEVICE_ID: subject.device_id == value,
            AccessKind.DEVICE_ID_PREFIX: subject.device_id.startswith(value),
            AccessKind.CERTIFICATE: value in subject.certificates,
            AccessKind.AUTHORITY: value in subject.authorities,
            AccessKind.ENROLLMENT: subject.enrollment_id == value,
        }[kind]

    matching = {effect for effect, kind, value in listed if names(kind, value)}
    enforces = any(effect is ALLOW for effect, _, _ in listed)
    expected = BLOCK in matching or (enforces and ALLOW not in matching)
    assert rules(*listed).judge(subject).is_blocked is expected


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (AccessKind.DEVICE_ID, "pump-7", "pump-7"),
        (AccessKind.DEVICE_ID_PREFIX, "pump-*", "pump-"),
        (AccessKind.DEVICE_ID_PREFIX, "pump-", "pump-"),
        (AccessKind.DEVICE_ID_PREFIX, "x" * PREFIX_MAX_CHARS, "x" * PREFIX_MAX_CHARS),
        (AccessKind.CERTIFICATE, "AB:" * 31 + "AB", "ab" * 32),
        (AccessKind.AUTHORITY, "ath_" + "0" * 26, "ath_" + "0" * 26),
        (AccessKind.ENROLLMENT, "enr_" + "0" * 26, "enr_" + "0" * 26),
    ],
)
def test_what_an_entry_names_is_normalized(kind: AccessKind, text: str, value: str) -> None:
    assert check_entry_value(kind, text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (AccessKind.DEVICE_ID, ""),
        (AccessKind.DEVICE_ID, "a b"),
        (AccessKind.DEVICE_ID_PREFIX, ""),
        (AccessKind.DEVICE_ID_PREFIX, "*"),
        (AccessKind.DEVICE_ID_PREFIX, "a b"),
        (AccessKind.DEVICE_ID_PREFIX, "x" * (PREFIX_MAX_CHARS + 1)),
        (AccessKind.CERTIFICATE, "abc"),
        (AccessKind.AUTHORITY, "factory"),
        (AccessKind.ENROLLMENT, "line"),
    ],
)
def test_an_entry_that_names_nothing_is_refused(kind: AccessKind, text: str) -> None:
    with pytest.raises(InvalidAccessListEntry):
        check_entry_value(kind, text)
