"""What conditions mean, without a database."""

from __future__ import annotations

from typing import Any

import pytest

from vedette.registry.query import InvalidQuery, check_condition, check_group_condition, condition, parse_condition
from vedette.registry.query.evaluate import evaluator
from vedette.registry.query.fields import FIELDS
from vedette.registry.query.functions import FUNCTIONS
from vedette.registry.query.tree import UNDEFINED, Constant

TWIN: dict[str, Any] = {
    "deviceId": "pump-7",
    "status": "enabled",
    "site": None,
    "isBlocked": False,
    "lastActivityTime": "2026-11-22T10:00:00.123Z",
    "createdTime": "0001-01-01T00:00:00Z",
    "groups": ["pumps", "north"],
    "tags": {
        "n": 5,
        "half": 0.5,
        "yes": True,
        "text": "north",
        "list": [1, "a", None, {"x": 2}, [1]],
        "object": {"x": 1},
        "number": "12.5",
        "a b": {"c.d": 1},
    },
    "properties": {"desired": {"fw": "2", "$version": 4}, "reported": {"fw": "1", "$version": 9}},
}


def holds(text: str) -> bool:
    return condition(check_condition(parse_condition(text)))(TWIN)


@pytest.mark.parametrize(
    "text",
    [
        "tags.n = 5 AND tags.n = 5.0 AND tags.n < 6 AND tags.n >= 5 AND tags.n != 4",
        "tags.text = 'north' AND tags.text > 'North' AND tags.text != 'south'",
        "tags.yes AND tags.yes = true AND tags.yes != false AND NOT tags.yes = false",
        "tags.list[1] = 'a' AND tags.list[3].x = 2 AND tags.list[2] = null",
        "tags.[[a b]].[[c.d]] = 1",
        "site = null AND NOT site != null AND site != 'x' AND IS_DEFINED(site)",
        "tags.n != null AND tags.object != null AND tags.list != null",
        "properties.desired.fw != properties.reported.fw",
        "properties.desired.$version < properties.reported.$version",
        "tags.n IN [1, 5] AND tags.n NIN [1, '5'] AND tags.text NOT IN ['x'] AND site IN [null]",
        "tags.n + 1 = 6 AND tags.n * 2 - 1 = 9 AND tags.n / 2 = 2.5 AND tags.n % 3 = 2 AND -tags.n = 0 - 5",
        "-7 % 3 = -1 AND 7 % -3 = 1",
        "1 + 2 * 3 = 7 AND (1 + 2) * 3 = 9",
        "tags.half = .5 AND tags.half < 1",
        "STARTSWITH(tags.text, 'no') AND ENDSWITH(tags.text, 'th') AND CONTAINS(tags.text, 'ort')",
        "CONTAINS(groups, 'pumps') AND NOT CONTAINS(groups, 'valves') AND CONTAINS(tags.list, 1)",
        "CONTAINS(tags.list, null) AND NOT CONTAINS(tags.list, 'b')",
        "IS_STRING(tags.text) AND IS_NUMBER(tags.n) AND IS_BOOL(tags.yes) AND IS_ARRAY(tags.list)",
        "IS_OBJECT(tags.object) AND IS_NULL(site) AND IS_PRIMITIVE(site) AND NOT IS_PRIMITIVE(tags.list)",
        "NOT IS_NUMBER(tags.yes) AND NOT IS_BOOL(tags.n) AND NOT IS_PRIMITIVE(tags.nothing)",
        "IS_DEFINED(tags.text) = true AND (tags.n = 5) = true",
        "ABS(-tags.n) = 5 AND CEILING(0.2) = 1 AND FLOOR(-0.2) = -1 AND SIGN(-3) = -1 AND SQRT(9) = 3",
        "POWER(2, 10) = 1024 AND SQUARE(3) = 9 AND EXP(0) = 1 AND AS_NUMBER(tags.number) = 12.5",
        "CONCAT(tags.text, '-', 'x') = 'north-x' AND LENGTH(tags.text) = 5 AND UPPER(tags.text) = 'NORTH'",
        "LOWER('ÄB') = 'äb' AND SUBSTRING(tags.text, 1, 2) = 'or' AND SUBSTRING(tags.text, 3) = 'th'",
        "INDEX_OF(tags.text, 'r') = 2 AND INDEX_OF(tags.text, 'z') = -1",
        "lastActivityTime > '2026-11-22' AND lastActivityTime = '2026-11-22T11:00:00.1234+01:00'",
        "lastActivityTime IN ['2026-11-22T10:00:00.123Z'] AND '2026-11-23' > lastActivityTime",
        "createdTime = '0001-01-01' AND createdTime < '2000-01-01'",
    ],
)
def test_it_holds(text: str) -> None:
    assert holds(text)


