"""What commands that work without a running platform need of its data directory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vedette.app.plan import Plan
from vedette.app.up import find_configuration
from vedette.kernel import OrganizationId

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineLedger:
    """A ledger on disk.

    Attributes:
        url: Of its database.
        organization_id: Whose log it is.
        key: Signs its checkpoints; ``None`` in a copy without secrets.
        kept: The newest checkpoints in ``checkpoints/`` and ``ledger.checkpoint_directory``: who can write to the
            database alone cannot change these.
    """

    url: str
    organization_id: OrganizationId
    key: Ed25519PrivateKey | None
    kept: tuple[str, ...]


def find_offline_ledger(config: Path | None, data: Path | None, environment: Mapping[str, str]) -> OfflineLedger:
    """Return where the ledger of a data directory is.

    Raises:
        BadConfiguration: The configuration cannot be used.
        BadTrustAnchor: There is no platform in the data directory.
        IdentityDamaged: Its checkpoint key is damaged.
    """
    # Every child process enters through this package, and few of them may load what these need.
    from vedette.app.prepare import read_private_key  # noqa: PLC0415
    from vedette.ledger import read_exported  # noqa: PLC0415
    from vedette.trust import read_trust_anchor  # noqa: PLC0415

    read, directory = find_configuration(config, data, environment)
    anchor = read_trust_anchor(directory.trust_anchor)
    other = read.configuration.ledger.checkpoint_directory
    directories = (directory.checkpoints, *((other,) if other else ()))
    return OfflineLedger(
        url=Plan(read.configuration, directory, environment).database_url(),
        organization_id=anchor.organization_id,
        key=read_private_key(directory.checkpoint_key) if directory.checkpoint_key.exists() else None,
        kept=tuple(note for each in directories if (note := read_exported(each, anchor.organization_id)) is not None),
    )
