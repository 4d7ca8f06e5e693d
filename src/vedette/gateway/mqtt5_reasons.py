"""What an MQTT 5 client is told: a reason code and a sentence for each of our reasons.

Two rules stand behind the table. A refused CONNECT that can heal without touching the device gets one of the
``RETRIABLE`` codes, as it gets CONNACK 3 in MQTT 3.1.1, since clients take any other code as final and stop. And
whoever shows no credential of an identity's own hears the same as for a name that does not exist. (That an identity is
disabled, blocked or in quarantine is judged first, and told to whoever names it, as CONNACK 3 tells it in 3.1.1.)
"""

from __future__ import annotations

from typing import Final, NamedTuple

from vedette.protocols.mqtt import ReasonCode
from vedette.trust import Reason

RETRIABLE: Final = frozenset(
    {
        ReasonCode.SERVER_UNAVAILABLE,
        ReasonCode.SERVER_BUSY,
        ReasonCode.QUOTA_EXCEEDED,
        ReasonCode.CONNECTION_RATE_EXCEEDED,
    }
)
_SHARED_FILTER: Final = "$share/"
_MAX_DETAIL_CHARS: Final = 256


class Answer(NamedTuple):
    """How one reason is told.

    Attributes:
        connack: Refusing a CONNECT.
        disconnect: Ending a connection that was accepted.
        text: The reason in words fit for a stranger.
        tells_detail: Whether the detail on record may follow: it says what this client did, and nothing of us.
    """

    connack: ReasonCode
    disconnect: ReasonCode
    text: str
    tells_detail: bool = False


_C = ReasonCode
_UNPROVEN: Final = Answer(
    _C.NOT_AUTHORIZED,
    _C.NOT_AUTHORIZED,
    "not_authorized: this identity is unknown here, or the credential presented is not one of its own",
)


def _later(reason: str, text: str, disconnect: ReasonCode = _C.ADMINISTRATIVE_ACTION) -> Answer:
    """Say no for now."""
    return Answer(_C.SERVER_UNAVAILABLE, disconnect, f"{reason}: {text}")


def _never(reason: str, text: str, connack: ReasonCode = _C.NOT_AUTHORIZED) -> Answer:
    """Say no until the device itself is changed."""
    return Answer(connack, _C.NOT_AUTHORIZED, f"{reason}: {text}")


def _broke(reason: str, text: str, connack: ReasonCode, disconnect: ReasonCode) -> Answer:
    """Say which rule the client broke."""
    return Answer(connack, disconnect, f"{reason}: {text}", tells_detail=True)


_R = Reason

