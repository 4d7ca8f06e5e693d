"""OPC UA's services, and the binary encoding of what they carry.

Source:
    OPC 10000-6 (OPC UA Part 6: Mappings), clause 5.2 and annex A.
"""

from __future__ import annotations

from base64 import b64encode
from struct import Struct
from typing import Final
from uuid import UUID

from vedette.sensor.dissect.interface import Malformed
from vedette.sensor.model import OpKind, Value, Values

MAX_ITEMS: Final = 1_000
_MAX_STRUCTURE_BYTES: Final = 1_024
_MAX_ARRAY: Final = 4_096
_MAX_KNOWN: Final = 4_096
_LONG: Final = Struct("<i").unpack_from
_ULONG: Final = Struct("<I").unpack_from
_WORD: Final = Struct("<H").unpack_from

_SERVICES: Final = (
    (422, "find_servers", OpKind.IDENTIFY), (428, "get_endpoints", OpKind.IDENTIFY),
    (437, "register_server", OpKind.OTHER), (446, "open_secure_channel", OpKind.SESSION),
    (452, "close_secure_channel", OpKind.SESSION), (461, "create_session", OpKind.SESSION),
    (467, "activate_session", OpKind.SESSION), (473, "close_session", OpKind.SESSION),
    (479, "cancel", OpKind.SESSION), (488, "add_nodes", OpKind.PROGRAM), (494, "add_references", OpKind.PROGRAM),
    (500, "delete_nodes", OpKind.PROGRAM), (506, "delete_references", OpKind.PROGRAM),
    (527, "browse", OpKind.DIAGNOSE), (533, "browse_next", OpKind.DIAGNOSE),
    (554, "translate_browse_paths_to_node_ids", OpKind.DIAGNOSE), (560, "register_nodes", OpKind.SESSION),
    (566, "unregister_nodes", OpKind.SESSION), (615, "query_first", OpKind.DIAGNOSE),
    (621, "query_next", OpKind.DIAGNOSE), (631, "read", OpKind.READ), (664, "history_read", OpKind.READ),
    (673, "write", OpKind.WRITE), (700, "history_update", OpKind.WRITE), (712, "call", OpKind.CONTROL),
    (751, "create_monitored_items", OpKind.SESSION), (763, "modify_monitored_items", OpKind.SESSION),
    (769, "set_monitoring_mode", OpKind.SESSION), (775, "set_triggering", OpKind.SESSION),
    (781, "delete_monitored_items", OpKind.SESSION), (787, "create_subscription", OpKind.SESSION),
    (793, "modify_subscription", OpKind.SESSION), (799, "set_publishing_mode", OpKind.SESSION),
    (826, "publish", OpKind.REPORT), (832, "republish", OpKind.REPORT),
    (841, "transfer_subscriptions", OpKind.SESSION), (847, "delete_subscriptions", OpKind.SESSION),
)  # fmt: skip
REQUESTS: Final = {number: (name, kind) for number, name, kind in _SERVICES}
RESPONSES: Final = {number + 3: (name, kind) for number, name, kind in _SERVICES} | {
    397: ("service_fault", OpKind.OTHER)
}
GET_ENDPOINTS: Final = 428
CREATE_MONITORED_ITEMS: Final = 751
PUBLISH: Final = 826
CREATE_SESSION: Final = 461
ACTIVATE_SESSION: Final = 467
BROWSE: Final = 527
READ: Final = 631
WRITE: Final = 673
CALL: Final = 712

