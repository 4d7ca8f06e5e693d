"""Text from outside, escaped for each place it may be shown.

Device ids, tags, certificate subjects and client strings are chosen by people we do not know. They are stored as they
came and escaped where they leave: shell, terminal, CSV and HTML.
"""

from __future__ import annotations

import html
import shlex
import unicodedata
from typing import Final

# Cc control, Cf format (zero-width, right-to-left overrides), Cs surrogates, Co private, Z* separators but the space.
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})
# Spreadsheets take the wide forms of East Asian keyboards for the same.
_CSV_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def escape_terminal(text: str, *, max_chars: int = 512) -> str:
    r"""Make text harmless on a terminal: control, bidirectional and zero-width characters become ``\x..`` forms.

    Args:
        text: Any text.
        max_chars: Longer text is cut and ends in an ellipsis.
    """
    shown = "".join(_visible(char) for char in text[:max_chars])
    return shown + "…" if len(text) > max_chars else shown


def escape_shell(text: str) -> str:
    """Quote text as one POSIX shell word; invisible characters are made visible first."""
    return shlex.quote("".join(_visible(char) for char in text))


def escape_csv(text: str) -> str:
    """Make text one safe CSV field: quoted, and never a formula in a spreadsheet."""
    shown = "".join(_visible(char) for char in text)
    if shown.startswith(_CSV_FORMULA):
        shown = "'" + shown
    return '"' + shown.replace('"', '""') + '"'


def escape_html(text: str) -> str:
    """Escape text for HTML content and quoted attributes; invisible characters are made visible first."""
    return html.escape("".join(_visible(char) for char in text), quote=True)


def _visible(char: str) -> str:
    if char == " " or unicodedata.category(char) not in _INVISIBLE:
        return char
    code = ord(char)
    if code <= 0xFF:  # noqa: PLR2004 - the width of the escape
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - same
