"""How control asks the signer: a few kept connections, deadlines, and repeats that cannot issue in vain."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Final, TypeVar

from vedette.kernel import GenerationId, OrganizationId
from vedette.pki.errors import SignerUnavailable
from vedette.pki.model import Purpose
from vedette.pki.signer.contract import (
    HEADER,
    Chains,
    GetChain,
    Issued,
    IssueDeviceCertificate,
    IssueServerCertificate,
    Refused,
    Reply,
    Request,
    Revocation,
    SignedRevocationList,
    SignRevocationList,
    UnreadableFrame,
    decode_reply,
    encode,
    frame,
    to_problem,
)

_FIRST_PAUSE_S: Final = 0.02
_LONGEST_PAUSE_S: Final = 0.5
_REPLY_MAX_BYTES: Final = 16_777_216

_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
T = TypeVar("T", Issued, Chains, SignedRevocationList)


class SignerClient:
    """Asks the signer over its Unix socket.

    At most ``max_in_flight`` requests are open at once; the others wait, all within their deadline. A request whose
    connection breaks is sent again until the deadline: it carries its own id, so the signer answers it once.
    """

    def __init__(self, path: Path, *, deadline_s: float = 5.0, max_in_flight: int = 64) -> None:
        self._path = path
        self._deadline_s = deadline_s
        self._free = asyncio.Semaphore(max_in_flight)
        self._idle: list[_Connection] = []

    async def issue_device_certificate(
        self,
        *,
        request_id: str,
        organization_id: OrganizationId,
        generation_id: GenerationId,
        subject_name: str,
        csr: bytes,
        lifetime: timedelta,
        accepted_names: tuple[str, ...] = (),
    ) -> list[bytes]:
        """Have an operational certificate issued.

        Returns:
            The chain in DER, leaf first.

        Raises:
            SignerUnavailable: No answer in time.
            Problem: What the signer refused, as its own class.
        """
        request = IssueDeviceCertificate(
            request_id=request_id,
            organization_id=organization_id,
            generation_id=generation_id,
            subject_name=subject_name,
            csr=csr,
            lifetime_s=int(lifetime.total_seconds()),
            accepted_names=accepted_names,
        )
        return (await self._ask(request, Issued)).chain

    async def issue_server_certificate(
        self, *, request_id: str, organization_id: OrganizationId, names: tuple[str, ...], csr: bytes
    ) -> list[bytes]:
        """Have a server certificate issued; the chain is in DER, leaf first.

        Raises:
            SignerUnavailable: No answer in time.
            Problem: What the signer refused, as its own class.
        """
        request = IssueServerCertificate(request_id=request_id, organization_id=organization_id, names=names, csr=csr)
        return (await self._ask(request, Issued)).chain

    async def get_chains(self) -> dict[Purpose, list[bytes]]:
        """Return for each purpose the DER of the issuing authority and of the root.

        Raises:
            SignerUnavailable: No answer in time.
        """
        reply = await self._ask(GetChain(), Chains)
        return {Purpose(purpose): chain for purpose, chain in reply.chains.items()}

    async def sign_revocation_list(
        self,
        *,
        organization_id: OrganizationId,
        purpose: Purpose,
        revocations: list[Revocation],
        lifetime: timedelta,
        deadline_s: float = 60.0,
    ) -> bytes:
        """Have a complete revocation list signed; returns its DER.

        Raises:
            SignerUnavailable: No answer in time.
            Problem: What the signer refused, as its own class.
        """
        request = SignRevocationList(
            organization_id=organization_id,
            purpose="services" if purpose is Purpose.SERVICES else "operational",
            revocations=revocations,
            lifetime_s=int(lifetime.total_seconds()),
        )
        return (await self._ask(request, SignedRevocationList, deadline_s=deadline_s)).der

    async def close(self) -> None:
        """Close the kept connections; requests in flight keep theirs until they are answered."""
        while self._idle:
            _, writer = self._idle.pop()
            writer.close()

    async def _ask(self, request: Request, kind: type[T], *, deadline_s: float | None = None) -> T:
        try:
            async with asyncio.timeout(deadline_s or self._deadline_s), self._free:
                reply = await self._ask_until_answered(frame(encode(request)))
        except TimeoutError as error:
            raise SignerUnavailable(
                "the signer did not answer in time", hint="see whether it runs: vedette status"
            ) from error
        if isinstance(reply, Refused):
            raise to_problem(reply)
        if not isinstance(reply, kind):
            raise SignerUnavailable("the signer gave another answer than asked for", hint="restart: vedette up")
        return reply

    async def _ask_until_answered(self, message: bytes) -> Reply:
        pause_s = _FIRST_PAUSE_S
        while True:
            connection: _Connection | None = None
            try:
                connection = self._idle.pop() if self._idle else await asyncio.open_unix_connection(self._path)
                reply = await _exchange(connection, message)
            except (OSError, EOFError, UnreadableFrame):
                if connection is not None:
                    connection[1].close()
                if connection is None or not self._idle:
                    await asyncio.sleep(pause_s)
                    pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
            except BaseException:
                # Cancelled halfway: the answer to come would be taken for the next request's.
                if connection is not None:
                    connection[1].close()
                raise
            else:
                self._idle.append(connection)
                return reply


async def _exchange(connection: _Connection, message: bytes) -> Reply:
    reader, writer = connection
    writer.write(message)
    await writer.drain()
    (length,) = HEADER.unpack(await reader.readexactly(HEADER.size))
    if length > _REPLY_MAX_BYTES:
        raise UnreadableFrame(f"a frame of {length} bytes")
    return decode_reply(await reader.readexactly(length))
