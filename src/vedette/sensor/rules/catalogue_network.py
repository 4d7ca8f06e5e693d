"""Rules about networks, logins, remote access and known-bad things."""

from __future__ import annotations

from typing import Final

from vedette.sensor.alerts import Engine, Severity
from vedette.sensor.rules.model import RuleSpec

_POLICY: Final = Engine.POLICY
_ANOMALY: Final = Engine.ANOMALY
_PROTOCOL: Final = Engine.PROTOCOL
_WORKS: Final = Engine.OPERATIONAL
_MALWARE: Final = Engine.MALWARE
_INFO: Final = Severity.INFORMATIONAL
_LOW: Final = Severity.LOW
_MEDIUM: Final = Severity.MEDIUM
_HIGH: Final = Severity.HIGH
_CRITICAL: Final = Severity.CRITICAL
_DAY: Final = 86_400

SCANS: Final = (
    RuleSpec("scan.address", "One source tries many addresses", "{source} tries many addresses: {what}", _ANOMALY,
             _HIGH, "T0846", thresholds={"targets": 50, "window_s": 120}),
    RuleSpec("scan.address_slow", "One source tries many addresses, slowly",
             "{source} tries many addresses, slowly: {what}", _ANOMALY, _HIGH, "T0846",
             thresholds={"targets": 50, "window_s": 600}),
    RuleSpec("scan.port", "One source tries many ports", "{source} tries many ports of {target}: {what}", _ANOMALY,
             _HIGH, "T0846", thresholds={"ports": 25, "window_s": 120}),
    RuleSpec("scan.controllers", "One source tries many controllers", "{source} tries many controllers: {what}",
             _ANOMALY, _HIGH, "T0846", thresholds={"targets": 10, "window_s": 120, "wait_s": 10}),
    RuleSpec("scan.identity", "One source asks many devices what they are",
             "{source} asks many devices what they are: {what}", _ANOMALY, _HIGH, "T0888", is_learnable=True,
             thresholds={"targets": 10, "window_s": 120}),
    RuleSpec("scan.arp", "One source asks for many addresses with ARP",
             "{source} asks for many addresses that nobody has: {what}", _ANOMALY, _MEDIUM, "T0840",
             thresholds={"targets": 40, "window_s": 360}),
    RuleSpec("arp.spoofing", "An address is claimed by another MAC address",
             "{source} claims an address of another: {what}", _ANOMALY, _CRITICAL, "T0830",
             thresholds={"changes": 2, "window_s": 300}),
    RuleSpec("flood.icmp", "Too many ICMP messages", "{source} floods {target} with ICMP", _ANOMALY, _MEDIUM, "T0814",
             thresholds={"messages": 60, "window_s": 20}),
    RuleSpec("flood.sessions", "Many sessions in a minute", "{source} opens many sessions to {target}: {what}",
             _ANOMALY, _HIGH, "T0814", thresholds={"sessions": 50, "window_s": 60}),
    RuleSpec("flood.connections", "Thousands of new connections", "{target} is flooded with connections, by {source}",
             _MALWARE, _CRITICAL, "T0814", thresholds={"connections": 3_000, "window_s": 60}),
)  # fmt: skip

LOGINS: Final = (
    RuleSpec("login.attempts", "Many logins in a minute", "{source} tries many logins to {target} ({what})", _ANOMALY,
             _HIGH, "T0859", thresholds={"attempts": 20, "window_s": 60}),
    RuleSpec("login.guessing", "Logins at the speed of a program", "{source} guesses passwords of {target} ({what})",
             _ANOMALY, _CRITICAL, "T0859", thresholds={"attempts": 100, "window_s": 60}),
    RuleSpec("login.smb", "Many SMB logins", "{source} tries many SMB logins to {target}", _ANOMALY, _HIGH, "T0859",
             thresholds={"attempts": 10, "window_s": 600}),
    RuleSpec("login.failed", "Several logins fail", "Logins of {source} to {target} fail ({what})", _POLICY, _MEDIUM,
             "T0859", thresholds={"failures": 3, "window_s": 300}),
    RuleSpec("login.ftp_failed", "An FTP login fails", "An FTP login of {source} to {target} failed", _POLICY, _LOW,
             "T0859"),
    RuleSpec("credential.default", "A maker's usual password", "{source} signs in to {target} with {what}", _POLICY,
             _MEDIUM, "T0812", is_learnable=True, cool_down_s=_DAY),
    RuleSpec("credential.clear_text", "A password in clear text", "{source} sends {target} {what} in clear text",
             _POLICY, _INFO, "T0842", is_learnable=True, cool_down_s=_DAY),
    RuleSpec("weak.protocol", "A retired or weak protocol", "{target} and {source} use {what}", _POLICY, _INFO, "",
             is_learnable=True, cool_down_s=_DAY, is_on=False),
)  # fmt: skip

