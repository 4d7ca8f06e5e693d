"""What the hub's identity documents mean here, and how entity tags and errors look."""

from __future__ import annotations

import base64
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.api.service.answers import error_answer, error_of, identity_tag, message_of, read_tag, twin_tag
from vedette.api.service.calls import check_number
from vedette.api.service.documents import (
    AuthenticationDocument,
    BulkItem,
    IdentityDocument,
    check_document,
    wanted_state,
    wish_for_change,
    wish_for_new,
)
from vedette.api.service.errors import InvalidArgument, WeakerCredential
from vedette.kernel import InvalidId, RandomIds, SystemClock
from vedette.messaging import DeviceNotOnline
from vedette.pki import InvalidSymmetricKey, KeySlot, SymmetricKeysOff
from vedette.registry import Authentication, AuthenticationType, DeviceExists, DeviceNotFound, RevisionMismatch

KEY = base64.b64encode(b"k" * 32).decode()
PINNED = Authentication(type=AuthenticationType.SELF_SIGNED, primary_thumbprint="ab" * 32)
SHARED = Authentication(type=AuthenticationType.SYMMETRIC_KEY)
ISSUED = Authentication(type=AuthenticationType.ISSUED)


def document(**members: Any) -> AuthenticationDocument:
    return msgspec.convert(members, AuthenticationDocument)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        pytest.param({"type": "selfSigned", "x509Thumbprint": {"primaryThumbprint": "AB" * 32}}, "self_signed", id="x"),
        pytest.param({"x509Thumbprint": {"secondaryThumbprint": "AB" * 32}}, "self_signed", id="by its thumbprint"),
        pytest.param({"type": "certificateAuthority"}, "certificate_authority", id="authority"),
        pytest.param({"type": "CERTIFICATEAUTHORITY"}, "certificate_authority", id="without case"),
        pytest.param({"type": "none"}, "issued", id="none enrolls first"),
        pytest.param(
            {"type": "sas", "symmetricKey": {"primaryKey": "", "secondaryKey": None}}, "symmetric_key", id="s"
        ),
        pytest.param({}, "symmetric_key", id="nothing is a key, as at the hub"),
    ],
)
def test_a_new_identity_authenticates_as_its_document_says(members: dict[str, Any], expected: str) -> None:
    assert wish_for_new(document(**members)).authentication.type == expected


def test_keys_that_a_caller_brings_are_read() -> None:
    wish = wish_for_new(document(type="sas", symmetricKey={"primaryKey": KEY}))
    assert wish.keys == {KeySlot.PRIMARY: b"k" * 32}
    assert KEY not in repr(wish)
    with pytest.raises(InvalidSymmetricKey):
        wish_for_new(document(type="sas", symmetricKey={"primaryKey": "short"}))
    with pytest.raises(InvalidArgument):
        wish_for_new(document(type="tpm"))


@pytest.mark.parametrize("current", [PINNED, ISSUED, Authentication(type=AuthenticationType.CERTIFICATE_AUTHORITY)])
@pytest.mark.parametrize(
    "asked", [None, document(), document(type="sas"), document(type="sas", symmetricKey={"primaryKey": ""})]
)
def test_a_certificate_stays_when_an_sdk_only_changes_something_else(
    current: Authentication, asked: AuthenticationDocument | None
) -> None:
    assert wish_for_change(current, asked).authentication == current


def test_a_certificate_is_never_replaced_by_a_shared_key() -> None:
    with pytest.raises(WeakerCredential):
        wish_for_change(PINNED, document(type="sas", symmetricKey={"primaryKey": KEY}))


def test_a_shared_key_may_be_replaced_by_a_certificate_or_another_key() -> None:
    thumbprint = {"primaryThumbprint": "cd" * 32}
    wish = wish_for_change(SHARED, document(type="selfSigned", x509Thumbprint=thumbprint))
    assert wish.authentication.type is AuthenticationType.SELF_SIGNED
    assert wish_for_change(SHARED, document(type="sas", symmetricKey={"secondaryKey": KEY})).keys == {
        KeySlot.SECONDARY: b"k" * 32
    }
    assert wish_for_change(SHARED, document(type="sas")).keys == {}


def test_the_one_word_for_certificates_changes_neither_kind() -> None:
    assert wish_for_change(ISSUED, document(type="certificateAuthority")).authentication is not None
    assert wish_for_change(ISSUED, document(type="certificateAuthority")).authentication.type == "issued"


