"""``/v1/enforcements``: how long a change took, hop by hop, from its cause to the gateways."""

from __future__ import annotations

from typing import Annotated, ClassVar

from fastapi import APIRouter, Path
from pydantic import Field

from vedette.access import HopLog, Hops
from vedette.api.schema import DevicePath, Timestamp, View, api_router, refusals
from vedette.kernel import OrganizationId, Problem
from vedette.registry import DeviceService

_SequenceInPath = Annotated[
    int, Path(ge=1, le=2**53, description="Of the posture record that the change wrote.", examples=[1041])
]


class EnforcementForgotten(Problem):
    """The hops of a change are kept for the latest changes only."""

    code: ClassVar[str] = "api.enforcement_forgotten"
    status: ClassVar[int] = 404


class GatewayHop(View):
    """When one gateway had applied the change to the sessions it held."""

    gateway: str
    enforced_after_ms: float | None = Field(
        description="From `ingested_at` on, by the monotonic clock; null if the gateway runs on another machine."
    )
    applied_in_ms: float = Field(description="From its receipt at the gateway to its enforcement.")
    sessions_cut: int


class EnforcementHops(View):
    """A change, hop by hop. Durations are measured by the monotonic clock of this machine."""

    sequence: int
    device_id: str
    module_id: str | None
    generation_id: str
    cause: str = Field(description="Generated id of the signal that caused it, or `act`.")
    observed_at: Timestamp
    ingested_at: Timestamp
    decided_at: Timestamp
    sent_at: Timestamp
    decided_after_ms: float = Field(description="From `ingested_at` until the record was signed.")
    sent_after_ms: float = Field(description="From `ingested_at` until it was committed and sent.")
    enforced: list[GatewayHop] = Field(description="Gateways that held a session of the identity.")
    enforced_after_ms: float | None = Field(description="From `ingested_at` until the last of them had applied it.")


class EnforcementRoutes:
    """What the routes below do, for one organization.

    Args:
        organization_id: Whose changes.
        hops: Of the latest changes.
        devices: To find a device by name.
        boot_id: Of this machine's boot: stamps of others are not compared.
    """

    def __init__(self, organization_id: OrganizationId, hops: HopLog, devices: DeviceService, *, boot_id: str) -> None:
        self._organization_id = organization_id
        self._hops = hops
        self._devices = devices
        self._boot_id = boot_id

    def build(self) -> list[APIRouter]:
        """Return the routes."""
        router = api_router("enforcements", "/v1/enforcements")
        router.add_api_route(
            "/{sequence}", self.show, methods=["GET"], summary="Show a change hop by hop", responses=refusals(404, 422)
        )
        devices = api_router("enforcements", "/v1/devices/{device_id}/enforcement")
        devices.add_api_route(
            "", self.latest, methods=["GET"], summary="Show a device's last change", responses=refusals(404, 422)
        )
        return [router, devices]

    async def show(self, sequence: _SequenceInPath) -> EnforcementHops:
        """One of the latest 20,000 changes; a restart of control forgets the last seconds at most."""
        return self._show(self._hops.get(sequence), f"change {sequence}")

    async def latest(self, device_id: DevicePath) -> EnforcementHops:
        """The last change of the device's posture record, hop by hop."""
        device = await self._devices.get(self._organization_id, device_id)
        return self._show(self._hops.latest_of(device.generation_id), f"the last change of {device_id}")

    def _show(self, hops: Hops | None, what: str) -> EnforcementHops:
        if hops is None:
            raise EnforcementForgotten(
                f"{what} is not remembered", hint="acts stand in the ledger: vedette ledger list"
            )
        since = hops.stamps.ingested_ns
        after = hops.enforced_after_ns(self._boot_id)
        return EnforcementHops(
            sequence=hops.sequence,
            device_id=hops.device_id,
            module_id=hops.module_id,
            generation_id=hops.generation_id,
            cause=hops.stamps.cause,
            observed_at=hops.stamps.observed_at,
            ingested_at=hops.stamps.ingested_at,
            decided_at=hops.decided_at,
            sent_at=hops.sent_at,
            decided_after_ms=_ms(hops.decided_ns - since),
            sent_after_ms=_ms(hops.sent_ns - since),
            enforced=[
                GatewayHop(
                    gateway=each.gateway,
                    enforced_after_ms=_ms(each.enforced_ns - since) if each.boot_id == self._boot_id else None,
                    applied_in_ms=_ms(each.enforced_ns - each.received_ns),
                    sessions_cut=each.sessions_cut,
                )
                for each in hops.enforced.values()
            ],
            enforced_after_ms=None if after is None else _ms(after),
        )


def _ms(nanoseconds: int) -> float:
    return round(nanoseconds / 1e6, 3)
