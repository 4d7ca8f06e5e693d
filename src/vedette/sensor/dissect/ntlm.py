"""NTLM, wherever it is carried: names of computers, domains and users, and which Windows it is.

Source:
    [MS-NLMP] §2.2.1 (messages) and §2.2.2.1 (pairs).
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple

MARK: Final = b"NTLMSSP\0"

_LONG: Final = Struct("<I").unpack_from
_FIELD: Final = Struct("<HHI").unpack_from
_PAIR: Final = Struct("<HH").unpack_from
_VERSION: Final = Struct("<BBH").unpack_from
_HAS_VERSION: Final = 0x0200_0000
_UNICODE: Final = 0x1
_MAX_PAIRS: Final = 16
_NAMES: Final = {
    (4, 0): "Windows NT 4.0", (5, 0): "Windows 2000", (5, 1): "Windows XP", (5, 2): "Windows Server 2003",
    (6, 0): "Windows Vista or Server 2008", (6, 1): "Windows 7 or Server 2008 R2", (6, 2): "Windows 8 or Server 2012",
    (6, 3): "Windows 8.1 or Server 2012 R2",
}  # fmt: skip
_BUILDS: Final = (
    (26_100, "Windows 11 or Server 2025"), (22_000, "Windows 11"), (20_348, "Windows Server 2022"),
    (18_362, "Windows 10"), (17_763, "Windows 10 or Server 2019"), (14_393, "Windows 10 or Server 2016"),
    (10_240, "Windows 10"),
)  # fmt: skip


class Ntlm(NamedTuple):
    """One message; what it does not carry is empty."""

    kind: int
    """1 negotiate, 2 challenge, 3 authenticate."""
    user: str = ""
    domain: str = ""
    computer: str = ""
    dns_name: str = ""
    system: str = ""
    is_version_1: bool = False


def read_ntlm(data: bytes) -> Ntlm | None:
    """Read the first NTLM message within ``data``; None if there is none.

    Raises:
        struct.error: It ends too early.
    """
    start = data.find(MARK)
    if start < 0:
        return None
    message = data[start : start + 8192]
    (kind,) = _LONG(message, 8)
    if kind == 1:
        (flags,) = _LONG(message, 12)
        return Ntlm(1, system=_system(message, 32, flags))
    if kind == 2:
        (flags,) = _LONG(message, 20)
        pairs = _pairs(_content(message, 40)) if len(message) >= 48 else {}
        return Ntlm(
            2, "", pairs.get(4, "") or pairs.get(2, ""), pairs.get(1, ""), pairs.get(3, ""), _system(message, 48, flags)
        )
    if kind == 3:
        (flags,) = _LONG(message, 60) if len(message) >= 64 else (_UNICODE,)
        answer = _FIELD(message, 20)[0]
        return Ntlm(
            3,
            _text(_content(message, 36), flags),
            _text(_content(message, 28), flags),
            _text(_content(message, 44), flags),
            "",
            _system(message, 64, flags),
            answer == 24,
        )
    return None


def windows(major: int, minor: int, build: int) -> str:
    """Name a Windows by its version; empty for a version that says nothing."""
    if not build:
        return ""  # Samba and others fill in a version without a build
    name = _NAMES.get((major, minor), "")
    if major == 10:
        name = next((name for least, name in _BUILDS if build >= least), "Windows 10")
    return f"{name or 'Windows'} ({major}.{minor}.{build})"


def windows_of(major: int, minor: int) -> str:
    """Name a Windows by its version where no build is told."""
    return f"{_NAMES.get((major, minor)) or 'Windows'} ({major}.{minor})"


def _system(message: bytes, position: int, flags: int) -> str:
    if not flags & _HAS_VERSION or len(message) < position + 4:
        return ""
    return windows(*_VERSION(message, position))


def _content(message: bytes, position: int) -> bytes:
    size, _, offset = _FIELD(message, position)
    return message[offset : offset + size]


def _text(content: bytes, flags: int) -> str:
    return content[:512].decode("utf-16-le" if flags & _UNICODE else "latin-1", "replace")


def _pairs(content: bytes) -> dict[int, str]:
    found: dict[int, str] = {}
    position = 0
    for _ in range(_MAX_PAIRS):
        if position + 4 > len(content):
            break
        kind, size = _PAIR(content, position)
        if not kind:
            break
        found[kind] = content[position + 4 : position + 4 + min(size, 512)].decode("utf-16-le", "replace")
        position += 4 + size
    return found
