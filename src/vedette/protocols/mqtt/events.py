"""What a connection reports: one slotted class for each control packet that can arrive.

They are msgspec structs because one costs a third of a dataclass to make, and one is made for every message.
None can be part of a reference cycle, so the collector does not track them.
"""

from __future__ import annotations

from typing import Final

import msgspec

MQTT_3_1_1: Final = 4
MQTT_5: Final = 5
NEVER_EXPIRES: Final = 0xFFFF_FFFF


class PublishProperties(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What MQTT 5 says of a message beside its topic.

    Attributes:
        payload_format: 1 for UTF-8 text, 0 for anything.
        message_expiry_s: For how long the message is of use.
        response_topic: Where an answer is expected; without wildcards, otherwise unchecked.
        correlation_data: Pairs an answer with its request.
        content_type: A media type as a rule; text from outside.
        user: User properties, in the order sent; names may repeat.
        subscriptions: Subscription identifiers; only from a server.
    """

    payload_format: int = 0
    message_expiry_s: int | None = None
    response_topic: str | None = None
    correlation_data: bytes | None = None
    content_type: str | None = None
    user: tuple[tuple[str, str], ...] = ()
    subscriptions: tuple[int, ...] = ()


NO_PROPERTIES: Final = PublishProperties()


class Will(msgspec.Struct, frozen=True, gc=False):
    """The message to publish on the client's behalf when its connection ends without DISCONNECT.

    Attributes:
        properties: Of MQTT 5; ``None`` in 3.1.1.
        delay_s: For how long to hold it back for a client that comes back; MQTT 5.
    """

    topic: str
    payload: bytes
    qos: int
    retain: bool
    properties: PublishProperties | None = None
    delay_s: int = 0


class Connect(msgspec.Struct, frozen=True, gc=False):
    """A client asks for a session; answer with ``accept`` or ``refuse``.

    Attributes:
        client_id: Empty only in MQTT 5, where the server may assign one.
        clean_session: Forget the session of before; in 3.1.1 also forget this one when it ends.
        protocol_level: 4 for MQTT 3.1.1, 5 for MQTT 5.
        session_expiry_s: How long the session outlives the connection, ``NEVER_EXPIRES`` for ever; MQTT 5.
        receive_maximum: QoS 1 messages that it takes unacknowledged; kept to by ``publish``.
        maximum_packet_bytes: The largest packet that it takes; kept to by everything that is sent.
        topic_alias_maximum: Topic aliases that it takes.
        wants_problem_information: Whether it wants reason strings in answers other than refusals.
    """

    client_id: str
    clean_session: bool
    keep_alive_s: int
    user_name: str | None = None
    password: bytes | None = None
    will: Will | None = None
    protocol_level: int = MQTT_3_1_1
    session_expiry_s: int = 0
    receive_maximum: int = 65_535
    maximum_packet_bytes: int | None = None
    topic_alias_maximum: int = 0
    wants_problem_information: bool = True

    @property
    def is_v5(self) -> bool:
        """Whether the client speaks MQTT 5."""
        return self.protocol_level == MQTT_5

    @property
    def keeps_session(self) -> bool:
        """Whether the session is to outlive the connection, whatever the version says it with."""
        return self.session_expiry_s > 0 if self.is_v5 else not self.clean_session

    def __repr__(self) -> str:
        # A password is a token: it must not reach a log through a representation.
        return (
            f"Connect(client_id={self.client_id!r}, clean_session={self.clean_session}, "
            f"keep_alive_s={self.keep_alive_s}, user_name={self.user_name!r}, "
            f"password={'absent' if self.password is None else 'hidden'}, will={self.will!r}, "
            f"protocol_level={self.protocol_level})"
        )


class ServerOffer(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The properties of a CONNACK, each with the value that its absence means.

    Attributes:
        session_expiry_s: ``None``: as the client asked.
        maximum_packet_bytes: ``None``: no limit.
        assigned_client_id: ``None``: the client's own holds.
        server_keep_alive_s: ``None``: as the client asked.
    """

    session_expiry_s: int | None = None
    receive_maximum: int = 65_535
    maximum_qos: int = 2
    is_retain_available: bool = True
    maximum_packet_bytes: int | None = None
    assigned_client_id: str | None = None
    topic_alias_maximum: int = 0
    reason_string: str | None = None
    are_wildcards_available: bool = True
    are_subscription_ids_available: bool = True
    are_shared_subscriptions_available: bool = True
    server_keep_alive_s: int | None = None


class Connack(msgspec.Struct, frozen=True, gc=False):
    """The server's answer to CONNECT: return code 0 is acceptance.

    Attributes:
        return_code: In MQTT 5 a ``ReasonCode``.
        offer: What the server offers and why it refuses; ``None`` in 3.1.1.
    """

    session_present: bool
    return_code: int
    offer: ServerOffer | None = None


class Publish(msgspec.Struct, frozen=True, gc=False):
    """A message. ``packet_id`` is 0 at QoS 0; at QoS 1 it is what ``puback`` takes.

    Attributes:
        topic: Never an alias: what it stands for.
        properties: Of MQTT 5; ``None`` in 3.1.1.
    """

    topic: str
    payload: bytes
    qos: int = 0
    packet_id: int = 0
    dup: bool = False
    retain: bool = False
    properties: PublishProperties | None = None


class Puback(msgspec.Struct, frozen=True, gc=False):
    """The peer has taken responsibility for a QoS 1 message; in MQTT 5 it may have refused it instead.

    Attributes:
        reason_code: A ``ReasonCode``; from 0x80 on the peer did not take the message, yet will not get it again.
    """

    packet_id: int
    reason_code: int = 0
    reason_string: str | None = None


class Subscribe(msgspec.Struct, frozen=True, gc=False):
    """The client asks for topic filters, each with the highest QoS it wants."""

    packet_id: int
    filters: tuple[tuple[str, int], ...]


class Suback(msgspec.Struct, frozen=True, gc=False):
    """The server's answer to SUBSCRIBE: granted QoS, or 0x80 and above, per filter in the order asked."""

    packet_id: int
    return_codes: tuple[int, ...]
    reason_string: str | None = None


class Unsubscribe(msgspec.Struct, frozen=True, gc=False):
    """The client gives topic filters up."""

    packet_id: int
    filters: tuple[str, ...]


class Unsuback(msgspec.Struct, frozen=True, gc=False):
    """The server's answer to UNSUBSCRIBE, in MQTT 5 with a reason code per filter."""

    packet_id: int
    reason_codes: tuple[int, ...] = ()
    reason_string: str | None = None


class Pingreq(msgspec.Struct, frozen=True, gc=False):
    """The client asks whether we are there; answer with ``pingresp``."""


class Pingresp(msgspec.Struct, frozen=True, gc=False):
    """The server is there."""


class Disconnect(msgspec.Struct, frozen=True, gc=False):
    """The client leaves in order; in MQTT 5 also the server, and says why.

    Attributes:
        session_expiry_s: In place of CONNECT's, if the client changed its mind; 0: forget the session now.
    """

    reason_code: int = 0
    reason_string: str | None = None
    session_expiry_s: int | None = None
    server_reference: str | None = None

    @property
    def voids_will(self) -> bool:
        """Whether the will is not to be published."""
        return not self.reason_code


ServerEvent = Connect | Publish | Puback | Subscribe | Unsubscribe | Pingreq | Disconnect
ClientEvent = Connack | Publish | Puback | Suback | Unsuback | Pingresp | Disconnect
