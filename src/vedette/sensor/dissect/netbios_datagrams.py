"""NetBIOS over UDP: names of Windows and Samba, their workgroups, and the system that a browser announcement tells.

Source:
    RFC 1001 and RFC 1002 (names and datagrams); [MS-BRWS] §2.2 (browser announcements).
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import ClassVar, Final

from vedette.sensor.dissect.interface import Dissector, Malformed
from vedette.sensor.dissect.ntlm import windows_of
from vedette.sensor.dissect.wording import text_of
from vedette.sensor.model import CERTAIN, POSSIBLE, PROBABLE, Attribute, Role

_HEADER: Final = Struct(">HHHHHH").unpack_from
_RECORD: Final = Struct(">HHIH").unpack_from
_WORD: Final = Struct(">H").unpack_from
_TYPE_OF_SERVER: Final = Struct("<I").unpack_from
_HEADER_BYTES: Final = 12
_NAME_BYTES: Final = 34
_POINTER: Final = 0xC0

_ANSWER: Final = 0x8000
_REGISTRATIONS: Final = frozenset({5, 8, 9, 15})
_NB: Final = 0x20
_STATUS: Final = 0x21
_GROUP: Final = 0x8000
_STATUS_NAME_BYTES: Final = 18
_MAX_NAMES: Final = 32
_MACHINE: Final = frozenset({0x00, 0x20})
_WORKGROUP: Final = frozenset({0x00, 0x1C, 0x1E})

_DATAGRAM_NAMES_AT: Final = 14
_MAILSLOT: Final = b"\\MAILSLOT\\BROWSE\0"
_ANNOUNCEMENTS: Final = frozenset({1, 15})
_ANNOUNCEMENT_BYTES: Final = 32
_UNIX: Final = 0x0800
_WINDOWS_NT: Final = 0x1000
_PRINTS: Final = 0x0200
_CONTROLS_DOMAIN: Final = 0x0018


Told = tuple[Attribute, str, int]
"""Attribute, value, confidence; of the sender."""


def names_told(payload: bytes) -> Iterator[Told]:
    """Yield what a message of the name service tells of its sender: who registers a name has it, or answers with it.

    Raises:
        Malformed: Its names are none, or its lengths contradict each other.
    """
    _, flags, questions, answers, _, others = _HEADER(payload, 0)
    name, suffix, position = _name_at(payload, _HEADER_BYTES)
    if flags & _ANSWER:
        if answers and _WORD(payload, position)[0] == _STATUS:
            yield from _status(payload, position)
    elif flags >> 11 & 15 in _REGISTRATIONS and questions == 1 and others == 1:
        position += 4
        if payload[position] & _POINTER == _POINTER:
            position += 2
        else:
            _, _, position = _name_at(payload, position)
        kind, _, _, size = _RECORD(payload, position)
        if kind == _NB and size >= 6:
            yield from _has(name, suffix, _WORD(payload, position + 10)[0])


def _status(payload: bytes, position: int) -> Iterator[Told]:
    _, _, _, size = _RECORD(payload, position)
    position += 10
    count = payload[position]
    position += 1
    if size < 1 + count * _STATUS_NAME_BYTES:
        raise Malformed(f"{count} names in {size} bytes")
    for start in range(position, position + min(count, _MAX_NAMES) * _STATUS_NAME_BYTES, _STATUS_NAME_BYTES):
        name = text_of(payload[start : start + 15]).rstrip()
        yield from _has(name, payload[start + 15], _WORD(payload, start + 16)[0])
    position += count * _STATUS_NAME_BYTES
    mac = payload[position : position + 6]
    if len(mac) == 6 and any(mac) and not mac[0] & 1:
        yield Attribute.MAC, mac.hex(":"), PROBABLE


def _has(name: str, suffix: int, flags: int) -> Iterator[Told]:
    if flags & _GROUP:
        if suffix in _WORKGROUP:
            yield Attribute.DOMAIN, name, PROBABLE
    elif suffix in _MACHINE:
        yield Attribute.NAME, name, CERTAIN


class NetbiosDatagrams(Dissector):
    """Reads NetBIOS' datagrams: who announces itself to browsers says its name and its system."""

    __slots__ = ()

    name: ClassVar[str] = "netbios_dgm"

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one datagram; those without names are passed over."""
        if payload[0] not in {0x10, 0x11, 0x12}:
            return
        name, suffix, _ = _name_at(payload, _DATAGRAM_NAMES_AT)
        if suffix in _MACHINE:
            self.tell(at_ns, Attribute.NAME, name, is_of_client=is_from_client, confidence=CERTAIN)
        start = payload.find(_MAILSLOT, _DATAGRAM_NAMES_AT)
        if start < 0:
            return
        start += len(_MAILSLOT)
        if payload[start] in _ANNOUNCEMENTS and len(payload) >= start + _ANNOUNCEMENT_BYTES:
            self._announced(payload, start, is_from_client, at_ns)

    def _announced(self, payload: bytes, start: int, is_from_client: bool, at_ns: int) -> None:
        major, minor = payload[start + 22] & 15, payload[start + 23]
        (kind,) = _TYPE_OF_SERVER(payload, start + 24)
        if kind & _UNIX:
            self.tell(at_ns, Attribute.SOFTWARE, "Samba", is_of_client=is_from_client, confidence=PROBABLE)
        elif kind & _WINDOWS_NT or major >= 5:
            self.tell(
                at_ns, Attribute.OPERATING_SYSTEM, windows_of(major, minor), is_of_client=is_from_client,
                confidence=PROBABLE,
            )  # fmt: skip
        if comment := text_of(payload[start + 32 :].split(b"\0", 1)[0]):
            self.tell(at_ns, Attribute.DESCRIPTION, comment, is_of_client=is_from_client, confidence=PROBABLE)
        if kind & _CONTROLS_DOMAIN or kind & _PRINTS:
            self.tell(at_ns, Attribute.ROLE, Role.SERVER, is_of_client=is_from_client, confidence=POSSIBLE)


def _name_at(payload: bytes, position: int) -> tuple[str, int, int]:
    """Return a name, its suffix, and where it ends.

    Raises:
        Malformed: It is no name of NetBIOS.
        IndexError: It ends too early.
    """
    if payload[position] != 0x20:
        raise Malformed(f"a name of {payload[position]} letters in place of 32")
    letters = payload[position + 1 : position + 33]
    if len(letters) < 32 or not all(0x41 <= letter <= 0x50 for letter in letters):
        raise Malformed("a name in other letters than NetBIOS writes")
    raw = bytes((letters[at] - 0x41) << 4 | letters[at + 1] - 0x41 for at in range(0, 32, 2))
    end = position + _NAME_BYTES
    for _ in range(16):  # the scope, label by label
        if not payload[end - 1]:
            break
        end += 1 + payload[end - 1]
    return text_of(raw[:15]).rstrip(" \0"), raw[15], end
