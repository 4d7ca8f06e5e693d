"""Fuzz what the signer reads from its socket: a typed request, or an unreadable frame."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from vedette.pki.signer.contract import (
    Chains,
    GetChain,
    Issued,
    IssueDeviceCertificate,
    IssueServerCertificate,
    Refused,
    Revocation,
    SignRevocationList,
    UnreadableFrame,
    decode_reply,
    decode_request,
    encode,
)

SEEDS: Final = tuple(
    encode(message)
    for message in (
        GetChain(),
        IssueDeviceCertificate(
            request_id="op_1",
            organization_id="org_1",
            generation_id="dev_1",
            subject_name="pump-7",
            csr=b"0" * 20,
            lifetime_s=3600,
            accepted_names=("pump",),
        ),
        IssueServerCertificate(request_id="op_2", organization_id="org_1", names=("a", "b"), csr=b"0"),
        SignRevocationList(
            organization_id="org_1",
            purpose="operational",
            revocations=[Revocation(b"\x07", datetime(2026, 1, 1, tzinfo=UTC), "superseded")],
            lifetime_s=3600,
        ),
        Issued(chain=[b"0", b"1"]),
        Chains(organization_id="org_1", chains={"services": [b"0"]}),
        Refused(code="pki.weak_key", detail="no"),
    )
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as a request and as a reply; what is read can be written again."""
    for decode in (decode_request, decode_reply):
        try:
            message = decode(data)
        except UnreadableFrame:
            continue
        assert decode(encode(message)) == message
