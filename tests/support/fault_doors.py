"""Every door of a platform, tried with what may pass and with what may not, whatever is broken behind it.

``permitted`` and ``forbidden`` try all doors at once and tell for each what came of it: ``allow``, ``deny``, or
``nothing`` where no answer came in time. Whatever the fault, nothing forbidden may ever be allowed.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import ssl
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec
from cryptography.hazmat.primitives import hashes
from faulty_platform import FaultyPlatform
from other_nats import said
from people_at_the_door import PeopleAtTheDoor
from renewing_device import RenewingDevice

from vedette.kernel import SystemClock
from vedette.simulation import (
    Cut,
    DeviceConnection,
    DeviceSettings,
    Endpoint,
    Factory,
    Refused,
    RegistrationFailed,
    make_request,
    register,
)

ALLOW, DENY, NOTHING = "allow", "deny", "nothing"
DOORS = ("connect", "session", "person", "token", "enrollment", "renewal", "outside", "hook", "callout", "policy")
DECLARED = "?tls_version=TLSv1.3&cipher=TLS_AES_128_GCM_SHA256&key_algorithm=EC&key_bits=256"
# A session that is held says nothing while an alarm is waited for.
_KEEP_ALIVE_S = 1_000
CONTEXT: dict[str, Any] = {
    "address": "192.0.2.7",
    "tlsVersion": "TLSv1.3",
    "cipher": "TLS_AES_128_GCM_SHA256",
    "protocol": "mqtt",
    "keyAlgorithm": "EC",
    "keyBits": 256,
}
POLICY = """
@id("closed-{number}")
@owner("plant security")
@why("A policy change while something is broken.")
@guidance("Ask plant security.")
forbid (principal, action, resource is Hub)
when {{ principal has site && principal.site == "closed-{number}" }};
"""


@dataclass
class KnownDevice:
    """A device on record, and the certificate it comes by."""

    name: str
    certificate: Path
    key: Path


class LiveSession:
    """A session that is held open beside the test."""

    def __init__(self, doors: FaultDoors, device: KnownDevice) -> None:
        self.device = device
        self._doors = doors
        self._connection = doors.platform.beside.do(doors.open(device))
        self.is_open = True
        asyncio.run_coroutine_threadsafe(self._read(), doors.platform.beside.loop)

    async def _read(self) -> None:
        try:
            with contextlib.suppress(Cut, OSError):
                await self._connection.run()
        finally:
            self.is_open = False

    def send(self, body: str = "x") -> str:
        """Send one message at QoS 1."""
        if not self.is_open:
            return DENY

        async def publish() -> None:
            async with asyncio.timeout(self._doors.patience_s):
                await self._connection.publish(f"devices/{self.device.name}/messages/events/", body.encode())

        return outcome(lambda: self._doors.platform.beside.do(publish()))

    def close(self) -> None:
        with contextlib.suppress(Cut, OSError):
            self._doors.platform.beside.do(self._connection.close())


class FaultDoors:
    """What may pass and what may not, made while everything was well.

    Attributes:
        patience_s: After which an answer that has not come is none.
    """

    def __init__(self, platform: FaultyPlatform) -> None:
        self.platform = platform
        self.patience_s = 6.0
        self._numbers = itertools.count(1)
        self._tried = ThreadPoolExecutor(24, "door")
        self.factory = platform.neighbour.factory
        self.foreign = Factory("Nobody", SystemClock())
        self._folder = platform.folder / "devices"
        self._clients: dict[str, httpx.Client] = {}
        self.api = platform.client()
        self._open_enrollment()
        self.good = self.new_device()
        self.kept_out = self.new_device()
        self._call("POST", f"/v1/devices/{self.kept_out.name}/disable", {"reason": "stolen"})
        self.live = self.new_session()
        self.renewing = self._new_renewing()
        people = PeopleAtTheDoor(platform.url, self.api)
        self.admin, self.auditor = people.come("admin"), people.come("auditor")
        self.token = self._new_token("operator")
        former = self._new_token("operator", name="former")
        self.former_token = former[1]
        self._call("DELETE", f"/v1/service-tokens/{former[0]}?reason=over")
        self._bundle = self._store_policy()
        self._is_in_shadow = False

    def close(self) -> None:
        self._tried.shutdown(cancel_futures=True)
        self.live.close()
        self.admin.close()
        self.auditor.close()
        for each in (self.api, *self._clients.values()):
            each.close()

    # --- all doors at once -------------------------------------------------------------------------------------

    def permitted(self) -> dict[str, str]:
        """Try at each door what may pass; the policies last, since gateways then let nobody in until they follow."""
        found = self._try_all(
            {
                "connect": lambda: self.connect(self.good),
                "session": self.live_again,
                "person": lambda: self._change_tags(self.admin.http),
                "token": lambda: self._change_tags(self._bearer(self.token[1])),
                "enrollment": lambda: self.enroll(self.factory),
                "renewal": self.renewing.renew,
                "outside": lambda: self.ask_outside(self.good.name),
                "hook": lambda: self.ask_hook(self.good.name),
                "callout": lambda: self.connect_elsewhere(self.good),
            }
        )
        return found | {"policy": self.change_policy(self.api)}

    def forbidden(self) -> dict[str, list[str]]:
        """Try at each door what may not pass, in several ways."""
        kept_out, good = self.kept_out, self.good
        tries: dict[str, list[Callable[[], str]]] = {
            "connect": [
                lambda: self.connect(kept_out),
                lambda: self.connect(KnownDevice(kept_out.name, good.certificate, good.key)),
                lambda: self.connect(self._stranger()),
            ],
            "session": [self._speak_for_another],
            "person": [
                lambda: self._change_tags(self.auditor.http),
                lambda: self._enable(self.auditor.http),
                lambda: self._enable(self._bearer("")),
            ],
            "token": [
                lambda: self._change_tags(self._bearer(self.former_token)),
                lambda: self._change_tags(self._bearer("vds_" + "0" * 40)),
                lambda: self.change_policy(self._bearer(self.token[1])),
            ],
            "enrollment": [lambda: self.enroll(self.foreign), lambda: self.enroll(self.factory, name=kept_out.name)],
            "outside": [
                lambda: self.ask_outside(kept_out.name),
                lambda: self.ask_outside("nobody"),
            ],
            "renewal": [lambda: self.renewing.renew(kept_out.name)],
            "hook": [lambda: self.ask_hook(kept_out.name), lambda: self.ask_hook("nobody")],
            "callout": [lambda: self.connect_elsewhere(kept_out)],
            "policy": [lambda: self.change_policy(self.auditor.http)],
        }
        flat = {f"{door} {number}": each for door, all_of_it in tries.items() for number, each in enumerate(all_of_it)}
        found = self._try_all(flat)
        return {door: [found[f"{door} {number}"] for number in range(len(tries[door]))] for door in tries}

    def _try_all(self, tries: Mapping[str, Callable[[], str]]) -> dict[str, str]:
        began = {name: self._tried.submit(each) for name, each in tries.items()}
        return {name: each.result(240) for name, each in began.items()}

    # --- devices -----------------------------------------------------------------------------------------------

    def new_device(self) -> KnownDevice:
        """Register a device with a certificate of its own making."""
        name = f"pump-{next(self._numbers)}"
        identity = self.factory.make_device(name)
        certificate, key = identity.write(self._folder / name, "own")
        pinned = {"type": "self_signed", "primary_thumbprint": identity.chain[0].fingerprint(hashes.SHA256()).hex()}
        self._call("POST", "/v1/devices", {"device_id": name, "authentication": pinned})
        return KnownDevice(name, certificate, key)

    def new_session(self) -> LiveSession:
        """Connect a new device; just after a change of policies, or on a busy machine, it may have to try again."""
        device, made = self.new_device(), list[LiveSession]()
        until(lambda: outcome(lambda: made.append(LiveSession(self, device))) == ALLOW, "a new device connects")
        return made[0]

    def _new_renewing(self) -> RenewingDevice:
        made = list[RenewingDevice]()

        def enroll() -> bool:
            name = f"press-{next(self._numbers)}"
            return outcome(lambda: made.append(RenewingDevice(self, name))) == ALLOW

        until(enroll, "a device is given its certificate")
        return made[0]

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint("127.0.0.1", self.platform.ports["gateway"], self.platform.data / "public" / "root.pem")

    async def open(self, device: KnownDevice) -> DeviceConnection:
        """Connect as a device."""
        async with asyncio.timeout(self.patience_s):
            return await DeviceConnection.open(
                self.endpoint,
                await asyncio.to_thread(self.endpoint.context, device.certificate, device.key),
                client_id=device.name,
                user_name=f"localhost/{device.name}/?api-version=2021-04-12",
                keep_alive_s=_KEEP_ALIVE_S,
            )

    def connect(self, device: KnownDevice) -> str:
        """Connect and leave again."""

        async def come_and_go() -> None:
            await (await self.open(device)).close()

        return outcome(lambda: asyncio.run(come_and_go()))

    def live_again(self) -> str:
        """Send through the session that is held; where it was cut, through a new one."""
        if not self.live.is_open:
            made: list[LiveSession] = []
            if (came := outcome(lambda: made.append(LiveSession(self, self.live.device)))) != ALLOW:
                return came
            self.live = made[0]
        return self.live.send()

    def _stranger(self) -> KnownDevice:
        certificate, key = self.foreign.make_device(self.good.name).write(self._folder / "stranger", "own")
        return KnownDevice(self.good.name, certificate, key)

    def _speak_for_another(self) -> str:
        """Send in another device's name; the gateway ends such a session."""

        async def speak() -> None:
            connection = await self.open(self.good)
            reading = asyncio.ensure_future(connection.run())
            try:
                async with asyncio.timeout(self.patience_s):
                    await connection.publish(f"devices/{self.kept_out.name}/messages/events/", b"x")
            finally:
                reading.cancel()
                with contextlib.suppress(asyncio.CancelledError, Cut, OSError):
                    await reading
                await connection.close()

        return outcome(lambda: asyncio.run(speak()))

    def enroll(self, factory: Factory, *, name: str = "") -> str:
        """Register by DPS with a request for a certificate."""
        chosen = name or f"fresh-{next(self._numbers)}"
        folder = self._folder / f"{chosen}-{next(self._numbers)}"
        factory.make_device(chosen).write(folder, "factory")
        settings = DeviceSettings(chosen, folder, self.endpoint, self.platform.id_scope)
        body = {"registrationId": chosen, "csr": base64.b64encode(make_request(chosen)[1]).decode()}

        async def go() -> None:
            async with asyncio.timeout(self.patience_s):
                answer = await register(settings, msgspec.json.encode(body))
            if answer.get("status") != "assigned":
                raise RegistrationFailed(str(answer))

        return outcome(lambda: asyncio.run(go()))

    # --- people, programs and other systems --------------------------------------------------------------------

    def disable(self, device: KnownDevice, *, within_s: float = 30.0) -> httpx.Response:
        """Restrict: keep a device out."""
        return self.api.post(f"/v1/devices/{device.name}/disable", json={"reason": "a drill"}, timeout=within_s)

    def quarantine(self, device: KnownDevice, *, within_s: float = 30.0) -> httpx.Response:
        """Restrict: cut a device by quarantine."""
        body = {"reason": "a drill", "mode": "cut", "is_override": True}
        return self.api.post(f"/v1/devices/{device.name}/quarantine", json=body, timeout=within_s)

    def ask_outside(self, name: str) -> str:
        """Ask as another system does, by AuthZEN."""
        question = {
            "subject": {"type": "device", "id": name},
            "action": {"name": "sendTelemetry"},
            "resource": {"type": "hub", "id": "hub"},
            "context": CONTEXT,
        }
        return self._decided("/access/v1/evaluation", question)

    def ask_hook(self, name: str) -> str:
        """Ask as a broker does."""
        form = {"username": name, "topic": f"devices/{name}/messages/events/", "action": "publish"}
        return self._decided(f"/hooks/emqx/authorization{DECLARED}", form)

    def connect_elsewhere(self, device: KnownDevice) -> str:
        """Connect to the neighbour, who asks by auth callout."""
        neighbour, own = self.platform.neighbour, (device.certificate, device.key)

        def come_and_go() -> None:
            with neighbour.open(own=own, patience_s=self.patience_s) as secured:
                if "PONG" not in said(secured):
                    raise Cut("the neighbour ended the connection")

        return outcome(come_and_go)

    def _decided(self, path: str, question: dict[str, Any]) -> str:
        try:
            answer = self._bearer(self.token[1]).post(path, json=question, timeout=self.patience_s)
        except httpx.HTTPError:
            return NOTHING
        if not answer.is_success:
            return DENY if answer.status_code < 500 else NOTHING
        told = answer.json()
        return ALLOW if told.get("decision") is True or told.get("result") == "allow" else DENY

    def change_policy(self, client: httpx.Client) -> str:
        """Put a bundle into the shadow, or take it out: another manifest, which every gateway has to follow."""
        path = "/v1/policy-staging/withdraw" if self._is_in_shadow else f"/v1/policies/{self._bundle}/shadow"
        found = self._asked(lambda: client.post(path, json={"reason": "a drill"}, timeout=self.patience_s))
        if client is self.api:
            # Where no answer came it may have been done, and is refused the next time: then it is the other's turn.
            self._is_in_shadow = not self._is_in_shadow
        return found

    def _change_tags(self, client: httpx.Client) -> str:
        body = {"tags": {"drill": str(next(self._numbers))}}
        return self._asked(
            lambda: client.patch(f"/v1/devices/{self.good.name}/twin", json=body, timeout=self.patience_s)
        )

    def _enable(self, client: httpx.Client) -> str:
        path = f"/v1/devices/{self.kept_out.name}/enable"
        return self._asked(lambda: client.post(path, json={"reason": "a drill"}, timeout=self.patience_s))

    @staticmethod
    def _asked(ask: Callable[[], httpx.Response]) -> str:
        try:
            answer = ask()
        except httpx.HTTPError:
            return NOTHING
        if answer.is_success:
            return ALLOW
        return DENY if answer.status_code < 500 else NOTHING

    def _bearer(self, secret: str) -> httpx.Client:
        """Return a program's connection; without a secret, a stranger's."""
        if secret not in self._clients:
            headers = {"Authorization": f"Bearer {secret}"} if secret else {}
            self._clients[secret] = httpx.Client(base_url=self.platform.url, headers=headers, timeout=self.patience_s)
        return self._clients[secret]

    def _new_token(self, role: str, *, name: str = "drill") -> tuple[str, str]:
        made = self._call("POST", "/v1/service-tokens", {"name": name, "roles": [role]})
        return str(made["service_token"]["token_id"]), str(made["secret"])

    def _store_policy(self) -> str:
        content = self._call("GET", "/v1/policies/stable")["content"]
        number = next(self._numbers)
        new = content | {"policies": content["policies"] + POLICY.format(number=number), "name": f"drill {number}"}
        return str(self._call("POST", "/v1/policies", new)["sha256"])

    def _open_enrollment(self) -> None:
        root = self.factory.root_pem().decode()
        authority = self._call("POST", "/v1/authorities", {"name": "Acme", "certificate": root})
        proof = self.factory.prove_possession(authority["verification_code"]).decode()
        self._call("POST", f"/v1/authorities/{authority['authority_id']}/verify", {"certificate": proof})
        group = {"name": "Acme", "kind": "group", "authority_id": authority["authority_id"]}
        self._call("POST", "/v1/enrollments", group)

    def _call(self, method: str, path: str, body: object = None) -> Any:
        answer = self.api.request(method, path, json=body)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None


def outcome(act: Callable[[], object]) -> str:
    """Do what a device does and tell what came of it."""
    try:
        act()
    except (Refused, Cut, RegistrationFailed, ssl.SSLError):
        return DENY
    except (OSError, TimeoutError):
        return NOTHING
    except BaseExceptionGroup as group:
        inner = group.exceptions[0]
        return NOTHING if isinstance(inner, (OSError, TimeoutError)) else DENY
    return ALLOW


def until(condition: Callable[[], object], what: str, within_s: float = 120.0, *, pause_s: float = 0.1) -> float:
    """Wait for something; return how many seconds it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() < began + within_s, f"waited {within_s} s in vain for: {what}"
        time.sleep(pause_s)
    return time.monotonic() - began
