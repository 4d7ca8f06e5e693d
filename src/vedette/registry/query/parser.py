"""From text to tree: a recursive descent with operator precedence. Pure.

Source:
    The hub's query language: lowest to highest ``OR``, ``AND``, ``NOT``, comparison and ``IN``, ``+ -``, ``* / %``,
    unary minus.
"""

from __future__ import annotations

from typing import Final, cast

from vedette.registry.query.errors import InvalidQuery
from vedette.registry.query.functions import FUNCTIONS
from vedette.registry.query.suggest import nearest
from vedette.registry.query.tokens import Token, read_tokens
from vedette.registry.query.tree import (
    UNDEFINED,
    Aggregate,
    AggregateName,
    And,
    Arithmetic,
    ArithmeticOperator,
    Call,
    Comparison,
    Constant,
    Item,
    Membership,
    Negative,
    Node,
    Not,
    Operator,
    Or,
    Path,
    Primitive,
    Query,
    SourceName,
)
from vedette.registry.query.values import is_number

DEPTH_MAX: Final = 32
TERMS_MAX: Final = 100
LIST_MAX: Final = 1000
ITEMS_MAX: Final = 50
TOP_MAX: Final = 1_000_000_000

_AGGREGATES: Final = ("COUNT", "AVG", "SUM", "MIN", "MAX")
_COMPARISONS: Final = ("=", "!=", "<", "<=", ">", ">=")
_WORDS: Final[dict[str, Primitive]] = {"TRUE": True, "FALSE": False, "NULL": None, "UNDEFINED": UNDEFINED}
# Binding powers, lowest first.
_OR, _AND, _NOT, _COMPARISON, _SUM, _PRODUCT = range(1, 7)
_POWERS: Final[dict[str, int]] = {
    "OR": _OR,
    "AND": _AND,
    "IN": _COMPARISON,
    "NIN": _COMPARISON,
    "NOT": _COMPARISON,
    **dict.fromkeys(_COMPARISONS, _COMPARISON),
    "+": _SUM,
    "-": _SUM,
    "*": _PRODUCT,
    "/": _PRODUCT,
    "%": _PRODUCT,
}
_AN_EXPRESSION: Final = "a field, a constant, a function or ("


def parse_query(text: str) -> Query:
    """Read a whole query: ``SELECT * FROM devices WHERE tags.site = 'north'``.

    Raises:
        InvalidQuery: It breaks the grammar or a limit.
    """
    parser = _Parser(text)
    query = parser.query()
    parser.end("WHERE, GROUP BY or the end" if query.where is None and not query.group_by else "the end")
    return query


