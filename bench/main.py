"""Measure Vedette and its peers in one run on one machine, and write docs/benchmarks.md.

Every figure is a median of repetitions; CPU is what the kernel counted for the server's processes. The load
generator is the same for all servers and runs in a process of its own. Run: ``make bench``, or ``bench/run --quick``.
"""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import json
import shutil
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import uvloop
from bench import enforcement, enforcement_report, policy_cost, report
from bench.console import measure as measure_console
from bench.figures import Figures
from bench.hub import measure_hub
from bench.load import Fleet, Session, Target, open_session
from bench.peers import Server, mosquitto, nats_mqtt
from bench.setup import enable_enrollment
from bench.vedette_platform import HOST, Platform, clock, describe_machine, enroll, raise_file_limit, running
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from vedette.simulation import Factory, Identity


@dataclass
class Plan:
    """How much to measure; ``--quick`` tries that everything works."""

    connects: int = 300
    sessions: int = 1000
    seconds: float = 10.0
    idle: int = 1000
    live: int = 2000
    cuts: int = 200
    mass: int = 1000
    repetitions: int = 3
    hub: int = 1000
    busy: int = 200
    rate: float = 200.0
    idle_many: int = 10_000


QUICK = Plan(
    connects=40,
    sessions=60,
    seconds=2.0,
    idle=50,
    live=80,
    cuts=20,
    mass=40,
    repetitions=1,
    hub=40,
    busy=20,
    rate=50.0,
    idle_many=100,
)


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def make_server_identity(folder: Path) -> tuple[Path, Path, Path]:
    """A root and a P-256 server certificate for the peers, like Vedette's own."""
    key, root_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    now = clock().now()
    root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench root")])

    def sign(subject: x509.Name, public: ec.EllipticCurvePublicKey, *, is_ca: bool) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(root_name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        )
        names = [x509.IPAddress(ipaddress.ip_address(HOST))]
        return builder.add_extension(x509.SubjectAlternativeName(names), critical=False).sign(root_key, hashes.SHA256())

    root = sign(root_name, root_key.public_key(), is_ca=True)
    leaf = sign(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)]), key.public_key(), is_ca=False)
    certificate, key_path = Identity(key, (leaf,)).write(folder, "server")
    root_pem = folder / "server-root.pem"
    root_pem.write_bytes(root.public_bytes(serialization.Encoding.PEM))
    return certificate, key_path, root_pem


async def measure_connects(figures: Figures, server: Server, target: Target, identities: list[Any], plan: Plan) -> None:
    for _ in range(plan.repetitions):
        fleet = Fleet(target, identities[: plan.connects])
        before = server.cpu_s()
        await fleet.connect(parallel=8)
        await asyncio.sleep(0.3)
        figures.add("connect_ms", server.name, (server.cpu_s() - before) / plan.connects * 1e3)
        await fleet.close()


async def measure_idle(figures: Figures, server: Server, target: Target, identities: list[Any], plan: Plan) -> None:
    """Memory that a session takes which does nothing; only true for a process that has served few before."""
    warm = Fleet(target, identities[:20])
    await warm.connect(parallel=8)
    await warm.close()
    await asyncio.sleep(1)
    fleet = Fleet(target, identities[: plan.idle])
    before_kb = server.memory_kb()
    await fleet.connect(parallel=8)
    await asyncio.sleep(5)
    figures.add("idle_kb", server.name, (server.memory_kb() - before_kb) / len(fleet.sessions))
    await fleet.close()


async def measure_messages(figures: Figures, server: Server, target: Target, identities: list[Any], plan: Plan) -> None:
    fleet = Fleet(target, identities[: plan.sessions])
    await fleet.connect(parallel=16)
    await fleet.publish(min(1.0, plan.seconds / 4))
    for _ in range(plan.repetitions):
        before = server.cpu_s()
        count, latencies = await fleet.publish(plan.seconds)
        figures.add("message_us", server.name, (server.cpu_s() - before) / max(count, 1) * 1e6)
        figures.add("message_rate", server.name, count / plan.seconds)
        figures.add("message_p50_ms", server.name, percentile(latencies, 0.5) * 1e3)
        figures.add("message_p99_ms", server.name, percentile(latencies, 0.99) * 1e3)
    await fleet.close()


async def measure_cuts(figures: Figures, platform: Platform, identities: list[Any], plan: Plan) -> None:
    """Disable one device after another while the others stay; then many at once."""
    fleet = Fleet(platform.target, identities[: plan.live])
    await fleet.connect(parallel=16)
    by_name: dict[str, Session] = {session.device_id: session for session in fleet.sessions}
    names = list(by_name)
    token = platform.api.headers["Authorization"]
    async with httpx.AsyncClient(base_url=platform.api.base_url, headers={"Authorization": token}, timeout=60) as api:
        cut_ms, answer_ms = [], []
        for name in names[: plan.cuts]:
            begin = time.monotonic()
            answer = await api.post(f"/v1/devices/{name}/disable", json={"reason": "benchmark"})
            answer_ms.append((time.monotonic() - begin) * 1e3)
            answer.raise_for_status()
            closed = await asyncio.wait_for(by_name[name].closed, 10)
            cut_ms.append((closed - begin) * 1e3)
            await asyncio.sleep(0.01)
        figures.other["cut_p50_ms"], figures.other["cut_p99_ms"] = percentile(cut_ms, 0.5), percentile(cut_ms, 0.99)
        figures.other["disable_answer_p50_ms"] = percentile(answer_ms, 0.5)
        figures.other["live_sessions"] = len(names)
        mass = names[plan.cuts : plan.cuts + plan.mass]
        begin = time.monotonic()
        bulk = {"is_enabled": False, "device_ids": mass, "reason": "benchmark"}
        (await api.post("/v1/bulk/devices", json=bulk)).raise_for_status()
        closed_at = await asyncio.wait_for(asyncio.gather(*(by_name[name].closed for name in mass)), 30)
        figures.other["mass_cut_s"] = max(closed_at) - begin
        figures.other["mass"] = len(mass)
        refused = 0
        for name in names[: min(20, plan.cuts)]:
            context = dict(identities)[name]
            try:
                await open_session(platform.target, name, context)
            except ConnectionError:
                refused += 1
        figures.other["refused_after_cut"] = f"{refused} of {min(20, plan.cuts)}"
    await fleet.close()


