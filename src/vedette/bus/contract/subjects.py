"""Subjects, stream names and services: where things are said on the bus.

Subjects hold generated ids only, never a name chosen outside.
"""

from __future__ import annotations

from typing import Final

TELEMETRY_STREAM: Final = "TELEMETRY"
DECISIONS_STREAM: Final = "DECISIONS"
EVENTS_STREAM: Final = "EVENTS"
POSTURE_STREAM: Final = "KV_posture"

CONTROL_QUEUE: Final = "control"

OPEN_SESSION: Final = "svc.access.open_session"
AGREE_OPENING_KEY: Final = "svc.access.agree_opening_key"
POSTURE_CHANGES: Final = "svc.access.changes"
FETCH_POLICIES: Final = "svc.access.policies"
REGISTER_DEVICE: Final = "svc.enrollment.register"
RENEW_CERTIFICATE: Final = "svc.pki.renew"
ISSUE_SERVER_CERTIFICATE: Final = "svc.pki.issue_server_certificate"
REPORT_CERTIFICATE: Final = "svc.pki.report_certificate"
VOUCH_CERTIFICATE: Final = "svc.pki.vouch_certificate"
READ_TWIN: Final = "svc.registry.read_twin"
REPORT_PROPERTIES: Final = "svc.registry.report_properties"
KEEP_SUBSCRIPTIONS: Final = "svc.messaging.keep_subscriptions"
TAKE_COMMANDS: Final = "svc.messaging.take_commands"
COMPLETE_COMMANDS: Final = "svc.messaging.complete_commands"
REPORT_CLONE: Final = "svc.messaging.report_clone"
GATEWAY_SERVICES: Final = (
    OPEN_SESSION,
    AGREE_OPENING_KEY,
    POSTURE_CHANGES,
    FETCH_POLICIES,
    REGISTER_DEVICE,
    RENEW_CERTIFICATE,
    ISSUE_SERVER_CERTIFICATE,
    REPORT_CERTIFICATE,
    VOUCH_CERTIFICATE,
    READ_TWIN,
    REPORT_PROPERTIES,
    KEEP_SUBSCRIPTIONS,
    TAKE_COMMANDS,
    COMPLETE_COMMANDS,
    REPORT_CLONE,
)


def service_subject(service: str, organization_id: str) -> str:
    """Return the subject of a service such as ``OPEN_SESSION`` for one organization."""
    return f"{service}.{organization_id}"


def telemetry_subject(organization_id: str, gateway: str) -> str:
    """Return the subject under which a gateway stores telemetry batches."""
    return f"telemetry.{organization_id}.{gateway}"


def decision_subject(organization_id: str, generation_id: str | None, kind: str) -> str:
    """Return the subject of an access decision; ``kind`` is ``connect``, ``refuse``, ``cut`` or ``disconnect``."""
    return f"decision.{organization_id}.{generation_id or 'unknown'}.{kind}"


def posture_subject(organization_id: str, generation_id: str) -> str:
    """Return the KV subject of one identity's signed posture record."""
    return f"$KV.posture.{organization_id}.{generation_id}"


def posture_head_subject(organization_id: str) -> str:
    """Return the KV subject of the signed head."""
    return f"$KV.posture.{organization_id}.head"


def pep_status_subject(organization_id: str, gateway: str) -> str:
    """Return the subject of a gateway's heartbeats and enforcement acknowledgements."""
    return f"pep.status.{organization_id}.{gateway}"


def session_opened_subject(organization_id: str, gateway: str) -> str:
    """Return the subject on which a gateway tells the others that it took over an identity."""
    return f"session.opened.{organization_id}.{gateway}"


def uplink_subject(organization_id: str, gateway: str) -> str:
    """Return the subject on which a gateway tells control what its sessions did; see ``Uplink``."""
    return f"uplink.{organization_id}.{gateway}"


def downlink_subject(organization_id: str, gateway: str) -> str:
    """Return the subject on which control tells one gateway what its sessions should get; see ``Downlink``."""
    return f"downlink.{organization_id}.{gateway}"
