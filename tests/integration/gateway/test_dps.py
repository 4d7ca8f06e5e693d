"""Provisioning connections: handed to control, and never anything else."""

from __future__ import annotations

import json

import pytest
from gateway_site import Site
from mqtt_device import MqttDevice
from stand_in_control import Credential, make_certificate

from vedette.bus.contract import RegisterDevice, RegistrationReply
from vedette.gateway import DpsSettings, GatewaySettings, dps
from vedette.protocols import mqtt

pytestmark = pytest.mark.anyio

REGISTER = "$dps/registrations/PUT/iotdps-register/?$rid=r-1"
BODY = b'{"registrationId":"pump-7"}'


async def provisioning(site: Site, credential: Credential | None, *, keep_alive_s: int = 0) -> MqttDevice:
    device = await site.open(credential)
    user = "0ne00TEST/registrations/pump-7/api-version=2019-03-31&ClientVersion=test"
    assert await device.connect("pump-7", user_name=user, keep_alive_s=keep_alive_s) == 0
    device.mqtt.subscribe([("$dps/registrations/res/#", 1)])
    await device.flush()
    assert isinstance(await device.next_event(), mqtt.Suback)
    return device


def factory_identity(site: Site) -> Credential:
    issuer = make_certificate("maker", is_authority=True)
    return make_certificate("pump-7", issuer).write(site.folder, "factory")


async def answer_to(device: MqttDevice, topic: str, body: bytes) -> mqtt.Publish:
    device.mqtt.publish(topic, body, qos=1)
    await device.flush()
    events = [await device.next_event()]
    if isinstance(events[0], mqtt.Puback):
        events.append(await device.next_event())
    assert isinstance(events[-1], mqtt.Publish)
    return events[-1]


async def test_a_registration_reaches_control_with_the_whole_chain(site: Site) -> None:
    await site.start_gateway()
    device = await provisioning(site, factory_identity(site))
    answer = await answer_to(device, REGISTER, BODY)
    assert answer.topic == "$dps/registrations/res/200/?$rid=r-1"
    (request,) = site.control.registrations
    assert request.body == BODY
    assert request.registration_id == "pump-7"
    assert request.id_scope == "0ne00TEST"
    assert len(request.certificate_chain) == 2
    assert request.operation_id is None
    await device.close()


async def test_a_poll_carries_its_operation_and_a_pending_answer_its_pause(site: Site) -> None:
    await site.start_gateway()

    def reply(request: RegisterDevice) -> RegistrationReply:
        if request.operation_id is None:
            return RegistrationReply(status=202, body=b'{"operationId":"4.x","status":"assigning"}', retry_after_s=3)
        return RegistrationReply(status=200, body=b'{"operationId":"4.x","status":"assigned"}')

    site.control.on_register = reply
    device = await provisioning(site, factory_identity(site))
    answer = await answer_to(device, REGISTER, BODY)
    assert answer.topic == "$dps/registrations/res/202/?$rid=r-1&retry-after=3"
    poll = "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=r-2&operationId=4.x"
    answer = await answer_to(device, poll, b" ")
    assert answer.topic == "$dps/registrations/res/200/?$rid=r-2"
    assert site.control.registrations[1].operation_id == "4.x"


async def test_without_a_client_certificate_the_answer_is_401(site: Site) -> None:
    await site.start_gateway()
    device = await provisioning(site, None)
    answer = await answer_to(device, REGISTER, BODY)
    assert answer.topic == "$dps/registrations/res/401/?$rid=r-1"
    assert json.loads(answer.payload)["errorCode"] == 401002
    assert site.control.registrations == []
    await site.wait_decision("register", "certificate_missing")


async def test_a_refused_registration_is_on_record_with_its_certificate(site: Site) -> None:
    await site.start_gateway()
    site.control.on_register = lambda _: RegistrationReply(status=401, body=b"{}", reason="enrollment.not_enrolled")
    device = await provisioning(site, factory_identity(site))
    assert (await answer_to(device, REGISTER, BODY)).topic.startswith("$dps/registrations/res/401/")
    found = await site.wait_decision("register", "enrollment.not_enrolled")
    assert found.certificate_issuer == "CN=maker"
    assert found.device_id == "pump-7"


async def test_a_body_over_its_limit_is_answered_with_413(site: Site) -> None:
    await site.start_gateway()
    device = await provisioning(site, factory_identity(site))
    answer = await answer_to(device, REGISTER, b"x" * 98_305)
    assert answer.topic == "$dps/registrations/res/413/?$rid=r-1"
    answer = await answer_to(device, REGISTER, b"x" * 98_304)
    assert answer.topic == "$dps/registrations/res/200/?$rid=r-1"


async def test_too_many_requests_are_answered_with_429_and_a_pause(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dps, "_REQUESTS_PER_S", 0.001)
    site.settings = GatewaySettings(dps=DpsSettings(requests_per_connection=2))
    await site.start_gateway()
    device = await provisioning(site, factory_identity(site))
    topics = [(await answer_to(device, REGISTER, BODY)).topic for _ in range(3)]
    assert topics[:2] == ["$dps/registrations/res/200/?$rid=r-1"] * 2
    assert topics[2] == "$dps/registrations/res/429/?$rid=r-1&retry-after=5"


