"""Windows computers and their domains: each rule is raised by what it is about, at once, and not by what is like it."""

from __future__ import annotations

import struct

import pytest
from alert_cases import Case, alerts_of, rules_of
from industrial import ENGINEER, Frames, dns, http, joined, modbus, polls, smb_2_create, tcp, udp
from packets import START_NS
from windows_talk import (
    bind,
    calls,
    created_to_write,
    kerberos_ask,
    kerberos_no,
    kerberos_tell,
    ldap_bind,
    ldap_bound,
    ldap_search,
    netbios,
    opened,
    request,
    text,
    transceive,
    tree,
)

ATTACKER, DOMAIN, VICTIM = "10.0.0.66", "10.0.0.5", "10.0.0.7"


def rpc(interface: str, *numbers: int, stub: bytes = b"", client: str = ATTACKER) -> Frames:
    """Ask an interface for operations."""
    asked = [request(number, stub, call=turn + 2) for turn, number in enumerate(numbers)]
    return tcp(49_700, *calls(interface, *asked), client=client, server=DOMAIN)


def piped(interface: str, number: int, stub: bytes = b"") -> Frames:
    """Ask the same through a pipe of SMB."""
    return tcp(445, *opened(interface), transceive(bind(interface)), transceive(request(number, stub)), server=DOMAIN)


def sign_in(*names: str, code: int = 0, proof: int | None = 18, cipher: int = 18, client: str = ATTACKER) -> Frames:
    frames: Frames = []
    for turn, name in enumerate(names):
        told = kerberos_no(code) if code else kerberos_tell(name, cipher=cipher)
        asked = kerberos_ask(name, proof=proof)
        frames += udp(88, asked, told, at=turn * 1.0, client=client, server=DOMAIN, client_port=50_000 + turn)
    return frames


def tickets(*names: str, cipher: int = 23) -> Frames:
    frames: Frames = []
    for turn, name in enumerate(names):
        asked, told = kerberos_ask(name, is_ticket=True), kerberos_tell(name, is_ticket=True, cipher=cipher)
        frames += udp(88, asked, told, at=turn * 1.0, client=ATTACKER, server=DOMAIN, client_port=50_000 + turn)
    return frames


def searched(*present: str) -> Frames:
    return tcp(389, ldap_bind("cn=a"), ldap_bound(0), ldap_search("dc=plant", *present), server=DOMAIN)


def named(*names: str) -> Frames:
    """Answer to names that were asked of everybody; each answer is a conversation of its own."""
    frames: Frames = []
    for turn, name in enumerate(names):
        frames += udp(137, netbios(name), at=turn * 1.0, client=VICTIM, server="10.0.0.255", client_port=137)
        answer = netbios(name, is_answer=True)
        frames += udp(137, answer, at=turn + 0.1, client=ATTACKER, server=VICTIM, client_port=137)
    return frames


def served(*names: str) -> Frames:
    """Let a server of names answer who asks it."""
    frames: Frames = []
    for turn, name in enumerate(names):
        said = (netbios(name), (netbios(name, is_answer=True),))
        frames += udp(137, *said, at=turn * 1.0, client=VICTIM, server=DOMAIN, client_port=40_000 + turn)
    return frames


def texts(size: int, *, count: int = 8) -> Frames:
    frames: Frames = []
    for turn in range(count):
        question = dns(f"l.{turn}.ns.bad.example", number=turn)[:-4] + b"\0\x10\0\1"
        head = bytearray(question)
        head[2:4], head[6:8] = b"\x81\x80", b"\0\1"
        record = b"\xc0\x0c\0\x10\0\1\0\0\0\x05" + struct.pack(">HB", size + 1, size) + b"A" * size
        frames += udp(53, question, (bytes(head) + record,), at=turn * 1.0, client_port=42_000 + turn)
    return frames


def sig(kind: int) -> Frames:
    question = dns("a.example")[:-4] + struct.pack(">HH", kind, 1)
    return tcp(53, struct.pack(">H", len(question)) + question)


def compressed(size: int) -> Frames:
    body = b"\xfcSMB" + struct.pack("<IHHI", size, 1, 0, 0x10) + bytes(40)
    return tcp(445, tree("\\\\10.0.0.7\\IPC$"), struct.pack(">I", len(body)) + body, server=VICTIM)


def posted(path: str) -> Frames:
    raw = b"POST " + path.encode() + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
    return tcp(5985, raw, server=VICTIM)


def smb(*said: bytes) -> Frames:
    return tcp(445, *said, server=VICTIM)


