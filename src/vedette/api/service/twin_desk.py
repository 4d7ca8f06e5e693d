"""Twins through the registry's service: what single calls and bulk requests have in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from vedette.api.service.answers import twin_tag
from vedette.api.service.documents import TwinDocument
from vedette.kernel import OrganizationId
from vedette.ledger import Actor
from vedette.registry import RevisionMismatch, Twin, TwinService

_TRIES: Final = 3


class TwinDesk:
    """Changes twins under the hub's entity tags.

    Those change with tags and desired properties only; the registry's own revisions also when a device first connects.
    """

    def __init__(self, organization_id: OrganizationId, twins: TwinService) -> None:
        self._organization_id = organization_id
        self._twins = twins

    async def get(self, device_id: str, module_id: str | None) -> Twin:
        """Return a twin.

        Raises:
            DeviceNotFound: No device holds the name.
            ModuleNotFound: The device has no module of that name.
        """
        return await self._twins.get(self._organization_id, device_id, module_id)

    async def patch(
        self, device_id: str, module_id: str | None, wished: TwinDocument, *, actor: Actor, if_match: str | None
    ) -> None:
        """Merge into tags and desired properties.

        Raises:
            Problem: As ``TwinService.patch``.
        """
        await self._change(
            lambda revision: self._twins.patch(
                self._organization_id,
                device_id,
                module_id,
                tags=wished.tags,
                desired=wished.desired,
                actor=actor,
                if_match=revision,
            ),
            lambda: self.get(device_id, module_id),
            if_match,
        )

    async def replace(
        self, device_id: str, module_id: str | None, wished: TwinDocument, *, actor: Actor, if_match: str | None
    ) -> None:
        """Set tags and desired properties as a whole; what is not sent becomes empty.

        Raises:
            Problem: As ``TwinService.replace``.
        """
        await self._change(
            lambda revision: self._twins.replace(
                self._organization_id,
                device_id,
                module_id,
                tags=wished.tags or {},
                desired=wished.desired or {},
                actor=actor,
                if_match=revision,
            ),
            lambda: self.get(device_id, module_id),
            if_match,
        )

    async def _change(
        self,
        act: Callable[[int | None], Awaitable[Twin]],
        look: Callable[[], Awaitable[Twin]],
        if_match: str | None,
    ) -> None:
        """Do it if the tag still fits; again when only what the tag does not cover has changed meanwhile."""
        if if_match is None:
            await act(None)
            return
        for left in reversed(range(_TRIES)):
            twin = await look()
            if if_match != twin_tag(twin.generation_id, twin.tags, twin.desired.version):
                raise RevisionMismatch(
                    "the twin has changed since the etag that the change is based on", hint="read it again"
                )
            try:
                await act(twin.revision)
            except RevisionMismatch:
                if not left:
                    raise
            else:
                return
