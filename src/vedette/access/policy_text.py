"""Policies as text: taken apart one by one, compared, and judged for what a change could newly allow.

The judgement is an analysis of the syntax and errs to one side: what it calls harmless allows nothing new, whatever
the fleet looks like; what it calls widening may still turn out to be harmless when it is simulated.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import cedarpy

from vedette.trust import BadPolicyBundle, PolicyBundle, check_nesting

Effect = Literal["permit", "forbid"]
ChangeKind = Literal["added", "removed", "changed"]
_Tree = Any  # Any: Cedar's own JSON form of a policy


@dataclass(frozen=True, slots=True)
class PolicyText:
    """One policy of a bundle.

    Attributes:
        policy_id: Its ``@id``; ``policy3`` for the fourth one when it has none.
        text: As it was written.
        tree: Cedar's JSON form.
    """

    policy_id: str
    effect: Effect
    annotations: Mapping[str, str]
    text: str
    tree: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """What becomes of one policy from one bundle to another.

    Attributes:
        may_widen: Whether something could be allowed by it that was not.
        why: Why it may, in words; empty if it may not.
        before: Its text; empty if it is new.
        after: Its text; empty if it is gone.
    """

    policy_id: str
    change: ChangeKind
    effect: Effect
    may_widen: bool
    why: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class BundleDifference:
    """What one bundle has that another has not.

    Attributes:
        other_parts: Parts that differ beside the policies: ``sites``, ``cases``, ``schema``.
        reasons: Why the change may newly allow something; empty: it cannot.
    """

    changes: tuple[PolicyChange, ...]
    other_parts: tuple[str, ...]
    reasons: tuple[str, ...]

    @property
    def may_widen(self) -> bool:
        """Whether the analysis leaves open that something is newly allowed."""
        return bool(self.reasons)

    @property
    def is_empty(self) -> bool:
        """Whether both bundles are the same."""
        return not self.changes and not self.other_parts


def read_policies(policies_text: str) -> list[PolicyText]:
    """Take a text apart into its policies, in its order.

    Raises:
        BadPolicyBundle: It does not parse, or holds templates, which stand for nothing by themselves.
    """
    check_nesting(policies_text)
    try:
        found = json.loads(cedarpy.policies_to_json_str(policies_text))
    except (ValueError, RecursionError) as error:
        raise BadPolicyBundle(f"the policies do not parse: {error}") from error
    if found["templates"]:
        raise BadPolicyBundle("templates are not used here", hint="write the policy out")
    trees = found["staticPolicies"]
    names = [f"policy{number}" for number in range(len(trees))]
    texts = list(_split(policies_text))
    if set(names) != set(trees) or len(texts) != len(names):
        raise BadPolicyBundle("the policies cannot be told apart", hint="end each with one semicolon")
    return [_describe(name, trees[name], text) for name, text in zip(names, texts, strict=True)]


def compare_bundles(before: PolicyBundle, after: PolicyBundle) -> BundleDifference:
    """Say what differs, policy by policy, and whether it may newly allow something.

    Raises:
        BadPolicyBundle: One of both does not parse.
    """
    former, latter = _by_id(before), _by_id(after)
    changes: list[PolicyChange] = []
    for policy_id in [*former, *(each for each in latter if each not in former)]:
        change = _compare(policy_id, former.get(policy_id), latter.get(policy_id))
        if change is not None:
            changes.append(change)
    parts = {
        "schema": before.schema_text != after.schema_text,
        "sites": dict(before.sites) != dict(after.sites),
        "cases": before.cases_text != after.cases_text,
    }
    reasons = [f"{change.policy_id}: {change.why}" for change in changes if change.may_widen]
    if parts["sites"]:
        reasons.append("sites: places, networks or hours are measured by other sites")
    return BundleDifference(tuple(changes), tuple(name for name, differs in parts.items() if differs), tuple(reasons))


def _by_id(bundle: PolicyBundle) -> dict[str, PolicyText]:
    found: dict[str, PolicyText] = {}
    for policy in read_policies(bundle.policies_text):
        if policy.policy_id in found:
            raise BadPolicyBundle(f"two policies have the id {policy.policy_id[:80]!r}", hint="give each its own @id")
        found[policy.policy_id] = policy
    return found


def _describe(name: str, tree: _Tree, text: str) -> PolicyText:
    annotations = {key: value or "" for key, value in (tree.get("annotations") or {}).items()}
    return PolicyText(
        policy_id=annotations.get("id") or name,
        effect=tree["effect"],
        annotations=annotations,
        text=text,
        tree=tree,
    )


def _compare(policy_id: str, before: PolicyText | None, after: PolicyText | None) -> PolicyChange | None:
    if before is None or after is None:
        only = after if before is None else before
        if only is None:
            return None
        is_new = before is None
        may_widen = is_new == (only.effect == "permit")
        why = ("a new permit" if is_new else "a forbid is taken away") if may_widen else ""
        kind: ChangeKind = "added" if is_new else "removed"
        texts = ("", only.text) if is_new else (only.text, "")
        return PolicyChange(policy_id, kind, only.effect, may_widen, why, *texts)
    if before.text == after.text:
        return None
    why = _why_wider(before, after)
    return PolicyChange(policy_id, "changed", after.effect, bool(why), why, before.text, after.text)


def _why_wider(before: PolicyText, after: PolicyText) -> str:
    """Say why a changed policy may allow more than before; empty if it cannot."""
    if before.effect != after.effect:
        return "it permits now" if after.effect == "permit" else "it permits no more, but no longer forbids"
    if after.effect == "permit":
        return "" if _is_within(after.tree, before.tree) else "the permit holds in cases in which it did not"
    return "" if _is_within(before.tree, after.tree) else "the forbid leaves out cases that it held in"


def _is_within(narrow: _Tree, wide: _Tree) -> bool:
    """Tell whether a policy surely matches only what another matches."""
    scopes = all(_is_scope_within(narrow[part], wide[part]) for part in ("principal", "resource"))
    if not scopes or not _are_actions_within(narrow["action"], wide["action"]):
        return False
    held, excluded = _conditions(narrow)
    held_by_wide, excluded_by_wide = _conditions(wide)
    return held_by_wide <= held and all(any(own <= theirs for own in excluded) for theirs in excluded_by_wide)


def _is_scope_within(narrow: _Tree, wide: _Tree) -> bool:
    if wide["op"] == "All" or narrow == wide:
        return True
    is_type = wide["op"] == "is" and "in" not in wide
    return bool(is_type and narrow["op"] == "is" and narrow["entity_type"] == wide["entity_type"])


def _are_actions_within(narrow: _Tree, wide: _Tree) -> bool:
    allowed, named = _actions(wide), _actions(narrow)
    return allowed is None or (named is not None and named <= allowed)


def _actions(scope: _Tree) -> frozenset[str] | None:
    """Return the actions that a scope names; ``None`` for all."""
    if scope["op"] == "All":
        return None
    entities = scope["entities"] if "entities" in scope else [scope["entity"]]
    return frozenset(json.dumps(entity, sort_keys=True) for entity in entities)


def _conditions(tree: _Tree) -> tuple[frozenset[str], list[frozenset[str]]]:
    """Return what all must hold for a policy to match, and the sets of which one member must not hold."""
    held: set[str] = set()
    excluded: list[frozenset[str]] = []
    for condition in tree["conditions"]:
        parts = frozenset(json.dumps(each, sort_keys=True) for each in conjuncts(condition["body"]))
        if condition["kind"] == "when":
            held |= parts
        else:
            excluded.append(parts)
    return frozenset(held), excluded


def conjuncts(body: _Tree) -> list[_Tree]:
    """Return the parts of an expression that are joined by ``&&``, from left to right."""
    waiting, found = [body], []
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict) and set(each) == {"&&"}:
            waiting += [each["&&"]["right"], each["&&"]["left"]]
        else:
            found.append(each)
    return found


def _split(text: str) -> Iterator[str]:
    """Yield the policies of a text that parses: each ends with the first semicolon outside strings and comments."""
    begin = at = 0
    while at < len(text):
        char = text[at]
        if char == '"':
            at = _end_of_string(text, at)
        elif text.startswith("//", at):
            end = text.find("\n", at)
            at = len(text) if end < 0 else end
        elif char == ";":
            yield text[begin : at + 1].strip()
            begin = at + 1
        at += 1


def _end_of_string(text: str, at: int) -> int:
    at += 1
    while at < len(text) and text[at] != '"':
        at += 2 if text[at] == "\\" else 1
    return at
