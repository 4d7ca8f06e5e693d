"""All routes of the door, built from the services that they call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields
from importlib.metadata import version
from typing import Any, cast

from fastapi import APIRouter, FastAPI

from vedette.access import (
    AccessExplainer,
    Applications,
    DecisionPoint,
    EnforcementTracker,
    HopLog,
    OutsideDecisions,
    PeopleDecisionPoint,
    PolicyLife,
    PolicySimulations,
    PolicyStore,
    PolicyWatch,
    QuarantineService,
    ReceiverService,
    StreamService,
)
from vedette.api.access import AccessRoutes
from vedette.api.access_lists import AccessListRoutes
from vedette.api.acts import ActRoutes
from vedette.api.alert_exceptions import ExceptionRoutes
from vedette.api.alert_filter import AlertScope
from vedette.api.alert_health import AlertHealth
from vedette.api.alerts import AlertRoutes
from vedette.api.application import build_router
from vedette.api.approvals import ApprovalRoutes
from vedette.api.authentication import Authenticator
from vedette.api.authorities import AuthorityRoutes
from vedette.api.authzen import AuthZenRoutes
from vedette.api.broker_hooks import BrokerHookRoutes
from vedette.api.clock import ClockRoutes
from vedette.api.clone_alerts import CloneAlertRoutes
from vedette.api.command_schemas import CommandSchemaRoutes
from vedette.api.commands import CommandRoutes
from vedette.api.credentials import CredentialRoutes
from vedette.api.decisions import DecisionRoutes
from vedette.api.device_flow import DeviceFlowRoutes
from vedette.api.devices import DeviceRoutes
from vedette.api.enforcements import EnforcementRoutes
from vedette.api.enrollments import EnrollmentRoutes
from vedette.api.events import EventRoutes
from vedette.api.groups import GroupRoutes
from vedette.api.hub_health import HubHealth
from vedette.api.keys import KeyRoutes
from vedette.api.ledger import LedgerRoutes
from vedette.api.login import LoginRoutes
from vedette.api.login_oidc import OidcLoginRoutes
from vedette.api.login_step_up import StepUpRoutes
from vedette.api.login_totp import OtherLoginRoutes
from vedette.api.methods import MethodRoutes, MethodShortcut, method_dependants
from vedette.api.modules import ModuleRoutes
from vedette.api.network_routes import NetworkServices, network_routers
from vedette.api.openapi import openapi_of
from vedette.api.passkeys import PasskeyRoutes
from vedette.api.pending_registrations import PendingRegistrationRoutes
from vedette.api.people import PeopleRoutes
from vedette.api.plain_pages import PlainPageRoutes
from vedette.api.policies import PolicyRoutes
from vedette.api.quarantine import QuarantineRoutes
from vedette.api.query import QueryRoutes
from vedette.api.reported_certificates import ReportedCertificateRoutes
from vedette.api.reports import ReportRoutes
from vedette.api.reviews import ReviewRoutes
from vedette.api.roles import RoleRoutes
from vedette.api.segments import SegmentRoutes
from vedette.api.service_policies import ServicePolicyRoutes
from vedette.api.sessions import CurrentSession, SessionRoutes
from vedette.api.signals import SignalRoutes
from vedette.api.ssf import SsfRoutes
from vedette.api.status import Component, Platform, StatusReader, StatusRoutes
from vedette.api.status_page import StatusPage
from vedette.api.streams import StreamLimit
from vedette.api.telemetry import TelemetryRoutes
from vedette.api.tickets import TicketRoutes
from vedette.api.tokens import ServiceTokenRoutes
from vedette.api.twins import TwinRoutes
from vedette.api.zones import ZoneRoutes
from vedette.enrollment import EnrollmentService, RegistrationApprovals, RegistrationLocks
from vedette.health import SignalService
from vedette.incidents import AlertService, ExceptionService, SliceStore, TicketService
from vedette.kernel import Clock, IdSource
from vedette.ledger import CheckpointService, Ledger
from vedette.messaging import CloneAlerts, CommandQueue, DecisionReader, FeedbackLog, MethodService, TelemetryReader
from vedette.network.segmentation import DriftWatch, SegmentationService
from vedette.operators import PasskeyService, PeopleService, Rights, ServicePolicyService, SessionService, SignIn
from vedette.paper import Printer
from vedette.pki import SignerClient
from vedette.pki.records import (
    CertificateReports,
    CertificateService,
    OnboardingAuthorityService,
    SymmetricKeyService,
)
from vedette.registry import (
    AccessListService,
    ClockGuard,
    DeviceService,
    GroupService,
    ModuleService,
    PlaceService,
    PresenceService,
    QueryService,
    TwinService,
)
from vedette.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the routes call.

    Attributes:
        url: Where browsers reach us.
        has_console: Whether the console's pages were built.
        service_host: Where programs reach the service API: a host name, and its port unless that is 443;
            empty while it is off.
        boot_id: Of this machine.
        components: Asked for the processes and connections that only ``app`` knows.
    """

    platform: Platform
    url: str
    has_console: bool
    clock: Clock
    ids: IdSource
    guard: ClockGuard
    store: Store
    authenticator: Authenticator
    people: PeopleService
    sessions: SessionService
    passkeys: PasskeyService
    sign_in: SignIn
    rights: Rights
    places: PlaceService
    service_policies: ServicePolicyService
    service_host: str
    ledger: Ledger
    checkpoints: CheckpointService
    devices: DeviceService
    modules: ModuleService
    twins: TwinService
    presence: PresenceService
    queries: QueryService
    groups: GroupService
    access_lists: AccessListService
    certificates: CertificateService
    authorities: OnboardingAuthorityService
    reports: CertificateReports
    signer: SignerClient
    enrollments: EnrollmentService
    locks: RegistrationLocks
    approvals: RegistrationApprovals
    enforcement: EnforcementTracker
    signals: SignalService
    quarantines: QuarantineService
    hops: HopLog
    segments: SegmentationService
    drift: DriftWatch
    streams: StreamService
    receiver: ReceiverService
    boot_id: str
    policies: PolicyStore
    policy_life: PolicyLife
    simulations: PolicySimulations
    policy_watch: PolicyWatch
    explainer: AccessExplainer
    point: DecisionPoint
    people_point: PeopleDecisionPoint
    applications: Applications
    outside_decisions: OutsideDecisions
    commands: CommandQueue
    feedback: FeedbackLog
    methods: MethodService
    clone_alerts: CloneAlerts
    alerts: AlertService
    alert_exceptions: ExceptionService
    tickets: TicketService
    slices: SliceStore
    network: NetworkServices
    symmetric_keys: SymmetricKeyService
    telemetry: TelemetryReader
    decisions: DecisionReader
    components: Callable[[], Awaitable[list[Component]]]


