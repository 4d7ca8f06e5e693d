"""What the asker of a request may see and do besides, for routes whose answer depends on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Annotated, Final, TypeVar

from fastapi import Depends, Request

from vedette.api.errors import MayNotLetIn, Unauthenticated
from vedette.kernel import Problem
from vedette.operators import (
    Action,
    ActRefused,
    ApprovalNeeded,
    AuthorizationService,
    Confirmations,
    Ruling,
    SignatureNeeded,
    Standing,
    StepUpNeeded,
    Subject,
)
from vedette.registry import Areas, PlaceService

T = TypeVar("T")

_PLATFORM: Final = Subject()
_LET_IN: Final = "let-in-by-passkey"


class Sight:
    """One request's asker: where their roles hold for what was asked, and what else they may do.

    Attributes:
        areas: The parts of the fleet that the answer may tell of; None: all of it.
        standing: What they hold at this moment.
        given: What came with the request, verified.
    """

    def __init__(
        self,
        authorization: AuthorizationService,
        places: PlaceService,
        standing: Standing,
        *,
        areas: Areas | None,
        given: Confirmations,
    ) -> None:
        self._authorization = authorization
        self._places = places
        self.given = given
        self.standing = standing
        self.areas = areas

    def may(self, action: Action, subject: Subject = _PLATFORM) -> bool:
        """Tell whether they may do something else than they asked for."""
        return self._authorization.decide(self.standing, action, subject, self.given).is_permitted

    def require(self, action: Action, subject: Subject = _PLATFORM, *, is_approved: bool = False) -> None:
        """Check that they may do something else than they asked for.

        Args:
            action: What.
            subject: To what.
            is_approved: Whether another person stands behind it.

        Raises:
            Problem: They may not, or not without a confirmation.
        """
        given = replace(self.given, is_approved=self.given.is_approved or is_approved)
        ruling = self._authorization.decide(self.standing, action, subject, given)
        if not ruling.is_permitted:
            raise refusal_of(ruling, self.standing, action)

    async def keep(self, items: Iterable[T], generation_of: Callable[[T], str]) -> list[T]:
        """Return the items that are about identities they may see."""
        listed = list(items)
        if self.areas is None:
            return listed
        wanted = {generation_of(each) for each in listed} - {""}
        found = await self._places.of_generations(self.standing.asker.organization_id, wanted)
        seen = {each for each, place in found.items() if place.is_in(self.areas)}
        return [each for each in listed if generation_of(each) in seen]

    async def sees(self, generation_id: str) -> bool:
        """Tell whether they may see an identity."""
        return bool(await self.keep([generation_id], str))

    async def keep_names(self, device_ids: Iterable[str]) -> list[str]:
        """Return the names of devices that they may see; others are as if there were none."""
        if self.areas is None:
            return list(device_ids)
        organization_id = self.standing.asker.organization_id
        kept = []
        for name in device_ids:
            place = await self._places.find(organization_id, name)
            if place is not None and place.is_in(self.areas):
                kept.append(name)
        return kept


async def sight_of(request: Request) -> Sight:
    """Return what the asker of a request may see.

    Raises:
        Unauthenticated: Nobody asked the policies; the layers before the routes see to it that this cannot happen.
    """
    sight = getattr(request.state, "sight", None)
    if not isinstance(sight, Sight):
        raise Unauthenticated("nobody has judged this request")
    return sight


Seen = Annotated[Sight, Depends(sight_of)]


def refusal_of(ruling: Ruling, standing: Standing, action: Action) -> Problem:
    """Return the refusal that tells what would help."""
    context = {"action": action.value, "policies": ",".join(ruling.policies)}
    if _LET_IN in ruling.policies:
        return MayNotLetIn("a session of a link or a recovery code lets nobody in", hint="log in by passkey")
    if ruling.missing == "signed-act":
        return SignatureNeeded(
            "this act asks for your passkey's signature over it",
            hint="ask with POST /v1/acts, sign, and repeat the request with the header Vedette-Act-Assertion",
            **context,
        )
    if ruling.missing == "step-up":
        return StepUpNeeded(
            "this act asks for a proof, not older than five minutes, that it is you",
            hint="confirm with your passkey (POST /login/step-up), or log in again",
            **context,
        )
    if ruling.missing == "second-person":
        return ApprovalNeeded("this act waits for another person's approval", **context)
    roles = ", ".join(sorted({str(each.role) for each in standing.holdings})) or "none"
    return ActRefused(
        f"your roles ({roles}) do not give {action.value} here",
        hint="see what you hold: vedette role list --mine; ask an administrator, or elevate yourself",
        **context,
    )
