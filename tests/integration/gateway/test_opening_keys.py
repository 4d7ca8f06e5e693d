"""Openings are sealed once a key is agreed on, signed while there is none, and not believed otherwise."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from gateway_site import Site

from vedette.bus.contract import SessionOpening

pytestmark = pytest.mark.anyio


async def sealed_session(site: Site, name: str) -> None:
    """Connect again and again until control seals an answer."""
    credential, _ = site.new_device(name)
    before = site.control.sealed
    async with asyncio.timeout(30):
        while site.control.sealed == before:
            device = await site.open(credential)
            assert await device.connect(name) == 0
            await device.close()
            await asyncio.sleep(0.1)


async def test_openings_are_sealed_with_the_key_that_was_agreed_on(site: Site) -> None:
    await site.start_gateway()
    await sealed_session(site, "pump-7")


async def test_a_control_that_knows_no_key_is_still_believed(site: Site) -> None:
    await site.start_gateway()
    await sealed_session(site, "pump-7")
    site.control.forget_opening_keys()
    before = site.control.sealed
    device, _ = await site.connected("pump-8")
    await device.telemetry("pump-8", b"x")
    assert site.control.sealed == before
    await device.close()


@pytest.mark.parametrize("lie", ["a key that was not agreed on", "another seal", "called signed"])
async def test_an_opening_with_a_wrong_seal_opens_nothing(site: Site, lie: str) -> None:
    await site.start_gateway()
    await sealed_session(site, "pump-7")

    def answer(honest: SessionOpening) -> SessionOpening:
        if lie == "a key that was not agreed on":
            return msgspec.structs.replace(honest, key_id="mine")
        if lie == "another seal":
            return msgspec.structs.replace(honest, opening=honest.opening[:-1] + bytes([honest.opening[-1] ^ 1]))
        return msgspec.structs.replace(honest, key_id="")

    site.control.on_answer = answer
    credential, _ = site.new_device("pump-8")
    device = await site.open(credential)
    assert await device.connect("pump-8") != 0
    await site.wait_decision("refuse", "untrusted_answer")
