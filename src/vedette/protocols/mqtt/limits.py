"""What one connection may cost: every size and count that a peer chooses has a ceiling here."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Ceilings of one connection; a value equal to the limit passes, one more does not.

    Attributes:
        max_packet_bytes_before_accept: Whole packet, and all bytes waiting, until CONNECT is accepted.
        max_packet_bytes: Whole packet, header included, once CONNECT is accepted. The default leaves the hub's 256 KiB
            message room for its topic and framing.
        max_client_id_bytes: ``{device}/{module}`` at 128 characters each.
        max_user_name_bytes: Host, ids and the query with product info and model id.
        max_password_bytes: A SAS token.
        max_will_payload_bytes: Payload of the will message.
        max_topic_bytes: A topic name, a topic filter or the will's topic.
        max_filters_per_packet: Filters in one SUBSCRIBE or UNSUBSCRIBE.
        max_inflight: QoS 1 messages received and not yet acknowledged. Pause reading well below it.
        max_outgoing_inflight: QoS 1 messages sent and not yet acknowledged by the peer.
        max_keep_alive_s: A longer keep alive counts as this one.
        max_cached_topics: Decoded topic names remembered, as devices repeat theirs; 0 remembers none.
        max_properties_bytes: All properties of one packet; MQTT 5, as all below.
        max_user_properties: User properties of one packet.
        max_topic_aliases: Topics for which the peer may set a number; 0 lets it set none.
        max_alias_bytes: Those topics together.
        max_unanswered: UNSUBSCRIBE packets received and not yet answered.
    """

    max_packet_bytes_before_accept: int = 16_384
    max_packet_bytes: int = 278_528
    max_client_id_bytes: int = 257
    max_user_name_bytes: int = 4_096
    max_password_bytes: int = 2_048
    max_will_payload_bytes: int = 4_096
    max_topic_bytes: int = 16_384
    max_filters_per_packet: int = 16
    max_inflight: int = 16_384
    max_outgoing_inflight: int = 1_024
    max_keep_alive_s: int = 1_767
    max_cached_topics: int = 4
    max_properties_bytes: int = 16_384
    max_user_properties: int = 128
    max_topic_aliases: int = 8
    max_alias_bytes: int = 16_384
    max_unanswered: int = 64
