"""The rooms of control, built once and handed to the doors: who needs what is written down here and nowhere else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import msgspec

from vedette.access import (
    AccessService,
    CertificateVouching,
    EnforcementTracker,
    EnginesInForce,
    EnrollmentPoint,
    FirstUses,
    HopKeeper,
    OpeningKeys,
    PolicyAdministrator,
    PostureProjection,
    RecordUpkeep,
    RoomFacts,
    Whereabouts,
    load_applications,
    read_policy_hash,
)
from vedette.app.migrate import database_url
from vedette.app.network_room import NetworkRoom, build_network_room
from vedette.app.operators_room import build_operators_room
from vedette.app.outside_room import OutsideRoom, build_outside_room
from vedette.app.policies_room import PoliciesRoom, build_policies_room
from vedette.app.prepare import read_private_key
from vedette.app.response_rooms import ResponseRooms, build_response_rooms
from vedette.app.roles import ControlRole
from vedette.app.segmentation_room import SegmentationRoom, build_segmentation_room, open_mud_signer
from vedette.bus import BusConnection
from vedette.bus.contract import EVENTS_STREAM
from vedette.enrollment import (
    EnrollmentService,
    RegistrationApprovals,
    RegistrationLocks,
    RegistrationService,
    RegistrationSettings,
)
from vedette.incidents import SensorExceptions
from vedette.kernel import Clock, IdSource
from vedette.ledger import CheckpointService, CheckpointSigner, Envelope, Ledger, OutboxRelay
from vedette.messaging import CloneAlerts, CommandQueue, FeedbackLog, HubDesk, MethodService, SessionDirectory
from vedette.operators import PasskeyService, PeopleService, Rights, ServicePolicyService, SessionService, SignIn
from vedette.pki import (
    CertificateSettings,
    SecretBox,
    SecretsUnreadable,
    SignerClient,
    SymmetricKeySettings,
    read_secret_key,
)
from vedette.pki.records import (
    CertificateReports,
    CertificateService,
    OnboardingAuthorityService,
    SymmetricKeyService,
    VouchedCertificates,
)
from vedette.registry import (
    AccessListService,
    ClockGuard,
    CredentialRecords,
    DeviceService,
    GroupComputation,
    GroupMembership,
    GroupService,
    ModuleService,
    PlaceService,
    PresenceService,
    QueryService,
    Register,
    TwinService,
    observe_records,
)
from vedette.store import Store
from vedette.trust import CedarPolicies, RecordSigner, TrustAnchor, people_bundle, read_trust_anchor

log = logging.getLogger(__name__)

_PUBLISH_DEADLINE_S = 10.0


BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """All that control keeps, ready to be served."""

    anchor: TrustAnchor
    clock: Clock
    ids: IdSource
    store: Store
    ledger: Ledger
    certificates: CertificateService
    onboarding: OnboardingAuthorityService
    reports: CertificateReports
    symmetric_keys: SymmetricKeyService
    vouching: CertificateVouching
    signer: SignerClient
    devices: DeviceService
    modules: ModuleService
    twins: TwinService
    presence: PresenceService
    queries: QueryService
    groups: GroupService
    computation: GroupComputation
    desk: HubDesk
    commands: CommandQueue
    feedback: FeedbackLog
    methods: MethodService
    clone_alerts: CloneAlerts
    directory: SessionDirectory
    access_lists: AccessListService
    enrollments: EnrollmentService
    registrations: RegistrationService
    approvals: RegistrationApprovals
    locks: RegistrationLocks
    people: PeopleService
    sessions: SessionService
    passkeys: PasskeyService
    service_policies: ServicePolicyService
    sign_in: SignIn
    rights: Rights
    places: PlaceService
    outside: OutsideRoom
    guard: ClockGuard
    administrator: PolicyAdministrator
    upkeep: RecordUpkeep
    access: AccessService
    hop_keeper: HopKeeper
    enforcement: EnforcementTracker
    response: ResponseRooms
    network: NetworkRoom
    segmentation: SegmentationRoom
    policies: PoliciesRoom
    projection: PostureProjection
    checkpoints: CheckpointService
    relay: OutboxRelay
    sensor_exceptions: SensorExceptions

    async def run(self) -> None:
        """Do what goes on beside requests, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.relay.run(), name="outbox relay")
            group.create_task(self.desk.run(), name="hub desk")
            group.create_task(self.computation.run(), name="groups")
            group.create_task(self.checkpoints.run(), name="checkpoints")
            group.create_task(self.projection.run(), name="posture head")
            group.create_task(self.access.note_uses_forever(), name="first uses")
            group.create_task(self.hop_keeper.run(), name="hops")
            group.create_task(self.upkeep.run(), name="record upkeep")
            group.create_task(self.response.run(), name="signals and quarantine")
            group.create_task(self.network.run(), name="networks")
            group.create_task(self.segmentation.run(), name="drift of zones")
            group.create_task(self.sensor_exceptions.run(), name="exceptions at sensors")
            group.create_task(self.access_lists.resume_forever(), name="access lists")
            group.create_task(self.policies.run(), name="policies")


