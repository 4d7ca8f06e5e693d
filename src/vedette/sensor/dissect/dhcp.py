"""DHCP for IPv4: who asks for an address says its name, its maker's class and, by what it asks for, its system.

Source:
    RFC 951 and 2131; options of RFC 2132, 4702 (FQDN), 4361 (client identifier).
"""

from __future__ import annotations

import socket
from struct import Struct
from typing import ClassVar, Final

from vedette.sensor.dissect.interface import NO, SURE, Dissector, Malformed
from vedette.sensor.dissect.transactions import Transactions
from vedette.sensor.dissect.wording import text_of
from vedette.sensor.flows import Flow
from vedette.sensor.model import (
    CERTAIN,
    POSSIBLE,
    PROBABLE,
    AnomalyKind,
    Attribute,
    Direction,
    OpKind,
    OtOp,
    Role,
    Sink,
    Values,
)

_HEAD: Final = Struct(">BBBBIHH").unpack_from
_LONG: Final = Struct(">I").unpack_from
_OPTIONS_AT: Final = 240
_COOKIE: Final = b"\x63\x82\x53\x63"
_REQUEST: Final = 1
_REPLY: Final = 2
_NOWHERE: Final = "0.0.0.0"  # noqa: S104 - the protocol's own word for no address
_MAX_OPTIONS: Final = 128

_SUBNET: Final = 1
_ROUTERS: Final = 3
_HOST: Final = 12
_DOMAIN: Final = 15
_ASKED_ADDRESS: Final = 50
_LEASE: Final = 51
_TYPE: Final = 53
_SERVER: Final = 54
_PARAMETERS: Final = 55
_MESSAGE: Final = 56
_VENDOR_CLASS: Final = 60
_FQDN: Final = 81
_TYPES: Final = {
    1: "discover", 2: "offer", 3: "request", 4: "decline", 5: "ack", 6: "nak", 7: "release", 8: "inform",
    9: "forcerenew", 10: "leasequery", 11: "leaseunassigned", 12: "leaseunknown", 13: "leaseactive",
}  # fmt: skip
_FROM_SERVER: Final = frozenset({2, 5, 6, 9, 11, 12, 13})
# What the beginning of a vendor class says of the system.
_SYSTEMS: Final = (
    ("MSFT 98", "Windows 98 or Me"),
    ("MSFT 5.0", "Windows"),
    ("android-dhcp-", "Android"),
    ("dhcpcd-", "Linux"),
    ("udhcp ", "Linux"),
    ("Linux ", "Linux"),
)
# What a system asks for, in its order, where no other system is known to ask for the same.
_ASKING: Final = {
    "1,3,6,15,31,33,43,44,46,47,119,121,249,252": "Windows",
    "1,3,6,15,31,33,43,44,46,47,121,249,252": "Windows",
    "1,15,3,6,44,46,47,31,33,121,249,43": "Windows",
    "1,15,3,6,44,46,47,31,33,121,249,252,43": "Windows",
    "1,15,3,6,44,46,47,31,33,249,43": "Windows",
    "1,15,3,6,44,46,47,31,33,43": "Windows",
    "1,121,3,6,15,119,252": "Apple iOS",
    "1,121,3,6,15,114,119,252": "Apple iOS",
    "1,121,3,6,15,108,114,119,252": "Apple iOS",
    "1,121,3,6,15,119,252,95,44,46": "macOS",
    "1,121,3,6,15,114,119,252,95,44,46": "macOS",
    "1,121,3,6,15,108,114,119,252,95,44,46": "macOS",
    "1,3,6,15,26,28,51,58,59,43": "Android",
    "1,3,6,15,26,28,51,58,59,43,114": "Android",
    "1,3,6,15,26,28,51,58,59,43,114,108": "Android",
}


