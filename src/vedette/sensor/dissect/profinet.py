"""PROFINET straight on Ethernet: DCP, which finds, names and resets devices, and cyclic data.

Source:
    IEC 61158-6-10:2019, clauses 4.3 (DCP) and 4.7 (RT).
"""

from __future__ import annotations

from ipaddress import IPv4Address
from struct import Struct
from typing import ClassVar, Final, NamedTuple

from vedette.sensor.dissect.interface import NO, SURE, Dissector, Malformed, ZeekRow
from vedette.sensor.dissect.transactions import Transactions
from vedette.sensor.flows import Flow
from vedette.sensor.model import (
    CERTAIN,
    PROBABLE,
    AnomalyKind,
    Attribute,
    Direction,
    OpKind,
    OtOp,
    Role,
    Sink,
    Value,
    Values,
)

_GET: Final = 3
_SET: Final = 4
_HELLO: Final = 6
_DCP: Final = frozenset({0xFEFC, 0xFEFD, 0xFEFE, 0xFEFF})
_ALARMS: Final = {0xFC01: "alarm_high", 0xFE01: "alarm_low"}
_SERVICES: Final = {
    _GET: ("get", OpKind.READ), _SET: ("set", OpKind.WRITE), 5: ("identify", OpKind.IDENTIFY),
    _HELLO: ("hello", OpKind.IDENTIFY),
}  # fmt: skip
_BLOCKS: Final = {
    (1, 1): "mac_address", (1, 2): "ip_parameter", (1, 3): "full_ip_suite", (2, 1): "type_of_station",
    (2, 2): "name_of_station", (2, 3): "device_id", (2, 4): "device_role", (2, 5): "device_options",
    (2, 6): "alias_name", (2, 7): "device_instance", (2, 8): "oem_device_id", (3, 12): "host_name",
    (3, 61): "dhcp_client_identifier", (5, 1): "start_transaction", (5, 2): "end_transaction", (5, 3): "signal",
    (5, 4): "response", (5, 5): "factory_reset", (5, 6): "reset_to_factory", (6, 1): "device_initiative",
    (255, 255): "all",
}  # fmt: skip
_RESETS: Final = frozenset({(5, 5), (5, 6)})
_ERRORS: Final = {
    0: "ok", 1: "option_not_supported", 2: "suboption_not_supported_or_no_dataset_available",
    3: "suboption_not_set", 4: "resource_error", 5: "set_not_possible_by_local_reasons",
    6: "set_not_possible_while_in_operation",
}  # fmt: skip
_VENDORS: Final = {
    0x002A: "Siemens", 0x00B0: "Phoenix Contact", 0x0101: "Sick", 0x011D: "Wago", 0x011E: "Hilscher",
    0x0120: "Beckhoff", 0x014D: "Festo",
}  # fmt: skip
_ROLES: Final = {1: Role.IO_DEVICE, 2: Role.CONTROLLER, 4: Role.IO_DEVICE, 8: Role.ENGINEERING_STATION}
_MAX_BLOCKS: Final = 64
_LAST_IO: Final = 0xFBFF

_WORD: Final = Struct(">H").unpack_from
_HEADER: Final = Struct(">HBBIHH").unpack_from
_BLOCK: Final = Struct(">BBH").unpack_from
_IO_REPORT: Final = OpKind.REPORT
_REPORT: Final = Direction.REPORT


class Block(NamedTuple):
    """One option: what it is and what it holds, without the words before its value."""

    option: tuple[int, int]
    raw: bytes


class Asked(NamedTuple):
    """What an answer needs to know of its question."""

    service: int
    kind: OpKind
    name: str
    at_ns: int


