"""What a detector is: a listener that is told of the operations it asked for, and reports at a desk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from vedette.sensor.assets import Assets
from vedette.sensor.listener import Listener
from vedette.sensor.model import OpKind, OtOp, Role
from vedette.sensor.rules.desk import Desk, Wide

Handler = Callable[[OtOp], None]

_FIELD: Final = frozenset(
    {Role.CONTROLLER, Role.OUTSTATION, Role.IO_DEVICE, Role.DRIVE, Role.PROTECTION_RELAY, Role.BUILDING_CONTROLLER,
     Role.METER}
)  # fmt: skip
_INDUSTRIAL: Final = _FIELD | {Role.MASTER, Role.ENGINEERING_STATION, Role.HMI, Role.HISTORIAN}
_MULTICAST: Final = ("ff", *(f"{first}." for first in range(224, 240)))
_MAX_CHARS: Final = 96
_MAX_PLACES: Final = 16_384


class Neighbourhood:
    """What detectors share: who is industrial, and since when an address is known.

    Args:
        assets: The inventory.
    """

    __slots__ = ("assets", "field", "first_ns", "industrial", "subnets")

    def __init__(self, assets: Assets) -> None:
        self.assets: Final = assets
        self.field: Final[Wide[str, bool]] = Wide(_MAX_PLACES)
        """Controllers and their like."""
        self.industrial: Final[Wide[str, bool]] = Wide(_MAX_PLACES)
        """These, and who works with them."""
        self.subnets: Final[Wide[str, bool]] = Wide(_MAX_PLACES)
        self.first_ns: Final[Wide[str, int]] = Wide(_MAX_PLACES)

    def learn_role(self, address: str, role: str) -> None:
        """Note what an address turned out to be."""
        if role not in _INDUSTRIAL or (address in self.industrial and role not in _FIELD):
            return
        self.industrial.put(address, True)
        self.subnets.put(subnet_of(address), True)
        if role in _FIELD:
            self.field.put(address, True)

    def known_for_ns(self, address: str, at_ns: int) -> int:
        """Return for how long an address has been known."""
        first = self.first_ns.get(address)
        return at_ns - first if first is not None else 0


class Detector(Listener):
    """One theme of rules.

    Args:
        desk: Where it reports.
        place: What detectors share.
    """

    __slots__ = ("desk", "place")

    def __init__(self, desk: Desk, place: Neighbourhood) -> None:
        self.desk: Final = desk
        self.place: Final = place

    def wants(self, protocol: str, kind: OpKind) -> Handler | None:  # noqa: ARG002 - in subclasses
        """Return who hears operations of this protocol and kind; asked once for each pair."""
        return None

    def refused(self, op: OtOp) -> None:
        """Hear of an answer that is not ``ok``."""

    def silent(self, now_ns: int, last_ns: int) -> None:
        """Hear that nothing was heard since ``last_ns``."""


def ends_of(op: OtOp) -> tuple[str, str]:
    """Return who sent an operation, and to whom."""
    flow = op.flow
    return (flow.client, flow.server) if op.is_from_client else (flow.server, flow.client)


def is_for_many(address: str) -> bool:
    """Tell whether an address is that of many, from whom no answer is due; every subnet's last one is taken for it."""
    return address.startswith(_MULTICAST) or address.endswith(".255")


def words_of(op: OtOp) -> str:
    """Say in a few words what an operation is."""
    parts = [op.protocol, op.service]
    if op.area and op.area != op.service:
        parts.append(op.area)
    if op.name:
        parts.append(op.name)
    elif op.first is not None:
        parts.append(str(op.first))
    return " ".join(parts)[:_MAX_CHARS]


def key_of(op: OtOp) -> str:
    """Return what learning an operation as normal would match."""
    return f"{op.protocol} {op.service}{' ' + op.area if op.area else ''}"


def facts_of(op: OtOp) -> dict[str, str | int | None]:
    """Return an operation's facts for an alert."""
    found: dict[str, str | int | None] = {"service": op.service, "code": op.code}
    if op.unit is not None:
        found["unit"] = op.unit
    if op.area:
        found["area"] = op.area
    if op.name:
        found["name"] = op.name[:256]
    if op.first is not None:
        found["first"] = op.first
    if op.count is not None:
        found["count"] = op.count
    if isinstance(op.value, int | float | str) and not isinstance(op.value, bool):
        found["value"] = str(op.value)[:64]
    return found


def subnet_of(address: str) -> str:
    """Return the first three bytes of an IPv4 address, or the first half of an IPv6 one."""
    if ":" in address:
        return ":".join(address.split(":")[:4])
    return address.rpartition(".")[0]
