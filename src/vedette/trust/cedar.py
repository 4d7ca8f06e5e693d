"""Cedar behind one wrapper: permit means Allow *and* no evaluation error; anything else denies.

Cedar skips a policy that errors, so a forbid that reads a missing attribute would quietly not forbid. Entity handles
are therefore always built with the schema, requests are checked against it, and a permit with an error beside it is a
deny. Whoever asks Cedar anything in this platform asks it here.
"""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from vedette.kernel import Problem
from vedette.trust.anchors import AnchorIndex, PolicyTree
from vedette.trust.bundle import BadPolicyBundle, check_nesting

if TYPE_CHECKING:
    import cedarpy

_CONTEXT: Final = {"Var": "context"}
_ACTION_GROUPS: Final = re.compile(r'^\s*action\s+(?:[\w", ]|\\.)*\bin\b', re.MULTILINE)
_ATTRIBUTE: Final = re.compile(r"^\s*(\w+)\??:[^\n]*\n", re.MULTILINE)
SELECTIONS_MAX: Final = 4_096
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
    """The policies that can bear on one action, and a schema of just what they read of the context."""

    policies: cedarpy.PolicySet
    schema: cedarpy.Schema


class ParsedPolicies:
    """A schema and policies, parsed once, and asked per action.

    Args:
        schema_text: Cedar schema.
        policies_text: Cedar policies without templates.
        context_type: Name of the schema's record type that is every action's context. Requests then bring only what
            is read for their action, which is what a decision costs; empty: they bring all of it.

    Raises:
        BadPolicyBundle: They do not parse, or a policy does not fit the schema.
    """

    def __init__(self, schema_text: str, policies_text: str, context_type: str = "") -> None:
        # Imported here: a guest that embeds trust for its records alone needs no policy engine installed.
        import cedarpy  # noqa: PLC0415 - optional on a device

        self._cedar = cedarpy
        check_nesting(schema_text)
        check_nesting(policies_text)
        try:
            self._schema = cedarpy.Schema.from_str(schema_text)
            tree = json.loads(cedarpy.policies_to_json_str(policies_text))
            validation = cedarpy.validate_policies(policies_text, self._schema)
        except (ValueError, RecursionError) as error:
            raise BadPolicyBundle(f"the policy bundle does not parse: {error}") from error
        if not validation.validation_passed:
            raise BadPolicyBundle(f"the policies do not fit the schema: {validation.errors}")
        if tree["templates"]:
            raise BadPolicyBundle("the policies contain templates", hint="write the values into the policy")
        self._policies: dict[str, PolicyTree] = tree["staticPolicies"]
        self._names = {key: str(each.get("annotations", {}).get("id", key)) for key, each in self._policies.items()}
        self._has_action_groups = _ACTION_GROUPS.search(str(self._schema)) is not None
        self._schema_text = schema_text
        self._context_type = context_type
        self._anchors = AnchorIndex(self._policies)
        self._by_action: dict[str, tuple[dict[str, PolicyTree], frozenset[str] | None]] = {}
        self._schemas: dict[frozenset[str] | None, cedarpy.Schema] = {None: self._schema}
        self._selections: OrderedDict[tuple[str, frozenset[str] | None], _Selection] = OrderedDict()
        self.reads = read_of_context(list(self._policies.values()))

    def find_applicable(self, attributes: Mapping[str, object]) -> frozenset[str]:
        """Return which policies can bear on a principal with these attributes, for ``ask``."""
        return self._anchors.find(attributes)

    def reads_for(self, action: str) -> frozenset[str] | None:
        """Return the attributes of the context that are read for one action; ``None``: any."""
        return self._concerned(action)[1]

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
        *,
        applicable: frozenset[str] | None = None,
    ) -> Verdict:
        """Ask the policies; any error, unknown attribute or third outcome is a deny.

        Args:
            principal: Who; as text, in Cedar's syntax, it must be ours entirely.
            action: A Cedar action id such as ``connect``; ours, never text from outside.
            resource: On what.
            context: All values that the schema requires; a missing one denies. With a ``context_type``, those among
                ``reads_for`` the action.
            entities: From ``parse_entities``.
            applicable: From ``find_applicable``; ``None``: all policies.
        """
        request = {
            "principal": _reference(principal),
            "action": {"type": "Action", "id": action},
            "resource": _reference(resource),
            "context": dict(context),
        }
        selection = self._selection(action, applicable)
        try:
            answer = self._cedar.is_authorized(request, selection.policies, entities, schema=selection.schema)
        except ValueError as error:
            return Verdict(is_permitted=False, policies=(), errors=(str(error),))
        errors = tuple(_POLICY_NAME.sub(self._name, str(error)) for error in answer.diagnostics.errors)
        deciding = tuple(sorted(self._names.get(str(reason), str(reason)) for reason in answer.diagnostics.reasons))
        is_permitted = answer.decision is self._cedar.Decision.Allow and not errors
        return Verdict(is_permitted=is_permitted, policies=deciding, errors=errors)

    def _name(self, match: re.Match[str]) -> str:
        return f"`{self._names.get(match[1], match[1])}`"

    def _selection(self, action: str, applicable: frozenset[str] | None) -> _Selection:
        key = (action, applicable)
        selection = self._selections.get(key)
        if selection is None:
            selection = self._selections[key] = self._select(action, applicable)
            if len(self._selections) > SELECTIONS_MAX:
                self._selections.popitem(last=False)
        return selection

    def _select(self, action: str, applicable: frozenset[str] | None) -> _Selection:
        concerned, reads = self._concerned(action)
        chosen = {key: policy for key, policy in concerned.items() if applicable is None or key in applicable}
        text = json.dumps({"templates": {}, "staticPolicies": chosen, "templateLinks": []})
        return _Selection(self._cedar.PolicySet.from_json_str(text), self._narrow_schema(reads))

    def _concerned(self, action: str) -> tuple[dict[str, PolicyTree], frozenset[str] | None]:
        """Return an action's policies, and what they read of the context: the same for everyone."""
        known = self._by_action.get(action)
        if known is None:
            policies = {
                key: policy
                for key, policy in self._policies.items()
                if self._has_action_groups or _may_concern(policy, action)
            }
            known = self._by_action[action] = policies, read_of_context(list(policies.values()))
        return known

    def _narrow_schema(self, reads: frozenset[str] | None) -> cedarpy.Schema:
        if not self._context_type:
            return self._schema
        schema = self._schemas.get(reads)
        if schema is None and reads is not None:
            narrowed = _keep_attributes(self._schema_text, self._context_type, reads)
            schema = self._schemas[reads] = self._cedar.Schema.from_str(narrowed)
        return schema or self._schema


def read_json_schema(text: str) -> str:
    """Return a schema in Cedar's JSON form in Cedar's own syntax.

    Raises:
        BadPolicyBundle: It is none.
    """
    import cedarpy  # noqa: PLC0415 - optional on a device

    try:
        return str(cedarpy.Schema.from_json_str(text))
    except ValueError as error:
        raise BadPolicyBundle(f"the schema does not parse: {error}") from error


def _keep_attributes(schema_text: str, record_type: str, names: frozenset[str]) -> str:
    """Return a schema whose record type has these attributes only."""
    begin = schema_text.index("{", schema_text.index(f"type {record_type} ")) + 1
    end = schema_text.index("}", begin)
    kept = (match[0] for match in _ATTRIBUTE.finditer(schema_text, begin, end) if match[1] in names)
    return f"{schema_text[:begin]}\n{''.join(kept)}{schema_text[end:]}"


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
