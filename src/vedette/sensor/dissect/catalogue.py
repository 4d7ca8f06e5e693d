"""Every protocol that the sensor knows, and who reads it: the one table to add a line to.

The order matters where two checks accept the same bytes on the same port: the first wins.
"""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect import (
    ads,
    arp,
    bacnet,
    c37118,
    dnp3,
    enip,
    ethercat,
    fins,
    genisys,
    goose,
    hart_ip,
    iec104,
    knx,
    melsec,
    mms,
    modbus,
    modbus_rtu,
    opcua,
    profinet,
    s7comm,
    s7comm_plus,
    srtp,
)
from vedette.sensor.dissect.identified_catalogue import IDENTIFIED_PROTOCOLS
from vedette.sensor.dissect.interface import Protocol
from vedette.sensor.dissect.it_catalogue import IT_PROTOCOLS

PROTOCOLS: Final[tuple[Protocol, ...]] = (
    Protocol(
        "modbus", "Modbus TCP", "ot", "tcp", (502,), modbus.check, modbus.Modbus,
        is_found_anywhere=True, zeek=modbus.zeek,
    ),
    Protocol("modbus", "Modbus UDP", "ot", "udp", (502,), modbus.check, modbus.Modbus, zeek=modbus.zeek),
    Protocol(
        "modbus", "Modbus RTU over TCP", "ot", "tcp", (502, 4001, 8899, 10001, 26), modbus_rtu.check,
        modbus_rtu.ModbusRtu, is_found_anywhere=True, zeek=modbus.zeek,
    ),
    Protocol("s7comm", "Siemens S7comm", "ot", "tcp", (102,), s7comm.check, s7comm.S7comm,
             is_found_anywhere=True, zeek=s7comm.zeek),
    Protocol("s7comm_plus", "Siemens S7comm-plus", "ot", "tcp", (102,), s7comm_plus.check, s7comm.S7comm,
             is_found_anywhere=True, zeek=s7comm_plus.zeek),
    Protocol("mms", "IEC 61850 MMS", "ot", "tcp", (102, 3782), mms.check, mms.Mms,
             is_found_anywhere=True, zeek=mms.zeek),
    Protocol("enip", "EtherNet/IP", "ot", "tcp", (44818,), enip.check, enip.Enip,
             is_found_anywhere=True, zeek=enip.zeek),
    Protocol("enip", "EtherNet/IP over UDP", "ot", "udp", (44818,), enip.check, enip.Enip, zeek=enip.zeek),
    Protocol("enip_io", "EtherNet/IP cyclic data", "ot", "udp", (2222,), enip.check_io, enip.EnipIo,
             is_one_way=True, zeek=enip.zeek),
    Protocol("dnp3", "DNP3", "ot", "tcp", (20000,), dnp3.check, dnp3.Dnp3, is_found_anywhere=True, zeek=dnp3.zeek),
    Protocol("dnp3", "DNP3 over UDP", "ot", "udp", (20000,), dnp3.check, dnp3.Dnp3,
             is_found_anywhere=True, zeek=dnp3.zeek),
    Protocol("iec104", "IEC 60870-5-104", "ot", "tcp", (2404,), iec104.check, iec104.Iec104,
             is_found_anywhere=True, zeek=iec104.zeek),
    Protocol("bacnet", "BACnet/IP", "ot", "udp", (47808,), bacnet.check, bacnet.Bacnet,
             is_found_anywhere=True, zeek=bacnet.zeek),
    Protocol("opcua", "OPC UA binary", "ot", "tcp", (4840, 4843, 48010, 53530), opcua.check, opcua.OpcUa,
             is_found_anywhere=True, zeek=opcua.zeek),
    Protocol("fins", "OMRON FINS", "ot", "tcp", (9600,), fins.check, fins.Fins, is_found_anywhere=True),
    Protocol("fins", "OMRON FINS over UDP", "ot", "udp", (9600,), fins.check_frame, fins.Fins),
    Protocol("melsec", "Mitsubishi MELSEC and SLMP", "ot", "tcp",
             (1025, 5000, 5001, 5002, 5006, 5007, 5010, 5562, 45237), melsec.check, melsec.Melsec,
             is_found_anywhere=True),
    Protocol("melsec", "Mitsubishi MELSEC and SLMP over UDP", "ot", "udp", (5000, 5001, 5002, 5006, 5008, 5010, 45237),
             melsec.check, melsec.Melsec, is_found_anywhere=True),
    Protocol("ads", "Beckhoff ADS", "ot", "tcp", (48898,), ads.check, ads.Ads, is_found_anywhere=True),
    Protocol("knx", "KNXnet/IP", "ot", "udp", (3671,), knx.check, knx.Knx, is_found_anywhere=True),
    Protocol("knx", "KNXnet/IP over TCP", "ot", "tcp", (3671,), knx.check, knx.Knx, is_found_anywhere=True),
    Protocol("hart_ip", "HART-IP", "ot", "udp", (5094,), hart_ip.check, hart_ip.HartIp, is_found_anywhere=True),
    Protocol("hart_ip", "HART-IP over TCP", "ot", "tcp", (5094,), hart_ip.check, hart_ip.HartIp,
             is_found_anywhere=True),
    Protocol("c37118", "IEEE C37.118", "ot", "tcp", (4712,), c37118.check, c37118.C37118, is_found_anywhere=True),
    Protocol("c37118", "IEEE C37.118 over UDP", "ot", "udp", (4713,), c37118.check, c37118.C37118, is_one_way=True,
             is_found_anywhere=True),
    Protocol("srtp", "GE SRTP", "ot", "tcp", (18245, 18246), srtp.check, srtp.Srtp, is_found_anywhere=True),
    Protocol("genisys", "GENISYS", "ot", "tcp", (10001,), genisys.check, genisys.Genisys, is_found_anywhere=True),
    Protocol("profinet", "PROFINET DCP and RT", "ot", "ethernet", (0x8892,), profinet.check, profinet.Profinet,
             is_one_way=True, zeek=profinet.zeek),
    Protocol("goose", "IEC 61850 GOOSE", "ot", "ethernet", (0x88B8,), goose.check, goose.Goose, is_one_way=True),
    Protocol("sv", "IEC 61850 sampled values", "ot", "ethernet", (0x88BA,), goose.check_sv, goose.SampledValues,
             is_one_way=True),
    Protocol("ethercat", "EtherCAT", "ot", "ethernet", (0x88A4,), ethercat.check, ethercat.Ethercat, is_one_way=True),
    Protocol("ethercat", "EtherCAT over UDP", "ot", "udp", (34980,), ethercat.check, ethercat.Ethercat,
             is_one_way=True),
    Protocol("arp", "ARP", "it", "ethernet", (0x0806,), arp.check, arp.Arp, is_one_way=True),
    *IT_PROTOCOLS,
    *IDENTIFIED_PROTOCOLS,
)  # fmt: skip