STATUS: Final = {
    0x0000: "ok", 0x8001: "bad_unexpected_error", 0x8002: "bad_internal_error", 0x8003: "bad_out_of_memory",
    0x8004: "bad_resource_unavailable", 0x8005: "bad_communication_error", 0x8006: "bad_encoding_error",
    0x8007: "bad_decoding_error", 0x8008: "bad_encoding_limits_exceeded", 0x8009: "bad_unknown_response",
    0x800A: "bad_timeout", 0x800B: "bad_service_unsupported", 0x800C: "bad_shutdown",
    0x800D: "bad_server_not_connected", 0x800E: "bad_server_halted", 0x800F: "bad_nothing_to_do",
    0x8010: "bad_too_many_operations", 0x8011: "bad_data_type_id_unknown", 0x8012: "bad_certificate_invalid",
    0x8013: "bad_security_checks_failed", 0x8014: "bad_certificate_time_invalid",
    0x8016: "bad_certificate_host_name_invalid", 0x8017: "bad_certificate_uri_invalid",
    0x8018: "bad_certificate_use_not_allowed", 0x801A: "bad_certificate_untrusted",
    0x801B: "bad_certificate_revocation_unknown", 0x801D: "bad_certificate_revoked", 0x801F: "bad_user_access_denied",
    0x8020: "bad_identity_token_invalid", 0x8021: "bad_identity_token_rejected",
    0x8022: "bad_secure_channel_id_invalid", 0x8023: "bad_invalid_timestamp", 0x8024: "bad_nonce_invalid",
    0x8025: "bad_session_id_invalid", 0x8026: "bad_session_closed", 0x8027: "bad_session_not_activated",
    0x8028: "bad_subscription_id_invalid", 0x802A: "bad_request_header_invalid",
    0x802B: "bad_timestamps_to_return_invalid", 0x802C: "bad_request_cancelled_by_client",
    0x8031: "bad_no_communication", 0x8032: "bad_waiting_for_initial_data", 0x8033: "bad_node_id_invalid",
    0x8034: "bad_node_id_unknown", 0x8035: "bad_attribute_id_invalid", 0x8036: "bad_index_range_invalid",
    0x8037: "bad_index_range_no_data", 0x8038: "bad_data_encoding_invalid", 0x8039: "bad_data_encoding_unsupported",
    0x803A: "bad_not_readable", 0x803B: "bad_not_writable", 0x803C: "bad_out_of_range", 0x803D: "bad_not_supported",
    0x803E: "bad_not_found", 0x803F: "bad_object_deleted", 0x8040: "bad_not_implemented",
    0x8041: "bad_monitoring_mode_invalid", 0x8042: "bad_monitored_item_id_invalid",
    0x8043: "bad_monitored_item_filter_invalid", 0x8044: "bad_monitored_item_filter_unsupported",
    0x8045: "bad_filter_not_allowed", 0x804A: "bad_continuation_point_invalid", 0x804B: "bad_no_continuation_points",
    0x804C: "bad_reference_type_id_invalid", 0x804D: "bad_browse_direction_invalid", 0x804E: "bad_node_not_in_view",
    0x8056: "bad_too_many_sessions", 0x8073: "bad_write_not_supported", 0x8074: "bad_type_mismatch",
    0x8075: "bad_method_invalid", 0x8076: "bad_arguments_missing", 0x8077: "bad_too_many_subscriptions",
    0x8078: "bad_too_many_publish_requests", 0x8079: "bad_no_subscription", 0x807A: "bad_sequence_number_unknown",
    0x807D: "bad_tcp_server_too_busy", 0x807E: "bad_tcp_message_type_invalid", 0x807F: "bad_tcp_secure_channel_unknown",
    0x8080: "bad_tcp_message_too_large", 0x8081: "bad_tcp_not_enough_resources", 0x8082: "bad_tcp_internal_error",
    0x8083: "bad_tcp_endpoint_url_invalid", 0x8084: "bad_request_interrupted", 0x8085: "bad_request_timeout",
    0x8086: "bad_secure_channel_closed", 0x8087: "bad_secure_channel_token_unknown",
    0x8088: "bad_sequence_number_invalid",
}  # fmt: skip
ATTRIBUTES: Final = {
    1: "node_id", 2: "node_class", 3: "browse_name", 4: "display_name", 5: "description", 13: "value",
    6: "write_mask", 7: "user_write_mask", 8: "is_abstract", 9: "symmetric", 10: "inverse_name",
    11: "contains_no_loops", 12: "event_notifier", 14: "data_type", 15: "value_rank", 16: "array_dimensions",
    17: "access_level", 18: "user_access_level", 19: "minimum_sampling_interval", 20: "historizing", 21: "executable",
    22: "user_executable",
}  # fmt: skip

_FIXED: Final = {
    2: Struct("<b"), 3: Struct("<B"), 4: Struct("<h"), 5: Struct("<H"), 6: Struct("<i"), 7: Struct("<I"),
    8: Struct("<q"), 9: Struct("<Q"), 10: Struct("<f"), 11: Struct("<d"), 13: Struct("<q"), 19: Struct("<I"),
}  # fmt: skip
_nodes: Final[dict[bytes, str]] = {}


