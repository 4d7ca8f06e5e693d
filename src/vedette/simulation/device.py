"""A simulated device: a factory identity, enrollment by DPS with a CSR, the whole hub, renewal, and patience.

It does what a careful device maker's firmware would do, by the real protocols, and keeps its operational key and
certificate in a folder, so that a restart goes on with them. Others stand for what fleets also have: a module, a legacy
device with a symmetric key, one whose certificate has expired, and a thief's copy of somebody else's key.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import logging
import math
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from vedette.kernel import Clock, to_rfc3339
from vedette.protocols.hub import build_sas_token, decode_symmetric_key
from vedette.simulation.behaviour import Machine
from vedette.simulation.connection import Cut, DeviceConnection, Endpoint, Refused
from vedette.simulation.factory import Identity, make_request
from vedette.simulation.hub_dialog import HubDialog, HubRefused

log = logging.getLogger(__name__)

API_VERSION: Final = "2021-06-01"
DPS_API_VERSION: Final = "2021-06-01"
RETRY_MAX_S: Final = 30.0
# A refusal with 4 or 5 does not heal by itself; a stock SDK stops, this one looks again from time to time.
RETRY_PERMANENT_S: Final = 15.0
# A file of this name in a device's folder: somebody on site has pressed its reset button.
RESET: Final = "reset"
_LOOK_S: Final = 1.0
# Enough for the gateway to see that two share one identity, and few enough to leave the real one alone afterwards.
COPIED_ATTEMPTS: Final = 25
TOKEN_LIFETIME: Final = timedelta(hours=1)


class RegistrationFailed(Exception):  # noqa: N818 - what happened
    """DPS did not assign the device."""


class CredentialKind(StrEnum):
    """What a device shows at the hub.

    ``enrolled``: a certificate that it asks for by DPS. ``pinned``: one that it was delivered with, known by its
    thumbprint; after a reset it enrolls too, if it has a factory certificate.
    ``key``: a symmetric key. ``copied``: somebody else's, as a thief has it; it gives up after a few attempts.
    """

    ENROLLED = "enrolled"
    PINNED = "pinned"
    KEY = "key"
    COPIED = "copied"


class DeviceSettings(msgspec.Struct, frozen=True):
    """One simulated device.

    Attributes:
        registration_id: Also the common name of the factory certificate, and of a device that does not enroll its id.
        folder: Holds ``factory.pem`` and ``factory.key`` and receives ``operational.pem`` and ``.key``; or holds
            ``pinned.pem`` and ``.key``, or ``symmetric.key``, base64. A file ``reset`` in it makes the device forget
            its operational certificate, and enroll as on its first day, when it next tries.
        interval_s: Between two telemetry messages.
        measure: What it measures: shown in the payload.
        module_id: Set for a module of the device.
        delay_s: Before it begins.
        label: What reports call it; its name where empty.
    """

    registration_id: str
    folder: Path
    endpoint: Endpoint
    id_scope: str
    interval_s: float = 1.0
    measure: str = "pressure"
    credential: CredentialKind = CredentialKind.ENROLLED
    module_id: str | None = None
    delay_s: float = 0.0
    label: str = ""

    @property
    def name(self) -> str:
        """The identity: ``device`` or ``device/module``."""
        return self.registration_id if self.module_id is None else f"{self.registration_id}/{self.module_id}"


class SimulatedDevice:
    """One device's life; ``run`` never ends by itself, unless it is a thief's copy.

    Args:
        settings: Who and where.
        clock: For telemetry stamps and the time of renewal.
        report: Called with a word of state (``registering``, ``connected``, ``cut``, ``refused`` …) and details.
    """

    def __init__(self, settings: DeviceSettings, clock: Clock, report: Callable[[str, str], None]) -> None:
        self._settings = settings
        self._credential = settings.credential
        if self._credential is CredentialKind.PINNED and self._operational_path.exists():
            self._credential = CredentialKind.ENROLLED
        self._clock = clock
        self._report = report
        self._machine = Machine(settings.interval_s, clock, report)
        self._count = 0
        # Jitter and made-up measurements; nothing here is a secret.
        self._random = random.Random(settings.name)  # noqa: S311

    async def run(self) -> None:
        """Enroll if needed, connect, send, renew; come back after each interruption."""
        await asyncio.sleep(self._settings.delay_s)
        attempts = itertools.count(1) if self._credential is CredentialKind.COPIED else itertools.repeat(0)
        delay_s = 0.5
        for attempt in attempts:
            begin = self._clock.monotonic_s()
            try:
                self._heed_reset()
                if self._credential is CredentialKind.ENROLLED and not self._operational_path.exists():
                    await self._register()
                await self._session()
            except Refused as refusal:
                self._report("refused", f"CONNACK {refusal.return_code}")
                delay_s = RETRY_PERMANENT_S if refusal.return_code in {4, 5} else min(delay_s * 2, RETRY_MAX_S)
            except (RegistrationFailed, Cut, OSError, TimeoutError) as error:
                self._report("interrupted", str(error) or type(error).__name__)
                delay_s = 0.5 if self._clock.monotonic_s() - begin > RETRY_MAX_S else min(delay_s * 2, RETRY_MAX_S)
            if attempt >= COPIED_ATTEMPTS:
                self._report("gave up", "")
                await asyncio.Event().wait()
            await self._pause(0.05 if attempt else delay_s * self._random.uniform(0.8, 1.2))

    def _may_reset(self) -> bool:
        is_device = self._credential in {CredentialKind.ENROLLED, CredentialKind.PINNED}
        return is_device and (self._settings.folder / RESET).exists() and self._factory_key_path.exists()

    def _heed_reset(self) -> None:
        """Forget what it holds, if somebody wants it to; the wish goes last, so that a crash harms nothing."""
        if self._may_reset():
            self._operational_path.unlink(missing_ok=True)
            self._credential = CredentialKind.ENROLLED
            (self._settings.folder / RESET).unlink(missing_ok=True)

    async def _pause(self, delay_s: float) -> None:
        """Wait before the next attempt; a reset ends the wait."""
        for _ in range(int(delay_s / _LOOK_S)):
            if self._may_reset():
                return
            await asyncio.sleep(_LOOK_S)
        await asyncio.sleep(delay_s % _LOOK_S)

    @property
    def _factory_key_path(self) -> Path:
        return self._settings.folder / "factory.key"

    @property
    def _operational_path(self) -> Path:
        return self._settings.folder / "operational.pem"

    @property
    def _operational_key_path(self) -> Path:
        return self._settings.folder / "operational.key"

    async def _register(self) -> None:
        settings = self._settings
        self._report("registering", settings.registration_id)
        key, csr = make_request(settings.registration_id)
        body = msgspec.json.encode(
            {"registrationId": settings.registration_id, "csr": base64.b64encode(csr).decode(), "payload": {}}
        )
        answer = await register(settings, body)
        state = answer.get("registrationState", {})
        if answer.get("status") != "assigned":
            raise RegistrationFailed(state.get("errorMessage") or answer.get("message") or str(answer.get("status")))
        chain = [x509.load_der_x509_certificate(base64.b64decode(der)) for der in state["issuedCertificateChain"]]
        self._keep(key, chain)
        self._report("registered", state["deviceId"])

    def _keep(self, key: ec.EllipticCurvePrivateKey, chain: list[x509.Certificate]) -> None:
        # The certificate is written last: a crash between the two leads to a new registration, not to a bad pair.
        self._operational_key_path.touch(mode=0o600)
        self._operational_key_path.write_bytes(Identity(key, tuple(chain)).key_pem())
        pem = b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in chain)
        temporary = self._operational_path.with_suffix(".new")
        temporary.write_bytes(pem)
        temporary.replace(self._operational_path)

    async def _session(self) -> None:
        connection = await self._connect()
        name = self._name()
        self._report("connected", name)
        dialog = HubDialog(connection, name, self._machine)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(connection.run(), name="read")
                group.create_task(dialog.run(), name="hub")
                group.create_task(self._work(connection, dialog, name), name="work")
        except* Cut as cut:
            self._report("cut", str(cut.exceptions[0]))
        except* HubRefused as refused:
            self._report("answered no", str(refused.exceptions[0]))
        except* TimeoutError:
            self._report("silent", "no acknowledgement in time")
        finally:
            await connection.close()

    async def _connect(self) -> DeviceConnection:
        settings = self._settings
        endpoint, name, password = settings.endpoint, self._name(), None
        match self._credential:
            case CredentialKind.ENROLLED | CredentialKind.COPIED:
                context = endpoint.context(self._operational_path, self._operational_key_path)
            case CredentialKind.PINNED:
                context = endpoint.context(settings.folder / "pinned.pem", settings.folder / "pinned.key")
            case CredentialKind.KEY:
                context = endpoint.context(None, None)
                password = self._token(name)
        return await DeviceConnection.open(
            endpoint,
            context,
            client_id=name,
            user_name=f"{endpoint.host}/{name}/?api-version={API_VERSION}&DeviceClientType=simulation",
            password=password,
        )

    def _token(self, name: str) -> bytes:
        key = decode_symmetric_key((self._settings.folder / "symmetric.key").read_text(encoding="utf-8").strip())
        ends_at = self._clock.now() + TOKEN_LIFETIME
        device_id, _, module_id = name.partition("/")
        resource = f"{self._settings.endpoint.host}/devices/{device_id}" + (
            f"/modules/{module_id}" if module_id else ""
        )
        return build_sas_token(resource, key, int(ends_at.timestamp())).encode()

    async def _work(self, connection: DeviceConnection, dialog: HubDialog, name: str) -> None:
        """Read the twin, report, and send measurements until it is time for a new certificate."""
        renew_at = self._renewal_time()
        await dialog.subscribe()
        twin = await dialog.twin()
        self._machine.desired({key: value for key, value in twin["desired"].items() if not key.startswith("$")})
        await dialog.report(self._machine.status())
        base = name.replace("/", "/modules/", 1)
        while True:
            if renew_at is not None and self._clock.now() >= renew_at:
                await self._renew(dialog, name)
                await connection.close()
                return
            if self._machine.is_running:
                await self._measure(connection, base)
            await asyncio.sleep(self._machine.interval_s)

    async def _measure(self, connection: DeviceConnection, base: str) -> None:
        self._count += 1
        value = 20 + 5 * math.sin(self._count / 20) + self._random.gauss(0, 0.2)
        body = {
            "count": self._count,
            self._settings.measure: round(value, 2),
            "measuredAt": to_rfc3339(self._clock.now()),
        }
        bag = f"%24.mid={self._count}&%24.ct=application%2Fjson&%24.ce=utf-8"
        await connection.publish(f"devices/{base}/messages/events/{bag}", msgspec.json.encode(body))
        if self._count == 1 or self._count % 100 == 0:
            self._report("sent", str(self._count))

    async def _renew(self, dialog: HubDialog, name: str) -> None:
        """Renew over the hub connection; the session then ends and the next one uses the new certificate."""
        key, csr = make_request(name)
        body = {"id": name, "csr": base64.b64encode(csr).decode(), "replace": "*"}
        try:
            certificates = await dialog.renew(msgspec.json.encode(body))
        except HubRefused as refused:
            self._report("renewal refused", str(refused))
            await asyncio.sleep(RETRY_MAX_S)
            return
        self._keep(key, [x509.load_der_x509_certificate(base64.b64decode(text)) for text in certificates])
        self._report("renewed", name)

    def _name(self) -> str:
        """Return the identity that the hub knows it by: an enrolled device reads it from its certificate."""
        if self._credential in {CredentialKind.ENROLLED, CredentialKind.COPIED}:
            return self._device_id()
        return self._settings.name

    def _device_id(self) -> str:
        return str(self._leaf().subject.rfc4514_string().split("CN=", 1)[1].split(",", 1)[0])

    def _leaf(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self._operational_path.read_bytes())

    def _renewal_time(self) -> datetime | None:
        """Two thirds of the certificate's life, ± 10 % so that a fleet does not renew at once."""
        if self._credential is not CredentialKind.ENROLLED:
            return None
        leaf = self._leaf()
        life = leaf.not_valid_after_utc - leaf.not_valid_before_utc
        share = 2 / 3 * self._random.uniform(0.9, 1.1)
        return leaf.not_valid_before_utc + timedelta(seconds=life.total_seconds() * share)


