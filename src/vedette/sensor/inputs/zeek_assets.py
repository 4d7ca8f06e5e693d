"""What rows of Zeek's and ICSNPP's logs tell of devices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from vedette.sensor.flows import Flow
from vedette.sensor.inputs.rows import Row
from vedette.sensor.model import CERTAIN, PROBABLE, AssetEvidence, Attribute, Role

Teller = Callable[[Row, int], list[AssetEvidence]]

_SERVERS: Final = {
    "s7comm": Role.CONTROLLER, "s7comm_plus": Role.CONTROLLER, "dnp3": Role.OUTSTATION, "iec104": Role.OUTSTATION,
    "bacnet": Role.BUILDING_CONTROLLER, "modbus": Role.CONTROLLER, "umas": Role.CONTROLLER,
}  # fmt: skip
_CLIENTS: Final = {"dnp3": Role.MASTER, "iec104": Role.MASTER, "modbus": Role.MASTER}


def tell_server(flow: Flow, at_ns: int) -> list[AssetEvidence]:
    """Return what roles follow from the protocol that two devices speak: once for each flow, nothing afterwards."""
    if flow.from_client.tries:
        return []
    flow.from_client.tries = 1
    found = []
    for address, role in ((flow.server, _SERVERS.get(flow.protocol)), (flow.client, _CLIENTS.get(flow.protocol))):
        if role is not None:
            found.append(AssetEvidence(at_ns, address, Attribute.ROLE, role, PROBABLE, f"{flow.protocol} log"))
    return found


def _about(
    address: str, at_ns: int, source: str, told: list[tuple[Attribute, str]], confidence: int = CERTAIN
) -> list[AssetEvidence]:
    if not address:
        return []
    return [
        AssetEvidence(at_ns, address, attribute, text[:256], confidence, source) for attribute, text in told if text
    ]


def _dhcp(row: Row, at_ns: int) -> list[AssetEvidence]:
    mac, address = row.address("mac"), row.address("assigned_addr")
    found = _about(mac, at_ns, "dhcp log", [(Attribute.NAME, row.text("host_name") or row.text("client_fqdn"))])
    if mac and address and "ACK" in {each.upper() for each in row.texts("msg_types")}:
        found += _about(address, at_ns, "dhcp log", [(Attribute.MAC, mac)])
    for name, kind in (("vendor_class", "dhcp_vendor"), ("param_list", "dhcp")):
        if texts := row.texts(name):
            found += _about(mac, at_ns, "dhcp log", [(Attribute.FINGERPRINT, f"{kind}:{','.join(texts)}")])
    return found


def _http(row: Row, at_ns: int) -> list[AssetEvidence]:
    client, server = row.address("id.orig_h"), row.address("id.resp_h")
    found = _about(client, at_ns, "http user-agent", [(Attribute.SOFTWARE, row.text("user_agent"))], PROBABLE)
    return found + _about(server, at_ns, "http server", [(Attribute.SOFTWARE, row.text("server"))], PROBABLE)


def _ssl(row: Row, at_ns: int) -> list[AssetEvidence]:
    found = []
    for name in ("ja4", "ja3"):
        if text := row.text(name):
            told = [(Attribute.FINGERPRINT, f"{name}:{text}")]
            found += _about(row.address("id.orig_h"), at_ns, "ssl log", told)
    return found


def _ssh(row: Row, at_ns: int) -> list[AssetEvidence]:
    found = []
    for side, name in (("id.orig_h", "client"), ("id.resp_h", "server")):
        text = row.text(name)
        software = text.split("-", 2)[2] if text.startswith("SSH-") and text.count("-") >= 2 else text
        found += _about(row.address(side), at_ns, "ssh log", [(Attribute.SOFTWARE, software)], PROBABLE)
    return found


def _software(row: Row, at_ns: int) -> list[AssetEvidence]:
    text = row.text("unparsed_version") or row.text("name")
    return _about(row.address("host"), at_ns, "software log", [(Attribute.SOFTWARE, text)], PROBABLE)


def _known_device(row: Row, at_ns: int) -> list[AssetEvidence]:
    return _about(row.address("host"), at_ns, "known_devices log", [(Attribute.MAC, row.address("mac"))], PROBABLE)


def _ntlm(row: Row, at_ns: int) -> list[AssetEvidence]:
    client = [(Attribute.NAME, row.text("hostname")), (Attribute.DOMAIN, row.text("domainname")),
              (Attribute.USER, row.text("username"))]  # fmt: skip
    server = [(Attribute.NAME, row.text("server_nb_computer_name"))]
    found = _about(row.address("id.orig_h"), at_ns, "ntlm log", client, PROBABLE)
    return found + _about(row.address("id.resp_h"), at_ns, "ntlm log", server)


def _cip_identity(row: Row, at_ns: int) -> list[AssetEvidence]:
    told = [
        (Attribute.VENDOR, row.text("vendor_name")), (Attribute.MODEL, row.text("product_name")),
        (Attribute.PRODUCT_CODE, row.text("product_code")), (Attribute.FIRMWARE, row.text("revision")),
        (Attribute.SERIAL, row.text("serial_number").removeprefix("0x")),
        (Attribute.DEVICE_TYPE, row.text("device_type_name")),
    ]  # fmt: skip
    address = row.address("socket_address") or row.address("id.resp_h")
    return _about(address, at_ns, "cip_identity log", told)


_MODBUS_OBJECTS: Final = {
    0: Attribute.VENDOR, 1: Attribute.PRODUCT_CODE, 2: Attribute.FIRMWARE, 4: Attribute.MODEL, 5: Attribute.MODEL,
}  # fmt: skip


def _modbus_identity(row: Row, at_ns: int) -> list[AssetEvidence]:
    number = row.number("object_id_code")
    attribute = _MODBUS_OBJECTS.get(number) if number is not None else None
    told = [(attribute, row.text("object_value"))] if attribute is not None else []
    return _about(row.address("id.resp_h"), at_ns, "modbus log", told)


EVIDENCE: Final[dict[str, Teller]] = {
    "dhcp": _dhcp, "http": _http, "ssl": _ssl, "ssh": _ssh, "software": _software, "known_devices": _known_device,
    "ntlm": _ntlm, "cip_identity": _cip_identity, "modbus_read_device_identification": _modbus_identity,
}  # fmt: skip
"""Log → what its rows tell of devices."""
