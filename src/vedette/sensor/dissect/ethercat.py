"""EtherCAT: cyclic data of drives and terminals, their states, and the mailbox that configures and updates them.

Source:
    ETG.1000.4 (datagrams), ETG.1000.6 (AL control and status, mailbox, CoE, FoE); IEC 61158-4-12, 61158-6-12.
"""

from __future__ import annotations

from struct import Struct
from typing import ClassVar, Final

from vedette.sensor.dissect.interface import NO, SURE, Dissector, Malformed
from vedette.sensor.dissect.wording import text_of
from vedette.sensor.flows import Flow
from vedette.sensor.model import POSSIBLE, PROBABLE, Attribute, Direction, OpKind, OtOp, Role, Sink

_COMMANDS_TYPE: Final = 1
_HEADER_BYTES: Final = 10
_MORE: Final = 0x8000
_MAX_DATAGRAMS: Final = 128
_MAX_VALUE_BYTES: Final = 64

_FRAME: Final = Struct("<H").unpack_from
_DATAGRAM: Final = Struct("<BBHHHH").unpack_from
_LOGICAL: Final = Struct("<I").unpack_from
_WORD: Final = Struct("<H").unpack_from
_MAILBOX: Final = Struct("<HHBB").unpack_from
_SDO: Final = Struct("<HBHB").unpack_from

COMMANDS: Final[dict[int, tuple[str, OpKind]]] = {
    0: ("nop", OpKind.OTHER),
    1: ("aprd", OpKind.READ),
    2: ("apwr", OpKind.WRITE),
    3: ("aprw", OpKind.WRITE),
    4: ("fprd", OpKind.READ),
    5: ("fpwr", OpKind.WRITE),
    6: ("fprw", OpKind.WRITE),
    7: ("brd", OpKind.READ),
    8: ("bwr", OpKind.WRITE),
    9: ("brw", OpKind.WRITE),
    10: ("lrd", OpKind.REPORT),
    11: ("lwr", OpKind.REPORT),
    12: ("lrw", OpKind.REPORT),
    13: ("armw", OpKind.READ),
    14: ("frmw", OpKind.READ),
}
_LOGICALS: Final = frozenset({10, 11, 12})
_WRITES: Final = frozenset({2, 3, 5, 6, 8, 9})
_STATES: Final = {1: "init", 2: "pre_operational", 3: "bootstrap", 4: "safe_operational", 8: "operational"}
_AL_CONTROL: Final = 0x0120
# Where something stands in a device's memory, up to and without the second place.
_REGISTERS: Final = (
    (0x0000, 0x0010, "information"), (0x0010, 0x0014, "station_address"), (0x0040, 0x0042, "reset"),
    (0x0100, 0x0120, "dl_control"), (0x0120, 0x0130, "al_control"), (0x0130, 0x0140, "al_status"),
    (0x0200, 0x0240, "interrupts"), (0x0300, 0x0320, "error_counters"), (0x0400, 0x0450, "watchdogs"),
    (0x0500, 0x0510, "eeprom"), (0x0510, 0x0518, "phy_management"), (0x0600, 0x0700, "fmmu"),
    (0x0800, 0x0880, "sync_manager"), (0x0900, 0x0A00, "distributed_clocks"),
)  # fmt: skip
_PROCESS_MEMORY: Final = 0x1000
_MAILBOX_TYPES: Final = {1: "aoe", 2: "eoe", 3: "coe", 4: "foe", 5: "soe", 15: "voe"}
_SDO_REQUESTS: Final = {
    0: ("sdo_download_segment", OpKind.WRITE), 1: ("sdo_download", OpKind.WRITE), 2: ("sdo_upload", OpKind.READ),
    3: ("sdo_upload_segment", OpKind.READ), 4: ("sdo_abort", OpKind.OTHER),
}  # fmt: skip
_FILE_REQUESTS: Final = {
    1: ("foe_read", OpKind.FILE, "upload"), 2: ("foe_write", OpKind.FIRMWARE, "download"),
    3: ("foe_data", OpKind.FILE, ""), 4: ("foe_acknowledge", OpKind.FILE, ""), 5: ("foe_error", OpKind.FILE, ""),
    6: ("foe_busy", OpKind.FILE, ""),
}  # fmt: skip


