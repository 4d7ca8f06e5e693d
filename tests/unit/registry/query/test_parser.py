"""The grammar: what is read, how it binds, and what is said of what is not."""

from __future__ import annotations

import string
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.registry.query import InvalidQuery, parse_condition, parse_query
from vedette.registry.query.parser import DEPTH_MAX, ITEMS_MAX, LIST_MAX, TERMS_MAX
from vedette.registry.query.tokens import INDEX_MAX, NAME_MAX_CHARS, TEXT_MAX_BYTES
from vedette.registry.query.tree import (
    UNDEFINED,
    Aggregate,
    And,
    Arithmetic,
    Call,
    Comparison,
    Constant,
    Item,
    Membership,
    Negative,
    Node,
    Not,
    Or,
    Path,
    Query,
)

A, B, C = Path(("a",)), Path(("b",)), Path(("c",))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = 1", Comparison("=", A, Constant(1))),
        ("a <> 1", Comparison("!=", A, Constant(1))),
        ("a OR b AND c", Or((A, And((B, C))))),
        ("a AND b AND c", And((A, B, C))),
        ("NOT a = 1 AND b", And((Not(Comparison("=", A, Constant(1))), B))),
        ("not (a or b)", Not(Or((A, B)))),
        ("a + b * c = 1", Comparison("=", Arithmetic("+", A, Arithmetic("*", B, C)), Constant(1))),
        ("a - b - c = 1", Comparison("=", Arithmetic("-", Arithmetic("-", A, B), C), Constant(1))),
        ("(a - b) % c = 1", Comparison("=", Arithmetic("%", Arithmetic("-", A, B), C), Constant(1))),
        ("-a * b < 1", Comparison("<", Arithmetic("*", Negative(A), B), Constant(1))),
        ("a = -1.5e1", Comparison("=", A, Constant(-15.0))),
        ("a >= 0x1F", Comparison(">=", A, Constant(31))),
        ("a IN [1, 'x', true, null, undefined, -2]", Membership(A, (1, "x", True, None, UNDEFINED, -2), False)),
        ("a NIN []", Membership(A, (), True)),
        ("a NOT IN [1]", Membership(A, (1,), True)),
        ("a in[1]", Membership(A, (1,), False)),
        ("starts_with(a, 'x')", Call("STARTS_WITH", (A, Constant("x")))),
        ("is_defined(a.b)", Call("IS_DEFINED", (Path(("a", "b")),))),
        ("a.b[3].[[c d]].$e[[f.g]].10", Path(("a", "b", 3, "c d", "$e", "f.g", "10"))),
        ("tags.in = 1", Comparison("=", Path(("tags", "in")), Constant(1))),
        ("devices.tags.x", Path(("tags", "x"))),
        ("été = 'é'", Comparison("=", Path(("été",)), Constant("é"))),
        (r"""a = 'it\'s \"q\" \\ \u00e9'""", Comparison("=", A, Constant('it\'s "q" \\ é'))),
        (r'a = "\ud83d\ude00"', Comparison("=", A, Constant("😀"))),
        ("a = 9007199254740993", Comparison("=", A, Constant(9007199254740992.0))),
        ("a = NULL", Comparison("=", A, Constant(None))),
        ("a = .5", Comparison("=", A, Constant(0.5))),
        ("true", Constant(True)),
    ],
)
def test_conditions_are_read_as_they_bind(text: str, expected: Node) -> None:
    assert parse_condition(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT * FROM devices", Query(source="devices")),
        ("select * from Devices.Modules where a", Query(source="devices.modules", where=A)),
        ("SELECT TOP 5 a, b.c AS d, e f FROM devices", None),
        ("SELECT COUNT() AS n, AVG(a), a FROM devices GROUP BY a", None),
        ("SELECT count(*) FROM devices", Query(source="devices", items=(Item(Aggregate("COUNT", None), "count"),))),
    ],
)
def test_queries_are_read(text: str, expected: Query | None) -> None:
    query = parse_query(text)
    assert expected is None or query == expected


