"""What may stand next in a query or condition that somebody is writing. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from vedette.registry.query.errors import InvalidQuery
from vedette.registry.query.fields import FIELDS, Field, Kind
from vedette.registry.query.functions import FUNCTIONS
from vedette.registry.query.tokens import TEXT_MAX_BYTES, Token, read_tokens
from vedette.registry.query.tree import SourceName

COMPLETIONS_MAX: Final = 50

_NAME: Final = re.compile(r"(?:[^\W\d]|\$)[\w.$]*$")
_AFTER_OPERAND: Final = {"keyword", "path", "number", "text"}
_OPERATORS: Final = ("=", "!=", "<", "<=", ">", ">=", "IN", "NIN")
_JOINTS: Final = ("AND", "OR")


@dataclass(frozen=True, slots=True)
class Completion:
    """One thing that may stand at a place.

    Attributes:
        text: What to put there.
        start: The position that it begins at, before what is already written of it.
    """

    text: str
    kind: Literal["field", "function", "keyword", "value"]
    summary: str
    start: int


def complete(text: str, position: int) -> list[Completion]:
    """Return what may stand at a position of a query or condition, those that begin as written, at most 50.

    Args:
        text: As far as it is written; need not be whole.
        position: Where the caret stands.
    """
    before = text[: max(0, min(position, len(text), TEXT_MAX_BYTES))]
    name = _NAME.search(before)
    start = len(before) if name is None else name.start()
    tokens, end = _read(before[:start])
    if end < start:
        if before[end] not in "'\"":
            return []
        start = end  # a text that is still open is a word as well
    begun = before[start:].lower()
    found = (each for each in _candidates(tokens, _source_of(text), start) if each.text.lower().startswith(begun))
    return [each for each, _ in zip(found, range(COMPLETIONS_MAX), strict=False)]


def _read(text: str) -> tuple[list[Token], int]:
    """Return the words of a text, and where they end: before its end if something is not readable, or not yet."""
    while True:
        try:
            return read_tokens(text)[:-1], len(text)
        except InvalidQuery as refused:
            text = text[: min(refused.position, len(text) - 1)]


def _source_of(text: str) -> SourceName:
    is_of_modules = re.search(r"\bfrom\s+devices\s*\.\s*modules\b", text, re.IGNORECASE)
    return "devices.modules" if is_of_modules else "devices"


def _candidates(tokens: Sequence[Token], source: SourceName, start: int) -> Iterator[Completion]:
    last = tokens[-1] if tokens else None
    is_query = bool(tokens) and tokens[0].is_word("SELECT")
    clause = _clause(tokens) if is_query else "WHERE"
    if last is None:
        yield Completion("SELECT", "keyword", "a whole query", start)
    if last is not None and last.is_word("FROM"):
        for name in FIELDS:
            yield Completion(name, "keyword", "what the query is about", start)
    elif last is not None and (last.kind in _AFTER_OPERAND or last.is_word(")", "]")) and not _opens(last):
        yield from _keywords(_following(clause, last), start)
    else:
        yield from _operands(tokens, source, clause, start)


def _clause(tokens: Sequence[Token]) -> str:
    """Return the clause of a query that its last token is in."""
    clauses = [str(token.value) for token in tokens if token.is_word("SELECT", "FROM", "WHERE", "GROUP")]
    return clauses[-1]


def _opens(token: Token) -> bool:
    """Tell whether a keyword asks for an operand."""
    return token.is_word("SELECT", "TOP", "WHERE", "BY", "AND", "OR", "NOT", "IN", "NIN", "AS", "GROUP")


def _following(clause: str, last: Token) -> Sequence[str]:
    is_field = last.kind == "path"
    match clause:
        case "SELECT":
            return ("AS", "FROM") if is_field or last.is_word(")") else ("FROM",)
        case "FROM":
            return ("WHERE", "GROUP BY")
        case "GROUP":
            return ()
        case _:
            return (*_OPERATORS, *_JOINTS) if is_field else (*_JOINTS, "GROUP BY")


def _keywords(words: Sequence[str], start: int) -> Iterator[Completion]:
    for word in words:
        yield Completion(word, "keyword", "", start)


def _operands(tokens: Sequence[Token], source: SourceName, clause: str, start: int) -> Iterator[Completion]:
    compared = _compared_field(tokens, source)
    if compared is not None:
        for word in compared.words:
            yield Completion(f"'{word}'", "value", compared.summary, start)
        if compared.kind is Kind.BOOLEAN:
            for word in ("true", "false"):
                yield Completion(word, "value", compared.summary, start)
    if clause == "SELECT" and tokens and tokens[-1].is_word("SELECT"):
        yield from (
            Completion("*", "keyword", "whole twins", start),
            Completion("TOP", "keyword", "no more than", start),
        )
    for field in FIELDS[source].values():
        suffix = "." if field.kind is Kind.OBJECT else ""
        yield Completion(field.name + suffix, "field", field.summary, start)
    if clause == "SELECT":
        for name in ("COUNT", "AVG", "SUM", "MIN", "MAX"):
            yield Completion(f"{name}(", "function", "of all rows of a group", start)
    elif clause == "WHERE":
        yield Completion("NOT", "keyword", "the opposite", start)
        for function in FUNCTIONS.values():
            yield Completion(f"{function.name}(", "function", function.summary, start)


def _compared_field(tokens: Sequence[Token], source: SourceName) -> Field | None:
    """Return the field whose value stands next: behind a comparison, or within the list of an IN."""
    end = len(tokens) - 1
    if end >= 0 and tokens[end].is_word("[", ","):
        while end >= 0 and not tokens[end].is_word("["):
            end -= 1
        end -= 1
    is_relation = end > 0 and tokens[end].is_word(*_OPERATORS) and tokens[end - 1].kind == "path"
    if not is_relation:
        return None
    return next((field for path, field in FIELDS[source].items() if path == tokens[end - 1].steps), None)
