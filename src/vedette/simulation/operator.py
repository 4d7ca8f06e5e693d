"""The demo's operator: what a person does once by the REST API so that the demo's devices can come.

A run that was cut off in the middle is taken up again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from cryptography.hazmat.primitives import hashes

from vedette.simulation.cast import Part, Role
from vedette.simulation.factory import Factory, Identity

MAKER: Final = "Demo Works"
SITE: Final = "north"
_HTTP_ERROR: Final = 400
_CONFLICT: Final = 409


class DemoFailed(Exception):  # noqa: N818 - what happened
    """The platform refused a step of the demo."""

    def __init__(self, step: str, status: int, detail: str) -> None:
        super().__init__(f"{step}: {detail}")
        self.status = status


@dataclass(frozen=True, slots=True)
class Operator:
    """Speaks to the operators' API on loopback.

    Attributes:
        token: The operator's token.
    """

    api_host: str
    api_port: int
    token: str

    def open_enrollment(self, factory: Factory) -> None:
        """Register the maker's authority, prove to hold its key, and let its devices in.

        Raises:
            DemoFailed: The API refused a step.
        """
        authorities = self.call("GET", "/v1/authorities?limit=999")["items"]
        authority = next((each for each in authorities if each["name"] == MAKER), None)
        if authority is None:
            new = {"name": MAKER, "certificate": factory.root_pem().decode()}
            authority = self.call("POST", "/v1/authorities", new)
        authority_id = authority["authority_id"]
        if authority["verified_at"] is None:
            proof = factory.prove_possession(authority["verification_code"]).decode()
            self.call("POST", f"/v1/authorities/{authority_id}/verify", {"certificate": proof})
        groups = self.call("GET", "/v1/enrollments?limit=999")["items"]
        if any(each["authority_id"] == authority_id for each in groups):
            return
        group = {
            "name": f"{MAKER} devices",
            "kind": "group",
            "authority_id": authority_id,
            "initial": {"site": SITE, "zone": "hall-1", "tags": {"site": SITE, "line": "demo"}},
        }
        self.call("POST", "/v1/enrollments", group)

    def create_legacy(self, role: Role, folder: Path) -> None:
        """Register a device with a symmetric key, which is shown this once.

        Raises:
            DemoFailed: The API refused it.
        """
        path = folder / "symmetric.key"
        if path.exists():
            return
        self._forget(role.name)
        created = self.call("POST", "/v1/devices", self._new(role, {"type": "symmetric_key"}))
        folder.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        primary = next(each["key"] for each in created["keys"] if each["slot"] == "primary")
        path.write_text(primary, encoding="utf-8")

    def create_expired(self, role: Role, folder: Path, factory: Factory) -> None:
        """Register a device by the thumbprint of a certificate that has ended; its maker's identity is good for ever.

        Raises:
            DemoFailed: The API refused it.
        """
        if not (folder / "factory.key").exists():
            factory.make_device(role.name).write(folder, "factory")
        if (folder / "pinned.pem").exists():
            return
        self._forget(role.name)
        identity = factory.make_device(role.name, days=-3)
        self.call("POST", "/v1/devices", self._new(role, _pinned(identity)))
        identity.write(folder, "pinned")

    def permits(self, after: str) -> list[tuple[int, str]]:
        """Return who was allowed to enroll once more since an entry of the ledger: the entry's position, the device.

        Raises:
            DemoFailed: The API refused it.
        """
        asked = urlencode({"action": "enrollment.allow_reenrollment", "after": after, "limit": "100"})
        found = self.call("GET", f"/v1/ledger/entries?{asked}")["items"]
        return [(entry["position"], entry["target_name"]) for entry in found]

    def create_modules(self, role: Role, folder: Path, factory: Factory) -> None:
        """Give a device's workloads identities of their own.

        Raises:
            DemoFailed: The API refused it.
        """
        for module_id in role.modules:
            path = folder / module_id
            if (path / "pinned.pem").exists():
                continue
            identity = factory.make_device(f"{role.name}/{module_id}")
            collection = f"/v1/devices/{role.name}/modules"
            try:
                self.call("POST", collection, {"module_id": module_id, "authentication": _pinned(identity)})
            except DemoFailed as failed:
                if failed.status != _CONFLICT:
                    raise
                self.call("DELETE", f"{collection}/{module_id}")
                self.call("POST", collection, {"module_id": module_id, "authentication": _pinned(identity)})
            identity.write(path, "pinned")

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:  # Any: JSON
        """Make one request.

        Raises:
            DemoFailed: It was refused.
        """
        connection = HTTPConnection(self.api_host, self.api_port, timeout=20)
        try:
            headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            told: dict[str, Any] = json.loads(answer.read() or b"{}")
        finally:
            connection.close()
        if answer.status >= _HTTP_ERROR:
            raise DemoFailed(f"{method} {path}", answer.status, str(told.get("detail", answer.status)))
        return told

    def _new(self, role: Role, authentication: dict[str, str]) -> dict[str, Any]:  # Any: JSON
        purpose = "built before certificates" if role.part is Part.LEGACY else "its certificate was never renewed"
        tags = {"site": SITE, "line": "demo", "note": purpose}
        return {"device_id": role.name, "authentication": authentication, "site": SITE, "tags": tags}

    def _forget(self, name: str) -> None:
        """Delete what an interrupted run has left: its credential is lost."""
        known = self.call("GET", "/v1/devices?limit=999")["items"]
        if any(each["device_id"] == name for each in known):
            self.call("DELETE", f"/v1/devices/{name}")


def _pinned(identity: Identity) -> dict[str, str]:
    return {"type": "self_signed", "primary_thumbprint": identity.chain[0].fingerprint(hashes.SHA256()).hex()}
