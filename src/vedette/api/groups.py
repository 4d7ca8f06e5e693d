"""``/v1/groups``: devices that belong together, named one by one or by a condition."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Path, Query, Response
from pydantic import Field

from vedette.api.schema import (
    REASON_MAX_CHARS,
    After,
    Limit,
    Page,
    Revision,
    Timestamp,
    View,
    Who,
    api_router,
    refusals,
    takes_merge_patch,
)
from vedette.api.sight import Seen, Sight
from vedette.kernel import OrganizationId
from vedette.registry import DeviceNotFound, Group, GroupKind, GroupService, NewGroup

NAME_MAX_CHARS = 128
CONDITION_MAX_CHARS = 8192
GroupPath = Annotated[
    str,
    Path(
        max_length=NAME_MAX_CHARS,
        description="Generated id of the group, or its name if that has no `/`.",
        examples=["grp_06h0"],
    ),
]
_Condition = Annotated[
    str | None,
    Field(
        max_length=CONDITION_MAX_CHARS,
        description="What stands after WHERE in a query; `*` holds every device. A refusal names the place in "
        "`context.position`, from 0.",
        examples=["tags.site = 'north' AND properties.reported.firmware < '2.0'"],
    ),
]


class ProgressView(View):
    """How many devices were looked at since the condition was set."""

    examined: int
    total: int = Field(description="How many there were when it began.")


class GroupView(View):
    """A group of devices."""

    group_id: str
    name: str
    kind: GroupKind
    condition: str = Field(description="Who is in a dynamic group; empty for a static one.")
    description: str
    feeds_policies: bool = Field(
        description="Whether policies see the group: not where its condition asks for `properties.reported`, since a "
        "device could report itself into it."
    )
    member_count: int
    progress: ProgressView | None = Field(description="While its members are computed; null when they are all there.")
    created_at: Timestamp
    updated_at: Timestamp
    revision: int = Field(description="Grows with each change but of members; the `ETag` is this number in quotes.")


class NewGroupView(View):
    """A group to be created."""

    name: str = Field(
        min_length=1, max_length=NAME_MAX_CHARS, description="Letters, digits, spaces and `_.:/+-`.", examples=["north"]
    )
    condition: _Condition = Field(default=None, description="Makes it dynamic; null makes it static.")
    description: str = Field(default="", max_length=REASON_MAX_CHARS)


class GroupPatch(View):
    """A merge patch (RFC 7396): an absent member stays as it is."""

    name: str | None = Field(default=None, max_length=NAME_MAX_CHARS)
    condition: _Condition = Field(default=None, description="Of a dynamic group: its members are computed anew.")
    description: str | None = Field(default=None, max_length=REASON_MAX_CHARS)

    def to_patch(self) -> dict[str, object]:
        """Return the members that were sent."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class Members(View):
    """Devices by name."""

    device_ids: list[str] = Field(min_length=1, max_length=1000, description="All that are named, or none.")


class MemberView(View):
    """A device in a group."""

    device_id: str
    generation_id: str


