"""The data types of MQTT, the same in every version: variable length, UTF-8 strings, binary data, topics, frames."""

from __future__ import annotations

from typing import Final

from vedette.protocols.errors import LocalProtocolError, RemoteProtocolError
from vedette.protocols.mqtt.reasons import ReasonCode

MAX_REMAINING_LENGTH: Final = 268_435_455
MAX_U16: Final = 0xFFFF

_LENGTH_BYTES: Final = 4
_CONTINUES: Final = 0x80
_MAX_CACHED_TOPIC_BYTES: Final = 512

Frame = tuple[int, int, int]
"""First byte of a packet, where its body starts, where it stops."""


def encode_remaining_length(length: int) -> bytes:
    """Encode a variable byte integer.

    Raises:
        LocalProtocolError: Above 268,435,455.

    Source:
        MQTT 3.1.1 §2.2.3.
    """
    if length < _CONTINUES:
        return bytes((length,))
    if length > MAX_REMAINING_LENGTH:
        raise LocalProtocolError(f"a packet body of {length} bytes exceeds MQTT's {MAX_REMAINING_LENGTH}")
    encoded = bytearray()
    while length >= _CONTINUES:
        encoded.append(length & 0x7F | _CONTINUES)
        length >>= 7
    encoded.append(length)
    return bytes(encoded)


def decode_remaining_length(buffer: bytes, position: int) -> tuple[int, int] | None:
    """Decode a variable byte integer.

    Returns:
        Its value and the position behind it, or ``None`` if the buffer ends within it.

    Raises:
        RemoteProtocolError: The fourth byte says that a fifth follows.
    """
    length = 0
    for index, byte in enumerate(buffer[position : position + _LENGTH_BYTES]):
        length |= (byte & 0x7F) << (7 * index)
        if byte < _CONTINUES:
            return length, position + index + 1
    if len(buffer) - position >= _LENGTH_BYTES:
        raise RemoteProtocolError("remaining length is longer than four bytes")
    return None


class FrameReader:
    """Cuts a byte stream into packets.

    A packet that is not complete is kept with the length it needs, and looked at again only when that many bytes are
    there: a packet in n pieces costs n appends, not n parses. Never more than one incomplete packet is kept, so
    ``max_packet_bytes`` bounds the memory as well; it may be raised once the peer is known.
    """

    __slots__ = ("_held", "_needed_bytes", "max_packet_bytes")

    def __init__(self, max_packet_bytes: int) -> None:
        self.max_packet_bytes = max_packet_bytes
        self._held: bytearray | None = None
        self._needed_bytes = 0

    @property
    def held_bytes(self) -> int:
        """How many bytes wait for the rest of their packet, or for ``feed``."""
        return len(self._held) if self._held else 0

    def feed(self, data: bytes | bytearray | memoryview, *, only_first: bool = False) -> tuple[bytes, list[Frame]]:
        """Take bytes and return the complete packets.

        Args:
            data: The next bytes of the stream, cut anywhere.
            only_first: Stop behind the first packet and hold the rest for the next call.

        Returns:
            A buffer, and the frames as offsets into it.

        Raises:
            RemoteProtocolError: A malformed remaining length, or a packet over the limit; known from its header.
        """
        if self._held is not None:
            self._held += data
            if len(self._held) < self._needed_bytes:
                return b"", []
            data, self._held = self._held, None
        buffer = data if type(data) is bytes else bytes(data)
        frames: list[Frame] = []
        position, end, limit = 0, len(buffer), self.max_packet_bytes
        needed = 2
        while position + 1 < end:
            start = position + 2
            length = buffer[position + 1]
            if length >= _CONTINUES:
                decoded = decode_remaining_length(buffer, position + 1)
                if decoded is None:
                    needed = end - position + 1
                    break
                length, start = decoded
            stop = start + length
            if stop - position > limit:
                raise RemoteProtocolError(
                    f"a packet of {stop - position} bytes exceeds the limit of {limit}",
                    reason_code=ReasonCode.PACKET_TOO_LARGE,
                )
            if stop > end:
                needed = stop - position
                break
            frames.append((buffer[position], start, stop))
            position = stop
            if only_first:
                break
        if position < end:
            self._keep(buffer, position, needed)
        return buffer, frames

    def _keep(self, buffer: bytes, position: int, needed_bytes: int) -> None:
        rest = memoryview(buffer)[position:]
        # Complete packets wait here only behind CONNECT, so this bounds what an unknown peer can make us keep.
        if len(rest) > self.max_packet_bytes:
            raise _too_hasty(self.max_packet_bytes)
        self._held = bytearray(rest)
        self._needed_bytes = needed_bytes

    def hold(self, data: bytes | bytearray | memoryview) -> None:
        """Keep bytes unread for a later ``feed``.

        Raises:
            RemoteProtocolError: More than ``max_packet_bytes`` would wait.
        """
        if self.held_bytes + len(data) > self.max_packet_bytes:
            raise _too_hasty(self.max_packet_bytes)
        if self._held is None:
            self._held = bytearray()
            self._needed_bytes = 2
        self._held += data

    def discard(self) -> None:
        """Forget what is held."""
        self._held = None


def _too_hasty(limit: int) -> RemoteProtocolError:
    return RemoteProtocolError(
        f"more than {limit} bytes sent without waiting for CONNACK", reason_code=ReasonCode.QUOTA_EXCEEDED
    )


