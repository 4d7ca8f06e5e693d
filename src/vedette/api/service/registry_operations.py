"""``/devices`` and ``/statistics``: the identity registry.

Source:
    Azure IoT Hub service REST API, 2021-04-12.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Annotated, Final

import msgspec
from starlette.responses import Response

from vedette.api.service.answers import (
    empty_answer,
    error_of,
    json_answer,
    message_of,
    read_tag,
)
from vedette.api.service.calls import Call, Operation, query_number
from vedette.api.service.documents import BULK_MAX, BulkItem, Document, IdentityDocument
from vedette.api.service.errors import InvalidArgument
from vedette.api.service.identities import LIST_MAX, DeviceDesk, Identities, ModuleDesk
from vedette.api.service.twin_desk import TwinDesk
from vedette.kernel import Problem, parse_device_id, parse_module_id
from vedette.operators import ServiceRight
from vedette.registry import TwinService

_READ: Final = ServiceRight.REGISTRY_READ
_WRITE: Final = ServiceRight.REGISTRY_WRITE
_TAGGED: Final = "ifmatchetag"
_Bulk = Annotated[list[BulkItem], msgspec.Meta(min_length=1, max_length=BULK_MAX)]


class RegistryOperations:
    """What the operations below do."""

    def __init__(self, identities: Identities, twins: TwinService) -> None:
        self._its = identities
        self._organization_id = identities.organization_id
        self._devices = DeviceDesk(identities)
        self._modules = ModuleDesk(identities)
        self._twins = TwinDesk(identities.organization_id, twins)

    def build(self) -> list[Operation]:
        """Return the operations."""
        device, modules = "/devices/{device_id}", "/devices/{device_id}/modules"
        module = f"{modules}/{{module_id}}"
        return [
            Operation("GET", "/devices", _READ, self.list_devices),
            Operation("GET", "/devices/", _READ, self.list_devices),
            Operation("POST", "/devices", _WRITE, self.change_many),
            Operation("POST", "/devices/", _WRITE, self.change_many),
            Operation("GET", device, _READ, self.get_device),
            Operation("PUT", device, _WRITE, self.put_device),
            Operation("DELETE", device, _WRITE, self.delete_device),
            Operation("GET", modules, _READ, self.list_modules),
            Operation("GET", module, _READ, self.get_module),
            Operation("PUT", module, _WRITE, self.put_module),
            Operation("DELETE", module, _WRITE, self.delete_module),
            Operation("GET", "/statistics/devices", _READ, self.count_devices),
            Operation("GET", "/statistics/service", _READ, self.count_connected),
            Operation("DELETE", f"{device}/commands", ServiceRight.SERVICE_CONNECT, self.purge),
        ]

    async def list_devices(self, call: Call) -> Response:
        """Return up to 1000 devices by name."""
        return json_answer(await self._devices.list(query_number(call, "top", default=LIST_MAX, most=LIST_MAX)))

    async def get_device(self, call: Call) -> Response:
        """Return a device."""
        return json_answer(await self._devices.get(call.device_id))

    async def put_device(self, call: Call) -> Response:
        """Create a device, or with ``If-Match`` change it."""
        device_id, document = call.device_id, await call.read(IdentityDocument)
        if call.if_match is None:
            return json_answer(await self._devices.create(device_id, document, actor=call.actor))
        tag = read_tag(call.if_match)
        return json_answer(await self._devices.update(device_id, document, actor=call.actor, if_match=tag))

    async def delete_device(self, call: Call) -> Response:
        """Delete a device."""
        tag = read_tag(call.if_match)
        await self._devices.delete(call.device_id, actor=call.actor, if_match=tag)
        return empty_answer()

    async def list_modules(self, call: Call) -> Response:
        """Return the modules of a device."""
        return json_answer(await self._modules.list(call.device_id))

    async def get_module(self, call: Call) -> Response:
        """Return a module."""
        device_id, module_id = _both(call)
        return json_answer(await self._modules.get(device_id, module_id))

    async def put_module(self, call: Call) -> Response:
        """Create a module, or with ``If-Match`` change it."""
        (device_id, module_id), document = _both(call), await call.read(IdentityDocument)
        if call.if_match is None:
            return json_answer(await self._modules.create(device_id, module_id, document, actor=call.actor))
        tag = read_tag(call.if_match)
        return json_answer(await self._modules.update(device_id, module_id, document, actor=call.actor, if_match=tag))

    async def delete_module(self, call: Call) -> Response:
        """Delete a module."""
        device_id, module_id = _both(call)
        tag = read_tag(call.if_match)
        await self._modules.delete(device_id, module_id, actor=call.actor, if_match=tag)
        return empty_answer()

    async def count_devices(self, _: Call) -> Response:
        """Count devices by state."""
        counts = await self._its.devices.count(self._organization_id)
        return json_answer(
            {
                "totalDeviceCount": counts.total,
                "enabledDeviceCount": counts.total - counts.disabled,
                "disabledDeviceCount": counts.disabled,
            }
        )

    async def count_connected(self, _: Call) -> Response:
        """Count who is connected."""
        count = await self._its.presence.count_connected(self._organization_id)
        return json_answer({"connectedDeviceCount": count})

    async def purge(self, call: Call) -> Response:
        """Throw away what waits for a device."""
        count = await self._its.commands.purge(
            self._organization_id,
            call.device_id,
            actor=call.actor,
            reason=f"by the service policy {call.policy.name}",
        )
        return json_answer({"totalMessagesPurged": count, "deviceId": call.device_id, "moduleId": None})

    async def change_many(self, call: Call) -> Response:
        """Do up to 100 changes, one after the other; those that fail are named, the others are done."""
        errors = []
        for item in await call.read(_Bulk):
            try:
                await self._change(call, item)
            except Problem as problem:
                errors.append(_failure(item, problem))
        body = {"isSuccessful": not errors, "errors": errors, "warnings": []}
        return json_answer(body, 400 if errors else 200)

    async def _change(self, call: Call, item: BulkItem) -> None:
        device_id = parse_device_id(item.id)
        module_id = None if item.module_id is None else parse_module_id(item.module_id)
        mode = (item.import_mode or "create").lower()
        bare = mode.removesuffix(_TAGGED)
        tag = item.e_tag if mode.endswith(_TAGGED) else None
        if mode.endswith(_TAGGED) and not tag:
            raise InvalidArgument(f"importMode {mode[:40]} needs eTag")
        match bare:
            case "updatetwin":
                call.check_right(ServiceRight.SERVICE_CONNECT)
                await self._patch_twin(call, item, device_id, module_id, read_tag(tag))
            case "delete":
                await self._delete(call, device_id, module_id, read_tag(tag))
            case "update":
                await self._update(call, item, device_id, module_id, read_tag(tag))
            case "create":
                await self._create(call, item, device_id, module_id)
            case "createorupdate":
                if await self._is_there(device_id, module_id):
                    await self._update(call, item, device_id, module_id, read_tag(tag))
                else:
                    await self._create(call, item, device_id, module_id)
            case _:
                raise InvalidArgument(f"there is no importMode {mode[:40]!r}")

    async def _is_there(self, device_id: str, module_id: str | None) -> bool:
        looked_up: Awaitable[Document]
        looked_up = self._devices.get(device_id) if module_id is None else self._modules.get(device_id, module_id)
        try:
            await looked_up
        except Problem as problem:
            if problem.code in {"registry.device_not_found", "registry.module_not_found"}:
                return False
            raise
        return True

    async def _create(self, call: Call, item: BulkItem, device_id: str, module_id: str | None) -> None:
        if item.tags or item.twin().desired:
            call.check_right(ServiceRight.SERVICE_CONNECT)
        if module_id is None:
            await self._devices.create(device_id, item.identity(), actor=call.actor)
        else:
            await self._modules.create(device_id, module_id, item.identity(), actor=call.actor)
        await self._patch_twin(call, item, device_id, module_id, None)

    async def _update(
        self, call: Call, item: BulkItem, device_id: str, module_id: str | None, if_match: str | None
    ) -> None:
        if module_id is None:
            await self._devices.update(device_id, item.identity(), actor=call.actor, if_match=if_match)
        else:
            await self._modules.update(device_id, module_id, item.identity(), actor=call.actor, if_match=if_match)

    async def _delete(self, call: Call, device_id: str, module_id: str | None, if_match: str | None) -> None:
        if module_id is None:
            await self._devices.delete(device_id, actor=call.actor, if_match=if_match)
        else:
            await self._modules.delete(device_id, module_id, actor=call.actor, if_match=if_match)

    async def _patch_twin(
        self, call: Call, item: BulkItem, device_id: str, module_id: str | None, if_match: str | None
    ) -> None:
        twin = item.twin()
        if twin.tags or twin.desired:
            await self._twins.patch(device_id, module_id, twin, actor=call.actor, if_match=if_match)


def _both(call: Call) -> tuple[str, str]:
    module_id = call.module_id
    assert module_id is not None  # noqa: S101 - the path has it
    return call.device_id, module_id


def _failure(item: BulkItem, problem: Problem) -> Document:
    return {
        "deviceId": item.id,
        "moduleId": item.module_id,
        "errorCode": error_of(problem)[1],
        "errorStatus": message_of(problem),
    }
