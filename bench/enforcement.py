"""From evidence to enforcement: a signal comes in, a live session ends, and no gateway lets its device back in.

``bench/run --only enforcement`` measures it on a quiet platform, under attack, and for a thousand devices at once, and
rewrites its part of docs/benchmarks.md; with ``--quick`` it only tries that everything works.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import uvloop
from bench.attack import Attack, describe
from bench.hub import Operator, register_many
from bench.load import Session, open_session
from bench.vedette_platform import HOST, Platform, clock, describe_machine, running
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from vedette.access import EVENT_TYPES
from vedette.access.ssf_events import RISK_LEVEL_CHANGE, subject_of
from vedette.access.ssf_tokens import SetSigner
from vedette.simulation import Factory
from vedette.trust import default_bundle

ISSUER, AUDIENCE = "https://edr.example", "vedette-bench"
GATEWAYS = 2
# The shipped policies narrow at high risk; an operator who wants a cut writes this.
CUT_AT_HIGH_RISK = """
@id("high-risk-is-cut")
@owner("bench")
@why("At high risk a device does not even connect.")
@guidance("See which signals raised it: vedette access explain DEVICE")
forbid (principal, action == Action::"connect", resource)
when { principal.riskLevel == "high" };
"""
HOPS = ("decided", "sent", "enforced")
WAIT_S = 10.0


@dataclass
class Plan:
    """How much to measure."""

    live: int = 2_000
    signals: int = 200
    pushes: int = 100
    mass: int = 1_000
    storm: int = 200
    strangers: int = 64
    settle_s: float = 5.0


QUICK = Plan(live=60, signals=12, pushes=6, mass=30, storm=20, strangers=8, settle_s=1.0)


@dataclass
class Samples:
    """What one series came to, in milliseconds.

    Attributes:
        cut: From the moment before the request was written until the device's socket was closed.
        refused: From the same moment until the device's next attempts, begun at the cut, had been refused.
        answered: Until the request was answered.
        hops: As the platform stamped them, from taking the signal on.
        let_in: Attempts after the cut that were not refused.
    """

    cut: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    hops: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in HOPS})
    let_in: int = 0


class Bench:
    """A platform with live sessions, and the two ways of telling it of evidence."""

    def __init__(self, platform: Platform, context: ssl.SSLContext, signer: SetSigner) -> None:
        self.platform, self._context, self._signer = platform, context, signer
        self.operator = Operator(platform, 4)
        self._push_path = ""
        self.sessions: dict[str, Session] = {}
        self._tokens = 0

    async def connect(self, names: list[str], parallel: int = 16) -> None:
        waiting = list(reversed(names))

        async def worker() -> None:
            while waiting:
                name = waiting.pop()
                self.sessions[name] = await open_session(self.platform.target, name, self._context)

        async with asyncio.TaskGroup() as group:
            for _ in range(parallel):
                group.create_task(worker())

    def hear_from(self, jwks_url: str) -> None:
        made = self.platform.call(
            "POST",
            "/v1/ssf/transmitters",
            json={"name": "edr", "issuer": ISSUER, "audience": AUDIENCE, "jwks_url": jwks_url},
        )
        self._push_path = f"/ssf/events/{made['transmitter_id']}"

    def token(self, name: str) -> bytes:
        self._tokens += 1
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "jti": f"bench-{self._tokens}",
            "iat": int(clock().now().timestamp()),
            "sub_id": subject_of(ISSUER, name, None),
            "events": {RISK_LEVEL_CHANGE: {"principal": "DEVICE", "current_level": "HIGH"}},
        }
        return self._signer.sign(claims).encode()

    async def measure(self, names: list[str], *, is_push: bool) -> Samples:
        """Tell of one device after another, each once the one before is out."""
        found = Samples()
        for name in names:
            await self._measure_one(name, found, is_push=is_push)
            await asyncio.sleep(0.01)
        return found

    async def _measure_one(self, name: str, found: Samples, *, is_push: bool) -> None:
        token = self.token(name) if is_push else b""
        session = self.sessions.pop(name)
        begin = time.monotonic()
        request = asyncio.create_task(self._tell(name, token))
        done, _ = await asyncio.wait({session.closed}, timeout=WAIT_S)
        if not done:
            raise RuntimeError(f"{name} was not cut {await request - begin:.3f} s after {await self._hops(name)}")
        closed = session.closed.result()
        found.cut.append((closed - begin) * 1e3)
        outcomes = await asyncio.gather(*(self._is_refused(name) for _ in range(GATEWAYS)))
        found.refused.append((time.monotonic() - begin) * 1e3)
        found.let_in += outcomes.count(False)
        found.answered.append((await request - begin) * 1e3)
        hops = await self._hops(name)
        for hop in HOPS:
            if hops.get(f"{hop}_after_ms") is not None:
                found.hops[hop].append(hops[f"{hop}_after_ms"])

    async def _tell(self, name: str, token: bytes) -> float:
        """Tell of a device by a pushed CAEP event, or over the REST API; returns when it was answered."""
        if token:
            path, told, kind, expected = self._push_path, token, "application/secevent+jwt", 202
        else:
            path, kind, expected = f"/v1/devices/{name}/signals", "application/json", 201
            told = json.dumps(
                {"signal_class": "tamper", "level": "high", "provenance": "observed", "source": "bench"}
            ).encode()
        status, answer = await self.operator.post(path, told, content_type=kind)
        if status != expected:
            raise RuntimeError(f"{status}: {answer[:300]!r}")
        return time.monotonic()

    async def _is_refused(self, name: str) -> bool:
        try:
            session = await open_session(self.platform.target, name, self._context)
        except (OSError, TimeoutError):
            return True
        session.close()
        return False

    async def _hops(self, name: str) -> dict[str, Any]:
        """Read the stamps of a device's last change; the gateway tells of its own a moment later."""
        for _ in range(20):
            status, answer = await self.operator.post(f"/v1/devices/{name}/enforcement", None, method="GET")
            if status == 200 and (hops := json.loads(answer))["enforced_after_ms"] is not None:
                return dict(hops)
            await asyncio.sleep(0.05)
        return {}

    async def measure_mass(self, names: list[str]) -> dict[str, float]:
        """Cut many by one act; returns seconds."""
        gone = [self.sessions.pop(name) for name in names]
        begin = time.monotonic()
        act = {"is_enabled": False, "device_ids": names, "reason": "benchmark"}
        status, answer = await self.operator.post("/v1/bulk/devices", act)
        answered = time.monotonic()
        if status != 200:
            raise RuntimeError(f"{status}: {answer[:300]!r}")
        closed = await asyncio.wait_for(asyncio.gather(*(session.closed for session in gone)), WAIT_S)
        outcomes = await asyncio.gather(*(self._is_refused(name) for name in names[:20] for _ in range(GATEWAYS)))
        return {
            "devices": len(names),
            "first_s": min(closed) - begin,
            "last_s": max(closed) - begin,
            "answered_s": answered - begin,
            "let_in": outcomes.count(False),
        }

    def close(self) -> None:
        self.operator.close()
        for session in self.sessions.values():
            session.close()


