"""What each child process is told: a small file with its own settings, and nothing that it need not know.

The files stand in ``run/settings/`` and hold paths of secrets, never a secret. They are written at each start.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

import msgspec

from vedette.kernel import Problem


class BadSettings(Problem):
    """The settings file of a child process is unreadable."""

    code: ClassVar[str] = "app.bad_settings"
    status: ClassVar[int] = 500


class LogRole(msgspec.Struct, frozen=True, kw_only=True):
    """How a process logs."""

    level: str = "info"
    format: Literal["text", "json"] = "text"


class BusRole(msgspec.Struct, frozen=True, kw_only=True):
    """How a process reaches the bus, as one user."""

    name: str
    urls: tuple[str, ...]
    seed_file: Path
    ca_file: Path | None = None


class StoreRole(msgspec.Struct, frozen=True, kw_only=True):
    """Where the database is: a SQLite file, or a file that holds the URL of another."""

    sqlite_file: Path
    url_file: Path | None = None


class StreamsRole(msgspec.Struct, frozen=True, kw_only=True):
    """What the streams keep."""

    telemetry_retention_days: int
    telemetry_max_bytes: int
    decisions_retention_days: int
    decisions_max_bytes: int


class OwnBusRole(msgspec.Struct, frozen=True, kw_only=True):
    """How the bus is run, when we run it."""

    directory: Path
    port: int
    binary: Path | None
    sync: Literal["always", "interval"]


class PrepareRole(msgspec.Struct, frozen=True, kw_only=True):
    """For ``prepare``, which makes on the first start what every later start relies on."""

    log: LogRole
    data: Path
    hostname: str
    alternative_hostnames: tuple[str, ...]
    organization_name: str
    passphrase_file: Path | None
    root_passphrase_file: Path | None
    gateways: tuple[str, ...]
    own_bus: OwnBusRole | None
    streams: StreamsRole


class MigrateRole(msgspec.Struct, frozen=True, kw_only=True):
    """For ``migrate``, which alone may change streams and the schema."""

    log: LogRole
    store: StoreRole
    trust_anchor: Path
    devices_bus: BusRole
    control_bus: BusRole
    streams: StreamsRole


class SignerRole(msgspec.Struct, frozen=True, kw_only=True):
    """For the signer."""

    log: LogRole
    trust_anchor: Path
    pki_directory: Path
    offline_directory: Path
    socket_path: Path
    server_names: tuple[str, ...]
    organization_name: str
    passphrase_file: Path | None
    device_certificates_per_hour: int


class OidcRole(msgspec.Struct, frozen=True, kw_only=True):
    """For sign-in through an identity provider: the section of the configuration."""

    issuer: str
    client_id: str
    client_secret_file: Path | None
    label: str
    scopes: tuple[str, ...]
    acr_values: tuple[str, ...]
    groups_claim: str
    group_roles: tuple[str, ...]
    default_roles: tuple[str, ...]
    creates_people: bool
    mfa_acr: tuple[str, ...]
    mfa_amr: tuple[str, ...]
    alternative_hosts: tuple[str, ...]
    ca_file: Path | None


class AccessRole(msgspec.Struct, frozen=True, kw_only=True):
    """What acts of people and programs ask for: the section of the configuration."""

    step_up: Literal["off", "passkeys", "everybody"] = "passkeys"
    signed_acts: Literal["off", "passkeys", "everybody"] = "passkeys"
    second_approver: tuple[str, ...] = ()
    approval_hours: int = 24
    elevation_hours: int = 8
    bulk_read_alarm_mb: int = 256
    bulk_read_limit_mb: int = 2_048
    cut_percent: int = 10
    cut_always: int = 3
    cut_per_source: int = 20


class AlertsRole(msgspec.Struct, frozen=True, kw_only=True):
    """How many alerts are taken, and how long what is kept: the section of the configuration."""

    keep_days: int = 365
    packets_days: int = 30
    packets_mb: int = 512
    per_sensor_hour: int = 2_000


class CapturesRole(msgspec.Struct, frozen=True, kw_only=True):
    """What uploaded captures may take: the section of the configuration."""

    max_mb: int = 1_024
    total_mb: int = 10_240
    keep_days: int = 30
    memory_mb: int = 1_024
    analysis_minutes: int = 30
    free_mb: int = 1_024


class NetworkRole(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of vulnerable devices, and what MUD files are signed with: two sections of the configuration."""

    signal_score: float = 7.0
    mud_certificate_file: Path | None = None
    mud_key_file: Path | None = None


