"""Who asks, for what, and what the policies about people say to it: as values and pure rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address
from typing import Any, Final, Literal

from vedette.kernel import OrganizationId
from vedette.ledger import Actor
from vedette.operators.model import LinkId, PersonId, Scopes, Session
from vedette.operators.role_model import Holding, is_everywhere, narrowed
from vedette.registry import Area, Areas, DevicePlace
from vedette.trust import Question

STEP_UP_LASTS: Final = timedelta(minutes=5)

Demand = Literal["off", "passkeys", "everybody"]


class Action(StrEnum):
    """What operations are about, as ``trust/policies/people.cedarschema`` groups them.

    ``own`` and ``readStatus`` are everybody's. ``command``, ``quarantine``, ``changeMany``, ``manageKeys``,
    ``managePolicies``, ``managePeople``, ``managePlatform``, ``letIn``, ``elevate``, ``ownCredentials`` and
    ``readPackets`` are weighty: they ask for step-up.
    ``changeMany``, ``manageKeys`` and ``managePolicies`` are momentous: they ask for a signature over the act itself.
    """

    OWN = "own"
    READ_STATUS = "readStatus"
    READ = "read"
    READ_BULK = "readBulk"
    READ_TELEMETRY = "readTelemetry"
    READ_PACKETS = "readPackets"
    ANALYZE_CAPTURES = "analyzeCaptures"
    ASK_DECISION = "askDecision"
    AUDIT = "audit"
    REVIEW = "review"
    CHANGE_DEVICE = "changeDevice"
    MANAGE_GROUPS = "manageGroups"
    ACKNOWLEDGE = "acknowledge"
    ROLL_OUT = "rollOut"
    RESTRICT = "restrict"
    QUARANTINE = "quarantine"
    COMMAND = "command"
    CHANGE_MANY = "changeMany"
    ENROLL = "enroll"
    HAND_OVER = "handOver"
    RESPOND = "respond"
    RECEIVE_SIGNALS = "receiveSignals"
    DEVELOP_POLICIES = "developPolicies"
    MANAGE_KEYS = "manageKeys"
    MANAGE_POLICIES = "managePolicies"
    MANAGE_PEOPLE = "managePeople"
    MANAGE_PLATFORM = "managePlatform"
    LET_IN = "letIn"
    ELEVATE = "elevate"
    OWN_CREDENTIALS = "ownCredentials"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationSettings:
    """What weighty and momentous acts ask for.

    Attributes:
        step_up: Of whom a fresh proof of presence is asked: nobody, people who have a passkey, or everybody but the
            host and programs.
        signed_acts: Of whom a passkey's signature over the act is asked.
        second_approver: Actions that wait for another person's approval.
    """

    step_up: Demand = "passkeys"
    signed_acts: Demand = "passkeys"
    second_approver: frozenset[Action] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Whoever makes a request, and how they proved who they are.

    Attributes:
        is_program: A service token or a service policy.
        roles: What the credential itself gives; roles that a person was granted come on top.
        scopes: What the credential is limited to, whatever the roles say.
        owner_id: Who answers for a program: it may do no more than they may at this moment.
    """

    organization_id: OrganizationId
    actor: Actor
    method: str
    is_host: bool = False
    is_program: bool = False
    person_id: PersonId | None = None
    link_id: LinkId | None = None
    session: Session | None = None
    roles: frozenset[str] = frozenset()
    scopes: Scopes = field(default_factory=Scopes)
    is_multi_factor: bool = False
    may_let_in: bool = False
    stepped_up_at: datetime | None = None
    address: str = ""
    owner_id: PersonId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What an asker holds at this moment.

    Attributes:
        step_up_age: Since they last proved, by passkey, that they are there; None: never in this session.
        bound: What the person who answers for a program holds; None: nobody bounds it.
    """

    asker: Asker
    holdings: tuple[Holding, ...]
    has_passkey: bool = False
    step_up_age: timedelta | None = None
    bound: tuple[Holding, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmations:
    """What came with a request beside the credentials."""

    has_assertion: bool = False
    is_approved: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What an act is about: a device, or the platform.

    Attributes:
        place: Of the device, or what stands for a group; None: the platform.
        is_limited: Of the platform's answer only what the asker's places hold is told.
    """

    place: DevicePlace | None = None
    is_limited: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What the policies say.

    Attributes:
        policies: Ids of those that decided.
        missing: What would have to come with the request for it to be permitted; empty if nothing would help.
        areas: Where the asker may do this; None: everywhere.
    """

    is_permitted: bool
    policies: tuple[str, ...]
    missing: Literal["", "step-up", "signed-act", "second-person"] = ""
    areas: Areas | None = ()


def slices_of(standing: Standing) -> list[tuple[Scopes, frozenset[str]]]:
    """Return the roles that count, by where they hold; whoever holds none is asked about all the same."""
    found: dict[Scopes, set[str]] = {}
    for holding in standing.holdings:
        scopes = narrowed(holding.scopes, standing.asker.scopes)
        if scopes is not None:
            found.setdefault(scopes, set()).add(holding.role)
    if not found:
        return [(Scopes(frozenset({""})), frozenset())]
    # The widest first: most people hold roles in one place, and some everywhere.
    ordered = sorted(found.items(), key=lambda each: (not is_everywhere(each[0]), sorted(each[0].sites)))
    return [(scopes, frozenset(roles)) for scopes, roles in ordered]


def holds_everywhere(standing: Standing) -> bool:
    """Tell whether all that somebody holds, they hold everywhere: then it does not matter where a device is."""
    bounds = () if standing.bound is None else slices_of(owner_of(standing))
    return all(is_everywhere(scopes) for scopes, _ in (*slices_of(standing), *bounds))


def owner_of(standing: Standing) -> Standing:
    """Return what a program could do if it had all that the person who answers for it has."""
    return replace(standing, asker=replace(standing.asker, scopes=Scopes()), holdings=standing.bound or (), bound=None)


def reaches(standing: Standing, place: DevicePlace) -> bool:
    """Tell whether any role that somebody holds, whatever it gives, holds where a device is."""
    areas = areas_of([scopes for scopes, roles in slices_of(standing) if roles])
    return place.is_in(areas) and (standing.bound is None or reaches(owner_of(standing), place))


def areas_of(scopes: Sequence[Scopes]) -> Areas | None:
    """Return where some scopes hold together; None: everywhere."""
    if any(is_everywhere(each) for each in scopes):
        return None
    return tuple(Area(each.sites, each.groups) for each in scopes)


def common_areas(one: Areas | None, other: Areas | None) -> Areas | None:
    """Return what lies in both; None: everywhere."""
    if one is None or other is None:
        return other if one is None else one
    pairs = ((Scopes(a.sites, a.groups), Scopes(b.sites, b.groups)) for a in one for b in other)
    found = (narrowed(a, b) for a, b in pairs)
    return tuple(Area(each.sites, each.groups) for each in found if each is not None)


def is_demanded(demand: Demand, standing: Standing) -> bool:
    """Tell whether something is asked of an asker that only a person with a passkey can give."""
    asker = standing.asker
    if asker.is_host or asker.is_program or demand == "off":
        return False
    return demand == "everybody" or standing.has_passkey


def question_of(
    standing: Standing,
    action: Action,
    subject: Subject,
    given: Confirmations,
    *,
    settings: AuthorizationSettings,
    within: tuple[Scopes, frozenset[str]],
) -> Question:
    """Put an act into the words of the policies, for the roles that somebody holds over one place."""
    asker = standing.asker
    scopes, roles = within
    principal = {"type": "Service" if asker.is_program else "Person", "id": "asker"}
    attributes = {
        "roles": sorted(roles),
        "isEverywhere": is_everywhere(scopes),
        "sites": sorted(scopes.sites),
        "groups": sorted(scopes.groups),
    }
    resource, entity = _resource(subject)
    return Question(
        principal=f'{principal["type"]}::"asker"',
        action=action.value,
        resource=resource,
        entities=[{"uid": principal, "attrs": attributes, "parents": []}, entity],
        context=_context(standing, action, given, settings),
    )


def _resource(subject: Subject) -> tuple[str, dict[str, Any]]:  # Any: Cedar's JSON
    place = subject.place
    if place is None:
        uid = {"type": "Platform", "id": "platform"}
        return 'Platform::"platform"', {"uid": uid, "attrs": {"isLimited": subject.is_limited}, "parents": []}
    attributes: dict[str, Any] = {"groups": sorted(place.groups), "deviceClass": place.device_class}
    if place.site is not None:
        attributes["site"] = place.site
    return 'Device::"device"', {"uid": {"type": "Device", "id": "device"}, "attrs": attributes, "parents": []}


def _context(
    standing: Standing, action: Action, given: Confirmations, settings: AuthorizationSettings
) -> dict[str, object]:
    asker = standing.asker
    is_exempt = asker.is_host or asker.is_program
    context: dict[str, object] = {
        "method": asker.method,
        "isHost": asker.is_host,
        "isMultiFactor": asker.is_multi_factor,
        "mayLetIn": asker.may_let_in,
        "isStepUpNeeded": is_demanded(settings.step_up, standing),
        "isAssertionNeeded": is_demanded(settings.signed_acts, standing),
        "hasAssertion": given.has_assertion,
        "isApprovalNeeded": action in settings.second_approver and not is_exempt,
        "isApproved": given.is_approved,
    }
    if standing.step_up_age is not None:
        context["stepUpAgeSeconds"] = int(standing.step_up_age.total_seconds())
    address = _address(asker.address)
    if address:
        context["address"] = {"__extn": {"fn": "ip", "arg": address}}
    return context


def _address(text: str) -> str:
    try:
        return str(ip_address(text.partition("%")[0]))
    except ValueError:
        return ""