@pytest.mark.parametrize(
    "members",
    [
        {"deviceId": "other"},
        {"moduleId": "m"},
        {"capabilities": {"iotEdge": True}},
        {"deviceScope": "ms-azure-iot-edge://x"},
        {"parentScopes": ["x"]},
    ],
    ids=lambda members: next(iter(members)),
)
def test_what_is_not_there_is_refused_rather_than_forgotten(members: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        check_document(msgspec.convert(members, IdentityDocument), "d", None)


def test_a_status_that_is_not_said_stays() -> None:
    assert wanted_state(IdentityDocument()) is None
    assert wanted_state(IdentityDocument(status="Disabled")) is False
    with pytest.raises(InvalidArgument):
        wanted_state(IdentityDocument(status="asleep"))


def test_an_identity_tag_covers_the_registration_and_not_the_case_of_digests() -> None:
    thumbprints = {"primaryThumbprint": "AB", "secondaryThumbprint": None}
    device = {
        "generationId": "dev_1",
        "status": "enabled",
        "statusReason": None,
        "authentication": {"type": "selfSigned", "x509Thumbprint": thumbprints},
    }
    twin = {
        "generationId": "dev_1",
        "status": "enabled",
        "statusReason": "",
        "authenticationType": "selfSigned",
        "x509Thumbprint": {"primaryThumbprint": "ab", "secondaryThumbprint": None},
    }
    assert identity_tag(device) == identity_tag(twin)
    assert identity_tag(device | {"status": "disabled"}) != identity_tag(device)
    assert re.fullmatch(r"[A-Za-z0-9+/]{16}", identity_tag(device))


def test_a_twin_tag_does_not_depend_on_the_order_of_tags() -> None:
    assert twin_tag("dev_1", {"a": 1, "b": {"c": 2, "d": 3}}, 2) == twin_tag(
        "dev_1", {"b": {"d": 3, "c": 2}, "a": 1}, 2
    )
    assert twin_tag("dev_1", {}, 2) != twin_tag("dev_1", {}, 3)
    assert len(base64.b64decode(twin_tag("dev_1", {}, 1))) == 8


@pytest.mark.parametrize("text", [None, "", "*", '"*"', ' "*" '])
def test_any_tag_will_do(text: str | None) -> None:
    assert read_tag(text) is None


def test_a_tag_is_the_same_with_and_without_quotes() -> None:
    assert read_tag('"AAA="') == read_tag("AAA=") == read_tag('W/"AAA="') == "AAA="


@pytest.mark.parametrize(
    ("problem", "status", "name"),
    [
        (DeviceNotFound("x"), 404, "DeviceNotFound"),
        (DeviceExists("x"), 409, "DeviceAlreadyExists"),
        (RevisionMismatch("x"), 412, "PreconditionFailed"),
        (DeviceNotOnline("x"), 404, "DeviceNotOnline"),
        (SymmetricKeysOff("x"), 400, "ArgumentInvalid"),
        (InvalidId("x"), 400, "ArgumentInvalid"),
    ],
    ids=lambda value: getattr(value, "code", None),
)
def test_problems_have_the_names_that_sdks_know(problem: Any, status: int, name: str) -> None:
    assert error_of(problem) == (status, name)


def test_an_error_has_the_shape_that_sdks_parse() -> None:
    clock = SystemClock()
    answer = error_answer(DeviceNotOnline("pump-7 is\naway", hint="look"), clock=clock, ids=RandomIds(clock))
    body = msgspec.json.decode(bytes(answer.body))
    assert body["Message"] == "ErrorCode:DeviceNotOnline;pump-7 is away [404103] (look)"
    assert body["ExceptionMessage"].startswith("Tracking ID:trk_")
    assert answer.headers["iothub-errorcode"] == "DeviceNotOnline"
    assert "\n" not in message_of(DeviceNotFound("a\r\nb"))


@pytest.mark.parametrize("text", ["0", "-1", "x", "1001", "9" * 30, "٣"])
def test_a_number_outside_its_limits_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        check_number(text, "top", default=5, most=1000)


def test_a_number_has_a_default() -> None:
    assert check_number(None, "top", default=5, most=1000) == 5
    assert check_number("1000", "top", default=5, most=1000) == 1000


@given(st.binary(max_size=300))
def test_any_bytes_are_read_as_a_document_or_refused(raw: bytes) -> None:
    for kind in (IdentityDocument, list[BulkItem]):
        try:
            msgspec.json.decode(raw, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue


@given(st.text(max_size=80))
def test_any_text_is_a_tag_or_none(text: str) -> None:
    found = read_tag(text)
    assert found is None or found not in {"", "*"}
