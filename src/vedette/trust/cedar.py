"""Cedar over a schema and policies given as text: permit means Allow *and* no evaluation error, else it denies.

For deciders whose entities are not posture records, such as what people may do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from vedette.trust.bundle import BadPolicyBundle, PolicyBundle
from vedette.trust.policy import BadEntity, Verdict


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
        # Imported here: a guest that embeds trust for its records alone needs no policy engine installed.
        import cedarpy  # noqa: PLC0415 - optional on a device

        self._cedar = cedarpy
        try:
            self._schema = cedarpy.Schema.from_str(bundle.schema_text)
            self._policies = cedarpy.PolicySet.from_str(bundle.policies_text)
            validation = cedarpy.validate_policies(bundle.policies_text, bundle.schema_text)
        except ValueError as error:
            raise BadPolicyBundle(f"the policy bundle does not parse: {error}") from error
        if not validation.validation_passed:
            raise BadPolicyBundle(f"the policies do not fit the schema: {validation.errors}")
        self.sha256 = bundle.sha256

    def ask(self, question: Question) -> Verdict:
        """Ask the policies; any error, unknown attribute or third outcome is a deny.

        Raises:
            BadEntity: The schema refuses an entity.
        """
        try:
            handle = self._cedar.Entities.from_json_str(json.dumps(list(question.entities)), self._schema)
        except ValueError as error:
            raise BadEntity(f"an entity does not fit the policy schema: {error}") from error
        request = {
            "principal": question.principal,
            "action": f'Action::"{question.action}"',
            "resource": question.resource,
            "context": dict(question.context),
        }
        try:
            answer = self._cedar.is_authorized(request, self._policies, handle, schema=self._schema)
        except ValueError as error:
            return Verdict(is_permitted=False, policies=(), errors=(str(error),))
        errors = tuple(str(error) for error in answer.diagnostics.errors)
        ids = answer.diagnostics.id_annotations_by_reason
        policies = tuple(sorted(str(ids.get(reason) or reason) for reason in answer.diagnostics.reasons))
        is_permitted = answer.decision is self._cedar.Decision.Allow and not errors
        return Verdict(is_permitted=is_permitted, policies=policies, errors=errors)


def people_bundle() -> PolicyBundle:
    """Return the policies about people and programs that ship with this release."""
    folder = files("vedette.trust") / "policies"
    return PolicyBundle(
        schema_text=(folder / "people.cedarschema").read_text(encoding="utf-8"),
        policies_text=(folder / "people.cedar").read_text(encoding="utf-8"),
    )
