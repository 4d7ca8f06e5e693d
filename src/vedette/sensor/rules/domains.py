"""Windows domains: tickets that can be broken, passwords tried on many accounts, names answered for others."""

from __future__ import annotations

from typing import Final

from vedette.sensor.model import Direction, OpKind, OtOp
from vedette.sensor.rules.desk import Desk, Distinct
from vedette.sensor.rules.detector import Detector, Handler, Neighbourhood, ends_of

_REQUEST: Final = Direction.REQUEST
_WEAK: Final = frozenset({1, 2, 3, 23, 24, -128, -133, -135})
"""DES and RC4 (RFC 4757, RFC 6649, RFC 8429)."""
_FAILURES: Final = frozenset({"unknown_user", "revoked", "wrong_password", "invalid_credentials"})
_PROXY: Final = "wpad"
_LONG_TEXT: Final = 100
_SPN: Final = "serviceprincipalname"


class Domains(Detector):
    """Hears Kerberos, LDAP, DNS, and the two ways in which Windows asks its neighbors for names."""

    __slots__ = ("_names", "_roasted", "_sprayed", "_texts")

    def __init__(self, desk: Desk, place: Neighbourhood) -> None:
        super().__init__(desk, place)
        limit, window_ns = desk.settings.limit, desk.settings.window_ns
        self._roasted: Final[Distinct[str, str]] = Distinct(
            limit("kerberos.roasting", "services"), window_ns("kerberos.roasting")
        )
        self._sprayed: Final[Distinct[tuple[str, str], str]] = Distinct(
            limit("login.spray", "accounts"), window_ns("login.spray")
        )
        self._names: Final[Distinct[str, str]] = Distinct(limit("names.poisoned", "names"), window_ns("names.poisoned"))
        self._texts: Final[Distinct[tuple[str, str], str]] = Distinct(
            limit("dns.texts", "names"), window_ns("dns.texts")
        )

    def wants(self, protocol: str, kind: OpKind) -> Handler | None:
        """Hear sign-ins, searches and answers to names."""
        if protocol == "kerberos":
            return self._kerberos
        if protocol == "ldap" and kind in {OpKind.SESSION, OpKind.READ}:
            return self._ldap
        if protocol == "dns" and kind is OpKind.OTHER:
            return self._dns
        return self._name if protocol in {"llmnr", "netbios_ns"} else None

    def _kerberos(self, op: OtOp) -> None:
        client, server = op.flow.client, op.flow.server
        if op.direction is _REQUEST:
            return
        if op.result in _FAILURES:
            self._failed(op, op.name)
        elif op.result == "ok":
            # What the domain enciphers for itself shows what it knows; a proof in less was chosen by who asks.
            if op.first not in _WEAK and op.value in _WEAK:
                self._report("kerberos.weak_proof", op, client, server, op.name[:64])
            if op.service == "ticket":
                self._ticket(op)
            elif op.area == "unproved":
                self._report("kerberos.unproved", op, client, server, op.name[:64])

    def _ticket(self, op: OtOp) -> None:
        name = op.name.lower()
        # Computers and the domain itself have passwords that nobody guesses.
        if op.first in _WEAK and not name.startswith("krbtgt") and not name.endswith("$"):
            count = self._roasted.hit(op.flow.client, name, op.at_ns)
            if count:
                self._report("kerberos.roasting", op, op.flow.client, op.flow.server, f"{count} services")

    def _ldap(self, op: OtOp) -> None:
        if op.direction is _REQUEST:
            if op.service == "search" and _SPN in op.area:
                self._report("ldap.services_listed", op, op.flow.client, op.flow.server)
        elif op.service == "bind" and op.result in _FAILURES:
            self._failed(op, op.name)

    def _failed(self, op: OtOp, account: str) -> None:
        client, server = op.flow.client, op.flow.server
        count = self._sprayed.hit((client, server), account.lower(), op.at_ns) if account else 0
        if count:
            self._report("login.spray", op, client, server, f"{count} accounts by {op.protocol}")

    def _dns(self, op: OtOp) -> None:
        client, server = op.flow.client, op.flow.server
        if op.area == "sig" and op.flow.transport == "tcp":  # a type that DNSSEC retired (RFC 3755)
            self._report("windows.exploit", op, client, server, "an attempt at SIGRed (CVE-2020-1350)")
        elif (
            op.area == "txt" and isinstance(op.value, tuple) and any(len(str(each)) >= _LONG_TEXT for each in op.value)
        ):
            zone = ".".join(op.name.rsplit(".", 2)[-2:])
            count = self._texts.hit((client, zone), op.name, op.at_ns)
            if count:
                self._report("dns.texts", op, client, "", f"{count} names beneath {zone[:64]}")

    def _name(self, op: OtOp) -> None:
        flow = op.flow
        if op.direction is not Direction.RESPONSE or op.result != "ok" or not op.name or op.service != "query":
            return
        # A server of names answers who asked it; who answers a question to everybody speaks for itself alone.
        if (flow.from_client if not op.is_from_client else flow.from_server).packets:
            return
        source, target = ends_of(op)
        name = op.name.lower().partition(".")[0]
        count = self._names.hit(source, name, op.at_ns)
        if count or name == _PROXY:
            self._report("names.poisoned", op, source, "" if count else target, f"{count} names" if count else name)

    def _report(self, rule: str, op: OtOp, source: str, target: str, what: str = "") -> None:
        self.desk.report(
            rule, op.at_ns, source, target, what, key=op.protocol, protocol=op.protocol, flow=op.flow,
            detail={"service": op.service, "name": op.name[:256]},
        )  # fmt: skip