class Dhcp(Dissector):
    """Reads DHCPv4."""

    __slots__ = ("_asked",)

    name: ClassVar[str] = "dhcp"

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._asked: Final[Transactions[int, int]] = Transactions()

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one message."""
        operation, hardware, size, _, number, _, _ = _HEAD(payload, 0)
        if payload[236:240] != _COOKIE:
            raise Malformed("without DHCP's magic cookie")
        options = options_of(payload, _OPTIONS_AT)
        mac = payload[28:34].hex(":") if (hardware, size) == (1, 6) else ""
        held, given = socket.inet_ntoa(payload[12:16]), socket.inet_ntoa(payload[16:20])
        kind = options.get(_TYPE, b"")
        code = kind[0] if kind else 0
        service = _TYPES.get(code, f"type_{code}") if code else "bootp"
        is_reply = operation == _REPLY
        if operation not in {_REQUEST, _REPLY} or (code in _TYPES and (code in _FROM_SERVER) != is_reply):
            self.complain(at_ns, is_from_client, AnomalyKind.WRONG_DIRECTION, f"operation {operation}, type {code}")
        if is_reply:
            self._reply(options, code, mac, given, is_from_client, at_ns)
            asked_ns = self._asked.answer(number)
        else:
            self._request(options, mac, held, at_ns)
            self._asked.ask(number, at_ns)
            asked_ns = None
        address = given if is_reply and given != _NOWHERE else _address(options, _ASKED_ADDRESS) or held
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "dhcp", service, code, OpKind.SESSION,
                Direction.RESPONSE if is_reply else Direction.REQUEST, mac or None, "lease", None,
                _seconds(options), host_name(options), address if address != _NOWHERE else None,
                ("error" if code == 6 else "ok") if is_reply else "", number,
                at_ns - asked_ns if asked_ns is not None else None,
                self._columns(options, service, mac, held, given) if is_reply or code in {7, 8} else None,
            )
        )  # fmt: skip

    def _request(self, options: dict[int, bytes], mac: str, held: str, at_ns: int) -> None:
        who = mac or (held if held != _NOWHERE else "")
        if not who:
            return
        if mac and held != _NOWHERE:
            self.tell(at_ns, Attribute.MAC, mac, address=held, confidence=PROBABLE)
        if name := host_name(options):
            self.tell(at_ns, Attribute.NAME, name, address=who, confidence=CERTAIN)
        maker = text_of(options.get(_VENDOR_CLASS, b""))
        if maker:
            self.tell(at_ns, Attribute.FINGERPRINT, f"dhcp_vendor:{maker}", address=who)
            for start, system in _SYSTEMS:
                if maker.startswith(start):
                    self.tell(at_ns, Attribute.OPERATING_SYSTEM, system, address=who, confidence=PROBABLE)
                    break
        if wanted := options.get(_PARAMETERS):
            asking = ",".join(map(str, wanted))
            self.tell(at_ns, Attribute.FINGERPRINT, f"dhcp:{asking}", address=who)
            if likely := _ASKING.get(asking):
                self.tell(
                    at_ns, Attribute.OPERATING_SYSTEM, likely, address=who, confidence=POSSIBLE, source="dhcp options"
                )

    def _reply(
        self, options: dict[int, bytes], code: int, mac: str, given: str, is_from_client: bool, at_ns: int
    ) -> None:
        server = _address(options, _SERVER) or (self.flow.client if is_from_client else self.flow.server)
        self.tell(at_ns, Attribute.ROLE, Role.SERVER, address=server, confidence=POSSIBLE, source="dhcp server")
        if routers := options.get(_ROUTERS):
            for start in range(0, min(len(routers), 16) - 3, 4):
                router = socket.inet_ntoa(routers[start : start + 4])
                self.tell(at_ns, Attribute.ROLE, Role.ROUTER, address=router, confidence=PROBABLE)
        if code == 5 and given != _NOWHERE:
            if mac:
                self.tell(at_ns, Attribute.MAC, mac, address=given)
            if domain := text_of(options.get(_DOMAIN, b"").rstrip(b"\0")):
                self.tell(at_ns, Attribute.DOMAIN, domain, address=given, confidence=PROBABLE)

    def _columns(self, options: dict[int, bytes], service: str, mac: str, held: str, given: str) -> dict[str, Values]:
        texts = {
            "mac": mac,
            "client_addr": held if held != _NOWHERE else "",
            "assigned_addr": given if given != _NOWHERE else "",
            "server_addr": _address(options, _SERVER),
            "requested_addr": _address(options, _ASKED_ADDRESS),
            "host_name": host_name(options),
            "domain": text_of(options.get(_DOMAIN, b"").rstrip(b"\0")),
            "server_message": text_of(options.get(_MESSAGE, b"")),
        }
        columns: dict[str, Values] = {name: text for name, text in texts.items() if text}
        columns["msg_types"] = (service.upper(),)
        if (seconds := _seconds(options)) is not None:
            columns["lease_time"] = float(seconds)
        return columns


def options_of(payload: bytes, start: int) -> dict[int, bytes]:
    """Read options, the parts of a long one put together.

    Raises:
        Malformed: One is longer than what is left.
    """
    found: dict[int, bytes] = {}
    size = len(payload)
    while start < size and payload[start] != 255 and len(found) < _MAX_OPTIONS:
        code = payload[start]
        start += 1
        if not code:
            continue
        length = payload[start]
        start += 1
        if start + length > size:
            raise Malformed(f"option {code} announces {length} bytes, {size - start} there")
        content = payload[start : start + length]
        found[code] = found[code] + content if code in found else content
        start += length
    return found


def host_name(options: dict[int, bytes]) -> str:
    """Return the name that a client says it has, fully qualified where it says so; empty if it does not say."""
    full = options.get(_FQDN, b"")
    if len(full) > 3:
        name = full[3:]
        if full[0] & 4:  # as labels, each with its length before it
            labels = []
            position = 0
            while position < len(name) and name[position]:
                labels.append(text_of(name[position + 1 : position + 1 + name[position]]))
                position += 1 + name[position]
            return ".".join(labels)
        return text_of(name.rstrip(b"\0"))
    return text_of(options.get(_HOST, b"").rstrip(b"\0"))


def check(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell DHCP by its cookie; see ``interface.Check``."""
    return SURE if payload[236:240] == _COOKIE and payload[0] in {_REQUEST, _REPLY} and payload[2] <= 16 else NO


def _address(options: dict[int, bytes], code: int) -> str:
    content = options.get(code, b"")
    return socket.inet_ntoa(content) if len(content) == 4 else ""


def _seconds(options: dict[int, bytes]) -> int | None:
    content = options.get(_LEASE, b"")
    return int(_LONG(content)[0]) if len(content) == 4 else None
