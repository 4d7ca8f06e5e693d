"""A device's session, from CONNECT to its end."""

from __future__ import annotations

import pytest
from gateway_site import Site


@pytest.mark.anyio
async def test_a_device_connects_and_its_telemetry_is_acknowledged(site: Site) -> None:
    await site.start_gateway()
    device, _ = await site.connected("pump-7")
    await device.telemetry("pump-7", b'{"pressure":4}', "%24.mid=1&unit=bar")
    await device.close()