def read_binary(buffer: bytes, position: int, stop: int, limit: int, field: str) -> tuple[bytes, int]:
    """Read length-prefixed bytes that must end before ``stop``.

    Returns:
        The bytes and the position behind them.

    Raises:
        RemoteProtocolError: The field is cut short or longer than ``limit``.
    """
    start = position + 2
    if start > stop:
        raise RemoteProtocolError(f"{field} is cut short")
    end = start + (buffer[position] << 8 | buffer[position + 1])
    if end > stop:
        raise RemoteProtocolError(f"{field} is cut short")
    if end - start > limit:
        raise RemoteProtocolError(f"{field} of {end - start} bytes exceeds the limit of {limit}")
    return buffer[start:end], end


def decode_text(raw: bytes, field: str) -> str:
    """Decode an MQTT UTF-8 string: well formed, no surrogate, no U+0000; U+FEFF is kept where it stands.

    Raises:
        RemoteProtocolError: It is not one.

    Source:
        MQTT 3.1.1 §1.5.3.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise RemoteProtocolError(f"{field} is not well-formed UTF-8") from None
    if "\0" in text:
        raise RemoteProtocolError(f"{field} contains U+0000")
    return text


def read_text(buffer: bytes, position: int, stop: int, limit: int, field: str) -> tuple[str, int]:
    """Read a length-prefixed UTF-8 string; see ``read_binary`` and ``decode_text``."""
    raw, end = read_binary(buffer, position, stop, limit, field)
    return decode_text(raw, field), end


def encode_binary(raw: bytes, field: str) -> bytes:
    """Prefix bytes with their length.

    Raises:
        LocalProtocolError: More than 65,535 bytes.
    """
    if len(raw) > MAX_U16:
        raise LocalProtocolError(f"{field} of {len(raw)} bytes exceeds MQTT's {MAX_U16}")
    return len(raw).to_bytes(2, "big") + raw


def encode_text(text: str, field: str) -> bytes:
    """Encode an MQTT UTF-8 string with its length.

    Raises:
        LocalProtocolError: It holds U+0000 or a surrogate, or exceeds 65,535 bytes.
    """
    if "\0" in text:
        raise LocalProtocolError(f"{field} contains U+0000")
    try:
        raw = text.encode("utf-8")
    except UnicodeEncodeError:
        raise LocalProtocolError(f"{field} contains a surrogate") from None
    return encode_binary(raw, field)


def decode_topic_name(raw: bytes, field: str = "topic name") -> str:
    """Decode a topic name: a string of at least one character and no wildcard.

    Raises:
        RemoteProtocolError: It is not one.

    Source:
        MQTT 3.1.1 §4.7.1, §4.7.3.
    """
    if not raw:
        raise RemoteProtocolError(f"{field} is empty", reason_code=ReasonCode.TOPIC_NAME_INVALID)
    if b"#" in raw or b"+" in raw:
        raise RemoteProtocolError(f"{field} contains a wildcard", reason_code=ReasonCode.TOPIC_NAME_INVALID)
    return decode_text(raw, field)


def decode_topic_filter(raw: bytes) -> str:
    """Decode a topic filter: ``#`` only as the last level, ``+`` only as a whole level.

    Raises:
        RemoteProtocolError: It is not one.

    Source:
        MQTT 3.1.1 §4.7.1.
    """
    text = decode_text(raw, "topic filter")
    if not text:
        raise _bad_filter("is empty")
    if "#" in text and text != "#" and (text.count("#") > 1 or not text.endswith("/#")):
        raise RemoteProtocolError(
            "topic filter has # elsewhere than as its last level", reason_code=ReasonCode.TOPIC_FILTER_INVALID
        )
    if "+" in text and any("+" in level and level != "+" for level in text.split("/")):
        raise RemoteProtocolError(
            "topic filter has + beside other characters of a level", reason_code=ReasonCode.TOPIC_FILTER_INVALID
        )
    return text


def _bad_filter(fault: str) -> RemoteProtocolError:
    return RemoteProtocolError(f"topic filter {fault}", reason_code=ReasonCode.TOPIC_FILTER_INVALID)


class TopicDecoder(dict[bytes, str]):
    """Topic names by their bytes: a known one is a look-up, a new one is checked and, if short, remembered.

    When full it starts afresh; a device that never repeats a topic thus costs no more than the check.
    """

    __slots__ = ("_max_entries", "_max_topic_bytes")

    def __init__(self, *, max_entries: int, max_topic_bytes: int) -> None:
        super().__init__()
        self._max_entries = max_entries
        self._max_topic_bytes = max_topic_bytes

    def __missing__(self, raw: bytes) -> str:
        """Check a topic name that is not remembered."""
        if len(raw) > self._max_topic_bytes:
            raise RemoteProtocolError(
                f"topic name of {len(raw)} bytes exceeds the limit of {self._max_topic_bytes}",
                reason_code=ReasonCode.TOPIC_NAME_INVALID,
            )
        topic = decode_topic_name(raw)
        if self._max_entries and len(raw) <= _MAX_CACHED_TOPIC_BYTES:
            if len(self) >= self._max_entries:
                self.clear()
            self[raw] = topic
        return topic


def encode_topic_name(topic: str) -> bytes:
    """Encode a topic name with its length.

    Raises:
        LocalProtocolError: Empty, too long, or it holds a wildcard, U+0000 or a surrogate.
    """
    if not topic or "#" in topic or "+" in topic:
        raise LocalProtocolError("a topic name is empty or contains a wildcard")
    return encode_text(topic, "topic name")
