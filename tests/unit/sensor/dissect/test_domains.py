"""Kerberos, LDAP and NetBIOS names: who signs in, with what, and who answers for whom."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from windows_talk import (
    ber,
    kerberos_ask,
    kerberos_no,
    kerberos_tell,
    ldap_bind,
    ldap_bound,
    ldap_search,
    netbios,
    number,
)

from vedette.sensor import AnomalyKind, Direction
from vedette.sensor.dissect import SURE, Trial, it_identified, torture
from vedette.sensor.dissect.kerberos import Kerberos
from vedette.sensor.dissect.ldap import Ldap
from vedette.sensor.dissect.netbios_names import NetbiosNames


def framed(message: bytes) -> bytes:
    return struct.pack(">I", len(message)) + message


def test_a_sign_in_tells_its_name_ciphers_and_proof() -> None:
    trial = Trial(Kerberos, port=88)
    trial.say(framed(kerberos_ask("operator")))
    trial.answer(framed(kerberos_no(25)[0]))
    trial.say(framed(kerberos_ask("operator", proof=23)))
    trial.answer(framed(kerberos_tell("operator")[0]))
    found = [(op.direction, op.area, op.name, op.first, op.value, op.result) for op in trial.sink.operations]
    assert found == [
        (Direction.REQUEST, "unproved", "operator", None, (18, 17, 23), ""),
        (Direction.RESPONSE, "unproved", "operator", None, None, "proof_required"),
        (Direction.REQUEST, "proved", "operator", 23, (18, 17, 23), ""),
        (Direction.RESPONSE, "proved", "operator", 18, 23, "ok"),
    ]
    assert not trial.sink.anomalies


def test_a_ticket_for_a_service_tells_its_cipher() -> None:
    trial = Trial(Kerberos, as_datagrams=True)
    trial.say(kerberos_ask("MSSQLSvc/db.plant", is_ticket=True, ciphers=(23, -135)))
    trial.answer(kerberos_tell("MSSQLSvc/db.plant", is_ticket=True, cipher=23)[0])
    asked, told = trial.sink.operations
    assert (asked.service, asked.name, asked.value) == ("ticket", "MSSQLSvc/db.plant", (23, -135))
    assert (told.name, told.first, told.result) == ("MSSQLSvc/db.plant", 23, "ok")


@pytest.mark.parametrize(("code", "result"), [(6, "unknown_user"), (24, "wrong_password"), (18, "revoked")])
def test_a_failed_sign_in_is_noted(code: int, result: str) -> None:
    trial = Trial(Kerberos)
    trial.say(framed(kerberos_ask("operator", proof=18)))
    trial.answer(framed(kerberos_no(code)[0]))
    assert trial.sink.operations[1].result == result
    assert [each.kind for each in trial.sink.anomalies] == [AnomalyKind.LOGIN_FAILED]


def test_a_sign_in_at_a_directory_tells_who_and_whether_it_failed() -> None:
    trial = Trial(Ldap, port=389)
    trial.say(ldap_bind("cn=admin", b"secret"))
    trial.answer(ldap_bound(49)[0])
    asked, told = trial.sink.operations
    assert (asked.service, asked.area, asked.name) == ("bind", "simple", "cn=admin")
    assert (told.name, told.result) == ("cn=admin", "invalid_credentials")
    assert [each.kind for each in trial.sink.anomalies] == [
        AnomalyKind.CLEAR_TEXT_CREDENTIAL, AnomalyKind.LOGIN_FAILED,
    ]  # fmt: skip
    assert not any("secret" in str(each) for each in (*trial.sink.operations, *trial.sink.anomalies))


def test_a_search_tells_what_must_be_there() -> None:
    trial = Trial(Ldap)
    trial.say(ldap_search("dc=plant", "objectClass", "servicePrincipalName"))
    (asked,) = trial.sink.operations
    assert (asked.name, asked.area) == ("dc=plant", "objectclass serviceprincipalname")


def test_wrapped_messages_and_long_ones_are_passed_over() -> None:
    trial = Trial(Ldap)
    trial.say(struct.pack(">I", 60_000) + bytes(60_000) + ldap_bind("cn=a"))
    entry = ber(0x30, number(4), ber(0x64, ber(4, b"x" * 50_000)))
    trial.answer(entry + ldap_bound(0)[0])
    assert [op.service for op in trial.sink.operations] == ["bind", "bind"]
    assert not trial.unparsed.lost_place


def test_a_netbios_name_tells_who_answers_to_it() -> None:
    trial = Trial(NetbiosNames, port=137)
    trial.say(netbios("fileserver"))
    trial.answer(netbios("fileserver", is_answer=True))
    asked, told = trial.sink.operations
    assert (asked.service, asked.name, asked.direction) == ("query", "FILESERVER", Direction.REQUEST)
    assert (told.name, told.value, told.result, told.first) == ("FILESERVER", "10.0.0.66", "ok", 0)


def test_checks_know_what_the_builders_write() -> None:
    assert it_identified.kerberos(kerberos_ask("a"), True) == SURE
    assert it_identified.kerberos_tcp(framed(kerberos_tell("a")[0]), False) == SURE
    assert it_identified.ldap(ldap_search("dc=a"), True) == SURE
    assert it_identified.netbios_names(netbios("a"), True) == SURE


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything(data: bytes) -> None:
    torture(Kerberos, data)
    torture(Kerberos, data, as_datagrams=True)
    torture(Ldap, data)
    torture(Ldap, data, as_datagrams=True)
    torture(NetbiosNames, data)


@given(st.integers(0, 200), st.integers(0, 255))
def test_a_damaged_message_raises_nothing(place: int, byte: int) -> None:
    for message in (kerberos_ask("operator", proof=23), kerberos_tell("a")[0], ldap_search("dc=a", "b")):
        raw = bytearray(message)
        raw[place % len(raw)] = byte
        torture(Kerberos, bytes(raw), as_datagrams=True)
        torture(Ldap, bytes(raw))
