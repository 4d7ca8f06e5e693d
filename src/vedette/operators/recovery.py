"""Recovery codes: what a person keeps on paper for the day their passkeys are gone."""

from __future__ import annotations

from typing import Final

from vedette.kernel import IdSource
from vedette.operators.model import digest_of

CODES: Final = 10
CODE_MAX_CHARS: Final = 64
_CHARS: Final = 20
_GROUP: Final = 4
# Crockford's base 32: no i, l, o, u, which are misread.
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_MISREAD: Final = str.maketrans("oil", "011")


def new_codes(ids: IdSource) -> tuple[str, ...]:
    """Return ten codes of 100 random bits, in groups of four that can be copied by hand."""
    return tuple(_grouped("".join(_ALPHABET[byte & 31] for byte in ids.random_bytes(_CHARS))) for _ in range(CODES))


def code_digest(text: str) -> bytes | None:
    """Return what is kept of a code as somebody typed it; None if it cannot be one."""
    code = "".join(text[:CODE_MAX_CHARS].lower().replace("-", " ").split()).translate(_MISREAD)
    if len(code) != _CHARS or any(char not in _ALPHABET for char in code):
        return None
    return digest_of(f"recovery:{code}")


def _grouped(code: str) -> str:
    return "-".join(code[at : at + _GROUP] for at in range(0, _CHARS, _GROUP))
