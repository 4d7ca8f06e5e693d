"""The contract's bodies: every reason has its form, and a chain stands in both places."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from vedette.enrollment import RegistrationReason
from vedette.enrollment.answers import FORMS, Assignment, assign, refuse
from vedette.enrollment.decision import Refusal
from vedette.kernel import RegistrationId

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def assignment(**changes: Any) -> Assignment:
    fields: dict[str, Any] = {
        "operation_id": "4.op",
        "registration_id": RegistrationId("pump-7"),
        "device_id": "Pump-7",
        "hostname": "hub.example",
        "created_at": NOW,
        "updated_at": NOW,
        "etag": '"1"',
        **changes,
    }
    return Assignment(**fields)


def test_every_reason_has_a_form() -> None:
    assert set(FORMS) == set(RegistrationReason)


@pytest.mark.parametrize("reason", RegistrationReason)
def test_a_refusal_says_why_and_what_would_help_and_can_be_traced(reason: RegistrationReason) -> None:
    reply = refuse(Refusal(reason, "the fact", "the next step"), "pump-7", tracking_id="op_1", now=NOW)
    body = json.loads(reply.body)
    assert reply.reason == reason.value
    if reply.status == 200:
        assert body["status"] in {"failed", "disabled"}
        state = body["registrationState"]
        assert (state["status"], state["registrationId"]) == (body["status"], "pump-7")
        assert state["errorCode"] == FORMS[reason].error_code
        assert state["errorMessage"] == "the fact; the next step (tracking id op_1)"
        assert "assignedHub" not in state
    else:
        assert body["errorCode"] // 1000 == reply.status
        assert (body["message"], body["trackingId"]) == ("the fact; the next step", "op_1")
        assert body["timestampUtc"] == "2026-01-01T00:00:00.000Z"


@pytest.mark.parametrize("reason", RegistrationReason)
def test_clients_are_told_to_come_back_only_where_that_helps(reason: RegistrationReason) -> None:
    form = FORMS[reason]
    assert (form.retry_after_s is not None) is (form.status in {429, 503})


def test_a_chain_stands_in_the_state_and_in_its_payload() -> None:
    reply = assign(assignment(chain=(b"leaf", b"issuer")))
    state = json.loads(reply.body)["registrationState"]
    chain = [base64.b64encode(der).decode() for der in (b"leaf", b"issuer")]
    assert state["issuedCertificateChain"] == state["payload"]["issuedCertificateChain"] == chain
    assert (reply.status, reply.reason, reply.retry_after_s) == (200, None, None)


def test_an_assignment_without_a_certificate_carries_neither() -> None:
    state = json.loads(assign(assignment()).body)["registrationState"]
    assert "issuedCertificateChain" not in state
    assert "payload" not in state
    assert (state["deviceId"], state["assignedHub"], state["status"]) == ("Pump-7", "hub.example", "assigned")


@pytest.mark.parametrize(("is_first", "substatus"), [(True, "initialAssignment"), (False, "deviceDataMigrated")])
def test_the_substatus_tells_a_first_assignment_from_a_repeated_one(is_first: bool, substatus: str) -> None:  # noqa: FBT001 - a table
    state = json.loads(assign(assignment(is_first=is_first)).body)["registrationState"]
    assert state["substatus"] == substatus
