"""Fuzz the hub's texts: user names, topics, filters, property bags and tokens."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Final

from vedette.protocols import RemoteProtocolError, hub

_KEYS: Final = [b"k" * 32, b"x" * 32]
_SCOPE: Final = ("localhost", "devices", "dev1")
_DEVICE: Final = hub.IdentityTopics("dev1")
_MODULE: Final = hub.IdentityTopics("dev1", "mod1")
_LIMITS: Final = hub.BagLimits(max_chars=2_048, max_properties=32)

SEEDS: Final = (
    b"localhost/dev1/?api-version=2021-04-12&DeviceClientType=azure-iot-device%2F1.18.4&model-id=dtmi:com:example:T;1",
    b"localhost:8883/dev1/mod1/?api-version=2021-04-12",
    b"devices/dev1/messages/events/%24.mid=id%201&$.ct=a%2Fb&a%20b=x%26y&n&e=/",
    b"devices/dev1/modules/mod1/messages/events/%24.on=output1",
    b"$iothub/twin/GET/?$rid=1",
    b"$iothub/twin/PATCH/properties/reported/?$rid=3fa8",
    b"$iothub/methods/res/200/?$rid=1",
    b"$iothub/credentials/POST/issueCertificate/?$rid=abcd",
    b"devices/dev1/messages/devicebound/#",
    (
        b"SharedAccessSignature sr=localhost%2Fdevices%2Fdev1&sig=X1lDMbIiz%2BLXxm5tVVCCTgveZ28%2FNvblQ2mH5QvAjKw%3D"
        b"&se=1795340109"
    ),
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as each kind of text: a result, or the peer's error."""
    text = data.decode("utf-8", "surrogateescape") if len(data) % 2 else data.decode("utf-8", "replace")
    for read in (_read_user_name, _read_topic, _read_bag, _read_token):
        _accept_remote_errors(read, text)


def _accept_remote_errors(read: Callable[[str], None], text: str) -> None:
    with contextlib.suppress(RemoteProtocolError):
        read(text)


def _read_user_name(text: str) -> None:
    name = hub.parse_user_name(text)
    assert 0 < len(name.client_id) <= 257
    hub.check_client_id(name.client_id, name)
    assert name.host == hub.normalize_host(name.host) or ":" in name.host


def _read_topic(text: str) -> None:
    for topics, foreign in ((_DEVICE, "devices/dev1/modules/"), (_MODULE, "devices/dev1/messages/")):
        message = topics.parse(text)
        assert isinstance(message, hub.DeviceMessage)
        assert not text.startswith(foreign) or isinstance(message, hub.Foreign)
        if isinstance(message, hub.TwinGet):
            assert hub.twin_response_topic(200, message.request_id)
        topics.parse_filter(text)


def _read_bag(text: str) -> None:
    bag = hub.parse_bag(text.rpartition("/")[2], _LIMITS)
    assert len(bag.system) + len(bag.application) <= _LIMITS.max_properties
    assert not any(key.lower().startswith("iothub-") for key in bag.application)


def _read_token(text: str) -> None:
    token = hub.parse_sas_token(text)
    verdict = hub.verify_sas_token(token, keys=_KEYS, scope=_SCOPE, now_s=1_795_340_000)
    known = token.resource == "localhost%2Fdevices%2Fdev1" and token.expiry == "1795340109"
    assert verdict is not hub.SasVerdict.VALID or known, "a changed token must not verify"
