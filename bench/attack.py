"""A reconnect storm and a flood of bad handshakes, in a process of its own, until it is told to stop.

Everything is a closed loop: each device comes back, and each stranger tries again, as soon as the gateway has dealt
with it. The process is as nice as it gets, since attackers bring machines of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import ssl
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import uvloop
from bench.load import Target, open_session
from bench.vedette_platform import raise_file_limit

NICENESS = 19
# From addresses of their own, so that limits for one source keep nobody else waiting.
STRANGER = "127.0.0.66"


@dataclass(frozen=True)
class Attack:
    """Whom to trouble, and with how many at once."""

    host: str
    port: int
    root_pem: str
    user_name: str
    certificate: str
    key: str
    stranger_certificate: str
    stranger_key: str
    devices: list[str]
    strangers: int

    def target(self) -> Target:
        return Target(self.host, self.port, Path(self.root_pem), self.user_name)


async def come_back(attack: Attack, device_id: str, context: ssl.SSLContext, counts: Counter[str]) -> None:
    """Connect and drop the connection, again and again."""
    while True:
        try:
            session = await open_session(attack.target(), device_id, context)
        except (OSError, TimeoutError):
            counts["turned away"] += 1
            await asyncio.sleep(0.1)
            continue
        counts["reconnects"] += 1
        if session.transport is not None:
            session.transport.abort()


async def be_a_stranger(attack: Attack, number: int, context: ssl.SSLContext, counts: Counter[str]) -> None:
    """Break the handshake off in one way after another."""
    chance = random.Random(number)
    ways = (send_nonsense, break_off, show_another_certificate)
    for turn in range(sys.maxsize):
        try:
            async with asyncio.timeout(10):
                await ways[(number + turn) % len(ways)](attack, context, chance)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            pass
        counts["bad handshakes"] += 1


async def send_nonsense(attack: Attack, context: ssl.SSLContext, chance: random.Random) -> None:
    del context
    reader, writer = await asyncio.open_connection(attack.host, attack.port, local_addr=(STRANGER, 0))
    try:
        writer.write(chance.randbytes(600))
        await reader.read(4096)
    finally:
        writer.transport.abort()


async def break_off(attack: Attack, context: ssl.SSLContext, chance: random.Random) -> None:
    """Send a true ClientHello, have the gateway do its half of the work, and leave."""
    del chance
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname=attack.host)
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    reader, writer = await asyncio.open_connection(attack.host, attack.port, local_addr=(STRANGER, 0))
    try:
        writer.write(outgoing.read())
        await reader.read(16_384)
    finally:
        writer.transport.abort()


async def show_another_certificate(attack: Attack, context: ssl.SSLContext, chance: random.Random) -> None:
    """Finish the handshake with a certificate that nobody knows, as a device that there is."""
    device_id = chance.choice(attack.devices)
    session = await open_session(attack.target(), device_id, context)
    if session.transport is not None:
        session.transport.abort()


async def run(attack: Attack) -> None:
    counts: Counter[str] = Counter()
    context = attack.target().context(Path(attack.certificate), Path(attack.key))
    stranger = attack.target().context(Path(attack.stranger_certificate), Path(attack.stranger_key))
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    begin = asyncio.get_running_loop().time()
    async with asyncio.TaskGroup() as group:
        for each in attack.devices:
            group.create_task(come_back(attack, each, context, counts))
        for number in range(attack.strangers):
            group.create_task(be_a_stranger(attack, number, stranger, counts))
        print("ready", flush=True)
        await stop.wait()
        seconds = asyncio.get_running_loop().time() - begin
        print(json.dumps({name: count / seconds for name, count in counts.items()}), flush=True)
        os._exit(0)  # nothing here is worth an orderly end


def describe(attack: Attack) -> str:
    """What the process reads on its standard input."""
    return json.dumps(asdict(attack))


def main() -> None:
    os.nice(NICENESS)
    raise_file_limit()
    uvloop.run(run(Attack(**json.loads(sys.stdin.readline()))))


if __name__ == "__main__":
    main()
