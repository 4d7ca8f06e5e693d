"""Flows: who talks with whom, since when, how much, and in which protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from vedette.sensor.dissect.framing import StreamPair
    from vedette.sensor.dissect.interface import Dissector, Protocol

# What speaks for an identification; see ``certainty_of``.
PORT: Final = 1
CLIENT_FITS: Final = 2
SERVER_FITS: Final = 4
STRONG: Final = 8
ONE_WAY: Final = 16

FIN: Final = 1
SYN: Final = 2
RST: Final = 4
ACK: Final = 16

Feed = Callable[[bytes, int], None]


def certainty_of(proofs: int) -> str:
    """Weigh what speaks for an identification: ``guess``, ``likely`` or ``confirmed``.

    Bytes that fit in both directions confirm. So does strong proof in a protocol that only ever speaks one way.
    """
    fits = proofs & (CLIENT_FITS | SERVER_FITS)
    if fits == CLIENT_FITS | SERVER_FITS or (fits and proofs & ONE_WAY and proofs & STRONG):
        return "confirmed"
    return "likely" if fits else "guess"


def ignore(_payload: bytes, _at_ns: int) -> None:
    """Take payloads of a flow that nobody reads."""


class Side:
    """What one endpoint of a flow sent."""

    __slots__ = (
        "bytes",
        "feed",
        "first_seq",
        "flags",
        "flow",
        "held",
        "is_client",
        "last_ns",
        "mac",
        "missed_bytes",
        "next_seq",
        "packets",
        "payload_bytes",
        "tries",
        "waiting",
    )

    def __init__(self, flow: Flow, *, is_client: bool) -> None:
        self.flow = flow
        self.is_client = is_client
        self.feed: Feed | None = None
        self.packets = 0
        self.bytes = 0
        """From the IP header on; for layer 2, whole frames."""
        self.payload_bytes = 0
        self.missed_bytes = 0
        self.last_ns = 0
        self.flags = 0
        """Every TCP flag it ever set."""
        self.next_seq = -1
        self.first_seq = -1
        self.tries = 0
        self.held = b""
        """First bytes of a stream whose protocol is not known yet."""
        self.mac = b""
        self.waiting: dict[int, tuple[bytes, int]] | None = None


class Flow:
    """One conversation between two endpoints: a TCP connection, a UDP or layer-2 pair.

    The client is who opened it, as far as that can be told: the sender of the SYN, the side without the well-known
    port, the first to speak. Layer-2 conversations have MAC addresses for endpoints and the EtherType for the server's
    port; those straight over IP have the protocol's number for both.
    """

    __slots__ = (
        "client",
        "client_port",
        "entry",
        "first_ns",
        "from_client",
        "from_server",
        "key",
        "proofs",
        "protocol",
        "reader",
        "server",
        "server_port",
        "streams",
        "transport",
        "vlan",
    )

    def __init__(
        self,
        key: bytes | None,
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
        """As the client's packets carry it; None once it has left the table."""
        self.transport = transport
        self.client = client
        self.client_port = client_port
        self.server = server
        self.server_port = server_port
        self.vlan = vlan
        self.first_ns = at_ns
        self.protocol = ""
        """Name of the protocol, perhaps closer than its entry in the catalogue; empty while unknown."""
        self.entry: Protocol | None = None
        self.proofs = 0
        self.reader: Dissector | None = None
        self.streams: StreamPair | None = None
        self.from_client = Side(self, is_client=True)
        self.from_server = Side(self, is_client=False)

    @property
    def certainty(self) -> str:
        """``guess``, ``likely`` or ``confirmed``; empty while nothing is known."""
        if not self.protocol:
            return ""
        if self.streams is not None:
            self.streams.prove()
        return certainty_of(self.proofs)

    @property
    def last_ns(self) -> int:
        """When the last packet came."""
        return max(self.first_ns, self.from_client.last_ns, self.from_server.last_ns)

    @property
    def has_ended(self) -> bool:
        """Whether it was reset, or both sides said that they have finished."""
        flags = self.from_client.flags, self.from_server.flags
        return bool((flags[0] | flags[1]) & RST or flags[0] & flags[1] & FIN)

    def give_up(self) -> None:
        """Forget the protocol: what was read does not bear it out."""
        self.protocol = ""
        self.entry = None
        self.proofs = 0
        self.reader = None
        if self.streams is not None:
            self.streams.forget()
            self.streams = None
        self.from_client.feed = self.from_server.feed = ignore

    def release(self) -> None:
        """Cut what refers back to this flow, so that its memory is free at once."""
        self.reader = None
        if self.streams is not None:
            self.streams.prove()
            self.streams.forget()
            self.streams = None
        for side in (self.from_client, self.from_server):
            side.feed = ignore
            side.waiting = None
            side.flow = NOBODYS

    def __repr__(self) -> str:
        return (
            f"<Flow {self.transport} {self.client}:{self.client_port} -> {self.server}:{self.server_port}"
            f" {self.protocol or 'unknown'}>"
        )


NOBODYS: Final = Flow(None, "", "", 0, "", 0)
"""What a side belongs to once its flow was told as closed: sides that point back would keep both in memory."""
