"""What a gateway may be told, each with a safe default, and where one gateway process stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from vedette.bus import BusConnectionSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """Limits of the TLS stage, all of which hold before anybody is identified.

    Attributes:
        handshake_timeout_s: From accepting a connection to the end of its handshake.
        pressed_handshake_s: When all handshake slots are taken, one that is older than this gives way.
        identify_timeout_s: From the end of the handshake to a complete first request, such as CONNECT.
        max_handshakes: Handshakes under way at once; each costs about 60 KB.
        max_waiting: Connections that may wait for a slot, sources in turn; above it the source with most gives way.
        max_connections: Open connections of this gateway.
        max_connections_per_source: Open connections of one address (IPv4) or one /64 network (IPv6).
        max_unidentified: Connections without identity; above it one that has long been silent gives way, then one of
            the source with most.
        connects_per_source_s: New connections per second of one source, in the long run.
        connects_burst_per_source: New connections of one source at once.
        max_client_hello_bytes: What a client may send before its first answer.
        max_handshake_bytes: All that a client may send during the handshake, framing included.
        max_chain_bytes: DER of all certificates a client sends.
        max_chain_certificates: Their number.
        write_stall_s: A connection whose peer takes nothing for so long is closed.
        max_write_buffer_bytes: Bytes that may wait for one peer.
        slice_s: Handshake work done in one turn of the event loop before others get theirs.
        backlog: Connections the kernel may hold before they are accepted.
        allowed_networks: CIDR from where connections may come; none: from everywhere.
        socket_buffer_bytes: Of the kernel, for each direction of a connection, so that peers that are slow to read, or
            slowed down, cannot make it hold megabytes each.
    """

    handshake_timeout_s: float = 10.0
    pressed_handshake_s: float = 2.0
    identify_timeout_s: float = 10.0
    max_handshakes: int = 2_048
    max_waiting: int = 4_096
    max_connections: int = 20_000
    max_connections_per_source: int = 10_000
    max_unidentified: int = 4_096
    connects_per_source_s: float = 1_000.0
    connects_burst_per_source: int = 4_000
    max_client_hello_bytes: int = 16_384
    max_handshake_bytes: int = 81_920
    max_chain_bytes: int = 65_536
    max_chain_certificates: int = 8
    write_stall_s: float = 15.0
    max_write_buffer_bytes: int = 1_048_576
    slice_s: float = 0.004
    backlog: int = 2_048
    allowed_networks: tuple[str, ...] = ()
    socket_buffer_bytes: int = 131_072


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSettings:
    """Limits of device sessions.

    Attributes:
        open_timeout_s: How long control may take to answer about an identity.
        max_openings: Sessions being opened at once; more are asked to come back.
        max_vouching: Questions to control, at once, whether an authority vouches for a certificate.
        vouch_timeout_s: How long one of them may take.
        takeovers: Take-overs of one identity within ``takeover_window_s`` before further ones are refused.
        takeover_window_s: See ``takeovers``.
        takeover_pause_s: How long a refused take-over waits for its answer.
        messages_per_s: Telemetry of one device in the long run.
        messages_burst: Telemetry of one device at once.
        bytes_per_s: The same in bytes.
        bytes_burst: The same in bytes.
        throttle_most_s: A device so far above its rate that it had to wait longer than this is disconnected.
        denied_grace_s: How long an MQTT 3.1.1 session goes on after a message that policy denies.
        max_inflight_bytes: Telemetry of one device that may wait to be stored.
        max_message_bytes: A device-to-cloud message: body, system property values, application names and values.
        request_timeout_s: How long control may take to answer what a session asks; longer than control begins it.
        subscription_changes_per_s: Changes of one device's kept subscriptions in the long run; more wait.
        subscription_changes_burst: The same at once.
        twin_requests_per_s: Twin requests of one device in the long run, a patch counted once for each 4 KB; more are
            answered with 429.
        twin_requests_burst: The same at once.
        max_twin_requests: Twin requests of one session that may wait for their answer.
        max_twin_request_bytes: Their patches.
        max_patch_bytes: A patch of reported properties as sent; what of it counts is control's to say.
        max_method_calls: Direct methods that one device may be asked at once.
        max_method_bytes: The answer to a direct method.
        max_commands_in_flight: Commands that one device may leave unacknowledged, if it does not ask for fewer.
        max_backlog_bytes: With more waiting for a device that reads slowly, no further message is added.
        clock_jump_s: A wall clock that moves by more than this against the monotonic one has jumped.
        clock_jump_hold_s: After a jump, live sessions are not ended by the new time for so long.
    """

    open_timeout_s: float = 3.0
    max_openings: int = 4_096
    max_vouching: int = 64
    vouch_timeout_s: float = 5.0
    takeovers: int = 10
    takeover_window_s: float = 10.0
    takeover_pause_s: float = 1.0
    messages_per_s: float = 1_000.0
    messages_burst: int = 2_000
    bytes_per_s: float = 4_194_304.0
    bytes_burst: int = 8_388_608
    throttle_most_s: float = 30.0
    denied_grace_s: float = 10.0
    max_inflight_bytes: int = 2_097_152
    max_message_bytes: int = 262_144
    request_timeout_s: float = 6.0
    subscription_changes_per_s: float = 2.0
    subscription_changes_burst: int = 40
    twin_requests_per_s: float = 10.0
    twin_requests_burst: int = 60
    max_twin_requests: int = 32
    max_twin_request_bytes: int = 262_144
    max_patch_bytes: int = 131_072
    max_method_calls: int = 64
    max_method_bytes: int = 131_072
    max_commands_in_flight: int = 50
    max_backlog_bytes: int = 262_144
    clock_jump_s: float = 60.0
    clock_jump_hold_s: float = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetrySettings:
    """How telemetry is stored.

    Attributes:
        tick_s: While batches are under way, messages gather for so long before the next is sent.
        max_batch_bytes: Of one stream message; below the bus's ``max_payload``.
        max_batches: Batches that may wait for the stream at once.
        deadline_s: A batch not stored in time is given up: its connections close without PUBACK and devices resend.
        max_bytes: Telemetry of all devices that may wait to be stored; above it reading pauses.
    """

    tick_s: float = 0.002
    max_batch_bytes: int = 900_000
    max_batches: int = 4
    deadline_s: float = 15.0
    max_bytes: int = 67_108_864


@dataclass(frozen=True, slots=True, kw_only=True)
class DpsSettings:
    """Limits of device provisioning connections.

    Attributes:
        max_body_bytes: Of one registration.
        requests_per_connection: Registrations and polls at once on one connection; one more each two seconds.
        requests_per_source_s: Of one source in the long run.
        requests_burst_per_source: Of one source at once.
        max_connections: Provisioning connections open at once; their peers may be strangers.
        pressed_idle_s: With all places taken, a connection that is idle for longer gives way.
        max_pending: Requests of all connections that wait for control.
        timeout_s: How long control may take to answer.
        idle_s: A provisioning connection lives no longer than this without a request.
    """

    max_body_bytes: int = 98_304
    requests_per_connection: int = 8
    requests_per_source_s: float = 100.0
    requests_burst_per_source: int = 1_000
    max_connections: int = 2_000
    pressed_idle_s: float = 5.0
    max_pending: int = 1_024
    timeout_s: float = 20.0
    idle_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionSettings:
    """How connects, refusals, cuts and disconnects are recorded.

    Attributes:
        window_s: Equal refusals within it become one record that says how many.
        burst: Equal records of a known identity that are each written before the rest is counted.
        unknown_per_s: First records of unidentified sources written each second; others wait for their window's end.
        max_entries: Kinds of refusals counted at once.
        max_queued: Records that may wait to be stored; the oldest of unidentified sources go first.
    """

    window_s: float = 60.0
    burst: int = 5
    unknown_per_s: float = 20.0
    max_entries: int = 8_192
    max_queued: int = 8_192


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySettings:
    """Section ``[gateway]``.

    Attributes:
        count: Gateway processes that share the device port.
        tls: Limits before identity.
        session: Limits of device sessions.
        telemetry: How telemetry is stored.
        dps: Limits of provisioning connections.
        decisions: How decisions are recorded.
        stop_s: How long a stopping gateway may take to store what it has taken.
    """

    count: int = 1
    tls: TlsSettings = field(default_factory=TlsSettings)
    session: SessionSettings = field(default_factory=SessionSettings)
    telemetry: TelemetrySettings = field(default_factory=TelemetrySettings)
    dps: DpsSettings = field(default_factory=DpsSettings)
    decisions: DecisionSettings = field(default_factory=DecisionSettings)
    stop_s: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayPost:
    """Where one gateway process stands; made by ``app``, never read from a file.

    Attributes:
        name: ``gateway-1``; its bus user and part of its subjects.
        directory: ``gateway/<name>`` in the data directory: server key and certificate, head floor.
        trust_anchor: Path of the trust anchor file.
        bus: How to reach the bus.
        bind: Addresses to listen on.
        port: TCP port of MQTT over TLS; 0 takes a free one.
        websocket_port: TCP port of MQTT over WebSocket; ``None`` for none.
        shares_port: Whether other gateways listen on the same ports.
    """

    name: str
    directory: Path
    trust_anchor: Path
    bus: BusConnectionSettings
    bind: tuple[str, ...] = ("127.0.0.1",)
    port: int = 8883
    websocket_port: int | None = None
    shares_port: bool = True
