"""Commands to devices, as senders see them: queued on disk, listed, purged."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime

from vedette.kernel import Clock, IdSource, OrganizationId, to_rfc3339
from vedette.ledger import Actor, Entry, Event, Ledger
from vedette.messaging import command_repository as repository
from vedette.messaging.command_endings import CommandEndings
from vedette.messaging.command_model import Command, NewCommand, check_command
from vedette.messaging.errors import CommandQueueFull, DeviceIsRetired, ModuleHasNoQueue
from vedette.messaging.events import CommandQueued, CommandsPurged
from vedette.messaging.identities import Identity, find_named
from vedette.messaging.settings import CommandSettings
from vedette.registry import DeviceDeleted, DeviceRetired, check_reason
from vedette.store import Store, Transaction


class CommandQueue:
    """One bounded queue for each device, in order, on disk.

    A command may be sent to a device that is disabled, blocked or quarantined: it waits until the device is let in
    again or its time to live ends. ``project`` must be registered with the ledger: a queue ends with its device.

    Args:
        store: Holds the queues.
        ledger: Tells of each command that is sent or purged, never of a body.
        endings: Takes commands out.
        nudge: Called after the commit with an identity for which commands wait.
        settings: Limits.
        clock: For times to live.
        ids: For command ids.
    """

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        endings: CommandEndings,
        nudge: Callable[[str], None],
        settings: CommandSettings,
        *,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._endings = endings
        self._nudge = nudge
        self._settings = settings
        self._clock = clock
        self._ids = ids

    async def send(
        self, organization_id: OrganizationId, device_id: str, module_id: str | None, new: NewCommand, *, actor: Actor
    ) -> Command:
        """Put a command at the end of a device's queue; it is on disk when this returns.

        Raises:
            InvalidCommand: A text or the time to live is outside its limits.
            CommandTooLarge: Body and properties are over the limit.
            ModuleHasNoQueue: A module is named.
            DeviceNotFound: No device holds the name.
            DeviceIsRetired: The device does not return.
            CommandQueueFull: As many commands wait as the queue holds.
        """
        _check_has_queue(device_id, module_id)
        system, size = check_command(new, self._settings)
        digest = hashlib.sha256(new.body).hexdigest()

        def put(tx: Transaction) -> Command:
            identity = find_named(tx.connection, organization_id, device_id)
            if identity.is_retired:
                raise DeviceIsRetired(f"device {device_id} is retired", hint="register the device anew")
            now = self._clock.now()
            self._make_room(tx, organization_id, identity, now)
            command_id = self._ids.new("cmd")
            command = Command(
                organization_id=organization_id,
                generation_id=identity.generation_id,
                device_id=identity.device_id,
                sequence=repository.advance(tx.connection, organization_id, identity.generation_id),
                command_id=command_id,
                message_id=new.message_id or command_id,
                ack=new.ack,
                system=system,
                properties=dict(new.properties),
                size_bytes=size,
                enqueued_at=now,
                expires_at=now + (new.time_to_live or self._settings.time_to_live),
            )
            repository.insert(tx.connection, command, new.body)
            self._record_sent(tx, command, digest, actor)
            tx.on_commit(lambda: self._nudge(identity.generation_id))
            return command

        return await self._store.write(put)

    async def list(
        self, organization_id: OrganizationId, device_id: str, module_id: str | None = None
    ) -> Sequence[Command]:
        """Return what waits for a device, in order.

        Raises:
            ModuleHasNoQueue: A module is named.
            DeviceNotFound: No device holds the name.
        """
        _check_has_queue(device_id, module_id)
        now = self._clock.now()
        waiting = await self._store.read(
            lambda connection: repository.list_queue(
                connection, organization_id, find_named(connection, organization_id, device_id).generation_id
            )
        )
        return [each.command for each in waiting if each.command.expires_at > now]

    async def purge(
        self,
        organization_id: OrganizationId,
        device_id: str,
        module_id: str | None = None,
        *,
        actor: Actor,
        reason: str = "",
    ) -> int:
        """Take everything out of a device's queue; returns how much that was.

        What a session has taken already may still reach the device.

        Raises:
            ModuleHasNoQueue: A module is named.
            DeviceNotFound: No device holds the name.
        """
        _check_has_queue(device_id, module_id)
        checked = check_reason(reason)

        def empty(tx: Transaction) -> int:
            identity = find_named(tx.connection, organization_id, device_id)
            count = self._endings.purge(tx, organization_id, identity.generation_id)
            event = CommandsPurged(
                organization_id=organization_id,
                generation_id=identity.generation_id,
                device_id=identity.device_id,
                count=count,
                reason=checked,
            )
            entry = Entry(
                organization_id=organization_id,
                actor=actor,
                action="messaging.purge_commands",
                target=identity.generation_id,
                target_name=identity.device_id,
                reason=checked,
                details={"count": count},
            )
            self._ledger.append(tx, entry, event=event)
            return count

        # What is asked of a device no more takes something away: it works on a full disk too.
        return await self._store.write(empty, restricting=True)

    def project(self, tx: Transaction, event: Event) -> None:
        """End a queue with its device, in the registry's own transaction; its commands are purged."""
        match event:
            case DeviceDeleted():
                self._endings.purge(tx, event.organization_id, event.generation_id)
                repository.delete_counter(tx.connection, event.organization_id, event.generation_id)
            case DeviceRetired():
                self._endings.purge(tx, event.organization_id, event.generation_id)
            case _:
                pass

    def _make_room(self, tx: Transaction, organization_id: OrganizationId, identity: Identity, now: datetime) -> None:
        """Make sure that one more command may wait; what has expired makes room."""
        queue = repository.list_queue(tx.connection, organization_id, identity.generation_id)
        if len(queue) >= self._settings.depth and self._endings.may_expire:
            queue = self._endings.drop_expired(tx, queue, now)
        if len(queue) >= self._settings.depth:
            raise CommandQueueFull(
                f"{self._settings.depth} commands wait for {identity.device_id}",
                hint=f"wait until the device takes them, or: vedette command purge {identity.device_id}",
                limit=self._settings.depth,
            )

    def _record_sent(self, tx: Transaction, command: Command, digest: str, actor: Actor) -> None:
        event = CommandQueued(
            organization_id=command.organization_id,
            generation_id=command.generation_id,
            device_id=command.device_id,
            command_id=command.command_id,
            message_id=command.message_id,
            sequence=command.sequence,
            size_bytes=command.size_bytes,
            expires_at=to_rfc3339(command.expires_at),
        )
        entry = Entry(
            organization_id=command.organization_id,
            actor=actor,
            action="messaging.send_command",
            target=command.generation_id,
            target_name=command.device_id,
            details={
                "command_id": command.command_id,
                "message_id": command.message_id,
                "sequence": command.sequence,
                "size_bytes": command.size_bytes,
                "body_sha256": digest,
                "ack": command.ack.value,
                "expires_at": to_rfc3339(command.expires_at),
            },
        )
        self._ledger.append(tx, entry, event=event)


def _check_has_queue(device_id: str, module_id: str | None) -> None:
    if module_id is not None:
        raise ModuleHasNoQueue(
            f"{device_id[:160]}/{module_id[:160]} is a module: commands go to devices",
            hint="call a method of the module, or set its desired properties",
        )
