from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from vedette.pki import WeakKey
from vedette.pki.signer.contract import (
    IssueDeviceCertificate,
    IssueServerCertificate,
    Refused,
    UnreadableFrame,
    decode_reply,
    decode_request,
    encode,
    refusal,
    to_problem,
)


def device(**changes: Any) -> IssueDeviceCertificate:  # Any: fields of any kind
    fields: dict[str, Any] = {
        "request_id": "op_1",
        "organization_id": "org_1",
        "generation_id": "dev_1",
        "subject_name": "pump-7",
        "csr": b"0",
        "lifetime_s": 3600,
    }
    return IssueDeviceCertificate(**{**fields, **changes})


def server(**changes: Any) -> IssueServerCertificate:  # Any: fields of any kind
    fields: dict[str, Any] = {"request_id": "op_1", "organization_id": "org_1", "names": ("a",), "csr": b"0"}
    return IssueServerCertificate(**{**fields, **changes})


@pytest.mark.parametrize(
    ("make", "field", "at_limit", "beyond"),
    [
        (device, "csr", b"x" * 8192, b"x" * 8193),
        (device, "subject_name", "x" * 128, "x" * 129),
        (device, "request_id", "x", ""),
        (device, "lifetime_s", 1, 0),
        (device, "lifetime_s", 400 * 86_400, 400 * 86_400 + 1),
        (device, "accepted_names", ("a",) * 4, ("a",) * 5),
        (server, "names", ("a",) * 32, ("a",) * 33),
        (server, "names", ("a",), ()),
        (server, "names", ("x" * 253,), ("x" * 254,)),
    ],
)
def test_a_field_is_read_at_its_limit_and_refused_beyond(
    make: Callable[..., object], field: str, at_limit: object, beyond: object
) -> None:
    request = make(**{field: at_limit})
    assert decode_request(encode(request)) == request
    with pytest.raises(UnreadableFrame):
        decode_request(encode(make(**{field: beyond})))


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "sign", "data": b"any bytes"},
        {"type": "device"},
        {"type": "chain", "surprise": 1},
        {},
        [],
        7,
        None,
    ],
)
def test_nothing_but_the_typed_requests_is_read(payload: object) -> None:
    with pytest.raises(UnreadableFrame):
        decode_request(msgspec.msgpack.encode(payload))


@pytest.mark.parametrize(
    "payload",
    [b"", b"\xc1", b"\x91" * 100_000, b"\x82\xa4type\xa5chain\xa1\xff\x00", b"\x81\xa4type\xa5ch\xffin"],
    ids=["nothing", "no MessagePack", "nested without end", "a field that is no UTF-8", "a tag that is no UTF-8"],
)
def test_hostile_bytes_are_unreadable_and_nothing_worse(payload: bytes) -> None:
    for decode in (decode_request, decode_reply):
        with pytest.raises(UnreadableFrame):
            decode(payload)


def test_a_problem_crosses_the_socket_as_itself() -> None:
    problem = to_problem(refusal(WeakKey("too short", hint="make another")))
    assert type(problem) is WeakKey
    assert (problem.detail, problem.hint) == ("too short", "make another")


def test_a_problem_of_another_release_is_a_refusal() -> None:
    assert to_problem(Refused(code="pki.from_the_future", detail="no")).code == "pki.signer_refused"
