"""GOOSE and sampled values: who publishes a message, and with which settings."""

from __future__ import annotations

from typing import Final, NamedTuple

from vedette.sensor.model import OpKind, OtOp, Values
from vedette.sensor.rules.desk import Desk, Memory
from vedette.sensor.rules.detector import Detector, Handler, Neighbourhood, ends_of

_FULL: Final = 1 << 32


class Published(NamedTuple):
    """What a control block published last."""

    source: str
    state: int
    data_set: Values
    settings: tuple[Values, ...]
    needs_commissioning: Values


class ProcessBus(Detector):
    """Hears GOOSE and sampled values; several thousand come in a second, so what is as before is left at once."""

    __slots__ = ("_goose", "_jump", "_sampled")

    def __init__(self, desk: Desk, place: Neighbourhood) -> None:
        super().__init__(desk, place)
        self._goose: Final[Memory[str, Published]] = Memory(4_096)
        self._sampled: Final[Memory[str, tuple[str, int | None, Values, Values]]] = Memory(4_096)
        self._jump: Final = desk.settings.limit("goose.state_jump", "states")

    def wants(self, protocol: str, kind: OpKind) -> Handler | None:
        """Hear what is published."""
        if kind is not OpKind.REPORT:
            return None
        return {"goose": self._hear_goose, "sv": self._hear_sampled}.get(protocol)

    def _report(self, rule: str, op: OtOp, source: str, what: str) -> None:
        _, target = ends_of(op)
        detail: dict[str, str | int | None] = {"control_block": op.name, "application": str(op.unit)}
        self.desk.report(
            rule, op.at_ns, source, target, what, key=op.name, protocol=op.protocol, flow=op.flow, detail=detail
        )

    def _hear_goose(self, op: OtOp) -> None:
        detail = op.detail or {}
        source, _ = ends_of(op)
        state = op.first or 0
        now = Published(
            source, state, detail.get("data_set"),
            (detail.get("conf_rev"), detail.get("go_id"), detail.get("simulation")),
            detail.get("needs_commissioning"),
        )  # fmt: skip
        before = self._goose.get(op.name)
        if before == now:
            return
        if before is None:
            if now.needs_commissioning:
                self._report("goose.needs_commissioning", op, source, op.name)
            self._goose.put(op.name, now)
            return
        if source != before.source:
            self._report("goose.other_source", op, source, op.name)
            if state - before.state > self._jump:
                self._report("goose.state_jump", op, source, f"{op.name} from {before.state} to {state}")
            return  # the first to publish stays the one to compare with
        if (state - before.state) % _FULL > self._jump and state != 1:
            self._report("goose.state_jump", op, source, f"{op.name} from {before.state} to {state}")
        if now.data_set != before.data_set:
            self._report("goose.dataset", op, source, f"the data set of {op.name} to {now.data_set!r}")
        if now.settings != before.settings:
            self._report("goose.settings", op, source, f"the settings of {op.name}")
        if now.needs_commissioning and not before.needs_commissioning:
            self._report("goose.needs_commissioning", op, source, op.name)
        self._goose.put(op.name, now)

    def _hear_sampled(self, op: OtOp) -> None:
        detail = op.detail or {}
        source, _ = ends_of(op)
        now = (source, op.count, detail.get("conf_rev"), detail.get("simulation"))
        before = self._sampled.get(op.name)
        if before == now:
            return
        if before is not None:
            if source != before[0]:
                self._report("sv.other_source", op, source, op.name)
                return
            if now[1] != before[1]:
                self._report("sv.dataset", op, source, f"the data of {op.name}")
            if now[2:] != before[2:]:
                self._report("sv.settings", op, source, f"the settings of {op.name}")
        self._sampled.put(op.name, now)
