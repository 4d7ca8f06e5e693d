"""The hub's topics, as the contract lists them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.protocols import LocalProtocolError, hub

DEVICE = hub.IdentityTopics("dev1")
MODULE = hub.IdentityTopics("dev1", "mod1")
RID = "3fa8-UUID"

FROM_DEVICE: dict[str, tuple[str, hub.DeviceMessage]] = {
    "telemetry without a last level": ("devices/dev1/messages/events", hub.Telemetry("")),
    "telemetry with an empty last level": ("devices/dev1/messages/events/", hub.Telemetry("")),
    "telemetry with a bag (Python)": (
        "devices/dev1/messages/events/%24.mid=id%201&%24.cid=c%2F1&%24.ct=application%2Fjson&%24.ce=utf-8&a%20b=x%26y&z=1",
        hub.Telemetry("%24.mid=id%201&%24.cid=c%2F1&%24.ct=application%2Fjson&%24.ce=utf-8&a%20b=x%26y&z=1"),
    ),
    "telemetry with one stray slash (Node)": ("devices/dev1/messages/events/%24.mid=1/", hub.Telemetry("%24.mid=1")),
    "telemetry with two slashes keeps one": ("devices/dev1/messages/events/a=1//", hub.Telemetry("a=1/")),
    "twin GET": (f"$iothub/twin/GET/?$rid={RID}", hub.TwinGet(RID)),
    "twin GET with a further parameter": (f"$iothub/twin/GET/?$rid={RID}&x=1", hub.TwinGet(RID)),
    "twin GET with the id second": (f"$iothub/twin/GET/?x=1&$rid={RID}", hub.TwinGet(RID)),
    "an encoded request id stays as it is": ("$iothub/twin/GET/?$rid=a%20b", hub.TwinGet("a%20b")),
    "twin PATCH": (f"$iothub/twin/PATCH/properties/reported/?$rid={RID}", hub.TwinPatchReported(RID)),
    "method response": (f"$iothub/methods/res/200/?$rid={RID}", hub.MethodResponse(200, RID)),
    "method response with a status of its own": ("$iothub/methods/res/-7/?$rid=1", hub.MethodResponse(-7, "1")),
    "certificate request": (
        "$iothub/credentials/POST/issueCertificate/?$rid=abcd",
        hub.IssueCertificate("abcd"),
    ),
    "certificate request at 36": (
        "$iothub/credentials/POST/issueCertificate/?$rid=" + "a" * 36,
        hub.IssueCertificate("a" * 36),
    ),
    "request id at 256": ("$iothub/twin/GET/?$rid=" + "r" * 256, hub.TwinGet("r" * 256)),
}


@pytest.mark.parametrize("case", FROM_DEVICE.values(), ids=FROM_DEVICE.keys())
def test_topic_of_the_contract_is_understood(case: tuple[str, hub.DeviceMessage]) -> None:
    topic, expected = case
    assert DEVICE.parse(topic) == expected


FOREIGN = {
    "another device": "devices/dev2/messages/events/",
    "another device whose id begins alike": "devices/dev11/messages/events/",
    "another case": "devices/DEV1/messages/events/",
    "its own module": "devices/dev1/modules/mod1/messages/events/",
    "events with more letters": "devices/dev1/messages/eventsX",
    "its own devicebound": "devices/dev1/messages/devicebound/",
    "another service of the hub": "$iothub/jobs/GET/?$rid=1",
    "desired properties": "$iothub/twin/PATCH/properties/desired/?$version=1",
    "no request id": "$iothub/twin/GET/",
    "an empty request id": "$iothub/twin/GET/?$rid=",
    "a request id of 257 characters": "$iothub/twin/GET/?$rid=" + "r" * 257,
    "reported without a request id": "$iothub/twin/PATCH/properties/reported/?rid=1",
    "a method status that is no number": "$iothub/methods/res/ok/?$rid=1",
    "a method status in other digits": "$iothub/methods/res/٢٠٠/?$rid=1",
    "a method status of ten digits": "$iothub/methods/res/1234567890/?$rid=1",
    "a method response without a request id": "$iothub/methods/res/200/?x=1",
    "a method response without a query": "$iothub/methods/res/200",
    "a certificate request id of 3": "$iothub/credentials/POST/issueCertificate/?$rid=abc",
    "a certificate request id of 37": "$iothub/credentials/POST/issueCertificate/?$rid=" + "a" * 37,
    "a certificate request id with a dot": "$iothub/credentials/POST/issueCertificate/?$rid=a.bcd",
    "an invented topic": "a/b",
    "provisioning": "$dps/registrations/PUT/iotdps-register/?$rid=1",
}


@pytest.mark.parametrize("topic", FOREIGN.values(), ids=FOREIGN.keys())
def test_any_other_topic_is_foreign(topic: str) -> None:
    message = DEVICE.parse(topic)
    assert isinstance(message, hub.Foreign)
    assert message.reason


def test_module_publishes_to_its_own_topic_only() -> None:
    assert MODULE.parse("devices/dev1/modules/mod1/messages/events/%24.on=output1/") == hub.Telemetry("%24.on=output1")
    assert isinstance(MODULE.parse("devices/dev1/messages/events/"), hub.Foreign)
    assert isinstance(MODULE.parse("devices/dev1/modules/mod2/messages/events/"), hub.Foreign)


def test_ids_with_special_characters_are_compared_literally() -> None:
    odd = hub.IdentityTopics("a%20?$'(*)")
    assert odd.parse("devices/a%20?$'(*)/messages/events/x=1") == hub.Telemetry("x=1")
    assert isinstance(odd.parse("devices/a ?$'(*)/messages/events/x=1"), hub.Foreign)


@pytest.mark.parametrize(
    ("topics", "topic_filter", "subscription"),
    [
        (DEVICE, "devices/dev1/messages/devicebound/#", hub.Subscription.DEVICEBOUND),
        (DEVICE, "$iothub/methods/POST/#", hub.Subscription.METHODS),
        (DEVICE, "$iothub/twin/res/#", hub.Subscription.TWIN_RESPONSES),
        (DEVICE, "$iothub/twin/PATCH/properties/desired/#", hub.Subscription.DESIRED_PROPERTIES),
        (DEVICE, "$iothub/credentials/res/#", hub.Subscription.CREDENTIAL_RESPONSES),
        (MODULE, "devices/dev1/modules/mod1/inputs/#", hub.Subscription.MODULE_INPUTS),
        (MODULE, "devices/dev1/modules/mod1/#", hub.Subscription.MODULE_INPUTS),
        (MODULE, "$iothub/twin/res/#", hub.Subscription.TWIN_RESPONSES),
        (DEVICE, "devices/dev2/messages/devicebound/#", None),
        (DEVICE, "devices/dev1/modules/mod1/inputs/#", None),
        (MODULE, "devices/dev1/messages/devicebound/#", None),
        (MODULE, "devices/dev1/modules/mod2/#", None),
        (DEVICE, "devices/+/messages/devicebound/#", None),
        (DEVICE, "devices/dev1/#", None),
        (DEVICE, "$iothub/#", None),
        (DEVICE, "#", None),
        (DEVICE, "$dps/registrations/res/#", None),
    ],
)
def test_filter_is_one_of_the_contract_or_none(
    topics: hub.IdentityTopics, topic_filter: str, subscription: hub.Subscription | None
) -> None:
    assert topics.parse_filter(topic_filter) is subscription


def test_topics_to_devices_are_exactly_the_contracts() -> None:
    assert hub.devicebound_topic("dev1", "a=1") == "devices/dev1/messages/devicebound/a=1"
    assert hub.input_topic("dev1", "mod1", "in 1", "") == "devices/dev1/modules/mod1/inputs/in%201/"
    assert hub.method_request_topic("reboot", "1") == "$iothub/methods/POST/reboot/?$rid=1"
    assert hub.twin_response_topic(200, "r") == "$iothub/twin/res/200/?$rid=r"
    assert hub.twin_response_topic(204, "r", version=7) == "$iothub/twin/res/204/?$rid=r&$version=7"
    assert hub.desired_properties_topic(3) == "$iothub/twin/PATCH/properties/desired/?$version=3"
    assert hub.credential_response_topic(202, "abcd") == "$iothub/credentials/res/202/?$rid=abcd"


def test_names_in_topics_are_encoded_whole() -> None:
    assert hub.method_request_topic("a/b+#&$", "1") == "$iothub/methods/POST/a%2Fb%2B%23%26%24/?$rid=1"


@pytest.mark.parametrize("request_id", ["", "r" * 257, "a&b"])
def test_request_id_that_cannot_be_echoed_is_our_error(request_id: str) -> None:
    with pytest.raises(LocalProtocolError):
        hub.twin_response_topic(200, request_id)


def test_name_or_status_that_fits_no_topic_is_our_error() -> None:
    with pytest.raises(LocalProtocolError):
        hub.method_request_topic("", "1")
    with pytest.raises(LocalProtocolError):
        hub.credential_response_topic(99, "abcd")


@given(st.text(max_size=80), st.text(max_size=40))
def test_any_topic_and_filter_have_an_answer(topic: str, rest: str) -> None:
    for text in (topic, "$iothub/" + rest, "$iothub/methods/res/" + rest, "devices/dev1/messages/events" + rest):
        assert isinstance(DEVICE.parse(text), hub.DeviceMessage)
        DEVICE.parse_filter(text)