class ApiRole(msgspec.Struct, frozen=True, kw_only=True):
    """For the operators' API, which control serves.

    Attributes:
        hostnames: Requests for any other host are refused.
        tls: With ``own`` control has a certificate issued for ``own_names``.
        directory: Key and certificate of our own.
    """

    bind: str
    port: int
    url: str
    hostnames: tuple[str, ...]
    tls: Literal["off", "own", "files"]
    directory: Path
    own_names: tuple[str, ...]
    certificate_file: Path | None
    key_file: Path | None
    max_body_bytes: int
    failed_logins_per_minute: int
    session_hours: int
    session_idle_minutes: int
    session_recheck: Literal["network", "browser", "off"] = "network"
    has_totp: bool = False
    oidc: OidcRole | None = None
    is_demo: bool
    allowed_networks: tuple[str, ...] = ()


class ServiceRole(msgspec.Struct, frozen=True, kw_only=True):
    """For the service API, which control serves.

    Attributes:
        host: How programs write it in a connection string: the host name, and the port unless it is 443.
        names: What its certificate names, and tokens may name.
        directory: Its key and certificate.
    """

    bind: str
    port: int
    host: str
    names: tuple[str, ...]
    directory: Path
    requests_per_s: float
    failed_tokens_per_minute: int
    allowed_networks: tuple[str, ...] = ()


class AuthCalloutRole(msgspec.Struct, frozen=True, kw_only=True):
    """For the auth callout of another NATS, which control answers: the section of the configuration."""

    bus: BusRole
    issuer_seed_file: Path
    account: str
    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    minutes: int


class ControlRole(msgspec.Struct, frozen=True, kw_only=True):
    """For control."""

    log: LogRole
    version: str
    store: StoreRole
    trust_anchor: Path
    administrator_key: Path
    checkpoint_key: Path
    column_key: Path
    operator_token: Path
    state_file: Path
    signer_socket: Path
    devices_bus: BusRole
    events_bus: BusRole
    api: ApiRole
    service: ServiceRole
    server_names: tuple[str, ...]
    checkpoint_directories: tuple[Path, ...]
    checkpoint_interval_s: int
    device_certificate_hours: int
    renewal_overlap_hours: int
    has_symmetric_keys: bool
    symmetric_key_days: int
    gateways: tuple[str, ...]
    mqtt_port: int = 8883
    websocket_port: int = 0
    access: AccessRole = AccessRole()
    alerts: AlertsRole = AlertsRole()
    network: NetworkRole = NetworkRole()
    captures: CapturesRole = CapturesRole()
    captures_directory: Path = Path("captures")
    auth_callout: AuthCalloutRole | None = None
    applications: Path | None = None


class GatewayRole(msgspec.Struct, frozen=True, kw_only=True):
    """For one gateway."""

    log: LogRole
    name: str
    directory: Path
    trust_anchor: Path
    bus: BusRole
    bind: str
    port: int
    websocket_port: int
    shares_port: bool
    processes: int
    max_connections: int
    max_connections_per_source: int
    messages_per_s: float
    messages_burst: int
    allowed_networks: tuple[str, ...] = ()


Role = TypeVar("Role", PrepareRole, MigrateRole, SignerRole, ControlRole, GatewayRole)


def encode_role(role: msgspec.Struct) -> bytes:
    """Return a role's settings as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(role, enc_hook=str), indent=2) + b"\n"


def read_role(path: Path, kind: type[Role]) -> Role:
    """Read the settings of this process.

    Raises:
        BadSettings: The file cannot be read, or is not what this role needs.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind, dec_hook=_from_text)
    except (OSError, msgspec.DecodeError) as error:
        raise BadSettings(f"the settings in {path} cannot be used: {error}", hint="start with: vedette up") from error


def _from_text(kind: type[Any], value: object) -> object:  # Any: msgspec hands over whatever type it does not know
    if issubclass(kind, Path) and isinstance(value, str):
        return Path(value)
    raise NotImplementedError(f"{kind} in settings")
