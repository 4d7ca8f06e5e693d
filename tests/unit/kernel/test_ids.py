from __future__ import annotations

import base64
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.kernel import (
    InvalidId,
    RandomIds,
    SystemClock,
    encode_uuid7,
    parse_device_id,
    parse_generation_id,
    parse_module_id,
    parse_organization_id,
    parse_registration_id,
)

LEGAL = "abcXYZ019-.%_*?!(),=@$'"


def test_generated_ids_are_well_formed_and_sort_by_time() -> None:
    ids = RandomIds(SystemClock())
    first = ids.new("dev")
    assert parse_generation_id(first) == first
    assert encode_uuid7(1000, b"\xff" * 10) < encode_uuid7(1001, b"\0" * 10)


@given(st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
def test_every_uuid7_has_26_characters_of_base32hex(unix_ms: int, randomness: bytes) -> None:
    text = encode_uuid7(unix_ms, randomness)
    assert len(text) == 26
    parse_generation_id(f"dev_{text}")


def test_two_ids_of_the_same_millisecond_differ() -> None:
    ids = RandomIds(SystemClock())
    assert len({ids.new("dev") for _ in range(1000)}) == 1000


@pytest.mark.parametrize("text", ["a", "x" * 128, LEGAL, "pump-7", "$reboot", "Registrations"])
def test_legal_device_ids_are_accepted_as_they_are(text: str) -> None:
    assert parse_device_id(text) == text


@pytest.mark.parametrize(
    "text",
    ["", "x" * 129, "a b", "a/b", "a+b", "a#b", "ü", "a\n", "a\x00", "registrations", "a;b", "a\u200bb", "a<b"],
)
def test_other_device_ids_are_refused(text: str) -> None:
    with pytest.raises(InvalidId) as caught:
        parse_device_id(text)
    assert caught.value.hint


def test_a_module_id_follows_the_rule_of_device_ids() -> None:
    assert parse_module_id("m-1") == "m-1"
    with pytest.raises(InvalidId):
        parse_module_id("m/1")


def test_registration_ids_are_case_insensitive() -> None:
    assert parse_registration_id("Pump-7:A.b_c-") == "pump-7:a.b_c-"


@pytest.mark.parametrize("text", ["", "a.", "a_", "a:", "a b", "x" * 129, "a*"])
def test_other_registration_ids_are_refused(text: str) -> None:
    with pytest.raises(InvalidId):
        parse_registration_id(text)


@pytest.mark.parametrize("text", ["dev_x", "dev-" + "0" * 26, "DEV_" + "0" * 26, "dev_" + "w" * 26, "dev_" + "0" * 27])
def test_other_texts_are_no_generation_ids(text: str) -> None:
    with pytest.raises(InvalidId):
        parse_generation_id(text)


def test_an_organization_id_has_its_own_prefix() -> None:
    assert parse_organization_id("org_" + "0" * 26)
    with pytest.raises(InvalidId):
        parse_organization_id("dev_" + "0" * 26)


@given(st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
def test_an_id_is_the_base32hex_of_a_uuid_of_version_7(unix_ms: int, randomness: bytes) -> None:
    raw = base64.b32hexdecode(encode_uuid7(unix_ms, randomness).upper() + "======")
    decoded = uuid.UUID(bytes=raw)
    assert decoded.version == 7
    assert decoded.variant == uuid.RFC_4122
    assert int.from_bytes(raw[:6], "big") == unix_ms
