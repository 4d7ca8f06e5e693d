"""An identity as the policies see it: the attributes made of its posture record, and all that it belongs to."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Final, Literal

import msgspec

from vedette.trust.cedar import BadEntity, Uid
from vedette.trust.model import (
    Health,
    Lifecycle,
    Placement,
    PostureRecord,
    Provenance,
    Quarantine,
    Registration,
    RiskLevel,
)

HUB: Final = Uid("Hub", "hub")
# Written into a twin's tags: when the device may take part, in its site's time.
HOURS_TAG: Final = "policy.hours"
_TYPES: Final = {"device": "Device", "module": "Module"}


class EntitySlice(msgspec.Struct, frozen=True, kw_only=True):
    """What policies may read of one identity; the same for all that are alike.

    Attributes:
        attributes: By their names in the Cedar schema.
        device_generation_id: Of a module: the device that it belongs to.
    """

    kind: Literal["device", "module"]
    attributes: dict[str, object]
    device_generation_id: str | None = None

    @property
    def sha256(self) -> str:
        """Lower-case hex; decisions of equal slices, facts and bundles are equal."""
        canonical = msgspec.json.encode(self, order="deterministic")
        return hashlib.sha256(canonical).hexdigest()


def describe_identity(record: PostureRecord, now: datetime) -> EntitySlice:
    """Return what the policies may read of an identity.

    Raises:
        BadEntity: A section that policies need is unknown, or a module names no device.
    """
    if record.kind == "module" and record.device_generation_id is None:
        raise BadEntity(f"the record of {record.generation_id} does not say whose module it is")
    return EntitySlice(
        kind=record.kind, attributes=_attributes(record, now), device_generation_id=record.device_generation_id
    )


def uid_of(identity: EntitySlice, generation_id: str) -> Uid:
    """Return the principal's name."""
    return Uid(_TYPES[identity.kind], generation_id)


def list_entities(identity: EntitySlice, generation_id: str, organization_id: str) -> list[dict[str, object]]:
    """Return an identity and all that it belongs to, as Cedar's JSON."""
    organization = {"type": "Organization", "id": organization_id}
    parents = [organization]
    if identity.device_generation_id is not None:
        # Of its device only the name is known here; what bears on both stands in the module's own record.
        parents.append({"type": "Device", "id": identity.device_generation_id})
    uid = uid_of(identity, generation_id)
    return [
        {"uid": uid._asdict(), "attrs": identity.attributes, "parents": parents},
        {"uid": HUB._asdict(), "attrs": {}, "parents": [organization]},
        {"uid": organization, "attrs": {}, "parents": []},
    ]


def hours_of(record: PostureRecord, now: datetime) -> str | None:
    """Return the hours that an identity's tags limit it to; ``None``: none."""
    placement = record.placement.known(now)
    return None if placement is None else placement.tags.get(HOURS_TAG)


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
        "quarantineMode": _quarantine_mode(registration, quarantine),
        "deviceClass": registration.device_class,
        "identityClass": registration.identity_class,
        "identityStrength": credentials.identity_strength,
        "riskLevel": (health.risk_level or RiskLevel.UNKNOWN).value,
        **_findings(health),
        "groups": sorted(placement.groups),
        "tags": sorted(f"{name}={value}" for name, value in placement.tags.items()),
    }
    optional = {
        "site": placement.site,
        "zone": placement.zone,
        "purdueLevel": placement.purdue_level,
        "hours": placement.tags.get(HOURS_TAG),
    }
    attributes.update({name: value for name, value in optional.items() if value is not None})
    if record.kind == "module" and registration.workload is not None:
        workload = registration.workload
        attributes["workload"] = {"digest": workload.digest, "identity": workload.identity}
    return attributes


def _quarantine_mode(registration: Registration, quarantine: Quarantine) -> str:
    if quarantine.is_quarantined:
        return "cut" if quarantine.is_cut else quarantine.mode
    return "cut" if registration.lifecycle is Lifecycle.QUARANTINED else "none"


def _findings(health: Health) -> dict[str, object]:
    """Part classes of findings by what they rest on: those that anybody could fake bear no heavy consequence."""
    trusted = {each.finding_class for each in health.findings if each.provenance is not Provenance.SPOOFABLE}
    spoofable = {each.finding_class for each in health.findings} - trusted
    return {"findings": sorted(trusted), "spoofableFindings": sorted(spoofable)}