TALK: Final = (
    RuleSpec("internet.industrial", "An industrial device talks with the Internet",
             "{source} talks with the Internet: {target} ({what})", _POLICY, _CRITICAL, "T0883", is_learnable=True,
             cool_down_s=_DAY),
    RuleSpec("internet.access", "A device beside industrial ones talks with the Internet",
             "{source} talks with the Internet: {target} ({what})", _POLICY, _MEDIUM, "T0883", is_learnable=True,
             cool_down_s=_DAY),
    RuleSpec("internet.public_inside", "A public address in use here talks outside",
             "{source} has a public address and talks with {target} ({what})", _POLICY, _HIGH, "T0883",
             is_learnable=True, cool_down_s=_DAY),
    RuleSpec("remote.ssh", "SSH to an industrial device", "{source} reaches {target} by SSH", _POLICY, _MEDIUM, "T0886",
             is_learnable=True, cool_down_s=_DAY),
    RuleSpec("remote.rdp", "RDP to an industrial device", "{source} reaches {target} by RDP", _POLICY, _MEDIUM, "T0886",
             is_learnable=True, cool_down_s=_DAY),
    RuleSpec("remote.vnc", "VNC to an industrial device", "{source} reaches {target} by VNC", _POLICY, _MEDIUM, "T0886",
             is_learnable=True, cool_down_s=_DAY),
    RuleSpec("remote.telnet", "Telnet to an industrial device", "{source} reaches {target} by Telnet", _POLICY, _MEDIUM,
             "T0886", is_learnable=True, cool_down_s=_DAY),
    RuleSpec("remote.smb", "SMB to an industrial device", "{source} reaches {target} by SMB", _POLICY, _MEDIUM,
             "T0886", is_learnable=True, cool_down_s=_DAY),
    RuleSpec("file.transfer", "A file transfer with an industrial device",
             "{source} moves files with {target}: {what}", _POLICY, _HIGH, "T0867", is_learnable=True,
             cool_down_s=_DAY),
    RuleSpec("port.zero", "A connection to port 0", "{source} talks with {target} over port 0", _PROTOCOL, _LOW,
             "T0885"),
    RuleSpec("port.other_protocol", "Another protocol than the port's own",
             "{source} and {target} speak {what}", _ANOMALY, _MEDIUM, "T0885", is_learnable=True, cool_down_s=_DAY),
    RuleSpec("address.illegal", "An address that nobody may have", "{source} talks with {target}: {what}", _WORKS,
             _LOW, ""),
    RuleSpec("lldp.configuration", "A device tells another configuration by LLDP",
             "{source} tells another {what} by LLDP", _POLICY, _MEDIUM, "", is_learnable=True),
    RuleSpec("dhcp.failed", "DHCP gives a device no address", "{source} gets no address: {what}", _WORKS, _MEDIUM,
             "T0814", thresholds={"attempts": 4, "window_s": 300}),
    RuleSpec("sensor.silent", "The sensor hears nothing", "No traffic on the interface for {what} s", _WORKS, _CRITICAL,
             "", thresholds={"silence_s": 60}),
    RuleSpec("sensor.heard_again", "The sensor hears something again", "Traffic on the interface again after {what} s",
             _WORKS, _LOW, ""),
    RuleSpec("own.rule", "The operator's own rule", "{what}: {source} and {target}", _POLICY, _HIGH, ""),
)  # fmt: skip

