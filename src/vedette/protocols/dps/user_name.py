"""Who a CONNECT to the provisioning service claims to be."""

from __future__ import annotations

from typing import Final

import msgspec

from vedette.kernel import InvalidId, RegistrationId, parse_registration_id
from vedette.protocols.errors import RemoteProtocolError
from vedette.protocols.hub import parse_parameters
from vedette.protocols.mqtt import BAD_USER_NAME_OR_PASSWORD, IDENTIFIER_REJECTED

_MARK: Final = "registrations"
_SEGMENTS: Final = 4
_MAX_ID_SCOPE_CHARS: Final = 64


class ProvisioningUserName(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed user name: a claim, not yet proven.

    Attributes:
        id_scope: Which provisioning service is meant.
        registration_id: In lower case: registration ids are case-insensitive.
        registration_id_as_sent: What group keys are derived from first, and what ``sr`` of a token holds.
        api_version: As sent.
        client_version: What the client calls itself; text from outside.
    """

    id_scope: str
    registration_id: RegistrationId
    registration_id_as_sent: str
    api_version: str
    client_version: str = ""


def is_provisioning(user_name: str) -> bool:
    """Tell a provisioning client from a hub client, which share one port, by the second segment of the user name."""
    return user_name.split("/", 2)[1:2] == [_MARK]


def parse_provisioning_user_name(user_name: str) -> ProvisioningUserName:
    """Parse ``{idScope}/registrations/{registrationId}/api-version=V&ClientVersion=T``; there is no ``?``.

    Raises:
        RemoteProtocolError: With CONNACK code 4: it has another form.
    """
    segments = user_name.split("/", _SEGMENTS - 1)
    if len(segments) != _SEGMENTS or segments[1] != _MARK or not 0 < len(segments[0]) <= _MAX_ID_SCOPE_CHARS:
        raise RemoteProtocolError(
            "user name is not {idScope}/registrations/{registrationId}/{query}", BAD_USER_NAME_OR_PASSWORD
        )
    parameters = parse_parameters(segments[3])
    api_version = parameters.get("api-version", "")
    if not api_version:
        raise RemoteProtocolError("user name has no api-version", BAD_USER_NAME_OR_PASSWORD)
    try:
        registration_id = parse_registration_id(segments[2])
    except InvalidId:
        raise RemoteProtocolError("user name has an invalid registration id", BAD_USER_NAME_OR_PASSWORD) from None
    return ProvisioningUserName(
        id_scope=segments[0],
        registration_id=registration_id,
        registration_id_as_sent=segments[2],
        api_version=api_version,
        client_version=parameters.get("ClientVersion", ""),
    )


def check_provisioning_client_id(client_id: str, user_name: ProvisioningUserName) -> None:
    """Check that the client id is the registration id of the user name.

    Raises:
        RemoteProtocolError: With CONNACK code 2: it is not.
    """
    if client_id.lower() != user_name.registration_id:
        raise RemoteProtocolError("client id and user name name different registrations", IDENTIFIER_REJECTED)
