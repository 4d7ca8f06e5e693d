"""Captures that are still being written: standard input, or a named pipe into which somebody writes.

Time is that of the packets, so that a capture which is played faster than it happened is heard as it happened.
"""

from __future__ import annotations

import os
import select
import stat
from collections.abc import Iterator
from types import TracebackType
from typing import Final, Protocol, Self

from vedette.kernel import Clock
from vedette.sensor.capture.files import parser_for
from vedette.sensor.capture.live import Drops, LiveCapture
from vedette.sensor.capture.packets import NS, CaptureParser, CaptureProblem, Packet

STANDARD_INPUT: Final = "-"
_READ_BYTES: Final = 64 * 1024
"""At a time: the capacity of a pipe, and few enough packets that what is found is told at once."""
_START_BYTES: Final = 4
_NAME_CHARS: Final = 15


class Source(Protocol):
    """Where packets come from while they happen; a context manager."""

    is_over: bool
    """No more will come."""
    damage: str
    """Why reading ended before the end; empty while all is well."""

    def __enter__(self) -> Self:
        """Begin to listen."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening."""
        ...

    def batch(self, timeout_s: float) -> Iterator[Packet]:
        """Yield what came; nothing if nothing comes in time."""
        ...

    def drops(self) -> Drops:
        """Return what came and what was lost, as far as anybody tells."""
        ...

    def now_ns(self, clock: Clock) -> int:
        """Return what time it is where the packets come from; 0 while nobody knows."""
        ...


class StreamCapture:
    """Reads pcap or pcapng as it is written.

    Standard input is over at its end. A named pipe is opened again: whoever writes next begins a new capture.

    Args:
        name: ``-``, or the path of a named pipe.
        clock: Lets time pass between packets.
        descriptor: Of standard input, where it is another one than 0.

    Raises:
        CaptureProblem: The pipe can't be opened, or is none.
    """

    def __init__(self, name: str, clock: Clock, *, descriptor: int = 0) -> None:
        self.name: Final = name
        self.is_over = False
        self.damage = ""
        self._clock: Final = clock
        self._is_pipe: Final = name != STANDARD_INPUT
        self._descriptor = self._open() if self._is_pipe else descriptor
        self._parser: CaptureParser | None = None
        self._start = b""
        self._received = 0
        self._dropped_before = 0
        self._last_ns = 0
        self._heard_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop reading."""
        if self._is_pipe and self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def drops(self) -> Drops:
        """Return how many packets came, and how many whoever writes has lost, if the capture says so."""
        dropped = self._dropped_before + (self._parser.packets_dropped if self._parser is not None else 0)
        return Drops(self._received, dropped)

    def now_ns(self, clock: Clock) -> int:
        """Return the time of the last packet, and what has passed since it came; 0 before the first."""
        if not self._last_ns:
            return 0
        return self._last_ns + int((clock.monotonic_s() - self._heard_s) * NS)

    def batch(self, timeout_s: float) -> Iterator[Packet]:
        """Yield the packets that were written; nothing if none is in time.

        Raises:
            CaptureProblem: What is written is no capture, or is damaged.
        """
        poller = select.poll()
        poller.register(self._descriptor, select.POLLIN)
        if self.is_over or not poller.poll(timeout_s * 1_000):
            return
        chunk = os.read(self._descriptor, _READ_BYTES)
        if not chunk:
            self._end()
            return
        if self._parser is None:
            chunk = self._start + chunk
            if len(chunk) < _START_BYTES:
                self._start = chunk
                return
            self._parser, self._start = parser_for(chunk), b""
        packet = None
        for packet in self._parser.packets(chunk):
            self._received += 1
            yield packet
        if packet is not None:
            self._last_ns, self._heard_s = packet[0], self._clock.monotonic_s()
        if self._parser.damage:
            raise CaptureProblem(f"{self.name}: {self._parser.damage}", hint="whoever writes must begin again")

    def _end(self) -> None:
        """Whoever wrote has left."""
        damage = "ends before it begins" if self._start else ""
        if self._parser is not None:
            self._parser.finish()
            damage = self._parser.damage
            self._dropped_before += self._parser.packets_dropped
        self._parser, self._start = None, b""
        if self._is_pipe:
            os.close(self._descriptor)
            self._descriptor = -1
            self._descriptor = self._open()
        else:
            self.damage = damage
            self.is_over = True

    def _open(self) -> int:
        try:
            descriptor = os.open(self.name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise CaptureProblem(f"{self.name}: {error.strerror}", hint="mkfifo makes a named pipe") from None
        if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise CaptureProblem(f"{self.name} is no named pipe", hint="vedette sensor read reads files")
        return descriptor


def open_source(name: str, clock: Clock, *, descriptor: int = 0) -> Source:
    """Listen on an interface, or to what is written to standard input or a named pipe.

    Args:
        name: An interface's name; ``-``; or a path, which has a slash.
        clock: Lets time pass between packets that are written.
        descriptor: Of standard input, where it is another one than 0.

    Raises:
        CaptureProblem: There is no such thing, or no right to listen.
    """
    return StreamCapture(name, clock, descriptor=descriptor) if is_stream(name) else LiveCapture(name)


def is_stream(name: str) -> bool:
    """Tell whether a source is something that is written, and no interface."""
    return name == STANDARD_INPUT or "/" in name


def source_name(name: str) -> str:
    """Return a source's short name, fit to be a part of a file's."""
    if not is_stream(name):
        return name
    if name == STANDARD_INPUT:
        return "stdin"
    last = name.rpartition("/")[2][:_NAME_CHARS]
    return "".join(each if each.isascii() and (each.isalnum() or each in "._-") else "_" for each in last)
