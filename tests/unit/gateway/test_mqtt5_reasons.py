"""What MQTT 5 clients are told: every reason has its row, and each row its rules."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import vedette.gateway
from vedette.gateway import admission, tls, websocket
from vedette.gateway.mqtt5_reasons import ANSWERS, RETRIABLE, answer_to, filter_refusal, reason_string
from vedette.gateway.refusals import HINTS
from vedette.protocols.mqtt import CONNACK_CODES, SERVER_DISCONNECT_CODES, ReasonCode
from vedette.trust import PERMANENT_REASONS, Reason

# Said before a byte of MQTT is read, or without a socket to say it on.
BEFORE_MQTT = {
    tls.HANDSHAKE_FAILED,
    tls.HANDSHAKE_TOO_LARGE,
    tls.CHAIN_TOO_LARGE,
    admission.TOO_MANY_CONNECTIONS,
    admission.TOO_MANY_OF_SOURCE,
    admission.TOO_MANY_UNIDENTIFIED,
    admission.TOO_FAST,
    admission.ADDRESS_NOT_ALLOWED,
    admission.TOO_MANY_WAITING,
    admission.HANDSHAKE_TIMEOUT,
    admission.IDENTIFY_TIMEOUT,
    websocket.BAD_UPGRADE,
}
# Of an operation that is answered in its own way; the connection stays.
OF_AN_OPERATION = {"requests_throttled"}
SPEAKING = {"refuse", "_refuse_stranger", "broke_off", "break_off", "close", "abort", "_close", "cut", "_Refused"}
REASON = re.compile(r"[a-z][a-z0-9_]+")


def spoken_reasons() -> dict[str, str]:
    """Find every reason that is written out where a connection is refused, closed or cut."""
    found: dict[str, str] = {}
    for path in sorted(Path(vedette.gateway.__path__[0]).glob("*.py")):
        if path.stem == "renewal":  # its refusals are answers to requests, with codes of their own
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name not in SPEAKING:
                continue
            texts = [
                each for argument in node.args[:2] for each in ast.walk(argument) if isinstance(each, ast.Constant)
            ]
            for text in texts:
                if isinstance(text.value, str) and REASON.fullmatch(text.value):
                    found[text.value] = f"{path.name}:{node.lineno}"
    return found


def test_every_reason_has_a_row() -> None:
    reasons = {each.value for each in Reason} - {Reason.PERMITTED} | HINTS.keys()
    assert reasons - BEFORE_MQTT - OF_AN_OPERATION - ANSWERS.keys() == set()


def test_every_reason_that_a_connection_ends_with_has_a_row() -> None:
    spoken = spoken_reasons()
    assert len(spoken) > 10, "nothing was found: have the calls changed their names?"
    assert {reason: where for reason, where in spoken.items() if reason not in ANSWERS} == {}


@pytest.mark.parametrize("reason", ANSWERS)
def test_a_row_has_codes_of_its_packets(reason: str) -> None:
    answer = ANSWERS[reason]
    assert answer.connack in CONNACK_CODES
    assert answer.disconnect in SERVER_DISCONNECT_CODES
    assert answer.connack.is_failure
    assert answer.disconnect.is_failure
    assert answer.text


@pytest.mark.parametrize("reason", [each for each in Reason if each is not Reason.PERMITTED])
def test_clients_stop_for_good_only_where_they_would_in_3_1_1(reason: Reason) -> None:
    assert (answer_to(reason).connack in RETRIABLE) == (reason not in PERMANENT_REASONS)


def test_strangers_can_not_tell_which_names_exist() -> None:
    alike = {answer_to(reason) for reason in (Reason.UNKNOWN_IDENTITY, *CREDENTIAL_NOT_OF_IDENTITY)}
    assert len(alike) == 1


CREDENTIAL_NOT_OF_IDENTITY = (
    Reason.CERTIFICATE_MISSING,
    Reason.CERTIFICATE_NOT_PERMITTED,
    Reason.TOKEN_INVALID,
    Reason.TOKEN_WRONG_SCOPE,
    Reason.SYMMETRIC_KEY_NOT_PERMITTED,
)


def test_detail_is_told_only_where_it_speaks_of_the_client() -> None:
    assert reason_string(answer_to("foreign_topic"), "topic is none of this identity's") == (
        "foreign_topic: not a topic of this identity (topic is none of this identity's)"
    )
    assert reason_string(answer_to("overloaded"), "nats://10.0.0.1 is gone") == "overloaded: try again later"
    assert len(reason_string(answer_to("protocol_error"), "x" * 10_000)) < 400


def test_reason_without_a_row_is_not_told() -> None:
    answer = answer_to("something_else")
    assert answer.connack == answer.disconnect == ReasonCode.UNSPECIFIED_ERROR
    assert reason_string(answer, "a secret") == ""


def test_filter_that_is_not_served_says_so_by_its_kind() -> None:
    assert filter_refusal("devices/other/messages/devicebound/#") is ReasonCode.NOT_AUTHORIZED
    assert filter_refusal("$share/group/a") is ReasonCode.SHARED_SUBSCRIPTIONS_NOT_SUPPORTED
