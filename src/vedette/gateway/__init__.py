"""The devices' door: TLS, MQTT and provisioning, and the enforcement point between devices and everything else.

Terms: a *session* is an identity's one open connection; a *cut* ends it because it is no longer permitted; a
*take-over* ends it because the identity connected again; it is *durable* if its subscriptions outlive the connection.
Invariants: acknowledged telemetry is on disk, and so is what a durable session was granted; PUBACKs go out in the order
of their PUBLISHes; a command leaves its queue when its device has acknowledged it; no session outlives the decision
that opened it; every refusal is on record with the check that failed; nothing a stranger sends is unbounded.
"""

from __future__ import annotations

from vedette.gateway.process import run_gateway
from vedette.gateway.settings import (
    DecisionSettings,
    DpsSettings,
    GatewayPost,
    GatewaySettings,
    SessionSettings,
    TelemetrySettings,
    TlsSettings,
)

__all__ = [
    "DecisionSettings",
    "DpsSettings",
    "GatewayPost",
    "GatewaySettings",
    "SessionSettings",
    "TelemetrySettings",
    "TlsSettings",
    "run_gateway",
]
