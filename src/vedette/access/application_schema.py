"""The schema of an application, in Cedar's JSON form: what it knows, and what of a request fits it.

Source:
    Cedar policy language reference, "JSON schema format".
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from vedette.trust import BadPolicyBundle, read_json_schema

_Tree = dict[str, Any]  # Any: JSON
_DEPTH_MAX: Final = 8


class UnreadableSchemaError(ValueError):
    """A schema that is none, or that uses what is not read here."""


class Applying(NamedTuple):
    """Who may do an action at all, and to what."""

    principals: frozenset[str]
    resources: frozenset[str]


class ApplicationSchema:
    """One schema.

    Attributes:
        cedar_text: The same, in Cedar's own syntax.
        types: All types of entities.
        actions: All actions that something can be asked about, in their order.
        pairs: Types of a subject and a resource that an action applies to.

    Raises:
        UnreadableSchemaError: It does not parse, or has a namespace.
    """

    def __init__(self, text: str) -> None:
        try:
            self.cedar_text = read_json_schema(text)
            tree: dict[str, _Tree] = msgspec.json.decode(text, type=dict[str, _Tree])
        except BadPolicyBundle as error:
            raise UnreadableSchemaError(error.detail) from error
        except msgspec.DecodeError as error:
            raise UnreadableSchemaError(str(error)) from error
        if set(tree) != {""}:
            raise UnreadableSchemaError('it has a namespace; write it as {"": {…}}')
        namespace = tree[""]
        self._common: _Tree = namespace.get("commonTypes", {})
        self._entities: _Tree = namespace.get("entityTypes", {})
        self._actions: _Tree = {
            name: each for name, each in namespace.get("actions", {}).items() if each.get("appliesTo")
        }
        self.types = frozenset(self._entities)
        self.actions = tuple(sorted(self._actions))
        applying = [found for name in self.actions if (found := self.applies_to(name))]
        self.pairs = frozenset(pair for each in applying for pair in itertools.product(each.principals, each.resources))

    def applies_to(self, action: str) -> Applying | None:
        """Return who may do an action at all; ``None``: there is no such action."""
        found = self._actions.get(action)
        if found is None:
            return None
        applying = found["appliesTo"]
        return Applying(frozenset(applying.get("principalTypes", ())), frozenset(applying.get("resourceTypes", ())))

    def fit_properties(self, kind: str, told: Mapping[str, Any]) -> _Tree:  # Any: JSON
        """Return what a type of entities has among what was told."""
        return self._fit_record(told, self._resolve(self._entities.get(kind, {}).get("shape")), 0)

    def fit_context(self, action: str, told: Mapping[str, Any]) -> _Tree:  # Any: JSON
        """Return what the context of an action has among what was told."""
        return self._fit_record(told, self._resolve(self._actions[action]["appliesTo"].get("context")), 0)

    def _fit_record(self, told: Mapping[str, Any], record: _Tree, depth: int) -> _Tree:
        attributes = record.get("attributes", {})
        return {
            name: self._fit(value, attributes[name], depth + 1)
            for name, value in told.items()
            if name in attributes and value is not None
        }

    def _fit(self, value: Any, wanted: object, depth: int) -> Any:
        kind = self._resolve(wanted)
        if depth < _DEPTH_MAX and kind.get("type") == "Record" and isinstance(value, dict):
            return self._fit_record(value, kind, depth)
        if depth < _DEPTH_MAX and kind.get("type") == "Set" and isinstance(value, list):
            return [self._fit(each, kind.get("element"), depth + 1) for each in value]
        return value

    def _resolve(self, wanted: object) -> _Tree:
        """Follow names of common types to what they stand for."""
        for _ in range(_DEPTH_MAX):
            if not isinstance(wanted, dict):
                return {}
            name = wanted.get("name", "") if wanted.get("type") == "EntityOrCommon" else wanted.get("type", "")
            if name not in self._common:
                return wanted
            wanted = self._common[name]
        return {}
