"""What is known of protocols beside what was seen: their names, and what a careful reader should know of them."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple


class Traits(NamedTuple):
    """A protocol as its standard has it.

    Attributes:
        title: What it is called.
        family: ``ot``, ``iot`` or ``it``.
        clear: What can be read on the wire, or sent by anybody; empty: nothing is known of that.
        legacy: Why it should be replaced; empty: nothing says so.
    """

    title: str
    family: Literal["ot", "iot", "it", ""]
    clear: str = ""
    legacy: str = ""


_OPEN: Final = "readable, and its commands ask for no proof of who sends them"
_READABLE: Final = "readable by anybody on the way, unless it is protected otherwise"

KNOWN_PROTOCOLS: Final = {
    "ads": Traits("Beckhoff ADS", "ot", _OPEN),
    "amqp": Traits("AMQP", "iot", "without TLS: messages and passwords can be read"),
    "arp": Traits("ARP", "it"),
    "bacnet": Traits("BACnet/IP", "ot", _OPEN),
    "bsap": Traits("BSAP over IP", "ot", _OPEN),
    "c1222": Traits("ANSI C12.22", "ot", _READABLE),
    "c37118": Traits("IEEE C37.118", "ot", _READABLE),
    "cc_link_ie": Traits("CC-Link IE", "ot", _READABLE),
    "cdp": Traits("CDP", "it"),
    "coap": Traits("CoAP", "iot", "without DTLS: messages can be read"),
    "codesys": Traits("CODESYS V3", "ot", _READABLE),
    "codesys_v2": Traits("CODESYS V2", "ot", _OPEN, legacy="its maker has ended CODESYS V2"),
    "crimson": Traits("Red Lion Crimson", "ot", _READABLE),
    "deltav": Traits("Emerson DeltaV", "ot", _READABLE),
    "dhcp": Traits("DHCP", "it"),
    "dhcpv6": Traits("DHCPv6", "it"),
    "dicom": Traits("DICOM", "iot", "health records can be read"),
    "dlms": Traits("DLMS/COSEM", "ot", _READABLE),
    "dnp3": Traits("DNP3", "ot", _OPEN),
    "dns": Traits("DNS", "it"),
    "egd": Traits("GE Ethernet Global Data", "ot", _READABLE),
    "enip": Traits("EtherNet/IP", "ot", _OPEN),
    "enip_io": Traits("EtherNet/IP cyclic data", "ot", _READABLE),
    "ethercat": Traits("EtherCAT", "ot", _READABLE),
    "ff_hse": Traits("FOUNDATION Fieldbus HSE", "ot", _READABLE),
    "fins": Traits("OMRON FINS", "ot", _OPEN),
    "fl_net": Traits("FL-net", "ot", _READABLE),
    "fox": Traits("Niagara Fox", "ot", _READABLE),
    "ftp": Traits("FTP", "it", "passwords can be read", legacy="replaced by SFTP and HTTPS"),
    "genisys": Traits("GENISYS", "ot", _OPEN, legacy="signalling of serial lines, carried over IP"),
    "goose": Traits("IEC 61850 GOOSE", "ot", _READABLE),
    "gse_management": Traits("IEC 61850 GSE management", "ot"),
    "hart_ip": Traits("HART-IP", "ot", _OPEN),
    "hl7": Traits("HL7", "iot", "health records can be read"),
    "hsr": Traits("High-availability Seamless Redundancy", "ot"),
    "http": Traits("HTTP", "it", "pages and passwords can be read"),
    "icmp": Traits("ICMP", "it"),
    "icmpv6": Traits("ICMPv6", "it"),
    "iec104": Traits("IEC 60870-5-104", "ot", _OPEN),
    "knx": Traits("KNXnet/IP", "ot", _OPEN),
    "lldp": Traits("LLDP", "it"),
    "llmnr": Traits("LLMNR", "it", legacy="given up for multicast DNS; its answers can be forged"),
    "lontalk": Traits("LonTalk over IP", "ot", _READABLE),
    "mdns": Traits("Multicast DNS", "it"),
    "melsec": Traits("Mitsubishi MELSEC and SLMP", "ot", _OPEN),
    "mms": Traits("IEC 61850 MMS", "ot", _READABLE),
    "modbus": Traits("Modbus TCP", "ot", _OPEN),
    "moxa": Traits("Moxa NPort", "ot", _READABLE),
    "mqtt": Traits("MQTT", "iot", "without TLS: messages and passwords can be read"),
    "mrp": Traits("Media Redundancy Protocol", "ot"),
    "ntp": Traits("NTP", "it"),
    "opcua": Traits("OPC UA binary", "ot"),
    "opcua_pubsub": Traits("OPC UA PubSub", "ot", _READABLE),
    "pc_worx": Traits("Phoenix Contact PC Worx", "ot", _OPEN),
    "powerlink": Traits("Ethernet POWERLINK", "ot", _READABLE),
    "proconos": Traits("ProConOS", "ot", _OPEN),
    "profinet": Traits("PROFINET DCP and RT", "ot", _READABLE),
    "profinet_cm": Traits("PROFINET context management", "ot", _OPEN),
    "prp": Traits("PRP and HSR supervision", "ot"),
    "ptp": Traits("Precision Time Protocol", "ot"),
    "rdp": Traits("RDP", "it"),
    "roc_plus": Traits("Emerson ROC Plus", "ot", _OPEN),
    "rtsp": Traits("RTSP", "iot", "pictures and passwords can be read"),
    "s7comm": Traits("Siemens S7comm", "ot", _OPEN),
    "s7comm_plus": Traits("Siemens S7comm-plus", "ot"),
    "sercos": Traits("Sercos III", "ot", _READABLE),
    "smb": Traits("SMB", "it"),
    "snmp": Traits("SNMP", "it", "versions 1 and 2c: the community can be read"),
    "srtp": Traits("GE SRTP", "ot", _OPEN),
    "ssdp": Traits("SSDP", "it"),
    "ssh": Traits("SSH", "it"),
    "sv": Traits("IEC 61850 sampled values", "ot", _READABLE),
    "telnet": Traits("Telnet", "it", "passwords can be read", legacy="replaced by SSH"),
    "tftp": Traits("TFTP", "it", "asks for no password", legacy="replaced by HTTPS and SFTP"),
    "tls": Traits("TLS", "it"),
    "tristation": Traits("TriStation", "ot", _READABLE),
    "vnc": Traits("VNC", "it", "screens can be read"),
    "vnet_ip": Traits("Yokogawa Vnet/IP", "ot", _READABLE),
    "ws_discovery": Traits("WS-Discovery", "iot"),
    "xmpp": Traits("XMPP", "iot", _READABLE),
}
