"""From the configuration to processes: who is started, with which settings, in which order."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from ipaddress import ip_address
from pathlib import Path
from types import MappingProxyType
from typing import Final

import msgspec

from vedette.app.child import READY_DESCRIPTOR, Greeting, Program
from vedette.app.configuration import Configuration
from vedette.app.configuration_file import api_bind, api_tls
from vedette.app.data_directory import DataDirectory, default_data_path, write_private
from vedette.app.ports import Listener
from vedette.app.roles import (
    AccessRole,
    AlertsRole,
    ApiRole,
    AuthCalloutRole,
    BusRole,
    CapturesRole,
    ControlRole,
    GatewayRole,
    LogRole,
    MigrateRole,
    NetworkRole,
    OidcRole,
    OwnBusRole,
    PrepareRole,
    ServiceRole,
    SignerRole,
    StoreRole,
    StreamsRole,
    encode_role,
)

BUS_PROCESS: Final = "nats-server"
_HTTPS_PORT: Final = 443
_GIGABYTE: Final = 1_000_000_000
# All that a child inherits from our environment; everything else it needs stands in its settings.
_INHERITED: Final = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "PYTHONDONTWRITEBYTECODE")
_NOTHING_MORE: Final[Mapping[str, str]] = MappingProxyType({})
_LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Plan:
    """What one configuration means on one data directory.

    Attributes:
        is_demo: Nobody depends on it: its pages do not urge people to secure it.
    """

    configuration: Configuration
    data: DataDirectory
    environment: Mapping[str, str]
    is_demo: bool = False

    @property
    def version(self) -> str:
        """The version of this distribution."""
        return version("vedette")

    @cached_property
    def gateways(self) -> tuple[str, ...]:
        """The names of the gateway processes."""
        return tuple(f"gateway-{number}" for number in range(1, self.configuration.gateway.processes + 1))

    @property
    def is_default_data(self) -> bool:
        """Whether commands find the data directory by themselves."""
        return self.data.path == default_data_path(self.environment).absolute()

    def database_url(self) -> str:
        """Return the URL of the database; reads it from its file when it holds a password."""
        url_file = self.configuration.store.url_file
        if url_file is None:
            return f"sqlite:///{self.data.database}"
        return url_file.read_text(encoding="utf-8").strip()

    @property
    def has_own_bus(self) -> bool:
        """Whether we run the bus."""
        return not self.configuration.bus.urls

    @property
    def bus_urls(self) -> tuple[str, ...]:
        """Where the bus is."""
        return self.configuration.bus.urls or (f"nats://127.0.0.1:{self.configuration.bus.port}",)

    @property
    def api_url(self) -> str:
        """Where people and the CLI reach the API."""
        bind = ip_address(api_bind(self.configuration))
        scheme = "http" if api_tls(self.configuration) == "off" else "https"
        host = self.configuration.server.hostname
        if bind.is_loopback:
            host = "localhost" if str(bind) in ("127.0.0.1", "::1") else str(bind)
        elif not bind.is_unspecified and api_tls(self.configuration) != "files":
            host = f"[{bind}]" if bind.version == 6 else str(bind)  # noqa: PLR2004 - IPv6
        return f"{scheme}://{host}:{self.configuration.api.port}"

    @property
    def has_own_api_certificate(self) -> bool:
        """Whether the API's certificate chains to our own root."""
        return api_tls(self.configuration) == "own"

    def listeners(self) -> tuple[Listener, ...]:
        """Return the addresses that will be listened on."""
        configuration = self.configuration
        found = [
            Listener(configuration.server.bind, configuration.gateway.port, "devices", "gateway.port"),
            Listener(api_bind(configuration), configuration.api.port, "API and console", "api.port"),
        ]
        websocket_port = configuration.gateway.websocket_port
        if websocket_port:
            bind = configuration.server.bind
            found.append(Listener(bind, websocket_port, "devices, WebSocket", "gateway.websocket_port"))
        if configuration.service.port:
            bind = configuration.server.bind
            found.append(Listener(bind, configuration.service.port, "service API", "service.port"))
        if self.has_own_bus:
            found.append(Listener("127.0.0.1", configuration.bus.port, "bus", "bus.port"))
        return tuple(found)

    def ports(self) -> dict[str, int]:
        """Return the ports by the word people know them by."""
        found = {"gateway": self.configuration.gateway.port, "api": self.configuration.api.port}
        if self.configuration.gateway.websocket_port:
            found["websocket"] = self.configuration.gateway.websocket_port
        if self.configuration.service.port:
            found["service"] = self.configuration.service.port
        if self.has_own_bus:
            found["bus"] = self.configuration.bus.port
        return found

    def server_names(self) -> tuple[str, ...]:
        """Return the names that devices may know us by, for the gateway's certificate; the first is the one to use."""
        server = self.configuration.server
        names = [server.hostname, *server.alternative_hostnames]
        if ip_address(server.bind).is_loopback:
            names += [*_LOOPBACK_NAMES, server.bind]
        elif not ip_address(server.bind).is_unspecified:
            names.append(server.bind)
        return tuple(dict.fromkeys(names))

    def api_names(self) -> tuple[str, ...]:
        """Return the names that people may know the API by."""
        names = [self.configuration.server.hostname, *self.configuration.api.alternative_hostnames, *_LOOPBACK_NAMES]
        bind = ip_address(api_bind(self.configuration))
        if not bind.is_unspecified:
            names.append(str(bind))
        return tuple(dict.fromkeys(names))

    def program(
        self,
        role: str,
        name: str,
        settings: msgspec.Struct,
        *,
        stop_within_s: float = 10.0,
        environment: Mapping[str, str] = _NOTHING_MORE,
    ) -> Program:
        """Write a role's settings and return how to start it."""
        path = self.data.settings_file(name)
        write_private(path, encode_role(settings))
        return Program(
            name=name,
            command=(*self._module(role), f"--settings={path}", f"--ready={READY_DESCRIPTOR}"),
            environment={**self.child_environment(), **environment},
            stop_within_s=stop_within_s,
        )

    def _module(self, role: str) -> tuple[str, ...]:
        # -P: a module in the working directory is not taken for one of ours.
        return (sys.executable, "-P", "-m", "vedette.app", role, f"--parent={os.getpid()}")

    def child_environment(self) -> dict[str, str]:
        """Return all that a child inherits."""
        inherited = {name: self.environment[name] for name in _INHERITED if name in self.environment}
        return {"PYTHONUNBUFFERED": "1", **inherited}

    @property
    def log(self) -> LogRole:
        """How everybody logs."""
        return LogRole(level=self.configuration.log.level, format=self.configuration.log.format)

    @property
    def store(self) -> StoreRole:
        """Where the database is."""
        return StoreRole(sqlite_file=self.data.database, url_file=absolute(self.configuration.store.url_file))

    def bus(self, user: str) -> BusRole:
        """Return how one user reaches the bus."""
        return BusRole(
            name=user,
            urls=self.bus_urls,
            seed_file=self.data.bus_seed(user),
            ca_file=absolute(self.configuration.bus.ca_file),
        )

    def _own_bus(self) -> OwnBusRole | None:
        bus = self.configuration.bus
        if not self.has_own_bus:
            return None
        return OwnBusRole(directory=self.data.bus, port=bus.port, binary=absolute(bus.binary), sync=bus.sync)

    def _streams(self) -> StreamsRole:
        telemetry, decisions = self.configuration.telemetry, self.configuration.decisions
        return StreamsRole(
            telemetry_retention_days=telemetry.retention_days,
            telemetry_max_bytes=telemetry.max_gigabytes * _GIGABYTE,
            decisions_retention_days=decisions.retention_days,
            decisions_max_bytes=decisions.max_gigabytes * _GIGABYTE,
        )

    def bus_server(self, command: tuple[str, ...]) -> Program:
        """Return our own bus server.

        Args:
            command: As ``prepare`` announced it.
        """
        return Program(
            name=BUS_PROCESS,
            command=(*self._module("exec"), "--", *command),
            environment=self.child_environment(),
            stop_within_s=15.0,
            greeting=Greeting("127.0.0.1", self.configuration.bus.port, b"INFO "),
        )

    def prepare(self) -> Program:
        """Return the step that makes keys, authorities and tokens on the first start."""
        server, pki = self.configuration.server, self.configuration.pki
        return self.program(
            "prepare",
            "prepare",
            PrepareRole(
                log=self.log,
                data=self.data.path,
                hostname=server.hostname,
                alternative_hostnames=server.alternative_hostnames,
                organization_name=pki.organization_name,
                passphrase_file=absolute(pki.passphrase_file),
                root_passphrase_file=absolute(pki.root_passphrase_file),
                gateways=self.gateways,
                own_bus=self._own_bus(),
                streams=self._streams(),
            ),
        )

    def migrate(self) -> Program:
        """Return the step that brings streams and schema to this release's."""
        return self.program(
            "migrate",
            "migrate",
            MigrateRole(
                log=self.log,
                store=self.store,
                trust_anchor=self.data.trust_anchor,
                devices_bus=self.bus("migrator"),
                control_bus=self.bus("migrator-events"),
                streams=self._streams(),
            ),
        )

    def signer(self) -> Program:
        """Return the process that holds the issuing keys."""
        pki = self.configuration.pki
        return self.program(
            "signer",
            "signer",
            SignerRole(
                log=self.log,
                trust_anchor=self.data.trust_anchor,
                pki_directory=self.data.pki,
                offline_directory=self.data.offline,
                socket_path=self.data.signer_socket,
                server_names=tuple(dict.fromkeys((*self.server_names(), *self.api_names()))),
                organization_name=pki.organization_name,
                passphrase_file=absolute(pki.passphrase_file),
                device_certificates_per_hour=pki.device_certificates_per_hour,
            ),
        )

    def control(self) -> Program:
        """Return the process that holds all rooms and serves the API."""
        configuration = self.configuration
        checkpoints = absolute(configuration.ledger.checkpoint_directory)
        role = ControlRole(
            log=self.log,
            version=self.version,
            store=self.store,
            trust_anchor=self.data.trust_anchor,
            administrator_key=self.data.administrator_key,
            checkpoint_key=self.data.checkpoint_key,
            column_key=self.data.column_key,
            operator_token=self.data.operator_token,
            state_file=self.data.state_file,
            signer_socket=self.data.signer_socket,
            devices_bus=self.bus("control"),
            events_bus=self.bus("control-events"),
            api=self._api(),
            service=self._service(),
            server_names=self.server_names(),
            checkpoint_directories=(self.data.checkpoints, *((checkpoints,) if checkpoints else ())),
            checkpoint_interval_s=configuration.ledger.checkpoint_interval_s,
            device_certificate_hours=configuration.pki.device_certificate_hours,
            renewal_overlap_hours=configuration.pki.renewal_overlap_hours,
            has_symmetric_keys=configuration.pki.symmetric_keys,
            symmetric_key_days=configuration.pki.symmetric_key_days,
            gateways=self.gateways,
            mqtt_port=configuration.gateway.port,
            websocket_port=configuration.gateway.websocket_port,
            access=self._access(),
            alerts=self._alerts(),
            network=self._network(),
            captures=self._captures(),
            captures_directory=self.data.captures,
            auth_callout=self._auth_callout(),
            applications=absolute(configuration.authzen.applications),
        )
        return self.program("control", "control", role, stop_within_s=15.0)

    def _auth_callout(self) -> AuthCalloutRole | None:
        callout = self.configuration.auth_callout
        user, issuer = absolute(callout.user_seed_file), absolute(callout.issuer_seed_file)
        if not callout.urls or user is None or issuer is None:
            return None
        return AuthCalloutRole(
            bus=BusRole(name="auth-callout", urls=callout.urls, seed_file=user, ca_file=absolute(callout.ca_file)),
            issuer_seed_file=issuer,
            account=callout.account,
            publish=callout.publish,
            subscribe=callout.subscribe,
            minutes=callout.minutes,
        )

    def _access(self) -> AccessRole:
        access = self.configuration.access
        return AccessRole(
            step_up=access.step_up,
            signed_acts=access.signed_acts,
            second_approver=access.second_approver,
            approval_hours=access.approval_hours,
            elevation_hours=access.elevation_hours,
            bulk_read_alarm_mb=access.bulk_read_alarm_mb,
            bulk_read_limit_mb=access.bulk_read_limit_mb,
            cut_percent=access.cut_percent,
            cut_always=access.cut_always,
            cut_per_source=access.cut_per_source,
        )

    def _alerts(self) -> AlertsRole:
        alerts = self.configuration.alerts
        return AlertsRole(
            keep_days=alerts.keep_days,
            packets_days=alerts.packets_days,
            packets_mb=alerts.packets_mb,
            per_sensor_hour=alerts.per_sensor_hour,
        )

    def _captures(self) -> CapturesRole:
        captures = self.configuration.captures
        return CapturesRole(
            max_mb=captures.max_mb,
            total_mb=captures.total_mb,
            keep_days=captures.keep_days,
            memory_mb=captures.memory_mb,
            analysis_minutes=captures.analysis_minutes,
            free_mb=captures.free_mb,
        )

    def _network(self) -> NetworkRole:
        segmentation = self.configuration.segmentation
        return NetworkRole(
            signal_score=self.configuration.vulnerabilities.signal_score,
            mud_certificate_file=absolute(segmentation.mud_certificate_file),
            mud_key_file=absolute(segmentation.mud_key_file),
        )

    def _api(self) -> ApiRole:
        api = self.configuration.api
        tls = api_tls(self.configuration)
        return ApiRole(
            bind=api_bind(self.configuration),
            port=api.port,
            url=self.api_url,
            hostnames=self.api_names(),
            tls="off" if tls == "off" else "own" if tls == "own" else "files",
            directory=self.data.api,
            own_names=self.api_names(),
            certificate_file=absolute(api.certificate_file),
            key_file=absolute(api.key_file),
            max_body_bytes=api.max_body_bytes,
            failed_logins_per_minute=api.failed_logins_per_minute,
            session_hours=api.session_hours,
            session_idle_minutes=api.session_idle_minutes,
            session_recheck=api.session_recheck,
            has_totp=api.totp,
            oidc=self._oidc(),
            is_demo=self.is_demo,
            allowed_networks=api.allowed_networks,
        )

    def _oidc(self) -> OidcRole | None:
        oidc = self.configuration.oidc
        if not oidc.issuer:
            return None
        return OidcRole(
            issuer=oidc.issuer,
            client_id=oidc.client_id,
            client_secret_file=absolute(oidc.client_secret_file),
            label=oidc.label,
            scopes=oidc.scopes,
            acr_values=oidc.acr_values,
            groups_claim=oidc.groups_claim,
            group_roles=oidc.group_roles,
            default_roles=oidc.default_roles,
            creates_people=oidc.create_people,
            mfa_acr=oidc.mfa_acr,
            mfa_amr=oidc.mfa_amr,
            alternative_hosts=oidc.alternative_hosts,
            ca_file=absolute(oidc.ca_file),
        )

    def _service(self) -> ServiceRole:
        service, hostname = self.configuration.service, self.configuration.server.hostname
        return ServiceRole(
            bind=self.configuration.server.bind,
            port=service.port,
            host=hostname if service.port == _HTTPS_PORT else f"{hostname}:{service.port}",
            names=self.server_names(),
            directory=self.data.service,
            requests_per_s=service.requests_per_s,
            failed_tokens_per_minute=service.failed_tokens_per_minute,
            allowed_networks=service.allowed_networks,
        )

    def gateway(self, name: str) -> Program:
        """Return one gateway process."""
        gateway = self.configuration.gateway
        role = GatewayRole(
            log=self.log,
            name=name,
            directory=self.data.gateway(name),
            trust_anchor=self.data.trust_anchor,
            bus=self.bus(name),
            bind=self.configuration.server.bind,
            port=gateway.port,
            websocket_port=gateway.websocket_port,
            shares_port=gateway.processes > 1,
            processes=gateway.processes,
            max_connections=gateway.max_connections,
            max_connections_per_source=gateway.max_connections_per_source,
            messages_per_s=gateway.messages_per_s,
            messages_burst=gateway.messages_burst,
            allowed_networks=gateway.allowed_networks,
        )
        # Read by OpenSSL when it is loaded, so it cannot be set from inside.
        tls = {"OPENSSL_CONF": str(Path(__file__).parents[1] / "gateway" / "openssl.cnf")}
        return self.program("gateway", name, role, stop_within_s=15.0, environment=tls)


def absolute(path: Path | None) -> Path | None:
    """Return a path of the configuration as children, which work elsewhere, need it."""
    return None if path is None else path.absolute()
