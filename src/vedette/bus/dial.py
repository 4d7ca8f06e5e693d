"""Making one connection: TCP, the server's INFO, TLS, our CONNECT, and the first PONG."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Final

from vedette.bus.errors import BusUnavailable, RemoteProtocolError
from vedette.bus.link import Link
from vedette.bus.nkeys import UserKey
from vedette.bus.settings import Address
from vedette.bus.wire import ServerInfo, encode_connect

_CLIENT_VERSION: Final = "1"


async def dial(
    address: Address,
    new_link: Callable[[], Link],
    *,
    name: str,
    key: UserKey | None,
    tls: ssl.SSLContext | None,
    timeout_s: float,
    hears_itself: bool = True,
) -> Link:
    """Connect and authenticate; the link that is returned has been answered by the server.

    Raises:
        BusRefused: The server knows no such user or key.
        BusUnavailable: It closed the connection, or wants TLS on a ``nats://`` url.
        OSError: No route, nobody listening, or no trust in its certificate.
        TimeoutError: Not done within ``timeout_s``.
    """
    async with asyncio.timeout(timeout_s):
        _, link = await asyncio.get_running_loop().create_connection(new_link, address.host, address.port)
        try:
            await _shake_hands(link, address, name=name, key=key, tls=tls, hears_itself=hears_itself)
        except BaseException:
            link.abort(BusUnavailable("the bus connection was not completed"))
            raise
    return link


async def probe(link: Link) -> None:
    """Wait until the server has processed everything sent before; the caller sets the deadline.

    Raises:
        Problem: Why the connection ended instead.
    """
    answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def resolve() -> None:
        if not answered.done():
            answered.set_result(None)

    link.probe(resolve)
    await asyncio.wait({answered, link.closed}, return_when=asyncio.FIRST_COMPLETED)
    if not answered.done():
        raise link.failure


async def _shake_hands(
    link: Link, address: Address, *, name: str, key: UserKey | None, tls: ssl.SSLContext | None, hears_itself: bool
) -> None:
    info = await link.receive_first_info()
    if address.is_tls and tls is not None:
        await link.start_tls(tls, address.host)
    elif info.tls_required:
        raise RemoteProtocolError("the bus requires TLS", hint="use a tls:// url")
    options = _connect_options(info, name=name, key=key, is_tls=address.is_tls)
    link.write_accounted(encode_connect({**options, "echo": hears_itself}))
    await probe(link)


def _connect_options(info: ServerInfo, *, name: str, key: UserKey | None, is_tls: bool) -> dict[str, object]:
    options: dict[str, object] = {
        "verbose": False,
        "pedantic": False,
        "tls_required": is_tls,
        "lang": "python",
        "version": _CLIENT_VERSION,
        "protocol": 1,
        "headers": True,
        "no_responders": True,
        "name": name,
    }
    if key is not None:
        options |= {"nkey": key.public, "sig": key.sign(info.nonce.encode())}
    return options
