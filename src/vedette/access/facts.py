"""What the lower rooms know of an identity, as the sections of its posture record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec
import sqlalchemy as sa

from vedette.kernel import DeviceId, GenerationId, ModuleId, OrganizationId
from vedette.pki.records import CertificateService
from vedette.registry import AuthenticationType, Device, find_generations, flatten_tags
from vedette.trust import (
    SCHEMA_VERSION,
    Credentials,
    Head,
    Lifecycle,
    PermittedCertificate,
    Placement,
    PostureRecord,
    Quarantine,
    Registration,
    Section,
)

SECTIONS = ("registration", "credentials", "placement", "health", "quarantine", "exceptions")


class IdentityFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One identity as its rooms see it now; ``is_deleted``: only its end is still to be told."""

    generation_id: GenerationId
    device_id: DeviceId
    module_id: ModuleId | None
    is_deleted: bool
    registration: Registration
    credentials: Credentials
    placement: Placement
    quarantine: Quarantine


class FactReader(Protocol):
    """Reads what a posture record is made of, inside the transaction that changes it."""

    def read(
        self,
        connection: sa.Connection,
        organization_id: OrganizationId,
        generation_ids: Iterable[str],
        now: datetime,
    ) -> list[IdentityFacts]:
        """Return the facts of identities; unknown ones are left out."""
        ...


class RoomFacts:
    """Facts of registry and PKI."""

    def __init__(self, certificates: CertificateService) -> None:
        self._certificates = certificates

    def read(
        self,
        connection: sa.Connection,
        organization_id: OrganizationId,
        generation_ids: Iterable[str],
        now: datetime,
    ) -> list[IdentityFacts]:
        """Return the facts of devices, deleted ones included."""
        devices = find_generations(connection, organization_id, generation_ids)
        return [self._of_device(connection, device, now) for device in devices.values()]

    def _of_device(self, connection: sa.Connection, device: Device, now: datetime) -> IdentityFacts:
        is_deleted = device.deleted_at is not None
        is_frozen = self._certificates.is_frozen(connection, device.organization_id, device.generation_id)
        certificates = () if is_deleted else self._permitted(connection, device, now)
        return IdentityFacts(
            generation_id=device.generation_id,
            device_id=device.device_id,
            module_id=None,
            is_deleted=is_deleted,
            registration=Registration(
                lifecycle=Lifecycle.RETIRED if is_deleted else device.lifecycle,
                is_enabled=device.is_enabled and not is_deleted,
                is_blocked=device.is_blocked,
                device_class=device.device_class,
                identity_class=device.identity_class,
                failure_mode=device.failure_mode,
                hold_s=device.hold_s,
            ),
            credentials=Credentials(certificates=tuple(certificates)),
            placement=Placement(
                site=device.site,
                zone=device.zone,
                purdue_level=device.purdue_level,
                tags={path: str(value) for path, value in flatten_tags(device.tags).items()},
            ),
            quarantine=_quarantine(device, is_frozen=is_frozen),
        )

    def _permitted(self, connection: sa.Connection, device: Device, now: datetime) -> Sequence[PermittedCertificate]:
        authentication = device.authentication
        match authentication.type:
            case AuthenticationType.SELF_SIGNED:
                return [PermittedCertificate(digest=each, origin="pinned") for each in authentication.thumbprints()]
            case AuthenticationType.CERTIFICATE_AUTHORITY:
                digest, until = device.origin.onboarding_sha256, device.origin.onboarding_until
                if digest is None or until is None:
                    return []
                return [PermittedCertificate(digest=digest, origin="onboarding", permitted_until=until)]
            case AuthenticationType.ISSUED:
                return self._certificates.permitted_certificates(
                    connection, device.organization_id, device.generation_id, now
                )


def _quarantine(device: Device, *, is_frozen: bool) -> Quarantine:
    if is_frozen:
        return Quarantine(is_quarantined=True, reason="identity_frozen")
    if device.lifecycle is Lifecycle.QUARANTINED:
        return Quarantine(is_quarantined=True, reason="lifecycle", since=device.lifecycle_changed_at)
    return Quarantine()


def compose_record(
    facts: IdentityFacts, former: PostureRecord | None, organization_id: OrganizationId, head: Head
) -> PostureRecord | None:
    """Compose an identity's record; a section's revision grows only when its value changes.

    Args:
        facts: What the rooms know now.
        former: The record that this one replaces.
        organization_id: The identity's organization.
        head: Epoch, time and, in ``sequence``, the last sequence given out.

    Returns:
        ``None`` when nothing has changed.
    """
    sections: dict[str, Any] = {  # Any: one section type per name
        "registration": _section(former, "registration", "registry", facts.registration, head.issued_at),
        "credentials": _section(former, "credentials", "pki", facts.credentials, head.issued_at),
        "placement": _section(former, "placement", "registry", facts.placement, head.issued_at),
        "health": _section(former, "health", "health", None, head.issued_at),
        "quarantine": _section(former, "quarantine", "access", facts.quarantine, head.issued_at),
        "exceptions": _section(former, "exceptions", "access", (), head.issued_at),
    }
    is_same = former is not None and all(sections[name] is getattr(former, name) for name in SECTIONS)
    if is_same and former is not None and former.epoch == head.epoch:
        return None
    return PostureRecord(
        schema=SCHEMA_VERSION,
        organization_id=organization_id,
        generation_id=facts.generation_id,
        kind="device" if facts.module_id is None else "module",
        device_id=facts.device_id,
        module_id=facts.module_id,
        epoch=head.epoch,
        sequence=head.sequence + 1,
        issued_at=head.issued_at,
        expires_at=None,
        **sections,
    )


def _section(former: PostureRecord | None, name: str, owner: str, value: object, now: datetime) -> Section[Any]:
    previous: Section[Any] | None = None if former is None else getattr(former, name)
    if previous is not None and previous.value == value:
        return previous
    revision = 1 if previous is None else previous.revision + 1
    return Section(owner=owner, revision=revision, observed_at=now, value=value)
