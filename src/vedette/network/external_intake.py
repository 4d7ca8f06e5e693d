"""Links that leave the network, kept as connections that somebody should answer for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from ipaddress import ip_address
from typing import Final, Protocol

import sqlalchemy as sa

from vedette.network import external_repository as repository
from vedette.network.identity import clean
from vedette.network.link_intake import address_of
from vedette.network.model import ExternalConnection, SensorEntry, moment_of
from vedette.protocols.sensor import LinkRecord

SERVICES_MAX: Final = 16


@dataclass(frozen=True, slots=True)
class NetworkOwner:
    """Who an address of the internet is assigned to, as an offline list says."""

    country: str
    asn: int
    name: str


class AddressBook(Protocol):
    """Tells who addresses are assigned to."""

    def find(self, address: str) -> NetworkOwner | None:
        """Return who an address is assigned to; None: the list does not say."""
        ...


def take_externals(
    connection: sa.Connection,
    sensor: SensorEntry,
    records: Sequence[LinkRecord],
    *,
    owner_of: Callable[[str], str],
    addresses: AddressBook | None,
    now: datetime,
    room: int,
) -> tuple[list[ExternalConnection], int]:
    """Take the links that leave the network; return the connections that are new, and how many had no room.

    Args:
        connection: Of the write transaction.
        sensor: Who tells.
        records: Links; the others among them are passed over.
        owner_of: Whose an address is at the sensor's site; empty: nobody's.
        addresses: Tells countries and systems.
        now: When it is told.
        room: How many new ones there is room for.
    """
    told: dict[str, ExternalConnection] = {}
    unnamed: dict[str, str] = {}
    for record in records:
        found = _connection_of(record, sensor, owner_of, now) if record.is_external else None
        if found is not None:
            told[found.external_id] = _join(told.get(found.external_id), found)
            if found.name:
                unnamed[_id_of(found, found.address)] = found.external_id
    known = repository.find_externals(connection, sensor.organization_id, {*told, *unnamed})
    new: list[ExternalConnection] = []
    changed: list[ExternalConnection] = []
    refused = 0
    for external_id, each in told.items():
        former = known.get(external_id)
        if former is None and len(new) >= room:
            refused += 1
            continue
        joined = _join(former, each)
        if former is None:
            joined = _placed(joined, addresses)
            new.append(joined)
        if joined != former:
            changed.append(joined)
    # The same under its bare address, from before its name was known; what somebody decided about that stays.
    gone = [each for each in unnamed if each in known and known[each].decided_at is None and unnamed[each] != each]
    repository.delete_externals(connection, sensor.organization_id, gone)
    repository.save_externals(connection, sensor.organization_id, changed)
    return new, refused


def _connection_of(
    record: LinkRecord, sensor: SensorEntry, owner_of: Callable[[str], str], now: datetime
) -> ExternalConnection | None:
    client, server = address_of(record.client), address_of(record.server)
    if not client or not server:
        return None
    is_known, is_server_known = bool(owner_of(client)), bool(owner_of(server))
    # Whoever is an asset stands inside; else whoever has no address of the internet.
    is_inbound = is_server_known if is_known != is_server_known else _is_global(client) and not _is_global(server)
    local, remote = (server, client) if is_inbound else (client, server)
    port = f"{clean(record.transport)}/{record.port}" if record.port else clean(record.transport)
    first_at = min(moment_of(record.first_at), now)
    found = ExternalConnection(
        external_id="",
        site=sensor.site,
        asset_id=owner_of(local),
        local=local,
        address=remote,
        name="" if is_inbound else clean(record.name).strip().lower().rstrip("."),
        is_inbound=is_inbound,
        services=(f"{port} {clean(record.protocol)}".strip(),),
        first_at=first_at,
        last_at=max(first_at, min(moment_of(record.last_at), now)),
        created_at=now,
    )
    return replace(found, external_id=_id_of(found, found.name or found.address))


def _join(known: ExternalConnection | None, told: ExternalConnection) -> ExternalConnection:
    if known is None:
        return told
    services = tuple(dict.fromkeys((*known.services, *told.services)))[:SERVICES_MAX]
    return replace(
        known,
        asset_id=known.asset_id or told.asset_id,
        address=told.address,
        services=services,
        first_at=min(known.first_at, told.first_at),
        last_at=max(known.last_at, told.last_at),
    )


def _placed(external: ExternalConnection, addresses: AddressBook | None) -> ExternalConnection:
    owner = None if addresses is None else addresses.find(external.address)
    if owner is None:
        return external
    return replace(external, country=owner.country, asn=owner.asn, network_name=owner.name)


def _is_global(address: str) -> bool:
    try:
        return ip_address(address).is_global
    except ValueError:
        return False


def _id_of(external: ExternalConnection, far: str) -> str:
    near = external.asset_id or external.local
    text = "\0".join((external.site, near, "in" if external.is_inbound else "out", far))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
