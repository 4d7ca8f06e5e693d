"""CIP: services on classes, instances, attributes and tags, whatever carries them.

Source:
    The CIP Networks Library, volume 1; Rockwell Automation publication 1756-PM020.
"""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import Final, NamedTuple

from vedette.sensor.dissect import cip_codes as codes
from vedette.sensor.dissect import pccc
from vedette.sensor.dissect.cip_vendors import VENDORS
from vedette.sensor.dissect.interface import Dissector, Malformed
from vedette.sensor.dissect.transactions import Transactions
from vedette.sensor.model import CERTAIN, PROBABLE, AnomalyKind, Attribute, Direction, OpKind, OtOp, Role, Values

_MAX_DEPTH: Final = 3
_MAX_TOGETHER: Final = 200
_MAX_KNOWN: Final = 4_096
_WORD: Final = struct.Struct("<H").unpack_from
_IDENTITY: Final = struct.Struct("<HHHBBHI").unpack_from
_OPEN: Final = struct.Struct("<BBIIHHI").unpack_from
_LOGICAL: Final = {
    0x20: "class_id",
    0x24: "instance_id",
    0x28: "member_id",
    0x2C: "connection_point",
    0x30: "attribute_id",
}
_SYMBOLIC: Final = 0x91
_REQUEST: Final = Direction.REQUEST
_RESPONSE: Final = Direction.RESPONSE


class Path(NamedTuple):
    """What a request is sent to."""

    class_id: int | None
    instance: int | None
    attribute: int | None
    area: str
    tag: str
    detail: dict[str, Values] | None


class Asked(NamedTuple):
    """What an answer needs to know of its question."""

    service: int
    name: str
    kind: OpKind
    path: Path
    area: str
    first: int | None
    quantity: int | None
    at_ns: int
    unit: str | None
    parts: tuple[Asked | None, ...] = ()
    command: pccc.Command | None = None


_paths: Final[dict[bytes, Path]] = {}
_NOWHERE: Final = Path(None, None, None, "", "", None)


