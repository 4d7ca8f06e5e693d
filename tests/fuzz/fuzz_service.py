"""Fuzz what programs send to the service API: documents, entity tags and numbers are read, or refused by name."""

from __future__ import annotations

import contextlib
from typing import Final

import msgspec

from vedette.api.errors import InvalidBody
from vedette.api.protection import check_json
from vedette.api.service.answers import read_tag
from vedette.api.service.calls import check_number
from vedette.api.service.documents import (
    BulkItem,
    IdentityDocument,
    TwinDocument,
    check_document,
    wanted_state,
    wish_for_change,
    wish_for_new,
)
from vedette.api.service.errors import InvalidArgument, WeakerCredential
from vedette.pki import InvalidSymmetricKey
from vedette.registry import Authentication, AuthenticationType

SEEDS: Final = (
    (
        b'{"deviceId":"dev1","status":"enabled","authentication":{"x509Thumbprint":{"primaryThumbprint":"AA",'
        b'"secondaryThumbprint":"BB"},"type":"selfSigned"},"capabilities":{"iotEdge":false}}'
    ),
    b'{"deviceId":"dev1","authentication":{"type":"sas","symmetricKey":{"primaryKey":"","secondaryKey":null}}}',
    b'[{"id":"dev1","importMode":"createOrUpdateIfMatchETag","eTag":"MQ==","tags":{"a":1},"properties":{"desired":{}}}]',
    b'{"tags":{"a":null},"properties":{"desired":{"x":{"y":[1,2]}},"reported":{}}}',
    b'"AAAAAAAAAAE="',
    b"1000",
)
_CURRENT: Final = tuple(Authentication(type=kind) for kind in AuthenticationType)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as all that they could be."""
    text = data.decode("utf-8", "replace")
    assert read_tag(text) not in {"", "*"}
    with contextlib.suppress(InvalidArgument):
        assert 1 <= check_number(text, "top", default=1, most=1000) <= 1000
    try:
        check_json(data)
    except InvalidBody:
        return
    for kind in (IdentityDocument, TwinDocument, list[BulkItem]):
        try:
            found = msgspec.json.decode(data, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue
        documents = [each.identity() for each in found] if isinstance(found, list) else [found]
        for document in documents:
            if isinstance(document, IdentityDocument):
                _use(document)


def _use(document: IdentityDocument) -> None:
    with contextlib.suppress(InvalidArgument):
        check_document(document, "dev1", None)
    with contextlib.suppress(InvalidArgument):
        assert wanted_state(document) in {None, True, False}
    with contextlib.suppress(InvalidArgument, InvalidSymmetricKey):
        wish_for_new(document.authentication)
    for current in _CURRENT:
        with contextlib.suppress(InvalidArgument, InvalidSymmetricKey, WeakerCredential):
            wish = wish_for_change(current, document.authentication)
            # Never from a certificate to a shared key.
            assert not wish.authentication.is_weak or current.is_weak
