"""An unmodified paho client as a program: connect as a device and say what happens, a line each.

``python paho_session.py SERVER DEVICE CREDENTIAL ROOT [--from ADDRESS] [--module MODULE] [--tls 1.1|1.2] [--weak]``;
CREDENTIAL is a PEM file with chain and key. It reads ``publish TEXT`` and ``get-twin`` from its standard input and ends
with it.
"""

from __future__ import annotations

import argparse
import ssl
import sys
from typing import Any

import paho.mqtt.client as paho

_VERSIONS = {"1.1": ssl.TLSVersion.TLSv1_1, "1.2": ssl.TLSVersion.TLSv1_2}


def say(*words: object) -> None:
    """Write a line at once."""
    print(*words, flush=True)  # noqa: T201 - a program's output


def make_context(options: argparse.Namespace) -> ssl.SSLContext:
    """Return TLS as asked for; with an old version or a weak key as lax as old devices are."""
    context = ssl.create_default_context(cafile=options.root)
    if options.tls == "1.1" or options.weak:
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
    if options.tls:
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = _VERSIONS[options.tls]
    context.load_cert_chain(options.credential)
    return context


def main() -> None:
    """Connect, and do what standard input says."""
    parser = argparse.ArgumentParser()
    for name in ("server", "device", "credential", "root"):
        parser.add_argument(name)
    parser.add_argument("--from", dest="address", default="")
    parser.add_argument("--module", default="")
    parser.add_argument("--tls", default="", choices=["", *_VERSIONS])
    parser.add_argument("--weak", action="store_true")
    options = parser.parse_args()
    identity = f"{options.device}/{options.module}" if options.module else options.device
    client = paho.Client(identity, clean_session=True, reconnect_on_failure=False)
    client.username_pw_set(f"{options.server}/{identity}/?api-version=2021-04-12")
    client.on_connect = lambda _client, _data, _flags, code: say("connack", code)
    client.on_disconnect = lambda _client, _data, code: say("disconnected" if code else "left")
    client.on_publish = lambda _client, _data, packet_id: say("acknowledged", packet_id)

    def receive(_client: Any, _data: Any, message: Any) -> None:  # paho's own types are none
        say("message", message.topic)

    client.on_message = receive
    try:
        client.tls_set_context(make_context(options))
        client.connect(options.server, 8883, keepalive=60, bind_address=options.address)
    except (ssl.SSLError, OSError) as error:
        say("failed", type(error).__name__, error)
        return
    client.loop_start()
    topic = f"devices/{options.device}/" + (f"modules/{options.module}/" if options.module else "") + "messages/events/"
    for line in sys.stdin:
        command, _, text = line.strip().partition(" ")
        if command == "publish":
            client.publish(topic, text, qos=1)
        elif command == "get-twin":
            client.subscribe("$iothub/twin/res/#")
            client.publish("$iothub/twin/GET/?$rid=1", b"")
    client.disconnect()
    client.loop_stop()


if __name__ == "__main__":
    main()
