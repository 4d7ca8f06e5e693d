"""What the sensor knows: flows, operations, evidence about assets, and what broke a protocol's rules.

Records are made by the hundred thousand a second, so they are plain structs without validation: whoever makes them read
the bytes, and the exporters turn them into text.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Final

import msgspec

from vedette.sensor.flows import Flow

Value = int | float | str | bool | bytes | None
Values = Value | tuple[Value, ...]


class Certainty(StrEnum):
    """How sure an identification is.

    A port alone is a guess; bytes that fit, in one direction, make it likely; bytes that fit in both directions, or a
    protocol that speaks one way only and carries proof of itself, confirm it.
    """

    GUESS = "guess"
    LIKELY = "likely"
    CONFIRMED = "confirmed"


class OpKind(StrEnum):
    """What an operation is for, the same for every protocol; rules and baselines speak of these."""

    READ = "read"
    WRITE = "write"
    CONTROL = "control"
    """Starts, stops, resets, changes of mode: what the device does, not what it holds."""
    PROGRAM = "program"
    """Logic or configuration to or from a controller; ``area`` says ``upload`` or ``download``."""
    FIRMWARE = "firmware"
    IDENTIFY = "identify"
    """Asks who is there or what it is."""
    DIAGNOSE = "diagnose"
    SESSION = "session"
    """Opens, keeps, authenticates or closes a conversation."""
    REPORT = "report"
    """Values that are sent unasked: spontaneous messages, publications, cyclic data."""
    FILE = "file"
    OTHER = "other"


class Direction(IntEnum):
    """Which half of an exchange a message is."""

    REQUEST = 0
    RESPONSE = 1
    REPORT = 2
    """Nobody asked for it, and nobody answers."""


class OtOp(msgspec.Struct, gc=False):
    """One operation, as one message on the wire carries it.

    A response repeats ``area``, ``first``, ``count`` and ``name`` of the request it answers, when that was seen.
    A message with several operations becomes several records with the same ``transaction``.
    """

    at_ns: int
    """Nanoseconds since 1970, UTC; of the packet that completed the message."""
    flow: Flow
    is_from_client: bool
    protocol: str
    service: str
    """What the standard calls the function, in lower case with underscores: ``read_holding_registers``."""
    code: int
    kind: OpKind
    direction: Direction
    unit: int | str | None = None
    """Whom within the addressed device: a Modbus unit, a DNP3 outstation, an IEC 104 common address, ``rack.slot``."""
    area: str = ""
    """Kind of object: ``holding_register``, ``db``, ``analog_input``."""
    first: int | None = None
    count: int | None = None
    name: str = ""
    """The object's own name where it has one: a tag, an MMS item, an OPC UA node id, ``analog-value,3``."""
    value: Values = None
    result: str = ""
    """``ok`` or the standard's name of the error, for responses; empty for anything else."""
    transaction: int | None = None
    latency_ns: int | None = None
    """From the request to this response."""
    detail: dict[str, Values] | None = None
    """What a log of this protocol needs beside the above, by the names that log uses."""


class Attribute(StrEnum):
    """What evidence can tell of an asset."""

    VENDOR = "vendor"
    MODEL = "model"
    PRODUCT_CODE = "product_code"
    """The maker's order number: ``6ES7 315-2EH14-0AB0``."""
    DEVICE_TYPE = "device_type"
    SERIAL = "serial"
    FIRMWARE = "firmware"
    HARDWARE = "hardware"
    SOFTWARE = "software"
    OPERATING_SYSTEM = "operating_system"
    NAME = "name"
    DOMAIN = "domain"
    MAC = "mac"
    IP = "ip"
    LOCATION = "location"
    CONTACT = "contact"
    DESCRIPTION = "description"
    TYPE = "type"
    """What kind of device it is, in one word that ``recognize`` infers: ``camera``, ``smart_plug``."""
    SUPPORT = "support"
    """Until when its system's maker supplied security updates, and which system: ``2014-04-08 Windows XP``."""
    ROLE = "role"
    """One of ``Role``'s values."""
    RACK = "rack"
    SLOT = "slot"
    UNIT = "unit"
    MODULE = "module"
    """A part in the rack, ``slot: order number``."""
    PROJECT = "project"
    """Name of the program that a controller runs."""
    MODE = "mode"
    """``run``, ``stop``, ``program`` …: what a controller is doing."""
    KEY_SWITCH = "key_switch"
    PROTECTION = "protection"
    SERVICE = "service"
    """``tcp/502 modbus``: something that answers."""
    USER = "user"
    FINGERPRINT = "fingerprint"
    """``kind:value``, of a client: DHCP options, JA4, SSH software."""


