"""Simulations: the present fleet and the decision log replayed under another bundle, before it decides anything.

The work is done by a process of its own; this one reads records and decisions, and puts together what comes back.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import ClassVar, Final, Self

import msgspec
import sqlalchemy as sa

from vedette.access import policy_repository as slices
from vedette.access import repository
from vedette.access.policy_errors import SimulationBusy, SimulationEnded, SimulationNotFound
from vedette.access.policy_repository import Simulated
from vedette.access.policy_store import PolicyStore, name_of
from vedette.access.repository import StoredRecord
from vedette.access.simulation_model import DAYS_MAX, SessionsSeen, SimulationReport, session_key, takes_part
from vedette.bus import BusTimeout, BusUnavailable
from vedette.kernel import Clock, IdSource, OrganizationId, Problem, to_rfc3339
from vedette.ledger import Actor
from vedette.messaging import DecisionReader, decided_at
from vedette.registry import GroupNotFound, GroupService
from vedette.store import Store, Transaction
from vedette.trust import EntitySlice, PolicyBundle, PostureRecord, RecordVerifier, Untrusted, encode_bundle
from vedette.trust.replay import (
    FRAME_MAX_BYTES,
    Bundles,
    Chunk,
    Facts,
    FleetItem,
    LogItem,
    Replayed,
    SeenSession,
    frame,
)

log = logging.getLogger(__name__)

DAYS: Final = 7
FLEET_PAGE: Final = 500
LOG_CHUNK: Final = 2_000
DECISIONS_MAX: Final = 1_000_000
DISTINCT_MAX: Final = 200_000
DENIED_MAX: Final = 200_000
_SAVE_EVERY_S: Final = 1.0
_ANSWER_S: Final = 300.0
_NAMES_MAX: Final = 200
_LOGGED: Final = ("connect", "refuse", "cut")

_LogKey = tuple[str, str, str, frozenset[tuple[str, object]]]


class SimulationFailed(Problem):
    """A simulation ended before it was done."""

    code: ClassVar[str] = "access.simulation_failed"
    status: ClassVar[int] = 503


class PolicySimulations:
    """Runs simulations one at a time, and keeps what they found.

    Args:
        organization_id: Whose fleet.
        bundles: Keeps the bundles.
        store: Keeps records, slices and reports.
        decisions: The log; ``None`` while there is no bus: then every session is assumed.
        groups: For the names of groups.
        public_key: Of the administrator: a record that is not ours is left out.
        clock: Source of time.
        ids: Source of ids.
    """

    def __init__(
        self,
        organization_id: OrganizationId,
        bundles: PolicyStore,
        store: Store,
        decisions: DecisionReader | None,
        groups: GroupService,
        *,
        public_key: bytes,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._organization_id = organization_id
        self._bundles = bundles
        self._store = store
        self._decisions = decisions
        self._groups = groups
        self._verifier = RecordVerifier(public_key)
        self._clock = clock
        self._ids = ids
        self._asked: asyncio.Queue[_Asked] = asyncio.Queue(maxsize=1)
        self._is_busy = False
        self._running = ""
        self._stopped_by = ""

    async def start(self) -> None:
        """Mark what a former process left unfinished."""
        now = self._clock.now()

        def write(tx: Transaction) -> None:
            slices.fail_simulations(tx.connection, self._organization_id, "control was started again meanwhile", now)

        await self._store.write(write)

    async def run(self) -> None:
        """Do what is asked, until cancelled."""
        while True:
            asked = await self._asked.get()
            try:
                await self._simulate(asked)
            except _Stopped as stopped:
                await self._fail(asked, str(stopped))
            except Problem as problem:
                log.warning("a simulation failed", extra={"cause": problem.code})
                await self._fail(asked, problem.detail)
            finally:
                self._is_busy = False

    async def ask(self, reference: str, *, against: str = "stable", days: int = DAYS, actor: Actor) -> Simulated:
        """Begin a simulation of a bundle over another; follow it with ``get``.

        Args:
            reference: The bundle that might decide.
            against: The one that decides.
            days: How much of the log to read, 1 to 90.
            actor: Who wants to know.

        Raises:
            PolicyBundleNotFound: There is none of one reference.
            SimulationBusy: Another one runs.
        """
        after, before = await self._bundles.get(reference), await self._bundles.get(against)
        if self._is_busy:
            raise SimulationBusy("another simulation runs", hint="wait for it: vedette policy simulations")
        self._is_busy = True
        now = self._clock.now()
        begun = Simulated(
            simulation_id=self._ids.new("sim"),
            sha256=after.stored.sha256,
            base_sha256=before.stored.sha256,
            state="running",
            examined=0,
            total=0,
            newly_allowed=0,
            newly_denied=0,
            cause="",
            created_at=now,
            finished_at=None,
            author=name_of(actor),
        )

        def write(tx: Transaction) -> None:
            slices.insert_simulation(tx.connection, self._organization_id, begun)
            details = {"simulation": begun.simulation_id, "over": begun.base_sha256, "days": days}
            self._bundles.record(tx, after.stored, "simulate_policies", actor=actor, reason="", details=dict(details))

        try:
            await self._store.write(write)
        except BaseException:
            self._is_busy = False
            raise
        self._running, self._stopped_by = begun.simulation_id, ""
        since = now - timedelta(days=max(1, min(days, DAYS_MAX)))
        self._asked.put_nowait(_Asked(begun, before.content, after.content, since))
        return begun

    async def get(self, simulation_id: str) -> tuple[Simulated, SimulationReport | None]:
        """Return a simulation, with its report once it is done.

        Raises:
            SimulationNotFound: There is none of that id.
        """
        found = await self._store.read(
            lambda connection: slices.find_simulation(connection, self._organization_id, simulation_id)
        )
        if found is None:
            raise SimulationNotFound(
                f"there is no simulation {simulation_id[:64]!r}", hint="see them: vedette policy simulations"
            )
        simulated, report = found
        return simulated, msgspec.json.decode(report, type=SimulationReport) if report else None

    async def stop(self, simulation_id: str, *, actor: Actor) -> Simulated:
        """End a simulation before it is done; what it has found until then is not kept.

        Args:
            simulation_id: Which one; it ends as failed within a moment, with who stopped it as the cause.
            actor: Who.

        Raises:
            SimulationNotFound: There is none of that id.
            SimulationEnded: It does not run any more.
        """
        simulated, _ = await self.get(simulation_id)
        if simulated.state != "running" or self._running != simulation_id or not self._is_busy:
            raise SimulationEnded("the simulation has ended already", hint="see it: vedette policy simulations")
        bundle = await self._bundles.get(simulated.sha256)

        def write(tx: Transaction) -> None:
            details: dict[str, object] = {"simulation": simulation_id}
            self._bundles.record(tx, bundle.stored, "stop_simulating_policies", actor=actor, reason="", details=details)

        await self._store.write(write)
        if self._running == simulation_id:
            self._stopped_by = actor.name or name_of(actor)
        return simulated

    async def recent(self, *, after: str = "", limit: int = 100) -> tuple[list[Simulated], str | None]:
        """Return simulations, newest first, and what to pass as ``after`` next."""
        most = max(1, min(limit, 1000))
        found = await self._store.read(
            lambda connection: slices.list_simulations(connection, self._organization_id, after=after, count=most + 1)
        )
        page = found[:most]
        return page, page[-1].simulation_id if len(found) > most else None

    async def foretold(self, simulation_id: str) -> frozenset[str]:
        """Return who a simulation found refused; nobody for one that is not known."""
        raw = await self._store.read(
            lambda connection: slices.read_denied(connection, self._organization_id, simulation_id)
        )
        return frozenset(msgspec.msgpack.decode(raw, type=list[str])) if raw else frozenset()

    async def _simulate(self, asked: _Asked) -> None:
        report = SimulationReport()
        denied: list[str] = []
        began_s = saved_s = self._clock.monotonic_s()
        sessions, logged = await self._read_log(asked, report)
        total = await self._store.read(lambda connection: repository.count_records(connection, self._organization_id))
        total += len(logged)
        examined = 0
        async with _Worker(asked.before, asked.after) as worker:
            async for items in self._questions(asked, sessions, logged, report):
                self._check_wanted()
                replayed = await worker.replay(Chunk(self._clock.now(), items))
                report.take(items, replayed)
                denied += _generations(items, replayed.denied)
                examined += len(items)
                if self._clock.monotonic_s() - saved_s >= _SAVE_EVERY_S:
                    saved_s = self._clock.monotonic_s()
                    await self._save(asked, examined=examined, total=max(total, examined))
        self._check_wanted()
        report.seconds = round(self._clock.monotonic_s() - began_s, 3)
        report.names = await self._names(report)
        await self._save(
            asked,
            state="done",
            examined=examined,
            total=examined,
            newly_allowed=report.totals.newly_allowed,
            newly_denied=report.totals.newly_denied,
            report=msgspec.json.encode(report),
            denied=msgspec.msgpack.encode(denied[:DENIED_MAX]),
            finished_at=self._clock.now(),
        )

    async def _read_log(self, asked: _Asked, report: SimulationReport) -> tuple[SessionsSeen, dict[_LogKey, _Logged]]:
        """Read who was seen how, and which decisions can be made again."""
        sessions, logged = SessionsSeen(), dict[_LogKey, _Logged]()
        report.log.since = to_rfc3339(asked.since)
        if self._decisions is None:
            return sessions, logged
        read = 0
        try:
            async for batch in self._decisions.replay(
                self._organization_id, since=asked.since, kinds=_LOGGED, limit=DECISIONS_MAX
            ):
                self._check_wanted()
                read += len(batch)
                for record in (decision.record for decision in batch):
                    if record.generation_id is None or not record.facts:
                        report.log.skipped += 1
                        continue
                    sessions.add(record.generation_id, SeenSession(decided_at(record), dict(record.facts)))
                    if record.slice_sha256 is None or not record.bundle_sha256:
                        report.log.skipped += 1
                        continue
                    key = (record.generation_id, record.slice_sha256, record.action, session_key(record.facts))
                    if key in logged or len(logged) < DISTINCT_MAX:
                        logged.setdefault(key, _Logged(dict(record.facts))).count += 1
                    else:
                        report.log.is_cut = True
        except (BusUnavailable, BusTimeout) as error:
            raise SimulationFailed("the decision log cannot be read now", hint="try again in a moment") from error
        report.log.is_cut = report.log.is_cut or read >= DECISIONS_MAX
        return sessions, logged

    def _check_wanted(self) -> None:
        if self._stopped_by:
            raise _Stopped(f"stopped by {self._stopped_by}")

    async def _questions(
        self, asked: _Asked, sessions: SessionsSeen, logged: dict[_LogKey, _Logged], report: SimulationReport
    ) -> AsyncIterator[list[FleetItem | LogItem]]:
        after = ""
        while True:
            rows = await self._store.read(lambda connection, after=after: self._page(connection, after))  # type: ignore[misc] # a bound default
            if not rows:
                break
            after = rows[-1].generation_id
            records = await asyncio.to_thread(self._believe, rows)
            taking_part = [record for record in records if takes_part(record)]
            report.left_out += len(rows) - len(taking_part)
            yield [FleetItem(record, sessions.of(record, asked.begun.created_at)) for record in taking_part]
        keys = list(logged)
        for begin in range(0, len(keys), LOG_CHUNK):
            part = keys[begin : begin + LOG_CHUNK]
            known = await self._slices({key[1] for key in part})
            report.log.skipped += sum(logged[key].count for key in part if key[1] not in known)
            yield [
                LogItem(key[0], self._organization_id, known[key[1]], key[2], logged[key].facts, logged[key].count)
                for key in part
                if key[1] in known
            ]

    def _page(self, connection: sa.Connection, after: str) -> list[StoredRecord]:
        return repository.list_records(connection, self._organization_id, after, FLEET_PAGE)

    def _believe(self, rows: list[StoredRecord]) -> list[PostureRecord]:
        found = []
        for row in rows:
            with contextlib.suppress(Untrusted):
                found.append(self._verifier.record(row.signed))
        return found

    async def _slices(self, digests: set[str]) -> dict[str, EntitySlice]:
        found = await self._store.read(
            lambda connection: slices.find_slices(connection, self._organization_id, list(digests))
        )
        return {digest: msgspec.json.decode(raw, type=EntitySlice) for digest, raw in found.items()}

    async def _names(self, report: SimulationReport) -> dict[str, str]:
        names: dict[str, str] = {}
        for group_id in list(report.by_group)[:_NAMES_MAX]:
            with contextlib.suppress(GroupNotFound):
                names[group_id] = (await self._groups.get(self._organization_id, group_id)).name
        return names

    async def _save(self, asked: _Asked, **values: object) -> None:
        await self._store.write(
            lambda tx: slices.update_simulation(
                tx.connection, self._organization_id, asked.begun.simulation_id, **values
            )
        )

    async def _fail(self, asked: _Asked, cause: str) -> None:
        with contextlib.suppress(Problem):
            await self._save(asked, state="failed", cause=cause[:1024], finished_at=self._clock.now())


class _Stopped(Exception):  # noqa: N818 - nothing went wrong
    """Somebody no longer wants to know."""


class _Asked(msgspec.Struct, frozen=True):
    begun: Simulated
    before: PolicyBundle
    after: PolicyBundle
    since: datetime


class _Logged:
    """Equal decisions of the log."""

    __slots__ = ("count", "facts")

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.count = 0


class _Worker:
    """The process that replays, for one simulation."""

    def __init__(self, before: PolicyBundle, after: PolicyBundle) -> None:
        self._first = msgspec.msgpack.encode(Bundles(encode_bundle(before), encode_bundle(after)))
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        try:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-c", "from vedette.trust.replay.worker import main; main()"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            await self._write(self._first)
        except OSError as error:
            await self.__aexit__()
            raise SimulationFailed(
                f"the replaying process cannot be started: {error.strerror}",
                hint="is there memory left? then try again",
            ) from error
        return self

    async def __aexit__(self, *_: object) -> None:
        process = self._process
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    async def replay(self, chunk: Chunk) -> Replayed:
        """Have a chunk answered.

        Raises:
            SimulationFailed: The process is gone, or does not answer.
        """
        process = self._process
        if process is None or process.stdout is None:
            raise SimulationFailed("the replaying process is not there")
        try:
            async with asyncio.timeout(_ANSWER_S):
                await self._write(await asyncio.to_thread(msgspec.msgpack.encode, chunk))
                size = int.from_bytes(await process.stdout.readexactly(4), "big")
                if size > FRAME_MAX_BYTES:
                    raise SimulationFailed("the replaying process answers nonsense")
                body = await process.stdout.readexactly(size)
            return await asyncio.to_thread(msgspec.msgpack.decode, body, type=Replayed)
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError, msgspec.MsgspecError) as error:
            raise SimulationFailed(
                "the replaying process ended or does not answer", hint="is there memory left? then try again"
            ) from error

    async def _write(self, body: bytes) -> None:
        process = self._process
        if process is None or process.stdin is None:
            raise SimulationFailed("the replaying process is not there")
        process.stdin.write(frame(body))
        await process.stdin.drain()


def _generations(items: list[FleetItem | LogItem], indexes: list[int]) -> list[str]:
    found: list[str] = []
    for index in indexes:
        item = items[index]
        if isinstance(item, FleetItem):
            found.append(item.record.generation_id)
    return found
