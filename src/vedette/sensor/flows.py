"""Flows: who talks with whom, since when, how much, and in which protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from vedette.sensor.dissect.framing import StreamPair
    from vedette.sensor.dissect.interface import Dissector
    from vedette.sensor.reassembly import Connection

# What speaks for an identification; see ``Flow.certainty``.
PORT: Final = 1
CLIENT_FITS: Final = 2
SERVER_FITS: Final = 4
STRONG: Final = 8
ONE_WAY: Final = 16


def certainty_of(proofs: int) -> str:
    """Weigh what speaks for an identification: ``guess``, ``likely`` or ``confirmed``.

    Bytes that fit in both directions confirm. So does strong proof in a protocol that only ever speaks one way.
    """
    fits = proofs & (CLIENT_FITS | SERVER_FITS)
    if fits == CLIENT_FITS | SERVER_FITS or (fits and proofs & ONE_WAY and proofs & STRONG):
        return "confirmed"
    return "likely" if fits else "guess"


class Flow:
    """One conversation between two endpoints: a TCP connection, a UDP or layer-2 pair.

    The client is who opened it, as far as that can be told: the sender of the SYN, the side without the well-known
    port, the first to speak. Layer-2 conversations have MAC addresses for endpoints and ports of 0.
    """

    __slots__ = (
        "bytes_from_client",
        "bytes_from_server",
        "client",
        "client_mac",
        "client_port",
        "connection",
        "dissector",
        "first_ns",
        "is_sure_of_client",
        "key",
        "last_ns",
        "packets_from_client",
        "packets_from_server",
        "payload_from_client",
        "payload_from_server",
        "proofs",
        "protocol",
        "server",
        "server_mac",
        "server_port",
        "streams",
        "transport",
        "tries",
        "vlan",
    )

    def __init__(
        self,
        key: object,
        transport: str,
        client: str,
        client_port: int,
        server: str,
        server_port: int,
        *,
        at_ns: int = 0,
        vlan: int | None = None,
    ) -> None:
        self.key = key
        self.transport = transport
        self.client = client
        self.client_port = client_port
        self.server = server
        self.server_port = server_port
        self.client_mac = ""
        self.server_mac = ""
        self.vlan = vlan
        self.first_ns = at_ns
        self.last_ns = at_ns
        self.packets_from_client = 0
        self.packets_from_server = 0
        self.bytes_from_client = 0
        self.bytes_from_server = 0
        self.payload_from_client = 0
        self.payload_from_server = 0
        self.is_sure_of_client = False
        self.protocol = ""
        self.proofs = 0
        self.tries = 0
        self.dissector: Dissector | None = None
        self.streams: StreamPair | None = None
        self.connection: Connection | None = None

    @property
    def certainty(self) -> str:
        """``guess``, ``likely`` or ``confirmed``; empty while nothing is known."""
        return certainty_of(self.proofs) if self.protocol else ""

    def __repr__(self) -> str:
        return (
            f"<Flow {self.transport} {self.client}:{self.client_port} -> {self.server}:{self.server_port}"
            f" {self.protocol or 'unknown'}>"
        )
