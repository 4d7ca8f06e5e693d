"""The property bag: ``k=v`` joined by ``&``, both percent-encoded, at the end of a message's topic."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import quote, unquote

import msgspec

from vedette.protocols.errors import LocalProtocolError, RemoteProtocolError

SYSTEM_PREFIX: Final = "$."
_ENCODED_SYSTEM_PREFIX: Final = "%24."

# What the hub stamps on telemetry. A device can't set these: they are dropped, whatever their case.
_STAMP_PREFIX: Final = "iothub-"
_STAMPS: Final = frozenset({"dt-dataschema", "dt-subject"})
# Set by an edge runtime for the device behind it; there is none here, so from a device it is a claim to be another.
_SENDER_KEYS: Final = frozenset({"cdid", "cmid"})
_MESSAGE_ID: Final = "mid"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BagLimits:
    """Ceilings of one property bag; a value equal to the limit passes, one more does not.

    Attributes:
        max_chars: The bag as sent, encoded.
        max_properties: Entries, system and application together, dropped ones included.
        max_message_id_chars: Value of ``$.mid``.
    """

    max_chars: int = 16_384
    max_properties: int = 128
    max_message_id_chars: int = 128


class PropertyBag(msgspec.Struct, frozen=True):
    """A parsed bag. A value of ``None`` is a key without ``=``.

    Attributes:
        system: By name without ``$.``: ``mid``, ``cid``, ``uid``, ``to``, ``ct``, ``ce``, ``exp``, ``on``, …
        application: The sender's own properties, in the order sent.
    """

    system: Mapping[str, str | None]
    application: Mapping[str, str | None]


EMPTY_BAG: Final = PropertyBag(MappingProxyType({}), MappingProxyType({}))


def parse_bag(bag: str, limits: BagLimits) -> PropertyBag:
    """Parse a device's bag and split system from application properties.

    ``%24.`` and ``$.`` keys are the same. Of equal keys the last wins, as both SDKs read it. Hub stamps
    (``iothub-*``, ``dt-dataschema``, ``dt-subject``) and edge senders (``$.cdid``, ``$.cmid``) are dropped.

    Raises:
        RemoteProtocolError: A limit is exceeded, a key is empty, or an escape is not UTF-8.
    """
    if not bag:
        return EMPTY_BAG
    if len(bag) > limits.max_chars:
        raise RemoteProtocolError(f"property bag of {len(bag)} characters exceeds the limit of {limits.max_chars}")
    entries = bag.split("&", limits.max_properties)
    if len(entries) > limits.max_properties:
        raise RemoteProtocolError(f"property bag has more than {limits.max_properties} properties")
    system: dict[str, str | None] = {}
    application: dict[str, str | None] = {}
    for entry in entries:
        raw_key, separator, raw_value = entry.partition("=")
        if raw_key.startswith(_ENCODED_SYSTEM_PREFIX):  # what SDKs send, spared the decoder
            raw_key = SYSTEM_PREFIX + raw_key[len(_ENCODED_SYSTEM_PREFIX) :]
        key = _decode(raw_key)
        value = _decode(raw_value) if separator else None
        put_property(system, application, key, value)
    check_message_id(system, limits)
    return PropertyBag(MappingProxyType(system), MappingProxyType(application))


def put_property(
    system: dict[str, str | None], application: dict[str, str | None], key: str, value: str | None
) -> None:
    """Put a device's property where it belongs; what a device can't set is dropped.

    Raises:
        RemoteProtocolError: The key is empty.
    """
    if key.startswith(SYSTEM_PREFIX):
        name = key[len(SYSTEM_PREFIX) :]
        if name not in _SENDER_KEYS:
            system[name] = value
    elif not key:
        raise RemoteProtocolError("property bag has an empty key")
    elif not _is_stamp(key):
        application[key] = value


def check_message_id(system: Mapping[str, str | None], limits: BagLimits) -> None:
    """Check the length of ``$.mid``.

    Raises:
        RemoteProtocolError: It is too long.
    """
    message_id = system.get(_MESSAGE_ID)
    if message_id is not None and len(message_id) > limits.max_message_id_chars:
        raise RemoteProtocolError(f"message id exceeds the limit of {limits.max_message_id_chars} characters")


class BagReader:
    """``parse_bag`` that remembers: devices repeat their bags.

    When full it starts afresh. Bags over 256 characters are not remembered, which bounds the memory: at 1,024 a hostile
    device could make 4,096 of them take 70 MB.
    """

    __slots__ = ("_limits", "_max_cached", "_parsed")

    _MAX_CACHED_CHARS: Final = 256

    def __init__(self, limits: BagLimits, *, max_cached: int = 4_096) -> None:
        self._limits = limits
        self._max_cached = max_cached
        self._parsed: dict[str, PropertyBag] = {}

    @property
    def limits(self) -> BagLimits:
        """What a bag may hold."""
        return self._limits

    def parse(self, bag: str) -> PropertyBag:
        """Parse a bag; see ``parse_bag``."""
        parsed = self._parsed.get(bag)
        if parsed is None:
            parsed = parse_bag(bag, self._limits)
            if self._max_cached and len(bag) <= self._MAX_CACHED_CHARS:
                if len(self._parsed) >= self._max_cached:
                    self._parsed.clear()
                self._parsed[bag] = parsed
        return parsed


def build_bag(system: Mapping[str, str | None], application: Mapping[str, str | None]) -> str:
    """Build a bag for a device: system properties first, always as ``%24.``, which is all the C SDK recognises.

    Args:
        system: By name without ``$.``, in the order to send.
        application: Other keys, ``iothub-ack`` among them, in the order to send.

    Raises:
        LocalProtocolError: A key or value contains a surrogate.
    """
    try:
        return "&".join([*_encode(SYSTEM_PREFIX, system.items()), *_encode("", application.items())])
    except UnicodeEncodeError:
        raise LocalProtocolError("a property contains a surrogate") from None


def _encode(prefix: str, properties: Iterable[tuple[str, str | None]]) -> Iterable[str]:
    for key, value in properties:
        encoded = quote(prefix + key, safe="")
        yield encoded if value is None else f"{encoded}={quote(value, safe='')}"


def _decode(text: str) -> str:
    if "%" not in text:
        return text
    try:
        decoded = unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise RemoteProtocolError("property bag has an escape that is not UTF-8") from None
    if "\0" in decoded:
        raise RemoteProtocolError("property bag contains U+0000")
    return decoded


def _is_stamp(key: str) -> bool:
    folded = key.lower()
    return folded.startswith(_STAMP_PREFIX) or folded in _STAMPS
