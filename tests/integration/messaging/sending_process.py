"""A process that sends, takes and completes commands until it is killed, and says what was acknowledged to it.

    python sending_process.py URL

Its lines: ``sent SEQUENCE``, ``taken SEQUENCE DELIVERY_COUNT``, ``done SEQUENCE``, each after the call has returned.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))

from messaging_room import MessagingRoom

from vedette.kernel import SystemClock
from vedette.messaging import Ack, CommandQueueFull
from vedette.registry import DeviceExists
from vedette.store import Store

DEVICE = "pump-7"


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


async def work(room: MessagingRoom, generation_id: str) -> None:
    session_id = room.open(generation_id)
    last = 0
    while True:
        match random.randrange(4):
            case 0 | 1:
                try:
                    command = await room.send(DEVICE, b"x" * random.randrange(2_000), ack=Ack.FULL)
                    say("sent", command.sequence)
                except CommandQueueFull:
                    continue
            case 2:
                taken = await room.take(generation_id, session_id, after=last, limit=5)
                for each in taken.commands:
                    say("taken", each.sequence, each.delivery_count)
                    last = each.sequence
                if taken.commands and random.random() < 0.8:
                    await room.complete(*[(generation_id, each.sequence) for each in taken.commands])
                    for each in taken.commands:
                        say("done", each.sequence)
            case _:
                if random.random() < 0.1:  # the device comes back
                    session_id, last = room.open(generation_id), 0


async def main() -> None:
    clock = SystemClock()
    store = await asyncio.to_thread(lambda: Store.open(sys.argv[1], clock=clock, reserve_bytes=0))
    await asyncio.to_thread(store.migrate)
    room = MessagingRoom(store, clock)
    with contextlib.suppress(DeviceExists):
        await room.create(DEVICE)
    device = await room.house.devices.get(room.house.organization_id, DEVICE)
    say("ready", device.generation_id)
    await work(room, device.generation_id)


if __name__ == "__main__":
    asyncio.run(main())
