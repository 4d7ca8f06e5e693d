"""The sections ``vulnerabilities`` and ``segmentation`` of the configuration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from vedette.app.options import Between


@dataclass(frozen=True, slots=True, kw_only=True)
class VulnerabilitiesConfiguration:
    """Which vulnerabilities of managed devices policies hear of.

    Attributes:
        signal_score: Base score (CVSS) from which a proven, open vulnerability of a managed device becomes a signal;
            one that is known to be exploited always does.
    """

    signal_score: Annotated[float, Between(0, 10)] = 7.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentationConfiguration:
    """What MUD files (RFC 8520) are signed with; without, they have no signatures.

    Attributes:
        mud_certificate_file: Certificate of the signer, PEM, first, then those between it and a root that whoever reads
            MUD files knows.
        mud_key_file: Its private key, ECDSA or RSA, PEM, readable by Vedette only.
    """

    mud_certificate_file: Path | None = None
    mud_key_file: Path | None = None