class GroupRoutes:
    """What the routes below do, for one organization."""

    def __init__(self, organization_id: OrganizationId, groups: GroupService) -> None:
        self._organization_id = organization_id
        self._groups = groups

    def build(self) -> APIRouter:
        """Return the routes."""
        router = api_router("groups", "/v1/groups")
        change = refusals(404, 409, 412, 422, is_change=True)
        add = router.add_api_route
        add("", self.list_groups, methods=["GET"], summary="List groups", responses=refusals(422))
        add(
            "",
            self.create,
            methods=["POST"],
            status_code=201,
            summary="Create a group",
            responses=refusals(409, 422, is_change=True),
        )
        path = "/{group}"
        add(path, self.show, methods=["GET"], summary="Show a group", responses=refusals(404, 422))
        add(
            path,
            self.patch,
            methods=["PATCH"],
            summary="Change a group",
            responses=change,
            openapi_extra=takes_merge_patch("GroupPatch"),
        )
        add(path, self.delete, methods=["DELETE"], status_code=204, summary="Delete a group", responses=change)
        add(
            f"{path}/members",
            self.list_members,
            methods=["GET"],
            summary="List the members of a group",
            responses=refusals(404, 422),
        )
        change = refusals(404, 409, 422, is_change=True)
        add(f"{path}/add", self.add, methods=["POST"], summary="Put devices into a group", responses=change)
        add(f"{path}/remove", self.remove, methods=["POST"], summary="Take devices out of a group", responses=change)
        return router

    async def list_groups(
        self,
        sight: Seen,
        *,
        limit: Limit = 100,
        after: After = "",
        name: Annotated[str | None, Query(max_length=NAME_MAX_CHARS, description="Only the one of this name.")] = None,
    ) -> Page[GroupView]:
        """Groups by name, in byte order; of who sees a part of the fleet only, those that limit it."""
        found, following = await self._groups.list(self._organization_id, after=after, limit=limit, name=name)
        if sight.areas is not None:
            seen = frozenset[str]().union(*(area.groups for area in sight.areas if not area.sites))
            found = [group for group in found if group.group_id in seen]
        return Page(items=[_show(group) for group in found], next=following)

    async def create(self, new: NewGroupView, who: Who, response: Response) -> GroupView:
        """With a condition it decides by itself who is in; its first members are computed in the background."""
        group = await self._groups.create(
            self._organization_id,
            NewGroup(name=new.name, condition=new.condition, description=new.description),
            actor=who,
        )
        return _tagged(group, response)

    async def show(self, group: GroupPath, response: Response) -> GroupView:
        """A group, and how far its members are computed."""
        return _tagged(await self._groups.get(self._organization_id, group), response)

    async def patch(
        self,
        group: GroupPath,
        patch: Annotated[GroupPatch, Body()],
        who: Who,
        revision: Revision,
        response: Response,
    ) -> GroupView:
        """Merge patch (RFC 7396). A static group stays static, a dynamic one dynamic."""
        changed = await self._groups.update(
            self._organization_id, group, patch.to_patch(), actor=who, if_match=revision
        )
        return _tagged(changed, response)

    async def delete(
        self,
        group: GroupPath,
        who: Who,
        revision: Revision,
        reason: Annotated[str, Query(max_length=REASON_MAX_CHARS, description="Why; it stands in the ledger.")] = "",
    ) -> None:
        """Its name is free at once; its devices leave it in the background."""
        await self._groups.delete(self._organization_id, group, actor=who, reason=reason, if_match=revision)

    async def list_members(self, group: GroupPath, *, limit: Limit = 100, after: After = "") -> Page[MemberView]:
        """Members by device id, in byte order."""
        found, following = await self._groups.members(self._organization_id, group, after=after, limit=limit)
        items = [MemberView(device_id=each.device_id, generation_id=each.generation_id) for each in found]
        return Page(items=items, next=following)

    async def add(self, group: GroupPath, named: Members, who: Who, sight: Seen) -> GroupView:
        """Of a static group. Those that are members already stay members."""
        await _check_seen(sight, named)
        return _show(await self._groups.add(self._organization_id, group, named.device_ids, actor=who))

    async def remove(self, group: GroupPath, named: Members, who: Who, sight: Seen) -> GroupView:
        """Of a static group. Those that are no members stay as they are."""
        await _check_seen(sight, named)
        return _show(await self._groups.remove(self._organization_id, group, named.device_ids, actor=who))


async def _check_seen(sight: Sight, named: Members) -> None:
    """Check that nobody draws devices into a group, and so into their sight, that they do not see.

    Raises:
        DeviceNotFound: For who asks, one is not there.
    """
    seen = set(await sight.keep_names(named.device_ids))
    hidden = next((name for name in named.device_ids if name not in seen), None)
    if hidden is not None:
        raise DeviceNotFound(f"there is no device {hidden[:160]!r}", hint="see them: vedette device list")


def _tagged(group: Group, response: Response) -> GroupView:
    response.headers["ETag"] = group.etag
    return _show(group)


def _show(group: Group) -> GroupView:
    progress = group.progress
    names = GroupView.model_fields.keys() - {"progress"}
    return GroupView(
        progress=None if progress is None else ProgressView(examined=progress.examined, total=progress.total),
        **{name: getattr(group, name) for name in names},
    )
