"""The records on the bus: a projection of SQL, pushed to enforcement points and rebuilt when control starts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from vedette.access import repository
from vedette.access.administrator import PolicyAdministrator
from vedette.access.errors import PostureUnavailable
from vedette.bus import BusConnection, BusUnavailable, JetStream, PublishResult
from vedette.bus.contract import POSTURE_STREAM, posture_head_subject, posture_subject
from vedette.kernel import Clock, GenerationId, OrganizationId, Problem
from vedette.store import Store
from vedette.trust import RecordSigner, RecordVerifier, Untrusted

log = logging.getLogger(__name__)

HEAD_INTERVAL_S: Final = 1.0
_DEADLINE_S: Final = 30.0
_CHUNK: Final = 500
_RETRY_S: Final = 1.0


class PostureProjection:
    """Publishes each committed record and, each second, the signed head.

    Enforcement points hear the very message that the stream stores. What could not be stored is sent again, in order.

    Args:
        organization_id: Whose records these are.
        administrator: Writes them.
        signer: Signs heads.
        store: To read what the bus has missed.
        connection: In the account that may write posture.
        clock: For the pace of heads.
    """

    def __init__(
        self,
        organization_id: OrganizationId,
        administrator: PolicyAdministrator,
        signer: RecordSigner,
        store: Store,
        connection: BusConnection,
        *,
        clock: Clock,
    ) -> None:
        self._organization_id = organization_id
        self._administrator = administrator
        self._signer = signer
        self._verifier = RecordVerifier(signer.public_key)
        self._store = store
        self._connection = connection
        self._clock = clock
        self._head_subject = posture_head_subject(organization_id)
        self._is_withheld = False
        # The lowest sequence that may be missing on the bus; None: nothing is.
        self._behind: int | None = None

    def publish(self, generation_id: GenerationId, sequence: int, signed: bytes) -> None:
        """Push one committed record; never waits and never fails."""

        def done(result: PublishResult) -> None:
            if isinstance(result, Problem):
                log.warning("posture record not stored on the bus", extra={"sequence": sequence, "cause": result.code})
                self._miss(sequence)

        epoch = 0 if self._administrator.published is None else self._administrator.published.epoch
        try:
            self._connection.jetstream_publish(
                posture_subject(self._organization_id, generation_id),
                signed,
                stream=POSTURE_STREAM,
                msg_id=f"{self._organization_id}-{epoch}-{sequence}",
                deadline_s=_DEADLINE_S,
                on_done=done,
            )
        except BusUnavailable:
            self._miss(sequence)

    def publish_head(self) -> None:
        """Push a head at once, outside its second: gateways read of other policies in it."""
        try:
            self._tell_head()
        except BusUnavailable:
            log.info("the head waits for the bus")

    async def rebuild(self) -> int:
        """Publish what the bus does not have: all that changed after the head it stored last.

        Returns:
            How many records were published.
        """
        stored = await JetStream(self._connection).direct_get_last(POSTURE_STREAM, self._head_subject)
        count = await self._publish_after(self._known(None if stored is None else stored.payload))
        await self._publish_head()
        return count

    async def run(self) -> None:
        """Publish the head each second, and what was missed, until cancelled."""
        async with asyncio.TaskGroup() as group:
            # Apart: gateways go stale without heads, and mending waits for the bus to store and for the database.
            group.create_task(self._each_second(self._publish_head, "head"), name="posture head")
            group.create_task(self._each_second(self._mend, "records missed"), name="posture mending")

    async def _each_second(self, act: Callable[[], Awaitable[None]], what: str) -> None:
        due_s = self._clock.monotonic_s()
        while True:
            try:
                await act()
            except Problem as problem:
                log.warning("not told to the enforcement points", extra={"what": what, "cause": problem.code})
            due_s = max(due_s + HEAD_INTERVAL_S, self._clock.monotonic_s())
            await asyncio.sleep(due_s - self._clock.monotonic_s())

    async def _publish_head(self) -> None:
        self._tell_head()

    def _tell_head(self) -> None:
        try:
            head = self._administrator.head()
        except PostureUnavailable:
            if not self._is_withheld:
                self._is_withheld = True
                log.error("no head is signed: the ledger was altered, or an older database was put back")  # noqa: TRY400 - no trace wanted
            return
        self._is_withheld = False
        # Not stored means not acknowledged, and the next one comes in a second: a plain publish is enough.
        self._connection.publish(self._head_subject, self._signer.sign_head(head))

    async def _mend(self) -> None:
        await self._administrator.catch_up()
        if self._behind is None or not self._connection.is_connected:
            return
        after, self._behind = self._behind - 1, None
        try:
            await self._publish_after(after)
        except Problem:
            self._miss(after + 1)
            raise

    async def _publish_after(self, sequence: int) -> int:
        count = 0
        while True:
            rows = await self._store.read(
                lambda connection, after=sequence: repository.list_after(  # type: ignore[misc] # a bound default
                    connection, self._organization_id, after, _CHUNK
                )
            )
            for row in rows:
                await self._connection.jetstream_publish_wait(
                    posture_subject(self._organization_id, row.generation_id),
                    row.signed,
                    stream=POSTURE_STREAM,
                    msg_id=f"{self._organization_id}-{row.sequence}-again",
                    deadline_s=_DEADLINE_S,
                )
            count += len(rows)
            if len(rows) < _CHUNK:
                return count
            sequence = rows[-1].sequence

    def _known(self, signed_head: bytes | None) -> int:
        """Return the sequence up to which the bus has all records; 0 when its head cannot be believed."""
        state = self._administrator.published
        if signed_head is None or state is None:
            return 0
        try:
            head = self._verifier.head(signed_head)
        except Untrusted:
            log.exception("the head on the bus is not ours; all records are published again")
            return 0
        return head.sequence if head.epoch == state.epoch and head.sequence <= state.sequence else 0

    def _miss(self, sequence: int) -> None:
        self._behind = sequence if self._behind is None else min(self._behind, sequence)