ANSWERS: Final[dict[str, Answer]] = {
    # Decisions about an identity.
    _R.UNKNOWN_IDENTITY: _UNPROVEN,
    _R.CERTIFICATE_MISSING: _UNPROVEN,
    _R.CERTIFICATE_NOT_PERMITTED: _UNPROVEN,
    _R.TOKEN_INVALID: _UNPROVEN,
    _R.TOKEN_WRONG_SCOPE: _UNPROVEN,
    _R.SYMMETRIC_KEY_NOT_PERMITTED: _UNPROVEN,
    _R.CERTIFICATE_EXPIRED: _never("certificate_expired", "the certificate's validity has ended"),
    _R.CERTIFICATE_NOT_YET_VALID: _later(
        "certificate_not_yet_valid", "the certificate is not valid yet; check the clock", _C.NOT_AUTHORIZED
    ),
    _R.TOKEN_EXPIRED: _never("token_expired", "the token's time is over", _C.BAD_USER_NAME_OR_PASSWORD),
    _R.SYMMETRIC_KEY_EXPIRED: _never(
        "symmetric_key_expired", "the key's time is over; it must be rotated", _C.BAD_USER_NAME_OR_PASSWORD
    ),
    _R.TOKEN_UNVERIFIED: _later("token_unverified", "the token could not be verified; try again", _C.NOT_AUTHORIZED),
    _R.SYMMETRIC_KEYS_OFF: _later("symmetric_keys_off", "tokens are not taken here; use a certificate"),
    _R.RETIRED: _never("retired", "this identity is out of service for good"),
    _R.BLOCKED: _later("blocked", "the operator has blocked this identity"),
    _R.DISABLED: _later("disabled", "the operator has disabled this identity"),
    _R.QUARANTINED: _later("quarantined", "this identity is in quarantine"),
    _R.NOT_ONBOARDED: _later("not_onboarded", "this identity must enroll first", _C.NOT_AUTHORIZED),
    _R.POLICY_DENIED: _later("policy_denied", "a policy does not allow it", _C.NOT_AUTHORIZED),
    _R.POLICY_ERROR: _later("policy_error", "no decision could be made", _C.NOT_AUTHORIZED),
    _R.STALE_POSTURE: _later("stale_posture", "no decision can be made now; try again", _C.SERVER_BUSY),
    _R.RECORD_EXPIRED: _later("record_expired", "no decision can be made now; try again", _C.SERVER_BUSY),
    _R.RECORD_INVALID: _later("record_invalid", "no decision can be made about this identity", _C.NOT_AUTHORIZED),
    # What the gateway found.
    "untrusted_answer": _later("untrusted_answer", "no decision can be made now; try again", _C.SERVER_BUSY),
    "overloaded": Answer(_C.SERVER_BUSY, _C.SERVER_BUSY, "overloaded: try again later"),
    "not_stored": Answer(_C.SERVER_BUSY, _C.SERVER_BUSY, "not_stored: a message was not stored; send it again"),
    "stopping": Answer(
        _C.SERVER_UNAVAILABLE, _C.SERVER_SHUTTING_DOWN, "stopping: the gateway is stopping; connect again"
    ),
    "takeover_damped": Answer(
        _C.CONNECTION_RATE_EXCEEDED,
        _C.CONNECTION_RATE_EXCEEDED,
        "takeover_damped: two clients displace each other under this identity; try again later",
    ),
    "taken_over": Answer(
        _C.SERVER_UNAVAILABLE, _C.SESSION_TAKEN_OVER, "taken_over: another client connected with this identity"
    ),
    "keep_alive_timeout": Answer(
        _C.SERVER_UNAVAILABLE, _C.KEEP_ALIVE_TIMEOUT, "keep_alive_timeout: nothing was heard for too long"
    ),
    "gave_way": Answer(_C.SERVER_BUSY, _C.SERVER_BUSY, "gave_way: others needed the place; try again later"),
    "idle": Answer(_C.SERVER_UNAVAILABLE, _C.MAXIMUM_CONNECT_TIME, "idle: nothing was asked for too long"),
    # What the client did.
    "protocol_error": _broke("protocol_error", "against MQTT 5", _C.PROTOCOL_ERROR, _C.PROTOCOL_ERROR),
    "qos_2": _broke("qos_2", "QoS is 0 or 1", _C.QOS_NOT_SUPPORTED, _C.QOS_NOT_SUPPORTED),
    "wrong_client_id": _broke(
        "wrong_client_id",
        "the client id is {device} or {device}/{module}",
        _C.CLIENT_IDENTIFIER_NOT_VALID,
        _C.NOT_AUTHORIZED,
    ),
    "bad_user_name": _broke(
        "bad_user_name",
        "the user name is {host}/{device}/?api-version={date}, or none beside a certificate",
        _C.BAD_USER_NAME_OR_PASSWORD,
        _C.NOT_AUTHORIZED,
    ),
    "wrong_host": _broke("wrong_host", "another host's name", _C.NOT_AUTHORIZED, _C.NOT_AUTHORIZED),
    "wrong_id_scope": _broke("wrong_id_scope", "another id scope", _C.NOT_AUTHORIZED, _C.NOT_AUTHORIZED),
    "bad_will": _broke("bad_will", "the will is not acceptable", _C.TOPIC_NAME_INVALID, _C.TOPIC_NAME_INVALID),
    "foreign_topic": _broke("foreign_topic", "not a topic of this identity", _C.NOT_AUTHORIZED, _C.NOT_AUTHORIZED),
    "message_too_large": _broke(
        "message_too_large", "the message is too large", _C.PACKET_TOO_LARGE, _C.PACKET_TOO_LARGE
    ),
    "message_throttled": _broke("message_throttled", "slow down", _C.QUOTA_EXCEEDED, _C.MESSAGE_RATE_TOO_HIGH),
    "slow_reader": _broke("slow_reader", "answers are not read", _C.QUOTA_EXCEEDED, _C.QUOTA_EXCEEDED),
}
_UNKNOWN: Final = Answer(_C.UNSPECIFIED_ERROR, _C.UNSPECIFIED_ERROR, "")


def answer_to(reason: str) -> Answer:
    """Return how a reason is told; one without a row is not told."""
    return ANSWERS.get(reason, _UNKNOWN)


def reason_string(answer: Answer, detail: str) -> str:
    """Return the sentence for the client."""
    if not answer.tells_detail or not detail:
        return answer.text
    return f"{answer.text} ({detail[:_MAX_DETAIL_CHARS]})"


def filter_refusal(topic_filter: str) -> ReasonCode:
    """Return the code that SUBACK gives a filter that is none of the identity's."""
    if topic_filter.startswith(_SHARED_FILTER):
        return ReasonCode.SHARED_SUBSCRIPTIONS_NOT_SUPPORTED
    return ReasonCode.NOT_AUTHORIZED