async def open_store(role: ControlRole, *, clock: Clock) -> Store:
    """Open the database for writing.

    Raises:
        StoreUnavailable: It does not answer, or another process holds it.
    """
    return await asyncio.to_thread(Store.open, await asyncio.to_thread(database_url, role.store), clock=clock)


async def build_rooms(
    role: ControlRole, store: Store, devices: BusConnection, events: BusConnection, *, clock: Clock, ids: IdSource
) -> Rooms:
    """Build every room of control and bring the posture records on the bus up to date.

    Args:
        role: What control is told.
        store: Open and migrated.
        devices: Connection of the account that may read what devices did.
        events: Connection of the account that may write events and posture.
        clock: Source of time.
        ids: Source of ids.

    Raises:
        Problem: A key or the anchor cannot be read, or bus or store do not answer.
    """
    anchor = await asyncio.to_thread(read_trust_anchor, role.trust_anchor)
    organization_id = anchor.organization_id
    ledger = Ledger(store, clock=clock, ids=ids)
    signer = SignerClient(role.signer_socket)
    lifetimes = CertificateSettings(
        lifetime=timedelta(hours=role.device_certificate_hours), overlap=timedelta(hours=role.renewal_overlap_hours)
    )
    certificates = CertificateService(store, ledger, signer, clock=clock, ids=ids, settings=lifetimes)
    onboarding = OnboardingAuthorityService(store, ledger, clock=clock, ids=ids)
    symmetric_keys = await _open_symmetric_keys(role, anchor, store, ledger, clock=clock, ids=ids)
    guard = ClockGuard(clock)
    vouched = VouchedCertificates(ledger, clock=clock)
    credentials = CredentialRecords(certificates, symmetric_keys, vouched, clock=clock)
    register = Register(ledger, credentials, clock=clock, ids=ids)
    records = RecordSigner(await asyncio.to_thread(read_private_key, role.administrator_key))
    administrator = PolicyAdministrator(
        organization_id,
        store,
        records,
        RoomFacts(credentials),
        clock=clock,
        policy_hash=await read_policy_hash(store, organization_id),
    )
    locks = RegistrationLocks(store, ledger, guard, clock=clock, ids=ids)
    ledger.project("registration locks", locks.project)
    membership = GroupMembership(ledger)
    computation = GroupComputation(store, membership)
    ledger.project("groups", membership.project)  # before the records that name groups
    ledger.project("posture records", administrator.project)
    response = build_response_rooms(
        organization_id,
        store,
        ledger,
        register,
        access=role.access,
        alerts=role.alerts,
        administrator=administrator,
        secret=await asyncio.to_thread(read_secret_key, role.column_key),
        issuer=role.api.url,
        guard=guard,
        clock=clock,
        ids=ids,
    )
    upkeep = RecordUpkeep(organization_id, store, administrator, credentials)
    ledger.project("record upkeep", upkeep.project)
    projection = PostureProjection(organization_id, administrator, records, store, events, clock=clock)
    administrator.publish_to(projection.publish)
    administrator.on_policies(projection.publish_head)
    checkpoints = await _open_checkpoints(role, store, administrator, clock)
    await administrator.start()
    boot_id = (await asyncio.to_thread(BOOT_ID.read_text)).strip()
    hop_keeper = HopKeeper(organization_id, administrator.hops, store, boot_id=boot_id)
    await hop_keeper.load()
    await observe_records(guard, ledger, organization_id)
    await projection.rebuild()
    uses = FirstUses(organization_id, store, credentials, register)
    presence = PresenceService(store, clock=clock)
    desk = HubDesk(organization_id, store, ledger, presence, guard, gateways=role.gateways, clock=clock, ids=ids)
    ledger.project("messaging", desk.project)
    twins = TwinService(
        store,
        ledger,
        register,
        guard,
        clock=clock,
        on_desired=desk.desired_changed,
        on_twin_changed=membership.on_twin_changed,
    )
    operators = build_operators_room(
        role.api,
        store,
        ledger,
        access=role.access,
        hostname=anchor.hostnames[0],
        policies=await asyncio.to_thread(_people_policies),
        service_names=tuple(dict.fromkeys((*role.service.names, *anchor.hostnames))),
        secret=await asyncio.to_thread(read_secret_key, role.column_key),
        clock=clock,
        ids=ids,
    )
    await operators.rights.roles.adopt(organization_id)
    groups = GroupService(store, ledger, membership, guard, clock=clock, ids=ids, on_work=computation.wake)
    policies = build_policies_room(
        organization_id,
        store,
        ledger,
        devices,
        administrator=administrator,
        signer=records,
        groups=groups,
        people=operators.people,
        signals=response.signals,
        guard=guard,
        clock=clock,
        ids=ids,
    )
    await policies.start()
    enrollments = EnrollmentService(store, ledger, onboarding, guard, keys=symmetric_keys, clock=clock, ids=ids)
    other_session = Whereabouts(desk.sessions, clock).other_session
    access = AccessService(
        organization_id,
        administrator,
        store,
        records,
        uses.note,
        keys=symmetric_keys,
        opening_keys=OpeningKeys(records, clock=clock, ids=ids),
        clock=clock,
        subscriptions_for=desk.subscriptions_for,
        other_session=other_session,
    )
    desk.on_session(access.session_opened)
    network = build_network_room(
        organization_id,
        store,
        ledger,
        devices,
        on_alerts=response.incidents.hear,
        alerts_of=response.incidents.asset_alerts.marks,
        signals=response.signals,
        signal_score=role.network.signal_score,
        guard=guard,
        captures=role.captures,
        captures_directory=role.captures_directory,
        clock=clock,
        ids=ids,
    )
    desk.on_traffic(response.traffic.take)
    return Rooms(
        anchor=anchor,
        clock=clock,
        ids=ids,
        store=store,
        ledger=ledger,
        certificates=certificates,
        onboarding=onboarding,
        reports=CertificateReports(store, ledger, clock=clock),
        symmetric_keys=symmetric_keys,
        vouching=CertificateVouching(organization_id, store, register, guard, clock=clock),
        signer=signer,
        devices=DeviceService(store, ledger, certificates, register, guard),
        modules=ModuleService(store, register, guard),
        twins=twins,
        presence=presence,
        queries=QueryService(store),
        groups=groups,
        computation=computation,
        desk=desk,
        commands=desk.commands,
        feedback=desk.feedback,
        methods=desk.methods,
        clone_alerts=desk.clones,
        directory=desk.sessions,
        access_lists=AccessListService(store, ledger, register, guard, clock=clock, ids=ids),
        enrollments=enrollments,
        registrations=RegistrationService(
            store,
            ledger,
            certificates,
            onboarding,
            register,
            twins=twins,
            keys=symmetric_keys,
            policies=EnrollmentPoint(organization_id, administrator, EnginesInForce(policies.bundles).get, clock=clock),
            guard=guard,
            settings=RegistrationSettings(
                organization_id=organization_id, id_scope=anchor.id_scope, hostname=anchor.hostnames[0]
            ),
            clock=clock,
            ids=ids,
        ),
        approvals=RegistrationApprovals(store, ledger, guard, clock=clock),
        locks=locks,
        people=operators.people,
        sessions=operators.sessions,
        passkeys=operators.passkeys,
        service_policies=operators.service_policies,
        sign_in=operators.sign_in,
        rights=operators.rights,
        places=PlaceService(store),
        outside=build_outside_room(
            organization_id,
            store,
            devices,
            administrator=administrator,
            bundles=policies.bundles,
            signer=records,
            keys=symmetric_keys,
            operators=operators,
            other_session=other_session,
            applications=await asyncio.to_thread(load_applications, role.applications),
            clock=clock,
            ids=ids,
        ),
        guard=guard,
        administrator=administrator,
        upkeep=upkeep,
        access=access,
        hop_keeper=hop_keeper,
        enforcement=EnforcementTracker(
            organization_id, administrator, clock=clock, expected=role.gateways, hops=administrator.hops
        ),
        response=response,
        network=network,
        segmentation=build_segmentation_room(
            organization_id,
            store,
            ledger,
            network.reader,
            guard=guard,
            url=role.api.url,
            on_violated=response.incidents.zone_alarms.hear,
            clock=clock,
            ids=ids,
            exposure=network.exposure,
            alerts_of=response.incidents.asset_alerts.counts,
            signer=await open_mud_signer(role.network),
        ),
        policies=policies,
        projection=projection,
        checkpoints=checkpoints,
        relay=OutboxRelay(store, ledger, publisher_of_events(events), clock=clock),
        sensor_exceptions=SensorExceptions(organization_id, store, network.sensors, twins, clock=clock),
    )