def build_routes(services: Services) -> FastAPI:
    """Return every route, without the layers before them."""
    app = build_router(services.platform.version, _routers(services))
    app.add_middleware(
        MethodShortcut,
        organization_id=services.platform.organization_id,
        methods=services.methods,
        dependants=method_dependants(app.state.routes),
    )
    return app


def build_openapi() -> dict[str, Any]:  # Any: JSON
    """Return the OpenAPI 3.1 document; needs no service, and is the same each time."""
    stand_ins = {field.name: cast("Any", _Nothing()) for field in fields(Services)}
    app = build_router(version("vedette"), _routers(Services(**stand_ins)))
    return openapi_of(app)


def _routers(services: Services) -> list[APIRouter]:
    organization_id = services.platform.organization_id
    limit = StreamLimit(services.clock)
    decisions = DecisionRoutes(organization_id, services.decisions, services.devices, services.explainer)
    status = StatusReader(
        services.platform,
        components=services.components,
        devices=services.devices,
        enforcement=services.enforcement,
        ledger=services.ledger,
        checkpoints=services.checkpoints,
        signer=services.signer,
        reports=services.reports,
        guard=services.guard,
        clock=services.clock,
        concerns=_concerns(services),
    )
    drawn = StatusPage(organization_id, status, services.ledger, decisions.newest_refusals)
    devices = DeviceRoutes(organization_id, services.devices, services.presence, services.enforcement)
    authorities = AuthorityRoutes(organization_id, services.authorities, services.signer)
    alert_scope = AlertScope(organization_id, services.alerts, services.segments)
    printer = Printer()
    return [
        StatusRoutes(status).build(),
        PlainPageRoutes(organization_id, services.authenticator, services.rights.authorization, drawn).build(),
        *_operators(services),
        devices.build(),
        devices.build_bulk(),
        CredentialRoutes(
            organization_id,
            services.devices,
            services.presence,
            services.certificates,
            services.enforcement,
            clock=services.clock,
        ).build(),
        ModuleRoutes(
            organization_id,
            services.modules,
            services.presence,
            services.enforcement,
            clock=services.clock,
        ).build(),
        KeyRoutes(organization_id, services.devices, services.modules).build(),
        TwinRoutes(organization_id, services.twins).build(),
        MethodRoutes(organization_id, services.methods).build(),
        CommandRoutes(organization_id, services.commands, services.feedback).build(),
        QueryRoutes(organization_id, services.queries).build(),
        GroupRoutes(organization_id, services.groups).build(),
        CloneAlertRoutes(organization_id, services.clone_alerts).build(),
        *AlertRoutes(
            organization_id,
            services.alerts,
            services.slices,
            services.places,
            alert_scope,
        ).build(),
        *ExceptionRoutes(
            organization_id, services.alert_exceptions, services.network.sensors, clock=services.clock
        ).build(),
        TicketRoutes(organization_id, services.tickets, clock=services.clock).build(),
        *network_routers(organization_id, services.network, printer),
        ReportRoutes(
            organization_id,
            services.network.reader,
            services.alerts,
            alert_scope,
            exposure=services.network.exposure,
            printer=printer,
            clock=services.clock,
        ).build(),
        EnrollmentRoutes(organization_id, services.enrollments, services.locks).build(),
        PendingRegistrationRoutes(organization_id, services.approvals, services.enrollments).build(),
        authorities.build(),
        authorities.build_own(),
        *SignalRoutes(organization_id, services.signals).build(),
        *QuarantineRoutes(organization_id, services.quarantines, services.enforcement, clock=services.clock).build(),
        *EnforcementRoutes(organization_id, services.hops, services.devices, boot_id=services.boot_id).build(),
        *PolicyRoutes(services.policies, services.policy_life, services.simulations, services.policy_watch).build(),
        AccessRoutes(services.explainer).build(),
        *ZoneRoutes(organization_id, services.segments).build(),
        *SegmentRoutes(organization_id, services.segments, services.drift).build(),
        *AuthZenRoutes(
            services.point,
            services.people_point,
            services.applications,
            services.outside_decisions,
            url=services.url,
        ).build(),
        BrokerHookRoutes(services.point, services.outside_decisions).build(),
        *SsfRoutes(services.streams, services.receiver).build(),
        ReportedCertificateRoutes(organization_id, services.reports).build(),
        AccessListRoutes(organization_id, services.access_lists).build(),
        ClockRoutes(organization_id, services.guard, services.store, services.ledger).build(),
        TelemetryRoutes(organization_id, services.telemetry, services.devices, services.modules, limit).build(),
        decisions.build(),
        LedgerRoutes(organization_id, services.ledger, services.checkpoints).build(),
        EventRoutes(organization_id, services.ledger, limit).build(),
    ]


