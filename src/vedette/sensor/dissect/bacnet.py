"""BACnet/IP: virtual link, network and application layer.

Source:
    ANSI/ASHRAE 135-2020, clauses 6, 20 and 21, and annex J.
"""

from __future__ import annotations

from typing import ClassVar, Final, NamedTuple

from vedette.sensor.dissect import bacnet_codes as codes
from vedette.sensor.dissect import bacnet_names as names
from vedette.sensor.dissect.bacnet_tags import Item, Tag, items_of, object_of, reported, tags_of, value_of
from vedette.sensor.dissect.bacnet_vendors import VENDORS
from vedette.sensor.dissect.interface import NO, SURE, WEAK, Dissector, Malformed
from vedette.sensor.dissect.transactions import Transactions
from vedette.sensor.dissect.wording import MASK
from vedette.sensor.flows import Flow
from vedette.sensor.model import PROBABLE, AnomalyKind, Attribute, Direction, OpKind, OtOp, Role, Sink, Values

MAGIC: Final = 0x81
ORIGINAL_UNICAST: Final = 10
_WITH_NPDU: Final = frozenset({4, 9, 10, 11})
_PROPERTIES: Final = frozenset({12, 14, 15, 16, 26})
_MULTIPLE: Final = frozenset({14, 16})
_NOTHING: Final = Item(None, None, None, None, None, None, None)
_REQUEST: Final = Direction.REQUEST
_RESPONSE: Final = Direction.RESPONSE
_REPORT: Final = Direction.REPORT
_TYPES: Final = {
    0: "confirmed_request", 1: "unconfirmed_request", 2: "simple_ack", 3: "complex_ack", 4: "segment_ack", 5: "error",
    6: "reject", 7: "abort",
}  # fmt: skip


_COV: Final = 1
_PRIVATE: Final = 18
_UNCONFIRMED_COV: Final = 2
_UNCONFIRMED_EVENT: Final = 3
_UNCONFIRMED_PRIVATE: Final = 4
_OBJECTS_AT: Final = {0: 1, 2: 2, 5: 1, 27: 3, 28: 1}
"""Confirmed service → the number of the tag that names its object, where that is not the first."""
_SEGMENTED: Final = 0x08
_MORE_FOLLOWS: Final = 0x04
_MAX_ANSWER_BYTES: Final = 65_536


class Asked(NamedTuple):
    """What an answer needs to know of its question."""

    service: int
    kind: OpKind
    area: str
    items: tuple[Item, ...]
    at_ns: int


class Parts(NamedTuple):
    """What has come of an answer in segments."""

    following: int
    """Number of the segment that continues it."""
    content: bytes