class Ethercat(Dissector):
    """Reads EtherCAT frames; each datagram within is an operation."""

    __slots__ = ("_is_told",)

    name: ClassVar[str] = "ethercat"

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._is_told = False

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read what follows the EtherType, or a UDP payload."""
        header: int
        (header,) = _FRAME(payload, 0)
        length, kind = header & 0x7FF, header >> 12
        if kind != _COMMANDS_TYPE:
            self.emit(
                OtOp(
                    at_ns, self.flow, is_from_client, "ethercat", f"frame_type_{kind}", kind, OpKind.OTHER,
                    Direction.REPORT,
                )
            )  # fmt: skip
            return
        end = 2 + length
        if end > len(payload):
            raise Malformed(f"{length} bytes announced, {len(payload) - 2} there")
        position = 2
        for _ in range(_MAX_DATAGRAMS):
            command, index, device, place, size, _ = _DATAGRAM(payload, position)
            begin = position + _HEADER_BYTES
            position = begin + (size & 0x7FF) + 2
            if position > end:
                raise Malformed(f"a datagram of {size & 0x7FF} bytes beyond the end")
            self._one(payload, begin, position - 2, command, index, device, place, is_from_client, at_ns)
            if not size & _MORE:
                break

    def _one(
        self, payload: bytes, begin: int, end: int, command: int, index: int, device: int, place: int,
        is_from_client: bool, at_ns: int,
    ) -> None:  # fmt: skip
        service, kind = COMMANDS.get(command, (f"command_{command}", OpKind.OTHER))
        served = _WORD(payload, end)[0]
        detail = {"working_counter": served}
        if command in _LOGICALS:
            first = _LOGICAL(payload, begin - 8)[0]
            self.emit(
                OtOp(
                    at_ns, self.flow, is_from_client, "ethercat", service, command, kind, Direction.REPORT, None,
                    "process_data", first, end - begin, "", None, "", index, None, detail,
                )
            )  # fmt: skip
            self._master(is_from_client, at_ns)
            return
        area, name, value = _area(place), "", None
        # Who answers counts the working counter up: a frame that comes back tells what was done.
        direction = Direction.RESPONSE if served else Direction.REQUEST
        if command in _WRITES:
            value = payload[begin : min(end, begin + _MAX_VALUE_BYTES)]
            if place == _AL_CONTROL and end > begin:
                state = payload[begin] & 0x0F
                kind, name = OpKind.CONTROL, _STATES.get(state, f"state_{state}")
                area = "state"
            elif area == "reset":
                kind = OpKind.CONTROL
            elif area == "eeprom":
                kind, area = OpKind.FIRMWARE, "eeprom"
        if place >= _PROCESS_MEMORY and end - begin >= 6 and (found := _mailbox(payload, begin, end)) is not None:
            service, kind, area, name, place = found
            value = None
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "ethercat", service, command, kind, direction, device, area, place,
                end - begin, name, value, "ok" if served else "", index, None, detail,
            )
        )  # fmt: skip
        self._master(is_from_client, at_ns)

    def _master(self, is_from_client: bool, at_ns: int) -> None:
        if is_from_client and not self._is_told:
            self._is_told = True
            self.tell(at_ns, Attribute.ROLE, Role.CONTROLLER, is_of_client=True, confidence=PROBABLE)
            self.tell(at_ns, Attribute.ROLE, Role.IO_DEVICE, confidence=POSSIBLE)


def check(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell whether a frame's header and first datagram agree; see ``interface.Check``."""
    header = _FRAME(payload, 0)[0]
    if header >> 12 != _COMMANDS_TYPE or not 12 <= header & 0x7FF <= len(payload) - 2 or header & 0x800:
        return NO
    command, _, _, _, size, _ = _DATAGRAM(payload, 2)
    return SURE if command in COMMANDS and 12 + (size & 0x7FF) <= header & 0x7FF else NO


def _area(place: int) -> str:
    if place >= _PROCESS_MEMORY:
        return "memory"
    return next((name for first, last, name in _REGISTERS if first <= place < last), "register")


def _mailbox(payload: bytes, begin: int, end: int) -> tuple[str, OpKind, str, str, int] | None:
    """Read a message of the mailbox: service, kind, area, name, and its object's number; None if it is none."""
    length, _, _, type_and_count = _MAILBOX(payload, begin)
    protocol = _MAILBOX_TYPES.get(type_and_count & 0x0F)
    if protocol is None or not 2 <= length <= end - begin - 6 or type_and_count & 0x80:
        return None
    start = begin + 6
    if protocol == "coe" and length >= 8:
        coe, command, index, sub = _SDO(payload, start)
        if coe >> 12 == 2:
            service, kind = _SDO_REQUESTS.get(command >> 5, (f"sdo_{command >> 5}", OpKind.OTHER))
            return service, kind, "object_dictionary", f"0x{index:04x}:{sub:02x}", index
        return f"coe_service_{coe >> 12}", OpKind.OTHER, "object_dictionary", f"0x{index:04x}:{sub:02x}", index
    if protocol == "foe":
        code = payload[start]
        service, kind, area = _FILE_REQUESTS.get(code, (f"foe_{code}", OpKind.FILE, ""))
        name = text_of(payload[start + 6 : start + length]) if code in {1, 2} else ""
        return service, kind, area, name, 0
    return protocol, OpKind.OTHER, "mailbox", "", 0
