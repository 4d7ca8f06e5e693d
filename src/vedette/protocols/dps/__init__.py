"""The Device Provisioning Service over MQTT: user names, topics and bodies, for the service and for a device.

Terms: a *registration id* is what a device is called before it has a device id; case-insensitive, kept in lower case.
A device may ask for an operational certificate by sending a *csr*, in the request or in its custom payload.
"""

from __future__ import annotations

from vedette.protocols.dps.messages import (
    CertificateInfo,
    ErrorBody,
    Registration,
    RegistrationLimits,
    RegistrationOperation,
    RegistrationState,
    RegistrationStatus,
    RegistrationSubstatus,
    SymmetricKeyResult,
    X509Result,
    decode_error,
    decode_operation,
    decode_registration,
    encode_body,
    encode_registration,
    is_within_depth,
)
from vedette.protocols.dps.topics import (
    RESPONSE_FILTER,
    ForeignRequest,
    PollRequest,
    ProvisioningRequest,
    RegisterRequest,
    ResponseTopic,
    parse_request_topic,
    parse_response_topic,
    poll_topic,
    register_topic,
    response_topic,
)
from vedette.protocols.dps.user_name import (
    ProvisioningUserName,
    check_provisioning_client_id,
    is_provisioning,
    parse_provisioning_user_name,
)

__all__ = [
    "RESPONSE_FILTER",
    "CertificateInfo",
    "ErrorBody",
    "ForeignRequest",
    "PollRequest",
    "ProvisioningRequest",
    "ProvisioningUserName",
    "RegisterRequest",
    "Registration",
    "RegistrationLimits",
    "RegistrationOperation",
    "RegistrationState",
    "RegistrationStatus",
    "RegistrationSubstatus",
    "ResponseTopic",
    "SymmetricKeyResult",
    "X509Result",
    "check_provisioning_client_id",
    "decode_error",
    "decode_operation",
    "decode_registration",
    "encode_body",
    "encode_registration",
    "is_provisioning",
    "is_within_depth",
    "parse_provisioning_user_name",
    "parse_request_topic",
    "parse_response_topic",
    "poll_topic",
    "register_topic",
    "response_topic",
]
