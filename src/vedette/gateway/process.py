"""One gateway process: from its trust anchor to an open port, and back in order."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import logging
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from vedette.bus import BusConnection, Message
from vedette.bus.contract import SessionOpened, session_opened_subject
from vedette.gateway.clones import CloneReporter, CloneWatch
from vedette.gateway.completions import Completions
from vedette.gateway.connection import MqttConnection
from vedette.gateway.downlink import DownlinkReader
from vedette.gateway.listener import Listener, sweep_every_second
from vedette.gateway.opening_keys import OpeningKeyRing
from vedette.gateway.pacing import SourceRates
from vedette.gateway.peer import CertificateFacts
from vedette.gateway.policies import PolicyDesk, PolicyShelf, open_engines
from vedette.gateway.posture import HeadFloor, PostureWatch
from vedette.gateway.reception import Moments, Places, Reception
from vedette.gateway.refusals import DecisionLog
from vedette.gateway.reports import CertificateReporter
from vedette.gateway.server_certificate import ServerCertificate
from vedette.gateway.sessions import SessionTable
from vedette.gateway.settings import GatewayPost, GatewaySettings
from vedette.gateway.status import StatusReport
from vedette.gateway.telemetry import TelemetryWriter
from vedette.gateway.tls import TlsFront
from vedette.gateway.tls_context import TlsContextHolder
from vedette.gateway.traffic import TrafficMeter
from vedette.gateway.uplink import UplinkSender
from vedette.gateway.websocket import WebSocketStage
from vedette.gateway.wills import WillTable
from vedette.kernel import Clock, Deadline, IdSource, RandomIds, SystemClock
from vedette.protocols.hub import BagLimits, BagReader
from vedette.trust import PostureView, RecordVerifier, TrustAnchor, read_trust_anchor

log = logging.getLogger(__name__)

_FLOOR_EVERY_S: Final = 5.0
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_MINUTE_MS: Final = 60_000
_OBJECTS_BEFORE_COLLECTION: Final = 50_000


async def run_gateway(
    settings: GatewaySettings,
    post: GatewayPost,
    *,
    stop: asyncio.Event | None = None,
    on_open: Callable[[int], None] | None = None,
) -> None:
    """Run until ``stop`` is set or the task is cancelled; both end in order: no new connection, telemetry stored.

    Args:
        settings: Limits.
        post: Name, directory, addresses.
        stop: Set it to end.
        on_open: Called with the port once devices can connect.

    Raises:
        BadTrustAnchor: There is no readable trust anchor.
        BusUnavailable: The bus was not reached in time.
        OSError: The port is taken.
    """
    clock = SystemClock()
    anchor = await asyncio.to_thread(read_trust_anchor, post.trust_anchor)
    _prepare_process()
    bus = await BusConnection.connect(post.bus, clock=clock)
    try:
        gateway = Gateway(settings, post, anchor=anchor, bus=bus, clock=clock)
        await gateway.run(stop or asyncio.Event(), on_open)
    finally:
        await bus.close()


class Gateway:
    """The parts of one gateway, and their order."""

    def __init__(
        self, settings: GatewaySettings, post: GatewayPost, *, anchor: TrustAnchor, bus: BusConnection, clock: Clock
    ) -> None:
        self._settings = settings
        self._post = post
        self._anchor = anchor
        self._bus = bus
        self._clock = clock
        self._ids: IdSource = RandomIds(clock)
        self._floor = HeadFloor(post.directory / "head", clock)
        self._shelf = PolicyShelf(post.directory / "policies")

    async def run(self, stop: asyncio.Event, on_open: Callable[[int], None] | None = None) -> None:
        """Open, serve until ``stop`` or cancellation, close in order."""
        engines, bundles = await asyncio.to_thread(open_engines, self._shelf)
        floor = await asyncio.to_thread(self._floor.read)
        view = PostureView(self._anchor, engines.sha256, self._clock, floor)
        policies = PolicyDesk(
            bus=self._bus,
            view=view,
            engines=engines,
            bundles=bundles,
            shelf=self._shelf,
            organization_id=self._anchor.organization_id,
            gateway=self._post.name,
            clock=self._clock,
        )
        boot_id = await asyncio.to_thread(_BOOT_ID.read_text)
        try:
            async with asyncio.TaskGroup() as tasks:
                reception, status = self._furnish(tasks, policies, view, boot_id.strip())
                serving = tasks.create_task(self._serve(tasks, reception, status, on_open), name="serve")
                await stop.wait()
                serving.cancel()
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None

    async def _serve(
        self,
        tasks: asyncio.TaskGroup,
        reception: Reception,
        status: StatusReport,
        on_open: Callable[[int], None] | None,
    ) -> None:
        background: list[asyncio.Task[None]] = []
        front: TlsFront | None = None
        listener: Listener | None = None
        try:
            reception.watch.start()
            self._listen_to_others(reception)
            DownlinkReader(reception).start()
            background.append(tasks.create_task(reception.watch.run(), name="posture resync"))
            background.append(tasks.create_task(reception.policies.run(), name="policies"))
            background.append(tasks.create_task(reception.opening_keys.run(), name="opening keys"))
            certificates = ServerCertificate(
                self._bus, self._anchor, self._post.name, self._post.directory, self._clock
            )
            credential = await certificates.current()
            holder = TlsContextHolder(credential.chain_pem, credential.key_pem)
            await reception.watch.wait_fresh()
            front = self._new_front(holder, reception)
            listener = Listener(front, self._post.bind, shares_port=self._post.shares_port)
            port = await self._listen(listener, reception)
            gc.freeze()
            sweeps = (
                reception.sessions.sweep,
                reception.decisions.sweep,
                reception.traffic.sweep,
                _MinuteWatch(reception).sweep,
                lambda: _sweep_provisioning(reception),
                status.send,
            )
            background += [
                tasks.create_task(listener.sweep_admission(), name="admission"),
                tasks.create_task(sweep_every_second(*sweeps), name="sweep"),
                tasks.create_task(self._keep_floor(reception.view), name="head floor"),
                tasks.create_task(certificates.keep_current(credential, holder.reload), name="server certificate"),
            ]
            status.send()  # who asks at once how we are is not told that no gateway reports
            if on_open is not None:
                on_open(port)
            await asyncio.Event().wait()
        finally:
            try:
                if listener is not None and front is not None:
                    await self._close(listener, front, reception)
            finally:
                for task in background:
                    task.cancel()

    async def _listen(self, listener: Listener, reception: Reception) -> int:
        """Open the ports and return that of MQTT."""
        new_mqtt = functools.partial(MqttConnection, reception)
        if self._post.websocket_port is not None:
            new_websocket = functools.partial(WebSocketStage, new_mqtt, reception.decisions)
            await listener.open(self._post.websocket_port, new_websocket)
        return await listener.open(self._post.port, new_mqtt)

    def _new_front(self, holder: TlsContextHolder, reception: Reception) -> TlsFront:
        return TlsFront(
            holder=holder,
            settings=self._settings.tls,
            clock=self._clock,
            loop=reception.loop,
            refusals=_TlsRefusals(reception.decisions),
        )

    def _furnish(
        self, tasks: asyncio.TaskGroup, policies: PolicyDesk, view: PostureView, boot_id: str
    ) -> tuple[Reception, StatusReport]:
        settings, name, organization_id = self._settings, self._post.name, self._anchor.organization_id
        loop = asyncio.get_running_loop()
        status = StatusReport(
            bus=self._bus,
            view=view,
            count_sessions=lambda: len(sessions),
            organization_id=organization_id,
            gateway=name,
            boot_id=boot_id,
            clock=self._clock,
        )
        suspicions = CloneReporter(
            bus=self._bus,
            organization_id=organization_id,
            gateway=name,
            window_s=settings.session.takeover_window_s,
            clock=self._clock,
            tasks=tasks,
        )
        clones = CloneWatch(settings.session, self._clock, suspicions.report)
        sessions = SessionTable(settings.session, clones, view, self._clock, status.enforced)
        watch = PostureWatch(
            bus=self._bus,
            view=view,
            apply=sessions.apply,
            organization_id=organization_id,
            gateway=name,
            clock=self._clock,
            ids=self._ids,
            on_head=policies.look,
        )
        policies.on_changed(functools.partial(_policies_changed, sessions, watch))
        telemetry = TelemetryWriter(
            bus=self._bus,
            organization_id=organization_id,
            gateway=name,
            boot_id=self._ids.new("op"),
            settings=settings.telemetry,
            clock=self._clock,
            loop=loop,
        )
        decisions = DecisionLog(
            bus=self._bus,
            organization_id=organization_id,
            gateway=name,
            settings=settings.decisions,
            clock=self._clock,
            ids=self._ids,
        )
        reports = CertificateReporter(
            bus=self._bus, organization_id=organization_id, gateway=name, clock=self._clock, tasks=tasks
        )
        completions = Completions(bus=self._bus, organization_id=organization_id, gateway=name, tasks=tasks)
        uplink = UplinkSender(
            bus=self._bus, organization_id=organization_id, gateway=name, boot_id=boot_id, clock=self._clock
        )
        dps = settings.dps
        reception = Reception(
            gateway=name,
            settings=settings,
            anchor=self._anchor,
            clock=self._clock,
            moments=Moments(self._clock),
            ids=self._ids,
            bus=self._bus,
            view=view,
            policies=policies,
            watch=watch,
            opening_keys=OpeningKeyRing(
                bus=self._bus,
                verifier=RecordVerifier(self._anchor.administrator_key),
                organization_id=organization_id,
                gateway=name,
                clock=self._clock,
                ids=self._ids,
            ),
            sessions=sessions,
            telemetry=telemetry,
            decisions=decisions,
            reports=reports,
            clones=clones,
            completions=completions,
            uplink=uplink,
            traffic=TrafficMeter(uplink.send, self._clock),
            bags=BagReader(BagLimits()),
            wills=WillTable(loop),
            openings=Places(settings.session.max_openings),
            vouching=Places(settings.session.max_vouching),
            registering=Places(dps.max_pending),
            registrations=SourceRates(dps.requests_per_source_s, dps.requests_burst_per_source),
            provisioning=set(),
            tasks=tasks,
            loop=loop,
        )
        return reception, status

    def _listen_to_others(self, reception: Reception) -> None:
        """Close a session that another gateway has taken over."""
        own = session_opened_subject(self._anchor.organization_id, reception.gateway)

        def opened(message: Message) -> None:
            if message.subject == own:
                return  # what it says may be over by now, and the will of that session held back
            try:
                other = msgspec.msgpack.decode(message.payload, type=SessionOpened)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                log.warning("a session notice could not be read", extra={"subject": message.subject})
                return
            reception.sessions.opened_elsewhere(other)
            reception.wills.drop(other.generation_id)

        self._bus.subscribe(f"session.opened.{self._anchor.organization_id}.*", opened)

    async def _close(self, listener: Listener, front: TlsFront, reception: Reception) -> None:
        """Take nothing new, store what was taken, acknowledge it, close."""
        listener.close()
        front.stop_reading()
        with contextlib.suppress(TimeoutError):
            async with Deadline(self._settings.stop_s):
                reception.wills.publish_all()
                await reception.telemetry.flush()
                await reception.completions.flush()
        reception.completions.close()
        reception.sessions.stop()
        front.close_all()
        reception.decisions.close()
        await self._keep_floor_once(reception.view)
        await self._bus.drain(timeout_s=self._settings.stop_s)

    async def _keep_floor(self, view: PostureView) -> None:
        while True:
            await self._keep_floor_once(view)
            await asyncio.sleep(_FLOOR_EVERY_S)

    async def _keep_floor_once(self, view: PostureView) -> None:
        try:
            await asyncio.to_thread(self._floor.keep, view.head)
        except OSError as error:
            log.warning("head floor not kept", extra={"reason": str(error)})


class _MinuteWatch:
    """Decides live sessions again at each minute's start, where the hour matters to the policies in force."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._minute = reception.now_ms() // _MINUTE_MS

    def sweep(self) -> None:
        """Look at the clock; call it each second."""
        reception = self._reception
        minute = reception.now_ms() // _MINUTE_MS
        if minute == self._minute:
            return
        self._minute = minute
        if reception.policies.engines.is_ever_time_bound:
            reception.sessions.decide_all_again(reception.watch.run_paced, time_bound_only=True)


def _policies_changed(sessions: SessionTable, watch: PostureWatch) -> None:
    watch.look_again()
    sessions.decide_all_again(watch.run_paced, time_bound_only=False)


class _TlsRefusals:
    """Puts what the TLS stage turned away on record."""

    def __init__(self, decisions: DecisionLog) -> None:
        self._decisions = decisions

    def tls_refused(self, reason: str, detail: str, remote_address: str, chain: tuple[bytes, ...]) -> None:
        self._decisions.record(
            "refuse",
            reason,
            detail=detail,
            remote_address=remote_address,
            certificate=CertificateFacts.of(chain[0]) if chain else None,
        )


def _sweep_provisioning(reception: Reception) -> None:
    now_s = reception.clock.monotonic_s()
    for session in list(reception.provisioning):
        session.sweep(now_s)


def _prepare_process() -> None:
    """Allow as many sockets as the system does, and collect garbage less often: sessions are freed by their counts."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTION, 20, 50)
