"""Messages that break their protocol's rules, as the dissectors tell them."""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect import PROTOCOLS
from vedette.sensor.model import Anomaly, AnomalyKind
from vedette.sensor.rules.desk import Desk, Rate
from vedette.sensor.rules.detector import Detector, Neighbourhood

_KIND: Final = AnomalyKind
_IT: Final = frozenset(protocol.name for protocol in PROTOCOLS if protocol.family != "ot")
_RETIRED: Final = frozenset({"tls", "ssh", "rdp", "smb"})
_GENERAL: Final = {
    _KIND.ILLEGAL_FUNCTION: "protocol.reserved_function",
    _KIND.ILLEGAL_VALUE: "protocol.illegal_value",
    _KIND.WRONG_DIRECTION: "protocol.wrong_direction",
    _KIND.UNEXPECTED_RESPONSE: "protocol.unexpected_response",
    _KIND.BAD_CHECKSUM: "protocol.checksum",
    _KIND.MALFORMED: "protocol.malformed",
}
_GOOSE: Final = {"state": "goose.state_jump", "sequence": "goose.sequence"}
"""What a number that goes back breaks, by the first word of what is told."""
_COUNTED: Final = {
    "protocol.malformed": "messages", "protocol.unexpected_response": "messages", "protocol.checksum": "messages",
    "goose.sequence": "messages",
}  # fmt: skip
_OF_ANY: Final = frozenset(_GENERAL.values())
_LOGINS: Final = frozenset({_KIND.LOGIN_FAILED, _KIND.CLEAR_TEXT_CREDENTIAL, _KIND.DEFAULT_CREDENTIAL})


class Violations(Detector):
    """Hears anomalies; those of logins are heard elsewhere."""

    __slots__ = ("_rates",)

    def __init__(self, desk: Desk, place: Neighbourhood) -> None:
        super().__init__(desk, place)
        settings = desk.settings
        self._rates: Final[dict[str, Rate[tuple[str, str, str]]]] = {
            rule: Rate(settings.limit(rule, name), settings.window_ns(rule)) for rule, name in _COUNTED.items()
        }

    def anomalies(self, anomalies: list[Anomaly]) -> None:
        """Hear what broke a rule."""
        for anomaly in anomalies:
            if anomaly.kind in _LOGINS:
                continue
            rule = _rule_of(anomaly)
            if not rule:
                continue
            flow = anomaly.flow
            # What computers among themselves get wrong is no matter of a plant.
            if rule in _OF_ANY and anomaly.protocol in _IT and not self._is_industrial(flow.client, flow.server):
                continue
            source, target = (flow.client, flow.server) if anomaly.is_from_client else (flow.server, flow.client)
            rate = self._rates.get(rule)
            if rate is not None and not rate.hit((source, target, anomaly.protocol), anomaly.at_ns):
                continue
            self.desk.report(
                rule, anomaly.at_ns, source, target, f"{anomaly.protocol}: {anomaly.detail}",
                key=f"{anomaly.protocol} {anomaly.kind}",
                protocol=anomaly.protocol, flow=flow, detail={"detail": anomaly.detail, "code": anomaly.code},
            )  # fmt: skip

    def _is_industrial(self, *addresses: str) -> bool:
        return any(address in self.place.industrial for address in addresses)


def _rule_of(anomaly: Anomaly) -> str:
    """Return the rule that an anomaly breaks; empty: none that is worth an alert."""
    protocol, kind, detail = anomaly.protocol, anomaly.kind, anomaly.detail
    if protocol == "modbus":
        if kind is _KIND.ILLEGAL_FUNCTION and anomaly.code == 0:
            return "modbus.function_zero"
        if kind is _KIND.WRONG_DIRECTION:
            return "modbus.exception_from_master"
    elif protocol == "dnp3":
        found = _of_dnp3(anomaly)
        if found:
            return found
    elif protocol == "iec104":
        if kind is _KIND.ILLEGAL_FUNCTION and detail.startswith("type"):
            return "iec104.type"
        if kind is _KIND.ILLEGAL_VALUE:
            return _of_iec104(detail)
    elif protocol == "bacnet" and kind is not _KIND.UNEXPECTED_RESPONSE:
        return "bacnet.illegal"
    elif protocol == "goose" and kind is _KIND.ILLEGAL_VALUE:
        return _GOOSE.get(detail.partition(" ")[0], _GENERAL[kind])
    elif protocol == "mqtt" and detail.startswith("protocol version"):
        return "protocol.version"
    elif protocol in _RETIRED and kind is _KIND.ILLEGAL_VALUE:
        return "weak.protocol"
    elif protocol == "arp" or (protocol in _IT and kind is _KIND.UNEXPECTED_RESPONSE):
        return ""
    return _GENERAL.get(kind, "")


def _of_dnp3(anomaly: Anomaly) -> str:
    kind, detail = anomaly.kind, anomaly.detail
    if detail.startswith("reserved indications"):
        return "dnp3.reserved_iin"
    if detail.startswith("a master asks"):
        return "dnp3.master_wants_confirmation"
    if kind in {_KIND.MALFORMED, _KIND.BAD_CHECKSUM} and not anomaly.is_from_client:
        return "dnp3.formatting"
    if kind in {_KIND.WRONG_DIRECTION, _KIND.ILLEGAL_VALUE}:
        return "dnp3.illegal"
    return ""


def _of_iec104(detail: str) -> str:
    if detail.startswith("cause"):
        return "iec104.cause"
    if detail.startswith("common address"):
        return "iec104.common_address"
    return "iec104.object_address" if detail.startswith("information object") else "protocol.illegal_value"