async def _open_checkpoints(
    role: ControlRole, store: Store, administrator: PolicyAdministrator, clock: Clock
) -> CheckpointService:
    """Hold the ledger against what was exported before anything is answered: an older database vouches for nobody."""
    checkpoints = CheckpointService(
        store,
        CheckpointSigner(await asyncio.to_thread(read_private_key, role.checkpoint_key)),
        clock=clock,
        directories=role.checkpoint_directories,
        interval=timedelta(seconds=role.checkpoint_interval_s),
    )
    await checkpoints.write_round()
    administrator.vouch_while(lambda: not checkpoints.is_altered)
    return checkpoints


def _people_policies() -> CedarPolicies:
    return CedarPolicies(people_bundle())


async def _open_symmetric_keys(
    role: ControlRole, anchor: TrustAnchor, store: Store, ledger: Ledger, *, clock: Clock, ids: IdSource
) -> SymmetricKeyService:
    box = SecretBox(await asyncio.to_thread(read_secret_key, role.column_key), ids=ids)
    settings = SymmetricKeySettings(
        is_enabled=role.has_symmetric_keys, lifetime=timedelta(days=role.symmetric_key_days)
    )
    keys = SymmetricKeyService(store, ledger, box, hostnames=anchor.hostnames, clock=clock, ids=ids, settings=settings)
    try:
        await keys.check(anchor.organization_id)
    except SecretsUnreadable as unreadable:
        # Certificates are not touched by it: only tokens are refused until it is mended.
        log.error("symmetric keys cannot be opened", extra={"cause": unreadable.detail, "hint": unreadable.hint})  # noqa: TRY400 - no trace
    return keys


def publisher_of_events(connection: BusConnection) -> Callable[[Envelope], Awaitable[None]]:
    """Return what puts one event on the bus and waits until it is stored."""

    async def publish(envelope: Envelope) -> None:
        room, _, name = envelope.name.partition(".")
        await connection.jetstream_publish_wait(
            f"event.{envelope.organization_id}.{room}.{name}",
            msgspec.json.encode(envelope),
            stream=EVENTS_STREAM,
            msg_id=envelope.event_id,
            deadline_s=_PUBLISH_DEADLINE_S,
        )

    return publish
