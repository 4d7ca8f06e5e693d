"""Cedar behind one wrapper: permit means Allow *and* no evaluation error; anything else denies.

Cedar skips a policy that errors, so a forbid that reads a missing attribute would quietly not forbid. Entity handles
are therefore always built with the schema, requests are checked against it, and a permit with an error beside it is a
deny.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from vedette.kernel import Problem
from vedette.trust.bundle import BadPolicyBundle, PolicyBundle, check_size
from vedette.trust.model import Health, Placement, PostureRecord, RiskLevel

if TYPE_CHECKING:
    import cedarpy

VERDICTS_MAX: Final = 50_000
_HUB: Final = 'Hub::"hub"'
_KINDS: Final = {"device": "Device", "module": "Module"}


class BadEntity(Problem):
    """A posture record that cannot be shown to the policies; it denies."""

    code: ClassVar[str] = "trust.bad_entity"
    status: ClassVar[int] = 500


@dataclass(frozen=True, slots=True)
class Principal:
    """An identity as the policies see it: its uid and a parsed entity handle, built with the schema."""

    uid: str
    entities: cedarpy.Entities


class SessionFacts(NamedTuple):
    """What the policies may read of a session; hashable, so that a verdict can be kept by it.

    Attributes:
        credential: Where the presented credential comes from: ``issued``, ``pinned``, ``onboarding``, ``authority``
            (a certificate that a registered authority vouches for) or ``symmetric_key``.
        tls_version: ``TLSv1.2`` or ``TLSv1.3``.
        address: The peer's, IPv4 or IPv6.
    """

    credential: str
    tls_version: str
    address: str

    def to_context(self) -> dict[str, object]:
        """Return the Cedar context."""
        return {
            "credential": self.credential,
            "tlsVersion": self.tls_version,
            "address": {"__extn": {"fn": "ip", "arg": self.address}},
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the policies said of one request."""

    is_permitted: bool
    policies: tuple[str, ...]
    errors: tuple[str, ...]


class PolicyEngine:
    """The policies in force, parsed once.

    Raises:
        BadPolicyBundle: The bundle is too large, does not parse, or a policy does not fit the schema.
    """

    def __init__(self, bundle: PolicyBundle) -> None:
        # Imported here: a guest that embeds trust for its records alone needs no policy engine installed.
        import cedarpy  # noqa: PLC0415 - optional on a device

        check_size(bundle)
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
        # Equal input gives an equal answer: a fleet that comes back after a restart is decided from memory.
        self._verdicts: OrderedDict[tuple[object, ...], Verdict] = OrderedDict()

    def decide(self, record: PostureRecord, now: datetime, action: str, facts: SessionFacts) -> Verdict:
        """Decide one action of one session; the record's sequence names all that is read of the identity.

        Args:
            record: Believed by the caller.
            now: For sections that end.
            action: A Cedar action id such as ``connect``.
            facts: Of the session.

        Raises:
            BadEntity: A section that policies need is unknown, or the schema refuses the entity.
        """
        key = (record.generation_id, record.epoch, record.sequence, action, facts)
        known = self._verdicts.get(key)
        if known is not None:
            self._verdicts.move_to_end(key)
            return known
        verdict = self.evaluate(self.principal(record, now), action, facts.to_context())
        # With a section that ends, time is an input too; an error may be of the moment.
        if not verdict.errors and not _ends(record):
            self._verdicts[key] = verdict
            if len(self._verdicts) > VERDICTS_MAX:
                self._verdicts.popitem(last=False)
        return verdict

    def principal(self, record: PostureRecord, now: datetime) -> Principal:
        """Build the cached entity handle of an identity; rebuild it when the record changes or a section expires.

        Raises:
            BadEntity: A section that policies need is unknown, a module names no device, or the schema refuses the
                entity.
        """
        entities = json.dumps(describe_entities(record, now))
        try:
            handle = self._cedar.Entities.from_json_str(entities, self._schema)
        except ValueError as error:
            raise BadEntity(f"the record of {record.generation_id} does not fit the policy schema: {error}") from error
        return Principal(uid=f'{_KINDS[record.kind]}::"{record.generation_id}"', entities=handle)

    def evaluate(self, principal: Principal, action: str, context: Mapping[str, object]) -> Verdict:
        """Ask the policies; any error, unknown attribute or third outcome is a deny.

        Args:
            principal: From ``principal``.
            action: A Cedar action id such as ``connect``; ours, never text from outside.
            context: All of the session's context values; a missing one denies.
        """
        request = {
            "principal": principal.uid,
            "action": f'Action::"{action}"',
            "resource": _HUB,
            "context": dict(context),
        }
        try:
            answer = self._cedar.is_authorized(request, self._policies, principal.entities, schema=self._schema)
        except ValueError as error:
            return Verdict(is_permitted=False, policies=(), errors=(str(error),))
        errors = tuple(str(error) for error in answer.diagnostics.errors)
        ids = answer.diagnostics.id_annotations_by_reason
        policies = tuple(str(ids.get(reason) or reason) for reason in answer.diagnostics.reasons)
        is_permitted = answer.decision is self._cedar.Decision.Allow and not errors
        return Verdict(is_permitted=is_permitted, policies=policies, errors=errors)


def describe_entities(record: PostureRecord, now: datetime) -> list[dict[str, object]]:
    """Return an identity and all that it belongs to, as Cedar's JSON.

    Raises:
        BadEntity: A section that policies need is unknown, or a module names no device.
    """
    organization = {"type": "Organization", "id": record.organization_id}
    parents = [organization]
    if record.kind == "module":
        # Of its device only the name is known here; what bears on both stands in the module's own record.
        if record.device_generation_id is None:
            raise BadEntity(f"the record of {record.generation_id} does not say whose module it is")
        parents.append({"type": "Device", "id": record.device_generation_id})
    uid = {"type": _KINDS[record.kind], "id": record.generation_id}
    return [
        {"uid": uid, "attrs": _attributes(record, now), "parents": parents},
        {"uid": {"type": "Hub", "id": "hub"}, "attrs": {}, "parents": [organization]},
        {"uid": organization, "attrs": {}, "parents": []},
    ]


def _ends(record: PostureRecord) -> bool:
    sections = (record.registration, record.credentials, record.placement, record.health, record.quarantine)
    return any(section.expires_at is not None for section in sections)


def _attributes(record: PostureRecord, now: datetime) -> dict[str, object]:
    registration = record.registration.known(now)
    credentials = record.credentials.known(now)
    quarantine = record.quarantine.known(now)
    if registration is None or credentials is None or quarantine is None:
        raise BadEntity(
            f"the record of {record.generation_id} leaves registration, credentials or quarantine unknown",
            hint="see which section has expired: vedette device show",
        )
    placement = record.placement.known(now) or Placement()
    health = record.health.known(now) or Health()
    attributes: dict[str, object] = {
        "lifecycle": registration.lifecycle.value,
        "isEnabled": registration.is_enabled,
        "isBlocked": registration.is_blocked,
        "isQuarantined": quarantine.is_quarantined,
        "deviceClass": registration.device_class,
        "identityClass": registration.identity_class,
        "identityStrength": credentials.identity_strength,
        "riskLevel": (health.risk_level or RiskLevel.UNKNOWN).value,
        "findings": [finding.finding_class for finding in health.findings],
        "groups": list(placement.groups),
    }
    optional = {"site": placement.site, "zone": placement.zone, "purdueLevel": placement.purdue_level}
    attributes.update({name: value for name, value in optional.items() if value is not None})
    return attributes
