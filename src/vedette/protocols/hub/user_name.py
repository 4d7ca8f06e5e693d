"""Who a CONNECT claims to be: the hub's user name and client id."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

import msgspec

from vedette.kernel import DeviceId, InvalidId, ModuleId, parse_device_id, parse_module_id
from vedette.protocols.errors import RemoteProtocolError
from vedette.protocols.mqtt import BAD_USER_NAME_OR_PASSWORD, IDENTIFIER_REJECTED

_API_VERSION: Final = re.compile(r"\d{4}-\d{2}-\d{2}(-preview)?", re.ASCII)
_MIN_SEGMENTS: Final = 3
_MAX_PARAMETERS: Final = 16


class UserName(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed user name: a claim, not yet proven.

    Attributes:
        host: Lower case, without port; compare it to the configured names. Empty if taken from the client id.
        device_id: As sent: never percent-decoded.
        module_id: Of a module, else ``None``.
        api_version: A date, maybe with ``-preview``; any is served.
        client_type: What the client calls itself; text from outside.
        model_id: The device model, a DTMI; text from outside, empty if absent.
    """

    host: str
    device_id: DeviceId
    module_id: ModuleId | None = None
    api_version: str
    client_type: str = ""
    model_id: str = ""

    @property
    def client_id(self) -> str:
        """The client id that CONNECT must carry with this user name."""
        return self.device_id if self.module_id is None else f"{self.device_id}/{self.module_id}"


def parse_user_name(user_name: str) -> UserName:
    """Parse ``{host}/{device}[/{module}]/?api-version=V&DeviceClientType=T[&model-id=M]``.

    The first segment that begins with ``?``, third or fourth, starts the query, which may itself hold ``/``: ids are
    raw and may contain ``?`` and ``%``.

    Raises:
        RemoteProtocolError: With CONNACK code 4: it has another form.
    """
    segments = user_name.split("/")
    module: str | None = None
    if len(segments) >= _MIN_SEGMENTS and segments[2].startswith("?"):
        query = "/".join(segments[2:])
    elif len(segments) > _MIN_SEGMENTS and segments[3].startswith("?"):
        module, query = segments[2], "/".join(segments[3:])
    else:
        raise RemoteProtocolError("user name is not {host}/{device}[/{module}]/?{query}", BAD_USER_NAME_OR_PASSWORD)
    parameters = parse_parameters(query[1:])
    api_version = parameters.get("api-version", "")
    if not _API_VERSION.fullmatch(api_version):
        raise RemoteProtocolError("user name has no api-version that is a date", BAD_USER_NAME_OR_PASSWORD)
    host = normalize_host(segments[0])
    if not host:
        raise RemoteProtocolError("user name has no host", BAD_USER_NAME_OR_PASSWORD)
    try:
        device_id = parse_device_id(segments[1])
        module_id = None if module is None else parse_module_id(module)
    except InvalidId:
        raise RemoteProtocolError("user name has an invalid device or module id", BAD_USER_NAME_OR_PASSWORD) from None
    return UserName(
        host=host,
        device_id=device_id,
        module_id=module_id,
        api_version=api_version,
        client_type=parameters.get("DeviceClientType", ""),
        model_id=parameters.get("model-id", ""),
    )


def check_client_id(client_id: str, user_name: UserName) -> None:
    """Check that the client id names the identity of the user name.

    Raises:
        RemoteProtocolError: With CONNACK code 2: it does not.
    """
    if client_id != user_name.client_id:
        raise RemoteProtocolError("client id and user name name different identities", IDENTIFIER_REJECTED)


def parse_client_id(client_id: str) -> UserName:
    """Take the identity from a client id, ``{device}`` or ``{device}/{module}``, where no user name was sent.

    Raises:
        RemoteProtocolError: With CONNACK code 2: it is neither.
    """
    device, separator, module = client_id.partition("/")
    try:
        device_id = parse_device_id(device)
        module_id = parse_module_id(module) if separator else None
    except InvalidId:
        raise RemoteProtocolError("client id is neither {device} nor {device}/{module}", IDENTIFIER_REJECTED) from None
    return UserName(host="", device_id=device_id, module_id=module_id, api_version="")


def normalize_host(host: str) -> str:
    """Return a host name in lower case without its port."""
    name, _, port = host.partition(":")
    return name.lower() if not port or (port.isascii() and port.isdigit()) else host.lower()


def parse_parameters(query: str) -> dict[str, str]:
    """Parse ``k=v&k=v`` with percent-decoded values; ``+`` stays a plus, the last of equal keys wins.

    Raises:
        RemoteProtocolError: With CONNACK code 4: over 16 parameters, or a value that is not UTF-8.
    """
    pairs = query.split("&", _MAX_PARAMETERS)
    if len(pairs) > _MAX_PARAMETERS:
        raise RemoteProtocolError(f"user name has more than {_MAX_PARAMETERS} parameters", BAD_USER_NAME_OR_PASSWORD)
    parameters: dict[str, str] = {}
    for pair in pairs:
        key, _, value = pair.partition("=")
        try:
            parameters[key] = unquote(value, errors="strict")
        except UnicodeDecodeError:
            raise RemoteProtocolError(
                "user name has a parameter that is not UTF-8", BAD_USER_NAME_OR_PASSWORD
            ) from None
    return parameters