def put_into_force(platform: Platform, policies: str, sites: dict[str, Any] | None = None) -> None:
    """Have policies decide, as an operator does."""
    content = {"policies": policies, "sites": sites or {}, "name": "bench"}
    stored = platform.call("POST", "/v1/policies", json=content)
    path = f"/v1/policies/{stored['sha256']}"
    simulation = platform.call("POST", f"{path}/simulate", json={})
    where = f"/v1/policy-simulations/{simulation['simulation_id']}"
    while platform.call("GET", where)["state"] == "running":
        time.sleep(0.1)
    reason = {"reason": "benchmark"}
    with contextlib.suppress(httpx.HTTPStatusError):  # what widens nothing needs nobody's word
        platform.call("POST", f"{path}/approve", json=reason)
    # In its first hour a bundle that refuses more than was foretold is taken back, and refusing is what comes now.
    platform.call("POST", f"{path}/promote", json={**reason, "denied_share": 1.0})


@contextlib.contextmanager
def key_server(signer: SetSigner) -> Iterator[str]:
    """Publish the transmitter's key on loopback."""
    body = json.dumps({"keys": [signer.public_jwk()]}).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer((HOST, 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_address[1]}/jwks"
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def under(attack: Attack) -> Iterator[dict[str, float]]:
    """Attack meanwhile; at the end the rates of what was done are in what is yielded."""
    rates: dict[str, float] = {}
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.attack"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(describe(attack) + "\n")
    process.stdin.flush()
    try:
        process.stdout.readline()
        yield rates
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            said, _ = process.communicate(timeout=30)
            rates.update(json.loads(said or "{}"))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def measure_all(platform: Platform, folder: Path, plan: Plan) -> dict[str, Any]:
    """Measure one thing after another on one platform."""
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    signer = SetSigner("edr-1", made.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
    factory = Factory("Bench", clock())
    others = 2 * (plan.signals + plan.pushes)
    count = max(plan.live, others + plan.mass) + plan.storm
    operator = Operator(platform, 8)
    await operator.open()
    names, certificate, key = await register_many(operator, factory, folder, count)
    operator.close()
    storm, names = names[: plan.storm], names[plan.storm :]
    await asyncio.to_thread(put_into_force, platform, default_bundle().policies_text + CUT_AT_HIGH_RISK)
    context = platform.target.context(certificate, key)
    stranger = factory.make_device("stranger").write(folder, "stranger")
    attack = Attack(
        host=HOST,
        port=platform.ports["gateway"],
        root_pem=str(platform.target.root_pem),
        user_name=platform.target.user_name,
        certificate=str(certificate),
        key=str(key),
        stranger_certificate=str(stranger[0]),
        stranger_key=str(stranger[1]),
        devices=storm,
        strangers=plan.strangers,
    )
    bench = Bench(platform, context, signer)
    await bench.operator.open()
    found: dict[str, Any] = {"gateways": GATEWAYS, "plan": asdict(plan)}
    with key_server(signer) as jwks_url:
        await asyncio.to_thread(bench.hear_from, jwks_url)
        await bench.connect(names)
        found["live"] = len(bench.sessions)
        await asyncio.sleep(plan.settle_s)
        series = iter(names)

        def take(many: int) -> list[str]:
            return list(itertools.islice(series, many))

        found["quiet"] = asdict(await bench.measure(take(plan.signals), is_push=False))
        found["quiet, CAEP"] = asdict(await bench.measure(take(plan.pushes), is_push=True))
        with under(attack) as rates:
            await asyncio.sleep(plan.settle_s)
            found["attack"] = asdict(await bench.measure(take(plan.signals), is_push=False))
            found["attack, CAEP"] = asdict(await bench.measure(take(plan.pushes), is_push=True))
        found["rates"] = rates
        await asyncio.sleep(plan.settle_s)
        found["mass"] = await bench.measure_mass(take(plan.mass))
    bench.close()
    return found


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values) or [float("nan")]
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def measure(*, is_quick: bool) -> dict[str, Any]:
    """Measure, and return figures by name; times in milliseconds but for the mass."""
    assert RISK_LEVEL_CHANGE in EVENT_TYPES
    plan, machine = (QUICK if is_quick else Plan()), describe_machine()
    folder = Path(tempfile.mkdtemp(prefix="vedette-bench-"))
    try:
        with running(folder, gateway_settings=f"processes = {GATEWAYS}\n") as platform:
            found = uvloop.run(measure_all(platform, folder, plan))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return {"machine": machine, **found}
