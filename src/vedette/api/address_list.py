"""``/v1/address-list``: whom addresses of the internet are assigned to, as a list says that an operator imports."""

from __future__ import annotations

import hashlib

from fastapi import APIRouter
from pydantic import Field

from vedette.api.advisory_views import HandedFile, read_content
from vedette.api.errors import InvalidRequest
from vedette.api.schema import Reason, Timestamp, View, Who, api_router, refusals
from vedette.network.addresses import AddressList, AddressListService


class HandedAddresses(HandedFile):
    """A list of addresses, or a part of one: plain or gzip."""

    list_id: str = Field(
        default="", max_length=64, description="Of the list that it is a part of; empty: it begins one."
    )
    is_last: bool = Field(default=True, description="No more parts come: the list counts from now on.")


class AddressListView(View):
    """A list that was imported, or is being imported."""

    list_id: str
    name: str
    is_complete: bool = Field(description="All of it came: it counts.")
    parts: int
    ranges_v4: int
    ranges_v6: int
    skipped: int = Field(description="Lines that say nothing of an owner, or that could not be read.")
    imported_at: Timestamp
    imported_by: str


class CurrentAddressList(View):
    """The list that counts; null: none was imported, and of no address it is known whose it is."""

    list: AddressListView | None


class AddressListRoutes:
    """What the routes below do, for one organization."""

    def __init__(self, addresses: AddressListService) -> None:
        self._addresses = addresses

    def build(self) -> APIRouter:
        """Return the routes."""
        router = api_router("network", "/v1/address-list")
        add = router.add_api_route
        add("", self.show, methods=["GET"], summary="Show the list of addresses", responses=refusals())
        add(
            "",
            self.take,
            methods=["POST"],
            summary="Import a list of addresses",
            responses=refusals(404, 422, is_change=True),
        )
        add(
            "/remove",
            self.remove,
            methods=["POST"],
            summary="Take the list of addresses away",
            responses=refusals(404, 422, is_change=True),
        )
        return router

    async def show(self) -> CurrentAddressList:
        """With its age: what it says of a connection is as old."""
        found = await self._addresses.current()
        return CurrentAddressList(list=None if found is None else _show(found))

    async def take(self, handed: HandedAddresses, who: Who) -> AddressListView:
        """First and last address, system, country, name: ip2asn's TSV or CSV. Hand large ones over in parts."""
        content = read_content(handed)
        if handed.sha256 and hashlib.sha256(content).hexdigest() != handed.sha256.lower():
            raise InvalidRequest("the digest is another one: the content was changed on the way", hint="send it again")
        taken = await self._addresses.add(
            content, name=handed.name, list_id=handed.list_id, is_last=handed.is_last, actor=who
        )
        return _show(taken)

    async def remove(self, why: Reason, who: Who) -> CurrentAddressList:
        """What it said of connections stays with them."""
        await self._addresses.remove(reason=why.reason, actor=who)
        return CurrentAddressList(list=None)


def _show(found: AddressList) -> AddressListView:
    return AddressListView(**{name: getattr(found, name) for name in AddressListView.model_fields})