class Reader:
    """Reads CIP messages for the dissector of the conversation that carries them."""

    __slots__ = ("_asked", "_is_engineered", "_owner")

    def __init__(self, owner: Dissector) -> None:
        self._owner: Final = owner
        self._asked: Final[Transactions[int, Asked]] = Transactions()
        self._is_engineered = False

    def read(self, data: bytes, key: int, is_from_client: bool, at_ns: int) -> None:
        """Read one message; ``key`` tells which answer belongs to which question."""
        if data[0] & 0x80:
            self._response(data, self._asked.answer(key), key, is_from_client, at_ns)
        else:
            asked = self._request(data, key, is_from_client, at_ns, None, 0)
            if asked is not None:
                self._asked.ask(key, asked)

    def _request(
        self, data: bytes, key: int, is_from_client: bool, at_ns: int, unit: str | None, depth: int
    ) -> Asked | None:
        service = data[0]
        start = 2 + data[1] * 2
        if start > len(data):
            raise Malformed(f"a path of {data[1]} words in {len(data)} bytes")
        path = path_of(data[2:start])
        name, kind = _named(service, path)
        if depth > _MAX_DEPTH:
            raise Malformed(f"requests nested {depth} deep")
        if path.class_id == codes.CONNECTION_MANAGER and service == codes.UNCONNECTED_SEND:
            (size,) = _WORD(data, start + 2)
            if start + 4 + size > len(data):
                raise Malformed(f"an embedded request of {size} bytes")
            after = start + 4 + size + (size & 1)
            route = data[after + 2 : after + 2 + data[after] * 2] if after < len(data) else b""
            return self._request(
                data[start + 4 : start + 4 + size], key, is_from_client, at_ns, _route(route), depth + 1
            )
        if service == codes.MULTIPLE:
            self._owner.emit(
                OtOp(
                    at_ns, self._owner.flow, is_from_client, "cip", name, service, kind, _REQUEST,
                    unit, path.area, path.instance, None, path.tag, None, "", key, None, path.detail,
                )
            )  # fmt: skip
            parts = tuple(
                self._request(part, key, is_from_client, at_ns, unit, depth + 1) for part in _together(data, start)
            )
            return Asked(service, name, kind, path, path.area, path.instance, None, at_ns, unit, parts)
        if path.class_id == codes.PCCC and service == codes.EXECUTE_PCCC:
            return self._pccc(data[start:], path, is_from_client, at_ns, unit)
        area, first, quantity, value, detail = path.area, path.instance, None, None, path.detail
        if path.tag or path.class_id == codes.SYMBOL:
            quantity, value = _tag_request(service, data, start)
        elif kind is OpKind.WRITE:
            value = data[start:]
        elif path.class_id == codes.IDENTITY and service == 5:
            area = "factory_reset" if data[start : start + 1] in {b"\1", b"\2"} else "identity"
        elif service in {codes.FORWARD_OPEN, codes.LARGE_FORWARD_OPEN} and path.class_id == codes.CONNECTION_MANAGER:
            detail = self._opened(data, start, is_from_client, at_ns)
        if (path.class_id, service) in codes.DOWNLOADS:
            area = "download"
        elif (path.class_id, service) in codes.UPLOADS:
            area = "upload"
        if kind is OpKind.PROGRAM or kind is OpKind.FIRMWARE or kind is OpKind.CONTROL:
            self._engineer(is_from_client, at_ns)
        self._owner.emit(
            OtOp(
                at_ns, self._owner.flow, is_from_client, "cip", name, service, kind, _REQUEST,
                unit, area, first, quantity, path.tag, value, "", key, None, detail,
            )
        )  # fmt: skip
        return Asked(service, name, kind, path, area, first, quantity, at_ns, unit)

    def _response(
        self, data: bytes, asked: Asked | None, key: int, is_from_client: bool, at_ns: int, depth: int = 0
    ) -> None:
        service, status = data[0] & 0x7F, data[2]
        start = 4 + data[3] * 2
        if start > len(data):
            raise Malformed(f"an extended status of {data[3]} words in {len(data)} bytes")
        owner = self._owner
        if asked is not None and service not in {asked.service, codes.UNCONNECTED_SEND}:
            owner.complain(
                at_ns, is_from_client, AnomalyKind.UNEXPECTED_RESPONSE, f"asked service {asked.service}", service
            )
            asked = None
        result = codes.STATUS.get(status) or f"status_{status:02x}"
        if service == codes.MULTIPLE and asked is not None and status in {0, 0x1E}:
            owner.emit(
                OtOp(
                    at_ns, owner.flow, is_from_client, "cip", asked.name, service, asked.kind, _RESPONSE,
                    asked.unit, asked.area, asked.first, None, asked.path.tag, None, result, key,
                    at_ns - asked.at_ns, asked.path.detail,
                )
            )  # fmt: skip
            for part, question in zip(_together(data, start), asked.parts, strict=False):
                if len(part) >= 4 and part[0] & 0x80:
                    self._response(part, question, key, is_from_client, at_ns)
            return
        if asked is None:
            name, kind = codes.SERVICES.get(service, (f"service_{service:02x}", OpKind.OTHER))
            owner.emit(
                OtOp(
                    at_ns, owner.flow, is_from_client, "cip", name, service, kind, _RESPONSE, result=result,
                    transaction=key,
                )
            )  # fmt: skip
            if service == codes.MULTIPLE and status in {0, 0x1E} and depth < _MAX_DEPTH:
                for part in _together(data, start):
                    if len(part) >= 4 and part[0] & 0x80:
                        self._response(part, None, key, is_from_client, at_ns, depth + 1)
            return
        path, content = asked.path, data[start:]
        value: Values = None
        protocol, name, tag, detail = "cip", asked.name, path.tag, path.detail
        if asked.command is not None:
            protocol, name, tag = "pccc", asked.command.service, asked.command.name
            if not status:
                result, rest = pccc.answered(content)
                value = rest if asked.kind is OpKind.READ else None
                if (asked.command.command, asked.command.function) == pccc.DIAGNOSTIC_STATUS and len(rest) >= 16:
                    self._tell(at_ns, is_from_client, Attribute.MODEL, rest[5:16], "pccc diagnostic_status")
        elif status in {0, 6} and (asked.kind is OpKind.READ or asked.kind is OpKind.IDENTIFY):
            if path.tag or path.class_id == codes.SYMBOL:
                value = typed(content)
            else:
                value = content
                if path.class_id == codes.IDENTITY and path.instance == 1:
                    self._identity(asked, content, is_from_client, at_ns)
        if data[3]:
            detail = {**(detail or {}), "extended_status": int.from_bytes(data[4:start][:4], "little")}
        owner.emit(
            OtOp(
                at_ns, owner.flow, is_from_client, protocol, name, service, asked.kind, _RESPONSE,
                asked.unit, asked.area, asked.first, asked.quantity, tag, value, result, key, at_ns - asked.at_ns,
                detail,
            )
        )  # fmt: skip

    def _pccc(self, content: bytes, path: Path, is_from_client: bool, at_ns: int, unit: str | None) -> Asked:
        command = pccc.read(content)
        if command.kind is OpKind.PROGRAM or command.kind is OpKind.CONTROL:
            self._engineer(is_from_client, at_ns)
        code = command.command << 8 | command.function
        self._owner.emit(
            OtOp(
                at_ns, self._owner.flow, is_from_client, "pccc", command.service, code, command.kind, _REQUEST, unit,
                command.area, command.first, command.quantity, command.name, command.value, "", command.transaction,
            )
        )  # fmt: skip
        return Asked(
            codes.EXECUTE_PCCC, "execute_pccc", command.kind, path, command.area, command.first, command.quantity,
            at_ns, unit, (), command,
        )  # fmt: skip

    def _engineer(self, is_from_client: bool, at_ns: int) -> None:
        if not self._is_engineered:
            self._is_engineered = True
            self._tell(at_ns, is_from_client, Attribute.ROLE, Role.ENGINEERING_STATION, "cip", PROBABLE)

    def _opened(self, data: bytes, start: int, is_from_client: bool, at_ns: int) -> dict[str, Values]:
        _, _, there, back, serial, vendor, originator = _OPEN(data, start)
        self._tell(at_ns, is_from_client, Attribute.SERIAL, f"{originator:08x}", "cip forward_open", PROBABLE)
        if vendor in VENDORS:
            self._tell(at_ns, is_from_client, Attribute.VENDOR, VENDORS[vendor], "cip forward_open", PROBABLE)
        return {
            "o_t_connection_id": there, "t_o_connection_id": back, "connection_serial": serial,
            "originator_vendor_id": vendor, "originator_serial": originator,
        }  # fmt: skip

    def _identity(self, asked: Asked, content: bytes, is_from_client: bool, at_ns: int) -> None:
        source = f"cip {asked.name}"
        if asked.service == 1:
            for attribute, text in identity(content):
                self._tell(at_ns, is_from_client, attribute, text, source)
        elif asked.service == 14:
            number = asked.path.attribute
            if number == 1 and (vendor := VENDORS.get(_WORD(content, 0)[0])):
                self._tell(at_ns, is_from_client, Attribute.VENDOR, vendor, source)
            elif number == 2:
                kind = _WORD(content, 0)[0]
                title, _ = codes.DEVICE_TYPES.get(kind, (f"type {kind}", None))
                self._tell(at_ns, is_from_client, Attribute.DEVICE_TYPE, title, source)
            elif number == 3:
                self._tell(at_ns, is_from_client, Attribute.PRODUCT_CODE, str(_WORD(content, 0)[0]), source)
            elif number == 4:
                self._tell(at_ns, is_from_client, Attribute.FIRMWARE, f"{content[0]}.{content[1]:03d}", source)
            elif number == 6:
                self._tell(
                    at_ns, is_from_client, Attribute.SERIAL, f"{int.from_bytes(content[:4], 'little'):08x}", source
                )
            elif number == 7:
                self._tell(at_ns, is_from_client, Attribute.MODEL, content[1 : 1 + content[0]], source)

    def _tell(
        self, at_ns: int, is_from_client: bool, attribute: Attribute, value: object, source: str, sure: int = CERTAIN
    ) -> None:
        self._owner.tell(at_ns, attribute, value, is_of_client=is_from_client, confidence=sure, source=source)