class Cursor:
    """Reads OPC UA's built-in types one after another."""

    __slots__ = ("at", "data")

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data: Final = data
        self.at = at

    def number(self) -> int:
        """Read an unsigned 32-bit number."""
        value: int
        (value,) = _ULONG(self.data, self.at)
        self.at += 4
        return value

    def count(self) -> int:
        """Read the length of an array; an absent one has none."""
        value: int
        (value,) = _LONG(self.data, self.at)
        self.at += 4
        return max(value, 0)

    def raw(self) -> bytes:
        """Read a byte string or the bytes of a text."""
        size = self.count()
        if self.at + size > len(self.data):
            raise Malformed(f"a string of {size} bytes, {len(self.data) - self.at} there")
        self.at += size
        return self.data[self.at - size : self.at]

    def text(self) -> str:
        """Read a text."""
        return self.raw().decode("utf-8", "replace")

    def localized(self) -> str:
        """Read a text with its language."""
        mask = self.data[self.at]
        self.at += 1
        if mask & 1:
            self.raw()
        return self.text() if mask & 2 else ""

    def extension(self) -> tuple[str, bytes]:
        """Read an object of some structure: the id of its encoding, and its bytes."""
        kind = self.node()
        has_body = self.data[self.at]
        self.at += 1
        return kind, self.raw() if has_body else b""

    def node(self) -> str:
        """Read a node id, in the text form of Part 6: ``ns=2;s=Pump``."""
        start, encoding = self.at, self.data[self.at]
        form = encoding & 0x3F
        if form in {3, 5}:
            self.at += 3
            self.raw()
        else:
            size = {0: 2, 1: 4, 2: 7, 4: 19}.get(form)
            if size is None:
                raise Malformed(f"node id encoding {form}")
            self.at += size
        raw = self.data[start : self.at]
        if encoding & 0x80:
            self.raw()
        if encoding & 0x40:
            self.at += 4
        name = _nodes.get(raw)
        if name is None:
            name = _node_text(raw, form)
            if len(_nodes) >= _MAX_KNOWN:
                _nodes.clear()
            if len(raw) <= 128:
                _nodes[raw] = name
        return name

    def variant(self) -> Values:
        """Read a value with its type.

        Raises:
            Malformed: It is of a type that holds others.
        """
        mask = self.data[self.at]
        self.at += 1
        kind = mask & 0x3F
        if not mask & 0x80:
            return self._scalar(kind)
        size = self.count()
        if size > _MAX_ARRAY:
            raise Malformed(f"an array of {size} values; {_MAX_ARRAY} read at most")
        fixed = _FIXED.get(kind)
        if fixed is not None:
            stop = self.at + size * fixed.size
            values: tuple[Value, ...] = tuple(row[0] for row in fixed.iter_unpack(self.data[self.at : stop]))
            if len(values) < size:
                raise Malformed(f"{size} values announced, {len(values)} there")
            self.at = stop
        elif size > MAX_ITEMS:
            raise Malformed(f"an array of {size} texts; {MAX_ITEMS} read at most")
        else:
            values = tuple(self._scalar(kind) for _ in range(size))
        if mask & 0x40:
            dimensions = self.count()
            self.at += 4 * dimensions
        return values

    def data_value(self) -> tuple[Values, int]:
        """Read a value with its status."""
        mask = self.data[self.at]
        self.at += 1
        value = self.variant() if mask & 1 else None
        status = self.number() if mask & 2 else 0
        self.at += 8 * (mask >> 2 & 1) + 2 * (mask >> 4 & 1) + 8 * (mask >> 3 & 1) + 2 * (mask >> 5 & 1)
        return value, status

    def _scalar(self, kind: int) -> Value:
        fixed = _FIXED.get(kind)
        if fixed is not None:
            value: int | float = fixed.unpack_from(self.data, self.at)[0]
            self.at += fixed.size
            return value
        if kind == 0:
            return None
        if kind == 1:
            self.at += 1
            return bool(self.data[self.at - 1])
        if kind in {12, 16}:
            return self.text()
        if kind == 15:
            return self.raw()
        if kind == 14:
            self.at += 16
            return self.data[self.at - 16 : self.at]
        if kind in {17, 18}:
            return self.node()
        if kind == 20:
            self.at += 2
            return self.text()
        if kind == 21:
            return self.localized()
        if kind == 22:
            return self.extension()[1][:_MAX_STRUCTURE_BYTES]
        raise Malformed(f"a value of type {kind}, whose length is not known here")


def _node_text(raw: bytes, form: int) -> str:
    if form == 0:
        return f"i={raw[1]}"
    if form == 1:
        space, identifier = raw[1], f"i={_WORD(raw, 2)[0]}"
    elif form == 2:
        space, identifier = _WORD(raw, 1)[0], f"i={_ULONG(raw, 3)[0]}"
    else:
        space = _WORD(raw, 1)[0]
        content = raw[3:] if form == 4 else raw[7:]
        if form == 3:
            identifier = f"s={content.decode('utf-8', 'replace')}"
        elif form == 4:
            identifier = f"g={UUID(bytes_le=content)}"
        else:
            identifier = f"b={b64encode(content).decode()}"
    return f"ns={space};{identifier[:256]}" if space else identifier[:256]
