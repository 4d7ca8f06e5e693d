"""Advisories, catalogs and scores in the standards' forms, about makers and products that do not exist."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import zipfile
from typing import Any

VECTOR = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
MAKER = "Ostwind Controls AG"


def product(name: str, versions: str, *, number: int = 1, codes: tuple[str, ...] = (), vendor: str = MAKER) -> Any:
    """Return a branch from a maker down to the versions of a product."""
    helper = {"product_identification_helper": {"model_numbers": list(codes)}} if codes else {}
    leaf = {
        "category": "product_version_range",
        "name": versions,
        "product": {"product_id": f"P-{number}", "name": f"{name} {versions}", **helper},
    }
    return {
        "category": "vendor",
        "name": vendor,
        "branches": [{"category": "product_name", "name": name, "branches": [leaf]}],
    }


def document(
    *branches: Any,
    advisory_id: str = "OCA-26-001",
    cve: str = "CVE-2026-10001",
    released: str = "2026-05-01T00:00:00Z",
    score: float = 9.8,
    **changes: Any,
) -> dict[str, Any]:
    """Return a CSAF document about one vulnerability of all the products in it."""
    trees = branches or (product("Tern 500 Controller", "< V2.4"),)
    ids = [leaf["product"]["product_id"] for tree in trees for name in tree["branches"] for leaf in name["branches"]]
    vulnerability: dict[str, Any] = {
        "cve": cve,
        "title": "Writing beyond a buffer in the web server",
        "cwe": {"id": "CWE-787", "name": "Out-of-bounds Write"},
        "notes": [{"category": "summary", "text": "A request to the web server stops the controller."}],
        "product_status": {"known_affected": ids},
        "scores": [{"products": ids, "cvss_v3": {"version": "3.1", "baseScore": score, "vectorString": VECTOR}}],
        "remediations": [
            {"category": "mitigation", "details": "Turn the web server off.", "product_ids": ids},
            {
                "category": "vendor_fix",
                "details": "Update to V2.4.",
                "url": "https://ostwind.example/tern",
                "product_ids": ids,
            },
        ],
    }
    return {
        "document": {
            "category": "csaf_security_advisory",
            "csaf_version": "2.0",
            "title": "Ostwind Tern controllers",
            "publisher": {"category": "vendor", "name": "Ostwind PSIRT", "namespace": "https://ostwind.example"},
            "references": [
                {"category": "self", "summary": "this", "url": f"https://ostwind.example/{advisory_id}.json"}
            ],
            "tracking": {
                "id": advisory_id,
                "version": "1",
                "status": "final",
                "initial_release_date": "2026-05-01T00:00:00Z",
                "current_release_date": released,
                "revision_history": [{"number": "1", "date": released, "summary": "first"}],
            },
        },
        "product_tree": {"branches": list(trees)},
        "vulnerabilities": [vulnerability | changes],
    }


def encoded(found: dict[str, Any]) -> bytes:
    """Return a document as a file."""
    return json.dumps(found).encode()


def zipped(*files: tuple[str, bytes], with_digests: bool = False) -> bytes:
    """Return files in a zip, with the digest of each beside it if asked for."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
            if with_digests:
                archive.writestr(f"{name}.sha256", f"{hashlib.sha256(content).hexdigest()}  {name}\n")
    return packed.getvalue()


def catalog(*cves: str, released: str = "2026-06-01T00:00:00.0000Z") -> bytes:
    """Return a catalog of vulnerabilities that are known to be exploited."""
    entries = [
        {
            "cveID": cve,
            "vendorProject": "Ostwind",
            "product": "Tern",
            "vulnerabilityName": "Ostwind Tern write beyond a buffer",
            "dateAdded": "2026-05-20",
            "shortDescription": "…",
            "requiredAction": "Apply the update.",
            "dueDate": "2026-06-10",
            "knownRansomwareCampaignUse": "Known",
        }
        for cve in cves
    ]
    return json.dumps(
        {"title": "…", "catalogVersion": "2026.06.01", "dateReleased": released, "vulnerabilities": entries}
    ).encode()


def scores(*rows: tuple[str, float, float], day: str = "2026-06-02", is_packed: bool = True) -> bytes:
    """Return a file of exploit scores."""
    lines = [f"#model_version:v2026.03.14,score_date:{day}T00:00:00+0000", "cve,epss,percentile"]
    lines += [f"{cve},{probability},{percentile}" for cve, probability, percentile in rows]
    text = ("\n".join(lines) + "\n").encode()
    return gzip.compress(text, mtime=0) if is_packed else text
