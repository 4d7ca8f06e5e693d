"""User names of provisioning clients."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.protocols import RemoteProtocolError, dps

NODE = "0ne00ABCDEF/registrations/dev1/api-version=2019-03-31&ClientVersion=azure-iot-provisioning-device%2F1.9.1"


def test_user_name_of_node_is_understood() -> None:
    name = dps.parse_provisioning_user_name(NODE)
    assert name == dps.ProvisioningUserName(
        id_scope="0ne00ABCDEF",
        registration_id=name.registration_id,
        registration_id_as_sent="dev1",
        api_version="2019-03-31",
        client_version="azure-iot-provisioning-device/1.9.1",
    )
    assert name.registration_id == "dev1"


def test_registration_id_is_case_insensitive_and_kept_as_sent() -> None:
    name = dps.parse_provisioning_user_name("s/registrations/Dev-1:A/api-version=2019-03-31")
    assert (name.registration_id, name.registration_id_as_sent) == ("dev-1:a", "Dev-1:A")
    for client_id in ("Dev-1:A", "dev-1:a"):
        dps.check_provisioning_client_id(client_id, name)
    with pytest.raises(RemoteProtocolError) as caught:
        dps.check_provisioning_client_id("dev-1", name)
    assert caught.value.connack_code == 2


@pytest.mark.parametrize(
    ("user_name", "expected"),
    [
        (NODE, True),
        ("s/registrations", True),
        ("s/registrations/", True),
        ("hub/dev1/?api-version=2021-04-12", False),
        ("hub/dev1/registrations/?api-version=2021-04-12", False),
        ("hub/Registrations/x", False),
        ("registrations", False),
        ("", False),
    ],
)
def test_second_segment_tells_provisioning_from_hub(user_name: str, *, expected: bool) -> None:
    assert dps.is_provisioning(user_name) is expected


REFUSED = {
    "empty": "",
    "no registration": "s/registrations",
    "no query": "s/registrations/dev1",
    "an empty scope": "/registrations/dev1/api-version=2019-03-31",
    "a scope of 65 characters": f"{'s' * 65}/registrations/dev1/api-version=2019-03-31",
    "no api-version": "s/registrations/dev1/ClientVersion=x",
    "a question mark": "s/registrations/dev1/?api-version=2019-03-31",
    "an empty id": "s/registrations//api-version=2019-03-31",
    "an id that ends in a dot": "s/registrations/dev1./api-version=2019-03-31",
    "an id of 129 characters": f"s/registrations/{'d' * 129}/api-version=2019-03-31",
    "a hub's user name": "hub/dev1/?api-version=2021-04-12",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_malformed_user_name_is_refused_for_good(text: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        dps.parse_provisioning_user_name(text)
    assert caught.value.connack_code == 4


def test_user_name_at_its_limits_passes() -> None:
    dps.parse_provisioning_user_name(f"{'s' * 64}/registrations/{'d' * 128}/api-version=2019-03-31")


@given(st.text(max_size=60))
def test_any_text_is_a_user_name_or_the_peers_error(text: str) -> None:
    for each in (text, "s/registrations/" + text, "s/registrations/d/" + text):
        with contextlib.suppress(RemoteProtocolError):
            dps.parse_provisioning_user_name(each)
