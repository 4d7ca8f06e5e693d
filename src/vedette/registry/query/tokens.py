"""The words of the query language. Pure."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final, Literal

from vedette.registry.query.errors import InvalidQuery

TEXT_MAX_BYTES: Final = 8192
NAME_MAX_CHARS: Final = 1024
INDEX_MAX: Final = 9999
NUMBER_MAX_CHARS: Final = 400
# Whole numbers up to here are the same as double-precision ones.
EXACT_MAX: Final = 2**53

KEYWORDS: Final = frozenset(
    {
        *("SELECT", "TOP", "AS", "FROM", "WHERE", "GROUP", "BY"),
        *("AND", "OR", "NOT", "IN", "NIN"),
        *("TRUE", "FALSE", "NULL", "UNDEFINED"),
    }
)

Kind = Literal["keyword", "path", "number", "text", "symbol", "end"]
Step = str | int

_SPACE: Final = re.compile(r"[ \t\r\n]*")
_NAME: Final = re.compile(r"[^\W\d][\w$]*|\$[\w$]+")
_MEMBER: Final = re.compile(r"\.([\w$]+)")
_QUOTED: Final = re.compile(r"\.?\[\[(.*?)\]\]", re.DOTALL)
_INDEX: Final = re.compile(r"\[\s*(\d{1,9})\s*\]")
_HEX: Final = re.compile(r"0[xX]([0-9a-fA-F]+)")
_NUMBER: Final = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_SYMBOLS: Final = ("!=", "<>", "<=", ">=", "=", "<", ">", "+", "-", "*", "/", "%", "(", ")", "[", "]", ",")
_ESCAPES: Final = {"'": "'", '"': '"', "\\": "\\"}
_CURLED: Final = "`\u2018\u2019\u201c\u201d"
_UNICODE: Final = re.compile(r"u([0-9a-fA-F]{4})")


@dataclass(frozen=True, slots=True)
class Token:
    """A word and where it begins.

    Attributes:
        value: Of a number or text; the upper-case keyword; the symbol.
        steps: Of a path.
        end: The position behind it.
    """

    kind: Kind
    value: str | int | float
    position: int
    end: int
    steps: tuple[Step, ...] = ()

    def is_word(self, *words: str) -> bool:
        """Tell whether this is one of some keywords or symbols."""
        return self.kind in {"keyword", "symbol"} and self.value in words

    def __str__(self) -> str:
        if self.kind == "end":
            return "the end"
        if self.kind == "text":
            return "a text"
        if self.kind == "path":
            return repr(str(self.steps[0])[:40])
        return repr(str(self.value)[:40])


def read_tokens(text: str) -> list[Token]:
    """Split a text into its words; the last one is the end.

    Raises:
        InvalidQuery: It is longer than 8 KiB, or has a character or literal that is none of the language's.
    """
    if len(text) > TEXT_MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > TEXT_MAX_BYTES:
        raise InvalidQuery(f"the text is longer than {TEXT_MAX_BYTES} bytes", position=TEXT_MAX_BYTES)
    tokens = []
    position = _skip_space(text, 0)
    while position < len(text):
        token = _read_token(text, position)
        tokens.append(token)
        position = _skip_space(text, token.end)
    tokens.append(Token("end", "", len(text), len(text)))
    return tokens


def _skip_space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return position if found is None else found.end()


def _read_token(text: str, position: int) -> Token:
    character = text[position]
    if character in "'\"":
        return _read_text(text, position)
    if character.isdecimal() or (character == "." and text[position + 1 : position + 2].isdecimal()):
        return _read_number(text, position)
    if _NAME.match(text, position):
        return _read_path(text, position)
    for symbol in _SYMBOLS:
        if text.startswith(symbol, position):
            return Token("symbol", "!=" if symbol == "<>" else symbol, position, position + len(symbol))
    hint = "texts stand in straight quotes: 'north'" if character in _CURLED else ""
    if character == "!":
        hint = "write != or <> for 'not equal', NOT for 'not'"
    raise InvalidQuery(f"{character!r} is not part of the language", position=position, hint=hint)


def _read_path(text: str, start: int) -> Token:
    found = _NAME.match(text, start)
    assert found is not None  # noqa: S101 - the caller has looked
    position = found.end()
    steps: list[Step] = [_check_name(found.group(), start)]
    word = found.group().upper()
    if word in KEYWORDS:
        return Token("keyword", word, start, position)
    while True:
        if member := _MEMBER.match(text, position):
            steps.append(_check_name(member.group(1), position + 1))
        elif member := _QUOTED.match(text, position):
            steps.append(_check_name(member.group(1), position))
        elif member := _INDEX.match(text, position):
            index = int(member.group(1))
            if index > INDEX_MAX:
                raise InvalidQuery(f"an index is at most {INDEX_MAX}", position=position)
            steps.append(index)
        else:
            break
        position = member.end()
    if text.startswith((".", "[["), position):
        raise InvalidQuery(
            "a name is missing", position=position, expected="a name", hint="other names than words: tags.[[my-name]]"
        )
    return Token("path", found.group(), start, position, tuple(steps))


def _check_name(name: str, position: int) -> str:
    if not 0 < len(name) <= NAME_MAX_CHARS:
        raise InvalidQuery(f"a name has 1 to {NAME_MAX_CHARS} characters", position=position)
    _check_storable(name, position)
    return name


def _read_number(text: str, start: int) -> Token:
    found = _HEX.match(text, start) or _NUMBER.match(text, start)
    if found is None or found.end() - start > NUMBER_MAX_CHARS:
        raise InvalidQuery("this is no number", position=start, hint="write 12, 1.5, 1e3 or 0x1F")
    if found.end() < len(text) and (text[found.end()].isalnum() or text[found.end()] in "_."):
        raise InvalidQuery("this is no number", position=start, hint="texts stand in quotes: '4b'")
    return Token("number", _to_number(found, start), start, found.end())


def _to_number(found: re.Match[str], position: int) -> int | float:
    try:
        if found.re is _HEX:
            number: int | float = int(found.group(1), 16)
        else:
            literal = found.group()
            number = int(literal) if literal.isdecimal() else float(literal)
        if isinstance(number, int) and number > EXACT_MAX:
            number = float(number)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise InvalidQuery("the number is too large", position=position)
    return number


def _read_text(text: str, start: int) -> Token:
    quote = text[start]
    parts: list[str] = []
    position = start + 1
    while True:
        end = _find_end(text, position, quote, start)
        parts.append(text[position:end])
        if text[end] == quote:
            break
        piece, position = _read_escape(text, end + 1)
        parts.append(piece)
    try:
        # Two escapes may be the halves of one character.
        value = "".join(parts).encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError as error:
        raise InvalidQuery("the text holds half a surrogate pair", position=start) from error
    _check_storable(value, start)
    return Token("text", value, start, end + 1)


def _find_end(text: str, position: int, quote: str, start: int) -> int:
    for end in range(position, len(text)):
        if text[end] in (quote, "\\"):
            return end
    raise InvalidQuery(
        "the text has no end", position=start, expected=quote, hint=f"close it with {quote}, write \\{quote} inside"
    )


def _read_escape(text: str, position: int) -> tuple[str, int]:
    character = text[position : position + 1]
    if character in _ESCAPES:
        return _ESCAPES[character], position + 1
    if found := _UNICODE.match(text, position):
        return chr(int(found.group(1), 16)), found.end()
    raise InvalidQuery(
        "a backslash stands before nothing it goes with",
        position=position - 1,
        expected="\\' \\\" \\\\ or \\uXXXX",
        hint="write two backslashes for one",
    )


def _check_storable(value: str, position: int) -> None:
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise InvalidQuery("a NUL or half a surrogate pair is never stored, so never found", position=position)
