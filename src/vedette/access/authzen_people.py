"""The decision point for people and programs, asked by systems that are not ours."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address
from typing import Final

from vedette.access.authzen_model import (
    INVALID_CONTEXT,
    MISSING_CONTEXT,
    UNKNOWN_ACTION,
    UNKNOWN_RESOURCE,
    UNKNOWN_SUBJECT,
    Answer,
    Asked,
    refused,
)
from vedette.kernel import Clock, OrganizationId, Problem
from vedette.ledger import Actor
from vedette.operators import (
    Action,
    Asker,
    AuthorizationService,
    PeopleService,
    PersonId,
    ServiceTokenService,
    Subject,
)
from vedette.registry import PlaceService

PLATFORM: Final = "platform"
PEOPLE_TYPES: Final = ("person", "service")
_METHODS: Final = frozenset({"passkey", "oidc", "totp", "recovery", "cli"})
_AGE_MAX_S: Final = 31_536_000
_DETAILS: Final = {
    "step-up": "a proof of presence, not older than five minutes, is missing",
    "signed-act": "a signature over the act is missing",
    "second-person": "another person's approval is missing",
}


class PeopleDecisionPoint:
    """Decides about people and service tokens for systems that are not ours.

    Whoever asks vouches for how a person logged in; roles, scopes and whether they are disabled are ours.
    """

    def __init__(
        self,
        organization_id: OrganizationId,
        authorization: AuthorizationService,
        people: PeopleService,
        tokens: ServiceTokenService,
        places: PlaceService,
        *,
        clock: Clock,
    ) -> None:
        self._organization_id = organization_id
        self._authorization = authorization
        self._people = people
        self._tokens = tokens
        self._places = places
        self._clock = clock

    async def decide(self, asked: Asked) -> Answer:
        """Answer one question about a ``person`` or a ``service``, by id."""
        asker = await self._asker(asked)
        if isinstance(asker, Answer):
            return asker
        try:
            action = Action(asked.action)
        except ValueError:
            return refused(UNKNOWN_ACTION, f"an action is one of {', '.join(Action)}")
        subject = await self._subject(asked)
        if subject is None:
            return refused(UNKNOWN_RESOURCE, "it is the platform, or a device that there is")
        ruling = self._authorization.decide(await self._authorization.standing(asker), action, subject)
        return Answer(
            is_permitted=ruling.is_permitted,
            reason="permitted" if ruling.is_permitted else "policy_denied",
            detail=_DETAILS.get(ruling.missing, ""),
            policies=ruling.policies,
            bundle_sha256=self._authorization.policies_sha256,
        )

    async def search_actions(self, asked: Asked) -> list[str]:
        """Return the actions that a subject may do with a resource."""
        asker = await self._asker(asked)
        subject = await self._subject(asked)
        if isinstance(asker, Answer) or subject is None:
            return []
        standing = await self._authorization.standing(asker)
        return [each.value for each in Action if self._authorization.decide(standing, each, subject).is_permitted]

    async def _subject(self, asked: Asked) -> Subject | None:
        if asked.resource_type == PLATFORM:
            return Subject() if asked.resource_id in {PLATFORM, self._organization_id} else None
        if asked.resource_type != "device":
            return None
        place = await self._places.find(self._organization_id, asked.resource_id)
        return None if place is None else Subject(place=place)

    async def _asker(self, asked: Asked) -> Asker | Answer:
        address = asked.context.get("address")
        if not address:
            return refused(MISSING_CONTEXT, "the context lacks address", hint="tell from where they come")
        try:
            address = str(ip_address(address if isinstance(address, str) else ""))
        except ValueError:
            return refused(INVALID_CONTEXT, "address is no IP address")
        try:
            if asked.subject_type == "person":
                return await self._person(asked, address)
            return await self._program(asked, address)
        except Problem as problem:
            if problem.status == 404:  # noqa: PLR2004 - HTTP's own number
                return refused(UNKNOWN_SUBJECT, "there is nobody of that id", hint="see them: vedette person list")
            raise

    async def _person(self, asked: Asked, address: str) -> Asker | Answer:
        method = asked.context.get("method")
        if not method:
            return refused(MISSING_CONTEXT, "the context lacks method", hint="tell how they logged in")
        if method not in _METHODS:
            return refused(INVALID_CONTEXT, f"method is none of {', '.join(sorted(_METHODS))}")
        person = (await self._people.get(self._organization_id, asked.subject_id)).person
        if person.is_disabled:
            return refused("disabled", "they are disabled")
        age_s = asked.context.get("stepUpAgeSeconds")
        is_age = isinstance(age_s, int) and not isinstance(age_s, bool) and 0 <= age_s <= _AGE_MAX_S
        return Asker(
            organization_id=self._organization_id,
            actor=Actor("operator", person.person_id, person.name),
            method=str(method),
            person_id=PersonId(person.person_id),
            is_multi_factor=asked.context.get("isMultiFactor") is True,
            may_let_in=method == "passkey",
            stepped_up_at=self._clock.now() - timedelta(seconds=int(age_s or 0)) if is_age else None,
            address=address,
        )

    async def _program(self, asked: Asked, address: str) -> Asker | Answer:
        token = await self._tokens.get(self._organization_id, asked.subject_id)
        if self._clock.now() >= token.expires_at:
            return refused("token_expired", "its token has ended", hint="make a new one: vedette token create")
        if token.owner_id is not None and await self._is_disabled(token.owner_id):
            return refused("disabled", "the person who answers for it is disabled")
        if not token.may_come_from(address):
            return refused("address_refused", "its token may not come from there", hint="see: vedette token list")
        return Asker(
            organization_id=self._organization_id,
            actor=token.actor,
            method="service-token",
            is_program=True,
            roles=frozenset(token.roles),
            scopes=token.scopes,
            owner_id=token.owner_id,
            address=address,
        )

    async def _is_disabled(self, person_id: str) -> bool:
        return (await self._people.get(self._organization_id, person_id)).person.is_disabled
