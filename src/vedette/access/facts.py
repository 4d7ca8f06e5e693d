"""What the lower rooms know of an identity, as the sections of its posture record."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

import msgspec
import sqlalchemy as sa

from vedette.access import quarantine_repository
from vedette.access.quarantine_model import Quarantined
from vedette.health import Posture, find_postures
from vedette.kernel import DeviceId, GenerationId, ModuleId, OrganizationId
from vedette.pki import Authority
from vedette.pki.records import covers
from vedette.registry import (
    AuthenticationType,
    CredentialRecords,
    Device,
    Module,
    find_generations,
    find_module_generations,
    find_modules_of,
    flatten_tags,
    policy_groups_of,
)
from vedette.trust import (
    IDENTITY_FROZEN,
    SCHEMA_VERSION,
    Credentials,
    Finding,
    Head,
    Health,
    Lifecycle,
    Location,
    PermittedCertificate,
    PermittedKey,
    Placement,
    PostureRecord,
    Provenance,
    Quarantine,
    Registration,
    RiskLevel,
    Section,
    Workload,
)

SECTIONS = ("registration", "credentials", "placement", "health", "quarantine", "exceptions", "location")


GroupReader = Callable[[sa.Connection, str, Iterable[str]], Mapping[GenerationId, tuple[str, ...]]]
_MODULE_PREFIX: Final = "mod_"
# Most trusted first; least risk first.
_TRUST: Final = tuple(Provenance)
_RISKS: Final = (RiskLevel.UNKNOWN, RiskLevel.LOW, RiskLevel.MEDIUM, RiskLevel.HIGH)


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
    device_generation_id: GenerationId | None = None
    health: Health | None = None
    location: Location | None = None
    location_until: datetime | None = None


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
    """Facts of registry and PKI.

    Args:
        credentials: What devices and modules prove themselves with.
        groups: Returns the groups of identities that policies may see.
    """

    def __init__(self, credentials: CredentialRecords, groups: GroupReader = policy_groups_of) -> None:
        self._credentials = credentials
        self._groups = groups

    def read(
        self,
        connection: sa.Connection,
        organization_id: OrganizationId,
        generation_ids: Iterable[str],
        now: datetime,
    ) -> list[IdentityFacts]:
        """Return the facts of devices and modules, deleted ones included, and of all modules of those devices."""
        asked = list(generation_ids)
        modules = _find_modules(connection, organization_id, asked)
        owners = {*asked, *(module.device_generation_id for module in modules.values())}
        devices = find_generations(connection, organization_id, owners)
        known = _Known(connection, organization_id, now, self._credentials, self._groups)
        known.gather(devices.values(), modules.values())
        concerned = set(asked)
        found = [self._of_device(device, known) for device in devices.values() if device.generation_id in concerned]
        for module in modules.values():
            device = devices.get(module.device_generation_id)
            if device is not None:
                found.append(self._of_module(module, device, known))
        return found

    def _of_device(self, device: Device, known: _Known) -> IdentityFacts:
        is_deleted = device.deleted_at is not None
        return IdentityFacts(
            generation_id=device.generation_id,
            device_id=device.device_id,
            module_id=None,
            is_deleted=is_deleted,
            registration=_registration(device, is_deleted=is_deleted, is_enabled=device.is_enabled),
            credentials=Credentials() if is_deleted else known.credentials_of_device(device),
            placement=_placement(device, known.groups.get(device.generation_id, ())),
            quarantine=known.quarantine_of(device, is_frozen=known.is_frozen(device.generation_id)),
            health=known.health_of(device.generation_id),
            **known.place_of(device.generation_id),
        )

    def _of_module(self, module: Module, device: Device, known: _Known) -> IdentityFacts:
        """A module is registered, placed and quarantined as its device; its credentials are its own."""
        is_deleted = module.deleted_at is not None or device.deleted_at is not None
        is_frozen = known.is_frozen(device.generation_id) or known.is_frozen(module.generation_id)
        groups = (*known.groups.get(device.generation_id, ()), *known.groups.get(module.generation_id, ()))
        return IdentityFacts(
            generation_id=module.generation_id,
            device_id=module.device_id,
            module_id=module.module_id,
            device_generation_id=device.generation_id,
            is_deleted=is_deleted,
            registration=_registration(
                device,
                is_deleted=is_deleted,
                is_enabled=device.is_enabled and module.is_enabled,
                workload=module.workload,
            ),
            credentials=Credentials() if is_deleted else known.credentials_of_module(module, device),
            placement=_placement(device, groups),
            quarantine=known.quarantine_of(device, is_frozen=is_frozen),
            health=known.health_of(device.generation_id, module.generation_id),
            **known.place_of(module.generation_id, device.generation_id),
        )


class _Known:
    """What a batch of identities has, read with one question for each kind of credential that occurs in it."""

    def __init__(
        self,
        connection: sa.Connection,
        organization_id: OrganizationId,
        now: datetime,
        credentials: CredentialRecords,
        groups: GroupReader,
    ) -> None:
        self._connection = connection
        self._organization_id = organization_id
        self._now = now
        self._credentials = credentials
        self._read_groups = groups
        self._keys: Mapping[str, tuple[PermittedKey, ...]] = {}
        self._vouched: Mapping[str, tuple[PermittedCertificate, ...]] = {}
        self._authorities: Sequence[Authority] = ()
        self.groups: Mapping[GenerationId, tuple[str, ...]] = {}
        self._postures: Mapping[str, Posture] = {}
        self._quarantined: Mapping[str, Quarantined] = {}

    def gather(self, devices: Collection[Device], modules: Collection[Module]) -> None:
        """Read keys, vouched certificates and groups of all at once."""
        where = self._connection, self._organization_id
        identities: list[Device | Module] = [*devices, *modules]
        with_keys = [each.generation_id for each in identities if each.authentication.is_weak]
        if with_keys:
            self._keys = self._credentials.keys.permitted_keys(*where, with_keys)
        by_authority = AuthenticationType.CERTIFICATE_AUTHORITY
        vouched = [each.generation_id for each in identities if each.authentication.type is by_authority]
        if vouched:
            self._vouched = self._credentials.vouched.permitted_certificates(*where, vouched, self._now)
            self._authorities = self._credentials.vouched.authorities_for(*where)
        generations = [each.generation_id for each in identities]
        self.groups = self._read_groups(*where, generations)
        self._postures = find_postures(*where, generations)
        self._quarantined = quarantine_repository.find_many(*where, [each.generation_id for each in devices])

    def health_of(self, *generation_ids: GenerationId) -> Health | None:
        """Return what is known of an identity's health and of those it is a part of; the worst of it counts."""
        known = [each.health for each in map(self._postures.get, generation_ids) if each is not None]
        return _worst([each for each in known if each is not None])

    def place_of(self, *generation_ids: GenerationId) -> dict[str, Any]:  # Any: two fields
        """Return where an identity is, or else what it is a part of."""
        for posture in map(self._postures.get, generation_ids):
            if posture is not None and posture.location is not None:
                return {"location": posture.location, "location_until": posture.location_until}
        return {}

    def quarantine_of(self, device: Device, *, is_frozen: bool) -> Quarantine:
        """Return what keeps a device from taking part as others do."""
        if is_frozen:
            return Quarantine(is_quarantined=True, mode="cut", reason=IDENTITY_FROZEN, source="pki")
        found = self._quarantined.get(device.generation_id)
        if found is not None:
            return Quarantine(
                is_quarantined=True,
                mode=found.mode.value,
                reason=found.reason,
                since=found.since,
                review_at=found.review_at,
                source=found.source,
            )
        if device.lifecycle is Lifecycle.QUARANTINED:
            # From before there was a zone for them: they keep what they had, which was nothing.
            return Quarantine(is_quarantined=True, mode="cut", reason="lifecycle", since=device.lifecycle_changed_at)
        return Quarantine()

    def is_frozen(self, generation_id: GenerationId) -> bool:
        """Whether two parties were seen with the identity's key."""
        return self._credentials.certificates.is_frozen(self._connection, self._organization_id, generation_id)

    def credentials_of_device(self, device: Device) -> Credentials:
        """Return what a device may present."""
        if device.authentication.type is AuthenticationType.CERTIFICATE_AUTHORITY and not device.is_vouched:
            digest, until = device.origin.onboarding_sha256, device.origin.onboarding_until
            if digest is None or until is None:
                return Credentials()
            onboarding = PermittedCertificate(digest=digest, origin="onboarding", permitted_until=until)
            return Credentials(certificates=(onboarding,))
        return self._credentials_of(device, device)

    def credentials_of_module(self, module: Module, device: Device) -> Credentials:
        """Return what a module may present."""
        return self._credentials_of(module, device)

    def _credentials_of(self, identity: Device | Module, device: Device) -> Credentials:
        authentication, generation_id = identity.authentication, identity.generation_id
        match authentication.type:
            case AuthenticationType.SELF_SIGNED:
                pinned = (PermittedCertificate(digest=each, origin="pinned") for each in authentication.thumbprints())
                return Credentials(certificates=tuple(pinned))
            case AuthenticationType.SYMMETRIC_KEY:
                return Credentials(keys=self._keys.get(generation_id, ()))
            case AuthenticationType.CERTIFICATE_AUTHORITY:
                enrollment_id = device.origin.enrollment_id
                covering = (each for each in self._authorities if covers(each, device.device_id, enrollment_id))
                return Credentials(
                    certificates=self._vouched.get(generation_id, ()),
                    authorities=tuple(each.authority_id for each in covering),
                )
            case AuthenticationType.ISSUED:
                issued = self._credentials.certificates.permitted_certificates(
                    self._connection, self._organization_id, generation_id, self._now
                )
                return Credentials(certificates=issued)


