"""Commands on their way: taken by the session that delivers them, gone when the device has acknowledged them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final, Protocol

from vedette.bus.contract import CommandsCompleted, CommandsTaken, CompleteCommands, QueuedCommand, TakeCommands
from vedette.kernel import Clock, GenerationId, parse_generation_id
from vedette.messaging import command_repository as repository
from vedette.messaging.command_endings import CommandEndings
from vedette.messaging.command_model import Outcome, application_properties, system_properties
from vedette.messaging.command_repository import Waiting
from vedette.messaging.errors import InvalidRequest
from vedette.messaging.settings import CommandSettings
from vedette.store import Store, Transaction

log = logging.getLogger(__name__)

TAKE_MAX: Final = 50
TAKE_MAX_BYTES: Final = 700_000
COMPLETE_MAX: Final = 5_000
_SEQUENCE_MAX: Final = 2**63 - 1
# Around a command on its way: field names, times, the topic it is sent to.
_OVERHEAD_BYTES: Final = 1_024


class Holders(Protocol):
    """Who holds which identity, as far as is known."""

    def is_superseded(self, generation_id: str, gateway: str, session_id: str) -> bool:
        """Tell whether another session than this one is known to hold the identity by now."""
        ...


class CommandDelivery:
    """Hands commands to gateways, in order, and takes them out of their queues when devices have acknowledged them.

    A delivery is counted on disk before the gateway gets the command, once for each session that takes it: what a dead
    session has taken, the next one takes again, marked as a redelivery. A session that asks again because an answer was
    lost gets the same commands under the same count.

    Args:
        store: Holds the queues.
        endings: Takes commands out.
        holders: Keeps commands from a session that has lost the device to another.
        settings: How often a command is delivered.
        clock: For times to live.
    """

    def __init__(
        self, store: Store, endings: CommandEndings, holders: Holders, settings: CommandSettings, *, clock: Clock
    ) -> None:
        self._store = store
        self._endings = endings
        self._holders = holders
        self._settings = settings
        self._clock = clock

    async def take(self, request: TakeCommands) -> CommandsTaken:
        """Hand commands to the session that delivers them; the delivery is counted on disk before it is handed over.

        Raises:
            InvalidId: An id is malformed.
            InvalidRequest: A number is outside its limits.
        """
        generation_id = parse_generation_id(request.generation_id)
        parse_generation_id(request.session_id)
        if not 0 <= request.after_sequence <= _SEQUENCE_MAX or request.limit < 1:
            raise InvalidRequest("after_sequence is a sequence, limit at least 1")
        if self._holders.is_superseded(generation_id, request.gateway, request.session_id):
            return CommandsTaken([])
        # Most devices have nothing waiting when they connect: they cost no write.
        is_worth_it = await self._store.read(
            lambda connection: repository.has_waiting(
                connection, request.organization_id, generation_id, after=request.after_sequence
            )
        )
        if not is_worth_it:
            return CommandsTaken([])
        return await self._store.write(lambda tx: self._take(tx, request, generation_id))

    async def complete(self, request: CompleteCommands) -> CommandsCompleted:
        """Take acknowledged commands out of their queues; one that is gone already is no mistake.

        Raises:
            InvalidId: An id is malformed.
            InvalidRequest: Too many at once, or a number is no sequence.
        """
        if len(request.completed) > COMPLETE_MAX:
            raise InvalidRequest(f"at most {COMPLETE_MAX} commands are completed at once", limit=COMPLETE_MAX)
        wanted: set[tuple[str, int]] = set()
        for generation_id, sequence in request.completed:
            if not 0 < sequence <= _SEQUENCE_MAX:
                raise InvalidRequest(f"{sequence} is no sequence")
            wanted.add((parse_generation_id(generation_id), sequence))
        generation_ids = sorted({generation_id for generation_id, _ in wanted})

        def settle(tx: Transaction) -> None:
            queues = repository.list_queues(tx.connection, request.organization_id, generation_ids)
            # What no session took cannot have been acknowledged.
            taken = [each.command for each in queues if each.taken_by is not None]
            done = [each for each in taken if (each.generation_id, each.sequence) in wanted]
            self._endings.settle(tx, done, Outcome.SUCCESS)

        if wanted:
            await self._store.write(settle)
        return CommandsCompleted()

    def _take(self, tx: Transaction, request: TakeCommands, generation_id: GenerationId) -> CommandsTaken:
        organization_id, session_id = request.organization_id, request.session_id
        everything = repository.list_queue(tx.connection, organization_id, generation_id)
        queue = self._endings.drop_expired(tx, everything, self._clock.now())
        queue = [each for each in queue if each.command.sequence > request.after_sequence]
        # A session that asks again did not get the answer: that was no delivery.
        is_worn = [
            each.command.delivery_count >= self._settings.delivery_count and each.taken_by != session_id
            for each in queue
        ]
        worn = [each.command for each, is_out in zip(queue, is_worn, strict=True) if is_out]
        if worn:
            self._endings.settle(tx, worn, Outcome.DELIVERY_COUNT_EXCEEDED)
            log.info("commands were given up", extra={"generation_id": generation_id, "count": len(worn)})
        live = [each for each, is_out in zip(queue, is_worn, strict=True) if not is_out]
        chosen = _fitting(live[: min(request.limit, TAKE_MAX)])
        counted = [each.command.sequence for each in chosen if each.taken_by != session_id]
        if counted:
            repository.count_deliveries(tx.connection, organization_id, generation_id, counted, session_id)
        bodies = repository.read_bodies(
            tx.connection, organization_id, generation_id, [each.command.sequence for each in chosen]
        )
        taken = [_to_queued(each, session_id, bodies[each.command.sequence]) for each in chosen]
        return CommandsTaken(taken, more=len(live) > len(chosen))


def _fitting(waiting: Sequence[Waiting]) -> Sequence[Waiting]:
    """Cut to what one message of the bus carries; at least one."""
    size = 0
    for count, each in enumerate(waiting):
        size += each.command.size_bytes + _OVERHEAD_BYTES
        if size > TAKE_MAX_BYTES and count:
            return waiting[:count]
    return waiting


def _to_queued(waiting: Waiting, session_id: str, body: bytes) -> QueuedCommand:
    command = waiting.command
    return QueuedCommand(
        sequence=command.sequence,
        delivery_count=command.delivery_count + (waiting.taken_by != session_id),
        system=system_properties(command),
        properties=application_properties(command),
        body=body,
    )