CASES: dict[str, Case] = {
    "a service is made, and looked at": Case(
        "windows.service_created", lambda: rpc("svcctl", 15, 12), lambda: rpc("svcctl", 15, 16)
    ),
    "a service is made through a pipe, and listed": Case(
        "windows.service_created", lambda: piped("svcctl", 12, text("evil")), lambda: piped("svcctl", 14)
    ),
    "a service's program is changed, and asked for": Case(
        "windows.service_created", lambda: rpc("svcctl", 11), lambda: rpc("svcctl", 17)
    ),
    "a task is registered, and read": Case(
        "windows.task_scheduled", lambda: rpc("task_scheduler", 1), lambda: rpc("task_scheduler", 2)
    ),
    "a job is added, and listed": Case("windows.task_scheduled", lambda: piped("atsvc", 0), lambda: piped("atsvc", 2)),
    "a value is set in the registry, and read": Case(
        "windows.registry_changed", lambda: piped("winreg", 22), lambda: piped("winreg", 17)
    ),
    "keys of the registry are listed, and only one opened": Case(
        "windows.registry_read", lambda: piped("winreg", 9), lambda: piped("winreg", 15)
    ),
    "a branch of the registry is saved, and secrets are asked for": Case(
        "windows.secrets_read", lambda: joined(piped("winreg", 31)), lambda: piped("winreg", 17)
    ),
    "private data is retrieved, and a policy opened": Case(
        "windows.secrets_read", lambda: piped("lsarpc", 43), lambda: piped("lsarpc", 44)
    ),
    "a method of WMI is run, and something is asked": Case(
        "windows.wmi_method", lambda: rpc("wmi", 24), lambda: rpc("wmi", 20)
    ),
    "somebody signs in to WMI, and asks for a version": Case(
        "windows.wmi_login", lambda: rpc("wmi_login", 6), lambda: rpc("wmi_login", 3)
    ),
    "an application is worked, and its names are asked for": Case(
        "windows.dcom_called", lambda: rpc("dcom_dispatch", 6), lambda: rpc("dcom_dispatch", 5)
    ),
    "a directory is copied, and names in it looked up": Case(
        "windows.directory_copied", lambda: rpc("drsuapi", 0, 3), lambda: rpc("drsuapi", 0, 12)
    ),
    "a directory is copied by an attacker, and by a domain controller": Case(
        "windows.directory_copied", lambda: rpc("drsuapi", 3),
        lambda: joined(sign_in("plc"), rpc("drsuapi", 3, client=DOMAIN)),
    ),
    "somebody becomes a domain controller, and lists them": Case(
        "windows.directory_forged", lambda: rpc("drsuapi", 5), lambda: rpc("drsuapi", 16)
    ),
    "a computer is made to watch a printer elsewhere, and a printer is opened": Case(
        "windows.coerced", lambda: piped("spoolss", 65), lambda: piped("spoolss", 1)
    ),
    "a computer is made to open an encrypted file elsewhere": Case(
        "windows.coerced", lambda: piped("efsrpc", 0), lambda: piped("efsrpc", 2)
    ),
    "a printer driver is added, and a printer opened": Case(
        "windows.driver_added", lambda: piped("spoolss", 89), lambda: piped("spoolss", 1)
    ),
    "an account is made, and one changes its own password": Case(
        "windows.account_changed", lambda: rpc("samr", 50), lambda: rpc("samr", 55)
    ),
    "users are listed, and one name looked up": Case(
        "windows.accounts_listed", lambda: piped("samr", 13), lambda: piped("samr", 17)
    ),
    "shares are listed, and the server's own name asked for": Case(
        "windows.shares_listed", lambda: piped("srvsvc", 15), lambda: piped("srvsvc", 21)
    ),
    "endpoints are listed, and one looked for": Case(
        "windows.endpoints_listed", lambda: rpc("epmapper", 2), lambda: rpc("epmapper", 3)
    ),
    "a log is cleared, and read": Case("windows.log_cleared", lambda: rpc("eventlog", 0), lambda: rpc("eventlog", 10)),
    "a computer is shut down, and asked why": Case(
        "windows.shut_down", lambda: rpc("initshutdown", 0), lambda: rpc("initshutdown", 1)
    ),
    "WinRM is used, and a web page": Case(
        "windows.remote_shell", lambda: posted("/wsman"), lambda: posted("/wiki")
    ),
    "a hidden share is opened, and a public one": Case(
        "windows.admin_share", lambda: smb(tree("\\\\10.0.0.7\\ADMIN$")), lambda: smb(tree("\\\\10.0.0.7\\public"))
    ),
    "a program is written, and read": Case(
        "windows.program_written", lambda: smb(created_to_write("tools\\evil.exe")),
        lambda: smb(smb_2_create("tools\\evil.exe")),
    ),
    "a program is written, and a document": Case(
        "windows.program_written", lambda: smb(created_to_write("evil.dll")),
        lambda: smb(created_to_write("plan.docx")),
    ),
    "an empty challenge, and a random one": Case(
        "windows.zerologon", lambda: rpc("netlogon", 4, stub=text("PLC") + bytes(8)),
        lambda: rpc("netlogon", 4, stub=text("PLC") + b"\3" * 8),
    ),
    "twenty attempts to authenticate, and nineteen": Case(
        "windows.zerologon", lambda: rpc("netlogon", *[15] * 20, stub=b"\3" * 40),
        lambda: rpc("netlogon", *[15] * 19, stub=b"\3" * 40),
    ),
    "a path climbs, and one does not": Case(
        "windows.exploit", lambda: piped("srvsvc", 31, text("\\A\\..\\..\\B")),
        lambda: piped("srvsvc", 31, text("\\A\\..\\B")),
    ),
    "sizes of a compressed message overflow, and fit": Case(
        "windows.exploit", lambda: compressed(0xFFFF_FFFF), lambda: compressed(0x1000)
    ),
    "a signature of old is asked for over TCP, and an address": Case(
        "windows.exploit", lambda: sig(24), lambda: sig(1)
    ),
    "the calls of Mimikatz, and others": Case("windows.exploit", lambda: rpc("mimikatz", 2), lambda: rpc("winreg", 2)),
    "tickets of three services in RC4, and in AES": Case(
        "kerberos.roasting", lambda: tickets("sql/a", "http/b", "ftp/c"),
        lambda: tickets("sql/a", "http/b", "ftp/c", cipher=18),
    ),
    "tickets of three services in RC4, and of one": Case(
        "kerberos.roasting", lambda: tickets("sql/a", "http/b", "ftp/c"), lambda: tickets("sql/a", "sql/a", "sql/a")
    ),
    "a ticket without proof, and with it": Case(
        "kerberos.unproved", lambda: sign_in("svc", proof=None), lambda: sign_in("svc")
    ),
    "a proof in RC4 where AES is known, and where it is not": Case(
        "kerberos.weak_proof", lambda: sign_in("svc", proof=23), lambda: sign_in("svc", proof=23, cipher=23)
    ),
    "five accounts fail, and four": Case(
        "login.spray", lambda: sign_in("a", "b", "c", "d", "e", code=24),
        lambda: sign_in("a", "b", "c", "d", "a", code=24),
    ),
    "five accounts fail, and five ask for their proof": Case(
        "login.spray", lambda: sign_in("a", "b", "c", "d", "e", code=6),
        lambda: sign_in("a", "b", "c", "d", "e", code=25),
    ),
    "a search for service accounts, and for people": Case(
        "ldap.services_listed", lambda: searched("servicePrincipalName"), lambda: searched("objectClass")
    ),
    "commands come by DNS, and short texts": Case("dns.texts", lambda: texts(120), lambda: texts(40)),
    "commands come by DNS, and a few keys": Case("dns.texts", lambda: texts(120), lambda: texts(120, count=7)),
    "somebody answers to three names, and to two": Case(
        "names.poisoned", lambda: named("files", "print", "mail"), lambda: named("files", "print")
    ),
    "somebody answers to three names, and a server of names to five": Case(
        "names.poisoned", lambda: named("files", "print", "mail"), lambda: served("a", "b", "c", "d", "e")
    ),
    "somebody answers to the name of the proxy, and to its own": Case(
        "names.poisoned", lambda: named("wpad"), lambda: named("files")
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_windows_rule_is_raised_by_what_it_is_about_and_not_by_what_is_like_it(name: str) -> None:
    case = CASES[name]
    assert case.rule in rules_of(case.does(), case.changes)
    assert case.rule not in rules_of(case.does_not(), case.changes)


def test_an_alert_names_the_service_and_comes_with_the_call() -> None:
    frames = piped("svcctl", 12, text("evil") + text("C:\\evil.exe"))
    (alert,) = [each for each in alerts_of(frames) if each.rule == "windows.service_created"]
    assert alert.title.endswith(": evil")
    assert (alert.technique, alert.detail["service"]) == ("T0886", "create_service")
    assert alert.at_ns == START_NS + int(frames[-1][0] * 1e9)


def test_making_and_deleting_a_service_is_one_episode() -> None:
    alerts = [each for each in alerts_of(rpc("svcctl", 12, 19, 2)) if each.rule == "windows.service_created"]
    assert [each.times for each in alerts] == [2]


def test_failed_logins_of_a_directory_count_by_account() -> None:
    said = [each for name in "abcde" for each in (ldap_bind(f"cn={name}", b"x"), ldap_bound(49))]
    assert "login.spray" in rules_of(tcp(389, *said, server=DOMAIN))


def writes_after(seconds: float, *, client: str) -> Frames:
    """Let a master poll for minutes, with a connection for each question, and somebody write at the end."""
    frames: Frames = []
    for turn in range(int(seconds / 20)):
        frames += polls(at=turn * 20.0, times=1, client_port=41_000 + turn)
    return joined(frames, tcp(502, modbus("06 0001 0002"), at=seconds, client=client, client_port=60_000))


def test_who_never_talked_with_a_device_writes_to_it_after_minutes() -> None:
    assert "ot.new_writer" in rules_of(writes_after(200.0, client=ATTACKER))
    assert "ot.new_writer" not in rules_of(writes_after(200.0, client=ENGINEER))
    assert "ot.new_writer" not in rules_of(writes_after(100.0, client=ATTACKER))


def test_harmless_talk_of_an_office_raises_nothing_here() -> None:
    frames = joined(
        tcp(445, tree("\\\\files\\public"), smb_2_create("report.docx"), server=VICTIM),
        sign_in("operator"), tickets("cifs/files", cipher=18), tcp(80, http(), server=VICTIM, at=5.0),
    )  # fmt: skip
    assert not rules_of(frames)
