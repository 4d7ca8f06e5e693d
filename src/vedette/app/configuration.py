"""The configuration: one frozen tree, read once when the platform starts.

Every option has a default that is safe on loopback, so that no file is needed. Secrets are paths to files. The
reference page ``docs/reference/configuration.md`` is written from these docstrings.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, Literal

from vedette.app.access_configuration import AccessConfiguration
from vedette.app.alerts_section import AlertsConfiguration
from vedette.app.captures_section import CapturesConfiguration
from vedette.app.network_sections import SegmentationConfiguration, VulnerabilitiesConfiguration
from vedette.app.options import Address, Between, Hostname, Network
from vedette.app.outside_configuration import AuthCalloutConfiguration, AuthZenConfiguration

_Port = Annotated[int, Between(1, 65535)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfiguration:
    """Under which name and address devices and people reach this machine.

    Attributes:
        hostname: Name under which devices connect. It stands in the gateway's certificate and is the hub that DPS
            assigns. When it changes, the former names stay valid for the devices that know them.
        alternative_hostnames: Further names and IP addresses for the gateway's certificate.
        bind: IP address to listen on. ``127.0.0.1`` keeps everything on this machine, ``0.0.0.0`` opens it to others.
        private_only: Refuse to start if a listener would be at an address that is not private, or at all addresses.
    """

    hostname: Annotated[str, Hostname()] = "localhost"
    alternative_hostnames: Annotated[tuple[str, ...], Hostname()] = ()
    bind: Annotated[str, Address()] = "127.0.0.1"
    private_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BusConfiguration:
    """The NATS server that carries telemetry, decisions, events and posture records.

    Attributes:
        urls: Servers of an existing cluster, such as ``["tls://nats-1:4222"]``. Empty: Vedette runs its own.
        ca_file: Trust this CA, PEM, for ``tls://`` servers. Empty: those of the system.
        binary: Path of ``nats-server``. Empty: the one that the Python package brings, else the one on PATH.
        port: Port of our own server, always on 127.0.0.1.
        sync: ``always``: acknowledged means on disk. ``interval``: the operating system writes within two minutes, so
            a power cut may lose what was acknowledged; only for a replicated cluster.
    """

    urls: tuple[str, ...] = ()
    ca_file: Path | None = None
    binary: Path | None = None
    port: _Port = 8422
    sync: Literal["always", "interval"] = "always"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreConfiguration:
    """The SQL database: the truth about devices, credentials and policy.

    Attributes:
        url_file: File that holds the URL of a PostgreSQL database, ``postgresql+psycopg://USER:PASSWORD@HOST/NAME``,
            readable by Vedette only. Empty: SQLite, ``vedette.db`` in the data directory.
    """

    url_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PkiConfiguration:
    """The certificates that Vedette issues.

    Attributes:
        organization_name: Stands in the subjects of the authorities. Only used when they are made, on first start.
        device_certificate_hours: Lifetime of an operational certificate. Devices renew at two thirds of it.
        renewal_overlap_hours: How long the former certificate stays valid once its successor was used.
        device_certificates_per_hour: Most that the signer issues in any 60 minutes, whoever asks.
        symmetric_keys: Let legacy devices that know no certificates sign in with a symmetric key (SAS tokens). Weaker
            than certificates: who copies the key is the device. Such devices are flagged in every list. When it is
            switched off, none gets in any more, and live sessions are cut.
        symmetric_key_days: How long a symmetric key lives from when it was made or rotated.
        passphrase_file: Encrypts the issuing keys on disk. Empty: their mode 0600 protects them from other users, and
            nothing protects them from who copies the disk. Read when they are made and at each start.
        root_passphrase_file: The same for the root key in ``offline/``. Empty: ``passphrase_file``.
    """

    organization_name: str = "Vedette"
    device_certificate_hours: Annotated[int, Between(1, 2160)] = 720
    renewal_overlap_hours: Annotated[int, Between(0, 720)] = 1
    device_certificates_per_hour: Annotated[int, Between(1, 10_000_000)] = 20_000
    symmetric_keys: bool = False
    symmetric_key_days: Annotated[int, Between(1, 366)] = 90
    passphrase_file: Path | None = None
    root_passphrase_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayConfiguration:
    """The listeners for devices: MQTT and DPS over TLS.

    Attributes:
        port: TCP port of MQTT over TLS.
        websocket_port: TCP port of MQTT over WebSocket, for networks that let nothing but HTTPS out; the Azure IoT SDKs
            use 443, always. 0 opens none.
        processes: Gateway processes that share the ports. One serves some thousands of busy devices per core.
        max_connections: Connections per process, those still in their handshake included.
        max_connections_per_source: The same from one address, or one /64 network of IPv6.
        messages_per_s: Telemetry of one device in the long run; above it reading from the device slows down.
        messages_burst: Telemetry of one device at once.
        allowed_networks: Networks (CIDR) from where connections are taken; others are refused before TLS and counted in
            the decision log. Empty: from everywhere.
    """

    port: _Port = 8883
    websocket_port: Annotated[int, Between(0, 65535)] = 0
    processes: Annotated[int, Between(1, 64)] = 1
    max_connections: Annotated[int, Between(10, 1_000_000)] = 20_000
    max_connections_per_source: Annotated[int, Between(1, 1_000_000)] = 10_000
    messages_per_s: Annotated[float, Between(0.1, 100_000)] = 1_000.0
    messages_burst: Annotated[int, Between(1, 1_000_000)] = 2_000
    allowed_networks: Annotated[tuple[str, ...], Network()] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetryConfiguration:
    """What devices send.

    Attributes:
        retention_days: Messages older than this are removed.
        max_gigabytes: When the stream reaches this size the oldest messages are removed earlier.
    """

    retention_days: Annotated[int, Between(1, 365)] = 7
    max_gigabytes: Annotated[int, Between(1, 100_000)] = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionsConfiguration:
    """The record of connects, refusals and cuts.

    Attributes:
        retention_days: Decisions older than this are removed.
        max_gigabytes: When the stream reaches this size the oldest decisions are removed earlier.
    """

    retention_days: Annotated[int, Between(1, 3650)] = 30
    max_gigabytes: Annotated[int, Between(1, 100_000)] = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerConfiguration:
    """The audit log and its signed checkpoints.

    Attributes:
        checkpoint_interval_s: A checkpoint is signed when entries were added, at most this often.
        checkpoint_directory: A second place that signed checkpoints are written to, beside ``checkpoints`` in the data
            directory. It should be off this host: only a checkpoint kept elsewhere can show that the whole log was
            rewritten.
    """

    checkpoint_interval_s: Annotated[int, Between(1, 86_400)] = 60
    checkpoint_directory: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiConfiguration:
    """The operators' REST API and console.

    Attributes:
        bind: IP address to listen on. Empty: 127.0.0.1, whatever ``server.bind`` says.
        port: TCP port.
        tls: ``off``: plain HTTP, only allowed on a loopback address. ``own``: a certificate from the services authority
            of this platform. ``files``: the two files below. ``auto``: off on loopback, else files if set, else own.
        certificate_file: Certificate chain of the listener, PEM, leaf first.
        key_file: Its private key, PEM, readable by Vedette only.
        alternative_hostnames: Further names under which people reach the API, such as that of a reverse proxy.
            Requests for any other host are refused.
        max_body_bytes: Largest request body.
        failed_logins_per_minute: Wrong tokens, links, passkeys and recovery codes answered as such from one address
            in a minute; further ones hear to wait.
        session_hours: How long a browser stays logged in at most.
        session_idle_minutes: How long it stays logged in while nobody uses it.
        session_recheck: What makes a session be proved again by passkey, or begun anew: ``network``: use from another
            network or by another browser; ``browser``: by another browser only; ``off``: nothing.
        totp: Let people log in by the codes of an authenticator app, beside a sign-in key that is made for them. A
            fallback where no passkey works: both can be given away to a page that looks like ours, so such sessions
            are flagged.
        allowed_networks: Networks (CIDR) from where connections are taken, beside this machine itself; others are
            refused before TLS and counted in the decision log. Empty: from everywhere.
    """

    bind: Annotated[str, Address()] = ""
    port: _Port = 8480
    tls: Literal["auto", "off", "own", "files"] = "auto"
    certificate_file: Path | None = None
    key_file: Path | None = None
    alternative_hostnames: Annotated[tuple[str, ...], Hostname()] = ()
    max_body_bytes: Annotated[int, Between(1_024, 16_777_216)] = 1_048_576
    failed_logins_per_minute: Annotated[int, Between(1, 1_000)] = 10
    session_hours: Annotated[int, Between(1, 168)] = 12
    session_idle_minutes: Annotated[int, Between(1, 1_440)] = 30
    session_recheck: Literal["network", "browser", "off"] = "network"
    totp: bool = False
    allowed_networks: Annotated[tuple[str, ...], Network()] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcConfiguration:
    """Sign-in through an identity provider (OpenID Connect), beside passkeys.

    The provider is told the redirect address ``<console>/login/oidc/callback`` and, for back-channel logout,
    ``<console>/login/oidc/back-channel-logout``.

    Attributes:
        issuer: The provider, exactly as it calls itself, such as ``https://login.example/realms/plant``. Empty: none.
        client_id: What the provider calls this platform.
        client_secret_file: File with the secret that the provider gave us. Empty: it knows us as a public client.
        label: What the button says.
        scopes: Asked for beside ``openid``.
        acr_values: Classes of login that are asked for, by preference.
        groups_claim: Claim that holds a person's groups.
        group_roles: Roles that groups stand for, each ``GROUP=ROLE``; they hold for the session.
        default_roles: Roles of everybody who comes through the provider.
        create_people: Whether somebody unknown, whose groups have a role, becomes a person by their first login. If
            not, people link the provider to themselves while they are logged in by passkey.
        mfa_acr: Values of ``acr`` that say that two factors were shown.
        mfa_amr: Values of ``amr`` that say so.
        alternative_hosts: Further hosts that the provider's documents may name, ``host`` or ``host:port``. Nothing
            else than these and the issuer's own host is ever asked.
        ca_file: Trust this CA, PEM, for the provider. Empty: those of the system.
    """

    issuer: str = ""
    client_id: str = ""
    client_secret_file: Path | None = None
    label: str = "Single sign-on"
    scopes: tuple[str, ...] = ("profile", "email")
    acr_values: tuple[str, ...] = ()
    groups_claim: str = "groups"
    group_roles: tuple[str, ...] = ()
    default_roles: tuple[str, ...] = ()
    create_people: bool = False
    mfa_acr: tuple[str, ...] = ()
    mfa_amr: tuple[str, ...] = ("mfa",)
    alternative_hosts: tuple[str, ...] = ()
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceConfiguration:
    """The service API: the hub's own REST interface, for programs written with the Azure IoT service SDKs.

    Programs come under service policies, which nobody has until somebody asks for one: ``vedette service-policy``.

    Attributes:
        port: TCP port, on the address of ``server.bind``, always TLS. The Node SDK uses 443, always. 0 opens none.
        requests_per_s: Calls under one policy in the long run, and twice as many at once; further ones hear to wait.
        failed_tokens_per_minute: Wrong tokens answered as such from one address in a minute.
        allowed_networks: Networks (CIDR) from where connections are taken; others are refused before TLS and counted in
            the decision log. Empty: from everywhere.
    """

    port: Annotated[int, Between(0, 65535)] = 8443
    requests_per_s: Annotated[float, Between(0.1, 10_000)] = 100.0
    failed_tokens_per_minute: Annotated[int, Between(1, 1_000)] = 10
    allowed_networks: Annotated[tuple[str, ...], Network()] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LogConfiguration:
    """What the processes write to standard error.

    Attributes:
        level: ``info`` is quiet: life cycle only. ``debug`` writes a line per message.
        format: ``text`` for people, ``json`` for programs: one object per line.
    """

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """The whole tree; each field is a section of the file."""

    server: ServerConfiguration = field(default_factory=ServerConfiguration)
    bus: BusConfiguration = field(default_factory=BusConfiguration)
    store: StoreConfiguration = field(default_factory=StoreConfiguration)
    pki: PkiConfiguration = field(default_factory=PkiConfiguration)
    gateway: GatewayConfiguration = field(default_factory=GatewayConfiguration)
    telemetry: TelemetryConfiguration = field(default_factory=TelemetryConfiguration)
    decisions: DecisionsConfiguration = field(default_factory=DecisionsConfiguration)
    ledger: LedgerConfiguration = field(default_factory=LedgerConfiguration)
    api: ApiConfiguration = field(default_factory=ApiConfiguration)
    access: AccessConfiguration = field(default_factory=AccessConfiguration)
    alerts: AlertsConfiguration = field(default_factory=AlertsConfiguration)
    vulnerabilities: VulnerabilitiesConfiguration = field(default_factory=VulnerabilitiesConfiguration)
    segmentation: SegmentationConfiguration = field(default_factory=SegmentationConfiguration)
    captures: CapturesConfiguration = field(default_factory=CapturesConfiguration)
    oidc: OidcConfiguration = field(default_factory=OidcConfiguration)
    service: ServiceConfiguration = field(default_factory=ServiceConfiguration)
    authzen: AuthZenConfiguration = field(default_factory=AuthZenConfiguration)
    auth_callout: AuthCalloutConfiguration = field(default_factory=AuthCalloutConfiguration)
    log: LogConfiguration = field(default_factory=LogConfiguration)


SECTIONS: Final = {
    "server": ServerConfiguration,
    "bus": BusConfiguration,
    "store": StoreConfiguration,
    "pki": PkiConfiguration,
    "gateway": GatewayConfiguration,
    "telemetry": TelemetryConfiguration,
    "decisions": DecisionsConfiguration,
    "ledger": LedgerConfiguration,
    "api": ApiConfiguration,
    "access": AccessConfiguration,
    "alerts": AlertsConfiguration,
    "vulnerabilities": VulnerabilitiesConfiguration,
    "segmentation": SegmentationConfiguration,
    "captures": CapturesConfiguration,
    "oidc": OidcConfiguration,
    "service": ServiceConfiguration,
    "authzen": AuthZenConfiguration,
    "auth_callout": AuthCalloutConfiguration,
    "log": LogConfiguration,
}
