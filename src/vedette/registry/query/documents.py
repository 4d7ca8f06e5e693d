"""Identities as the documents that queries are about: the hub's twin with our fields beside its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from vedette.kernel import GenerationId
from vedette.registry import twin_repository
from vedette.registry.group_repository import group_names_of
from vedette.registry.model import Authentication, Device
from vedette.registry.module import Module
from vedette.registry.module_repository import find_module_generations
from vedette.registry.presence import Presence
from vedette.registry.presence_repository import presence_of
from vedette.registry.query.check import format_time
from vedette.registry.query.fields import Part
from vedette.registry.query.sources import AUTHENTICATION_TYPES
from vedette.registry.query.tree import SourceName
from vedette.registry.repository import find_generations
from vedette.registry.twin import EMPTY
from vedette.registry.twin_repository import StoredTwin
from vedette.registry.twin_service import compose

Document = dict[str, Any]  # Any: JSON values

ALL_PARTS: Final = frozenset(Part)
_NO_TWIN: Final = StoredTwin(EMPTY, EMPTY, 0, None)


def load_documents(
    connection: sa.Connection,
    organization_id: str,
    source: SourceName,
    generation_ids: Sequence[str],
    parts: Iterable[Part] = ALL_PARTS,
) -> dict[GenerationId, Document]:
    """Return identities as documents by generation; unknown ones are left out, and what is of other parts too."""
    wanted = set(parts)
    identities: Mapping[GenerationId, Device | Module]
    if source == "devices":
        identities = find_generations(connection, organization_id, generation_ids)
    else:
        identities = find_module_generations(connection, organization_id, generation_ids)
    twins = twin_repository.find_many(connection, organization_id, generation_ids) if Part.TWIN in wanted else {}
    presences = presence_of(connection, organization_id, generation_ids) if Part.PRESENCE in wanted else {}
    has_groups = Part.GROUPS in wanted and source == "devices"
    groups = group_names_of(connection, organization_id, generation_ids) if has_groups else {}
    found = {}
    for generation_id, identity in identities.items():
        document = identity_document(identity)
        if Part.TWIN in wanted:
            _add_twin(document, identity, twins.get(generation_id, _NO_TWIN))
        if Part.PRESENCE in wanted:
            _add_presence(document, identity, presences.get(generation_id))
        if has_groups:
            document["groups"] = list(groups.get(generation_id, ()))
        found[generation_id] = document
    return found


def group_documents(
    connection: sa.Connection,
    organization_id: str,
    devices: Mapping[GenerationId, Device],
    *,
    has_properties: bool,
) -> dict[GenerationId, Document]:
    """Return what the conditions of groups may ask about devices."""
    found = {generation_id: identity_document(device) for generation_id, device in devices.items()}
    if has_properties:
        twins = twin_repository.find_many(connection, organization_id, devices)
        for generation_id, document in found.items():
            _add_twin(document, devices[generation_id], twins.get(generation_id, _NO_TWIN))
    return found


def identity_document(identity: Device | Module) -> Document:
    """Return what the registration of an identity says of it."""
    document = {
        "deviceId": identity.device_id,
        "generationId": identity.generation_id,
        "deviceEtag": identity.etag,
        "status": "enabled" if identity.is_enabled else "disabled",
        **_authentication(identity.authentication),
        "tags": identity.tags,
        "createdTime": format_time(identity.created_at),
        "updatedTime": format_time(identity.updated_at),
    }
    return document | (_of_module(identity) if isinstance(identity, Module) else _of_device(identity))


def _of_module(module: Module) -> Document:
    return {"moduleId": module.module_id, "managedBy": module.managed_by}


def _of_device(device: Device) -> Document:
    return {
        "statusReason": device.status_reason,
        "statusUpdateTime": format_time(device.status_changed_at),
        "modelId": "",
        "capabilities": {"iotEdge": False},
        "configurations": {},
        "lifecycle": device.lifecycle.value,
        "isBlocked": device.is_blocked,
        "site": device.site,
        "zone": device.zone,
        "purdueLevel": device.purdue_level,
        "deviceClass": device.device_class,
        "identityClass": device.identity_class,
        "failureMode": device.failure_mode.value,
        "enrollmentId": device.origin.enrollment_id,
        "authorityId": device.origin.authority_id,
    }


def _authentication(authentication: Authentication) -> Document:
    return {
        "authenticationType": AUTHENTICATION_TYPES[authentication.type.value],
        "x509Thumbprint": {
            "primaryThumbprint": authentication.primary_thumbprint,
            "secondaryThumbprint": authentication.secondary_thumbprint,
        },
    }


def _add_twin(document: Document, identity: Device | Module, stored: StoredTwin) -> None:
    twin = compose(identity, stored)
    document["etag"] = twin.etag
    document["version"] = twin.version
    document["properties"] = {
        "desired": twin.desired.full_document(),
        "reported": twin.reported.full_document(),
    }


def _add_presence(document: Document, identity: Device | Module, presence: Presence | None) -> None:
    is_connected = presence is not None and presence.is_connected
    document["connectionState"] = "Connected" if is_connected else "Disconnected"
    last = identity.last_connected_at if presence is None else presence.changed_at
    document["lastActivityTime"] = format_time(last)
    document["gateway"] = "" if presence is None else presence.gateway
