"""Policies over entities that are not posture records: what people and programs may do.

They are asked through the same wrapper as those about devices: permit means Allow *and* no evaluation error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

import msgspec

from vedette.trust.bundle import PolicyBundle
from vedette.trust.cedar import ParsedPolicies, Verdict

_VERDICTS_MAX: Final = 4_096
_encode: Final = msgspec.json.Encoder(order="deterministic").encode


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: may this principal do this with that?

    Attributes:
        principal: A Cedar uid of ours, such as ``Person::"per_06h0"``.
        action: A Cedar action id; ours, never text from outside.
        resource: A Cedar uid of ours.
        entities: All that the policies may read of both, as Cedar's JSON.
        context: All values of the request; a missing one denies.
    """

    principal: str
    action: str
    resource: str
    entities: Sequence[Mapping[str, object]]
    context: Mapping[str, object]


class CedarPolicies:
    """Policies in force over entities of any schema, parsed once.

    Raises:
        BadPolicyBundle: They do not parse, or do not fit their schema.
    """

    def __init__(self, bundle: PolicyBundle) -> None:
        self._policies = ParsedPolicies(bundle.schema_text, bundle.policies_text)
        self.sha256 = bundle.sha256
        self._verdicts: dict[bytes, Verdict] = {}

    def ask(self, question: Question) -> Verdict:
        """Ask the policies; any error, unknown attribute or third outcome is a deny.

        The answer depends on the question alone, so one that is asked again is answered from memory.

        Raises:
            BadEntity: The schema refuses an entity.
        """
        key = _encode(question)
        known = self._verdicts.get(key)
        if known is not None:
            return known
        entities = self._policies.parse_entities(question.entities)
        verdict = self._policies.ask(question.principal, question.action, question.resource, question.context, entities)
        if len(self._verdicts) >= _VERDICTS_MAX:
            self._verdicts = {}
        self._verdicts[key] = verdict
        return verdict


def people_bundle() -> PolicyBundle:
    """Return the policies about people and programs that ship with this release."""
    folder = files("vedette.trust") / "policies"
    return PolicyBundle(
        schema_text=(folder / "people.cedarschema").read_text(encoding="utf-8"),
        policies_text=(folder / "people.cedar").read_text(encoding="utf-8"),
    )
