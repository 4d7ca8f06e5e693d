"""Cedar behind one wrapper: permit means Allow *and* no evaluation error; anything else denies.

Cedar skips a policy that errors, so a forbid that reads a missing attribute would quietly not forbid. Entity handles
are therefore always built with the schema, requests are checked against it, and a permit with an error beside it is a
deny. Whoever asks Cedar anything in this platform asks it here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

from vedette.kernel import Problem
from vedette.trust.bundle import BadPolicyBundle

if TYPE_CHECKING:
    import cedarpy

# Any: parsed JSON of a policy, as Cedar writes it.
PolicyTree = dict[str, Any]

_CONTEXT: Final = {"Var": "context"}
_ACTION_GROUPS: Final = re.compile(r'^\s*action\s+(?:[\w", ]|\\.)*\bin\b', re.MULTILINE)
_POLICY_NAME: Final = re.compile(r"`(policy\d+)`")


class BadEntity(Problem):
    """A posture record that cannot be shown to the policies; it denies."""

    code: ClassVar[str] = "trust.bad_entity"
    status: ClassVar[int] = 500


class Uid(NamedTuple):
    """An entity's name: its type and its id, which is generated here, never text from outside."""

    type: str
    id: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the policies said of one request.

    Attributes:
        policies: ``@id`` of those that decided: the forbids, else the permits; none where nothing permits.
        errors: Of evaluation; with any of them the request is denied.
    """

    is_permitted: bool
    policies: tuple[str, ...]
    errors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Selection:
    """The policies that can bear on one action, and the context attributes they read; ``None``: any."""

    policies: cedarpy.PolicySet
    reads: frozenset[str] | None


class ParsedPolicies:
    """A schema and policies, parsed once, and asked per action.

    Args:
        schema_text: Cedar schema.
        policies_text: Cedar policies without templates.

    Raises:
        BadPolicyBundle: They do not parse, or a policy does not fit the schema.
    """

    def __init__(self, schema_text: str, policies_text: str) -> None:
        # Imported here: a guest that embeds trust for its records alone needs no policy engine installed.
        import cedarpy  # noqa: PLC0415 - optional on a device

        self._cedar = cedarpy
        try:
            self._schema = cedarpy.Schema.from_str(schema_text)
            tree = json.loads(cedarpy.policies_to_json_str(policies_text))
            validation = cedarpy.validate_policies(policies_text, self._schema)
        except ValueError as error:
            raise BadPolicyBundle(f"the policy bundle does not parse: {error}") from error
        if not validation.validation_passed:
            raise BadPolicyBundle(f"the policies do not fit the schema: {validation.errors}")
        if tree["templates"]:
            raise BadPolicyBundle("the policies contain templates", hint="write the values into the policy")
        self._policies: dict[str, PolicyTree] = tree["staticPolicies"]
        self._names = {key: str(each.get("annotations", {}).get("id", key)) for key, each in self._policies.items()}
        self._has_action_groups = _ACTION_GROUPS.search(str(self._schema)) is not None
        self._selections: dict[str, _Selection] = {}
        self._whole = self._select(None)

    @property
    def reads(self) -> frozenset[str] | None:
        """Attributes of the context that any policy reads; ``None``: one reads the context as a whole."""
        return self._whole.reads

    def reads_for(self, action: str) -> frozenset[str] | None:
        """Return the attributes of the context that are read for one action; ``None``: any."""
        return self._selection(action).reads

    def parse_entities(self, entities: Sequence[Mapping[str, object]]) -> cedarpy.Entities:
        """Build a handle of entities in Cedar's JSON form, checked against the schema.

        Raises:
            BadEntity: The schema refuses them.
        """
        try:
            return self._cedar.Entities.from_json_str(json.dumps(entities), self._schema)
        except ValueError as error:
            raise BadEntity(f"entities do not fit the policy schema: {error}") from error

    def ask(
        self,
        principal: Uid | str,
        action: str,
        resource: Uid | str,
        context: Mapping[str, object],
        entities: cedarpy.Entities,
    ) -> Verdict:
        """Ask the policies; any error, unknown attribute or third outcome is a deny.

        Args:
            principal: Who; as text, in Cedar's syntax, it must be ours entirely.
            action: A Cedar action id such as ``connect``; ours, never text from outside.
            resource: On what.
            context: All values that the schema requires; a missing one denies.
            entities: From ``parse_entities``.
        """
        request = {
            "principal": _reference(principal),
            "action": {"type": "Action", "id": action},
            "resource": _reference(resource),
            "context": dict(context),
        }
        policies = self._selection(action).policies
        try:
            answer = self._cedar.is_authorized(request, policies, entities, schema=self._schema)
        except ValueError as error:
            return Verdict(is_permitted=False, policies=(), errors=(str(error),))
        errors = tuple(_POLICY_NAME.sub(self._name, str(error)) for error in answer.diagnostics.errors)
        deciding = tuple(sorted(self._names.get(str(reason), str(reason)) for reason in answer.diagnostics.reasons))
        is_permitted = answer.decision is self._cedar.Decision.Allow and not errors
        return Verdict(is_permitted=is_permitted, policies=deciding, errors=errors)

    def _name(self, match: re.Match[str]) -> str:
        return f"`{self._names.get(match[1], match[1])}`"

    def _selection(self, action: str) -> _Selection:
        selection = self._selections.get(action)
        if selection is None:
            # Cost grows with the number of policies, so those that cannot bear on an action are left out of its set.
            selection = self._select(action)
            self._selections[action] = selection
        return selection

    def _select(self, action: str | None) -> _Selection:
        chosen = {
            key: policy
            for key, policy in self._policies.items()
            if action is None or self._has_action_groups or _may_concern(policy, action)
        }
        text = json.dumps({"templates": {}, "staticPolicies": chosen, "templateLinks": []})
        return _Selection(self._cedar.PolicySet.from_json_str(text), read_of_context(list(chosen.values())))


def _reference(uid: Uid | str) -> dict[str, str] | str:
    return uid if isinstance(uid, str) else uid._asdict()


def _may_concern(policy: PolicyTree, action: str) -> bool:
    """Tell whether a policy's scope can match an action of a schema without action groups."""
    scope = policy["action"]
    named = [scope["entity"]] if "entity" in scope else scope.get("entities")
    if scope["op"] not in {"==", "in"} or named is None:
        return True
    return any(each.get("id", each.get("__entity", {}).get("id")) == action for each in named)


def read_of_context(tree: object) -> frozenset[str] | None:
    """Return the attributes of the context that parsed policies read; ``None``: the context as a whole is read."""
    found: set[str] = set()
    waiting: list[object] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting.extend(node)
        elif isinstance(node, dict):
            if node == _CONTEXT:
                return None
            for operator, operand in node.items():
                is_access = operator in {".", "has"} and isinstance(operand, dict) and operand.get("left") == _CONTEXT
                if not is_access:
                    waiting.append(operand)
                elif "attr" in operand:
                    found.add(str(operand["attr"]))
                else:
                    return None
    return frozenset(found)