def test_columns_have_the_names_of_their_aliases_or_last_steps() -> None:
    query = parse_query(
        "SELECT TOP 5 a, b.c, b.d AS e, b[[x y]] f, MAX(a) FROM devices.modules GROUP BY a, b.c, b.d, b[[x y]]"
    )
    assert query.items is not None
    assert [item.name for item in query.items] == ["a", "c", "e", "f", "max"]
    assert (query.top, query.is_aggregate, len(query.group_by)) == (5, True, 4)


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("", 0, "a field"),
        ("a =", 3, "a field"),
        ("a = b = c", 6, "AND"),
        ("a b", 2, "AND, OR or the end"),
        ("a = 'x", 4, "no end"),
        (r"a = 'x\n'", 6, "backslash"),
        (r"a = '\ud800'", 4, "surrogate"),
        (r"a = '\u0000'", 4, "NUL"),
        ("a = 1x", 4, "no number"),
        ("a = 1.2.3", 4, "no number"),
        ("a = 1e999", 4, "too large"),
        ("a = 0x" + "F" * 300, 4, "too large"),
        ("a = #", 4, "not part"),
        ("a ! b", 2, "not equal"),
        ("a = \u2018x\u2019", 4, "straight quotes"),
        ("(a = 1", 6, ")"),
        ("a = 1)", 5, "the end"),
        ("a.", 1, "a name is missing"),
        ("a[[]]", 1, "1 to"),
        ("a[[b", 1, "a name is missing"),
        ("a[1", 1, "the end"),
        (f"a[{INDEX_MAX + 1}]", 1, "at most"),
        ("a IN 1", 5, "["),
        ("a IN (1)", 5, "square brackets"),
        ("a IN [b]", 6, "quotes"),
        ("a IN [1 2]", 8, ","),
        ("a IN [1,", 8, "a constant"),
        ("a IN [-'x']", 7, "a number"),
        ("a = [1]", 4, "after IN"),
        ("IS_DEFINED(1)", 0, "a path"),
        ("IS_DEFINED(a, b)", 0, "takes 1"),
        ("STARTSWITH(a)", 0, "takes 2"),
        ("STARTWITH(a, 'b')", 0, "did you mean"),
        ("COUNT() = 1", 0, "after SELECT"),
        ("a.b(1)", 0, "no function"),
        ("SELECT * FROM devices", 0, "only a condition"),
        ("WHERE a = 1", 0, "leave out"),
        ("a NOT b", 6, "IN"),
        ("- = 1", 2, "a field"),
    ],
)
def test_conditions_that_cannot_be_read_are_refused_at_their_place(text: str, position: int, words: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        parse_condition(text)
    assert refused.value.context["position"] == position, refused.value
    assert words in f"{refused.value} {refused.value.context.get('expected', '')}"


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("", 0, "SELECT"),
        ("SELEC * FROM devices", 0, "did you mean SELECT?"),
        ("SELECT * FORM devices", 9, "did you mean FROM?"),
        ("SELECT * FROM device", 14, "devices or devices.modules"),
        ("SELECT * FROM devices.jobs", 14, "there are none"),
        ("SELECT * FROM devices WEHRE a = 1", 22, "did you mean WHERE?"),
        ("SELECT * FROM devices ORDER BY a", 22, "sort them yourself"),
        ("SELECT * FROM devices WHERE a = 'it''s'", 36, "\\'"),
        ("SELECT FROM devices", 7, "a field"),
        ("SELECT TOP 0 * FROM devices", 11, "whole number"),
        ("SELECT TOP x * FROM devices", 11, "whole number"),
        ("SELECT a, b.a FROM devices", 10, "alias"),
        ("SELECT MEDIAN(a) FROM devices", 7, "AVG"),
        ("SELECT SUMM(a) FROM devices", 7, "did you mean SUM?"),
        ("SELECT SUM() FROM devices", 11, "a field"),
        ("SELECT COUNT(a) FROM devices", 13, ")"),
        ("SELECT a AS b.c FROM devices", 12, "a name"),
        ("SELECT a, COUNT() FROM devices", 7, "GROUP BY a"),
        ("SELECT * FROM devices GROUP BY a", 0, "exclude"),
        ("SELECT a FROM devices GROUP a", 28, "BY"),
        ("SELECT a FROM devices GROUP BY 1", 31, "a field"),
    ],
)
def test_queries_that_cannot_be_read_are_refused_at_their_place(text: str, position: int, words: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        parse_query(text)
    assert refused.value.context["position"] == position, refused.value
    assert words in f"{refused.value} {refused.value.context.get('expected', '')}"


def nested(depth: int) -> str:
    return "(" * (depth - 1) + "a" + ")" * (depth - 1)


@pytest.mark.parametrize(
    ("limit", "good", "bad"),
    [
        ("text", "a" + " " * (TEXT_MAX_BYTES - 1), "a" + " " * TEXT_MAX_BYTES),
        ("text in bytes", "a = '" + "é" * 4000 + "'", "a = '" + "é" * 4094 + "'"),
        ("parentheses", nested(DEPTH_MAX), nested(DEPTH_MAX + 1)),
        ("negations", "NOT " * (DEPTH_MAX - 1) + "a", "NOT " * DEPTH_MAX + "a"),
        ("signs", "- " * (DEPTH_MAX - 1) + "a", "- " * DEPTH_MAX + "a"),
        ("sums", "a" + "+1" * (DEPTH_MAX - 1), "a" + "+1" * DEPTH_MAX),
        ("terms", " OR ".join("a" * TERMS_MAX), " OR ".join("a" * (TERMS_MAX + 1))),
        ("constants", f"a IN [{','.join('1' * LIST_MAX)}]", f"a IN [{','.join('1' * (LIST_MAX + 1))}]"),
        ("names", "a.[[" + "x" * NAME_MAX_CHARS + "]]", "a.[[" + "x" * (NAME_MAX_CHARS + 1) + "]]"),
    ],
)
def test_each_limit_holds_at_its_edge(limit: str, good: str, bad: str) -> None:
    parse_condition(good)
    with pytest.raises(InvalidQuery):
        parse_condition(bad)


def test_a_projection_has_a_limit() -> None:
    columns = ", ".join(f"a.b{number}" for number in range(ITEMS_MAX))
    text = "SELECT {} FROM devices"
    parse_query(text.format(columns))
    with pytest.raises(InvalidQuery):
        parse_query(text.format(columns + ", c"))


pieces = st.sampled_from(
    [
        *("SELECT", "FROM", "WHERE", "devices", "tags.x", "=", "IN", "[", "]", "[[", "]]", "(", ")", "'", '"', "\\u00"),
        *("AND", "OR", "NOT", "1", "-", "0x", "1e", ".", ",", "IS_DEFINED", "COUNT", "GROUP BY", "null", "ORDER", "*"),
    ]
)


@given(st.lists(pieces | st.text(max_size=3), max_size=30).map(" ".join) | st.text(string.printable, max_size=60))
def test_any_text_is_read_or_refused_with_a_place_in_it(text: str) -> None:
    for read in (parse_condition, parse_query):
        refused = refusal_of(read, text)
        assert refused is None or (0 <= refused.position <= len(text) and refused.detail)


def refusal_of(read: Callable[[str], object], text: str) -> InvalidQuery | None:
    try:
        read(text)
    except InvalidQuery as refused:
        return refused
    return None
