"""Alerts as STIX sightings: which technique was seen, where, when, how often, between whom. Pure.

Source:
    STIX 2.1 (OASIS): §2.9 identifiers, §5.2 sighting, §6 cyber-observable objects.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any, Final
from uuid import UUID

import msgspec

from vedette.incidents.model import Alert, End
from vedette.kernel import to_rfc3339
from vedette.protocols.attack import TECHNIQUES

Document = dict[str, Any]  # Any: JSON

# §2.9: the namespace of observables whose id follows from what they are.
_OBSERVABLES: Final = UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
_OURS: Final = UUID("8a8c1f4a-52a6-5c1c-9d8b-5b2b3ef2a0d4")
# Of what many bundles share: its id follows from what it is, and it does not change.
_ALWAYS: Final = "2026-01-01T00:00:00.000Z"
_COUNT_MAX: Final = 999_999_999
_SPEC: Final = {"spec_version": "2.1"}


def to_stix(alerts: Iterable[Alert]) -> Document:
    """Return a bundle of sightings with all that they refer to; the same alerts have the same ids each time."""
    objects: dict[str, Document] = {}
    for alert in alerts:
        for each in _objects(alert):
            objects.setdefault(each["id"], each)
    names = "\n".join(objects)
    return {"type": "bundle", "id": _id("bundle", names), "objects": list(objects.values())}


def _objects(alert: Alert) -> list[Document]:
    raised = to_rfc3339(alert.received_at)
    modified = to_rfc3339(alert.changed_at or alert.received_at)
    span = to_rfc3339(alert.first_at), to_rfc3339(alert.last_at)
    sensor = _domain_object(
        "identity", alert.sensor_id, _ALWAYS, _ALWAYS, name=alert.sensor_name, identity_class="system"
    )
    technique = _technique(alert)
    ends = [_observable(end) for end in (alert.source, alert.target) if end.address]
    found = [sensor, technique, *ends]
    sighting = _domain_object(
        "sighting",
        alert.alert_id,
        raised,
        modified,
        first_seen=span[0],
        last_seen=span[1],
        count=min(alert.times, _COUNT_MAX),
        sighting_of_ref=technique["id"],
        where_sighted_refs=[sensor["id"]],
        description=alert.title,
    )
    if ends:
        observed = _domain_object(
            "observed-data",
            alert.alert_id,
            raised,
            modified,
            first_observed=span[0],
            last_observed=span[1],
            number_observed=min(alert.times, _COUNT_MAX),
            object_refs=list(dict.fromkeys(each["id"] for each in ends)),
        )
        sighting["observed_data_refs"] = [observed["id"]]
        found.append(observed)
    return [*found, sighting]


def _technique(alert: Alert) -> Document:
    if not alert.technique:
        return _domain_object("attack-pattern", f"rule/{alert.rule}", _ALWAYS, _ALWAYS, name=alert.rule)
    known = TECHNIQUES.get(alert.technique)
    reference = {"source_name": "mitre-ics-attack", "external_id": alert.technique}
    return _domain_object(
        "attack-pattern",
        f"technique/{alert.technique}",
        _ALWAYS,
        _ALWAYS,
        name=alert.technique if known is None else known.name,
        external_references=[reference],
    )


def _observable(end: End) -> Document:
    try:
        kind = f"ipv{ip_address(end.address).version}-addr"
    except ValueError:
        kind = "mac-addr"
    content = msgspec.json.encode({"value": end.address}).decode()
    return {"type": kind, **_SPEC, "id": f"{kind}--{_derived(_OBSERVABLES, content)}", "value": end.address}


def _domain_object(kind: str, what: str, created: str, modified: str, **more: Any) -> Document:  # Any: JSON
    return {"type": kind, **_SPEC, "id": _id(kind, what), "created": created, "modified": modified, **more}


def _id(kind: str, name: str) -> str:
    return f"{kind}--{_derived(_OURS, f'{kind}/{name}')}"


def _derived(namespace: UUID, name: str) -> UUID:
    """Return the UUID that follows from a name (RFC 9562 §5.5, version 5)."""
    digest = hashlib.sha1(namespace.bytes + name.encode(), usedforsecurity=False).digest()
    return UUID(bytes=digest[:16], version=5)