def _find_modules(
    connection: sa.Connection, organization_id: OrganizationId, generation_ids: Sequence[str]
) -> dict[GenerationId, Module]:
    """Return the modules that are asked for, and all modules of the devices that are."""
    own = [each for each in generation_ids if each.startswith(_MODULE_PREFIX)]
    found = find_module_generations(connection, organization_id, own) if own else {}
    devices = [each for each in generation_ids if not each.startswith(_MODULE_PREFIX)]
    if devices:
        found |= {each.generation_id: each for each in find_modules_of(connection, organization_id, devices)}
    return found


def _registration(
    device: Device, *, is_deleted: bool, is_enabled: bool, workload: Workload | None = None
) -> Registration:
    return Registration(
        lifecycle=Lifecycle.RETIRED if is_deleted else device.lifecycle,
        is_enabled=is_enabled and not is_deleted,
        is_blocked=device.is_blocked,
        device_class=device.device_class,
        identity_class=device.identity_class,
        failure_mode=device.failure_mode,
        hold_s=device.hold_s,
        workload=workload,
    )


def _placement(device: Device, groups: tuple[str, ...]) -> Placement:
    return Placement(
        site=device.site,
        zone=device.zone,
        purdue_level=device.purdue_level,
        tags={path: str(value) for path, value in flatten_tags(device.tags).items()},
        groups=groups,
    )


