"""The first bytes that real device SDKs send, as the hub contract recorded them."""

from __future__ import annotations

import pytest

from vedette.protocols import mqtt

PYTHON_USER_NAME = (
    "localhost/dev1/?api-version=2019-10-01&DeviceClientType=azure-iot-device-iothub-py%2F2.14.0%283.11.7%3BLinux"
)
NODE_USER_NAME = (
    "localhost/dev1/?api-version=2021-04-12&DeviceClientType=azure-iot-device%2F1.18.4%20(node%20v20.20.2%3B"
    "%20Debian%2012%3B%20x64)"
)
NODE_DPS_USER_NAME = (
    "0ne00ABCDEF/registrations/dev1/api-version=2019-03-31&ClientVersion=azure-iot-provisioning-device%2F1.9.1"
)

# First bytes recorded, up to the length of the user name, and what they say.
RECORDED = {
    "Python device": (
        "10B001 0004 4D515454 04 80 003C 0004 64657631 009E",
        PYTHON_USER_NAME.ljust(0x9E, "x"),
        60,
        False,
    ),
    "Node device": ("109101 0004 4D515454 04 80 00B4 0004 64657631 007F", NODE_USER_NAME, 180, False),
    "Node DPS": ("107B 0004 4D515454 04 82 00B4 0004 64657631 0069", NODE_DPS_USER_NAME, 180, True),
}


@pytest.mark.parametrize("case", RECORDED.values(), ids=RECORDED.keys())
def test_connect_of_a_real_client_is_understood(case: tuple[str, str, int, bool]) -> None:
    recorded, user_name, keep_alive_s, clean_session = case
    connection = mqtt.ServerConnection(mqtt.Limits())
    events = connection.receive(bytes.fromhex(recorded) + user_name.encode(), 0.0)
    assert events == [mqtt.Connect("dev1", clean_session, keep_alive_s, user_name)]


@pytest.mark.parametrize("case", RECORDED.values(), ids=RECORDED.keys())
def test_our_client_writes_the_same_bytes(case: tuple[str, str, int, bool]) -> None:
    recorded, user_name, keep_alive_s, clean_session = case
    client = mqtt.ClientConnection(mqtt.Limits())
    client.connect(mqtt.Connect("dev1", clean_session, keep_alive_s, user_name))
    assert client.bytes_to_send() == bytes.fromhex(recorded) + user_name.encode()


@pytest.mark.parametrize(("flags", "clean_session"), [(0xC0, False), (0xC2, True)])
def test_connect_with_a_token_carries_it_as_password(flags: int, *, clean_session: bool) -> None:
    body = bytes.fromhex("0004 4D515454 04") + bytes((flags,)) + bytes.fromhex("003C 0004 64657631 0001 75 0003 736173")
    (event,) = mqtt.ServerConnection(mqtt.Limits()).receive(bytes((0x10, len(body))) + body, 0.0)
    assert event == mqtt.Connect("dev1", clean_session, 60, "u", b"sas")
    assert "sas" not in repr(event), "a token must not reach a log"
