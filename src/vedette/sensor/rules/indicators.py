"""Talk with what is known to be bad: lists that the operator imports, and a few names that a family is known by."""

from __future__ import annotations

from typing import Final

from vedette.sensor.flows import Flow, Side
from vedette.sensor.model import Direction, OpKind, OtOp
from vedette.sensor.rules.desk import Desk, Distinct, Rate, Wide
from vedette.sensor.rules.detector import Detector, Handler, Neighbourhood
from vedette.sensor.rules.indicator_files import Indicators, read_indicators

_REQUEST: Final = Direction.REQUEST
_NAMED: Final = frozenset({"dns", "http", "tls", "mdns", "llmnr"})
_HTTP_ERRORS: Final = range(400, 500)
# Names and addresses that analyses of a family publish: Symantec's "W32.Stuxnet Dossier" (2011) and "W32.Duqu" (2011),
# Kaspersky's "The Roof Is on Fire: Tackling Flame's C&C Servers" (2012) and "The Regin Platform" (2014), ESET on
# BlackEnergy (2016); WannaCry's own switch. Old addresses may have other owners now: an alert is a reason to look.
_FAMILY_NAMES: Final = {
    "mypremierfutbol.com": "malware.stuxnet", "todaysfutbol.com": "malware.stuxnet",
    "iuqerfsodp9ifjaposdfjhgosurijfaewrwergwea.com": "malware.wannacry",
    "ifferfsodp9ifjaposdfjhgosurijfaewrwergwea.com": "malware.wannacry",
    **dict.fromkeys(
        ("traffic-spot.biz", "traffic-spot.com", "smart-access.net", "quick-net.info", "dnslocation.info",
         "dnsportal.info", "flashupdates.info", "nvidiadrivers.info", "nvidiasoft.info", "nvidiastream.info",
         "rendercodec.info", "syncstream.info", "videosync.info", "bannerzone.in", "dailynewsupdater.com"),
        "malware.flame",
    ),
}  # fmt: skip
_FAMILY_ADDRESSES: Final = {
    "206.183.111.97": "malware.duqu", "77.241.93.160": "malware.duqu",
    "61.67.114.73": "malware.regin", "202.71.144.113": "malware.regin", "203.199.89.80": "malware.regin",
    "194.183.237.145": "malware.regin",
    "5.149.254.114": "malware.black_energy",
}  # fmt: skip


class Known(Detector):
    """Compares addresses, names and URLs with lists."""

    __slots__ = ("_errors", "_is_listed", "_missing", "_names", "listed")

    def __init__(self, desk: Desk, place: Neighbourhood) -> None:
        super().__init__(desk, place)
        settings = desk.settings
        self.listed: Final[Indicators] = read_indicators(settings.indicators)
        self._is_listed: Final[Wide[str, str]] = Wide()
        self._names: Final[Wide[str, str]] = Wide()
        window_ns = settings.window_ns("dns.name_queries")
        self._missing: Final[Distinct[str, str]] = Distinct(settings.limit("dns.name_queries", "names"), window_ns)
        self._errors: Final[Rate[tuple[str, str]]] = Rate(
            settings.limit("http.client_error", "requests"), settings.window_ns("http.client_error")
        )

    def wants(self, protocol: str, kind: OpKind) -> Handler | None:  # noqa: ARG002 - whatever names something
        """Hear what names hosts."""
        return self._named if protocol in _NAMED else None

    def side_heard(self, side: Side, at_ns: int) -> None:
        """Hear who begins to talk."""
        if not side.is_client:
            return
        flow = side.flow
        has_lists = len(self.listed) > 0
        for address in (flow.server, flow.client):
            if address in _FAMILY_ADDRESSES:
                self._report(_FAMILY_ADDRESSES[address], flow, at_ns, f"{address} was one of its servers", address)
            if not has_lists:
                continue
            found = self._is_listed.get(address)
            if found is None:
                found = self.listed.of_address(address)
                self._is_listed.put(address, found)
            if found:
                what = f"{address} is on the list {found}"
                self._report("indicator.address", flow, at_ns, what, address)

    def refused(self, op: OtOp) -> None:
        """Hear of names that do not exist, and of wrong requests."""
        flow = op.flow
        if op.protocol == "dns" and op.result == "nxdomain":
            if self._missing.hit(flow.client, op.name, op.at_ns):
                self.desk.report(
                    "dns.name_queries", op.at_ns, flow.client, flow.server, op.name[:64], protocol="dns", flow=flow
                )
        elif (
            op.protocol == "http" and op.code in _HTTP_ERRORS and self._errors.hit((flow.client, flow.server), op.at_ns)
        ):
            self.desk.report("http.client_error", op.at_ns, flow.client, flow.server, protocol="http", flow=flow)

    def _named(self, op: OtOp) -> None:
        if op.direction is not _REQUEST:
            return
        name = op.name
        if op.protocol == "http":
            name = str(op.unit or "").partition(":")[0]
            found = self.listed.of_url(name, op.name)
            if found:
                self._report("indicator.url", op.flow, op.at_ns, f"{name}{op.name} of {found}"[:160], name)
        if not name:
            return
        listed = self._names.get(name)
        if listed is None:
            listed = self.listed.of_name(name)
            self._names.put(name, listed)
        if listed:
            self._report("indicator.name", op.flow, op.at_ns, f"{name[:128]}, which is on the list {listed}", name)
        parts = name.rstrip(".").rsplit(".", 2)
        family = _FAMILY_NAMES.get(".".join(parts[-2:]).lower())
        if family is not None:
            self._report(family, op.flow, op.at_ns, f"{name[:128]} is a name of it", name)

    def _report(self, rule: str, flow: Flow, at_ns: int, what: str, key: str) -> None:
        self.desk.report(
            rule, at_ns, flow.client, flow.server, what, key=key[:128], protocol=flow.protocol, flow=flow,
            detail={"indicator": key[:256]},
        )  # fmt: skip
