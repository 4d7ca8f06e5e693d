"""Which policies can bear on an identity at all, told from its attributes without evaluating them.

Cost grows with the number of policies, and most of an operator's are about one site, group or tag. A policy whose
``when`` begins with such a test, ``principal.site == "north"`` or ``principal.groups.contains("pumps")``, is found by
it: for an identity that fails the test it is false before anything in it could err, so leaving it out changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

# Any: parsed JSON of a policy, as Cedar writes it.
PolicyTree = dict[str, Any]

_PRINCIPAL: Final = {"Var": "principal"}


class Anchor(NamedTuple):
    """An attribute of the identity, and the value that it must be or contain."""

    attribute: str
    value: str


class AnchorIndex:
    """Finds policies by their anchors.

    Args:
        policies: By key, as Cedar writes them, validated against the schema of the identities.
    """

    def __init__(self, policies: Mapping[str, PolicyTree]) -> None:
        self._by_anchor: dict[str, dict[str, set[str]]] = {}
        self._everyones: set[str] = set()
        for key, policy in policies.items():
            anchor = find_anchor(policy)
            if anchor is None:
                self._everyones.add(key)
            else:
                self._by_anchor.setdefault(anchor.attribute, {}).setdefault(anchor.value, set()).add(key)

    def find(self, attributes: Mapping[str, object]) -> frozenset[str]:
        """Return the keys of the policies that can bear on an identity with these attributes."""
        found = set(self._everyones)
        for attribute, by_value in self._by_anchor.items():
            for value in _values(attributes.get(attribute)):
                found |= by_value.get(value, set())
        return frozenset(found)


def find_anchor(policy: PolicyTree) -> Anchor | None:
    """Return the first test in a policy that pins it to one value; ``None``: it must be evaluated for everyone.

    Only tests that cannot err may stand before it. Access to an attribute cannot: the schema promises it, or the
    validator has made sure that a ``has`` stands before it.
    """
    conditions = policy["conditions"]
    if not conditions or conditions[0]["kind"] != "when":
        return None
    for test in _conjuncts(conditions[0]["body"]):
        anchor = _read_anchor(test)
        if anchor is not None:
            return anchor
        if not _cannot_err(test):
            return None
    return None


def _values(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, tuple)):
        yield from (each for each in value if isinstance(each, str))


def _conjuncts(body: Any) -> Iterator[Any]:
    """Yield what is joined by ``&&``, in the order of evaluation."""
    waiting = [body]
    while waiting:
        node = waiting.pop()
        joined = node.get("&&") if isinstance(node, dict) else None
        if joined is None:
            yield node
        else:
            waiting += [joined["right"], joined["left"]]


def _attribute(node: Any) -> str | None:
    access = node.get(".") if isinstance(node, dict) else None
    if access is None or access.get("left") != _PRINCIPAL:
        return None
    return str(access["attr"])


def _text(node: Any) -> str | None:
    value = node.get("Value") if isinstance(node, dict) else None
    return value if isinstance(value, str) else None


def _read_anchor(test: Any) -> Anchor | None:
    if not isinstance(test, dict):
        return None
    for operator in ("==", "contains"):
        operands = test.get(operator)
        if operands is None:
            continue
        attribute, value = _attribute(operands["left"]), _text(operands["right"])
        if operator == "==" and attribute is None:
            attribute, value = _attribute(operands["right"]), _text(operands["left"])
        if attribute is not None and value is not None:
            return Anchor(attribute, value)
    return None


def _cannot_err(test: Any) -> bool:
    if not isinstance(test, dict):
        return False
    negated = test.get("!")
    if negated is not None:
        return _cannot_err(negated["arg"])
    has = test.get("has")
    if has is not None:
        return bool(has.get("left") == _PRINCIPAL)
    return _attribute(test) is not None or _read_anchor(test) is not None
