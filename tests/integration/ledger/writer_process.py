"""A process to be killed: writes without end from several callers, and prints each number once it is acknowledged."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from typing import ClassVar

import msgspec
import sqlalchemy as sa

from vedette.kernel import RandomIds, SystemClock
from vedette.ledger import Actor, Entry, Ledger
from vedette.store import Store, Transaction

CALLERS = 8
numbers = sa.Table("numbers", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True))


class NumberWritten(msgspec.Struct, frozen=True):
    name: ClassVar[str] = "test.number_written"
    version: ClassVar[int] = 1
    organization_id: str
    generation_id: str


def work(ledger: Ledger, number: int, tx: Transaction) -> None:
    tx.connection.execute(numbers.insert().values(id=number))
    entry = Entry(organization_id="org_a", actor=Actor("system", "x"), action="test.write_number", target=str(number))
    ledger.append(tx, entry, event=NumberWritten("org_a", str(number)))


def say(word: object) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


async def call(store: Store, ledger: Ledger, first: int) -> None:
    number = first
    while True:
        await store.write(partial(work, ledger, number))
        say(number)
        number += CALLERS


async def run(url: str, first: int) -> None:
    clock = SystemClock()
    store = Store.open(url, clock=clock, reserve_bytes=0)
    store.migrate()
    await store.write(lambda tx: numbers.create(tx.connection, checkfirst=True))
    ledger = Ledger(store, clock=clock, ids=RandomIds(clock))
    say("ready")
    await asyncio.gather(*(call(store, ledger, first + place) for place in range(CALLERS)))


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], int(sys.argv[2])))