async def register(settings: DeviceSettings, body: bytes) -> dict[str, Any]:
    """Register by DPS over MQTT with the factory identity and return the answer's JSON.

    Raises:
        RegistrationFailed: No final answer came.
        Refused: The connection was refused.
        Cut: The connection ended early.
    """
    folder = settings.folder
    connection = await DeviceConnection.open(
        settings.endpoint,
        settings.endpoint.context(folder / "factory.pem", folder / "factory.key"),
        client_id=settings.registration_id,
        user_name=(
            f"{settings.id_scope}/registrations/{settings.registration_id}"
            f"/api-version={DPS_API_VERSION}&ClientVersion=simulation"
        ),
    )
    answers: list[dict[str, Any]] = []
    try:
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(connection.run(), name="read")
            await connection.subscribe("$dps/registrations/res/#")
            await connection.publish("$dps/registrations/PUT/iotdps-register/?$rid=1", body)
            answers.append(await _final_answer(connection))
            reading.cancel()
    except* Cut as cut:
        if not answers:
            raise Cut(str(cut.exceptions[0])) from cut
    finally:
        await connection.close()
    return answers[0]


async def _final_answer(connection: DeviceConnection) -> dict[str, Any]:
    for _ in range(20):
        message = await connection.next_message()
        status = int(message.topic.split("/")[3])
        answer: dict[str, Any] = msgspec.json.decode(message.payload)
        if status != 202:  # noqa: PLR2004 - "in progress"
            return answer
        await asyncio.sleep(2)
        operation = answer["operationId"]
        await connection.publish(
            f"$dps/registrations/GET/iotdps-get-operationstatus/?$rid=2&operationId={operation}", b" "
        )
    raise RegistrationFailed("no final answer after 20 polls")
