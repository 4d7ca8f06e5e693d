"""Which known name somebody meant. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

_CUTOFF: Final = 0.7


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like a word, case and underscores aside; ``None`` if none is."""
    by_form = {_form(name): name for name in known}
    found = difflib.get_close_matches(_form(word[:64]), by_form, n=1, cutoff=_CUTOFF)
    return by_form[found[0]] if found else None


def _form(word: str) -> str:
    return word.replace("_", "").lower()
