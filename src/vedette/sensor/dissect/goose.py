"""GOOSE and sampled values: what protection relays and merging units publish in a substation.

Source:
    IEC 61850-8-1:2011 Annex A and C (GOOSE); IEC 61850-9-2:2011 §8, Annex C (sampled values).
"""

from __future__ import annotations

from struct import Struct
from typing import ClassVar, Final

from vedette.sensor.dissect.ber import children, element
from vedette.sensor.dissect.iec61850_data import values
from vedette.sensor.dissect.interface import NO, SURE, Dissector, Malformed
from vedette.sensor.dissect.wording import text_of
from vedette.sensor.flows import Flow
from vedette.sensor.model import POSSIBLE, PROBABLE, AnomalyKind, Attribute, Direction, OpKind, OtOp, Role, Sink, Values

_GOOSE_PDU: Final = 0x61
_SAVED_PDU: Final = 0x60
_HEADER_BYTES: Final = 8
_MAX_ELEMENTS: Final = 32
_SIMULATED: Final = 0x8000
_MAX_STREAMS: Final = 64

_HEADER: Final = Struct(">HHHH").unpack_from
_REPORT: Final = Direction.REPORT


class Goose(Dissector):
    """Reads GOOSE messages."""

    __slots__ = ("_states",)

    name: ClassVar[str] = "goose"

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._states: Final[dict[tuple[int, str], tuple[int, int]]] = {}

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read what follows the EtherType."""
        application, start, end, is_simulated = _envelope(payload, _GOOSE_PDU)
        control, data_set, name = "", "", ""
        state = sequence = revision = entries = lifetime = None
        needs_commissioning = False
        value: Values = None
        for tag, begin, stop in children(payload, start, end, _MAX_ELEMENTS):
            raw = payload[begin:stop]
            if tag == 0xAB:
                value = values(payload, begin, stop)
            elif tag == 0x80:
                control = text_of(raw)
            elif tag == 0x82:
                data_set = text_of(raw)
            elif tag == 0x83:
                name = text_of(raw)
            elif tag in {0x87, 0x89}:
                is_simulated = is_simulated or (tag == 0x87 and raw != b"\0")
                needs_commissioning = needs_commissioning or (tag == 0x89 and raw != b"\0")
            elif tag in {0x81, 0x85, 0x86, 0x88, 0x8A}:
                number = _number(raw)
                lifetime = number if tag == 0x81 else lifetime
                state = number if tag == 0x85 else state
                sequence = number if tag == 0x86 else sequence
                revision = number if tag == 0x88 else revision
                entries = number if tag == 0x8A else entries
        if state is None or sequence is None or not control:
            raise Malformed("no control block, state number or sequence number")
        if isinstance(value, tuple) and entries is not None and not value and entries:
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_VALUE, f"{entries} entries announced, none there")
        area = self._follow((application, control), state, sequence, is_from_client, at_ns)
        self.tell(at_ns, Attribute.ROLE, Role.PROTECTION_RELAY, is_of_client=is_from_client, confidence=POSSIBLE)
        self.tell(
            at_ns, Attribute.NAME, control.split("/", 1)[0], is_of_client=is_from_client, confidence=PROBABLE,
            source="goose control block",
        )  # fmt: skip
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "goose", "publish", _GOOSE_PDU, OpKind.REPORT, _REPORT, application,
                area, state, entries, control, value, "", sequence, None,
                {
                    "data_set": data_set, "go_id": name, "st_num": state, "sq_num": sequence, "conf_rev": revision,
                    "time_allowed_to_live_ms": lifetime, "simulation": is_simulated,
                    "needs_commissioning": needs_commissioning,
                },
            )
        )  # fmt: skip

    def _follow(self, key: tuple[int, str], state: int, sequence: int, is_from_client: bool, at_ns: int) -> str:
        """Return whether this repeats a state or tells a new one; note a state that goes back."""
        known = self._states.get(key)
        if known is None and len(self._states) >= _MAX_STREAMS:
            self._states.clear()
        self._states[key] = (state, sequence)
        if known is None:
            return "state"
        if state < known[0] and state > 1:
            self.complain(
                at_ns, is_from_client, AnomalyKind.ILLEGAL_VALUE, f"state {state} behind state {known[0]}", state
            )
        elif state == known[0] and sequence < known[1] and sequence:
            self.complain(
                at_ns, is_from_client, AnomalyKind.ILLEGAL_VALUE, f"sequence {sequence} behind {known[1]}", sequence
            )
        return "state_change" if state != known[0] else "state"


class SampledValues(Dissector):
    """Reads sampled values: several thousand frames a second come from one unit, so one record stands for a frame."""

    __slots__ = ("_is_told",)

    name: ClassVar[str] = "sv"

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._is_told = False

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read what follows the EtherType."""
        application, start, end, is_simulated = _envelope(payload, _SAVED_PDU)
        tag, begin, stop = element(payload, start, end)
        if tag != 0x80:
            raise Malformed(f"element {tag:02x} where a number of samples is due")
        units = _number(payload[begin:stop])
        tag, begin, stop = element(payload, stop, end)
        while tag != 0xA2:
            tag, begin, stop = element(payload, stop, end)
        tag, begin, stop = element(payload, begin, stop)
        if tag != 0x30:
            raise Malformed(f"element {tag:02x} where a sample is due")
        name, count, revision, synchronized = "", None, None, None
        for tag, first, last in children(payload, begin, stop, _MAX_ELEMENTS):
            if tag == 0x80:
                name = text_of(payload[first:last])
            elif tag == 0x82:
                count = _number(payload[first:last])
            elif tag == 0x83:
                revision = _number(payload[first:last])
            elif tag == 0x85:
                synchronized = _number(payload[first:last])
        if count is None:
            raise Malformed("a sample without its number")
        if not self._is_told:
            self._is_told = True
            self.tell(at_ns, Attribute.ROLE, Role.IO_DEVICE, is_of_client=is_from_client, confidence=POSSIBLE)
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "sv", "sampled_values", _SAVED_PDU, OpKind.REPORT, _REPORT,
                application, "sample", None, units, name, None, "", count, None,
                {"smp_cnt": count, "conf_rev": revision, "smp_synch": synchronized, "simulation": is_simulated},
            )
        )  # fmt: skip


def check(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell whether this is a GOOSE message whose lengths agree; see ``interface.Check``."""
    _envelope(payload, _GOOSE_PDU)
    return SURE


def check_sv(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell whether these are sampled values; see ``interface.Check``."""
    _, start, _, _ = _envelope(payload, _SAVED_PDU)
    return SURE if payload[start] == 0x80 else NO


def _envelope(payload: bytes, expected: int) -> tuple[int, int, int, bool]:
    """Return the application's id, where its elements begin and end, and whether they are simulated.

    Raises:
        Malformed: The lengths contradict each other, or it holds something else.
    """
    application, length, reserved, _ = _HEADER(payload, 0)
    if not _HEADER_BYTES < length <= len(payload):
        raise Malformed(f"{length} bytes announced, {len(payload)} there")
    tag, start, end = element(payload, _HEADER_BYTES, length)
    if tag != expected:
        raise Malformed(f"element {tag:02x} where {expected:02x} is due")
    return application, start, end, bool(reserved & _SIMULATED)


def _number(raw: bytes) -> int:
    if not 0 < len(raw) <= 5:
        raise Malformed(f"a number of {len(raw)} bytes")
    return int.from_bytes(raw, "big")