class Bacnet(Dissector):
    """Reads BACnet/IP."""

    __slots__ = ("_asked", "_function", "_parts")

    name: ClassVar[str] = "bacnet"

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._asked: Final[Transactions[tuple[bool, int], Asked]] = Transactions()
        self._function = ORIGINAL_UNICAST
        self._parts: Final[Transactions[tuple[bool, int], Parts]] = Transactions(8)

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one datagram."""
        if self.flow.transport == "ethernet":  # behind the LLC header the network layer stands alone
            self._network(payload, 0, is_from_client, at_ns, is_forwarded=False)
            return
        function, length = payload[1], payload[2] << 8 | payload[3]
        if payload[0] != MAGIC:
            raise Malformed(f"type {payload[0]}; {MAGIC} expected")
        self._function = function
        if function in _WITH_NPDU:
            is_forwarded = function == 4
            self._network(payload, 10 if is_forwarded else 4, is_from_client, at_ns, is_forwarded=is_forwarded)
        else:
            self._link(payload, function, is_from_client, at_ns)
        if length != len(payload):  # devices read it all the same
            what = f"{length} bytes announced, {len(payload)} there"
            self.complain(at_ns, is_from_client, AnomalyKind.MALFORMED, what)

    def _network(self, payload: bytes, position: int, is_from_client: bool, at_ns: int, *, is_forwarded: bool) -> None:
        """Read the network layer and what it carries."""
        version, control = payload[position], payload[position + 1]
        if version != 1:
            raise Malformed(f"network layer version {version}")
        position += 2
        unit: int | None = None
        is_routed = bool(control & 0x08) or is_forwarded
        if control & 0x20:
            unit = payload[position] << 8 | payload[position + 1]
            position += 3 + payload[position + 2]
        if control & 0x08:
            unit = payload[position] << 8 | payload[position + 1]
            position += 3 + payload[position + 2]
        if control & 0x20:
            position += 1
        if control & 0x80:
            name, kind = codes.NETWORK.get(payload[position], (f"network_message_{payload[position]}", OpKind.OTHER))
            self.emit(
                OtOp(
                    at_ns, self.flow, is_from_client, "bacnet", name, payload[position], kind, _REPORT, unit,
                    detail={"pdu_type": "network_message", "bvlc": self._function},
                )
            )  # fmt: skip
            if payload[position] == 1:
                self.tell(at_ns, Attribute.ROLE, Role.ROUTER, is_of_client=is_from_client, confidence=PROBABLE)
            return
        self._application(payload, position, unit, is_routed, is_from_client, at_ns)

    def _link(self, payload: bytes, function: int, is_from_client: bool, at_ns: int) -> None:
        service = codes.BVLC.get(function)
        if service is None:
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_FUNCTION, f"BVLC function {function}", function)
            service = f"bvlc_{function}"
        is_answer = function in {0, 3, 7}
        result = ""
        if is_answer:
            code = payload[4] << 8 | payload[5] if function == 0 else 0
            result = "ok" if not code else f"nak_{code:04x}"
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "bacnet", service, function,
                codes.BVLC_KINDS.get(function, OpKind.OTHER), _RESPONSE if is_answer else _REQUEST, result=result,
                detail={"pdu_type": "bvlc"},
            )
        )  # fmt: skip

    def _application(
        self, data: bytes, position: int, unit: int | None, is_routed: bool, is_from_client: bool, at_ns: int
    ) -> None:
        kind_of = data[position] >> 4
        if kind_of == 0:
            self._request(data, position, unit, is_from_client, at_ns)
        elif kind_of == 1:
            self._unconfirmed(data, position, unit, is_routed, is_from_client, at_ns)
        elif kind_of in {2, 3, 5, 6, 7}:
            self._answer(data, position, kind_of, unit, is_from_client, at_ns)
        elif kind_of == 4:
            self.emit(
                OtOp(
                    at_ns, self.flow, is_from_client, "bacnet", "segment_ack", -1, OpKind.SESSION, _RESPONSE, unit,
                    transaction=data[position + 1], detail={"pdu_type": "segment_ack"},
                )
            )  # fmt: skip
        else:
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_VALUE, f"PDU type {kind_of}", kind_of)

    def _request(self, data: bytes, position: int, unit: int | None, is_from_client: bool, at_ns: int) -> None:
        is_segmented = bool(data[position] & 8)
        invoke = data[position + 2]
        at = position + (5 if is_segmented else 3)
        service = data[at]
        known = codes.CONFIRMED.get(service)
        if known is None:
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_FUNCTION, f"confirmed service {service}", service)
            known = (f"confirmed_{service}", OpKind.OTHER, "")
        name, kind, area = known
        items: list[Item] = [_NOTHING]
        if not is_segmented:
            tags = tags_of(data, at + 1) if service != _PRIVATE else []  # whose content is its maker's
            if service in _PROPERTIES:
                items = items_of(tags, is_multiple=service in _MULTIPLE, is_request=True)
            elif service in {17, 20}:
                area = _order(service, tags)
                items = [_NOTHING._replace(value=_told_with_order(service, tags))]
            elif service == _COV:
                items = reported(tags) or [_first_object(tags, 2)]
            else:
                items = [_first_object(tags, _OBJECTS_AT.get(service))]
        if kind is OpKind.READ and all(each.kind == codes.DEVICE and each.prop != 76 for each in items) and items:
            kind = OpKind.IDENTIFY
        self._asked.ask((is_from_client, invoke), Asked(service, kind, area, tuple(items[:256]), at_ns))
        self._tell_all(items, name, service, kind, area, _REQUEST, unit, "", invoke, is_from_client, at_ns, None, 0)

    def _answer(
        self, data: bytes, position: int, kind_of: int, unit: int | None, is_from_client: bool, at_ns: int
    ) -> None:
        invoke = data[position + 1]
        key = (not is_from_client, invoke)
        asked = self._asked.answer(key)
        service, body = asked.service if asked else -1, b""
        at, result = position + 2, "ok"
        is_whole = True
        if kind_of == 3 and data[position] & _SEGMENTED:
            service = data[position + 4]
            whole = self._joined(data, position, key)
            is_whole, body = whole is not None, whole or b""
            if asked is not None and not is_whole:
                self._asked.ask(key, asked)  # more of the answer follows
        elif kind_of in {2, 3, 5}:
            service, body = data[at], data[at + 1 :]
        if kind_of in {2, 3, 5} and asked is not None and asked.service != service:
            self.complain(at_ns, is_from_client, AnomalyKind.UNEXPECTED_RESPONSE, f"asked {asked.service}", service)
            asked = None
        items: list[Item] = list(asked.items) if asked else [_NOTHING]
        if not is_whole:
            items = [_NOTHING]
        elif kind_of == 3 and service in _PROPERTIES:
            items = items_of(tags_of(body, 0), is_multiple=service in _MULTIPLE, is_request=False)
            self._identity(items, is_from_client, at_ns)
        elif kind_of == 5:
            codes_told = [value_of(tag) for tag in tags_of(body, 0) if not tag.mark]
            code = codes_told[1] if len(codes_told) > 1 else None
            result = names.ERRORS.get(code, f"error_{code}") if isinstance(code, int) else "error"
        elif kind_of == 6:
            result = "reject_" + codes.REJECTS.get(data[at], str(data[at]))
        elif kind_of == 7:
            result = "abort_" + codes.ABORTS.get(data[at], str(data[at]))
        name, kind, area = codes.CONFIRMED.get(service, (_TYPES[kind_of], OpKind.OTHER, ""))
        if asked is not None:
            kind, area = asked.kind, asked.area
        latency_ns = at_ns - asked.at_ns if asked else None
        if kind_of != 3 or not is_whole:
            items = [each._replace(value=None) for each in items]
        self._tell_all(
            items,
            name,
            service,
            kind,
            area,
            _RESPONSE,
            unit,
            result,
            invoke,
            is_from_client,
            at_ns,
            latency_ns,
            kind_of,
        )

    def _joined(self, data: bytes, position: int, key: tuple[bool, int]) -> bytes | None:
        """Join the segments of an answer; return it with the last of them."""
        number, content = data[position + 2], data[position + 5 :]
        before = self._parts.answer(key)
        if before is not None and before.following == number:
            content = before.content + content
        elif number:  # one is missing, or comes again
            if before is not None:
                self._parts.ask(key, before)
            return None
        if len(content) > _MAX_ANSWER_BYTES:
            raise Malformed(f"an answer of more than {_MAX_ANSWER_BYTES} bytes")
        if data[position] & _MORE_FOLLOWS:
            self._parts.ask(key, Parts((number + 1) & 0xFF, content))
            return None
        return content

    def _unconfirmed(
        self, data: bytes, position: int, unit: int | None, is_routed: bool, is_from_client: bool, at_ns: int
    ) -> None:
        service = data[position + 1]
        known = codes.UNCONFIRMED.get(service)
        if known is None:
            self.complain(
                at_ns, is_from_client, AnomalyKind.ILLEGAL_FUNCTION, f"unconfirmed service {service}", service
            )
            known = (f"unconfirmed_{service}", OpKind.OTHER, "")
        name, kind, area = known
        tags = tags_of(data, position + 2) if service != _UNCONFIRMED_PRIVATE else []
        item = _first_object(tags, 2 if service == _UNCONFIRMED_EVENT else None)
        direction = _REPORT if service in codes.REPORTS else _REQUEST
        if service == 0 and len(tags) >= 4:
            vendor = value_of(tags[3])
            if not is_routed and item.kind == codes.DEVICE:
                self.tell(at_ns, Attribute.UNIT, f"device,{item.instance}", is_of_client=is_from_client)
                self.tell(
                    at_ns, Attribute.ROLE, Role.BUILDING_CONTROLLER, is_of_client=is_from_client, confidence=PROBABLE
                )
                if isinstance(vendor, int):
                    self.tell(
                        at_ns, Attribute.VENDOR, VENDORS.get(vendor, f"BACnet vendor {vendor}"),
                        is_of_client=is_from_client, confidence=PROBABLE, source="bacnet i_am",
                    )  # fmt: skip
            item = item._replace(value=vendor)
        elif service == 8 and len(tags) >= 2:
            item = item._replace(value=(value_of(tags[0]), value_of(tags[1])))
        elif service in {1, 7} and tags:
            item = _named(service, tags, _NOTHING)
        items = (reported(tags) if service == _UNCONFIRMED_COV else []) or [item]
        self._tell_all(items, name, service, kind, area, direction, unit, "", None, is_from_client, at_ns, None, 1)

    def _identity(self, items: list[Item], is_from_client: bool, at_ns: int) -> None:
        for item in items:
            attribute = codes.IDENTITY.get(item.prop or 0)
            if item.kind == codes.DEVICE and attribute is not None and isinstance(item.value, str):
                self.tell(at_ns, attribute, item.value, is_of_client=is_from_client, source="bacnet read_property")

    def _tell_all(
        self,
        items: list[Item],
        name: str,
        service: int,
        kind: OpKind,
        area: str,
        direction: Direction,
        unit: int | None,
        result: str,
        invoke: int | None,
        is_from_client: bool,
        at_ns: int,
        latency_ns: int | None,
        kind_of: int,
    ) -> None:
        """Emit an operation for each property."""
        for place, item in enumerate(items):
            detail: dict[str, Values] = {"pdu_type": _TYPES[kind_of]}
            if place:
                detail["item"] = place
            if self._function != ORIGINAL_UNICAST:
                detail["bvlc"] = self._function
            prop = ""
            if item.prop is not None:
                prop = names.PROPERTIES.get(item.prop) or f"property_{item.prop}"
                if item.array_index is not None:
                    detail["array_index"] = item.array_index
                if item.priority is not None:
                    detail["priority"] = item.priority
            about = area
            if item.kind is not None and not area:
                about = codes.OBJECTS.get(item.kind) or f"object_{item.kind}"
            outcome = result if item.error is None else names.ERRORS.get(item.error, f"error_{item.error}")
            self.emit(
                OtOp(
                    at_ns, self.flow, is_from_client, "bacnet", name, service, kind, direction, unit, about,
                    item.instance, None, prop, item.value, outcome, invoke, latency_ns, detail,
                )
            )  # fmt: skip


def check(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell whether a payload is one BACnet/IP message; see ``interface.Check``."""
    if payload[0] != MAGIC or payload[1] not in codes.BVLC:
        return NO
    is_whole = payload[2] << 8 | payload[3] == len(payload)
    if payload[1] not in _WITH_NPDU:
        return WEAK if is_whole else NO
    at = 10 if payload[1] == 4 else 4
    if payload[at] != 1 or payload[at + 1] & 0x50:
        return NO
    return SURE if is_whole else WEAK


