"""``/v1/devices``: the registry, and what can be done with a device."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Body, Query, Request, Response

from vedette.access import EnforcementTracker
from vedette.api.device_views import (
    BulkRequest,
    BulkResult,
    DeviceChange,
    DevicePatch,
    DeviceView,
    DeviceWithKeysView,
    LifecycleStep,
    NewDeviceView,
    show_bulk,
    show_device,
    show_device_with_keys,
    show_enforcement,
)
from vedette.api.errors import InvalidRequest
from vedette.api.schema import (
    REASON_MAX_CHARS,
    After,
    DevicePath,
    Limit,
    Page,
    Reason,
    RequiredReason,
    Revision,
    Who,
    api_router,
    refusals,
    takes_merge_patch,
)
from vedette.api.sight import Seen
from vedette.kernel import OrganizationId
from vedette.registry import BulkChange, Device, DeviceFilter, DeviceNotFound, DeviceService, PresenceService
from vedette.trust import Lifecycle

_TAG_MAX_CHARS: Final = 512
_JSON_SCALAR: Final = re.compile(r'true|false|-?(0|[1-9]\d{0,14})(\.\d{1,15})?|"[^"\\\\]*"', re.ASCII)
_NO_REASON: Final = Reason()


class DeviceRoutes:
    """What the routes below do, for one organization."""

    def __init__(
        self,
        organization_id: OrganizationId,
        devices: DeviceService,
        presence: PresenceService,
        enforcement: EnforcementTracker,
    ) -> None:
        self._organization_id = organization_id
        self._devices = devices
        self._presence = presence
        self._enforcement = enforcement

    def build(self) -> APIRouter:
        """Return the routes of one device, and of the list."""
        router = api_router("devices", "/v1/devices")
        change = refusals(404, 409, 412, 422, is_change=True)
        add = router.add_api_route
        add("", self.list_devices, methods=["GET"], summary="List devices", responses=refusals(422))
        add(
            "",
            self.create,
            methods=["POST"],
            status_code=201,
            summary="Create a device",
            responses=refusals(409, 422, is_change=True),
        )
        add("/{device_id}", self.show, methods=["GET"], summary="Show a device", responses=refusals(404, 422))
        add(
            "/{device_id}",
            self.patch,
            methods=["PATCH"],
            summary="Change a device",
            responses=change,
            openapi_extra=takes_merge_patch("DevicePatch"),
        )
        add(
            "/{device_id}",
            self.delete,
            methods=["DELETE"],
            status_code=204,
            summary="Delete a device",
            responses=change,
        )
        add("/{device_id}/disable", self.disable, methods=["POST"], summary="Disable a device", responses=change)
        add("/{device_id}/enable", self.enable, methods=["POST"], summary="Enable a device", responses=change)
        add("/{device_id}/retire", self.retire, methods=["POST"], summary="Retire a device", responses=change)
        add(
            "/{device_id}/lifecycle",
            self.move,
            methods=["POST"],
            summary="Move a device along its lifecycle",
            responses=change,
        )
        return router

    def build_bulk(self) -> APIRouter:
        """Return the route of many devices; apart, since ``bulk`` may be a device's name."""
        router = api_router("devices", "/v1/bulk")
        router.add_api_route(
            "/devices",
            self.change_many,
            methods=["POST"],
            summary="Enable or disable many devices",
            responses=refusals(409, 422, is_change=True),
        )
        return router

    async def list_devices(
        self,
        sight: Seen,
        *,
        limit: Limit = 100,
        after: After = "",
        is_enabled: Annotated[bool | None, Query(description="Only enabled, or only disabled ones.")] = None,
        lifecycle: Annotated[Lifecycle | None, Query(description="Only those in this state.")] = None,
        site: Annotated[str | None, Query(max_length=128, description="Only those of this site.")] = None,
        zone: Annotated[str | None, Query(max_length=128, description="Only those of this zone.")] = None,
        tag: Annotated[
            list[str] | None,
            Query(max_length=8, description='`path=value`, such as `line=A`, `row=3` or `row="3"`; all must hold.'),
        ] = None,
        where: Annotated[
            str | None,
            Query(
                max_length=8192,
                description="What stands after WHERE in a query, such as `tags.site = 'north'`; it must hold, too.",
            ),
        ] = None,
    ) -> Page[DeviceView]:
        """Devices by name, in byte order. With `where`, a page may be short and still have a `next`."""
        matching = DeviceFilter(is_enabled=is_enabled, lifecycle=lifecycle, site=site, zone=zone, tags=_tags(tag or ()))
        page = await self._devices.list(
            self._organization_id, after=after, limit=limit, matching=matching, where=where, within=sight.areas
        )
        seen = await self._presence.get_many(self._organization_id, [device.generation_id for device in page.items])
        return Page(
            items=[show_device(device, seen.get(device.generation_id)) for device in page.items], next=page.next
        )

    async def create(self, new: NewDeviceView, who: Who, response: Response, request: Request) -> DeviceWithKeysView:
        """A device of that name can authenticate from now on, as `authentication` says.

        An answer with keys is not kept for `Idempotency-Key`.
        """
        created = await self._devices.create_with_keys(
            self._organization_id, new.to_new_device(), actor=who, given=new.to_given_keys() or None
        )
        response.headers["ETag"] = created.device.etag
        return show_device_with_keys(created.device, created.keys, None, request)

    async def change_many(self, change: BulkRequest, who: Who, sight: Seen) -> BulkResult:
        """Up to 1,000 devices in one transaction: all that exist, or none. Those out of sight are as if unknown."""
        seen = await sight.keep_names(change.device_ids)
        hidden = tuple(name for name in dict.fromkeys(change.device_ids) if name not in set(seen))
        if change.dry_run:
            preview = await self._preview(change, seen)
            return show_bulk(replace(preview, unknown=(*preview.unknown, *hidden)), None)
        if hidden and not seen:
            return show_bulk(BulkChange((), (), hidden), None)
        done = await self._devices.set_enabled_many(
            self._organization_id, seen, is_enabled=change.is_enabled, actor=who, reason=change.reason
        )
        done = replace(done, unknown=(*done.unknown, *hidden))
        return show_bulk(done, await self._enforcement.wait([device.generation_id for device in done.changed]))

    async def show(self, device_id: DevicePath, response: Response) -> DeviceView:
        """The device that holds a name."""
        return await self._tagged(await self._devices.get(self._organization_id, device_id), response)

    async def patch(
        self,
        device_id: DevicePath,
        patch: Annotated[DevicePatch, Body()],
        *,
        who: Who,
        revision: Revision,
        response: Response,
        request: Request,
    ) -> DeviceWithKeysView | DeviceView:
        """Merge patch (RFC 7396). Changed to `symmetric_key`, a device gets keys, which the answer shows this once."""
        changed = await self._devices.update_with_keys(
            self._organization_id, device_id, patch.to_patch(), actor=who, if_match=revision
        )
        if changed.keys is None:
            return await self._tagged(changed.device, response)
        response.headers["ETag"] = changed.device.etag
        presence = await self._presence.get(self._organization_id, changed.device.generation_id)
        return show_device_with_keys(changed.device, changed.keys, presence, request)

    async def delete(
        self,
        device_id: DevicePath,
        who: Who,
        revision: Revision,
        reason: Annotated[str, Query(max_length=REASON_MAX_CHARS, description="Why; it stands in the ledger.")] = "",
    ) -> None:
        """Cut it off and free its name; a new device of that name inherits nothing."""
        device = await self._devices.delete(
            self._organization_id, device_id, actor=who, reason=reason, if_match=revision
        )
        await self._enforcement.wait([device.generation_id])

    async def disable(
        self, device_id: DevicePath, why: RequiredReason, who: Who, revision: Revision, response: Response
    ) -> DeviceChange:
        """Keep it out until it is enabled; its live sessions are cut. A reason is required."""
        device = await self._devices.disable(
            self._organization_id, device_id, actor=who, reason=why.reason, if_match=revision
        )
        return await self._enforced(device, response)

    async def enable(
        self, device_id: DevicePath, who: Who, revision: Revision, response: Response, why: Reason = _NO_REASON
    ) -> DeviceChange:
        """Let it take part again; it reconnects by itself."""
        device = await self._devices.enable(
            self._organization_id, device_id, actor=who, reason=why.reason, if_match=revision
        )
        return await self._enforced(device, response)

    async def retire(
        self, device_id: DevicePath, why: RequiredReason, who: Who, revision: Revision, response: Response
    ) -> DeviceChange:
        """End its life for good; its name stays taken until it is deleted. A reason is required."""
        device = await self._devices.retire(
            self._organization_id, device_id, actor=who, reason=why.reason, if_match=revision
        )
        return await self._enforced(device, response)

    async def move(
        self, device_id: DevicePath, step: LifecycleStep, who: Who, revision: Revision, response: Response
    ) -> DeviceChange:
        """One step, such as into quarantine (a reason is required) or out of it."""
        device = await self._devices.move(
            self._organization_id, device_id, step.target, actor=who, reason=step.reason, if_match=revision
        )
        return await self._enforced(device, response)

    async def _enforced(self, device: Device, response: Response) -> DeviceChange:
        done = await self._enforcement.wait([device.generation_id])
        return DeviceChange(device=await self._tagged(device, response), enforcement=show_enforcement(done))

    async def _tagged(self, device: Device, response: Response) -> DeviceView:
        response.headers["ETag"] = device.etag
        return show_device(device, await self._presence.get(self._organization_id, device.generation_id))

    async def _preview(self, change: BulkRequest, names: Sequence[str]) -> BulkChange:
        """Tell what a change of many devices would do."""
        changed: list[Device] = []
        unchanged: list[str] = []
        unknown: list[str] = []
        for name in dict.fromkeys(names):
            try:
                device = await self._devices.get(self._organization_id, name)
            except DeviceNotFound:
                unknown.append(name)
                continue
            if device.is_enabled is change.is_enabled:
                unchanged.append(name)
            else:
                changed.append(device)
        return BulkChange(changed, tuple(unchanged), tuple(unknown))


def _tags(conditions: Sequence[str]) -> dict[str, str | float | bool]:
    found: dict[str, str | float | bool] = {}
    for condition in conditions:
        path, separator, value = condition.partition("=")
        if not separator or not path or len(condition) > _TAG_MAX_CHARS:
            raise InvalidRequest(f"tag {condition[:80]!r} is not path=value", hint="such as tag=line=A")
        found[path] = _scalar(value)
    return found


def _scalar(text: str) -> str | float | bool:
    """Return the value that a tag must equal: a number, true or false, a text in quotes, or any other text."""
    if not _JSON_SCALAR.fullmatch(text):
        return text
    value: str | float | bool = msgspec.json.decode(text, type=str | float | bool)
    return value
