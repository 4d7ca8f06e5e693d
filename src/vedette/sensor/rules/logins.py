"""Logins: too many, too many failed, with passwords that everybody knows or can read."""

from __future__ import annotations

from typing import Final

from vedette.sensor.model import Anomaly, AnomalyKind, Direction, OpKind, OtOp
from vedette.sensor.rules.desk import Desk, Rate
from vedette.sensor.rules.detector import Detector, Handler, Neighbourhood

_REQUEST: Final = Direction.REQUEST
# Where the first message of a login can be told; one connection is one attempt where the rest is encrypted.
_LOGINS: Final = {
    ("telnet", "login"), ("ftp", "pass"), ("ssh", "identification"), ("rdp", "connect"), ("mqtt", "connect"),
    ("opcua", "activate_session"), ("c1222", "security"), ("s7comm", "plc_password"),
}  # fmt: skip

Key = tuple[str, str, str]


class Logins(Detector):
    """Counts logins and what is wrong with them."""

    __slots__ = ("_attempts", "_failures", "_guesses", "_smb")

    def __init__(self, desk: Desk, place: Neighbourhood) -> None:
        super().__init__(desk, place)
        limit, window_ns = desk.settings.limit, desk.settings.window_ns
        self._attempts: Final[Rate[Key]] = Rate(limit("login.attempts", "attempts"), window_ns("login.attempts"))
        self._guesses: Final[Rate[Key]] = Rate(limit("login.guessing", "attempts"), window_ns("login.guessing"))
        self._smb: Final[Rate[Key]] = Rate(limit("login.smb", "attempts"), window_ns("login.smb"))
        self._failures: Final[Rate[Key]] = Rate(limit("login.failed", "failures"), window_ns("login.failed"))

    def wants(self, protocol: str, kind: OpKind) -> Handler | None:
        """Hear the protocols that tell logins."""
        if kind is OpKind.SESSION and any(protocol == name for name, _ in _LOGINS):
            return self._hear
        return None

    def anomalies(self, anomalies: list[Anomaly]) -> None:
        """Hear of failures, and of passwords that can be read."""
        for anomaly in anomalies:
            flow = anomaly.flow
            if anomaly.kind is AnomalyKind.LOGIN_FAILED:
                self._failed(anomaly)
            elif anomaly.kind is AnomalyKind.DEFAULT_CREDENTIAL:
                self._credential("credential.default", anomaly)
            elif anomaly.kind is AnomalyKind.CLEAR_TEXT_CREDENTIAL:
                self._credential("credential.clear_text", anomaly)
                if anomaly.protocol == "http":
                    self._attempt(flow.client, flow.server, "http", anomaly.at_ns, anomaly)

    def _credential(self, rule: str, anomaly: Anomaly) -> None:
        flow = anomaly.flow
        self.desk.report(
            rule, anomaly.at_ns, flow.client, flow.server, anomaly.detail, key=anomaly.protocol,
            protocol=anomaly.protocol, flow=flow,
        )  # fmt: skip

    def _failed(self, anomaly: Anomaly) -> None:
        flow, protocol, at_ns = anomaly.flow, anomaly.protocol, anomaly.at_ns
        source, target = flow.client, flow.server
        key = (source, target, protocol)
        if protocol == "ftp":
            self.desk.report("login.ftp_failed", at_ns, source, target, protocol=protocol, flow=flow)
        elif protocol == "smb":
            self._attempt(source, target, protocol, at_ns, anomaly)
            if self._smb.hit(key, at_ns):
                self.desk.report("login.smb", at_ns, source, target, protocol=protocol, flow=flow)
        if protocol != "ftp" and self._failures.hit(key, at_ns):
            self.desk.report(
                "login.failed", at_ns, source, target, protocol, key=protocol, protocol=protocol, flow=flow
            )

    def _hear(self, op: OtOp) -> None:
        if op.direction is _REQUEST and op.is_from_client and (op.protocol, op.service) in _LOGINS:
            self._attempt(op.flow.client, op.flow.server, op.protocol, op.at_ns, op)

    def _attempt(self, source: str, target: str, protocol: str, at_ns: int, cause: OtOp | Anomaly) -> None:
        key = (source, target, protocol)
        if self._attempts.hit(key, at_ns):
            self.desk.report(
                "login.attempts", at_ns, source, target, protocol, key=protocol, protocol=protocol, flow=cause.flow
            )
        if self._guesses.hit(key, at_ns):
            self.desk.report(
                "login.guessing", at_ns, source, target, protocol, key=protocol, protocol=protocol, flow=cause.flow
            )
