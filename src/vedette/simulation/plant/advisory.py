"""An advisory (CSAF 2.0) about a controller that does not exist, of a maker that does not exist."""

from __future__ import annotations

import json
from typing import Any, Final

NAME: Final = "ksa-2026-003.json"
_ID: Final = "KSA-2026-003"
_DAY: Final = "2026-10-06T08:00:00Z"
_PRODUCTS: Final = ["KA-310"]


def advisory() -> bytes:
    """Return the document."""
    return json.dumps(_document()).encode()


def _document() -> dict[str, Any]:  # Any: JSON
    leaf = {
        "category": "product_version_range",
        "name": "vers:generic/<2.5.0",
        "product": {
            "product_id": _PRODUCTS[0],
            "name": "Kestrel Automation KA-310 before 2.5.0",
            "product_identification_helper": {"model_numbers": ["KA-310"]},
        },
    }
    return {
        "document": {
            "category": "csaf_security_advisory",
            "csaf_version": "2.0",
            "title": "KA-310: commands without a password (invented for the demo)",
            "publisher": {
                "category": "vendor",
                "name": "Kestrel Automation PSIRT (invented)",
                "namespace": "https://kestrel.example",
            },
            "tracking": {
                "id": _ID,
                "version": "1",
                "status": "final",
                "initial_release_date": _DAY,
                "current_release_date": _DAY,
                "revision_history": [{"number": "1", "date": _DAY, "summary": "first"}],
            },
        },
        "product_tree": {
            "branches": [
                {
                    "category": "vendor",
                    "name": "Kestrel Automation",
                    "branches": [{"category": "product_name", "name": "KA-310", "branches": [leaf]}],
                }
            ]
        },
        "vulnerabilities": [
            {
                "ids": [{"system_name": "Kestrel Automation", "text": _ID}],
                "title": "The service port takes commands from anybody",
                "cwe": {"id": "CWE-306", "name": "Missing Authentication for Critical Function"},
                "notes": [
                    {"category": "summary", "text": "Whoever reaches the service port can change the set points."}
                ],
                "product_status": {"known_affected": _PRODUCTS},
                "scores": [
                    {
                        "products": _PRODUCTS,
                        "cvss_v3": {
                            "version": "3.1",
                            "baseScore": 9.1,
                            "baseSeverity": "CRITICAL",
                            "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:H/A:H",
                        },
                    }
                ],
                "remediations": [
                    {
                        "category": "mitigation",
                        "details": "Let only the panel and the historian reach the service port.",
                        "product_ids": _PRODUCTS,
                    },
                    {"category": "vendor_fix", "details": "Update to 2.5.0.", "product_ids": _PRODUCTS},
                ],
            }
        ],
    }
