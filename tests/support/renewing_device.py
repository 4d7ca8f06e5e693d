"""A device that was given its certificate, and asks for the next one whenever a test wants."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from typing import TYPE_CHECKING, Any

import msgspec
from cryptography import x509

from vedette.simulation import (
    Cut,
    DeviceSettings,
    HubDialog,
    HubRefused,
    Identity,
    RegistrationFailed,
    make_request,
    register,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fault_doors import FaultDoors

_SERVER_ERROR = 500


class _Idle:
    """Does nothing of what the hub wants."""

    def desired(self, patch: Mapping[str, Any]) -> Mapping[str, Any]:  # Any: JSON
        return {}

    def method(self, name: str, payload: Any) -> tuple[int, Any]:  # Any: JSON
        return 501, None

    def command(self, body: bytes, bag: str, *, is_again: bool) -> None:
        pass


class RenewingDevice:
    """Enrolled by DPS when it is made."""

    def __init__(self, doors: FaultDoors, name: str) -> None:
        self.name = name
        self._doors = doors
        self._folder = doors.platform.folder / "devices" / name
        doors.factory.make_device(name).write(self._folder, "factory")
        self._keep(asyncio.run(self._enroll()))

    def renew(self, name: str = "") -> str:
        """Connect, ask for a certificate, for oneself or for another one, and use it from now on."""
        from fault_doors import ALLOW, DENY, NOTHING, outcome

        made: list[tuple[Any, list[x509.Certificate]]] = []
        refused: list[int] = []

        async def ask() -> None:
            try:
                made.append(await self._renew(name or self.name))
            except* HubRefused as group:
                refused.extend(each.status for each in group.exceptions if isinstance(each, HubRefused))

        found = outcome(lambda: asyncio.run(ask()))
        if refused:
            return DENY if refused[0] < _SERVER_ERROR else NOTHING
        if found == ALLOW:
            self._keep(made[0])
        return found

    async def _enroll(self) -> tuple[Any, list[x509.Certificate]]:
        doors = self._doors
        settings = DeviceSettings(self.name, self._folder, doors.endpoint, doors.platform.id_scope)
        key, csr = make_request(self.name)
        body = {"registrationId": self.name, "csr": base64.b64encode(csr).decode()}
        answer = await register(settings, msgspec.json.encode(body))
        if answer.get("status") != "assigned":
            raise RegistrationFailed(str(answer))
        return key, _certificates(answer["registrationState"]["issuedCertificateChain"])

    async def _renew(self, name: str) -> tuple[Any, list[x509.Certificate]]:
        from fault_doors import KnownDevice

        own = KnownDevice(self.name, self._folder / "operational.pem", self._folder / "operational.key")
        connection = await self._doors.open(own)
        dialog = HubDialog(connection, self.name, _Idle())
        key, csr = make_request(name)
        body = {"id": name, "csr": base64.b64encode(csr).decode(), "replace": "*"}
        try:
            async with asyncio.timeout(self._doors.patience_s), asyncio.TaskGroup() as group:
                reading = [group.create_task(connection.run()), group.create_task(dialog.run())]
                await dialog.subscribe()
                chain = await dialog.renew(msgspec.json.encode(body))
                for each in reading:
                    each.cancel()
        finally:
            with contextlib.suppress(Cut, OSError):
                await connection.close()
        return key, _certificates(chain)

    def _keep(self, made: tuple[Any, list[x509.Certificate]]) -> None:
        Identity(made[0], tuple(made[1])).write(self._folder, "operational")


def _certificates(chain: list[str]) -> list[x509.Certificate]:
    return [x509.load_der_x509_certificate(base64.b64decode(each)) for each in chain]
