"""What SIMATIC's system state lists tell of a controller.

Source:
    SIMATIC, System Software for S7-300/400, System and Standard Functions, "System status lists (SSL)".
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from vedette.sensor.dissect.s7comm_codes import COMPONENTS, KEY_SWITCHES
from vedette.sensor.model import Attribute, Values

_LIST: Final = Struct(">HHHH").unpack_from
_WORD: Final = Struct(">H").unpack_from
_MAX_ENTRIES: Final = 256
_COMPONENTS: Final = {1: "automation_system_name", 2: "module_name", 3: "plant_name", 5: "module_serial"}
_STATES: Final = {3: "stop", 4: "stop", 8: "run"}
Fact = tuple[Attribute, str]


def facts(content: bytes) -> list[Fact]:
    """Return what a whole list tells, given from its id on."""
    if len(content) < 8:
        return []
    kind, _, size, count = _LIST(content, 0)
    found: list[Fact] = []
    if not size:
        return found
    part = kind & 0xFF
    for number in range(min(count, _MAX_ENTRIES)):
        entry = content[8 + number * size : 8 + (number + 1) * size]
        if len(entry) < size:
            break
        if part == 0x11 and size >= 28:
            found += _module(entry)
        elif part == 0x1C and size >= 34:
            attribute = COMPONENTS.get(_WORD(entry, 0)[0] & 0xFF)
            if attribute is not None:
                found.append((attribute, entry[2:34].split(b"\0", 1)[0].decode("latin-1")))
        elif part == 0x24 and size >= 4:
            state = _STATES.get(entry[3] & 15)
            if state is not None:
                found.append((Attribute.MODE, state))
        elif part == 0x32 and size >= 12 and _WORD(entry, 0)[0] == 4:
            found.append((Attribute.PROTECTION, f"level {_WORD(entry, 6)[0]}"))
            switch = KEY_SWITCHES.get(_WORD(entry, 8)[0])
            if switch is not None:
                found.append((Attribute.KEY_SWITCH, switch))
    return found


def components(content: bytes) -> dict[str, Values]:
    """Return the names in a component identification, as ICSNPP calls them."""
    if len(content) < 8:
        return {}
    kind, _, size, count = _LIST(content, 0)
    if kind & 0xFF != 0x1C or size < 34:
        return {}
    found: dict[str, Values] = {}
    for number in range(min(count, _MAX_ENTRIES)):
        entry = content[8 + number * size : 8 + (number + 1) * size]
        if len(entry) == size and (name := _COMPONENTS.get(_WORD(entry, 0)[0] & 0xFF)):
            found[name] = entry[2:34].split(b"\0", 1)[0].decode("latin-1").strip()
    return found


def _module(entry: bytes) -> list[Fact]:
    """Read one line of the module identification: order number and versions."""
    index = _WORD(entry, 0)[0]
    order = entry[2:22].decode("latin-1").strip("\0 ")
    if index == 1:
        found = [(Attribute.PRODUCT_CODE, order)]
        if order.startswith("6"):
            found.append((Attribute.VENDOR, "Siemens"))
        return found
    if index == 6:
        return [(Attribute.HARDWARE, str(_WORD(entry, 24)[0] & 0xFF))]
    if index == 7 and entry[24] == 0x56:
        return [(Attribute.FIRMWARE, f"V{entry[25]}.{entry[26]}.{entry[27]}")]
    return []
