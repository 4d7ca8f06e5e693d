"""The signer's listener: a Unix socket, frames with limits, and one thread that signs in batches."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import socket
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from vedette.kernel import Clock, IdSource
from vedette.pki.authorities import open_authorities
from vedette.pki.errors import AuthorityDamaged, SignerBusy
from vedette.pki.settings import SignerSettings
from vedette.pki.signer.contract import (
    HEADER,
    Reply,
    Request,
    UnreadableFrame,
    decode_request,
    encode,
    frame,
    refusal,
)
from vedette.pki.signer.desk import SigningDesk
from vedette.pki.signer.journal import Journal

log = logging.getLogger(__name__)

_PEER_CREDENTIALS: Final = struct.Struct("3i")
_BACKLOG: Final = 128
_FRAME_TIMEOUT_S: Final = 10.0
_REPLY_TIMEOUT_S: Final = 10.0
_ACCEPT_PAUSE_S: Final = 0.1
_QUEUE_MAX: Final = 1024


@dataclass(slots=True, eq=False)
class _Pending:
    request: Request
    answer: asyncio.Future[Reply] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class SignerServer:
    """Serves typed requests of permitted users; runs until cancelled."""

    def __init__(self, desk: SigningDesk, thread: ThreadPoolExecutor, settings: SignerSettings) -> None:
        """Take what serves.

        Args:
            desk: Used in ``thread`` alone.
            thread: Of one worker; the caller shuts it down.
            settings: Permitted peers and limits.
        """
        self._desk = desk
        self._thread = thread
        self._settings = settings
        self._queue: asyncio.Queue[_Pending] = asyncio.Queue(_QUEUE_MAX)
        self._connections = 0

    async def serve(self, listener: socket.socket) -> None:
        """Accept and answer until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._sign_batches(), name="signing")
            await self._accept(listener, tasks)

    async def _accept(self, listener: socket.socket, tasks: asyncio.TaskGroup) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                peer, _ = await loop.sock_accept(listener)
            except OSError as error:  # out of descriptors, or the peer is gone already
                log.warning("signer cannot accept", extra={"error": str(error)})
                await asyncio.sleep(_ACCEPT_PAUSE_S)
                continue
            if self._admits(peer):
                tasks.create_task(self._converse(peer), name="signer-connection")
            else:
                peer.close()

    def _admits(self, peer: socket.socket) -> bool:
        process_id, user_id, _ = _PEER_CREDENTIALS.unpack(
            peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER_CREDENTIALS.size)
        )
        if user_id not in self._settings.allowed_uids:
            log.warning("signer refused a peer", extra={"peer_uid": user_id, "peer_pid": process_id})
            return False
        if self._connections >= self._settings.max_connections:
            log.warning("signer has too many connections", extra={"limit": self._settings.max_connections})
            return False
        return True

    async def _converse(self, peer: socket.socket) -> None:
        """Answer one peer, one request after the other; whoever breaks the framing is cut off."""
        self._connections += 1
        try:
            reader, writer = await asyncio.open_unix_connection(sock=peer)
            try:
                while (request := await self._read_request(reader)) is not None:
                    reply = await self._submit(request)
                    writer.write(frame(encode(reply)))
                    async with asyncio.timeout(_REPLY_TIMEOUT_S):
                        await writer.drain()
            finally:
                writer.close()
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            log.debug("signer lost a peer", extra={"error": str(error)})
        except UnreadableFrame as error:
            log.warning("signer cut off a peer that sent no request", extra={"error": str(error)})
        finally:
            self._connections -= 1

    async def _read_request(self, reader: asyncio.StreamReader) -> Request | None:
        """Read one frame; ``None`` when the peer closed between two.

        Raises:
            UnreadableFrame: The frame is too long, or holds no request.
        """
        first = await reader.read(1)
        if not first:
            return None
        async with asyncio.timeout(_FRAME_TIMEOUT_S):
            (length,) = HEADER.unpack(first + await reader.readexactly(HEADER.size - 1))
            if length > self._settings.max_frame_bytes:
                raise UnreadableFrame(f"a frame of {length} bytes; accepted: {self._settings.max_frame_bytes}")
            return decode_request(await reader.readexactly(length))

    async def _submit(self, request: Request) -> Reply:
        pending = _Pending(request)
        try:
            self._queue.put_nowait(pending)
        except asyncio.QueueFull:
            return refusal(SignerBusy("the signer's queue is full", hint="try again in a moment"))
        return await pending.answer

    async def _sign_batches(self) -> None:
        """Sign whatever has come in while the last batch was signed; the journal is synced once for each batch."""
        loop = asyncio.get_running_loop()
        while True:
            batch = [await self._queue.get()]
            while len(batch) < self._settings.max_batch and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            replies = await loop.run_in_executor(
                self._thread, self._desk.process, [pending.request for pending in batch]
            )
            for pending, reply in zip(batch, replies, strict=True):
                if not pending.answer.done():
                    pending.answer.set_result(reply)


async def run_signer(
    settings: SignerSettings, *, clock: Clock, ids: IdSource, ready: Callable[[], None] | None = None
) -> None:
    """Run the signer until cancelled: open or create the authorities, take the journal's lock, listen.

    Args:
        settings: Paths, permitted peers and caps.
        clock: Source of time.
        ids: Source of serial numbers.
        ready: Called once the socket is listening.

    Raises:
        AuthorityDamaged: The authorities' files do not fit together, or another signer is running.
        BadPassphrase: A key cannot be opened.
        JournalUnavailable: The journal cannot be read.
    """
    loop = asyncio.get_running_loop()
    lock, desk = await loop.run_in_executor(None, _open_desk, settings, clock, ids)
    thread = ThreadPoolExecutor(1, thread_name_prefix="signing")
    try:
        listener = await loop.run_in_executor(None, _listen, settings.socket_path, settings.socket_mode)
        with listener:
            log.info("signer listening", extra={"socket": str(settings.socket_path)})
            if ready is not None:
                ready()
            await SignerServer(desk, thread, settings).serve(listener)
    finally:
        # In a thread, since the batch at hand is finished first.
        await loop.run_in_executor(None, _close, thread, desk, settings.socket_path, lock)


def _open_desk(settings: SignerSettings, clock: Clock, ids: IdSource) -> tuple[int, SigningDesk]:
    directory = settings.authorities.pki_directory
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(directory / "signer.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AuthorityDamaged(
                f"another signer is using {directory}", hint="stop it first: vedette status shows what runs"
            ) from error
        authorities = open_authorities(settings.authorities, clock=clock, ids=ids)
        desk = SigningDesk(authorities, Journal(directory / "journal"), settings, clock=clock, ids=ids)
    except BaseException:
        os.close(lock)
        raise
    return lock, desk


def _close(thread: ThreadPoolExecutor, desk: SigningDesk, socket_path: Path, lock: int) -> None:
    thread.shutdown(wait=True)
    desk.close()
    socket_path.unlink(missing_ok=True)
    os.close(lock)


def _listen(path: Path, mode: int) -> socket.socket:
    """Bind the socket; nobody can connect before its mode is set, since it does not listen yet."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        listener.bind(str(path))
        path.chmod(mode)
        listener.setblocking(False)
        listener.listen(_BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener
