"""Policies on their way to gateways, and what gateways count for baselines."""

from __future__ import annotations

import msgspec


class FetchPolicies(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway asks for the policies that the signed head names.

    Attributes:
        manifest_sha256: The head's ``policy_hash``.
        known: SHA-256 of bundles it has already.
    """

    organization_id: str
    gateway: str
    manifest_sha256: str
    known: list[str] = []


class PoliciesReply(msgspec.Struct, frozen=True, kw_only=True):
    """The manifest and the bundles it names, those known left out; each is checked against its hash.

    Attributes:
        manifest: ``vedette.trust.encode_manifest``.
        bundles: ``vedette.trust.encode_bundle``, as many as one message carries.
        more: Ask again, naming those that came as known.
    """

    manifest: bytes
    bundles: list[bytes]
    more: bool = False


class TrafficCount(msgspec.Struct, frozen=True, array_like=True):
    """What one identity did within one minute.

    Attributes:
        messages: From the device, telemetry.
        size_bytes: Their bodies.
        requests: From the device, anything else.
        refused: Operations that were denied.
    """

    generation_id: str
    messages: int
    size_bytes: int
    requests: int = 0
    refused: int = 0


class TrafficCounts(msgspec.Struct, frozen=True, kw_only=True, tag="traffic_counts"):
    """What the identities of one gateway did, in parts of at most 2,000; those that did nothing are left out.

    Attributes:
        minute: Unix time in minutes of the minute's start.
    """

    minute: int
    counts: list[TrafficCount]
