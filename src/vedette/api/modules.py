"""``/v1/devices/{device_id}/modules``: parts of a device with identities of their own."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Body, Query, Request, Response

from vedette.access import EnforcementTracker
from vedette.api.certificate_text import write_chain
from vedette.api.device_views import IssuedCertificate, IssueRequest, show_certificate, show_enforcement
from vedette.api.module_views import (
    ModuleChange,
    ModulePatch,
    ModuleView,
    ModuleWithKeysView,
    NewModuleView,
    show_module,
    show_module_with_keys,
)
from vedette.api.schema import (
    REASON_MAX_CHARS,
    After,
    DevicePath,
    Limit,
    ModulePath,
    Page,
    Reason,
    RequiredReason,
    Revision,
    Who,
    api_router,
    refusals,
    takes_merge_patch,
)
from vedette.kernel import Clock, OrganizationId
from vedette.ledger import Actor
from vedette.pki import decode_csr_text
from vedette.registry import Module, ModuleService, PresenceService

_NO_REASON = Reason()


class ModuleRoutes:
    """What the routes below do, for one organization."""

    def __init__(
        self,
        organization_id: OrganizationId,
        modules: ModuleService,
        presence: PresenceService,
        enforcement: EnforcementTracker,
        *,
        clock: Clock,
    ) -> None:
        self._organization_id = organization_id
        self._modules = modules
        self._presence = presence
        self._enforcement = enforcement
        self._clock = clock

    def build(self) -> APIRouter:
        """Return the routes."""
        router = api_router("modules", "/v1/devices/{device_id}/modules")
        change = refusals(404, 409, 412, 422, is_change=True)
        add = router.add_api_route
        add(
            "",
            self.list_modules,
            methods=["GET"],
            summary="List the modules of a device",
            responses=refusals(404, 422),
        )
        add(
            "",
            self.create,
            methods=["POST"],
            status_code=201,
            summary="Create a module",
            responses=refusals(404, 409, 422, is_change=True),
        )
        path = "/{module_id}"
        add(path, self.show, methods=["GET"], summary="Show a module", responses=refusals(404, 422))
        add(
            path,
            self.patch,
            methods=["PATCH"],
            summary="Change a module",
            responses=change,
            openapi_extra=takes_merge_patch("ModulePatch"),
        )
        add(path, self.delete, methods=["DELETE"], status_code=204, summary="Delete a module", responses=change)
        add(f"{path}/disable", self.disable, methods=["POST"], summary="Disable a module", responses=change)
        add(f"{path}/enable", self.enable, methods=["POST"], summary="Enable a module", responses=change)
        add(
            f"{path}/certificates",
            self.issue,
            methods=["POST"],
            status_code=201,
            summary="Issue a certificate to a module",
            responses=refusals(404, 409, 422, is_change=True),
        )
        return router

    async def list_modules(self, device_id: DevicePath, *, limit: Limit = 100, after: After = "") -> Page[ModuleView]:
        """Modules by name, in byte order; a device has at most 50."""
        found = [
            module for module in await self._modules.list(self._organization_id, device_id) if module.module_id > after
        ]
        page = found[:limit]
        seen = await self._presence.get_many(self._organization_id, [module.generation_id for module in page])
        return Page(
            items=[show_module(module, seen.get(module.generation_id)) for module in page],
            next=page[-1].module_id if len(found) > limit else None,
        )

    async def create(
        self, device_id: DevicePath, new: NewModuleView, *, who: Who, response: Response, request: Request
    ) -> ModuleWithKeysView:
        """It can authenticate from now on, as `authentication` says, wherever its device may take part.

        An answer with keys is not kept for `Idempotency-Key`.
        """
        created = await self._modules.create_with_keys(
            self._organization_id, device_id, new.to_new_module(), actor=who, given=new.to_given_keys() or None
        )
        response.headers["ETag"] = created.module.etag
        return show_module_with_keys(created.module, created.keys, None, request)

    async def show(self, device_id: DevicePath, module_id: ModulePath, response: Response) -> ModuleView:
        """The module of a device that holds a name."""
        return await self._tagged(await self._modules.get(self._organization_id, device_id, module_id), response)

    async def patch(
        self,
        device_id: DevicePath,
        module_id: ModulePath,
        *,
        patch: Annotated[ModulePatch, Body()],
        who: Who,
        revision: Revision,
        response: Response,
        request: Request,
    ) -> ModuleWithKeysView | ModuleView:
        """Merge patch (RFC 7396). Changed to `symmetric_key`, a module gets keys, which the answer shows this once."""
        changed = await self._modules.patch_with_keys(
            self._organization_id, device_id, module_id, patch.to_patch(), actor=who, if_match=revision
        )
        if changed.keys is None:
            return await self._tagged(changed.module, response)
        response.headers["ETag"] = changed.module.etag
        presence = await self._presence.get(self._organization_id, changed.module.generation_id)
        return show_module_with_keys(changed.module, changed.keys, presence, request)

    async def delete(
        self,
        device_id: DevicePath,
        module_id: ModulePath,
        who: Who,
        revision: Revision,
        reason: Annotated[str, Query(max_length=REASON_MAX_CHARS, description="Why; it stands in the ledger.")] = "",
    ) -> None:
        """Cut it off and free its name; its twin and credentials go with it."""
        module = await self._modules.delete(
            self._organization_id, device_id, module_id, actor=who, reason=reason, if_match=revision
        )
        await self._enforcement.wait([module.generation_id])

    async def disable(
        self,
        device_id: DevicePath,
        module_id: ModulePath,
        *,
        why: RequiredReason,
        who: Who,
        revision: Revision,
        response: Response,
    ) -> ModuleChange:
        """Keep it out until it is enabled; its live session is cut, its device goes on. A reason is required."""
        return await self._switch(
            device_id, module_id, is_enabled=False, who=who, reason=why.reason, revision=revision, response=response
        )

    async def enable(
        self,
        device_id: DevicePath,
        module_id: ModulePath,
        *,
        who: Who,
        revision: Revision,
        response: Response,
        why: Reason = _NO_REASON,
    ) -> ModuleChange:
        """Let it take part again, where its device does; it reconnects by itself."""
        return await self._switch(
            device_id, module_id, is_enabled=True, who=who, reason=why.reason, revision=revision, response=response
        )

    async def issue(
        self, device_id: DevicePath, module_id: ModulePath, asked: IssueRequest, who: Who
    ) -> IssuedCertificate:
        """Sign a request; the module may present the certificate, named `{device_id}/{module_id}`, at once."""
        prepared = await self._modules.issue_certificate(
            self._organization_id,
            device_id,
            module_id,
            decode_csr_text(asked.csr),
            actor=who,
            lifetime=None if asked.lifetime_s is None else timedelta(seconds=asked.lifetime_s),
            reason=asked.reason,
        )
        await self._enforcement.wait([prepared.certificate.generation_id])
        certificate = prepared.certificate
        return IssuedCertificate(
            certificate=show_certificate(certificate, certificate.standing(self._clock.now())),
            chain_pem=write_chain(prepared.chain),
        )

    async def _switch(
        self,
        device_id: str,
        module_id: str,
        *,
        is_enabled: bool,
        who: Actor,
        reason: str,
        revision: int | None,
        response: Response,
    ) -> ModuleChange:
        module = await self._modules.patch(
            self._organization_id,
            device_id,
            module_id,
            {"is_enabled": is_enabled},
            actor=who,
            reason=reason,
            if_match=revision,
        )
        done = await self._enforcement.wait([module.generation_id])
        return ModuleChange(module=await self._tagged(module, response), enforcement=show_enforcement(done))

    async def _tagged(self, module: Module, response: Response) -> ModuleView:
        response.headers["ETag"] = module.etag
        return show_module(module, await self._presence.get(self._organization_id, module.generation_id))