def check_npdu(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell whether a frame carries BACnet's network layer; see ``interface.Check``."""
    return SURE if payload[0] == 1 and not payload[1] & 0x50 else NO


def _first_object(tags: list[Tag], place: int | None = None) -> Item:
    """Return the object that a service names: with the tag of that number, or the first one."""
    for tag in tags[:6]:
        is_there = tag.number <= 2 if place is None else tag.number == place
        if not tag.mark and len(tag.raw) == 4 and (is_there if tag.is_context else tag.number == 12):
            kind, instance = object_of(tag.raw)
            return _NOTHING._replace(kind=kind, instance=instance)
    return _NOTHING


def _order(service: int, tags: list[Tag]) -> str:
    """Return what a device is told to do."""
    number = 1 if service == 17 else 0
    names = codes.COMMUNICATION if service == 17 else codes.REINITIALIZE
    for tag in tags:
        if tag.is_context and tag.number == number and not tag.mark:
            code = int.from_bytes(tag.raw[:4], "big")
            return names.get(code, f"state_{code}")
    return ""


def _told_with_order(service: int, tags: list[Tag]) -> Values:
    """Return what goes with an order: for how many minutes; that a password does, never which."""
    minutes: int | None = None
    has_password = False
    for tag in tags:
        if tag.is_context and not tag.mark:
            if service == 17 and tag.number == 0:
                minutes = int.from_bytes(tag.raw[:4], "big")
            has_password = has_password or tag.number == (2 if service == 17 else 1)
    return (minutes, MASK if has_password else None) if minutes is not None or has_password else None


def _named(service: int, tags: list[Tag], item: Item) -> Item:
    """Return what a search names, or an answer to one: the object and its name, of ``i_have`` the device before it."""
    device: int | None = None
    for tag in tags:
        if tag.mark:
            continue
        if len(tag.raw) == 4 and (tag.number == 2 if tag.is_context else tag.number == 12):
            if service == 1 and item.kind is not None and device is None:
                device = item.instance
            kind, instance = object_of(tag.raw)
            item = item._replace(kind=kind, instance=instance)
        elif tag.number == (3 if tag.is_context else 7):
            name = value_of(Tag(7, False, 0, tag.raw))
            item = item._replace(value=name if service == 7 else (device, name))
    return item
