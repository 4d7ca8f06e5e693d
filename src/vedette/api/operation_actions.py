"""Which action each operation of the API is: the one table. An operation that is not in it is refused to everybody.

Add a line here with each new operation; ``tests/architecture/test_operation_actions.py`` finds those that have none.
What an action means, and which role gives it, stands in ``trust/policies/people.cedarschema`` and ``people.cedar``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType
from typing import Any, Final, Literal

from vedette.operators import Action


class About(Enum):
    """What an operation is about, and so where a role must hold for it.

    ``PLATFORM``: no device; roles over a part of the fleet do not give it. ``LIMITED``: its route tells only of devices
    that the asker's places hold, or finds nothing (``api.sight``). ``DEVICE``: the device in the path. ``QUERY``: the
    one that ``device_id`` in the query names, else as ``LIMITED``. ``GROUP``: the group in the path.
    ``NEW_DEVICE``: the device in the body.
    """

    PLATFORM = auto()
    LIMITED = auto()
    DEVICE = auto()
    QUERY = auto()
    GROUP = auto()
    NEW_DEVICE = auto()


@dataclass(frozen=True, slots=True)
class Operation:
    """What is known of an operation before it is carried out.

    Attributes:
        is_bulk: Much can be read by it: what is answered counts against the asker's limit.
        carries: A body that command schemas are checked against.
        read_as: Tells from the body which action it is, where one operation does several things.
    """

    action: Action
    about: About = About.PLATFORM
    is_bulk: bool = False
    carries: Literal["", "method", "command"] = ""
    read_as: Callable[[Mapping[str, Any]], Action] | None = None  # Any: JSON

    def action_of(self, body: Mapping[str, Any]) -> Action:  # Any: JSON
        """Return what a request is, where its body tells."""
        return self.action if self.read_as is None else self.read_as(body)


def _of_many(body: Mapping[str, Any]) -> Action:  # Any: JSON
    """Return what a change of many devices is: to keep them out must not wait for a confirmation."""
    if body.get("dry_run") is True:
        return Action.READ_BULK
    return Action.RESTRICT if body.get("is_enabled") is False else Action.CHANGE_MANY


_OWN: Final = Operation(Action.OWN)
_STATUS: Final = Operation(Action.READ_STATUS)
_READ: Final = Operation(Action.READ)
_READ_DEVICE: Final = Operation(Action.READ, About.DEVICE)
_READ_GROUP: Final = Operation(Action.READ, About.GROUP)
_READ_LIMITED: Final = Operation(Action.READ, About.LIMITED)
_ASK: Final = Operation(Action.ASK_DECISION, About.LIMITED)
_ASK_MANY: Final = Operation(Action.ASK_DECISION, About.LIMITED, is_bulk=True)
_LIST: Final = Operation(Action.READ_BULK, About.LIMITED, is_bulk=True)
_DECISIONS: Final = Operation(Action.READ_BULK, About.QUERY, is_bulk=True)
_TELEMETRY: Final = Operation(Action.READ_TELEMETRY, About.QUERY, is_bulk=True)
_AUDIT: Final = Operation(Action.AUDIT)
_AUDIT_LIST: Final = Operation(Action.AUDIT, is_bulk=True)
_CAPTURES: Final = Operation(Action.ANALYZE_CAPTURES)
_CHANGE: Final = Operation(Action.CHANGE_DEVICE, About.DEVICE)
_RESTRICT: Final = Operation(Action.RESTRICT, About.DEVICE)
_RESTRICT_PLATFORM: Final = Operation(Action.RESTRICT)
_QUARANTINE: Final = Operation(Action.QUARANTINE, About.DEVICE)
_KEYS: Final = Operation(Action.MANAGE_KEYS)
_KEYS_OF_DEVICE: Final = Operation(Action.MANAGE_KEYS, About.DEVICE)
_POLICIES: Final = Operation(Action.MANAGE_POLICIES)
_DEVELOP: Final = Operation(Action.DEVELOP_POLICIES)
_PEOPLE: Final = Operation(Action.MANAGE_PEOPLE)
_LET_IN: Final = Operation(Action.LET_IN)
_PLATFORM: Final = Operation(Action.MANAGE_PLATFORM)
_ENROLL: Final = Operation(Action.ENROLL)
_HAND_OVER: Final = Operation(Action.HAND_OVER)
_GROUPS: Final = Operation(Action.MANAGE_GROUPS)
_MEMBERS: Final = Operation(Action.MANAGE_GROUPS, About.GROUP)
_ACKNOWLEDGE: Final = Operation(Action.ACKNOWLEDGE, About.LIMITED)
_RESPOND: Final = Operation(Action.RESPOND)
_RECEIVE: Final = Operation(Action.RECEIVE_SIGNALS)
_ANNOUNCE: Final = Operation(Action.ACKNOWLEDGE)
_DESCRIBE: Final = Operation(Action.CHANGE_DEVICE, About.LIMITED)
_METHOD: Final = Operation(Action.COMMAND, About.DEVICE, carries="method")
_COMMAND: Final = Operation(Action.COMMAND, About.DEVICE, carries="command")

_DEVICE: Final = "/v1/devices/{device_id}"
_MODULE: Final = f"{_DEVICE}/modules/{{module_id}}"

_FLEET: Final = {
    "GET /v1/devices": _LIST,
    "POST /v1/devices": Operation(Action.CHANGE_DEVICE, About.NEW_DEVICE),
    "POST /v1/bulk/devices": Operation(Action.CHANGE_MANY, About.LIMITED, read_as=_of_many),
    f"GET {_DEVICE}": _READ_DEVICE,
    f"PATCH {_DEVICE}": _CHANGE,
    f"DELETE {_DEVICE}": _RESTRICT,
    f"POST {_DEVICE}/allow-reenrollment": Operation(Action.ENROLL, About.DEVICE),
    f"POST {_DEVICE}/disable": _RESTRICT,
    f"POST {_DEVICE}/enable": _CHANGE,
    f"POST {_DEVICE}/lifecycle": _CHANGE,
    f"POST {_DEVICE}/retire": _RESTRICT,
    f"POST {_DEVICE}/revoke": _RESTRICT,
    f"GET {_DEVICE}/history": _READ_DEVICE,
    f"GET {_DEVICE}/certificates": _READ_DEVICE,
    f"POST {_DEVICE}/certificates": Operation(Action.ENROLL, About.DEVICE),
    f"GET {_DEVICE}/certificates/{{sha256}}": _READ_DEVICE,
    f"POST {_DEVICE}/certificates/{{sha256}}/revoke": _RESTRICT,
    f"GET {_DEVICE}/keys": _READ_DEVICE,
    f"POST {_DEVICE}/keys/rotate": _KEYS_OF_DEVICE,
    f"GET {_DEVICE}/twin": _READ_DEVICE,
    f"PATCH {_DEVICE}/twin": _CHANGE,
    f"PUT {_DEVICE}/twin": _CHANGE,
    f"GET {_DEVICE}/commands": _READ_DEVICE,
    f"POST {_DEVICE}/commands": _COMMAND,
    f"DELETE {_DEVICE}/commands": _CHANGE,
    f"POST {_DEVICE}/methods/{{name}}": _METHOD,
    f"GET {_DEVICE}/modules": _READ_DEVICE,
    f"POST {_DEVICE}/modules": _CHANGE,
    f"GET {_MODULE}": _READ_DEVICE,
    f"PATCH {_MODULE}": _CHANGE,
    f"DELETE {_MODULE}": _RESTRICT,
    f"POST {_MODULE}/certificates": Operation(Action.ENROLL, About.DEVICE),
    f"POST {_MODULE}/disable": _RESTRICT,
    f"POST {_MODULE}/enable": _CHANGE,
    f"GET {_MODULE}/keys": _READ_DEVICE,
    f"POST {_MODULE}/keys/rotate": _KEYS_OF_DEVICE,
    f"POST {_MODULE}/methods/{{name}}": _METHOD,
    f"GET {_MODULE}/twin": _READ_DEVICE,
    f"PATCH {_MODULE}/twin": _CHANGE,
    f"PUT {_MODULE}/twin": _CHANGE,
    "POST /v1/query": _LIST,
    "GET /v1/groups": _READ_LIMITED,
    "POST /v1/groups": _GROUPS,
    "GET /v1/groups/{group}": _READ_GROUP,
    "PATCH /v1/groups/{group}": _GROUPS,
    "DELETE /v1/groups/{group}": _GROUPS,
    "GET /v1/groups/{group}/members": Operation(Action.READ_BULK, About.GROUP, is_bulk=True),
    "POST /v1/groups/{group}/add": _MEMBERS,
    "POST /v1/groups/{group}/remove": _MEMBERS,
    "GET /v1/command-feedback": _LIST,
    "GET /v1/telemetry": _TELEMETRY,
    "GET /v1/telemetry/stream": _TELEMETRY,
    "GET /v1/clone-alerts": _LIST,
    "GET /v1/clone-alerts/{alert_id}": _READ_LIMITED,
    "POST /v1/clone-alerts/{alert_id}/acknowledge": _ACKNOWLEDGE,
    f"GET {_DEVICE}/health": _READ_DEVICE,
    f"GET {_DEVICE}/signals": _READ_DEVICE,
    f"POST {_DEVICE}/signals": Operation(Action.RESPOND, About.DEVICE),
    f"POST {_DEVICE}/signals/{{signal_id}}/withdraw": _QUARANTINE,
    f"GET {_MODULE}/health": _READ_DEVICE,
    f"GET {_MODULE}/signals": _READ_DEVICE,
    f"POST {_MODULE}/signals": Operation(Action.RESPOND, About.DEVICE),
    f"POST {_MODULE}/signals/{{signal_id}}/withdraw": _QUARANTINE,
    "GET /v1/health": _LIST,
    f"GET {_DEVICE}/quarantine": _READ_DEVICE,
    f"GET {_DEVICE}/quarantine/preview": _READ_DEVICE,
    f"POST {_DEVICE}/quarantine": _QUARANTINE,
    f"POST {_DEVICE}/quarantine/approve": _QUARANTINE,
    f"POST {_DEVICE}/quarantine/recover": _QUARANTINE,
    f"POST {_DEVICE}/quarantine/sign-off": _QUARANTINE,
    f"POST {_DEVICE}/quarantine/release": _QUARANTINE,
    "GET /v1/quarantines": _LIST,
    f"GET {_DEVICE}/enforcement": _READ_DEVICE,
    "GET /v1/enforcements/{sequence}": _READ,
    "GET /v1/ssf/streams": _RECEIVE,
    "POST /v1/ssf/streams": _RECEIVE,
    "PATCH /v1/ssf/streams": _RECEIVE,
    "PUT /v1/ssf/streams": _RECEIVE,
    "DELETE /v1/ssf/streams": _RECEIVE,
    "POST /v1/ssf/streams/{stream_id}/poll": _RECEIVE,
    "GET /v1/ssf/status": _RECEIVE,
    "POST /v1/ssf/status": _RECEIVE,
    "POST /v1/ssf/subjects/add": _RECEIVE,
    "POST /v1/ssf/subjects/remove": _RECEIVE,
    "POST /v1/ssf/verify": _RECEIVE,
    "GET /v1/ssf/transmitters": _READ,
    "POST /v1/ssf/transmitters": _KEYS,
    "GET /v1/ssf/transmitters/{transmitter_id}": _READ,
    "DELETE /v1/ssf/transmitters/{transmitter_id}": _RESTRICT_PLATFORM,
}
_ALERTS: Final = {
    "GET /v1/alerts": _LIST,
    "GET /v1/alerts/overview": _READ_LIMITED,
    "GET /v1/alerts/groups": _READ_LIMITED,
    "GET /v1/alerts/export": _LIST,
    "GET /v1/alerts/{alert_id}": _READ_LIMITED,
    "GET /v1/alerts/{alert_id}/slice": Operation(Action.READ_PACKETS, About.LIMITED),
    "POST /v1/alerts/{alert_id}/acknowledge": _ACKNOWLEDGE,
    "POST /v1/alerts/{alert_id}/close": _ACKNOWLEDGE,
    "POST /v1/alerts/{alert_id}/reopen": _ACKNOWLEDGE,
    "POST /v1/alerts/{alert_id}/merge": _ACKNOWLEDGE,
    "POST /v1/alerts/{alert_id}/unmerge": _ACKNOWLEDGE,
    "POST /v1/bulk/alerts": _ACKNOWLEDGE,
    "GET /v1/alert-exceptions": _READ,
    "POST /v1/alert-exceptions": _RESPOND,
    "POST /v1/alert-exception-preview": _READ,
    "GET /v1/alert-exceptions/{exception_id}": _READ,
    "POST /v1/alert-exceptions/{exception_id}/end": _RESPOND,
    "GET /v1/tickets": _READ,
    "POST /v1/tickets": _ANNOUNCE,
    "GET /v1/tickets/{ticket_id}": _READ,
    "POST /v1/tickets/{ticket_id}/end": _ANNOUNCE,
}
_NETWORK: Final = {
    "GET /v1/sensors": _LIST,
    "POST /v1/sensors": _ENROLL,
    "GET /v1/sensors/{device_id}": _READ_DEVICE,
    "POST /v1/sensors/{device_id}/retire": _RESTRICT,
    "GET /v1/assets": _LIST,
    "POST /v1/bulk/assets": _ACKNOWLEDGE,
    "GET /v1/assets/{asset_id}": _READ_LIMITED,
    "PATCH /v1/assets/{asset_id}": _DESCRIBE,
    "POST /v1/assets/{asset_id}/merge": _DESCRIBE,
    "POST /v1/assets/{asset_id}/part": _DESCRIBE,
    "POST /v1/assets/{asset_id}/split": _DESCRIBE,
    "GET /v1/asset-counts": _LIST,
    "GET /v1/network-protocols": _LIST,
    "POST /v1/bulk/external-connections": _ACKNOWLEDGE,
    "GET /v1/address-list": _READ,
    "POST /v1/address-list": _RESPOND,
    "POST /v1/address-list/remove": _RESPOND,
    "GET /v1/network-links": _LIST,
    "GET /v1/network-map": _LIST,
    "GET /v1/network-operations": _LIST,
    "GET /v1/external-connections": _LIST,
    "GET /v1/external-connections/{external_id}": _READ_LIMITED,
    "POST /v1/external-connections/{external_id}/decide": _ACKNOWLEDGE,
    "GET /v1/inventory-snapshots": _READ_LIMITED,
    "POST /v1/inventory-snapshots": _ACKNOWLEDGE,
    "DELETE /v1/inventory-snapshots/{snapshot_id}": _PLATFORM,
    "GET /v1/inventory-changes": _LIST,
    "GET /v1/inventory-export": _LIST,
    "GET /v1/reports/inventory": _LIST,
    "GET /v1/reports/alerts": _LIST,
    "GET /v1/reports/vulnerabilities": _LIST,
    "GET /v1/captures": _CAPTURES,
    "POST /v1/captures": _CAPTURES,
    "GET /v1/captures/{capture_id}": _CAPTURES,
    "DELETE /v1/captures/{capture_id}": _CAPTURES,
    "PUT /v1/captures/{capture_id}/content": _CAPTURES,
    "GET /v1/captures/{capture_id}/content": Operation(Action.READ_PACKETS),
    "POST /v1/captures/{capture_id}/cancel": _CAPTURES,
    "GET /v1/captures/{capture_id}/report": Operation(Action.ANALYZE_CAPTURES, is_bulk=True),
    "GET /v1/advisories": _READ,
    "POST /v1/advisories": _RESPOND,
    "GET /v1/advisories/{advisory_key}": _READ,
    "POST /v1/advisories/{advisory_key}/remove": _RESPOND,
    "GET /v1/vulnerability-feeds": _READ,
    "POST /v1/vulnerability-feeds/{feed}": _RESPOND,
    "GET /v1/vulnerabilities": _LIST,
    "GET /v1/vulnerabilities/summary": _READ_LIMITED,
    "GET /v1/vulnerability-export": _LIST,
    "GET /v1/exposures": _LIST,
    "GET /v1/assets/{asset_id}/exposure": _READ_LIMITED,
    "GET /v1/assets/{asset_id}/vulnerabilities/{name}": _READ_LIMITED,
    "POST /v1/assets/{asset_id}/vulnerabilities/{name}/accept": Operation(Action.RESPOND, About.LIMITED),
    "POST /v1/assets/{asset_id}/vulnerabilities/{name}/reopen": Operation(Action.RESPOND, About.LIMITED),
}
_JOINING: Final = {
    "GET /v1/enrollments": _READ,
    "POST /v1/enrollments": _ENROLL,
    "GET /v1/enrollments/{enrollment_id}": _READ,
    "PATCH /v1/enrollments/{enrollment_id}": _ENROLL,
    "DELETE /v1/enrollments/{enrollment_id}": _RESTRICT_PLATFORM,
    "POST /v1/enrollments/{enrollment_id}/disable": _RESTRICT_PLATFORM,
    "POST /v1/enrollments/{enrollment_id}/enable": _ENROLL,
    "POST /v1/enrollments/{enrollment_id}/keys/rotate": _KEYS,
    "GET /v1/enrollments/{enrollment_id}/registrations": Operation(Action.READ_BULK, is_bulk=True),
    "GET /v1/pending-registrations": _READ,
    "GET /v1/pending-registrations/{registration_id}": _READ,
    "POST /v1/pending-registrations/{registration_id}/approve": _ENROLL,
    "POST /v1/pending-registrations/{registration_id}/reject": _RESTRICT_PLATFORM,
    "GET /v1/authorities": _READ,
    "POST /v1/authorities": _HAND_OVER,
    "GET /v1/authorities/{authority_id}": _READ,
    "DELETE /v1/authorities/{authority_id}": _RESTRICT_PLATFORM,
    "POST /v1/authorities/{authority_id}/disable": _RESTRICT_PLATFORM,
    "POST /v1/authorities/{authority_id}/enable": _KEYS,
    "POST /v1/authorities/{authority_id}/hub-trust": _KEYS,
    "POST /v1/authorities/{authority_id}/renew-code": _HAND_OVER,
    "POST /v1/authorities/{authority_id}/verify": _HAND_OVER,
    "GET /v1/own-authorities": _READ_LIMITED,
    "GET /v1/access-lists": _READ,
    "POST /v1/access-lists": _POLICIES,
    "DELETE /v1/access-lists/{entry_id}": _POLICIES,
    "GET /v1/reported-certificates": _READ,
    "POST /v1/reported-certificates/{sha256}/acknowledge": Operation(Action.ACKNOWLEDGE),
}
_DECIDING: Final = {
    f"GET {_DEVICE}/access": _READ_DEVICE,
    f"GET {_MODULE}/access": _READ_DEVICE,
    "GET /v1/policies": _READ,
    "POST /v1/policies": _DEVELOP,
    "POST /v1/policy-check": _DEVELOP,
    "POST /v1/policy-difference": _DEVELOP,
    "GET /v1/policy-form": _READ,
    "POST /v1/policy-form": _DEVELOP,
    "GET /v1/policies/{bundle}": _READ,
    "DELETE /v1/policies/{bundle}": _DEVELOP,
    "GET /v1/policies/{bundle}/difference": _READ,
    "GET /v1/policies/{bundle}/standing": _READ,
    "POST /v1/policies/{bundle}/simulate": _DEVELOP,
    "POST /v1/policies/{bundle}/approve": _POLICIES,
    "POST /v1/policies/{bundle}/shadow": _POLICIES,
    "POST /v1/policies/{bundle}/canary": _POLICIES,
    "POST /v1/policies/{bundle}/promote": _POLICIES,
    "GET /v1/policy-staging": _READ,
    "POST /v1/policy-staging/withdraw": _POLICIES,
    "POST /v1/policy-staging/rollback": _POLICIES,
    "GET /v1/policy-simulations": _READ,
    "POST /v1/policy-simulations/{simulation_id}/cancel": _DEVELOP,
    "GET /v1/policy-simulations/{simulation_id}": Operation(Action.READ_BULK, is_bulk=True),
}
_SEGMENTS: Final = {
    "GET /v1/zones": _READ,
    "POST /v1/zones": _DEVELOP,
    "GET /v1/zones/{zone_id}": _READ,
    "PATCH /v1/zones/{zone_id}": _DEVELOP,
    "DELETE /v1/zones/{zone_id}": _DEVELOP,
    "GET /v1/zones/{zone_id}/members": _READ,
    "POST /v1/zones/{zone_id}/members": _DEVELOP,
    "GET /v1/zones/{zone_id}/rules": _READ,
    "POST /v1/zones/{zone_id}/verify": _READ,
    "GET /v1/conduits": _READ,
    "POST /v1/conduits": _DEVELOP,
    "GET /v1/conduits/{conduit_id}": _READ,
    "PATCH /v1/conduits/{conduit_id}": _DEVELOP,
    "DELETE /v1/conduits/{conduit_id}": _DEVELOP,
    "GET /v1/segmentation/plans": _READ,
    "GET /v1/segmentation/plans/{number}": _READ,
    "GET /v1/segmentation/plans/{number}/difference": _READ,
    "POST /v1/segmentation/propose": _DEVELOP,
    "POST /v1/segmentation/approve": _POLICIES,
    "POST /v1/segmentation/discard": _DEVELOP,
    "POST /v1/segmentation/stage": _POLICIES,
    "POST /v1/segmentation/roll-back": _POLICIES,
    "POST /v1/segmentation/replay": _READ,
    "GET /v1/segmentation/violations": _READ,
    "GET /v1/segmentation/attack-paths": _READ,
    "GET /v1/mud-files/{asset_id}": _READ,
    "GET /v1/mud-files/{asset_id}/signature": _READ,
    "POST /v1/mud-files/{asset_id}/compare": _READ,
}
_ON_RECORD: Final = {
    "GET /v1/decisions": _DECISIONS,
    "GET /v1/decisions/{cursor}": _READ_LIMITED,
    "GET /v1/refusals": _DECISIONS,
    "GET /v1/events": _AUDIT,
    "GET /v1/ledger": _AUDIT,
    "GET /v1/ledger/checkpoint": _AUDIT,
    "GET /v1/ledger/consistency": _AUDIT,
    "GET /v1/ledger/entries": _AUDIT_LIST,
    "GET /v1/ledger/entries/{position}": _AUDIT,
    "GET /v1/ledger/entries/{position}/proof": _AUDIT,
    "GET /v1/status": _STATUS,
    "GET /v1/clock": _STATUS,
    "POST /v1/clock/accept": _PLATFORM,
}
_PEOPLE_AND_PROGRAMS: Final = {
    "GET /v1/session": _OWN,
    "DELETE /v1/session": _OWN,
    "GET /v1/sessions": _OWN,
    "DELETE /v1/sessions/{session_id}": _OWN,
    "POST /v1/login-links": _LET_IN,
    "GET /v1/people": _AUDIT,
    "GET /v1/people/{person_id}": _OWN,
    "PATCH /v1/people/{person_id}": _OWN,
    "DELETE /v1/people/{person_id}": _PEOPLE,
    "POST /v1/people/{person_id}/disable": _PEOPLE,
    "POST /v1/people/{person_id}/enable": _LET_IN,
    "GET /v1/passkeys": _OWN,
    "POST /v1/passkeys": _OWN,
    "DELETE /v1/passkeys/{passkey_id}": _OWN,
    "POST /v1/passkey-options": _OWN,
    "POST /v1/recovery-codes": _OWN,
    "GET /v1/device-authorizations/{user_code}": _OWN,
    "POST /v1/device-authorizations/{user_code}/approve": Operation(Action.OWN_CREDENTIALS),
    "POST /v1/device-authorizations/{user_code}/deny": _OWN,
    "GET /v1/roles": _OWN,
    "GET /v1/rights": _OWN,
    "GET /v1/grants": _OWN,
    "POST /v1/people/{person_id}/grants": _PEOPLE,
    "DELETE /v1/grants/{grant_id}": _OWN,
    "GET /v1/elevations": _OWN,
    "POST /v1/elevations": Operation(Action.ELEVATE),
    "DELETE /v1/elevations/{elevation_id}": _OWN,
    "POST /v1/totp": Operation(Action.OWN_CREDENTIALS),
    "POST /v1/totp/confirm": _OWN,
    "DELETE /v1/people/{person_id}/totp": _OWN,
    "GET /v1/people/{person_id}/identities": _OWN,
    "DELETE /v1/identities/{external_id}": _OWN,
    "POST /v1/acts": _OWN,
    "GET /v1/approvals": _OWN,
    "GET /v1/approvals/{approval_id}": _OWN,
    "POST /v1/approvals/{approval_id}/approve": _OWN,
    "POST /v1/approvals/{approval_id}/refuse": _OWN,
    "GET /v1/reviews": _AUDIT,
    "POST /v1/reviews": Operation(Action.REVIEW),
    "GET /v1/reviews/{review_id}": _AUDIT,
    "GET /v1/reviews/{review_id}/entries": _AUDIT_LIST,
    "GET /v1/reviews/{review_id}/export": _AUDIT_LIST,
    "POST /v1/reviews/{review_id}/entries/{entry_id}/sign": Operation(Action.REVIEW),
    "POST /v1/reviews/{review_id}/close": Operation(Action.REVIEW),
    "GET /v1/command-schemas": _READ_LIMITED,
    "POST /v1/command-schemas": _POLICIES,
    "DELETE /v1/command-schemas/{schema_id}": _POLICIES,
    "GET /v1/service-tokens": _AUDIT,
    "POST /v1/service-tokens": _KEYS,
    "GET /v1/service-tokens/{token_id}": _AUDIT,
    "DELETE /v1/service-tokens/{token_id}": _RESTRICT_PLATFORM,
    "GET /v1/service-policies": _AUDIT,
    "POST /v1/service-policies": _KEYS,
    "DELETE /v1/service-policies/{name}": _RESTRICT_PLATFORM,
    "POST /v1/service-policies/{name}/connection-string": _KEYS,
    "POST /v1/service-policies/{name}/rotate": _KEYS,
}

OPERATIONS: Final[Mapping[str, Operation]] = MappingProxyType(
    _FLEET | _ALERTS | _NETWORK | _JOINING | _DECIDING | _SEGMENTS | _ON_RECORD | _PEOPLE_AND_PROGRAMS
)

# What other systems ask in their own protocols, outside ``/v1``: what they are told is limited as a reader's sight is.
OUTSIDE_OPERATIONS: Final[Mapping[str, Operation]] = MappingProxyType(
    {
        "POST /access/v1/evaluation": _ASK,
        "POST /access/v1/evaluations": _ASK,
        "POST /access/v1/search/subject": _ASK_MANY,
        "POST /access/v1/search/resource": _ASK_MANY,
        "POST /access/v1/search/action": _ASK,
        "POST /hooks/mqtt/user": _ASK,
        "POST /hooks/mqtt/superuser": _ASK,
        "POST /hooks/mqtt/acl": _ASK,
        "POST /hooks/emqx/authentication": _ASK,
        "POST /hooks/emqx/authorization": _ASK,
    }
)
