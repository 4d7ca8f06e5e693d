"""Answers that are no: each kind once it is new, and too many of them."""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect import PROTOCOLS
from vedette.sensor.model import Direction, OpKind, OtOp
from vedette.sensor.rules.desk import Desk, Rate, Wide
from vedette.sensor.rules.detector import Detector, Handler, Neighbourhood, ends_of, facts_of, words_of

_REPORT: Final = Direction.REPORT
_INDUSTRIAL: Final = frozenset(protocol.name for protocol in PROTOCOLS if protocol.family == "ot") | {
    "cip", "pccc", "umas", "profinet_dcp",
}  # fmt: skip
_BY_RESULT: Final[dict[tuple[str, str], str]] = {
    ("modbus", "illegal_function"): "modbus.illegal_function",
    ("modbus", "illegal_data_address"): "modbus.data_address",
    ("modbus", "illegal_data_value"): "modbus.data_value",
    ("modbus", "server_device_failure"): "modbus.device_failure",
    ("modbus", "memory_parity_error"): "modbus.device_failure",
    ("iec104", "unknown_type"): "iec104.type",
    ("iec104", "unknown_cause"): "iec104.cause",
    ("iec104", "unknown_common_address"): "iec104.common_address",
    ("iec104", "unknown_object_address"): "iec104.object_address",
    ("dnp3", "no_func_code_support"): "dnp3.not_supported",
    ("dnp3", "object_unknown"): "dnp3.unknown_object",
    ("dnp3", "parameter_error"): "dnp3.parameter_error",
    ("enip", "unsupported_protocol_version"): "protocol.version",
}
_BY_PROTOCOL: Final = {
    "modbus": "modbus.exception", "umas": "modbus.exception", "cip": "cip.failed", "pccc": "cip.failed",
    "enip": "enip.failed", "mms": "mms.failed", "bacnet": "bacnet.failed", "opcua": "opcua.failed",
    "srtp": "srtp.failed", "profinet_dcp": "profinet.failed", "profinet_cm": "rpc.failed",
}  # fmt: skip
# States and delays, no refusals.
_HARMLESS: Final = frozenset(
    {"acknowledge", "server_device_busy", "partial_transfer", "already_executing", "config_corrupt", "pending",
     "embedded_service_error", "reserved"}
)  # fmt: skip


class Refusals(Detector):
    """Hears what devices refuse."""

    __slots__ = ("_many", "_said", "_same", "_usual")

    def __init__(self, desk: Desk, place: Neighbourhood) -> None:
        super().__init__(desk, place)
        settings = desk.settings
        self._usual: Final[Wide[tuple[str, str, str, str], int]] = Wide(65_536)
        self._same: Final[Wide[tuple[str, str, str, int | None, str], int]] = Wide(65_536)
        self._said: Final = settings.limit("ot.exceptions", "same_errors")
        self._many: Final[Rate[str]] = Rate(
            settings.limit("ot.exceptions", "errors"), settings.window_ns("ot.exceptions")
        )

    def wants(self, protocol: str, kind: OpKind) -> Handler | None:
        """Hear MMS devices that speak of their state."""
        return self._state if protocol == "mms" and kind is OpKind.REPORT else None

    def refused(self, op: OtOp) -> None:
        """Hear of an answer that is not ``ok``."""
        protocol, result = op.protocol, op.result
        if protocol not in _INDUSTRIAL or result in _HARMLESS or op.direction is _REPORT:
            return
        device, asker = ends_of(op)
        # A poll that always fails counts a few times only: it is a mistake, not a search.
        same = (device, asker, op.service, op.first, op.name or result)
        times = (self._same.get(same) or 0) + 1
        self._same.put(same, times)
        if times <= self._said and self._many.hit(device, op.at_ns):
            self.desk.report(
                "ot.exceptions", op.at_ns, asker, device, f"{op.protocol} {result}", protocol=protocol, flow=op.flow
            )
        rule = _BY_RESULT.get((protocol, result)) or _BY_PROTOCOL.get(protocol, "ot.exception")
        if rule == "mms.failed" and result.startswith("vmd_state"):
            rule = "mms.device_state"
            self.desk.report(rule, op.at_ns, "", device, result, protocol=protocol, flow=op.flow)
            return
        key = (device, asker, op.service, result)
        known = self._usual.get(key)
        self._usual.put(key, op.at_ns)
        settings = self.desk.settings
        if known is None and self.place.known_for_ns(device, op.at_ns) >= settings.window_ns(rule, "settle_s"):
            self.desk.report(
                rule, op.at_ns, asker, device, f"{words_of(op)}: {result}"[:120], key=f"{op.service} {result}",
                protocol=protocol, flow=op.flow, detail={**facts_of(op), "result": result},
            )  # fmt: skip

    def _state(self, op: OtOp) -> None:
        if op.service == "unsolicited_status":
            device, _ = ends_of(op)
            self.desk.report(
                "mms.device_state", op.at_ns, "", device, "its state has changed", protocol="mms", flow=op.flow
            )
