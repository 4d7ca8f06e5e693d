"""The service API: the hub's own REST interface, for programs written with the Azure IoT service SDKs.

Terms: an *operation* is a method at a path and the right it takes; a *call* one request for it, made under a *service
policy*. A port of its own: nothing of it is reachable where operators come, and the reverse.

Invariants: no operation without a right; no call without a genuine token; every change is made through the rooms'
services, so that ledger, posture and limits hold. Keys are told when they are made and never read back. An identity is
never weakened: a service policy turns no certificate into a shared key.
"""

from __future__ import annotations

from vedette.api.service.application import ServiceDoorSettings, ServiceRooms, build_service_api

__all__ = ["ServiceDoorSettings", "ServiceRooms", "build_service_api"]
