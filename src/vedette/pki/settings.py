"""The options of the PKI, as the configuration tree holds them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from vedette.kernel import OrganizationId
from vedette.pki.model import DEFAULT_LIFETIME, DEFAULT_OVERLAP

DEFAULT_KEY_LIFETIME: Final = timedelta(days=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthoritySettings:
    """Where the authorities' files are, and what is pinned into them when they are created.

    Attributes:
        organization_id: The only organization these authorities ever issue for.
        pki_directory: Issuing keys, certificates and the journal; the signer's alone.
        offline_directory: Where the root's private key is left on first start, to be moved away.
        organization_name: Stands in the authorities' subjects, at most 64 characters; used when they are made.
        passphrase_file: Encrypts the issuing keys: a file of mode 0600, or a systemd credential.
        root_passphrase_file: Encrypts the root key; the issuing keys' passphrase when not given.
    """

    organization_id: OrganizationId
    pki_directory: Path
    offline_directory: Path
    organization_name: str = "Vedette"
    passphrase_file: Path | None = None
    root_passphrase_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerSettings:
    """How the signer listens, what it may issue and how much.

    Attributes:
        socket_path: Unix socket.
        socket_mode: Widen only where control runs as another user; the peer's uid is checked in any case.
        allowed_uids: Peers that may ask.
        server_names: DNS names and IP addresses that server certificates may carry; nothing else ever.
        device_certificates_per_hour: Cap over any 60 minutes, kept across restarts.
        server_certificates_per_hour: Cap over any 60 minutes.
        revocation_lists_per_hour: Cap over any 60 minutes.
    """

    authorities: AuthoritySettings
    socket_path: Path
    socket_mode: int = 0o600
    allowed_uids: frozenset[int] = field(default_factory=lambda: frozenset({os.getuid()}))
    server_names: tuple[str, ...] = ("localhost",)
    device_certificates_per_hour: int = 20_000
    server_certificates_per_hour: int = 60
    revocation_lists_per_hour: int = 120
    max_connections: int = 128
    max_frame_bytes: int = 8_388_608
    max_batch: int = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateSettings:
    """How long device certificates live.

    Attributes:
        lifetime: Of a device certificate, 1 hour to 90 days.
        overlap: How long the old certificate stays permitted after the new one was first used.
        revocation_list_lifetime: From one CRL's issue to its ``nextUpdate``.
    """

    lifetime: timedelta = DEFAULT_LIFETIME
    overlap: timedelta = DEFAULT_OVERLAP
    revocation_list_lifetime: timedelta = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SymmetricKeySettings:
    """Whether symmetric keys are accepted at all, and how long one lives.

    Attributes:
        is_enabled: When not, none can be created and every token is refused.
        lifetime: From creation or rotation; every key ends.
    """

    is_enabled: bool = False
    lifetime: timedelta = DEFAULT_KEY_LIFETIME