class Profinet(Dissector):
    """Reads PROFINET frames."""

    __slots__ = ("_asked", "_is_told")

    name: ClassVar[str] = "profinet"

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._asked: Final[Transactions[int, Asked]] = Transactions()
        self._is_told = False

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read what follows the EtherType."""
        frame: int
        (frame,) = _WORD(payload, 0)
        if frame in _DCP:
            self.call_it("profinet_dcp")
            self._dcp(payload, frame, is_from_client, at_ns)
        elif 0x0020 <= frame <= _LAST_IO:
            self.emit(
                OtOp(
                    at_ns, self.flow, is_from_client, "profinet_rt", "cyclic_data", frame, _IO_REPORT, _REPORT,
                    None, "frame_id", frame, len(payload) - 6,
                )
            )  # fmt: skip
            if not self._is_told and frame >= 0x0100:
                self._is_told = True
                self.call_it("profinet_rt")
        else:
            service = _ALARMS.get(frame) or ("time_synchronization" if frame < 0x0100 or frame >= 0xFF00 else "other")
            self.emit(
                OtOp(
                    at_ns, self.flow, is_from_client, "profinet_rt", service, frame,
                    _IO_REPORT if frame in _ALARMS else OpKind.OTHER, _REPORT, None, "frame_id", frame,
                )
            )  # fmt: skip

    def _dcp(self, payload: bytes, frame: int, is_from_client: bool, at_ns: int) -> None:
        _, service_id, service_type, transaction, _, length = _HEADER(payload, 0)
        if 12 + length > len(payload):
            raise Malformed(f"{length} bytes announced, {len(payload) - 12} there")
        known = _SERVICES.get(service_id)
        if known is None:
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_FUNCTION, f"service {service_id}", service_id)
            known = (f"service_{service_id}", OpKind.OTHER)
        service, kind = known
        is_answer = bool(service_type & 1) and service_id != _HELLO
        data = payload[12 : 12 + length]
        if service_id == _GET and not is_answer:
            blocks = [Block((data[at], data[at + 1]), b"") for at in range(0, min(length, 2 * _MAX_BLOCKS) - 1, 2)]
        else:
            blocks = _blocks(data, has_info=is_answer or service_id in {_SET, _HELLO})
        names = ",".join(_BLOCKS.get(each.option, f"option_{each.option[0]}_{each.option[1]}") for each in blocks)
        result, latency_ns, asked = "", None, None
        if is_answer:
            result = "not_supported" if service_type == 5 else _outcome(blocks)
            asked = self._asked.answer(transaction)
            if asked is not None:
                latency_ns, kind = at_ns - asked.at_ns, asked.kind
                names = names if service_id != _SET else asked.name
        elif any(each.option in _RESETS for each in blocks) and service_id == _SET:
            kind = OpKind.CONTROL
        if not is_answer and service_id != _HELLO:
            self._asked.ask(transaction, Asked(service_id, kind, names, at_ns))
        value: Values = None
        if service_id == _SET and not is_answer:
            value = tuple(_value(each) for each in blocks)
            self._set_by(is_from_client, at_ns)
        if (is_answer and service_id != _SET) or service_id == _HELLO:
            self._evidence(blocks, is_from_client, at_ns)
        direction = Direction.RESPONSE if is_answer else _REPORT if service_id == _HELLO else Direction.REQUEST
        area = "reset_to_factory" if kind is OpKind.CONTROL else "dcp"
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "profinet_dcp", service, service_id, kind, direction, None, area,
                None, None, names[:256], value, result, transaction, latency_ns, {"frame_id": frame},
            )
        )  # fmt: skip

    def _set_by(self, is_from_client: bool, at_ns: int) -> None:
        self.tell(
            at_ns, Attribute.ROLE, Role.ENGINEERING_STATION, is_of_client=is_from_client, confidence=PROBABLE,
            source="profinet_dcp set",
        )  # fmt: skip

    def _evidence(self, blocks: list[Block], is_from_client: bool, at_ns: int) -> None:
        for option, raw in blocks:
            found: list[tuple[Attribute, object]] = []
            if option == (2, 1):
                found = [(Attribute.MODEL, raw)]
            elif option == (2, 2):
                found = [(Attribute.NAME, raw)]
            elif option == (2, 3):
                (vendor,), (device,) = _WORD(raw, 0), _WORD(raw, 2)
                found = [
                    (Attribute.VENDOR, _VENDORS.get(vendor, f"PROFINET vendor {vendor:04x}")),
                    (Attribute.PRODUCT_CODE, f"{vendor:04x}:{device:04x}"),
                ]
            elif option == (2, 4):
                found = [(Attribute.ROLE, role) for bit, role in _ROLES.items() if raw[0] & bit]
            elif option in {(1, 2), (1, 3)} and raw[:4] != bytes(4):
                found = [(Attribute.IP, str(IPv4Address(raw[:4])))]
            for attribute, text in found:
                self.tell(
                    at_ns, attribute, text, is_of_client=is_from_client, confidence=CERTAIN,
                    source="profinet_dcp identify",
                )  # fmt: skip


def check(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell whether a frame id is one of PROFINET's; see ``interface.Check``."""
    frame = _WORD(payload, 0)[0]
    return SURE if len(payload) >= 12 and (frame in _DCP or frame in _ALARMS or frame >= 0x0020) else NO


def zeek(op: OtOp) -> list[ZeekRow]:
    """Return the row of ``profinet_dcp.log``; cyclic data has none of its own."""
    if op.protocol != "profinet_dcp":
        return []
    columns: dict[str, object] = {
        "is_orig": op.is_from_client,
        "service": op.service,
        "service_type": op.direction.name.lower(),
        "xid": op.transaction,
        "options": op.name,
    }
    if op.result:
        columns["result"] = op.result
    return [("profinet_dcp", columns)]


def _blocks(data: bytes, *, has_info: bool) -> list[Block]:
    """Return the options of a message; some carry a word of qualifiers before their value."""
    found: list[Block] = []
    position = 0
    while position + 4 <= len(data) and len(found) < _MAX_BLOCKS:
        option, sub, size = _BLOCK(data, position)
        raw = data[position + 4 : position + 4 + size]
        if len(raw) < size:
            raise Malformed(f"an option of {size} bytes, {len(raw)} there")
        is_response = option == 5 and sub == 4
        found.append(Block((option, sub), raw[2:] if has_info and not is_response and size >= 2 else raw))
        position += 4 + size + (size & 1)
    return found


def _outcome(blocks: list[Block]) -> str:
    """Return what the answer to a change says of each option; the first that failed."""
    for option, raw in blocks:
        if option == (5, 4) and len(raw) >= 3 and raw[2]:
            return _ERRORS.get(raw[2], f"error_{raw[2]}")
    return "ok"


def _value(block: Block) -> Value:
    if block.option == (1, 2) and len(block.raw) >= 12:
        return str(IPv4Address(block.raw[:4]))
    if block.option[0] == 2 and block.option[1] in {1, 2, 6}:
        return block.raw[:240].decode("latin-1")
    return block.raw[:64]