@pytest.mark.parametrize(
    "text",
    [
        "tags.nothing = 1",
        "tags.nothing != 1",
        "tags.nothing = null",
        "tags.nothing != null",
        "tags.nothing = tags.nothing",
        "tags.nothing = undefined",
        "tags.nothing IN [1, null, undefined]",
        "tags.nothing NIN [1]",
        "tags.n = '5'",
        "tags.n != '5'",
        "tags.n < '6'",
        "tags.yes = 1",
        "tags.yes > false",
        "tags.object = tags.object",
        "tags.list = tags.list",
        "tags.list < 1",
        "site < 'x'",
        "site <= null",
        "tags.n",
        "tags.text",
        "tags.text.x",
        "tags.object[0]",
        "tags.list.x",
        "tags.list[9] = 1",
        "1 / 0 = 1 / 0",
        "tags.n % 0 = 0",
        "tags.text + 1 = 1",
        "POWER(10, 400) > 0",
        "POWER(-8, 0.5) != 0",
        "SQRT(-1) = SQRT(-1)",
        "STARTSWITH(tags.n, '5')",
        "LENGTH(tags.n) = 1",
        "SUBSTRING(tags.text, -1) = 'h'",
        "AS_NUMBER('1_0') = 10",
        "AS_NUMBER('nan') != 0",
        "undefined = undefined",
        "CONTAINS(tags.nothing, 'x')",
        "createdTime > '2026-01-01'",
    ],
)
def test_it_does_not_hold_and_its_opposite_does(text: str) -> None:
    assert not holds(text)
    assert holds(f"NOT ({text})")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tag.site = 'x'", "did you mean tags?"),
        ("devicId = 'x'", "did you mean deviceId?"),
        ("device_class = 'x'", "did you mean deviceClass?"),
        ("propertie.reported.x = 1", "did you mean properties.reported?"),
        ("properties.report.x = 1", "did you mean properties.reported?"),
        ("properties[0] = 1", "no field"),
        ("capabilities.edge", "did you mean capabilities.iotEdge?"),
        ("iotEdge", "did you mean capabilities.iotEdge?"),
        ("location = 'x'", "tags.location"),
        ("deviceId.x = 1", "no members"),
        ("status[0] = 'e'", "no members"),
        ("moduleId = 'x'", "no field"),
        ("lastActivityTime > 'yesterday'", "no time"),
        ("createdTime IN ['2026-13-01']", "no time"),
    ],
)
def test_what_nobody_has_is_refused_with_a_hint(text: str, words: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        check_condition(parse_condition(text))
    assert words in str(refused.value), refused.value


@pytest.mark.parametrize(
    "text",
    [
        "connectionState = 'Connected'",
        "lastActivityTime > '2026-01-01'",
        "CONTAINS(groups, 'x')",
        "NOT (tags.a = 1 OR gateway = 'x')",
        "version > 3",
        "etag = 'x'",
        "updatedTime > '2026-01-01'",
        "properties.reported.$version > 1",
        "IS_DEFINED(properties.desired.$metadata)",
    ],
)
def test_groups_cannot_ask_for_what_changes_without_an_act(text: str) -> None:
    with pytest.raises(InvalidQuery):
        check_group_condition(parse_condition(text))


def test_what_is_the_same_in_all_documents_is_computed_once() -> None:
    assert check_condition(parse_condition("1 + 1 = 2 AND NOT UPPER('x') = 'x'")) == Constant(True)
    folded = check_condition(parse_condition("tags.n > 2 * 10"))
    assert folded == check_condition(parse_condition("tags.n > 20.0"))


def test_every_function_says_what_it_does_and_survives_any_value() -> None:
    odd: list[Any] = [UNDEFINED, None, True, 0, -1, 1e308, "", "é", [], [1], {}, {"a": 1}]
    for function in FUNCTIONS.values():
        assert function.summary
        for value in odd:
            for count in range(function.least, min(function.most, 3) + 1):
                result = function.apply(*[value] * count)
                assert not function.is_condition or isinstance(result, bool), (function.name, value)


def test_every_field_says_what_it_is() -> None:
    for source in FIELDS.values():
        assert all(field.summary and field.path == path for path, field in source.items())


def test_a_value_that_is_no_condition_is_a_value() -> None:
    assert evaluator(parse_condition("tags.n * 2"))(TWIN) == 10
    assert evaluator(parse_condition("tags.nothing"))(TWIN) is UNDEFINED
