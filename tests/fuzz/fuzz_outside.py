"""Fuzz what other systems send: questions to the decision point, a broker's fields, requests of a NATS server."""

from __future__ import annotations

import contextlib
from typing import Final

import msgspec

from vedette.api.authzen_request import Kind, read_batch, read_page, read_search
from vedette.api.broker_hooks import _read_form, _read_json, covers
from vedette.api.errors import InvalidBody
from vedette.bus import CalloutRefused, read_callout

SEEDS: Final = (
    b'{"subject": {"type": "device", "id": "a"}, "action": {"name": "connect"}, "resource": {"type": "h", "id": "h"}}',
    b'{"evaluations": [{"action": {"name": "fly"}}], "options": {"evaluations_semantic": "execute_all"}}',
    b'{"subject": {"type": "device"}, "action": {"name": ""}, "resource": {"type": "", "id": ""}, "page": {}}',
    b"username=pump-7&topic=devices%2Fpump-7%2Fa&acc=2",
    b"eyJhbGciOiJlZDI1NTE5LW5rZXkifQ.e30.AAAA",
)


def fuzz_one(data: bytes) -> None:
    """Feed one input; only the documented errors may come out."""
    with contextlib.suppress(CalloutRefused):
        read_callout(data, now_s=0)
    for read in (_read_form, _read_json):
        fields = read(data)
        assert all(isinstance(each, str) for each in fields.values())
        covers("devices/a/#", fields.get("topic", ""))
    with contextlib.suppress(msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        body = msgspec.json.decode(data)
        with contextlib.suppress(InvalidBody):
            read_batch(body)
        for kind in Kind:
            with contextlib.suppress(InvalidBody):
                read_page(body, read_search(body, kind))
