from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.sensor import AnomalyKind, Attribute, OpKind
from vedette.sensor.dissect import NO, SURE, WEAK, Trial, http, torture
from vedette.sensor.dissect.http import Http

GET = b"GET /status?id=4 HTTP/1.1\r\nHost: plc.example\r\nUser-Agent: scada/2\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nServer: GoAhead-Webs\r\nContent-Type: text/html; x\r\nContent-Length: 5\r\n\r\nhello"


def talk(*said: tuple[bool, bytes]) -> Trial:
    trial = Trial(Http, port=80)
    for is_from_client, content in said:
        trial.say(content, is_from_client=is_from_client)
    return trial


def test_a_request_and_its_answer_belong_together() -> None:
    trial = talk((True, GET), (False, OK))
    asked, answered = trial.sink.operations
    assert (asked.service, asked.kind, asked.name, asked.unit) == ("get", OpKind.READ, "/status?id=4", "plc.example")
    assert (answered.service, answered.code, answered.result, answered.name) == ("get", 200, "ok", "/status?id=4")
    assert answered.latency_ns == 1_000_000
    ((log, row),) = http.zeek(answered)
    assert log == "http"
    assert row["method"] == "GET"
    assert row["response_body_len"] == 5
    assert not http.zeek(asked)
    assert {(piece.address, piece.attribute, piece.value) for piece in trial.sink.evidence} == {
        ("10.0.0.1", Attribute.SOFTWARE, "scada/2"),
        ("10.0.0.2", Attribute.SOFTWARE, "GoAhead-Webs"),
    }


def basic(login: str) -> bytes:
    return GET[:-2] + b"Authorization: Basic " + base64.b64encode(login.encode()) + b"\r\n\r\n"


def test_a_password_in_clear_is_noted_and_never_kept() -> None:
    trial = talk((True, basic("maria:tr0ub4dor")), (False, b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"))
    assert [each.kind for each in trial.sink.anomalies] == [
        AnomalyKind.CLEAR_TEXT_CREDENTIAL,
        AnomalyKind.LOGIN_FAILED,
    ]
    found = repr((trial.sink.operations, trial.sink.evidence, trial.sink.anomalies))
    assert "tr0ub4dor" not in found
    assert "maria" in found


def test_a_makers_password_is_noted() -> None:
    kinds = [each.kind for each in talk((True, basic("admin:admin"))).sink.anomalies]
    assert kinds == [AnomalyKind.CLEAR_TEXT_CREDENTIAL, AnomalyKind.DEFAULT_CREDENTIAL]


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        (b"/login?user=a&password=b", b"/login?user=a&password=***"),
        (b"/x?api_key=1&b=2", b"/x?api_key=***&b=2"),
        (b"http://u:p@host/x", b"http://u:***@host/x"),
        (b"/plain", b"/plain"),
    ],
)
def test_secrets_in_uris_are_masked(uri: bytes, expected: bytes) -> None:
    assert http.without_secrets(uri) == expected


BODIES = (
    GET + b"POST /cfg HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\n" + b"GET / HTTP/1.1\r\nHost: b\r\n\r\nabc"
    + b"\r\n" + GET,
    OK + b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\nT: 1\r\n\r\n"
    + b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
)  # fmt: skip


@given(st.integers(1, 80))
def test_bodies_are_passed_over_however_they_are_cut(size: int) -> None:
    trial = Trial(Http)
    for is_from_client, stream in ((True, BODIES[0]), (False, BODIES[1])):
        for start in range(0, len(stream), size):
            trial.say(stream[start : start + size], is_from_client=is_from_client)
    assert [(op.service, op.name, op.result) for op in trial.sink.operations] == [
        ("get", "/status?id=4", ""), ("post", "/cfg", ""), ("get", "/status?id=4", ""),
        ("get", "/status?id=4", "ok"), ("post", "/cfg", "ok"), ("get", "/status?id=4", "status_404"),
    ]  # fmt: skip
    assert not trial.unparsed.lost_place


def test_answers_without_bodies_have_none() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"
    trial = talk(
        (True, GET.replace(b"GET", b"HEAD") + GET + GET),
        (False, head + b"HTTP/1.1 304 Same\r\n\r\n" + b"HTTP/1.1 100 Continue\r\n\r\n" + OK),
    )
    assert [op.code for op in trial.sink.operations if op.code] == [200, 304, 100, 200]


def test_what_comes_after_an_upgrade_is_not_read() -> None:
    trial = talk((True, GET), (False, b"HTTP/1.1 101 Switching\r\n\r\n"), (True, GET), (False, b"\x81\x05hello"))
    assert len(trial.sink.operations) == 2


def test_after_a_loss_the_next_answer_is_found() -> None:
    trial = talk((True, GET + GET), (False, OK.replace(b"5\r\n", b"5000\r\n")))
    trial.lose(4_000, is_from_client=False)
    trial.answer(OK)
    assert [op.code for op in trial.sink.operations if op.code] == [200, 200]


@pytest.mark.parametrize("head", [b"Content-Length: 5x", b"Authorization: Basic !!!"])
def test_contradictions_are_malformed(head: bytes) -> None:
    trial = talk((True, GET[:-2] + head + b"\r\n\r\n"))
    assert [each.kind for each in trial.sink.anomalies] == [AnomalyKind.MALFORMED]


def test_checks_know_their_own() -> None:
    assert http.check(GET, True) == http.check(OK, False) == SURE
    assert http.check(GET, False) == http.check(OK, True) == http.check(b"GET\r\n", True) == NO
    assert http.check(b"GET /" + bytes(200), True) == http.check(b"HTTP/1.1 2", False) == WEAK


@given(st.binary(max_size=200))
def test_hostile_bytes_are_survived(content: bytes) -> None:
    torture(Http, GET[:-2] + content)
    torture(Http, OK + content)
    torture(Http, BODIES[1][:120] + content)