def measure_vedette(figures: Figures, folder: Path, plan: Plan) -> None:
    factory = Factory("Bench", clock())
    settings = "messages_per_s = 100000\nmessages_burst = 100000\n"
    with running(folder, gateway_settings=settings) as platform:
        enable_enrollment(platform, factory)
        names = [f"bench-{number}" for number in range(max(plan.live, plan.sessions, plan.connects))]

        async def measure() -> None:
            parts = {role: platform.server(role, role) for role in ("control", "gateway", "nats", "signer")}
            before = {role: server.cpu_s() for role, server in parts.items()}
            enrolled, seconds = await enroll(platform, factory, names)
            figures.other["enrollments"] = len(enrolled)
            figures.other["enrollments_per_s"] = len(enrolled) / seconds
            figures.other["enrollment_cpu_ms"] = {
                role: (server.cpu_s() - before[role]) / len(enrolled) * 1e3 for role, server in parts.items()
            }
            target = platform.target
            identities = [(name, target.context(*paths)) for name, paths in enrolled]
            # First uses are noted once in a device's life; they are not what a connect costs.
            warm = Fleet(target, identities)
            await warm.connect(parallel=16)
            await warm.close()
            await asyncio.sleep(2)
            await platform.restart_gateway()
            await measure_idle(figures, platform.server("vedette", "gateway"), target, identities, plan)
            for name, roles in (
                ("vedette gateway", ("gateway",)),
                ("vedette all processes", ("gateway", "control", "nats")),
            ):
                await measure_connects(figures, platform.server(name, *roles), target, identities, plan)
            await measure_messages(figures, platform.server("vedette", "gateway", "nats"), target, identities, plan)
            figures.hub = await measure_hub(platform, factory, identities, folder, plan)
            await measure_cuts(figures, platform, identities, plan)

        uvloop.run(measure())


def measure_peers(figures: Figures, folder: Path, plan: Plan) -> None:
    factory = Factory("Peers", clock())
    root = folder / "devices-root.pem"
    root.write_bytes(factory.root_pem())
    certificate, key, server_root = make_server_identity(folder)
    count = max(plan.sessions, plan.connects, plan.idle)
    paths = [
        (f"bench-{number}", factory.make_device(f"bench-{number}").write(folder, f"d{number}"))
        for number in range(count)
    ]
    nats = shutil.which("nats-server", path=str(Path(sys.executable).parent)) or "nats-server"
    with ExitStack() as stack:
        servers = [
            stack.enter_context(mosquitto(folder, root, certificate, key)),
            stack.enter_context(nats_mqtt(folder, nats, root, certificate, key)),
        ]
        for server in servers:
            target = Target(HOST, server.port, server_root)
            identities = [(name, target.context(*pair)) for name, pair in paths]

            async def measure(
                server: Server = server, target: Target = target, identities: list[Any] = identities
            ) -> None:
                await measure_idle(figures, server, target, identities, plan)
                await measure_connects(figures, server, target, identities, plan)
                await measure_messages(figures, server, target, identities, plan)

            uvloop.run(measure())


def measure_enforcement(*, is_quick: bool) -> dict[str, Any]:
    figures = enforcement.measure(is_quick=is_quick)
    if not is_quick:
        enforcement_report.write(figures)
    return figures


def measure_policy_cost(*, is_quick: bool) -> dict[str, Any]:
    figures = policy_cost.measure(is_quick=is_quick)
    if not is_quick:
        policy_cost.write(figures)
    return figures


# Parts with a section of their own in docs/benchmarks.md.
ALONE = {"console": measure_console, "enforcement": measure_enforcement, "policy": measure_policy_cost}


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small numbers: does everything work?")
    parser.add_argument("--only", choices=["peers", "vedette", *ALONE], help="measure one part only")
    parser.add_argument("--json", type=Path, help="also write all samples here")
    arguments = parser.parse_args()
    plan = QUICK if arguments.quick else Plan()
    raise_file_limit()
    if arguments.only in ALONE:
        print(json.dumps(ALONE[arguments.only](is_quick=arguments.quick), indent=1))
        return
    figures = Figures(describe_machine())
    folder = Path(tempfile.mkdtemp(prefix="vedette-bench-"))
    try:
        if arguments.only != "vedette":
            (folder / "peers").mkdir()
            measure_peers(figures, folder / "peers", plan)
        if arguments.only != "peers":
            (folder / "vedette").mkdir()
            measure_vedette(figures, folder / "vedette", plan)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for name, table in vars(figures).items():
        print(name, json.dumps(table, indent=1, default=str))
    if arguments.json:
        arguments.json.write_text(json.dumps(vars(figures), default=str))
    if not arguments.quick and not arguments.only:
        report.write(figures)


def medians(table: dict[str, list[float]]) -> dict[str, float]:
    return {server: statistics.median(values) for server, values in table.items()}


if __name__ == "__main__":
    main()
