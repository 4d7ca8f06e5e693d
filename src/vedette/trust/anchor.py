"""What an enforcement point must know before it can believe anything: a small public file."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Final

import msgspec

from vedette.kernel import OrganizationId, Problem

ANCHOR_MAX_BYTES: Final = 262_144


class BadTrustAnchor(Problem):
    """The trust anchor file is missing, unreadable or of another schema."""

    code: ClassVar[str] = "trust.bad_anchor"
    status: ClassVar[int] = 500


class TrustAnchor(msgspec.Struct, frozen=True, kw_only=True):
    """Public facts that an enforcement point pins; control writes the file, an operator carries it to other hosts.

    Attributes:
        hostnames: Names under which devices reach this platform, the first is the one assigned to devices.
        id_scope: The DPS id scope of this organization.
        administrator_key: Ed25519 public key of the policy administrator, 32 bytes.
        root_certificate: The organization's root, PEM.
    """

    schema: int
    organization_id: OrganizationId
    hostnames: tuple[str, ...]
    id_scope: str
    administrator_key: bytes
    root_certificate: str


def read_trust_anchor(path: Path) -> TrustAnchor:
    """Read the anchor file.

    Raises:
        BadTrustAnchor: It cannot be read, is too large, or is not an anchor.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BadTrustAnchor(
            f"cannot read {path}: {error.strerror}", hint="copy public/trust-anchor.json from the control host"
        ) from error
    if len(raw) > ANCHOR_MAX_BYTES:
        raise BadTrustAnchor(f"{path} is over {ANCHOR_MAX_BYTES} bytes", hint="this is not a trust anchor")
    try:
        return msgspec.json.decode(raw, type=TrustAnchor)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadTrustAnchor(
            f"{path} is not a trust anchor: {error}", hint="copy it again from the control host"
        ) from error


def encode_trust_anchor(anchor: TrustAnchor) -> bytes:
    """Return the anchor as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(anchor), indent=2) + b"\n"
