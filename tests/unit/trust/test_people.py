"""Policies about people answer a question from memory only if it is the very same."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from vedette.trust import CedarPolicies, PolicyBundle
from vedette.trust.people import _VERDICTS_MAX, Question

BUNDLE = PolicyBundle(
    schema_text="""
    entity Person { level: Long, sites: Set<String> };
    entity Plant;
    action "open" appliesTo { principal: Person, resource: Plant, context: { site: String } };
    """,
    policies_text="""
    @id("keys")
    permit(principal, action == Action::"open", resource)
    when { principal.level > 2 && principal.sites.contains(context.site) };
    """,
)


def question(level: int = 3, sites: tuple[str, ...] = ("north",), site: str = "north", name: str = "ada") -> Question:
    uid = {"type": "Person", "id": name}
    return Question(
        principal=f'Person::"{name}"',
        action="open",
        resource='Plant::"p"',
        entities=[
            {"uid": uid, "attrs": {"level": level, "sites": list(sites)}, "parents": []},
            {"uid": {"type": "Plant", "id": "p"}, "attrs": {}, "parents": []},
        ],
        context={"site": site},
    )


def test_what_differs_in_anything_is_asked_anew() -> None:
    policies = CedarPolicies(BUNDLE)
    fresh = question()
    others = [
        (fresh, True),
        (question(level=2), False),
        (fresh, True),
        (question(sites=("south",)), False),
        (question(sites=("south", "north")), True),
        (question(site="south"), False),
        (question(name="bob"), True),
        (replace(fresh, principal='Person::"eve"'), False),
        (fresh, True),
    ]
    for asked, is_permitted in others:
        assert policies.ask(asked).is_permitted is is_permitted
    assert policies.ask(question()) is policies.ask(question())


def test_memory_is_bounded() -> None:
    policies = CedarPolicies(BUNDLE)
    verdicts = [policies.ask(question(name=f"n{number}")) for number in range(_VERDICTS_MAX + 2)]
    assert len(policies._verdicts) == 2
    assert all(first == second for first, second in pairwise(verdicts))