def _worst(found: Sequence[Health]) -> Health | None:
    """Return the union of what is known: each finding by its most trusted source, and the highest risk level."""
    if len(found) <= 1:
        return found[0] if found else None
    findings: dict[str, Finding] = {}
    for each in (finding for health in found for finding in health.findings):
        known = findings.get(each.finding_class)
        if known is None or _TRUST.index(each.provenance) < _TRUST.index(known.provenance):
            findings[each.finding_class] = each
    return Health(
        findings=tuple(findings[name] for name in sorted(findings)),
        risk_level=max((each.risk_level for each in found), key=_RISKS.index),
    )


def compose_record(
    facts: IdentityFacts,
    former: PostureRecord | None,
    organization_id: OrganizationId,
    head: Head,
    *,
    is_forced: bool = False,
) -> PostureRecord | None:
    """Compose an identity's record; a section's revision grows only when its value changes.

    Args:
        facts: What the rooms know now.
        former: The record that this one replaces.
        organization_id: The identity's organization.
        head: Epoch, time and, in ``sequence``, the last sequence given out.
        is_forced: Compose one even when nothing has changed.

    Returns:
        ``None`` when nothing has changed.
    """
    sections: dict[str, Any] = {  # Any: one section type per name
        "registration": _section(former, "registration", "registry", facts.registration, head.issued_at),
        "credentials": _section(former, "credentials", "pki", facts.credentials, head.issued_at),
        "placement": _section(former, "placement", "registry", facts.placement, head.issued_at),
        "health": _section(former, "health", "health", facts.health, head.issued_at),
        "quarantine": _section(former, "quarantine", "access", facts.quarantine, head.issued_at),
        "exceptions": _section(former, "exceptions", "access", (), head.issued_at),
        "location": _section(
            former, "location", "health", facts.location, head.issued_at, expires_at=facts.location_until
        ),
    }
    is_same = former is not None and all(sections[name] is getattr(former, name) for name in SECTIONS)
    if is_same and former is not None and former.epoch == head.epoch and not is_forced:
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
        device_generation_id=facts.device_generation_id,
        **sections,
    )


def _section(
    former: PostureRecord | None,
    name: str,
    owner: str,
    value: object,
    now: datetime,
    *,
    expires_at: datetime | None = None,
) -> Section[Any]:
    previous: Section[Any] | None = None if former is None else getattr(former, name)
    if previous is not None and previous.value == value and previous.expires_at == expires_at:
        return previous
    revision = 1 if previous is None else previous.revision + 1
    return Section(owner=owner, revision=revision, observed_at=now, expires_at=expires_at, value=value)
