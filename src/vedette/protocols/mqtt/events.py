"""What a connection reports: one slotted class for each control packet that can arrive.

They are msgspec structs because one costs a third of a dataclass to make, and one is made for every message.
None can be part of a reference cycle, so the collector does not track them.
"""

from __future__ import annotations

import msgspec


class Will(msgspec.Struct, frozen=True, gc=False):
    """The message to publish on the client's behalf when its connection ends without DISCONNECT."""

    topic: str
    payload: bytes
    qos: int
    retain: bool


class Connect(msgspec.Struct, frozen=True, gc=False):
    """A client asks for a session; answer with ``accept`` or ``refuse``."""

    client_id: str
    clean_session: bool
    keep_alive_s: int
    user_name: str | None = None
    password: bytes | None = None
    will: Will | None = None

    def __repr__(self) -> str:
        # A password is a token: it must not reach a log through a representation.
        return (
            f"Connect(client_id={self.client_id!r}, clean_session={self.clean_session}, "
            f"keep_alive_s={self.keep_alive_s}, user_name={self.user_name!r}, "
            f"password={'absent' if self.password is None else 'hidden'}, will={self.will!r})"
        )


class Connack(msgspec.Struct, frozen=True, gc=False):
    """The server's answer to CONNECT: return code 0 is acceptance."""

    session_present: bool
    return_code: int


class Publish(msgspec.Struct, frozen=True, gc=False):
    """A message. ``packet_id`` is 0 at QoS 0; at QoS 1 it is what ``puback`` takes."""

    topic: str
    payload: bytes
    qos: int = 0
    packet_id: int = 0
    dup: bool = False
    retain: bool = False


class Puback(msgspec.Struct, frozen=True, gc=False):
    """The peer has taken responsibility for a QoS 1 message."""

    packet_id: int


class Subscribe(msgspec.Struct, frozen=True, gc=False):
    """The client asks for topic filters, each with the highest QoS it wants."""

    packet_id: int
    filters: tuple[tuple[str, int], ...]


class Suback(msgspec.Struct, frozen=True, gc=False):
    """The server's answer to SUBSCRIBE: granted QoS, or 0x80, per filter in the order asked."""

    packet_id: int
    return_codes: tuple[int, ...]


class Unsubscribe(msgspec.Struct, frozen=True, gc=False):
    """The client gives topic filters up."""

    packet_id: int
    filters: tuple[str, ...]


class Unsuback(msgspec.Struct, frozen=True, gc=False):
    """The server's answer to UNSUBSCRIBE."""

    packet_id: int


class Pingreq(msgspec.Struct, frozen=True, gc=False):
    """The client asks whether we are there; answer with ``pingresp``."""


class Pingresp(msgspec.Struct, frozen=True, gc=False):
    """The server is there."""


class Disconnect(msgspec.Struct, frozen=True, gc=False):
    """The client leaves in order: its will is void."""


ServerEvent = Connect | Publish | Puback | Subscribe | Unsubscribe | Pingreq | Disconnect
ClientEvent = Connack | Publish | Puback | Suback | Unsuback | Pingresp