FOREIGN = {
    "telemetry": ("devices/pump-7/messages/events/", None),
    "a twin": ("$iothub/twin/GET/?$rid=1", None),
    "a hub filter": (None, "devices/pump-7/messages/devicebound/#"),
    "every answer": (None, "#"),
}


@pytest.mark.parametrize("case", FOREIGN)
async def test_the_hub_is_out_of_reach_from_a_provisioning_connection(site: Site, case: str) -> None:
    topic, topic_filter = FOREIGN[case]
    await site.start_gateway()
    device = await provisioning(site, factory_identity(site))
    if topic is not None:
        device.mqtt.publish(topic, b"x")
    if topic_filter is not None:
        device.mqtt.subscribe([(topic_filter, 1)])
    await device.flush()
    await device.wait_closed()
    await site.wait_decision("register", "foreign_topic")


async def test_an_onboarding_certificate_opens_no_hub_session(site: Site) -> None:
    await site.start_gateway()
    site.new_device("pump-7")
    device = await site.open(factory_identity(site))
    assert await device.connect("pump-7") == 5


async def test_control_that_does_not_answer_is_answered_with_503(site: Site) -> None:
    site.settings = GatewaySettings(dps=DpsSettings(timeout_s=0.3), stop_s=0.3)
    await site.start_gateway()
    device = await provisioning(site, factory_identity(site))
    await site.bus.kill()
    answer = await answer_to(device, REGISTER, BODY)
    assert answer.topic == "$dps/registrations/res/503/?$rid=r-1&retry-after=5"


async def test_provisioning_connections_are_bounded_and_end_when_idle(site: Site) -> None:
    site.settings = GatewaySettings(dps=DpsSettings(max_connections=1, idle_s=6.0))
    await site.start_gateway()
    credential = factory_identity(site)
    first = await provisioning(site, credential)
    second = await site.open(credential)
    user = "0ne00TEST/registrations/pump-7/api-version=2019-03-31&ClientVersion=test"
    assert await second.connect("pump-7", user_name=user) == 3
    await first.wait_closed()
    await provisioning(site, credential)


async def test_a_provisioning_connection_that_floods_is_closed(site: Site) -> None:
    await site.start_gateway()
    device = await provisioning(site, None)
    await device.send(b"\xc0\x00" * 500)
    await device.wait_closed()
    await site.wait_decision("register", "message_throttled")


async def test_a_provisioning_connection_keeps_its_own_keep_alive(site: Site) -> None:
    await site.start_gateway()
    device = await provisioning(site, factory_identity(site), keep_alive_s=4)
    await device.wait_closed()


TOKEN = b"SharedAccessSignature sr=0ne00TEST%2Fregistrations%2Fpump-7&sig=c2ln&se=1795340105&skn=registration"


async def by_password(site: Site, password: bytes, credential: Credential | None = None) -> MqttDevice:
    device = await site.open(credential)
    user = "0ne00TEST/registrations/pump-7/api-version=2019-03-31&ClientVersion=test"
    assert await device.connect("pump-7", user_name=user, password=password) == 0
    return device


async def test_a_token_goes_to_control_which_alone_can_verify_it(site: Site) -> None:
    await site.start_gateway()
    device = await by_password(site, TOKEN)
    assert (await answer_to(device, REGISTER, BODY)).topic == "$dps/registrations/res/200/?$rid=r-1"
    poll = "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=r-2&operationId=4.x"
    await answer_to(device, poll, b" ")
    assert [request.password for request in site.control.registrations] == [TOKEN, TOKEN]
    assert site.control.registrations[0].certificate_chain == []


@pytest.mark.parametrize("password", [b"secret", b"SharedAccessSignature", b""])
async def test_a_password_that_is_no_token_proves_nothing_and_goes_nowhere(site: Site, password: bytes) -> None:
    await site.start_gateway()
    device = await by_password(site, password)
    assert (await answer_to(device, REGISTER, BODY)).topic == "$dps/registrations/res/401/?$rid=r-1"
    assert site.control.registrations == []
    with_certificate = await by_password(site, password, factory_identity(site))
    assert (await answer_to(with_certificate, REGISTER, BODY)).topic == "$dps/registrations/res/200/?$rid=r-1"
    assert site.control.registrations[0].password is None


async def test_a_token_that_is_refused_is_on_record_without_its_signature(site: Site) -> None:
    await site.start_gateway()
    site.control.on_register = lambda _: RegistrationReply(status=401, body=b"{}", reason="token_invalid", detail="no")
    device = await by_password(site, TOKEN)
    assert (await answer_to(device, REGISTER, BODY)).topic.startswith("$dps/registrations/res/401/")
    found = await site.wait_decision("register", "token_invalid")
    assert found.device_id == "pump-7"
    assert "c2ln" not in str(found)
