"""DNP3: what outstations say of themselves with every answer, and what only DNP3 has."""

from __future__ import annotations

from typing import Final

from vedette.sensor.model import Direction, OpKind, OtOp
from vedette.sensor.rules.desk import Desk, Rate, Wide
from vedette.sensor.rules.detector import Detector, Handler, Neighbourhood, ends_of, facts_of, words_of

_REQUEST: Final = Direction.REQUEST
_RESTART: Final = 0x8000
_TROUBLE: Final = 0x4000
_OVERFLOW: Final = 0x0008
_CORRUPT: Final = 0x0020
_TOLD: Final = _RESTART | _TROUBLE | _OVERFLOW | _CORRUPT
_SERVICES: Final = {
    "initialize_data": "dnp3.initialize_data", "save_config": "dnp3.save_configuration",
    "activate_config": "dnp3.configuration_changed", "assign_class": "dnp3.configuration_changed",
}  # fmt: skip
_AUTHENTICATION: Final = 120
_ERROR_VARIATION: Final = 7
_CLASS_DATA: Final = 60

Outstation = tuple[str, int | str | None]


class Outstations(Detector):
    """Hears DNP3."""

    __slots__ = ("_indications", "_overflows", "_readers", "_restarts", "_settle_ns")

    def __init__(self, desk: Desk, place: Neighbourhood) -> None:
        super().__init__(desk, place)
        settings = desk.settings
        self._indications: Final[Wide[Outstation, int]] = Wide()
        self._readers: Final[Wide[tuple[str, str], bool]] = Wide()
        self._settle_ns: Final = settings.window_ns("dnp3.integrity_scan", "settle_s")
        self._restarts: Final[Rate[Outstation]] = Rate(
            settings.limit("dnp3.restarts_often", "restarts"), settings.window_ns("dnp3.restarts_often")
        )
        self._overflows: Final[Rate[Outstation]] = Rate(
            settings.limit("dnp3.overflows", "times"), settings.window_ns("dnp3.overflows")
        )

    def wants(self, protocol: str, kind: OpKind) -> Handler | None:  # noqa: ARG002 - answers have their requests' kinds
        """Hear all of DNP3."""
        return self._hear if protocol == "dnp3" else None

    def _hear(self, op: OtOp) -> None:
        detail = op.detail
        if op.direction is not _REQUEST:
            if detail is not None and isinstance(indications := detail.get("iin"), int):
                told = indications & _TOLD
                device, _ = ends_of(op)
                before = self._indications.get((device, op.unit))
                if before != told:
                    self._indications.put((device, op.unit), told)
                    self._rising(op, told & ~(before or 0), is_first=before is None)
            if detail is not None and detail.get("group") == _AUTHENTICATION:
                self._authenticate(op)
            return
        service = op.service
        if service == "read":
            if detail is not None and detail.get("group") == _CLASS_DATA and detail.get("variation") == 1:
                self._integrity(op)
        elif service in _SERVICES:
            source, target = ends_of(op)
            self.desk.report(
                _SERVICES[service], op.at_ns, source, target, words_of(op), protocol="dnp3", flow=op.flow,
                detail=facts_of(op),
            )  # fmt: skip
        elif service == "authenticate_err":
            self._authenticate(op)

    def _rising(self, op: OtOp, bits: int, *, is_first: bool) -> None:
        """Report what an outstation says for the first time, or again."""
        device, master = ends_of(op)
        key = (device, op.unit)
        at_ns, flow, detail = op.at_ns, op.flow, facts_of(op)

        def report(rule: str) -> None:
            self.desk.report(rule, at_ns, master, device, key=str(op.unit), protocol="dnp3", flow=flow, detail=detail)

        if bits & _RESTART and not is_first:  # at first sight it may have been running for a year
            report("dnp3.restarted")
            if self._restarts.hit(key, at_ns):
                report("dnp3.restarts_often")
        if bits & _TROUBLE:
            report("dnp3.device_trouble")
        if bits & _CORRUPT:
            report("dnp3.configuration_corrupt")
        if bits & _OVERFLOW:
            report("dnp3.overflow")
            if self._overflows.hit(key, at_ns):
                report("dnp3.overflows")

    def _integrity(self, op: OtOp) -> None:
        pair = ends_of(op)
        if pair not in self._readers:
            self._readers.put(pair, True)
            if self.place.known_for_ns(pair[1], op.at_ns) > self._settle_ns:
                self.desk.report("dnp3.integrity_scan", op.at_ns, *pair, words_of(op), protocol="dnp3", flow=op.flow)

    def _authenticate(self, op: OtOp) -> None:
        detail = op.detail or {}
        if op.service == "authenticate_err" or detail.get("variation") == _ERROR_VARIATION:
            client, server = op.flow.client, op.flow.server
            self.desk.report("dnp3.authentication", op.at_ns, client, server, protocol="dnp3", flow=op.flow)
