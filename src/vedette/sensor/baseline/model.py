"""What is learned: classes of keys, when each is ready, and what is said of something new."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from vedette.sensor.alerts import Engine, Severity

DAY_S: Final = 86_400.0
_SLICES_PER_LEARNING: Final = 288
"""Five minutes each, if a day is learned."""
_SETTLED_SHARE: Final = 8
_S: Final = 1_000_000_000


class KeyClass(StrEnum):
    """What kind of thing is learned."""

    ASSET = "asset"
    """Who is there; scope: the site."""
    LINK = "link"
    """Who talks with an industrial device; scope: that device."""
    SERVICE = "service"
    """On which ports an industrial device answers; scope: the device."""
    PROTOCOL = "protocol"
    """What a pair speaks."""
    OPERATION = "operation"
    """What a pair asks for in a protocol: function codes, services."""
    UNIT = "unit"
    """Whom within the server a pair addresses: unit, slot, station."""
    OBJECT = "object"
    """Which kinds of objects, blocks, tags a pair reads or writes."""
    RANGE = "range"
    """Which addresses of them."""
    EXTERNAL = "external"
    """With whom outside a device talks."""
    NAME = "name"
    """Which domains an industrial device asks for."""
    USER = "user"
    """As whom a device logs in."""
    FACT = "fact"
    """What a device says of itself: firmware, serial number, project."""


class State(StrEnum):
    """How far one class of one scope is."""

    LEARNING = "learning"
    """Anything new is learned."""
    DYNAMIC = "dynamic"
    """Seen often enough to tell what changes something: that raises an alert; what only looks is still learned."""
    ENFORCED = "enforced"
    """Anything new raises an alert."""


class Readiness(NamedTuple):
    """How much a class must have seen; shares of the time to learn."""

    dynamic_slices: int
    """In so many slices of time it must have been in use to be dynamic."""
    dynamic_share: float
    """Nothing new for this share of the time to learn, and it may be dynamic."""
    enforced_slices: int
    enforced_share: float
    """It must be known for this share of the time to learn to be enforced."""
    max_keys: int
    """More different ones, and it is never judged: nothing about it is usual."""


READINESS: Final[dict[KeyClass, Readiness]] = {
    KeyClass.ASSET: Readiness(24, 0.5, 24, 1.0, 20_000),
    KeyClass.LINK: Readiness(12, 0.5, 24, 1.0, 512),
    KeyClass.SERVICE: Readiness(12, 0.34, 24, 1.0, 128),
    KeyClass.PROTOCOL: Readiness(12, 0.34, 24, 1.0, 64),
    KeyClass.OPERATION: Readiness(12, 0.34, 24, 1.0, 256),
    KeyClass.UNIT: Readiness(12, 0.34, 24, 1.0, 260),
    KeyClass.OBJECT: Readiness(12, 0.34, 24, 1.0, 512),
    KeyClass.RANGE: Readiness(12, 0.34, 24, 1.0, 256),
    # Rare kinds: what a device asks of the outside repeats over days.
    KeyClass.EXTERNAL: Readiness(24, 1.0, 48, 2.0, 64),
    KeyClass.NAME: Readiness(24, 1.0, 48, 2.0, 64),
    KeyClass.USER: Readiness(6, 1.0, 12, 2.0, 32),
    # A device says it when it is asked, which may be once: time alone decides.
    KeyClass.FACT: Readiness(1, 0.05, 1, 0.05, 64),
}


class RuleText(NamedTuple):
    """What an alert about something new is."""

    severity: Severity
    technique: str
    title: str
    """What it is about, for tables."""
    says: str
    """``{source}``, ``{target}`` and ``{what}`` are filled in."""
    engine: Engine = Engine.POLICY


RULES: Final[dict[str, RuleText]] = {
    "baseline.new_asset": RuleText(Severity.LOW, "", "A device that was not there", "{source} is new here"),
    "baseline.new_link": RuleText(
        Severity.MEDIUM,
        "T0886",
        "Talk between two that never talked",
        "{source} talks with {target} for the first time: {what}",
    ),
    "baseline.new_master": RuleText(
        Severity.HIGH, "T0848", "A new master", "{source} sends {target} requests for the first time: {what}"
    ),
    "baseline.new_service": RuleText(
        Severity.MEDIUM, "T0885", "A device answers on a new port", "{target} answers on a new port: {what}"
    ),
    "baseline.new_protocol": RuleText(
        Severity.MEDIUM,
        "T0869",
        "A pair speaks another protocol",
        "{source} speaks something new with {target}: {what}",
    ),
    "baseline.new_writer": RuleText(
        Severity.HIGH,
        "T0855",
        "A source writes that only read",
        "{source} writes to {target} for the first time: {what}",
    ),
    "baseline.new_operation": RuleText(
        Severity.MEDIUM, "T0855", "A new operation", "{source} asks {target} for something new: {what}"
    ),
    "baseline.new_unit": RuleText(
        Severity.LOW, "T0888", "A new unit is addressed", "{source} addresses a new unit of {target}: {what}"
    ),
    "baseline.new_object": RuleText(
        Severity.MEDIUM, "T0861", "A new kind of object is read", "{source} reads a new object of {target}: {what}"
    ),
    "baseline.new_object_write": RuleText(
        Severity.HIGH, "T0836", "A new kind of object is written", "{source} writes a new object of {target}: {what}"
    ),
    "baseline.new_range": RuleText(
        Severity.LOW, "T0861", "New addresses are read", "{source} reads new addresses of {target}: {what}"
    ),
    "baseline.new_range_write": RuleText(
        Severity.HIGH, "T0836", "New addresses are written", "{source} writes new addresses of {target}: {what}"
    ),
    "baseline.new_external": RuleText(
        Severity.MEDIUM,
        "T0883",
        "A new connection to the outside",
        "{source} talks with {target} outside for the first time: {what}",
    ),
    "baseline.new_name": RuleText(
        Severity.LOW, "T0869", "A new name is asked for", "{source} asks for a name that it never asked for: {what}"
    ),
    "baseline.new_user": RuleText(Severity.MEDIUM, "T0859", "A new user", "{source} logs in as somebody new: {what}"),
    "baseline.firmware_changed": RuleText(
        Severity.HIGH, "T0857", "A device has other firmware", "{target} has other firmware: {what}"
    ),
    "baseline.project_changed": RuleText(
        Severity.HIGH, "T0889", "A controller runs another program", "{target} runs another program: {what}"
    ),
    "baseline.identity_changed": RuleText(
        Severity.MEDIUM, "", "A device says that it is another", "{target} says that it is another: {what}"
    ),
    "baseline.period_lost": RuleText(
        Severity.MEDIUM, "T0804", "Periodic traffic stopped", "{source} no longer asks {target}: {what}", Engine.ANOMALY
    ),
    "baseline.device_silent": RuleText(
        Severity.HIGH, "T0814", "A device fell silent", "{target} is silent: {what}", Engine.ANOMALY
    ),
    "baseline.period_faster": RuleText(
        Severity.MEDIUM,
        "T0806",
        "Periodic traffic became faster",
        "{source} asks {target} more often: {what}",
        Engine.ANOMALY,
    ),
    "baseline.period_slower": RuleText(
        Severity.LOW,
        "T0804",
        "Periodic traffic became slower",
        "{source} asks {target} less often: {what}",
        Engine.ANOMALY,
    ),
    "baseline.bandwidth": RuleText(
        Severity.MEDIUM,
        "T0814",
        "A link carries far more than usual",
        "{source} and {target} exchange far more than usual: {what}",
        Engine.ANOMALY,
    ),
    "baseline.beacon": RuleText(
        Severity.HIGH,
        "T0869",
        "Regular calls to the outside",
        "{source} calls {target} outside regularly: {what}",
        Engine.ANOMALY,
    ),
    "baseline.dns_tunnel": RuleText(
        Severity.HIGH, "T0869", "Data in names", "{source} seems to send data in names: {what}", Engine.ANOMALY
    ),
}


class Muted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An exception: what matches is not raised. Shell wildcards; what is empty matches everything."""

    rule: str = ""
    source: str = ""
    target: str = ""
    key: str = ""


class Settings(msgspec.Struct, frozen=True):
    """How baselines are learned, and kept."""

    learn_for_s: float = DAY_S
    """How long what repeats daily needs; the rest follows from it. Shorter for demonstrations."""
    path: Path | None = None
    """File of the state; None: in memory only."""
    is_enforced: bool = False
    """Nothing is learned any more: what is not known raises alerts, whatever its state."""
    exceptions: tuple[Muted, ...] = ()
    max_scopes: int = 100_000
    max_keys: int = 300_000
    """Of all scopes together; intervals of ranges count as keys."""
    save_every_s: float = 300.0
    cool_down_s: float = 600.0
    """An episode ends when it has been quiet for so long."""
    is_rhythm_on: bool = True
    is_beacon_on: bool = True

    @property
    def learn_ns(self) -> int:
        """The time to learn."""
        return int(max(self.learn_for_s, 1.0) * _S)

    @property
    def slice_ns(self) -> int:
        """Length of the slices in which use is counted, so that a burst is not taken for a habit."""
        return max(self.learn_ns // _SLICES_PER_LEARNING, 1)

    @property
    def settled_ns(self) -> int:
        """Without anything new for so long, a class may be enforced."""
        return self.learn_ns // _SETTLED_SHARE
