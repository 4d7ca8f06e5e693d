"""Records of links and operations, taken: whose the ends are, and totals that are never counted twice."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from vedette.network import asset_repository, link_repository
from vedette.network.identity import clean, parse_ip, parse_mac
from vedette.network.link_repository import links, operations
from vedette.network.model import SensorEntry, moment_of
from vedette.network.tally import count_in, total
from vedette.protocols.sensor import LinkRecord, OperationRecord

_CERTAINTIES: Final = {"": 0, "guess": 1, "likely": 2, "confirmed": 3}
_LINK_COUNTS: Final = ("flows", "packets", "bytes")
_OPERATION_COUNTS: Final = ("times", "failures")
_MUTABLE: Final = ("tallies", "first_at", "last_at", "certainty", "is_external", "name")
_ENDS: Final = ("client_id", "server_id")

Row = dict[str, Any]  # Any: column values


class LinkIntake:
    """Takes what one sensor tells of links and operations, in one transaction.

    Args:
        connection: Of the write transaction.
        sensor: Who tells.
        boot: Of which run.
        now: When it is told: nothing was seen later.
    """

    def __init__(self, connection: sa.Connection, sensor: SensorEntry, boot: str, *, now: datetime) -> None:
        self._connection = connection
        self._sensor = sensor
        self._organization_id = sensor.organization_id
        self._boot = boot
        self._now = now
        self._owners: dict[str, str] = {}
        self._addresses: dict[str, str] = {}

    def resolve(self, records: Sequence[LinkRecord | OperationRecord]) -> None:
        """Look up whose addresses the records tell of; others are refused."""
        for text in {text for record in records for text in (record.client, record.server)}:
            self._addresses[text] = address_of(text)
        addresses = set(self._addresses.values())
        found = asset_repository.find_identifiers(
            self._connection, self._organization_id, self._sensor.site, addresses - self._owners.keys() - {""}
        )
        self._owners |= {value: asset_id for (kind, value), (asset_id, _) in found.items() if kind != "serial"}

    def owner(self, address: str) -> str:
        """Return the asset that holds an address; empty if none does."""
        return self._owners.get(address, "")

    def take_links(self, records: Sequence[LinkRecord], *, room: int) -> tuple[int, int]:
        """Take links; return how many are new, and how many were refused."""
        return self._take(links, "link_id", [self._link(record) for record in records], _LINK_COUNTS, room)

    def take_operations(self, records: Sequence[OperationRecord], *, room: int) -> tuple[int, int]:
        """Take operations; return how many are new, and how many were refused."""
        rows = [self._operation(record) for record in records]
        return self._take(operations, "operation_id", rows, _OPERATION_COUNTS, room)

    def _take(
        self, table: sa.Table, key: str, told: Sequence[Row | None], counts: tuple[str, ...], room: int
    ) -> tuple[int, int]:
        rows = [row for row in told if row is not None]
        refused = len(told) - len(rows)
        known: dict[str, list[Row]] = {}
        for row in link_repository.find_pairs(
            self._connection, table, self._organization_id, (row["pair"] for row in rows)
        ):
            known.setdefault(row["pair"], []).append(row)
        new: dict[str, Row] = {}
        changed: dict[str, Row] = {}
        settled: dict[str, Row] = {}
        for row in rows:
            former = next((each for each in known.get(row["pair"], ()) if _is_same(each, row)), None)
            if former is None:
                if len(new) >= room:
                    refused += 1
                    continue
                row[key] = _digest(row["pair"], row["client_id"], row["server_id"])
                row |= {"tallies": {}, "created_at": self._now}
                known.setdefault(row["pair"], []).append(row)
                merged = new[row[key]] = row
            else:
                merged = former
                (settled if _settle(former, row) else changed)[former[key]] = former
                _merge(former, row)
            values = [row.pop(f"told_{name}") for name in counts]
            merged["tallies"] = count_in(merged["tallies"], self._sensor.generation_id, self._boot, values)
            merged |= dict(zip(counts, total(merged["tallies"], len(counts)), strict=True))
        link_repository.add(self._connection, table, list(new.values()))
        names = [*counts, *(_MUTABLE if table is links else _MUTABLE[:3])]
        both = [row for each, row in changed.items() if each not in new and each not in settled]
        link_repository.change(self._connection, table, both, names)
        both = [row for each, row in settled.items() if each not in new]
        link_repository.change(self._connection, table, both, [*names, *_ENDS])
        return len(new), refused

    def _link(self, record: LinkRecord) -> Row | None:
        certainty = record.certainty if record.certainty in _CERTAINTIES else ""
        protocol, transport = clean(record.protocol), clean(record.transport)
        row = self._ends(record, transport, str(record.port), protocol)
        return row and row | {
            "transport": transport,
            "port": record.port,
            "protocol": protocol,
            "certainty": certainty,
            "is_external": record.is_external,
            "name": clean(record.name),
            "told_flows": record.flows,
            "told_packets": record.packets,
            "told_bytes": record.bytes,
        }

    def _operation(self, record: OperationRecord) -> Row | None:
        words = {name: clean(getattr(record, name)) for name in ("protocol", "service", "kind", "area", "unit")}
        row = self._ends(record, *words.values())
        return row and row | words | {"told_times": record.times, "told_failures": record.failures}

    def _ends(self, record: LinkRecord | OperationRecord, *service: str) -> Row | None:
        client, server = self._addresses.get(record.client, ""), self._addresses.get(record.server, "")
        if not client or not server:
            return None
        first_at = min(moment_of(record.first_at), self._now)
        return {
            "organization_id": self._organization_id,
            "site": self._sensor.site,
            "pair": _digest(self._sensor.site, client, server, *service),
            "client": client,
            "server": server,
            "client_id": self.owner(client),
            "server_id": self.owner(server),
            "first_at": first_at,
            "last_at": max(first_at, min(moment_of(record.last_at), self._now)),
        }


def address_of(text: str) -> str:
    """Return an address of a link as it is kept, groups included; empty if it is none."""
    found = parse_ip(text) or parse_mac(text)
    lowered = clean(text).lower()
    is_plain = bool(lowered) and lowered.isascii() and all(char in "0123456789abcdef.:" for char in lowered)
    return found or (lowered if is_plain else "")


def _is_same(row: Row, told: Row) -> bool:
    """Tell whether a link is between the same; an end that was nobody's may have become somebody's."""
    return all(row[end] in {"", told[end]} or not told[end] for end in _ENDS)


def _settle(row: Row, told: Row) -> bool:
    """Give ends that were nobody's to whose they are now; return whether there was one."""
    unsettled = [end for end in _ENDS if told[end] and not row[end]]
    row |= {end: told[end] for end in unsettled}
    return bool(unsettled)


def _merge(row: Row, told: Row) -> None:
    row["first_at"] = min(row["first_at"], told["first_at"])
    row["last_at"] = max(row["last_at"], told["last_at"])
    if "certainty" in told:
        row["certainty"] = max(row["certainty"], told["certainty"], key=_rank)
        row["is_external"] = row["is_external"] or told["is_external"]
        row["name"] = told["name"] or row["name"]


def _rank(certainty: str) -> int:
    return _CERTAINTIES.get(certainty, 0)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
