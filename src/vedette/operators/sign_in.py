"""Every way in beside passkeys, as one thing that doors are given."""

from __future__ import annotations

from dataclasses import dataclass

from vedette.operators.device_flow_service import DeviceFlowService
from vedette.operators.oidc_service import OidcService
from vedette.operators.service_tokens import ServiceTokenService
from vedette.operators.totp_service import TotpService


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """The services of sign-in beyond passkeys.

    Attributes:
        oidc: None while no identity provider is configured.
    """

    service_tokens: ServiceTokenService
    device_flow: DeviceFlowService
    totp: TotpService
    oidc: OidcService | None
