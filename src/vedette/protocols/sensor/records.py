"""The records of a batch. Times are whole milliseconds since 1970, UTC; texts come from hostile networks."""

from __future__ import annotations

from typing import Annotated

import msgspec

from vedette.protocols.sensor.exceptions import EXCEPTIONS_MAX, ExceptionName

Text = Annotated[str, msgspec.Meta(max_length=512)]
Word = Annotated[str, msgspec.Meta(max_length=128)]
Address = Annotated[str, msgspec.Meta(max_length=64)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
Millis = Annotated[int, msgspec.Meta(ge=0, le=2**48)]
Percent = Annotated[int, msgspec.Meta(ge=0, le=100)]


class FactRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One value of one attribute of an asset: who says so, how sure, since when and when last."""

    attribute: Word
    """A value of ``vedette.sensor.Attribute``; an unknown one is kept."""
    value: Text
    confidence: Percent
    source: Word
    first_at: Millis
    last_at: Millis
    times: Count = 1


class AssetRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="asset"):
    """What is known of one device; the whole of it, each time that it changed."""

    number: Count
    """The sensor's own, stable within a boot. Who it is follows from addresses and facts, never from this."""
    ips: Annotated[tuple[Address, ...], msgspec.Meta(max_length=64)] = ()
    macs: Annotated[tuple[Address, ...], msgspec.Meta(max_length=16)] = ()
    first_at: Millis
    last_at: Millis
    facts: Annotated[tuple[FactRecord, ...], msgspec.Meta(max_length=256)] = ()


class LinkRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="link"):
    """Totals of a boot of one client that talks to one service of one server."""

    client: Address
    """IP address, or MAC address beneath IP."""
    server: Address
    transport: Word
    """``tcp``, ``udp``, ``ethernet`` …"""
    port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 0
    protocol: Word = ""
    """Empty if unknown."""
    certainty: Word = ""
    """``guess``, ``likely`` or ``confirmed``; empty if unknown."""
    is_external: bool = False
    """One end is not of this network."""
    name: Text = ""
    """What the far end was called when it was looked up or greeted: DNS, SNI, HTTP host."""
    flows: Count = 0
    packets: Count = 0
    bytes: Count = 0
    first_at: Millis
    last_at: Millis


class OperationRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="operation"):
    """Totals of a boot of one operation between a client and a server."""

    client: Address
    server: Address
    protocol: Word
    service: Word
    kind: Word
    """A value of ``vedette.sensor.OpKind``."""
    area: Word = ""
    unit: Word = ""
    times: Count = 0
    failures: Count = 0
    first_at: Millis
    last_at: Millis


class AlertRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="alert"):
    """A detection on behavior; sent again with a larger ``times`` while it goes on."""

    id: Word
    """Unique within the sensor over all boots."""
    rule: Word
    """``ot.controller_stop``."""
    engine: Word
    """``policy``, ``anomaly``, ``protocol``, ``malware`` or ``operational``."""
    severity: Word
    title: Text
    """What happened, in words."""
    source: Address = ""
    target: Address = ""
    protocol: Word = ""
    technique: Word = ""
    """ATT&CK for ICS id."""
    is_learnable: bool = False
    """Whether a person may say that this is normal from now on."""
    key: Text = ""
    """What learning or suppressing it would match, beside rule, source and target."""
    detail: dict[Word, Text | int | None] = msgspec.field(default_factory=dict)
    first_at: Millis
    last_at: Millis
    times: Count = 1
    evidence: Annotated[bytes, msgspec.Meta(max_length=131_072)] = b""
    """A capture of the packets behind it (pcapng, payload masked unless asked for otherwise); may be empty."""


class StatusRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="status"):
    """How the sensor fares; totals of a boot."""

    at: Millis
    interface: Word = ""
    version: Word = ""
    packets: Count = 0
    bytes: Count = 0
    dropped: Count = 0
    """By the kernel, or by whoever captured."""
    not_parsed: Count = 0
    records_lost: Count = 0
    """Had to leave the buffer on disk before the platform took them."""
    records_waiting: Count = 0
    assets: Count = 0
    links: Count = 0
    resident_bytes: Count = 0
    alerts_held_back: Count = 0
    """Stayed at the sensor, because the platform said that nobody needs to look at their like."""
    held_back_by: Annotated[dict[ExceptionName, Count], msgspec.Meta(max_length=EXCEPTIONS_MAX)] = {}
    """Of those, how many by which exception."""


Record = AssetRecord | LinkRecord | OperationRecord | AlertRecord | StatusRecord
