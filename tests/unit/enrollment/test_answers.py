"""The contract's bodies: every reason has its form, and a chain stands in both places."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from made_enrollment import NOW, make_enrollment

from vedette.enrollment import Attestation, EnrollmentKind, RegistrationReason
from vedette.enrollment.answers import FORMS, Assignment, ask_again, assign, refuse
from vedette.enrollment.decision import Plan, Refusal, Step
from vedette.kernel import RegistrationId


def assignment(**changes: Any) -> Assignment:
    fields: dict[str, Any] = {
        "operation_id": "4.op",
        "registration_id": RegistrationId("pump-7"),
        "device_id": "Pump-7",
        "hostname": "hub.example",
        "created_at": NOW,
        "updated_at": NOW,
        "etag": '"1"',
        "plan": Plan(Step.CREATE),
        "enrollment": make_enrollment(),
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


@pytest.mark.parametrize(
    ("plan", "substatus"),
    [
        (Plan(Step.CREATE), "initialAssignment"),
        (Plan(Step.ONBOARD), "deviceDataMigrated"),
        (Plan(Step.REASSIGN), "deviceDataMigrated"),
        (Plan(Step.ONBOARD, resets_twin=True), "deviceDataReset"),
        (Plan(Step.RECALL), "reprovisionedToInitialAssignment"),
    ],
)
def test_the_substatus_tells_what_became_of_the_device(plan: Plan, substatus: str) -> None:
    state = json.loads(assign(assignment(plan=plan)).body)["registrationState"]
    assert state["substatus"] == substatus


def test_the_enrollments_own_payload_stands_beside_the_chain() -> None:
    own = {"wifi": {"ssid": "plant"}, "poll_s": 30}
    bare = json.loads(assign(assignment(enrollment=make_enrollment(payload=own))).body)["registrationState"]
    assert bare["payload"] == own
    reply = assign(assignment(enrollment=make_enrollment(payload=own), chain=(b"leaf",)))
    payload = json.loads(reply.body)["registrationState"]["payload"]
    assert payload == {**own, "issuedCertificateChain": [base64.b64encode(b"leaf").decode()]}


@pytest.mark.parametrize("attestation", Attestation)
@pytest.mark.parametrize("kind", EnrollmentKind)
def test_the_answer_says_how_the_device_was_attested(attestation: Attestation, kind: EnrollmentKind) -> None:
    enrollment = make_enrollment(attestation=attestation, kind=kind)
    state = json.loads(assign(assignment(enrollment=enrollment)).body)["registrationState"]
    name, other = ("x509", "symmetricKey") if attestation is Attestation.X509 else ("symmetricKey", "x509")
    assert other not in state
    group_id = enrollment.enrollment_id if kind is EnrollmentKind.GROUP else None
    assert state[name].get("enrollmentGroupId") == group_id


def test_a_device_that_waits_is_told_when_to_ask_again() -> None:
    reply = ask_again("4.op", 15)
    assert (reply.status, reply.retry_after_s, reply.reason) == (202, 15, None)
    assert json.loads(reply.body) == {"operationId": "4.op", "status": "assigning"}