def parse_condition(text: str) -> Node:
    """Read a condition alone, as it stands after ``WHERE``.

    Raises:
        InvalidQuery: It breaks the grammar or a limit.
    """
    parser = _Parser(text)
    if parser.next.is_word("SELECT", "WHERE"):
        hint = "leave out everything up to and including WHERE"
        raise parser.wrong("only a condition stands here", expected="a condition", hint=hint)
    condition = parser.expression()
    parser.end("AND, OR or the end")
    return condition


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = read_tokens(text)
        self._at = 0
        self._depth = 0
        self._terms = 0

    @property
    def next(self) -> Token:
        return self._tokens[self._at]

    def take(self) -> Token:
        token = self._tokens[self._at]
        if token.kind != "end":
            self._at += 1
        return token

    def take_word(self, *words: str) -> Token | None:
        return self.take() if self.next.is_word(*words) else None

    def wrong(self, detail: str = "", *, expected: str = "", hint: str = "") -> InvalidQuery:
        what = detail or f"{self.next} stands where {expected} should"
        return InvalidQuery(what, position=self.next.position, expected=expected, hint=hint)

    def need(self, word: str) -> Token:
        if not self.next.is_word(word):
            raise self.wrong(expected=word, hint=_hint_for(self.next, word))
        return self.take()

    def end(self, expected: str) -> None:
        if self.next.kind == "end":
            return
        hint = _hint_for(self.next, *expected.replace(",", "").split())
        if self.next.kind == "text":
            hint = "write \\' for a quote inside a text"
        elif self.next.is_word("ORDER") or (self.next.kind == "path" and str(self.next.value).upper() == "ORDER"):
            hint = "results come in the order of their ids; sort them yourself"
        raise self.wrong(expected=expected, hint=hint)

    def query(self) -> Query:
        self.need("SELECT")
        top = self._top() if self.take_word("TOP") else None
        items = None if self.take_word("*") else self._items()
        self.need("FROM")
        source = self._source()
        where = self.expression() if self.take_word("WHERE") else None
        group_by: tuple[Path, ...] = ()
        if self.take_word("GROUP"):
            self.need("BY")
            group_by = self._paths()
        query = Query(source=source, items=items, top=top, where=where, group_by=group_by)
        _check_grouping(query)
        return query

    def expression(self, least: int = _OR) -> Node:
        """Read an expression whose operators bind at least so strongly."""
        self._enter()
        left = self._operand()
        chain = 0
        while True:
            token = self.next
            power = _POWERS.get(str(token.value), 0) if token.kind in {"keyword", "symbol"} else 0
            if power < least:
                break
            if power in {_SUM, _PRODUCT}:
                chain += 1
                self._check_depth(self._depth + chain)
            left = self._operation(left, power)
        self._depth -= 1
        return left

    def _operation(self, left: Node, power: int) -> Node:
        if power in {_OR, _AND}:
            return self._junction(left, power)
        token = self.take()
        word = str(token.value)
        if word in {"IN", "NIN", "NOT"}:
            if word == "NOT":
                self.need("IN")
            node: Node = Membership(left, self._list(), word != "IN", token.position)
        elif power == _COMPARISON:
            right = self.expression(_COMPARISON + 1)
            node = Comparison(cast("Operator", word), left, right, token.position)
        else:
            right = self.expression(power + 1)
            return Arithmetic(cast("ArithmeticOperator", word), left, right, token.position)
        if self.next.is_word(*_COMPARISONS, "IN", "NIN"):
            raise self.wrong("comparisons do not follow one another", hint="join them with AND")
        return node

    def _junction(self, left: Node, power: int) -> Node:
        """Read all operands of a row of ANDs or ORs, so that a long row is not a deep tree."""
        word = "OR" if power == _OR else "AND"
        operands = [left]
        position = self.next.position
        while self.take_word(word):
            operands.append(self.expression(power + 1))
        return (Or if power == _OR else And)(tuple(operands), position)

    def _operand(self) -> Node:
        token = self.next
        if token.kind in {"keyword", "symbol"}:
            return self._special_operand(token)
        if token.kind == "end":
            raise self.wrong(expected=_AN_EXPRESSION)
        self.take()
        if token.kind == "path":
            self._count_term(token)
            return self._call(token) if self.next.is_word("(") else _to_path(token)
        return Constant(token.value, token.position)

    def _special_operand(self, token: Token) -> Node:
        """Read what begins with a keyword or a symbol."""
        word = str(token.value)
        if word in _WORDS:
            self.take()
            return Constant(_WORDS[word], token.position)
        if self.take_word("("):
            inner = self.expression()
            self.need(")")
            return inner
        if self.take_word("NOT"):
            return Not(self.expression(_NOT), token.position)
        if self.take_word("-"):
            return self._negative(token.position)
        detail = "a list stands after IN or NIN only" if word == "[" else ""
        raise self.wrong(detail, expected=_AN_EXPRESSION)

    def _negative(self, position: int) -> Node:
        self._enter()
        operand = self._operand()
        self._depth -= 1
        if isinstance(operand, Constant) and is_number(operand.value):
            return Constant(-operand.value, position)  # type: ignore[operator] # a number
        return Negative(operand, position)

    def _call(self, name: Token) -> Node:
        word = str(name.value).upper()
        function = FUNCTIONS.get(word)
        if len(name.steps) > 1 or function is None:
            known = nearest(word, FUNCTIONS)
            hint = f"did you mean {known}?" if known else ""
            if word in _AGGREGATES:
                hint = "it stands after SELECT only"
            raise InvalidQuery(f"there is no function {word[:40]!r} here", position=name.position, hint=hint)
        self.need("(")
        arguments: list[Node] = []
        while not self.take_word(")"):
            if arguments:
                self.need(",")
            arguments.append(self.expression())
            if len(arguments) > function.most:
                break
        if not function.least <= len(arguments) <= function.most:
            takes = str(function.least) if function.least == function.most else f"{function.least} to {function.most}"
            raise InvalidQuery(f"{word} takes {takes} arguments", position=name.position, hint=function.summary)
        if word == "IS_DEFINED" and not isinstance(arguments[0], Path):
            raise InvalidQuery("IS_DEFINED asks for a path", position=name.position, hint="IS_DEFINED(tags.site)")
        return Call(word, tuple(arguments), name.position)

    def _list(self) -> tuple[Primitive, ...]:
        if not self.next.is_word("["):
            hint = "lists stand in square brackets: ['a', 'b']" if self.next.is_word("(") else ""
            raise self.wrong(expected="[", hint=hint)
        self.take()
        constants: list[Primitive] = []
        while not self.take_word("]"):
            if constants:
                self.need(",")
            if len(constants) >= LIST_MAX:
                raise self.wrong(f"a list has at most {LIST_MAX} constants", expected="]")
            constants.append(self._constant())
        return tuple(constants)

    def _constant(self) -> Primitive:
        is_negative = self.take_word("-") is not None
        token = self.next
        if token.kind == "number" and not isinstance(token.value, str):
            self.take()
            return -token.value if is_negative else token.value
        if token.kind == "text" and not is_negative:
            self.take()
            return token.value
        if token.kind == "keyword" and not is_negative and token.value in _WORDS:
            self.take()
            return _WORDS[str(token.value)]
        raise self.wrong(expected="a number" if is_negative else "a constant", hint=_quotes(token))

    def _top(self) -> int:
        token = self.next
        if token.kind != "number" or not isinstance(token.value, int) or not 0 < token.value <= TOP_MAX:
            raise self.wrong(expected=f"a whole number from 1 to {TOP_MAX}")
        self.take()
        return token.value

    def _items(self) -> tuple[Item, ...]:
        items = [self._item()]
        while self.take_word(","):
            if len(items) >= ITEMS_MAX:
                raise self.wrong(f"a projection has at most {ITEMS_MAX} columns", expected="FROM")
            items.append(self._item())
        names: set[str] = set()
        for item in items:
            if item.name in names:
                hint = "give one an alias: tags.name AS tag_name"
                raise InvalidQuery(f"two columns are named {item.name[:40]!r}", position=item.position, hint=hint)
            names.add(item.name)
        return tuple(items)

    def _item(self) -> Item:
        token = self.next
        if token.kind != "path":
            raise self.wrong(expected="*, a field or an aggregate")
        self.take()
        expression: Path | Aggregate
        if self.next.is_word("("):
            expression = self._aggregate(token)
            name = expression.name.lower()
        else:
            expression = _to_path(token)
            name = str(expression.steps[-1])
        if self.take_word("AS") or self.next.kind == "path":
            alias = self.next
            if alias.kind != "path" or len(alias.steps) != 1:
                raise self.wrong(expected="a name")
            self.take()
            name = str(alias.steps[0])
        return Item(expression, name, token.position)

    def _aggregate(self, token: Token) -> Aggregate:
        word = str(token.value).upper()
        if word not in _AGGREGATES or len(token.steps) > 1:
            known = nearest(word, _AGGREGATES)
            hint = f"did you mean {known}?" if known else f"columns are fields or {', '.join(_AGGREGATES)}"
            raise InvalidQuery(f"there is no aggregate {word[:40]!r}", position=token.position, hint=hint)
        self.need("(")
        path = None
        if word == "COUNT":
            self.take_word("*")
        elif self.next.kind == "path":
            path = _to_path(self.take())
        else:
            raise self.wrong(expected="a field")
        self.need(")")
        return Aggregate(cast("AggregateName", word), path, token.position)

    def _paths(self) -> tuple[Path, ...]:
        paths: list[Path] = []
        while not paths or self.take_word(","):
            if self.next.kind != "path":
                raise self.wrong(expected="a field")
            self._count_term(self.next)
            paths.append(_to_path(self.take()))
        return tuple(paths)

    def _source(self) -> SourceName:
        token = self.next
        if token.kind == "path":
            match tuple(str(step).lower() for step in token.steps):
                case ("devices",):
                    self.take()
                    return "devices"
                case ("devices", "modules"):
                    self.take()
                    return "devices.modules"
                case ("devices", "jobs"):
                    raise self.wrong("jobs cannot be queried: there are none", expected="devices or devices.modules")
        raise self.wrong(expected="devices or devices.modules")

    def _enter(self) -> None:
        self._depth += 1
        self._check_depth(self._depth)

    def _check_depth(self, depth: int) -> None:
        if depth > DEPTH_MAX:
            raise self.wrong(f"the expression is nested deeper than {DEPTH_MAX}")

    def _count_term(self, token: Token) -> None:
        self._terms += 1
        if self._terms > TERMS_MAX:
            detail = f"there are more than {TERMS_MAX} fields and functions"
            raise InvalidQuery(detail, position=token.position, hint="use IN for many values of one field")


def _to_path(token: Token) -> Path:
    steps = token.steps
    if len(steps) > 1 and steps[0] == "devices":
        steps = steps[1:]
    return Path(steps, token.position)


def _check_grouping(query: Query) -> None:
    if not query.is_aggregate:
        return
    if query.items is None:
        raise InvalidQuery("SELECT * and GROUP BY exclude one another", position=0, hint="SELECT tags.site, COUNT() …")
    for item in query.items:
        if isinstance(item.expression, Path) and item.expression not in query.group_by:
            raise InvalidQuery(
                f"{str(item.expression)[:80]} is neither aggregated nor in GROUP BY",
                position=item.position,
                hint=f"add GROUP BY {str(item.expression)[:80]}",
            )


def _hint_for(token: Token, *words: str) -> str:
    """Return a hint if what stands there looks like one of the words that should."""
    known = nearest(str(token.value), words) if token.kind == "path" else None
    return f"did you mean {known}?" if known else ""


def _quotes(token: Token) -> str:
    return f"texts stand in quotes: '{str(token.value)[:40]}'" if token.kind == "path" else ""
