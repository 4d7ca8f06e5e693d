from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from vedette.sensor import AnomalyKind, Attribute, OpKind
from vedette.sensor.dissect import NO, SURE, Trial, opcua, opcua_log, torture
from vedette.sensor.dissect.opcua import OpcUa

NONE = b"http://opcfoundation.org/UA/SecurityPolicy#None"
SIGNED = b"http://opcfoundation.org/UA/SecurityPolicy#Basic256Sha256"
ABSENT = b"\xff\xff\xff\xff"
ASKED = b"\0\0" + bytes(16) + ABSENT + bytes(4) + b"\0\0\0"


def text(value: bytes) -> bytes:
    return struct.pack("<i", len(value)) + value


def chunk(kind: bytes, content: bytes, *, flag: bytes = b"F") -> bytes:
    return kind + flag + struct.pack("<I", len(content) + 8) + content


def hello(endpoint: bytes = b"opc.tcp://plc:4840") -> bytes:
    return chunk(b"HEL", struct.pack("<5I", 0, 65_536, 65_536, 0, 0) + text(endpoint))


def opened(policy: bytes = NONE, body: bytes = b"") -> bytes:
    return chunk(b"OPN", struct.pack("<I", 0) + text(policy) + ABSENT + ABSENT + struct.pack("<II", 1, 1) + body)


def said(number: int, body: bytes, *, request: int = 1, flag: bytes = b"F") -> bytes:
    head = struct.pack("<4I", 9, 1, request, request)
    return chunk(b"MSG", head + (b"\1\0" + struct.pack("<H", number) if number else b"") + body, flag=flag)


def answer(number: int, body: bytes = b"", *, status: int = 0, request: int = 1) -> bytes:
    return said(number, bytes(12) + struct.pack("<I", status) + b"\0" + bytes(4) + b"\0\0\0" + body, request=request)


def node(name: bytes) -> bytes:
    return b"\x03\x02\x00" + text(name)


def read_of(*names: bytes) -> bytes:
    items = b"".join(node(name) + struct.pack("<I", 13) + ABSENT + b"\0\0" + ABSENT for name in names)
    return ASKED + bytes(12) + struct.pack("<i", len(names)) + items


def test_reads_tell_nodes_and_values() -> None:
    trial = Trial(OpcUa, port=4_840)
    trial.say(hello())
    trial.say(said(631, read_of(b"Tank.Level", b"Tank.Name")))
    values = b"\x01\x0b" + struct.pack("<d", 2.5) + b"\x02" + struct.pack("<I", 0x80340000)
    trial.answer(answer(634, struct.pack("<i", 2) + values))
    greeted, first, second, level, unknown = trial.sink.operations
    assert greeted.detail == {"endpoint": "opc.tcp://plc:4840"}
    assert (first.service, first.kind, first.name, first.area) == ("read", OpKind.READ, "ns=2;s=Tank.Level", "value")
    assert second.name == "ns=2;s=Tank.Name"
    assert (level.value, level.result, level.latency_ns) == (2.5, "ok", 1_000_000)
    assert (unknown.value, unknown.result) == (None, "bad_node_id_unknown")


def test_writes_tell_values_and_outcome() -> None:
    trial = Trial(OpcUa)
    item = node(b"Valve") + struct.pack("<I", 13) + ABSENT + b"\x01\x06" + struct.pack("<i", -3)
    trial.say(said(673, ASKED + struct.pack("<i", 1) + item))
    trial.answer(answer(676, struct.pack("<iI", 1, 0x803B0000)))
    asked, refused = trial.sink.operations
    assert (asked.kind, asked.name, asked.value) == (OpKind.WRITE, "ns=2;s=Valve", -3)
    assert refused.result == "bad_not_writable"


def test_calls_name_object_and_method() -> None:
    trial = Trial(OpcUa)
    trial.say(said(712, ASKED + struct.pack("<i", 1) + node(b"Pump") + node(b"Stop") + struct.pack("<i", 0)))
    (op,) = trial.sink.operations
    assert (op.service, op.kind, op.name) == ("call", OpKind.CONTROL, "ns=2;s=Pump ns=2;s=Stop")