def numbers_of(content: bytes) -> dict[str, Values]:
    """Return the attributes of an identity object as they are, from the vendor on, by ICSNPP's names."""
    vendor, kind, product, major, minor, status, serial = _IDENTITY(content, 0)
    end = 15 + content[14]
    return {
        "vendor_id": vendor, "device_type_id": kind, "product_code": product, "revision": f"{major}.{minor}",
        "device_status": status, "serial_number": serial,
        "product_name": content[15:end].decode("latin-1"),
        "device_state": content[end] if end < len(content) else None,
    }  # fmt: skip


def identity(content: bytes) -> list[tuple[Attribute, str]]:
    """Return what the attributes of an identity object tell, from the vendor on."""
    vendor, kind, product, major, minor, _, serial = _IDENTITY(content, 0)
    name = content[15 : 15 + content[14]].decode("latin-1")
    title, role = codes.DEVICE_TYPES.get(kind, (f"type {kind}", None))
    found = [
        (Attribute.VENDOR, VENDORS.get(vendor, f"CIP vendor {vendor}")),
        (Attribute.DEVICE_TYPE, title),
        (Attribute.PRODUCT_CODE, str(product)),
        (Attribute.FIRMWARE, f"{major}.{minor:03d}"),
        (Attribute.SERIAL, f"{serial:08x}"),
        (Attribute.MODEL, name),
    ]
    if role is not None:
        found.append((Attribute.ROLE, role))
    return found