WEB: Final = (
    RuleSpec("http.header_length", "An HTTP header that is far too long",
             "{source} sent {target} an HTTP header of {what} bytes", _ANOMALY, _HIGH, "T0866",
             thresholds={"length_bytes": 8_192}),
    RuleSpec("http.header_count", "Far too many HTTP headers", "{source} sent {target} {what} HTTP headers", _ANOMALY,
             _HIGH, "T0866", thresholds={"headers": 100}),
    RuleSpec("http.header_content", "An HTTP header that holds what it must not",
             "{source} sent {target} {what}", _ANOMALY, _HIGH, "T0866"),
    RuleSpec("http.client_error", "Many wrong HTTP requests", "{source} sends {target} many wrong HTTP requests",
             _WORKS, _LOW, "T0866", thresholds={"requests": 10, "window_s": 60}),
    RuleSpec("dns.name_queries", "Many names asked for that do not exist",
             "{source} asks for many names that do not exist: {what}", _MALWARE, _MEDIUM, "T0869",
             thresholds={"names": 25, "window_s": 60}),
)  # fmt: skip

MALWARE: Final = (
    RuleSpec("indicator.address", "Talk with an address on a list", "{source} and {target} talk; {what}", _MALWARE,
             _HIGH, "T0884"),
    RuleSpec("indicator.name", "A question for a name on a list", "{source} asks for {what}", _MALWARE, _HIGH, "T0869"),
    RuleSpec("indicator.url", "A URL on a list", "{source} asks {target} for {what}", _MALWARE, _HIGH, "T0869"),
    *(
        RuleSpec(name, title, "{source} and {target}: " + says, _MALWARE, severity, technique)
        for name, title, says, severity, technique in (
            ("malware.eicar", "The EICAR test file", "the EICAR test file", _MEDIUM, "T0867"),
            ("malware.executable", "A program is sent to an industrial device", "a Windows program", _HIGH, "T0867"),
            ("malware.signature", "A known exploit or remote-control program", "{what}", _CRITICAL, "T0866"),
            ("malware.poison_ivy", "Traits of Poison Ivy", "the handshake of Poison Ivy", _CRITICAL, "T0869"),
            ("malware.dark_comet", "Traits of DarkComet", "the handshake of DarkComet", _CRITICAL, "T0869"),
            ("malware.conficker", "Traits of Conficker", "the code of Conficker", _CRITICAL, "T0866"),
            ("malware.doublepulsar", "The DoublePulsar implant", "the answer of DoublePulsar", _CRITICAL, "T0866"),
            ("malware.smb_transaction", "SMB transactions of EternalBlue",
             "a transaction that SMB does not have, as EternalBlue sends it", _CRITICAL, "T0866"),
            ("malware.smb_parameters", "SMB parameters of EternalBlue",
             "parameters of a transaction refused, as of EternalBlue", _CRITICAL, "T0866"),
            ("malware.wannacry", "Traits of WannaCry", "{what}", _CRITICAL, "T0866"),
            ("malware.stuxnet", "Traits of Stuxnet", "{what}", _CRITICAL, "T0843"),
            ("malware.havex", "Traits of Havex", "a search for the ports that Havex looks for", _CRITICAL, "T0846"),
            ("malware.black_energy", "Traits of BlackEnergy", "{what}", _CRITICAL, "T0869"),
            ("malware.duqu", "Traits of Duqu", "{what}", _CRITICAL, "T0869"),
            ("malware.flame", "Traits of Flame", "{what}", _CRITICAL, "T0869"),
            ("malware.regin", "Traits of Regin", "{what}", _CRITICAL, "T0869"),
            ("windows.psexec", "A service of PsExec", "a service of PsExec", _HIGH, "T0886"),
            ("windows.service_control", "Windows services managed from afar", "services are managed from afar",
             _MEDIUM, "T0886"),
            ("windows.service_made", "A program and a service are put on a Windows computer",
             "a program was written and services managed: {what}", _HIGH, "T0886"),
        )
    ),
)  # fmt: skip
