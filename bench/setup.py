"""What an operator does once before a fleet can enroll."""

from __future__ import annotations

from bench.vedette_platform import Platform

from vedette.simulation import Factory


def enable_enrollment(platform: Platform, factory: Factory) -> None:
    """Register the maker's authority, prove to hold its key, and open a group enrollment for it."""
    authority = platform.call(
        "POST", "/v1/authorities", json={"name": "bench", "certificate": factory.root_pem().decode()}
    )
    proof = factory.prove_possession(authority["verification_code"]).decode()
    platform.call("POST", f"/v1/authorities/{authority['authority_id']}/verify", json={"certificate": proof})
    platform.call(
        "POST",
        "/v1/enrollments",
        json={"name": "bench", "kind": "group", "authority_id": authority["authority_id"]},
    )
