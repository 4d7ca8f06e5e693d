"""mDNS: names and services that devices announce to their neighbours, the best passive source on consumer devices.

Source:
    RFC 6762 (multicast DNS); RFC 6763 (service discovery); TXT keys of AirPlay, HomeKit, Google Cast and IPP.
"""

from __future__ import annotations

from typing import ClassVar, Final

from vedette.sensor.dissect.dns_records import (
    AAAA,
    HEADER_BYTES,
    HINFO,
    MAX_RECORDS,
    PTR,
    SRV,
    TXT,
    TYPES,
    A,
    Record,
    header,
    name_at,
    read_message,
    type_name,
)
from vedette.sensor.dissect.interface import NO, SURE, WEAK, Dissector, Malformed
from vedette.sensor.model import CERTAIN, POSSIBLE, PROBABLE, Attribute, Direction, OpKind, OtOp, Role

_BROWSE: Final = "_services._dns-sd._udp.local"
_LOCAL: Final = ".local"
_KEYS: Final = {
    "md": Attribute.MODEL,
    "model": Attribute.MODEL,
    "ty": Attribute.MODEL,
    "usb_mdl": Attribute.MODEL,
    "am": Attribute.MODEL,
    "manufacturer": Attribute.VENDOR,
    "vendor": Attribute.VENDOR,
    "usb_mfg": Attribute.VENDOR,
    "mfg": Attribute.VENDOR,
    "fv": Attribute.FIRMWARE,
    "fw": Attribute.FIRMWARE,
    "fw_version": Attribute.FIRMWARE,
    "firmware": Attribute.FIRMWARE,
    "serial": Attribute.SERIAL,
    "serialnumber": Attribute.SERIAL,
    "sn": Attribute.SERIAL,
    "srcvers": Attribute.SOFTWARE,
    "osvers": Attribute.OPERATING_SYSTEM,
}
_ROLES: Final = {
    "_ipp": Role.PRINTER, "_ipps": Role.PRINTER, "_printer": Role.PRINTER, "_pdl-datastream": Role.PRINTER,
    "_axis-video": Role.CAMERA, "_rtsp": Role.CAMERA, "_hap": Role.IOT_DEVICE, "_matter": Role.IOT_DEVICE,
    "_googlecast": Role.IOT_DEVICE, "_hue": Role.IOT_DEVICE, "_shelly": Role.IOT_DEVICE, "_miio": Role.IOT_DEVICE,
    "_apple-mobdev2": Role.MOBILE, "_workstation": Role.WORKSTATION, "_mqtt": Role.BROKER,
}  # fmt: skip


class Mdns(Dissector):
    """Reads mDNS; what a packet announces belongs to its sender, unless an address record says otherwise."""

    __slots__ = ()

    name: ClassVar[str] = "mdns"

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one message."""
        message = read_message(payload)
        if message.flags & 0x8000:
            records = message.answers + message.others
            for record in records:
                self._announced(record, is_from_client, at_ns)
            first = message.answers[0] if message.answers else None
            self.emit(
                OtOp(
                    at_ns, self.flow, is_from_client, "mdns", "announcement", message.flags >> 11 & 15,
                    OpKind.IDENTIFY, Direction.REPORT, None, type_name(first.type) if first else "", None,
                    len(message.answers), first.name if first else "",
                    tuple(record.name for record in records[:16]), "", message.number or None,
                )
            )  # fmt: skip
            return
        for question in message.questions[:16]:
            self.emit(
                OtOp(
                    at_ns, self.flow, is_from_client, "mdns", "query", 0, OpKind.IDENTIFY, Direction.REQUEST, None,
                    type_name(question.type), None, None, question.name, None, "", message.number or None,
                )
            )  # fmt: skip

    def _announced(self, record: Record, is_from_client: bool, at_ns: int) -> None:
        kind, value = record.type, record.value
        if kind in {A, AAAA}:
            sender = self.flow.client if is_from_client else self.flow.server
            sure = CERTAIN if value == sender else PROBABLE
            name = record.name.removesuffix(_LOCAL)
            self.tell(at_ns, Attribute.NAME, name, address=str(value), confidence=sure)
            if value != sender and ":" in str(value):  # its other addresses
                self.tell(at_ns, Attribute.IP, value, is_of_client=is_from_client, confidence=PROBABLE)
        elif kind == SRV and isinstance(value, tuple):
            service, transport = service_of(record.name)
            if service:
                text = f"{transport}/{value[2]!r} {service.removeprefix('_')}"
                self.tell(at_ns, Attribute.SERVICE, text, is_of_client=is_from_client, confidence=PROBABLE)
                self._offers(service, transport, is_from_client, at_ns)
        elif kind == PTR and record.ttl_s:
            offered = str(value) if record.name.lower() == _BROWSE else record.name
            service, transport = service_of(offered)
            if service:
                self._offers(service, transport, is_from_client, at_ns)
        elif kind == TXT and isinstance(value, tuple):
            self._described(record.name, [str(each) for each in value], is_from_client, at_ns)
        elif kind == HINFO and isinstance(value, tuple) and len(value) == 2:
            self.tell(at_ns, Attribute.HARDWARE, value[0], is_of_client=is_from_client, confidence=PROBABLE)
            self.tell(at_ns, Attribute.OPERATING_SYSTEM, value[1], is_of_client=is_from_client, confidence=PROBABLE)

    def _offers(self, service: str, transport: str, is_from_client: bool, at_ns: int) -> None:
        self.tell(
            at_ns, Attribute.FINGERPRINT, f"mdns:{service}._{transport}", is_of_client=is_from_client,
            confidence=PROBABLE,
        )  # fmt: skip
        role = _ROLES.get(service)
        if role is not None:
            self.tell(at_ns, Attribute.ROLE, role, is_of_client=is_from_client, confidence=POSSIBLE)

    def _described(self, name: str, pairs: list[str], is_from_client: bool, at_ns: int) -> None:
        is_cast = "_googlecast" in name
        for pair in pairs:
            key, found, content = pair.partition("=")
            key = key.lower()
            if not found or not content:
                continue
            attribute = Attribute.NAME if key == "fn" and is_cast else _KEYS.get(key)
            if attribute is not None:
                confidence = PROBABLE if attribute is Attribute.NAME else CERTAIN
                self.tell(
                    at_ns, attribute, content.strip("()"), is_of_client=is_from_client, confidence=confidence,
                    source="mdns txt",
                )  # fmt: skip


def service_of(name: str) -> tuple[str, str]:
    """Return service and transport of ``Kitchen._hap._tcp.local``: ``_hap``, ``tcp``; empty if it names none."""
    labels = name.lower().split(".")
    for position in range(len(labels) - 1, 0, -1):
        if labels[position] in {"_tcp", "_udp"} and labels[position - 1].startswith("_"):
            return labels[position - 1], labels[position][1:]
    return "", ""


def check(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell mDNS by its flags and its first name; see ``interface.Check``."""
    _, flags, questions, answers, authorities, additional = header(payload, 0)
    if flags & ~0x8600 or questions + answers + authorities + additional > MAX_RECORDS * 4 or not questions + answers:
        return NO
    try:
        _, position = name_at(payload, HEADER_BYTES)
    except Malformed:
        return NO
    kind = payload[position] << 8 | payload[position + 1]
    klass = (payload[position + 2] << 8 | payload[position + 3]) & 0x7FFF
    return SURE if kind in TYPES and klass in {1, 255} else WEAK
