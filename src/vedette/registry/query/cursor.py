"""Where to go on with an answer: an opaque text that fits its query only. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Annotated, Final

import msgspec

from vedette.registry.query.errors import InvalidCursor

CURSOR_MAX_CHARS: Final = 4096

_Name = Annotated[str, msgspec.Meta(max_length=128)]


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """How far an answer has been read.

    Attributes:
        query: Digest of the query it belongs to.
        key: The last identity that was looked at.
        count: How many items have been handed out.
    """

    query: str
    key: Annotated[tuple[_Name, ...], msgspec.Meta(max_length=2)] = ()
    count: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0


def digest_of(text: str, organization_id: str) -> str:
    """Return what binds a cursor to its query; a changed query starts over."""
    return hashlib.sha256(f"{organization_id}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()[:16]


def encode_cursor(cursor: Cursor) -> str:
    """Write a cursor."""
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).decode().rstrip("=")


def decode_cursor(text: str, query: str, key_length: int) -> Cursor:
    """Read the cursor of a query whose keys have a length; an empty text is its beginning.

    Raises:
        InvalidCursor: It is none, or another query's.
    """
    if not text:
        return Cursor(query)
    refusal = InvalidCursor("this is no cursor of a query", hint="pass next of the page before")
    if len(text) > CURSOR_MAX_CHARS or not text.isascii():
        raise refusal
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        cursor = msgspec.json.decode(raw, type=Cursor)
    except (ValueError, binascii.Error, msgspec.MsgspecError) as error:
        raise refusal from error
    if len(cursor.key) not in {0, key_length} or any(not _is_storable(name) for name in cursor.key):
        raise refusal
    if cursor.query != query:
        raise InvalidCursor("the cursor belongs to another query", hint="begin without one")
    return cursor


def _is_storable(name: str) -> bool:
    return "\0" not in name and not any("\ud800" <= character <= "\udfff" for character in name)
