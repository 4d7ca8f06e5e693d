"""The protocols of information technology: they tell who a device is, and how it is attacked."""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect import (
    cdp,
    coap,
    dhcp,
    dhcp6,
    dns,
    ftp,
    http,
    icmp,
    identified,
    lldp,
    mdns,
    mqtt,
    ntp,
    rdp,
    smb,
    snmp,
    ssdp,
    ssh,
    telnet,
    tftp,
    tls,
    vnc,
)
from vedette.sensor.dissect.interface import Protocol
from vedette.sensor.dissect.wording import logged_as

IT_PROTOCOLS: Final[tuple[Protocol, ...]] = (
    Protocol("dns", "DNS", "it", "udp", (53,), dns.check, dns.Dns, zeek=logged_as("dns")),
    Protocol("dns", "DNS", "it", "tcp", (53,), dns.check_tcp, dns.Dns, zeek=logged_as("dns")),
    Protocol("mdns", "Multicast DNS", "it", "udp", (5353,), mdns.check, mdns.Mdns, is_one_way=True),
    Protocol("llmnr", "LLMNR", "it", "udp", (5355,), dns.check, dns.Llmnr, is_one_way=True, zeek=logged_as("dns")),
    Protocol("dhcp", "DHCP", "it", "udp", (67,), dhcp.check, dhcp.Dhcp, is_one_way=True, zeek=logged_as("dhcp")),
    Protocol("dhcpv6", "DHCPv6", "it", "udp", (547,), dhcp6.check, dhcp6.Dhcp6, is_one_way=True),
    Protocol(
        "tls", "TLS", "it", "tcp", (443, 8883, 636, 993, 995, 465, 853, 5671, 8443), tls.check, tls.Tls,
        is_found_anywhere=True, zeek=logged_as("ssl"),
    ),
    Protocol(
        "http", "HTTP", "it", "tcp", (80, 8080, 8000, 8008, 3128, 8888), http.check, http.Http,
        is_found_anywhere=True, zeek=http.zeek,
    ),
    Protocol("ssdp", "SSDP", "it", "udp", (1900,), ssdp.check, ssdp.Ssdp, is_one_way=True, is_found_anywhere=True),
    Protocol("lldp", "LLDP", "it", "ethernet", (0x88CC,), lldp.check, lldp.Lldp, is_one_way=True),
    Protocol("cdp", "CDP", "it", "ethernet", (0x2000,), cdp.check, cdp.Cdp, is_one_way=True),
    Protocol("snmp", "SNMP", "it", "udp", (161,), snmp.check, snmp.Snmp, zeek=logged_as("snmp")),
    Protocol("snmp", "SNMP traps", "it", "udp", (162,), snmp.check, snmp.Snmp, is_one_way=True, zeek=logged_as("snmp")),
    Protocol("ssh", "SSH", "it", "tcp", (22,), ssh.check, ssh.Ssh, is_found_anywhere=True, zeek=logged_as("ssh")),
    Protocol("ftp", "FTP", "it", "tcp", (21,), ftp.check, ftp.Ftp, zeek=logged_as("ftp")),
    Protocol("tftp", "TFTP", "it", "udp", (69,), tftp.check, tftp.Tftp, is_one_way=True),
    Protocol("telnet", "Telnet", "it", "tcp", (23, 2323), telnet.check, telnet.Telnet),
    Protocol("smb", "SMB", "it", "tcp", (445, 139), smb.check, smb.Smb, is_found_anywhere=True),
    Protocol("rdp", "RDP", "it", "tcp", (3389,), rdp.check, rdp.Rdp, zeek=logged_as("rdp")),
    Protocol("vnc", "VNC", "it", "tcp", (5900, 5901, 5902), identified.vnc, vnc.Vnc, is_found_anywhere=True),
    Protocol("ntp", "NTP", "it", "udp", (123,), ntp.check, ntp.Ntp, zeek=logged_as("ntp")),
    Protocol("icmp", "ICMP", "it", "ip", (1,), dissector=icmp.Icmp),
    Protocol("icmpv6", "ICMPv6", "it", "ip", (58,), dissector=icmp.Icmp6),
    Protocol(
        "mqtt", "MQTT", "iot", "tcp", (1883,), mqtt.check, mqtt.Mqtt, is_found_anywhere=True
    ),
    Protocol("coap", "CoAP", "iot", "udp", (5683,), coap.check, coap.Coap),
)  # fmt: skip