def _concerns(services: Services) -> Callable[[], Awaitable[list[Component]]]:
    organization_id = services.platform.organization_id
    hub = HubHealth(
        organization_id,
        services.clone_alerts,
        services.symmetric_keys,
        services.quarantines,
        clock=services.clock,
    )
    networks = AlertHealth(organization_id, services.alerts)

    async def read() -> list[Component]:
        return [*await hub.read(), *await networks.read()]

    return read


def _operators(services: Services) -> list[APIRouter]:
    organization_id = services.platform.organization_id
    sessions, people, passkeys = services.sessions, services.people, services.passkeys
    authenticator = services.authenticator
    sign_in = services.sign_in
    current = CurrentSession(
        organization_id, sessions, people, passkeys.party, totp=sign_in.totp, is_demo=services.platform.is_demo
    )
    oidc = OidcLoginRoutes(
        organization_id,
        sign_in.oidc,
        sessions,
        authenticator=authenticator,
        authorization=services.rights.authorization,
        ids=services.ids,
    )
    others = OtherLoginRoutes(organization_id, sign_in, passkeys.party, current=current, authenticator=authenticator)
    login = LoginRoutes(
        organization_id,
        sessions,
        passkeys,
        people,
        current=current,
        authenticator=authenticator,
        ids=services.ids,
        provider_logout_of=oidc.provider_logout_of,
    )
    step_up = StepUpRoutes(organization_id, sessions, passkeys, current=current, authenticator=authenticator)
    device_flow = DeviceFlowRoutes(
        organization_id,
        sign_in.device_flow,
        authenticator,
        authorization=services.rights.authorization,
        url=services.url,
        has_console=services.has_console,
    )
    return [
        login.build(),
        login.build_pages(),
        step_up.build(),
        oidc.build_pages(),
        others.build_open(),
        others.build(),
        device_flow.build(),
        device_flow.build_pages(),
        ServiceTokenRoutes(organization_id, sign_in.service_tokens).build(),
        SessionRoutes(
            organization_id,
            sessions,
            current,
            authenticator,
            rights=services.rights,
            places=services.places,
            url=services.url,
        ).build(),
        PeopleRoutes(organization_id, people).build(),
        RoleRoutes(organization_id, services.rights, services.places, clock=services.clock).build(),
        ActRoutes(services.rights.confirmations).build(),
        ApprovalRoutes(organization_id, services.rights.approvals, services.places).build(),
        ReviewRoutes(organization_id, services.rights.reviews).build(),
        CommandSchemaRoutes(organization_id, services.rights.command_schemas, services.places).build(),
        PasskeyRoutes(organization_id, passkeys, people, authenticator).build(),
        ServicePolicyRoutes(organization_id, services.service_policies, host=services.service_host).build(),
    ]


class _Nothing:
    """Stands in for a service while only the shape of the routes is asked for."""

    def __getattr__(self, name: str) -> _Nothing:
        return self

    def __call__(self, *_: object) -> _Nothing:
        return self
