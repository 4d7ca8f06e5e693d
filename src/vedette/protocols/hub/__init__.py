"""The hub contract over MQTT: user names, topics, property bags and shared access signatures.

Terms: a *bag* is the property bag at the end of a topic, a *request id* (``$rid``) pairs answer with request. What is
parsed here is a claim by the peer; whether it is true is decided above.
"""

from __future__ import annotations

from vedette.protocols.hub.bag import EMPTY_BAG, BagLimits, BagReader, PropertyBag, build_bag, parse_bag
from vedette.protocols.hub.message_properties import add_message_properties, to_message_properties
from vedette.protocols.hub.sas import (
    SasToken,
    SasVerdict,
    build_sas_token,
    decode_symmetric_key,
    derive_device_key,
    parse_sas_token,
    verify_sas_token,
)
from vedette.protocols.hub.topics import (
    DeviceMessage,
    Foreign,
    IdentityTopics,
    IssueCertificate,
    MethodResponse,
    Subscription,
    Telemetry,
    TwinGet,
    TwinPatchReported,
    credential_response_topic,
    desired_properties_topic,
    devicebound_topic,
    input_topic,
    method_request_topic,
    twin_response_topic,
)
from vedette.protocols.hub.user_name import (
    UserName,
    check_client_id,
    normalize_host,
    parse_client_id,
    parse_parameters,
    parse_user_name,
)

__all__ = [
    "EMPTY_BAG",
    "BagLimits",
    "BagReader",
    "DeviceMessage",
    "Foreign",
    "IdentityTopics",
    "IssueCertificate",
    "MethodResponse",
    "PropertyBag",
    "SasToken",
    "SasVerdict",
    "Subscription",
    "Telemetry",
    "TwinGet",
    "TwinPatchReported",
    "UserName",
    "add_message_properties",
    "build_bag",
    "build_sas_token",
    "check_client_id",
    "credential_response_topic",
    "decode_symmetric_key",
    "derive_device_key",
    "desired_properties_topic",
    "devicebound_topic",
    "input_topic",
    "method_request_topic",
    "normalize_host",
    "parse_bag",
    "parse_client_id",
    "parse_parameters",
    "parse_sas_token",
    "parse_user_name",
    "to_message_properties",
    "twin_response_topic",
    "verify_sas_token",
]
