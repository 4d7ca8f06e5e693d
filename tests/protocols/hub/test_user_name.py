"""User names and client ids of real clients and of hostile ones."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.protocols import RemoteProtocolError, hub

ACCEPTED = {
    "Python": (
        "localhost/dev1/?api-version=2019-10-01&DeviceClientType=azure-iot-device-iothub-py%2F2.14.0%283.11.7%3BLinux%29",
        ("localhost", "dev1", None, "2019-10-01", "azure-iot-device-iothub-py/2.14.0(3.11.7;Linux)", ""),
    ),
    "Node with a raw model id": (
        "localhost/dev1/?api-version=2021-04-12&DeviceClientType=node%20x&model-id=dtmi:com:example:Thermostat;1",
        ("localhost", "dev1", None, "2021-04-12", "node x", "dtmi:com:example:Thermostat;1"),
    ),
    "Python with an encoded model id": (
        "localhost/dev1/?model-id=dtmi%3Acom%3Aexample%3AThermostat%3B1&api-version=2020-09-30",
        ("localhost", "dev1", None, "2020-09-30", "", "dtmi:com:example:Thermostat;1"),
    ),
    "a module": (
        "localhost/dev1/mod1/?api-version=2021-04-12&DeviceClientType=T",
        ("localhost", "dev1", "mod1", "2021-04-12", "T", ""),
    ),
    "a port and capitals in the host": (
        "LocalHost:18883/dev1/?api-version=2021-04-12",
        ("localhost", "dev1", None, "2021-04-12", "", ""),
    ),
    "a slash within the query": (
        "h/dev1/?api-version=2021-04-12&DeviceClientType=a/b/c",
        ("h", "dev1", None, "2021-04-12", "a/b/c", ""),
    ),
    "a device id with ? and %": (
        "h/?a%20b/?api-version=2021-04-12",
        ("h", "?a%20b", None, "2021-04-12", "", ""),
    ),
    "an api-version from the future": (
        "h/d/?api-version=2099-01-01-preview&other=1",
        ("h", "d", None, "2099-01-01-preview", "", ""),
    ),
    "a plus sign, which is no space": (
        "h/d/?api-version=2021-04-12&DeviceClientType=a+b",
        ("h", "d", None, "2021-04-12", "a+b", ""),
    ),
}


@pytest.mark.parametrize("case", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_user_name_of_a_real_client_is_understood(case: tuple[str, tuple[str | None, ...]]) -> None:
    text, expected = case
    name = hub.parse_user_name(text)
    assert (name.host, name.device_id, name.module_id, name.api_version, name.client_type, name.model_id) == expected


REFUSED = {
    "empty": "",
    "no query": "h/dev1",
    "an empty query segment": "h/dev1/",
    "a query without its mark": "h/dev1/api-version=2021-04-12",
    "no api-version": "h/dev1/?DeviceClientType=T",
    "an api-version that is no date": "h/dev1/?api-version=latest",
    "an api-version in other digits": "h/dev1/?api-version=٢٠٢١-04-12",
    "no host": "/dev1/?api-version=2021-04-12",
    "no device": "h//?api-version=2021-04-12",
    "no module": "h/dev1//?api-version=2021-04-12",
    "a device of 129 characters": f"h/{'d' * 129}/?api-version=2021-04-12",
    "a device id with a wildcard": "h/a+b/?api-version=2021-04-12",
    "the reserved device id": "h/registrations/?api-version=2021-04-12",
    "too many segments": "h/d/m/x/?api-version=2021-04-12",
    "an escape that is not UTF-8": "h/d/?api-version=2021-04-12&DeviceClientType=%FF",
    "17 parameters": "h/d/?api-version=2021-04-12" + "&a=1" * 16,
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_malformed_user_name_is_refused_for_good(text: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        hub.parse_user_name(text)
    assert caught.value.connack_code == 4


def test_user_name_at_its_limits_passes() -> None:
    name = hub.parse_user_name(f"h/{'d' * 128}/{'m' * 128}/?api-version=2021-04-12" + "&a=1" * 15)
    assert len(name.client_id) == 257


@pytest.mark.parametrize(
    ("user_name", "client_id"),
    [("h/d/?api-version=2021-04-12", "d")] * 1
    + [
        ("h/d/m/?api-version=2021-04-12", "d/m"),
    ],
)
def test_client_id_must_name_the_same_identity(user_name: str, client_id: str) -> None:
    name = hub.parse_user_name(user_name)
    hub.check_client_id(client_id, name)
    for other in ("D", "d/", "d/x", "", client_id + " ", client_id.upper()):
        with pytest.raises(RemoteProtocolError) as caught:
            hub.check_client_id(other, name)
        assert caught.value.connack_code == 2


@pytest.mark.parametrize(
    ("host", "normal"), [("Hub.Example", "hub.example"), ("h:8883", "h"), ("h:x", "h:x"), ("", ""), ("h:", "h")]
)
def test_host_is_compared_without_case_and_port(host: str, normal: str) -> None:
    assert hub.normalize_host(host) == normal


@given(st.text(max_size=80))
def test_any_text_is_a_user_name_or_the_peers_error(text: str) -> None:
    with contextlib.suppress(RemoteProtocolError):
        hub.parse_user_name(text)