def test_browsing_names_the_node() -> None:
    trial = Trial(OpcUa)
    view = b"\0\0" + bytes(12) + bytes(4)
    trial.say(said(527, ASKED + view + struct.pack("<i", 1) + b"\0\x55" + bytes(4) + b"\0\x1f" + bytes(9)))
    (op,) = trial.sink.operations
    assert (op.service, op.kind, op.name) == ("browse", OpKind.DIAGNOSE, "i=85")


def test_sessions_tell_the_client_and_clear_passwords() -> None:
    trial = Trial(OpcUa)
    trial.say(said(461, ASKED + text(b"urn:me") + text(b"urn:product") + b"\x02" + text(b"UaExpert")))
    token = text(b"p") + text(b"root") + text(b"secret") + ABSENT
    body = ABSENT + ABSENT + struct.pack("<ii", 0, 0) + b"\1\0" + struct.pack("<H", 324) + b"\1" + text(token)
    trial.say(said(467, ASKED + body, request=2))
    trial.answer(answer(397, status=0x801F0000, request=2))
    told = {piece.attribute: piece.value for piece in trial.sink.evidence}
    assert (told[Attribute.SOFTWARE], told[Attribute.USER]) == ("UaExpert", "root")
    assert [each.kind for each in trial.sink.anomalies] == [
        AnomalyKind.CLEAR_TEXT_CREDENTIAL, AnomalyKind.LOGIN_FAILED,
    ]  # fmt: skip
    assert trial.sink.operations[-1].result == "bad_user_access_denied"
    assert trial.sink.operations[-1].service == "activate_session"


def test_encrypted_messages_are_told_as_such() -> None:
    trial = Trial(OpcUa)
    trial.say(opened(SIGNED))
    trial.say(said(0, b"\x9c\x01\x77" * 20))
    assert [op.service for op in trial.sink.operations] == ["open_secure_channel", "encrypted"]


def test_chunks_are_put_together() -> None:
    whole = read_of(b"A", b"B")
    trial = Trial(OpcUa)
    trial.say(said(631, whole[:40], flag=b"C") + said(0, whole[40:]))
    assert [op.name for op in trial.sink.operations] == ["ns=2;s=A", "ns=2;s=B"]


def subscribed(*items: tuple[int, bytes]) -> bytes:
    """A request to be told of values, each with the client's own number for it."""
    asked = b"".join(
        node(name) + struct.pack("<I", 13) + ABSENT + b"\0\0" + ABSENT + struct.pack("<IId", 2, handle, 250.0)
        + b"\0\0\0" + struct.pack("<IB", 1, 1)
        for handle, name in items
    )  # fmt: skip
    return ASKED + struct.pack("<IIi", 1, 2, len(items)) + asked


def published(*values: tuple[int, bytes]) -> bytes:
    inner = struct.pack("<i", len(values)) + b"".join(struct.pack("<I", handle) + value for handle, value in values)
    body = b"\1\0\x2b\3\1" + struct.pack("<i", len(inner) + 4) + inner + ABSENT
    return struct.pack("<Ii", 1, 0) + b"\0" + struct.pack("<Iq", 7, 0) + struct.pack("<i", 1) + body


def test_published_values_have_the_names_that_were_subscribed_to() -> None:
    trial = Trial(OpcUa, port=4_840)
    trial.say(said(751, subscribed((11, b"Tank.Level"), (12, b"Tank.Name"))))
    double, word = b"\1\x0b" + struct.pack("<d", 2.5), b"\1\x0c" + text(b"north")
    bad = b"\2" + struct.pack("<I", 0x80340000)
    trial.answer(answer(829, published((12, word), (11, double), (99, bad)), request=2))
    level, name, told_name, told_level, unknown = trial.sink.operations
    assert (level.service, level.name, level.area) == ("create_monitored_items", "ns=2;s=Tank.Level", "value")
    assert name.name == "ns=2;s=Tank.Name"
    assert (told_name.service, told_name.kind, told_name.name, told_name.value) == (
        "publish", OpKind.REPORT, "ns=2;s=Tank.Name", "north",
    )  # fmt: skip
    assert (told_level.name, told_level.value, told_level.result) == ("ns=2;s=Tank.Level", 2.5, "ok")
    assert (unknown.name, unknown.value, unknown.result) == ("", None, "bad_node_id_unknown")
    assert not trial.sink.anomalies