def path_of(raw: bytes) -> Path:
    """Return what a padded path names; paths are remembered, since polling repeats them for ever."""
    path = _paths.get(raw)
    if path is None:
        path = _parse(raw)
        if len(_paths) >= _MAX_KNOWN:
            _paths.clear()
        _paths[raw] = path
    return path


def typed(content: bytes) -> Values:
    """Return a tag's value, which comes with its type."""
    known = codes.TYPES.get(_WORD(content, 0)[0])
    raw = content[2:]
    if known is None or not raw or len(raw) % known[1]:
        return raw
    values: tuple[float, ...] = struct.unpack(f"<{len(raw) // known[1]}{known[0]}", raw)
    return values[0] if len(values) == 1 else values


def _parse(raw: bytes) -> Path:
    found: dict[str, Values] = {}
    tag, position = "", 0
    while position < len(raw):
        segment = raw[position]
        logical = _LOGICAL.get(segment & 0xFC)
        if logical is not None and segment & 3 < 3:
            width = segment & 3
            size = (1, 2, 4)[width]
            at = position + 1 + (width > 0)
            if at + size > len(raw):
                raise Malformed(f"a path segment {segment:02x} without its number")
            number = int.from_bytes(raw[at : at + size], "little")
            position = at + size
            if logical == "member_id" and tag:
                tag += f"[{number}]"
            else:
                found.setdefault(logical, number)
        elif segment == _SYMBOLIC:
            size = raw[position + 1]
            part = "".join(chr(c) if 0x20 <= c < 0x7F else "?" for c in raw[position + 2 : position + 2 + size])
            tag = f"{tag}.{part}" if tag else part
            position += 2 + size + (size & 1)
        elif segment == 0x34 or segment & 0xE0 == 0x80:
            position += 2 + (8 if segment == 0x34 else raw[position + 1] * 2)
        else:
            position += 2
    numbers = [value if isinstance(value := found.get(key), int) else None for key in _LOGICAL.values()]
    class_id, instance, attribute = numbers[0], numbers[1], numbers[4]
    area = "tag" if tag else "" if class_id is None else codes.CLASSES.get(class_id, f"class_{class_id:02x}")
    return Path(class_id, instance, attribute, area, tag, found or None)


def _named(service: int, path: Path) -> tuple[str, OpKind]:
    known = codes.TAG_SERVICES if path.tag else codes.OF_CLASS.get(path.class_id or 0, codes.SERVICES)
    named = known.get(service) or codes.SERVICES.get(service) or (f"service_{service:02x}", OpKind.OTHER)
    if path.class_id == codes.IDENTITY and named[1] is OpKind.READ:
        return named[0], OpKind.IDENTIFY
    return named


def _tag_request(service: int, data: bytes, start: int) -> tuple[int | None, Values]:
    if service in {0x4C, 0x52}:
        return _WORD(data, start)[0], None
    if service in {0x4D, 0x53}:
        extra = 4 if service == 0x53 else 0
        return _WORD(data, start + 2)[0], typed(data[start : start + 2] + data[start + 4 + extra :])
    return None, None


def _together(data: bytes, start: int) -> list[bytes]:
    """Return the messages of a packet of several."""
    (count,) = _WORD(data, start)
    if count > _MAX_TOGETHER:
        raise Malformed(f"{count} services in a packet; {_MAX_TOGETHER} read at most")
    offsets = [*struct.unpack_from(f"<{count}H", data, start + 2), len(data) - start]
    if offsets != sorted(offsets) or (count and offsets[0] < 2 + 2 * count):
        raise Malformed(f"{count} services at places that overlap")
    return [data[start + begin : start + end] for begin, end in pairwise(offsets)]


def _route(raw: bytes) -> str | None:
    """Return the backplane's port and slot."""
    return f"{raw[0]}.{raw[1]}" if len(raw) >= 2 and 0 < raw[0] < 15 else None
