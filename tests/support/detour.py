"""A way between two processes that a test can lengthen, cut, and have lie."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

_CHUNK_BYTES = 65_536
_HEADER = struct.Struct(">I")

T = TypeVar("T")
Address = Path | tuple[str, int]
Change = Callable[[bytes], bytes]


class LoopThread:
    """An event loop beside the test, for what must go on while the test waits."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="beside the test", daemon=True)
        self._thread.start()

    def do(self, work: Coroutine[Any, Any, T], within_s: float = 120.0) -> T:
        """Have something done there and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(within_s)

    def close(self) -> None:
        self.do(self._cancel_all())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)
        self.loop.close()

    async def _cancel_all(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


class Detour:
    """Passes bytes on between whoever connects and ``target``.

    Attributes:
        delay_s: How much later everything arrives, either way.
        change: Called with each answer, a frame with four bytes of length before it; what it returns is passed on.
        hold: For NATS: tells by how many seconds a message to whoever connected is held back, from its subject.
    """

    def __init__(self, beside: LoopThread, target: Address, entrance: Path | None = None) -> None:
        self.delay_s = 0.0
        self.change: Change | None = None
        self.hold: Callable[[str], float] | None = None
        self._beside = beside
        self._target = target
        self.entrance = entrance
        self._is_cut = False
        self._open: set[asyncio.StreamWriter] = set()
        self._server = beside.do(self._listen())

    @property
    def port(self) -> int:
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def cut(self) -> None:
        """End every connection, and let none come about."""
        self._is_cut = True
        self.drop()

    def drop(self) -> None:
        """End every connection that is there."""
        self._beside.do(self._abort_all())

    def mend(self) -> None:
        """Be an honest way again."""
        self._is_cut, self.delay_s, self.change, self.hold = False, 0.0, None, None

    def close(self) -> None:
        self.cut()
        self._beside.do(self._stop())

    async def _listen(self) -> asyncio.Server:
        if self.entrance is not None:
            return await asyncio.start_unix_server(self._pass_on, self.entrance)
        return await asyncio.start_server(self._pass_on, "127.0.0.1", 0)

    async def _stop(self) -> None:
        self._server.close()

    async def _abort_all(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        far: asyncio.StreamWriter | None = None
        try:
            if self._is_cut:
                return
            if isinstance(self._target, Path):
                far_reader, far = await asyncio.open_unix_connection(self._target)
            else:
                far_reader, far = await asyncio.open_connection(*self._target)
            self._open.add(far)
            there = asyncio.ensure_future(self._pump(reader, far))
            back = asyncio.ensure_future(self._pump(far_reader, writer, is_answer=True))
            await asyncio.wait([there, back], return_when=asyncio.FIRST_COMPLETED)
            for each in (there, back):
                each.cancel()
        except OSError:
            pass
        finally:
            for each_writer in (writer, far):
                if each_writer is not None:
                    self._open.discard(each_writer)
                    each_writer.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_answer: bool = False
    ) -> None:
        with contextlib.suppress(OSError, EOFError):
            while True:
                chunk, held_s = await self._next(reader, is_answer=is_answer)
                if not chunk:
                    return
                if later_s := self.delay_s or held_s:
                    # Later, and still in order: the delay is the same for all of a kind.
                    asyncio.get_running_loop().call_later(later_s, _write, writer, chunk)
                else:
                    writer.write(chunk)
                    await writer.drain()

    async def _next(self, reader: asyncio.StreamReader, *, is_answer: bool) -> tuple[bytes, float]:
        if is_answer and self.hold is not None:
            return await self._next_of_nats(reader, self.hold)
        if not (is_answer and self.change is not None):
            return await reader.read(_CHUNK_BYTES), 0.0
        (length,) = _HEADER.unpack(await reader.readexactly(_HEADER.size))
        answer = await reader.readexactly(length)
        change = self.change
        changed = answer if change is None else change(answer)
        return _HEADER.pack(len(changed)) + changed, 0.0

    @staticmethod
    async def _next_of_nats(reader: asyncio.StreamReader, hold: Callable[[str], float]) -> tuple[bytes, float]:
        """Return one operation of the NATS protocol, whole."""
        line = await reader.readline()
        words = line.decode().split()
        if not words or words[0] not in {"MSG", "HMSG"}:
            return line, 0.0
        payload = await reader.readexactly(int(words[-1]) + 2)
        return line + payload, hold(words[1])


def _write(writer: asyncio.StreamWriter, chunk: bytes) -> None:
    if not writer.transport.is_closing():
        writer.write(chunk)
