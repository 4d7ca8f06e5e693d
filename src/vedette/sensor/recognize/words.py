"""Words for what devices say and do: what is different for each specimen of a type is left out. Pure.

Serial numbers, addresses and counters make a name one device's own; ``hp-officejet-4c0b7e`` and ``hp-officejet-118f02``
must become the same word, or a model would learn specimens instead of types.
"""

from __future__ import annotations

import re
from typing import Final

MAX_WORD_CHARS: Final = 120

_SPECIMEN: Final = re.compile(r"(?:[0-9a-f]{2}[:-]){2,}[0-9a-f]{2}|(?=[a-f]*\d)[0-9a-f]{6,}|\d+", re.IGNORECASE)
_DYNAMIC_PORT: Final = 32_768
_TTLS: Final = (32, 64, 128, 255)


def general(text: str) -> str:
    """Return a text in lower case, with numbers and ids blanked."""
    return _SPECIMEN.sub("#", text[: MAX_WORD_CHARS * 2].lower())[:MAX_WORD_CHARS]


def host_words(kind: str, name: str) -> list[str]:
    """Return the words of a host's name: itself, and the domain that it belongs to."""
    labels = [label for label in general(name.rstrip(".")).split(".") if label]
    if not labels:
        return []
    words = [f"{kind}={'.'.join(labels[-5:])}"]
    if len(labels) > 2:
        words.append(f"{kind}~{'.'.join(labels[-2:])}")
    return words


def port_word(port: int) -> str:
    """Return a port, or what stands for all that are picked by chance."""
    return str(port) if port < _DYNAMIC_PORT else "any"


def ttl_word(ttl: int) -> int:
    """Return the time to live that a packet began with: routers on the way change nothing of it."""
    return next((start for start in _TTLS if ttl <= start), 255)


def fingerprint_words(value: str) -> list[str]:
    """Return the words of a fingerprint, ``kind:value``; lists of options also count one by one."""
    kind, _, content = value.partition(":")
    if kind in {"dhcp", "dhcpv6"}:
        options = content.split(",")[:64]
        return [f"{kind}={content[:MAX_WORD_CHARS]}", *(f"{kind}.{option}" for option in options)]
    if kind == "ja4":
        return [f"ja4={content}", f"ja4~{content.partition('_')[0]}"]
    return [f"{kind}={general(content)}"]
