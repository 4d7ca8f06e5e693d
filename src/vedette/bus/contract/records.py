"""What gateways store: telemetry batches and decisions."""

from __future__ import annotations

import msgspec


class TelemetryRecord(msgspec.Struct, frozen=True, array_like=True):
    """One message of a device as stored.

    Attributes:
        session: Index into the batch's sessions.
        enqueued_at_ms: Unix milliseconds at the gateway.
        system: Property bag keys without ``$.`` (``mid``, ``ct`` …); the value of a bare key is ``None``.
        properties: Application properties.
    """

    session: int
    enqueued_at_ms: int
    qos: int
    system: dict[str, str | None]
    properties: dict[str, str | None]
    body: bytes


class TelemetrySession(msgspec.Struct, frozen=True, array_like=True):
    """The hub's stamps, the same for all messages of a session; a device cannot set them."""

    generation_id: str
    device_id: str
    module_id: str | None
    auth_method: str
    model_id: str | None


class TelemetryBatch(msgspec.Struct, frozen=True, array_like=True, kw_only=False):
    """All messages of one short tick of one gateway: one stream message, one fsync."""

    version: int
    gateway: str
    sessions: list[TelemetrySession]
    records: list[TelemetryRecord]


class DecisionRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A connect, refusal, cut or disconnect, as stored in the ``DECISIONS`` stream.

    Attributes:
        decision_id: Generated id.
        decided_at: RFC 3339.
        kind: ``connect``, ``refuse``, ``cut``, ``disconnect``, ``register``.
        reason: A ``vedette.trust.Reason`` value or a protocol reason.
        device_id: The name as presented, untrusted when ``generation_id`` is absent.
        bundle_sha256: The bundle that decided.
        repeated: How many equal refusals this record stands for.
        facts: What the policies could read of the session, by the names of the Cedar context.
        slice_sha256: SHA-256 of the identity's attributes as the policies saw them
            (``vedette.trust.slice_sha256``); with ``facts`` and the bundle the decision can be made again.
        shadow: Where a shadow bundle answers otherwise: ``allow`` or ``deny``; else empty.
    """

    decision_id: str
    organization_id: str
    decided_at: str
    gateway: str
    kind: str
    effect: str
    reason: str
    detail: str = ""
    hint: str = ""
    action: str = "connect"
    generation_id: str | None = None
    device_id: str = ""
    module_id: str | None = None
    remote_address: str = ""
    certificate_sha256: str | None = None
    certificate_subject: str | None = None
    certificate_issuer: str | None = None
    certificate_serial: str | None = None
    certificate_not_after: str | None = None
    tls_version: str | None = None
    policies: list[str] = []
    bundle_sha256: str | None = None
    sequence: int | None = None
    repeated: int = 1
    facts: dict[str, str | int | bool] = {}
    slice_sha256: str | None = None
    shadow: str = ""
