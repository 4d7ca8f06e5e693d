"""What processes ask each other shows no secret in a log."""

from __future__ import annotations

from vedette.bus.contract import OpenSession, RegisterDevice


def test_a_password_does_not_show() -> None:
    opening = OpenSession(
        organization_id="org",
        gateway="gateway-1",
        device_id="pump",
        module_id=None,
        nonce=b"n",
        certificate_sha256=None,
        remote_address="192.0.2.1",
        password=b"SharedAccessSignature sr=x",
    )
    registration = RegisterDevice(
        organization_id="org",
        gateway="gateway-1",
        id_scope="0ne",
        registration_id="pump",
        certificate_chain=[],
        body=b"{}",
        remote_address="192.0.2.1",
        password=b"SharedAccessSignature sr=x",
    )
    for request in (opening, registration):
        assert "SharedAccess" not in repr(request)
        assert "password=hidden" in repr(request)
