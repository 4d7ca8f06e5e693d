"""How a connection ends, in both versions of MQTT: what is said, and what is not waited for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from recorded_transport import RecordedTransport

from vedette.gateway.connection import MqttConnection
from vedette.protocols import RemoteProtocolError, mqtt
from vedette.protocols.mqtt import NOT_AUTHORIZED, SERVER_UNAVAILABLE, ReasonCode, ServerEvent


@dataclass
class Facts:
    """What TLS proved of a peer without a certificate."""

    chain: tuple[bytes, ...] = ()
    version: str = "TLSv1.3"
    remote_address: str = "192.0.2.1"
    source: str = "192.0.2.1"
    cipher: str = "TLS_AES_256_GCM_SHA384"


class Wire(RecordedTransport):
    """A transport whose peer may be slow to read."""

    def __init__(self) -> None:
        super().__init__()
        self.facts = Facts()
        self.backlog = 0
        self.unread_bytes = 0
        self.is_read = True

    def identified(self, *, keep_chain: bool) -> None:
        del keep_chain

    def get_write_buffer_size(self) -> int:
        return self.backlog

    def pause_reading(self) -> None:
        self.is_read = False

    def resume_reading(self) -> None:
        self.is_read = True


class Listener:
    """Hears what a role hears."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def receive(self, events: list[ServerEvent], now_s: float) -> None:
        del now_s
        self.heard += [type(event).__name__ for event in events]

    def ended(self, reason: str) -> None:
        self.heard.append(reason)

    def broke_off(self, reason: str, detail: str) -> None:
        self.heard.append(f"{reason}: {detail}")

    def resume(self) -> None:
        self.heard.append("resume")


class Scene:
    """A connection between a wire and a client."""

    def __init__(self, level: int) -> None:
        nothing_shared: Any = None  # what ends a connection needs nothing of what connections share
        self.wire = Wire()
        self.connection = MqttConnection(nothing_shared)
        self.connection.connection_made(self.wire)
        self.client = mqtt.ClientConnection(mqtt.Limits())
        self.client.connect(mqtt.Connect("pump-7", clean_session=True, keep_alive_s=0, protocol_level=level))
        self.connection.mqtt.receive(self.client.bytes_to_send(), 0.0)
        self.role = Listener()

    def accept(self) -> Scene:
        self.connection.accept(self.role, 0.0)
        self.client.receive(self.wire.taken())
        return self

    def said(self) -> list[mqtt.ClientEvent]:
        return self.client.receive(self.wire.taken())


def test_cut_client_is_told_and_not_waited_for() -> None:
    scene = Scene(mqtt.MQTT_5).accept()
    scene.connection.abort("quarantined")
    assert scene.said() == [mqtt.Disconnect(0x98, "quarantined: this identity is in quarantine")]
    assert scene.wire.is_closed
    assert not scene.wire.was_aborted


@pytest.mark.parametrize(
    ("level", "backlog", "reason"),
    [(mqtt.MQTT_5, 1, "quarantined"), (mqtt.MQTT_5, 0, ""), (mqtt.MQTT_3_1_1, 0, "quarantined")],
    ids=["does not read", "no reason", "3.1.1"],
)
def test_cut_drops_the_socket_of_a_client_that(level: int, backlog: int, reason: str) -> None:
    scene = Scene(level).accept()
    scene.wire.backlog = backlog
    scene.connection.abort(reason)
    assert scene.wire.was_aborted
    assert scene.wire.taken() == b""


def test_close_says_why_in_mqtt_5_only() -> None:
    scene = Scene(mqtt.MQTT_5).accept()
    scene.connection.close("foreign_topic", "topic is none of this identity's")
    (event,) = scene.said()
    assert isinstance(event, mqtt.Disconnect)
    assert event.reason_code == ReasonCode.NOT_AUTHORIZED
    assert event.reason_string == "foreign_topic: not a topic of this identity (topic is none of this identity's)"
    for level, reason in ((mqtt.MQTT_3_1_1, "taken_over"), (mqtt.MQTT_5, "")):
        scene = Scene(level).accept()
        scene.connection.close(reason)
        assert scene.wire.taken() == b""
        assert scene.wire.is_closed


def test_what_waits_is_written_before_the_farewell() -> None:
    scene = Scene(mqtt.MQTT_5).accept()
    scene.connection.mqtt.publish("t", b"last")
    scene.connection.close("stopping")
    message, farewell = scene.said()
    assert isinstance(message, mqtt.Publish)
    assert isinstance(farewell, mqtt.Disconnect)
    assert farewell.reason_code == ReasonCode.SERVER_SHUTTING_DOWN


def test_refusal_has_a_return_code_or_a_reason() -> None:
    scene = Scene(mqtt.MQTT_3_1_1)
    scene.connection.refuse(SERVER_UNAVAILABLE, "disabled", "a detail")
    assert scene.said() == [mqtt.Connack(session_present=False, return_code=3)]
    scene = Scene(mqtt.MQTT_5)
    scene.connection.refuse(SERVER_UNAVAILABLE, "takeover_damped", "a detail")
    (event,) = scene.said()
    assert isinstance(event, mqtt.Connack)
    assert event.return_code == ReasonCode.CONNECTION_RATE_EXCEEDED
    assert event.offer is not None
    assert (event.offer.reason_string or "").startswith("takeover_damped: ")
    scene = Scene(mqtt.MQTT_5)
    scene.connection.refuse(NOT_AUTHORIZED)
    (event,) = scene.said()
    assert isinstance(event, mqtt.Connack)
    assert event.return_code == ReasonCode.NOT_AUTHORIZED
    assert scene.wire.is_closed


@pytest.mark.parametrize("level", [mqtt.MQTT_3_1_1, mqtt.MQTT_5])
def test_kept_session_is_told(level: int) -> None:
    scene = Scene(level)
    scene.connection.accept(scene.role, 0.0, session_present=True, session_expiry_s=mqtt.NEVER_EXPIRES)
    (event,) = scene.said()
    assert isinstance(event, mqtt.Connack)
    assert event.session_present


def test_broken_carrier_ends_the_connection_with_one_farewell() -> None:
    scene = Scene(mqtt.MQTT_5).accept()
    scene.connection.break_off(RemoteProtocolError("WebSocket message is text; MQTT is binary"))
    assert scene.role.heard == ["protocol_error: WebSocket message is text; MQTT is binary"]
    assert scene.wire.is_closed
    scene.connection.connection_lost(None)
    assert scene.role.heard == ["protocol_error: WebSocket message is text; MQTT is binary"]


def test_calls_after_the_end_do_nothing() -> None:
    scene = Scene(mqtt.MQTT_5).accept()
    scene.connection.connection_lost(None)
    scene.connection.close("taken_over")
    scene.connection.abort("disabled")
    scene.connection.refuse(3, "disabled")
    assert scene.wire.taken() == b""
    assert scene.connection.backlog_bytes == 0
    assert scene.role.heard == ["connection_lost"]


def test_a_peer_that_does_not_read_is_not_read_from_whoever_wants_to_read_on() -> None:
    scene = Scene(mqtt.MQTT_3_1_1).accept()
    scene.connection.pause_writing()
    scene.connection.resume_reading()  # as a session does when its telemetry is stored
    assert not scene.wire.is_read


def test_a_peer_that_reads_again_is_read_from_only_if_its_session_wants_to() -> None:
    scene = Scene(mqtt.MQTT_3_1_1).accept()
    scene.connection.pause_reading()  # above its rate
    scene.connection.pause_writing()
    scene.connection.resume_writing()
    assert not scene.wire.is_read
    assert scene.role.heard == ["resume"]
