"""The sections ``authzen`` and ``auth_callout`` of the configuration: other systems whose decisions are made here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from vedette.app.options import Between


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthZenConfiguration:
    """The decision point for other systems.

    Attributes:
        applications: Folder with a folder for each application whose own subjects, resources and actions are decided
            here: ``schema.json``, ``policies.cedar`` and ``entities.json``. Read at each start. Empty: none.
    """

    applications: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthCalloutConfiguration:
    """Another NATS server, not our own bus, that asks us about each connection (auth callout).

    Attributes:
        urls: Its servers, such as ``["tls://nats-1:4222"]``. Empty: none.
        ca_file: Trust this CA, PEM, for ``tls://`` servers. Empty: those of the system.
        user_seed_file: Seed of the nkey user that its ``auth_callout`` names, readable by Vedette only.
        issuer_seed_file: Seed of the account key that its ``auth_callout`` names as issuer, readable by Vedette only.
        account: Its account that devices land in.
        publish: Subjects that who may send telemetry may publish on; ``{device}`` and ``{module}`` stand for its name,
            where what is no letter, digit, ``-`` or ``_`` is percent-encoded. Those with ``{module}`` are modules', the
            others devices'.
        subscribe: Subjects that who may receive commands may subscribe to.
        minutes: How long a connection lasts before the server asks anew; a device that is cut is out within it.
    """

    urls: tuple[str, ...] = ()
    ca_file: Path | None = None
    user_seed_file: Path | None = None
    issuer_seed_file: Path | None = None
    account: str = "DEVICES"
    publish: tuple[str, ...] = ("devices.{device}.events.>", "devices.{device}.modules.{module}.events.>")
    subscribe: tuple[str, ...] = (
        "devices.{device}.commands.>",
        "_INBOX_{device}.>",
        "devices.{device}.modules.{module}.commands.>",
        "_MODULE_INBOX_{device}.{module}.>",
    )
    minutes: Annotated[int, Between(1, 1_440)] = 5