def test_node_ids_have_the_text_form_of_the_standard() -> None:
    guid = bytes.fromhex("757e08095e8e9b49954ff2a9603db28a")
    items = b"\4\1\0" + guid + struct.pack("<I", 13) + ABSENT + b"\0\0" + ABSENT
    items += b"\5\1\0" + text(b"\1\2\3") + struct.pack("<I", 13) + ABSENT + b"\0\0" + ABSENT
    trial = Trial(OpcUa)
    trial.say(said(631, ASKED + bytes(12) + struct.pack("<i", 2) + items))
    assert [op.name for op in trial.sink.operations] == [
        "ns=1;g=09087e75-8e5e-499b-954f-f2a9603db28a", "ns=1;b=AQID",
    ]  # fmt: skip


def test_matrices_are_told_row_by_row_and_structures_as_bytes() -> None:
    trial = Trial(OpcUa)
    trial.say(said(631, read_of(b"A", b"B", b"C")))
    matrix = b"\1\xc4" + struct.pack("<i4hi2i", 4, 1, 2, 3, 4, 2, 2, 2)
    structure = b"\1\x16" + b"\1\1\5\0" + b"\1" + text(b"\7\7")
    trial.answer(answer(634, struct.pack("<i", 3) + matrix + structure + b"\1\6" + struct.pack("<i", -3)))
    assert [op.value for op in trial.sink.operations[3:]] == [(1, 2, 3, 4), b"\7\7", -3]


def test_zeek_rows_stand_for_a_question_and_its_answer() -> None:
    trial = Trial(OpcUa)
    trial.say(hello())
    trial.say(said(631, read_of(b"A")))
    trial.answer(answer(634, struct.pack("<i", 1) + b"\1\6" + struct.pack("<i", 42)))
    greeted, asked, told = (opcua_log.zeek(op) for op in trial.sink.operations)
    assert greeted == [
        ("opcua_binary", {"msg_type": "HEL", "is_final": "F", "endpoint": "opc.tcp://plc:4840"}),
    ]  # fmt: skip
    ((log, row),) = asked
    assert (log, row["node_id_string"], row["node_id_namespace_idx"]) == ("opcua_binary_read_nodes_to_read", "A", 2)
    assert (row["attribute_id"], row["attribute_id_str"]) == (13, "Value")
    (_, both), (result_log, result) = told
    assert (both["req_identifier_str"], both["res_identifier_str"]) == ("ReadRequest", "ReadResponse")
    assert (both["req_identifier"], both["res_identifier"], both["request_id"]) == (631, 634, 1)
    assert (result_log, result["value"], result["status"]) == ("opcua_binary_read_results", 42, "ok")


def test_errors_have_names() -> None:
    trial = Trial(OpcUa)
    trial.answer(chunk(b"ERR", struct.pack("<I", 0x80830000) + text(b"no")))
    assert trial.sink.operations[0].result == "bad_tcp_endpoint_url_invalid"


def test_false_lengths_are_malformed() -> None:
    trial = Trial(OpcUa)
    trial.say(said(631, ASKED[:-3] + b"\x03\0\0" + struct.pack("<i", 5_000)))
    assert [each.kind for each in trial.sink.anomalies] == [AnomalyKind.MALFORMED]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=4), st.integers(1, 37))
def test_however_a_stream_is_cut_the_operations_are_the_same(names: list[int], size: int) -> None:
    stream = hello() + b"".join(said(631, read_of(b"%d" % name)) for name in names)
    trial = Trial(OpcUa)
    for start in range(0, len(stream), size):
        trial.say(stream[start : start + size])
    assert [op.name for op in trial.sink.operations[1:]] == [f"ns=2;s={name}" for name in names]


def test_checks() -> None:
    assert opcua.check(hello(), True) == SURE
    assert opcua.check(b"HELO mail.example.org\r\n", True) == NO


@given(st.binary(max_size=200), st.sampled_from([461, 467, 527, 631, 634, 673, 712]))
def test_hostile_content_raises_nothing(data: bytes, number: int) -> None:
    torture(OpcUa, said(number, ASKED + data) + said(number, data))
