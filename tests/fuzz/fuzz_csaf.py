"""Advisories, packages of them, catalogs and scores that operators import, and what they say of versions."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import zipfile
from datetime import UTC, datetime
from typing import Final

from vedette.health.advisories import Catalogue, InvalidAdvisory, InvalidFeed, SeenFact
from vedette.health.advisories.csaf import read_advisory
from vedette.health.advisories.feeds import read_catalog, read_scores
from vedette.health.advisories.package import read_package
from vedette.health.advisories.ranges import parse_range

_NOW: Final = datetime(2026, 6, 1, tzinfo=UTC)
_FACTS: Final = [
    SeenFact(attribute=name, value=value, confidence=90, source="modbus", last_at=_NOW)
    for name, value in (
        ("vendor", "Ostwind"),
        ("model", "Tern 500"),
        ("product_code", "OW51002AB00"),
        ("firmware", "2.3"),
    )
]
_LEAF: Final = {
    "category": "product_version_range",
    "name": "vers:all/>=1.0|<2.4",
    "product": {
        "product_id": "P-1",
        "name": "Tern 500",
        "product_identification_helper": {"model_numbers": ["OW5 100-2AB00"]},
    },
}
_DOCUMENT: Final = json.dumps(
    {
        "document": {
            "category": "csaf_security_advisory",
            "csaf_version": "2.0",
            "title": "Tern",
            "publisher": {"name": "Ostwind PSIRT"},
            "tracking": {
                "id": "OCA-26-001",
                "version": "1",
                "status": "final",
                "initial_release_date": "2026-05-01T00:00:00Z",
                "current_release_date": "2026-05-01T00:00:00Z",
            },
        },
        "product_tree": {
            "branches": [
                {
                    "category": "vendor",
                    "name": "Ostwind",
                    "branches": [{"category": "product_name", "name": "Tern 500 (OW5 100-2AB00)", "branches": [_LEAF]}],
                }
            ]
        },
        "vulnerabilities": [
            {
                "cve": "CVE-2026-10001",
                "product_status": {"known_affected": ["P-1"]},
                "remediations": [{"category": "vendor_fix", "details": "Update.", "product_ids": ["P-1"]}],
                "scores": [
                    {
                        "products": ["P-1"],
                        "cvss_v3": {"baseScore": 9.8, "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"},
                    }
                ],
            }
        ],
    }
).encode()
_SCORES: Final = (
    b"#model_version:v1,score_date:2026-06-02T00:00:00+0000\ncve,epss,percentile\nCVE-2026-10001,0.9,0.99\n"
)
_CATALOG: Final = json.dumps(
    {"catalogVersion": "1", "vulnerabilities": [{"cveID": "CVE-2026-10001", "dateAdded": "2026-05-20"}]}
).encode()
_RANGE: Final = b">=13.0.0 | <= 13.0.2 | 13.1.x and prior to V5.5 SP1 HF2"


def _zipped() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.json", _DOCUMENT)
        archive.writestr("a.json.sha256", "0" * 64)
    return packed.getvalue()


SEEDS = [_DOCUMENT, _zipped(), gzip.compress(_DOCUMENT, mtime=0), _SCORES, _CATALOG, _RANGE]


def fuzz_one(data: bytes) -> None:
    """Read as everything that it could be; what is read is compared with a device."""
    with contextlib.suppress(InvalidAdvisory):
        for each in read_package(data):
            if isinstance(each, tuple):
                with contextlib.suppress(InvalidAdvisory):
                    Catalogue([read_advisory(each[1])]).assess(_FACTS)
    for read in (read_catalog, read_scores):
        with contextlib.suppress(InvalidFeed):
            read(data)
    assert parse_range(data.decode("latin-1")).holds("V2.3") in {True, False, None}
