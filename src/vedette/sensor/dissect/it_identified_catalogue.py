"""Protocols of offices and the Internet that are told by name alone."""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect import (
    dce_rpc,
    identified,
    kasa,
    kerberos,
    ldap,
    netbios_datagrams,
    netbios_names,
    ws_discovery,
)
from vedette.sensor.dissect import it_identified as check
from vedette.sensor.dissect.interface import Protocol

_MAIL: Final = (b"220 ", b"220-", b"250", b"354", b"5", b"4")

IT_IDENTIFIED_PROTOCOLS: Final[tuple[Protocol, ...]] = (
    Protocol("ldap", "LDAP", "it", "tcp", (389, 3268), check.ldap, ldap.Ldap, is_found_anywhere=True),
    Protocol("ldap", "LDAP over UDP", "it", "udp", (389,), check.ldap, ldap.Ldap),
    Protocol("kerberos", "Kerberos", "it", "tcp", (88,), check.kerberos_tcp, kerberos.Kerberos),
    Protocol("kerberos", "Kerberos over UDP", "it", "udp", (88,), check.kerberos, kerberos.Kerberos),
    Protocol("netbios_ns", "NetBIOS names", "it", "udp", (137,), check.netbios_names, netbios_names.NetbiosNames,
             is_one_way=True),
    Protocol("netbios_dgm", "NetBIOS datagrams", "it", "udp", (138,), check.netbios_datagrams,
             netbios_datagrams.NetbiosDatagrams, is_one_way=True),
    Protocol("dce_rpc", "DCE/RPC", "it", "tcp", (135,), check.dce_rpc, dce_rpc.DceRpc, is_found_anywhere=True),
    Protocol("rpc", "ONC RPC", "it", "tcp", (111, 2049), check.rpc_tcp, is_found_anywhere=True),
    Protocol("rpc", "ONC RPC over UDP", "it", "udp", (111, 2049), check.rpc, is_found_anywhere=True),
    Protocol("smtp", "SMTP", "it", "tcp", (25, 587), check.greeting(*_MAIL, says=(b"EHLO", b"HELO", b"QUIT"))),
    Protocol("pop3", "POP3", "it", "tcp", (110,), check.greeting(b"+OK", b"-ERR", says=(b"USER", b"CAPA", b"AUTH",
             b"APOP", b"STLS", b"QUIT"))),
    Protocol("imap", "IMAP", "it", "tcp", (143,), check.greeting(b"* OK", b"* BYE", b"* PREAUTH", b"* CAPABILITY",
             says=(b"A", b"1", b"0"))),
    Protocol("sip", "SIP", "it", "udp", (5060,), check.sip, is_found_anywhere=True),
    Protocol("sip", "SIP over TCP", "it", "tcp", (5060,), check.sip, is_found_anywhere=True),
    Protocol("syslog", "Syslog", "it", "udp", (514,), check.syslog, is_one_way=True),
    Protocol("stun", "STUN", "it", "udp", (3478, 5349), check.stun, is_found_anywhere=True),
    Protocol("quic", "QUIC", "it", "udp", (443,), check.quic, is_found_anywhere=True),
    Protocol("dtls", "DTLS", "it", "udp", (443, 5684), check.dtls, is_found_anywhere=True),
    Protocol("radius", "RADIUS", "it", "udp", (1812, 1813, 1645, 1646), check.radius),
    Protocol("tds", "Microsoft SQL Server", "it", "tcp", (1433,), check.tds),
    Protocol("postgresql", "PostgreSQL", "it", "tcp", (5432,), check.postgresql),
    Protocol("mysql", "MySQL", "it", "tcp", (3306,), check.mysql),
    Protocol("ike", "IKE", "it", "udp", (500, 4500), check.ike),
    Protocol("slp", "Service Location Protocol", "it", "udp", (427,), check.slp),
    Protocol("socks", "SOCKS", "it", "tcp", (1080,), check.socks),
    Protocol("bittorrent", "BitTorrent", "it", "tcp", (6881,), check.bittorrent, is_found_anywhere=True),
    Protocol("dds", "DDS (RTPS)", "ot", "udp", (7400, 7401, 7410, 7411), check.rtps, is_one_way=True,
             is_found_anywhere=True),
    Protocol("tuya", "Tuya", "iot", "tcp", (6668,), check.tuya, is_found_anywhere=True),
    Protocol("tuya", "Tuya over UDP", "iot", "udp", (6666, 6667), check.tuya, is_one_way=True),
    Protocol("ws_discovery", "WS-Discovery", "iot", "udp", (3702,), identified.ws_discovery, ws_discovery.WsDiscovery,
             is_one_way=True),
    Protocol("kasa", "TP-Link smart home", "iot", "tcp", (9999,), check.kasa_tcp, kasa.Kasa),
    Protocol("kasa", "TP-Link smart home over UDP", "iot", "udp", (9999,), check.kasa, kasa.Kasa),
    Protocol("stp", "Spanning Tree", "it", "ethernet", (0x14242,), is_one_way=True),
    Protocol("pvst", "Spanning Tree of each VLAN", "it", "ethernet", (0x010B,), is_one_way=True),
    Protocol("dtp", "Dynamic Trunking", "it", "ethernet", (0x2004,), is_one_way=True),
    Protocol("udld", "Unidirectional Link Detection", "it", "ethernet", (0x0111,), is_one_way=True),
    Protocol("loopback", "Ethernet loop test", "it", "ethernet", (0x9000,), is_one_way=True),
    Protocol("eapol", "802.1X", "it", "ethernet", (0x888E,), is_one_way=True),
    Protocol("igmp", "IGMP", "it", "ip", (2,), is_one_way=True),
    Protocol("eigrp", "EIGRP", "it", "ip", (88,), is_one_way=True),
    Protocol("ospf", "OSPF", "it", "ip", (89,), is_one_way=True),
    Protocol("vrrp", "VRRP", "it", "ip", (112,), is_one_way=True),
    Protocol("esp", "IPsec ESP", "it", "ip", (50,), is_one_way=True),
)  # fmt: skip