class Role(StrEnum):
    """What an asset is there for, as far as its talk tells."""

    CONTROLLER = "controller"
    OUTSTATION = "outstation"
    MASTER = "master"
    """Polls controllers or outstations: an HMI, a SCADA server, a front end."""
    ENGINEERING_STATION = "engineering_station"
    HMI = "hmi"
    HISTORIAN = "historian"
    IO_DEVICE = "io_device"
    DRIVE = "drive"
    PROTECTION_RELAY = "protection_relay"
    GATEWAY = "gateway"
    ROUTER = "router"
    SWITCH = "switch"
    BUILDING_CONTROLLER = "building_controller"
    METER = "meter"
    CAMERA = "camera"
    PRINTER = "printer"
    BROKER = "broker"
    SERVER = "server"
    WORKSTATION = "workstation"
    MOBILE = "mobile"
    IOT_DEVICE = "iot_device"


CERTAIN: Final = 95
"""The device said so in a field made for it, in an answer."""
PROBABLE: Final = 75
"""Follows from what it does, or from a field that people fill."""
POSSIBLE: Final = 40
"""A hint: a port, a habit, a prefix."""


class AssetEvidence(msgspec.Struct, gc=False):
    """One thing that one message tells of one asset."""

    at_ns: int
    address: str
    """IP or MAC address of the asset it is about."""
    attribute: Attribute
    value: str
    confidence: int
    """0 to 100; ``CERTAIN``, ``PROBABLE`` or ``POSSIBLE`` unless there is a reason for another."""
    source: str
    """Protocol and, where it helps, service: ``modbus read_device_identification``."""


class AnomalyKind(StrEnum):
    """How a message broke its protocol's rules."""

    MALFORMED = "malformed"
    """Ends too early, or its lengths contradict each other."""
    ILLEGAL_FUNCTION = "illegal_function"
    """A function code that the standard reserves or does not know."""
    ILLEGAL_VALUE = "illegal_value"
    """A field outside of what the standard allows."""
    WRONG_DIRECTION = "wrong_direction"
    """A master that answers, an outstation that asks."""
    UNEXPECTED_RESPONSE = "unexpected_response"
    """An answer to nothing that was asked, or another one than was asked for."""
    BAD_CHECKSUM = "bad_checksum"
    CLEAR_TEXT_CREDENTIAL = "clear_text_credential"
    DEFAULT_CREDENTIAL = "default_credential"
    LOGIN_FAILED = "login_failed"
    ADDRESS_CONFLICT = "address_conflict"
    """Two senders claim one address."""


class Anomaly(msgspec.Struct, gc=False):
    """One message that broke the rules; never quotes its bytes."""

    at_ns: int
    flow: Flow
    is_from_client: bool
    protocol: str
    kind: AnomalyKind
    detail: str = ""
    """What, in a few words with numbers: ``function code 0``."""
    code: int | None = None


class Sink:
    """Where dissectors put what they found; the pipeline empties it after each packet."""

    __slots__ = ("anomalies", "evidence", "operations")

    def __init__(self) -> None:
        self.operations: list[OtOp] = []
        self.evidence: list[AssetEvidence] = []
        self.anomalies: list[Anomaly] = []
