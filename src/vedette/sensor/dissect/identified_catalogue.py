"""Protocols that are told by name alone, after those that are read."""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect import identified as check
from vedette.sensor.dissect.interface import Protocol

IDENTIFIED_PROTOCOLS: Final[tuple[Protocol, ...]] = (
    Protocol("codesys", "CODESYS V3", "ot", "tcp", (11740, 11741, 11742, 11743), check.codesys, is_found_anywhere=True),
    Protocol(
        "codesys", "CODESYS V3 over UDP", "ot", "udp", (1740, 1741, 1742, 1743), check.codesys_udp, is_one_way=True
    ),
    Protocol("melsoft", "Mitsubishi MELSOFT", "ot", "tcp", (5001, 5002, 5562), check.melsoft, is_found_anywhere=True),
    Protocol(
        "melsoft", "Mitsubishi MELSOFT over UDP", "ot", "udp", (5560, 5561), check.melsoft, is_found_anywhere=True
    ),
    Protocol("codesys_v2", "CODESYS V2", "ot", "tcp", (1200, 2455), check.codesys_v2),
    Protocol("fox", "Niagara Fox", "ot", "tcp", (1911,), check.fox, is_found_anywhere=True),
    Protocol("tristation", "TriStation", "ot", "udp", (1502,), check.tristation),
    Protocol("powerlink", "Ethernet POWERLINK", "ot", "ethernet", (0x88AB,), check.powerlink, is_one_way=True),
    Protocol("ptp", "Precision Time Protocol", "ot", "ethernet", (0x88F7,), check.ptp, is_one_way=True),
    Protocol("ptp", "Precision Time Protocol over UDP", "ot", "udp", (319, 320), check.ptp, is_one_way=True),
    Protocol("dlms", "DLMS/COSEM", "ot", "tcp", (4059,), check.dlms, is_found_anywhere=True),
    Protocol("dlms", "DLMS/COSEM over UDP", "ot", "udp", (4059,), check.dlms),
    Protocol("lontalk", "LonTalk over IP", "ot", "udp", (1628, 1629), check.lontalk),
    Protocol("fl_net", "FL-net", "ot", "udp", (55000, 55001, 55002, 55003), check.fl_net, is_one_way=True),
    Protocol("egd", "GE Ethernet Global Data", "ot", "udp", (18246,), check.egd),
    Protocol("pc_worx", "Phoenix Contact PC Worx", "ot", "tcp", (1962,), check.pc_worx),
    Protocol("proconos", "ProConOS", "ot", "tcp", (20547,), check.proconos),
    Protocol("crimson", "Red Lion Crimson", "ot", "tcp", (789,), check.crimson),
    Protocol("moxa", "Moxa NPort", "ot", "udp", (4800,), check.moxa, is_found_anywhere=True),
    Protocol("opcua_pubsub", "OPC UA PubSub", "ot", "ethernet", (0xB62C,), check.opcua_pubsub, is_one_way=True),
    Protocol("cc_link_ie", "CC-Link IE", "ot", "ethernet", (0x890F,), is_one_way=True),
    Protocol("sercos", "Sercos III", "ot", "ethernet", (0x88CD,), is_one_way=True),
    Protocol("gse_management", "IEC 61850 GSE management", "ot", "ethernet", (0x88B9,), is_one_way=True),
    Protocol("mrp", "Media Redundancy Protocol", "ot", "ethernet", (0x88E3,), is_one_way=True),
    Protocol("prp", "PRP and HSR supervision", "ot", "ethernet", (0x88FB,), is_one_way=True),
    Protocol("hsr", "High-availability Seamless Redundancy", "ot", "ethernet", (0x892F,), is_one_way=True),
    Protocol("ff_hse", "FOUNDATION Fieldbus HSE", "ot", "udp", (1089, 1090, 1091)),
    Protocol("deltav", "Emerson DeltaV", "ot", "udp", (18507, 18510, 18515)),
    Protocol("vnet_ip", "Yokogawa Vnet/IP", "ot", "udp", (5313,)),
    Protocol("amqp", "AMQP", "iot", "tcp", (5672,), check.amqp, is_found_anywhere=True),
    Protocol("xmpp", "XMPP", "iot", "tcp", (5222, 5269), check.xmpp, is_found_anywhere=True),
    Protocol("rtsp", "RTSP", "iot", "tcp", (554, 8554), check.rtsp, is_found_anywhere=True),
    Protocol("dicom", "DICOM", "iot", "tcp", (104, 11112), check.dicom, is_found_anywhere=True),
    Protocol("hl7", "HL7", "iot", "tcp", (2575,), check.hl7, is_found_anywhere=True),
)
