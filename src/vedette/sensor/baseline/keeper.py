"""Keeps the state in a file, and takes orders of people while a sensor runs.

A state is written beside the file, synchronized, and then takes its place, so that a crash leaves the one before or
the new one whole. Orders wait in a file beside it: whoever runs takes them in and deletes them.
"""

from __future__ import annotations

import contextlib
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import msgspec

from vedette.sensor.baseline.learned import AllowLists
from vedette.sensor.baseline.model import KeyClass
from vedette.sensor.baseline.rhythm import Rhythm
from vedette.sensor.baseline.state import STATE_BYTES_MAX, BaselineProblem, Saved, Text, read_state, write_state

PERIOD: Final = "period"
_MAX_ORDER_BYTES: Final = 1024 * 1024
_MAX_ORDERS: Final = 10_000
_PAIR: Final = " > "


class Verb(StrEnum):
    """What to do with a key."""

    LEARN = "learn"
    FORGET = "forget"


class Order(msgspec.Struct, frozen=True):
    """What a person wants changed."""

    verb: Verb
    key_class: Annotated[str, msgspec.Meta(max_length=32)]
    """A ``KeyClass``, or ``period``."""
    scope: Text
    key: Text = ""
    """Empty or ``*`` when all of the scope is to be forgotten."""


_orders: Final = msgspec.json.Decoder(Order)


class Keeper:
    """Reads and writes one state.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path: Final = path
        self._orders: Final = path.with_name(path.name + ".orders")
        self._taken: Final = path.with_name(path.name + ".taken")

    def load(self) -> Saved | None:
        """Return what was kept; None if nothing was yet.

        Raises:
            BaselineProblem: The file can't be read, or is damaged.
        """
        data = _read(self.path, STATE_BYTES_MAX)
        return read_state(data) if data is not None else None

    def save(self, saved: Saved) -> None:
        """Replace what is kept.

        Raises:
            BaselineProblem: It can't be written.
        """
        beside = self.path.with_name(f"{self.path.name}.{os.getpid()}.new")
        try:
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(write_state(saved))
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path)
            folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise BaselineProblem(f"{self.path}: {error.strerror}", hint="give a folder that can be written") from None

    def order(self, order: Order) -> None:
        """Leave an order for whoever keeps this state; it is carried out when the sensor looks, or starts.

        Raises:
            BaselineProblem: It makes no sense, or can't be written.
        """
        check_order(order)
        line = msgspec.json.encode(order) + b"\n"
        try:
            descriptor = os.open(self._orders, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "ab") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise BaselineProblem(f"{self._orders}: {error.strerror}", hint="run it as the sensor's user") from None

    def waiting(self) -> list[Order]:
        """Return the orders that were not carried out yet; what can't be read is left out."""
        return [order for path in (self._taken, self._orders) for order in read_orders(_read_or_nothing(path))]

    def take(self) -> list[Order]:
        """Take the orders; ``done`` deletes them once their effect is kept."""
        with contextlib.suppress(OSError):
            if not self._taken.exists() and self._orders.exists():
                self._orders.replace(self._taken)
        return read_orders(_read_or_nothing(self._taken))

    def done(self) -> None:
        """Delete the orders that were taken."""
        with contextlib.suppress(OSError):
            self._taken.unlink()


def read_orders(data: bytes) -> list[Order]:
    """Read orders, one in a line; lines that are none are left out, and what is beyond a limit."""
    found: list[Order] = []
    for line in data[:_MAX_ORDER_BYTES].splitlines()[:_MAX_ORDERS]:
        with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError, BaselineProblem):
            order = _orders.decode(line)
            check_order(order)
            found.append(order)
    return found


def check_order(order: Order) -> None:
    """See whether an order can be carried out.

    Raises:
        BaselineProblem: It can't.
    """
    classes = [*KeyClass, PERIOD]
    if order.key_class not in classes:
        raise BaselineProblem(f"no class {order.key_class!r}", hint=f"one of {', '.join(classes)}")
    if not order.scope:
        raise BaselineProblem("an order without a scope", hint="give class|scope|key, as an alert's `baseline` says")
    if order.verb is Verb.LEARN and order.key_class != PERIOD and order.key in {"", "*"}:
        raise BaselineProblem("nothing to learn", hint="give class|scope|key, as an alert's `baseline` says")


def carry_out(order: Order, lists: AllowLists, rhythm: Rhythm, at_ns: int) -> bool:
    """Change what is known; tell whether that changed anything."""
    if order.key_class == PERIOD:  # another rhythm is learned anew
        client, _, server = order.scope.partition(_PAIR)
        return rhythm.forget(client, server) > 0
    key_class = KeyClass(order.key_class)
    if order.verb is Verb.LEARN:
        return lists.teach(key_class, order.scope, order.key, at_ns)
    return lists.forget(key_class, order.scope, "" if order.key == "*" else order.key) > 0


def read_order(verb: Verb, text: str) -> Order:
    """Read ``class|scope|key`` as an alert's ``baseline`` says it.

    Raises:
        BaselineProblem: It is not of this form.
    """
    key_class, bar, rest = text.partition("|")
    scope, _, key = rest.partition("|")
    if not bar or len(text) > 1_000:
        raise BaselineProblem(f"{text[:80]!r} is no key", hint="give class|scope|key, as an alert's `baseline` says")
    order = Order(verb, key_class[:32], scope[:512], key[:512])
    check_order(order)
    return order


def _read_or_nothing(path: Path) -> bytes:
    try:
        return _read(path, _MAX_ORDER_BYTES) or b""
    except BaselineProblem:
        return b""


def _read(path: Path, limit: int) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BaselineProblem(f"{path}: {error.strerror}", hint="run it as the sensor's user") from None
