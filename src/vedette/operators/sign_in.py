"""Every way in beside passkeys, as one thing that doors are given."""

from __future__ import annotations

from dataclasses import dataclass

from vedette.operators.device_flow_service import DeviceFlowService
from vedette.operators.service_tokens import ServiceTokenService


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """The services of sign-in beyond passkeys."""

    service_tokens: ServiceTokenService
    device_flow: DeviceFlowService
